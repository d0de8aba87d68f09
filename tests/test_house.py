"""The rules of the tree, as CONTRIBUTING.md states them."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

import house
import pytest
from house import PACKAGE, ROOT

# From the top down: a file imports its own package, and what stands further down.
LAYERS = (
    {"cli"},
    {"demo"},
    {"audit", "licences", "sweep"},
    {"packed", "plant", "prove"},
    {"keyring"},
    {"attest", "modalities"},
    {"pages", "runtime", "scoring"},
    {"_core", "clock", "copies", "errors", "files", "progress", "visible"},
)
BOTTOM = LAYERS[-1]
# Leaves that take plain data: all that they may import.
LEAVES = {"pages": {"_core", "files", "visible"}}
# Modules that import by a string: what is registered, and nothing else.
REGISTRIES = {"ifrs", "ifrs.cli", "ifrs.demo.kinds", "ifrs.modalities", "ifrs.plant.methods"}

# Folders of rust/core/src, each with those that it may use; cargo holds the crates apart.
RUST = {
    "statistics": set(),
    "fingerprint": {"encoding", "memory", "merkle"},
    "attest": {"encoding", "merkle", "fingerprint", "statistics"},
    "keyring": {"encoding", "memory", "merkle", "fingerprint", "attest"},
}

# Users' calls, fixed by the contract. What they call takes a dataclass.
LONG = {
    "ifrs.audit.runner.audit",
    "ifrs.keyring.Keyring.generate",
    "ifrs.modalities.text.server.ApiModel.__init__",
    "ifrs.prove.verification.verify",
}
# Files that speak of single methods: why.
NAMES_A_METHOD = {
    "ifrs.cli.implant": "the default of --method",
    "ifrs.keyring": "a source of keys has such a name, too",
    "ifrs.demo.run": "the method that the demo shows",
    "ifrs.plant.planting": "the default of `ifrs.implant`",
}
# Names of methods that are names of fields, too: a report and a manifest have an `adapter`.
FIELDS = {"adapter"}
# Tests of more than one file: what they are of.
TESTS_OF_MORE = {
    "test_end_to_end": "the demo on the real model",
    "test_house": "the tree",
    "test_import": "the package `ifrs` itself",
    "test_snippets": "the code blocks of README and the guide",
    "test_toys": "tests/toys",
    "test_vectors": "tests/vectors",
}
FOLDERS_OF_MORE = {"attacks", "oracles"}

TYPING = pytest.mark.parametrize("typing", [False, True], ids=["at run time", "for types"])


def layer(module: str) -> int:
    return next(i for i, names in enumerate(LAYERS) if package(module) in names)


def package(module: str) -> str:
    return module.split(".")[1] if "." in module else "cli"


def folder(module: str) -> str:
    return module if house.is_package(module) else module.rpartition(".")[0]


def none(found: list[object]) -> None:
    assert not found, "\n" + "\n".join(map(str, found))


# --- imports -------------------------------------------------------------------------------------


def test_every_module_has_a_layer():
    none(sorted({package(m) for m in house.trees()} - {"__main__"} - set().union(*LAYERS)))


@TYPING
def test_imports_go_down(typing):
    none(
        [
            found
            for found in house.imports()
            if found.typing is typing
            and package(found.importer) not in (package(found.imported), "__main__")
            and layer(found.imported) <= layer(found.importer)
            and package(found.importer) not in BOTTOM
        ]
    )


@TYPING
@pytest.mark.parametrize("leaf", LEAVES)
def test_leaves_take_plain_data(leaf, typing):
    none(
        [
            found
            for found in house.imports()
            if found.typing is typing
            and package(found.importer) == leaf
            and package(found.imported) not in {leaf} | LEAVES[leaf]
        ]
    )


@TYPING
def test_no_kind_of_model_is_named_above_it(typing):
    """Planting, proving, and the faces themselves find a kind by the set's modality."""
    kinds = tuple(
        f"ifrs.modalities.{path.parent.name}" for path in PACKAGE.glob("modalities/*/__init__.py")
    )
    none(
        [
            found
            for found in house.imports()
            if found.typing is typing
            and found.imported.startswith(kinds)
            and package(found.importer) in ("plant", "prove", "keyring", "modalities")
            and not found.importer.startswith(kinds)
        ]
    )


@TYPING
def test_no_circle_of_files(typing):
    """Imports for types alone count in a second run."""
    edges = {(i.importer, i.imported) for i in house.imports() if typing or not i.typing}
    none([" <-> ".join(group) for group in house.circles(edges)])


def test_only_registries_import_by_a_string():
    none(
        [
            f"{module}, line {node.lineno}: {ast.unparse(node)}"
            for module, tree in house.trees().items()
            for node in ast.walk(tree)
            if isinstance(node, ast.Call)
            and ast.unparse(node.func).rpartition(".")[2] in ("import_module", "__import__")
            and module not in REGISTRIES
        ]
    )


