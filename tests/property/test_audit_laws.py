"""Laws of the audit, for any files: it always ends, what Python says of a call it says too, and unrelated files change nothing."""

import textwrap
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from migration.consolidation.auditing import audit
from migration.consolidation.configuration import AuditConfiguration
from migration.consolidation.findings.similarity import compare, read_functions
from migration.consolidation.inventory import Inventory
from migration.consolidation.reading.facts import CallFact, Question, Signature
from migration.consolidation.reading.reader import read_source
from migration.consolidation.reading.signatures import misfit

QUESTION = Question(("ExecutionEngine", "execution_engine"), ("engine",), ("execute_agent",))

#: What of a line may matter to the audit, in any order and nesting.
PIECES = [
    "from pkg.engine import ExecutionEngine",
    "from .engine import (",
    "    ExecutionEngine as Motor,",
    ")",
    "import pkg.engine as e, os",
    "from . import *",
    "from .. import engine",
    "Motor = ExecutionEngine",
    "class Sub(ExecutionEngine):",
    "    def __init__(self, *a, b=1, **c): super().__init__(*a)",
    "    engine: 'ExecutionEngine | None' = None",
    "async def f(engine: Motor, *, x=ExecutionEngine()):",
    "    async with engine.scope() as other: await other.execute_agent(1, user=2)",
    "    return await (yield)",
    "if TYPE_CHECKING:",
    "try:",
    "except ImportError:",
    "    pass",
    "else:",
    "# from pkg.engine import ExecutionEngine",
    "patch('pkg.engine.ExecutionEngine.execute_agent')",
    "import_module('.engine', package='pkg')",
    "x = [import_module(n) for n in ('pkg.engine', b'pkg.engine', 1)]",
    "match engine:",
    "    case ExecutionEngine(a=1): pass",
    "@decorator(ExecutionEngine)",
    "self.engine = engine = ExecutionEngine",
    "lambda engine: (engine := engine.execute_agent())",
    "__all__ = ['ExecutionEngine', *others]",
    "__all__ += others",
    "x = f'pkg.engine {engine.execute_agent():>{1}}'",
    "del engine; global engine",
    '"""pkg.engine',
    '"""',
    "\\",
    "\f",
    "é = engine",
]


def _parses(text: str) -> bool:
    return read_source(text.encode(), "a.py", QUESTION).problem is None


def sources() -> st.SearchStrategy[str]:
    return st.lists(st.sampled_from(PIECES), max_size=14).map("\n".join)


@given(st.one_of(st.binary(max_size=200), sources().map(str.encode), sources().map(lambda text: text.encode("utf-16"))))
def test_any_bytes_give_facts_or_a_problem(data):
    facts = read_source(data, "a.py", QUESTION)
    assert facts.problem is None or not facts.imports
    assert all(1 <= statement.line <= statement.end_line <= max(1, facts.lines) for statement in facts.imports)


@given(
    st.dictionaries(
        st.sampled_from(["pkg/engine.py", "pkg/__init__.py", "pkg/a.py", "b.py", "tests/c.py", "d.toml", "e.md"]), sources(), max_size=7
    )
)
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
def test_any_tree_can_be_audited_and_every_place_is_one_of_it(files):
    with _tree(files) as root:
        inventory = _audit(root)
    lines = {path: text.count("\n") + text.count("\f") + 1 for path, text in files.items()}
    found = (
        *inventory.imports,
        *inventory.strings,
        *inventory.calls,
        *inventory.attribute_uses,
        *inventory.mentions,
        *inventory.broken_imports,
    )
    assert all(1 <= item.line <= lines[item.path] for item in found)
    modules = {item.module for item in inventory.implementations}
    assert {module for item in inventory.imports for module in item.reaches} <= modules


