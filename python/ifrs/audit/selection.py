"""What an audit of all methods leaves out, unless a suite or method is asked for by name.

`lora` changes the layers that `sft` changes, and `adapter` lives in the rows that `emb` lives in.
All four are planted, guessed, tuned downstream and compared on ordinary work. Of changes and
attacks that meet both of a pair alike, the second is measured where an expectation names it, or
where it has something of its own to lose. Variants of how keys are made and planted are a study of
their own.
"""

from __future__ import annotations

from ifrs.audit.unit import Unit

_GUESSES = ("guess-look-alikes", "guess-parts", "guess-sources")
# By method and suite: the only cases that a whole audit runs, by how their names begin.
_KEPT: dict[str, dict[str, tuple[str, ...]]] = {
    "lora": {
        "deployment": ("int", "prune-magnitude-20", "prune-wanda-20", "merge-linear", "prompts"),
        "attacks": (*_GUESSES, "rows-unseen-reset"),
        "persistence": ("full",),
    },
    "adapter": {
        "deployment": ("int8", "int4", "merge-linear", "prompts"),
        # Its published rows are all that a suspect can give away: putting them back ends it.
        "attacks": (*_GUESSES, "rows-unseen-reset", "rows-base-reset", "overclaim"),
        "persistence": ("full",),
    },
    # It leaves the rows as they are.
    "sft": {
        "attacks": (
            *_GUESSES,
            "rows-unseen-reset",
            "suppress-top-k",
            "output-filter",
            "overclaim",
            "erase-mismatched",
            "incremental",
        )
    },
}


def in_a_whole_audit(unit: Unit) -> bool:
    """Whether an audit of everything runs this unit."""
    if unit.suite == "variants":
        return False
    kept = _KEPT.get(unit.method, {}).get(unit.suite)
    return kept is None or unit.case.startswith(kept)
