#!/usr/bin/env bash
# openai-agents asks for websockets<17 in its current releases, and for none in its oldest. Beside websockets 17 an installer finds no conflict: it
# goes back through all releases and installs 0.1.0, without a word.
# Expected: a conflict that names the cap, or the current release.
# Hurt: whoever adds `openai-agents` without a lower bound to a server with a current websockets: `import agents` works, and what the documentation
# shows is not there. Mended: the extra `[openai-agents]` has a lower bound, and the lock holds websockets below 17.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/v"
python3 -m pip --disable-pip-version-check --python "$work/v/bin/python" install -q openai-agents websockets==17.4 openai==3.54.0
seen=$("$work/v/bin/python" -c "from importlib.metadata import version; import agents; print(version('openai-agents'))")
status=0
python3 -m pip --disable-pip-version-check --python "$work/v/bin/python" install -q --dry-run 'openai-agents>=0.24' websockets==17.4 2>"$work/log" || status=$?
echo "openai-agents 0.24.0 beside websockets 17.4"
echo "expected: a conflict, as with a lower bound (pip exits with $status)"
echo "seen:     $seen is installed, and can be imported"
[ "$seen" = 0.1.0 ] && [ "$status" -ne 0 ] && grep -q websockets "$work/log"
