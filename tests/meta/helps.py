"""Shows the help of every command of a program, in this process: `python -m tests.meta.helps MODULE...` prints what that imported.

Each module has an `app`, a `typer.Typer`. Printed is a JSON object: `commands`, the words of each command; `modules`, all names; and
`third_party`, the packages that are not part of Python itself.
"""

import contextlib
import importlib
import io
import json
import sys
from collections.abc import Iterator
from typing import Any

import typer


def commands_of(command: Any, words: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield the words of the program itself, `()`, and of each command and each command of a group."""
    yield words
    for name in command.list_commands(None) if hasattr(command, "list_commands") else ():
        yield from commands_of(command.get_command(None, name), (*words, name))


def main(modules: list[str]) -> None:
    """Show every help and print what was imported."""
    shown = []
    for module in modules:
        program = typer.main.get_command(importlib.import_module(module).app)
        for words in list(commands_of(program)):
            with contextlib.redirect_stdout(io.StringIO()) as help_text:
                program([*words, "--help"], standalone_mode=False)
            if "Usage:" in help_text.getvalue():
                shown.append(words)
    sys.stdout.write(json.dumps({"commands": shown, "modules": sorted(sys.modules), "third_party": _installed()}))


def _installed() -> list[str]:
    files = ((name.partition(".")[0], getattr(module, "__file__", None) or "") for name, module in list(sys.modules.items()))
    return sorted({name for name, file in files if "site-packages" in file})


if __name__ == "__main__":
    main(sys.argv[1:])
