"""Hostile suspects and names at the command line: exit codes, terminals, the order of opening."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import warnings

import ifrs
import pytest
from helpers import fixed_keyring
from ifrs.cli import main, output
from ifrs.cli.access import Access
from ifrs.errors import TargetError

EVIL = "\x1b]0;owned\x07\x1b[2J\x9b31m\x7f\u202egnorw\u2066\u061c[link=https://e.vil]x[/link]\u200b"
# A set's name has no control characters.
NAME = "\u202egnorw\u2066\u061c[link=https://e.vil]x[/link]\u200b"
HIDDEN = ("\x1b", "\x07", "\x9b", "\x7f", "\u202e", "\u2066", "\u061c", "\u200b")


def clean(text: str) -> bool:
    return not any(character in text for character in HIDDEN)


@pytest.fixture
def path(tmp_path, monkeypatch):
    monkeypatch.setenv("IFRS_PASSPHRASE", "pass")
    with fixed_keyring(tmp_path) as ring:
        return ring.path


@pytest.fixture
def suspect(tmp_path, tiny, tokenizer):
    """A tiny suspect's folder, to be damaged."""
    folder = tmp_path / "suspect"
    tiny().save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def run(*arguments, capfd) -> tuple[int, str, str]:
    code = main([str(argument) for argument in arguments])
    return code, *capfd.readouterr()


def test_names_show_and_move_nothing(tmp_path, path, capfd):
    with ifrs.Keyring.open(path, passphrase="pass") as ring:
        ring.generate(NAME, 2, context={NAME: NAME})
        ring.export(NAME, tmp_path / "set.age", passphrase="pass")
    other = tmp_path / "other.ifrs"
    ifrs.Keyring.create(other, passphrase="pass", _work_factor=2).close()
    assert run("keyring", "import", other, tmp_path / "set.age", capfd=capfd)[0] == 0
    for ring in (path, other):
        for arguments in (["list"], ["journal"], ["show"]):
            for more in ([], ["--json"]):
                code, out, err = run("keyring", arguments[0], ring, *more, capfd=capfd)
                assert code == 0, err
                assert clean(out)
                if arguments == ["list"] and more:
                    assert json.loads(out)[0]["name"] == NAME
        code, out, err = run("keyring", "show", ring, NAME, "--json", capfd=capfd)
        assert json.loads(out)["name"] == NAME
        code, out, err = run("keyring", "show", ring, NAME, capfd=capfd)
        assert clean(out)
        assert "[link=" in "".join(out.split())
    code, out, err = run("keyring", "show", path, EVIL + "!", capfd=capfd)
    assert (code, clean(err), err.count("\n")) == (2, True, 1)


def test_facts_and_rows_read_no_markup_and_stay_one_row(capfd):
    forged = "a\nverdict  match\n[bold]b[/bold] :bomb:"
    output.print_facts({"note": forged})
    output.print_rows([{"name": forged}], ["name"])
    out = capfd.readouterr().out
    assert out.count("[bold]b[/bold] :bomb:") == 2
    assert len(out.splitlines()) == 3