def test_every_folder_of_the_core_knows_its_own():
    none(sorted({path.parent.name for path in ROOT.glob("rust/core/src/*/mod.rs")} ^ RUST.keys()))


@pytest.mark.parametrize("home", RUST)
def test_rust_imports_go_down(home):
    none(
        [
            f"{path.relative_to(ROOT)}: crate::{used}"
            for path in ROOT.glob(f"rust/core/src/{home}/**/*.rs")
            for used in re.findall(r"\bcrate::(\w+|\{)", path.read_text(encoding="utf-8"))
            if used not in RUST[home] | {home}
        ]
    )


# --- functions and names -------------------------------------------------------------------------


def test_no_function_has_more_than_eight_parameters():
    def is_command(name: str, function: house.Function) -> bool:
        registered = any(".command(" in ast.unparse(d) for d in function.decorator_list)
        return name.startswith("ifrs.cli.") and (registered or function.name == "command")

    long = {
        name: len(house.parameters(function))
        for name, function in house.functions()
        if len(house.parameters(function)) > 8 and not is_command(name, function)
    }
    none([f"{name}: {count}" for name, count in long.items() if name not in LONG])
    none([f"{name} is short, and no exception" for name in sorted(LONG - long.keys())])


def test_only_methods_know_their_names():
    """Elsewhere a method is a class with attributes, found in `ifrs.plant.methods.METHODS`."""
    named = [
        (module, f"{module}, line {node.lineno}: {node.value!r}")
        for module, tree in house.trees().items()
        for node, is_field in house.strings(tree)
        if node.value in house.methods() and not (is_field and node.value in FIELDS)
        if not module.startswith("ifrs.plant.methods")
    ]
    none([found for module, found in named if module not in NAMES_A_METHOD])
    none(sorted(NAMES_A_METHOD.keys() - {module for module, _ in named}))


def test_nothing_asks_for_the_class_of_what_has_a_face():
    """What differs between methods, models and suspects is an attribute or a method of theirs."""
    faced = {
        node.name: module
        for module, tree in house.trees().items()
        if module.startswith(("ifrs.plant.methods", "ifrs.modalities", "ifrs.audit.subject"))
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
    }
    none(
        [
            f"{module}, line {node.lineno}: {ast.unparse(node)}"
            for module, tree in house.trees().items()
            for node in ast.walk(tree)
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "isinstance"
            for name in map(ast.unparse, ast.walk(node.args[1]))
            if name in faced and folder(faced[name]) != folder(module)
        ]
    )


# --- docs and tests ------------------------------------------------------------------------------


def pages() -> dict[str, str]:
    """What is written of the tree as it is; the changelog is of former ones, too."""
    files = [p for p in ROOT.glob("*.md") if p.name != "CHANGELOG.md"]
    files += ROOT.glob("docs/**/*.md")
    return {str(p.relative_to(ROOT)): p.read_text(encoding="utf-8") for p in sorted(files)}


def test_every_public_name_has_an_entry():
    entries = {
        name
        for path, text in pages().items()
        if path.startswith("docs/reference/api/")
        for name in re.findall(r"^\.\. auto\w+:: ifrs\.(\w+)$", text, re.M)
    }
    assert entries == set(house.public())


def test_every_method_has_a_page_of_one_shape():
    shape = ["What it trains", "What you publish", "When to take it", "Limits", "Example"]
    found = {
        name: re.findall(r"^## (.+)$", pages().get(f"docs/how-to/methods/{name}.md", ""), re.M)
        for name in house.methods()
    }
    assert found == dict.fromkeys(house.methods(), shape)


def test_public_names_are_called_by_their_public_name():
    none(
        [
            f"{path}: {whole}"
            for path, text in pages().items()
            for whole, name in re.findall(r"(ifrs\.[a-z_.]+\.(\w+))", text)
            if name in house.public()
        ]
    )


def test_names_that_docs_give_are_there():
    none(
        [
            f"{path}: {whole}"
            for path, text in pages().items()
            for whole in re.findall(r"(?<![\w./-])(ifrs(?:\.\w+)+)", text)
            if not _is_defined(whole)
        ]
    )


def _is_defined(whole: str) -> bool:
    """Whether a dotted name is a module, a public name, or something defined in a module."""
    module, parts = "ifrs", whole.split(".")[1:]
    while parts and f"{module}.{parts[0]}" in house.trees():
        module = f"{module}.{parts.pop(0)}"
    known = house.public() if module == "ifrs" else _defined(house.trees()[module])
    return not parts or parts[0] in known


