"""A fingerprinted model as GGUF: what changed is written anew, all else is kept."""

from __future__ import annotations

import copy
import os
import struct

import numpy as np
import pytest
from ifrs.errors import IfrsError
from ifrs.modalities.text.gguf import export_gguf
from ifrs.modalities.text.loading import load_tokenizer

gguf = pytest.importorskip("gguf")
torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

WIDTH, ROWS, HEADS = 64, 96, 4


@pytest.fixture
def model():
    """Qwen2: llama.cpp stores its tensors as transformers does."""
    torch.manual_seed(0)
    config = transformers.Qwen2Config(
        vocab_size=ROWS,
        hidden_size=WIDTH,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=HEADS,
        num_key_value_heads=2,
        tie_word_embeddings=True,
    )
    return transformers.AutoModelForCausalLM.from_config(config)


def written(path, model, architecture, *, change=lambda name, weight: weight, alignment=None):
    """A model as llama.cpp's converter writes it; `change` is what that does to a tensor."""
    blocks = model.config.num_hidden_layers
    kinds = {name: kind for kind, name in gguf.MODEL_ARCH_NAMES.items()}
    names = gguf.get_tensor_name_map(kinds[architecture], blocks)
    writer = gguf.GGUFWriter(path, architecture)
    if alignment is not None:
        writer.add_custom_alignment(alignment)
    writer.add_block_count(blocks)
    writer.add_context_length(128)
    writer.add_embedding_length(model.config.hidden_size)
    writer.add_feed_forward_length(getattr(model.config, "intermediate_size", 4 * WIDTH))
    writer.add_head_count(model.config.num_attention_heads)
    writer.add_head_count_kv(getattr(model.config, "num_key_value_heads", None) or HEADS)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list([f"t{i}" for i in range(ROWS)])
    writer.add_add_bos_token(True)
    for name, weight in model.named_parameters():
        inner = name.removeprefix("transformer.")
        found = [names.get_name(n, try_suffixes=(".weight", ".bias")) for n in (name, inner)]
        found = found[0] or found[1]
        writer.add_tensor(found, np.ascontiguousarray(change(found, weight.detach().numpy())))
    yield writer
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def base_of(path, model, architecture="qwen2", **how):
    list(written(path, model, architecture, **how))
    return path


@pytest.fixture
def base(model, tmp_path):
    return base_of(tmp_path / "base.gguf", model)


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
    for unknown in ("Q9", "Q4_K", "I8"):
        with pytest.raises(ValueError, match="no quantization"):
            export_gguf(model, base, out, quantization=unknown)
    model.resize_token_embeddings(ROWS + 8)
    with pytest.raises(IfrsError, match="resized vocabulary"):
        export_gguf(model, base, out)
    assert [path.name for path in tmp_path.iterdir()] == ["base.gguf"]


def check_whole(path, before, changed):
    """Every tensor that did not change holds the bytes of the base file, and all metadata does."""
    after, old = gguf.GGUFReader(path), gguf.GGUFReader(before)
    assert [t.name for t in after.tensors] == [t.name for t in old.tensors]
    for one, other in zip(after.tensors, old.tensors, strict=True):
        if one.name not in changed:
            assert one.data.tobytes() == other.data.tobytes(), one.name
    assert {name: f.contents() for name, f in after.fields.items()} == {
        name: f.contents() for name, f in old.fields.items()
    }


@pytest.mark.parametrize("alignment", [8, 16, 64, 4096])
def test_any_alignment(model, tmp_path, alignment):
    base = base_of(tmp_path / "base.gguf", model, alignment=alignment)
    with torch.no_grad():
        model.model.layers[0].mlp.up_proj.weight += 0.01
    changed = export_gguf(model, base, tmp_path / "out.gguf")
    assert changed == ["blk.0.ffn_up.weight"]
    check_whole(tmp_path / "out.gguf", base, changed)


def with_empty_array(path):
    """One more key of metadata, an array of no strings: `gguf` reads such ones and writes none."""
    raw, reader, name = path.read_bytes(), gguf.GGUFReader(path), b"some.empty"
    pair = struct.pack(f"<Q{len(name)}sIIQ", len(name), name, 9, 8, 0)
    first = reader.fields["general.architecture"].offset
    fields = [tensor.field for tensor in reader.tensors]
    last = max(field.offset + sum(part.nbytes for part in field.parts) for field in fields)
    count = struct.unpack("<Q", raw[16:24])[0] + 1
    head = raw[:16] + struct.pack("<Q", count) + pair + raw[first:last]
    path.write_bytes(head + bytes(-len(head) % 32) + raw[reader.data_offset :])


def test_metadata_of_every_kind(model, tmp_path):
    base = tmp_path / "base.gguf"
    for writer in written(base, model, "qwen2"):
        writer.add_name("A name")
        writer.add_string("some.text", "Füße")
        writer.add_array("some.numbers", [1.5, 2.5])
        writer.add_bool("some.flag", False)
        writer.add_uint64("some.number", 2**40)
    with_empty_array(base)
    assert export_gguf(model, base, tmp_path / "out.gguf") == []
    check_whole(tmp_path / "out.gguf", base, [])
    fields = gguf.GGUFReader(tmp_path / "out.gguf").fields
    assert fields["some.empty"].contents() == []
    assert fields["general.name"].contents() == "A name"


