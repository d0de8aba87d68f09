#!/usr/bin/env bash
# accelerate 1.15.0 with deepspeed 0.19.8 on a machine without a GPU: it counts one process where two run.
#
# DeepSpeed runs on CPUs too, and `accelerate launch --use_deepspeed --num_processes 2` starts two processes there.
# One expects `Accelerator()` to tell them apart: two processes, indices 0 and 1, one of them main. torch does: the
# group has ranks 0 and 1 of 2. Accelerate looks for the backend of a GPU, finds none, and counts one process,
# though it has just had DeepSpeed start the group, and names the type DEEPSPEED. No warning says so. Both
# processes are main: both write the files that one should write. Both take all the data. Calls that need the
# group fail, and their messages are about something else: `gather` about the length of a list, `prepare` about
# the size of a batch. Who plants or saves a fingerprint where `is_main_process` holds does it twice. ifrs asks
# torch for the rank.
#
# Seen in both processes: type DEEPSPEED, num_processes 1, process_index 0, is_main_process True, rank 0 or 1 of 2;
# `split_between_processes` of four items gives four; `gather` raises a RuntimeError, `prepare` an AssertionError.
#
# Exit 0: as described. Anything else: something changed. Needs python3 with venv, and a package index.
set -euo pipefail

work=$(mktemp -d)
trap 'code=$?; if [ $code != 0 ]; then cat "$work/log" >&2; fi; rm -rf "$work"; exit $code' EXIT
touch "$work/log"
cd "$work"

python3 -m venv venv
venv/bin/python -m pip install --quiet --disable-pip-version-check \
  accelerate==1.15.0 deepspeed==0.19.8 transformers==5.23.0 torch==2.15.0 numpy 2>> "$work/log"

# No GPU, and no settings of the user's. DeepSpeed's own operation would need a compiler: gloo serves without it.
export CUDA_VISIBLE_DEVICES="" HF_HOME="$work/hf" HF_HUB_OFFLINE=1 OMP_NUM_THREADS=1
cat > tried.py <<'END'
import json
from pathlib import Path

import torch
from accelerate import Accelerator
from deepspeed.ops import __compatible_ops__

__compatible_ops__["deepspeed_shm_comm"] = False
accelerator = Accelerator()
rank, world = torch.distributed.get_rank(), torch.distributed.get_world_size()


def prepared():
    model, data = torch.nn.Linear(2, 2), torch.utils.data.DataLoader(torch.ones(4, 2), batch_size=1)
    accelerator.prepare(model, torch.optim.SGD(model.parameters(), lr=0.1), data)


def outcome(call):
    try:
        call()
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "done"


with accelerator.split_between_processes([0, 1, 2, 3]) as part:
    seen = {
        "distributed_type": accelerator.distributed_type.value,
        "num_processes": accelerator.num_processes,
        "process_index": accelerator.process_index,
        "is_main_process": accelerator.is_main_process,
        "rank": rank,
        "world": world,
        "split": part,
    }
seen["gather"] = outcome(lambda: accelerator.gather(torch.tensor([rank])))
seen["prepare"] = outcome(prepared)
Path(f"seen{rank}.json").write_text(json.dumps(seen))
END
venv/bin/accelerate launch --use_deepspeed --zero_stage 3 --num_processes 2 --num_machines 1 \
  --mixed_precision no --dynamo_backend no --main_process_port 0 tried.py >> "$work/log" 2>&1

cat > judged.py <<'END'
import json
import sys
from importlib.metadata import version
from pathlib import Path

print(*(f"{name} {version(name)}" for name in ("accelerate", "deepspeed", "torch")))
alone = {"distributed_type": "DEEPSPEED", "num_processes": 1, "process_index": 0}
alone |= {"is_main_process": True, "split": [0, 1, 2, 3]}
good = True
for rank in (0, 1):
    seen = json.loads(Path(f"seen{rank}.json").read_text())
    print(*(f"{name} {value}" for name, value in seen.items()), sep=", ")
    good = good and seen.pop("gather").startswith(
        "RuntimeError: ProcessGroupGloo::allgather: invalid output"
    )
    good = good and seen.pop("prepare").startswith("AssertionError: Check batch related parameters")
    good = good and seen == alone | {"rank": rank, "world": 2}
sys.exit(0 if good else "accelerate does otherwise")
END
venv/bin/python judged.py 2>> "$work/log"
