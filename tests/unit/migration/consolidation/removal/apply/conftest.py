"""Small code bases, as text, and the plan of a removal in them."""

import subprocess
from pathlib import Path
from textwrap import dedent

import pytest

from migration.consolidation.removal.apply.plan import plan_removal
from migration.consolidation.removal.manifest import load_manifest

MANIFEST = """
[tool.netra-migration.removal]
history = ["docs/history"]

[tool.netra-migration.removal.migration]
paths = ["scaffold", "app/root.py"]
words = ["scaffold-command"]
successors = { "app.root" = "app.direct" }

[tool.netra-migration.removal.surfaces.alpha]
engines = ["app/engines/old_alpha.py"]
adapter = "app/controls/alpha.py"
ledger = "ledger/alpha.toml"

[tool.netra-migration.removal.surfaces.beta]
engines = ["app/engines/old_beta.py"]
adapter = "app/controls/beta.py"
ledger = "ledger/beta.toml"

[tool.other]
kept = true
"""

SMALL = {
    "pyproject.toml": MANIFEST,
    "ledger/alpha.toml": "",
    "ledger/beta.toml": "",
    "app/__init__.py": "",
    "app/engines/__init__.py": "",
    "app/engines/old_alpha.py": "class OldAlpha:\n    pass\n",
    "app/engines/old_beta.py": "class OldBeta:\n    pass\n",
    "app/controls/__init__.py": '"""Adapters."""\n',
    "app/controls/alpha.py": "from app.engines.old_alpha import OldAlpha\n\n\nclass ControlAlpha(OldAlpha):\n    pass\n",
    "app/controls/beta.py": "from app.engines.old_beta import OldBeta\n\n\nclass ControlBeta(OldBeta):\n    pass\n",
    "app/root.py": """
        from app.controls.alpha import ControlAlpha
        from app.controls.beta import ControlBeta

        CONTROLS = {
            "alpha": ControlAlpha,
            "beta": ControlBeta,
        }


        def compose():
            return CONTROLS
        """,
    "app/direct.py": "def compose():\n    return {}\n",
    "app/main.py": "def run():\n    from app.root import compose\n\n    return compose()\n",
    "scaffold/__init__.py": "",
}


class CodeBase:
    """A folder with files."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def write(self, files: dict[str, str]) -> None:
        for path, text in files.items():
            target = self.root / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(dedent(text).lstrip("\n"), encoding="utf-8", newline="")

    def plan(self, *surfaces: str, whole: bool = False):
        return plan_removal(self.root, surfaces, load_manifest(self.root), whole=whole)

    def files(self) -> dict[str, bytes]:
        return {
            path.relative_to(self.root).as_posix(): path.read_bytes()
            for path in sorted(self.root.rglob("*"))
            if path.is_file() and ".git/" not in path.as_posix()
        }


class Planned:
    """A plan, read more easily."""

    def __init__(self, plan) -> None:
        self.plan = plan
        self.deleted = {item.path for item in plan.deleted}
        self.text = {change.path: change.after.decode() for change in plan.edited}
        self.left = [f"{item.path}:{item.line}" for item in plan.left]


@pytest.fixture
def code_base(tmp_path):
    """The small code base: two surfaces, alpha and beta."""
    made = CodeBase(tmp_path)
    made.write(SMALL)
    return made


@pytest.fixture
def removed(code_base):
    """Add files to the small code base and plan a removal: `removed({path: text}, "alpha")`."""

    def remove(files=None, *surfaces, whole=False):
        code_base.write(files or {})
        return Planned(code_base.plan(*surfaces, whole=whole))

    return remove


@pytest.fixture
def committed(code_base):
    """The small code base under Git, everything committed; `committed(*arguments)` runs Git there."""

    def git(*arguments: str) -> str:
        who = ("-c", "user.name=ann", "-c", "user.email=ann@acme.org", "-c", "commit.gpgsign=false")
        return subprocess.run(["git", "-C", code_base.root, *who, *arguments], check=True, capture_output=True, text=True).stdout

    git("init", "-q")
    git("add", "-A")
    git("commit", "-q", "-m", "all")
    return git
