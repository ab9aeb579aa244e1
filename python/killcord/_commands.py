"""The shell commands, one function each. Only what exists is listed."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer
from rich.console import Console

from . import __version__, _timeline
from .check.command import check
from .daemon.commands import add_to
from .drill.command import drill
from .errors import KillcordError
from .model import VenueName
from .sim import Account, Exchange

app = typer.Typer(
    help="Keeps exchange-side order protection armed, proves it, and pulls the cord.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_show_locals=False,
)
app.command()(check)
app.command()(drill)


@app.callback(invoke_without_command=True)
def options(
    version: Annotated[bool, typer.Option("--version", help="Show the version and leave.", is_eager=True)] = False,
) -> None:
    if version:
        typer.echo(f"killcord {__version__}")
        raise typer.Exit


@app.command()
def sim(
    name: Annotated[VenueName, typer.Argument(help="Which venue.", metavar="NAME")],
    port: Annotated[int, typer.Option(min=0, max=65535, help="TCP port on loopback; 0 takes a free one.")] = 0,
    factor: Annotated[
        float, typer.Option(min=0.001, max=1.0, help="How long the venue's periods last: 0.1 is ten times as fast.")
    ] = 1.0,
    account: Annotated[list[str] | None, typer.Option(help="Name of an account; may be given again.")] = None,
    plaintext: Annotated[bool, typer.Option("--plaintext", help="No TLS.")] = False,
) -> None:
    """Run an embedded venue until interrupted.

    It speaks the venue's own protocol on loopback: signed logins, resting orders, its switch. It knows no market.

    Keys and certificates are made up at the start and are good for nothing else.
    """
    try:
        exchange = Exchange(name, factor=factor, accounts=(), port=port, plaintext=plaintext)
    except (KillcordError, OSError) as error:
        typer.secho(str(error), err=True, fg="red")
        raise typer.Exit(2) from None
    with _until_interrupted(), exchange, tempfile.TemporaryDirectory(prefix="killcord-sim-") as folder:
        accounts = [exchange.add_account(each) for each in account or ["main"]]
        _describe(exchange, accounts, _written(exchange.ca_pem, Path(folder) / "ca.pem"))
        while True:
            signal.pause()


@app.command()
def demo(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout and nothing else.")] = False,
) -> None:
    """Arm, break, measure: every promise, its published bound, and whether it was held.

    Runs four guards against four embedded venues; needs no account and no network. Takes about half a minute, and ends
    with status 1 when a promise was not held.
    """
    from .demo import main

    raise typer.Exit(main(as_json=as_json))


@app.command()
def journal(
    path: Annotated[Path, typer.Argument(help="The journal; files put aside are found beside it.", metavar="PATH")],
    gaps: Annotated[bool, typer.Option("--gaps", help="Only the intervals nothing covered, with their lengths.")] = False,
    since: Annotated[str | None, typer.Option(help="From a time on (2026-11-20T12:00, UTC), or 10m, 2h, 1d ago.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One object of JSON per line, for programs.")] = False,
) -> None:
    """Show what guards were asked, heard, claimed and did.

    A line each: when (UTC), which guard, what happened. With --gaps: every interval in which a guard that had claimed
    protection did not, with its length and the total.

    Leaves with 0; with 2 when the journal cannot be read or --since cannot be understood.
    """
    try:
        start = None if since is None else _timeline.since_of(since, datetime.now(timezone.utc))
        _timeline.show(path, start, gaps=gaps, as_json=as_json)
        sys.stdout.flush()
    except BrokenPipeError:
        # Who reads has seen enough, as with `| head`. Nothing may be written any more, not even at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(1) from None
    except (OSError, ValueError) as error:
        typer.secho(str(error), err=True, fg="red")
        raise typer.Exit(2) from None


add_to(app)


def _describe(exchange: Exchange, accounts: list[Account], ca_path: Path | None) -> None:
    """Plain ``name value`` lines where nobody looks, so that a script can read them."""
    rows = [("websocket", exchange.guard_url), ("http", exchange.http_url)]
    if exchange.trade_url is not None:
        rows.append(("orders", exchange.trade_url))
    if ca_path is not None:
        rows.append(("authority", str(ca_path)))
    for account in accounts:
        rows += [(f"{account.name}.key", account.key), (f"{account.name}.secret", account.secret)]
    console = Console()
    if not console.is_terminal:
        typer.echo("\n".join(f"{name} {value}" for name, value in rows))
        return
    console.print(f"[green]{exchange.venue.value}[/green] on loopback, until Ctrl-C", highlight=False)
    width = max(len(name) for name, _ in rows)
    for name, value in rows:
        # Never cut and never wrapped: these lines are there to be copied.
        console.print(f"[bold]{name:<{width}}[/bold]  {value}", highlight=False, soft_wrap=True)


def _written(ca_pem: str | None, path: Path) -> Path | None:
    if ca_pem is None:
        return None
    path.write_text(ca_pem)
    return path


@contextmanager
def _until_interrupted() -> Iterator[None]:
    """Ctrl-C and SIGTERM are both an orderly end."""

    def leave(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    except KeyboardInterrupt:
        pass
    finally:
        signal.signal(signal.SIGTERM, before)
