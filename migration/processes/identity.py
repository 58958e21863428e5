"""The identity of a process, which stays unique when process numbers are reused, and whether another process of this host still lives."""

import functools
import hashlib
import os
import socket
from pathlib import Path

import migration
from migration.import_strings import make_importable
from migration.settings import MigrationSettings

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def birth(pid: int) -> str | None:
    """Return a value that distinguishes this process from every earlier or later process with its number; None: there is no such process
    here.

    It consists of the boot id, the namespace of process numbers (that of the container) and the time of the start. A process that has ended
    and waits to be reaped does not count.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return None
    # Fields 3 and 22 of proc(5): state, and clock ticks from the boot to the start.
    return None if stat[0] in {b"Z", b"X"} else f"{_place()}:{stat[19].decode()}"


def is_here(born: str) -> bool:
    """Return whether a process with this birth belongs to this host and container, so that `birth` can tell whether it lives."""
    return born.rpartition(":")[0] == _place()


def is_this_boot(born: str) -> bool:
    """Return whether the process was born since this host was started."""
    return born.split(":", maxsplit=1)[0] == _place().split(":")[0]


@functools.cache
def _place() -> str:
    try:
        return f"{_BOOT_ID.read_text().strip()}:{Path('/proc/self/ns/pid').readlink().name}"
    except OSError:
        return socket.gethostname()


@functools.cache
def code_version() -> str:
    """Return the version of the distribution that contains this package, and a digest of the package's code, because a deployment may not
    change the version.
    """
    import importlib.metadata

    scripts = importlib.metadata.entry_points(group="console_scripts")
    version = next((script.dist.version for script in scripts if script.dist and script.value.startswith("migration.")), "0")
    return f"{version}+{code_digest(Path(migration.__file__).parent)}"


def engines_build(settings: MigrationSettings) -> str:
    """Return the name of the engines' build: the one in the settings, or a digest of the code of their package; "": there is none.

    The package is searched for where engines are imported from, which includes the folders of `import_path`.
    """
    import importlib.util

    if settings.build:
        return settings.build
    make_importable(settings.import_path)
    top = settings.engines.partition(":")[0].partition(".")[0]
    try:
        spec = importlib.util.find_spec(top) if top else None
    except (ImportError, ValueError):
        spec = None
    folders = list(spec.submodule_search_locations or ()) if spec is not None else []
    if folders:
        return code_digest(Path(folders[0]))
    if spec is None or spec.origin is None or not Path(spec.origin).is_file():
        return ""
    return hashlib.sha256(Path(spec.origin).read_bytes()).hexdigest()[:8]


def code_digest(folder: Path) -> str:
    """Return a digest of the Python code in a folder."""
    digest = hashlib.sha256()
    for file in sorted(folder.rglob("*.py")):
        digest.update(file.relative_to(folder).as_posix().encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()[:8]


def this_host() -> str:
    """Return the name of this host."""
    return socket.gethostname()


def own_birth() -> str:
    """Return the birth of this process."""
    return birth(os.getpid()) or f"{_place()}:0"
