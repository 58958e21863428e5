"""A client of LaunchDarkly over one set of flags: it connects to nothing, sends nothing and starts no thread."""

import logging
import threading
from collections.abc import Mapping
from typing import Any

from ldclient import Config
from ldclient.client import LDClient
from ldclient.interfaces import UpdateProcessor
from ldclient.versioned_data_kind import VersionedDataKind

Whole = Mapping[VersionedDataKind, Mapping[str, dict[str, Any]]]
"""The data that the SDK's store is initialised with."""


def _says_more(record: logging.LogRecord) -> bool:
    return record.msg not in ("Started LaunchDarkly Client: OK", "Closing LaunchDarkly client..")


# Several such clients are made and closed at each change of the flags, so these log lines would not help.
logging.getLogger("ldclient.util").addFilter(_says_more)


def offline_client(whole: Whole) -> LDClient:
    """Return the client.

    Raises:
        Exception: the SDK does not accept these flags. It has no specific exception type for that.
    """
    config = Config(
        "sdk-key-not-needed-without-a-connection",
        update_processor_class=lambda config, _store, ready: _Given(whole, config, ready),
        send_events=False,
        diagnostic_opt_out=True,
    )
    return LDClient(config, start_wait=0)


class _Given(UpdateProcessor):
    """Passes one set of flags to a client, once."""

    def __init__(self, whole: Whole, config: Config, ready: threading.Event) -> None:
        self._whole, self._config, self._ready, self._taken = whole, config, ready, False

    def start(self) -> None:
        if (sink := self._config.data_source_update_sink) is not None:
            sink.init(self._whole)
        self._taken = True
        self._ready.set()

    def stop(self) -> None:
        pass

    def initialized(self) -> bool:
        return self._taken
