"""`ifrs implant`: what it writes is what `ifrs verify` reads."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")


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
