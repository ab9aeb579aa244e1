"""``killcord check``: options in, a report out, and a status that a script can use."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from .. import _access
from ..errors import KillcordError
from ..model import Environment
from .run import check as run_check
from .show import show


def check(
    venue: _access.VenueArgument = None,
    config: _access.ConfigOption = None,
    account: _access.AccountOption = None,
    environment: _access.EnvironmentOption = Environment.PRODUCTION,
    credentials: _access.CredentialsOption = None,
    credentials_file: _access.FileOption = None,
    product: _access.ProductOption = None,
    window: _access.WindowOption = None,
    arming: Annotated[
        bool,
        typer.Option("--arm", help="Also arm a guard and end it. Bybit, Kraken: only while no order rests; see the docs."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout and nothing else.")] = False,
    guard_url: _access.GuardUrlOption = None,
    http_url: _access.HttpUrlOption = None,
    trade_url: _access.TradeUrlOption = None,
    ca: _access.CaOption = None,
    factor: _access.FactorOption = 1.0,
) -> None:
    """Before trading: key, permissions, entitlement, clock, round trip, bound, and what is not covered.

    Places, cancels and arms nothing: it asks only what the venue offers for asking, and says of each line how it is known.
    What can be known by arming only is said to be unknown, unless --arm is given.

    Leaves with 0; with 1 when something is not right; with 2 when the account cannot be read.
    """
    try:
        urls = (guard_url, http_url, trade_url)
        access = _access.read_options(
            venue, config, account, environment, credentials, credentials_file, product, window, urls, ca, factor
        )
        report = run_check(access.open(), arming=arming)
    except (KillcordError, OSError) as error:
        typer.secho(str(error), err=True, fg="red")
        raise typer.Exit(2) from None
    if as_json:
        typer.echo(json.dumps(report.document(), indent=2))
    else:
        show(report)
    raise typer.Exit(0 if report.right else 1)
