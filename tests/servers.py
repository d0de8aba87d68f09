"""Loopback servers that speak OpenAI's protocol as badly as a test wants."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from ifrs.modalities.text.probe import CONTINUED, QUESTION


@dataclass
class Reply:
    """What a server does with one request.

    Attributes:
        text: The answer's text, put into the protocol's JSON.
        status: The HTTP status.
        headers: Further headers.
        body: Sent instead of the protocol's JSON.
        delay: Seconds before anything is sent.
        drip: Seconds between the bytes of the body.
        hang_up: Close the connection without an answer.
    """

    text: Any = ""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None
    delay: float = 0.0
    drip: float = 0.0
    hang_up: bool = False


@dataclass
class Server:
    """A running server and what it saw; ordinary questions of a probe stand in `probes` alone."""

    url: str
    probes: list[dict[str, Any]] = field(default_factory=list)
    requests: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    busiest: int = 0

    @property
    def prompts(self) -> list[str]:
        return [prompt_of(request) for request in self.requests]


def prompt_of(request: dict[str, Any]) -> str:
    return request["prompt"] if "prompt" in request else request["messages"][0]["content"]


def is_ordinary(prompt: Any) -> bool:
    """Whether a probe asks, not a verification."""
    return isinstance(prompt, str) and prompt in {
        *QUESTION.values(),
        CONTINUED["chat"][0],
        "".join(CONTINUED["completions"]),
    }


def protocol(request: dict[str, Any], text: Any) -> bytes:
    if "prompt" in request:
        choice: dict[str, Any] = {"index": 0, "text": text, "finish_reason": "stop"}
    else:
        message = {"role": "assistant", "content": text}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
    usage = {"prompt_tokens": 20, "completion_tokens": 5, "total_tokens": 25}
    read = {"id": "x", "object": "y", "model": "m", "choices": [choice], "usage": usage}
    return json.dumps(read).encode()


@contextlib.contextmanager
def serving(
    answer: Callable[[Any], str | Reply],
    *,
    of: Callable[[dict[str, Any]], Any] = prompt_of,
    before: Callable[[str], None] | None = None,
    probed: Callable[[dict[str, Any]], str | Reply] = lambda _: "Paris",
    models: Sequence[str] = (),
) -> Iterator[Server]:
    """Serve until the block ends. `before` sees each prompt before it is answered.

    `answer` sees what `of` takes of a request; `probed` answers a probe's requests; `models` are
    the names that are listed.
    """
    lock = threading.Lock()
    busy = 0

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            pass

        def do_GET(self) -> None:
            listed = {"object": "list", "data": [{"id": name} for name in models]}
            self.send(Reply(body=json.dumps(listed).encode()), {})

        def do_POST(self) -> None:
            nonlocal busy
            length = int(self.headers["Content-Length"])
            request = json.loads(self.rfile.read(length))
            if is_ordinary(prompt_of(request)):
                with lock:
                    server.probes.append(request)
                reply = probed(request)
                self.send(Reply(reply) if isinstance(reply, str) else reply, request)
                return
            with lock:
                busy += 1
                server.busiest = max(server.busiest, busy)
                server.requests.append(request)
                server.headers.append(dict(self.headers))
                server.paths.append(self.path)
                server.times.append(time.monotonic())
            try:
                if before is not None:
                    before(prompt_of(request))
                reply = answer(of(request))
                self.send(Reply(reply) if isinstance(reply, str) else reply, request)
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True  # the client lost its patience
            finally:
                with lock:
                    busy -= 1

        def send(self, reply: Reply, request: dict[str, Any]) -> None:
            time.sleep(reply.delay)
            if reply.hang_up:
                self.close_connection = True
                return
            body = reply.body if reply.body is not None else protocol(request, reply.text)
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if reply.drip:
                for byte in body:
                    self.wfile.write(bytes([byte]))
                    self.wfile.flush()
                    time.sleep(reply.drip)
            else:
                self.wfile.write(body)

    class Quiet(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 128

    http = Quiet(("127.0.0.1", 0), Handler)
    server = Server(f"http://127.0.0.1:{http.server_address[1]}/v1")
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server
    finally:
        http.shutdown()
        http.server_close()
        thread.join()
