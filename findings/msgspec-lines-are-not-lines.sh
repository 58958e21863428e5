#!/usr/bin/env bash
# msgspec.json.Decoder.decode_lines, for "newline-delimited JSON", takes a newline for any other blank: two values on one line are two items,
# and a value may go on over several lines. A line that was cut is not seen.
# Who is hurt: whoever numbers items by line to say which one is bad, or counts on a cut line being refused.
# Ours reads line by line, and numbers them itself.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv --without-pip "$folder/env"
python3 -m pip --disable-pip-version-check --python "$folder/env/bin/python" install -q 'msgspec==0.22.0'
"$folder/env/bin/python" - <<'PY'
import sys

import msgspec

text = b'{"a": 1} {"a": 2}\n{"a": 3,\n"b": 4}\n'
lines = text.splitlines()
try:
    items = msgspec.json.Decoder().decode_lines(text)
except msgspec.DecodeError as error:
    items = [f"refused: {error}"]
print("msgspec", msgspec.__version__)
print(f"expected: an error, since none of the {len(lines)} lines is a JSON value. seen: {items}")
sys.exit(0 if items == [{"a": 1}, {"a": 2}, {"a": 3, "b": 4}] else 1)
PY
