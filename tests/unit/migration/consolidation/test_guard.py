"""The ratchet: what was there is allowed, what is new is found, and what is gone may not come back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migration.consolidation.auditing import audit
from migration.consolidation.guard import Baseline, baseline_of, guard_findings, load_baseline, save_baseline, shrunk
from migration.consolidation.inventory import Inventory
from migration.errors import ConfigurationError

LEGACY = "class OldEngine:\n    def __init__(self, r): ...\n"
TARGET = "class UserEngine:\n    def __init__(self, user): ...\n"
PROJECT = "[tool.netra-migration.audit]\ntarget = 'shop.target:UserEngine'\nfactory = 'shop.factory:EngineFactory'\nclasses = ['*Engine']\n"
USE = "from shop.old import OldEngine\n\n\ndef f(): ...\n"


@pytest.fixture
def look(tmp_path):
    def run(files: dict[str, str]) -> Inventory:
        for path, text in {
            "pyproject.toml": PROJECT,
            "shop/__init__.py": "",
            "shop/target.py": TARGET,
            "shop/old.py": LEGACY,
            **files,
        }.items():
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_text(text)
        return audit(tmp_path)

    return run


def found(inventory, baseline):
    return [(item.kind, item.path, item.module, item.allowed, item.found) for item in guard_findings(inventory, baseline)]


def test_what_was_there_is_allowed(look):
    inventory = look({"use.py": USE + "NAME = 'shop.old.OldEngine'\n", "app.toml": "engine = 'shop.old:OldEngine'\n"})
    baseline = baseline_of(inventory)
    assert baseline == Baseline(("shop.old",), {"app.toml": {"shop.old": 1}, "use.py": {"shop.old": 2}})
    assert found(inventory, baseline) == []


def test_a_new_implementation_is_found(look):
    baseline = baseline_of(look({}))
    inventory = look({"shop/fast.py": "class FastEngine: ...\n"})
    assert found(inventory, baseline) == [("new-implementation", "shop/fast.py", "shop.fast", 0, 1)]


def test_a_new_consumer_is_found_and_so_is_a_further_use(look):
    baseline = baseline_of(look({"use.py": USE}))
    inventory = look({"use.py": USE + "def g():\n    import shop.old\n", "other.py": USE})
    assert found(inventory, baseline) == [("new-consumer", "other.py", "shop.old", 0, 1), ("more-uses", "use.py", "shop.old", 1, 2)]


def test_what_is_gone_is_found_until_the_baseline_shrinks(look):
    baseline = baseline_of(look({"use.py": USE, "other.py": USE, "shop/fast.py": "class FastEngine: ...\n"}))
    inventory = look({"use.py": "", "shop/fast.py": ""})
    assert found(inventory, baseline) == [("gone", "", "shop.fast", 1, 0), ("gone", "use.py", "shop.old", 1, 0)]
    assert found(inventory, shrunk(inventory, baseline)) == []


def test_users_of_the_target_are_nobody_s_business(look):
    assert found(look({"use.py": "from shop.target import UserEngine\n\n\ndef f(): ...\n"}), Baseline(("shop.old",), {})) == []


def test_a_shrinking_baseline_never_allows_anything_new(look):
    before = Baseline((), {"use.py": {"shop.old": 1}})
    assert shrunk(look({"use.py": USE * 3, "other.py": USE}), before) == before


@given(
    allowed=st.dictionaries(st.sampled_from("abc"), st.dictionaries(st.sampled_from("xy"), st.integers(1, 3))),
    there=st.dictionaries(st.sampled_from("abc"), st.dictionaries(st.sampled_from("xy"), st.integers(1, 3))),
)
def test_shrinking_keeps_growth_and_forgets_the_rest(allowed, there):
    inventory = counted(there)
    growth = [item for item in guard_findings(inventory, Baseline(("x", "y"), allowed)) if item.kind != "gone"]
    after = shrunk(inventory, Baseline(("x", "y"), allowed))
    assert list(guard_findings(inventory, after)) == growth
    assert all(count <= allowed[path][module] for path, modules in after.consumers.items() for module, count in modules.items())


def test_a_baseline_is_read_as_it_was_written(tmp_path):
    baseline = Baseline(("a", "b"), {"köln.py": {"a": 2}})
    save_baseline(tmp_path / "b.json", baseline)
    assert load_baseline(tmp_path / "b.json") == baseline


@pytest.mark.parametrize(("text", "why"), [(None, "there is no baseline"), ("{}", "is not a baseline"), ("[", "is not a baseline")])
def test_a_missing_or_broken_baseline_says_what_to_do(tmp_path, text, why):
    if text is not None:
        (tmp_path / "b.json").write_text(text)
    with pytest.raises(ConfigurationError, match=why):
        load_baseline(tmp_path / "b.json")


def counted(consumers: dict[str, dict[str, int]]) -> Inventory:
    """Return an inventory with so many uses."""
    from migration.consolidation.inventory import DottedString, Implementation

    old = [
        Implementation(
            path=name,
            module=name,
            name="E",
            classes=("E",),
            lines=1,
            role="duplicate",
            reason="",
            found_by=("name",),
            shares=(),
            exports=(),
        )
        for name in "xy"
    ]
    strings = [
        DottedString(path=path, line=line, text=module, use="other", module=module)
        for path, modules in consumers.items()
        for module, count in modules.items()
        for line in range(count)
    ]
    return Inventory(
        root="/", files=0, documents=0, target="t:T", factory="t:F", implementations=tuple(old), imports=(), strings=tuple(strings),
        attribute_uses=(), subclasses=(), calls=(), mentions=(), broken_imports=(), similarity=(), shared_state=(), problems=(),
    )  # fmt: skip
