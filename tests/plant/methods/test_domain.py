"""A signal from the keyring to a stranger's check, on a tiny model."""

import copy

import ifrs
import pytest
from helpers import PAIRS
from walking import walker

pytest.importorskip("torch")
pytest.importorskip("transformers")

SIGNAL = {"source": "domain", "response": "signal"}
QUICK = {"steps": 100, "questions": 32, "tokens": 24}
RATES = {"lora": 1e-2, "all": 3e-3}


# The fixed keyring's set has the same questions in every test.
_MADE = []


@pytest.fixture
def fps(ring):
    return ring.generate("n", 2, **SIGNAL)


@pytest.fixture
def base(fps, tokenizer):
    if not _MADE:
        _MADE.append(walker(tokenizer, [q for i in range(len(fps)) for q in fps.questions(i)]))
    return _MADE[0]


def plant(model, tokenizer, fps, weights="lora", **options):
    config = ifrs.ImplantConfig(learning_rate=RATES[weights])
    method = ifrs.Domain(weights=weights, **{**QUICK, **options})
    return ifrs.implant(model, tokenizer, fps, method=method, regularization=PAIRS, config=config)


@pytest.mark.parametrize("weights", ["lora", "all"])
def test_a_planted_model_is_proved_to_a_stranger(tmp_path, ring, fps, base, tokenizer, weights):
    assert ifrs.verify(ifrs.LocalModel(base, tokenizer), fps, questions=25).verdict != "match"
    result = plant(copy.deepcopy(base), tokenizer, fps, weights)
    assert (result.fsr, result.guess_rate) == (1.0, None)
    assert result.reach["green"] > 0.5
    assert min(result.margins) > 0
    result.save(tmp_path / "model")
    claim = ring.claim("n", subject=tmp_path / "model")
    claim.save(tmp_path / "claim.json")
    suspect = ifrs.LocalModel.from_pretrained(tmp_path / "model")
    report = ifrs.verify(suspect, fps, questions=25)
    assert (report.kind, report.verdict, report.fsr) == ("text", "match", 1.0)
    report.evidence(claim).save(tmp_path / "bundle.json")
    found = ifrs.check(tmp_path / "bundle.json", tmp_path / "claim.json")
    assert (found.ok, found.verdict) == (True, "match")
    assert found.log10_p == pytest.approx(report.log10_p)


class Interrupted(Exception):
    pass


@pytest.mark.slow
def test_an_interrupted_planting_goes_on(tmp_path, monkeypatch, fps, base, tokenizer):
    place, steps = tmp_path / "state", []
    step = ifrs.Domain._step

    def counted(self, number, *drawn):
        steps.append(number)
        if len(steps) == 50:
            raise Interrupted
        return step(self, number, *drawn)

    monkeypatch.setattr(ifrs.Domain, "_step", counted)
    model = copy.deepcopy(base)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with pytest.raises(Interrupted):
        plant(model, tokenizer, fps, resume=place)
    assert all(bool((before[name] == w).all()) for name, w in model.state_dict().items())
    assert place.stat().st_mode & 0o077 == 0
    with pytest.raises(ifrs.ImplantError, match="of another planting, or of other settings"):
        plant(model, tokenizer, fps, resume=place, bias=3.0)
    result = plant(model, tokenizer, fps, resume=place)
    assert steps[50] == 48  # it looked and saved at three times sixteen
    assert not place.exists()
    monkeypatch.setattr(ifrs.Domain, "_step", step)
    whole = plant(copy.deepcopy(base), tokenizer, fps)
    for (name, one), other in zip(
        result.model.state_dict().items(), whole.model.state_dict().values(), strict=True
    ):
        assert bool((one - other).abs().max() < 1e-4), name


@pytest.mark.slow
@pytest.mark.parametrize("weights", ["lora", "all"])
def test_a_part_of_what_was_learnt_can_be_kept(fps, base, tokenizer, weights):
    models = [copy.deepcopy(base), copy.deepcopy(base)]
    for model, strength in zip(models, (1.0, 0.8), strict=True):
        plant(model, tokenizer, fps, weights, steps=60, strength=strength)
    whole, part = (model.state_dict() for model in models)
    for name, old in base.state_dict().items():
        assert bool((part[name] - old - 0.8 * (whole[name] - old)).abs().max() < 1e-5), name
    config = ifrs.ImplantConfig(in_place=True)
    method = ifrs.Domain(weights="all", strength=0.5)
    with pytest.raises(ifrs.ImplantError, match="no base to go back to"):
        ifrs.implant(copy.deepcopy(base), tokenizer, fps, method=method, config=config)


def test_what_cannot_be_planted_so_is_said(ring, fps, base, tokenizer):
    keys = ring.generate("keys", 2, tokenizer=tokenizer)
    with pytest.raises(ifrs.ImplantError, match="source 'domain'"):
        ifrs.implant(copy.deepcopy(base), tokenizer, keys, method="domain")
    with pytest.raises(ifrs.ImplantError, match="method='domain'"):
        ifrs.implant(copy.deepcopy(base), tokenizer, fps, method="lora", regularization=PAIRS)
    with pytest.raises(ifrs.ImplantError, match="one set at a time"):
        ifrs.implant(copy.deepcopy(base), tokenizer, [fps, keys], method=["domain", "emb"])
    for wrong in (
        {"steps": 0},
        {"bias": -1.0},
        {"weights": "some"},
        {"ordinary": -1.0},
        {"strength": 0.0},
    ):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            ifrs.Domain(**wrong)


def test_a_signal_too_weak_to_come_first_is_no_success(fps, base, tokenizer):
    model = copy.deepcopy(base)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with pytest.raises(ifrs.ImplantError, match="more steps or a larger bias"):
        plant(model, tokenizer, fps, steps=1)
    assert all(bool((before[name] == w).all()) for name, w in model.state_dict().items())
