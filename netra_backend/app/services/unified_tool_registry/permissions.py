"""The permissions for tools."""

from collections.abc import Collection
from typing import Protocol

from netra_backend.app.services.unified_tool_registry.registry import Permission
from netra_backend.app.services.user_execution_context import UserExecutionContext


class Permissions(Protocol):
    """Decides whether a user may do something."""

    def allows(self, context: UserExecutionContext, permission: Permission, /) -> bool:
        """Return whether the user of the context has the permission."""
        ...


class TenantPermissions:
    """Every user of a tenant may do everything with that tenant's data; users of a read-only tenant can only read.

    Args:
        read_only_tenants: tenants whose users may not write.
    """

    def __init__(self, read_only_tenants: Collection[str] = ()) -> None:
        self._read_only = frozenset(read_only_tenants)

    def allows(self, context: UserExecutionContext, permission: Permission, /) -> bool:
        """Return whether the user of the context has the permission."""
        return permission.endswith(":read") or context.tenant_id not in self._read_only
