"""The configuration file: the accounts to guard, as the shell commands read them. Every key is in docs/configuration.md.

The extension reads the file and knows its keys; the classes that will use the values know their ranges. Both kinds of
mistake are one :class:`~killcord.errors.SettingsError`, with line, column and key. Secrets are not in the file: it names
where they are, and they are read by :meth:`AccountSettings.venue`.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from ._killcord import Credentials, read_settings
from .config import Endpoints, Policy
from .errors import ConfigError, SettingsError
from .model import BybitProduct, DeribitScope, Environment, VenueName
from .venues import Bybit, CryptoCom, Deribit, Kraken, Venue

__all__ = ["AccountSettings", "LeaseSettings", "Mistake", "Settings"]

_FILE_BYTES_MAX = 256 * 1024
_CA_BYTES_MAX = 1024 * 1024
_PLACEHOLDER = Credentials.values(key="placeholder", secret="AAAA")
"""What an account is checked with before its own secrets are read. It reaches no venue."""

_Section = Mapping[str, tuple[str | int | float | bool | list[str], int, int]]
_Account = tuple[_Section, _Section, _Section | None, _Section, Sequence[_Section]]
_Made = TypeVar("_Made")


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing that is wrong with a configuration file."""

    line: int
    """Counted from 1."""
    column: int
    """The character in the line, counted from 1."""
    key: str
    """Which key, with the tables it is in: ``account.desk.heartbeat_s``. Empty for a mistake of syntax."""
    value: str
    """The value as it stands there; empty where there is none, ``[hidden]`` where it may be secret."""
    rule: str
    """What is wrong, or what it must be."""

    def __str__(self) -> str:
        given = f" = {self.value}" if self.value else ""
        return f"{self.line}:{self.column}: " + (f"{self.key}{given}: {self.rule}" if self.key else self.rule)


@dataclass(frozen=True, slots=True)
class LeaseSettings:
    """A lease that another process renews through a shared page."""

    name: str
    budget_s: float
    page: Path
    """The page. Relative paths start where the configuration file is."""


@dataclass(frozen=True, slots=True)
class AccountSettings:
    """One account of the file, checked but for its secrets."""

    name: str
    """The user's own name for it, once in the file."""
    venue_name: VenueName
    line: int
    """Where it stands in the file."""
    policy: Policy
    """The file's policy with what this account changes."""
    leases: tuple[LeaseSettings, ...]
    credentials_from: str
    """Where its secrets are, in words: ``env DERIBIT`` or ``file /path``."""
    _make: Callable[[Credentials], Venue] = field(repr=False)
    _credentials: Callable[[], Credentials] = field(repr=False)

    def venue(self) -> Venue:
        """The account, as a guard takes it. Reads its secrets.

        Raises ``SettingsError`` with the line of ``credentials`` when they are missing, readable for others, or unusable.
        """
        return self._make(self._credentials())


