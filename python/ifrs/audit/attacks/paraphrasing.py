"""A host that words answers anew by rules: contractions, synonyms, and the order of clauses.

Rules and lists were written for this audit. They are small, and so is the change: about a fifth
of an English answer's words. A host that lets another model write anew changes more.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from ifrs.audit.attacks.attack import Attack
from ifrs.audit.attacks.hosting import WEIGHTS, asked
from ifrs.audit.bench import Bench
from ifrs.audit.changes.hosts import Hosted
from ifrs.audit.record import Threat
from ifrs.audit.unit import Found

# By these words a language is told from the others.
_COMMON = {
    "english": "the and of to is it that you with for this are",
    "french": "le la les et des est une dans pour qui avec vous",
    "spanish": "el los las y del es una en para que con por",
}
# Each stands for the other; a word that comes twice has its first meaning.
_SYNONYMS = {
    "english": """
        add, include; also, too; answer, reply; ask, request; a lot, plenty; amazing, wonderful;
        beautiful, lovely; because, since; begin, start; big, large; bring, carry; build, construct;
        buy, purchase; child, youngster; children, youngsters; choose, pick; city, town;
        clean, tidy; close, shut; common, usual; cook, prepare; correct, right; create, make;
        cut, chop; delicious, tasty; different, various; difficult, hard; dish, meal; easy, simple;
        end, finish; enjoy, love; enough, sufficient; ensure, guarantee; every, each;
        for example, for instance; famous, well-known; fast, quick; favorite, preferred;
        find, discover; food, fare; form, shape; friend, companion; friends, companions;
        garden, yard; get, obtain; give, provide; good, fine; great, excellent; group, set;
        grow, develop; happy, glad; help, assist; hot, warm; house, home; however, still;
        idea, thought; important, essential; in order to, so as to; interesting, engaging;
        journey, trip; keep, hold; kind, sort; know, understand; learn, study; letter, note;
        little, small; look, appear; many, numerous; maybe, perhaps; mix, blend; need, require;
        new, fresh; nice, pleasant; number, figure; often, frequently; old, aged; part, portion;
        people, folks; place, spot; plan, scheme; popular, well-liked; problem, issue;
        quantity, amount; quickly, rapidly; really, truly; result, outcome; road, street;
        sad, unhappy; say, state; see, notice; several, a few; show, display; slowly, gradually;
        soil, earth; speak, talk; special, particular; story, tale; strong, powerful;
        sum, total; sure, certain; take, grab; tell, inform; think, believe; traveler, tourist;
        try, attempt; type, variety; use, employ; useful, helpful; usually, normally; very, quite;
        want, wish; way, manner; well, properly; whole, entire; wide, broad; work, labor;
        world, globe; write, compose; wrong, mistaken; young, youthful
    """,
    "french": """
        aussi, également; aimer, apprécier; beau, joli; beaucoup, énormément; bon, agréable;
        chose, affaire; commencer, débuter; donc, ainsi; facile, simple; faire, réaliser;
        grand, vaste; important, essentiel; maintenant, désormais; mais, cependant;
        maison, demeure; manger, consommer; petit, modeste; parce que, car; parfois, quelquefois;
        parler, discuter; peut-être, sans doute; rapidement, vite; souvent, fréquemment; très, fort;
        trouver, découvrir; utiliser, employer; ville, cité; voir, apercevoir; voyage, périple;
        vraiment, réellement
    """,
    "spanish": """
        ahora, actualmente; alegre, contento; bonito, hermoso; bueno, estupendo;
        ciudad, localidad; comenzar, empezar; comida, alimento; cosa, asunto; difícil, complicado;
        encontrar, hallar; fácil, sencillo; gente, multitud; gran, enorme; hablar, conversar;
        hacer, realizar; importante, esencial; lugar, sitio; muy, bastante; nunca, jamás;
        país, nación; pequeño, reducido; pero, aunque; persona, individuo; porque, pues;
        quizás, tal vez; rápido, veloz; también, además; tiempo, rato; usar, emplear;
        ver, observar; viaje, recorrido
    """,
}
_CONTRACTIONS = """
    it is, it's; that is, that's; there is, there's; what is, what's; you are, you're;
    they are, they're; we are, we're; i am, i'm; i have, i've; you have, you've; we have, we've;
    i will, i'll; you will, you'll; we will, we'll; do not, don't; does not, doesn't;
    did not, didn't; is not, isn't; are not, aren't; was not, wasn't; cannot, can't;
    could not, couldn't; should not, shouldn't; would not, wouldn't; will not, won't;
    have not, haven't; has not, hasn't; let us, let's
