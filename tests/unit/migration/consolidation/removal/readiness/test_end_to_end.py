"""From a production that is done with control to a certificate that CI accepts, and all that makes it refuse."""

import json

import pytest
from typer.testing import CliRunner

from migration.cli.app import app
from migration.model import Stage


@pytest.fixture
def at(monkeypatch):
    """Sets the clock of the commands."""
    return lambda now: monkeypatch.setattr("time.time", lambda: now)


@pytest.fixture
def removal(production, tree, tmp_path, monkeypatch):
    """Runs `removal` on this tree in this production; its key is listed in the manifest."""
    monkeypatch.setenv("NETRA_MIGRATION_HOME", str(production.home))
    monkeypatch.setenv("NETRA_MIGRATION_STORES", f"{production.legacy.__name__}:opened")
    monkeypatch.setenv("NETRA_MIGRATION_SIGNING_KEY_FILE", str(tmp_path / "key.pem"))

    def run(command, *arguments):
        place = () if command == "key" else ("--root", str(tree.root))
        result = CliRunner().invoke(app, ["removal", command, *map(str, arguments), *place, "--json"])
        assert result.exit_code in {0, 1}, result.stderr
        return result.exit_code, json.loads(result.stdout)

    _, made = run("key", "--out", tmp_path / "key.pem")
    listed = f'max-divergence = 0.02\npublic-keys = ["{made["public_key"]}"]'
    tree.write("pyproject.toml", (tree.root / "pyproject.toml").read_text().replace("max-divergence = 0.02", listed))
    return run


@pytest.fixture
def certificate(removal, at, now, tmp_path):
    at(now)
    assert removal("check", "chat")[0] == 0
    assert removal("certificate", "chat", "--out", tmp_path / "c.json")[0] == 0
    assert removal("verify", tmp_path / "c.json", "--surface", "chat")[0] == 0
    return tmp_path / "c.json"


def test_six_days_later_it_still_holds_and_eight_days_later_it_does_not(removal, certificate, at, now):
    at(now + 6 * 86_400)
    assert removal("verify", certificate)[0] == 0
    at(now + 8 * 86_400)
    code, document = removal("verify", certificate)
    assert (code, "expired 1.0 days ago" in document["reason"]) == (1, True)


def test_after_a_legacy_run_the_surface_is_not_ready_and_no_other_certificate_is_written(removal, certificate, production):
    written = certificate.read_bytes()
    production.ran(Stage.OFF, 0)
    code, document = removal("check", "chat")
    assert (code, document["ready"]) == (1, False)
    assert removal("certificate", "chat", "--out", certificate)[0] == 1
    assert certificate.read_bytes() == written


def test_after_one_changed_byte_of_the_engine_it_is_refused(removal, certificate, tree):
    tree.append("pkg/engine.py", "\n")
    code, document = removal("verify", certificate)
    assert (code, "the tree is not the one that was certified" in document["reason"]) == (1, True)


def test_after_one_changed_byte_of_its_own_it_is_refused(removal, certificate):
    text = certificate.read_text()
    certificate.write_text(text.replace('"runs": 0', '"runs": 1', 1))
    assert certificate.read_text() != text
    code, document = removal("verify", certificate)
    assert (code, "signature is wrong" in document["reason"]) == (1, True)


def test_when_its_key_is_no_longer_listed_it_is_refused(removal, certificate, tree):
    text = (tree.root / "pyproject.toml").read_text()
    tree.write("pyproject.toml", text.replace('public-keys = ["', 'public-keys = ["A'))
    code, document = removal("verify", certificate)
    assert (code, "does not list it" in document["reason"]) == (1, True)


def test_for_another_surface_it_says_nothing(removal, certificate):
    code, document = removal("verify", certificate, "--surface", "chat", "--surface", "tools")
    assert (code, "does not name tools" in document["reason"]) == (1, True)


def test_what_is_not_ready_keeps_what_is_ready_from_being_certified_with_it(removal, at, now, tmp_path):
    at(now)
    code, document = removal("certificate", "chat", "tools", "--out", tmp_path / "both.json")
    assert (code, [one["ready"] for one in document["surfaces"]]) == (1, [True, False])
    assert not (tmp_path / "both.json").exists()
