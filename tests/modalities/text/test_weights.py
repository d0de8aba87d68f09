"""A suspect whose weights were not all read is no suspect; the names of wrappers are stripped."""

from __future__ import annotations

import json

import ifrs
import pytest
from ifrs.cli import main
from ifrs.errors import TargetError, TargetWarning

torch = pytest.importorskip("torch")
from safetensors.torch import load_file, save_file  # noqa: E402

WRAPPED = {
    "compiled": lambda name: f"_orig_mod.{name}",
    "compiled-within": lambda name: name.replace("self_attn.", "_orig_mod.self_attn."),
    "ddp": lambda name: f"module.{name}",
    "both": lambda name: f"module._orig_mod.{name}",
    "multimodal": lambda name: f"language_model.{name}",
    "multimodal-within": lambda name: name.replace("model.", "model.language_model.", 1),
    "fsdp": lambda name: name.replace("layers.0.", "layers.0._fsdp_wrapped_module."),
}


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    """A planted folder, and the keyring's folder."""
    from helpers import fixed_keyring, small_tokenizer, tiny_config
    from transformers import AutoModelForCausalLM

    folder = tmp_path_factory.mktemp("planted")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IFRS_STATE_DIR", str(folder / "state"))
        tokenizer = small_tokenizer()
        ring = fixed_keyring(folder)
        fps = ring.generate("one", 5, tokenizer=tokenizer)
        torch.manual_seed(0)
        model = AutoModelForCausalLM.from_config(tiny_config(tokenizer)).eval()
        config = ifrs.ImplantConfig(learning_rate=5e-2, margin=0.5, max_epochs=200, guesses=0)
        result = ifrs.implant(model, tokenizer, fps, method="emb", config=config)
        result.save(folder / "model")
        ring.close()
    (folder / "pass").write_text("pass")
    return folder


def rewritten(planted, folder, change):
    """The planted folder with other tensors: `change` takes their dict and gives another."""
    import shutil

    shutil.copytree(planted / "model", folder)
    file = folder / "model.safetensors"
    save_file(change(load_file(file)), file, metadata={"format": "pt"})
    return folder


def verified(planted, folder, *options) -> int:
    given = ["--passphrase-file", planted / "pass", "--accept-older", *options]
    return main(["verify", *map(str, [folder, planted / "keyring.ifrs", "one", *given])])


@pytest.mark.parametrize("wrapper", WRAPPED)
def test_wrappers_are_stripped_and_said(planted, tmp_path, wrapper, capsys):
    name = WRAPPED[wrapper]
    folder = rewritten(planted, tmp_path / "m", lambda t: {name(k): v for k, v in t.items()})
    assert verified(planted, folder) == 0
    said = [line for line in capsys.readouterr().err.splitlines() if "stripped" in line]
    assert len(said) == 1
    assert said[0].startswith("ifrs: warning: ")
    with pytest.warns(TargetWarning, match="stripped"):
        ifrs.LocalModel.from_pretrained(folder)


@pytest.mark.parametrize("gone", ["embed_tokens", "layers.1.mlp.down_proj"])
def test_missing_tensors_are_named(planted, tmp_path, gone, capsys):
    def without(tensors):
        return {name: tensor for name, tensor in tensors.items() if gone not in name}

    folder = rewritten(planted, tmp_path / "m", without)
    assert verified(planted, folder) == 2
    said = capsys.readouterr().err
    assert gone in said
    assert len(said.strip().splitlines()) == 1


def test_what_is_left_over_or_of_another_shape_is_named(planted, tmp_path):
    more = rewritten(planted, tmp_path / "more", lambda t: {**t, "adapter.up": torch.zeros(2)})
    with pytest.raises(TargetError, match=r"no place in the model: adapter\.up"):
        ifrs.LocalModel.from_pretrained(more)
    other = rewritten(planted, tmp_path / "other", dict)
    config = json.loads((other / "config.json").read_text())
    (other / "config.json").write_text(json.dumps({**config, "intermediate_size": 96}))
    with pytest.raises(TargetError, match=r"another shape.*mlp\.\w+_proj"):
        ifrs.LocalModel.from_pretrained(other)
    computed = "model.layers.0.self_attn.rotary_emb.inv_freq"
    fine = rewritten(planted, tmp_path / "fine", lambda t: {**t, computed: torch.zeros(8)})
    assert ifrs.LocalModel.from_pretrained(fine).model is not None


