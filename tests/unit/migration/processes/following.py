"""A process' flags, for tests: LaunchDarkly's own evaluation of what the test puts there."""

from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from migration.flags.intake.status import FlagStatus
from migration.flags.meaning.data import FlagData
from migration.flags.meaning.evaluation import FlagEvaluator

STAGES = ("off", "dualwrite", "shadow", "live", "rampdown", "complete")


def at(stage: str, version: int = 1, surface: str = "chat", pins: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Return a surface's flag that has everybody at one stage, but for those that are pinned."""
    return {
        "key": f"execution-engine-{surface}",
        "version": version,
        "on": True,
        "variations": list(STAGES),
        "offVariation": 0,
        "salt": "netra",
        "contextTargets": [
            {"contextKind": "tenant", "variation": STAGES.index(pin), "values": [tenant]} for tenant, pin in (pins or {}).items()
        ],
        "fallthrough": {"variation": STAGES.index(stage)},
    }


def kill_switch(on: bool, version: int = 1) -> dict[str, Any]:
    """Return the kill switch."""
    return {
        "key": "execution-engine-kill-switch",
        "version": version,
        "on": True,
        "variations": [False, True],
        "offVariation": 0,
        "salt": "x",
        "fallthrough": {"variation": int(on)},
    }


class Following:
    """Flags that hold until the test puts others there."""

    def __init__(self, *flags: dict[str, Any]) -> None:
        self.emergency = False
        self.up = True
        self._listeners: list[Callable[[], None]] = []
        self.evaluator = FlagEvaluator.of(FlagData())
        self.put(*flags)

    def put(self, *flags: dict[str, Any]) -> None:
        """Have these flags hold, and say so."""
        self.data = FlagData(flags={flag["key"]: flag for flag in flags})
        self.evaluator.close()
        self.evaluator = FlagEvaluator.of(self.data)
        for listener in self._listeners:
            listener()

    def status(self) -> FlagStatus:
        """Return that all is well."""
        return FlagStatus(source="file:flags.json", up=self.up, age_s=0.0, version=self.data.version, error=None, from_snapshot=False)

    def on_change(self, listener: Callable[[], None]) -> None:
        """Remember it."""
        self._listeners.append(listener)

    def close(self) -> None:
        """Close the evaluator."""
        self.evaluator.close()


class Shadow:
    """A shadow without a worker, until the test gives it one."""

    def __init__(self) -> None:
        self.waiting = 0
        self.worker_pid: int | None = None
        self.worker_ready = False
        self.worker_deaths: deque[tuple[int, int]] = deque()