@dataclass(frozen=True, slots=True)
class Settings:
    """A configuration file.

    >>> import tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = Path(folder.name) / "killcord.toml"
    >>> account = '[[account]]\\nname = "desk"\\nvenue = "deribit"\\ncredentials = { env = "DERIBIT" }\\n'
    >>> _ = path.write_text(account + "heartbeat_s = 30\\n")
    >>> [(account.name, account.venue_name.value) for account in Settings.read(path).accounts]
    [('desk', 'deribit')]
    >>> _ = path.write_text(account + "heartbeat_s = 5\\n")
    >>> Settings.read(path)
    Traceback (most recent call last):
        ...
    killcord.errors.SettingsError: ...killcord.toml:5:15: account.desk.heartbeat_s = 5: must be between 10 and 3600 seconds
    >>> folder.cleanup()
    """

    path: Path
    socket: Path | None
    """Where ``killcord run`` answers; None for the usual place."""
    journal: Path | None
    accounts: tuple[AccountSettings, ...]

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Settings:
        """Reads and checks a file, all of it but the secrets.

        Raises ``SettingsError`` with every mistake, and ``OSError`` when the file cannot be read.
        """
        where = Path(path)
        parts, wrong = read_settings(_contents(where))
        if parts is None:
            raise SettingsError(str(where), tuple(Mistake(*each) for each in wrong))
        return _Build(where).settings(*parts)

    def account(self, name: str) -> AccountSettings:
        """The account of that name. Raises ``ConfigError`` that lists those there are."""
        for account in self.accounts:
            if account.name == name:
                return account
        rule = f"{self.path} has {', '.join(account.name for account in self.accounts)}"
        raise ConfigError(f"account = {name} is not possible: {rule}", field="account", value=name, rule=rule)

    def venues(self) -> tuple[Venue, ...]:
        """All accounts with their secrets, in the order of the file.

        Raises ``SettingsError`` with the mistakes of all of them.
        """
        made: list[Venue] = []
        mistakes: list[Mistake] = []
        for account in self.accounts:
            try:
                made.append(account.venue())
            except SettingsError as error:
                mistakes.extend(error.mistakes)
        if mistakes:
            raise SettingsError(str(self.path), tuple(mistakes))
        return tuple(made)


