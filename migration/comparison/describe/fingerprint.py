"""The stable name of a kind of divergence: a thousand occurrences in a thousand runs have one fingerprint.

It is made from parts that stay the same: the kind, the lane without call numbers, the path without indexes, ids and numbers, and the shapes
of the values. A value itself is used only if the policy declares a closed vocabulary for it (a status, an error type). For a broken rule of
the contract, the rule's id is used. Free text and the wording of a sentence are never part of it.
"""

import re
from hashlib import blake2b

import msgspec

from migration.comparison.describe.findings import Finding
from migration.comparison.paths import Value, matches_any, shape, text, type_name
from migration.comparison.policy import Policy
from migration.comparison.read.actions import stands_for

_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_.]{0,63}")


Shapes = tuple[str, str]
"""The shapes of both values: see `value_shapes`."""


def fingerprint(finding: Finding, policy: Policy) -> str:
    """Return 12 hex digits."""
    return fingerprint_of(finding, value_shapes(finding, policy))


def fingerprint_of(finding: Finding, shapes: Shapes) -> str:
    """Return the fingerprint of a finding whose shapes of values are known."""
    parts = [
        finding.kind,
        shape(finding.lane),
        shape(text(finding.path)),
        finding.detail,
        shape(finding.mark),
        # An exception has the same fingerprint however the other run ended: it may have continued, or may have lacked the answers to
        # continue.
        *(() if finding.detail == "ended_early" else shapes),
    ]
    return blake2b("\x00".join(parts).encode("utf-8", "surrogatepass"), digest_size=6).hexdigest()


def value_shapes(finding: Finding, policy: Policy) -> Shapes:
    """Return the shapes of both values, which do not contain the values: their type, or a word of a closed vocabulary."""
    spoken = finding.subject == "run" or finding.kind in {"terminal_state", "error"} or matches_any(policy.roles.words, finding.path)
    return value_shape(finding.control, spoken=spoken), value_shape(finding.candidate, spoken=spoken)


def value_shape(value: Value, *, spoken: bool = False) -> str:
    """Return a value's shape: "nothing", "null", "true", "int", "empty text", "object"; a word itself if it may be quoted."""
    if value is msgspec.UNSET:
        return "nothing"
    hidden = stands_for(value)
    if hidden is not None:
        return hidden
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str) and spoken and _WORD.fullmatch(value):
        return value
    name = type_name[type(value)]
    return f"empty {name}" if isinstance(value, str | list | dict) and not value else name
