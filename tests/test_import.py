"""What `import ifrs` costs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from helpers import fixed_keyring


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


HEAVY = {"torch", "transformers", "jinja2", "matplotlib", "scipy", "pyarrow"}


def loaded(module: str) -> set[str]:
    return set(run(f"import {module}, sys; print(*sys.modules)").split())


def test_import_loads_no_heavy_module():
    assert not (HEAVY | {"numpy", "typer", "rich"}) & loaded("ifrs")


@pytest.mark.parametrize(
    "module", ["attest", "cli", "modalities", "pages", "plant.methods", "prove", "scoring"]
)
def test_what_names_and_proves_loads_no_torch(module):
    assert not HEAVY & loaded(f"ifrs.{module}")


# What commands that answer at once load none of; in time, most of what they could load.
SLOW = HEAVY | {"aiohttp", "numpy", "openai", "pydantic", "tokenizers"}
BUNDLE = [
    str(Path(__file__).parent / f"vectors/v3/{kind}s/chat.json") for kind in ("bundle", "claim")
]


@pytest.mark.parametrize(
    "arguments",
    [["--version"], ["--help"], ["check", *BUNDLE], ["check", "--help"], ["verify", "--help"]],
)
def test_short_commands_load_no_heavy_module(arguments):
    code = f"import sys; from ifrs.cli import main; code = main({arguments!r}); "
    *_, last = run(code + "print(); print(code, *sys.modules)").split("\n")
    code, *modules = last.split()
    assert code == "0"
    assert not (SLOW | {"asyncio", "httpx2"}) & set(modules)


@pytest.mark.parametrize("options", [[], ["--model", "m"]])
def test_the_first_request_leaves_before_a_heavy_module_loads(tmp_path, options):
    """Without --model the server is asked for its models, with it a key is on its way."""
    pytest.importorskip("httpx2")
    with fixed_keyring(tmp_path) as ring:
        ring.generate("one", 2)
    arguments = ["verify", "http://127.0.0.1:9/v1", str(ring.path), "one", *options]
    code = f"""
import os, sys, httpx2
async def send(self, request, **_):
    print(*sys.modules, file=sys.__stdout__, flush=True)
    os._exit(0)
httpx2.AsyncClient.send = send
os.environ["IFRS_PASSPHRASE"] = "pass"
from ifrs.cli import main
main({arguments!r})
"""
    modules = set(run(code).split())
    assert "ifrs.modalities.text.server" in modules
    assert not SLOW & modules


def test_keyring_and_score_work_without_torch(tmp_path):
    code = f"""
import sys
for name in ("torch", "transformers", "tokenizers"):
    sys.modules[name] = None  # importing it raises ImportError
import ifrs
ring = ifrs.Keyring.create({str(tmp_path / "k")!r}, passphrase="x", _work_factor=2)
fps = ring.generate("a", 2)
print(ifrs.score([fps[0].prompt], [fps[0].key], method="exact")[0, 0])
"""
    assert run(code) == "1.0"


def test_public_names_resolve():
    assert run("import ifrs; print(all(hasattr(ifrs, name) for name in ifrs.__all__))") == "True"


def test_functions_are_not_hidden_by_packages():
    imports = "import ifrs.plant, ifrs.prove; import ifrs as i; "
    assert run(imports + "print(callable(i.implant), callable(i.verify))") == "True True"
