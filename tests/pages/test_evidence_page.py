"""The page for people who do not program."""

from __future__ import annotations

import re
import shutil
import subprocess
from html.parser import HTMLParser

import ifrs
import pytest
from witnesses import WEIGHTS, Speaker, make_case


class Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.found, self.text = [], []

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text.append(data)


def page_of(result, folder) -> str:
    result.save_html(folder / "page.html")
    return (folder / "page.html").read_text()


@pytest.mark.parametrize("likelihood", [False, True])
def test_it_says_what_a_court_asks(ring, tmp_path, likelihood):
    case = make_case(ring, tmp_path, n=6, reveal=4, likelihood=likelihood)
    page = page_of(case.check(), tmp_path)
    text = re.sub(r"\s+", " ", page)
    for said in (
        "The suspect model descends from the publisher’s model.",
        "1. What is claimed",
        "2. What was asked, and what came back",
        "3. Why chance cannot explain it",
        "4. Could it have been made up afterwards?",
        "5. Who may have chosen what",
        "6. What remains secret",
        "2 of the claimed keys are not shown",
        "7. What is taken on trust",
        ring.public_key,
    ):
        assert said in text, said
    assert case.fps[0].key in page
    assert case.fps[5].key not in page


def test_it_loads_and_runs_nothing(ring, tmp_path):
    hostile = "<script>alert(1)</script><img src=x onerror=alert(2)>\u202eevil\x00"
    case = make_case(ring, tmp_path, suspect=Speaker(lambda _: hostile))
    page = page_of(case.check(), tmp_path)
    tags = Tags()
    tags.feed(page)
    assert not {"script", "img", "link", "iframe", "object"} & {tag for tag, _ in tags.found}
    assert not [a for _, attrs in tags.found for a in attrs if a.startswith("on")]
    assert not [a for _, attrs in tags.found for a in attrs if a in ("src", "href", "action")]
    assert "url(" not in page
    assert "<script>alert(1)</script>" in "".join(tags.text)
    assert "\u202e" not in page


def test_nothing_hidden_is_on_the_page(ring, tmp_path):
    hidden = "\u200b\u2060\ufeff\u00ad\U000e0041\ufe01\u2028\u202e\u061c\u3164\x1b\x9b\x7f"
    case = make_case(ring, tmp_path, suspect=Speaker(lambda _: hidden + "z" + "\u0301" * 60))
    page = page_of(case.check(), tmp_path)
    assert not set(hidden) & set(page)
    assert "[U+E0041]" in page
    assert "\u0301" * 5 not in page


def test_a_failed_check_says_so_first(ring, tmp_path):
    case = make_case(ring, tmp_path)
    case.bundle_path.write_text(case.bundle_path.read_text().replace("Sure", "Soor"))
    page = page_of(case.check(), tmp_path)
    assert "This evidence does not hold." in page
    assert "Do not rely on it." in page
    case.claim_path.write_text("{}")
    assert "The claim could not be read." in page_of(case.check(), tmp_path)


def test_shared_responses_are_called_no_evidence(ring, tmp_path):
    fps = ring.generate("shared", 3, response="shared")
    claim = ring.claim("shared", subject=WEIGHTS)
    claim.save(tmp_path / "claim.json")
    report = ifrs.verify(Speaker(lambda _: fps[0].response), fps, sequential=False)
    report.evidence(claim).save(tmp_path / "bundle.json")
    result = ifrs.check(tmp_path / "bundle.json", tmp_path / "claim.json")
    assert result.ok
    assert (result.p_value, result.verdict) == (1, "inconclusive")
    assert "carries no measure of chance" in page_of(result, tmp_path)


def test_it_prints(ring, tmp_path):
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no Chromium: the page was not printed")
    case = make_case(ring, tmp_path)
    page_of(case.check(), tmp_path)
    command = [
        chromium, "--headless", "--no-sandbox", "--disable-gpu", "--no-pdf-header-footer",
        f"--user-data-dir={tmp_path / 'profile'}", f"--print-to-pdf={tmp_path / 'page.pdf'}",
        (tmp_path / "page.html").as_uri(),
    ]  # fmt: skip
    subprocess.run(command, capture_output=True, check=True, timeout=120)
    assert (tmp_path / "page.pdf").read_bytes().startswith(b"%PDF")
