"""The demo's first act: the surface of tool calls moves along a short ramp by itself, while users ask continuously.

1. `rollout start`: the controller, a process of its own, promotes the surface to its first steps.
2. The gate holds until there are enough comparisons.
3. The candidate of the first build has a regression: the controller rolls the surface back.
4. The second build, without the regression, is deployed; `rollout resume`.
5. The gate holds again, and then promotes the surface: the candidate serves half of the tenants.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Final

from migration.flags.editors import FileEditor
from migration.flags.meaning import surface_flag_key
from migration.history import OF_RAMPS, Entry, History
from migration.model import Stage
from migration.rollout import Rollout, RolloutStore
from netra_backend.app.execution.demo.backend import Backend, BackendError
from netra_backend.app.execution.demo.progress import Progress
from netra_backend.app.execution.demo.regression import ENGINES, RAMPED

RAMP: Final = Path(__file__).with_name("ramp.toml")
FIRST, SECOND = {"NETRA_MIGRATION_BUILD": "1", "NETRA_MIGRATION_ENGINES": ENGINES}, {"NETRA_MIGRATION_BUILD": "2"}
_STEP_S: Final = 90.0  #: a limit for busy machines; it normally takes a few seconds
_LOOK_S: Final = 0.2
_PAUSE_S: Final = 0.2  #: between two questions of a user
_OK: Final = 200


class Ramping:
    """Plays the act.

    Args:
        backend: runs its first build.
        progress: updated with each decision of the controller.
        tell: called when `progress` has changed.
        tenants: whose users ask.
    """

    def __init__(self, backend: Backend, progress: Progress, tell: Callable[[], None], tenants: list[str]) -> None:
        self._backend, self._progress, self._tell, self._tenants = backend, progress, tell, tenants
        self._asked = self._answered = 0

    async def play(self) -> None:
        """Run all steps.

        Raises:
            BackendError: the ramp does not come to its end.
        """
        self._phase(f"{RAMPED} begins its ramp; its candidate has a planted regression")
        await self._backend.control()
        await self._backend.command("netra-migration", "backfill", RAMPED)  # the stages from `shadow` on need it
        await self._backend.command("netra-migration", "rollout", "start", RAMPED, "--ramp", str(RAMP), "--reason", "the demo")
        await self._until(lambda ramp: ramp.at is not None and ramp.at.stage is Stage.DUALWRITE)
        await self._backend.until(self._follows, "following the ramp", _STEP_S)  # a run before that would need another backfill
        async with self._asking():
            await self._until(lambda ramp: ramp.state == "rolled back")
        self._phase(f"build 2 of {RAMPED}, without the regression, is deployed")
        await self._backend.deploy(SECOND)
        await self._backend.command("netra-migration", "rollout", "resume", RAMPED, "--reason", "build 2 has no regression")
        async with self._asking():
            await self._until(lambda ramp: ramp.state == "complete")
        self._check()

    def _check(self) -> None:
        decisions, check = self._progress.decisions, self._progress.check
        back = [number for number, one in enumerate(decisions) if "rolled back" in one.what]
        held = [one for one in decisions if f"{RAMPED}: holds at shadow" in one.what]
        promoted = [one for one in decisions[back[-1] :] if "promoted to live" in one.what] if back else []
        check(bool(held), f"the gate held: {_sentence(held)}")
        check(len(back) == 1, f"the planted regression was rolled back: {_sentence([decisions[number] for number in back])}")
        check(len(promoted) == 1, f"its fix was promoted: {_sentence(promoted)}")
        check(self._asked == self._answered, f"all {self._asked} tool calls were answered meanwhile")

    @asynccontextmanager
    async def _asking(self) -> AsyncIterator[None]:
        """Have one user of each tenant ask again and again."""
        stop = asyncio.Event()
        users = [asyncio.create_task(self._ask(tenant, stop)) for tenant in self._tenants]
        try:
            yield
        finally:
            stop.set()
            await asyncio.gather(*users)

    async def _ask(self, tenant: str, stop: asyncio.Event) -> None:
        token = self._backend.token(tenant, f"{tenant}-user")
        while not stop.is_set():
            self._asked += 1
            status = await self._backend.post("/api/tools/price_lookup", token, {"arguments": {"model": "gpt-4o"}})
            self._answered += status == _OK
            await asyncio.sleep(_PAUSE_S)

    async def _follows(self) -> bool:
        """Return whether the server follows the flag as it is now."""
        data = FileEditor(self._backend.settings.path(self._backend.settings.flags_file)).read().data
        version: int = data.flags[surface_flag_key(RAMPED)]["version"]
        return (await self._backend.metrics()).sum("migration_flag_version", surface=RAMPED) >= version

    async def _until(self, there: Callable[[Rollout], bool]) -> None:
        """Wait until the ramp is there; show each decision when it is made."""
        deadline = asyncio.get_running_loop().time() + _STEP_S
        while not there(found := self._look()):
            if asyncio.get_running_loop().time() > deadline:
                why = " ".join((found.decision or {}).get("reasons", ()))
                raise BackendError(f"the ramp of {RAMPED} is still {found.state} at {found.at} after {_STEP_S:.0f} s: {why}")
            await asyncio.sleep(_LOOK_S)

    def _look(self) -> Rollout:
        with (
            closing(RolloutStore.of_settings(self._backend.settings)) as store,
            closing(History.of_settings(self._backend.settings)) as log,
        ):
            found = store.rollout(RAMPED)
            decisions = [one for one in reversed(log.entries(RAMPED)) if one.kind in OF_RAMPS]
        for one in decisions[len(self._progress.decisions) :]:
            self._progress.decisions.append(one)
            self._phase(_sentence([one]))
        if found is None:
            raise BackendError(f"the ramp of {RAMPED} was not started")
        return found

    def _phase(self, phase: str) -> None:
        self._progress.phase = phase
        self._tell()


def decided(decision: Entry) -> str:
    """Return what was decided, without the details."""
    return decision.what.partition(";")[0].replace(str(RAMP), RAMP.name)


def because(decision: Entry) -> str:
    """Return the first reason of a decision that is not about time alone; "" if it has none."""
    reasons = [f"{one.rstrip('.')}." for one in decision.why.split(". ") if one]
    return next((one for one in reasons if not one.startswith("The step has to last")), reasons[0] if reasons else "")


def _sentence(decisions: list[Entry]) -> str:
    """Return the last decision with its first reason."""
    if not decisions:
        return "it was not"
    what = decided(decisions[-1])
    return f"{what}: {reason}" if (reason := because(decisions[-1])) else what
