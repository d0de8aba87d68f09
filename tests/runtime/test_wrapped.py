"""Adapters of peft: what a merged model says, and how a model comes back as it was."""

from __future__ import annotations

import copy

import pytest
from ifrs.errors import ImplantError
from ifrs.runtime.wrapped import has_adapters, merged, within

torch = pytest.importorskip("torch")
peft = pytest.importorskip("peft")

LINEAR = ["q_proj", "v_proj", "down_proj"]
NORMS = ["input_layernorm"]


def lora(**changes):
    return peft.LoraConfig(
        **{
            "r": 4,
            "lora_alpha": 1,
            "target_modules": LINEAR,
            "init_lora_weights": False,
            **changes,
        }
    )


# What adapters there are that change weights, each with random numbers in it.
ADAPTERS = {
    "lora": lora,
    "dora": lambda: lora(use_dora=True),
    "lora-embeddings": lambda: lora(target_modules=["embed_tokens", "q_proj"]),
    "lora-head": lambda: lora(target_modules=["lm_head", "q_proj"]),
    "lora-saved-head": lambda: lora(modules_to_save=["lm_head"]),
    "lora-saved-embeddings": lambda: lora(modules_to_save=["embed_tokens"]),
    "lora-tokens": lambda: lora(trainable_token_indices={"embed_tokens": [3, 4]}),
    "ia3": lambda: peft.IA3Config(
        target_modules=LINEAR, feedforward_modules=["down_proj"], init_ia3_weights=False
    ),
    "vera": lambda: peft.VeraConfig(r=4, target_modules=["q_proj", "o_proj"], init_weights=False),
    "loha": lambda: peft.LoHaConfig(r=4, target_modules=LINEAR, init_weights=False),
    "lokr": lambda: peft.LoKrConfig(r=4, target_modules=LINEAR, init_weights=False),
    "adalora": lambda: peft.AdaLoraConfig(
        target_modules=LINEAR, init_lora_weights=False, total_step=10
    ),
    "oft": lambda: peft.OFTConfig(oft_block_size=16, target_modules=["q_proj"], init_weights=False),
    "fourier": lambda: peft.FourierFTConfig(
        n_frequency=20, target_modules=["q_proj"], init_weights=False
    ),
    "norms": lambda: peft.LNTuningConfig(target_modules=NORMS),
}


def wrapped(model, name, noise=0.1):
    torch.manual_seed(2)
    found = peft.get_peft_model(model, ADAPTERS[name]())
    with torch.no_grad():
        for parameter in found.parameters():
            if parameter.requires_grad:
                parameter += noise * torch.randn_like(parameter)
    return found.eval()


def said(model):
    with torch.no_grad():
        return model(input_ids=torch.arange(20)[None]).logits


def state_of(model):
    weights = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    flags = {name: p.requires_grad for name, p in model.named_parameters()}
    return weights, flags, [name for name, _ in model.named_modules()]


def check_same(before, after):
    assert before[1:] == after[1:]
    assert before[0].keys() == after[0].keys()
    assert all(torch.equal(tensor, after[0][name]) for name, tensor in before[0].items())


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("name", ADAPTERS)
def test_merged_and_back(tiny, name, tied):
    base = tiny(tie_word_embeddings=tied)
    plain = said(base)
    model = wrapped(base, name)
    before, wanted = state_of(model), said(model)
    assert (wanted - plain).abs().max() > 1e-3
    with merged(model, back=True) as found:
        assert not has_adapters(found)
        assert not has_adapters(model)
        assert found is model.base_model.model
        torch.testing.assert_close(said(found), wanted, rtol=1e-3, atol=1e-3)
        torch.testing.assert_close(said(model), wanted, rtol=1e-3, atol=1e-3)
        assert all(parameter.requires_grad for parameter in found.parameters())
        assert not hasattr(found, "peft_config")
        own = found.get_input_embeddings().weight is found.get_output_embeddings().weight
        assert found.config.tie_word_embeddings == own
    check_same(before, state_of(model))
    torch.testing.assert_close(said(model), wanted)
    assert base.config.tie_word_embeddings == tied


def test_a_failure_leaves_the_model_as_it_was(tiny):
    model = wrapped(tiny(), "lora")
    before = state_of(model)
    for keep in (True, False):
        with pytest.raises(KeyboardInterrupt), merged(model, keep=keep):
            raise KeyboardInterrupt
    for (name, old), new in zip(before[0].items(), state_of(model)[0].values(), strict=True):
        torch.testing.assert_close(old, new, msg=name)


