"""What loading engines tries to reach is said; an ordinary start tries nothing."""

import logging
from pathlib import Path

import pytest

from migration.errors import ConfigurationError
from migration.settings import MigrationSettings
from migration.shadow import boundary
from migration.shadow.cell_process import CellProcess
from migration.shadow.parts import DEFAULT_ENGINES

needs_boundary = pytest.mark.skipif(boundary.boundary_gap() is not None, reason=f"this kernel lacks {boundary.boundary_gap()}")
TRYING = """
import socket

engines = None

socket.socket(socket.AF_INET6)
"""


def start(engines: str, home: Path) -> None:
    CellProcess(MigrationSettings(home=home, shadow_priority="normal"), engines).close()


@needs_boundary
def test_an_ordinary_start_tries_nothing(tmp_path, caplog):
    with caplog.at_level(logging.WARNING):
        start(DEFAULT_ENGINES, tmp_path)
    assert [record.getMessage() for record in caplog.records] == []


@needs_boundary
def test_engines_that_open_a_socket_when_they_are_loaded_are_said_to(tmp_path, caplog, monkeypatch):
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules" / "trying.py").write_text(TRYING)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "modules"))
    with caplog.at_level(logging.WARNING), pytest.raises(ConfigurationError, match=r"it was refused: .*socket"):
        start("trying:engines", tmp_path / "home")
