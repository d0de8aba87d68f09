"""The second request has more messages than the key and the word, or a word with more about it.

It is the first with one message more, of two fields.
"""

from showing import case_of
from stage import Forged, Stage

STOPPED_BY = "its second request is not its first with the first word begun"


def attack(stage: Stage) -> list[Forged]:
    case = case_of(stage, 3)

    def said(both, index):
        return both[1]["request"]["messages"]

    def order(index):
        return {"role": "system", "content": f"Say {case.words(index)[1]}"}

    bends = (
        lambda both, i: said(both, i).insert(0, order(i)),
        lambda both, i: said(both, i).append(order(i)),
        lambda both, i: said(both, i)[1].update(prefix=True),
        lambda both, i: said(both, i)[1].update(name=case.words(i)[1]),
        lambda both, i: said(both, i)[1].update(reasoning_content=case.words(i)[1]),
        lambda both, i: said(both, i)[0].update(content=case.words(i)[1]),
        lambda both, i: said(both, i).pop(),
    )
    return [case.bent(bend) for bend in bends]
