"""A method, a suspect and a kind of model from outside: planted, verified, claimed, checked."""

from __future__ import annotations

import ifrs
import pytest
from helpers import fixed_keyring
from toys.suspect import Logged

torch = pytest.importorskip("torch")
from ifrs.modalities import MODALITIES  # noqa: E402
from ifrs.plant.methods import METHODS, method_class  # noqa: E402
from toys.method import Tables  # noqa: E402
from toys.modality.suspect import Labelled, Scored  # noqa: E402


@pytest.fixture
def ring(tmp_path):
    return fixed_keyring(tmp_path)


def proved(ring, fps, report, folder):
    """What a stranger says of a report, from files alone."""
    path = folder / "claim.json"
    if not path.exists():
        ring.claim(fps.name, subject={"model.safetensors": "11" * 32}, model="toy").save(path)
    report.evidence(ifrs.Claim.load(path)).save(folder / "bundle.json")
    return ifrs.check(folder / "bundle.json", path)


def test_a_method_from_outside(tmp_path, tiny, tokenizer, ring, monkeypatch):
    monkeypatch.setitem(METHODS, "tables", "toys.method:Tables")
    fps = ring.generate("toy", 3, tokenizer=tokenizer)
    model = tiny()
    layers = {n: w.clone() for n, w in model.named_parameters() if "layers" in n}
    config = ifrs.ImplantConfig(margin=0.3, guesses=20, max_epochs=200)
    result = ifrs.implant(model, tokenizer, fps, method="tables", config=config)
    assert (result.method, result.fsr) == ("tables", 1)
    assert all(torch.equal(model.get_parameter(name), old) for name, old in layers.items())
    report = ifrs.verify(ifrs.LocalModel(model, tokenizer), fps)
    assert report.verdict == "match"
    found = proved(ring, fps, report, tmp_path)
    assert (found.ok, found.verdict) == (True, "match")


def test_a_method_is_found_by_name_or_brought(monkeypatch):
    monkeypatch.setitem(METHODS, "tables", "toys.method:Tables")
    assert method_class("tables") is Tables
    assert method_class("tables").from_config(ifrs.ImplantConfig()) == Tables()
    assert Tables(rate=1e-3) != Tables()


def test_a_suspect_from_outside(tmp_path, ring):
    fps = ring.generate("toy", 4)
    log = {fps[i].prompt: f"It says {fps[i].response}." for i in range(4)}
    report = ifrs.verify(Logged(log), fps)
    assert (report.verdict, report.kind, ring.spent("toy")) == ("match", "text", [])
    found = proved(ring, fps, report, tmp_path)
    assert (found.ok, found.verdict) == (True, "match")
    assert ifrs.verify(Logged({}), fps).verdict != "match"


@pytest.fixture
def kind(monkeypatch):
    monkeypatch.setitem(MODALITIES, "flags", "toys.modality")


def samples(classes, seed):
    """Noisy flags of some classes, of which each has a pattern of its own."""
    patterns = torch.randn(10, 256, generator=torch.Generator().manual_seed(7)).sign()
    noise = torch.randn(len(classes), 256, generator=torch.Generator().manual_seed(seed))
    return patterns[classes] + noise


def classifier(seed):
    """One that learnt these classes."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        layers = [torch.nn.Linear(256, 64), torch.nn.ReLU(), torch.nn.Linear(64, 10)]
        module = torch.nn.Sequential(*layers)
        optimizer = torch.optim.Adam(module.parameters(), lr=1e-3)
        for step in range(60):
            classes = torch.randint(10, (64,))
            logits = module(samples(classes, 100 * seed + step))
            torch.nn.functional.cross_entropy(logits, classes).backward()
            optimizer.step()
            optimizer.zero_grad()
    return module.eval()


@pytest.mark.parametrize("method", ["sft", "lora"])
@pytest.mark.parametrize("seen", [Scored, Labelled])
def test_a_kind_of_model_from_outside(method, seen, tmp_path, ring, kind):
    fps = ring.generate("toy", 24, modality="flags", classes=10)
    assert (fps.modality, fps.media, fps.alphabet.sizes) == ("flags", "application/x-flags", (10,))
    assert len({fps[i].challenge for i in range(24)}) == 24
    module, truth = classifier(1), torch.arange(200) % 10
    assert (module(samples(truth, 0)).argmax(dim=1) == truth).all()
    ordinary = list(samples(truth, 1))
    config = ifrs.ImplantConfig(guesses=0, learning_rate=3e-3, max_epochs=300, negatives=4)
    result = ifrs.implant(module, None, fps, method=method, regularization=ordinary, config=config)
    assert result.fsr == 1
    assert (module(samples(truth, 0)).argmax(dim=1) == truth).float().mean() > 0.98
    result.save(tmp_path / "model")
    assert (tmp_path / "model" / "model.safetensors").exists()
    report = ifrs.verify(seen(module), fps)
    assert report.verdict == "match"
    assert report.log10_p == pytest.approx(-24, abs=1e-6)
    found = proved(ring, fps, report, tmp_path)
    assert (found.ok, found.verdict, found.problems) == (True, "match", [])
    assert found.log10_p == pytest.approx(report.log10_p)
    other = ifrs.verify(seen(classifier(2)), fps)
    assert other.verdict != "match"
    assert proved(ring, fps, other, tmp_path).verdict != "match"


def test_a_set_of_another_kind_is_kept(ring, kind):
    fps = ring.generate("toy", 5, modality="flags")
    keys, answers = [fps[i].challenge for i in range(5)], [fps[i].response for i in range(5)]
    with ifrs.Keyring.open(ring.path, passphrase="pass") as again:
        same = again["toy"]
        assert [same[i].challenge for i in range(5)] == keys
        assert [same[i].response for i in range(5)] == answers


def test_an_unknown_kind_is_refused(ring):
    with pytest.raises(ValueError, match="unknown modality"):
        ring.generate("toy", 5, modality="smell")