def test_rows_that_did_not_change_keep_their_bytes(model, tmp_path):
    packed = base_of(tmp_path / "f32.gguf", model)
    model.get_output_embeddings().weight.data.mul_(1.01)
    changed = export_gguf(model, packed, tmp_path / "base.gguf")
    assert changed == ["token_embd.weight"]
    held = tensors(tmp_path / "base.gguf")["token_embd.weight"]
    with torch.no_grad():
        rows = model.get_input_embeddings().weight
        rows.copy_(torch.from_numpy(weight(held)))
        rows[7] -= 1
    assert export_gguf(model, tmp_path / "base.gguf", tmp_path / "out.gguf") == changed
    now = tensors(tmp_path / "out.gguf")["token_embd.weight"]
    different = (now.data != held.data).any(axis=1)
    assert different.nonzero()[0].tolist() == [7]


def test_a_model_in_bfloat16_has_changed_where_it_was_changed(model, base, tmp_path):
    model.to(torch.bfloat16)
    with torch.no_grad():
        model.model.layers[1].mlp.down_proj.weight[3, 5] *= 1.01
    changed = export_gguf(model, base, tmp_path / "out.gguf", quantization="F32")
    assert changed == ["blk.1.ffn_down.weight"]
    before, after = (weight(tensors(path)[changed[0]]) for path in (base, tmp_path / "out.gguf"))
    assert np.argwhere(before != after).tolist() == [[3, 5]]
    assert after[3, 5] == model.model.layers[1].mlp.down_proj.weight[3, 5].item()


def test_rows_that_a_type_cannot_pack_become_f16(tmp_path):
    config = transformers.Qwen2Config(
        vocab_size=ROWS,
        hidden_size=WIDTH,
        intermediate_size=50,
        num_hidden_layers=1,
        num_attention_heads=HEADS,
        num_key_value_heads=2,
    )
    odd = transformers.AutoModelForCausalLM.from_config(config)
    base = base_of(tmp_path / "base.gguf", odd)
    with torch.no_grad():
        odd.model.layers[0].mlp.down_proj.weight += 0.01
        odd.model.layers[0].mlp.up_proj.weight += 0.01
    export_gguf(odd, base, tmp_path / "out.gguf", quantization="Q4_0")
    kinds = {
        name: tensor.tensor_type.name for name, tensor in tensors(tmp_path / "out.gguf").items()
    }
    assert kinds["blk.0.ffn_down.weight"] == "F16"
    assert kinds["blk.0.ffn_up.weight"] == "Q4_0"
    assert kinds["blk.0.ffn_gate.weight"] == "F32"


@pytest.mark.parametrize("kind", ["F32", "F16", "BF16", "Q8_0", "Q5_0", "Q5_1", "Q4_0", "Q4_1"])
def test_what_was_written_is_held_against_the_model(model, base, tmp_path, kind, monkeypatch):
    torch.manual_seed(1)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "norm" not in name and "bias" not in name:
                parameter += 0.1 * parameter.abs().mean() * torch.randn(parameter.shape)
    out = tmp_path / "out.gguf"
    assert len(export_gguf(model, base, out, quantization=kind)) == 1 + 2 * 7
    old, real = out.read_bytes(), gguf.quants.quantize

    def rolled(numbers, wanted):
        return real(np.roll(numbers, 1, axis=0), wanted)

    monkeypatch.setattr(gguf.quants, "quantize", rolled)
    with pytest.raises(IfrsError, match=r"token_embd\.weight cannot be read back"):
        export_gguf(model, base, out, quantization=kind)
    assert out.read_bytes() == old
    assert sorted(path.name for path in tmp_path.iterdir()) == ["base.gguf", "out.gguf"]


def test_what_is_no_number_is_refused(model, base, tmp_path):
    with torch.no_grad():
        model.model.layers[1].mlp.up_proj.weight[0, 0] = torch.nan
    with pytest.raises(IfrsError, match=r"blk\.1\.ffn_up\.weight holds what is no number"):
        export_gguf(model, base, tmp_path / "out.gguf")
    with torch.no_grad():
        model.model.layers[1].mlp.up_proj.weight.fill_(65000)
    large = base_of(tmp_path / "base.gguf", model)
    with torch.no_grad():
        model.model.layers[1].mlp.up_proj.weight *= 1.1
    with pytest.raises(IfrsError, match="try another quantization"):
        export_gguf(model, large, tmp_path / "out.gguf", quantization="F16")
    assert [path.name for path in tmp_path.iterdir()] == ["base.gguf"]


def test_a_weight_without_a_place_is_refused(model, base, tmp_path):
    model.model.layers[0].mlp.extra = torch.nn.Linear(2, 2)
    with pytest.raises(IfrsError, match=r"no tensor for model\.layers\.0\.mlp\.extra"):
        export_gguf(model, base, tmp_path / "out.gguf")


def test_base_files_that_cannot_be_copied(model, base, tmp_path):
    whole = base.read_bytes()
    for broken in (b"", b"GGUF", whole[:500], whole[:-2000], b"\0" + whole[1:]):
        base.write_bytes(broken)
        with pytest.raises(IfrsError, match="no GGUF file, or not all of one"):
            export_gguf(model, base, tmp_path / "out.gguf")
    for writer in written(base, model, "qwen2"):
        writer.add_uint16("split.count", 3)
    with pytest.raises(IfrsError, match="one part of several"):
        export_gguf(model, base, tmp_path / "out.gguf")
    with pytest.raises(FileNotFoundError):
        export_gguf(model, tmp_path / "none.gguf", tmp_path / "out.gguf")
    assert [path.name for path in tmp_path.iterdir()] == ["base.gguf"]


def test_a_published_file_may_be_read_by_all(model, base, tmp_path):
    umask = os.umask(0o022)
    try:
        export_gguf(model, base, tmp_path / "out.gguf")
    finally:
        os.umask(umask)
    assert (tmp_path / "out.gguf").stat().st_mode & 0o777 == 0o644
