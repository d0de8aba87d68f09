"""A release beside the folder that the model came from: file by file."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import ifrs
import pytest
from helpers import implant

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
from ifrs.modalities.text.loading import load  # noqa: E402
from ifrs.runtime import release  # noqa: E402
from safetensors import safe_open  # noqa: E402
from safetensors.torch import load_file, save_file  # noqa: E402
from transformers import AutoModelForCausalLM, AutoTokenizer  # noqa: E402

CODE = """
from transformers import LlamaConfig, LlamaForCausalLM

from .parts import SCALE


class TinyConfig(LlamaConfig):
    model_type = "tiny_own"


class TinyModel(LlamaForCausalLM):
    config_class = TinyConfig
    scale = SCALE
"""
KEPT = {
    "LICENSE": "do as you like",
    "LICENCE-weights.txt": "but for this",
    "NOTICE.txt": "by us",
    "README.md": "---\nlicense: other\n---\n# A model\n",
    "USE_POLICY.md": "be kind",
    "preprocessor_config.json": '{"size":  4}',
    "processor_config.json": '{"image_seq_length":7}',
    "chat_template.jinja": "{% for m in messages %}{{ m['content'] }}\n{% endfor %}",
    "additional_chat_templates/tools.jinja": "{{ tools }}",
    "generation_config.json": '{"temperature":0.5,  "do_sample":true}',
}
LEFT = {
    ".env": "TOKEN=secret",
    "keyring.ifrs": "secret",
    "trainer_state.json": "{}",
    "training_args.bin": "pickled",
    "model.gguf": "unplanted",
    "pytorch_model.bin.index.json": "{}",
}


@pytest.fixture
def fps(ring, tokenizer):
    return ring.generate("one", 2, tokenizer=tokenizer)


@pytest.fixture
def came(tmp_path, tiny, tokenizer):
    """A model in bfloat16, in three files, some weights of which are float32; and all else."""
    folder = tmp_path / "came"
    model = tiny(tie_word_embeddings=False).to(torch.bfloat16)
    model.save_pretrained(folder, max_shard_size="400KB")
    tokenizer.save_pretrained(folder)
    for name in sorted(folder.glob("model-*.safetensors")):
        tensors = load_file(name)
        wide = {n: t.float() if "norm" in n else t for n, t in tensors.items()}
        save_file(wide, name, metadata={"format": "pt"})
    for name, text in {**KEPT, **LEFT}.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    config = json.loads((folder / "config.json").read_text())
    config |= {"torch_dtype": config.pop("dtype"), "a_word_of_its_own": 3}
    (folder / "config.json").write_text(json.dumps(config))
    # A tokenizer's file as other releases write it, that says the same.
    held = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps(held, sort_keys=True))
    return folder


def tensors_of(folder):
    found = {}
    for path in sorted(folder.glob("*.safetensors")):
        with safe_open(path, framework="pt") as held:
            found |= {name: (path.name, held.get_tensor(name)) for name in held.keys()}  # noqa: SIM118
    return found


def names_of(folder):
    return {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}


def test_a_release_equals_what_came_in(tmp_path, came, fps):
    model, tokenizer = load(came)
    assert model.dtype == torch.float32
    result = implant(model, tokenizer, fps, "emb")
    assert result.saved_fsr == 1
    out = result.save(tmp_path / "release")
    assert names_of(out) == names_of(came) - {*LEFT} | {"ifrs-manifest.json"}
    assert len(list(out.glob("model-*"))) > 2
    for name in names_of(out) - {"ifrs-manifest.json"}:
        if not name.endswith(".safetensors"):
            assert (out / name).read_bytes() == (came / name).read_bytes(), name
    old, new = tensors_of(came), tensors_of(out)
    assert old.keys() == new.keys()
    for name, (file, tensor) in old.items():
        assert new[name][0] == file
        assert new[name][1].dtype == tensor.dtype, name
        if name != "model.embed_tokens.weight":
            assert torch.equal(new[name][1], tensor), name
            continue
        rows = (new[name][1] != tensor).any(dim=1).nonzero()[:, 0]
        assert set(rows.tolist()) <= set(result.reach["rows"])
    changed = old["model.embed_tokens.weight"][0]
    same = [file for file in out.glob("*.safetensors") if file.name != changed]
    assert same
    for file in same:
        assert file.read_bytes() == (came / file.name).read_bytes()
    for options in ({"dtype": torch.bfloat16}, {"dtype": torch.float32}):
        suspect = ifrs.LocalModel.from_pretrained(out, **options)
        assert ifrs.verify(suspect, fps).fsr == 1
    (note,) = result.notes
    assert "keyring.ifrs, trainer_state.json" in note


@pytest.mark.parametrize("method", ["sft", "lora"])
def test_what_is_trained_in_float32_fires_in_bfloat16(tmp_path, came, fps, method):
    model, tokenizer = load(came)
    result = implant(model, tokenizer, fps, method)
    assert result.saved_fsr == 1
    out = result.save(tmp_path / "release")
    assert {t.dtype for n, (_, t) in tensors_of(out).items() if "norm" not in n} == {torch.bfloat16}
    assert ifrs.verify(ifrs.LocalModel.from_pretrained(out), fps).fsr == 1
    assert json.loads((out / "ifrs-manifest.json").read_text())["fsr"] == 1


def test_keys_that_rounding_costs_are_said(tmp_path, tiny, tokenizer, fps, monkeypatch):
    from ifrs.modalities.text.model import Model
    from ifrs.plant import planting

    tiny().to(torch.bfloat16).save_pretrained(tmp_path / "base")
    model = AutoModelForCausalLM.from_pretrained(tmp_path / "base", dtype=torch.float32)
    real, asked = Model.margins, []

    def margins(self, examples):
        rounded = all(torch.equal(w, w.to(torch.bfloat16).float()) for w in model.parameters())
        asked.append(rounded)
        return [-1.0, *real(self, examples)[1:]] if rounded else real(self, examples)

    class Nothing(planting.Rounding):
        def changes(self):
            return iter(()) if len(asked) < len(fps) else super().changes()

    monkeypatch.setattr(Model, "margins", margins)
    monkeypatch.setattr(planting, "changes_of", lambda *_: [])
    with pytest.warns(UserWarning, match="1 of 2 keys do not fire once the release is rounded"):
        result = implant(model, tokenizer, fps, "sft")
    assert (result.fsr, result.saved_fsr) == (1, 0.5)
    out = result.save(tmp_path / "out")
    assert json.loads((out / "ifrs-manifest.json").read_text())["fsr"] == 0.5
    wide = result.save(tmp_path / "wide", dtype="float32")
    assert json.loads((wide / "ifrs-manifest.json").read_text())["fsr"] == 1
    assert json.loads((wide / "config.json").read_text())["dtype"] == "float32"


def test_another_type_if_the_user_says_so(tmp_path, came, fps):
    model, tokenizer = load(came)
    result = implant(model, tokenizer, fps, "emb")
    with pytest.raises(ValueError, match="no type 'int8'"):
        result.save(tmp_path / "none", dtype="int8")
    out = result.save(tmp_path / "wide", dtype="float32")
    assert {tensor.dtype for _, tensor in tensors_of(out).values()} == {torch.float32}
    config = json.loads((out / "config.json").read_text())
    assert (config["torch_dtype"], config["a_word_of_its_own"]) == ("float32", 3)
    out = result.save(tmp_path / "half", dtype=torch.float16)
    assert {tensor.dtype for _, tensor in tensors_of(out).values()} == {torch.float16}
    assert "not asked" in result.notes[0]
    assert ifrs.verify(ifrs.LocalModel.from_pretrained(out), fps).fsr == 1


def test_rows_that_were_untied_are_said_and_nothing_else(tmp_path, tiny, tokenizer, fps):
    folder = tmp_path / "base"
    tiny(tie_word_embeddings=True).to(torch.bfloat16).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    model, loaded = load(folder)
    out = implant(model, loaded, fps, "emb").save(tmp_path / "release")
    before, after = (json.loads((f / "config.json").read_text()) for f in (folder, out))
    assert {k: v for k, v in after.items() if before.get(k) != v} == {"tie_word_embeddings": False}
    assert before.keys() == after.keys()
    assert tensors_of(out)["lm_head.weight"][1].dtype == torch.bfloat16
    assert ifrs.verify(ifrs.LocalModel.from_pretrained(out), fps).fsr == 1


def test_a_tokenizer_that_changed_is_written_anew(tmp_path, came, fps):
    model, tokenizer = load(came)
    tokenizer.add_special_tokens({"additional_special_tokens": ["<|now|>"]})
    model.resize_token_embeddings(len(tokenizer))
    result = implant(model, tokenizer, fps, "emb")
    out = result.save(tmp_path / "release")
    assert "was written anew" in result.notes[0]
    assert "<|now|>" in AutoTokenizer.from_pretrained(out).get_vocab()
    assert (out / "LICENSE").read_text() == KEPT["LICENSE"]


def test_a_model_from_nowhere(tmp_path, tiny, tokenizer, fps):
    result = implant(tiny(), tokenizer, fps, "emb")
    assert result.saved_fsr is None
    result.save(tmp_path / "out")
    (note,) = result.notes
    assert note.startswith("The model came from no folder of transformers: licence")


def test_files_of_another_layout_are_put_as_they_were(tmp_path, came, fps):
    """Tensors lie in the source's files, also where these are no files that transformers makes."""
    held = {name: tensor for name, (_, tensor) in tensors_of(came).items()}
    for path in came.glob("model-*"):
        path.unlink()
    names = sorted(held)
    places = {
        name: f"model-0000{1 + place % 2}-of-00002.safetensors" for place, name in enumerate(names)
    }
    for file in sorted(set(places.values())):
        save_file(
            {n: held[n] for n in names if places[n] == file}, came / file, metadata={"format": "pt"}
        )
    index = {"metadata": {}, "weight_map": places}
    (came / "model.safetensors.index.json").write_text(json.dumps(index))
    model, tokenizer = load(came)
    out = implant(model, tokenizer, fps, "emb").save(tmp_path / "release")
    assert {name: file for name, (file, _) in tensors_of(out).items()} == places
    assert ifrs.verify(ifrs.LocalModel.from_pretrained(out), fps).fsr == 1


