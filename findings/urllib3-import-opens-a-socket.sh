#!/usr/bin/env bash
# To import urllib3, or anything that stands on it, is to open an IPv6 socket and bind it on ::1: that is how it learns whether there is IPv6.
# Who is hurt: whoever imports libraries in a sandbox and reports every socket as an attempt to reach the outside, and whoever allows none:
# then urllib3 believes for good that the machine has no IPv6, and nothing says so. Our cells import it before they are sealed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv --without-pip "$folder/env"
python3 -m pip --disable-pip-version-check --python "$folder/env/bin/python" install -q 'urllib3==2.8.0'
"$folder/env/bin/python" - <<'PY'
import sys

seen = []
sys.addaudithook(lambda event, arguments: seen.append(event) if event in {"socket.__new__", "socket.bind"} else None)
import urllib3

print("urllib3", urllib3.__version__)
print(f"expected: an import that touches no socket. seen: {seen}")
sys.exit(0 if "socket.__new__" in seen else 1)
PY
