"""The five tools on a database with a price list of two models."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncEngine

from netra_backend.app.services.action_plans import ActionPlans
from netra_backend.app.services.database import PriceRow
from netra_backend.app.services.unified_tool_registry.catalogue import default_registry
from netra_backend.app.services.unified_tool_registry.dispatcher import RegistryToolCaller
from netra_backend.app.services.unified_tool_registry.permissions import TenantPermissions
from netra_backend.app.services.unified_tool_registry.registry import ToolPorts
from netra_backend.app.services.usage_data import UsageData
from netra_backend.app.services.user_execution_context import UserExecutionContext

PRICES = [
    {"model": "big", "input_micro_usd": 2_000_000, "output_micro_usd": 8_000_000, "context_window": 200_000, "quality_tier": "frontier"},
    {"model": "small", "input_micro_usd": 200_000, "output_micro_usd": 800_000, "context_window": 100_000, "quality_tier": "economy"},
]


@pytest.fixture
def ports(engine: AsyncEngine) -> ToolPorts:
    return ToolPorts(usage=UsageData(engine), plans=ActionPlans(engine))


@pytest.fixture
async def call(engine: AsyncEngine, ports: ToolPorts, make_context: Callable[..., UserExecutionContext]) -> Callable[..., Awaitable[Any]]:
    """Call a tool as a user of a tenant."""
    async with engine.begin() as connection:
        await connection.execute(insert(PriceRow), PRICES)
    caller = RegistryToolCaller(default_registry(), ports, TenantPermissions(("lookers",)))

    async def call(name: str, *, tenant: str = "acme", **arguments: Any) -> Any:
        return await caller.call(make_context(tenant), name, arguments, lane="assistant")

    return call
