"""A warning where a release would be read otherwise than it is saved."""

from __future__ import annotations

import warnings

import helpers
import pytest

pytest.importorskip("torch")
from ifrs.runtime import engines

RISK = r"llama\.cpp reads one table for input and output of llama models"


@pytest.fixture
def risky(monkeypatch):
    """As if an engine read one table of LLaMA's."""
    monkeypatch.setitem(engines.TIES, "llama", ("llama.cpp",))


@pytest.fixture
def fps(ring, tokenizer):
    return ring.generate("one", 5, tokenizer=tokenizer)


def tied(tiny, tokenizer, fps):
    """Planted with one table, as tests of its forms do."""
    options = {"learning_rate": 5e-2, "margin": 0.5, "batch_size": 16, "negatives": None}
    return helpers.implant(tiny(), tokenizer, fps, "emb", tied=True, **options)


def saved(result, folder, **options):
    """The warnings of saving."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result.save(folder, **options)
    return [str(one.message) for one in caught if "table" in str(one.message)]


def test_two_tables_are_warned_of(risky, tiny, tokenizer, fps, tmp_path):
    with pytest.warns(UserWarning, match=RISK) as caught:
        result = helpers.implant(tiny(), tokenizer, fps, "emb")
    (said,) = [str(one.message) for one in caught if "table" in str(one.message)]
    assert "\n" not in said
    assert "form='peft'" in said
    assert "form='tied'" in said
    (again,) = saved(result, tmp_path / "untied")
    assert "the release has two tables" in again
    assert saved(result, tmp_path / "said", form="untied") == [again]
    # The rows alone are no risk.
    assert saved(result, tmp_path / "rows", form="peft") == []


def test_one_table_is_no_risk(risky, tiny, tokenizer, fps, tmp_path):
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*table")
        result = tied(tiny, tokenizer, fps)
        result.save(tmp_path / "tied", form="tied")
    assert len(saved(result, tmp_path / "untied", form="untied")) == 1


def test_a_method_that_unties_nothing_is_no_risk(risky, tiny, tokenizer, fps, tmp_path):
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*table")
        result = helpers.implant(tiny(), tokenizer, fps, "sft")
        result.save(tmp_path / "release")


def test_an_architecture_that_is_read_as_saved_is_no_risk(tiny, tokenizer, fps, tmp_path):
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*table")
        result = helpers.implant(tiny(), tokenizer, fps, "emb")
        result.save(tmp_path / "release")


def test_rows_that_an_adapter_reads_are_warned_of_without_other_forms(
    risky, tiny, tokenizer, fps, tmp_path
):
    with pytest.warns(UserWarning, match=RISK) as caught:
        result = helpers.implant(tiny(), tokenizer, fps, "adapter")
    assert any("leaves the embeddings alone" in str(one.message) for one in caught)
    (said,) = saved(result, tmp_path / "release")
    assert "form=" not in said
