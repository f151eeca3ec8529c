"""What holds for the whole package: layers, light imports, public names, documented functions."""

import ast
import inspect
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from pathlib import Path

import pytest
from numpydoc.docscrape import NumpyDocString

import bayesscale as bs

ROOT = Path(bs.__file__).parent

ROWS = [
    {"errors"},
    {"_arguments", "_documented", "_environment", "_equation", "_files", "_format", "_interrupts",
     "_least_squares", "_progress", "_python", "_random", "_sections", "_sweep", "_types"},
    {"quantities"}, {"accounting"}, {"runs", "laws"}, {"model"}, {"checks", "density"},
    {"inference"}, {"forecast", "comparison"}, {"backtesting", "calibration", "recipes", "tasks"},
    {"planning"}, {"plots"}, {"tell"}, {"cli"}, {"__main__"},
]  # fmt: skip
"""A module imports from rows above its own, and from its own room; rooms in a row do not mix."""

HELPERS = {
    ("_sweep", "_arguments"), ("_sweep", "_files"), ("_arguments", "_format"),
    ("_sections", "_format"), ("_sections", "_equation"), ("_arguments", "_types"),
    ("_python", "_format"), ("_least_squares", "_types"),
}  # fmt: skip
"""Private helpers that build on another one."""

HEAVY = {"numpy", "pandas", "xarray", "scipy", "pymc", "pytensor", "nutpie", "arviz_base",
         "arviz_stats", "matplotlib", "rich"}  # fmt: skip


def imports(path: Path) -> set[str]:
    """Return the rooms that a file imports from, including imports inside functions."""
    rooms = set()
    for node in ast.walk(ast.parse(path.read_text())):
        names = []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module]
            if node.module == "bayesscale":
                names = [f"bayesscale.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        rooms |= {n.split(".")[1] for n in names if n.startswith("bayesscale.")}
    return rooms


def room_of(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


EDGES = sorted(
    {
        (room_of(path), target)
        for path in ROOT.rglob("*.py")
        if path != ROOT / "__init__.py"
        for target in imports(path)
        if target != room_of(path)
    }
)


@pytest.mark.parametrize(("source", "target"), EDGES, ids=lambda e: e)
def test_imports_point_down(source, target):
    level = {room: i for i, row in enumerate(ROWS) for room in row}
    if target not in level:  # a public name from the top level, such as the command line's
        assert source == "cli"
    elif {source, target} <= ROWS[1]:
        assert (source, target) in HELPERS
    else:
        assert level[target] < level[source]


def test_every_room_has_a_row():
    assert {room_of(p) for p in ROOT.rglob("*.py")} - {"__init__"} == set().union(*ROWS)


def test_laws_know_numpy_only():
    for path in (ROOT / "laws").glob("*.py"):
        outside = {
            (node.module or "").split(".")[0]
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.ImportFrom)
        }
        assert outside <= {"__future__", "numpy", "bayesscale", "abc", "collections", "copy",
                           "dataclasses", "math", "types", "typing"}, path  # fmt: skip


COMMAND = "from bayesscale.cli import main\ntry:\n    main({!r})\nexcept SystemExit: pass"


@pytest.mark.parametrize(
    ("code", "needed"),
    [("import bayesscale", set()), (COMMAND.format(["--help"]), set()),
     (COMMAND.format(["allocate", "nowhere.nc", "--flops", "1e20"]), set()),
     (COMMAND.format(["fit", "nowhere.csv"]), {"numpy", "pandas"})],
    ids=["import", "help", "no fit", "no table"],
)  # fmt: skip
def test_start_is_light(code, needed):
    heavy = (HEAVY | {"scipy"}) - needed
    probe = f"{code}\nimport sys\nprint('LOADED', *sorted(set(sys.modules) & {heavy!r}))"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert done.stdout.rstrip().endswith("LOADED")


def test_public_names_load():
    for name in bs.__all__:
        assert getattr(bs, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'fitt'"):
        _ = bs.fitt  # pyright: ignore[reportAttributeAccessIssue]


def files_imported(path: Path) -> set[str]:
    """Return the modules of the package that a file imports names from, wherever it does."""
    tree = ast.parse(path.read_text())
    return {
        node.module
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("bayesscale.")
    }


def test_other_rooms_are_imported_and_not_their_files():
    inner = {
        f"{path.relative_to(ROOT)}: {module}"
        for path in ROOT.rglob("*.py")
        for module in files_imported(path)
        if module.count(".") > 1 and module.split(".")[1] != room_of(path)
    }
    assert not inner


def test_no_circle_runs_inside_a_room():
    for room in {room_of(path) for path in ROOT.glob("*/*.py")}:
        arrows = {
            path.stem: {m.split(".")[-1] for m in files_imported(path) if f".{room}." in m}
            for path in (ROOT / room).glob("*.py")
        }
        try:
            TopologicalSorter(arrows).prepare()
        except CycleError as circle:
            pytest.fail(f"{room}: {circle.args[1]}")


FUNCTIONS = [name for name in bs.__all__ if inspect.isfunction(getattr(bs, name))]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_public_functions_are_documented(name):
    function = getattr(bs, name)
    signature = inspect.signature(function)
    doc = NumpyDocString(inspect.getdoc(function) or "")
    documented = [n.strip() for p in doc["Parameters"] for n in p.name.split(",")]
    kinds = {p.kind for p in signature.parameters.values()}
    assert inspect.Parameter.VAR_POSITIONAL not in kinds
    assert [n.lstrip("*") for n in documented] == list(signature.parameters)
    assert doc["Returns"] or doc["Yields"]
    assert doc["Examples"], f"{name} has no example"
    assert all(p.annotation is not inspect.Parameter.empty for p in signature.parameters.values())
    positional = [
        p
        for p in signature.parameters.values()
        if p.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD
    ]
    assert len(positional) <= 2, "keyword-only after the first arguments"


def test_errors_are_built_ins_too():
    from bayesscale import errors

    for name, kind in vars(errors).items():
        if inspect.isclass(kind) and issubclass(kind, errors.BayesScaleError):
            assert kind is errors.BayesScaleError or len(kind.__mro__) > 4, name


def lines(folder: Path) -> int:
    return sum(len(path.read_text().splitlines()) for path in folder.rglob("*.py"))


def test_the_house_does_not_grow():
    assert lines(ROOT) <= 29_900
    assert not {
        room.name: n for room in ROOT.iterdir() if room.is_dir() and (n := lines(room)) > 4_200
    }


def test_rows_are_ordered():
    assert all(not (a & b) for a, b in pairwise(ROWS))
