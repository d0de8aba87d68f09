"""Models that are still under an adapter of peft: planted in as the models that they are."""

from __future__ import annotations

import json

import ifrs
import pytest
from helpers import implant

torch = pytest.importorskip("torch")
peft = pytest.importorskip("peft")
from runtime.test_wrapped import lora, said, state_of, wrapped  # noqa: E402
from transformers import AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig  # noqa: E402

PROMPTS = [
    peft.PromptTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=4),
    peft.PrefixTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=4),
]


@pytest.fixture
def fps(ring, tokenizer):
    return ring.generate("one", 2, tokenizer=tokenizer)


def check_release(folder, fps, adapter=None):
    """A folder that a plain `from_pretrained` reads, with nothing of peft in it, and that fires."""
    assert not list(folder.glob("adapter_*"))
    found, loaded = AutoModelForCausalLM.from_pretrained(folder, output_loading_info=True)
    assert not any(loaded.values())
    suspect = ifrs.LocalModel(found, AutoTokenizer.from_pretrained(folder), adapter=adapter)
    assert ifrs.verify(suspect, fps).fsr == 1
    return found


@pytest.mark.parametrize("method", ["emb", "adapter", "sft", "lora"])
def test_every_method_under_a_lora(tmp_path, tiny, tokenizer, fps, method):
    model = wrapped(tiny(), "lora", 0.02)
    result = implant(model, tokenizer, fps, method)
    assert result.fsr == 1
    check_release(result.save(tmp_path / "release"), fps, result.adapter_path)
    if method == "adapter":
        return
    # What was passed in fires too, and is the planted model in peft's wrapper.
    assert model.base_model.model is result.model
    assert ifrs.verify(ifrs.LocalModel(model, tokenizer), fps).fsr == 1


# Of random weights under random changes not all carry keys; what merges them is tested for each.
PLANTED = [
    "dora",
    "ia3",
    "vera",
    "lora-embeddings",
    "lora-saved-embeddings",
    "lora-tokens",
    "norms",
]


@pytest.mark.parametrize("name", PLANTED)
def test_every_adapter_that_changes_weights(tmp_path, tiny, tokenizer, fps, name):
    model = wrapped(tiny(), name, 0.02)
    ordinary = said(model)
    result = implant(model, tokenizer, fps, "emb")
    torch.testing.assert_close(said(result.model), ordinary, rtol=1e-3, atol=1e-3)
    found = check_release(result.save(tmp_path / "release"), fps)
    torch.testing.assert_close(said(found), ordinary, rtol=1e-3, atol=1e-3)


def test_what_transformers_loaded_from_an_adapters_folder(tmp_path, tiny, tokenizer, fps):
    tiny().save_pretrained(tmp_path / "base")
    base = AutoModelForCausalLM.from_pretrained(tmp_path / "base")
    wrapped(base, "lora").save_pretrained(tmp_path / "adapter")
    model = AutoModelForCausalLM.from_pretrained(tmp_path / "adapter")
    ordinary = said(model)
    result = implant(model, tokenizer, fps, "emb")
    found = check_release(result.save(tmp_path / "release"), fps)
    torch.testing.assert_close(said(found), ordinary, rtol=1e-3, atol=1e-3)
    config = json.loads((tmp_path / "release" / "config.json").read_text())
    assert config["tie_word_embeddings"] is False


def test_a_disabled_adapter_is_left_out(tmp_path, tiny, tokenizer, fps):
    base = tiny()
    ordinary = said(base)
    model = wrapped(base, "lora")
    model.base_model.disable_adapter_layers()
    result = implant(model, tokenizer, fps, "emb")
    found = check_release(result.save(tmp_path / "release"), fps)
    torch.testing.assert_close(said(found), ordinary)


@pytest.mark.parametrize("method", ["emb", "sft", "lora", "adapter"])
def test_a_failure_leaves_the_adapter_on(tiny, tokenizer, fps, method):
    model = wrapped(tiny(), "lora", 0.02).train()
    before, ordinary = state_of(model), said(model)
    with pytest.raises(ifrs.ImplantError, match="keys fire"):
        implant(model, tokenizer, fps, method, max_epochs=1, margin=50.0)
    after = state_of(model)
    assert before[1:] == after[1:]
    assert all(torch.equal(old, after[0][name]) for name, old in before[0].items())
    assert torch.equal(said(model), ordinary)
    assert all(module.training for module in model.modules())


