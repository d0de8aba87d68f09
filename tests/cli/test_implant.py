"""`ifrs implant`: what it writes is what `ifrs verify` reads."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")


def test_help_and_errors_name_every_method(tmp_path, tiny, tokenizer, ring, monkeypatch, capsys):
    from ifrs.cli import app, main
    from ifrs.plant.methods import METHODS
    from typer.main import get_command

    options = get_command(app).commands["implant"].params
    helped = next(option.help for option in options if option.name == "method")
    tiny().save_pretrained(tmp_path / "base")
    tokenizer.save_pretrained(tmp_path / "base")
    ring.generate("one", 2, tokenizer=tokenizer)
    ring.close()
    monkeypatch.setenv("IFRS_PASSPHRASE", "pass")
    given = [str(tmp_path / "base"), str(ring.path), "one", "--out", str(tmp_path / "out")]
    assert main(["implant", *given, "--method", "none"]) == 2
    failed = capsys.readouterr().err
    assert "unknown method 'none'" in failed
    for said in (helped, failed):
        assert [name for name in METHODS if name not in said] == []


def test_adapter_from_the_command_line(tmp_path, tiny, tokenizer, ring, monkeypatch, capsys):
    import json

    from ifrs.cli import main

    tiny().save_pretrained(tmp_path / "base")
    tokenizer.save_pretrained(tmp_path / "base")
    ring.generate("one", 2, tokenizer=tokenizer)
    ring.close()
    monkeypatch.setenv("IFRS_PASSPHRASE", "pass")
    base, out, keys = str(tmp_path / "base"), str(tmp_path / "out"), [str(ring.path), "one"]
    options = ["--method", "adapter", "--margin", "0.3", "--learning-rate", "0.05", "--json"]
    options += ["--max-epochs", "200"]
    assert main(["implant", base, *keys, "--out", out, *options]) == 0
    adapter = json.loads(capsys.readouterr().out)["adapter"]
    capsys.readouterr()
    main(["verify", out, *keys, "--json", "-"])
    assert json.loads(capsys.readouterr().out)["fsr"] == 0
    assert main(["verify", base, *keys, "--adapter", adapter]) != 0
    assert main(["verify", out, *keys, "--adapter", adapter]) == 0
    moved = tmp_path / "elsewhere.safetensors"
    moved.write_bytes((tmp_path / "out.adapter.safetensors").read_bytes())
    assert main(["verify", out, *keys, "--adapter", str(moved), "--transformer", out]) == 0
