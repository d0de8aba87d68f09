"""The stub of the extension says what the extension has."""

from __future__ import annotations

import ast
from pathlib import Path

import ifrs
from ifrs import _core

STUB = Path(ifrs.__file__).with_name("_core.pyi")


def public(names) -> set[str]:
    return {name for name in names if not name.startswith("_")}


def test_stub_and_extension_have_the_same_names():
    body = ast.parse(STUB.read_text()).body
    named = {node.name for node in body if isinstance(node, (ast.ClassDef, ast.FunctionDef))}
    constants = public(node.target.id for node in body if isinstance(node, ast.AnnAssign))
    assert named | constants == public(dir(_core))


def test_classes_have_the_same_members():
    for node in ast.parse(STUB.read_text()).body:
        if isinstance(node, ast.ClassDef) and not issubclass(getattr(_core, node.name), Exception):
            stubbed = {item.name for item in node.body if isinstance(item, ast.FunctionDef)}
            real = vars(getattr(_core, node.name))
            assert public(stubbed) == public(real), node.name
            assert stubbed <= set(real), node.name
