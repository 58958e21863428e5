"""`netra`: run the backend, mint a development token, load sample data, list prices.

With `--json` a command prints exactly one JSON document on stdout, and everything else on stderr. Exit codes: 0 success, 1 the server did
not start, 2 wrong use or configuration.
"""

import contextlib
import gc
import json
import os
import socket
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterator, Mapping
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, TypeVar

import typer

from netra_backend.app.cli_flags import Command, Group
from netra_backend.app.errors import NetraError

if TYPE_CHECKING:
    import uvicorn
    from sqlalchemy.ext.asyncio import AsyncEngine

    from netra_backend.app.config import Settings
    from netra_backend.app.services.usage_data import Price

T = TypeVar("T")

_WRONG_USE = 2
_MULTIPROCESS_METRICS = "PROMETHEUS_MULTIPROC_DIR"
#: Tenants of the demonstration.
SAMPLE_TENANTS = ("acme", "globex", "initech", "umbrella", "hooli", "stark", "wayne", "wonka")

app = typer.Typer(
    cls=Group,
    help="The backend: agents that lower what a company spends on AI models. Settings come from NETRA_* variables.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # the panels of typer's help import more than the commands themselves
)

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


def _show_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        typer.echo(version("netra-backend"))
        raise typer.Exit


@app.callback()
def netra(
    _version: Annotated[bool, typer.Option("--version", help="Show the version and exit.", is_eager=True, callback=_show_version)] = False,
) -> None:
    """Run the backend. Settings come from NETRA_* variables."""


@app.command(cls=Command)
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on. Default: NETRA_HOST or 127.0.0.1.")] = None,
    port: Annotated[int | None, typer.Option(help="Port; 0: any free one. Default: NETRA_PORT or 8000.")] = None,
    workers: Annotated[int | None, typer.Option(help="Server processes. Default: NETRA_WORKERS or 1.")] = None,
    as_json: Json = False,
) -> None:
    """Run the backend until it is stopped."""
    # Almost nothing that a start makes is garbage, and looking for it takes a tenth of the start. `Garbage` looks when the server is ready.
    gc.disable()
    import uvicorn

    from netra_backend.app.main import server_options

    settings = _settings(host=host, port=port, workers=workers)
    if settings.workers > 1:
        gc.enable()  # this process only starts others
    _check(settings)
    config = uvicorn.Config(
        "netra_backend.app.main:create_app",
        factory=True,
        host=settings.host,
        port=settings.port,
        workers=settings.workers,
        **server_options(settings),
    )
    with _listen(settings) as listener:
        address = f"[{settings.host}]" if ":" in settings.host else settings.host
        location = f"{address}:{listener.getsockname()[1]}"
        told = {"url": f"http://{location}", "chat": f"ws://{location}/ws/chat", "workers": settings.workers, "pid": os.getpid()}
        # The socket already listens: a client can connect, and waits until the application is up.
        _print(told, as_json, lambda: typer.echo(f"Netra listens on {told['url']}, chats on {told['chat']} (Ctrl-C stops it)"))
        with _multiprocess_metrics(settings), contextlib.suppress(KeyboardInterrupt):
            _run(config, listener, settings.drain_s)


@app.command(cls=Command)
def token(
    tenant: Annotated[str, typer.Option(help="Tenant of the token.")],
    user: Annotated[str, typer.Option(help="User of the token.")],
    hours: Annotated[float, typer.Option(help="Hours that the token is valid.")] = 8.0,
    as_json: Json = False,
) -> None:
    """Mint a bearer token for development."""
    from netra_backend.app.services.tokens import mint, verify

    settings = _settings()
    try:
        minted = mint(settings, tenant, user, hours)
    except ValueError as error:
        _refuse(str(error))
    expires_at = verify(settings, minted).expires_at.isoformat()
    _print({"token": minted, "tenant": tenant, "user": user, "expires_at": expires_at}, as_json, lambda: typer.echo(minted))


@app.command(cls=Command)
def seed(
    tenant: Annotated[list[str] | None, typer.Option(help="Tenant to load; may be repeated. Default: eight sample tenants.")] = None,
    days: Annotated[int, typer.Option(min=1, max=3660, help="Days of usage.")] = 60,
    until: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Last day of usage. Default: today.")] = None,
    as_json: Json = False,
) -> None:
    """Load sample prices and usage. A tenant that already has usage is left unchanged."""
    from netra_backend.app.services.sample_data import seed as load
    from netra_backend.app.services.user_execution_context import check_tenant

    tenants = [check_tenant(name) for name in tenant or SAMPLE_TENANTS]
    last = until.date() if until else datetime.now(UTC).date()
    added = _with_database(lambda engine: load(engine, tenants, until=last, days=days))
    rows = [{"tenant": name, "rows": count} for name, count in added.items()]
    _print({"until": last.isoformat(), "days": days, "tenants": rows}, as_json, lambda: _show_seeded(added, last))


