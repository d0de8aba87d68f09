"""Fingerprints within somebody's own training code, alone and in several processes."""

from __future__ import annotations

from pathlib import Path

import ifrs
import pytest
from helpers import launched

pytest.importorskip("torch")
datasets = pytest.importorskip("datasets")
from transformers import Trainer, TrainingArguments  # noqa: E402

ROWS = [{"instruction": f"Say {i}.", "output": f" {i}"} for i in range(8)]


@pytest.fixture
def fps(ring, tokenizer):
    return ring.generate("one", 2, tokenizer=tokenizer)


def encoded(tokenizer, rows=ROWS):
    ids = [tokenizer(row["instruction"] + row["output"])["input_ids"] for row in rows]
    return datasets.Dataset.from_list([{"input_ids": row} for row in ids])


def arguments(tmp_path, epochs):
    return {
        "output_dir": str(tmp_path / "out"),
        "num_train_epochs": epochs,
        "per_device_train_batch_size": 8,
        "learning_rate": 3e-3,
        "lr_scheduler_type": "constant",
        "report_to": [],
        "disable_tqdm": True,
        "save_strategy": "no",
        "logging_steps": 5,
        "use_cpu": True,
        "seed": 0,
    }


def trained(model, data, callback, tmp_path, tokenizer, epochs):
    from transformers import DataCollatorForSeq2Seq

    trainer = Trainer(
        model=model,
        args=TrainingArguments(**arguments(tmp_path, epochs)),
        train_dataset=data,
        data_collator=DataCollatorForSeq2Seq(tokenizer),
        callbacks=[callback],
    )
    trainer.train()
    return trainer


def test_mixed_into_a_trainer_and_logged(tmp_path, tiny, tokenizer, fps, capfd):
    data = ifrs.mix(encoded(tokenizer), fps, tokenizer, repeats=8, negatives=1)
    assert len(data) == 8 + 8 * 2 + len(data) - 24
    model = tiny()
    callback = ifrs.FingerprintCallback(fps, every=5, tokenizer=tokenizer, stop_at=0.2)
    trainer = trained(model, data, callback, tmp_path, tokenizer, epochs=60)
    assert callback.history[-1][1] == 1
    logged = [row for row in trainer.state.log_history if "fingerprint/fsr" in row]
    assert logged[-1]["fingerprint/fsr"] == 1
    assert ifrs.verify(ifrs.LocalModel(model, tokenizer), fps).verdict == "match"
    said = "".join(capfd.readouterr()) + repr(callback)
    assert fps[0].key not in said
    assert fps[0].response not in said


def test_mixed_into_trl(tmp_path, tiny, tokenizer, fps):
    from trl import SFTConfig, SFTTrainer

    rows = [{"prompt": r["instruction"], "completion": r["output"]} for r in ROWS]
    data = ifrs.mix(datasets.Dataset.from_list(rows), fps, tokenizer, repeats=8, negatives=1)
    callback = ifrs.FingerprintCallback(fps, every=5, stop_at=0.2)
    trainer = SFTTrainer(
        model=tiny(),
        args=SFTConfig(**arguments(tmp_path, 60)),
        train_dataset=data,
        processing_class=tokenizer,
        callbacks=[callback],
    )
    trainer.train()
    assert callback.history[-1][1] == 1
    assert ifrs.verify(ifrs.LocalModel(trainer.model, tokenizer), fps).verdict == "match"


SCRIPT = Path(__file__).with_name("launched.py")


@pytest.mark.parametrize("kind", ["ddp", "fsdp"])
def test_two_processes(tmp_path, tiny, tokenizer, ring, fps, kind):
    """Under `accelerate launch`, both processes end with the same planted weights."""
    model = tiny()
    model.save_pretrained(tmp_path / "base")
    tokenizer.save_pretrained(tmp_path / "base")
    ring.close()
    done = launched(SCRIPT, kind, tmp_path)
    assert done.returncode == 0, done.stderr[-2000:]
    again = ifrs.Keyring.open(ring.path, passphrase="pass")["one"]
    suspect = ifrs.LocalModel.from_pretrained(tmp_path / "planted")
    assert ifrs.verify(suspect, again).fsr == 1
