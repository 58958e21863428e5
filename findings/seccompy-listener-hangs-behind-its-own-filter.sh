#!/usr/bin/env bash
# seccompy 0.2.0: `Filter(default=Action.USER_NOTIF, flags=FilterFlag.NEW_LISTENER).load()` never returns: after the filter is in place the library makes
# one more `seccomp` call (it asks for the sizes of the structures), which the filter stops for a listener that nobody has got yet.
# Expected: load() returns the listener, as it does when the default is ALLOW; or it asks before it closes the door.
# Hurt: whoever writes an allow-list (refuse and report all that is not named), the safer form of a filter. Allow `seccomp` with the first
# argument 3 (SECCOMP_GET_NOTIF_SIZES).
set -euo pipefail
[ "$(uname -s)" = Linux ] || { echo "skipped: needs Linux"; exit 0; }
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/v"
python3 -m pip --disable-pip-version-check --python "$work/v/bin/python" install -q seccompy==0.2.0
cat >"$work/run.py" <<'PY'
import os, signal, sys, time
from importlib.metadata import version
import seccompy
from seccompy import Action, ArgCmp, CmpOp, Filter, FilterFlag

if not seccompy.action_supported(Action.USER_NOTIF):
    print("skipped: this kernel has no user notification")
    sys.exit(0)

def loads(*, with_rule):
    """Whether load() comes back within 3 s, in a process of its own."""
    child = os.fork()
    if child == 0:
        rules = Filter(default=Action.USER_NOTIF, flags=FilterFlag.NEW_LISTENER)
        for call in ("ioctl", "fcntl", "exit_group", "write", "futex", "rt_sigaction", "mmap", "munmap", "brk", "close"):
            rules.allow(call)
        if with_rule:
            rules.allow("seccomp", args=[ArgCmp(0, CmpOp.EQ, 3)])
        rules.load()
        os._exit(0)
    until = time.monotonic() + 3
    while time.monotonic() < until:
        if os.waitpid(child, os.WNOHANG)[0]:
            return True
        time.sleep(0.02)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return False

print("seccompy", version("seccompy"))
print("expected: load() returns")
plain, helped = loads(with_rule=False), loads(with_rule=True)
print(f"seen:     it {'returns' if plain else 'hangs'}; with the one call allowed it {'returns' if helped else 'hangs'}")
sys.exit(0 if not plain and helped else 1)
PY
"$work/v/bin/python" "$work/run.py"
