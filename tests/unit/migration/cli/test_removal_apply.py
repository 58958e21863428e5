"""`removal apply` on the command line: refusals, rehearsal, the difference, and the deed."""

import json
import subprocess
import time

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from typer.testing import CliRunner

from migration.cli.app import app
from migration.consolidation.removal.certificate import sign
from migration.consolidation.removal.digest import digests
from migration.consolidation.removal.manifest import load_manifest
from migration.consolidation.removal.readiness.criteria import CRITERIA, Criterion, SurfaceReadiness
from migration.consolidation.removal.signing_key import public_key
from tests.unit.migration.flags.making import at, flag_file, kill_switch

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
FILES = {
    "pyproject.toml": f"""\
[tool.netra-migration.audit]
target = "shop.target:UserEngine"
factory = "shop.target:EngineFactory"

[tool.netra-migration.removal]
public-keys = ["{public_key(KEY)}"]

[tool.netra-migration.removal.surfaces.chat]
engines = ["shop/old.py"]
adapter = "shop/chat.py"
ledger = "ledger/chat.toml"

[tool.netra-migration.removal.surfaces.tools]
engines = ["shop/old_tools.py"]
adapter = "shop/tools.py"
ledger = "ledger/tools.toml"
""",
    "shop/__init__.py": "",
    "shop/target.py": "class UserEngine: ...\n\n\nclass EngineFactory: ...\n",
    "shop/old.py": "class ExecutionEngine: ...\n",
    "shop/chat.py": "from shop.old import ExecutionEngine\n\nENGINE = ExecutionEngine()\n",
    "shop/old_tools.py": "class ToolEngine: ...\n",
    "shop/tools.py": "from shop.old_tools import ToolEngine\n\nENGINE = ToolEngine()\n",
    "ledger/chat.toml": "",
    "ledger/tools.toml": "",
    "root.py": "from shop import chat, tools\n\nCONTROLS = {'chat': chat.ENGINE, 'tools': tools.ENGINE}\n",
}


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project under Git, in the working directory."""
    root = tmp_path / "project"
    for path, text in FILES.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    git(root, "init", "-q")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "all")
    monkeypatch.chdir(root)
    monkeypatch.setenv("NETRA_MIGRATION_HOME", str(tmp_path / "var"))
    return root


def git(root, *arguments):
    who = ("-c", "user.name=ann", "-c", "user.email=ann@acme.org", "-c", "commit.gpgsign=false")
    subprocess.run(["git", "-C", root, *who, *arguments], check=True, capture_output=True)


@pytest.fixture
def certificate(project, tmp_path):
    """A certificate for chat that allows its removal from the project."""
    criteria = [Criterion(name=name, met=True, detail="Seen.", evidence={}) for name in CRITERIA]
    file = tmp_path / "certificate.json"
    trees = digests(project, load_manifest(project), ["chat"])
    file.write_bytes(sign([SurfaceReadiness.of("chat", criteria)], trees, KEY, now=time.time()))
    return str(file)


def apply(*arguments):
    return CliRunner().invoke(app, ["removal", "apply", *arguments])


def state(root):
    return {path: path.read_bytes() for path in root.rglob("*") if path.is_file() and ".git" not in path.parts}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "name surfaces, or give --all"),
        (["chat", "--all"], "name surfaces, or give --all"),
        (["chat"], "needs --certificate"),
        (["chat", "--write"], "needs --certificate"),
        (["chat", "--write", "--into", "x"], "give one of them"),
        (["chat", "--certificate", "nowhere.json"], "nowhere.json"),
        (["chta", "--into", "x"], "use one of: chat, tools"),
    ],
)
def test_wrong_use_is_told_with_what_to_do(project, arguments, told):
    before = state(project)
    done = apply(*arguments)
    assert (done.exit_code, told in done.stderr) == (2, True)
    assert state(project) == before


def test_without_write_the_difference_is_shown_and_nothing_is_written(project, certificate):
    before = state(project)
    done = apply("chat", "--certificate", certificate)
    assert done.exit_code == 0
    assert "deleted: shop/old.py (1 lines; engine of chat)" in done.stdout
    assert "-CONTROLS = {'chat': chat.ENGINE, 'tools': tools.ENGINE}\n+CONTROLS = {'tools': tools.ENGINE}\n" in done.stdout
    assert state(project) == before


def test_with_a_certificate_and_write_it_is_done(project, certificate):
    done = apply("chat", "--certificate", certificate, "--write", "--json")
    told = json.loads(done.stdout)
    assert (done.exit_code, told["written"], told["surfaces"]) == (0, True, ["chat"])
    assert not (project / "shop/old.py").exists()
    assert (project / "root.py").read_text() == "from shop import tools\n\nCONTROLS = {'tools': tools.ENGINE}\n"
    assert list(load_manifest(project).surfaces) == ["tools"]


@pytest.mark.parametrize("options", [[], ["--write"]])
@pytest.mark.parametrize(
    "spoil",
    [
        lambda project, file: file.write_text(file.read_text().replace("Seen.", "Seen!")),
        lambda project, file: (project / "shop/old.py").write_text("class ExecutionEngine: x = 1\n"),
        lambda project, file: (project / "pyproject.toml").write_text(FILES["pyproject.toml"].replace("public-keys", "#")),
    ],
    ids=["forged", "another tree", "an unknown key"],
)
def test_a_certificate_that_does_not_allow_it_is_a_finding(project, certificate, tmp_path, options, spoil):
    spoil(project, tmp_path / "certificate.json")
    before = state(project)
    done = apply("chat", "--certificate", certificate, *options, "--json")
    assert (done.exit_code, json.loads(done.stdout)["written"], "refused: " in done.stderr) == (1, False, True)
    assert state(project) == before


def test_a_certificate_for_one_surface_allows_no_other(project, certificate):
    done = apply("tools", "--certificate", certificate, "--write")
    assert (done.exit_code, "does not name tools" in done.stderr) == (1, True)


def test_what_is_left_to_a_person_is_a_finding_and_nothing_is_written(project, certificate):
    (project / "other.py").write_text("from shop.chat import ENGINE\n\nprint(ENGINE)\n")
    git(project, "add", "-A")
    before = state(project)
    done = apply("chat", "--certificate", certificate, "--write")
    assert (done.exit_code, "left to you: other.py:3" in done.stderr) == (1, True)
    assert state(project) == before


def test_changes_that_are_not_committed_are_in_the_way(project, certificate):
    (project / "root.py").write_text(FILES["root.py"] + "\n")
    before = state(project)
    done = apply("chat", "--certificate", certificate, "--write")
    assert (done.exit_code, "root.py" in done.stderr) == (2, True)
    assert state(project) == before


def test_a_rehearsal_needs_no_certificate_and_leaves_the_tree_alone(project, tmp_path):
    before = state(project)
    done = apply("--all", "--into", str(tmp_path / "copy"), "--json")
    assert (done.exit_code, json.loads(done.stdout)["migration"]) == (0, True)
    assert sorted(path.name for path in (tmp_path / "copy").rglob("*") if path.is_file()) == [
        "__init__.py",
        "pyproject.toml",
        "root.py",
        "target.py",
    ]
    assert state(project) == before


def test_the_flag_leaves_the_flag_file_and_the_others_stay(project, certificate, tmp_path):
    file = tmp_path / "var" / "flags.json"
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(flag_file(at("dualwrite"), at("live", "tools"), kill_switch(on=False)))
    before = json.loads(file.read_bytes())["flags"]
    done = apply("chat", "--certificate", certificate, "--write")
    after = json.loads(file.read_bytes())["flags"]
    assert "flag execution-engine-chat was removed" in done.stderr
    assert after == {key: flag for key, flag in before.items() if key != "execution-engine-chat"}
