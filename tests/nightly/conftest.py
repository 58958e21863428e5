"""The long versions are collected only when they are named, as `make nightly` does."""

from pathlib import Path

import pytest


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave a file here out of a run that names nothing of this folder."""
    named = any(Path(__file__).parent.name in given for given in config.args)
    return None if named or collection_path.suffix != ".py" else True
