#!/usr/bin/env bash
# trl 1.16.0's DPOTrainer with an OLoRA or PiSSA adapter of peft 0.21.2: a wrong reference, or another model.
#
# OLoRA and PiSSA start an adapter at parts of the weights and take these parts out of the base, so that the
# sum is the model as it was. DPO compares the tuned model to the one it started from ("the model state before
# DPO training starts", say the docs of DPOTrainer). Before the first step the two are one: all rewards are 0,
# and the loss is ln 2 = 0.6931. Given the adapter's settings (`peft_config=`), DPOTrainer takes for the
# reference the base with the adapter switched off. That lacks those parts, so it is another model, and
# rewards, margins and loss are against it. Given the model with its adapter on, DPOTrainer adds a second
# adapter of the same settings for the reference. It takes its parts out of the base once more, and is then
# overwritten: making the trainer changes what the model answers, and the loss looks right. Nothing is
# logged or warned of. A fingerprint in the model goes with its answers, before anything is tuned, or is tuned
# away from a start that nobody has. ifrs makes no such adapter.
#
# Seen, with a tiny Llama and learning rate 0. Plain LoRA: the model's logits stay, loss 0.6931, no rewards.
# OLoRA and PiSSA by settings: logits stay, loss below 0.6, rewards. On the model: loss 0.6931, no rewards, and
# logits that moved by 1 and more when the trainer was made.
#
# Exit 0: as described. Anything else: something changed. Needs python3 with venv, and a package index.
set -euo pipefail

work=$(mktemp -d)
trap 'code=$?; if [ $code != 0 ]; then cat "$work/log" >&2; fi; rm -rf "$work"; exit $code' EXIT
touch "$work/log"
cd "$work"

python3 -m venv venv
venv/bin/python -m pip install --quiet --disable-pip-version-check trl==1.16.0 peft==0.21.2 \
  transformers==5.23.0 torch==2.15.0 datasets==5.2.0 accelerate==1.15.0 tokenizers==0.23.3 2>> "$work/log"

cat > tried.py <<'END'
import logging
import os
import sys
import warnings
from importlib.metadata import version

os.environ |= {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_VERBOSITY": "warning"}
import torch
from datasets import Dataset, disable_progress_bars
from peft import LoraConfig, get_peft_model
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast
from trl import DPOConfig, DPOTrainer

disable_progress_bars()
print(*(f"{name} {version(name)}" for name in ("trl", "peft", "transformers", "torch")))
words = ["<pad>", "</s>", "<unk>", *(f"w{place}" for place in range(96))]
by_word = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, unk_token="<unk>"))
by_word.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
marks = {"pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>"}
tokenizer = PreTrainedTokenizerFast(tokenizer_object=by_word, **marks)
pairs = Dataset.from_list([{"prompt": "w1 w2", "chosen": " w3 w4", "rejected": " w5 w6"}] * 4)
settings = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2}
heads = {"num_attention_heads": 2, "num_key_value_heads": 2, "initializer_range": 0.3}
config = LlamaConfig(vocab_size=len(words), tie_word_embeddings=True, **heads, **settings)


class Kept(logging.Handler):
    def emit(self, record):
        said.append(record.getMessage())


said = []
for name in ("trl", "peft", "transformers"):
    logging.getLogger(name).addHandler(Kept(logging.WARNING))


def logits(model):
    with torch.no_grad():
        return model.eval()(input_ids=torch.tensor([[5, 6, 7]])).logits


def tuned(init, on_model):
    """How far the model moved as the trainer was made; loss and rewards of step 1; what was said."""
    torch.manual_seed(0)
    model, more = LlamaForCausalLM(config), {}
    adapter = LoraConfig(target_modules="all-linear", init_lora_weights=init, task_type="CAUSAL_LM")
    if on_model:
        model = get_peft_model(model, adapter)
    else:
        more["peft_config"] = adapter
    before = logits(model)
    how = {"learning_rate": 0.0, "max_steps": 1, "logging_steps": 1, "save_strategy": "no"}
    how |= {"per_device_train_batch_size": 4, "use_cpu": True, "bf16": False, "report_to": []}
    args = DPOConfig(output_dir="out", disable_tqdm=True, **how)
    said.clear()
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        trainer = DPOTrainer(model, args=args, train_dataset=pairs, processing_class=tokenizer, **more)
        moved = float((logits(trainer.model) - before).abs().max())
        trainer.train()
    said.extend(str(one.message) for one in warned)
    about = [one for one in said if any(word in one for word in ("PiSSA", "OLoRA", "base weights"))]
    (step,) = (one for one in trainer.state.log_history if "loss" in one)
    return moved, step["loss"], step["rewards/margins"], about


good = True
for init in (True, "olora", "pissa"):
    for on_model in (False, True):
        moved, loss, margin, about = tuned(init, on_model)
        name = "LoRA" if init is True else init
        print(f"{name}, {'on the model' if on_model else 'by settings'}: moved {moved:.4f},", end=" ")
        print(f"loss {loss:.4f}, margin {margin:.4f}, said: {about or 'nothing'}")
        plain, stays = init is True, moved < 1e-4
        equal = abs(loss - 0.6931) < 1e-3 and abs(margin) < 1e-3
        good = good and equal == (plain or on_model) and stays == (plain or not on_model)
        good = good and (plain or (moved > 1 if on_model else loss < 0.6))
        good = good and not about
sys.exit(0 if good else "trl does otherwise")
END
venv/bin/python tried.py 2>> "$work/log" | grep -v "^{"
