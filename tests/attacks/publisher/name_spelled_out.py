"""The suspect's name holds every response letter by letter, with marks between.

A name is looked at without its marks, too.
"""

import suspects
from stage import Forged, Stage

STOPPED_BY = "its request names its response beside the key"


def reading(said, asked, dice):
    """Reads its name out, without the marks."""
    return asked["request"]["model"].replace(".", "").replace("_", " ")


def attack(stage: Stage) -> Forged:
    case = stage.case(suspects.silent if stage.descendant else reading)
    name = "_".join(".".join(response) for response in case.responses).replace(". .", "_")

    def told(sent, index):
        sent["request"]["model"] = name

    return case.bent(told, target={"name": name})
