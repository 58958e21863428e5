"""All prose that a person reads: docstrings, comments, messages and help texts of the product, and the documents."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[4]
SOURCES = ("migration", "netra_backend", "dashboards")
_ENDS = re.compile(r"(?<=[.!?])\s+(?=[A-Z`\"(*\[])")
_TOOL_COMMENT = re.compile(r"#:?\s*(noqa|type:|pragma|fmt:|goes with:|stays\b|!)")
_WORDS = re.compile(r"[A-Za-z]{2,}[ ,;:]+[a-z`{(]")


class Sentence(NamedTuple):
    """One sentence and where it is."""

    path: str  # from the root
    line: int
    text: str


def sentences() -> Iterator[Sentence]:
    """Yield every sentence of the product's prose, file by file."""
    for folder in SOURCES:
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield from _of_python(path)
    for path in sorted([*(ROOT / "docs").rglob("*.md"), *ROOT.glob("*.md")]):
        yield from _of_markdown(path)


def _split(path: Path, line: int, text: str) -> Iterator[Sentence]:
    for one in _ENDS.split(" ".join(text.split())):
        if _WORDS.search(one):
            yield Sentence(path.relative_to(ROOT).as_posix(), line, one)


def _of_python(path: Path) -> Iterator[Sentence]:
    source = path.read_text(encoding="utf-8")
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            for number, paragraph in enumerate(re.split(r"\n\s*\n|\n(?=\s+\w+: )", node.value)):
                yield from _split(path, node.lineno + number, paragraph)
    comment: list[tokenize.TokenInfo] = []
    for token in [*tokenize.generate_tokens(io.StringIO(source).readline), None]:
        if token is not None and token.type in {tokenize.NL, tokenize.COMMENT}:
            comment += [token] if token.type == tokenize.COMMENT and not _TOOL_COMMENT.match(token.string) else []
        elif comment:
            yield from _split(path, comment[0].start[0], " ".join(one.string.lstrip("#: ") for one in comment))
            comment = []


def _of_markdown(path: Path) -> Iterator[Sentence]:
    text = re.sub(r"```.*?```|<!--.*?-->", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    for paragraph in re.split(r"\n\s*\n|\n(?=[-*|#] ?)|\n(?=\d+\. )", text):
        yield from _split(path, 1, paragraph.lstrip("-*# "))
