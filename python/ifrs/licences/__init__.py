"""Licences: a copy of one model for every licensee, and who leaked it.

`plant` trains two variants of every position once, `stamp` makes a licensee's copy by writing rows,
`trace` says whose copy a suspect is, and `accuse` makes evidence of it that a court checks.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ifrs.licences.accusing import accuse
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
    "accuse",
    "apply_patch",
    "plant",
    "stamp",
    "trace",
]


_TRACING = {"Candidate", "Licensees", "Trace", "accuse", "trace"}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'ifrs.licences' has no attribute {name!r}")
    # A server is traced, and a report read, without torch.
    from ifrs.licences import accusing, report, tracing

    homes: tuple[Any, ...] = (report, tracing, accusing)
    if name not in _TRACING:
        from ifrs.licences import planting, stamping

        homes = (planting, stamping)
    return next(getattr(home, name) for home in homes if hasattr(home, name))
