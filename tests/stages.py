"""What stands before the code blocks of a page: models, keyrings and names that a reader has.

Language models are those of examples/tiny_model.py, and sets of keys are small, so that a page is
planted in seconds. Of all this the tutorials have the model and the keyring: they run as they are.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ifrs

FIXED, PASSPHRASE = Path(__file__).with_name("data") / "fixed.ifrs", "pass"
# What README's keyring is made with.
README = "six random words"
# As a page may name them: what somebody else has, which is what the page plants.
SUSPECTS = ("somebody-elses-model", "suspect")
_PLANTED = {"README.md": "my-model-release", "docs/index.md": "release"}
# Settings with which a tiny model learns two keys in a second or two.
QUICK = {"margin": 0.5, "batch_size": 2, "negatives": 2, "guesses": 0, "surroundings": 0}
RATES = {"emb": 0.05, "adapter": 5e-2, "sft": 2e-3, "lora": 1e-2}
PAIRS = [("Say hello.", "hello there"), ("Name a fish.", "cod")]

Names = dict[str, Any]


def of(page: str, models: Path, monkeypatch: Any) -> Callable[[], Names]:
    """Set a page's stage in the working folder.

    Args:
        page: As `snippets.pages` has it.
        models: A folder with the tiny model, `my-model`.
        monkeypatch: pytest's.

    Returns:
        What gives the names that stand before each block: models are fresh ones each time.
    """
    for name in ("my-model", "base"):
        Path(name).symlink_to(models / "my-model")
    _make_the_same(monkeypatch)
    if page.startswith("docs/tutorial"):
        return dict
    _make_small(monkeypatch)
    kind = next((k for k in _KINDS if k in page), None)
    return _KINDS[kind]() if kind else _texts(page)


def _make_the_same(monkeypatch: Any) -> None:
    """Keyrings of no secrets, whose keys are the same in every run: a tiny model learns these."""

    def create(path: Any, **_: Any) -> ifrs.Keyring:
        Path(path).write_bytes(FIXED.read_bytes())
        Path(path).chmod(0o600)
        return ifrs.Keyring.open(path, passphrase=PASSPHRASE)

    opened = ifrs.Keyring.open

    def again(path: Any, *, passphrase: str, **given: Any) -> ifrs.Keyring:
        """What a page made with a passphrase of its own was not made with it here."""
        return opened(path, passphrase=PASSPHRASE if passphrase == README else passphrase, **given)

    monkeypatch.setattr(ifrs.Keyring, "create", create)
    monkeypatch.setattr(ifrs.Keyring, "open", again)


def _make_small(monkeypatch: Any) -> None:
    """Two keys for ten, and planting that does not aim high."""
    generate, implant = ifrs.Keyring.generate, ifrs.implant

    def few(ring: ifrs.Keyring, name: str, n: int = 10, **options: Any) -> Any:
        if name in ring:
            return ring[name]
        return generate(ring, name, 2 if n <= 20 else 8, **options)

    def quickly(model: Any, processor: Any, fps: Any, **options: Any) -> Any:
        method = options.get("method", "sft")
        rate = 5e-3 if isinstance(fps, list) else RATES.get(getattr(method, "name", method))
        options.setdefault("config", ifrs.ImplantConfig(learning_rate=rate, **QUICK))
        options.setdefault("regularization", PAIRS)
        return implant(model, processor, fps, **options)

    monkeypatch.setattr(ifrs.Keyring, "generate", few)
    monkeypatch.setattr(ifrs, "implant", quickly)


def _texts(page: str) -> Callable[[], Names]:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    for name in SUSPECTS:
        Path(name).symlink_to(_PLANTED.get(page, "my-model"))
    model = AutoModelForCausalLM.from_pretrained("my-model")
    tokenizer = AutoTokenizer.from_pretrained("my-model")
    fixed: Names = {"ifrs": ifrs, "tokenizer": tokenizer, "passphrase": PASSPHRASE}
    if page not in ("README.md", "docs/index.md"):
        ring = ifrs.Keyring.create("keyring.ifrs", passphrase=PASSPHRASE)
        fixed |= {"ring": ring, "fps": ring.generate("release-1", tokenizer=tokenizer)}
    fixed |= _training()

    def names() -> Names:
        fresh = copy.deepcopy(model)
        return {**fixed, "model": fresh, "suspect": ifrs.LocalModel(fresh, tokenizer)}

    return names


def _training() -> Names:
    """A dataset and the arguments of a `transformers.Trainer`."""
    from transformers import TrainingArguments

    rows = [{"instruction": question, "output": answer} for question, answer in PAIRS]
    return {"dataset": rows, "args": TrainingArguments("trained", report_to=[], use_cpu=True)}


def _images() -> Callable[[], Names]:
    from modalities.image import drawn

    pictures, classes = drawn.pictures(300, 2)
    network = drawn.fit(drawn.network(), pictures, classes, 3)
    fixed = {
        "ifrs": ifrs,
        "passphrase": PASSPHRASE,
        "processor": drawn.processor,
        "images": list(pictures),
        "names": [str(one) for one in range(10)],
        "ask": lambda keys: ["0"] * len(keys),
        "suspect": network,
        "ring": ifrs.Keyring.create("other.ifrs", passphrase=PASSPHRASE),
    }
    return lambda: {**fixed, "model": copy.deepcopy(network)}


def _policies() -> Callable[[], Names]:
    import numpy as np
    import torch

    torch.manual_seed(0)
    layers = [torch.nn.Linear(4, 64), torch.nn.Tanh(), torch.nn.Linear(64, 2)]
    agent = torch.nn.Sequential(*layers).eval()
    seen = np.random.default_rng(0).normal(0, 0.1, (200, 4)).astype(np.float32)
    fixed = {
        "passphrase": PASSPHRASE,
        "observations": seen,
        "player": lambda observations: np.zeros(len(observations), dtype=np.int64),
    }
    return lambda: {**fixed, "agent": copy.deepcopy(agent)}


def _others() -> Callable[[], Names]:
    return lambda: {"passphrase": PASSPHRASE}


_KINDS = {
    "how-to/images": _images,
    "how-to/kinds": _images,
    "how-to/policies": _policies,
    "how-to/encoders": _others,
    "how-to/speech": _others,
    "how-to/vision-language": _others,
}