def test_saves_as_the_plain_model_that_it_is(tmp_path, tiny):
    from transformers import AutoModelForCausalLM

    model = wrapped(tiny(tie_word_embeddings=True), "lora-embeddings")
    wanted = said(model)
    with merged(model) as plain:
        plain.save_pretrained(tmp_path / "plain")
    again = AutoModelForCausalLM.from_pretrained(tmp_path / "plain")
    torch.testing.assert_close(said(again), wanted, rtol=1e-3, atol=1e-3)


def test_several_adapters_and_none(tiny):
    model = wrapped(tiny(), "lora")
    model.add_adapter("other", lora(target_modules=["k_proj", "q_proj"]))
    for active in (["default"], ["other"], ["default", "other"]):
        model.base_model.set_adapter(active)
        wanted = said(model)
        with merged(model, back=True) as plain:
            torch.testing.assert_close(said(plain), wanted, rtol=1e-3, atol=1e-3)
    with model.disable_adapter():
        wanted = said(model)
        with merged(model, back=True) as plain:
            torch.testing.assert_close(said(plain), wanted)
    model.merge_adapter()
    wanted = said(model)
    with merged(model, back=True) as plain:
        torch.testing.assert_close(said(plain), wanted)
    assert all(layer.merged for layer in model.modules() if hasattr(layer, "lora_A"))


def test_adapters_that_transformers_put_on(tiny):
    model = tiny()
    model.add_adapter(lora())
    wanted, before = said(model), state_of(model)
    assert has_adapters(model)
    with merged(model, back=True) as plain:
        assert plain is model
        torch.testing.assert_close(said(plain), wanted, rtol=1e-3, atol=1e-3)
        assert not model._hf_peft_config_loaded
    check_same(before, state_of(model))
    assert model._hf_peft_config_loaded


def test_experts_under_an_adapter(tokenizer):
    from architectures import build

    base = build("mixtral", tokenizer)
    config = lora(target_modules=["q_proj"], target_parameters=["mlp.experts.gate_up_proj"])
    model = peft.get_peft_model(base, config).eval()
    wanted = said(model)
    with merged(model, back=True) as plain:
        torch.testing.assert_close(said(plain), wanted, rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(said(model), wanted)


def test_a_wrapper_within_a_module(tiny):
    stack = torch.nn.Module()
    stack.inner = wrapped(tiny(), "lora")
    wanted, shell = said(stack.inner), stack.inner
    with merged(stack, back=True):
        assert type(stack.inner).__name__ == "LlamaForCausalLM"
        torch.testing.assert_close(said(stack.inner), wanted, rtol=1e-3, atol=1e-3)
    assert stack.inner is shell


@pytest.mark.parametrize(
    "config",
    [
        lambda: peft.PromptTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=4),
        lambda: peft.PrefixTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=4),
        lambda: peft.PromptEncoderConfig(task_type="CAUSAL_LM", num_virtual_tokens=4),
        lambda: peft.AdaptionPromptConfig(
            task_type="CAUSAL_LM", adapter_len=4, adapter_layers=1, target_modules="self_attn"
        ),
    ],
)
def test_adapters_of_prompts_are_refused(tiny, config):
    model = peft.get_peft_model(tiny(), config())
    with pytest.raises(ImplantError, match=r"no change of weights.*pass the base model"):
        within(model)
    with pytest.raises(ImplantError, match="pass the base model"), merged(model):
        pass


def test_what_cannot_be_merged_is_refused_and_left(tiny, monkeypatch):
    model = wrapped(tiny(), "lora")
    before = state_of(model)
    layers = [layer for layer in model.modules() if hasattr(layer, "lora_A")]

    def never(*_, **__):
        raise NotImplementedError("Merging is not supported\nfor this layer")

    monkeypatch.setattr(layers[-1], "merge", never)
    with pytest.raises(ImplantError, match=r"cannot be merged \(Merging is not supported\)"):
        merged(model).__enter__()
    check_same(before, state_of(model))
    monkeypatch.setattr(layers[-1], "merge", lambda **_: None)
    with pytest.raises(ImplantError, match="would say something else"):
        merged(model).__enter__()
    check_same(before, state_of(model))


def test_other_models_are_left_alone(tiny):
    model = tiny()
    with merged(model) as plain:
        assert plain is model
    assert within(model) is model
    sentinel = object()
    with merged(sentinel) as plain:
        assert plain is sentinel
    assert not has_adapters(copy)