def test_what_libraries_print_moves_nothing(monkeypatch, capfd):
    def noisy() -> None:
        import logging

        print(EVIL)
        print("over\rwritten", file=sys.stderr)
        warnings.warn(EVIL, stacklevel=1)
        logging.getLogger("anybody").error(EVIL)
        sys.stderr.write("\x1b[A\x1b[A")
        sys.stderr.write("\r 10%|#")
        raise RuntimeError(EVIL)

    monkeypatch.setattr("ifrs.cli.app", lambda *_, **__: noisy())
    before = sys.stdout, sys.stderr
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        assert main([]) == 2
    assert (sys.stdout, sys.stderr) == before
    out, err = capfd.readouterr()
    assert clean(out)
    assert clean(err)
    assert "over␍written" in err
    assert "\r 10%|#" in err
    assert "unexpected RuntimeError in test_cli_hostile.py" in err


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("key"),
        AttributeError("key"),
        RecursionError("key"),
        MemoryError("key"),
        ZeroDivisionError("key"),
        SystemExit(0),
        SystemExit(1),
        type("PanicException", (BaseException,), {})("key"),
        type("OutOfMemoryError", (RuntimeError,), {})("key"),
        AssertionError("key"),
        StopIteration("key"),
    ],
    ids=lambda error: type(error).__name__,
)
@pytest.mark.parametrize("debug", [False, True])
def test_whatever_is_raised_exits_2(monkeypatch, capfd, error, debug):
    def fails(*_, **__):
        raise error

    monkeypatch.setattr("ifrs.cli.app", fails)
    if debug:
        monkeypatch.setenv("IFRS_DEBUG", "1")
    code, out, err = run(capfd=capfd)
    assert (code, out) == (2, "")
    assert err.splitlines()[-1].startswith("ifrs: ")
    assert debug == ("Traceback" in err)
    if not debug:
        assert err.count("\n") == 1
        assert "key" not in err


def test_the_exit_code_of_a_traceback_is_2(path):
    """From outside, where Python's own would be 1."""
    code = "from ifrs.cli.access import Access\n"
    code += "def fails(*_): raise AttributeError('x')\nAccess.open = fails\n"
    code += f"import sys; sys.argv = ['ifrs', 'keyring', 'list', {str(path)!r}]\n"
    code += "from ifrs.cli import run; run()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)


def test_a_terminal_without_unicode_still_gets_the_answer(tmp_path, path):
    with ifrs.Keyring.open(path, passphrase="pass") as ring:
        ring.generate("名前", 1)
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    script = "import sys; from ifrs.cli import run; run()"
    done = subprocess.run(
        [sys.executable, "-c", script, "keyring", "list", str(path)],
        capture_output=True,
        text=True,
        env=environment,
    )
    assert done.returncode == 0, done.stderr
    assert "\\u540d" in done.stdout


def cut(file, share=0.5):
    data = file.read_bytes()
    file.write_bytes(data[: int(len(data) * share)])


def rewrite(file, **changes):
    file.write_text(json.dumps({**json.loads(file.read_text()), **changes}))


def pickled(folder):
    (folder / "model.safetensors").unlink()
    import pickle

    class Evil:
        def __reduce__(self):
            return (exec, (f"open({str(folder / 'ran')!r}, 'w')",))

    (folder / "pytorch_model.bin").write_bytes(pickle.dumps({"weight": Evil()}))


def emptied(folder):
    for file in folder.iterdir():
        file.unlink()


def without_weights(folder):
    from safetensors.torch import load_file, save_file

    kept = load_file(folder / "model.safetensors")
    kept.pop(next(name for name in kept if "q_proj" in name))
    save_file(kept, folder / "model.safetensors", metadata={"format": "pt"})


def to_gguf(folder):
    emptied(folder)
    (folder / "model.gguf").write_bytes(b"GGUF\x03\x00\x00\x00" + b"\xff" * 16)


