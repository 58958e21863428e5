"""`init`: write what a project needs to compare a surface's engines, and a first test of a recorded run."""

import json
import re
import time
import tomllib
import uuid
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from migration.cli.output import note
from migration.errors import ConfigurationError
from migration.model import Origin, RunRecord, RunRequest
from migration.project import find_project

command = typer.Typer(add_completion=False)

_SURFACE: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
_KEPT: Final = 1
_PATIENCE_S: Final = 120.0
_SOURCES: Final = ("src", ".")


@command.command()
def init(
    surface: Annotated[str, typer.Argument(help="Name of the entry point whose engine is to be replaced.")],
    engines: Annotated[str, typer.Option("--engines", help="Import string of the callable (surface, origin) -> Engine.")] = "",
    record: Annotated[
        str, typer.Option("--record", help="A payload in JSON. The control engine answers it once, for real; this is the first recording.")
    ] = "",
    root: Annotated[
        Path | None,
        typer.Option(
            "--root",
            help="Folder of the project; default: the folder of the closest pyproject.toml with this section, or the working directory.",
        ),
    ] = None,
) -> None:
    """Write a commented section of pyproject.toml, a surface's file and, from a recorded run, a first parity test. Nothing is overwritten.

    With `--record` the control engine answers one request for real, with all its effects; the requests and answers are written to
    tests/recordings. Read the file before you commit it: it contains the payload and all replies.

    Exit codes: 0 something was written; 1 everything already existed; 2 wrong use, and nothing was written.

    Example: netra-migration init shop --engines shop.engines:build --record '{"product": "lamp"}'
    """
    from migration.cli import first_files

    if not _SURFACE.fullmatch(surface):
        raise ConfigurationError(
            f"{surface!r} cannot be the name of a surface: it must begin with a letter, followed by letters, digits, `_` and `-`"
        )
    project = find_project() if root is None else None
    folder = (project.parent if project else root or Path.cwd()).absolute()
    file = project or folder / "pyproject.toml"
    table = _table(file)
    named = engines or str((table or {}).get("engines", ""))
    recording = folder / "tests" / "recordings" / f"{surface}.jsonl"
    again = record and not recording.exists()
    run = _recorded(folder, named, tuple((table or {}).get("import-path", ())), surface, record) if again else None
    written = _section(file, table, surface, engines, folder)
    texts = {folder / _place(table, surface): first_files.surface_file(surface, run)}
    if run is not None:
        from migration.recordings import write_line

        texts[recording] = write_line(run).decode()
        texts[folder / "tests" / f"test_{surface.replace('-', '_')}_parity.py"] = first_files.parity_test(surface)
    elif record:
        note(f"kept     {recording}: it already exists, so control was not asked")
    made = [_made(path, text) for path, text in texts.items()]
    if not (written or any(made)):
        raise typer.Exit(_KEPT)
    if run is not None:
        note("next: `pytest tests`, and read its output; then `netra-migration doctor`")
    elif named:
        note(f"next: netra-migration init {surface} --record PAYLOAD writes a first recording and its test")
    else:
        note("next: name your engines under [tool.netra-migration], as docs/migration/adopt.md shows")


def _table(file: Path) -> dict[str, Any] | None:
    """Return the section `[tool.netra-migration]`; None: there is none. Raises ConfigurationError."""
    from migration.toml_text import TomlText

    if not file.exists():
        return None
    found: dict[str, Any] | None = TomlText.of(file, "the project's configuration").document.get("tool", {}).get("netra-migration")
    return found


def _place(table: dict[str, Any] | None, surface: str) -> str:
    return str((table or {}).get("surfaces", {}).get(surface, f"surfaces/{surface}.toml"))


def _section(file: Path, table: dict[str, Any] | None, surface: str, engines: str, folder: Path) -> bool:
    """Write the section, or add the surface to it. Return whether anything was changed."""
    from migration.cli import first_files
    from migration.cli.ledger_file import write_whole

    before = file.read_text(encoding="utf-8") if file.exists() else ""
    if table is None:
        after = (
            before.rstrip("\n")
            + "\n" * bool(before)
            + first_files.section(surface, _place(table, surface), engines, _folders(folder, engines))
        )
        after = after.lstrip("\n")
    else:
        after = first_files.with_surface(before, surface, _place(table, surface), engines)
    if after == before:
        note(f"kept     {file}: it already names {surface}")
        return False
    tomllib.loads(after)
    write_whole(file, after)
    note(f"{'changed' if before else 'written':<8} {file}")
    return True


def _folders(folder: Path, engines: str) -> tuple[str, ...]:
    """Return the folder of the project that contains the engines' package; () if it is not in the project."""
    top = engines.partition(":")[0].partition(".")[0]
    found = [one for one in _SOURCES if top and ((folder / one / top).is_dir() or (folder / one / f"{top}.py").is_file())]
    return tuple(found[:1])


def _recorded(folder: Path, engines: str, import_path: tuple[str, ...], surface: str, payload: str) -> RunRecord:
    """Let control answer the payload once, and return the record of this run."""
    import asyncio

    if not engines:
        raise ConfigurationError("--record needs engines: give --engines, or name them under [tool.netra-migration]")
    try:
        body = json.loads(payload)
    except ValueError as error:
        raise ConfigurationError(f"--record: the payload is not JSON ({error})") from error
    from migration.import_strings import load
    from migration.reproduce import served_once

    build = load(engines, [str(folder / one) for one in import_path or _folders(folder, engines)])
    request = RunRequest(
        surface=surface,
        tenant_id="tenant",
        user_id="user",
        thread_id="thread",
        run_id=uuid.uuid4().hex,
        payload=json.dumps(body).encode(),
        received_at=time.time(),
    )

    async def serve() -> RunRecord:
        async with asyncio.timeout(_PATIENCE_S):
            return await served_once(build, request, Origin.CONTROL)

    try:
        run = asyncio.run(serve())
    except TimeoutError as error:
        raise ConfigurationError(f"control of {surface} did not answer in {_PATIENCE_S:g} s, so there is no recording") from error
    if run.error is not None:
        raise ConfigurationError(f"control of {surface} failed with {run.error.type}; give a payload that it answers")
    return run


def _made(path: Path, text: str) -> bool:
    """Write the file if it does not exist yet. Return whether it was written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        note(f"kept     {path}: it already exists")
        return False
    note(f"written  {path}")
    return True
