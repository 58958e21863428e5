"""Removes rows of Markdown tables and list items that only link to removed files, as in tables of contents."""

import posixpath
import re
from collections.abc import Collection
from typing import Final

_LINK: Final = re.compile(rb"\]\(([^)#\s]+)(?:#[^)]*)?\)")


def cut_rows(path: str, data: bytes, going: Collection[str]) -> bytes:
    """Return a Markdown file without the rows and items whose links all lead to removed files.

    Args:
        path: the file's path.
        data: the file's content.
        going: paths of the removed files.
    """
    folder = posixpath.dirname(path)

    def goes(line: bytes) -> bool:
        links = _LINK.findall(line) if line.startswith((b"|", b"- ", b"* ")) else []
        return bool(links) and all(posixpath.normpath(posixpath.join(folder, link.decode(errors="replace"))) in going for link in links)

    return b"".join(line for line in data.splitlines(keepends=True) if not goes(line))
