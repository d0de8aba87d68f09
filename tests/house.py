"""The source tree as data: its files, what each imports, what each defines."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "python" / "ifrs"
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Import:
    """One module that another one needs, be it in a function or for types alone."""

    importer: str
    imported: str
    line: int
    typing: bool

    def __str__(self) -> str:
        return f"{self.importer}, line {self.line}: imports {self.imported}"


@cache
def trees() -> dict[str, ast.Module]:
    """Every module of ifrs that is written in Python, parsed, by its dotted name."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        name = ".".join(parts).removesuffix(".__init__")
        found[name] = ast.parse(path.read_text(encoding="utf-8"))
    return found


def is_package(module: str) -> bool:
    return (PACKAGE.parent / module.replace(".", "/")).is_dir()


@cache
def public() -> dict[str, str]:
    """Names of `ifrs.__all__`, each with the module that `ifrs` takes it from."""
    tree = trees()["ifrs"]
    homes = {
        alias.name: node.module
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("ifrs")
        for alias in node.names
    }
    listed: list[str] = ast.literal_eval(dict(assigned(tree))["__all__"])
    return {name: homes[name] for name in listed}


@cache
def imports() -> list[Import]:
    """What every module imports of ifrs, wherever in the file it does."""
    found = []
    for importer, tree in trees().items():
        typing = {id(node) for block in _for_types(tree) for node in ast.walk(block)}
        for node in ast.walk(tree):
            for imported in _imported(node):
                if imported != importer and importer != "ifrs":
                    found.append(Import(importer, imported, node.lineno, id(node) in typing))
    return found


def _for_types(tree: ast.Module) -> Iterator[ast.stmt]:
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            yield from node.body


def _imported(node: ast.AST) -> Iterator[str]:
    """Modules of ifrs that a statement imports, or that `ifrs.name` takes a public name from."""
    if isinstance(node, ast.Import):
        yield from (a.name for a in node.names if a.name.startswith("ifrs."))
    elif isinstance(node, ast.ImportFrom):
        assert not node.level, "imports are absolute"
        if node.module and node.module.split(".")[0] == "ifrs":
            yield from (_home(node.module, alias.name) for alias in node.names)
    elif isinstance(node, ast.Attribute) and ast.unparse(node.value) == "ifrs":
        yield _home("ifrs", node.attr)


def _home(module: str, name: str) -> str:
    whole = f"{module}.{name}"
    if whole in trees() or whole == "ifrs._core":
        return whole
    return public().get(name, module) if module == "ifrs" else module


def circles(edges: Iterable[tuple[str, str]]) -> list[list[str]]:
    """Groups of modules that all need one another."""
    needs: dict[str, set[str]] = {}
    for importer, imported in edges:
        needs.setdefault(importer, set()).add(imported)

    def reached(start: str) -> set[str]:
        seen: set[str] = set()
        waiting = [start]
        while waiting:
            new = needs.get(waiting.pop(), set()) - seen
            seen |= new
            waiting += new
        return seen

    reach = {module: reached(module) for module in needs}
    groups = {
        frozenset(m for m in found if module in reach.get(m, ()))
        for module, found in reach.items()
        if module in found
    }
    return sorted(sorted(group) for group in groups)


def functions() -> Iterator[tuple[str, Function]]:
    """Every function and method, by its qualified name."""
    for module, tree in trees().items():
        yield from _functions(module, tree)


def _functions(prefix: str, tree: ast.AST) -> Iterator[tuple[str, Function]]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, Function | ast.ClassDef):
            name = f"{prefix}.{node.name}"
            if isinstance(node, Function):
                yield name, node
            yield from _functions(name, node)
        else:
            yield from _functions(prefix, node)


def parameters(function: Function) -> list[str]:
    """Names of a function's parameters, but the object itself."""
    given = function.args
    names = [a.arg for a in (*given.posonlyargs, *given.args, *given.kwonlyargs)]
    return [name for name in names if name not in ("self", "cls")]


def strings(tree: ast.Module) -> Iterator[tuple[ast.Constant, bool]]:
    """Strings of a module but docstrings; each with whether it names a field.

    A field is a key of a dict, or what stands in brackets after one.
    """
    nodes = list(ast.walk(tree))
    docs = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
    fields = {id(key) for node in nodes if isinstance(node, ast.Dict) for key in node.keys}
    fields |= {id(node.slice) for node in nodes if isinstance(node, ast.Subscript)}
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs:
            yield node, id(node) in fields


def methods() -> dict[str, str]:
    """Names of methods of planting, each with its `module:Class`."""
    found: dict[str, str] = ast.literal_eval(
        dict(assigned(trees()["ifrs.plant.methods"]))["METHODS"]
    )
    return found


def assigned(tree: ast.Module) -> Iterator[tuple[str, ast.expr]]:
    """What a module assigns at its top level."""
    for node in tree.body:
        if isinstance(node, ast.Assign):
            yield from ((ast.unparse(target), node.value) for target in node.targets)
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            yield ast.unparse(node.target), node.value
