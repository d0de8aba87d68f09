"""What responses of kinds other than text are drawn from, as users name it."""

from __future__ import annotations

from typing import Any

# Unit vectors of a codebook.
CODES = 2048
# Words of the published list; the second of a response is another than the first.
WORDS = "ifrs-words-2048-v1", [2048, 2047]

# Of each kind of question its own list; the first of them that an answer mentions counts.
CHOICES = "ifrs-choices-256-v1", [256]

# Colourings of a domain: each makes a quarter of all pairs of neighbouring words green.
SIGNAL = "ifrs-signal-65536-v1", [65536]


def alphabet(response: str, **counts: Any) -> tuple[str, list[int]]:
    """Name and factor sizes of an alphabet.

    Args:
        response: `"classes"` with `classes`, how many labels the model has; `"actions"` with
            `actions`, how many there are at each step, and `steps` (1); `"bins"` with `bins`, how
            many for each coordinate of an action, `coordinates` (1) and `steps` (1); `"codebook"`.
        counts: These numbers.

    Raises:
        TypeError: A number is none, or belongs to another alphabet.
        ValueError: There is no such alphabet, or a number that it needs is missing.
    """
    factors = {"classes": (), "actions": ("steps",), "bins": ("coordinates", "steps")}
    if response == "codebook":
        _only(response, counts, ())
        return response, [CODES]
    if response not in factors:
        raise ValueError(
            f"response {response!r} is of texts: use 'classes', 'actions', 'bins' or 'codebook'"
        )
    _only(response, counts, (response, *factors[response]))
    if response not in counts:
        raise ValueError(f"how many are there? Pass {response}=…")
    length = 1
    for factor in factors[response]:
        length *= _count(factor, counts.get(factor, 1), 1)
    return response, [_count(response, counts[response], 2)] * length


def _only(response: str, counts: dict[str, Any], known: tuple[str, ...]) -> None:
    strange = sorted(counts.keys() - set(known))
    if strange:
        raise TypeError(f"response {response!r} with such keys takes no {strange[0]!r}")


def _count(name: str, value: Any, least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} must be an int")
    if not least <= value <= 1 << 20:
        raise ValueError(f"{name} must be between {least} and {1 << 20}, not {value}")
    return value
