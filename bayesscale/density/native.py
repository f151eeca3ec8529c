"""LLVM's compiler: from text to the address of a function in memory."""

import ctypes
from functools import cache
from typing import Any

import llvmlite.binding as llvm


@cache
def _machine() -> Any:
    llvm.initialize_native_target()
    for name in ("PyMem_RawMalloc", "PyMem_RawFree"):  # wherever Python is, without its lock
        address = ctypes.cast(getattr(ctypes.pythonapi, name), ctypes.c_void_p).value
        llvm.add_symbol(name, address)
    llvm.initialize_native_asmprinter()
    try:
        features = llvm.get_host_cpu_features().flatten()
    except RuntimeError:  # LLVM does not know how to ask this processor
        features = ""
    return llvm.Target.from_default_triple(), llvm.get_host_cpu_name(), features


def compile_text(text: str, *, cpu: str | None = None, features: str | None = None) -> Any:
    """Compile a module for a processor, this one unless said otherwise.

    Parameters
    ----------
    text
        The module in LLVM's language.
    cpu, features
        Name and features of another processor of the same kind, for tests.

    Returns
    -------
    llvmlite.binding.ExecutionEngine
        It owns the code: the addresses that it gives are valid as long as it lives.
    """
    target, this_cpu, these_features = _machine()
    machine = target.create_target_machine(
        cpu=this_cpu if cpu is None else cpu,
        features=these_features if features is None else features,
        opt=2,
        jit=True,
        codemodel="jitdefault",
    )
    module = llvm.parse_assembly(text)
    module.triple, module.data_layout = machine.triple, str(machine.target_data)
    module.verify()
    engine = llvm.create_mcjit_compiler(module, machine)
    engine.finalize_object()
    return engine