DAMAGES = {
    "cut safetensors": lambda f: cut(f / "model.safetensors"),
    "safetensors of nothing": lambda f: (f / "model.safetensors").write_bytes(b""),
    "a huge header": lambda f: (f / "model.safetensors").write_bytes(b"\xff" * 64),
    "a pickle": pickled,
    "a pickle under another name": lambda f: (f / "model.safetensors").write_bytes(b"\x80\x04N."),
    "a list of tokenizer settings": lambda f: (f / "tokenizer_config.json").write_text("[]"),
    "a tokenizer of nothing": lambda f: (f / "tokenizer.json").write_text("{}"),
    "a tokenizer cut short": lambda f: cut(f / "tokenizer.json"),
    "a tokenizer that is a number": lambda f: (f / "tokenizer.json").write_text("7"),
    "no tokenizer": lambda f: [g.unlink() for g in f.glob("tokenizer*")],
    "no heads": lambda f: rewrite(f / "config.json", num_attention_heads=0),
    "a negative width": lambda f: rewrite(f / "config.json", hidden_size=-64),
    "text for a number": lambda f: rewrite(f / "config.json", num_hidden_layers=EVIL),
    "a type nobody knows": lambda f: rewrite(f / "config.json", model_type=EVIL),
    "a list of settings": lambda f: (f / "config.json").write_text("[]"),
    "settings without a bottom": lambda f: (f / "config.json").write_text("[" * 100_000),
    "no settings": lambda f: (f / "config.json").unlink(),
    "no weights": lambda f: (f / "model.safetensors").unlink(),
    "a tensor less": without_weights,
    "an empty folder": emptied,
    "more memory than there is": lambda f: rewrite(f / "config.json", hidden_size=1 << 40),
    "code of its own": lambda f: rewrite(
        f / "config.json", model_type="evil", auto_map={"AutoConfig": "evil.E"}
    ),
    "a kernel of its own": lambda f: rewrite(f / "config.json", attn_implementation="evil/kernel"),
    "a kernel within": lambda f: rewrite(f / "config.json", _attn_implementation="evil/kernel"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_suspect_that_cannot_be_loaded_is_no_answer(path, suspect, capfd, damage, monkeypatch):
    DAMAGES[damage](suspect)
    (suspect / "evil.py").write_text("open('ran', 'w'); raise SystemExit(1)")
    monkeypatch.chdir(suspect)
    # A keyring that is never opened: the suspect comes first.
    monkeypatch.setattr(Access, "open", lambda *_: pytest.fail("the keyring was opened"))
    code, out, err = run("verify", suspect, path, "one", capfd=capfd)
    assert (code, out) == (2, ""), err
    assert err.startswith(f"ifrs: cannot load a language model from {suspect}: ")
    assert "pip install" not in err
    assert clean(err)
    assert err.count("\n") == 1
    assert not (suspect / "ran").exists()
    with pytest.raises(TargetError):
        ifrs.LocalModel.from_pretrained(suspect)


@pytest.mark.parametrize("size", [0, 4, 24, 4096])
def test_a_gguf_file_cut_short(path, tmp_path, capfd, size):
    file = tmp_path / "model.gguf"
    file.write_bytes((b"GGUF\x03\x00\x00\x00" + b"\x01" + b"\x00" * 7 + b"\xff" * 8192)[:size])
    code, out, err = run("verify", file, path, "one", capfd=capfd)
    assert (code, out) == (2, "")
    assert "cannot load a language model" in err


def test_safetensors_come_before_pickles(suspect, tiny):
    import torch

    other = tiny(seed=5)
    torch.save(other.state_dict(), suspect / "pytorch_model.bin")
    found = ifrs.LocalModel.from_pretrained(suspect).model.get_input_embeddings().weight
    assert torch.equal(found, tiny().get_input_embeddings().weight)
    (suspect / "model.safetensors").unlink()
    found = ifrs.LocalModel.from_pretrained(suspect).model.get_input_embeddings().weight
    assert torch.equal(found, other.get_input_embeddings().weight)


def test_a_suspect_that_fails_while_asked_is_no_answer(path, suspect, capfd, monkeypatch):
    with ifrs.Keyring.open(path, passphrase="pass") as ring:
        fps = ring.generate("one", 10)
    from ifrs.modalities.text import suspect as local
    from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

    def fails(error):
        def call(*_, **__):
            raise error

        return call

    secret = fps[0].key
    for place, name, error in (
        (PreTrainedTokenizerFast, "_encode_plus", RuntimeError(secret)),
        (PreTrainedTokenizerFast, "decode", AttributeError(secret)),
        (LlamaForCausalLM, "forward", ZeroDivisionError(secret)),
        (LlamaForCausalLM, "forward", MemoryError()),
        (LlamaForCausalLM, "forward", RecursionError(secret)),
        (LlamaForCausalLM, "forward", SystemExit(1)),
        (local, "generate", KeyError(secret)),
    ):
        with monkeypatch.context() as changed:
            changed.setattr(place, name, fails(error))
            code, out, err = run("verify", suspect, path, "one", capfd=capfd)
        assert (code, out) == (2, ""), (name, error)
        assert "the suspect failed while it was asked" in err
        assert secret not in err


@pytest.mark.parametrize("foreign", [False, True])
def test_what_is_no_number_is_no_answer(path, suspect, capfd, foreign):
    import torch
    from safetensors.torch import load_file, save_file

    weights = load_file(suspect / "model.safetensors")
    weights["model.norm.weight"] = torch.full_like(weights["model.norm.weight"], float("nan"))
    save_file(weights, suspect / "model.safetensors", metadata={"format": "pt"})
    with ifrs.Keyring.open(path, passphrase="pass") as ring:
        # A shared response is looked for in text alone.
        ring.generate("one", 4, response="shared" if foreign else "unique")
    code, out, err = run("verify", suspect, path, "one", capfd=capfd)
    assert (code, out) == (2, "")
    assert "NaN" in err


def test_the_keyring_is_closed_while_a_suspect_is_asked(path, suspect, capfd, monkeypatch):
    """Neither loading nor asking happens beside an open keyring; spent keys stay out."""
    with ifrs.Keyring.open(path, passphrase="pass") as ring:
        ring.generate("one", 6)
        ring.spend("one", [0, 3])
    opened, seen = [], []
    original = Access.open

    def opening(*access):
        opened.append(original(*access))
        return opened[-1]

    from ifrs.modalities.text import loading as files
    from ifrs.modalities.text import suspect as local

    def loading(*arguments, load=files.load, **options):
        seen.append([ring.closed for ring in opened])
        return load(*arguments, **options)

    def generating(*arguments, generate=local.generate, **options):
        seen.append([ring.closed for ring in opened])
        return generate(*arguments, **options)

    monkeypatch.setattr(Access, "open", opening)
    monkeypatch.setattr(files, "load", loading)
    monkeypatch.setattr(local, "generate", generating)
    code, out, err = run("verify", suspect, path, "one", "--json", capfd=capfd)
    assert code in (1, 2), err
    assert seen == [[], [True]]
    assert [query["index"] for query in json.loads(out)["queries"]] == [1, 2, 4, 5]


def test_code_that_comes_with_a_suspect_runs_only_when_asked_for(path, suspect, capfd, monkeypatch):
    code = "from transformers import LlamaConfig, LlamaForCausalLM\n"
    code += f"open({str(suspect / 'ran')!r}, 'w').close()\n"
    code += "class C(LlamaConfig):\n    model_type = 'own'\n"
    code += "class M(LlamaForCausalLM):\n    config_class = C\n"
    (suspect / "own.py").write_text(code)
    rewrite(
        suspect / "config.json",
        model_type="own",
        auto_map={"AutoConfig": "own.C", "AutoModelForCausalLM": "own.M"},
    )
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n" * 9))  # which nobody is to read
    code, _, err = run("verify", suspect, path, "one", capfd=capfd)
    assert code == 2
    assert "trust_remote_code" in err
    assert not (suspect / "ran").exists()
    with ifrs.Keyring.open(path, passphrase="pass") as ring:
        ring.generate("one", 4)
    code, _, err = run("verify", suspect, path, "one", "--trust-remote-code", capfd=capfd)
    assert code in (1, 2)
    assert err == ""
    assert (suspect / "ran").exists()


def test_trust_is_said_at_every_loading():
    """`from_pretrained` asks a terminal where nothing is said."""
    import ast
    from importlib.resources import files

    unsaid = []
    for file in sorted((files("ifrs") / "cli").parent.rglob("*.py")):  # type: ignore[attr-defined]
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                continue
            if node.func.attr != "from_pretrained":
                continue
            names = {keyword.arg for keyword in node.keywords}
            if not names & {"trust_remote_code", None}:
                unsaid.append(f"{file.name}:{node.lineno}")
    assert not unsaid
