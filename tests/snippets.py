"""The code blocks of a page, and how each is tried."""

from __future__ import annotations

import contextlib
import io
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from house import ROOT

_BLOCK = re.compile(
    r"(?:^<!-- not run: (?P<why>[^>]+) -->\n)?^```(?P<language>[^\n`]*)\n(?P<text>.*?)^```$",
    re.M | re.S,
)
# Nothing to run: what a file holds or a program prints, and what Sphinx makes of a directive.
_SHOWN = ("text", "json", "{")
# A line of a transcript may differ in blanks; this stands for anything.
_ANYTHING = "…"


@dataclass(frozen=True)
class Block:
    """A code block: where it is, what it is in, and why it is not run, if it is not."""

    page: str
    line: int
    language: str
    text: str
    why: str | None

    def __str__(self) -> str:
        return f"{self.page}, line {self.line} ({self.language})"

    @property
    def tried(self) -> bool:
        """Whether it runs, or is typed: every block but those with a reason not to."""
        return self.why is None


def pages() -> list[str]:
    """README, landing page, tutorials and how-tos."""
    found = [ROOT / "README.md", ROOT / "docs" / "index.md"]
    found += sorted([*(ROOT / "docs").glob("tutorial/**/*.md")])
    found += sorted([*(ROOT / "docs").glob("how-to/**/*.md")])
    return [str(path.relative_to(ROOT)) for path in found]


def blocks(page: str) -> list[Block]:
    """The code blocks of a page, but those that show something only."""
    text = (ROOT / page).read_text(encoding="utf-8")
    found = []
    for match in _BLOCK.finditer(text):
        language = match["language"].strip()
        if not language.startswith(_SHOWN):
            line = text.count("\n", 0, match.start("language")) + 1
            found.append(Block(page, line, language, match["text"], match["why"]))
    return found


def run_python(block: Block, names: dict[str, Any]) -> None:
    """Run a block after those before it."""
    code = compile("\n" * block.line + block.text, ROOT / block.page, "exec")
    with contextlib.redirect_stdout(io.StringIO()):
        exec(code, names)


def commands(block: Block) -> Iterator[str]:
    """The lines of a shell's block, continued ones joined, without comments and pipes."""
    for line in block.text.replace("\\\n", " ").splitlines():
        if words := shlex.split(line.split(" | ")[0], comments=True):
            yield shlex.join(words)


def transcript(block: Block) -> Iterator[tuple[str, list[str]]]:
    """Each command of a console's block, and the lines that it prints."""
    for part in re.split(r"^\$ ", block.text, flags=re.M)[1:]:
        command, *printed = part.rstrip("\n").split("\n")
        yield command, printed


def agrees(written: list[str], printed: list[str]) -> bool:
    """Whether a transcript's lines are what was printed; `…` stands for anything."""
    pattern = r"\s+".join(
        r".*?".join(map(re.escape, word.split(_ANYTHING))) for word in "\n".join(written).split()
    )
    return re.fullmatch(pattern, "\n".join(printed).strip(), re.S) is not None
