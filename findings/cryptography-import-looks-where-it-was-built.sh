#!/usr/bin/env bash
# To import cryptography 50's wheel is to open /opt/pyca/cryptography/openssl/openssl.cnf: its OpenSSL looks for its configuration where the wheel was built, on
# a machine of the project's. Nobody else has that path.
# Expected: a wheel with an OpenSSL of its own reads the system's configuration, its own folder, or none.
# Hurt: whoever runs libraries behind a list of what may be read and reports the rest. By way of mcp it comes with the OpenAI Agents SDK: imported at the
# first request, it made every shadow run of that SDK divergent. Our cells hear truly that the file is not there, and that is no attempt.
set -euo pipefail
[ "$(uname -s)" = Linux ] || { echo "skipped: needs Linux"; exit 0; }
command -v strace >/dev/null || { echo "skipped: needs strace"; exit 0; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv --without-pip "$folder/env"
python3 -m pip --disable-pip-version-check --python "$folder/env/bin/python" install -q 'cryptography==50.0.2'
"$folder/env/bin/python" -c 'import cryptography; print("cryptography", cryptography.__version__)'
strace -f -e trace=open,openat -o "$folder/trace" "$folder/env/bin/python" -c 'from cryptography.hazmat.bindings._rust import openssl' ||
  { echo "skipped: strace may not trace here"; exit 0; }
seen=$(grep -o '"[^"]*openssl\.cnf"' "$folder/trace" | sort -u | tr '\n' ' ' || true)
echo "expected: no openssl.cnf outside of the system's and the environment's folders"
echo "seen:     ${seen:-none}"
[[ $seen == *'"/opt/pyca/'* ]]
