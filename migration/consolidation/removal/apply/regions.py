"""Marked parts of files that are removed with a surface, or with the migration as a whole.

```markdown
<!-- goes with: SURFACE -->
...
<!-- stays -->
```

In Python, TOML, YAML, Makefiles and other files with `#` comments, a region begins with the line `# goes with: SURFACE` and ends with the
line `# stays`. A comment at the end of a line, `"SURFACE",  # goes with: SURFACE`, marks only that line. A region with several surfaces,
`ONE, OTHER`, is removed with the last of them. Regions do not nest.
"""

import re
from collections.abc import Collection
from typing import Final

from migration.errors import ConfigurationError

MIGRATION: Final = "migration"
"""The name for all parts that are removed with the last surface."""

_BEGIN: Final = re.compile(rb"^[ \t]*(?:#|<!--)[ \t]*goes with:[ \t]*(?P<what>[\w ,-]+?)[ \t]*(?:-->)?[ \t]*\r?\n?$")
_END: Final = re.compile(rb"^[ \t]*(?:#[ \t]*stays|<!--[ \t]*stays[ \t]*-->)[ \t]*\r?\n?$")
#: marks a cut
_SEAM: Final = b"\0"
_LINE: Final = re.compile(rb"\S.*?(?:#|<!--)[ \t]*goes with:[ \t]*(?P<what>[\w ,-]+?)[ \t]*(?:-->)?[ \t]*\r?\n?$")


def cut_regions(path: str, data: bytes, going: Collection[str], staying: Collection[str] = ()) -> bytes:
    """Return the file without the parts that are removed.

    Args:
        path: the file's path, for messages.
        data: the file's content.
        going: the surfaces whose control is removed now; `migration` if it is removed too.
        staying: the surfaces whose control stays. Any other name in a mark is a surface whose control was removed earlier.

    Raises:
        ConfigurationError: a region has no end or no beginning, or begins inside another region.
    """
    if b"goes with:" not in data:
        return data
    kept: list[bytes] = []
    begun = 0  # the line on which the current region begins; 0: there is none
    cut = False
    for number, line in enumerate(data.splitlines(keepends=True), 1):
        begin, end = _BEGIN.match(line), _END.match(line)
        _check(path, number, begun, begin, end)
        if begin is not None:
            begun, cut = number, _goes(begin, going, staying)
        if not cut and not _goes(_LINE.search(line), going, staying):
            kept.append(line)
        if end is not None:
            kept += [_SEAM] if cut else []
            begun, cut = 0, False
    if begun:
        raise ConfigurationError(f"{path}:{begun}: the region does not end; put `stays` after it")
    return b"".join(_tidy(kept))


def _check(path: str, number: int, begun: int, begin: re.Match[bytes] | None, end: re.Match[bytes] | None) -> None:
    if begin is not None and begun:
        raise ConfigurationError(f"{path}:{number}: a region begins inside the region that begins on line {begun}; end that region first")
    if end is not None and not begun:
        raise ConfigurationError(f"{path}:{number}: `stays` without a `goes with: ...` before it; remove it")


def _goes(mark: re.Match[bytes] | None, going: Collection[str], staying: Collection[str]) -> bool:
    if mark is None:
        return False
    named = {part.strip() for part in mark["what"].decode().split(",")}
    return not named.isdisjoint(going) and named.isdisjoint(staying)


def _tidy(lines: list[bytes]) -> list[bytes]:
    """Return the lines without the marks of cuts. Of the blank lines before and after a cut, the longer run is kept."""
    tidy: list[bytes] = []
    position = 0
    while position < len(lines):
        if lines[position] is not _SEAM:
            tidy.append(lines[position])
            position += 1
            continue
        before = 0
        while tidy and not tidy[-1].strip():
            before += 1
            tidy.pop()
        after = 0
        while position < len(lines) and (lines[position] is _SEAM or not lines[position].strip()):
            after += lines[position] is not _SEAM
            position += 1
        blank = max(before, after) if tidy and position < len(lines) else 0
        tidy += [b"\n"] * blank
    return tidy
