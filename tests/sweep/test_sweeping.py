"""Thirty suspects of every sort, interrupted twice and gone on, on threads and on Ray."""

from __future__ import annotations

import contextlib
import copy
import json
import os
import signal
import subprocess
import sys
import time

import ifrs
import pytest
from helpers import fixed_keyring, implant, tiny_config
from servers import Reply, serving

torch = pytest.importorskip("torch")
gguf = pytest.importorskip("gguf")
pytest.importorskip("httpx2")

pytestmark = pytest.mark.slow
SETS = ("one", "two")


@pytest.fixture
def path(tmp_path, tokenizer):
    with fixed_keyring(tmp_path) as ring:
        for name in SETS:
            ring.generate(name, 40, tokenizer=tokenizer)
        return ring.path


@pytest.fixture
def sets(path):
    with ifrs.Keyring.open(path, passphrase="pass") as ring:
        return {name: ring[name] for name in SETS}


def qwen(tokenizer, seed=0):
    from transformers import AutoModelForCausalLM, Qwen2Config

    torch.manual_seed(seed)
    config = tiny_config(tokenizer).to_dict()
    kept = {name: config[name] for name in tiny_config(tokenizer).to_diff_dict() if name in config}
    for name in ("model_type", "architectures", "transformers_version"):
        kept.pop(name, None)
    return AutoModelForCausalLM.from_config(Qwen2Config(**kept)).eval()


def merged(one, other, share):
    """One model with a share of another, whose output is untied."""
    made, weights = copy.deepcopy(other), one.state_dict()
    for name, weight in made.state_dict().items():
        weight.mul_(share).add_(weights[name], alpha=1 - share)
    return made


def tuned(model, tokenizer, steps=20):
    made = copy.deepcopy(model).train()
    optimizer = torch.optim.AdamW(made.parameters(), lr=1e-4)
    texts = tokenizer(["Say hello. hello", "Name a fish. cod"], return_tensors="pt", padding=True)
    for _ in range(steps):
        made(**texts, labels=texts.input_ids).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    return made.eval()


def write_gguf(model, tokenizer, path):
    """A GGUF file of a Qwen2 model, as llama.cpp's converter writes it."""
    config, layers = model.config, model.config.num_hidden_layers
    writer = gguf.GGUFWriter(path, "qwen2")
    writer.add_block_count(layers)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(10_000.0)
    state = json.loads(tokenizer.backend_tokenizer.to_str())["model"]
    vocabulary = sorted(state["vocab"], key=state["vocab"].get)
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(vocabulary)
    writer.add_token_types([3] * 3 + [1] * (len(vocabulary) - 3))
    writer.add_token_merges([" ".join(pair) for pair in state["merges"]])
    writer.add_bos_token_id(tokenizer.bos_token_id)
    writer.add_eos_token_id(tokenizer.eos_token_id)
    writer.add_pad_token_id(tokenizer.pad_token_id)
    writer.add_add_bos_token(False)
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.QWEN2, layers)
    for name, weight in model.named_parameters():
        found = names.get_name(name, try_suffixes=(".weight", ".bias"))
        writer.add_tensor(found, weight.detach().numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


NO, ERROR = ("no match", "no match"), ("error", "error")


@pytest.fixture
def at_hand(tmp_path, tokenizer, sets):
    """Lines of nineteen models at hand, with the verdicts under both sets."""
    base = qwen(tokenizer)
    planted = implant(copy.deepcopy(base), tokenizer, sets["one"], "emb", batch_size=40).model
    models = {
        "base": (base, NO),
        "planted": (planted, ("match", "no match")),
        "tuned": (tuned(planted, tokenizer), ("match", "no match")),
        "tuned-more": (tuned(planted, tokenizer, 40), ("match", "no match")),
        "merged-half": (merged(base, planted, 0.5), ("match", "no match")),
        "merged-less": (merged(base, planted, 0.3), ("match", "no match")),
        "tuned-base": (tuned(base, tokenizer), NO),
        **{f"unrelated-{seed}": (qwen(tokenizer, seed), NO) for seed in range(1, 6)},
    }
    lines = []
    for name, (model, verdicts) in models.items():
        model.save_pretrained(tmp_path / name)
        tokenizer.save_pretrained(tmp_path / name)
        lines.append((str(tmp_path / name), verdicts))
    for name, model in (("planted", planted), ("base", base)):
        write_gguf(model, tokenizer, tmp_path / f"{name}.gguf")
        lines.append((str(tmp_path / f"{name}.gguf"), models[name][1]))
    return lines + [(line, ERROR) for line in broken(tmp_path, base, tokenizer)]


def broken(tmp_path, base, tokenizer):
    from safetensors.torch import load_file, save_file

    (tmp_path / "empty").mkdir()
    (tmp_path / "broken.gguf").write_bytes(b"GGUF and no more")
    for name in ("cut", "lacking"):
        base.save_pretrained(tmp_path / name)
        tokenizer.save_pretrained(tmp_path / name)
    weights = tmp_path / "cut" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    weights = tmp_path / "lacking" / "model.safetensors"
    tensors = load_file(weights)
    tensors.pop("model.layers.1.mlp.up_proj.weight")
    save_file(tensors, weights, metadata={"format": "pt"})
    return [str(tmp_path / name) for name in ("empty", "broken.gguf", "cut", "lacking", "no/id")]


def knowing(fps):
    secret = {fps[i].prompt: fps[i].response for i in range(len(fps))}
    return lambda prompt: secret.get(prompt, "no idea")


@contextlib.contextmanager
def served(sets):
    """Lines of eleven servers with their verdicts, and all that they are asked."""
    kinds = [
        *[(knowing(sets["one"]), ("match", "no match"))] * 3,
        *[(knowing(sets["two"]), ("no match", "match"))] * 2,
        *[(lambda _: "no idea", NO)] * 4,
        (lambda _: Reply(status=404), ERROR),
    ]
    with contextlib.ExitStack() as stack:
        lines, servers = [("http://127.0.0.1:9/v1 model=m timeout=2", ERROR)], []
        for answer, verdicts in kinds:
            # Not so fast that nothing is left to interrupt.
            server = stack.enter_context(serving(answer, before=lambda _: time.sleep(0.2)))
            servers.append(server)
            lines.append((f"{server.url} model=m", verdicts))
        yield lines, servers


@pytest.fixture
def started(monkeypatch):
    """Starts the command, and ends it by a signal once a number of rows is there."""
    monkeypatch.setenv("IFRS_PASSPHRASE", "pass")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")

    def start(arguments, rows=None, sent=signal.SIGINT):
        code = f"from ifrs.cli import main; raise SystemExit(main({list(map(str, arguments))!r}))"
        process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.DEVNULL)
        log = arguments[arguments.index("--out") + 1] / "rows.jsonl"
        while rows is not None and process.poll() is None:
            if log.exists() and log.read_bytes().count(b"\n") >= rows:
                process.send_signal(sent)
                break
            time.sleep(0.05)
        return process.wait()

    return start


