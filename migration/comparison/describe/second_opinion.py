"""Asks DeepDiff about values that differ, if a policy says `compare = "deepdiff"`.

Equality is decided on bytes, and by JSON types. DeepDiff is asked only about values with different bytes and the same types. If it finds no
difference with the options of the rule, there is none. When DeepDiff reaches a limit, it returns an empty difference, as for equal values:
the comparison is then inconclusive.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from migration.comparison.deepdiff_options import arguments
from migration.comparison.match.differences import Leaf
from migration.comparison.paths import Json, Path, matches, segments, text
from migration.comparison.policy import EVERY_EVENT, Policy, Rule
from migration.comparison.read.canonical import encode
from migration.sentence import Sentence, say, word

#: Largest number of bytes of a value. DeepDiff would take seconds for more, and far longer when it ignores the order.
_MOST_BYTES: Final = 200_000
_REACHED: Final = ("MAX PASS LIMIT REACHED", "MAX DIFF LIMIT REACHED")


class SecondOpinion:
    """Asks DeepDiff about the differences of one comparison.

    Args:
        policy: has the rules that name DeepDiff.
    """

    def __init__(self, policy: Policy) -> None:
        self._rules = tuple(rule for rule in policy.rules if rule.compare == "deepdiff")
        self.reasons: list[Sentence] = []  #: why some part could not be compared

    def of(self, kind: str, control: Json, candidate: Json, leaves: Sequence[Leaf] | None, root: Path = ()) -> list[Leaf] | None:
        """Return the leaves that DeepDiff's opinion does not remove. None when `leaves` is None: too many fields differ.

        Args:
            kind: the event's kind, or "effect:<kind>" for a request.
            control: control's value, normalised.
            candidate: candidate's value, normalised.
            leaves: where they differ, with paths from the frame's root on.
            root: the path of both values in their frame.
        """
        rules = [rule for rule in self._rules if kind in rule.kinds or (rule.kinds == EVERY_EVENT and not kind.startswith("effect:"))]
        if not leaves or not rules:
            return None if leaves is None else list(leaves)
        asked: dict[Path, list[Leaf]] = {}
        by: dict[Path, Rule] = {}
        kept: list[Leaf] = []
        for leaf in leaves:
            place = next(((path, rule) for rule in rules for path in _above(leaf.path, root) if _fits(rule, path)), None)
            if place is None:
                kept.append(leaf)
            else:
                asked.setdefault(place[0], []).append(leaf)
                by.setdefault(*place)
        for path, found in asked.items():
            kept += self._judged(by[path], path, _at(control, path, root), _at(candidate, path, root), found)
        return kept

    def _judged(self, rule: Rule, path: Path, control: Json, candidate: Json, found: list[Leaf]) -> list[Leaf]:
        strict = [leaf for leaf in found if leaf.change == "type" and not _left_out(rule.options, leaf.path[len(path) :])]
        if strict:
            return found
        if max(len(encode(control)), len(encode(candidate))) > _MOST_BYTES:
            self.reasons.append(
                say(
                    "`{path}` is larger than {most} bytes, the limit up to which rule '{rule}' may ask DeepDiff",
                    path=text(path),
                    most=_MOST_BYTES,
                    rule=word(rule.id),
                )
            )
            return []
        differs = _differs(control, candidate, rule.options)
        if differs is None:
            self.reasons.append(
                say("DeepDiff reached a limit, or failed, at `{path}` for rule '{rule}'", path=text(path), rule=word(rule.id))
            )
        return found if differs else []


def _differs(control: Json, candidate: Json, options: Mapping[str, Any]) -> bool | None:
    """Return whether DeepDiff finds a difference; None when it reached a limit, or could not tell."""
    from deepdiff import DeepDiff

    try:
        found = DeepDiff(control, candidate, **arguments(options))
    except Exception:  # noqa: BLE001 - a custom operator may raise anything
        return None
    stats: dict[str, int | bool] = found.get_stats()  # type: ignore[no-untyped-call] # DeepDiff types only a part of itself
    return None if any(stats[limit] for limit in _REACHED) else bool(found)


def _left_out(options: Mapping[str, Any], below: Path) -> bool:
    """Return whether the options exclude this place; DeepDiff writes places as `root['rows'][0]`."""
    written = "root" + "".join(f"[{part}]" if isinstance(part, int) else f"['{part}']" for part in below)
    plain = [path if path.startswith("root") else f"root['{path}']" for path in _listed(options.get("exclude_paths"))]
    return any(written.startswith(path.replace('"', "'")) for path in plain) or any(
        re.search(pattern, written) for pattern in _listed(options.get("exclude_regex_paths"))
    )


def _listed(value: str | Sequence[str] | None) -> Sequence[str]:
    return [value] if isinstance(value, str) else value or ()


def _above(path: Path, root: Path) -> list[Path]:
    """Return the path and the places above it, except inside lists, because it is not certain which items of two lists correspond."""
    plain = next((place for place, part in enumerate(path) if isinstance(part, int)), len(path))
    return [path[:length] for length in range(len(root), plain + 1)]


def _fits(rule: Rule, path: Path) -> bool:
    return any(matches(pattern, segments(path)) for pattern in rule.paths)


def _at(value: Json, path: Path, root: Path) -> Any:  # noqa: ANN401 - any JSON
    for part in path[len(root) :]:
        value = value.get(str(part)) if isinstance(value, dict) else None
    return value
