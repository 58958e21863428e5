"""LaunchDarkly's REST API, for reading and editing one flag: every wait has a limit, and every refusal is reported as a sentence for
operators.
"""

import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote

import urllib3

from migration.errors import FlagSourceError
from migration.flags.sources.asking import AskError, HttpAnswer, HttpLimits, ask
from migration.flags.sources.trouble import API_TOKEN, PAGE, UNREADABLE, status_trouble

#: the API version that this module reads; without it, a token made for an older version gets different answers
_VERSION: Final = "20240415"
_LIMITS: Final = HttpLimits(connect_s=3.0, answer_s=10.0)
#: Statuses of a flag that no SDK asked for: "inactive" for seven days, "new" since it was created, less than seven days ago.
_UNUSED: Final = ("inactive", "new")
_LONGEST_MESSAGE: Final = 300
_RESETS: Final = ("X-Ratelimit-Reset", "X-Ratelimit-Auth-Token-Reset")


class UnknownOutcomeError(FlagSourceError):
    """An edit was sent but had no answer, so it may have been accepted."""


class RefusedError(FlagSourceError):
    """LaunchDarkly understood an edit and did not accept it."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True, kw_only=True)
class Patch:
    """An edit in one of the API's formats."""

    body: Mapping[str, Any]
    content_type: str


class RestApi:
    """One project of LaunchDarkly, with the rights of a token.

    Args:
        pool: sends the requests.
        address: e.g. "https://app.launchdarkly.com".
        token: the API's access token, which is not an SDK key.
        project: the project's key.
        patience_s: seconds that one call may wait for the rate limit's reset, in total.
        clock: monotonic seconds.
        sleep: waits a number of seconds.
    """

    def __init__(
        self,
        pool: urllib3.PoolManager,
        address: str,
        token: str,
        project: str,
        *,
        patience_s: float = 30.0,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._pool, self._address, self._project = pool, address.rstrip("/"), project
        self._headers = {"Authorization": token, "LD-API-Version": _VERSION, "Accept": "application/json"}
        self._patience_s, self._clock, self._sleep = patience_s, clock, sleep

    def flag(self, key: str, environment: str) -> dict[str, Any]:
        """Return the flag's representation, with its part for this environment.

        Raises:
            FlagSourceError: the flag cannot be read; the message gives the reason and says what to do.
        """
        answer = self._call("GET", key, f"?env={quote(environment, safe='')}", None)
        shown = self._content(answer, key)
        if not isinstance(shown.get("environments"), dict) or not isinstance(shown["environments"].get(environment), dict):
            raise FlagSourceError(
                f"{self._address}: {key} is not in the environment `{environment}`; check NETRA_MIGRATION_LAUNCHDARKLY_ENVIRONMENT"
            )
        return shown

    def active_environments(self, key: str) -> tuple[str, ...]:
        """Return the environments whose SDKs asked for the flag in the last seven days. An environment without a known status counts too.

        Raises:
            FlagSourceError: the status cannot be read; the message gives the reason and says what to do.
        """
        shown = self._content(self._call("GET", key, "", None, of="flag-status"), key)
        environments = shown.get("environments")
        if not isinstance(environments, dict):
            raise FlagSourceError(f"{self._address}: {key}: {UNREADABLE}; check NETRA_MIGRATION_LAUNCHDARKLY_API_URI")
        return tuple(name for name, status in environments.items() if not isinstance(status, dict) or status.get("name") not in _UNUSED)

    def patch(self, key: str, patch: Patch) -> None:
        """Send an edit of the flag.

        Raises:
            RefusedError: LaunchDarkly did not accept the edit, and the flag is unchanged.
            UnknownOutcomeError: there was no answer, so the edit may have been accepted.
            FlagSourceError: LaunchDarkly could not be reached, so the edit was not accepted.
        """
        answer = self._call("PATCH", key, "", patch)
        if answer.status != HTTPStatus.OK:
            raise RefusedError(f"{self._address}: {key}: {self._refusal(answer)}; nothing was changed", answer.status)

    def _call(self, method: str, key: str, query: str, patch: Patch | None, *, of: str = "flags") -> HttpAnswer:
        url = f"{self._address}/api/v2/{of}/{quote(self._project, safe='')}/{quote(key, safe='')}{query}"
        headers = self._headers if patch is None else {**self._headers, "Content-Type": patch.content_type}
        body = None if patch is None else json.dumps(patch.body).encode()
        give_up = self._clock() + self._patience_s
        while True:
            try:
                answer = ask(self._pool, method, url, headers=headers, body=body, limits=_LIMITS)
            except AskError as error:
                kind = FlagSourceError if patch is None else UnknownOutcomeError
                raise kind(f"{self._address}: {error}") from None
            if answer.status != HTTPStatus.TOO_MANY_REQUESTS:
                return answer
            wait_s = _reset_s(answer.headers)
            if self._clock() + wait_s > give_up:
                raise FlagSourceError(
                    f"{self._address}: too many requests (429); nothing was changed; LaunchDarkly accepts the next one in {wait_s:.0f} s"
                )
            self._sleep(wait_s)

    def _content(self, answer: HttpAnswer, key: str) -> dict[str, Any]:
        if answer.status != HTTPStatus.OK:
            raise FlagSourceError(f"{self._address}: {key}: {self._refusal(answer)}")
        if answer.is_page:
            raise FlagSourceError(f"{self._address}: {PAGE}")
        try:
            shown = json.loads(answer.body)
        except (ValueError, RecursionError):
            shown = None
        if not isinstance(shown, dict):
            raise FlagSourceError(f"{self._address}: {UNREADABLE}; check NETRA_MIGRATION_LAUNCHDARKLY_API_URI")
        return shown

    def _refusal(self, answer: HttpAnswer) -> str:
        said = _message(answer.body)
        if answer.status == HTTPStatus.NOT_FOUND:
            return (
                f"there is no such flag in the project `{self._project}`, or the token may not see it (404); "
                "create it (docs/migration/launchdarkly.md), or check NETRA_MIGRATION_LAUNCHDARKLY_PROJECT and the token's role"
            )
        if answer.status == HTTPStatus.METHOD_NOT_ALLOWED or re.search("requires? approval", said):
            return (
                f"this environment requires approval ({said or 405}); request the change on the flag's page at LaunchDarkly and have it "
                "approved there, or let the token's role bypass approvals"
            )
        if answer.status == HTTPStatus.FORBIDDEN:
            return f"the token may not do this (403: {said}); give its role the actions that docs/migration/launchdarkly.md lists"
        if answer.status == HTTPStatus.UNAUTHORIZED or answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return status_trouble(answer.status, API_TOKEN)
        return f"LaunchDarkly refuses it ({answer.status}: {said or 'without a reason'})"


def _message(body: bytes) -> str:
    """Return LaunchDarkly's own message about an error; "": there is none."""
    try:
        said = json.loads(body).get("message")
    except (ValueError, RecursionError, AttributeError):
        return ""
    return said[:_LONGEST_MESSAGE] if isinstance(said, str) else ""


def _reset_s(headers: Mapping[str, str]) -> float:
    """Return the seconds until LaunchDarkly accepts a request again: the latest time in its headers, by its own clock."""
    waits = [1.0]
    try:
        now = parsedate_to_datetime(headers.get("Date", "")).timestamp()
    except ValueError:
        now = time.time()
    waits += [int(headers[name]) / 1000 - now for name in _RESETS if headers.get(name, "").isdigit()]
    if headers.get("Retry-After", "").isdigit():
        waits.append(float(headers["Retry-After"]))
    return max(waits)
