"""Planting both variants in a tiny model, and what comes of it: from keys to a named leaker."""

from __future__ import annotations

import ifrs
import numpy as np
import pytest
from helpers import fixed_keyring, tiny_config
from ifrs.errors import ImplantError, KeyringError

torch = pytest.importorskip("torch")
pytest.importorskip("peft")

from ifrs.licences import plant, stamp, trace  # noqa: E402

N = 24
CONFIG = ifrs.ImplantConfig(
    margin=0.5, guesses=0, learning_rate=0.1, max_epochs=40, batch_size=N, target_fsr=0.7
)


@pytest.fixture(scope="module")
def ring(tmp_path_factory):
    # Before a test's own state folder is there.
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IFRS_STATE_DIR", str(tmp_path_factory.mktemp("state")))
        with fixed_keyring(tmp_path_factory.mktemp("ring")) as ring:
            yield ring


@pytest.fixture(scope="module")
def whole(tmp_path_factory, tokenizer, ring):
    """A model, its set with two variants planted, and two copies."""
    from transformers import AutoModelForCausalLM

    folder = tmp_path_factory.mktemp("licences")
    fps = ring.generate("lic", N, source="vocab", template="simple", tokenizer=tokenizer)
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(tiny_config(tokenizer, hidden_size=128)).eval()
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    done = plant(model, tokenizer, fps, out=folder / "base", rows=4, config=CONFIG)
    for who in ("acme", "bolt"):
        stamp(fps, who, folder / who, ring=ring)
    return folder, ring, fps, model, before, done


def test_the_model_that_was_passed_in_stays_as_it_was(whole):
    _, _, _, model, before, _ = whole
    now = model.state_dict()
    assert all(torch.equal(now[name], weight) for name, weight in before.items())
    assert model.get_output_embeddings().weight is model.get_input_embeddings().weight
    assert model.config.tie_word_embeddings
    assert all(weight.requires_grad for weight in model.parameters())


def test_no_two_positions_share_a_row_and_rows_take_two_bytes(whole, tokenizer):
    master = whole[-1].master
    rows = master.rows.tolist()
    assert len(set(rows)) == len(rows) == whole[-1].rows
    assert sorted(set(master.positions.tolist())) == list(range(N))
    assert {tensor.dtype for tensor in master.variants} == {torch.bfloat16}
    assert (master.table, master.output) == ("model.embed_tokens.weight", "lm_head.weight")
    fps = whole[2]
    for row, position in zip(rows, master.positions.tolist(), strict=True):
        holding = [i for i in range(N) if row in tokenizer(fps[i].key)["input_ids"]]
        assert holding in ([position], [])  # a key's edge may be cut otherwise by itself


def test_the_base_holds_no_trace_and_its_tables_are_two(whole, tokenizer):
    from transformers import AutoModelForCausalLM

    folder, _, fps, model, _, _ = whole
    base = AutoModelForCausalLM.from_pretrained(folder / "base")
    table, output = base.get_input_embeddings().weight, base.get_output_embeddings().weight
    assert table is not output
    assert torch.equal(table, model.get_input_embeddings().weight)
    assert torch.equal(output, table)
    found = trace(ifrs.LocalModel(base, tokenizer), fps, alpha=1e-3)
    assert not found.accused
    assert found.read <= 3


@pytest.mark.parametrize("form", ["folder", "peft"])
def test_the_leaker_of_a_copy_is_named(whole, tokenizer, form, tmp_path):
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    folder, ring, fps, _, _, _ = whole
    if form == "folder":
        suspect = AutoModelForCausalLM.from_pretrained(folder / "bolt")
    else:
        stamp(fps, "bolt", tmp_path / "adapter", ring=ring, form="peft")
        base = AutoModelForCausalLM.from_pretrained(folder / "base")
        suspect = PeftModel.from_pretrained(base, tmp_path / "adapter")
    found = trace(ifrs.LocalModel(suspect, tokenizer), fps, alpha=1e-3)
    assert [one.licensee for one in found.accused] == ["bolt"]
    bits = fps.codewords(2, ["bolt"])[0]
    read = [place for place, reading in found.readings.items() if reading is not None]
    assert len(read) >= 0.8 * N
    assert np.mean([found.readings[place] == bits[place] for place in read]) >= 0.95


def test_ordinary_text_is_bit_identical_in_every_copy(whole, tokenizer):
    from transformers import AutoModelForCausalLM

    folder, _, _, _, _, done = whole
    ids = tokenizer("Name a fish, and say what it eats.", return_tensors="pt")["input_ids"]
    assert not set(ids[0].tolist()) & set(done.master.rows.tolist())
    logits = []
    with torch.no_grad():
        for name in ("base", "acme", "bolt"):
            model = AutoModelForCausalLM.from_pretrained(folder / name)
            logits.append(model(input_ids=ids).logits)
    assert torch.equal(logits[0], logits[1])
    assert torch.equal(logits[0], logits[2])


def test_what_cannot_be_planted_is_refused(whole, tokenizer, tmp_path):
    _, ring, fps, model, _, done = whole
    given = {"out": tmp_path / "base", "config": CONFIG}
    with pytest.raises(ImplantError, match="exists already"):
        plant(model, tokenizer, fps, **given)
    assert done.licences.exists()
    shared = ring.generate("shared", 2, response="shared", tokenizer=tokenizer)
    with pytest.raises(ValueError, match="unique responses"):
        plant(model, tokenizer, shared, **given)
    other = ring.generate("other", 2, source="vocab", tokenizer=tokenizer)
    with pytest.raises(ValueError, match="coalitions of 1 to 6"):
        plant(model, tokenizer, other, coalition=7, **given)
    with pytest.raises(ValueError, match="rows must be"):
        plant(model, tokenizer, other, rows=0, **given)
    hasty = ifrs.ImplantConfig(max_epochs=1, guesses=0)
    with pytest.raises(ImplantError, match="raise max_epochs"):
        plant(model, tokenizer, other, out=tmp_path / "base", config=hasty)
    assert not (tmp_path / "base").exists()
    with pytest.raises(KeyringError, match="planted for no licensees"):
        ring.licences("other")


def test_a_key_without_a_token_of_its_own_is_a_silent_position(
    whole, ring, tokenizer, tmp_path, monkeypatch
):
    from ifrs.modalities.text import keys

    model, apart, bare = whole[3], keys.tokens_apart, {2}

    def some(*given):
        return [[] if place in bare else own for place, own in enumerate(apart(*given))]

    monkeypatch.setattr(keys, "tokens_apart", some)
    fps = ring.generate("few", 8, source="vocab", template="simple", tokenizer=tokenizer)
    given = {"out": tmp_path / "base", "rows": 4, "config": CONFIG}
    done = plant(model, tokenizer, fps, **given)
    assert 2 in done.silent
    assert 2 not in done.master.positions.tolist()
    copy = stamp(fps, "acme", tmp_path / "acme", ring=ring)
    assert copy.path.is_dir()
    bare |= {3, 4}
    given |= {"out": tmp_path / "other", "licences": tmp_path / "other.licences"}
    with pytest.raises(ImplantError, match=r"3 of 8 keys \(first: 2\) share all their tokens"):
        plant(model, tokenizer, fps, **given)
