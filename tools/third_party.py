"""THIRD-PARTY.md: the licences of all crates that a wheel holds, from `cargo metadata`.

python tools/third_party.py            # writes it
python tools/third_party.py --check    # exits with 1 where it is not what would be written

Counted are crates that are linked on one of the platforms of deny.toml; what only builds or tests
is none. A crate's text is that of the files which it ships; texts that are alike stand once. Where
a crate may be had under MIT, it is.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
TARGET = ROOT / "THIRD-PARTY.md"
PACKAGE = "ifrs-python"
_FILES = re.compile(r"^(licen[cs]e|copying|notice|unlicense|copyright)", re.IGNORECASE)

Crate = dict[str, Any]


def platforms() -> list[str]:
    """Those that wheels are built for, as deny.toml lists them."""
    text = (ROOT / "deny.toml").read_text(encoding="utf-8")
    listed = text.split("targets = [", 1)[1].split("]", 1)[0]
    return re.findall(r'"([^"]+)"', listed)


def crates() -> list[Crate]:
    """Crates of others that are linked into a wheel, by name and version."""
    command = ["cargo", "metadata", "--format-version", "1", "--locked"]
    for platform in platforms():
        command += ["--filter-platform", platform]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    packages = {one["id"]: one for one in found["packages"]}
    nodes = {one["id"]: one for one in found["resolve"]["nodes"]}
    linked: set[str] = set()
    waiting = [one for one, package in packages.items() if package["name"] == PACKAGE]
    while waiting:
        one = waiting.pop()
        if one not in linked and not _is_macro(packages[one]):
            linked.add(one)
            waiting += _linked(nodes[one])
    foreign = (packages[one] for one in linked if packages[one]["source"])
    return sorted(foreign, key=lambda crate: (crate["name"], crate["version"]))


def _linked(node: dict[str, Any]) -> Iterator[str]:
    """What a crate needs when it runs."""
    for dependency in node["deps"]:
        if any(kind["kind"] is None for kind in dependency["dep_kinds"]):
            yield dependency["pkg"]


def _is_macro(crate: Crate) -> bool:
    return any("proc-macro" in target["kind"] for target in crate["targets"])


def texts(crate: Crate) -> list[str]:
    """The texts of licences and notices that a crate ships; under a choice with MIT, that one."""
    folder = Path(crate["manifest_path"]).parent
    found = sorted(path for path in folder.iterdir() if path.is_file() and _FILES.match(path.name))
    mit = [path for path in found if "MIT" in path.name.upper()]
    if mit and re.search(r" OR |/", crate["license"] or ""):
        found = mit
    return [_plain(path.read_text(encoding="utf-8", errors="replace")) for path in found]


def _plain(text: str) -> str:
    lines = [" ".join(line.split()) for line in text.strip("\ufeff").splitlines()]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def markdown() -> str:
    """The file: a table of crates, then each text with the crates that it belongs to."""
    rows, bare, owners = [], [], defaultdict[str, list[str]](list)
    for crate in crates():
        name = f"{crate['name']} {crate['version']}"
        where = crate["repository"] or "–"
        rows.append(f"| {name} | {crate['license'] or 'see below'} | {where} |")
        own = texts(crate)
        bare += [] if own else [name]
        for text in own:
            owners[text].append(name)
    parts = [
        "# Licences of third parties\n\nA wheel of ifrs holds these crates of Rust in one shared "
        "library. `tools/third_party.py` writes this file.",
        "\n".join(["| crate | licence | source |", "| --- | --- | --- |", *rows]),
    ]
    for text, names in sorted(owners.items(), key=lambda item: (item[1], item[0])):
        parts.append(f"## {', '.join(dict.fromkeys(names))}\n\n~~~~text\n{text}\n~~~~")
    parts.append("## Crates that ship no text of their licence\n\n" + ", ".join(bare))
    return "\n\n".join(parts) + "\n"


def main() -> int:
    """Write the file, or check it; returns the exit code."""
    wanted = markdown()
    if "--check" not in sys.argv[1:]:
        TARGET.write_text(wanted, encoding="utf-8")
        return 0
    if TARGET.exists() and TARGET.read_text(encoding="utf-8") == wanted:
        return 0
    print("THIRD-PARTY.md is not up to date: python tools/third_party.py", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
