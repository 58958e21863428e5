"""Servers, workers and cells start often: what only some of them need is imported where it is needed."""

import subprocess
import sys
from pathlib import Path

STARTED = "import netra_backend.app.main, netra_backend.app.serving\n"
STARTED += "import netra_backend.app.execution\n"  # goes with: migration
LISTED = "import sys\nprint(' '.join(sys.modules))"


def test_a_backend_whose_model_is_a_script_imports_no_sdk_of_models():
    done = subprocess.run([sys.executable, "-c", STARTED + LISTED], capture_output=True, text=True, check=True, timeout=60)
    assert "openai" not in done.stdout.split()


def test_no_library_is_installed_that_has_each_process_parse_grammars_at_its_start():
    assert "rfc3987-syntax" not in (Path(__file__).parents[2] / "requirements.lock").read_text()
