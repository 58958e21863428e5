#!/usr/bin/env bash
# bc-detect-secrets 1.5.52, the maintained fork of detect-secrets 1.5.0 (2024) under the same import name, has no rules for the tokens of GitLab and
# PyPI, which the older one has: whoever follows the higher version number finds less, and nothing says so.
# Expected: a later version of the same scanner finds what the earlier one found.
# Hurt: whoever replaces detect-secrets by its maintained fork in a scan of repositories or of texts. Add rules of your own for these.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
cat >"$work/run.py" <<'PY'
import importlib, inspect, json, pkgutil
import detect_secrets.plugins as plugins
from detect_secrets.plugins.base import RegexBasedDetector

MADE_UP = {
    "GitLab": "glpat-ZyXwVuTsRqPoNmLkJiHg",
    "PyPI": "pypi-AgEIcHlwaS5vcmc" + "a1B2c3D4e5F6g7H8i9J0" * 5,
    "GitHub": "ghp_" + "aB3d" * 9,
}
detectors = [
    value()
    for module in pkgutil.iter_modules(plugins.__path__)
    for value in vars(importlib.import_module(f"{plugins.__name__}.{module.name}")).values()
    if inspect.isclass(value) and issubclass(value, RegexBasedDetector) and not inspect.isabstract(value)
]
print(json.dumps({kind: any(True for one in detectors for _ in one.analyze_string(text)) for kind, text in MADE_UP.items()}))
PY
for package in detect-secrets==1.5.0 bc-detect-secrets==1.5.52; do
  python3 -m venv --without-pip "$work/$package"
  python3 -m pip --disable-pip-version-check --python "$work/$package/bin/python" install -q "$package"
  "$work/$package/bin/python" "$work/run.py" >"$work/$package.json"
  echo "$package finds: $(cat "$work/$package.json")"
done
echo "expected: the later one finds all that the earlier one finds"
python3 - "$work/detect-secrets==1.5.0.json" "$work/bc-detect-secrets==1.5.52.json" <<'PY'
import json, sys
earlier, later = (json.load(open(path)) for path in sys.argv[1:])
lost = [kind for kind in earlier if earlier[kind] and not later[kind]]
print("seen:     lost", lost)
sys.exit(0 if lost and later["GitHub"] else 1)
PY
