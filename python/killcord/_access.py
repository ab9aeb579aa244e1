"""Which account a shell command means: a venue with a key from the environment or a file, or an account of a configuration
file. It says where the secret is and never holds it, so that a child process can be told the same words.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from ._desk import Node
from ._killcord import Credentials
from .config import Endpoints
from .errors import ConfigError
from .model import BybitProduct, Environment, Json, VenueName
from .settings import Settings
from .venues import Bybit, CryptoCom, Deribit, Kraken, Venue


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Where an account is and where its key is. Plain values, for JSON."""

    venue: str = ""
    """Empty with a configuration file, which says it."""
    config: str | None = None
    config_account: str | None = None
    environment: str = Environment.PRODUCTION.value
    credentials: str | None = None
    credentials_file: str | None = None
    products: tuple[str, ...] = ()
    window_s: int | None = None
    guard_url: str | None = None
    http_url: str | None = None
    trade_url: str | None = None
    ca_pem: str | None = None
    time_factor: float = 1.0

    def words(self) -> dict[str, Json]:
        """For a child process. Holds no secret."""
        return asdict(self)

    @classmethod
    def of_words(cls, words: Node) -> Self:
        """The way back."""
        texts = {name: words.at(name).text or None for name in cls._texts()}
        window = words.at("window_s").number
        return cls(
            venue=words.at("venue").text,
            environment=words.at("environment").text,
            products=tuple(product.text for product in words.at("products").each()),
            window_s=None if window is None else int(window),
            time_factor=float(words.at("time_factor").number or 1),
            **texts,
        )

    @staticmethod
    def _texts() -> tuple[str, ...]:
        urls = ("guard_url", "http_url", "trade_url", "ca_pem")
        return ("config", "config_account", "credentials", "credentials_file", *urls)

    def open(self) -> Venue:
        """The account, with its key. Raises ``ConfigError``, ``SettingsError``, and ``OSError`` for a file."""
        if self.config is not None:
            return self._configured(Path(self.config))
        key = self._key()
        custom = self._custom()
        environment = Environment.CUSTOM if custom is not None else Environment(self.environment)
        match VenueName(self.venue):
            case VenueName.CRYPTO_COM:
                return CryptoCom(key, environment=environment, custom=custom)
            case VenueName.DERIBIT:
                return Deribit(key, environment=environment, custom=custom)
            case VenueName.BYBIT:
                products = tuple(map(BybitProduct, self.products)) or (BybitProduct.DERIVATIVES, BybitProduct.SPOT)
                window_s = 10 if self.window_s is None else self.window_s
                return Bybit(key, products=products, window_s=window_s, environment=environment, custom=custom)
            case VenueName.KRAKEN:
                window_s = 60 if self.window_s is None else self.window_s
                # The advised cadence, or a quarter of a window too short for it.
                cadence_s = min(15.0, max(window_s / 4, 1.0))
                return Kraken(key, window_s=window_s, cadence_s=cadence_s, environment=environment, custom=custom)

    def _configured(self, path: Path) -> Venue:
        """The account of that name in a configuration file, or its only one."""
        settings = Settings.read(path)
        if self.config_account is not None:
            return settings.account(self.config_account).venue()
        if len(settings.accounts) == 1:
            return settings.accounts[0].venue()
        names = ", ".join(account.name for account in settings.accounts)
        rule = f"{path} has several accounts ({names}): name one with --account"
        raise ConfigError(rule, field="account", value="not given", rule=rule)

    def _key(self) -> Credentials:
        if self.credentials_file is not None:
            return Credentials.from_file(self.credentials_file)
        return Credentials.from_env(self.credentials or self.venue.upper())

    def _custom(self) -> Endpoints | None:
        if self.guard_url is None and self.http_url is None:
            return None
        if self.guard_url is None or self.http_url is None:
            rule = "own addresses come together: --guard-url and --http-url"
            raise ConfigError(rule, field="guard_url", value=self.guard_url or "[none]", rule=rule)
        return Endpoints(self.guard_url, self.http_url, self.trade_url, self.ca_pem, self.time_factor)
