"""docs/migration/adapters.md: its code, as it stands there, makes engines that match themselves."""

import re
import sqlite3
from contextlib import nullcontext
from pathlib import Path

import agents
import pytest

from migration.adapters.openai_agents import agents_engine
from migration.testing import Verdict, compared, explained

PAGE = Path(__file__).parents[4] / "docs" / "migration" / "adapters.md"
BLOCKS = re.findall(r"### ([^\n]*?): `\[.*?```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
agents.set_trace_processors([])  # there is nobody who takes traces


@pytest.mark.parametrize("code", [code for _, code in BLOCKS], ids=[name for name, _ in BLOCKS])
async def test_the_pages_engine_matches_itself_and_asks_once_a_run(endpoint, surface, monkeypatch, code):
    for name in ("OPENAI", "ANTHROPIC"):
        monkeypatch.setenv(f"{name}_BASE_URL", endpoint.url)
        monkeypatch.setenv(f"{name}_API_KEY", "sk-none")
    told = {}
    exec(code, told)  # noqa: S102 - the page is ours
    async with told.get("client", nullcontext()):
        comparison = await compared("bot", {"question": "Hi"}, engines=lambda _surface, _origin: told["engine"])
    assert comparison.verdict is Verdict.MATCH, explained(comparison)
    assert len(endpoint.asked) == 1


async def test_the_pages_tool_is_told_apart_from_its_twin(endpoint, surface, monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", endpoint.url)
    _, code, tool = re.findall(r"### OpenAI Agents SDK.*?### ", PAGE.read_text(), re.DOTALL)[0].split("```python\n")
    told = {}
    exec(code.partition("```")[0], told)  # noqa: S102 - the page is ours
    exec(tool.partition("```")[0], told)  # noqa: S102 - the page is ours
    agent = agents.Agent(name="help", model=told["model"], tools=[told["weather"]])
    engine = agents_engine(agent, lambda request: request.body["question"])
    async with told["client"]:
        comparison = await compared("bot", {"question": "both"}, engines=lambda _surface, _origin: engine)
    assert comparison.verdict is Verdict.MATCH, explained(comparison)
    assert (len(endpoint.asked), comparison.effects_recorded, comparison.effects_replayed) == (2, 4, 4)


async def test_the_pages_database_is_read_once_for_both(surface, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with sqlite3.connect("shop.db") as database:
        database.executescript("CREATE TABLE product (name); INSERT INTO product VALUES ('lamp'), ('desk')")
    database.close()
    told = {}
    exec(PAGE.read_text().partition("## Databases")[2].partition("```python\n")[2].partition("```")[0], told)  # noqa: S102 - the page is ours
    comparison = await compared("bot", {}, engines=lambda _surface, _origin: told["engine"])
    told["database"].dispose()
    assert comparison.verdict is Verdict.MATCH, explained(comparison)
    assert (comparison.effects_recorded, comparison.effects_replayed) == (1, 1)


def test_every_adapter_is_on_the_page_with_its_extra():
    import migration.adapters

    public = {path.stem for path in Path(migration.adapters.__file__).parent.glob("*.py")} - {"__init__", "wire", "model_http"}
    assert {extra.replace("-", "_") for extra in re.findall(r"^### .*: `\[(.*)\]`$", PAGE.read_text(), re.MULTILINE)} == public
