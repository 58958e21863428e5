"""What a flag depends on: other flags, and attributes of tenants. Only their places in LaunchDarkly's JSON are used, not their meaning."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from migration.flags.meaning.data import TENANT_KIND, FlagData

_OWN: Final = {"key", "kind"}  #: attributes that every context has


def depends(data: FlagData, key: str, on: str) -> bool:
    """Return whether the flag with that key has another flag as a prerequisite, directly or through others."""
    waiting, seen = [key], set[str]()
    while waiting:
        flag = data.live(name := waiting.pop())
        if name in seen or flag is None:
            continue
        seen.add(name)
        asked = [prerequisite["key"] for prerequisite in flag.get("prerequisites") or []]
        if on in asked:
            return True
        waiting += asked
    return False


def attributes_read(data: FlagData, flag: Mapping[str, Any]) -> frozenset[str]:
    """Return the attributes of tenants that the flag's rules, their segments and its prerequisites use.

    Attributes that only rollouts use are not included.
    """
    found, flags, segments = set[str](), [flag], list[str]()
    seen = set[str]()
    while flags or segments:
        if flags:
            one = flags.pop()
            for prerequisite in one.get("prerequisites") or []:
                if (key := prerequisite["key"]) not in seen and (other := data.live(key)) is not None:
                    seen.add(key)
                    flags.append(other)
        elif (name := segments.pop()) in seen or (segment := data.segments.get(name)) is None:
            continue
        else:
            seen.add(name)
            one = segment
        for clause in _clauses(one):
            if clause.get("op") == "segmentMatch":
                segments += clause.get("values") or []
            elif (clause.get("contextKind") or "user") == TENANT_KIND and clause.get("attribute") not in _OWN:
                found.add(_top(str(clause.get("attribute"))))
    return frozenset(found)


def _clauses(item: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for rule in item.get("rules") or []:
        yield from rule.get("clauses") or []


def _top(attribute: str) -> str:
    """Return the name of the attribute at the beginning of a reference, which may be a path with slashes."""
    if not attribute.startswith("/"):
        return attribute
    return attribute[1:].split("/", maxsplit=1)[0].replace("~1", "/").replace("~0", "~")
