"""The reference of the command line, and the examples that every command shows."""

from __future__ import annotations

import shlex

import commands
import pytest

EVERY = dict(commands.commands())


def examples():
    """Each example of each command's help."""
    for command in EVERY.values():
        for line in (command.epilog or "").split("\n")[2:]:
            yield pytest.param(line.strip(), id=line.strip().removeprefix("ifrs "))


def test_every_command_shows_examples():
    assert [name for name, command in EVERY.items() if not list_of(command)] == []


def list_of(command) -> list[str]:
    return [line for line in (command.epilog or "").split("\n")[2:] if line.startswith("  ifrs ")]


def test_every_command_shows_itself():
    """An example of `ifrs claim` begins with `ifrs claim`."""
    for name, command in EVERY.items():
        assert any(line.strip().startswith(name) for line in list_of(command)), name


@pytest.mark.parametrize("line", examples())
def test_an_example_can_be_typed(line):
    """Its command takes all of its options and arguments; nothing is run."""
    name, rest = "", shlex.split(line)
    while rest and f"{name} {rest[0]}".strip() in EVERY:
        name, rest = f"{name} {rest[0]}".strip(), rest[1:]
    command = EVERY[name]
    assert not hasattr(command, "commands"), "an example is a whole command"
    command.make_context(name, rest)


def test_an_example_that_cannot_be_typed():
    with pytest.raises(Exception, match="No such option"):
        EVERY["ifrs check"].make_context("ifrs check", ["a", "b", "--publisher"])


def test_the_page_has_every_command_and_option():
    page = commands.markdown()
    for name, command in EVERY.items():
        if name == "ifrs":
            continue
        assert f"\n## {name}\n" in f"\n{page}"
        for parameter in command.params:
            if parameter.param_type_name == "option" and parameter.opts != ["--help"]:
                assert parameter.opts[0] in page


def test_every_option_says_what_it_is():
    """No option and no argument is without a word of help."""
    mute = [
        f"{name} {left}"
        for name, command in EVERY.items()
        for kind in ("argument", "option")
        for left, right in commands.records(name, command, kind)
        if len(right.split()) < 2
    ]
    assert mute == []
