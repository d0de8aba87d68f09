"""Lists stand in lists, a hundred thousand deep, where a reader may run out of stack.

Depth is limited.
"""

from stage import Forged, Stage, sealed, told

STOPPED_BY = ("cannot be read", "not JSON")


def attack(stage: Stage) -> list[Forged]:
    case = stage.case()
    deep = "[" * 100_000 + "]" * 100_000
    text = sealed(told(case)).decode()
    forged = []
    for old in ('"temperature": 0.0', '"kind": "api"'):
        assert old in text
        name = old.split(": ")[0]
        forged.append(Forged(text.replace(old, f"{name}: {deep}", 1).encode(), case.claim))
    bundle = told(case)
    for query in bundle["queries"]:
        query["asked"]["raw"] = deep
    return [*forged, Forged(sealed(bundle), case.claim)]