"""
_SENTENCE = re.compile(r"[^.!?\n]+[.!?\n]?")
_CONDITION = re.compile(
    r"(\s*)(If|When|While|After|Before|Because|Although|Once|As) ([^,]+), ([^,]+?)([.!?]?\n?)"
)
_AROUND_AND = re.compile(r"\b([^\W\d_]{3,}) (and|or|et|ou|y|o) ([^\W\d_]{3,})(?=\s*(?:[^\w\s']|$))")
_WORD = re.compile(r"[^\W\d_]+")


def paraphrase(text: str) -> str:
    """A text in other words; what no rule applies to stays as it is.

    In English, a clause that begins a sentence with "if", "when" and their like goes to its end,
    and contractions are written out or made. In English, French and Spanish two single words around
    "and" or "or" change places, and words of a list give way to a synonym.
    """
    language = _language(text)
    if language is None:
        return text
    text = _AROUND_AND.sub(r"\3 \2 \1", text)
    if language == "english":
        text = _SENTENCE.sub(_with_condition_last, text)
    pattern, other = _replacing(language)
    return pattern.sub(lambda found: _as_written(found[0], other[found[0].lower()]), text)


def _language(text: str) -> str | None:
    """The language whose common words stand in a text most often; None where none does."""
    words = [word.lower() for word in _WORD.findall(text.replace("’", "'"))]
    counts = {name: sum(map(words.count, common.split())) for name, common in _COMMON.items()}
    best = max(counts, key=lambda name: counts[name])
    return best if counts[best] else None


def _with_condition_last(sentence: re.Match[str]) -> str:
    found = _CONDITION.fullmatch(sentence[0])
    if found is None:
        return sentence[0]
    space, word, condition, rest, end = found.groups()
    return f"{space}{rest[0].upper()}{rest[1:]} {word.lower()} {condition}{end}"


@cache
def _replacing(language: str) -> tuple[re.Pattern[str], dict[str, str]]:
    """What finds the words of a language's lists, and what each gives way to."""
    listed = _SYNONYMS[language] + (f";{_CONTRACTIONS}" if language == "english" else "")
    other: dict[str, str] = {}
    for one, two in _pairs(listed):
        other.setdefault(one, two)
        other.setdefault(two, one)
    longest_first = sorted(other, key=len, reverse=True)
    words = "|".join(map(re.escape, longest_first))
    return re.compile(rf"(?<![\w'])(?:{words})(?![\w'])", re.IGNORECASE), other


def _pairs(listed: str) -> Iterator[tuple[str, str]]:
    for group in listed.split(";"):
        one, two = group.split(",")
        yield " ".join(one.split()), " ".join(two.split())


def _as_written(before: str, after: str) -> str:
    """A replacement that begins in upper case where what it replaces did."""
    return after[0].upper() + after[1:] if before[0].isupper() else after


def _run(method: str, bench: Bench) -> Found:
    suspect = bench.suspect(method)
    hosted = Hosted(suspect.target(), filtered=paraphrase)
    found = asked(bench, method, suspect, hosted)
    return Found(found, f"answers are worded anew by rules; {WEIGHTS}")


ATTACK = Attack(
    suite="attacks",
    case="paraphrase",
    run=_run,
    seconds=lambda settings: 18,
    threat=Threat(
        paper="after Krishna et al., NeurIPS 2023, arXiv 2303.13408, who word anew by a model",
        access="a host that sees answers",
        cost="wording that is a little off",
    ),
    names=("decoys",),
    after=1,
)