def test_implant_refuses_such_a_base(planted, tmp_path, capsys):
    folder = rewritten(
        planted, tmp_path / "m", lambda t: {k: v for k, v in t.items() if "layers.1" not in k}
    )
    out = tmp_path / "out"
    options = ["--out", out, "--passphrase-file", planted / "pass", "--accept-older"]
    command = ["implant", folder, planted / "keyring.ifrs", "one", *options]
    assert main([*map(str, command)]) == 2
    assert "layers.1" in capsys.readouterr().err
    assert not out.exists()


@pytest.mark.parametrize("change", ["missing", "renamed", "base", "wrapped base"])
def test_adapters_and_their_bases_are_whole(planted, tmp_path, change):
    peft = pytest.importorskip("peft")
    from transformers import AutoModelForCausalLM

    base = rewritten(planted, tmp_path / "base", dict)
    model = AutoModelForCausalLM.from_pretrained(base)
    settings = peft.LoraConfig(target_modules=["q_proj"], task_type="CAUSAL_LM")
    tuned = peft.get_peft_model(model, settings)
    tuned.save_pretrained(tmp_path / "lora")
    file = tmp_path / "lora" / "adapter_config.json"
    config = json.loads(file.read_text())
    file.write_text(json.dumps({**config, "base_model_name_or_path": str(base)}))
    import shutil

    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(base / name, tmp_path / "lora")
    assert ifrs.LocalModel.from_pretrained(tmp_path / "lora").model is not None
    weights = tmp_path / "lora" / "adapter_model.safetensors"
    tensors = load_file(weights)
    if change == "missing":
        tensors.popitem()
    elif change == "renamed":
        tensors = {f"other.{name}": tensor for name, tensor in tensors.items()}
    elif change == "wrapped base":
        held = {f"module.{k}": v for k, v in load_file(base / "model.safetensors").items()}
        save_file(held, base / "model.safetensors", metadata={"format": "pt"})
    else:
        held = load_file(base / "model.safetensors")
        held.pop("model.layers.1.mlp.down_proj.weight")
        save_file(held, base / "model.safetensors", metadata={"format": "pt"})
    save_file(tensors, weights, metadata={"format": "pt"})
    with pytest.raises(TargetError, match=r"missing from the weights|names of a wrapper"):
        ifrs.LocalModel.from_pretrained(tmp_path / "lora")


def test_a_token_beyond_the_table_is_no_harm(ring, tiny, tokenizer, tmp_path):
    """As Gemma 3 270M came: `<image_soft_token>` has no row in the model."""
    import copy

    more = copy.deepcopy(tokenizer)
    more.add_special_tokens({"additional_special_tokens": ["<image_soft_token>"]})
    model = tiny(vocab_size=len(tokenizer))
    assert len(more) == model.get_input_embeddings().weight.shape[0] + 1
    fps = ring.generate("more", 5, source="vocab", tokenizer=more, model=model)
    config = ifrs.ImplantConfig(learning_rate=5e-2, margin=0.5, max_epochs=200, guesses=10)
    result = ifrs.implant(model, more, fps, method="emb", config=config)
    result.save(tmp_path / "model")
    suspect = ifrs.LocalModel.from_pretrained(tmp_path / "model")
    assert ifrs.verify(suspect, fps).verdict == "match"
    smaller = tiny(vocab_size=len(tokenizer) // 2)
    with pytest.raises(ifrs.FingerprintError, match="the model's own tokenizer"):
        ring.generate("less", 5, tokenizer=more, model=smaller)
    with pytest.raises(ifrs.ImplantError, match="this model's tokenizer"):
        ifrs.implant(smaller, more, fps)


def test_a_subfolder_holds_the_tokenizer_too(planted, tmp_path):
    import shutil

    shutil.copytree(planted / "model", tmp_path / "all" / "inner")
    assert verified(planted, tmp_path / "all", "--subfolder", "inner") == 0
    suspect = ifrs.LocalModel.from_pretrained(tmp_path / "all", subfolder="inner")
    assert len(suspect.tokenizer) > 0
