"""What a reader says of a vector, as plain data: `make.py` writes it down, the tests compare it."""

from __future__ import annotations

import base64
from hashlib import sha256
from typing import Any

import ifrs


def merkle_root(leaves: list[bytes]) -> bytes:
    """RFC 6962, section 2.1, over hashes of leaves."""
    if len(leaves) == 1:
        return leaves[0]
    half = 1
    while 2 * half < len(leaves):
        half *= 2
    pair = merkle_root(leaves[:half]) + merkle_root(leaves[half:])
    return sha256(b"\x01" + pair).digest()


def set_facts(ring: ifrs.Keyring, name: str) -> dict[str, Any]:
    """A set: what is public of it, and its first key, which these files make public, too."""
    fps = ring[name]
    row = next(row for row in ring.sets() if row["name"] == name)
    leaves, challenge = fps.leaves(), fps[0].challenge
    is_text = fps.media == "text/plain"
    return {
        **row,
        "context": fps.context,
        "around": list(fps.around),
        "spent": ring.spent(name),
        "first": {
            "key": fps[0].key if is_text else base64.b64encode(challenge).decode(),
            "prompt": fps[0].prompt,
            "response": fps[0].response,
            "salt": fps.salt(0),
            "leaf": leaves[0],
        },
        "root": merkle_root([bytes.fromhex(leaf) for leaf in leaves]).hex(),
    }


def keyring_facts(ring: ifrs.Keyring) -> dict[str, Any]:
    """A keyring and its sets; its journal without times and hashes, but for the last hash."""
    journal = ring.journal()
    plain = ("event", "set", "indices", "to")
    return {
        "public_key": ring.public_key,
        "created": ring.created,
        "generation": ring.generation,
        "recipients": ring.recipients,
        "sets": [set_facts(ring, row["name"]) for row in ring.sets()],
        "journal": [{name: entry[name] for name in plain if entry.get(name)} for entry in journal],
        "head": journal[-1]["hash"] if journal else "",
    }


def claimable(ring: ifrs.Keyring, name: str) -> bool:
    """Whether a set makes claims; those of the first scheme do not."""
    try:
        ring.claim(name, subject={"a": "11" * 32})
    except ifrs.EvidenceError:
        return False
    return True


def claim_facts(claim: ifrs.Claim) -> dict[str, Any]:
    return {
        "digest": claim.digest,
        "model": claim.model,
        "n": claim.n,
        "created": claim.created,
        "publisher_key": claim.publisher_key,
        "subject": claim.subject,
    }


def report_facts(report: ifrs.Report) -> dict[str, Any]:
    return {
        "evidence": report.kind,
        "verdict": report.verdict,
        "alpha": report.alpha,
        "log10_p": report.log10_p,
        "log10_e": report.log10_e,
        "power": report.power,
        "fsr": report.fsr,
        "fsr_interval": list(report.fsr_interval),
        "decoys": report.decoys,
        "claim": report.claim,
        "set": report.set["name"],
        "indices": [query.index for query in report.queries],
        "fired": [query.index for query in report.queries if query.fired],
        "failed": [query.index for query in report.queries if query.failed],
        "ranks": [[list(pair) for pair in zip(query.rank, query.candidates, strict=True)]
                  for query in report.queries],
        "sequential": report.how["sequential"],
        "complete": report.how["complete"],
        "pending": report.how["pending"],
        "notes": len(report.notes),
    }  # fmt: skip


def check_facts(result: ifrs.attest.CheckResult) -> dict[str, Any]:
    """What checking found, without the words of problems and notes."""
    return {
        "ok": result.ok,
        "verdict": result.verdict,
        "log10_p": result.log10_p,
        "log10_e": result.log10_e,
        "evidence": result.evidence,
        "combination": combination(result),
        "publisher_key": result.publisher_key,
        "revealed": [query["index"] for query in result.queries],
        "ranks": [[list(pair) for pair in query["ranks"]] for query in result.queries],
        "fired": result.fired,
        "silent": result.silent,
        "timestamp": result.timestamp,
        "precedes_release": result.precedes_release,
    }


def combination(result: ifrs.attest.CheckResult) -> str:
    """What the p-value is; a shared response has none."""
    if not any(query["ranks"] for query in result.queries):
        return "none"
    return {"Fisher": "fisher", "sequential": "e-process"}.get(result.test, result.test)


def adapter_facts(adapter: Any) -> dict[str, Any]:
    return {
        "set": adapter.set_name,
        "rows": adapter.rows.tolist(),
        "shapes": {name: list(getattr(adapter, name).shape) for name in ("base", "down", "up")},
        "transformer": adapter.transformer,
        "first": [float(adapter.base[0, 0]), float(adapter.down[0, 0]), float(adapter.up[0, 0])],
    }
