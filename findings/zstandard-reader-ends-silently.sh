#!/usr/bin/env bash
# The stream reader of python-zstandard ends like a whole file where a frame is cut off: no error, only less data. gzip raises EOFError there.
# Who is hurt: whoever reads packed lines and takes the end of the stream for the end of the data; an upload that broke off loses lines unsaid.
# Ours asks each frame whether it has ended (our reader, `_frames`).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv --without-pip "$folder/env"
python3 -m pip --disable-pip-version-check --python "$folder/env/bin/python" install -q 'zstandard==0.25.0'
"$folder/env/bin/python" - <<'PY'
import gzip
import io
import random
import sys

import zstandard

chance = random.Random(1)
lines = b"".join(b"%0200x\n" % chance.getrandbits(800) for _ in range(5000))


def seen(opened) -> str:
    try:
        return f"{opened.read().count(10)} of 5000 lines and no error"
    except (EOFError, zstandard.ZstdError) as error:
        return type(error).__name__


def cut(packed: bytes) -> io.BytesIO:
    return io.BytesIO(packed[: len(packed) // 2])


of_gzip = seen(gzip.GzipFile(fileobj=cut(gzip.compress(lines))))
of_zstd = seen(zstandard.ZstdDecompressor().stream_reader(cut(zstandard.compress(lines)), read_across_frames=True))
of_open = seen(zstandard.open(cut(zstandard.compress(lines)), "rb"))
print("zstandard", zstandard.__version__)
print(f"expected: an error, as of gzip ({of_gzip}). seen: stream_reader {of_zstd}, zstandard.open {of_open}")
sys.exit(0 if of_gzip == "EOFError" and "no error" in of_zstd and "no error" in of_open else 1)
PY
