"""The commands of docs/how-to/key-ceremony.md run, and fail where it says they must."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from test_keyring_access import age_key, needs_age

pytestmark = [
    needs_age,
    pytest.mark.skipif(not shutil.which("bash"), reason="the document's shell is bash"),
]

DOC = Path(__file__).parents[2] / "docs" / "how-to" / "key-ceremony.md"
OFFICERS, HOLDERS = "abh", "cdefg"

# The commands that must fail, by what the document says of them.
TOO_FEW = "exit status"
OLD_OFFICER = "officer-b.key\nifrs keyring show keyring.ifrs --identity"


@pytest.fixture
def desk(tmp_path, tokenizer):
    """Officers, holders, media and a model's tokenizer; the variables that the document uses."""
    keys = tmp_path / "keys"
    keys.mkdir()
    names = {name: f"officer-{name}.key" for name in OFFICERS}
    names |= {name: f"holder-{name}.key" for name in HOLDERS}
    variables = {name.upper(): age_key(keys / file) for name, file in names.items()}
    variables |= {"MACHINE": age_key(keys / "machine.key"), "KEYS": str(keys)}
    for place, name in enumerate(HOLDERS, 1):
        variables[f"SHARE_{name.upper()}"] = f"shares/share-{place}-of-5.age"
    for medium in ("safe-1", "safe-2"):
        (tmp_path / "media" / medium).mkdir(parents=True)
    tokenizer.save_pretrained(tmp_path / "my-model")
    return variables


def blocks(folder: Path) -> list[str]:
    """The document's commands from the keyring on, with this desk's places."""
    found = re.findall(r"```sh\n(.*?)```", DOC.read_text(encoding="utf-8"), re.DOTALL)
    start = next(place for place, block in enumerate(found) if "keyring create" in block)
    joined = [re.sub(r"^A=.*\n", "", block, flags=re.MULTILINE) for block in found[start:]]
    joined = [block.replace("/media/", f"{folder}/media/") for block in joined]
    return [re.sub(r"SHARE-([C-G])", r'"$SHARE_\1"', block) for block in joined]


def test_every_command_does_what_the_document_says(tmp_path, desk):
    script = [sys.executable, "-c", "from ifrs.cli import run; run()"]
    ifrs = "ifrs() { " + " ".join(f"'{word}'" for word in script) + ' "$@"; }\n'
    environment = {**os.environ, **desk}
    environment.pop("IFRS_PASSPHRASE", None)
    said = {}
    for block in blocks(tmp_path):
        # The rehearsal is on a machine that has not seen the keyring.
        other = (
            {"IFRS_STATE_DIR": str(tmp_path / "rehearsal")} if '$KEYS"/restored' in block else {}
        )
        done = subprocess.run(
            ["bash", "-c", ifrs + block],
            cwd=tmp_path,
            env=environment | other,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        said[block] = done.stdout + done.stderr
        assert done.returncode == 0, (block, said[block])
        if TOO_FEW in block:
            assert "exit status 2" in done.stdout, said[block]
            assert not Path(desk["KEYS"], "two.ifrs").exists()
        elif "restored" in block:
            sums = [line for line in done.stdout.splitlines() if line.endswith("  -")]
            assert len(sums) == 2
            assert sums[0] == sums[1]
        elif re.search(OLD_OFFICER, block):
            assert "ifrs:" in done.stderr, "officer B still opens it"
            assert done.stderr.count("ifrs:") == 1
        else:
            assert "ifrs:" not in done.stderr, said[block]
    assert len(said) >= 10
    assert (tmp_path / "release-1.ifrs").exists()
