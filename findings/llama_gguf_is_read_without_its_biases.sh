#!/usr/bin/env bash
# transformers 5.23.0 reads a LLaMA GGUF file without its attention biases and without its scaled frequencies.
#
# The format names both: `blk.N.attn_q.bias` (LLaMA with attention_bias) and `rope_freqs.weight` (Llama 3.1's
# scaling, which converters write in place of settings). llama.cpp computes with them. One expects
# `from_pretrained(gguf_file=…)` to load them, or to list them as unexpected. It does neither: the model has no
# bias and plain frequencies, and missing and unexpected keys are empty. Such a model is another than the one
# that llama.cpp serves from the same file, and nothing says so. The docs of ifrs tell publishers to plant in the
# original folder, and `export_gguf` keeps both tensors.
#
# Seen: attention_bias False, no bias in the layer, inverse frequencies of the plain formula, empty lists.
#
# Exit 0: as described. Anything else: something changed. Needs python3 with venv, and a package index.
set -euo pipefail

work=$(mktemp -d)
trap 'code=$?; if [ $code != 0 ]; then cat "$work/log" >&2; fi; rm -rf "$work"; exit $code' EXIT
touch "$work/log"
cd "$work"

python3 -m venv venv
venv/bin/python -m pip install --quiet --disable-pip-version-check \
  transformers==5.23.0 torch==2.15.0 gguf==0.19.0 accelerate==1.15.0 numpy 2>> "$work/log"

cat > tried.py <<'END'
import os
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

os.environ |= {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_VERBOSITY": "error"}
import gguf
import numpy as np
import torch
from transformers import AutoModelForCausalLM, GgufConfig

print(*(f"{name} {version(name)}" for name in ("transformers", "torch", "gguf")))
width, heads, words, inner = 64, 4, 96, 96
folder, rng = Path(tempfile.mkdtemp()), np.random.default_rng(0)
writer = gguf.GGUFWriter(folder / "model.gguf", "llama")
writer.add_block_count(1)
writer.add_context_length(128)
writer.add_embedding_length(width)
writer.add_feed_forward_length(inner)
writer.add_head_count(heads)
writer.add_head_count_kv(heads)
writer.add_layer_norm_rms_eps(1e-6)
writer.add_rope_freq_base(500000.0)
writer.add_tokenizer_model("gpt2")
writer.add_token_list([f"t{i}" for i in range(words)])


def drawn(*shape):
    return (0.1 * rng.standard_normal(shape)).astype(np.float32)


square = (width, width)
shapes = {name: square for name in ("attn_q", "attn_k", "attn_v", "attn_output")}
shapes |= {"ffn_gate": (inner, width), "ffn_up": (inner, width), "ffn_down": (width, inner)}
shapes |= {"attn_norm": (width,), "ffn_norm": (width,)}
writer.add_tensor("token_embd.weight", drawn(words, width))
writer.add_tensor("output_norm.weight", np.ones(width, np.float32))
for name, shape in shapes.items():
    writer.add_tensor(f"blk.0.{name}.weight", drawn(*shape))
for name in ("attn_q", "attn_k", "attn_v"):
    writer.add_tensor(f"blk.0.{name}.bias", drawn(width) + 1)
scale = np.linspace(1, 8, width // heads // 2, dtype=np.float32)
writer.add_tensor("rope_freqs.weight", scale)
writer.write_header_to_file()
writer.write_kv_data_to_file()
writer.write_tensors_to_file()
writer.close()

model, info = AutoModelForCausalLM.from_pretrained(
    folder,
    gguf_file="model.gguf",
    quantization_config=GgufConfig(dequantize=True),
    output_loading_info=True,
)
bias = model.model.layers[0].self_attn.q_proj.bias
size = width // heads
plain = 1 / 500000.0 ** (torch.arange(0, size, 2) / size)
same = torch.allclose(model.model.rotary_emb.inv_freq.float(), plain)
said = info["missing_keys"], info["unexpected_keys"]
print("bias of the queries:", bias, "- plain frequencies:", same, "- missing, unexpected:", said)
sys.exit(0 if bias is None and same and not any(map(len, said)) else 1)
END
venv/bin/python tried.py 2>> "$work/log"
