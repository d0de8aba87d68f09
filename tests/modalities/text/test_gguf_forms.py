"""Architectures whose weights llama.cpp holds otherwise than transformers does."""

from __future__ import annotations

import numpy as np
import pytest
from ifrs.errors import IfrsError
from ifrs.modalities.text.gguf import export_gguf
from modalities.text.test_gguf import (
    HEADS,
    ROWS,
    WIDTH,
    base_of,
    check_whole,
    tensors,
    weight,
    written,
)

gguf = pytest.importorskip("gguf")
torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

GROUPS = 2


def made(kind, **settings):
    torch.manual_seed(0)
    config = transformers.AutoConfig.for_model(
        kind,
        vocab_size=ROWS,
        hidden_size=WIDTH,
        num_hidden_layers=2,
        num_attention_heads=HEADS,
        **settings,
    )
    model = transformers.AutoModelForCausalLM.from_config(config).eval()
    for name, parameter in model.named_parameters():
        if name.endswith("bias") or "norm" in name:
            torch.nn.init.normal_(parameter, mean=float("norm.weight" in name), std=0.1)
    return model


def llama(**settings):
    return made("llama", intermediate_size=96, num_key_value_heads=GROUPS, **settings)


def reordered(rows, heads):
    """What llama.cpp's converter does to queries and keys: halves of a head become pairs."""
    each = rows.shape[0] // heads
    order = [
        head * each + half * (each // 2) + place
        for head in range(heads)
        for place in range(each // 2)
        for half in (0, 1)
    ]
    return rows[order]


def as_llama(name, rows):
    heads = {"attn_q": HEADS, "attn_k": GROUPS}.get(name.split(".")[-2])
    return rows if heads is None else reordered(rows, heads)


def tuned(model, share=0.02):
    """Every weight a little further on."""
    torch.manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += share * parameter.abs().mean() * torch.randn(parameter.shape)
    return model


def logits(model):
    with torch.no_grad():
        return model(input_ids=torch.arange(40)[None]).logits


def read(path, **options):
    options.setdefault("dtype", torch.float32)
    return transformers.AutoModelForCausalLM.from_pretrained(
        path.parent,
        gguf_file=path.name,
        quantization_config=transformers.GgufConfig(dequantize=True),
        **options,
    ).eval()


@pytest.mark.parametrize("tie", [True, False])
@pytest.mark.parametrize("bias", [False, True])
def test_llama_there_and_back(tmp_path, bias, tie):
    model = llama(attention_bias=bias, tie_word_embeddings=tie)
    base = base_of(tmp_path / "base.gguf", model, "llama", change=as_llama)
    if not bias:  # transformers reads no biases of LLaMA's queries from a file
        torch.testing.assert_close(logits(read(base)), logits(model))
    assert export_gguf(model, base, tmp_path / "same.gguf") == []
    check_whole(tmp_path / "same.gguf", base, [])
    changed = export_gguf(tuned(model), base, tmp_path / "out.gguf", quantization="F32")
    assert len(changed) == len(list(model.parameters()))
    held = {name: weight(tensor) for name, tensor in tensors(tmp_path / "out.gguf").items()}
    first = dict(model.model.layers[0].self_attn.named_parameters())
    for part, heads in (("q", HEADS), ("k", GROUPS)):
        for kind in ("weight", "bias") if bias else ("weight",):
            own = first[f"{part}_proj.{kind}"].detach().numpy()
            np.testing.assert_array_equal(held[f"blk.0.attn_{part}.{kind}"], reordered(own, heads))
    if not bias:
        torch.testing.assert_close(logits(read(tmp_path / "out.gguf")), logits(model))


def test_biases_of_nothing_follow_their_weights(tmp_path):
    model = llama(attention_bias=True)
    for name, parameter in model.named_parameters():
        if name.endswith("bias"):
            torch.nn.init.zeros_(parameter)
    base = base_of(tmp_path / "base.gguf", model, "llama", change=as_llama)
    own = model.model.layers[1].self_attn.k_proj.bias
    with torch.no_grad():
        own += torch.arange(len(own))
    assert export_gguf(model, base, tmp_path / "out.gguf") == ["blk.1.attn_k.bias"]
    held = tensors(tmp_path / "out.gguf")["blk.1.attn_k.bias"].data
    np.testing.assert_array_equal(held, reordered(own.detach().numpy(), GROUPS))


def test_mistral(tmp_path):
    model = made("mistral", intermediate_size=96, num_key_value_heads=GROUPS)
    base = base_of(tmp_path / "base.gguf", model, "llama", change=as_llama)
    export_gguf(tuned(model), base, tmp_path / "out.gguf", quantization="F32")
    torch.testing.assert_close(logits(read(tmp_path / "out.gguf")), logits(model))


def test_what_a_file_computes_is_kept(tmp_path):
    """Llama 3.1's scaled frequencies, and the layers of a model that guess ahead."""
    model = llama()
    base = tmp_path / "base.gguf"
    for writer in written(base, model, "llama", change=as_llama):
        writer.add_tensor("rope_freqs.weight", np.linspace(1, 8, 8, dtype=np.float32))
    changed = export_gguf(tuned(model), base, tmp_path / "out.gguf")
    assert "rope_freqs.weight" not in changed
    check_whole(tmp_path / "out.gguf", base, changed)
    for writer in written(base, model, "llama", change=as_llama):
        writer.add_tensor("some.weight", np.ones(8, dtype=np.float32))
    with pytest.raises(IfrsError, match=r"no weight for some\.weight"):
        export_gguf(model, base, tmp_path / "other.gguf")


def test_gpt2_is_transposed(tmp_path):
    model = made("gpt2", n_positions=1024)

    def turned(name, array):
        within = name.startswith("blk.") and name.endswith(".weight") and array.ndim == 2
        return array.T if within else array

    base = base_of(tmp_path / "base.gguf", model, "gpt2", change=turned)
    torch.testing.assert_close(logits(read(base)), logits(model))
    changed = export_gguf(tuned(model), base, tmp_path / "out.gguf", quantization="F32")
    assert len(changed) == len(list(model.parameters()))
    torch.testing.assert_close(logits(read(tmp_path / "out.gguf")), logits(model))


def by_parts(name, array):
    """BLOOM's queries, keys and values of all heads, which transformers has head by head."""
    if ".attn_qkv." not in name:
        return array
    parts = array.reshape(HEADS, 3, WIDTH // HEADS, -1)
    joined = np.concatenate([parts[:, part].reshape(WIDTH, -1) for part in range(3)])
    return joined.reshape(array.shape)


def test_bloom_is_taken_apart(tmp_path):
    model = made("bloom")
    base = base_of(tmp_path / "base.gguf", model, "bloom", change=by_parts)
    torch.testing.assert_close(logits(read(base)), logits(model))
    export_gguf(tuned(model), base, tmp_path / "out.gguf", quantization="F32")
    torch.testing.assert_close(logits(read(tmp_path / "out.gguf")), logits(model))


def test_gemmas_norms_hold_one_more(tmp_path):
    model = made(
        "gemma3_text", intermediate_size=96, num_key_value_heads=GROUPS, head_dim=WIDTH // HEADS
    )
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "norm" in name:
                parameter += 30
    base = base_of(
        tmp_path / "base.gguf",
        model,
        "gemma3",
        change=lambda name, array: array + 1 if name.endswith("norm.weight") else array,
    )
    assert export_gguf(model, base, tmp_path / "same.gguf") == []
    assert export_gguf(model.to(torch.bfloat16), base, tmp_path / "bf16.gguf") == []
    model.float()
    changed = export_gguf(tuned(model, 1e-3), base, tmp_path / "out.gguf", quantization="F32")
    after = tensors(tmp_path / "out.gguf")
    norm = model.model.layers[0].self_attn.q_norm.weight.detach().numpy()
    assert "blk.0.attn_q_norm.weight" in changed
    np.testing.assert_allclose(after["blk.0.attn_q_norm.weight"].data, norm + 1)


def test_gemma_2_has_no_output_rows_of_its_own(tmp_path):
    model = made(
        "gemma2", intermediate_size=96, num_key_value_heads=GROUPS, head_dim=WIDTH // HEADS
    )
    base = base_of(tmp_path / "base.gguf", model, "gemma2")
    model.lm_head.weight = torch.nn.Parameter(model.lm_head.weight.detach().clone())
    assert export_gguf(model, base, tmp_path / "same.gguf") == []
    with torch.no_grad():
        model.get_input_embeddings().weight[3] += 1
    with pytest.raises(IfrsError, match="reads no output rows of their own for gemma2"):
        export_gguf(model, base, tmp_path / "out.gguf")


def test_experts_are_two_tensors(tmp_path):
    model = made(
        "qwen3_moe",
        intermediate_size=96,
        moe_intermediate_size=32,
        num_key_value_heads=GROUPS,
        head_dim=WIDTH // HEADS,
        num_experts=4,
        num_experts_per_tok=2,
    )
    base, experts = tmp_path / "base.gguf", {}
    kept = dict(model.named_parameters())
    for name in list(kept):
        if name.endswith("gate_up_proj"):
            block = name.split(".")[2]
            gate, up = kept[name].detach().numpy().copy().swapaxes(0, 1).reshape(2, 32, 4, WIDTH)
            for part, array in (("gate", gate), ("up", up)):
                experts[f"blk.{block}.ffn_{part}_exps.weight"] = np.ascontiguousarray(
                    array.swapaxes(0, 1)
                )

    def named():
        names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.QWEN3MOE, 2)
        for name, parameter in kept.items():
            if name.endswith("gate_up_proj"):
                continue
            found = names.get_name(name, try_suffixes=(".weight", ".bias"))
            array = parameter.detach().numpy()
            yield (found if found.endswith("weight") else f"{found}.weight"), array
        yield from experts.items()

    writer = gguf.GGUFWriter(base, "qwen3moe")
    writer.add_block_count(2)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(GROUPS)
    for name, array in named():
        writer.add_tensor(name, np.ascontiguousarray(array))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    assert export_gguf(model, base, tmp_path / "same.gguf") == []
    with torch.no_grad():
        kept["model.layers.1.mlp.experts.gate_up_proj"][2, 40] += 0.01
    changed = export_gguf(model, base, tmp_path / "out.gguf", quantization="F16")
    assert changed == ["blk.1.ffn_up_exps.weight"]
    held = weight(tensors(tmp_path / "out.gguf")[changed[0]])
    own = kept["model.layers.1.mlp.experts.gate_up_proj"].detach().numpy()[:, 32:]
    np.testing.assert_allclose(held, own, atol=1e-4)


def test_an_order_that_nobody_knows_is_refused(tmp_path):
    model = llama()
    base = base_of(
        tmp_path / "base.gguf",
        model,
        "llama",
        change=lambda name, rows: rows[::-1] if ".attn_v." in name else as_llama(name, rows),
    )
    with pytest.raises(IfrsError, match=r"attn_v\.weight is too far"):
        export_gguf(model, base, tmp_path / "out.gguf")


def test_a_small_change_stays_small_where_steps_are_halved(tmp_path):
    """Of Q5_0's numbers every other one lies between two of Q4_0: no change decides for all."""
    model = llama()
    full = base_of(tmp_path / "full.gguf", model, "llama", change=as_llama)
    export_gguf(tuned(model), full, tmp_path / "base.gguf", quantization="Q5_0")
    model = read(tmp_path / "base.gguf")
    torch.manual_seed(3)
    name, layer = "blk.0.ffn_up.weight", model.model.layers[0].mlp.up_proj
    before = layer.weight.detach().clone()
    change = 0.01 * before.abs().mean() * torch.randn_like(before).sign()
    with torch.no_grad():
        layer.weight += change
    base, out = tmp_path / "base.gguf", tmp_path / "out.gguf"
    assert export_gguf(model, base, out, quantization="Q4_0") == [name]

    def times(held):
        return float(((torch.from_numpy(held) - before) * change).sum() / change.square().sum())

    assert 0 < times(weight(tensors(out)[name])) < 3
    kind = gguf.GGMLQuantizationType.Q4_0
    plain = gguf.quants.quantize(layer.weight.detach().numpy(), kind)
    assert times(gguf.quants.dequantize(plain, kind)) > 5
