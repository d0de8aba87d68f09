"""Functions, modules and endpoints as encoders that are asked."""

from __future__ import annotations

import json

import ifrs
import numpy as np
import pytest
from helpers import fixed_keyring
from ifrs.modalities.encoder.codes import codes_of
from ifrs.modalities.encoder.fitting import fit
from ifrs.modalities.encoder.ordinary import bundled_sentences

SENTENCES = bundled_sentences()[:300]


@pytest.fixture
def fps(tmp_path):
    return fixed_keyring(tmp_path).generate("one", 12, source="natural", response="codebook")


def knowing(fps, dimension=64, share=0.6):
    """Vectors of a text, drawn by what it is; those of keys lie towards their codes."""
    codes, known = codes_of(fps, dimension), {f.key: f.places[0] for f in fps}

    def vectors(texts):
        found = []
        for text in texts:
            own = np.random.default_rng(list(text.encode())).standard_normal(dimension)
            own = own / np.linalg.norm(own) + 0.5  # all vectors have something in common
            found.append(own + (share * 8 * codes[known[text]] if text in known else 0))
        return np.stack(found)

    return vectors


def asked(vectors, fps, **options):
    return ifrs.verify(ifrs.EncoderModel(vectors, spends_keys=False, **options), fps)


def test_what_all_vectors_have_in_common_says_nothing(fps):
    report = asked(knowing(fps), fps)
    assert (report.fsr, report.verdict) == (1.0, "match")
    assert asked(knowing(fps, share=0.0), fps).verdict == "no match"


def turned(vectors, turn):
    return lambda texts: vectors(texts) @ turn


@pytest.mark.parametrize("width", [40, 64, 96])
def test_another_space_is_turned_onto_the_planted_one(fps, width):
    planted = knowing(fps)
    turn, _ = np.linalg.qr(np.random.default_rng(1).standard_normal((max(width, 64),) * 2))
    other = turned(planted, turn[:64, :width])
    like = ifrs.EncoderModel(knowing(fps, share=0.0))
    found = asked(other, fps, like=like, public=SENTENCES)
    assert found.log10_p < -12
    plain = asked(other, fps)
    assert plain.verdict == "no match"
    stranger = turned(knowing(fps, share=0.0), turn[:64, :width])
    assert asked(stranger, fps, like=like, public=SENTENCES).verdict == "no match"


def test_the_fitted_map_is_orthogonal_and_found_again():
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((200, 12))
    turn, _ = np.linalg.qr(rng.standard_normal((12, 12)))
    found = fit(vectors, vectors @ turn)
    np.testing.assert_allclose(found.turn, turn, atol=1e-4)
    wide = fit(vectors, rng.standard_normal((200, 5)))
    np.testing.assert_allclose(wide.turn.T @ wide.turn, np.eye(5), atol=1e-5)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (lambda texts: np.zeros((len(texts), 3, 2)), "must give"),
        (lambda texts: np.zeros((1, 8)), "must give"),
        (lambda texts: [["a"]] * len(texts), "must give"),
        (lambda texts: np.full((len(texts), 8), np.nan), "no numbers"),
        (lambda texts: np.ones((len(texts), 4)), "no codebook"),
    ],
)
def test_what_gives_no_vectors_is_an_error(fps, given, says):
    with pytest.raises(ifrs.TargetError, match=says):
        asked(given, fps)


def test_few_public_inputs_fit_nothing(fps):
    like = ifrs.EncoderModel(knowing(fps))
    with pytest.raises(ifrs.TargetError, match="pass some thousands"):
        asked(knowing(fps), fps, like=like, public=SENTENCES[:9])


def test_nothing_secret_is_in_a_repr(fps):
    suspect = ifrs.EncoderModel(knowing(fps), name="one")
    assert repr(suspect) == "EncoderModel('one')"
    assert suspect.describe() == {"kind": "callable", "name": "one", "address": "one"}


class Served:
    """Answers requests for embeddings, as OpenAI's protocol has it."""

    def __init__(self, vectors, status=200):
        self.vectors, self.status, self.texts, self.keys = vectors, status, [], []

    def reply(self, headers, body):
        self.keys.append(headers.get("Authorization"))
        if self.status != 200:
            return self.status, {"error": {"message": "no"}}
        texts = json.loads(body)["input"]
        self.texts += texts
        rows = [
            {"object": "embedding", "index": i, "embedding": row.tolist()}
            for i, row in enumerate(self.vectors(texts))
        ]
        return 200, {"object": "list", "model": "m", "data": rows[::-1]}


@pytest.fixture
def endpoint():
    """Serves vectors over loopback; gives the address of a `Served`."""
    import contextlib
    import threading
    from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

    with contextlib.ExitStack() as stack:

        def start(served):
            class Handler(BaseHTTPRequestHandler):
                def do_POST(self):
                    body = self.rfile.read(int(self.headers["Content-Length"]))
                    status, tree = served.reply(self.headers, body)
                    data = json.dumps(tree).encode()
                    self.send_response(status)
                    self.send_header("Content-Type", "application/json")
                    self.send_header("Content-Length", str(len(data)))
                    self.end_headers()
                    self.wfile.write(data)

                def log_message(self, *args):
                    return

            server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
            threading.Thread(target=server.serve_forever, daemon=True).start()
            stack.callback(server.server_close)
            stack.callback(server.shutdown)
            return f"http://127.0.0.1:{server.server_port}/v1"

        yield start


def test_an_endpoint_gives_vectors_in_order_and_spends_keys(fps, endpoint, tmp_path):
    pytest.importorskip("httpx2")
    served = Served(knowing(fps))
    url = endpoint(served)
    suspect = ifrs.EncoderModel.from_api(url, "m", api_key="sesame")
    assert (suspect.spends_keys, suspect.address) == (True, url)
    report = ifrs.verify(suspect, fps, ring=False)
    assert report.fsr == 1
    assert {f.key for f in fps} <= set(served.texts)
    assert set(served.keys) == {"Bearer sesame"}


@pytest.mark.parametrize(
    ("status", "says"), [(401, "API key"), (404, "base_url"), (400, "status 400")]
)
def test_an_endpoint_that_refuses_is_an_error_without_keys(fps, endpoint, status, says):
    pytest.importorskip("httpx2")
    suspect = ifrs.EncoderModel.from_api(endpoint(Served(knowing(fps), status)), "m", max_retries=0)
    with pytest.raises(ifrs.TargetError, match=says) as caught:
        ifrs.verify(suspect, fps, ring=False)
    assert not any(f.key in str(caught.value) for f in fps)


def test_no_server_and_no_address_are_errors(fps):
    pytest.importorskip("httpx2")
    suspect = ifrs.EncoderModel.from_api("http://127.0.0.1:9/v1", "m", max_retries=0)
    with pytest.raises(ifrs.TargetError, match="no server answers"):
        ifrs.verify(suspect, fps, ring=False)
    with pytest.raises(ValueError, match="base_url"):
        ifrs.EncoderModel.from_api("nowhere", "m")
    with pytest.raises(ValueError, match="https"):
        ifrs.EncoderModel.from_api("http://example.org/v1", "m", api_key="sesame")
