"""The commands themselves; `main` is the entry point."""

import asyncio
import signal
import sys
from typing import Annotated, Optional

import typer

from gateway.catalog.read_toml import PriceBookError
from gateway.cli import limits as _limits  # noqa: F401 - its commands are of accounts and keys
from gateway.cli.keys import keys_app
from gateway.cli.ledger import accounts_app, audit, drift, usage
from gateway.cli.log import log
from gateway.cli.people import people_app
from gateway.cli.prices import prices_app, rerate, statement
from gateway.cli.projects import projects_app
from gateway.cli.show import DataDir, Workers, err, out, settings_of, workers_of
from gateway.cli.stripe import stripe_app
from gateway.errors import TollwayError
from gateway.kit.schema import SchemaError
from gateway.settings import SettingsError
from gateway.tokens.types import VocabularyUnusable
from gateway.workers.embedded import EmbeddedWorkerUnavailable
from gateway.workers.join import Joining, JoinRefused, keep_joined

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Tollway: a usage-metered LLM gateway.")
app.add_typer(accounts_app, name="accounts")
app.add_typer(keys_app, name="keys")
app.add_typer(projects_app, name="projects")
app.add_typer(people_app, name="people")
app.command()(usage)
app.command()(drift)
app.command()(audit)
app.add_typer(prices_app, name="prices")
app.command()(statement)
app.command()(rerate)
app.command()(log)
app.add_typer(stripe_app, name="stripe")


@app.command()
def serve(
    data_dir: DataDir = None,
    host: Annotated[Optional[str], typer.Option(help="Address to listen on. [default: 127.0.0.1]")] = None,  # noqa: UP045
    port: Annotated[Optional[int], typer.Option(help="Port to listen on. [default: 8080]")] = None,  # noqa: UP045
    processes: Annotated[Optional[int], typer.Option(help="Gateway processes. [default: 1]")] = None,  # noqa: UP045
    worker: Workers = None,
    embedded: Annotated[
        Optional[bool],  # noqa: UP045
        typer.Option(
            "--embedded/--no-embedded", help="The embedded worker. [default: when there is no other]"
        ),
    ] = None,
) -> None:
    """Serve until stopped.  The first start makes an operator's key and a demo account, each shown once."""
    from gateway.serve import serve_forever  # noqa: PLC0415 - the server is slow to import, and `keys` does not need it

    settings = settings_of(
        data_dir, host=host, port=port, processes=processes, embedded=embedded, workers=workers_of(worker)
    )
    serve_forever(settings, out)


@app.command()
def demo(
    data_dir: DataDir = None,
    port: Annotated[Optional[int], typer.Option(help="Port to listen on. [default: 8080]")] = None,  # noqa: UP045
    once: Annotated[bool, typer.Option("--once", help="Stop after the demonstration.")] = False,
) -> None:
    """Start everything, ask the embedded model one real question, print its bill, and go on serving."""
    from gateway.demo import demonstrate  # noqa: PLC0415 - needs the SDK, which a server may not have installed

    raise typer.Exit(demonstrate(settings_of(data_dir, port=port, embedded=True), out, once=once))


@app.command()
def migrate(
    data_dir: DataDir = None,
    revision: Annotated[str, typer.Option(help="The revision to reach.")] = "head",
    downgrade: Annotated[
        bool, typer.Option("--downgrade", help="Go back to REVISION; it may lose data.")
    ] = False,
) -> None:
    """Bring the database's schema up to date."""
    from gateway.kit import schema  # noqa: PLC0415

    settings = settings_of(data_dir)
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    (schema.downgrade if downgrade else schema.upgrade)(settings.database, revision)
    out.print(f"the schema is at revision {schema.current(settings.database) or 'none'}")


@app.command()
def doctor(data_dir: DataDir = None, worker: Workers = None) -> None:
    """Say what is wrong with this configuration, and how to mend it."""
    from gateway.doctor import examine  # noqa: PLC0415

    findings = examine(lambda: settings_of(data_dir, workers=workers_of(worker)))
    for finding in findings:
        mark = "[green]ok[/]   " if finding.fine else "[red]wrong[/]"
        out.print(f"{mark} {finding.what}", highlight=False, soft_wrap=True)
    raise typer.Exit(0 if all(finding.fine for finding in findings) else 1)


@app.command()
def join(
    gateway: Annotated[str, typer.Argument(help="The gateway, like https://tollway.example.com")],
    url: Annotated[
        str, typer.Option(help="This worker as the gateway reaches it, like http://10.0.0.2:8000")
    ],
    token: Annotated[str, typer.Option(envvar="TOLLWAY_JOIN_TOKEN", help="The gateway's join_token.")],
    model: Annotated[Optional[list[str]], typer.Option(help="Only these; else what it lists.")] = None,  # noqa: UP045
    weight: Annotated[Optional[int], typer.Option(min=1, help="Its capacity beside other workers'.")] = None,  # noqa: UP045
    concurrency_max: Annotated[Optional[int], typer.Option(min=1, help="Requests at once.")] = None,  # noqa: UP045
) -> None:
    """Run beside a worker: announce it to a gateway, and take it away again when this is stopped."""
    joining = Joining(
        gateway=gateway,
        token=token,
        url=url.rstrip("/").removesuffix("/v1"),
        models=tuple(model or ()),
        weight=weight,
        concurrency_max=concurrency_max,
    )

    async def run() -> None:
        stop = asyncio.Event()
        for each in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(each, stop.set)
        await keep_joined(joining, lambda words: out.print(words, highlight=False, soft_wrap=True), stop)

    asyncio.run(run())


def main() -> None:
    """The entry point: expected mistakes become one sentence."""
    try:
        app()
    except (
        TollwayError,
        SettingsError,
        SchemaError,
        JoinRefused,
        PriceBookError,
        EmbeddedWorkerUnavailable,
        VocabularyUnusable,
        ValueError,
    ) as error:
        err.print(f"[red]tollway-gateway:[/] {error}", highlight=False, soft_wrap=True)
        sys.exit(1)
