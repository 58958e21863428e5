#!/usr/bin/env bash
# DeepDiff tells true from 1 in an object and, with the order ignored, in a list, but in an ordered list it finds no difference.
# Who is hurt: whoever decides with it that two JSON documents are the same. A client in a typed language reads another type.
# Ours compares types first before, so that a rule that names DeepDiff cannot forgive it.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv --without-pip "$folder/env"
python3 -m pip --disable-pip-version-check --python "$folder/env/bin/python" install -q 'deepdiff==9.1.0'
"$folder/env/bin/python" - <<'PY'
import sys

import deepdiff
from deepdiff import DeepDiff

print("deepdiff", deepdiff.__version__)
in_object = bool(DeepDiff({"a": True}, {"a": 1}))
in_list, unordered = bool(DeepDiff([True], [1])), bool(DeepDiff([True], [1], ignore_order=True))
print(f"expected: a difference in all three. seen: object {in_object}, ordered list {in_list}, list with the order ignored {unordered}")
sys.exit(0 if (in_object, in_list, unordered) == (True, False, True) else 1)
PY
