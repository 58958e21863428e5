"""Runs the steps of a pipeline: concurrently when all of them allow it, otherwise in order."""

import asyncio
import inspect
import logging
from collections.abc import Awaitable, Callable, Sequence

from netra_backend.app.agents.supervisor.execution_context import (
    AgentExecutionContext,
    AgentExecutionResult,
    ExecutionStrategy,
    PipelineStep,
)

logger = logging.getLogger(__name__)

Execute = Callable[[AgentExecutionContext], Awaitable[AgentExecutionResult]]


def runs_in_parallel(steps: Sequence[PipelineStep]) -> bool:
    """Return whether the steps run concurrently: two or more steps, at least one PARALLEL, none SEQUENTIAL, none with dependencies."""
    strategies = {step.strategy for step in steps}
    return (
        len(steps) > 1
        and ExecutionStrategy.PARALLEL in strategies
        and ExecutionStrategy.SEQUENTIAL not in strategies
        and not any(step.dependencies for step in steps)
    )


async def run_pipeline(steps: Sequence[PipelineStep], context: AgentExecutionContext, execute: Execute) -> list[AgentExecutionResult]:
    """Return the results of the steps that ran, in order of the steps.

    When the steps run in order, each step gets the answers of the earlier ones, and the first failure of a step without `continue_on_error`
    stops the pipeline.

    Args:
        steps: what to run.
        context: the run; its agent name is not used.
        execute: executes one agent.

    Raises:
        Exception: an error of `execute`; when the steps run concurrently, the error of the first failed step, after all steps have ended.
    """
    if runs_in_parallel(steps):
        return await _side_by_side(steps, context, execute)
    return await _in_order(steps, context, execute)


async def _in_order(steps: Sequence[PipelineStep], context: AgentExecutionContext, execute: Execute) -> list[AgentExecutionResult]:
    results: list[AgentExecutionResult] = []
    answers: dict[str, str] = {}
    for step in steps:
        if any(name not in answers for name in step.dependencies) or not await _wanted(step, context):
            continue
        result = await execute(context.for_step(step.agent_name, answers))
        results.append(result)
        if result.success:
            answers[step.agent_name] = str(result.data.get("final_answer", ""))
        elif not step.continue_on_error:
            break
    return results


async def _side_by_side(steps: Sequence[PipelineStep], context: AgentExecutionContext, execute: Execute) -> list[AgentExecutionResult]:
    wanted = [step for step in steps if await _wanted(step, context)]
    outcomes = await asyncio.gather(*(execute(context.for_step(step.agent_name, {})) for step in wanted), return_exceptions=True)
    results: list[AgentExecutionResult] = []
    for outcome in outcomes:
        if isinstance(outcome, BaseException):
            raise outcome
        results.append(outcome)
    return results


async def _wanted(step: PipelineStep, context: AgentExecutionContext) -> bool:
    if step.condition is None:
        return True
    try:
        answer = step.condition(context)
        return bool(await answer if inspect.isawaitable(answer) else answer)
    except Exception as error:  # noqa: BLE001 - a condition that cannot be evaluated is not met
        logger.warning("step skipped: its condition failed", extra={"agent": step.agent_name, "error_type": type(error).__name__})
        return False
