"""A small project: a target, its factory, a legacy engine, somebody who uses it, and a test that holds on to what it does."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from migration.consolidation.auditing import audit
from migration.consolidation.baseline_name import BASELINE_NAME
from migration.consolidation.guard import baseline_of, save_baseline
from migration.consolidation.tracker.steps import Box
from migration.consolidation.tracker.tracking import track

FILES = {
    "pyproject.toml": (
        "[tool.netra-migration.audit]\ntarget = 'shop.target:UserEngine'\nfactory = 'shop.factory:EngineFactory'\nclasses = ['*Engine']\n"
    ),
    "shop/__init__.py": "",
    "shop/target.py": "class UserEngine:\n    def __init__(self, user): ...\n",
    "shop/factory.py": "class EngineFactory:\n    def make(self, user): ...\n",
    "shop/old.py": "class OldEngine:\n    def __init__(self, r): ...\n",
    "use.py": "from shop.old import OldEngine\n\n\ndef f(): ...\n",
    "tests/test_old.py": "from shop.old import OldEngine\n\n\ndef test_it():\n    assert OldEngine\n",
}

Write = Callable[[Mapping[str, str | None]], Path]
Boxes = Callable[..., dict[str, Box]]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write the project with these files changed; None: deleted."""
    present = dict(FILES)

    def run(changed: Mapping[str, str | None]) -> Path:
        for path, text in [*present.items(), *changed.items()]:
            file = tmp_path / path
            file.parent.mkdir(parents=True, exist_ok=True)
            if text is None:
                file.unlink(missing_ok=True)
            else:
                file.write_text(text)
        present.clear()
        return tmp_path

    return run


@pytest.fixture
def boxes(write: Write) -> Boxes:
    """Write the project, and return its boxes by their text."""

    def run(changed: Mapping[str, str | None] | None = None, table: str = "") -> dict[str, Box]:
        root = write(changed or {})
        if table:
            (root / "pyproject.toml").write_text(FILES["pyproject.toml"] + table)
        return {box.text: box for step in track(root) for box in step.boxes}

    return run


@pytest.fixture
def baseline(write: Write) -> Iterator[Callable[[], None]]:
    """Allow what there is."""

    def run() -> None:
        root = write({})
        save_baseline(root / BASELINE_NAME, baseline_of(audit(root)))

    return run
