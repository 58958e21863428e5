#!/usr/bin/env bash
# landlockpy 0.2.0 and seccompy 0.2.0 look for libc by `ctypes.util.find_library` when they are used first, not when they are imported; on Linux that runs
# ldconfig and, failing that, a compiler with a temporary file. So a process that has closed its files by landlockpy cannot load a filter by seccompy any more:
# FileNotFoundError "No usable temporary directory found".
# Expected: two libraries that are made for being used after each other work in either order; neither needs a program to find the libc it runs on.
# Hurt: whoever sandboxes in two steps, and whoever has no `ldconfig` and `gcc` where the sandbox is set up. Use both once (`abi_version()`,
# `supported()`) before the first door is closed.
set -euo pipefail
[ "$(uname -s)" = Linux ] || { echo "skipped: needs Linux"; exit 0; }
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/v"
python3 -m pip --disable-pip-version-check --python "$work/v/bin/python" install -q landlockpy==0.2.0 seccompy==0.2.0
cat >"$work/run.py" <<'PY'
import sys
from importlib.metadata import version
import landlockpy, seccompy
from landlockpy import AccessFS

try:
    landlockpy.abi_version()
except OSError:
    print("skipped: this kernel has no Landlock")
    sys.exit(0)
if "first" in sys.argv:
    seccompy.supported()
with landlockpy.Ruleset() as rules:
    for path in ("/usr", "/lib", "/etc", sys.prefix):
        rules.allow_path(path, AccessFS.READ_FILE | AccessFS.READ_DIR)
    rules.restrict()
filter_ = seccompy.Filter()
filter_.errno("ptrace", 1)
try:
    filter_.load()
except Exception as error:
    print(f"{type(error).__name__}: {error}")
else:
    print("loaded")
PY
"$work/v/bin/python" -c 'from importlib.metadata import version as v; print("landlockpy", v("landlockpy"), "seccompy", v("seccompy"))'
late=$("$work/v/bin/python" "$work/run.py"); early=$("$work/v/bin/python" "$work/run.py" first)
echo "expected: loaded, both ways"
echo "seen:     used first after the files were closed: $late"
echo "          used once before that:                  $early"
case $late in skipped*) exit 0 ;; esac
[ "$late" != loaded ] && [ "$early" = loaded ]
