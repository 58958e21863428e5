"""Writes all that is generated here: whole files, and marked parts of pages. `make docs` writes it, `make check` compares it.

    python -m docs.generated [PATH ...]            write what differs; PATH: only this, or what lies below it
    python -m docs.generated --check [PATH ...]    write nothing; show what differs, and exit with 1 if anything does

A part of a page stands between `<!-- generated: NAME -->` and `<!-- end -->`. What makes parts and files, `parts.py` says, here and in the
folders below.
"""

import argparse
import functools
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from difflib import unified_diff
from pathlib import Path
from typing import Final

from docs import parts

# goes with: migration
from docs.migration import parts as parts_of_the_migration

# stays

ROOT: Final = Path(__file__).parents[1]
Make = Callable[[], str | None]
"""Returns the text. None: it cannot be made here, which was said, and what is there stays."""

FILES: dict[str, Make] = {**parts.FILES}
PARTS: dict[str, Make] = {**parts.PARTS}
# goes with: migration
FILES |= parts_of_the_migration.FILES
PARTS |= parts_of_the_migration.PARTS
# stays

_PART: Final = re.compile(r"(<!-- generated: (?P<name>[^\n]+?) -->\n).*?(<!-- end -->)", re.DOTALL)


def pages(root: Path) -> Iterator[Path]:
    """Yield each page that may have generated parts."""
    yield root / "README.md"
    yield from sorted((root / "docs").rglob("*.md"))


def renewed(page: str, makers: Mapping[str, Make]) -> str:
    """Return the text of a page with its parts made anew.

    Raises:
        LookupError: nothing makes a part of that name.
    """

    def part(found: re.Match[str]) -> str:
        if found["name"] not in makers:
            raise LookupError(f"nothing makes the part `{found['name']}`; name one of {', '.join(sorted(makers))}")
        text = makers[found["name"]]()
        return found[0] if text is None else f"{found[1]}\n{text}\n{found[3]}"

    return _PART.sub(part, page)


def unused(root: Path, makers: Mapping[str, Make]) -> set[str]:
    """Return the names of parts that stand on no page."""
    return set(makers) - {found["name"] for page in pages(root) for found in _PART.finditer(_read(page))}


def changes(root: Path, below: Sequence[Path] = ()) -> Iterator[tuple[Path, str, str]]:
    """Yield each file that is not up to date, what it holds, and what it should hold.

    Args:
        root: of the repository.
        below: only these files, or files below these folders; empty: all.

    Raises:
        LookupError: see `renewed`.
    """
    made: dict[Path, Make] = {root / path: make for path, make in FILES.items()}
    made = {page: functools.partial(renewed, _read(page), PARTS) for page in pages(root)} | made
    for file, make in made.items():
        before = _read(file)
        after = make() if not below or any(file.is_relative_to(path) for path in below) else None
        if after is not None and after != before:
            yield file, before, after


def main(arguments: Sequence[str] | None = None, root: Path = ROOT) -> int:
    """Write, or compare; return 0, or 1 when `--check` found a difference.

    Raises:
        LookupError: see `renewed`.
    """
    parser = argparse.ArgumentParser(prog="python -m docs.generated", description="Write all that is generated here.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 when something is out of date")
    parser.add_argument("paths", nargs="*", type=Path, metavar="PATH", help="only this, or what lies below it")
    options = parser.parse_args(arguments)
    stale = False
    for file, before, after in changes(root, [path.resolve() for path in options.paths]):
        stale = True
        name = file.relative_to(root).as_posix()
        if options.check:
            sys.stdout.writelines(unified_diff(before.splitlines(True), after.splitlines(True), name, f"{name}, as it is made", n=1))
        else:
            file.write_text(after, encoding="utf-8", newline="\n")
            sys.stdout.write(f"{name}\n")
    if stale and options.check:
        sys.stderr.write("out of date: run `make docs`, and commit what it writes\n")
    return int(stale and options.check)


def _read(file: Path) -> str:
    return file.read_text(encoding="utf-8") if file.exists() else ""


if __name__ == "__main__":
    sys.exit(main())
