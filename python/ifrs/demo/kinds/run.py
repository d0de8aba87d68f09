"""Keep, plant and prove on a real model of any kind; everything is written to one folder."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

import ifrs
from ifrs import FingerprintSet, Report
from ifrs.demo.folder import emptied
from ifrs.demo.keyring import opened
from ifrs.demo.kinds import KINDS, parts_of
from ifrs.demo.kinds.parts import Parts
from ifrs.errors import IfrsError
from ifrs.files import write_json
from ifrs.plant import ImplantResult

Say = Callable[[str], None]


def run(kind: str, out: Path, say: Say) -> dict[str, Any]:
    """Run the demo of a kind.

    Returns:
        What `summary.json` holds.

    Raises:
        IfrsError: There is no such kind, the folder holds something else, or a step failed.
        ImportError: A package of the demo is not installed.
    """
    if kind not in KINDS:
        raise IfrsError(f"there is no demo of kind {kind!r}: use text, {', '.join(KINDS)}")
    emptied(out)
    started = time.monotonic()
    with _one_thread():
        parts = parts_of(kind)(say)
        fps = _keep(kind, parts, out, say)
        before = parts.measure(parts.model)
        base = ifrs.verify(parts.suspect(parts.model), fps)
        base.save(out / "report-base.json")
        result = _plant(kind, parts, fps, out, say)
        model = parts.load(out / "model")
        report = _prove(parts, model, fps, base, out, say)
        after = parts.measure(model)
    say("work:  " + ", ".join(f"{name} {before[name]:.4g} → {after[name]:.4g}" for name in after))
    checked = _evidence(report, out, say)
    summary = {
        "kind": kind,
        "base_model": parts.name,
        "method": result.method,
        "n": len(fps),
        "fsr_base": base.fsr,
        "fsr_fingerprinted": report.fsr,
        "p_value_base": base.p_value,
        "p_value_fingerprinted": report.p_value,
        "verdict_base": base.verdict,
        "verdict_fingerprinted": report.verdict,
        "guess_rate": result.guess_rate,
        "epochs": result.epochs,
        "work_base": before,
        "work_fingerprinted": after,
        "implant_seconds": round(result.seconds, 1),
        "total_seconds": round(time.monotonic() - started, 1),
        "check_ok": checked.ok,
        "check_p_value": checked.p_value,
    }
    write_json(out / "summary.json", summary)
    return summary


@contextmanager
def _one_thread() -> Iterator[None]:
    """One thread for torch: small models take longer on two."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _keep(kind: str, parts: Parts, out: Path, say: Say) -> FingerprintSet:
    with opened(out) as ring:
        fps = ring.generate(kind, **parts.keys)
    say(f"keep:  {len(fps)} keys ({fps.media}) in {out / 'keyring.ifrs'}")
    return fps


def _plant(kind: str, parts: Parts, fps: FingerprintSet, out: Path, say: Say) -> ImplantResult:
    """Plant, save, and sign before anything is released that the saved model carries the set."""
    result = ifrs.implant(
        parts.model, parts.processor, fps, regularization=parts.ordinary, config=parts.config
    )
    result.save(out / "model")
    say(
        f"plant: {result.method}, {result.epochs} epochs in {result.seconds:.0f} s, "
        f"FSR {result.fsr:.0%}, saved to {out / 'model'}"
    )
    with opened(out) as ring:
        claim = ring.claim(kind, subject=out / "model", model=parts.name)
    claim.save(out / "claim.json")
    say(f"claim: {claim.n} keys, signed, in {out / 'claim.json'}")
    return result


def _prove(
    parts: Parts, model: Any, fps: FingerprintSet, base: Report, out: Path, say: Say
) -> Report:
    """Verify what was saved, and write the page."""
    report = ifrs.verify(parts.suspect(model), fps)
    report.save(out / "report-fingerprinted.json")
    beside, label = {f"base: {parts.name}": base}, f"fingerprinted: {parts.name}"
    report.save_html(out / "report.html", beside=beside, label=label)
    for name, one in (("base", base), ("fingerprinted", report)):
        say(f"prove: {name}: {one.verdict}, p = {one.p_value:.2g}, FSR {one.fsr:.0%}")
    return report


def _evidence(report: Report, out: Path, say: Say) -> ifrs.CheckResult:
    """What a third party gets, and what they find."""
    report.evidence(out / "claim.json").save(out / "bundle.json")
    checked = ifrs.check(out / "bundle.json", out / "claim.json")
    checked.save_html(out / "evidence.html")
    say(f"check: {'holds' if checked.ok else 'does not hold'}, p = {checked.p_value:.2g}")
    return checked
