"""The ramp: the planned path of a surface through stages and percentages, as a TOML file, with the rules of each step's gate.

```toml
[gate]                        # rules for the gate of every step; rules that are not named have their default in `GateRules`
most-divergent = "2 %"

[[step]]
stage = "shadow"
cohort = "pilots"             # or: percent = 10

[[step]]
stage = "shadow"
percent = 100
gate.soak = "24 h"            # this step alone

[cohorts]                     # tenants that move together
pilots = ["acme", "globex"]
```

A gate decides when the ramp may *leave* its step. Shares are written as "2 %", times as "30 min", "24 h" or "7 d". The name of a count
says what is counted. A ramp is complete when it reaches its last step.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import msgspec

from migration.model import Stage
from migration.rollout.gate_rules import Gate, read_gate
from migration.stages import PLANS, STAGE_ORDER
from migration.toml_text import TomlText

DEFAULT_RAMP: Final = Path(__file__).with_name("default_ramp.toml")

_ALL: Final = 100.0


class StepText(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="kebab"):
    """A step, as it is written in the file."""

    stage: Stage
    percent: float | None = None
    cohort: str | None = None
    gate: dict[str, Any] = {}


class RampText(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="kebab"):
    """A ramp, as it is written."""

    gate: dict[str, Any] = {}
    step: list[StepText] = []
    cohorts: dict[str, list[str]] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of a ramp: the tenants that it moves, their stage, and the gate before the next step."""

    stage: Stage
    percent: float | None  #: above 0, at most 100; None: a cohort
    cohort: str | None  #: None: a percentage
    gate: Gate
    tenants: tuple[str, ...] = ()  #: the tenants of the cohort; (): a percentage

    @property
    def name(self) -> str:
        """Return the step in words, e.g. "live 10 %"."""
        return f"{self.stage.value} {self.cohort if self.percent is None else f'{self.percent:g} %'}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ramp:
    """The steps of a surface, in order."""

    source: str  #: the file
    steps: tuple[Step, ...]
    text: str = ""  #: TOML
    cohorts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  #: the tenants of each cohort


def read_ramp(file: Path = DEFAULT_RAMP) -> Ramp:
    """Return the ramp of a file.

    Raises:
        ConfigurationError: it cannot be read; a field is missing, unknown or out of range; a step leads back, or skips a stage. The message
            names the line.
    """
    return _ramp(TomlText.of(file, "the ramp"))


def parse_ramp(written: str, source: str) -> Ramp:
    """Return the ramp of a TOML text; `source` is named in errors. Raises ConfigurationError as `read_ramp` does."""
    return _ramp(TomlText(written, source))


def _ramp(text: TomlText) -> Ramp:
    written = text.read(RampText)
    if not written.step:
        raise text.error("the ramp has no step; write [[step]] with a stage and a percent")
    read_gate(text, written.gate, ("gate",))
    cohorts = {name: _cohort(text, name, tenants) for name, tenants in written.cohorts.items()}
    steps = [_step(text, written, cohorts, number) for number in range(len(written.step))]
    for number in range(len(steps)):
        if problem := _order(steps[:number], steps[number]):
            raise text.error(problem, "step", number)
    return Ramp(source=text.source, steps=tuple(steps), text=text.written, cohorts=cohorts)


def _cohort(text: TomlText, name: str, tenants: list[str]) -> tuple[str, ...]:
    if not tenants or not all(tenant.strip() for tenant in tenants):
        raise text.error(f"the cohort {name} needs ids of tenants, and none of them is empty", "cohorts", name)
    return tuple(dict.fromkeys(tenants))


def _step(text: TomlText, ramp: RampText, cohorts: Mapping[str, tuple[str, ...]], number: int) -> Step:
    written = ramp.step[number]
    at = ("step", number)
    if (written.percent is None) == (written.cohort is None):
        raise text.error("a step has either a percent or a cohort", *at)
    if written.percent is not None and not 0.0 < written.percent <= _ALL:
        raise text.error(f"percent is {written.percent:g}; it lies above 0 and is at most 100", *at, "percent")
    if written.cohort is not None and written.cohort not in cohorts:
        raise text.error(f'"{written.cohort}" is not a cohort of this ramp; list its tenants in [cohorts]', *at, "cohort")
    tenants = cohorts.get(written.cohort or "", ())
    gate = read_gate(text, ramp.gate | written.gate, (*at, "gate"))
    if tenants and PLANS[written.stage].shadows is not None and len(tenants) < gate.least_tenants:
        raise text.error(
            f"the cohort {written.cohort} has {len(tenants)} tenants, and its gate needs {gate.least_tenants}; set gate.least-tenants", *at
        )
    return Step(stage=written.stage, percent=written.percent, cohort=written.cohort, gate=gate, tenants=tenants)


def _order(before: list[Step], step: Step) -> str | None:
    """Return what is wrong with a step that follows these steps; None: nothing."""
    last = before[-1].stage if before else Stage.OFF
    place = STAGE_ORDER.index(step.stage) - STAGE_ORDER.index(last)
    if place < 0:
        return f"{step.stage.value} comes after {last.value}: a ramp leads forwards; a rollback needs no step"
    if place > 1:
        return f"{last.value} -> {step.stage.value} skips a stage; go to {STAGE_ORDER[STAGE_ORDER.index(last) + 1].value} first"
    if place == 1 and before and before[-1].percent != _ALL:
        return f"{step.stage.value} begins before everybody is at {last.value}; have a step with percent = 100 at {last.value} first"
    if place == 0 and step.stage is Stage.OFF:
        return "a ramp begins after off, with dualwrite"
    return _falling(before, step)


def _falling(before: list[Step], step: Step) -> str | None:
    """Return what is wrong with a step that should move more tenants to its stage than these steps; None: nothing."""
    if step.cohort is not None and any((one.stage, one.cohort) == (step.stage, step.cohort) for one in before):
        return f"{step.name} is there twice: the cohort is at {step.stage.value} already"
    reached = max((one.percent or 0.0 for one in before if one.stage is step.stage), default=0.0)
    if (step.percent or _ALL) <= reached:
        return f"{step.name} comes after {reached:g} %: a percentage rises from step to step"
    return None
