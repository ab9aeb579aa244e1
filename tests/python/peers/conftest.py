"""Other people's clients as referees: what they cannot do against an embedded venue, the venue gets wrong.

Every client here is pointed at an embedded venue by its documented settings, and where it has none by the constant that
holds its address. None is changed in what it says or how it reads.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from killcord.sim import Exchange

#: Variables by which OpenSSL, requests, aiohttp and websocket-client learn of an authority to trust.
TRUST_VARIABLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "WEBSOCKET_CLIENT_CA_BUNDLE")

Trust = Callable[[Exchange], str]
Eventually = Callable[[Callable[[], object]], None]


@pytest.fixture
def trust(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Trust:
    """Makes the clients of this process trust a venue; the path of its authority's certificate."""

    def write(exchange: Exchange) -> str:
        assert exchange.ca_pem is not None
        path = tmp_path / "authority.pem"
        path.write_text(exchange.ca_pem)
        for variable in TRUST_VARIABLES:
            monkeypatch.setenv(variable, str(path))
        return str(path)

    return write


def pointed_at(exchange: Exchange, client: Callable[[dict[str, object]], Any], **settings: object) -> Any:
    """A ccxt client with the first account's key, every one of its addresses moved to the venue, paths kept."""
    account = exchange.account
    made = client({"apiKey": account.key, "secret": account.secret, "timeout": 5000, **settings})
    made.hostname = urlsplit(exchange.http_url).netloc
    made.urls["api"] = _moved(made.urls["api"], made.hostname)
    return made


def _moved(urls: object, netloc: str) -> object:
    if isinstance(urls, dict):
        return {name: _moved(url, netloc) for name, url in urls.items()}
    return urlsplit(str(urls))._replace(netloc=netloc).geturl()


@pytest.fixture
def eventually() -> Eventually:
    """Waits until something is true, for five seconds at most."""

    def wait(reached: Callable[[], object]) -> None:
        deadline, pause = time.monotonic() + 5, threading.Event()
        while not reached():
            assert time.monotonic() < deadline, "waited in vain"
            pause.wait(0.005)

    return wait
