#!/usr/bin/env bash
# gguf 0.19.0: the tool that changes a model's metadata fails on a file whose metadata has an empty
# array, which the same package reads, and leaves the first bytes of a file behind.
#
# GGUF counts the items of an array, and nothing forbids none: `general.tags` of a model without tags,
# or a list of merges of a tokenizer that merges nothing. GGUFReader gives such a field as a list of
# no items. `gguf-new-metadata`, of the same package, copies every field by GGUFWriter: add_array with
# no items is quietly nothing at all, but the tool hands fields to a lower call, which raises
# "Invalid GGUF metadata array. Empty array" while the output is being written. What is left of the
# output is a header that names more fields than follow; the reader cannot open it. Whoever copies a
# file field by field with the package meets the same. ifrs copies metadata as the bytes that it is.
#
# Seen: the reader shows `general.tags` as []. The tool ends in ValueError and leaves 24 bytes.
#
# Exit 0: as described. Anything else: something changed. Needs python3 with venv, and a package index.
set -euo pipefail

work=$(mktemp -d)
trap 'code=$?; if [ $code != 0 ]; then cat "$work/log" >&2; fi; rm -rf "$work"; exit $code' EXIT
touch "$work/log"
cd "$work"

python3 -m venv venv
venv/bin/python -m pip install --quiet --disable-pip-version-check \
  gguf==0.19.0 numpy==2.2.6 2>> "$work/log"

cat > make.py <<'END'
import struct

import numpy as np
from gguf import GGUFReader

STRING, ARRAY, UINT32 = 8, 9, 4


def text(value):
    return struct.pack("<Q", len(value)) + value.encode()


fields = [
    text("general.architecture") + struct.pack("<I", STRING) + text("llama"),
    text("general.tags") + struct.pack("<IIQ", ARRAY, STRING, 0),
    text("general.languages") + struct.pack("<IIQ", ARRAY, STRING, 1) + text("en"),
    text("llama.block_count") + struct.pack("<II", UINT32, 1),
]
tensor = text("token_embd.weight") + struct.pack("<IQQIQ", 2, 32, 2, 0, 0)
data = b"GGUF" + struct.pack("<IQQ", 3, 1, len(fields)) + b"".join(fields) + tensor
data += bytes(-len(data) % 32) + np.arange(64, dtype="<f4").tobytes()
with open("in.gguf", "wb") as file:
    file.write(data)
read = GGUFReader("in.gguf").fields
print("read as:", read["general.tags"].contents(), read["general.languages"].contents())
assert read["general.tags"].contents() == []
END
venv/bin/python make.py 2>> "$work/log"

if venv/bin/gguf-new-metadata --force --general-name changed in.gguf out.gguf > said 2>&1; then
  echo "the tool copies the file now" >&2
  exit 1
fi
cat said >> "$work/log"
grep -h "^ValueError" said
size=$(stat -c %s out.gguf)
echo "bytes of the output that is left: $size"
grep -q "Empty array" said
test "$size" = 24
