"""Edits flags at hosted LaunchDarkly by its REST API. Of two concurrent edits one succeeds; the other is refused, with a list of what
changed. Each edit is read back.
"""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any, Final

import urllib3
from ld_eventsource import SSEClient
from ld_eventsource.config import ConnectStrategy
from ldclient import Config
from ldclient.config import HTTPConfig

from migration.errors import EditConflictError, FlagSourceError
from migration.flags.editors.editor import FlagRead
from migration.flags.editors.patches import Json, archived, differences, held, json_patch, semantic_patch
from migration.flags.editors.rest import Patch, RefusedError, RestApi, UnknownOutcomeError
from migration.flags.meaning.data import KILL_SWITCH, read_flag_data
from migration.flags.sources.asking import AskError, HttpLimits, SdkHttp, ask, close
from migration.flags.sources.prompt import PromptPool
from migration.flags.sources.trouble import API_TOKEN, LATE, PAGE, UNREADABLE, status_trouble, text_trouble
from migration.settings import MigrationSettings

_LIMITS: Final = HttpLimits(connect_s=3.0, answer_s=10.0)
_CONFLICTS: Final = frozenset({400, 409, 412, 422})
"""Statuses of an answer to an edit whose test failed; LaunchDarkly does not document them."""


class HostedEditor:
    """The editor of one environment of a project at LaunchDarkly.

    It reads from the same stream or poll as the SDKs, so that an edit is proved on the data that is evaluated. It writes to the REST API.

    Args:
        settings: SDK key, token, addresses, project and environment.
        patience_s: seconds that a write may wait for the API's rate limit.
    """

    def __init__(self, settings: MigrationSettings, *, patience_s: float = 30.0) -> None:
        self._settings = settings
        self._project, self._environment = settings.launchdarkly_project, settings.launchdarkly_environment
        self._patience_s = patience_s
        self.name = f"launchdarkly:{settings.launchdarkly_api_uri}"
        ca_file = settings.launchdarkly_ca_file
        self._config = Config(
            settings.launchdarkly_sdk_key.reveal().strip(),
            base_uri=settings.launchdarkly_base_uri,
            stream_uri=settings.launchdarkly_stream_uri,
            http=HTTPConfig(ca_certs=None if ca_file is None else str(ca_file)),
        )
        self._http = SdkHttp(self._config)

    def read(self) -> FlagRead:
        """Return the flags as the SDKs get them now.

        Raises:
            FlagSourceError: LaunchDarkly cannot be read; the message gives the reason and says what to do.
        """
        raw = self._put() if self._settings.launchdarkly_stream else self._latest()
        try:
            data, problems = read_flag_data(raw)
        except FlagSourceError:
            raise FlagSourceError(f"{self._config.base_uri}: {UNREADABLE}; check the address, and any proxy in between") from None
        return FlagRead(data=data, token=None, raw=None, problems=problems)

    def write(self, read: FlagRead, key: str, flag: Mapping[str, Any], *, comment: str) -> FlagRead:
        """Write the flag, if it is unchanged since it was read. See `FlagEditor`.

        The kill switch is written regardless of other edits: it must never be refused.

        Raises:
            FlagSourceError: LaunchDarkly has no such flag, or cannot be reached.
            EditConflictError: the flag was edited since it was read.
            RefusedError: LaunchDarkly refused the edit.
        """
        before = read.data.live(key)
        if before is None:
            raise FlagSourceError(
                f"{self.name}: {key} does not exist in the project `{self._project}`; create it (docs/migration/launchdarkly.md)"
            )
        flag = {**flag, "key": key}
        with self._api() as api:
            patch = self._patch(before, flag, api.flag(key, self._environment), comment)
            if patch is not None:
                try:
                    api.patch(key, patch)
                except RefusedError as error:
                    if error.status in _CONFLICTS:
                        self._refuse_other(before, api.flag(key, self._environment))
                    raise
                except UnknownOutcomeError as error:
                    return self._look_after(api, read, flag, error)
            return self._confirmed(api, read, flag)

    def archive(self, read: FlagRead, key: str, *, comment: str) -> None:
        """Archive a flag, if it is unchanged since it was read. LaunchDarkly archives it in all environments, and SDKs no longer get it.

        Raises:
            FlagSourceError: LaunchDarkly has no such flag, cannot be reached, or does not show the flag as archived afterwards.
            EditConflictError: the flag was edited since it was read.
            RefusedError: LaunchDarkly refused it, for example because another flag has it as a prerequisite.
        """
        before = read.data.live(key)
        if before is None:
            raise FlagSourceError(f"{self.name}: {key} does not exist in the project `{self._project}`, so it cannot be archived")
        with self._api() as api:
            self._refuse_other(before, api.flag(key, self._environment))
            try:
                api.patch(key, archived(before, self._environment, comment))
            except RefusedError as error:
                if error.status in _CONFLICTS:
                    self._refuse_other(before, api.flag(key, self._environment))
                raise
            if api.flag(key, self._environment).get("archived") is not True:
                raise FlagSourceError(f"{self.name}: the archiving of {key} was accepted, but the flag is not archived; check it there")

    def requested_elsewhere(self, key: str) -> tuple[str, ...]:
        """Return the project's other environments whose SDKs asked for the flag in the last seven days, by LaunchDarkly's own status.

        Raises:
            FlagSourceError: LaunchDarkly cannot be reached, or does not show the status.
        """
        with self._api() as api:
            return tuple(sorted(name for name in api.active_environments(key) if name != self._environment))

    def _patch(self, before: Json, flag: Json, shown: Json, comment: str) -> Patch | None:
        """Return the edit in the suitable format; None: the flag already is in the state that the edit wants. Raises EditConflictError."""
        if flag["key"] == KILL_SWITCH:
            return semantic_patch(before, flag, shown, self._environment, comment)
        if shown["environments"][self._environment].get("version") != before["version"]:
            self._refuse_other(before, shown)
        return json_patch(before, flag, shown, self._environment, comment)

    def _is_there(self, before: Json, flag: Json, shown: Json) -> tuple[str, ...]:
        """Return the names of the parts in which the current flag differs from the edit."""
        others = differences(flag, shown, self._environment)
        if others and flag["key"] == KILL_SWITCH and semantic_patch(before, flag, shown, self._environment, "") is None:
            return ()  # all parts that the edit sets are there; other parts may be changed by other people
        return others

    def _confirmed(self, api: RestApi, read: FlagRead, flag: Json) -> FlagRead:
        """Return the current flag, which should be the result of the edit."""
        key = flag["key"]
        try:
            shown = api.flag(key, self._environment)
        except FlagSourceError as error:
            raise FlagSourceError(f"{key}: the edit was accepted, but could not be read back ({error}); check with `stage show`") from None
        now = held(flag, shown, self._environment)
        if others := self._is_there(read.data.flags[key], flag, shown):
            raise FlagSourceError(
                f"{self.name}: the edit of {key} was accepted, but at version {now['version']} {', '.join(others)} differ: another "
                "edit was made right after it; check the flag"
            )
        return FlagRead(data=read.data.with_flag(key, now), token=None, raw=None, problems=read.problems)

    def _look_after(self, api: RestApi, read: FlagRead, flag: Json, error: UnknownOutcomeError) -> FlagRead:
        """Find out the result of an edit that had no answer."""
        key = flag["key"]
        try:
            shown = api.flag(key, self._environment)
        except FlagSourceError:
            raise FlagSourceError(f"{error}; it is not known whether the edit of {key} was accepted; check with `stage show`") from None
        if self._is_there(read.data.flags[key], flag, shown):
            raise FlagSourceError(f"{error}; the edit of {key} was not made; try again") from None
        return self._confirmed(api, read, flag)

    def _refuse_other(self, before: Json, shown: Json) -> None:
        """Raise EditConflictError if the API's flag differs from the flag that was read."""
        version = shown["environments"][self._environment].get("version")
        if others := differences(before, shown, self._environment):
            raise EditConflictError(self.name, (f"{before['key']}: version {before['version']} -> {version}, other {', '.join(others)}",))

    @contextmanager
    def _api(self) -> Iterator[RestApi]:
        settings = self._settings
        token = settings.launchdarkly_api_token.reveal().strip()
        if not (token.isascii() and token.isprintable()):
            raise FlagSourceError(f"{self.name}: {API_TOKEN} has characters that no token has; set it again")
        for value, name in ((token, "API_TOKEN"), (self._project, "PROJECT"), (self._environment, "ENVIRONMENT")):
            if not value:
                raise FlagSourceError(f"{self.name}: edits need NETRA_MIGRATION_LAUNCHDARKLY_{name} (docs/migration/launchdarkly.md)")
        pool = self._http.pool(settings.launchdarkly_api_uri)
        try:
            yield RestApi(pool, settings.launchdarkly_api_uri, token, self._project, patience_s=self._patience_s)
        finally:
            close(pool)

    def _latest(self) -> bytes:
        """Return LaunchDarkly's answer to a poll of the SDK."""
        base, pool = self._config.base_uri, self._http.pool(self._config.base_uri)
        try:
            answer = ask(pool, "GET", f"{base}/sdk/latest-all", headers=self._http.headers, limits=_LIMITS)
        except AskError as error:
            raise FlagSourceError(f"{base}: {error}") from None
        finally:
            close(pool)
        if answer.status != HTTPStatus.OK or answer.is_page:
            raise FlagSourceError(f"{base}: {PAGE if answer.status == HTTPStatus.OK else status_trouble(answer.status)}")
        return answer.body

    def _put(self) -> bytes:
        """Return the first message of the SDK's stream, which contains everything. The Relay Proxy offers no other way to read all flags.

        Raises:
            FlagSourceError: the stream did not send it in time.
        """
        base = self._config.stream_base_uri
        timeout = urllib3.Timeout(connect=_LIMITS.connect_s, read=_LIMITS.answer_s)
        pool = PromptPool(self._http.pool(base))
        client = SSEClient(ConnectStrategy.http(f"{base}/all", self._http.headers, pool, {"timeout": timeout}))
        # A socket's time-out starts again with every byte, so the whole read needs a separate limit.
        end = threading.Timer(_LIMITS.connect_s + _LIMITS.answer_s, client.close)
        end.daemon = True
        end.start()
        try:
            found: str | None = next((event.data for event in client.events if event.event == "put"), None)
        except Exception as error:  # noqa: BLE001 - whatever happened to the stream, nothing was read
            status = getattr(error, "status", None)
            what = status_trouble(status) if isinstance(status, int) else text_trouble(str(error))
            raise FlagSourceError(f"{base}: {what}") from None
        finally:
            end.cancel()
            client.close()
            pool.close()
        if found is None:
            raise FlagSourceError(f"{base}: {LATE}, or ended the connection before it sent its flags")
        return found.encode()
