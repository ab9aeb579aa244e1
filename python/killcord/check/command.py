"""``killcord check``: options in, a report out, and a status that a script can use."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from .. import _options
from ..errors import KillcordError
from ..model import Environment
from .run import check as run_check
from .show import show


def check(
    venue: _options.VenueArgument = None,
    config: _options.ConfigOption = None,
    account: _options.AccountOption = None,
    environment: _options.EnvironmentOption = Environment.PRODUCTION,
    credentials: _options.CredentialsOption = None,
    credentials_file: _options.FileOption = None,
    product: _options.ProductOption = None,
    window: _options.WindowOption = None,
    arming: Annotated[
        bool,
        typer.Option("--arm", help="Also arm a guard and end it. Bybit, Kraken: only while no order rests; see the docs."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout and nothing else.")] = False,
    guard_url: _options.GuardUrlOption = None,
    http_url: _options.HttpUrlOption = None,
    trade_url: _options.TradeUrlOption = None,
    ca: _options.CaOption = None,
    factor: _options.FactorOption = 1.0,
) -> None:
    """Before trading: key, permissions, entitlement, clock, round trip, bound, and what is not covered.

    Places, cancels and arms nothing: it asks only what the venue offers for asking, and says of each line how it is known.
    What can be known by arming only is said to be unknown, unless --arm is given.

    Leaves with 0; with 1 when something is not right; with 2 when the account cannot be read.
    """
    try:
        urls = (guard_url, http_url, trade_url)
        access = _options.read_options(
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
