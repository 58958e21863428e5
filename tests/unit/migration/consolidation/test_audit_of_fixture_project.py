"""The fixture project has every form of use and everything that can be broken; what the audit says of it equals a table made by hand."""

from collections.abc import Iterable, Mapping
from typing import Any

import pytest

from migration.consolidation.inventory import BrokenImport, Call, Inventory


@pytest.fixture(scope="session")
def letters(expected: dict[str, Any]) -> dict[str, str]:
    return {row["module"]: letter for letter, row in expected["implementations"].items()}


def _short(path: str) -> str:
    folder = "depot/consumers/"
    return "~" + path.removeprefix(folder).removesuffix(".py") if path.startswith(folder) else path


def _by_letter(letters: Mapping[str, str], found: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """Return the sorted texts of each implementation that has any."""
    table: dict[str, list[str]] = {}
    for module, text in found:
        table.setdefault(letters[module], []).append(text)
    return {letter: sorted(texts) for letter, texts in table.items()}


def _without_empty(table: Mapping[str, list[str]]) -> dict[str, list[str]]:
    return {letter: sorted(texts) for letter, texts in table.items() if texts}


def test_it_finds_every_implementation_and_its_role(inventory, expected):
    found = [{"role": item.role, "module": item.module, "name": item.name, "lines": item.lines} for item in inventory.implementations]
    assert found == list(expected["implementations"].values())


def test_it_counts_the_files(inventory, expected):
    assert (inventory.files, inventory.documents) == (expected["files"], expected["documents"])


def test_it_finds_every_import_statement(inventory, expected, letters):
    found = ((module, f"{_short(item.path)}:{item.line}") for item in inventory.imports for module in item.reaches)
    assert _by_letter(letters, found) == _without_empty(expected["imports"])


def test_it_says_what_stands_around_a_statement(inventory, expected):
    assert {f"{_short(item.path)}:{item.line}": list(item.where) for item in inventory.imports if item.where} == expected["where"]


def test_it_says_where_a_statement_ends(inventory, expected):
    several = {f"{_short(item.path)}:{item.line}": item.end_line for item in inventory.imports if item.end_line != item.line}
    assert several == expected["end_lines"]


def test_it_finds_every_dotted_string(inventory, expected, letters):
    strings = (item for item in inventory.strings if item.use != "path")
    found = ((item.module, f"{_short(item.path)}:{item.line} {item.use}") for item in strings)
    assert _by_letter(letters, found) == _without_empty(expected["strings"])


def test_it_lists_file_paths_apart(inventory, expected, letters):
    found = ((item.module, f"{_short(item.path)}:{item.line}") for item in inventory.strings if item.use == "path")
    assert _by_letter(letters, found) == expected["paths"]


def test_it_finds_every_import_in_a_comment(inventory, expected, letters):
    commented = (item for item in inventory.mentions if item.kind == "commented-import")
    assert _by_letter(letters, ((item.module, f"{_short(item.path)}:{item.line}") for item in commented)) == expected["commented_out"]


def test_it_finds_every_other_mention(inventory, expected, letters):
    mentions = (item for item in inventory.mentions if item.kind != "commented-import")
    found = ((item.module, f"{_short(item.path)}:{item.line} {item.kind}") for item in mentions)
    assert _by_letter(letters, found) == _without_empty(expected["mentions"])


def test_it_finds_every_use_through_a_module(inventory, expected, letters):
    found = ((item.module, f"{_short(item.path)}:{item.line} {item.name}") for item in inventory.attribute_uses)
    assert _by_letter(letters, found) == _without_empty(expected["attribute_uses"])


def test_it_finds_every_subclass(inventory, expected, letters):
    found = ((item.inherits.partition(":")[0], f"{_short(item.path)}:{item.line} {item.name}") for item in inventory.subclasses)
    assert _by_letter(letters, found) == _without_empty(expected["subclasses"])


def test_it_finds_every_other_name_of_an_implementation(inventory, expected, letters):
    found = ((item.module, f"{export.module}.{export.name}") for item in inventory.implementations for export in item.exports)
    assert _by_letter(letters, found) == _without_empty(expected["exports"])


def test_it_finds_every_call_with_its_shape(inventory, expected, letters):
    found: dict[str, list[str]] = {}
    for call in inventory.calls:
        found.setdefault(_short(call.path), []).append(_call(call, letters))
    wanted = {path: sorted(_written_out(call) for call in calls) for path, calls in expected["calls"].items()}
    assert {path: sorted(calls) for path, calls in found.items()} == wanted


def _call(call: Call, letters: Mapping[str, str]) -> str:
    return " ".join([f"{call.line} {letters[call.module]}.{call.name} {call.positional}", *call.keywords, *(["*"] if call.unpacks else [])])


def _written_out(call: str) -> str:
    line, _, rest = call.partition(" ")
    for short, name in (("engine(", "D.ExecutionEngine"), ("run(", "D.ExecutionEngine.execute_agent")):
        if rest.startswith(short):
            return f"{line} {name} {rest.removeprefix(short).removesuffix(')')}"
    return call


def test_it_finds_every_call_that_its_callee_does_not_take(inventory, expected):
    assert {f"{_short(call.path)}:{call.line}": call.misfit for call in inventory.calls if call.misfit} == expected["misfits"]


def test_it_finds_every_import_that_leads_nowhere(inventory, expected):
    assert {f"{item.path}:{item.line}": _broken(item) for item in inventory.broken_imports} == expected["broken_imports"]


def _broken(item: BrokenImport) -> str:
    missing = f"no {item.module}" if item.name is None else f"no {item.name} in {item.module}"
    return missing + (", guarded" if item.guarded else "")


def test_it_reports_every_file_that_it_cannot_read(inventory, expected):
    assert {problem.path: problem.kind for problem in inventory.problems} == expected["problems"]


def test_it_finds_every_state_that_requests_share(inventory, expected):
    assert {f"{state.path}:{state.line}": f"{state.kind} {state.name}" for state in inventory.shared_state} == expected["shared_state"]


def test_its_counts_are_those_of_the_table(inventory: Inventory, expected, letters):
    counts = {letters[row.module]: row for row in inventory.counts}
    for letter in letters.values():
        places = expected["imports"][letter]
        assert counts[letter].import_statements == len(places)
        assert counts[letter].import_files == len({place.rpartition(":")[0] for place in places})
        assert counts[letter].string_references == len(expected["strings"][letter])
        assert counts[letter].commented_out == len(expected["commented_out"].get(letter, ()))


def test_it_counts_each_consumer_file_once_and_there_are_at_least_sixty(inventory: Inventory, expected):
    tables = ("imports", "strings", "attribute_uses")
    places = (place.split(" ")[0] for table in tables for rows in expected[table].values() for place in rows)
    files = {place.rpartition(":")[0] for place in places}
    assert {_short(path) for path in inventory.consumer_files} == files
    assert len(files) >= 60
