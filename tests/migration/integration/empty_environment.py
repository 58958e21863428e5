"""An environment with a wheel of the tool, what it needs and nothing else, made of what is installed here: no index is asked."""

import re
import shutil
import subprocess
import sys
import sysconfig
import venv
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[3]
PATIENCE_S = 90.0
TOOL = "netra-strangler"


def built(project, place):
    """Return a project's wheel, built by what the lock file holds."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(place)]
    subprocess.run(command, cwd=project, check=True, capture_output=True, timeout=PATIENCE_S)
    (wheel,) = place.glob("*.whl")
    return wheel


def empty_environment(place, wheels, *, extras=(), tools=()):
    """Return the folder of the programs of a new environment.

    Args:
        place: where it is made.
        wheels: are installed without asking for what they need.
        extras: of the tool, whose libraries are there, too.
        tools: distributions that are there beside it, with what they need.
    """
    venv.create(place, with_pip=False)
    (packages,) = place.glob("lib/python*/site-packages")
    needed: dict[str, Distribution] = {}
    try:
        _closure(TOOL, frozenset(extras), needed)
        for tool in tools:
            _closure(tool, frozenset(), needed)
    except PackageNotFoundError as missing:
        pytest.skip(f"{missing} is not installed here, and no index is asked")
    del needed[TOOL]
    own = Path(sysconfig.get_path("purelib"))
    for one in needed.values():
        for file in one.files or ():
            source = Path(str(one.locate_file(file)))
            if source.is_relative_to(own) and source.exists():
                target = packages / source.relative_to(own)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source, target)
    pip = [sys.executable, "-m", "pip", "--python", str(place / "bin" / "python"), "--disable-pip-version-check"]
    given = [str(wheel) for wheel in wheels]
    subprocess.run([*pip, "install", "-q", "--no-deps", "--no-index", *given], check=True, capture_output=True, timeout=PATIENCE_S)
    subprocess.run([*pip, "check"], check=True, capture_output=True, timeout=PATIENCE_S)
    return place / "bin"


def _closure(name, extras, found):
    """Add what a distribution needs with these extras, and itself."""
    key = re.sub(r"[-_.]+", "-", name).lower()
    if key in found and not extras:
        return
    found[key] = distribution(name)
    for text in found[key].requires or ():
        need = Requirement(text)
        if need.marker is None or any(need.marker.evaluate({"extra": extra}) for extra in ("", *extras)):
            _closure(need.name, frozenset(need.extras), found)
