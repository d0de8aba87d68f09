"""A method's own options as text, the way a command line gives them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any

from ifrs.plant.config import ImplantConfig
from ifrs.plant.methods import method_class
from ifrs.plant.methods.method import Method


def method_with(name: str, config: ImplantConfig, settings: Sequence[str]) -> Method:
    """A method with options such as `strength=0.5`; the others as it comes.

    Args:
        name: The method's.
        config: What else says how to plant.
        settings: Each an option's name, "=" and its value: a number, true, false, or text.

    Raises:
        ValueError: There is no such method or option, or the value does not fit.
    """
    made: Any = method_class(name).from_config(config)
    known = {one.name: one.default for one in fields(made)}
    given: dict[str, Any] = {}
    for setting in settings:
        option, equals, text = setting.partition("=")
        if not equals or option not in known:
            said = ", ".join(known)
            raise ValueError(
                f"{setting!r} is no setting of {name}: write NAME=VALUE. It has these: {said}"
            )
        given[option] = _value(option, text, known[option])
    found: Method = replace(made, **given)
    return found


def _value(option: str, text: str, default: Any) -> Any:
    """What a text says, of the kind that the default is of."""
    try:
        value = json.loads(text)
    except ValueError:
        value = text
    kind = float if isinstance(default, float) else type(default)
    if kind is float and type(value) is int:
        value = float(value)
    if kind is str:
        value = text
    if default is not None and type(value) is not kind:
        words = {bool: "true or false", int: "a whole number", float: "a number"}
        raise ValueError(f"{option} must be {words[kind]}, not {text!r}")
    return value
