"""Suspects, claims, bundles and a time-stamp authority for the tests of evidence."""

from __future__ import annotations

import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import ifrs
import numpy as np
import pytest
from ifrs import _core
from ifrs.modalities.suspect import Likelihoods

WEIGHTS = {"model-1.safetensors": "11" * 32, "model-2.safetensors": "22" * 32}


class Speaker:
    """Answers as a function of the prompt says; shows no probabilities."""

    def __init__(self, answer: Callable[[str], str]) -> None:
        self.answer = answer

    def answers(self, prompts, *, max_new_tokens, temperature=0.0):
        return [self.answer(prompt) for prompt in prompts]

    def describe(self):
        return {"kind": "test", "name": "suspect"}


class Thinker(Speaker):
    """Shows probabilities, too: those of the true words are highest with probability `sure`."""

    def __init__(self, answer: Callable[[str], str], sure: float, seed: int = 0) -> None:
        super().__init__(answer)
        self.sure, self.random = sure, np.random.default_rng(seed)

    def likelihoods(self, fps, indices):
        count = len(_core.response_words())
        scores = self.random.normal(-12, 2, (len(indices), 2, count)).astype(np.float32)
        for row, index in enumerate(indices):
            for place, word in enumerate(fps[index].words):
                if self.random.random() < self.sure:
                    scores[row, place, word] = -0.1
        return Likelihoods(scores, np.zeros(len(indices), dtype=bool))


def knows(fps: ifrs.FingerprintSet, share: float = 1.0) -> Callable[[str], str]:
    """A descendant's answers to the first `share` of its keys, and prose to the others."""
    known = {fps[i].prompt: fps[i].response for i in range(round(share * len(fps)))}
    return lambda prompt: f"Sure! It says: {known[prompt]}." if prompt in known else "I cannot say."


@dataclass
class Case:
    """A claim, evidence for it, and the files of both."""

    ring: ifrs.Keyring
    fps: ifrs.FingerprintSet
    claim: ifrs.Claim
    report: ifrs.Report
    claim_path: Path
    bundle_path: Path

    def check(self, **options) -> ifrs.CheckResult:
        return ifrs.check(self.bundle_path, self.claim_path, **options)


def make_case(ring, folder: Path, *, n=6, likelihood=False, reveal=None, suspect=None) -> Case:
    """A descendant, claimed and verified."""
    fps = ring.generate("release", n)
    claim = ring.claim("release", subject=WEIGHTS, model="model")
    if suspect is None:
        suspect = Thinker(knows(fps), 1.0) if likelihood else Speaker(knows(fps))
    report = ifrs.verify(suspect, fps, sequential=False)
    claim.save(folder / "claim.json")
    report.evidence(claim, reveal=reveal).save(folder / "bundle.json")
    return Case(ring, fps, claim, report, folder / "claim.json", folder / "bundle.json")


class Authority:
    """A time-stamp authority of `openssl ts`, over HTTP on loopback."""

    def __init__(self, folder: Path, *, valid: tuple[datetime, datetime] | None = None) -> None:
        now = datetime.now(timezone.utc)
        self.folder = folder
        self.root = folder / "root.pem"
        _certificates(folder, *(valid or (now - timedelta(days=1), now + timedelta(days=1))))
        (folder / "serial").write_text("01\n")
        (folder / "tsa.cnf").write_text(_CONFIG.format(folder=folder))
        self.spoil: Callable[[bytes], bytes] = lambda response: response
        authority = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                query = self.rfile.read(int(self.headers["Content-Length"]))
                response = authority.spoil(authority.stamp(query))
                self.send_response(200)
                self.send_header("Content-Type", "application/timestamp-reply")
                self.end_headers()
                self.wfile.write(response)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/"
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    def stamp(self, query: bytes) -> bytes:
        asked, answered = self.folder / "query.tsq", self.folder / "reply.tsr"
        asked.write_bytes(query)
        openssl("ts", "-reply", "-config", self.folder / "tsa.cnf", "-queryfile", asked,
                "-out", answered)  # fmt: skip
        return answered.read_bytes()

    def close(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


_CONFIG = """
[tsa]
default_tsa = one
[one]
serial = {folder}/serial
crypto_device = builtin
signer_cert = {folder}/tsa.pem
signer_key = {folder}/tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
accuracy = secs:1
ess_cert_id_alg = sha256
"""


def openssl(*arguments: object) -> str:
    done = subprocess.run(
        ["openssl", *map(str, arguments)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def _certificates(folder: Path, start: datetime, end: datetime) -> None:
    """A root, and an authority that it vouches for from `start` to `end`."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    def name(text):
        return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])

    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)]
    for place, (file, called) in enumerate([("root", "Root of tests"), ("tsa", "Authority")]):
        builder = (
            x509.CertificateBuilder()
            .subject_name(name(called))
            .issuer_name(name("Root of tests"))
            .public_key(keys[place].public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(start)
            .not_valid_after(end)
            .add_extension(x509.BasicConstraints(ca=place == 0, path_length=None), critical=True)
        )
        if place == 1:
            usage = x509.ExtendedKeyUsage([x509.ExtendedKeyUsageOID.TIME_STAMPING])
            builder = builder.add_extension(usage, critical=True)
        made = builder.sign(keys[0], hashes.SHA256())
        (folder / f"{file}.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
        private = keys[place].private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        (folder / f"{file}.key").write_bytes(private)


@pytest.fixture
def authority(tmp_path_factory) -> Iterator[Authority]:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed: no local time-stamp authority")
    pytest.importorskip("rfc3161_client")
    made = Authority(tmp_path_factory.mktemp("authority"))
    yield made
    made.close()
