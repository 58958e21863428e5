"""Servers, workers and cells start often: what only some of them need is imported where it is needed."""

import subprocess
import sys

import pytest

STARTED = "import netra_backend.app.main, netra_backend.app.serving\n"
STARTED += "import netra_backend.app.execution\n"  # goes with: migration
LISTED = "import sys\nprint(' '.join(sys.modules))"


@pytest.mark.parametrize(("library", "why"), [("openai", "the scripted model asks nobody"), ("rfc3987_syntax", "nobody checks an IRI")])
def test_a_backend_starts_without_a_library_that_it_may_never_need(library, why):
    done = subprocess.run([sys.executable, "-c", STARTED + LISTED], capture_output=True, text=True, check=True, timeout=60)
    assert library not in done.stdout.split(), why
