"""The software bill of materials is the lock file: every package, its version, its hashes."""

import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_bill_names_every_locked_package_with_its_version_and_hashes(tmp_path):
    command = [
        sys.executable,
        "-m",
        "cyclonedx_py",
        "requirements",
        "requirements.lock",
        "--pyproject",
        "netra_backend/pyproject.toml",
        "--output-reproducible",
    ]
    subprocess.run([*command, "-o", tmp_path / "sbom.json"], cwd=ROOT, check=True, capture_output=True, timeout=120)
    bill = json.loads((tmp_path / "sbom.json").read_text())
    locked = set(re.findall(r"^([a-z0-9-]+)(?:\[[a-z,]+\])?==([^\s;]+)", (ROOT / "requirements.lock").read_text(), re.MULTILINE))
    assert {(one["name"], one["version"]) for one in bill["components"]} == locked
    assert all(one["externalReferences"][0]["hashes"] for one in bill["components"])
