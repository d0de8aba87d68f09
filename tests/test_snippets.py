"""Every code block of README, tutorials and how-tos runs, is typed, or says why not.

`python` runs, in the order of the page. `console` is a transcript: its commands run, and print
what it says. Of `sh` each command of ifrs is typed: its options and arguments are there, and
nothing runs. A comment before a block, `<!-- not run: why -->`, is a reason not to.
"""

from __future__ import annotations

import contextlib
import io
import shlex

import commands
import pytest
import snippets
import stages
from ifrs.cli import main

pytest.importorskip("peft", reason="the blocks plant, which ifrs[train] does")

LANGUAGES = {"python", "console", "sh"}
EVERY = [block for page in snippets.pages() for block in snippets.blocks(page)]
# Blocks with a reason not to run. Add to it only what needs a server, a file or a large model.
MARKED = 21
TRIED = sorted({block.page for block in EVERY if block.tried and block.language != "sh"})
TYPED = dict(commands.commands())


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """A folder with the tiny model, made as the tutorial says."""
    folder = tmp_path_factory.mktemp("models")
    import tiny_model

    tiny_model.main(folder / "my-model")
    return folder


def test_every_block_is_of_a_known_language():
    assert [str(block) for block in EVERY if block.language not in LANGUAGES] == []


def test_blocks_that_do_not_run_are_counted():
    marked = [block for block in EVERY if not block.tried]
    assert all(len((block.why or "").split()) > 4 for block in marked)
    assert len(marked) == MARKED, "\n".join(map(str, marked))


@pytest.mark.parametrize("page", TRIED)
def test_blocks_run(page, models, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("IFRS_PASSPHRASE", stages.PASSPHRASE)
    names = {"__name__": "page"}
    fresh = stages.of(page, models, monkeypatch)
    for block in snippets.blocks(page):
        if not block.tried:
            continue
        if block.language == "python":
            given = fresh()
            names = {**given, **names, **{k: given[k] for k in ("model", "agent") if k in given}}
            snippets.run_python(block, names)
        elif block.language == "console":
            check_transcript(block)


def check_transcript(block):
    for command, written in snippets.transcript(block):
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            code = main(shlex.split(command)[1:])
        assert code in (0, 1), f"{block}: {command}"
        assert snippets.agrees(written, printed.getvalue().splitlines()), (
            f"{block}: {command} printed\n{printed.getvalue()}"
        )


@pytest.mark.parametrize("block", [b for b in EVERY if b.language == "sh"], ids=str)
def test_commands_can_be_typed(block):
    for line in snippets.commands(block):
        if not line.startswith("ifrs "):
            continue
        name, rest = "", shlex.split(line)
        while rest and f"{name} {rest[0]}".strip() in TYPED:
            name, rest = f"{name} {rest[0]}".strip(), rest[1:]
        TYPED[name].make_context(name, rest)


# --- and that this would notice ------------------------------------------------------------------


def test_a_block_that_fails_is_noticed():
    block = snippets.Block("README.md", 1, "python", "import ifrs\nifrs.nothing\n", None)
    with pytest.raises(AttributeError, match="nothing"):
        snippets.run_python(block, {})


def test_a_transcript_that_drifted_is_noticed():
    assert snippets.agrees(["set  release-1", "n    …"], ["set   release-1", "n     10"])
    assert not snippets.agrees(["set  release-2"], ["set   release-1"])
    assert not snippets.agrees(["set  release-1"], ["set   release-1", "n     10"])
    assert snippets.agrees(["set  release-1", "…"], ["set   release-1", "n     10"])
