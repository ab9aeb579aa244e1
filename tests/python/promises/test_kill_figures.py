"""Kill with 500 orders at each venue (100 in ``make test``), half of them another program's, and whatever path is broken: what is proven, and when.

The link is healthy; or the venue hears nothing on it, or we hear nothing, or neither, and nobody is told; or HTTP is refused.
``make figures`` tries them all, ``make test`` the first.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import pytest
from guarded import venue_of
from promises.desk import PATIENCE_S, at_once, milliseconds
from promises.figures import Figures
from relay import Relay, port_of

from killcord import Deribit, Endpoints, Guard, Json, KillPath, KillReport, Phase, Throttled, Venue, VenueName
from killcord.sim import Exchange, KnobValue, Sockets

ALL = "KILLCORD_FIGURES" in os.environ
ORDERS = 500 if ALL else 100
"""Resting 500 takes the venues' limits up to half a minute."""
FACTOR = 0.1
ACKNOWLEDGED_MS = 250.0
"""Loopback, and 500 cancels at a venue that shares two cores with everything else here."""
PROVEN_MS = 3_000.0
"""The first list is asked for after 0.1 s, those after it ever further apart; a dead link is dropped after half a second."""
PROVEN_ON_LINK_MS = 8_000.0
"""Without HTTP the list waits for a new link, and for a second after it was armed."""
GIVEN_UP_MS = 31_000.0

CREDITS = 1_000

KNOBS: dict[VenueName, dict[str, KnobValue]] = {
    VenueName.CRYPTO_COM: {"requests_per_s": 100_000},
    VenueName.DERIBIT: {"matching_rate": CREDITS, "matching_burst": CREDITS},
    VenueName.BYBIT: {},
    VenueName.KRAKEN: {"engine_limit": False},
}
"""So that resting 500 orders does not take minutes. What a kill itself may do is limited as ever."""


@dataclass(frozen=True, slots=True)
class Condition:
    """What is wrong when the button is pressed."""

    name: str
    breaks: Callable[[Exchange, Relay], None]
    http: bool = True
    in_test: bool = False


CONDITIONS = (
    Condition("link healthy", lambda exchange, http: None, in_test=True),
    Condition("venue hears nothing on the link", lambda exchange, http: exchange.stop_reading(Sockets.WEBSOCKETS)),
    Condition("we hear nothing on the link", lambda exchange, http: exchange.drip(3600, Sockets.WEBSOCKETS)),
    Condition("link cut", lambda exchange, http: exchange.cut(Sockets.WEBSOCKETS)),
    Condition("HTTP refused", lambda exchange, http: http.refuse(), http=False),
)


def order(venue: VenueName, number: int) -> tuple[str, dict[str, Json]]:
    """One that rests, in turn on several instruments, product lines and coins."""
    turn = number % 4
    if venue is VenueName.CRYPTO_COM:
        instrument = ("BTC_USD", "BTC_USDT", "BTCUSD-PERP", "ETH_USD")[turn]
        terms: dict[str, Json] = {"instrument_name": instrument, "side": "BUY", "type": "LIMIT", "price": "1000"}
        return "private/create-order", {**terms, "quantity": "1" if turn == 2 else "0.01", "client_oid": f"k{number}"}
    if venue is VenueName.DERIBIT:
        return "private/buy", {"instrument_name": "BTC-PERPETUAL", "amount": 10, "type": "limit", "price": 1000}
    if venue is VenueName.BYBIT:
        category, symbol, quantity = (
            ("linear", "BTCUSDT", "0.01"),
            ("linear", "BTCPERP", "0.01"),
            ("inverse", "BTCUSD", "1"),
            ("spot", "BTCUSDT", "0.01"),
        )[turn]
        return "order.create", {
            "category": category,
            "symbol": symbol,
            "side": "Buy",
            "orderType": "Limit",
            "qty": quantity,
            "price": "1000",
        }
    symbol = ("BTC/USD", "BTC/EUR", "BTC/USDT", "BTC/USD")[turn]
    return "add_order", {
        "order_type": "limit",
        "side": "buy",
        "symbol": symbol,
        "limit_price": 1000,
        "order_qty": 0.01,
    }


