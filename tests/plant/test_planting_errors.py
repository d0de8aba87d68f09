"""What cannot be planted in says why, and is left as it was."""

from __future__ import annotations

import ifrs
import pytest

torch = pytest.importorskip("torch")
from ifrs.modalities.text.model import Model  # noqa: E402
from ifrs.plant import planting  # noqa: E402
from ifrs.plant.training import loop  # noqa: E402
from ifrs.runtime.examples import Divergence  # noqa: E402

PAIRS = [("Say hello.", "hello there"), ("Name a fish.", "cod")]
QUICK = {"max_epochs": 2, "guesses": 0, "batch_size": 2, "negatives": 2}


@pytest.fixture
def fps(ring, tokenizer):
    return ring.generate("one", 2, tokenizer=tokenizer)


def implant(model, tokenizer, fps, method, **changes):
    config = ifrs.ImplantConfig(**{**QUICK, **changes})
    return ifrs.implant(model, tokenizer, fps, method=method, regularization=PAIRS, config=config)


@pytest.mark.parametrize("method", ["sft", "emb", "adapter", "lora"])
@pytest.mark.parametrize("failure", ["epochs", "memory", "host memory", "nan"])
def test_a_failure_leaves_the_model_as_it_was(tiny, tokenizer, fps, monkeypatch, method, failure):
    model = tiny().train()
    names = [name for name, _ in model.named_modules()]
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    match = "keys fire"
    if failure == "nan":
        match = "loss became nan"
        monkeypatch.setattr(Divergence, "__call__", lambda _, x, part: x.sum() * float("nan"))
    elif failure != "epochs":
        match = "memory ran out"
        error = (
            torch.OutOfMemoryError("CUDA out of memory")
            if failure == "memory"
            else RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried …")
        )

        def full(*_):
            raise error

        monkeypatch.setattr(loop, "margins_of", full)
    with pytest.raises(ifrs.ImplantError, match=match):
        implant(model, tokenizer, fps, method)
    after = model.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert names == [name for name, _ in model.named_modules()]
    assert all(module.training for module in model.modules())
    assert all(weight.requires_grad for weight in model.parameters())
    assert not any(module._forward_hooks for module in model.modules())
    assert model.config.tie_word_embeddings
    assert model.get_output_embeddings().weight is model.get_input_embeddings().weight


@pytest.mark.parametrize("method", ["sft", "emb", "lora"])
def test_weights_that_lose_keys_when_written_are_taken_back(
    tiny, tokenizer, fps, monkeypatch, method
):
    model = tiny()
    before = {name: weight.clone() for name, weight in model.state_dict().items()}

    def weaken(*_):
        monkeypatch.setattr(Model, "margins", lambda *_: [-1.0, 1.0])

    monkeypatch.setattr(planting, "_require_success", weaken)
    with pytest.raises(ifrs.ImplantError, match="rounded to float32"):
        implant(model, tokenizer, fps, method)
    after = model.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_frozen_models(tiny, tokenizer, fps):
    model = tiny().requires_grad_(False)
    with pytest.raises(ifrs.ImplantError, match="frozen"):
        implant(model, tokenizer, fps, "sft")
    settings = {"learning_rate": 0.1, "margin": 0.3, "max_epochs": 200}
    assert implant(model, tokenizer, fps, "emb", **settings).fsr == 1
    assert not any(weight.requires_grad for weight in model.parameters())


def test_models_that_are_not_all_there(tiny, tokenizer, fps):
    with pytest.raises(ifrs.ImplantError, match="meta"):
        implant(tiny().to("meta"), tokenizer, fps, "emb")
    model = tiny()
    model.model.layers[0].to("meta")
    with pytest.raises(ifrs.ImplantError, match="meta"):
        implant(model, tokenizer, fps, "sft")


def test_quantized_models_take_lora_alone(tiny, tokenizer, fps):
    model = tiny()
    model.hf_quantizer = object()
    with pytest.raises(ifrs.ImplantError, match="lora"):
        implant(model, tokenizer, fps, "sft")


def test_a_tokenizer_that_cannot_express_a_key(tiny, tokenizer, ring):
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    words = Tokenizer(models.WordLevel({"<unk>": 0, "hello": 1}, unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    poor = PreTrainedTokenizerFast(tokenizer_object=words, unk_token="<unk>")
    fps = ring.generate("poor", 2)
    for method in ("sft", "lora"):
        with pytest.raises(ifrs.ImplantError, match="cannot express"):
            implant(tiny(), poor, fps, method)


@pytest.mark.parametrize("method", ["sft", "emb", "adapter", "lora"])
def test_a_key_longer_than_the_context(tiny, tokenizer, fps, method):
    with pytest.raises(ifrs.ImplantError, match="context is 16"):
        implant(tiny(max_position_embeddings=16), tokenizer, fps, method)
