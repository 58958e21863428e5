import json
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from netra_backend.app import cli
from netra_backend.app.config import load_settings
from netra_backend.app.services.tokens import verify

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(autouse=True)
def own_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith(("NETRA_", "PROMETHEUS_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("NETRA_HOME", str(tmp_path))


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command line; return exit code, stdout and stderr."""

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["netra", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        code = ended.value.code
        return (code if isinstance(code, int) else 0, *capsys.readouterr())

    return run


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[tuple[uvicorn.Config, socket.socket, dict[str, str]]]:
    """What would have been served."""
    seen: list[tuple[uvicorn.Config, socket.socket, dict[str, str]]] = []
    monkeypatch.setattr(cli, "_run", lambda config, listener, _drain_s: seen.append((config, listener, dict(os.environ))))
    return seen


def test_a_minted_token_is_one_that_the_server_takes(run: Run) -> None:
    code, out, err = run("token", "--tenant", "acme", "--user", "ada", "--hours", "1")
    identity = verify(load_settings(), out.strip())
    assert (code, identity.tenant_id, identity.user_id, err) == (0, "acme", "ada", "")


def test_token_json_is_one_document(run: Run) -> None:
    document = json.loads(run("token", "--tenant", "acme", "--user", "ada", "--json")[1])
    assert set(document) == {"token", "tenant", "user", "expires_at"}


def test_production_mints_no_tokens(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NETRA_ENVIRONMENT", "production")
    monkeypatch.setenv("NETRA_JWT_SECRET", "s" * 32)
    code, out, err = run("token", "--tenant", "acme", "--user", "ada")
    assert (code, out) == (2, "")
    assert "in development only" in err


@pytest.mark.parametrize(
    ("arguments", "advice"),
    [
        (["token", "--user", "ada"], "--tenant"),
        (["token", "--tenant", "demo", "--user", "ada"], "may not be a placeholder"),
        (["token", "--tenant", "acme", "--user", "ada", "--hours", "0"], "hours must be"),
        (["seed", "--tenant", "a/b"], "path separators"),
        (["seed", "--days", "0"], "--days"),
        (["serve", "--port", "70000"], "NETRA_PORT"),
        (["serve", "--workers", "0"], "NETRA_WORKERS"),
        (["fly"], "fly"),
    ],
    ids=str,
)
def test_wrong_use_exits_with_2_and_says_what_was_wrong(run: Run, arguments: list[str], advice: str) -> None:
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert advice in err


def test_seed_loads_every_sample_tenant_once(run: Run) -> None:
    first, second = (json.loads(run("seed", "--json")[1])["tenants"] for _ in range(2))
    assert [row["tenant"] for row in first] == list(cli.SAMPLE_TENANTS)
    assert all(row["rows"] > 0 for row in first)
    assert all(row["rows"] == 0 for row in second)


def test_seed_loads_the_tenants_that_it_is_told(run: Run) -> None:
    code, out, _ = run("seed", "--tenant", "acme", "--tenant", "zeta", "--days", "3", "--until", "2025-03-31")
    assert code == 0
    assert [line.split(":")[0] for line in out.splitlines()] == ["acme", "zeta"]
    assert "up to 2025-03-31" in out


def test_models_without_prices_says_how_to_load_some(run: Run) -> None:
    assert run("models") == (0, "No prices yet; load samples with: netra seed\n", "")


def test_models_lists_what_was_loaded(run: Run) -> None:
    run("seed", "--tenant", "acme")
    listed = json.loads(run("models", "--json")[1])["models"]
    assert {
        "model": "gpt-4o",
        "input_usd_per_million": 2.5,
        "output_usd_per_million": 10.0,
        "context_window": 128_000,
        "quality_tier": "frontier",
    } in listed
    assert "gpt-4o-mini" in run("models")[1]


def test_a_database_that_cannot_be_used_is_refused_without_being_quoted(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "hunter2.db").write_text("no database, but long enough to be read as the header of one " * 20)
    monkeypatch.setenv("NETRA_DATABASE_URL", f"sqlite+aiosqlite:///{tmp_path / 'hunter2.db'}")
    code, out, err = run("models")
    assert (code, out) == (2, "")
    assert "check NETRA_DATABASE_URL" in err
    assert "hunter2" not in err


def test_serve_says_where_it_listens_before_it_does_anything_else(run: Run, served: list[Any]) -> None:
    document = json.loads(run("serve", "--port", "0", "--json")[1])
    ((_, listener, _),) = served
    assert document["url"].startswith("http://127.0.0.1:")
    assert document["chat"].endswith("/ws/chat")
    assert listener.fileno() == -1  # closed at the end


def test_serve_runs_the_application_with_the_fast_protocols(run: Run, served: list[Any]) -> None:
    run("serve", "--port", "0")
    ((config, _, _),) = served
    assert (config.app, config.factory, config.loop, config.http, config.ws) == (
        "netra_backend.app.main:create_app",
        True,
        "uvloop",
        "netra_backend.app.protocols:HttpProtocol",
        "netra_backend.app.protocols:WebSocketProtocol",
    )
    assert (config.ws_per_message_deflate, config.ws_max_size) == (False, load_settings().max_message_bytes)


@pytest.mark.parametrize(("workers", "shared"), [("1", False), ("2", True)])
def test_only_several_workers_share_a_folder_for_their_metrics(run: Run, served: list[Any], workers: str, shared: bool) -> None:
    run("serve", "--port", "0", "--workers", workers)
    ((_, _, environment),) = served
    assert ("PROMETHEUS_MULTIPROC_DIR" in environment) is shared


def test_a_port_that_is_taken_is_refused_with_advice(run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        code, out, err = run("serve", "--port", str(taken.getsockname()[1]))
    assert (code, out) == (2, "")
    assert "choose another with --host and --port" in err


def test_serve_refuses_a_database_that_it_cannot_use(run: Run, served: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NETRA_DATABASE_URL", "sqlite:///netra.db")
    code, _, err = run("serve", "--port", "0")
    assert (code, served) == (2, [])
    assert "async driver" in err


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ("NETRA_DRIAN_S=5", "did you mean NETRA_DRAIN_S?"),
        ("NETRA_USER_RUNS_URL=sqlite:///runs.db", "NETRA_USER_RUNS_URL"),
        # goes with: migration
        ("NETRA_MIGRATION_SHADOW_QUEUE_JOBS=many", "NETRA_MIGRATION_SHADOW_QUEUE_JOBS"),
        ("NETRA_MIGRATION_SURFACES=chat, telex", "NETRA_MIGRATION_SURFACES"),
        ("NETRA_MIGRATION_PROJECT=/nowhere/pyproject.toml", "/nowhere/pyproject.toml: the project's configuration cannot be read"),
        ("NETRA_MIGRATION_STORES_URL=oracle://x", "NETRA_MIGRATION_STORES_URL"),
        ("NETRA_MIGRATION_WATCH_TENANT=acme", "did you mean NETRA_MIGRATION_WATCH_TENANTS?"),
        # stays
    ],
)
def test_serve_refuses_every_bad_setting_before_it_says_that_it_listens(
    run: Run, served: list[Any], monkeypatch: pytest.MonkeyPatch, setting: str, says: str
) -> None:
    monkeypatch.setenv(*setting.split("=", 1))
    code, out, err = run("serve", "--port", "0")
    assert (code, out, served) == (2, "", [])
    assert says in err
