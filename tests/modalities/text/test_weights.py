"""A suspect whose weights were not all read is no suspect; the names of wrappers are stripped."""

from __future__ import annotations

import json
import warnings

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
    "fsdp-twice": lambda name: (
        "_fsdp_wrapped_module." + name.replace("layers.0.", "layers.0._fsdp_wrapped_module.")
    ),
    "compiled-multimodal": lambda name: f"_orig_mod.language_model.{name}",
    "ddp-twice": lambda name: f"module.module.{name}",
    "ddp-peft": lambda name: f"module.base_model.model.{name}",
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
        suspect = ifrs.LocalModel.from_pretrained(folder)
    with ifrs.Keyring.open(planted / "keyring.ifrs", passphrase="pass") as ring:
        report = ifrs.verify(suspect, ring["one"], ring=False)
    assert any("stripped" in note for note in report.notes)


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


def test_a_wrapped_base_is_saved_bare(planted, tmp_path):
    """What is released from such a base has its tensors under the model's own names."""
    own = load_file(planted / "model" / "model.safetensors")
    wrap = WRAPPED["compiled-multimodal"]
    folder = rewritten(planted, tmp_path / "m", lambda t: {wrap(k): v for k, v in t.items()})
    with pytest.warns(TargetWarning, match=r"_orig_mod\., language_model\."):
        loaded = ifrs.LocalModel.from_pretrained(folder)
    loaded.model.save_pretrained(tmp_path / "again")
    again = load_file(tmp_path / "again" / "model.safetensors")
    assert set(again) == set(own)
    assert all(torch.equal(again[name], own[name]) for name in own)


def test_parts_of_what_is_put_together_are_named(tmp_path, tokenizer):
    """Experts are many tensors in a file, and one in the model."""
    from transformers import AutoModelForCausalLM, MixtralConfig

    config = MixtralConfig(
        vocab_size=len(tokenizer),
        hidden_size=16,
        intermediate_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=2,
        num_local_experts=4,
    )
    AutoModelForCausalLM.from_config(config).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    file = tmp_path / "model.safetensors"
    tensors = load_file(file)
    gone = next(name for name in tensors if ".experts.2." in name)
    del tensors[gone]
    save_file(tensors, file, metadata={"format": "pt"})
    with pytest.raises(TargetError, match=r"parts are missing.*layers\.0\.mlp\.experts"):
        ifrs.LocalModel.from_pretrained(tmp_path)


def test_another_head_is_left_out_and_said(planted, tmp_path):
    head = {"v_head.summary.weight": torch.zeros(1, 64)}
    folder = rewritten(planted, tmp_path / "m", lambda t: {**t, **head})
    with pytest.warns(TargetWarning, match=r"left out \(v_head"):
        assert ifrs.LocalModel.from_pretrained(folder).model is not None


@pytest.fixture
def adapted(planted, tmp_path):
    """Makes the folder of an adapter on a copy of the planted model, and gives its logits too."""
    peft = pytest.importorskip("peft")
    from transformers import AutoModelForCausalLM

    base = rewritten(planted, tmp_path / "base", dict)

    def make(**settings):
        given = {"target_modules": ["q_proj"], "task_type": "CAUSAL_LM", **settings}
        tuned = peft.get_peft_model(
            AutoModelForCausalLM.from_pretrained(base), peft.LoraConfig(**given)
        )
        torch.manual_seed(0)
        with torch.no_grad():
            for weight in tuned.parameters():
                if weight.requires_grad:
                    weight += 0.1 * torch.randn_like(weight)
        tuned.save_pretrained(tmp_path / "lora")
        for file in (planted / "model").glob("tokenizer*"):
            (tmp_path / "lora" / file.name).write_bytes(file.read_bytes())
        return tmp_path / "lora", logits(tuned.eval())

    return make


def logits(model):
    with torch.no_grad():
        return model(input_ids=torch.tensor([[5, 6, 7]])).logits


