"""Licences on the command line: stamp, list, apply and trace, and their exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import ifrs
import pytest
from ifrs.cli import main
from ifrs.licences import trace
from licences.planted import Reader, base_folder, make_master, readings_of
from servers import serving

pytest.importorskip("torch")
pytest.importorskip("httpx2")


@pytest.fixture
def path(ring, tmp_path, monkeypatch):
    """A keyring with a set of 80 positions, planted without training."""
    monkeypatch.setenv("IFRS_PASSPHRASE", "pass")
    fps = ring.generate("lic", 80, source="chinese", template="simple")
    make_master(ring, fps, base_folder(tmp_path / "base"))
    return ring.path


def run(capfd, *arguments):
    code = main(["licence", *map(str, arguments)])
    out, err = capfd.readouterr()
    return code, out, err


def test_a_copy_is_stamped_listed_and_applied(path, tmp_path, capfd):
    options = ["--licensee", "ACME GmbH", "--out", tmp_path / "acme", "--json"]
    code, out, _ = run(capfd, "stamp", path, "lic", *options)
    assert code == 0
    assert json.loads(out)["form"] == "folder"
    patch = tmp_path / "acme.safetensors"
    code, out, _ = run(capfd, "stamp", path, "lic", "--licensee", "ACME GmbH", "--out", patch)
    assert code == 0
    code, out, _ = run(capfd, "list", path, "lic", "--json")
    rows = json.loads(out)
    assert [(row["licensee"], row["form"]) for row in rows] == [
        ("ACME GmbH", "folder"),
        ("ACME GmbH", "patch"),
    ]
    code, _, _ = run(capfd, "apply", patch, tmp_path / "base", "--out", tmp_path / "applied")
    assert code == 0
    shard = "model-00001-of-00002.safetensors"
    found = [(tmp_path / folder / shard).read_bytes() for folder in ("applied", "acme")]
    assert found[0] == found[1]


def test_a_server_s_copy_is_traced_and_exit_codes_are_greps(path, tmp_path, capfd):
    for who in ("acme", "bolt"):
        assert run(capfd, "stamp", path, "lic", "--licensee", who, "--out", tmp_path / who)[0] == 0
    with ifrs.Keyring.open(path, passphrase="pass") as ring:
        fps = ring["lic"]
    bits, other = fps.codewords(2, ["bolt"])[0], fps.second()
    said = {fps[i].key: (other if bits[i] else fps)[i].response for i in range(len(fps))}

    def answer(prompt):
        return next((text for key, text in said.items() if key in prompt), "no idea")

    files = ["--json", tmp_path / "trace.json", "--html", tmp_path / "trace.html"]
    options = ["--mode", "completions", "--evidence", "text", "--model", "m"]
    with serving(answer) as server:
        code, out, _ = run(capfd, "trace", server.url, path, "lic", *files, *options)
    assert (code, "bolt" in out) == (0, True)
    report = json.loads((tmp_path / "trace.json").read_text(encoding="utf-8"))
    assert (report["format"], report["accused"]) == ("ifrs/trace/v2", ["bolt"])
    page = (tmp_path / "trace.html").read_text(encoding="utf-8")
    assert "Made of the copy of bolt" in page
    for secret in said.items():
        assert not any(text in page for text in secret)
    with serving(lambda _: "no idea") as server:
        code, out, _ = run(capfd, "trace", server.url, path, "lic", *options)
    assert (code, "nobody" in out) == (1, True)


def test_a_leak_is_brought_before_a_court(path, tmp_path, capfd):
    for who in ("acme", "bolt"):
        assert run(capfd, "stamp", path, "lic", "--licensee", who, "--out", tmp_path / who)[0] == 0
    roll, out = tmp_path / "roll.json", tmp_path / "accusation.json"
    code, said, _ = run(capfd, "roll", path, "lic", "--out", roll, "--json")
    assert (code, json.loads(said)["licensees"]) == (0, 2)
    assert run(capfd, "roll", path, "lic", "--out", roll)[0] == 2
    with ifrs.Keyring.open(path, passphrase="pass") as ring:
        found = trace(Reader(ring["lic"], readings_of(ring["lic"], "bolt")), ring["lic"])
    found.save(tmp_path / "trace.json")
    options = ["--roll", roll, "--out", out, "--json"]
    code, said, _ = run(capfd, "accuse", tmp_path / "trace.json", path, "lic", *options)
    assert (code, json.loads(said)["licensee"]) == (0, "bolt")
    with ifrs.Keyring.open(path, passphrase="pass") as ring:
        assert ring.spent("lic") == list(range(80))
    page = tmp_path / "accusation.html"
    assert main(["check", str(out), str(roll), "--html", str(page), "--json"]) == 0
    assert json.loads(capfd.readouterr().out)["accused"] is True
    assert "made of the copy of <bdi>bolt</bdi>" in page.read_text(encoding="utf-8")
    assert main(["check", str(out), str(roll), "--alpha", "1e-30"]) == 1
    assert "nobody" in capfd.readouterr().out
    assert main(["check", str(out), str(roll), "--trust-adapter"]) == 2
    held = json.loads(out.read_text(encoding="utf-8"))
    held["licensee"]["name"] = "acme"
    (tmp_path / "altered.json").write_text(json.dumps(held), encoding="utf-8")
    assert main(["check", str(tmp_path / "altered.json"), str(roll)]) == 1
    assert "does not hold" in capfd.readouterr().out
    options = ["--roll", roll, "--out", tmp_path / "acme.json", "--licensee", "acme"]
    code, _, err = run(capfd, "accuse", tmp_path / "trace.json", path, "lic", *options)
    assert (code, "accuses nobody" in err) == (0, True)


def test_what_goes_wrong_is_one_line_and_code_two(path, tmp_path, capfd):
    code, _, err = run(capfd, "trace", tmp_path / "nothing", path, "lic")
    assert code == 2
    assert err.count("\n") == 1
    code, _, err = run(capfd, "stamp", path, "lic", "--licensee", " ", "--out", tmp_path / "x")
    assert (code, "licensee's name" in err) == (2, True)
    code, _, err = run(capfd, "list", path, "other")
    assert code == 2


def test_check_names_files_that_are_others(capfd):
    vector = Path(__file__).parents[1] / "vectors" / "v3-accusation-1"
    accusation, roll = vector / "accusation-text.json", vector / "roll.json"
    for files, said in (
        ((roll, accusation), "wrong order"),
        ((vector / "trace-text.json", roll), "stays private"),
        ((accusation, accusation), "both files are accusations"),
    ):
        code = main(["check", *map(str, files)])
        assert (code, said in capfd.readouterr().err) == (2, True)
