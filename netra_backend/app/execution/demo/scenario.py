"""The demo's steps, in order, and the conditions that must hold in the end.

1. The surface of tool calls moves along a ramp: a gate holds, a regression is rolled back, its fix is promoted (`ramping.py`).
2. For chats, six tenants are pinned to the six stages; a seventh starts at `off`.
3. All of them chat at once, through real WebSockets.
4. In the middle of that load the shadow worker is killed.
5. The seventh tenant moves `off -> dualwrite -> shadow -> live`, each time in the middle of one of its chats.
6. The kill switch is switched on and off again; at `complete` it changes nothing.
7. The other surfaces get requests as well: one-shot runs, batches and tool calls.
8. The shadows finish, and everything is counted.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Final

from migration.flags.editors import FileEditor
from migration.flags.edits import Flag, new_surface_flag, pin
from migration.flags.meaning import surface_flag_key
from migration.model import Origin, Stage
from migration.stages import PLANS, STAGE_ORDER
from netra_backend.app.execution.demo.backend import Backend, Metrics
from netra_backend.app.execution.demo.clients import Chat, User
from netra_backend.app.execution.demo.progress import Progress
from netra_backend.app.execution.demo.ramping import FIRST, Ramping
from netra_backend.app.execution.demo.regression import RAMPED

SURFACE: Final = "chat"
OTHERS: Final = ("oneshot", "batch")
PINNED: Final = dict(zip(("acme", "globex", "initech", "umbrella", "hooli", "stark"), STAGE_ORDER, strict=True))
MOVER: Final = "wayne"
PATH: Final = (Stage.DUALWRITE, Stage.SHADOW, Stage.LIVE)
CHATS_EACH: Final = 9
_PROPAGATE_S: Final = 20.0  #: the limit on a busy machine; an edit normally arrives within a fraction of a second
_DRAIN_S: Final = 40.0
_OK: Final = 200

#: The first two are the same for all users, to show the effect of control's shared cache.
_QUESTIONS: Final = (
    "Which model costs us most?",
    "How can we lower what we spend on gpt-4o?",
    "{tenant}: what did we use last month?",
    "{tenant}: what would it save to move half of gpt-4o to a smaller model?",
    "hello from {tenant}",
    "{tenant}: compare the prices of our models",
)


class Scenario:
    """Plays the demo against a backend.

    Args:
        backend: the backend; `play` starts it.
        progress: updated by `play`.
        tell: called when `progress` has changed.
    """

    def __init__(self, backend: Backend, progress: Progress, tell: Callable[[], None]) -> None:
        self._backend, self._progress, self._tell = backend, progress, tell
        self._users: dict[str, User] = {}
        self._surfaces = [surface for surface in backend.settings.surfaces if surface != RAMPED]
        self._editor = FileEditor(backend.settings.path(backend.settings.flags_file))

    async def play(self) -> None:
        """Run all steps.

        Raises:
            BackendError: the backend does not work as required, so the demo cannot go on.
        """
        tenants = [*PINNED, MOVER]
        self._phase("starting the backend")
        self._pin()
        try:
            await self._backend.start(tenants, FIRST)
            await Ramping(self._backend, self._progress, self._tell, tenants).play()
            await asyncio.gather(*(self._connect(tenant) for tenant in tenants))
            await self._load_with_a_dead_worker()
            await self._move()
            await self._kill_switch()
            await self._other_surfaces()
            await self._settle()
        finally:
            for user_connection in self._users.values():
                await user_connection.aclose()

    async def _connect(self, tenant: str) -> None:
        user = f"{tenant}-user"
        self._users[tenant] = await User.connect(self._backend.chat_url, self._backend.token(tenant, user), tenant, user)

    def _pin(self) -> None:
        """Write the first flag file, with one tenant at each stage. Only a new file can do this: operators cannot skip stages."""
        for surface in self._surfaces:
            flag: Flag = new_surface_flag(surface)
            for tenant, stage in PINNED.items():
                flag = pin(flag, surface, tenant, stage)
            self._editor.write(self._editor.read(), surface_flag_key(surface), flag, comment="the demo begins")
        self._progress.stages = PINNED | {MOVER: Stage.OFF}

    async def _load_with_a_dead_worker(self) -> None:
        self._phase("all users chat at once; the shadow worker is killed in the middle")
        half = CHATS_EACH * len(self._users) // 2
        killed = asyncio.Event()

        async def talk(user: User) -> None:
            for number in range(CHATS_EACH):
                await self._chat(user, _QUESTIONS[number % len(_QUESTIONS)])
                if len(self._progress.chats) >= half and not killed.is_set():
                    killed.set()
                    self._progress.check(self._backend.kill_worker(), "the shadow worker was killed with SIGKILL in the middle of the load")

        await asyncio.gather(*(talk(user) for user in self._users.values()))
        broken = [chat for _, chat in self._progress.chats if chat.outcome != "completed"]
        self._progress.check(not broken, f"all {len(self._progress.chats)} chats of that load completed: no user noticed")

        async def restarted() -> bool:
            return (await self._backend.metrics()).sum("migration_shadow_worker_restarts_total") > 0

        await self._backend.until(restarted, "restarting its shadow worker", _PROPAGATE_S)

    async def _move(self) -> None:
        """Move the seventh tenant through the stages while it chats."""
        user = self._users[MOVER]
        for stage in PATH:
            before = self._progress.stages[MOVER]
            self._phase(f"{MOVER} moves {before.value} -> {stage.value} while it chats")
            if stage is Stage.SHADOW:
                await self._backfill()
            # A chat that has begun when the flag changes keeps its plan; the next one follows the flag.
            begun = asyncio.Event()
            under_way = asyncio.create_task(
                self._chat(user, f"How can {MOVER} lower its spend on gpt-4o before {stage.value}?", begun=begun)
            )
            await begun.wait()
            # A demo cannot wait for evidence of hundreds of runs, so it overrides the gate, as an operator could.
            override = ("--force", "--reason", "the demo shows the stages")
            await self._operate("stage", "set", SURFACE, stage.value, "--tenant", MOVER, *override, known=self._at_version)
            overtaken = not under_way.done()
            pinned = await under_way
            self._progress.stages[MOVER] = stage
            self._progress.check(
                pinned.engine == PLANS[before].serves.value,
                f"a chat begun at {before.value} kept its plan while the tenant moved to {stage.value}"
                + (" before it ended" if overtaken else ""),
            )
            for number in (2, 3, 4):
                await self._chat(user, _QUESTIONS[number])

    async def _backfill(self) -> None:
        """Copy the finished runs; the stages from `shadow` on need them in both run stores."""
        report = json.loads(await self._backend.command("netra-migration", "backfill", SURFACE, "--json"))
        runs = sum(tenant["runs"] for tenant in report["tenants"])
        self._progress.check(report["whole"], f"all {runs} runs of the legacy store are in the user store, by count and digest per tenant")

    async def _at_version(self, metrics: Metrics) -> bool:
        version: int = self._editor.read().data.flags[surface_flag_key(SURFACE)]["version"]
        return metrics.sum("migration_flag_version", surface=SURFACE) >= version

    async def _kill_switch(self) -> None:
        self._phase("the kill switch is switched on")
        await self._operate("kill", "on", SURFACE, known=_killed(1))
        engines = {}
        for tenant, stage in self._progress.stages.items():
            engines[tenant] = (await self._chat(self._users[tenant], _QUESTIONS[2], stage=_under_kill_switch(stage))).engine
        complete = next(tenant for tenant, stage in PINNED.items() if stage is Stage.COMPLETE)
        self._progress.check(
            all(engine == Origin.CONTROL.value for tenant, engine in engines.items() if tenant != complete),
            "with the kill switch on, control served all tenants up to `rampdown`",
        )
        self._progress.check(engines[complete] == Origin.CANDIDATE.value, f"{complete}, at `complete`, was still served by the candidate")
        await self._operate("kill", "off", SURFACE, known=_killed(0))
        live = next(tenant for tenant, stage in PINNED.items() if stage is Stage.LIVE)
        back = await self._chat(self._users[live], _QUESTIONS[3])
        self._progress.check(back.engine == Origin.CANDIDATE.value, "with the kill switch off, the stages' plans held again")

    async def _other_surfaces(self) -> None:
        self._phase("one-shot runs, batches and tool calls")

        async def ask(tenant: str) -> list[int]:
            token = self._backend.token(tenant, f"{tenant}-user")
            question = {"message": f"{tenant}: what did we use last month?"}
            return [
                await self._backend.post("/api/agents/data/run", token, question),
                await self._backend.post("/api/batch", token, {"agent": "data", "items": [question]}),
                await self._backend.post("/api/tools/price_lookup", token, {"arguments": {"model": "gpt-4o"}}),
            ]

        answers = [status for statuses in await asyncio.gather(*(ask(tenant) for tenant in PINNED)) for status in statuses]
        self._progress.check(
            answers == [_OK] * len(answers), f"all {len(answers)} requests on the surfaces {', '.join((RAMPED, *OTHERS))} were answered"
        )

    async def _operate(self, *arguments: str, known: Callable[[Metrics], Awaitable[bool]]) -> None:
        """Run an operator's command and wait until the server's metrics show its effect."""
        await self._backend.command("netra-migration", *arguments, findings=True)

        async def follows() -> bool:
            return await known(await self._backend.metrics())

        await self._backend.until(follows, f"following `netra-migration {' '.join(arguments)}`", _PROPAGATE_S)

    async def _settle(self) -> None:
        self._phase("the last shadows finish")

        async def drained() -> bool:
            metrics = await self._backend.metrics()
            return metrics.sum("migration_shadow_waiting") == metrics.sum("migration_outbox_rows") == 0

        await self._backend.until(drained, "done with its shadows and its outbox", _DRAIN_S)
        metrics = await self._backend.metrics()
        chats = Counter((stage, chat.engine) for stage, chat in self._progress.chats)
        check = self._progress.check
        check(all(chat.outcome == "completed" for _, chat in self._progress.chats), f"all {len(self._progress.chats)} chats completed")
        check(
            all(engine == PLANS[stage].serves.value for stage, engine in chats), "every chat was served by the engine that its stage names"
        )
        asked = Counter(stage for stage, _ in self._progress.chats)
        self._count(SURFACE, asked, metrics)
        for surface in OTHERS:
            self._count(surface, Counter(PINNED.values()), metrics)
        compared = metrics.sum("migration_shadow_compared_total")
        check(compared > 0 and metrics.sum("migration_effects_total", mode="replayed") > 0, "shadows ran on recorded effects")
        check(metrics.sum("migration_effects_total", mode="performed_by_shadow") == 0, "shadows performed no effect")
        foreign = sum(chat.foreign_frames for _, chat in self._progress.chats if chat.engine == Origin.CANDIDATE.value)
        check(foreign == 0, "the candidate sent no user a frame of another user")

    def _count(self, surface: str, asked: Counter[Stage], metrics: Metrics) -> None:
        """Check that the server counted every request, and the result of every shadow."""
        served = {stage: metrics.sum("migration_runs_total", surface=surface, stage=stage.value) for stage in STAGE_ORDER}
        named = {
            stage: metrics.sum("migration_runs_total", surface=surface, origin=PLANS[stage].serves.value, stage=stage.value)
            for stage in served
        }
        fates = [metrics.sum(f"migration_shadow_{fate}_total", surface=surface) for fate in ("expected", "compared", "shed", "failed")]
        shadowed = sum(runs for stage, runs in asked.items() if PLANS[stage].shadows)
        self._progress.check(
            served == named == {stage: asked[stage] for stage in STAGE_ORDER},
            f"{surface}: the server counted every request at its stage",
        )
        told = "{:.0f} = {:.0f} compared + {:.0f} shed + {:.0f} failed".format(*fates)
        self._progress.check(fates[0] == sum(fates[1:]) == shadowed, f"{surface}: every run to be shadowed was counted: {told}")

    async def _chat(self, user: User, question: str, *, stage: Stage | None = None, begun: asyncio.Event | None = None) -> Chat:
        """Let the user ask, and record which stage's plan the chat must have."""
        planned = stage or self._progress.stages[user.tenant]
        chat = await user.chat(question.format(tenant=user.tenant), begun)
        self._progress.chats.append((planned, chat))
        self._tell()
        return chat

    def _phase(self, phase: str) -> None:
        self._progress.phase = phase
        self._tell()


def _under_kill_switch(stage: Stage) -> Stage:
    """Return the stage whose plan applies under the kill switch: control serves, and the same run stores are written.

    `complete` is unchanged.
    """
    return stage if stage in {Stage.OFF, Stage.COMPLETE} else Stage.DUALWRITE


def _killed(on: int) -> Callable[[Metrics], Awaitable[bool]]:
    async def known(metrics: Metrics) -> bool:
        return metrics.sum("migration_kill_switch", surface=SURFACE) == on

    return known
