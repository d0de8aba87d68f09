"""Verifications by the real library, with keys of a real keyring."""

from __future__ import annotations

import json
import random
import shutil
import tempfile
from pathlib import Path
from typing import Any

import ifrs
from suspects import WORDS


class Guesser:
    """A suspect at hand that guesses, the same for the same prompt."""

    def answers(self, prompts, *, max_new_tokens, temperature=0.0):
        return [" ".join(random.Random(prompt).sample(WORDS, 2)) for prompt in prompts]

    def describe(self) -> dict[str, Any]:
        return {"kind": "test", "name": "suspect"}


def growing(seed: int, n: int) -> tuple[list[dict[str, Any]], bytes]:
    """Reports of one key, of two, and so on, each going on with the last; and the claim."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        path = shutil.copy(Path(__file__).parents[1] / "data" / "fixed.ifrs", folder / "keyring")
        path.chmod(0o600)
        ring = ifrs.Keyring.open(path, passphrase="pass", accept_older=True)
        fps = ring.generate(f"growing {seed}", n)
        claim = ring.claim(f"growing {seed}", subject={"m.safetensors": "11" * 32})
        claim.save(folder / "claim.json")
        reports = [
            ifrs.verify(
                Guesser(), fps, max_queries=count, sequential=False, claim=claim.digest,
                ring=False, resume=folder / "report.json",
            ).to_json()
            for count in range(1, n + 1)
        ]  # fmt: skip
        file = json.dumps(json.loads((folder / "claim.json").read_text())).encode()
    return reports, file
