"""The shell's ``run``, ``status``, ``rearm`` and ``kill``, and what their exit status means. Needs the extra ``cli``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from enum import IntEnum
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from ..errors import ConfigError, KillcordError, StartFailed
from ..model import Json
from ..settings import AccountSettings, Settings
from . import show
from .client import Call, Denied, NoAnswer, NobodyThere
from .fence import AlreadyGuarded
from .killing import Killing, kill
from .place import socket_path
from .server import SocketTaken
from .service import Daemon

ANSWER_WITHIN_S = 2.0
ACKNOWLEDGE_CHARACTERS_MAX = 500

Config = Annotated[Path, typer.Option("--config", "-c", help="The configuration file.", metavar="FILE")]
MaybeConfig = Annotated[Path | None, typer.Option("--config", "-c", help="The configuration file.", metavar="FILE")]
Socket = Annotated[Path | None, typer.Option("--socket", help="The socket, instead of the file's.", metavar="PATH")]
Accounts = Annotated[list[str] | None, typer.Option("--account", "-a", help="Only this one; may be given again.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on stdout and nothing else.")]


class Exit(IntEnum):
    """What a command leaves with; the table is in docs/operations.md."""

    DONE = 0
    NOT_SO = 1
    CONFIG = 2
    OTHER_OR_NOBODY = 3
    """Somebody else is there (``run``), or nobody (the others)."""
    SYSTEM_OR_SILENCE = 4
    """The system refused (``run``), or the service did not answer (the others)."""


def add_to(app: typer.Typer) -> None:
    """Makes them commands of ``app``."""
    for command in (run, status, rearm):
        app.command()(command)
    app.command("kill")(red_button)


def run(config: Config, socket: Socket = None) -> None:
    """Guard the accounts of a file until told to let go.

    Dials nothing unless the whole file is right. Answers `killcord status` on its socket, and speaks to systemd (ready once
    every account is armed). SIGTERM and Ctrl-C let go: the venues cancel. SIGHUP is refused.

    Leaves with 0 after it was told to; 2: the file, or something it names, cannot be used; 3: somebody guards an account, or
    has the socket, already; 4: the system refused; 5: every guard has ended by itself.
    """
    try:
        settings = Settings.read(config)
        daemon = Daemon(settings, socket_path(settings, socket))
    except (AlreadyGuarded, SocketTaken) as error:
        _leave(error, Exit.OTHER_OR_NOBODY)
    except ConfigError as error:
        _leave(error, Exit.CONFIG)
    except (StartFailed, OSError) as error:
        _leave(error, Exit.SYSTEM_OR_SILENCE)
    except KillcordError as error:
        _leave(error, Exit.CONFIG)
    raise typer.Exit(daemon.run())


def status(config: MaybeConfig = None, socket: Socket = None, as_json: AsJson = False) -> None:
    """Show what a running `killcord run` claims, per account: phase, coverage, evidence, bounds, leases, permit, last error.

    Leaves with 0 when every account claims protection; 1 when one does not; 2: the file cannot be used; 3: nothing runs;
    4: something runs and does not answer, or its answer is old.
    """
    try:
        path = _socket_of(config, socket)
        with Call(path) as call:
            state = call.ask({"do": "status"}, ANSWER_WITHIN_S)
    except (ConfigError, OSError) as error:
        _leave(error, Exit.CONFIG, as_json)
    except NobodyThere as error:
        _leave(error, Exit.OTHER_OR_NOBODY, as_json)
    except (NoAnswer, Denied) as error:
        _leave(error, Exit.SYSTEM_OR_SILENCE, as_json)
    age_s = show.answer_age_s(state)
    if as_json:
        typer.echo(json.dumps({**state, "age_s": round(age_s, 3), "old": age_s > show.OLD_S}, indent=2))
    else:
        show.status(state, age_s)
    raise typer.Exit(_status_of(state, age_s))


def rearm(
    acknowledge: Annotated[str, typer.Option("--acknowledge", help="Who, and why; stands in events and journal.", metavar="TEXT")],
    config: MaybeConfig = None,
    socket: Socket = None,
    account: Accounts = None,
) -> None:
    """Acknowledge a trip, a kill or a lapse: the running guard may permit orders again once armed.

    Leaves with 0; 2: the file, an account or the text cannot be used; 3: nothing runs; 4: no answer, or a guard is still latched,
    as while a kill is under way.
    """
    try:
        _check_said(acknowledge)
        path = _socket_of(config, socket)
        request: dict[str, Json] = {"do": "rearm", "acknowledge": acknowledge}
        request["accounts"] = None if not account else list(account)
        with Call(path) as call:
            done = call.ask(request, ANSWER_WITHIN_S).get("accounts")
    except (ConfigError, OSError) as error:
        _leave(error, Exit.CONFIG)
    except NobodyThere as error:
        _leave(error, Exit.OTHER_OR_NOBODY)
    except (NoAnswer, Denied) as error:
        _leave(error, Exit.SYSTEM_OR_SILENCE)
    names = [name for name in done if isinstance(name, str)] if isinstance(done, list) else []
    unknown = sorted(set(account or ()) - set(names))
    if unknown:
        _leave(f"not guarded there: {', '.join(unknown)}", Exit.CONFIG)
    typer.echo(f"rearmed: {', '.join(names)}")


def _check_said(acknowledge: str) -> None:
    # The guard checks the same; here it is known before anybody is asked, and leaves with the status of a mistake.
    if not acknowledge.strip() or len(acknowledge) > ACKNOWLEDGE_CHARACTERS_MAX:
        shown, rule = f"{acknowledge[:40]!r} ({len(acknowledge)} characters)", "must have 1 to 500 characters, not only blanks"
        raise ConfigError(f"acknowledge = {shown} is not possible: {rule}", field="acknowledge", value=shown, rule=rule)


def red_button(
    config: Config,
    account: Accounts = None,
    reason: Annotated[str, typer.Option("--reason", help="Why; stands in events and journal.")] = "killcord kill",
    socket: Socket = None,
    as_json: AsJson = False,
) -> None:
    """Cancel everything now, and prove it from the venue's own list of open orders.

    A running `killcord run` is told, does it and latches. Where none runs, or it does not answer within a second, this
    command does it by itself with the credentials of the file, and says so.

    Leaves with 0 when every account was proven empty; 1 when one was not; 2: the file cannot be used.
    """
    try:
        settings = Settings.read(config)
        chosen = _chosen(settings, account)
    except (ConfigError, OSError) as error:
        _leave(error, Exit.CONFIG, as_json)
    try:
        path = socket_path(settings, socket)
    except ConfigError:
        # Without a socket there is nobody to tell, which the outcome says; the orders go all the same.
        path = None
    killing = kill(chosen, reason, path)
    if as_json:
        typer.echo(json.dumps(_facts(killing), indent=2))
    else:
        show.kill(killing)
    raise typer.Exit(Exit.DONE if killing.proven else Exit.NOT_SO)


def _socket_of(config: Path | None, socket: Path | None) -> Path:
    return socket_path(None if config is None or socket is not None else Settings.read(config), socket)


def _chosen(settings: Settings, names: list[str] | None) -> list[AccountSettings]:
    return [settings.account(name) for name in dict.fromkeys(names)] if names else list(settings.accounts)


def _status_of(state: Mapping[str, Any], age_s: float) -> Exit:
    if age_s > show.OLD_S:
        return Exit.SYSTEM_OR_SILENCE
    return Exit.DONE if all(account["claim"] for account in state["accounts"]) else Exit.NOT_SO


def _facts(killing: Killing) -> dict[str, Any]:
    accounts = [{**asdict(outcome), "proven": outcome.proven} for outcome in killing.outcomes]
    return {"proven": killing.proven, "notes": list(killing.notes), "accounts": accounts}


def _leave(why: BaseException | str, code: Exit, as_json: bool = False) -> NoReturn:
    words = f"{why.filename}: {why.strerror}" if isinstance(why, OSError) and why.filename else str(why)
    if as_json:
        typer.echo(json.dumps({"error": words}))
    else:
        typer.secho(words, err=True, fg="red")
    raise typer.Exit(code) from None
