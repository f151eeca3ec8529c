"""Code for other processors: it compiles, and calls nobody for its arithmetic."""

import re

import llvmlite.binding as llvm
import pytest

from bayesscale.density import emit, plan, trace
from bayesscale.model import specify
from tests.density.against import runs_with

PROCESSORS = [
    ("x86_64-unknown-linux-gnu", "x86-64", ""),
    ("x86_64-unknown-linux-gnu", "x86-64-v3", ""),
    ("x86_64-unknown-linux-gnu", "x86-64-v3", "-fma"),
    ("x86_64-unknown-linux-gnu", "x86-64-v4", ""),
    ("aarch64-unknown-linux-gnu", "neoverse-n1", ""),
    ("aarch64-unknown-linux-gnu", "generic", ""),
]
ALLOCATION = {"PyMem_RawMalloc", "PyMem_RawFree", "memset"}


@pytest.fixture(scope="module")
def text():
    runs = runs_with(errors=True, clusters=True)
    spec = specify(runs)
    return emit(plan(trace(spec).outputs))


@pytest.mark.parametrize(("triple", "cpu", "features"), PROCESSORS)
def test_nothing_is_called_but_the_allocator(text, triple, cpu, features):
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    try:
        target = llvm.Target.from_triple(triple)
    except RuntimeError:
        pytest.skip(f"this LLVM does not write code for {triple}")
    machine = target.create_target_machine(cpu=cpu, features=features, opt=2)
    module = llvm.parse_assembly(text)
    module.triple = machine.triple
    module.verify()
    assembly = machine.emit_assembly(module)
    called = set(re.findall(r"\t(?:callq?|bl)\t\*?(\w+)", assembly))
    assert called <= ALLOCATION
    fused = re.search(r"\t(vfmadd|fmla)", assembly) is not None
    assert fused == (cpu != "x86-64" and features != "-fma")
