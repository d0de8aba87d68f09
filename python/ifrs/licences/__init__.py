"""Licences: a copy of one model for every licensee, and who leaked it.

`plant` trains two variants of every position once, `stamp` makes a licensee's copy by writing rows,
`trace` says whose copy a suspect is.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ifrs.licences.planting import Planted, plant
    from ifrs.licences.report import Candidate, Trace
    from ifrs.licences.stamping import Stamped, apply_patch, stamp
    from ifrs.licences.tracing import Licensees, trace

__all__ = [
    "Candidate",
    "Licensees",
    "Planted",
    "Stamped",
    "Trace",
    "apply_patch",
    "plant",
    "stamp",
    "trace",
]


def __getattr__(name: str) -> Any:
    # Reading a trace, and who has copies, needs no torch.
    if name not in __all__:
        raise AttributeError(f"module 'ifrs.licences' has no attribute {name!r}")
    import importlib

    for home in ("report", "tracing", "stamping", "planting"):
        module = importlib.import_module(f"ifrs.licences.{home}")
        if name in vars(module) and vars(module)[name].__module__ == module.__name__:
            return vars(module)[name]
    raise AttributeError(name)
