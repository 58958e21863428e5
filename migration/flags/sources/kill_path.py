"""A separate path for the kill switch from LaunchDarkly: this one flag is requested repeatedly, independently of the stream.

The SDK's stream may wait for minutes (150 to 300 s after one 404), and an error in any flag affects all of its data. LaunchDarkly and its
Relay Proxy serve single flags at `/sdk/flags/KEY`, for SDKs that cannot stream.
"""

import json
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from ldclient import Config

from migration.flags.sources.asking import AskError, HttpAnswer, HttpLimits, SdkHttp, ask, close
from migration.flags.sources.trouble import PAGE, UNREADABLE, status_trouble

logger = logging.getLogger(__name__)
_LIMITS: Final = HttpLimits(connect_s=2.0, answer_s=2.0, size=1_000_000)
_REFUSED_S: Final = 5.0  #: seconds between two tries after an answer that will probably stay the same
_REFUSALS: Final = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.TOO_MANY_REQUESTS})


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """The result of one request: the flag, or an error. If both are missing, LaunchDarkly has no such flag."""

    flag: dict[str, Any] | None = None
    trouble: str | None = None
    refused: bool = False  #: whether another request soon would get the same answer
    answered: bool = True  #: whether there was any answer


class KillPath:
    """Requests one flag, in a separate thread.

    Args:
        config: provides base address, key, authorities and proxy.
        key: the flag's key.
        poll_s: seconds between two requests.
        seen: called with the result after each request, in that thread.
    """

    def __init__(self, config: Config, key: str, *, poll_s: float, seen: Callable[[Look], None]) -> None:
        self._url = f"{config.base_uri}/sdk/flags/{key}"
        http = SdkHttp(config)
        self._headers = {**http.headers, "Accept": "application/json", "Cache-Control": "no-cache"}
        self._pool = http.pool(self._url)
        self._key, self._poll_s, self._seen = key, poll_s, seen
        self._stop = threading.Event()

    def start(self) -> None:
        """Start now, and repeat the request."""
        threading.Thread(target=self._keep_looking, name="migration-kill-path", daemon=True).start()

    def stop(self) -> None:
        """Stop."""
        self._stop.set()

    def _keep_looking(self) -> None:
        while not self._stop.is_set():
            look = self._look()
            if self._stop.is_set():
                break
            try:
                self._seen(look)
            except Exception:
                logger.exception("flags: the result of the kill switch's own path cannot be used")
            self._stop.wait(max(self._poll_s, _REFUSED_S) if look.refused else self._poll_s)
        close(self._pool)

    def _look(self) -> Look:
        try:
            answer = ask(self._pool, "GET", self._url, headers=self._headers, limits=_LIMITS)
        except AskError as error:
            return Look(trouble=str(error), answered=False)
        if answer.status == HTTPStatus.NOT_FOUND:
            return Look()
        if answer.status != HTTPStatus.OK:
            return Look(trouble=status_trouble(answer.status), refused=answer.status in _REFUSALS)
        return self._read(answer)

    def _read(self, answer: HttpAnswer) -> Look:
        try:
            flag = json.loads(answer.body)
        except (ValueError, RecursionError):
            return Look(trouble=PAGE if answer.is_page else UNREADABLE)
        if not isinstance(flag, dict) or flag.get("key") != self._key or type(flag.get("version")) is not int:
            return Look(trouble="its answer is not that flag")
        return Look(flag=flag)