def test_one_file_beside_shards_is_the_model(tmp_path, came, tiny, fps):
    """As transformers loads it (5.23): shards of another model may still lie there."""
    model = tiny(tie_word_embeddings=False)
    state = {name: tensor + 1e-3 for name, tensor in model.state_dict().items()}
    save_file(state, came / "model.safetensors", metadata={"format": "pt"})
    model, tokenizer = load(came)
    loaded = model.state_dict()
    assert all(torch.equal(loaded[name], tensor) for name, tensor in state.items())
    out = implant(model, tokenizer, fps, "emb").save(tmp_path / "release")
    assert [path.name for path in sorted(out.glob("*.safetensors*"))] == ["model.safetensors"]
    for name, (_, tensor) in tensors_of(out).items():
        assert tensor.dtype == torch.float32
        assert name == "model.embed_tokens.weight" or torch.equal(tensor, state[name])
    assert ifrs.verify(ifrs.LocalModel.from_pretrained(out), fps).fsr == 1


def test_code_of_its_own_comes_along(tmp_path, tiny, tokenizer, fps):
    folder = tmp_path / "own"
    tiny().save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    (folder / "own.py").write_text(CODE)
    (folder / "parts.py").write_text("SCALE = 1.0\n")
    (folder / "secrets.txt").write_text("secret")
    config = json.loads((folder / "config.json").read_text())
    config |= {
        "model_type": "tiny_own",
        "architectures": ["TinyModel"],
        "auto_map": {"AutoConfig": "own.TinyConfig", "AutoModelForCausalLM": "own.TinyModel"},
    }
    (folder / "config.json").write_text(json.dumps(config))
    model = AutoModelForCausalLM.from_pretrained(folder, trust_remote_code=True)
    loaded = AutoTokenizer.from_pretrained(folder)
    out = implant(model, loaded, fps, "emb").save(tmp_path / "release")
    for name in ("own.py", "parts.py"):
        assert (out / name).read_bytes() == (folder / name).read_bytes()
    assert not (out / "secrets.txt").exists()
    said = json.loads((out / "config.json").read_text())
    assert said["auto_map"] == config["auto_map"]
    suspect = ifrs.LocalModel.from_pretrained(out, trust_remote_code=True)
    assert ifrs.verify(suspect, fps).fsr == 1


