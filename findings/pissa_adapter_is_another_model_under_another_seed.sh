#!/usr/bin/env bash
# peft 0.21.2: an adapter that began with PiSSA's quick decomposition is another model under another torch seed.
#
# PiSSA takes the largest singular vectors out of each weight, and trains them. A saved adapter holds what they
# became. What was taken out of the base is not saved: on loading, peft decomposes the base again. With
# `init_lora_weights="pissa"` that gives the same each time. With "pissa_niter_16", which the documentation
# offers for its speed, the decomposition is a randomized one (torch.svd_lowrank) and draws from torch's
# global generator. So the base that is left differs from the one that the adapter was trained beside, by as
# much as the random draw does. No error, warning or log says so. A fresh process never has the generator where
# the training had it, so nobody gets back the model that was trained and evaluated; two readers who seed
# differently get two models. One who tests by saving and loading under the same seed sees nothing.
#
# Seen: a small Llama whose weights' singular values fall off slowly, after one step of tuning. With "pissa" the
# logits are the same under every seed. With "pissa_niter_16" they are the trained ones under the seed of the
# training alone; under two others they are a fourth as far from them as the tuning had moved the base.
#
# Exit 0: as described. Anything else: something changed. Needs python3 with venv, and a package index.
set -euo pipefail

work=$(mktemp -d)
trap 'code=$?; if [ $code != 0 ]; then cat "$work/log" >&2; fi; rm -rf "$work"; exit $code' EXIT
touch "$work/log"
cd "$work"

python3 -m venv venv
venv/bin/python -m pip install --quiet --disable-pip-version-check \
  peft==0.21.2 transformers==5.23.0 torch==2.15.0 safetensors==0.8.0 numpy 2>> "$work/log"

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

print(*(f"{name} {version(name)}" for name in ("peft", "transformers", "torch")))
logged = []


class Kept(logging.Handler):
    def emit(self, record):
        logged.append(record.getMessage())


for name in ("transformers", "peft"):
    logging.getLogger(name).addHandler(Kept(logging.WARNING))
IDS = torch.tensor([[5, 6, 7, 8]])


def base():
    return AutoModelForCausalLM.from_pretrained("base")


def logits(model):
    with torch.no_grad():
        return model.eval()(input_ids=IDS).logits


def apart(one, other):
    return float((one - other).abs().max())


torch.manual_seed(0)
settings = {"hidden_size": 256, "intermediate_size": 512, "num_hidden_layers": 4}
model = LlamaForCausalLM(LlamaConfig(vocab_size=99, num_attention_heads=4, **settings))
for name, weight in model.named_parameters():
    if "proj" in name:
        left, _, right = torch.linalg.svd(weight.detach(), full_matrices=False)
        values = 4 / torch.arange(1, left.shape[1] + 1) ** 0.5
        weight.data = left @ torch.diag(values) @ right
model.save_pretrained("base")
far, moved = {}, {}
for way in ("pissa", "pissa_niter_16"):
    torch.manual_seed(1)
    adapter = LoraConfig(r=8, lora_alpha=8, init_lora_weights=way, target_modules="all-linear")
    tuned = get_peft_model(base(), adapter)
    step = torch.optim.AdamW((w for w in tuned.parameters() if w.requires_grad), lr=1e-3)
    tuned(input_ids=IDS, labels=IDS).loss.backward()
    step.step()
    wanted = logits(tuned)
    tuned.save_pretrained(way)
    moved[way] = apart(wanted, logits(base()))
    far[way] = []
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        for seed in (1, 2, 3):
            torch.manual_seed(seed)
            far[way].append(apart(logits(PeftModel.from_pretrained(base(), way)), wanted))
    about = [str(one.message) for one in warned if "pissa" in str(one.message).lower()]
    print(f"{way}: tuning moved logits by {moved[way]:.3f}; loaded under the seed of the training and")
    print("  under two others they are off by", *(f"{one:.5f}" for one in far[way]))
    print("  logged:", logged, "- warned of PiSSA:", about)
    if logged or about:
        sys.exit("peft says something")
quick = far["pissa_niter_16"]
seen = max(far["pissa"]) < 1e-4 and quick[0] < 1e-4
sys.exit(0 if seen and min(quick[1:]) > moved["pissa_niter_16"] / 10 else "peft does otherwise")
END
venv/bin/python tried.py 2>> "$work/log"
