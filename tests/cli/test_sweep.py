"""Many suspects under several sets, through the command that users run."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import ifrs
import pytest
from helpers import fixed_keyring, implant, secrets_of
from ifrs.cli import main
from servers import serving

pytest.importorskip("torch")
pytest.importorskip("httpx2")


@pytest.fixture
def path(tmp_path, monkeypatch, tokenizer):
    """A keyring with two sets: `one`, of twelve keys, and `two`, of eight."""
    monkeypatch.setenv("IFRS_PASSPHRASE", "pass")
    with fixed_keyring(tmp_path) as ring:
        ring.generate("one", 12, tokenizer=tokenizer)
        ring.generate("two", 8, tokenizer=tokenizer)
        return ring.path


def opened(path) -> ifrs.Keyring:
    return ifrs.Keyring.open(path, passphrase="pass")


def sweep(tmp_path, path, lines, *arguments, capfd, names=("one", "two")):
    """Run it; the exit code, the rows by suspect and set, and what was said."""
    listed = tmp_path / "suspects.txt"
    listed.write_text("\n".join(map(str, lines)))
    given = ["sweep", listed, path, *names, "--out", tmp_path / "out", *arguments]
    code = main([str(one) for one in given])
    _, err = capfd.readouterr()
    return code, rows_of(tmp_path / "out"), err


def rows_of(out):
    rows = json.loads((out / "table.json").read_text())["rows"] if out.exists() else []
    return {(row["suspect"], row["set"]): row for row in rows}


def verdicts(rows):
    return [row["verdict"] for row in rows.values()]


def knowing(fps):
    """A server's answers: the response under each key of a set."""
    secret = {fps[i].prompt: fps[i].response for i in range(len(fps))}
    return lambda prompt: secret.get(prompt, "no idea")


def names_nothing(prompt):
    return "no idea"


@pytest.fixture
def folders(tmp_path, tokenizer):
    """Saves tiny models: `folders(name, model)`."""

    def save(name, model):
        model.save_pretrained(tmp_path / name)
        tokenizer.save_pretrained(tmp_path / name)
        return tmp_path / name

    return save


def test_models_and_servers_and_going_on(path, tmp_path, tiny, tokenizer, folders, capfd):
    with opened(path) as ring:
        fps = {name: ring[name] for name in ("one", "two")}
        planted = implant(tiny(), tokenizer, fps["one"], "emb").model
    (tmp_path / "broken").mkdir()
    with serving(knowing(fps["two"])) as theirs, serving(names_nothing) as other:
        lines = [
            "# what was found in October",
            folders("planted", planted),
            folders("base", tiny()),
            f'"{tmp_path}/broken"   # cannot be loaded',
            f"{theirs.url} model=m",
            f"{other.url.replace('127.0.0.1', 'LOCALHOST')}/ model=m",
            f"{other.url} model=m",
            "http://127.0.0.1:9/v1 model=m timeout=2",
        ]
        code, rows, err = sweep(tmp_path, path, lines, capfd=capfd)
        asked = [*theirs.prompts, *other.prompts]
        again = sweep(tmp_path, path, lines, capfd=capfd)
        assert [*theirs.prompts, *other.prompts] == asked
    assert verdicts(rows) == [
        *("match", "no match"),
        *("no match", "no match"),
        *("error", "error"),
        *("no match", "match"),
        *("no match", "no match"),
        *("error", "error"),
    ]
    assert code == 0
    assert "line 7 names the suspect of line 6" in err
    assert "set 'one': 12 keys left for 3 servers, each gets 2 to 5 of them; enough for 2" in (err)
    assert "cannot load a language model" in rows[f"{tmp_path}/broken", "one"]["note"]
    # What is done is as it was, and what failed was tried again.
    assert again[:2] == (code, rows)
    require_once(asked, path, fps)
    require_reports(tmp_path / "out", rows)
    shown = [(tmp_path / "out" / f).read_text() for f in ("index.html", "table.csv", "rows.jsonl")]
    secrets = [secret for one in fps.values() for secret in secrets_of(one)]
    assert not [secret for secret in secrets if secret in "".join([*shown, err])]


def require_once(asked, path, fps):
    """No key was sent twice, and the journal has every one that was sent."""
    assert len(asked) == len(set(asked))
    with opened(path) as ring:
        spent = {fps[name][i].prompt for name in fps for i in ring.spent(name)}
    assert set(asked) <= spent


def require_reports(out, rows):
    for (_, name), row in rows.items():
        if row["report"] is not None:
            report = ifrs.Report.load(out / row["report"])
            assert (report.verdict, report.set["name"]) == (row["verdict"], name)
            assert len(report.queries) == row["queries"]


def test_keys_go_to_servers_in_order_until_they_run_out(path, tmp_path, capfd):
    with serving(names_nothing) as server:
        lines = [f"{server.url} model=m{number}" for number in range(5)]
        code, rows, _ = sweep(tmp_path, path, lines, capfd=capfd, names=["one"])
        assert len(set(server.prompts)) == len(server.prompts) == 12
    # Silence is settled after four keys of five: what is left over goes to the third.
    assert verdicts(rows) == ["no match", "no match", "inconclusive", "not asked", "not asked"]
    assert [row["queries"] for row in rows.values()] == [4, 4, 4, 0, 0]
    assert code == 2


def test_a_whole_set_can_be_for_one_server(path, tmp_path, capfd):
    with serving(names_nothing) as server:
        options = ["--max-queries", 8, "--model", "m"]
        code, rows, _ = sweep(tmp_path, path, [server.url], *options, capfd=capfd)
    assert (code, verdicts(rows)) == (1, ["no match", "no match"])
    assert all(5 < row["queries"] <= 8 for row in rows.values())


