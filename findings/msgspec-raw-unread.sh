#!/usr/bin/env bash
# A field of the type msgspec.Raw is taken although what stands in it cannot be decoded: numbers out of range, bytes that are no UTF-8.
# Who is hurt: whoever decodes the outside of a message and later the inside, and handles a broken message only at the first.
# Ours treats the second decoding as one that may fail, too.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv --without-pip "$folder/env"
python3 -m pip --disable-pip-version-check --python "$folder/env/bin/python" install -q 'msgspec==0.22.0'
"$folder/env/bin/python" - <<'PY'
import sys

import msgspec


class Outside(msgspec.Struct):
    body: msgspec.Raw


def decodes(message: bytes, kind: object) -> bool:
    try:
        msgspec.json.decode(message, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False
    return True


print("msgspec", msgspec.__version__)
bodies = (b"1e400", b'"\xff"')
messages = [b'{"body":' + body + b"}" for body in bodies]
whole = [decodes(message, object) for message in messages]
raw = [decodes(message, Outside) for message in messages]
print(f"expected: what cannot be decoded is refused either way. seen: decoded whole {whole}, with a Raw field {raw}")
sys.exit(0 if (whole, raw) == ([False] * 2, [True] * 2) else 1)
PY