class _Build:
    """From sections to objects; collects what their own checks refuse."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.mistakes: list[Mistake] = []

    def settings(self, run: _Section, policy: _Section, accounts: Sequence[_Account]) -> Settings:
        self._checked(lambda: Policy(**_values(policy)), "policy", policy)
        built = [self._account(policy, *account) for account in accounts]
        if self.mistakes:
            # A value that several accounts share is one mistake.
            places = {(each.line, each.column): each for each in reversed(self.mistakes)}
            raise SettingsError(str(self.path), tuple(places[place] for place in sorted(places)))
        return Settings(
            path=self.path,
            socket=self._path(run, "socket"),
            journal=self._path(run, "journal"),
            accounts=tuple(each for each in built if each is not None),
        )

    def _account(
        self,
        file_policy: _Section,
        values: _Section,
        credentials: _Section,
        endpoints: _Section | None,
        own_policy: _Section,
        leases: Sequence[_Section],
    ) -> AccountSettings | None:
        plain = _values(values)
        name, kind = plain.pop("name"), VenueName(plain.pop("venue"))
        label = f"account.{name}"
        here = values["name"]
        policy = self._checked(
            lambda: Policy(**{**_values(file_policy), **_values(own_policy)}),
            f"{label}.policy",
            {**file_policy, **own_policy},
            here,
        )
        custom = None if endpoints is None else self._endpoints(endpoints, f"{label}.endpoints")
        if policy is None or (endpoints is not None and custom is None):
            return None
        options = _options(plain)

        def make(with_credentials: Credentials) -> Venue:
            return _CLASSES[kind](with_credentials, account=name, custom=custom, **options)

        def secrets() -> Credentials:
            return self._credentials(credentials, f"{label}.credentials", make)

        if self._checked(lambda: make(_PLACEHOLDER), label, {**(endpoints or {}), **values}, here) is None:
            return None
        return AccountSettings(
            name=name,
            venue_name=kind,
            line=here[1],
            policy=policy,
            leases=tuple(self._lease(lease) for lease in leases),
            credentials_from=" ".join(f"{source} {where}" for source, where in _values(credentials).items()),
            _make=make,
            _credentials=secrets,
        )

    def _endpoints(self, section: _Section, label: str) -> Endpoints | None:
        values = _values(section)
        ca_file = values.pop("ca_file", None)
        if ca_file is not None:
            try:
                values["ca_pem"] = _text(self.path.parent / ca_file)
            except (OSError, ValueError) as error:
                self._note(section["ca_file"], f"{label}.ca_file", ca_file, f"cannot be read: {_reason(error)}")
                return None
        return self._checked(lambda: Endpoints(**values), label, {**section, "ca_pem": section.get("ca_file", _NOWHERE)})

    def _credentials(
        self, section: _Section, label: str, make: Callable[[Credentials], Venue]
    ) -> Credentials:
        """The secrets, tried on the account: a secret that its venue cannot use is a mistake of this line as well."""
        ((source, (where, line, column)),) = section.items()
        try:
            if source == "env":
                found = Credentials.from_env(str(where))
            else:
                found = Credentials.from_file(self.path.parent / str(where))
            make(found)
        except ConfigError as error:
            named = not _may_be_secret(str(where))
            rule = f"{error.field} {error.rule}" if source == "env" and named else error.rule
            mistake = Mistake(line, column, f"{label}.{source}", str(where) if named else "[hidden]", rule)
            raise SettingsError(str(self.path), (mistake,)) from None
        return found

    def _lease(self, section: _Section) -> LeaseSettings:
        values = _values(section)
        return LeaseSettings(values["name"], values["budget_s"], self.path.parent / values["page"])

    def _path(self, section: _Section, key: str) -> Path | None:
        return self.path.parent / str(section[key][0]) if key in section else None

    def _checked(
        self, make: Callable[[], _Made], label: str, places: _Section, otherwise: tuple[Any, int, int] | None = None
    ) -> _Made | None:
        try:
            return make()
        except ConfigError as error:
            place = places.get(error.field, otherwise) or _NOWHERE
            self._note(place, f"{label}.{error.field}", error.value, error.rule)
            return None

    def _note(self, place: tuple[Any, int, int], key: str, value: str, rule: str) -> None:
        self.mistakes.append(Mistake(place[1], place[2], key, value, rule))


_NOWHERE: tuple[str, int, int] = ("", 1, 1)
_CLASSES: dict[VenueName, Callable[..., Venue]] = {
    VenueName.CRYPTO_COM: CryptoCom,
    VenueName.DERIBIT: Deribit,
    VenueName.BYBIT: Bybit,
    VenueName.KRAKEN: Kraken,
}


def _may_be_secret(text: str) -> bool:
    """The same as in the reader (``settings/section.rs``): a secret that was pasted where its place is to be named."""
    mixed = all(any(kind(char) for char in text) for kind in (str.islower, str.isupper, str.isdigit))
    return len(text) >= 20 and (text.endswith("=") or (mixed and not any(char in text for char in "/. ")))


def _values(section: _Section) -> dict[str, Any]:
    return {key: value for key, (value, _, _) in section.items()}


def _options(plain: dict[str, Any]) -> dict[str, Any]:
    """Words as the members of enums they are."""
    enums: dict[str, Callable[[Any], object]] = {
        "environment": Environment,
        "scope": DeribitScope,
        "products": lambda words: tuple(BybitProduct(word) for word in words),
    }
    return {key: enums[key](value) if key in enums else value for key, value in plain.items()}


def _contents(path: Path) -> bytes:
    """The file's bytes. Raises ``ConfigError`` when others can write it: it decides where signed logins are sent."""
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
        about = os.fstat(file.fileno())
        for rule in _unsafe(about):
            raise ConfigError(f"{path} is not possible: {rule}", field="config", value=str(path), rule=rule)
        return file.read(_FILE_BYTES_MAX + 1)


def _unsafe(about: os.stat_result) -> Iterator[str]:
    if not stat.S_ISREG(about.st_mode):
        yield "must be a regular file"
    if about.st_uid not in (0, os.geteuid()):
        yield f"must belong to root or to the user running this; it belongs to uid {about.st_uid}"
    if about.st_mode & stat.S_IWOTH:
        yield f"has mode {stat.S_IMODE(about.st_mode):04o}; others must not be able to write it"


def _text(path: Path) -> str:
    with path.open("rb") as file:
        data = file.read(_CA_BYTES_MAX + 1)
    if len(data) > _CA_BYTES_MAX:
        raise ValueError(f"is larger than {_CA_BYTES_MAX} bytes")
    return data.decode("utf-8")


def _reason(error: OSError | ValueError) -> str:
    if isinstance(error, UnicodeDecodeError):
        return "must be UTF-8"
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