@pytest.mark.parametrize("condition", [each for each in CONDITIONS if ALL or each.in_test], ids=lambda each: each.name)
def test_a_kill_of_many_orders_is_proven_or_says_what_is_left(condition: Condition, figures: Figures) -> None:
    venues = list(VenueName)
    for venue, report in zip(venues, at_once(lambda venue: killed(venue, condition), venues), strict=True):
        take(figures, venue, condition, report)


def take(figures: Figures, venue: VenueName, condition: Condition, report: KillReport) -> None:
    """Each path's figures, where the path could be used."""
    what = f"kill of {ORDERS}, {condition.name}"
    begun = report.began_ns

    def path(name: str, each: KillPath, usable: bool) -> None:
        if each.acknowledged_ns is not None:
            figures.take(f"{what}, {name} acknowledged, {venue.value}", [milliseconds(begun, each.acknowledged_ns)], 3_000.0)
        assert not usable or each.acknowledged_ns is not None, report

    path("link", report.link, usable=condition.name == "link healthy" and venue is not VenueName.BYBIT)
    path("HTTP", report.http, usable=condition.http)
    if condition.http:
        assert report.http.acknowledged_ns is not None
        took = milliseconds(begun, report.http.acknowledged_ns)
        assert took <= ACKNOWLEDGED_MS, f"{venue.value}, {condition.name}: HTTP after {took} ms"
    if not condition.http and venue is VenueName.BYBIT:
        assert not report.proven and report.listed_ns is None and report.refusal is not None, report
        figures.take(f"{what}, given up, {venue.value}", [milliseconds(begun, report.ended_ns)], GIVEN_UP_MS)
        return
    assert report.proven_ns is not None and report.left == (), report
    bound = PROVEN_MS if condition.http else PROVEN_ON_LINK_MS
    figures.take(f"{what}, proven, {venue.value}", [milliseconds(begun, report.proven_ns)], bound)


def killed(venue: VenueName, condition: Condition) -> KillReport:
    """One venue, 500 orders, the fault, the button; and what the venue itself says of it."""
    with at_venue(venue) as (exchange, http, guard, other):
        rest(guard, exchange, ORDERS // 2)
        rest(other, exchange, ORDERS)
        condition.breaks(exchange, http)
        report = guard.kill_blocking("red button")
        if report.proven:
            assert exchange.open_order_count() == 0, report
        return report


@contextmanager
def at_venue(venue: VenueName) -> Iterator[tuple[Exchange, Relay, Guard, Guard]]:
    """A venue, the path of HTTP to it, an armed guard, and another one of the same account."""
    with Exchange(venue, factor=FACTOR, knobs=KNOBS[venue]) as exchange:
        with Relay(port_of(exchange.http_url)) as http:
            guards = [Guard(through(exchange, http)), Guard(account(exchange))]
            for guard in guards:
                guard.start()
            try:
                for guard in guards:
                    guard.wait_phase(Phase.ARMED, PATIENCE_S)
                yield exchange, http, guards[0], guards[1]
            finally:
                for guard in guards:
                    guard.stop()


def through(exchange: Exchange, http: Relay) -> Venue:
    """The account, with HTTP over the relay."""
    ends = exchange.endpoints
    url = ends.http_url.replace(f":{port_of(ends.http_url)}", f":{http.port}")
    return account(exchange, replace(ends, http_url=url))


def account(exchange: Exchange, endpoints: Endpoints | None = None) -> Venue:
    """As a guard wants it; on Deribit with the credits that the embedded venue was given."""
    venue = venue_of(exchange, endpoints)
    if isinstance(venue, Deribit):
        return replace(venue, matching_rate=CREDITS, matching_burst=CREDITS)
    return venue


def rest(guard: Guard, exchange: Exchange, until: int) -> None:
    """Orders rest until so many do, as fast as the venue's limits allow."""
    number = 1_000 * until  # apart from those of the other program
    deadline_ns = exchange.now_ns() + int(PATIENCE_S * 1e9)
    while exchange.open_order_count() < until:
        assert exchange.now_ns() < deadline_ns, f"{exchange.venue.value}: {exchange.open_order_count()} of {until} rest"
        before = exchange.open_order_count()
        number += 1
        try:
            reply = guard.request_blocking(*order(exchange.venue, number), timeout_s=PATIENCE_S)
            assert exchange.open_order_count() > before or exchange.venue is VenueName.BYBIT, reply.json()
        except Throttled:
            pass
        if exchange.open_order_count() == before:
            guard.drain_events(timeout_s=0.005)
