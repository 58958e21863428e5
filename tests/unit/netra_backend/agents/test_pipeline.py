"""Which steps run, in what order, and what stops them."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from netra_backend.app.agents.supervisor.execution_context import (
    AgentExecutionContext,
    AgentExecutionResult,
    ExecutionStrategy,
    PipelineStep,
)
from netra_backend.app.agents.supervisor.pipeline import run_pipeline, runs_in_parallel

SEQUENTIAL, PARALLEL, CONDITIONAL = ExecutionStrategy


def step(name: str, strategy: ExecutionStrategy = SEQUENTIAL, **changes: Any) -> PipelineStep:
    return PipelineStep(agent_name=name, strategy=strategy, **changes)


@pytest.mark.parametrize(
    ("steps", "parallel"),
    [
        ([step("a", PARALLEL), step("b", PARALLEL)], True),
        ([step("a", PARALLEL), step("b", CONDITIONAL)], True),
        ([step("a", PARALLEL)], False),
        ([step("a", CONDITIONAL), step("b", CONDITIONAL)], False),
        ([step("a", PARALLEL), step("b", SEQUENTIAL)], False),
        ([step("a", PARALLEL), step("b", PARALLEL, dependencies=("a",))], False),
        ([], False),
    ],
)
def test_steps_run_side_by_side_only_when_all_of_them_allow_it(steps: list[PipelineStep], parallel: bool) -> None:
    assert runs_in_parallel(steps) is parallel


class Recorder:
    """Executes: the named agents fail, all others answer with their name."""

    def __init__(self, *failing: str) -> None:
        self.failing = failing
        self.seen: list[tuple[str, dict[str, str]]] = []

    async def __call__(self, context: AgentExecutionContext) -> AgentExecutionResult:
        self.seen.append((context.agent_name, dict(context.metadata["results"])))
        success = context.agent_name not in self.failing
        data = {"final_answer": context.agent_name.upper()} if success else {}
        return AgentExecutionResult(success=success, agent_name=context.agent_name, duration_s=0.0, data=data)


Execution = Callable[..., AgentExecutionContext]


async def test_each_step_gets_the_answers_of_those_before_it(execution: Execution) -> None:
    recorder = Recorder()
    await run_pipeline([step("a"), step("b"), step("c")], execution(), recorder)
    assert recorder.seen == [("a", {}), ("b", {"a": "A"}), ("c", {"a": "A", "b": "B"})]


async def test_the_first_failure_stops_the_pipeline(execution: Execution) -> None:
    results = await run_pipeline([step("a"), step("b"), step("c")], execution(), Recorder("b"))
    assert [(result.agent_name, result.success) for result in results] == [("a", True), ("b", False)]


async def test_a_step_may_let_the_pipeline_go_on_after_its_failure(execution: Execution) -> None:
    results = await run_pipeline([step("a", continue_on_error=True), step("b")], execution(), Recorder("a"))
    assert [result.agent_name for result in results] == ["a", "b"]


async def test_a_step_whose_dependency_failed_is_skipped(execution: Execution) -> None:
    steps = [step("a", continue_on_error=True), step("b", dependencies=("a",)), step("c")]
    results = await run_pipeline(steps, execution(), Recorder("a"))
    assert [result.agent_name for result in results] == ["a", "c"]


def broken(_context: AgentExecutionContext) -> bool:
    raise KeyError("no such field")


async def async_no(_context: AgentExecutionContext) -> bool:
    return False


@pytest.mark.parametrize(
    ("condition", "runs"), [(None, True), (lambda _: True, True), (lambda _: False, False), (async_no, False), (broken, False)]
)
@pytest.mark.parametrize("strategy", [CONDITIONAL, PARALLEL])
async def test_a_condition_that_is_false_or_fails_skips_its_step(
    condition: Any, runs: bool, strategy: ExecutionStrategy, execution: Execution
) -> None:
    steps = [step("a", strategy, condition=condition), step("b", strategy)]
    results = await run_pipeline(steps, execution(), Recorder())
    assert [result.agent_name for result in results] == (["a", "b"] if runs else ["b"])


async def test_parallel_steps_meet_and_their_results_keep_the_order_of_the_steps(execution: Execution) -> None:
    barrier = asyncio.Barrier(2)
    recorder = Recorder()

    async def meet(context: AgentExecutionContext) -> AgentExecutionResult:
        await barrier.wait()
        return await recorder(context)

    results = await run_pipeline([step("a", PARALLEL), step("b", PARALLEL)], execution(), meet)
    assert [result.agent_name for result in results] == ["a", "b"]
    assert sorted(recorder.seen) == [("a", {}), ("b", {})]


async def test_an_exception_of_a_parallel_step_is_raised_after_the_others_have_ended(execution: Execution) -> None:
    ended = []

    async def execute(context: AgentExecutionContext) -> AgentExecutionResult:
        if context.agent_name == "a":
            raise KeyError("a")
        await asyncio.sleep(0)
        ended.append(context.agent_name)
        return AgentExecutionResult(success=True, agent_name=context.agent_name, duration_s=0.0)

    with pytest.raises(KeyError):
        await run_pipeline([step("a", PARALLEL), step("b", PARALLEL)], execution(), execute)
    assert ended == ["b"]
