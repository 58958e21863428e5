#!/usr/bin/env bash
# Where the extra `format-nongpl` of jsonschema 4.26 is installed, `import jsonschema` costs many times what it costs without it: it imports
# rfc3987-syntax 1.1.0, which reads 38 grammars with lark right then, whether or not anybody ever checks an IRI. Who is hurt: every process
# that validates plain schemas next to a tool that asks for the extra, such as cyclonedx-bom 7. Our lock file leaves rfc3987-syntax out.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv --without-pip "$folder/env"
python3 -m pip --disable-pip-version-check --python "$folder/env/bin/python" install -q 'jsonschema[format-nongpl]==4.26.0' 'rfc3987-syntax==1.1.0'
"$folder/env/bin/python" - <<'PY'
import subprocess
import sys
from importlib.metadata import version

TIMED = "import time; began = time.process_time(); import jsonschema; print(time.process_time() - began)"
WITHOUT = "import sys; sys.modules['rfc3987_syntax'] = None; "


def seconds(code: str) -> float:
    return min(float(subprocess.check_output([sys.executable, "-c", code])) for _ in range(3))


with_it, without = seconds(TIMED), seconds(WITHOUT + TIMED)
print("jsonschema", version("jsonschema"), "rfc3987-syntax", version("rfc3987-syntax"))
print(f"expected: an optional format costs nothing until it is checked. seen: {with_it:.2f} s of CPU to import it, {without:.2f} s without the extra")
sys.exit(0 if with_it > 3 * without else 1)
PY
