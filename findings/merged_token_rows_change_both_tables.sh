#!/usr/bin/env bash
# peft 0.21.2: rows of an input table that are trained apart from a tied output table are merged into both.
#
# `LoraConfig(trainable_token_indices={"embed_tokens": …, "lm_head": …})` takes rows of each table. Where the
# lists differ, peft keeps the tables apart also in a model that ties them: new input rows leave the logits of
# texts without these tokens bit for bit as they were. One expects `merge_and_unload` to give a model that
# answers as the adapter does. It writes the input rows into the one tensor that serves as output table, too,
# without an error or a warning, and logits of ordinary text change. An adapter that was harmless is not after
# it was merged. ifrs saves releases of this form (`form="peft"`), and its docs say not to merge them.
#
# Seen: with the adapter the logits of ordinary text are equal; merged they differ by 0.1 and more, and the two
# tables are one tensor.
#
# Exit 0: as described. Anything else: something changed. Needs python3 with venv, and a package index.
set -euo pipefail

work=$(mktemp -d)
trap 'code=$?; if [ $code != 0 ]; then cat "$work/log" >&2; fi; rm -rf "$work"; exit $code' EXIT
touch "$work/log"
cd "$work"

python3 -m venv venv
venv/bin/python -m pip install --quiet --disable-pip-version-check \
  peft==0.21.2 transformers==5.23.0 torch==2.15.0 numpy 2>> "$work/log"

cat > tried.py <<'END'
import os
import sys
from importlib.metadata import version

os.environ |= {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_VERBOSITY": "error"}
import torch
from peft import LoraConfig, get_peft_model
from transformers import Gemma3ForCausalLM, Gemma3TextConfig

print(*(f"{name} {version(name)}" for name in ("peft", "transformers", "torch")))
torch.manual_seed(0)
shape = dict(num_hidden_layers=2, num_attention_heads=2, num_key_value_heads=1, head_dim=16)
config = Gemma3TextConfig(vocab_size=64, hidden_size=32, intermediate_size=64, **shape)
model = Gemma3ForCausalLM(config).eval()
ordinary = torch.tensor([[1, 2, 3, 4]])


def logits(of):
    with torch.no_grad():
        return of(ordinary).logits.clone()


base = logits(model)
rows = {"embed_tokens": [60, 61], "lm_head": [5]}
adapter = get_peft_model(
    model, LoraConfig(r=1, target_modules=["q_proj"], trainable_token_indices=rows)
).eval()
for name, parameter in adapter.named_parameters():
    if "embed_tokens" in name and "trainable_tokens_delta" in name:
        parameter.data += 1.0
beside = logits(adapter)
merged = adapter.merge_and_unload()
after = logits(merged)
one = merged.lm_head.weight is merged.get_input_embeddings().weight
apart = float((after - base).abs().max())
print("with the adapter, ordinary text as before:", torch.equal(beside, base))
print("merged, ordinary text differs by", round(apart, 3), "- one table:", one)
sys.exit(0 if torch.equal(beside, base) and apart > 0.1 and one else 1)
END
venv/bin/python tried.py 2>> "$work/log"
