"""What others do to a release, one file each; the suites take their units from here."""

from ifrs.audit.attacks import (
    abliterating,
    distilling,
    ensembling,
    llama_cpp,
    paraphrasing,
    preferences,
    reviewing,
    suppressing,
    tied,
    transplanting,
    trimming,
)
from ifrs.audit.attacks.attack import Attack

ATTACKS: tuple[Attack, ...] = (
    tied.ATTACK,
    llama_cpp.ATTACK,
    preferences.ATTACK,
    trimming.ATTACK,
    transplanting.ATTACK,
    suppressing.NEIGHBOURS,
    suppressing.LOOK_AHEAD,
    reviewing.ATTACK,
    paraphrasing.ATTACK,
    ensembling.ATTACK,
    abliterating.REFUSAL,
    abliterating.LOOK_ALIKES,
    distilling.ATTACK,
)


def of(suite: str) -> list[Attack]:
    """The attacks that are cases of a suite."""
    return [attack for attack in ATTACKS if attack.suite == suite]


__all__ = ["ATTACKS", "Attack", "of"]
