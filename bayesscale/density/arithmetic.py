"""Arithmetic in LLVM's language, on one number or eight at once; own exp and log.

Products and sums may be contracted to one instruction where the processor has it; nothing else
is left to the compiler, so that results are the same wherever they are computed the same way.
"""

import struct
from functools import partialmethod
from itertools import count
from math import factorial, inf, nan, sqrt

LANES = 8
"""Rows at once: one register of AVX-512, two of AVX2, four of NEON; LLVM splits as needed."""

_EXP_LARGEST = 709.782712893384
_EXP_SMALLEST = -707.0
"""Below, e^x is taken for zero: its exponent would not fit."""

_SMALLEST_NORMAL = 2.2250738585072014e-308

_ROUNDER = 1.5 * 2.0**52
"""Added and taken away again, it rounds to whole numbers, which are then its lowest bits."""


_LOG_2_HIGH = float.fromhex("0x1.62e42p-1")
_LOG_2_LOW = float.fromhex("0x1.fdf473de6af28p-22")
"""ln 2 in two parts, the first short enough to be multiplied without rounding."""


def _bits(value: float) -> int:
    return struct.unpack("<Q", struct.pack("<d", value))[0]


class Lines:
    """Lines of a function's body, and names for its values."""

    def __init__(self) -> None:
        self.text: list[str] = []
        self._numbers = count()

    def __call__(self, line: str) -> None:
        """Add a line."""
        self.text.append(line)

    def name(self, instruction: str) -> str:
        """Add an instruction and return the name of its result."""
        result = f"%v{next(self._numbers)}"
        self.text.append(f"  {result} = {instruction}")
        return result


