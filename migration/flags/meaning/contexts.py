"""A tenant in LaunchDarkly: one multi-kind context of the tenant, with its attributes, and of the surface."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final

from ldclient import Context

from migration.flags.meaning.data import SURFACE_KIND, TENANT_KIND

Attributes = Mapping[str, Any]
"""Attribute -> JSON value. Rules of a flag may use attributes. They must not contain a person's name or address."""

NO_ATTRIBUTES: Final[Attributes] = MappingProxyType({})
_EXACT: Final = 2.0**53  #: above it, several integers have the same float
RESERVED: Final = frozenset({"key", "kind", "_meta", "anonymous", ""})
"""Names that LaunchDarkly reserves and that cannot be attributes of a tenant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenant:
    """The context for which a flag is evaluated."""

    tenant_id: str
    attributes: Attributes = field(default_factory=lambda: NO_ATTRIBUTES)


def context(tenant: Tenant, surface: str) -> Context:
    """Return the context of the tenant on that surface.

    An attribute that LaunchDarkly does not accept is left out; `tenant_attributes` has already reported it.
    """
    if tenant.attributes:
        builder = Context.builder(tenant.tenant_id).kind(TENANT_KIND)
        for name, value in tenant.attributes.items():
            if name not in RESERVED:
                builder.try_set(name, int(value) if _is_whole(value) else value)
        return Context.create_multi(builder.build(), _surface(surface))
    return Context.create_multi(Context.create(tenant.tenant_id, TENANT_KIND), _surface(surface))


def _is_whole(value: object) -> bool:
    """Return whether the value is a whole number as a float: the SDK assigns 12 to a bucket, but 12.0 always to the first bucket."""
    return isinstance(value, float) and value.is_integer() and abs(value) <= _EXACT


@lru_cache(maxsize=64)
def _surface(name: str) -> Context:
    return Context.create(name, SURFACE_KIND)