@given(st.dictionaries(st.sampled_from(["pkg/engine.py", "pkg/__init__.py", "pkg/a.py", "b.py"]), sources(), max_size=4), st.integers(1, 3))
@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
def test_unrelated_files_change_nothing(files, number):
    with _tree(files) as root:
        before = _audit(root)
    unrelated = {f"unrelated{index}/plain.py": "import os\nx = os.sep\n" for index in range(number)}
    with _tree({**files, **unrelated}) as root:
        after = _audit(root)
    assert after.files == before.files + number
    assert _content(after) == _content(before)


@st.composite
def signatures(draw: st.DrawFn) -> tuple[str, Signature]:
    """A function's parameters, as source and as the audit has them."""
    names = [f"p{number}" for number in range(draw(st.integers(0, 4)))]
    keywords = [f"k{number}" for number in range(draw(st.integers(0, 2)))]
    only = draw(st.integers(0, len(names)))
    required = draw(st.integers(0, len(names)))
    needed = [name for name in keywords if draw(st.booleans())]
    any_positional, any_keyword = draw(st.booleans()), draw(st.booleans())
    parts = [name if index < required else f"{name}=0" for index, name in enumerate(names)]
    if only:
        parts.insert(only, "/")
    if any_positional:
        parts.append("*rest")
    elif keywords:
        parts.append("*")
    parts += [name if name in needed else f"{name}=0" for name in keywords]
    if any_keyword:
        parts.append("**others")
    signature = Signature(tuple(names), only, required, tuple(keywords), tuple(needed), any_positional, any_keyword)
    return ", ".join(parts), signature


@given(signatures(), st.integers(0, 6), st.lists(st.sampled_from(["p0", "p1", "p2", "p3", "k0", "k1", "unknown"]), unique=True, max_size=4))
@settings(max_examples=500)
def test_a_call_fits_exactly_when_python_would_take_it(function, positional, keywords):
    text, signature = function
    call = CallFact(1, 0, 0, "f", positional, tuple(keywords), unpacks=False)
    assert (misfit(signature, call) is None) == _python_takes(_compiled(text), positional, keywords)


@given(signatures())
def test_a_signature_is_read_as_python_reads_it(function):
    text, signature = function
    facts = read_source(f"def execute_agent({text}): ...\n".encode(), "a.py", QUESTION)
    assert facts.functions[0].signature == signature


@given(st.lists(sources().filter(_parses), min_size=2, max_size=3))
@settings(suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow])
def test_similarity_is_between_0_and_1_and_1_with_itself(texts):
    functions = {str(number): read_functions(text.encode()) for number, text in enumerate(texts)}
    assert all(0.0 <= pair.ratio <= 1.0 for pair in compare(functions))
    first = functions["0"]
    (same,) = compare({"a": first, "b": first})
    assert same.ratio == pytest.approx(1.0 if any(function.tokens for function in first) else 0.0)


def _compiled(parameters: str) -> Callable[..., Any]:
    namespace: dict[str, Any] = {}
    exec(f"def f({parameters}): ...", namespace)  # noqa: S102 - the text is made above
    return namespace["f"]


def _python_takes(function: Callable[..., Any], positional: int, keywords: list[str]) -> bool:
    try:
        function(*range(positional), **dict.fromkeys(keywords, 0))  # `inspect.Signature.bind` refuses some calls that Python takes
    except TypeError:
        return False
    return True


class _tree:  # noqa: N801 - read as a function
    """A folder with the files, gone after the block; hypothesis runs many examples within one `tmp_path`."""

    def __init__(self, files: dict[str, str]) -> None:
        self._files = files
        self._folder = TemporaryDirectory()

    def __enter__(self) -> Path:
        root = Path(self._folder.name).resolve()
        for path, text in self._files.items():
            file = root / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(textwrap.dedent(text))
        return root

    def __exit__(self, *_exception: object) -> None:
        self._folder.cleanup()


def _audit(root: Path) -> Inventory:
    return audit(
        root, configuration=AuditConfiguration(base=str(root), explicit=False, target="pkg.a:UserExecutionEngine", factory="pkg.a:Factory")
    )


def _content(inventory: Inventory) -> dict[str, Any]:
    return {name: getattr(inventory, name) for name in inventory.__struct_fields__ if name not in {"root", "files"}}
