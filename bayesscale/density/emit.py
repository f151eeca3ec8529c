"""A planned graph as a function in LLVM's language.

``int64 density(int64 dim, double *u, double *gradient, double *value, void *data)`` is what
samplers call; it returns 0, or 4 where a result is not finite. ``data`` points to an array of
:data:`FIELDS`. Rows lie in blocks of eight: for each block, eight values of each given node.
Rows that only fill the last block up are masked, whatever their values are.
"""

from bayesscale.density.arithmetic import LANES, Arithmetic, Lines
from bayesscale.density.graph import ROW, SCALAR, Node, is_given, is_negated, needed
from bayesscale.density.plan import Loop, Plan

FIELDS = ("n_rows", "n_clusters", "clusters_stored", "scalars", "rows", "clusters", "codes")
"""Counts and addresses that a density is called with, 64 bits each."""

FAILED = 4

_ARITHMETIC = frozenset(
    {"multiply", "reciprocal", "exp", "log", "log1p", "sqrt", "abs", "maximum", "minimum"}
)
"""Operations that :class:`Arithmetic` has by the same name."""

_COMPARED = {"gt": "ogt", "ge": "oge"}


_FUNCTIONS = f"""
declare double @llvm.sqrt.f64(double)
declare <{LANES} x double> @llvm.sqrt.v{LANES}f64(<{LANES} x double>)
declare double @llvm.fabs.f64(double)
declare <{LANES} x double> @llvm.fabs.v{LANES}f64(<{LANES} x double>)
"""


def emit(plan: Plan) -> str:
    """Return the text of a module with the function ``density``."""
    return _Emitter(plan).module()


def emit_pairs(outputs: list[Node], by_draw: int) -> str:
    """Return the text of a module with the function ``surface``, of scalar nodes of parameters.

    ``void surface(int64 draws, int64 targets, double *c, double *x, double *out)`` computes eight
    draws at a time; ``draws`` is a multiple of that. The first ``by_draw`` parameters are rows of
    ``c``, shape ``(parameter, draw)``, the others of ``x``, ``(parameter, target, draw)``, and the
    outputs of ``out``, ``(output, target, draw)``.
    """
    emitter = _Emitter(Plan({SCALAR: []}, [], [], outputs))
    lines, a = emitter.lines, emitter.eight

    def address(base: str, number: int, size: str, index: str) -> str:
        start = lines.name(f"mul i64 {size}, {number}")
        return emitter._at(base, "double", lines.name(f"add i64 {start}, {index}"))

    names: dict[int, str] = {}
    for node in needed(outputs):
        if node.op == "parameter" and node.value < by_draw:
            names[node.number] = emitter._load(address("%c", node.value, "%draws", "%d"))
        elif node.op == "parameter":
            i = node.value - by_draw
            names[node.number] = emitter._load(address("%x", i, "%pairs", "%at"))
        elif node.op != "constant":
            names[node.number] = emitter._compute(node, a, names)
    for i, node in enumerate(outputs):
        value = emitter._named(node, a, names)
        lines(f"  store {a.real} {value}, ptr {address('%out', i, '%pairs', '%at')}, align 8")
    body = "\n".join(lines.text)
    return f"""{_FUNCTIONS}
define void @surface(i64 %draws, i64 %targets, ptr %c, ptr %x, ptr %out) {{
entry:
  %pairs = mul i64 %draws, %targets
  br label %target
target:
  %t = phi i64 [0, %entry], [%t.next, %end]
  %row = mul i64 %t, %draws
  br label %block
block:
  %d = phi i64 [0, %target], [%d.next, %block]
  %at = add i64 %row, %d
{body}
  %d.next = add i64 %d, {LANES}
  %more = icmp ult i64 %d.next, %draws
  br i1 %more, label %block, label %end
end:
  %t.next = add i64 %t, 1
  %again = icmp ult i64 %t.next, %targets
  br i1 %again, label %target, label %after
after:
  ret void
}}
"""


