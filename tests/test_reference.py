"""The generator of the API reference resolves every public name, though all are loaded lazily."""

import inspect

import pytest

import bayesscale as bs

pdoc = pytest.importorskip("pdoc", reason="the docs group is not installed")


def test_public_names_are_in_the_reference_with_docstrings_and_annotations():
    assert "bayesscale" in pdoc.extract.walk_specs(["bayesscale"])  # loads what is lazy
    package = pdoc.doc.Module.from_name("bayesscale")
    members = package.members
    assert {*members, *(module.name for module in package.submodules)} == set(bs.__all__)
    described = (inspect.isclass, inspect.isroutine)
    undocumented = {
        name
        for name, member in members.items()
        if any(kind(member.obj) for kind in described) and not member.docstring
    }
    assert not undocumented
    for member in members.values():
        if isinstance(member, pdoc.doc.Function):
            assert member.signature  # warnings, such as of unresolved annotations, are errors
