"""The options by which check and drill are told an account: each written once, for both."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ._access import Access
from .errors import ConfigError
from .model import BybitProduct, Environment, VenueName

VenueArgument = Annotated[
    VenueName | None, typer.Argument(help="Which venue; left out with --config.", metavar="[VENUE]", show_default=False)
]
ConfigOption = Annotated[
    Path | None, typer.Option("--config", help="Take the account from this file (docs/configuration.md).", metavar="PATH")
]
AccountOption = Annotated[str | None, typer.Option("--account", help="Which account of the file.", metavar="NAME")]
EnvironmentOption = Annotated[
    Environment, typer.Option("--environment", help="production or test; own addresses make it custom.")
]
CredentialsOption = Annotated[
    str | None,
    typer.Option("--credentials", metavar="NAME", help="Key from NAME_KEY, NAME_SECRET. Default: the venue in capitals."),
]
FileOption = Annotated[
    Path | None, typer.Option("--credentials-file", help="Key from a file only you can read.", metavar="PATH")
]
ProductOption = Annotated[
    list[BybitProduct] | None, typer.Option("--product", help="Bybit: a product line; may be given again.")
]
WindowOption = Annotated[int | None, typer.Option("--window", help="Bybit, Kraken: the window in seconds.")]
GuardUrlOption = Annotated[str | None, typer.Option("--guard-url", help="Own address of the websocket.")]
HttpUrlOption = Annotated[str | None, typer.Option("--http-url", help="Own prefix of HTTP calls.")]
TradeUrlOption = Annotated[str | None, typer.Option("--trade-url", help="Bybit: own order-entry websocket.")]
CaOption = Annotated[Path | None, typer.Option("--ca", help="Authorities to accept besides, PEM.", metavar="PATH")]
FactorOption = Annotated[float, typer.Option("--factor", help="An embedded venue's time factor.")]


def read_options(
    venue: VenueName | None,
    config: Path | None,
    account: str | None,
    environment: Environment,
    credentials: str | None,
    credentials_file: Path | None,
    product: list[BybitProduct] | None,
    window: int | None,
    urls: tuple[str | None, str | None, str | None],
    ca: Path | None,
    factor: float,
) -> Access:
    """From a command's options. Raises ``ConfigError`` when they contradict each other, and ``OSError``."""
    if (venue is None) == (config is None):
        rule = "name a VENUE, or a file with --config; not both"
        raise ConfigError(rule, field="venue", value="none" if venue is None else venue.value, rule=rule)
    if venue is None:
        return Access(config=str(config), config_account=account)
    guard_url, http_url, trade_url = urls
    return Access(
        venue=venue.value,
        environment=environment.value,
        credentials=credentials,
        credentials_file=None if credentials_file is None else str(credentials_file),
        products=tuple(each.value for each in product or ()),
        window_s=window,
        guard_url=guard_url,
        http_url=http_url,
        trade_url=trade_url,
        ca_pem=_authorities(ca),
        time_factor=factor,
    )


def _authorities(path: Path | None) -> str | None:
    """The PEM text of a file. Raises ``OSError``."""
    return None if path is None else path.read_text("utf-8")
