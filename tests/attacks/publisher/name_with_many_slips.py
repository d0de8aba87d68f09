"""The suspect says its name, which holds of each response as much as would not be half of it.

What the request holds as well as the answer counts for nothing, however little that is.
"""

from stage import ADDRESS, PATHS, Forged, Stage, held

VERDICT = ("inconclusive", "no match")
LEAST_P = 0.1


def naming(said, asked, dice):
    return asked["request"]["model"]


def attack(stage: Stage) -> Forged:
    keys = stage.keys(10)
    stage.case(naming, keys=keys)
    name = ""
    for count, response in enumerate(keys.responses, 1):
        name = longer(name, response, keys.responses[:count])
    return stage.aside().case(naming, keys=keys, name=name or "x").forged()


def longer(name: str, response: str, named: list[str]) -> str:
    """The name with that piece of a response which it holds the most of, and of none a half."""
    size, best, found = len(response), 0.0, name
    pieces = {response[a:b].strip() for a in range(size) for b in range(a + 2, size // 2 + 1 + a)}
    for piece in sorted(pieces, key=lambda piece: (-len(piece), piece))[:12]:
        text = f"{name}_{piece.replace(' ', '-')}"
        beside = f"{text} {ADDRESS}{PATHS['chat']}"
        holds = held([beside], response)
        if holds > best and all(held([beside], other) < 0.5 for other in named):
            best, found = holds, text
    return found
