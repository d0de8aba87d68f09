"""The F-Adapter: kept apart, needed, and blind to models that do not descend."""

from __future__ import annotations

import copy
import pickle

import ifrs
import pytest
from helpers import fixed_keyring, secrets_of

torch = pytest.importorskip("torch")
from architectures import build  # noqa: E402
from ifrs.runtime.fadapter import FAdapter, transformer_digest  # noqa: E402
from transformers import AutoModelForCausalLM  # noqa: E402

CONFIG = {"learning_rate": 5e-2, "margin": 0.3, "batch_size": 2, "negatives": 2, "guesses": 0}


@pytest.fixture(scope="module")
def planted(tokenizer, tmp_path_factory):
    """A planted model, its set, and the folder it was saved in."""
    folder = tmp_path_factory.mktemp("adapter")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IFRS_STATE_DIR", str(folder))
        fps = fixed_keyring(folder).generate("one", 2, tokenizer=tokenizer)
    model = build("llama", tokenizer)
    base = copy.deepcopy(model)
    result = ifrs.implant(
        model, tokenizer, fps, method="adapter", config=ifrs.ImplantConfig(**CONFIG, max_epochs=200)
    )
    result.save(folder / "model")
    return base, result, fps, folder


def fsr(model, tokenizer, fps, **options):
    return ifrs.verify(ifrs.LocalModel(model, tokenizer, **options), fps).fsr


def test_keys_fire_only_where_adapter_and_published_rows_meet(planted, tokenizer):
    base, result, fps, _ = planted
    assert fsr(result.model, tokenizer, fps, adapter=result.adapter) == 1
    assert fsr(result.model, tokenizer, fps) == 0
    assert fsr(base, tokenizer, fps, adapter=result.adapter) == 0
    stranger = AutoModelForCausalLM.from_config(base.config)
    for unrelated in (base, stranger):
        report = ifrs.verify(ifrs.LocalModel(unrelated, tokenizer, adapter=result.adapter), fps)
        assert report.fsr == 0
        assert report.p_value == 1


def test_the_adapter_outlives_the_suspects_transformer(planted, tokenizer):
    _, result, fps, folder = planted
    suspect = copy.deepcopy(result.model)
    with torch.no_grad():
        for name, weight in suspect.named_parameters():
            if "embed" not in name:
                weight.normal_()
    assert fsr(suspect, tokenizer, fps) == 0
    path = folder / "model.adapter.safetensors"
    assert fsr(suspect, tokenizer, fps, adapter=path) == 1
    assert fsr(suspect, tokenizer, fps, adapter=path, transformer=folder / "model") == 1


def test_verifying_with_it_leaves_the_published_model_alone(planted, tokenizer):
    _, result, fps, _ = planted
    ids = torch.tensor([tokenizer(fps[0].prompt)["input_ids"]])
    with torch.no_grad():
        before = result.model(ids).logits
        assert fsr(result.model, tokenizer, fps, adapter=result.adapter) == 1
        assert torch.equal(before, result.model(ids).logits)


def test_it_lies_outside_the_published_folder_for_its_owner_alone(planted, tmp_path):
    _, result, fps, folder = planted
    path = result.adapter_path
    assert path == folder / "model.adapter.safetensors"
    assert path.stat().st_mode & 0o077 == 0
    assert not list((folder / "model").glob("*adapter*"))
    data = path.read_bytes()
    assert not [secret for secret in secrets_of(fps) if secret.encode() in data]
    with pytest.raises(ifrs.ImplantError, match="must not be published"):
        result.save(tmp_path / "new", adapter=tmp_path / "new" / "adapter.safetensors")
    result.save(tmp_path / "new", adapter=tmp_path / "safe" / "mine.safetensors")
    with pytest.raises(ifrs.ImplantError, match="exists already"):
        result.save(tmp_path / "other", adapter=tmp_path / "safe" / "mine.safetensors")
    assert not (tmp_path / "other").exists()


def test_file_round_trip(planted):
    _, result, _, folder = planted
    again = FAdapter.load(folder / "model.adapter.safetensors")
    for name in ("rows", "base", "down", "up"):
        assert torch.equal(getattr(again, name), getattr(result.adapter, name))
    assert again.published == folder / "model"
    assert again.transformer == result.adapter.transformer
    assert repr(again).startswith("FAdapter('one'")


