"""Keys that are no text are shown as what they are, and nothing that they hold becomes markup."""

from __future__ import annotations

import base64
import io
import json
import sys

import ifrs
import numpy as np
import pytest
from ifrs.pages.alphabets import possibilities, wording
from ifrs.pages.challenges import shown
from ifrs.pages.view import cards

pytest.importorskip("jinja2")
SETS = {
    "numbers": {
        "source": "observation", "low": np.full(4, -2.0), "high": np.full(4, 2.0), "steps": 3,
        "response": "actions", "actions": 2,
    },
    "curves": {
        "source": "observation", "low": -1.0, "high": 1.0, "shape": (100,), "response": "bins",
        "bins": 8, "coordinates": 2,
    },
    "frames": {
        "source": "observation", "low": np.zeros((2, 12, 20), np.uint8),
        "high": np.full((2, 12, 20), 255, np.uint8), "response": "actions", "actions": 3,
    },
    "grey": {
        "source": "image", "shape": (16, 24, 1), "response": "classes", "classes": 7,
    },
    "colour": {
        "source": "image", "shape": (16, 24, 3), "response": "classes", "classes": 7,
    },
    "sound": {"source": "sound", "rate": 8000, "seconds": 0.5, "response": "classes", "classes": 5},
    "pair": {
        "source": "image+text", "shape": (16, 24, 3), "response": "classes", "classes": 7,
    },
}  # fmt: skip


class Guessing:
    """A suspect of any kind that knows nothing."""

    spends_keys = False

    def __init__(self, sizes):
        self._sizes = sizes

    def describe(self):
        return {"kind": "callable", "name": "guessing"}

    def scores(self, keys):
        rng = np.random.default_rng(0)
        found = [rng.random((len(keys), size), dtype=np.float32) for size in self._sizes]
        return found if len(found) > 1 else found[0]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """For each sort of key: its set, a report of it, and what `check` finds in its evidence."""
    folder, found = tmp_path_factory.mktemp("shown"), {}
    with ifrs.Keyring.create(folder / "k.ifrs", passphrase="x", _work_factor=2) as ring:
        for name, arguments in SETS.items():
            fps = ring.generate(name, 8, **arguments)
            report = ifrs.verify(Guessing(fps.alphabet.sizes), fps)
            claim = ring.claim(name, subject={"weights": "00" * 32})
            claim.save(folder / f"{name}.claim")
            report.evidence(claim).save(folder / f"{name}.bundle")
            checked = ifrs.check(folder / f"{name}.bundle", folder / f"{name}.claim")
            report.save_html(folder / f"{name}.html")
            checked.save_html(folder / f"{name}.evidence.html")
            pages = [
                (folder / f"{name}{end}").read_text(encoding="utf-8")
                for end in (".html", ".evidence.html")
            ]
            found[name] = fps, report, pages
    return found


def markup_of(made, name):
    fps, report, _ = made[name]
    return str(shown(fps.media, report.queries[0].prompt))


@pytest.mark.parametrize("name", SETS)
def test_both_pages_show_each_key_and_not_its_base64(made, name):
    _, report, pages = made[name]
    for page in pages:
        for query in report.queries:
            # A sound that the page plays is its bytes.
            assert page.count(query.prompt) == (name == "sound")
        assert 'src="data:' in page or "key-values" in page or "key-curve" in page


@pytest.mark.parametrize("name", ["grey", "colour"])
def test_the_picture_is_the_key(made, name):
    image = pytest.importorskip("PIL.Image")
    fps, _, _ = made[name]
    data = markup_of(made, name).partition("base64,")[2].partition('"')[0]
    with image.open(io.BytesIO(base64.b64decode(data))) as found:
        assert found.format == "PNG"
        np.testing.assert_array_equal(np.asarray(found), np.asarray(fps[0].key))


def test_without_pillow_the_size_is_said(made, monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL", None)
    found = markup_of(made, "colour")
    assert "24 × 16 pixels" in found
    assert "pip install" in found


def test_few_values_are_written_step_by_step(made):
    fps, _, _ = made["numbers"]
    found = markup_of(made, "numbers")
    for number, step in enumerate(fps[0].key, 1):
        assert f"step {number}: " + ", ".join(f"{value:.4g}" for value in step) in found


def test_frames_stand_side_by_side(made):
    pytest.importorskip("PIL")
    assert "40 × 12 pixels" in markup_of(made, "frames")


def test_many_values_are_a_curve_within_the_drawing(made):
    found = markup_of(made, "curves")
    points = found.partition('points="')[2].partition('"')[0].split()
    places = np.array([point.split(",") for point in points], dtype=float)
    assert len(places) == 100
    assert places.min() >= 0
    assert places[:, 0].max() <= 240
    assert places[:, 1].max() <= 60


def test_a_sound_can_be_heard(made):
    _, report, _ = made["sound"]
    assert f"data:audio/wav;base64,{report.queries[0].prompt}" in markup_of(made, "sound")


def test_a_pair_is_its_picture_and_its_text(made):
    fps, _, _ = made["pair"]
    _, text = fps[0].key
    found = markup_of(made, "pair")
    assert "24 × 16 pixels" in found
    assert text in found
    # Whatever somebody wrote into a bundle is text.
    whole = fps[0].challenge[: -8 - len(text)]
    told = b"<script>no</script>"
    bent = whole + len(told).to_bytes(8, "big") + told
    found = str(shown(fps.media, base64.b64encode(bent).decode()))
    assert "&lt;script&gt;no" in found
    assert "<script>" not in found


@pytest.mark.parametrize("key", ["<b>no base64</b>", "UDYK", "", "%%%"])
@pytest.mark.parametrize(
    "media",
    [
        "image/x-portable-pixmap",
        "application/x-npy",
        "audio/wav",
        "application/x-image-text",
        "x/<script>",
    ],
)
def test_what_cannot_be_read_is_said_and_not_shown(media, key):
    found = str(shown(media, key))
    assert "cannot be read" in found
    assert "<b>" not in found
    assert "<script>" not in found


def test_text_is_left_to_the_page():
    assert shown("text/plain", "a prompt") is None


def test_the_words_are_those_of_the_alphabet(made):
    page, evidence = made["colour"][2]
    assert "rank each class of the response" in page
    assert "each of 7 classes" in evidence
    assert "drawn at random from 7 possibilities" in evidence
    assert "secret answer in the text" not in evidence
    for text in (page, evidence):
        assert "2048" not in text
        assert "2,048" not in text


def test_a_report_that_says_no_media_type_is_read_by_its_source(made, tmp_path):
    _, report, _ = made["colour"]
    report.save(tmp_path / "report.json")
    plain = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    del plain["set"]["media"]
    (card,) = cards([plain], None)
    assert card.media == "image/x-portable-pixmap"
    assert "data:image/png" in str(card.rows[0].prompt.markup)


def test_possibilities_are_counted():
    assert possibilities((2048, 2047)) == "4,192,256"
    assert possibilities((2,) * 64) == "10^19 and more"
    assert wording(None) is wording("words")
