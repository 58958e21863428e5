"""Writes a minimised divergence as a pytest file that needs only the engines."""

import re
import textwrap
from typing import Any, Final

import msgspec

from migration.model import Verdict
from migration.recordings import RecordedRun, write_line
from migration.reproduce.shrinking import Minimised

_NAME: Final = 72
_WIDTH: Final = 140
_JSON_WIDTH: Final = 120
_LONG_LINES: Final = "# ruff: noqa: E501 - recorded texts are not wrapped\n"
_TEMPLATE: Final = '''\
"""Fails while candidate differs from control in one way, and passes once they agree.

Written by `netra-migration divergences minimise {fingerprint}` from a recorded run of {before}, reduced to
{after}. The remaining texts come from the recorded run: read them before you commit this file.
"""

from migration.reproduce import assert_agree

RECORDING = r"""
{recording}
"""


def {name}() -> None:
    """{sentence}"""
    assert_agree(
        RECORDING,
        engines="{engines}",
        fingerprint="{fingerprint}",
{besides}{accepted}    )
'''


def test_file(found: Minimised, engines: str) -> str:
    """Return the source of a pytest file with one test, which contains the recording.

    Args:
        found: the minimised recording and its divergence.
        engines: import string of the `EngineBuilder` that makes both engines.
    """
    divergence = found.divergence
    divergent = {one.fingerprint for one in found.comparison.divergences if one.verdict is Verdict.DIVERGENT}
    besides = sorted(divergent - {divergence.fingerprint})
    source = _TEMPLATE.format(
        fingerprint=divergence.fingerprint,
        before=_size(found.before),
        after=_size(found.recording),
        recording=_readable(write_line(found.recording)),
        name=test_name(str(divergence.sentence)),
        sentence=_docstring(str(divergence.sentence)),
        engines=engines,
        accepted="        accepted=True, # the ledger accepted it when this was written\n"
        if divergence.verdict is Verdict.ACCEPTED
        else "",
        besides=f"        besides={tuple(besides)!r}, # the recording showed these too\n".replace("'", '"') if besides else "",
    )
    return (_LONG_LINES if max(map(len, source.splitlines())) > _WIDTH else "") + source


test_file.__test__ = False  # type: ignore[attr-defined] # pytest must not take it for a test where it is imported


def test_name(sentence: str) -> str:
    """Return a function name made from the sentence; if it is too long, it ends after a whole word."""
    words = re.sub(r"[^a-z0-9]+", " ", sentence.lower())
    return "test_" + textwrap.shorten(words, _NAME, placeholder="").replace(" ", "_")


test_name.__test__ = False  # type: ignore[attr-defined] # as above


def _size(recorded: RecordedRun) -> str:
    effects = len(recorded.journal)
    return f"{len(write_line(recorded)):,} bytes and {effects} effect{'' if effects == 1 else 's'}"


def _readable(line: bytes) -> str:
    # JSON escapes each quote inside a text, so three quotes in a row cannot occur and end the literal. A raw literal keeps the backslashes.
    return "\n".join(_lines(msgspec.json.decode(line), ""))


def _lines(value: Any, indent: str) -> list[str]:  # noqa: ANN401 - any JSON
    """Return JSON in which each value that fits into a line is on one line."""
    whole = msgspec.json.encode(value).decode()
    if len(indent) + len(whole) <= _JSON_WIDTH or not isinstance(value, dict | list) or not value:
        return [whole]
    deeper = indent + "  "
    opening, closing = "{}" if isinstance(value, dict) else "[]"
    items = value.items() if isinstance(value, dict) else (("", item) for item in value)
    lines: list[str] = []
    for key, item in items:
        first, *rest = _lines(item, deeper)
        name = f"{msgspec.json.encode(key).decode()}: " if isinstance(value, dict) else ""
        lines += [f"{deeper}{name}{first}", *rest]
        lines[-1] += ","
    lines[-1] = lines[-1].removesuffix(",")
    return [opening, *lines, f"{indent}{closing}"]


def _docstring(sentence: str) -> str:
    return sentence.replace("\\", "\\\\").replace('"', "'")
