"""Checks the names of surfaces and tenants that people type."""

from collections.abc import Sequence

from migration.errors import ConfigurationError, UnconfiguredSurfaceError, UnknownSurfaceError, UnknownTenantError
from migration.model import ConversationCheck
from migration.project import read_project
from migration.settings import MigrationSettings

_LONGEST_TENANT = 256


def known_surface(settings: MigrationSettings, surface: str) -> str:
    """Return the surface.

    Raises:
        UnconfiguredSurfaceError: neither the settings nor the project contain it.
        UnknownSurfaceError: the project contains it, but the settings do not.
    """
    if surface not in settings.surfaces:
        if surface in read_project(settings.project).surfaces:
            raise UnknownSurfaceError(surface, settings.surfaces)
        raise UnconfiguredSurfaceError(surface, settings.surfaces, None if settings.project is None else str(settings.project))
    return surface


def chosen_surfaces(settings: MigrationSettings, named: Sequence[str]) -> list[str]:
    """Return the named surfaces, or all that are being migrated.

    Raises:
        UnknownSurfaceError: see `known_surface`.
        ConfigurationError: no surface is configured; without this error an empty result would look like success.
    """
    if named or settings.surfaces:
        return [known_surface(settings, one) for one in named or settings.surfaces]
    project = settings.project or "a pyproject.toml in the working directory or above it"
    raise ConfigurationError(
        f"no surface is configured: [tool.netra-migration.surfaces] of {project} names none; go to the folder of the project, or set "
        "NETRA_MIGRATION_PROJECT or NETRA_MIGRATION_SURFACES"
    )


def configured_surface(settings: MigrationSettings, surface: str) -> str:
    """Return the surface if its file can be read; without its file, no run of it can be compared.

    Raises:
        UnknownSurfaceError: see `known_surface`; also if only the settings name the surface (`UnconfiguredSurfaceError`).
        ConfigurationError: its file is not valid; the message names the line.
    """
    from migration.comparison import default_policy

    default_policy(known_surface(settings, surface), settings.project)
    return surface


def first_surface(settings: MigrationSettings) -> str:
    """Return the first surface that is being migrated; "" if there is none."""
    return next(iter(settings.surfaces), "")


def conversations_on(settings: MigrationSettings, surface: str | None, agent: str) -> str:
    """Return the surface on which this agent answers recorded conversations.

    Args:
        settings: they contain the surfaces, and the function that checks conversations.
        surface: the surface; None: the first one being migrated that accepts conversations, "" if there is none.
        agent: the agent's name.

    Raises:
        UnknownSurfaceError: the settings do not name the surface.
        ConfigurationError: the surface accepts no conversations or has no such agent, or the function cannot be imported.
    """
    from migration.import_strings import load

    check: ConversationCheck = load(settings.conversations, settings.import_path) if settings.conversations else _anything
    if surface is not None:
        check(known_surface(settings, surface), agent)
        return surface
    refused: ConfigurationError | None = None
    for one in settings.surfaces:
        try:
            check(one, agent)
        except ConfigurationError as error:
            refused = refused or error
        else:
            return one
    if refused is not None:
        raise refused
    return ""


def _anything(_surface: str, _agent: str, /) -> None:
    pass


def known_tenant(settings: MigrationSettings, tenant_id: str) -> str:
    """Return the id of a known tenant. If the settings list no tenants, every id that the project accepts (`tenant_rule`) is known.

    Raises:
        UnknownTenantError: the settings list tenants, and this is not one of them.
        ConfigurationError: it cannot be a tenant's id, or the rule cannot be imported.
    """
    listed_tenant(settings, tenant_id)
    if settings.tenant_rule:
        from migration.import_strings import load

        try:
            load(settings.tenant_rule, settings.import_path)(tenant_id)
        except ValueError as error:
            raise ConfigurationError(f"{tenant_id!r} cannot be a tenant's id: {error}") from error
    elif not tenant_id.strip() or tenant_id != tenant_id.strip() or len(tenant_id) > _LONGEST_TENANT or not tenant_id.isprintable():
        raise ConfigurationError(f"a tenant's id has 1 to {_LONGEST_TENANT} printable characters and no blank at its ends")
    return tenant_id


def listed_tenant(settings: MigrationSettings, tenant_id: str) -> str:
    """Return the tenant, whatever its id looks like: data under an id that the project no longer accepts can still be erased.

    Raises:
        UnknownTenantError: the settings list tenants, and this is not one of them.
    """
    if settings.tenants and tenant_id not in settings.tenants:
        raise UnknownTenantError(tenant_id, settings.tenants)
    return tenant_id
