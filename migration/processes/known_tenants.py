"""The known tenants: named in the attribute file, pinned in a flag, in a run store, or served within 30 days."""

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from migration.flags.contexts import NO_ATTRIBUTES, Attributes, Tenant
from migration.flags.data import TENANT_KIND, FlagData
from migration.processes.table import ProcessTable


def known_tenants(table: ProcessTable, data: FlagData, *, described: Iterable[Tenant] = (), stored: Iterable[str] = ()) -> Iterator[Tenant]:
    """Yield every known tenant once.

    Args:
        table: who was served.
        data: whose targets name tenants.
        described: tenants of the attribute file; what it says of one counts more than what was seen.
        stored: ids of tenants in run stores.

    Raises:
        ProcessesError: who was served cannot be read.
    """
    met: set[str] = set()
    for tenant in described:
        if tenant.tenant_id not in met:
            met.add(tenant.tenant_id)
            yield tenant
    for tenant_id, attributes in _seen(table):
        if tenant_id not in met:
            met.add(tenant_id)
            yield Tenant(tenant_id=tenant_id, attributes=attributes)
    for tenant_id in (*pinned(data), *stored):
        if tenant_id not in met:
            met.add(tenant_id)
            yield Tenant(tenant_id=tenant_id)


def pinned(data: FlagData) -> list[str]:
    """Return the tenants that flags and segments name one by one, sorted."""
    found: set[str] = set()
    for item in (*data.flags.values(), *data.segments.values()):
        for target in (*_of(item, "targets"), *_of(item, "contextTargets"), *_of(item, "includedContexts"), *_of(item, "excludedContexts")):
            if target.get("contextKind", TENANT_KIND) in {TENANT_KIND, ""}:
                found.update(one for one in target.get("values") or () if isinstance(one, str))
    return sorted(found)


def _of(item: Any, name: str) -> list[Any]:  # noqa: ANN401 - LaunchDarkly's JSON
    return [one for one in item.get(name) or () if isinstance(one, dict)]


def _seen(table: ProcessTable) -> Iterator[tuple[str, Attributes]]:
    after = ""
    while batch := table.seen_tenants(after):
        for tenant_id, attributes in batch:
            yield tenant_id, NO_ATTRIBUTES if attributes == "{}" else msgspec.json.decode(attributes)
        after = batch[-1][0]