KINDS = {
    "lora": {},
    "dora": {"use_dora": True},
    "whole-layers": {"modules_to_save": ["norm"]},
    "tokens": {"trainable_token_indices": [5, 6]},
}


@pytest.mark.parametrize("kind", KINDS)
def test_adapters_are_read_as_they_were_saved(adapted, kind):
    folder, wanted = adapted(**KINDS[kind])
    assert torch.equal(logits(ifrs.LocalModel.from_pretrained(folder).model), wanted)


@pytest.mark.parametrize(
    ("kind", "change"),
    [("lora", "missing"), ("dora", "missing"), ("whole-layers", "missing"), ("lora", "renamed")],
)
def test_adapters_are_whole(adapted, kind, change):
    folder, _ = adapted(**KINDS[kind])
    weights = folder / "adapter_model.safetensors"
    tensors = load_file(weights)
    if change == "missing":
        tensors.pop(next(name for name in tensors if kind != "whole-layers" or "norm" in name))
    else:
        tensors = {f"other.{name}": tensor for name, tensor in tensors.items()}
    save_file(tensors, weights, metadata={"format": "pt"})
    with pytest.raises(TargetError, match="missing from the weights"):
        ifrs.LocalModel.from_pretrained(folder)


def test_an_adapter_of_another_shape_is_named(adapted):
    folder, _ = adapted()
    weights = folder / "adapter_model.safetensors"
    cut = {name: tensor[:2].contiguous() for name, tensor in load_file(weights).items()}
    save_file(cut, weights, metadata={"format": "pt"})
    with pytest.raises(TargetError, match=r"another shape: size mismatch for \S*lora_A"):
        ifrs.LocalModel.from_pretrained(folder)


def test_the_base_behind_an_adapter_is_whole(adapted, tmp_path):
    folder, wanted = adapted()
    weights = tmp_path / "base" / "model.safetensors"
    held = load_file(weights)
    save_file({f"module.{k}": v for k, v in held.items()}, weights, metadata={"format": "pt"})
    with pytest.warns(TargetWarning, match="module"):
        suspect = ifrs.LocalModel.from_pretrained(folder)
    assert torch.equal(logits(suspect.model), wanted)
    held.pop("model.layers.1.mlp.down_proj.weight")
    save_file(held, weights, metadata={"format": "pt"})
    with pytest.raises(TargetError, match=r"missing from the weights: .*down_proj"):
        ifrs.LocalModel.from_pretrained(folder)


def test_an_adapter_beside_its_base_without_a_tokenizer(adapted, tmp_path):
    """The folder's own weights are the base then, wherever the adapter says that it lies."""
    folder, wanted = adapted()
    for file in folder.glob("tokenizer*"):
        file.unlink()
    suspect = ifrs.LocalModel.from_pretrained(folder)
    assert len(suspect.tokenizer) > 0
    file = folder / "adapter_config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "base_model_name_or_path": "x/y"}))
    for own in (tmp_path / "base").iterdir():
        (folder / own.name).write_bytes(own.read_bytes())
    with pytest.warns(TargetWarning, match="a whole model and an adapter, which was put on top"):
        suspect = ifrs.LocalModel.from_pretrained(folder)
    assert torch.equal(logits(suspect.model), wanted)
    assert "remove adapter_config.json" in suspect.notes[0]


def test_an_adapter_whose_base_is_drawn_anew_is_told(adapted):
    folder, wanted = adapted(init_lora_weights="pissa")
    with warnings.catch_warnings():
        warnings.simplefilter("error", TargetWarning)
        suspect = ifrs.LocalModel.from_pretrained(folder)
    assert torch.allclose(logits(suspect.model), wanted, atol=1e-3)
    folder, _ = adapted(init_lora_weights="pissa_niter_4")
    with pytest.warns(TargetWarning, match="under another torch seed"):
        suspect = ifrs.LocalModel.from_pretrained(folder)
    assert any("converted to a plain LoRA" in note for note in suspect.notes)


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
