"""LaunchDarkly's clients in a serving process: one gets flags from a source and sends events; the other reads the same flags and sends
nothing.
"""

import logging
from collections.abc import Callable
from typing import Final

from ldclient import Config
from ldclient.client import LDClient
from ldclient.feature_store import InMemoryFeatureStore
from ldclient.interfaces import EventProcessor, UpdateProcessor

from migration.flags.intake.intake import FlagIntake
from migration.flags.meaning.evaluation import FlagEvaluator
from migration.flags.sources.source import FlagSource

_START_WAIT_S: Final = 5.0


def fed_client(
    source: FlagSource,
    intake: FlagIntake,
    store: InMemoryFeatureStore,
    lost: Callable[[str], None],
    *,
    private: frozenset[str],
    event_processor: Callable[[Config], EventProcessor] | None,
) -> tuple[LDClient, bool]:
    """Return a client whose flags come from the source through the intake, and whether its events are sent.

    Args:
        source: the source of flags.
        intake: checks the flags and stores the valid ones.
        store: contains the flags that the intake accepted.
        lost: called with a sentence about events that were lost.
        private: attributes of tenants that are never sent in an event.
        event_processor: makes the processor of events; None: use the source's.
    """
    logging.getLogger("ldclient.util").addFilter(_said_once)

    def processor(config: Config, _store: object, ready: object) -> UpdateProcessor:
        intake.connect(config.data_source_update_sink)
        # The SDK's own processors take their sink from this attribute, which has no setter. There is no other way to make them feed the
        # intake.
        config._data_source_update_sink = intake  # noqa: SLF001 - no setter
        return source.processor(config, intake, ready)  # type: ignore[arg-type]  # the SDK gives an Event

    options = dict(source.options(lost))
    if event_processor is not None:
        options |= {"send_events": True, "event_processor_class": event_processor}
    config = Config(
        **options, feature_store=store, update_processor_class=processor, private_attributes=set(private), diagnostic_opt_out=True
    )
    return LDClient(config, start_wait=_START_WAIT_S), config.send_events


def quiet_evaluator(store: InMemoryFeatureStore) -> FlagEvaluator:
    """Return an evaluator over the flags in the store; it sends no events."""
    config = Config(
        "sdk-key-not-needed-without-a-connection",
        feature_store=store,
        update_processor_class=lambda _config, _store, _ready: _Nothing(store),
        send_events=False,
        diagnostic_opt_out=True,
    )
    return FlagEvaluator(LDClient(config, start_wait=0))


class _Nothing(UpdateProcessor):
    """The update processor of a client that only reads a store, which another client fills."""

    def __init__(self, store: InMemoryFeatureStore) -> None:
        self._store = store

    def start(self) -> None:
        pass

    def stop(self) -> None:
        pass

    def initialized(self) -> bool:
        return bool(self._store.initialized)


def _said_once(record: logging.LogRecord) -> bool:
    """Return False for the message that the SDK logs at every evaluation without known flags: `FlagStatus.error` reports this once."""
    return not record.getMessage().startswith("Feature Flag evaluation attempted before client has initialized!")
