"""The tables of `audit` on a terminal: implementations with their consumers, then imports and calls that cannot work, shared code and
shared state.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from migration.consolidation.inventory import Inventory

_MOST_ROWS: Final = 20
_LEAST_SHARE: Final = 0.02  #: share of common code; a smaller share is not shown
_ROLE_STYLES: Final = {"target": "green", "factory": "blue", "deprecated": "red", "duplicate": "yellow", "re-export": "magenta"}


def print_tables(inventory: Inventory, seconds: float, console: Console) -> None:
    """Print the inventory as tables. `seconds` is how long the audit took."""
    console.print(_implementations(inventory, seconds))
    for table in _sections(inventory):
        console.print(table)


def _implementations(inventory: Inventory, seconds: float) -> Table:
    folder = _common_folder([item.path for item in inventory.implementations])
    table = _table(
        f"{len(inventory.implementations)} implementations, {len(inventory.consumer_files)} consumer files "
        f"({inventory.files} Python files, {seconds:.2f} s)"
    )
    table.add_column(f"role, in {folder}" if folder else "role, file", overflow="fold", ratio=1)
    for name in ("lines", "imports", "strings", "commented"):
        table.add_column(name, justify="right", no_wrap=True)
    for item, counts in zip(inventory.implementations, inventory.counts, strict=True):
        role, path = (item.role, _ROLE_STYLES[item.role]), item.path.removeprefix(folder)
        imports = f"{counts.import_statements} in {counts.import_files}" if counts.import_files else "0"
        numbers = (item.lines, imports, counts.string_references, counts.commented_out)
        what = Text.assemble(role, " ", path, "\n", (f"{item.name}: {item.reason}", "dim"))
        table.add_row(what, *(str(number) for number in numbers))
    return table


def _sections(inventory: Inventory) -> Iterator[Table]:
    """Yield the tables that have rows."""
    labels = _labels(inventory)
    yield from _section(
        "Broken imports",
        ("where", "what"),
        [
            (f"{item.path}:{item.line}", f"{item.module} has no {item.name}" if item.name else f"no module {item.module}")
            for item in inventory.broken_imports
        ],
    )
    yield from _section(
        "Calls that do not fit the callee's signature",
        ("where", "what"),
        [(f"{call.path}:{call.line}", f"{call.text}: {call.misfit}") for call in inventory.calls if call.misfit],
    )
    yield from _section(
        "Code that implementations share",
        ("one", "other", "share"),
        [(labels[pair.a], labels[pair.b], f"{pair.ratio:.0%}") for pair in inventory.similarity if pair.ratio >= _LEAST_SHARE],
    )
    yield from _section(
        "State that requests share, or that only grows",
        ("where", "what"),
        [(f"{state.path}:{state.line}", f"{state.name}: {state.detail}") for state in inventory.shared_state],
    )


def _section(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[Table]:
    if not rows:
        return
    more = f" ({len(rows)}, the first {_MOST_ROWS} are shown; --inventory writes all)" if len(rows) > _MOST_ROWS else ""
    table = _table(title + more)
    for name in columns:
        table.add_column(name, overflow="fold")
    for row in rows[:_MOST_ROWS]:
        table.add_row(*(Text(cell) for cell in row))
    yield table


def _table(title: str) -> Table:
    return Table(title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD, pad_edge=False)


def _labels(inventory: Inventory) -> dict[str, str]:
    """Return a short label of each implementation: its class, with its file where two classes have the same name."""
    names = [item.name for item in inventory.implementations]
    folder = _common_folder([item.path for item in inventory.implementations])
    return {
        item.module: item.name if names.count(item.name) == 1 else f"{item.name} ({item.path.removeprefix(folder)})"
        for item in inventory.implementations
    }


def _common_folder(paths: Sequence[str]) -> str:
    """Return the folder that contains all paths, with `/`; "" if there is none."""
    common = []
    for parts in zip(*(path.split("/")[:-1] for path in paths), strict=False):
        if len(set(parts)) > 1:
            break
        common.append(f"{parts[0]}/")
    return "".join(common)
