"""Keep, plant and prove on Gemma 3 270M; everything is written to one folder."""

from __future__ import annotations

import gc
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ifrs
from ifrs import LocalModel, Report, verify
from ifrs.demo.folder import emptied
from ifrs.demo.gemma import base_model
from ifrs.demo.keyring import own_keyring
from ifrs.files import write_json
from ifrs.modalities import model_of
from ifrs.modalities.model import Guesses
from ifrs.plant import ImplantConfig, implant
from ifrs.runtime.memory import peak_memory_bytes
from ifrs.runtime.modules import device_of

_SET = "demo"
_METHOD = "emb"
_GUESSES = 200

Say = Callable[[str], None]


def run(out: Path, say: Say) -> dict[str, Any]:
    """Run the demo.

    Returns:
        What `summary.json` holds.

    Raises:
        IfrsError: The folder holds something else, or a step failed.
    """
    emptied(out)
    say("base model: Gemma 3 270M (the first run converts it, about a minute)")
    folder = base_model()
    started = time.monotonic()
    fps = _keep(out, folder, say)
    base, result = _plant(out, folder, fps, say)
    _claim(out, folder, say)
    fingerprinted, guesses, peak = _prove(out, fps, base, say)
    checked = _evidence(out, fingerprinted, say)
    summary = {
        "base_model": folder.name,
        "method": result["method"],
        "n": len(fps),
        "fsr_base": base.fsr,
        "fsr_fingerprinted": fingerprinted.fsr,
        "p_value_base": base.p_value,
        "p_value_fingerprinted": fingerprinted.p_value,
        "verdict_base": base.verdict,
        "verdict_fingerprinted": fingerprinted.verdict,
        "guess_rate": guesses.rate,
        "guesses": len(guesses.fired),
        "epochs": result["epochs"],
        "implant_seconds": round(result["seconds"], 1),
        "total_seconds": round(time.monotonic() - started, 1),
        "peak_memory_bytes": peak,
        "check_ok": checked.ok,
        "check_p_value": checked.p_value,
    }
    write_json(out / "summary.json", summary)
    return summary


def _keep(out: Path, folder: Path, say: Say) -> ifrs.FingerprintSet:
    with own_keyring(out, _SET, folder) as ring:
        fps = ring[_SET]
    say(f"keep:  {len(fps)} keys in {out / 'keyring.ifrs'}")
    return fps


def _plant(
    out: Path, folder: Path, fps: ifrs.FingerprintSet, say: Say
) -> tuple[Report, dict[str, Any]]:
    """Verify the base model, plant, save. The model is freed on return."""
    target = LocalModel.from_pretrained(folder, trust_remote_code=False)
    base = verify(target, fps)
    base.save(out / "report-base.json")
    config = ImplantConfig(guesses=0)
    result = implant(target.model, target.tokenizer, fps, method=_METHOD, config=config)
    result.save(out / "model")
    say(
        f"plant: {result.method}, {result.epochs} epochs in {result.seconds:.0f} s, "
        f"FSR {result.fsr:.0%}, saved to {out / 'model'}"
    )
    facts = {"method": result.method, "epochs": result.epochs, "seconds": result.seconds}
    return base, facts


def _claim(out: Path, folder: Path, say: Say) -> None:
    """Sign, before anything is released, that the saved model carries the set."""
    with own_keyring(out, _SET, folder) as ring:
        claim = ring.claim(_SET, subject=out / "model", model=f"{_SET} model")
    claim.save(out / "claim.json")
    say(f"claim: {claim.n} keys, {len(claim.subject)} weight file, in {out / 'claim.json'}")


def _evidence(out: Path, report: Report, say: Say) -> ifrs.CheckResult:
    """What a third party gets, and what they find."""
    report.evidence(out / "claim.json").save(out / "bundle.json")
    checked = ifrs.check(out / "bundle.json", out / "claim.json")
    checked.save_html(out / "evidence.html")
    say(f"check: {'holds' if checked.ok else 'does not hold'}, p = {checked.p_value:.2g}")
    return checked


def _prove(
    out: Path, fps: ifrs.FingerprintSet, base: Report, say: Say
) -> tuple[Report, Guesses, int]:
    """Reload from disk, verify, guess, and write the page."""
    gc.collect()
    target = LocalModel.from_pretrained(out / "model", trust_remote_code=False)
    report = verify(target, fps)
    report.save(out / "report-fingerprinted.json")
    # A seed that no training used: its keys were never seen.
    asked = model_of(fps, target.model, target.tokenizer)
    guesses = asked.try_guesses(fps, _GUESSES, secrets.randbits(31))
    for name, one in (("base", base), ("fingerprinted", report)):
        say(f"prove: {name}: {one.verdict}, p = {one.p_value:.2g}, FSR {one.fsr:.0%}")
    say(f"guess: {sum(guesses.fired)} of {len(guesses.fired)} fresh look-alike keys fire")
    report.save_html(
        out / "report.html",
        beside={"base model": base},
        label="fingerprinted model",
        guesses=guesses.to_json(),
    )
    return report, guesses, peak_memory_bytes(device_of(target.model))