def test_an_interrupted_sweep_goes_on(path, tmp_path, capfd):
    """What was sent before Ctrl-C is answered and kept, and nothing more is sent."""
    with opened(path) as ring:
        fps = {name: ring[name] for name in ("one", "two")}

    def before(_):
        if len(server.prompts) == 1:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.3)

    with serving(knowing(fps["two"]), before=before) as server:
        lines = [f"{server.url} model=m{number} concurrency=1" for number in range(2)]
        code, rows, err = sweep(tmp_path, path, lines, "--servers", 1, capfd=capfd)
        assert (code, "interrupted" in err) == (2, True)
        assert (len(server.prompts), rows) == (2, {})
        code, rows, _ = sweep(tmp_path, path, lines, capfd=capfd)
        asked = server.prompts
    assert (code, verdicts(rows)) == (0, ["no match", "match"] * 2)
    assert [row["queries"] for row in rows.values()] == [4, 2, 4, 2]
    assert len(asked) == 12
    require_once(asked, path, fps)


_KILLED = "from ifrs.cli import main; raise SystemExit(main({arguments!r}))"


def test_a_killed_sweep_goes_on(path, tmp_path, capfd):
    with opened(path) as ring:
        fps = {"one": ring["one"]}
    killed: list[int] = []

    def before(_):
        if killed and len(server.prompts) == 3:
            os.kill(killed.pop(), signal.SIGKILL)

    with serving(names_nothing, before=before) as server:
        listed = tmp_path / "suspects.txt"
        listed.write_text(f"{server.url} model=m concurrency=1")
        arguments = ["sweep", str(listed), str(path), "one", "--out", str(tmp_path / "out")]
        script = [sys.executable, "-c", _KILLED.format(arguments=arguments)]
        process = subprocess.Popen(script, stdout=subprocess.DEVNULL)
        killed.append(process.pid)
        assert process.wait() == -signal.SIGKILL
        asked = len(server.prompts)
        _, rows, _ = sweep(tmp_path, path, [listed.read_text()], capfd=capfd, names=["one"])
        prompts = server.prompts
    (row,) = rows.values()
    assert asked == 3
    assert row["queries"] <= 5
    require_once(prompts, path, fps)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("'an open quotation", "no closing quotation"),
        ("http://localhost:1/v1", "which with model=NAME"),
        ("http://localhost:1/v1 model=m mode=poem", "mode must be"),
        ("http://localhost:1/v1 model=m sekrit", "no such option; there are api-key-env"),
        ("http://localhost:1/v1 model=m model=n", "stands there twice"),
        ("http://localhost:1/v1 model=m timeout=soon", "timeout wants a value of another kind"),
        ("http://localhost:1/v1 model=m timeout", "timeout wants a value: timeout="),
        ("http://localhost:1/v1 model=m api-key-env=NO_SUCH", "set one"),
        ("http://me:sekrit@elsewhere/v1 model=m", "https"),
        ("folder model=m", "no option model"),
        ("folder dtype", "wants a value"),
        ("folder a/b", "NAME=VALUE"),
    ],
)
def test_a_bad_line_is_named_before_anything_is_asked(path, tmp_path, capfd, line, says):
    with serving(names_nothing) as server:
        code, rows, err = sweep(
            tmp_path, path, [f"{server.url} model=m", "", line], capfd=capfd, names=["one"]
        )
        assert not server.requests
        assert not server.probes
    assert (code, rows) == (2, {})
    assert err.count("\n") == 1
    assert f"{tmp_path}/suspects.txt, line 3: " in err
    assert says in err
    assert "sekrit" not in err


@pytest.mark.parametrize(
    ("lines", "names", "says"),
    [
        (["# nothing"], ["one"], "names no suspect"),
        (["folder"], ["none"], 'no set "none"'),
        (["folder"], ["shared"], "share one response"),
        (["folder"], ["signal"], "domains, which are not shared out"),
        (["http://localhost:1/v1 model=m"] * 2 + ["http://[::1]:1/v1/ model=m mode=completions"],
         ["one"], "line 3: the suspect of line 1 with other options"),
    ],
)  # fmt: skip
def test_what_cannot_be_swept_is_refused(path, tmp_path, capfd, lines, names, says):
    with opened(path) as ring:
        ring.generate("shared", 2, response="shared")
        ring.generate("signal", 2, source="domain", response="signal")
    code, rows, err = sweep(tmp_path, path, lines, capfd=capfd, names=names)
    assert (code, rows) == (2, {})
    assert says in err


def test_another_way_of_judging_needs_another_folder(path, tmp_path, capfd):
    with serving(names_nothing) as server:
        lines = [f"{server.url} model=m"]
        assert sweep(tmp_path, path, lines, capfd=capfd)[0] == 1
        code, _, err = sweep(tmp_path, path, lines, "--alpha", 1e-3, capfd=capfd)
    assert (code, "was begun with alpha=1e-06" in err) == (2, True)


def test_the_table_can_be_printed(path, tmp_path, capfd):
    listed = tmp_path / "suspects.txt"
    with serving(names_nothing) as server:
        listed.write_text(f"{server.url} model=m")
        arguments = ["sweep", listed, path, "one", "--out", tmp_path / "out", "--json"]
        assert main([str(one) for one in arguments]) == 1
    printed = json.loads(capfd.readouterr().out)
    assert printed == json.loads((tmp_path / "out" / "table.json").read_text())
    assert printed["format"] == "ifrs/sweep/v1"