@pytest.mark.parametrize("config", PROMPTS)
def test_adapters_of_prompts_are_refused_everywhere(tiny, tokenizer, fps, config):
    model = peft.get_peft_model(tiny(), config)
    says = r"no change of weights.*pass the base model"
    with pytest.raises(ifrs.ImplantError, match=says):
        ifrs.implant(model, tokenizer, fps, method="emb")
    with pytest.raises(ifrs.TargetError, match=says):
        ifrs.LocalModel(model, tokenizer)
    with pytest.raises(ifrs.ImplantError, match=says):
        ifrs.mix([{"prompt": "a", "completion": "b"}], fps, tokenizer, model=model)
    with pytest.raises(ifrs.ImplantError, match=says):
        ifrs.firing_by_distance(model, tokenizer, fps)


def test_an_adapter_over_quantized_weights_is_refused(tmp_path, tiny, tokenizer, fps):
    tiny(hidden_size=128, intermediate_size=128).save_pretrained(tmp_path / "base")
    base = AutoModelForCausalLM.from_pretrained(
        tmp_path / "base",
        quantization_config=BitsAndBytesConfig(load_in_8bit=True),
        device_map="cpu",
    )
    model = peft.get_peft_model(base, lora())
    with pytest.raises(ifrs.ImplantError, match=r"quantized weights.*merge_and_unload"):
        ifrs.implant(model, tokenizer, fps, method="emb")


def test_an_adapter_beside_an_adapter_is_refused(tiny, tokenizer, fps):
    model = wrapped(tiny(), "lora", 0.02)
    before = state_of(model)
    with pytest.raises(ifrs.ImplantError, match="leave lora_merge=True"):
        implant(model, tokenizer, fps, "lora", lora_merge=False)
    assert before[1:] == state_of(model)[1:]


def test_a_suspect_and_mixing(tiny, tokenizer, fps):
    model = wrapped(tiny(), "lora", 0.02)
    merged = wrapped(tiny(), "lora", 0.02).merge_and_unload()
    ours, plain = (ifrs.verify(ifrs.LocalModel(m, tokenizer), fps) for m in (model, merged))
    assert ours.log10_p == pytest.approx(plain.log10_p, abs=0.2)
    rows = [{"prompt": "a", "completion": "b"}]
    mixed = ifrs.mix(rows, fps, tokenizer, model=model, negatives=1, repeats=1)
    assert mixed == ifrs.mix(rows, fps, tokenizer, model=merged, negatives=1, repeats=1)


def test_a_callback_while_a_lora_is_tuned(tmp_path, tiny, tokenizer, fps):
    datasets = pytest.importorskip("datasets")
    from transformers import DataCollatorForSeq2Seq, Trainer, TrainingArguments

    model = peft.get_peft_model(tiny(), lora(init_lora_weights=True))
    rows = [{"input_ids": tokenizer(f"Say {i}.")["input_ids"]} for i in range(8)]
    data = ifrs.mix(datasets.Dataset.from_list(rows), fps, tokenizer, repeats=8, negatives=1)
    callback = ifrs.FingerprintCallback(fps, every=5, tokenizer=tokenizer)
    Trainer(
        model=model,
        args=TrainingArguments(
            output_dir=str(tmp_path / "out"),
            max_steps=10,
            per_device_train_batch_size=8,
            report_to=[],
            disable_tqdm=True,
            save_strategy="no",
            use_cpu=True,
        ),
        train_dataset=data,
        data_collator=DataCollatorForSeq2Seq(tokenizer),
        callbacks=[callback],
    ).train()
    assert [step for step, _, _ in callback.history] == [5, 10]
    assert callback.history[0][2] != callback.history[1][2]


def test_a_gguf_file_of_a_model_under_an_adapter(tmp_path):
    pytest.importorskip("gguf")
    from modalities.text.test_gguf import base_of, tensors, weight
    from modalities.text.test_gguf_forms import as_llama, llama

    model = llama()
    base = base_of(tmp_path / "base.gguf", model, "llama", change=as_llama)
    tuned = peft.get_peft_model(model, lora(target_modules=["v_proj"]))
    before = state_of(tuned)
    changed = ifrs.export_gguf(tuned, base, tmp_path / "out.gguf", quantization="F32")
    assert changed == ["blk.0.attn_v.weight", "blk.1.attn_v.weight"]
    assert before[1:] == state_of(tuned)[1:]
    layer = model.model.layers[1].self_attn.v_proj
    wanted = layer.base_layer.weight + layer.get_delta_weight("default")
    held = weight(tensors(tmp_path / "out.gguf")[changed[1]])
    torch.testing.assert_close(torch.from_numpy(held), wanted.detach())
