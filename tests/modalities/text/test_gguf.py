"""A fingerprinted model as GGUF: what changed is written anew, all else is kept."""

from __future__ import annotations

import copy

import numpy as np
import pytest
from ifrs.errors import IfrsError
from ifrs.modalities.text.gguf import export_gguf
from ifrs.modalities.text.loading import load_tokenizer

gguf = pytest.importorskip("gguf")
torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

WIDTH, ROWS = 64, 96


@pytest.fixture
def model():
    """Qwen2: llama.cpp stores its tensors as transformers does."""
    torch.manual_seed(0)
    config = transformers.Qwen2Config(
        vocab_size=ROWS,
        hidden_size=WIDTH,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
        tie_word_embeddings=True,
    )
    return transformers.AutoModelForCausalLM.from_config(config)


@pytest.fixture
def base(model, tmp_path):
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.QWEN2, 2)
    writer = gguf.GGUFWriter(tmp_path / "base.gguf", "qwen2")
    writer.add_block_count(2)
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list([f"t{i}" for i in range(ROWS)])
    writer.add_add_bos_token(True)
    for name, weight in model.named_parameters():
        found = names.get_name(name, try_suffixes=(".weight", ".bias"))
        writer.add_tensor(found, weight.detach().numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return tmp_path / "base.gguf"


def tensors(path):
    return {tensor.name: tensor for tensor in gguf.GGUFReader(path).tensors}


def weight(tensor):
    return gguf.quants.dequantize(tensor.data, tensor.tensor_type)


def test_nothing_changed(model, base, tmp_path):
    assert export_gguf(model, base, tmp_path / "out.gguf") == []
    before, after = tensors(base), tensors(tmp_path / "out.gguf")
    assert list(before) == list(after)
    assert all(np.array_equal(before[name].data, after[name].data) for name in before)


@pytest.mark.parametrize(("kind", "slack"), [("F16", 1e-3), ("Q8_0", 1e-2)])
def test_changed_rows_and_untied_output(model, base, tmp_path, kind, slack):
    output = torch.nn.Linear(WIDTH, ROWS, bias=False)
    rows = model.get_input_embeddings().weight
    output.weight = torch.nn.Parameter(rows.detach().clone())
    model.lm_head = output
    with torch.no_grad():
        rows[5] += 1
    changed = export_gguf(model, base, tmp_path / "out.gguf", quantization=kind)
    assert changed == ["token_embd.weight"]
    before, after = tensors(base), tensors(tmp_path / "out.gguf")
    wanted = rows.detach().numpy()
    assert np.abs(weight(after["token_embd.weight"]) - wanted).max() <= slack * np.abs(wanted).max()
    assert np.array_equal(weight(after["output.weight"]), weight(before["token_embd.weight"]))
    same = set(before) - {"token_embd.weight"}
    assert all(np.array_equal(before[name].data, after[name].data) for name in same)


@pytest.mark.parametrize("offset", [0.0, 1.0])
def test_changed_layers_and_norms(model, base, tmp_path, offset):
    layer = model.model.layers[1]
    stored = tensors(base)["blk.1.attn_norm.weight"].data
    with torch.no_grad():
        # As Gemma's: the file holds one more than the model.
        for name, parameter in model.named_parameters():
            if "norm" in name:
                parameter -= offset
        layer.input_layernorm.weight += 0.01
        layer.self_attn.q_proj.bias += 0.01
        layer.mlp.up_proj.weight += 0.01
    changed = export_gguf(model, base, tmp_path / "out.gguf", quantization="F16")
    assert sorted(changed) == ["blk.1.attn_norm.weight", "blk.1.attn_q.bias", "blk.1.ffn_up.weight"]
    after = tensors(tmp_path / "out.gguf")
    np.testing.assert_allclose(after["blk.1.attn_norm.weight"].data, stored + 0.01, rtol=1e-6)
    wanted = layer.mlp.up_proj.weight.detach().numpy()
    np.testing.assert_allclose(weight(after["blk.1.ffn_up.weight"]), wanted, atol=1e-3)


def test_a_norm_of_another_model_is_refused(model, base, tmp_path):
    with torch.no_grad():
        model.model.norm.weight += 0.5
    with pytest.raises(IfrsError, match=r"output_norm\.weight is too far"):
        export_gguf(model, base, tmp_path / "out.gguf")


def test_the_tokenizers_word_on_bos(model, base, tmp_path, tokenizer):
    export_gguf(model, base, tmp_path / "out.gguf", tokenizer=tokenizer)
    fields = gguf.GGUFReader(tmp_path / "out.gguf").fields
    assert fields["tokenizer.ggml.add_bos_token"].contents() is False
    assert fields["tokenizer.ggml.tokens"].contents()[:2] == ["t0", "t1"]
    assert fields["general.architecture"].contents() == "qwen2"


@pytest.mark.parametrize("adds", [True, False])
def test_a_tokenizer_heeds_what_its_file_says_of_bos(tmp_path, monkeypatch, tokenizer, adds):
    writer = gguf.GGUFWriter(tmp_path / "m.gguf", "llama")
    writer.add_add_bos_token(adds)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()
    # As transformers gives it: made of the file's tokens, but not of this word.
    given = copy.deepcopy(tokenizer)
    given.add_bos_token = not adds
    monkeypatch.setattr(transformers.AutoTokenizer, "from_pretrained", lambda *_, **__: given)
    loaded = load_tokenizer(tmp_path, gguf_file="m.gguf")
    assert (loaded("a")["input_ids"][0] == loaded.bos_token_id) == adds


def test_another_model_is_refused(model, base, tmp_path):
    out = tmp_path / "out.gguf"
    with pytest.raises(ValueError, match="no quantization"):
        export_gguf(model, base, out, quantization="Q9")
    model.resize_token_embeddings(ROWS + 8)
    with pytest.raises(IfrsError, match="resized vocabulary"):
        export_gguf(model, base, out)
    assert [path.name for path in tmp_path.iterdir()] == ["base.gguf"]