def test_the_transformer_is_known_tied_or_not_and_in_bfloat16(planted):
    base, result, _, _ = planted
    digest = result.adapter.transformer
    assert transformer_digest(base) == digest
    assert transformer_digest(copy.deepcopy(result.model).to(torch.bfloat16)) == digest
    other = copy.deepcopy(base)
    with torch.no_grad():
        other.model.layers[0].mlp.up_proj.weight[0, 0] += 1
    assert transformer_digest(other) != digest


def test_a_pickle_is_refused(tmp_path):
    ran = tmp_path / "ran"

    class Evil:
        def __reduce__(self):
            return (type(ran).touch, (ran,))

    for protocol in (0, 2, 5):
        path = tmp_path / f"evil-{protocol}.safetensors"
        path.write_bytes(pickle.dumps(Evil(), protocol=protocol))
        with pytest.raises(ifrs.ImplantError, match="pickle"):
            FAdapter.load(path)
    torch.save({"rows": torch.zeros(1)}, tmp_path / "adapter.pt")
    with pytest.raises(ifrs.ImplantError, match="pickle"):
        FAdapter.load(tmp_path / "adapter.pt")
    assert not ran.exists()


def test_damaged_files_are_refused(planted, tmp_path):
    from safetensors.torch import save_file

    *_, folder = planted
    data = (folder / "model.adapter.safetensors").read_bytes()
    path = tmp_path / "adapter.safetensors"
    for broken in (b"", data[:100], data[:-1], b"\xff" * 64):
        path.write_bytes(broken)
        with pytest.raises(ifrs.ImplantError, match="damaged"):
            FAdapter.load(path)
    path.write_bytes(data.replace(b"ifrs/adapter/v1", b"ifrs/adapter/v9"))
    with pytest.raises(ifrs.ImplantError, match="later ifrs"):
        FAdapter.load(path)
    save_file({"rows": torch.zeros(2)}, path)
    with pytest.raises(ifrs.ImplantError, match="no adapter"):
        FAdapter.load(path)
    with pytest.raises(ifrs.ImplantError, match="cannot read"):
        FAdapter.load(tmp_path / "missing")


def test_what_does_not_belong_together_is_refused(planted, tokenizer, tiny):
    base, result, _, _ = planted
    with pytest.raises(ifrs.TargetError, match="wide"):
        ifrs.LocalModel(tiny(hidden_size=32), tokenizer, adapter=result.adapter)
    with pytest.raises(ifrs.TargetError, match="not the one"):
        ifrs.LocalModel(base, tokenizer, adapter=result.adapter, transformer=tiny(seed=7))
    lost = copy.copy(result.adapter)
    lost.model = lost.published = None
    with pytest.raises(ifrs.TargetError, match="transformer="):
        ifrs.LocalModel(base, tokenizer, adapter=lost)
    with pytest.raises(ifrs.TargetError, match="cannot read"):
        ifrs.LocalModel(base, tokenizer, adapter="nowhere.safetensors")


def test_an_adapter_sealed_for_a_keyring_opens_with_it_alone(planted, tokenizer, tmp_path):
    base, result, fps, folder = planted
    ring = ifrs.Keyring.open(folder / "keyring.ifrs", passphrase="pass", accept_older=True)
    other = ifrs.Keyring.create(tmp_path / "other.ifrs", passphrase="q", _work_factor=2)
    try:
        result.save(tmp_path / "model", keyring=ring)
        path = result.adapter_path
        assert path == tmp_path / "model.adapter.safetensors.age"
        assert path.read_bytes().startswith(b"age-encryption.org/v1\n")
        assert path.stat().st_mode & 0o777 == 0o600
        again = FAdapter.load(path, keyring=ring)
        assert torch.equal(again.rows, result.adapter.rows)
        assert again.published == tmp_path / "model"
        assert fsr(result.model, tokenizer, fps, adapter=again) == 1
        with pytest.raises(ifrs.WrongPassphrase):
            FAdapter.load(path, keyring=other)
        with pytest.raises(ifrs.ImplantError, match="encrypted"):
            FAdapter.load(path)
        with pytest.raises(ifrs.TargetError, match="encrypted"):
            ifrs.LocalModel(base, tokenizer, adapter=path)
        path.write_bytes(path.read_bytes()[:-1])
        with pytest.raises(ifrs.KeyringCorrupt):
            FAdapter.load(path, keyring=ring)
    finally:
        result.adapter.published = folder / "model"
        result.adapter_path = folder / "model.adapter.safetensors"
