#!/usr/bin/env bash
# rfc3161-client 1.0.9 refuses RFC 3161 time stamps that openssl makes and verifies, depending on
# how long the names in the authority's certificates are.
#
# A token carries the authority's certificates as a SET OF. In DER the members of a set are sorted
# by their bytes, in effect by length. CMS needs DER for signed attributes only (RFC 5652, section
# 5.3), but RFC 3161 (section 3) asks for a response in DER as a whole. `openssl ts -reply` writes
# the signer's certificate first, then those of `certs` in the order of the file, and takes any order
# when it verifies. rfc3161-client takes DER alone: where the signer's certificate is longer than the
# next one, it fails with InvalidSetOrdering.
#
# Seen with openssl 3.0: two authorities, alike but for their names. openssl verifies the stamps of
# both; the client reads the one whose root has the long name, and refuses the one whose signer has.
# Nobody signs the order of the set: with the two certificates swapped it verifies that one, too.
#
# Exit 0: as described. Anything else: something changed. Needs openssl, python3 with venv, and a
# package index.
set -euo pipefail

work=$(mktemp -d)
trap 'code=$?; if [ $code != 0 ]; then cat "$work/log" >&2; fi; rm -rf "$work"; exit $code' EXIT
touch "$work/log"
cd "$work"

python3 -m venv venv
venv/bin/python -m pip install --quiet --disable-pip-version-check \
  rfc3161-client==1.0.9 cryptography==50.0.2 cffi==2.1.1 pycparser==3.12
openssl version

# authority FOLDER ROOT SIGNER: a root, a signer below it, and one stamp over FOLDER/data.
authority() {
  mkdir "$1"
  (
    cd "$1"
    openssl req -x509 -newkey rsa:2048 -nodes -keyout root.key -subj "/CN=$2" -days 30 \
      -addext basicConstraints=critical,CA:TRUE -out root.pem 2>> "$work/log"
    openssl req -new -newkey rsa:2048 -nodes -keyout signer.key -subj "/CN=$3" \
      -out signer.csr 2>> "$work/log"
    echo "basicConstraints=critical,CA:FALSE" > extensions
    echo "extendedKeyUsage=critical,timeStamping" >> extensions
    openssl x509 -req -in signer.csr -CA root.pem -CAkey root.key -CAcreateserial -days 30 \
      -extfile extensions -out signer.pem 2>> "$work/log"
    cat > tsa.cnf <<'END'
[tsa]
default_tsa = one
[one]
serial = serial
crypto_device = builtin
signer_cert = signer.pem
signer_key = signer.key
certs = root.pem
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
ess_cert_id_alg = sha256
END
    echo 01 > serial
    echo "what is stamped" > data
    openssl ts -query -data data -sha256 -cert -out query.tsq 2>> "$work/log"
    openssl ts -reply -config tsa.cnf -queryfile query.tsq -out reply.tsr 2>> "$work/log"
    said=$(openssl ts -verify -data data -in reply.tsr -CAfile root.pem 2>&1)
    echo "$1: openssl: ${said##*$'\n'}"
  )
}

long="a name that is a good deal longer than the name of the other"
authority long-root "$long" "Signer"
authority long-signer "Root" "$long"

cat > read.py <<'END'
import base64
import sys
from importlib.metadata import version
from pathlib import Path

from cryptography.x509 import load_pem_x509_certificate
from rfc3161_client import VerifierBuilder, decode_timestamp_response

print("rfc3161-client", version("rfc3161-client"), "cryptography", version("cryptography"))


def said(folder: Path, response: bytes) -> str:
    root = load_pem_x509_certificate((folder / "root.pem").read_bytes())
    try:
        read = decode_timestamp_response(response)
    except ValueError as error:
        return f"refused: {error}"
    verifier = VerifierBuilder().add_root_certificate(root).build()
    assert verifier.verify_message(read, (folder / "data").read_bytes())
    return "verified"


def der(path: Path) -> bytes:
    return base64.b64decode("".join(path.read_text().splitlines()[1:-1]))


found = []
for name in ("long-root", "long-signer"):
    folder = Path(name)
    response = (folder / "reply.tsr").read_bytes()
    signer, root = der(folder / "signer.pem"), der(folder / "root.pem")
    assert response.count(signer + root) == 1, "openssl sends another order"
    swapped = response.replace(signer + root, root + signer)
    for what, given in (("as sent", response), ("swapped", swapped)):
        found.append(said(folder, given))
        print(f"{name}, certificates {what}: {found[-1]}")
right = [text.split(":")[0] for text in found] == ["verified", "refused", "refused", "verified"]
right = right and all("InvalidSetOrdering" in found[place] for place in (1, 2))
sys.exit(0 if right else "rfc3161-client does otherwise than this file says")
END
venv/bin/python read.py
