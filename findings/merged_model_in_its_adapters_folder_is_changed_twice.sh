#!/usr/bin/env bash
# transformers 5.23.0 with peft 0.21.2: a merged model saved where its adapter lies gets the adapter once more.
#
# A tuning run leaves an adapter in its output folder. `merge_and_unload` gives a plain model, which holds the
# change and knows no adapter. Saved in that same folder it stands beside `adapter_config.json`. From there
# `from_pretrained` of transformers loads the merged weights and then puts the adapter on top: the change counts
# twice. It takes the folder for a base with its adapter, although the adapter's own settings name another base.
# Nothing is logged or warned of, on saving or on loading, and no tensor is missing or left over. The answers
# stay fluent where the change is small, so an evaluation before saving and one after loading differ for no
# reason that one sees. With peft out of the environment the same folder loads as it was saved: two machines
# serve two models. A fingerprint that was planted by a LoRA is there, at twice its strength.
#
# Seen: a tiny Llama under a LoRA, whose logits the merged model repeats within 1e-6. Loaded from the run's
# folder they are 0.01 and more away, and bit for bit those of the merged model under the adapter. From an
# empty folder the merged model loads as it is.
#
# Exit 0: as described. Anything else: something changed. Needs python3 with venv, and a package index.
set -euo pipefail

work=$(mktemp -d)
trap 'code=$?; if [ $code != 0 ]; then cat "$work/log" >&2; fi; rm -rf "$work"; exit $code' EXIT
touch "$work/log"
cd "$work"

python3 -m venv venv
venv/bin/python -m pip install --quiet --disable-pip-version-check \
  transformers==5.23.0 peft==0.21.2 torch==2.15.0 safetensors==0.8.0 numpy 2>> "$work/log"

cat > tried.py <<'END'
import logging
import os
import sys
import warnings
from importlib.metadata import version

os.environ |= {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_VERBOSITY": "warning"}
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM

print(*(f"{name} {version(name)}" for name in ("transformers", "peft", "torch")))
logged = []


class Kept(logging.Handler):
    def emit(self, record):
        logged.append(record.getMessage())


for name in ("transformers", "peft"):
    logging.getLogger(name).addHandler(Kept(logging.WARNING))


def logits(model):
    with torch.no_grad():
        return model.eval()(input_ids=torch.tensor([[5, 6, 7]])).logits


def read(folder):
    model, said = AutoModelForCausalLM.from_pretrained(folder, output_loading_info=True)
    assert not said["missing_keys"] and not said["unexpected_keys"]
    return logits(model)


def apart(one, other):
    return float((one - other).abs().max())


settings = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2}
torch.manual_seed(0)
model = LlamaForCausalLM(LlamaConfig(vocab_size=99, num_attention_heads=2, **settings))
model.save_pretrained("base")
adapter = LoraConfig(target_modules=["q_proj", "v_proj", "down_proj"], init_lora_weights=False)
tuned = get_peft_model(AutoModelForCausalLM.from_pretrained("base"), adapter)
wanted = logits(tuned)
tuned.save_pretrained("run")
merged = tuned.merge_and_unload()
assert apart(logits(merged), wanted) < 1e-6
with warnings.catch_warnings(record=True) as warned:
    warnings.simplefilter("always")
    merged.save_pretrained("run")
    merged.save_pretrained("elsewhere")
    from_run, from_elsewhere = read("run"), read("elsewhere")
about = [str(one.message) for one in warned if "adapter" in str(one.message).lower()]
twice = logits(PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained("elsewhere"), "run"))
print(sorted(os.listdir("run")))
print("from its own folder: %.4f away from what was merged" % apart(from_run, wanted))
print("  %.4f away from the merged model under the adapter" % apart(from_run, twice))
print("from an empty folder: %.4f away" % apart(from_elsewhere, wanted))
print("logged:", logged, "- warned of adapters:", about)
seen = apart(from_run, wanted) > 0.01 and torch.equal(from_run, twice)
seen = seen and apart(from_elsewhere, wanted) < 1e-6
sys.exit(0 if seen and not logged and not about else "transformers and peft do otherwise")
END
venv/bin/python tried.py 2>> "$work/log"
