"""One check from beginning to end: what every venue has in common, then the venue's own questions, then what is published."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from .._desk import Book, Desk, DeskError, book_of
from ..model import VenueName
from ..venues import Bybit, CryptoCom, Deribit, Kraken, Venue
from . import bybit, common, crypto_com, deribit, kraken
from .arm import arm
from .line import Line, Report, Status, right, unknown, wrong

_LINES: Mapping[VenueName, Callable[[Desk, Book], list[Line]]] = {
    VenueName.CRYPTO_COM: crypto_com.lines,
    VenueName.DERIBIT: deribit.lines,
    VenueName.BYBIT: bybit.lines,
    VenueName.KRAKEN: kraken.lines,
}


def check(venue: Venue, *, arming: bool = False, timeout_s: float = 5.0) -> Report:
    """Asks everything that can be asked without placing, cancelling or arming anything, and says what was found.

    With ``arming`` a guard arms as well, where that cannot cancel anybody's order. Takes a second or two, and up to
    ``timeout_s`` for each call that is not answered. Nothing is raised for what is found; it is a line of the report.

    >>> from killcord import Kraken
    >>> from killcord.sim import Exchange
    >>> with Exchange("kraken", factor=0.1) as exchange:
    ...     report = check(Kraken(exchange.credentials, custom=exchange.endpoints))
    ...     exchange.restrict(exchange.account, ["modify-trades", "close-trades"])
    ...     refused = check(Kraken(exchange.credentials, custom=exchange.endpoints))
    >>> report.right, report.line("coverage").finding
    (True, 'every order of the account, whoever sent it')
    >>> refused.right, refused.line("entitlement").advice
    (False, "tick Cancel & close orders in the key's settings")
    """
    desk, book, name = Desk(venue, timeout_s), book_of(venue), name_of(venue)
    try:
        found = [common.link(desk), *_asked(desk, book, name)]
        if arming:
            found = proven_by(arm(desk, book), found)
        found += common.published(desk)
    finally:
        desk.close()
    # What is not covered is the last thing to be read, whatever was found before.
    found.sort(key=lambda line: line.name == "not covered")
    return Report(name, venue.environment, venue.account, tuple(found))


def proven_by(armed: list[Line], found: list[Line]) -> list[Line]:
    """What arming showed settles what asking could not: the switch was set."""
    if any(line.name == "armed" and line.status is Status.RIGHT for line in armed):
        found = [line for line in found if line.name != "entitlement" or line.status is not Status.UNKNOWN]
    return [*found, *armed]


def name_of(venue: Venue) -> VenueName:
    """Which venue it is."""
    match venue:
        case CryptoCom():
            return VenueName.CRYPTO_COM
        case Deribit():
            return VenueName.DERIBIT
        case Bybit():
            return VenueName.BYBIT
        case Kraken():
            return VenueName.KRAKEN


def _asked(desk: Desk, book: Book, name: VenueName) -> list[Line]:
    """What is asked over HTTP. Where that cannot be reached, one line says so and the rest is unknown."""
    try:
        reading, answers = book.clock(desk)
    except DeskError as error:
        lost = ("clock", "round trip", "credentials", "permissions", "entitlement", "open orders")
        return [
            wrong("http", str(error), "a public call", error.advice),
            *(unknown(each, "not asked", "HTTP cannot be reached") for each in lost),
        ]
    if reading is not None:
        desk.clock_offset_ms = round(reading.middle_ms) - _BEHIND_MS
    found = [
        right("http", f"reached at {desk.address}", "a public call"),
        common.clock(reading, book.clock_tolerance_ms),
        common.round_trip(answers),
    ]
    try:
        return [*found, *_LINES[name](desk, book), common.orders(desk, book)]
    except DeskError as error:
        return [*found, wrong("credentials", str(error), "the venue's own questions", error.advice)]


_BEHIND_MS = 250
"""What is signed is stamped a little behind the venue's clock: a stamp from the future is worse than an old one."""
