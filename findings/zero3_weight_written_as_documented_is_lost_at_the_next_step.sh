#!/usr/bin/env bash
# deepspeed 0.19.8, ZeRO stage 3: a weight written in `GatheredParameters(modifier_rank=0)` is lost at the next step.
#
# `GatheredParameters` collects a weight that is spread over the processes; `modifier_rank` "is required if params
# are modified", says its documentation, so that all processes see what that rank wrote. One expects a weight that
# was written to stay written, and training to go on from there. After `deepspeed.initialize` with an optimizer
# it reads back as written, and the model computes with it. The optimizer holds a copy of its own, in fp32 too,
# where no other precision asks for one. The next `step` computes from this copy and puts the result over the
# weight: what was written is gone, even with learning rate 0. Nothing is logged or warned of.
# `deepspeed.utils.safe_set_full_fp32_param` writes the copy alone: it shows in the weight after the next step, and
# not before. Only both together write a weight. The maintainers speak of the copy in deepspeedai/DeepSpeed issue
# 2424, "How to manipulate parameters of model when training?". A fingerprint written in the first way is found in
# the model, and is gone once its owner trains on.
#
# Seen in fp32 and bf16, one process, SGD with learning rate 0, a weight of 4 by 4 filled with 2, an input of ones.
# `GatheredParameters`: 2 when read, 8 computed, the old weight after one step. `safe_set_full_fp32_param`: the old
# weight when read and computed with, 2 after the step. Both: 2, 8, and 2. No warning.
#
# Exit 0: as described. Anything else: something changed. Needs python3 with venv, and a package index.
set -euo pipefail

work=$(mktemp -d)
trap 'code=$?; if [ $code != 0 ]; then cat "$work/log" >&2; fi; rm -rf "$work"; exit $code' EXIT
touch "$work/log"
cd "$work"

python3 -m venv venv
venv/bin/python -m pip install --quiet --disable-pip-version-check \
  deepspeed==0.19.8 torch==2.15.0 numpy 2>> "$work/log"

# No GPU. DeepSpeed's own operation would need a compiler: gloo serves without it.
export CUDA_VISIBLE_DEVICES="" OMP_NUM_THREADS=1
cat > tried.py <<'END'
import logging
import os
import sys
import warnings
from importlib.metadata import version

os.environ |= {"MASTER_ADDR": "localhost", "MASTER_PORT": "0"}
os.environ |= {"RANK": "0", "LOCAL_RANK": "0", "WORLD_SIZE": "1"}
import deepspeed
import torch
from deepspeed.ops import __compatible_ops__
from deepspeed.utils import safe_set_full_fp32_param
from deepspeed.utils.logging import logger

__compatible_ops__["deepspeed_shm_comm"] = False
deepspeed.init_distributed("gloo")
print(*(f"{name} {version(name)}" for name in ("deepspeed", "torch")))
said = []


class Kept(logging.Handler):
    def emit(self, record):
        said.append(record.getMessage())


logger.addHandler(Kept(logging.WARNING))


def value(weight):
    with deepspeed.zero.GatheredParameters(weight):
        return weight.detach().clone()


def gathered(weight):
    with deepspeed.zero.GatheredParameters(weight, modifier_rank=0), torch.no_grad():
        weight.fill_(2)


def copied(weight):
    safe_set_full_fp32_param(weight, torch.full(weight.ds_shape, 2.0))


def both(weight):
    gathered(weight)
    copied(weight)


def tried(dtype, write):
    """The weight once written, what the model computes with it, and the weight after a step."""
    torch.manual_seed(0)
    model = torch.nn.Linear(4, 4, bias=False)
    config = {"train_micro_batch_size_per_gpu": 1, "zero_optimization": {"stage": 3}}
    config |= {"zero_allow_untested_optimizer": True, "bf16": {"enabled": dtype == torch.bfloat16}}
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    engine = deepspeed.initialize(model=model, optimizer=optimizer, config=config)[0]
    weight = engine.module.weight
    old = value(weight)
    said.clear()
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        write(weight)
        read = value(weight)
        computed = engine(torch.ones(1, 4, dtype=dtype))
        engine.backward(computed.sum())
        engine.step()
    said.extend(str(one.message) for one in warned)
    new = torch.full_like(old, 2)
    return (
        named(read, old, new),
        named(computed[0], old.sum(1), new.sum(1)),
        named(value(weight), old, new),
    )


def named(one, old, new):
    return next(
        (name for name, other in {"old": old, "new": new}.items() if near(one, other)), "another"
    )


def near(one, other):
    return torch.allclose(one.float(), other.float(), atol=0.02)


wanted = {
    gathered: ("new", "new", "old"),
    copied: ("old", "old", "new"),
    both: ("new", "new", "new"),
}
good = True
for dtype in (torch.float32, torch.bfloat16):
    for write, seen in wanted.items():
        read, computed, after = tried(dtype, write)
        print(
            f"{dtype}, {write.__name__}: read {read}, computed {computed}, after a step {after},",
            end=" ",
        )
        print("said:", said or "nothing")
        good = good and (read, computed, after) == seen and not said
torch.distributed.destroy_process_group()
sys.exit(0 if good else "deepspeed does otherwise")
END
venv/bin/python tried.py 2>> "$work/log" | grep -v "^\["