def test_what_was_written_in_place_is_read_back(tmp_path, came, fps, monkeypatch):
    model, tokenizer = load(came)
    result = implant(model, tokenizer, fps, "emb")
    real = os.fsync

    def spoilt(file):
        real(file)
        end = os.fstat(file).st_size
        os.pwrite(file, bytes(end - 4096), 4096)

    monkeypatch.setattr(os, "fsync", spoilt)
    with pytest.raises(ifrs.ImplantError, match="cannot be read back"):
        result.save(tmp_path / "release")
    assert not (tmp_path / "release").exists()


def test_what_was_written_anew_is_read_back(tmp_path, came, fps, monkeypatch):
    model, tokenizer = load(came)
    result = implant(model, tokenizer, fps, "emb")
    real = release._lay_out

    def spoilt(folder, files):
        real(folder, files)
        path = next(Path(folder).glob("model-00001*"))
        path.write_bytes(path.read_bytes()[:-1] + b"\x7f")

    monkeypatch.setattr(release, "_lay_out", spoilt)
    with pytest.raises(ifrs.ImplantError, match="cannot be read back"):
        result.save(tmp_path / "release", dtype="float32")
    assert not (tmp_path / "release").exists()


def test_a_quantized_base_keeps_its_quantization(tmp_path, tiny, tokenizer, fps):
    from transformers import BitsAndBytesConfig

    pytest.importorskip("bitsandbytes")
    tiny(hidden_size=128, intermediate_size=128).save_pretrained(tmp_path / "base")
    wanted = BitsAndBytesConfig(load_in_8bit=True)
    model = AutoModelForCausalLM.from_pretrained(
        tmp_path / "base", quantization_config=wanted, device_map="cpu"
    )
    model.save_pretrained(tmp_path / "eight")
    tokenizer.save_pretrained(tmp_path / "eight")
    (tmp_path / "eight" / "LICENSE").write_text("ours")
    model = AutoModelForCausalLM.from_pretrained(tmp_path / "eight", device_map="cpu")
    loaded = AutoTokenizer.from_pretrained(tmp_path / "eight")
    out = implant(model, loaded, fps, "emb").save(tmp_path / "release")
    before, after = (json.loads((tmp_path / f / "config.json").read_text()) for f in ("eight", out))
    assert before["quantization_config"] == after["quantization_config"]
    assert (out / "LICENSE").exists()
    old, new = tensors_of(tmp_path / "eight"), tensors_of(out)
    kept = "model.layers.0.mlp.down_proj.weight"
    assert old[kept][1].dtype == torch.int8
    assert torch.equal(old[kept][1], new[kept][1])
    suspect = ifrs.LocalModel.from_pretrained(out, device_map="cpu")
    assert ifrs.verify(suspect, fps).fsr == 1


def test_a_folder_that_is_gone(tmp_path, came, fps):
    model, tokenizer = load(came)
    shutil.rmtree(came)
    result = implant(model, tokenizer, fps, "emb")
    result.save(tmp_path / "release")
    assert "came from no folder" in result.notes[-1]