class Arithmetic:
    """Writes arithmetic of ``lanes`` numbers, 1 or :data:`LANES`, as instructions to ``lines``."""

    def __init__(self, lines: Lines, lanes: int) -> None:
        self.lines, self.lanes = lines, lanes
        self.real, self.whole = self._type("double"), self._type("i64")
        self.flag = self._type("i1")

    def _type(self, element: str) -> str:
        return element if self.lanes == 1 else f"<{self.lanes} x {element}>"

    def _repeated(self, element: str, value: str) -> str:
        if self.lanes == 1:
            return value
        return "<" + ", ".join([f"{element} {value}"] * self.lanes) + ">"

    def number(self, value: float) -> str:
        """Return a constant."""
        return self._repeated("double", f"0x{_bits(value):016X}")

    def integer(self, value: int) -> str:
        """Return a constant of 64 bits."""
        return self._repeated("i64", str(value))

    def _do(self, instruction: str) -> str:
        return self.lines.name(instruction)

    def _of_two(self, how: str, a: str, b: str) -> str:
        return self._do(f"{how} {self.real} {a}, {b}")

    add = partialmethod(_of_two, "fadd contract")  # a + b
    subtract = partialmethod(_of_two, "fsub contract")  # a - b
    multiply = partialmethod(_of_two, "fmul contract")  # a b
    divide = partialmethod(_of_two, "fdiv")  # a / b

    def reciprocal(self, a: str) -> str:
        """Write 1 / a."""
        return self.divide(self.number(1.0), a)

    def compare(self, how: str, a: str, b: str) -> str:
        """Write a comparison, such as ``ogt``."""
        return self._of_two(f"fcmp {how}", a, b)

    def select(self, condition: str, yes: str, no: str) -> str:
        """Write the choice of one or the other."""
        return self._do(f"select {self.flag} {condition}, {self.real} {yes}, {self.real} {no}")

    def maximum(self, a: str, b: str) -> str:
        """Write the larger one; what is not a number in ``a`` stays."""
        return self.select(self.compare("ogt", b, a), b, a)

    def minimum(self, a: str, b: str) -> str:
        """Write the smaller one; what is not a number in ``a`` stays."""
        return self.select(self.compare("olt", b, a), b, a)

    def _intrinsic(self, name: str, a: str) -> str:
        suffix = "f64" if self.lanes == 1 else f"v{self.lanes}f64"
        return self._do(f"call {self.real} @llvm.{name}.{suffix}({self.real} {a})")

    sqrt, abs = partialmethod(_intrinsic, "sqrt"), partialmethod(_intrinsic, "fabs")

    def _to_bits(self, a: str) -> str:
        return self._do(f"bitcast {self.real} {a} to {self.whole}")

    def _from_bits(self, a: str) -> str:
        return self._do(f"bitcast {self.whole} {a} to {self.real}")

    def _on_bits(self, how: str, a: str, b: int | str) -> str:
        b = self.integer(b) if isinstance(b, int) else b
        return self._do(f"{how} {self.whole} {a}, {b}")

    def polynomial(self, x: str, coefficients: list[float]) -> str:
        """Write a polynomial, lowest power first, in pairs rather than one after the other."""
        terms, power = [self.number(c) for c in coefficients], x
        while len(terms) > 1:
            pairs = [
                self.add(self.multiply(terms[i + 1], power), terms[i])
                for i in range(0, len(terms) - 1, 2)
            ]
            terms = pairs + terms[len(pairs) * 2 :]
            if len(terms) > 1:
                power = self.multiply(power, power)
        return terms[0]

    def exp(self, x: str) -> str:
        """Write e^x = 2^n e^r with |r| ≤ ln 2 / 2 (Cody and Waite), within about an ulp."""
        scaled = self.multiply(x, self.number(1 / (_LOG_2_HIGH + _LOG_2_LOW)))
        shifted = self.add(scaled, self.number(_ROUNDER))
        n = self.subtract(shifted, self.number(_ROUNDER))
        r = self.subtract(x, self.multiply(n, self.number(_LOG_2_HIGH)))
        r = self.subtract(r, self.multiply(n, self.number(_LOG_2_LOW)))
        tail = self.polynomial(r, [1 / factorial(k) for k in range(2, 14)])
        small = self.add(self.multiply(self.multiply(r, r), tail), r)
        y = self._to_bits(self.add(small, self.number(1.0)))
        power = self._on_bits("shl", self._to_bits(shifted), 52)
        y = self._from_bits(self._on_bits("add", y, power))
        y = self.select(self.compare("ogt", x, self.number(_EXP_LARGEST)), self.number(inf), y)
        return self.select(self.compare("olt", x, self.number(_EXP_SMALLEST)), self.number(0.0), y)

    def log(self, x: str) -> str:
        """Write ln x = n ln 2 + 2 artanh(s), s = (m - 1) / (m + 1), √½ ≤ m < √2."""
        bits = self._to_bits(x)
        above = self._on_bits("add", bits, (1024 << 52) - _bits(sqrt(0.5)))
        exponent = self._on_bits("lshr", above, 52)  # n + 1024
        n = self._from_bits(self._on_bits("or", exponent, _bits(2.0**52)))
        n = self.subtract(n, self.number(2.0**52 + 1024))
        mantissa = self._on_bits("sub", bits, self._on_bits("shl", exponent, 52))
        m = self._from_bits(self._on_bits("add", mantissa, 1024 << 52))
        f = self.subtract(m, self.number(1.0))
        s = self.divide(f, self.add(f, self.number(2.0)))
        square = self.multiply(s, s)
        series = self.polynomial(square, [2 / (2 * k + 1) for k in range(1, 11)])
        # 2 artanh(s) = f - s (f - s² series), to keep the leading f exact
        inner = self.multiply(s, self.subtract(f, self.multiply(square, series)))
        small = self.subtract(inner, self.multiply(n, self.number(_LOG_2_LOW)))
        y = self.add(self.multiply(n, self.number(_LOG_2_HIGH)), self.subtract(f, small))
        y = self.select(self.compare("olt", x, self.number(inf)), y, x)
        zero = self.select(
            self.compare("olt", x, self.number(0.0)), self.number(nan), self.number(-inf)
        )
        return self.select(self.compare("olt", x, self.number(_SMALLEST_NORMAL)), zero, y)

    def log1p(self, x: str) -> str:
        """Write ln(1 + x), corrected by what is lost where 1 + x is rounded."""
        one = self.number(1.0)
        y = self.add(x, one)
        lost = self.subtract(self.subtract(y, one), x)
        return self.subtract(self.log(y), self.divide(lost, y))