class _Emitter:
    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.lines = Lines()
        self.one, self.eight = Arithmetic(self.lines, 1), Arithmetic(self.lines, LANES)
        self.scalars: dict[int, str] = {}
        self.place = {n.number: i for i, n in enumerate(plan.stored)}
        self.fields: dict[str, str] = {}
        self.loops = 0

    def module(self) -> str:
        self._entry()
        for scalars, loops in self.plan.stages:
            for node in scalars:
                self.scalars[node.number] = self._compute(node, self.one, self.scalars)
            for loop in loops:
                self._loop(loop)
        self._exit()
        body = "\n".join(self.lines.text)
        real = self.eight.real
        return f"""{_FUNCTIONS}
declare double @llvm.vector.reduce.fadd.v{LANES}f64(double, {real})
declare void @llvm.memset.p0.i64(ptr, i8, i64, i1)
declare ptr @PyMem_RawMalloc(i64)
declare void @PyMem_RawFree(ptr)

define i64 @density(i64 %dim, ptr %u, ptr %gradient, ptr %value, ptr %data) {{
entry:
{body}
}}
"""

    # Before and after.

    def _entry(self) -> None:
        name = self.lines.name
        for i, field in enumerate(FIELDS):
            kind = "i64" if i < 3 else "ptr"
            self.fields[field] = name(f"load {kind}, ptr {self._at('%data', 'i64', str(i))}")
        if self.plan.stored:
            # one slot more than clusters, for the rows that fill the last block up
            slots = self.fields["clusters_stored"]
            size = name(f"mul i64 {slots}, {8 * len(self.plan.stored)}")
            self.fields["stored"] = name(f"call ptr @PyMem_RawMalloc(i64 {size})")
            self.lines(
                f"  call void @llvm.memset.p0.i64(ptr {self.fields['stored']}, i8 0, "
                f"i64 {size}, i1 false)"
            )
        for i, node in enumerate(self.plan.given[SCALAR]):
            address = self._at(self.fields["scalars"], "double", str(i))
            self.scalars[node.number] = name(f"load double, ptr {address}")

    def _exit(self) -> None:
        value, *gradient = [self._named(n, self.one, self.scalars) for n in self.plan.outputs]
        self.lines(f"  store double {value}, ptr %value")
        for i, slope in enumerate(gradient):
            self.lines(f"  store double {slope}, ptr {self._at('%gradient', 'double', str(i))}")
        zero = self.one.number(0.0)
        sum_ = zero
        for result in (value, *gradient):
            sum_ = self.one.add(sum_, self.one.multiply(result, zero))
        if self.plan.stored:
            self.lines(f"  call void @PyMem_RawFree(ptr {self.fields['stored']})")
        failed = self.one.compare("uno", sum_, zero)
        self.lines(f"  ret i64 {self.lines.name(f'select i1 {failed}, i64 {FAILED}, i64 0')}")

    # Nodes.

    def _named(self, node: Node, arithmetic: Arithmetic, names: dict[int, str]) -> str:
        if node.op == "constant":
            return arithmetic.number(node.value)
        return names[node.number]

    def _compute(self, node: Node, a: Arithmetic, names: dict[int, str]) -> str:
        if node.op == "parameter":
            return self.lines.name(f"load double, ptr {self._at('%u', 'double', str(node.value))}")
        args = [self._named(n, a, names) for n in node.args]
        if node.op == "add":
            for plus, minus in (node.args, node.args[::-1]):
                if minus.axis == node.axis and is_negated(minus) and not is_given(minus):
                    return a.subtract(
                        self._named(plus, a, names), self._named(minus.args[1], a, names)
                    )
            return a.add(*args)
        if node.op in _ARITHMETIC:
            return getattr(a, node.op)(*args)
        if node.op in _COMPARED:
            return a.compare(_COMPARED[node.op], *args)
        if node.op == "where":
            condition = args[0]
            if is_given(node.args[0]):  # a comparison of data came as 1 or 0
                condition = a.compare("ogt", condition, a.number(0.5))
            return a.select(condition, *args[1:])
        raise AssertionError(f"{node.op} was not lowered")

    # Loops.

    def _loop(self, loop: Loop) -> None:
        self.loops += 1
        label, name, real = f"loop{self.loops}", self.lines.name, self.eight.real
        n = self.fields["n_rows" if loop.axis == ROW else "n_clusters"]
        names = self._splats(loop)
        many = self._splat("i64", n)
        self.lines(f"  br label %{label}.before\n{label}.before:\n  br label %{label}")
        self.lines(f"{label}:")
        block = f"%{label}.block"
        self.lines(f"  {block} = phi i64 [0, %{label}.before], [{block}.next, %{label}]")
        sums = {t.number: f"%{label}.sum{i}" for i, t in enumerate(loop.totals)}
        for total in sums.values():
            self.lines(
                f"  {total} = phi {real} [{self.eight.number(0.0)}, %{label}.before], "
                f"[{total}.next, %{label}]"
            )
        first = name(f"mul i64 {block}, {LANES}")
        self._nodes(loop, block, first, names)
        for node in loop.gathered:
            self._gather(node, first, self._named(node.args[0], self.eight, names))
        for node in loop.kept:
            address = self._slot(node, first)
            self.lines(f"  store {real} {names[node.number]}, ptr {address}, align 8")
        lanes = "<" + ", ".join(f"i64 {i}" for i in range(LANES)) + ">"
        whole, splat = self.eight.whole, self._splat("i64", first)
        index = name(f"add {whole} {splat}, {lanes}")
        real_rows = name(f"icmp ult {whole} {index}, {many}")
        for node in loop.totals:
            total = sums[node.number]
            added = self.eight.add(total, self._named(node.args[0], self.eight, names))
            self.lines(
                f"  {total}.next = select {self.eight.flag} {real_rows}, {real} {added}, "
                f"{real} {total}"
            )
        self.lines(f"  {block}.next = add i64 {block}, 1")
        next_first = name(f"add i64 {first}, {LANES}")
        again = name(f"icmp ult i64 {next_first}, {n}")
        self.lines(f"  br i1 {again}, label %{label}, label %{label}.after")
        self.lines(f"{label}.after:")
        zero = self.one.number(-0.0)
        for node in loop.totals:
            self.scalars[node.number] = name(
                f"call reassoc double @llvm.vector.reduce.fadd.v{LANES}f64(double {zero}, "
                f"{real} {sums[node.number]}.next)"
            )

    def _splats(self, loop: Loop) -> dict[int, str]:
        """Return the scalars that a loop uses, as vectors."""
        made = [n for n in loop.nodes if not is_given(n) and n.op not in ("gathered", "spread")]
        args = [a for n in made for a in n.args if a.axis == SCALAR and a.op != "constant"]
        numbers = dict.fromkeys(a.number for a in args)
        return {number: self._splat("double", self.scalars[number]) for number in numbers}

    def _nodes(self, loop: Loop, block: str, first: str, names: dict[int, str]) -> None:
        given = self.plan.given[loop.axis]
        field = self.fields["rows" if loop.axis == ROW else "clusters"]
        start = self.lines.name(f"mul i64 {block}, {len(given) * LANES}")
        base = self._at(field, "double", start)
        places = {n.number: i for i, n in enumerate(given)}
        codes: list[str] = []
        for node in loop.nodes:
            if is_given(node):
                address = self._at(base, "double", str(places[node.number] * LANES))
                names[node.number] = self._load(address)
            elif node.op == "gathered":
                names[node.number] = self._load(self._slot(node, first))
            elif node.op == "spread":
                codes = codes or self._codes(first)
                names[node.number] = self._spread(node, codes)
            else:
                names[node.number] = self._compute(node, self.eight, names)

    def _load(self, address: str) -> str:
        return self.lines.name(f"load {self.eight.real}, ptr {address}, align 8")

    def _at(self, base: str, kind: str, index: str) -> str:
        return self.lines.name(f"getelementptr {kind}, ptr {base}, i64 {index}")

    def _splat(self, kind: str, value: str) -> str:
        vector = f"<{LANES} x {kind}>"
        lane = self.lines.name(f"insertelement {vector} undef, {kind} {value}, i64 0")
        return self.lines.name(
            f"shufflevector {vector} {lane}, {vector} undef, <{LANES} x i32> zeroinitializer"
        )

    # Between rows and clusters.

    def _slot(self, node: Node, index: str) -> str:
        """Return the address of a cluster's value of a stored node."""
        slots = self.fields["clusters_stored"]
        start = self.lines.name(f"mul i64 {slots}, {self.place[node.number]}")
        base = self._at(self.fields["stored"], "double", start)
        return self._at(base, "double", index)

    def _codes(self, first: str) -> list[str]:
        base = self._at(self.fields["codes"], "i64", first)
        name = self.lines.name
        return [name(f"load i64, ptr {self._at(base, 'i64', str(i))}") for i in range(LANES)]

    def _gather(self, node: Node, first: str, value: str) -> None:
        """Add eight rows to the sums of their clusters."""
        for lane, code in enumerate(self._codes(first)):
            address = self._slot(node, code)
            before = self.lines.name(f"load double, ptr {address}")
            row = self.lines.name(f"extractelement {self.eight.real} {value}, i64 {lane}")
            self.lines(f"  store double {self.one.add(before, row)}, ptr {address}")

    def _spread(self, node: Node, codes: list[str]) -> str:
        """Take the values of the clusters of eight rows."""
        vector = "undef"
        for lane, code in enumerate(codes):
            value = self.lines.name(f"load double, ptr {self._slot(node.args[0], code)}")
            vector = self.lines.name(
                f"insertelement {self.eight.real} {vector}, double {value}, i64 {lane}"
            )
        return vector