def _defined(tree: ast.Module) -> set[str]:
    names = {n.name for n in tree.body if isinstance(n, ast.ClassDef | house.Function)}
    names |= {target for target, _ in house.assigned(tree)}
    imported = (node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom))
    return names | {alias.name for node in imported for alias in node.names}


def test_files_that_docs_name_are_there():
    """`rust/core/src/memory.rs`; within a table of one folder its end, such as `exact/mod.rs`."""
    files = [str(path.relative_to(ROOT)) for path in _files()]
    none(
        [
            f"{path}: {named}"
            for path, text in pages().items()
            for named in re.findall(r"`([\w./-]+\.(?:py|rs|pyi))`", text)
            if not any(f"/{file}".endswith(f"/{named}") for file in files)
        ]
    )


# Paths in other projects' addresses.
_ELSEWHERE = r"https?://[^\s)]+"


def test_folders_that_docs_name_are_there():
    tops = "|".join(path.name for path in ROOT.iterdir() if path.is_dir() and path.name[0] != ".")
    none(
        [
            f"{path}: {named}"
            for path, text in pages().items()
            for named in re.findall(rf"\b(?:{tops})/[\w./-]*\w", re.sub(_ELSEWHERE, "", text))
            if not _exists(named)
        ]
    )


def _exists(named: str) -> bool:
    built = ("out", "site", "target")
    return (ROOT / named).exists() or named.split("/")[0].endswith(built)


def _files() -> list[Path]:
    tops = ("benches", "docs", "examples", "findings", "python", "rust", "tests", "tools")
    return [path for top in tops for path in (ROOT / top).rglob("*.*")]


def test_links_of_pages_lead_somewhere():
    """To a file, and to a heading of it: what Sphinx does not see, such as README, too."""
    none(
        [
            f"{path}: {link}"
            for path, text in pages().items()
            for link in re.findall(r"\]\(([^)\s]+)\)", text)
            if "://" not in link and not _is_target((ROOT / path).parent, link)
        ]
    )


def _is_target(folder: Path, link: str) -> bool:
    name, _, heading = link.partition("#")
    page = folder / name if name else None
    if page is None or not page.exists() or not heading:
        return page is None or page.exists()
    titles = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.M)
    plain = (re.sub(r"[^\w\- ]", "", title).strip().lower() for title in titles)
    return heading in {title.replace(" ", "-") for title in plain}


def test_pages_that_code_names_are_there():
    sources = [*ROOT.glob("python/**/*.py"), *ROOT.glob("rust/*/src/**/*.rs")]
    sources += [*ROOT.glob("tests/**/*.py"), ROOT / "Makefile", ROOT / "deny.toml"]
    none(
        [
            f"{path.relative_to(ROOT)}: {named}"
            for path in sources
            for named in re.findall(
                r"(?<![\w/.-])docs/[\w/.-]+\.md", path.read_text(encoding="utf-8")
            )
            if not (ROOT / named).exists()
        ]
    )


def test_the_map_names_every_folder():
    """CONTRIBUTING.md's map: every package of ifrs, every folder of Rust."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    folders = {path.parent for path in PACKAGE.rglob("*.py")}
    folders |= {path.parent for path in ROOT.glob("rust/*/src/**/*.rs")}
    names = {str(path.relative_to(ROOT)) for path in folders}
    mapped = set(re.findall(r"^\| `([\w./-]+?)/?` \|", text, re.M))
    none(sorted(names - mapped))
    none(sorted(name for name in mapped if not (ROOT / name).exists()))


def test_a_test_is_found_by_its_source():
    """tests/plant/test_planting_errors.py is of python/ifrs/plant/planting.py."""
    none(
        [
            str(path.relative_to(ROOT))
            for path in sorted((ROOT / "tests").rglob("test_*.py"))
            if path.stem not in TESTS_OF_MORE
            and path.relative_to(ROOT / "tests").parts[0] not in FOLDERS_OF_MORE
            and not _is_of_a_source(path)
        ]
    )


def _is_of_a_source(test: Path) -> bool:
    folder = test.parent.relative_to(ROOT / "tests")
    homes = [PACKAGE / folder, ROOT / folder, *(ROOT / "docs").glob("*")]
    named = [path for home in homes for path in home.glob("*") if path.suffix in _SUFFIXES]
    named += [PACKAGE / folder, (PACKAGE / folder).with_suffix(".py")]
    stems = {path.stem.strip("_").replace("-", "_") for path in named if path.exists()}
    subject = test.stem.removeprefix("test_")
    return any(subject == stem or subject.startswith(f"{stem}_") for stem in stems)


_SUFFIXES = {".py", ".pyi", ".md", ""}


def test_no_bench_hides_a_module():
    """A script's folder comes first where modules are looked for."""
    names = {path.stem for folder in ("benches", "tools") for path in (ROOT / folder).glob("*.py")}
    none(sorted(names & sys.stdlib_module_names))
