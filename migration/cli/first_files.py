"""The texts that `init` writes: a section of `pyproject.toml`, a surface's file and a parity test, with values from a recorded run."""

import tomllib
from collections import Counter
from collections.abc import Collection, Sequence
from typing import Any, Final

import msgspec
import tomlkit

from migration.errors import ConfigurationError
from migration.model import Event, RunRecord

SECTION: Final = """
# How engines are replaced here. `netra-migration doctor` checks whether everything is in place.
[tool.netra-migration]
# The callable (surface, origin) -> Engine with which serving process, shadow worker and replays make engines.
{engines}
# Folders of modules that are not installed, for the processes that import the engines.
{folders}
# Accepted divergences: a folder of SURFACE.toml, which `netra-migration divergences accept` writes.
# ledger = "ledger"

# Each surface, and the file that defines what its events mean.
[tool.netra-migration.surfaces]
{surface} = {file}
"""

SURFACE: Final = """# What the events of `{surface}` mean, and what a comparison of its engines may overlook.
# Raise `version` with every change of meaning.
surface = {name}
version = 1
# Names of fields that no rule may hide.
protected = [{kinds}]

[envelope] # fields that every event has: texts, ints, numbers
texts = [{kinds}]

# Fields that are new in each run are ignored by rules; `rename` checks that equal ids stay equal, `mask` that the field exists.
# [[rules]]
# id = "times"
# action = "mask"
# paths = ["took_s"]
# reason = "Measured."

[contract] # what a client may rely on
{contract}

# How a run ended, by its last event; if no row matches, it completed.
# [[endings]]
# outcome = "failed"
# last = {{ kind = "error" }}

[tools] # tools that change nothing when they are called again, and tools that must never be called again{seen}
read_only = []
irreversible = []
"""

TEST: Final = '''"""Both engines of `{surface}` answer a recorded run alike. Written by `netra-migration init`; edit it as you like."""

from pathlib import Path

from migration.testing import Verdict, explained, replayed

RUNS = Path(__file__).parent / "recordings" / "{surface}.jsonl"


def test_both_engines_of_{identifier}_answer_a_recorded_run_alike():
    for comparison in replayed(RUNS):
        assert comparison.verdict is Verdict.MATCH, explained(comparison)
'''


def section(surface: str, file: str, engines: str, folders: Collection[str]) -> str:
    """Return a new section of `pyproject.toml`. If `engines` or `folders` is empty, the section has a comment in its place."""
    return SECTION.format(
        engines=f"engines = {_quoted(engines)}" if engines else '# engines = "package.module:build"',
        folders=f"import-path = {_listed(folders)}" if folders else '# import-path = ["src"]',
        surface=surface,
        file=_quoted(file),
    )


def with_surface(written: str, surface: str, file: str, engines: str) -> str:
    """Return `pyproject.toml` with one more surface in the existing section; everything else stays unchanged.

    Raises:
        ConfigurationError: the section names other engines, or its form does not allow an addition without changing the rest.
    """
    wanted = tomllib.loads(written)
    _add(wanted["tool"]["netra-migration"], surface, file, engines, {})
    document = tomlkit.parse(written)
    try:
        _add(document["tool"]["netra-migration"], surface, file, engines, tomlkit.table())
        after = tomlkit.dumps(document)
        if tomllib.loads(after) == wanted:
            return after
    except ValueError:  # also the base class of the errors of tomlkit and tomllib
        pass
    raise ConfigurationError(
        f"{surface} cannot be added to [tool.netra-migration] as it is written; add `{surface} = {_quoted(file)}` to its table "
        "`surfaces` by hand"
    )


def _add(section: Any, surface: str, file: str, engines: str, surfaces: Any) -> None:  # noqa: ANN401 - dicts, or tomlkit's equivalents
    if engines and (there := section.setdefault("engines", engines)) != engines:
        raise ConfigurationError(f"[tool.netra-migration] has `engines = {_quoted(there)}`; leave --engines out, or change it there first")
    section.setdefault("surfaces", surfaces).setdefault(surface, file)


def surface_file(surface: str, record: RunRecord | None) -> str:
    """Return a surface's file, with values from the recorded run if there is one."""
    events = () if record is None else record.events
    tools = [] if record is None else sorted({effect.name for effect in record.journal if effect.kind == "tool"})
    field = _field_of_kinds(events)
    return SURFACE.format(
        surface=surface,
        name=_quoted(surface),
        kinds=_quoted(field) if field else "",
        contract=_contract(events),
        seen=f"; seen: {', '.join(tools)}" if tools else "",
    )


def parity_test(surface: str) -> str:
    """Return a parity test that replays the surface's recorded runs."""
    return TEST.format(surface=surface, identifier=surface.replace("-", "_"))


def _field_of_kinds(events: Sequence[Event]) -> str:
    """Return the name of the field that contains the kind of each event; empty: there is none."""
    bodies = [msgspec.json.decode(event.payload) for event in events]
    if not bodies or not all(isinstance(body, dict) for body in bodies):
        return ""
    names = [name for name in bodies[0] if all(body.get(name) == event.kind for body, event in zip(bodies, events, strict=True))]
    return names[0] if names else ""


def _contract(events: Sequence[Event]) -> str:
    """Return the lines of the contract: the kinds of the first and the last event, if each occurs once for every agent."""
    agents: dict[str, list[str]] = {}
    for event in events:
        agents.setdefault(event.lane.partition("/")[0], []).append(event.kind)
    lines = []
    for name, index in (("first", 0), ("last", -1)):
        kinds = {agent[index] for agent in agents.values()}
        alone = len(kinds) == 1 and all(Counter(agent)[agent[index]] == 1 < len(agent) for agent in agents.values())
        lines.append(f"{name} = {_quoted(kinds.pop())}" if alone else f'# {name} = "KIND"')
    return "\n".join(lines)


def _quoted(text: str) -> str:
    return tomlkit.string(text).as_string()


def _listed(texts: Collection[str]) -> str:
    return f"[{', '.join(map(_quoted, texts))}]"
