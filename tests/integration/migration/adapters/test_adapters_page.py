"""docs/migration/adapters.md: its code, as it stands there, makes engines that match themselves."""

import re
from contextlib import nullcontext
from pathlib import Path

import agents
import pytest

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


def test_every_adapter_is_on_the_page_with_its_extra():
    import migration.adapters

    public = {path.stem for path in Path(migration.adapters.__file__).parent.glob("*.py")} - {"__init__", "wire", "model_http"}
    assert {extra.replace("-", "_") for extra in re.findall(r"^### .*: `\[(.*)\]`$", PAGE.read_text(), re.MULTILINE)} == public
