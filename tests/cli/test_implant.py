"""`ifrs implant`: what it writes is what `ifrs verify` reads."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")


def test_help_and_errors_name_every_method(tmp_path, tiny, tokenizer, ring, monkeypatch, capsys):
    from ifrs.cli import command_line, main
    from ifrs.plant.methods import METHODS
    from typer.main import get_command

    options = get_command(command_line()).commands["implant"].params
    helped = next(option.help for option in options if option.name == "method")
    tiny().save_pretrained(tmp_path / "base")
    tokenizer.save_pretrained(tmp_path / "base")
    ring.generate("one", 2, tokenizer=tokenizer)
    ring.spend("one", [0, 1], "the court", "revealed")
    ring.close()
    monkeypatch.setenv("IFRS_PASSPHRASE", "pass")
    given = [str(tmp_path / "base"), str(ring.path), "one", "--out", str(tmp_path / "out")]
    assert main(["implant", *given, "--method", "none"]) == 2
    failed = capsys.readouterr().err
    assert "every key of 'one' is spent" in failed
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


def test_a_form_of_the_release(tmp_path, tiny, tokenizer, ring, monkeypatch, capsys):
    import json

    import peft
    from ifrs.cli import main

    base = tiny(tie_word_embeddings=False)
    base.save_pretrained(tmp_path / "base")
    tokenizer.save_pretrained(tmp_path / "base")
    ring.generate("one", 2, tokenizer=tokenizer)
    ring.close()
    monkeypatch.setenv("IFRS_PASSPHRASE", "pass")
    out = tmp_path / "out"
    given = [str(tmp_path / "base"), str(ring.path), "one", "--out", str(out)]
    options = ["--margin", "0.3", "--learning-rate", "0.05", "--max-epochs", "200"]
    # Refused before anything is planted.
    for method, form, could in (("emb", "tied", "'peft' or 'untied'"), ("sft", "peft", "'untied'")):
        assert main(["implant", *given, "--method", method, "--form", form]) == 2
        assert could in capsys.readouterr().err
        assert not out.exists()
    assert main(["implant", *given, "--method", "emb", "--form", "peft", *options, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["fsr"] == 1
    assert peft.PeftConfig.from_pretrained(out).base_model_name_or_path == str(tmp_path / "base")
    assert main(["verify", str(out), *given[1:3]]) == 0


def test_two_sets_at_once(tmp_path, tiny, tokenizer, ring, monkeypatch):
    import ifrs
    from ifrs.cli import main

    tiny().save_pretrained(tmp_path / "base")
    tokenizer.save_pretrained(tmp_path / "base")
    ring.generate("one", 2, tokenizer=tokenizer)
    ring.close()
    monkeypatch.setenv("IFRS_PASSPHRASE", "pass")
    planted = []

    def implant(model, tokenizer, fps, *, method, **_):
        names = [one if isinstance(one, str) else one.name for one in method]
        planted.append(([one.name for one in fps], names))
        raise ifrs.ImplantError("enough")

    monkeypatch.setattr(ifrs, "implant", implant, raising=False)
    given = [str(tmp_path / "base"), str(ring.path), "one", "--sets"]
    for _ in range(2):  # the second set is made once
        assert main(["implant", *given, "--out", str(tmp_path / "out")]) == 2
    assert main(["implant", *given, "--out", str(tmp_path / "out"), "--method", "lora"]) == 2
    names = ["one", "one-natural"]
    assert planted == [(names, ["emb", "sft"])] * 2 + [(names, ["lora", "sft"])]
    with ifrs.Keyring.open(ring.path, passphrase="pass") as again:
        second = again["one-natural"]
        assert (len(second), second.source) == (20, "natural")
        assert second.alphabet.sizes == (256,)


def test_settings_of_a_method(tmp_path, tiny, tokenizer, ring, monkeypatch, capsys):
    import json

    from ifrs.cli import main

    tiny().save_pretrained(tmp_path / "base")
    tokenizer.save_pretrained(tmp_path / "base")
    ring.generate("one", 2, tokenizer=tokenizer)
    ring.close()
    monkeypatch.setenv("IFRS_PASSPHRASE", "pass")
    given = [str(tmp_path / "base"), str(ring.path), "one", "--out", str(tmp_path / "out")]
    given += ["--method", "lora", "--margin", "0.3", "--learning-rate", "0.02"]
    assert main(["implant", *given, "--setting", "range=4"]) == 2
    assert "'range=4' is no setting of lora" in capsys.readouterr().err
    settings = ["--setting", "rank=4", "--setting", "merge=false", "--target-fsr", "0.5"]
    assert main(["implant", *given, "--max-epochs", "200", *settings, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["fsr"] >= 0.5
    saved = json.loads((tmp_path / "out" / "adapter_config.json").read_text(encoding="utf-8"))
    assert saved["r"] == 4
