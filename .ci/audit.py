"""`make audit`: known vulnerabilities of what the lock file installs. A package that nobody could be asked about is not a clean one.

Exit codes: 0 every package was looked up and none is known to be vulnerable; 1 some are; 2 some could not be looked up.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

LOCK = Path("requirements.lock")
_TIMEOUT_S = 300
_NAMED = 5


def main() -> int:
    """Ask pip-audit, and say what it looked at."""
    command = [sys.executable, "-m", "pip_audit", "--requirement", str(LOCK), "--require-hashes", "--disable-pip", "--format", "json"]
    asked = subprocess.run([*command, "--progress-spinner", "off"], check=False, capture_output=True, text=True, timeout=_TIMEOUT_S)  # noqa: S603 - our own words
    try:
        found = json.loads(asked.stdout)["dependencies"]
    except (ValueError, KeyError):
        sys.stderr.write(f"pip-audit gave no answer (exit {asked.returncode}): {asked.stderr.strip()[-500:]}\n")
        return 2
    return report(found)


def report(found: list[dict[str, Any]]) -> int:
    """Print the outcome and return the exit code.

    Args:
        found: pip-audit's `dependencies`: name, version, vulns; `skip_reason` where it could not look one up.
    """
    skipped = [one["name"] for one in found if "skip_reason" in one]
    vulnerable = [one for one in found if one.get("vulns")]
    for one in vulnerable:
        for vulnerability in one["vulns"]:
            fixed = ", ".join(vulnerability["fix_versions"]) or "no version yet"
            sys.stdout.write(f"{one['name']} {one['version']}: {vulnerability['id']}, fixed in {fixed}\n")
    sys.stdout.write(f"{len(found) - len(skipped)} of {len(found)} packages looked up, {len(vulnerable)} vulnerable\n")
    if vulnerable:
        return 1
    if skipped or not found:
        names = ", ".join(skipped[:_NAMED]) + (", ..." if len(skipped) > _NAMED else "")
        sys.stderr.write(f"not looked up: {names or 'nothing at all'}; run this again where the advisory service can be reached\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