@app.command(cls=Command)
def models(as_json: Json = False) -> None:
    """List the models and what they cost."""
    from netra_backend.app.services.usage_data import UsageData

    prices = list(_with_database(lambda engine: UsageData(engine).prices()).values())
    listed = [
        {
            "model": price.model,
            "input_usd_per_million": price.input_micro_usd / 1e6,
            "output_usd_per_million": price.output_micro_usd / 1e6,
            "context_window": price.context_window,
            "quality_tier": price.quality_tier,
        }
        for price in prices
    ]
    _print({"models": listed}, as_json, lambda: _show_prices(prices))


def main() -> None:
    """Run the command line. Wrong use or configuration exits with 2 and a message that says what to do."""
    try:
        app()
    except NetraError as error:
        _refuse(str(error))
    except Exception as error:
        if not _is_of_database(error):
            raise
        # The text of a database error may quote the address or the data.
        _refuse(f"the database cannot be used ({type(error).__name__}); check NETRA_DATABASE_URL and that the server runs")


def _is_of_database(error: Exception) -> bool:
    """Whether SQLAlchemy raised the error. A command that has not imported it does not do so for this."""
    raised = sys.modules.get("sqlalchemy.exc")
    return raised is not None and isinstance(error, raised.SQLAlchemyError)


def _settings(**overrides: object) -> "Settings":
    from netra_backend.app.config import load_settings

    return load_settings(**{name: value for name, value in overrides.items() if value is not None})


def _check(settings: "Settings") -> None:
    """Refuse wrong settings before the start message; a server process could report them only in its log, after that message."""
    from netra_backend.app.config import misspelt_variables
    from netra_backend.app.execution import check_settings

    misspelt = misspelt_variables(os.environ, check_settings(settings))
    if misspelt:
        _refuse("; ".join(misspelt))


def _with_database(work: Callable[["AsyncEngine"], Awaitable[T]]) -> T:
    """Do the work on the configured database; missing tables are created."""
    import asyncio

    from netra_backend.app.services.database import create_schema, open_engine

    async def session() -> T:
        engine = open_engine(_settings().database_url)
        try:
            await create_schema(engine)
            return await work(engine)
        finally:
            await engine.dispose()

    return asyncio.run(session())


def _listen(settings: "Settings") -> socket.socket:
    """Return the listening socket, which worker processes may inherit."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        listener = socket.create_server((settings.host, settings.port), family=family, backlog=2048)
    except OSError as error:
        _refuse(
            f"cannot listen on {settings.host}:{settings.port}: {error.strerror}; choose another with --host and --port (0: any free one)"
        )
    listener.set_inheritable(True)
    return listener


@contextlib.contextmanager
def _multiprocess_metrics(settings: "Settings") -> Iterator[None]:
    """Let the processes of one server share a folder for their metrics, unless the environment names one."""
    if settings.workers == 1 or _MULTIPROCESS_METRICS in os.environ:
        yield
        return
    with tempfile.TemporaryDirectory(prefix="netra-metrics-") as folder:
        os.environ[_MULTIPROCESS_METRICS] = folder
        try:
            yield
        finally:
            del os.environ[_MULTIPROCESS_METRICS]


def _run(config: "uvicorn.Config", listener: socket.socket, drain_s: float) -> None:
    from netra_backend.app.server import DrainingServer, Processes

    if config.workers > 1:
        processes = Processes(config, listener, drain_s=drain_s)
        processes.run()
        started = not processes.failed
    else:
        server = DrainingServer(config, drain_s=drain_s)
        server.run(sockets=[listener])
        started = server.started
    if not started:
        typer.echo("the server did not start; see the log above", err=True)
        raise typer.Exit(1)


def _show_seeded(added: Mapping[str, int], until: date) -> None:
    for tenant, rows in added.items():
        typer.echo(f"{tenant}: {rows} rows of usage up to {until}" if rows else f"{tenant}: already has usage, left unchanged")


def _show_prices(prices: "list[Price]") -> None:
    if not prices:
        typer.echo("No prices yet; load samples with: netra seed")
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("model", "tier", box=None)
    for column in ("input $/1M", "output $/1M", "context"):
        table.add_column(column, justify="right")
    for price in prices:
        dollars = (f"{micro_usd / 1e6:.2f}" for micro_usd in (price.input_micro_usd, price.output_micro_usd))
        table.add_row(price.model, price.quality_tier, *dollars, f"{price.context_window:,}")
    Console().print(table)


def _print(document: Mapping[str, Any], as_json: bool, show: Callable[[], None]) -> None:
    if as_json:
        typer.echo(json.dumps(document))
    else:
        show()
    sys.stdout.flush()


def _refuse(message: str) -> NoReturn:
    typer.echo(f"netra: {message}", err=True)
    raise SystemExit(_WRONG_USE)
