"""`UserExecutionContext`: the owner of a request. Everything that a run reads or writes is bound to such a context."""

import copy
import inspect
import logging
import re
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from netra_backend.app.errors import InvalidContextError
from netra_backend.app.services.runs.ending import RunEnding

logger = logging.getLogger(__name__)

MAX_ID_LENGTH = 256
MAX_OPERATION_DEPTH = 10

#: Placeholders that identify no user. Older code wrote them when it did not know the user.
PLACEHOLDERS = frozenset(
    {
        "registry",
        "placeholder",
        "default",
        "temp",
        "none",
        "null",
        "undefined",
        "0",
        "1",
        "xxx",
        "yyy",
        "example",
        "test",
        "demo",
        "sample",
        "template",
        "mock",
        "fake",
        "dummy",
    }
)
#: Keys that are not allowed in the context's dicts, because they would hide the context's own ids.
RESERVED_KEYS = frozenset({"user_id", "thread_id", "run_id", "request_id", "tenant_id", "created_at", "websocket_client_id"})

#: An id that begins with a placeholder and a separator is invalid only if it is shorter than this; a long one is a real id.
_SHORT_ID = 20
_PLACEHOLDER_PREFIX = re.compile(rf"(?:{'|'.join(sorted(PLACEHOLDERS))})[^a-z0-9]", re.IGNORECASE)
_FORBIDDEN_CHARACTERS = re.compile(r"[\x00-\x1f\x7f-\x9f/\\\u2028\u2029]")
_SURROGATES = re.compile(r"[\ud800-\udfff]")
_SCALARS = (str, int, float, bool, type(None), bytes, datetime)

CleanupCallback = Callable[[], Awaitable[None] | None]


def check_id(name: str, value: object) -> str:
    """Return `value` if it is a valid id.

    Args:
        name: the field's name, for the error.
        value: the candidate id.

    Raises:
        InvalidContextError: the value is not a string, is blank, too long or a placeholder, or contains a control character, a path
            separator or a surrogate. The message names the field and the rule, never the value.
    """
    if not isinstance(value, str):
        raise InvalidContextError(name, "must be a string")
    if not value or value.isspace():
        raise InvalidContextError(name, "may not be blank")
    if len(value) > MAX_ID_LENGTH:
        raise InvalidContextError(name, f"may not be longer than {MAX_ID_LENGTH} characters")
    if _FORBIDDEN_CHARACTERS.search(value):
        raise InvalidContextError(name, "may not contain control characters or path separators")
    if _SURROGATES.search(value):  # JSON allows lone surrogates, but databases and flags cannot handle them
        raise InvalidContextError(name, "must be well-formed Unicode")
    if len(value) < _SHORT_ID and (value.strip().lower() in PLACEHOLDERS or _PLACEHOLDER_PREFIX.match(value)):
        raise InvalidContextError(name, "may not be a placeholder")
    return value


