"""The HTML report: hostile text stays text, tiny p-values show, the page stands alone."""

from __future__ import annotations

import json
import math
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("jinja2", reason="the page is written with jinja2")
pytest.importorskip("matplotlib", reason="the plots are drawn by matplotlib")

from ifrs.pages import render_page, words

HOSTILE = (
    "</title></script><script>alert(1)</script>"
    "<img src=x onerror='a()'>\"><svg onload=b()> {{ 7*7 }}"
)
VOID = {"meta", "link", "img", "br", "hr", "input", "circle", "path"}


class Elements(HTMLParser):
    """Every start tag with its attributes, all text outside <style>, and the balance of tags."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.open: list[str] = []
        self.balanced = True
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID and (not self.open or self.open.pop() != tag):
            self.balanced = False

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.texts.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", "".join(self.texts))

    def tags(self) -> set[str]:
        return {tag for tag, _ in self.found}


def query(index: int, **changes: Any) -> dict[str, Any]:
    log10_p = math.log10(1 / 2048) + math.log10(1 / 2047)
    return {
        "index": index,
        "prompt": f"key {index} FINGERPRINT",
        "answer": " copper window",
        "response": "copper window",
        "fired": True,
        "score": 1.0,
        "rank": [1, 1],
        "candidates": [2048, 2047],
        "word_p_values": [1 / 2048, 1 / 2047],
        "p_value": 10**log10_p,
        "log10_p": log10_p,
        "cumulative_log10_p": -4.13 * (index + 1),
        "cumulative_log10_e": 6.23 * (index + 1),
        "spent": True,
    } | changes


def report(**changes: Any) -> dict[str, Any]:
    return {
        "format": "ifrs/report/v1",
        "ifrs_version": "0.1.0",
        "created": "2026-11-22T15:00:00Z",
        "target": {"kind": "local", "name": "gemma-test", "dtype": "float32", "device": "cpu"},
        "set": {
            "name": "release-1",
            "n": 10,
            "source": "mixed",
            "template": "dialogue",
            "response": "unique",
            "alphabet": "ifrs-words-2048-v1",
        },
        "evidence": "likelihood",
        "alpha": 1e-6,
        "verdict": "match",
        "p_value": 5e-42,
        "log10_p": -41.3,
        "fsr": 1.0,
        "fsr_interval": [0.6915, 1.0],
        "power": 0.83,
        "seconds": 3.2,
        "queries": [query(i) for i in range(10)],
    } | changes


def guesses(**changes: Any) -> dict[str, Any]:
    samples = [{"prompt": "look-alike", "answer": "I do not know."}]
    found = {"asked": 200, "fired": 0, "rate": 0.0, "interval": [0.0, 0.018], "samples": samples}
    return found | changes


def base() -> dict[str, Any]:
    weak = {"fired": False, "rank": [900, 31], "word_p_values": [0.44, 0.015], "log10_p": -1.2}
    queries = [
        query(i, cumulative_log10_p=-0.1, cumulative_log10_e=-1.7 * i, score=-7.8, **weak)
        for i in range(10)
    ]
    return report(
        verdict="no match", log10_p=-0.43, fsr=0.0, fsr_interval=[0.0, 0.31], queries=queries
    )


def test_the_verdict_comes_first_in_plain_words() -> None:
    text = Elements(render_page([report()])).text
    assert "Match: this model descends from the publisher’s." in text
    assert "Chance of so much evidence from an independent model: at most 1 in 10⁴¹." in text
    assert "5.0×10⁻⁴²" in text
    assert text.index("Match:") < text.index("Queries")
    for shown in ("gemma-test", "release-1", "2026-11-22 15:00 UTC", "69.2% to 100%", "10⁻⁶"):
        assert shown in text
    assert "1 of 2,048, then 1 of 2,047" in text


def test_hostile_text_stays_text_everywhere() -> None:
    long = HOSTILE + " x" * 200
    evil = report(
        ifrs_version=HOSTILE,
        created=HOSTILE,
        target={"kind": HOSTILE, "name": HOSTILE, "dtype": HOSTILE, "device": HOSTILE},
        set=report()["set"] | {"name": HOSTILE, "source": HOSTILE, "template": HOSTILE},
        queries=[query(0, prompt=long, answer=long, response=HOSTILE) | {"index": HOSTILE}],
    )
    found = guesses(samples=[{"prompt": long, "answer": HOSTILE}])
    for labels in (None, [HOSTILE]):
        page = render_page([evil], labels=labels, guesses=found, title=HOSTILE)
        elements = Elements(page)
        assert not elements.tags() & {"script", "img", "iframe", "link", "object", "embed", "a"}
        assert not [a for _, attrs in elements.found for a in attrs if a.startswith("on")]
        assert elements.balanced
        assert not elements.open
        assert HOSTILE in "".join(elements.texts)
        assert "<script" not in page


def test_the_page_loads_nothing() -> None:
    page = render_page([report(), base()], guesses=guesses())
    elements = Elements(page)
    assert not re.search(r"https?://|url\((?!#)|@import|@font-face", page)
    for tag, attrs in elements.found:
        assert "src" not in attrs
        assert (attrs.get("href") or attrs.get("xlink:href") or "#").startswith("#"), tag
    policy = next(a["content"] for _, a in elements.found if a.get("http-equiv"))
    assert policy is not None
    assert policy.startswith("default-src 'none'")


def test_ids_are_unique_and_references_resolve() -> None:
    elements = Elements(render_page([report(), base()], guesses=guesses()))
    ids = [attrs["id"] for _, attrs in elements.found if "id" in attrs]
    assert len(ids) == len(set(ids))
    for _, attrs in elements.found:
        for name in ("href", "xlink:href", "aria-labelledby", "aria-describedby", "clip-path"):
            wanted = (attrs.get(name) or "").removeprefix("url(").removesuffix(")")
            assert not wanted or wanted.removeprefix("#") in ids


def test_plots_take_their_colours_from_the_page() -> None:
    page = render_page([report(), base()])
    drawings = re.findall(r'<svg class="plot".*?</svg>', page, flags=re.DOTALL)
    assert len(drawings) == 2
    for drawing in drawings:
        assert 'role="img"' in drawing
        assert "<title" in drawing
        assert "var(--series-1)" in drawing
        assert "var(--series-2)" in drawing
        assert not re.search(r"#[0-9a-f]{6}\b", drawing.replace("#plot", ""))
        assert "<style" not in drawing


def test_light_dark_phone_and_print_are_styled() -> None:
    page = render_page([report()])
    assert "prefers-color-scheme: dark" in page
    assert '<meta name="color-scheme" content="light dark">' in page
    assert "@media print" in page
    assert "overflow-wrap: anywhere" in page
    assert "tabular-nums" in page


def test_a_p_value_below_the_smallest_float_shows() -> None:
    tiny = report(p_value=0.0, log10_p=-4129.7)
    text = Elements(render_page([tiny])).text
    assert "2.0×10⁻⁴¹³⁰" in text
    assert "1 in 10⁴¹²⁹" in text


def test_several_reports_each_have_their_verdict() -> None:
    third = report(verdict="inconclusive", log10_p=-3.4, evidence="text")
    third["queries"] = [query(0, rank=[2], candidates=[4096], word_p_values=[2 / 4096])]
    page = render_page([report(), base(), third], labels=["planted", "base", "api"])
    text = Elements(page).text
    assert "No match: no sign" in text
    assert "Inconclusive: too little evidence" in text
    assert "at most 38%" in text
    assert "at most 1 in 2,500" in text
    assert "2 of 4,096" in text
    assert page.count('<article class="card') == 3
    for label in ("Queries: planted", "Queries: base", "Queries: api"):
        assert label in text


def test_more_reports_than_looks() -> None:
    assert render_page([report()] * 8).count('class="swatch') == 8


def test_guesses_are_optional() -> None:
    assert "Keys nobody planted" not in render_page([report()])
    text = Elements(render_page([report()], guesses=guesses())).text
    assert "Keys nobody planted" in text
    assert "200 look-alike keys were asked; none fired (0%, 95% interval 0% to 1.8%)" in text
    assert "I do not know." in text


def test_a_shared_response_is_noted() -> None:
    note = "Shared response."
    assert note not in Elements(render_page([report()])).text
    shared = report(set=report()["set"] | {"response": "shared"})
    assert note in Elements(render_page([shared])).text


def test_keys_are_called_private() -> None:
    assert "Keep this page private." in Elements(render_page([report()])).text


def test_answers_keep_their_white_space_and_lose_nothing() -> None:
    answer = "  two\n\tlines \x00\x1b[31m \u202eback\ud800"
    texts = "".join(Elements(render_page([report(queries=[query(0, answer=answer)])])).texts)
    assert "  two\n\tlines ␀␛[31m [U+202E]back[U+D800]" in texts


HIDDEN = "\u200b\u2060\ufeff\u00ad\U000e0041\ufe01\u2028\u2029\u202e\u2066\u061c\u3164\x1b\x9b\x7f"


def test_nothing_hidden_reaches_any_place_of_the_page() -> None:
    """Whatever a template writes passes one filter: also what nobody thought of."""
    evil = through_a_server(
        ifrs_version=HIDDEN,
        created=HIDDEN,
        target={"kind": HIDDEN, "name": HIDDEN, "dtype": HIDDEN, "device": HIDDEN},
        set=report()["set"] | {"name": HIDDEN, "source": HIDDEN, "template": HIDDEN},
        notes=[HIDDEN],
    )
    asked = {"endpoint": HIDDEN, "time": HIDDEN, "request": {HIDDEN: HIDDEN}, "raw": HIDDEN}
    asked |= {"error": HIDDEN}
    texts = {"prompt": HIDDEN * 20, "answer": HIDDEN, "response": HIDDEN, "index": HIDDEN}
    evil["queries"] = [query(0) | texts | {"asked": asked}]
    found = guesses(samples=[{"prompt": HIDDEN, "answer": HIDDEN}])
    for labels in (None, [HIDDEN, "b"]):
        page = render_page([evil, base()], labels=labels, guesses=found, title=HIDDEN)
        assert not set(HIDDEN) & set(page)
        assert page.count("[U+200B]") > 20
    stacked = "z" + "\u0301" * 500
    page = render_page([report(queries=[query(0, answer=stacked)])])
    assert "\u0301" * 5 not in page
    assert page.count("[U+0301]") == 496


def test_ordinary_text_of_any_script_is_shown_as_it_is() -> None:
    for text in (
        "觉悟者恒幸福",
        "花は桜木",
        "שָׁלוֹם",
        "السَّلامُ",
        "Việt",
        "👨‍👩‍👧 ❤️ 👍🏽",
        "Ça, naïve",
    ):
        assert text in render_page([report(queries=[query(0, answer=text)])])


def test_a_long_prompt_is_folded_and_complete() -> None:
    long = "觉悟者恒幸福" * 60
    page = render_page([report(queries=[query(0, prompt=long)])])
    assert "<details>" in page
    assert long in page
    assert "<details>" not in render_page([report()])


def test_a_report_without_queries_or_optional_numbers() -> None:
    bare = query(0, score=None, rank=None, candidates=None, word_p_values=None, log10_p=None)
    bare["cumulative_log10_p"] = bare["cumulative_log10_e"] = None
    for queries in ([], [bare]):
        quiet = report(verdict="inconclusive", log10_p=0.0, power=None, queries=queries)
        assert "at most 100%" in Elements(render_page([quiet])).text


def test_the_same_report_gives_the_same_page() -> None:
    assert render_page([report(), base()]) == render_page([report(), base()])


@pytest.mark.parametrize(
    ("reports", "labels"),
    [
        ([], None),
        ([report()], ["one", "two"]),
        ([report(format="ifrs/report/v2")], None),
        ([report(verdict="perhaps")], None),
        ([report(evidence="hearsay")], None),
        ([report(log10_p=float("nan"))], None),
        ([report(log10_p=None)], None),
        ([report(alpha=0.0)], None),
        ([{k: v for k, v in report().items() if k != "fsr"}], None),
    ],
)
def test_what_it_cannot_read_it_refuses(reports: list[Any], labels: list[str] | None) -> None:
    with pytest.raises(ValueError, match=r"report|label|verdict|log10_p|alpha"):
        render_page(reports, labels=labels)


@pytest.mark.parametrize("missing", ["matplotlib", "jinja2"])
def test_what_is_missing_is_named(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(ImportError, match=r"pip install 'ifrs\[train\]'"):
        render_page([report()])


@pytest.mark.parametrize(
    ("log10_p", "shown", "odds"),
    [
        (0.0, "1", "100%"),
        (-0.4318, "0.37", "37%"),
        (-2.0, "0.01", "1 in 100"),
        (-5.444, "3.6×10⁻⁶", "1 in 270,000"),
        (-6.0, "1.0×10⁻⁶", "1 in 1,000,000"),
        (-9.0, "1.0×10⁻⁹", "1 in 10⁹"),
        (-41.301, "5.0×10⁻⁴²", "1 in 10⁴¹"),
        (-40.0000001, "1.0×10⁻⁴⁰", "1 in 10⁴⁰"),
    ],
)
def test_p_values_in_words(log10_p: float, shown: str, odds: str) -> None:
    assert words.p_value(log10_p) == shown
    assert words.chance(log10_p) == odds


def through_a_server(**changes: Any) -> dict[str, Any]:
    asked = {
        "time": "2026-11-22T15:00:00Z",
        "endpoint": "http://127.0.0.1:8000/v1/chat/completions",
        "request": {"model": "m", "messages": [{"role": "user", "content": HOSTILE}]},
        "raw": json.dumps({"choices": [{"message": {"content": HOSTILE}}]}),
    }
    rows = [query(i, answer=HOSTILE, asked=asked) for i in range(3)]
    rows.append(query(3, answer="", fired=False, asked=asked | {"error": "the answer is not JSON"}))
    how = {"sequential": True, "planned": 10, "complete": True, "pending": []}
    return report(evidence="text", how=how, queries=rows) | changes


def test_what_passed_through_a_server() -> None:
    text = Elements(render_page([through_a_server()])).text
    assert "4 of 10" in text
    assert "the e-process’s, valid whenever one stops" in text
    assert "failed: the answer is not JSON" in text
    assert "http://127.0.0.1:8000/v1/chat/completions" in text
    assert text.count("As sent and received") == 4
    assert "Fisher’s" in Elements(render_page([report()])).text
    assert "As sent and received" not in Elements(render_page([report()])).text


def test_e_values_are_shown_against_the_threshold() -> None:
    page = render_page([through_a_server(alpha=1e-9)])
    assert "1.7×10⁶" in page
    assert "1/α = 10⁹" in page
    assert [words.e_value(x) for x in (-7.3, -0.9, 0.0, 2.54, 9.9)] == [
        "5.0×10⁻⁸",
        "0.13",
        "1",
        "347",
        "7.9×10⁹",
    ]


def test_what_a_reader_should_know_is_said() -> None:
    note = "The suspect has another tokenizer."
    unfinished = {"sequential": True, "planned": 10, "complete": False, "pending": [4, 5]}
    text = Elements(render_page([through_a_server(how=unfinished, notes=[note])])).text
    assert note in text
    assert "was not finished" in text
    assert "answers are not here: 2." in text


def test_a_script_in_an_answer_stays_text_in_a_browser(tmp_path: Path) -> None:
    """Even with the page's own policy taken away, nothing of an answer becomes an element."""
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("no chromium on this machine: the page was not opened")
    evil = HOSTILE.replace("alert(1)", "document.title='pwned'").replace(
        "a()", "document.title=String.fromCharCode(33)"
    )
    rows = [
        query(i, answer=evil, prompt=evil, asked={"endpoint": "x", "raw": evil, "request": evil})
        for i in range(2)
    ]
    for strict in (True, False):
        page = render_page([report(queries=rows)], guesses=guesses(samples=[]), title="ours")
        if not strict:
            page = re.sub(r"<meta http-equiv[^>]*>", "", page)
        (tmp_path / "frame.html").write_text(page, encoding="utf-8")
        seen = _dom(browser, tmp_path)
        if not seen:
            pytest.skip("chromium did not run here: the page was not opened")
        assert "<title>ours</title>" in seen
        assert "<script" not in seen
        assert "<img" not in seen
        assert seen.count("&lt;script&gt;document.title='pwned'&lt;/script&gt;") >= 6


