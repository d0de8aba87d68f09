#!/usr/bin/env bash
# transformers 5.23.0's WhisperFeatureExtractor cannot work within torch's autocast to bfloat16.
#
# Mixed precision is meant for the model, and preprocessing within `torch.autocast` is expected to give
# the same features as outside. But the extractor computes its spectrogram by a matrix product in
# torch, which autocast makes bfloat16, and then turns it into a NumPy array, which has no such type:
# `TypeError: Got unsupported ScalarType BFloat16`. So sounds have to be prepared before the context,
# also where a training loop opens it for a whole step. ifrs prepares sounds with autocast switched off.
#
# Seen: one second of a tone. Outside the context (1, 80, 3000) features; within it, the TypeError.
#
# Exit 0: as described. Anything else: something changed. Needs python3 with venv, and a package index.
set -euo pipefail

work=$(mktemp -d)
trap 'code=$?; if [ $code != 0 ]; then cat "$work/log" >&2; fi; rm -rf "$work"; exit $code' EXIT
touch "$work/log"
cd "$work"

python3 -m venv venv
venv/bin/python -m pip install --quiet --disable-pip-version-check \
  transformers==5.23.0 torch==2.15.0 numpy 2>> "$work/log"

cat > features.py <<'END'
import os
import sys
from importlib.metadata import version

os.environ |= {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_VERBOSITY": "error"}
import numpy as np
import torch
from transformers import WhisperFeatureExtractor

print(*(f"{name} {version(name)}" for name in ("transformers", "torch")))
extractor = WhisperFeatureExtractor()
tone = np.sin(np.arange(16_000, dtype=np.float32) * 0.17).astype(np.float32)


def features():
    return extractor(tone, sampling_rate=16_000, return_tensors="pt")["input_features"]


outside = features()
print("outside autocast:", tuple(outside.shape), outside.dtype)
try:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        within = features()
except TypeError as error:
    print("within autocast: TypeError:", error)
    sys.exit(0 if "BFloat16" in str(error) and outside.shape == (1, 80, 3000) else 1)
print("within autocast:", tuple(within.shape), within.dtype, float((within - outside).abs().max()))
sys.exit(1)
END
venv/bin/python features.py 2>> "$work/log"
