#!/usr/bin/env bash
# bc-detect-secrets, the maintained fork, installs the import package of detect-secrets: both go into one environment without a word, files of
# one over the other's, `pip check` is content, and uninstalling either takes the import package away from the one that stays.
# Who is hurt: whoever has a pre-commit hook's detect-secrets beside a library that needs the fork; its scan for secrets then runs other
# detectors than were tested, or none. Ours says so where it is asked what is missing (`doctor`).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv --without-pip "$folder/env"
pip=(python3 -m pip --disable-pip-version-check --python "$folder/env/bin/python")
"${pip[@]}" install -q 'detect-secrets==1.5.0'
"${pip[@]}" install -q 'bc-detect-secrets==1.5.52' 2>"$folder/said"
warned=$(grep -ciE 'conflict|clash|overw|already' "$folder/said" || true)
checked=$("${pip[@]}" check)
versions=$("$folder/env/bin/python" - <<'PY'
from importlib.metadata import files
both = {str(file) for file in files("detect-secrets")} & {str(file) for file in files("bc-detect-secrets")}
print(sum(file.startswith("detect_secrets/") and file.endswith(".py") for file in both))
PY
)
"${pip[@]}" uninstall -q -y detect-secrets
left=$("$folder/env/bin/python" -c 'import detect_secrets.plugins' 2>&1 | tail -1 || true)
listed=$("${pip[@]}" list --format freeze | grep -c '^bc-detect-secrets==1.5.52$')
echo "detect-secrets 1.5.0, bc-detect-secrets 1.5.52"
echo "expected: the second installation is refused, or pip check names the clash; the fork works after the original is uninstalled"
echo "seen: installed, with $warned words of a clash; pip check: '$checked'; $versions modules owned by both; afterwards the fork is listed ($listed) and: ${left:-it can be imported}"
[[ "$warned" == 0 && "$checked" == "No broken requirements found." && "$versions" -gt 50 && "$listed" == 1 && "$left" == *ModuleNotFoundError* ]]
