"""Attributes of tenants for the rules of flags: from a file, from a callable, and from the request."""

import importlib
import json
import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, Protocol

import msgspec

from migration.errors import ConfigurationError, FlagSourceError
from migration.flags.file_follower import Follower
from migration.flags.meaning.contexts import NO_ATTRIBUTES, RESERVED, Attributes, Tenant
from migration.settings import MigrationSettings

logger = logging.getLogger(__name__)
_REMEMBERED: Final = 10_000
_encode: Final = msgspec.json.encode


class AttributesOf(Protocol):
    """Returns a tenant's attributes from memory. Named by an import string in the settings."""

    def __call__(self, tenant_id: str, /) -> Mapping[str, Any] | None:
        """Return the attributes as JSON values; None: none are known. Called on the request's path, so it must not do I/O."""
        ...


class TenantAttributes:
    """The attributes of tenants from all sources. The request takes precedence over the callable, and the callable over the file.

    Args:
        settings: name the sources of attributes.
        on_change: called after the file or its health changed, in the thread that noticed it.

    Raises:
        ConfigurationError: the callable cannot be imported.
    """

    def __init__(self, settings: MigrationSettings, on_change: Callable[[], None] = lambda: None) -> None:
        self._on_change = on_change
        self._ask = _imported(settings.tenant_attributes_from) if settings.tenant_attributes_from else None
        self._answers: dict[str, bytes] = {}
        self._listed: Mapping[str, Attributes] = {}
        self._path = None if settings.tenant_attributes_file is None else settings.path(settings.tenant_attributes_file)
        self._read = self._path is None
        self._problem: str | None = None
        self._failed_ask: str | None = None
        self._follower = (
            None if self._path is None else Follower(self._path, settings.flags_poll_s, take=self._take, good=lambda: None, down=self._down)
        )

    def start(self) -> None:
        """Read the file, and follow it."""
        if self._follower is not None:
            self._follower.start()

    def close(self) -> None:
        """Stop following the file."""
        if self._follower is not None:
            self._follower.stop()

    @property
    def unread(self) -> str | None:
        """Why the file's attributes are not known at all; None: they are known, or there is no file to read."""
        return None if self._read else f"{self._path}: {self._problem or 'was not read yet'}; the attributes of tenants are not known"

    @property
    def problem(self) -> str | None:
        """What is wrong, and what is used instead; None: nothing is wrong."""
        file = None if self._problem is None or not self._read else f"{self._path}: {self._problem}; the last known attributes stay in use"
        return " | ".join(said for said in (self.unread, file, self._failed_ask) if said) or None

    def tenants(self) -> Iterable[Tenant]:
        """Return the tenants in the file with their attributes, including those from the callable."""
        return [self.tenant(tenant_id) for tenant_id in self._listed]

    def tenant(self, tenant_id: str) -> Tenant:
        """Return the tenant with its attributes, without those of a request."""
        return self.described(tenant_id, self.asked(tenant_id))

    def described(self, tenant_id: str, *said: bytes) -> Tenant:
        """Return the tenant with its attributes from the file and from `said`, which are JSON objects; later ones take precedence; b"":
        none.
        """
        known = dict(self._listed.get(tenant_id, NO_ATTRIBUTES))
        for more in said:
            if more:
                known.update(msgspec.json.decode(more))
        return Tenant(tenant_id=tenant_id, attributes=known) if known else Tenant(tenant_id=tenant_id)

    @property
    def asks(self) -> bool:
        """Whether there is a callable, so that the result of `asked` may differ from call to call."""
        return self._ask is not None

    def asked(self, tenant_id: str) -> bytes:
        """Return the callable's answer as a JSON object; b"": none. If the callable fails or returns something else, its last valid answer
        is used.
        """
        if self._ask is None:
            return b""
        try:
            answer = self._ask(tenant_id)
            found = b"" if not answer else _encode(_object(answer))
        except Exception as error:  # noqa: BLE001 - code of the project; it must not make a request fail
            self._complain(error)
            return self._answers.get(tenant_id, b"")
        if len(self._answers) < _REMEMBERED or tenant_id in self._answers:
            self._answers[tenant_id] = found
        return found

    def _complain(self, error: Exception) -> None:
        said = f"the callable for attributes of tenants failed ({type(error).__name__}); its last answer stays in use"
        if said != self._failed_ask:
            self._failed_ask = said
            logger.warning("flags: %s", said)

    def _take(self, content: bytes) -> None:
        """Use the file's new content. A tenant with an invalid entry keeps its last known attributes.

        Raises:
            FlagSourceError: the content is not a JSON object.
        """
        try:
            whole = json.loads(content)
        except (ValueError, RecursionError):
            raise FlagSourceError("it is not complete JSON; write it again, or restore it") from None
        if not isinstance(whole, dict):
            raise FlagSourceError("it is not a JSON object of tenant -> attribute -> value; write it again, or restore it")
        spoiled = [tenant for tenant, entry in whole.items() if not _sound(entry)]
        known = {tenant: entry for tenant, entry in whole.items() if tenant not in spoiled}
        known |= {tenant: self._listed[tenant] for tenant in spoiled if tenant in self._listed}
        self._listed, self._read = known, True
        names = ", ".join(sorted(RESERVED - {""}))
        self._settle(
            f"{len(spoiled)} tenants have no object of attributes or an attribute named {names}; the first is {spoiled[0]}"
            if spoiled
            else None
        )

    def _down(self, problem: str) -> None:
        if problem != self._problem:
            self._settle(problem)

    def _settle(self, problem: str | None) -> None:
        self._problem = problem
        if (said := self.problem) is not None:
            logger.warning("flags: %s", said)
        self._on_change()


def _sound(entry: object) -> bool:
    return isinstance(entry, dict) and not RESERVED & entry.keys()


def _object(answer: object) -> Mapping[str, Any]:
    if not isinstance(answer, Mapping):
        raise TypeError(type(answer).__name__)
    return answer


def _imported(name: str) -> AttributesOf:
    module, _, attribute = name.partition(":")
    try:
        found = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigurationError(f"NETRA_MIGRATION_TENANT_ATTRIBUTES_FROM={name}: {error}; write module:name") from None
    if not callable(found):
        raise ConfigurationError(f"NETRA_MIGRATION_TENANT_ATTRIBUTES_FROM={name} is not a callable")
    return found  # type: ignore[no-any-return]  # the type of an imported object is known only when it is called
