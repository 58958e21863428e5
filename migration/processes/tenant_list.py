"""The known tenants: named in the attribute file, pinned in a flag, in a run store, or served within 30 days."""

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any, Final

import msgspec

from migration.flags import TenantAttributes
from migration.flags.meaning import NO_ATTRIBUTES, TENANT_KIND, FlagData, Tenant
from migration.processes.table import ProcessTable

#: The sources of `known_tenants` as text, so that the reader of a count knows which tenants it does not contain.
LOOKED_AT: Final = (
    "named by settings, the attribute file or flags, or served within 30 days; from run stores, only tenants with runs that one store lacks"
)


def known_tenants(
    table: ProcessTable, data: FlagData, attributes: TenantAttributes | None = None, *, stored: Iterable[str] = ()
) -> Iterator[Tenant]:
    """Yield every known tenant once, with the attributes that rules use.

    Args:
        table: lists served tenants, with the attributes of their last request.
        data: the flags, whose targets name tenants.
        attributes: the attribute file, and other sources of attributes; None: there are none.
        stored: ids of tenants in run stores.

    Raises:
        ProcessesError: the served tenants cannot be read.
    """
    met: set[str] = set()
    for tenant_id, said in _seen(table):
        met.add(tenant_id)
        yield described(attributes, tenant_id, said)
    in_file = () if attributes is None else (tenant.tenant_id for tenant in attributes.tenants())
    for tenant_id in chain(in_file, pinned(data), stored):
        if tenant_id not in met:
            met.add(tenant_id)
            yield described(attributes, tenant_id, b"")


def described(attributes: TenantAttributes | None, tenant_id: str, said: bytes) -> Tenant:
    """Return the tenant with the attributes that a serving process would use.

    Args:
        attributes: the attribute file, and other sources of attributes; None: there are none.
        tenant_id: the tenant.
        said: the attributes from its request, as a JSON object; b"": none.
    """
    if attributes is not None:
        return attributes.described(tenant_id, attributes.asked(tenant_id), said)
    return Tenant(tenant_id=tenant_id, attributes=msgspec.json.decode(said) if said else NO_ATTRIBUTES)


def pinned(data: FlagData) -> list[str]:
    """Return the tenants that flags and segments name individually, sorted."""
    found: set[str] = set()
    for item in (*data.flags.values(), *data.segments.values()):
        for target in (*_of(item, "targets"), *_of(item, "contextTargets"), *_of(item, "includedContexts"), *_of(item, "excludedContexts")):
            if target.get("contextKind", TENANT_KIND) in {TENANT_KIND, ""}:
                found.update(one for one in target.get("values") or () if isinstance(one, str))
        for clause in (clause for rule in _of(item, "rules") for clause in _of(rule, "clauses")):
            if clause.get("contextKind") == TENANT_KIND and clause.get("attribute") == "key" and clause.get("op") == "in":
                found.update(one for one in clause.get("values") or () if isinstance(one, str))
    return sorted(found)


def _of(item: Any, name: str) -> list[Any]:  # noqa: ANN401 - LaunchDarkly's JSON
    return [one for one in item.get(name) or () if isinstance(one, dict)]


def _seen(table: ProcessTable) -> Iterator[tuple[str, bytes]]:
    after = ""
    while page := table.seen_tenants(after):
        for tenant_id, said in page:
            yield tenant_id, b"" if said == "{}" else said.encode()
        after = page[-1][0]
