"""The command line: what it prints, and its exit codes."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import ifrs
import pytest
from helpers import fixed_keyring, secrets_of
from ifrs import cli
from ifrs.cli import main, output

# A pair that age publishes for tests.
_IDENTITY = "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX"
_RECIPIENT = "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj"


@pytest.fixture
def path(tmp_path, monkeypatch):
    monkeypatch.setenv("IFRS_PASSPHRASE", "pass")
    with fixed_keyring(tmp_path) as ring:
        return ring.path


def run(*arguments, capfd) -> tuple[int, str, str]:
    code = main([str(argument) for argument in arguments])
    return code, *capfd.readouterr()


def test_generate_list_show_remove(path, capfd):
    assert run("generate", path, "one", "--n", 3, "--context", "a=b", capfd=capfd)[0] == 0
    code, out, _ = run("keyring", "list", path, "--json", capfd=capfd)
    assert code == 0
    assert [row["name"] for row in json.loads(out)] == ["one"]
    code, out, _ = run("keyring", "show", path, "one", "--json", capfd=capfd)
    assert json.loads(out)["context"] == {"a": "b"}
    assert "one" in run("keyring", "list", path, capfd=capfd)[1]
    assert json.loads(run("keyring", "show", path, "--json", capfd=capfd)[1])["fingerprints"] == 3
    code, out, _ = run("keyring", "remove", path, "one", "--json", capfd=capfd)
    assert (code, json.loads(out)) == (0, {"keyring": str(path), "removed": "one", "left": []})
    assert json.loads(run("keyring", "list", path, "--json", capfd=capfd)[1]) == []


def test_create(tmp_path, monkeypatch, capfd):
    file = tmp_path / "passphrase"
    file.write_text("hello\nignored\n")
    code, _, err = run("keyring", "create", tmp_path / "k", "--passphrase-file", file, capfd=capfd)
    assert code == 0
    assert "this passphrase is short" in err
    assert len(ifrs.Keyring.open(tmp_path / "k", passphrase="hello")) == 0
    file.write_text("hello, hello, hello\n")
    _, _, err = run("keyring", "create", tmp_path / "l", "--passphrase-file", file, capfd=capfd)
    assert err == ""


def test_export_and_import_say_what_they_did(path, tmp_path, capfd):
    identity, sealed = tmp_path / "key.txt", tmp_path / "one.age"
    identity.write_text(_IDENTITY)
    run("generate", path, "one", "--n", 3, capfd=capfd)
    out = run(
        *("keyring", "export", path, "one", "--recipient", _RECIPIENT, "--out", sealed, "--json"),
        capfd=capfd,
    )[1]
    assert json.loads(out) == {"set": "one", "file": str(sealed), "recipients": 1}
    out = run(
        *("keyring", "import", path, sealed, "--set-identity", identity, "--name", "two"),
        "--json",
        capfd=capfd,
    )[1]
    assert json.loads(out) == {"keyring": str(path), "name": "two", "n": 3}


def test_nothing_secret_is_printed(path, capfd):
    printed = [
        *run("generate", path, "one", capfd=capfd)[1:],
        *run("keyring", "show", path, "one", capfd=capfd)[1:],
        *run("keyring", "list", path, capfd=capfd)[1:],
    ]
    fps = ifrs.Keyring.open(path, passphrase="pass")["one"]
    assert not [secret for secret in secrets_of(fps) if secret in "".join(printed)]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["keyring", "create", "{path}"], "already exists"),
        (["keyring", "show", "{folder}/none"], "no keyring at"),
        (["keyring", "show", "{path}", "none"], 'no set "none": it has none yet, ifrs generate'),
        (["keyring", "remove", "{path}"], "(see ifrs keyring remove --help)"),
        (
            ["verify", "a", "{path}", "b", "--html"],
            "requires an argument. (see ifrs verify --help)",
        ),
        (["score", "{folder}/none.txt", "--patterns", "{path}:none"], "it has none yet"),
        (["keyring", "create", "{folder}/no/folder/k"], "No such file"),
        (["generate", "{path}", "one", "--n", "0"], "between 1 and 100000"),
        (["generate", "{path}", "one", "--n", "many"], "--n"),
        (["generate", "{path}", "one", "--source", "poem"], "poem"),
        (["generate", "{path}", "one", "--source", "vocab"], "tokenizer"),
        (["generate", "{path}", "one", "--tokenizer", "{folder}/none"], "no tokenizer at"),
        (["generate", "{path}", "one", "--context", "a"], "NAME=VALUE"),
        (["verify", "{folder}/none", "{path}", "none"], "there is no folder and no GGUF file"),
        (["verify", "http://127.0.0.1:9", "{path}", "none"], "no server answers"),
        (["implant", "{folder}/none", "{path}", "x", "--out", "{folder}"], "exists already"),
        (["score", "{folder}/none.txt", "--patterns", "{path}"], "KEYRING:NAME"),
        (["score", "{folder}/none.txt", "--patterns", "nothing"], "no file"),
        (["poem"], "No such command"),
        (["generate"], "Missing"),
    ],
)
def test_errors_are_one_line_and_exit_2(path, capfd, arguments, says):
    filled = [text.format(path=path, folder=path.parent) for text in arguments]
    code, out, err = run(*filled, capfd=capfd)
    assert code == 2
    assert out == ""
    (line,) = [line for line in err.splitlines() if not line.startswith("ifrs: warning: ")]
    assert line.startswith("ifrs: ")
    assert says in line


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("verify a k s --json", "verify a k s --json -"),
        ("verify a k s --json --html p", "verify a k s --json - --html p"),
        ("licence trace a k s --json --alpha 1", "licence trace a k s --json - --alpha 1"),
        ("sweep l k s --json", "sweep l k s --json -"),
        ("verify a k s --json report.json", None),
        ("verify a k s --json - --html p", None),
        ("verify a k s --json=r --html p", None),
        ("licence list k s --json", None),
        ("check b c --json --html p", None),
        ("", None),
    ],
)
def test_json_without_a_file_is_printed(typed, read):
    assert cli._with_stdout(typed.split()) == (typed if read is None else read).split()


def test_wrong_passphrase(path, capfd, monkeypatch):
    monkeypatch.setenv("IFRS_PASSPHRASE", "other")
    code, _, err = run("keyring", "list", path, capfd=capfd)
    assert (code, "wrong passphrase" in err) == (2, True)


def test_score(path, tmp_path, capfd):
    ring = ifrs.Keyring.open(path, passphrase="pass")
    fps = ring.generate("one", 3)
    (tmp_path / "patterns.txt").write_text("copper window\nsilver\n")
    (tmp_path / "texts.txt").write_text("a copper window\nnothing\nthe silver copper windaw\n")
    texts = tmp_path / "texts.txt"
    code, out, _ = run("score", texts, "--patterns", tmp_path / "patterns.txt", capfd=capfd)
    hits = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert [(hit["text"], hit["pattern"]) for hit in hits] == [(0, 0), (2, 0), (2, 1)]
    rows = [{"text": None}, {"text": f"it says {fps[2].response}!"}]
    (tmp_path / "texts.jsonl").write_text("\n".join(map(json.dumps, rows)))
    code, out, _ = run(
        "score",
        tmp_path / "texts.jsonl",
        "--patterns",
        f"{path}:one",
        "--method",
        "exact",
        capfd=capfd,
    )
    assert json.loads(out) == {"text": 1, "pattern": 2, "score": 1.0}
    assert fps[2].response not in out
    (tmp_path / "none.txt").write_text("nothing\n")
    code, out, _ = run("score", tmp_path / "none.txt", "--patterns", f"{path}:one", capfd=capfd)
    assert (code, out) == (1, "")


def test_score_names_the_bad_row(tmp_path, capfd):
    (tmp_path / "p.txt").write_text("a\n")
    for content, says in (
        ('{"text": "a"}\n{', "line 2: not JSON"),
        ('{"other": 1}', "line 1: it has no field 'text'"),
        ('{"text": 1}', "line 1: 'text' is a number"),
    ):
        (tmp_path / "t.jsonl").write_text(content)
        code, _, err = run(
            "score", tmp_path / "t.jsonl", "--patterns", tmp_path / "p.txt", capfd=capfd
        )
        assert (code, says in err) == (2, True)


def test_implant_and_verify(path, tmp_path, tiny, tokenizer, capfd):
    pytest.importorskip("torch")
    model = tiny()
    model.save_pretrained(tmp_path / "base")
    tokenizer.save_pretrained(tmp_path / "base")
    base, out = tmp_path / "base", tmp_path / "planted"
    assert run("generate", path, "one", "--n", 8, "--tokenizer", base, capfd=capfd)[0] == 0
    code, said, err = run(
        "implant",
        base,
        path,
        "one",
        "--out",
        out,
        "--method",
        "emb",
        "--learning-rate",
        0.05,
        "--json",
        capfd=capfd,
    )
    assert code == 0, err
    assert json.loads(said)["fsr"] == 1
    report, page = tmp_path / "report.json", tmp_path / "report.html"
    code, _, err = run("verify", out, path, "one", "--json", report, "--html", page, capfd=capfd)
    assert code == 0, err
    assert json.loads(report.read_text())["verdict"] == "match"
    assert "Match" in page.read_text()
    assert run("verify", base, path, "one", capfd=capfd)[0] == 1
    assert run("verify", base, path, "one", "--max-queries", 1, capfd=capfd)[0] == 2


def test_an_adapter_sealed_for_the_keyring_verifies(path, tmp_path, tiny, tokenizer, capfd):
    pytest.importorskip("torch")
    base, out = tmp_path / "base", tmp_path / "planted"
    tiny().save_pretrained(base)
    tokenizer.save_pretrained(base)
    assert run("generate", path, "one", "--n", 2, "--tokenizer", base, capfd=capfd)[0] == 0
    options = ["--method", "adapter", "--seal-adapter", "--learning-rate", 0.05, "--margin", 0.5]
    options += ["--max-epochs", 200]
    code, said, err = run(
        "implant", base, path, "one", "--out", out, *options, "--json", capfd=capfd
    )
    assert code == 0, err
    adapter = json.loads(said)["adapter"]
    assert adapter.endswith(".adapter.safetensors.age")
    code, _, err = run("verify", out, path, "one", "--adapter", adapter, capfd=capfd)
    assert code == 0, err
    (tmp_path / "no.age").write_bytes(b"age-encryption.org/v1\n")
    code, _, err = run("verify", out, path, "one", "--adapter", tmp_path / "no.age", capfd=capfd)
    assert (code, "damaged" in err) == (2, True), err


def test_the_console_script_answers_fast_and_to_ctrl_c(path, tmp_path):
    environment = {**os.environ, "IFRS_PASSPHRASE": "pass"}
    script = [sys.executable, "-c", "from ifrs.cli import run; run()"]
    done = subprocess.run([*script, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ifrs.__version__
    code = "from ifrs.cli.access import Access; import signal, os\n"
    code += "Access.open = lambda *_: os.kill(os.getpid(), signal.SIGINT)\n"
    code += f"from ifrs.cli import main; raise SystemExit(main(['keyring', 'list', {str(path)!r}]))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment
    )
    assert done.returncode == 2
    assert done.stderr.startswith("ifrs: interrupted")


def test_the_shell_is_told_what_completes():
    """By a script for its start-up file, and by names when it asks for them."""
    script = "import sys; sys.argv[0] = 'ifrs'; from ifrs.cli import run; run()"

    def typed(*arguments, **env):
        command = [sys.executable, "-c", script, *arguments]
        done = subprocess.run(
            command, env={**os.environ, **env}, capture_output=True, text=True, check=True
        )
        assert done.stderr == ""
        return done.stdout

    named = {"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}
    assert "_IFRS_COMPLETE=complete_bash" in typed("--show-completion", "bash", **named)
    words = {"_IFRS_COMPLETE": "complete_bash", "COMP_WORDS": "ifrs ver", "COMP_CWORD": "1"}
    assert typed(**words).split() == ["verify"]


def test_what_goes_into_a_pipe_is_not_cut(path, capfd):
    run("generate", path, "one", "--n", 2, capfd=capfd)
    run("keyring", "remove", path, "one", capfd=capfd)
    table = run("keyring", "journal", path, capfd=capfd)[1]
    assert "…" not in table
    assert len(max(table.splitlines(), key=len)) < 200
    assert table == "".join(f"{line.rstrip()}\n" for line in table.splitlines())


@pytest.mark.parametrize("arguments", [[], ["keyring"], ["licence"]])
def test_without_a_command_the_help_is_shown(capfd, arguments):
    code, out, err = run(*arguments, capfd=capfd)
    assert (code, out) == (2, "")
    assert "\nCommands:\n" in err
    assert "\n  Examples:\n    ifrs " in err


def test_numbers_for_people_are_short(capsys):
    output.print_facts({"p_value": 7.523163845262642e-37, "interval": [0.6915028921812394, 1.0]})
    assert capsys.readouterr().out == "p_value   7.523e-37\ninterval  [0.6915, 1]\n"


@pytest.mark.skipif(os.name != "posix", reason="pipes that close are of POSIX")
def test_a_reader_that_goes_is_no_error(path):
    """As in `ifrs keyring journal … | head -1`, with more to say than a pipe holds."""
    script = "from ifrs import cli; from ifrs.cli import doctor; doctor.command = much; cli.run()"
    much = "def much():\n    for _ in range(100_000): print('words')\n"
    child = subprocess.Popen(
        [sys.executable, "-c", f"{much}\n{script}", "doctor"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert child.stdout.readline().strip() == b"words"
    child.stdout.close()
    assert child.stderr.read() == b""
    assert child.wait() == 141
