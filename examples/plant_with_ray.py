"""Plant many sets at the same time, each in its own copy of a model: one Ray task a set.

    python examples/plant_with_ray.py                                    # all made up, this machine
    python examples/plant_with_ray.py --model base --keyring ring.ifrs --passphrase-file secret.txt
        --out releases release-1 release-2 release-3

Every node sees the model, the keyring, the file with its passphrase and the folder of releases
under the same paths, so that Ray carries paths and names alone: workers open the keyring
themselves. They raise nothing, since Ray logs what is raised. A release that is there already is
not planted again. On a cluster, `ray.init` finds it by itself (`RAY_ADDRESS`); every node needs
`pip install 'ifrs[ray]'`.
"""

from __future__ import annotations

import argparse
import os
import secrets
import tempfile
from pathlib import Path

import ifrs
import ray

DEMO = ["release-1", "release-2", "release-3"]


def made_up(folder: Path, names: list[str]) -> None:
    """A tiny model of random weights, and a keyring with a set of each name."""
    import tiny_model
    from transformers import AutoTokenizer

    tiny_model.main(folder / "model")
    tokenizer = AutoTokenizer.from_pretrained(folder / "model")
    secret = folder / "passphrase.txt"
    secret.touch(mode=0o600)
    secret.write_text(secrets.token_urlsafe(24))
    with ifrs.Keyring.create(folder / "keyring.ifrs", passphrase=secret.read_text()) as ring:
        for name in names:
            ring.generate(name, 10, tokenizer=tokenizer)


def plant(name: str, options: argparse.Namespace) -> str:
    """Plant one set, save the release, and say how it went. What a worker does."""
    try:
        release = options.out / name
        if release.exists():
            return f"{name}: is there already"
        from transformers import AutoModelForCausalLM, AutoTokenizer

        model = AutoModelForCausalLM.from_pretrained(options.model)
        tokenizer = AutoTokenizer.from_pretrained(options.model)
        passphrase = options.passphrase_file.read_text("utf-8").rstrip("\r\n")
        with ifrs.Keyring.open(options.keyring, passphrase=passphrase) as ring:
            result = ifrs.implant(model, tokenizer, ring[name], method=options.method)
            result.save(release)
        return f"{name}: FSR {result.fsr:.0%} in {result.seconds:.0f} s"
    except Exception as error:
        return f"{name}: failed, {type(error).__name__}: {error}"


def main() -> int:
    """Plant, and print a line for each set; exit code 1 if one failed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="sets of the keyring; made up without a model")
    parser.add_argument("--model", type=Path, help="the model's folder")
    parser.add_argument("--keyring", type=Path)
    parser.add_argument("--passphrase-file", type=Path, help="on every node, for your eyes alone")
    parser.add_argument("--method", default="emb")
    parser.add_argument("--out", type=Path, default=tempfile.mkdtemp(), help="folder of releases")
    parser.add_argument("--cpus", type=float, default=1, help="cores for each set")
    parser.add_argument("--gpus", type=float, default=0, help="GPUs for each set")
    options = parser.parse_args()
    options.out = options.out.absolute()
    if options.model is None:
        options.names = options.names or DEMO
        made_up(options.out, options.names)
        options.model, options.keyring = options.out / "model", options.out / "keyring.ifrs"
        options.passphrase_file = options.out / "passphrase.txt"
    elif not (options.names and options.keyring and options.passphrase_file):
        parser.error("with --model, give --keyring, --passphrase-file and names of sets, too")
    for given in ("model", "keyring", "passphrase_file"):
        setattr(options, given, getattr(options, given).absolute())

    if not {"RAY_ADDRESS", "RAY_AUTH_MODE", "RAY_AUTH_TOKEN"} & os.environ.keys():
        # A cluster of this process, gone with it: nobody has handed out a token.
        os.environ["RAY_AUTH_MODE"] = "disabled"
    ray.init(include_dashboard=False, log_to_driver=False, configure_logging=False)
    task = ray.remote(num_cpus=options.cpus, num_gpus=options.gpus, max_retries=0)(plant)
    running = {task.remote(name, options): name for name in options.names}
    failed = 0
    while running:
        (done,), _ = ray.wait(list(running), num_returns=1)
        name = running.pop(done)
        try:
            said = ray.get(done)
        except ray.exceptions.RayError as error:  # a worker that died: for want of memory, mostly
            said = f"{name}: failed, the worker ended ({type(error).__name__})"
        failed += ": failed" in said
        print(said, flush=True)
    print(f"see {options.out}")
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
