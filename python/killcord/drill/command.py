"""``killcord drill``: options in, a result out, and a status that a script can use."""

from __future__ import annotations

import json
import signal
import sys
from decimal import Decimal, InvalidOperation
from pathlib import Path
from types import FrameType
from typing import Annotated, NoReturn

import typer
from rich.console import Console

from .. import _options
from .._desk import DeskError
from ..errors import ConfigError, KillcordError
from ..model import Environment
from .child import HolderError
from .page import page
from .plan import Cut, Plan
from .result import Result
from .run import DrillRefused
from .run import drill as run_drill
from .show import WIDTH, show


def drill(
    venue: _options.VenueArgument = None,
    config: _options.ConfigOption = None,
    account: _options.AccountOption = None,
    cut: Annotated[Cut, typer.Option("--cut", help="How the link ends.")] = Cut.FREEZE,
    orders: Annotated[int, typer.Option(help="How many orders rest.")] = 3,
    instrument: Annotated[str | None, typer.Option(help="In the venue's spelling; Bybit: linear:BTCUSDT.")] = None,
    side: Annotated[str, typer.Option(help="buy or sell.")] = "buy",
    price: Annotated[str | None, typer.Option(help="Default: far from the last price.")] = None,
    size: Annotated[str | None, typer.Option(help="Default: the smallest the venue takes.")] = None,
    distance: Annotated[str, typer.Option(help="How far from the last price, as a part of it.")] = "0.3",
    production: Annotated[bool, typer.Option("--production", help="Yes, at a production address: real orders.")] = False,
    max_notional: Annotated[str | None, typer.Option(help="The most that all orders may be worth.")] = None,
    may_cancel: Annotated[
        list[str] | None, typer.Option(help="Bybit, Kraken: id of another's order that may go too; may be given again.")
    ] = None,
    patience: Annotated[float | None, typer.Option(help="Seconds to wait. Default: the bound and a little.")] = None,
    html: Annotated[Path | None, typer.Option("--html", help="Write a page with a timeline.", metavar="PATH")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout and nothing else.")] = False,
    environment: _options.EnvironmentOption = Environment.PRODUCTION,
    credentials: _options.CredentialsOption = None,
    credentials_file: _options.FileOption = None,
    product: _options.ProductOption = None,
    window: _options.WindowOption = None,
    guard_url: _options.GuardUrlOption = None,
    http_url: _options.HttpUrlOption = None,
    trade_url: _options.TradeUrlOption = None,
    ca: _options.CaOption = None,
    factor: _options.FactorOption = 1.0,
) -> None:
    """Rest small orders far from the market, cut the link, and measure when the venue cancels.

    The orders go through a guard in a process of its own; the measuring is done from outside, over HTTP. Whatever happens,
    the drill's own orders are cancelled by their ids at the end and read back.

    Leaves with 0 when the switch held; with 1 when it did not, or something is left; with 2 when nothing was cut.
    """
    _end_orderly()
    console = Console(highlight=False, stderr=as_json, width=None if sys.stdout.isatty() else WIDTH)
    try:
        urls = (guard_url, http_url, trade_url)
        access = _options.read_options(
            venue, config, account, environment, credentials, credentials_file, product, window, urls, ca, factor
        )
        plan = Plan(
            venue=access.open(),
            cut=cut,
            orders=orders,
            instrument=instrument,
            side=side,
            price=_decimal("price", price),
            size=_decimal("size", size),
            distance=_decimal("distance", distance) or Decimal("0.3"),
            production=production,
            max_notional=_decimal("max_notional", max_notional),
            may_cancel=frozenset(may_cancel or ()),
            patience_s=patience,
        )
        result = run_drill(access, plan, tell=lambda words: console.print(f"  {words}", markup=False))
    except DeskError as error:
        _refuse(f"{error}; {error.advice}")
    except (KillcordError, DrillRefused, HolderError, OSError) as error:
        _refuse(str(error))
    _tell(result, console, html, as_json)
    raise typer.Exit(0 if result.good else 1)


def _tell(result: Result, console: Console, html: Path | None, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(result.document(), indent=2))
    else:
        show(result, console)
    if html is not None:
        html.write_text(page(result), "utf-8")
        console.print(f"timeline: {html}", markup=False)


def _refuse(why: str) -> NoReturn:
    typer.secho(why, err=True, fg="red")
    raise typer.Exit(2)


def _decimal(field: str, text: str | None) -> Decimal | None:
    try:
        number = None if text is None else Decimal(text)
    except InvalidOperation:
        number = Decimal("NaN")
    if number is not None and not number.is_finite():
        rule = "must be a number"
        raise ConfigError(f"{field} = {text} is not possible: {rule}", field=field, value=text or "", rule=rule)
    return number


def _end_orderly() -> None:
    """SIGTERM is an interrupt too: what rests is cancelled on the way out."""

    def leave(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, leave)