def check_tenant(value: object) -> str:
    """Return `value` if it is a valid tenant id. All code that names a tenant uses this rule: tokens, sample data, contexts and others.

    Raises:
        InvalidContextError: see `check_id`.
    """
    return check_id("tenant_id", value)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class UserExecutionContext:
    """The user who asks, the thread, and the run. Immutable; two contexts are equal only when they are the same object.

    Raises (at construction):
        InvalidContextError: an id, a dict or the depth breaks a rule.
    """

    tenant_id: str
    user_id: str
    thread_id: str
    run_id: str
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    websocket_client_id: str | None = None  #: None: no WebSocket, for example in a batch
    created_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    agent_context: Mapping[str, Any] = field(default_factory=dict, repr=False)  #: data for agents; deep-copied and read-only
    audit_metadata: Mapping[str, Any] = field(default_factory=dict, repr=False)  #: data for the audit log; deep-copied and read-only
    claims: Mapping[str, Any] = field(default_factory=dict, repr=False)  #: claims of the user's token; deep-copied and read-only
    operation_depth: int = 0  #: 0 for the request itself, and one more for each level of children; at most 10
    parent_request_id: str | None = None  #: None: the request itself
    cleanup_callbacks: list[CleanupCallback] = field(default_factory=list, repr=False)
    ending: RunEnding = field(default_factory=RunEnding, repr=False)  #: decides how the run ended

    def __post_init__(self) -> None:
        """Check the ids and freeze the dicts."""
        check_tenant(self.tenant_id)
        check_id("user_id", self.user_id)
        check_id("thread_id", self.thread_id)
        check_id("run_id", self.run_id)
        check_id("request_id", self.request_id)
        if self.websocket_client_id is not None:
            check_id("websocket_client_id", self.websocket_client_id)
        if self.parent_request_id is not None:
            check_id("parent_request_id", self.parent_request_id)
        if not 0 <= self.operation_depth <= MAX_OPERATION_DEPTH:
            raise InvalidContextError("operation_depth", f"must be 0 to {MAX_OPERATION_DEPTH}")
        object.__setattr__(self, "claims", MappingProxyType({name: _frozen(value) for name, value in self.claims.items()}))
        object.__setattr__(self, "agent_context", _read_only("agent_context", self.agent_context))
        object.__setattr__(self, "audit_metadata", _read_only("audit_metadata", self.audit_metadata))

    def child(
        self,
        operation_name: str,
        *,
        agent_context: Mapping[str, Any] | None = None,
        audit_metadata: Mapping[str, Any] | None = None,
    ) -> "UserExecutionContext":
        """Return a context for a part of this request: same user, thread and run, a separate request id, one level deeper.

        Args:
            operation_name: what the part does; recorded in the child's audit metadata.
            agent_context: overrides this context's; None: no override.
            audit_metadata: overrides this context's; None: no override.

        Raises:
            InvalidContextError: the child would be deeper than 10, or a dict contains a reserved key.
        """
        return UserExecutionContext(
            tenant_id=self.tenant_id,
            user_id=self.user_id,
            thread_id=self.thread_id,
            run_id=self.run_id,
            websocket_client_id=self.websocket_client_id,
            agent_context={**self.agent_context, **(agent_context or {})},
            audit_metadata={**self.audit_metadata, **(audit_metadata or {}), "operation_name": operation_name},
            claims=self.claims,
            operation_depth=self.operation_depth + 1,
            parent_request_id=self.request_id,
        )

    def owns(self, other: "UserExecutionContext") -> bool:
        """Return whether `other` has the same tenant, user, thread and run."""
        return (
            self.user_id == other.user_id
            and self.run_id == other.run_id
            and self.thread_id == other.thread_id
            and self.tenant_id == other.tenant_id
        )

    def on_cleanup(self, callback: CleanupCallback) -> None:
        """Register a plain or async function that `cleanup` calls."""
        self.cleanup_callbacks.append(callback)

    async def cleanup(self) -> None:
        """Run each callback once, last in, first out. A failure is logged, and the other callbacks still run."""
        while self.cleanup_callbacks:
            callback = self.cleanup_callbacks.pop()
            try:
                outcome = callback()
                if inspect.isawaitable(outcome):
                    await outcome
            except Exception as error:  # noqa: BLE001 - one failing callback may not keep the others from running
                logger.warning("cleanup callback failed", extra={"request_id": self.request_id, "error_type": type(error).__name__})


def _read_only(name: str, value: Mapping[str, Any]) -> Mapping[str, Any]:
    if not value:
        return _EMPTY
    reserved = RESERVED_KEYS.intersection(value)
    if reserved:
        raise InvalidContextError(name, f"may not contain the reserved key {min(reserved)}")
    return MappingProxyType({key: _frozen(item) for key, item in value.items()})


def _frozen(value: Any) -> Any:  # noqa: ANN401 - whatever a caller put into the dict
    if isinstance(value, _SCALARS):
        return value
    if isinstance(value, Mapping):
        return MappingProxyType({key: _frozen(item) for key, item in value.items()})
    if isinstance(value, list | tuple):
        return tuple(_frozen(item) for item in value)
    if isinstance(value, set | frozenset):
        return frozenset(_frozen(item) for item in value)
    return copy.deepcopy(value)


_EMPTY: Mapping[str, Any] = MappingProxyType({})
