#!/usr/bin/env bash
# transformers 5.23.0: a model saved in shards over one that lies in a single file is not what loads from there.
#
# `save_pretrained` cleans its folder of what an earlier save left: saved in one file over shards, the shards
# are deleted. The other way round they are not: `model.safetensors` of the earlier save stays beside the new
# shards and their index. `from_pretrained` prefers it to the index, so the folder still loads as the earlier
# model. No key is missing or unexpected, and nothing is logged or warned of, on saving or loading. One meets it
# where the second save has a smaller `max_shard_size` (the default has grown from 5 to 50 GB), or a model has
# outgrown it. Whoever tunes a model and saves it in its own folder serves, and checks, the untuned one. Other
# readers take the index: two programs serve two models from one folder. In ifrs a fingerprint planted and
# saved so would not be there for whoever loads the folder with transformers.
#
# Seen: a tiny Llama saved in one file, another in shards in the same folder, for both orders. In shards last:
# the logits are those of the first, at a distance of 0.1 and more from the second. In one file last: right.
#
# Exit 0: as described. Anything else: something changed. Needs python3 with venv, and a package index.
set -euo pipefail

work=$(mktemp -d)
trap 'code=$?; if [ $code != 0 ]; then cat "$work/log" >&2; fi; rm -rf "$work"; exit $code' EXIT
touch "$work/log"
cd "$work"

python3 -m venv venv
venv/bin/python -m pip install --quiet --disable-pip-version-check \
  transformers==5.23.0 torch==2.15.0 safetensors==0.8.0 numpy 2>> "$work/log"

cat > tried.py <<'END'
import logging
import os
import sys
import warnings
from importlib.metadata import version

os.environ |= {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_VERBOSITY": "warning"}
import torch
from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM

print(*(f"{name} {version(name)}" for name in ("transformers", "torch", "safetensors")))
settings = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2}
config = LlamaConfig(vocab_size=99, num_attention_heads=2, num_key_value_heads=2, **settings)
logged = []


class Kept(logging.Handler):
    def emit(self, record):
        logged.append(record.getMessage())


logging.getLogger("transformers").addHandler(Kept(logging.WARNING))


def drawn(seed):
    torch.manual_seed(seed)
    return LlamaForCausalLM(config).eval()


def apart(one, other):
    ids = torch.tensor([[5, 6, 7]])
    with torch.no_grad():
        return float((one(input_ids=ids).logits - other(input_ids=ids).logits).abs().max())


def saved(folder, first, second):
    """The distance of what loads to the model saved first and to that saved second."""
    one, other = drawn(0), drawn(1)
    one.save_pretrained(folder, max_shard_size=first)
    other.save_pretrained(folder, max_shard_size=second)
    read, said = AutoModelForCausalLM.from_pretrained(folder, output_loading_info=True)
    assert not said["missing_keys"] and not said["unexpected_keys"]
    found = apart(read.eval(), one), apart(read, other)
    files = [name for name in sorted(os.listdir(folder)) if name.startswith("model")]
    print(f"{first}, then {second}: {len(files)} files, of them", files[0], "to", files[-1])
    print("  from the first: %.3f, from the second: %.3f" % found)
    return found


with warnings.catch_warnings(record=True) as warned:
    warnings.simplefilter("always")
    shards_last = saved("shards-last", "50GB", "20KB")
    file_last = saved("file-last", "20KB", "50GB")
about = [str(one.message) for one in warned if "shard" in str(one.message).lower()]
print("logged:", logged, "- warned of shards:", about)
seen = shards_last[0] == 0 and shards_last[1] > 0.1 and file_last[0] > 0.1 and file_last[1] == 0
sys.exit(0 if seen and not logged and not about else "transformers does otherwise")
END
venv/bin/python tried.py 2>> "$work/log"
