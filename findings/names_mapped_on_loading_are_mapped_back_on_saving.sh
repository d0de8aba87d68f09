#!/usr/bin/env bash
# transformers 5.23.0 undoes `key_mapping` when a model is saved.
#
# `from_pretrained(FOLDER, key_mapping={PATTERN: ""})` is the way to load weights that were saved from
# within a wrapper (torch.compile, DDP, a model of several media). All tensors land in their places.
# `save_pretrained` of that model then maps the names back: the new folder has the wrapper's names
# again, which nobody asked for, so that a plain `from_pretrained` of it draws all weights at random
# and only logs that it did. Whoever loads such weights, tunes them and releases the result releases
# a folder that loads as noise. In ifrs a planted model saved so would answer no key.
#
# Seen: a tiny Llama saved under `module.`; loaded with key_mapping all logits are the model's own;
# saved again every name begins with `module.`; a plain from_pretrained of that gives other logits.
#
# Exit 0: as described. Anything else: something changed. Needs python3 with venv, and a package index.
set -euo pipefail

work=$(mktemp -d)
trap 'code=$?; if [ $code != 0 ]; then cat "$work/log" >&2; fi; rm -rf "$work"; exit $code' EXIT
touch "$work/log"
cd "$work"

python3 -m venv venv
venv/bin/python -m pip install --quiet --disable-pip-version-check \
  transformers==5.23.0 torch==2.15.0 safetensors==0.8.0 2>> "$work/log"

cat > save.py <<'END'
import os
import sys
from importlib.metadata import version

os.environ |= {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_VERBOSITY": "error"}
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM

print(*(f"{name} {version(name)}" for name in ("transformers", "torch")))
torch.manual_seed(0)
settings = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1}
model = LlamaForCausalLM(
    LlamaConfig(vocab_size=99, num_attention_heads=2, num_key_value_heads=2, **settings)
).eval()
model.save_pretrained("wrapped")
tensors = load_file("wrapped/model.safetensors")
own = set(tensors)
wrapped = {f"module.{name}": tensor for name, tensor in tensors.items()}
save_file(wrapped, "wrapped/model.safetensors", metadata={"format": "pt"})


def same(one):
    ids = torch.tensor([[5, 6, 7]])
    return torch.equal(one(input_ids=ids).logits, model(input_ids=ids).logits)


read = AutoModelForCausalLM.from_pretrained("wrapped", key_mapping={r"^module\.": ""})
read.save_pretrained("again")
names = set(load_file("again/model.safetensors"))
again = AutoModelForCausalLM.from_pretrained("again")
print("with key_mapping loaded rightly:", same(read))
print("saved as:", min(names), "- loaded rightly from there:", same(again))
seen = same(read) and not names & own and not same(again)
sys.exit(0 if seen else "transformers does otherwise")
END
venv/bin/python save.py