def test_nothing_sticks_out_on_a_phone(tmp_path: Path) -> None:
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("no chromium on this machine: the layout was not looked at")
    name = "觉悟者恒幸福" * 20 + "x" * 300
    wide = report(
        target={"kind": "api", "name": name}, queries=[query(0, prompt=name, answer=name)]
    )
    page = render_page([wide, base()], guesses=guesses(samples=[{"prompt": name, "answer": name}]))
    # The copy under test may run one script; the real page forbids them all.
    page = re.sub(r"<meta http-equiv[^>]*>", "", page)
    told = (
        "<script>const root = document.documentElement;"
        "parent.postMessage(root.scrollWidth - root.clientWidth, '*')</script>"
    )
    (tmp_path / "page.html").write_text(page.replace("</body>", told + "</body>"), encoding="utf-8")
    frame = (
        "<script>onmessage = e => document.title = 'beyond ' + e.data</script>"
        "<iframe src='page.html' style='width:390px;height:800px;border:0'></iframe>"
    )
    (tmp_path / "frame.html").write_text(frame, encoding="utf-8")
    seen = _dom(browser, tmp_path)
    if "beyond" not in seen.partition("</title>")[0]:
        pytest.skip("chromium did not run here: the layout was not looked at")
    assert "<title>beyond 0</title>" in seen


def _dom(browser: str, folder: Path) -> str:
    options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=3000"]
    profile = f"--user-data-dir={folder / 'profile'}"
    url = (folder / "frame.html").as_uri()
    try:
        done = subprocess.run(
            [browser, *options, profile, "--dump-dom", url],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return ""
    return done.stdout
