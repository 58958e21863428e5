"""Says whether a part of `test_codemod_laws` fails, with a changed codemod: the examples of one use, or the drawn projects."""

import logging
import sys
import tempfile
from pathlib import Path

from hypothesis import Phase, settings

from tests.migration.codemod.kept import KEPT
from tests.property.test_codemod_laws import check_kept, explore

settings.register_profile("caught", derandomize=True, deadline=None, database=None, phases=[Phase.generate])


def fails(folder: Path, part: str) -> bool:
    """Return whether the examples of this use fail, or with "drawn" the projects that the suite draws."""
    try:
        if part == "drawn":
            explore(folder, 200, 2)
        for use, form in KEPT:
            if part == use:
                check_kept(folder, use, form)
    except Exception:  # noqa: BLE001 - a crash of the codemod is found as well
        return True
    return False


if __name__ == "__main__":
    settings.load_profile("caught")
    logging.disable(logging.CRITICAL)
    with tempfile.TemporaryDirectory() as folder:
        sys.stdout.write(f"\n{sys.argv[1:]} fails: {[fails(Path(folder) / 'project', part) for part in sys.argv[1:]]}\n")
