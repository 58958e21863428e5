"""Engines within limits, closed when nobody uses them, and every count a count of what happened."""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest

from netra_backend.app.agents.base import Agent, Answer, Task
from netra_backend.app.agents.registry import AgentRegistry
from netra_backend.app.agents.supervisor.agent_factory import UserAgentFactory
from netra_backend.app.agents.supervisor.execution_context import AgentExecutionContext
from netra_backend.app.agents.supervisor.execution_engine_factory import ExecutionEngineFactory, FactoryLimits
from netra_backend.app.errors import CapacityError, ExecutionEngineFactoryError, UserLimitExceededError
from netra_backend.app.services.user_execution_context import UserExecutionContext
from netra_backend.app.websocket.emitters import UserEmitter

MakeUser = Callable[..., UserExecutionContext]
MakeFactory = Callable[..., ExecutionEngineFactory]


async def hangs(agent: Agent, task: Task) -> Answer:
    await asyncio.Event().wait()
    return Answer(text="awake", step_count=0)


@pytest.fixture
def make_factory(make_registry: Callable[..., AgentRegistry], sink: Any) -> MakeFactory:
    """Build a factory on the running loop's time, whose agents hang."""

    class Bridge:
        def emitter_for(self, context: UserExecutionContext, /) -> UserEmitter:
            return UserEmitter(context, sink)

    def make(**limits: Any) -> ExecutionEngineFactory:
        agents = UserAgentFactory(make_registry(data=hangs))
        return ExecutionEngineFactory(Bridge(), agents, limits=FactoryLimits(**limits), clock=asyncio.get_running_loop().time)

    return make


def test_without_a_bridge_there_is_no_factory(make_registry: Callable[..., AgentRegistry]) -> None:
    with pytest.raises(ExecutionEngineFactoryError, match="bridge"):
        ExecutionEngineFactory(None, UserAgentFactory(make_registry()))


async def test_eight_simultaneous_creations_give_two_engines_and_six_refusals(make_factory: MakeFactory, make_user: MakeUser) -> None:
    factory = make_factory()
    outcomes = await asyncio.gather(
        *(factory.create_for_user(make_user(run_id=f"run-{number}")) for number in range(8)), return_exceptions=True
    )
    refused = [outcome for outcome in outcomes if isinstance(outcome, UserLimitExceededError)]
    assert (len(outcomes) - len(refused), len(refused)) == (2, 6)
    assert "2/2" in str(refused[0])
    metrics = factory.get_factory_metrics()
    assert (metrics["engines_created"], metrics["refused_user_limit"], metrics["active_engines"]) == (2, 6, 2)
    await factory.shutdown()


async def test_users_of_the_same_name_in_two_tenants_do_not_share_a_limit(make_factory: MakeFactory, make_user: MakeUser) -> None:
    factory = make_factory(engines_per_user=1)
    await factory.create_for_user(make_user())
    await factory.create_for_user(make_user(tenant_id="globex"))
    await factory.shutdown()


async def test_the_cap_of_all_users_together_holds(make_factory: MakeFactory, make_user: MakeUser) -> None:
    factory = make_factory(engines=1)
    await factory.create_for_user(make_user())
    with pytest.raises(CapacityError, match="1/1"):
        await factory.create_for_user(make_user(user_id="bob"))
    assert factory.get_factory_metrics()["refused_capacity"] == 1
    await factory.shutdown()


async def test_a_scope_gives_its_place_back_however_it_ends(make_factory: MakeFactory, make_user: MakeUser) -> None:
    factory = make_factory(engines_per_user=1)
    for _ in range(3):
        with pytest.raises(KeyError):
            async with factory.user_execution_scope(make_user()) as engine:
                raise KeyError("in the block")
        assert not engine.is_active()
    metrics = factory.get_factory_metrics()
    assert (metrics["engines_created"], metrics["engines_closed"], metrics["active_users"]) == (3, 3, 0)
    await factory.shutdown()


async def test_an_engine_is_closed_and_counted_once(make_factory: MakeFactory, make_user: MakeUser) -> None:
    factory = make_factory()
    engine = await factory.create_for_user(make_user())
    assert await asyncio.gather(factory.cleanup_engine(engine), factory.cleanup_engine(engine)) == [True, False]
    assert await factory.cleanup_engine(engine) is False
    assert factory.get_factory_metrics()["engines_closed"] == 1
    await factory.shutdown()


def test_idle_engines_are_swept_after_five_minutes_and_busy_ones_never(
    virtual: Callable[..., Any], make_factory: MakeFactory, make_user: MakeUser, execution: Callable[..., AgentExecutionContext]
) -> None:
    async def scenario() -> None:
        factory = make_factory(idle_age_s=10.0, sweep_every_s=4.0)
        idle = await factory.create_for_user(make_user(user_id="bob"))
        busy = await factory.create_for_user(make_user())
        busy.AGENT_EXECUTION_TIMEOUT = 1000.0  # type: ignore[misc]  # a long run, without a subclass
        work = asyncio.create_task(busy.execute_agent(execution()))
        await asyncio.sleep(9)
        assert idle.is_active()
        await asyncio.sleep(100)
        assert (idle.is_active(), busy.is_active()) == (False, True)
        assert [(row["user_id"], row["busy"]) for row in factory.get_active_engines_summary()] == [("ann", True)]
        assert factory.get_factory_metrics()["engines_swept"] == 1
        await factory.shutdown()
        await asyncio.wait({work})
        assert work.exception() is not None

    virtual(scenario())


async def test_all_engines_of_one_user_can_be_closed_at_once(make_factory: MakeFactory, make_user: MakeUser) -> None:
    factory = make_factory()
    for tenant in ("acme", "globex"):
        await factory.create_for_user(make_user(tenant_id=tenant))
        await factory.create_for_user(make_user(tenant_id=tenant, user_id="bob"))
    assert await factory.cleanup_user_context("ann", tenant_id="acme") == 1
    assert await factory.cleanup_user_context("bob") == 2
    assert [(row["tenant_id"], row["user_id"]) for row in factory.get_active_engines_summary()] == [("globex", "ann")]
    await factory.shutdown()


async def test_after_shutdown_everything_is_closed_and_creation_is_refused(make_factory: MakeFactory, make_user: MakeUser) -> None:
    factory = make_factory()
    engines = [await factory.create_for_user(make_user(user_id=name)) for name in ("ann", "bob")]
    await factory.shutdown()
    await factory.shutdown()
    assert [engine.is_active() for engine in engines] == [False, False]
    with pytest.raises(ExecutionEngineFactoryError, match="shut down"):
        await factory.create_for_user(make_user())


async def test_an_engine_that_cannot_be_closed_does_not_keep_its_place(
    make_factory: MakeFactory, make_user: MakeUser, caplog: pytest.LogCaptureFixture
) -> None:
    factory = make_factory(engines_per_user=1)
    engine = await factory.create_for_user(make_user())

    async def breaks() -> None:
        raise OSError("of ann")

    engine.cleanup = breaks  # type: ignore[method-assign]  # an engine that cannot be closed
    assert await factory.cleanup_engine(engine) is True
    assert (factory.get_factory_metrics()["cleanup_failures"], "of ann" in caplog.text) == (1, False)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(factory.user_execution_scope(make_user()))
    await factory.shutdown()