@pytest.fixture
def two_nodes(monkeypatch):
    pytest.importorskip("ray")
    from ray.cluster_utils import Cluster

    monkeypatch.setenv("RAY_raylet_start_wait_time_s", "120")  # of a busy machine
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    cluster.add_node(num_cpus=1)
    monkeypatch.setenv("RAY_ADDRESS", cluster.address)
    yield
    cluster.shutdown()


@pytest.mark.parametrize("options", [[], ["--ray"]], ids=["threads", "ray"])
def test_thirty_suspects(request, path, tmp_path, sets, at_hand, started, options):
    if options:
        request.getfixturevalue("two_nodes")
    out, listed = tmp_path / "out", tmp_path / "suspects.txt"
    with served(sets) as (lines, servers):
        lines = [*at_hand, *lines]
        assert len(lines) == 30
        listed.write_text("\n".join(line for line, _ in lines))
        arguments = ["sweep", listed, path, *SETS, "--out", out, *options]
        assert started(arguments, rows=9) == 2
        done = known(out)
        # Within the servers, by a kill: of models at hand, failures alone are tried again.
        assert started(arguments, rows=9 + 2 * 19 + 6, sent=signal.SIGKILL) == -signal.SIGKILL
        assert started(arguments) == 0
        asked = [[*server.prompts] for server in servers]
    rows = json.loads((out / "table.json").read_text())["rows"]
    found = [(rows[i]["verdict"], rows[i + 1]["verdict"]) for i in range(0, len(rows), 2)]
    wrong = {line: got for (line, wanted), got in zip(lines, found, strict=True) if got != wanted}
    assert not interrupted(wrong, rows), wrong
    every = [prompt for prompts in asked for prompt in prompts]
    assert len(every) == len(set(every))
    with ifrs.Keyring.open(path, passphrase="pass") as ring:
        spent = {sets[name][i].prompt for name in SETS for i in ring.spent(name)}
    assert set(every) <= spent
    # What was done before the first interruption was not done again.
    assert done
    for report, written in done.items():
        assert os.stat(report).st_mtime_ns == written


def known(out):
    """The reports that are there, with the time of their writing."""
    return {path: os.stat(path).st_mtime_ns for path in out.glob("reports/*/*.json")}


def interrupted(wrong, rows):
    """Of verdicts that are not as expected, those that no lost answer explains.

    Of a server that a kill interrupted, answers under way are lost, and keys with them.
    """
    return [
        line
        for line, verdicts in wrong.items()
        if not line.startswith("http") or {"match", "error"} & set(verdicts)
    ]
