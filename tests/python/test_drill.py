"""``killcord drill`` measures what the venue did, says when it did not, refuses what it must, and leaves nothing behind."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from dataclasses import replace
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path

import pytest

from killcord import Bybit, ConfigError, Credentials, Deribit, Endpoints, Environment, Guard, Kraken, VenueName
from killcord._access import Access
from killcord._desk import Desk, Instrument, Node
from killcord.drill import Cut, DrillRefused, Plan, Result, Verdict, drill
from killcord.drill.child import HolderError
from killcord.drill.page import page
from killcord.drill.timeline import Scale
from killcord.drill.verdict import judge
from killcord.drill.result import Fate, Span
from killcord.sim import CancelCause, Exchange, JournalKind, OrderState
from test_check import rest_beside

FACTOR = 0.05
NAMES = [name.value for name in VenueName]
KEY = Credentials.values(key="KILLCORD0001", secret="never-in-a-program")


@pytest.mark.parametrize("cut", list(Cut))
def test_each_way_to_cut_is_measured_and_the_venues_own_record_lies_in_the_span(
    cut: Cut, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Exchange("deribit", factor=FACTOR) as exchange:
        result = rehearse(exchange, monkeypatch, cut)
        truth = [entry for entry in exchange.journal() if entry.kind is JournalKind.ORDER_CANCELLED]
        ended = [entry.detail for entry in exchange.journal() if entry.kind is JournalKind.ENDED]
        assert {order.cause for order in exchange.orders()} == {CancelCause.SWITCH}
    # What the venue saw of it: a goodbye, an end without one, or nothing until it gave the link up itself.
    assert ended[0] == {Cut.CLOSE: "client closed", Cut.FREEZE: "heartbeat close"}.get(cut, "client gone")
    assert result.good and result.verdict is Verdict.HELD
    assert len(truth) == 3 and result.first is not None and result.last is not None and result.stamped is not None
    first_s = (truth[0].at_ns - result.cut_ns) / 1e9
    assert result.first.low_s <= first_s <= result.first.high_s
    assert result.stamped.low_s - 0.002 <= first_s <= result.stamped.high_s + 0.002
    assert result.last.high_s <= result.bound_s


@pytest.mark.parametrize(("name", "cut"), [("crypto_com", Cut.KILL), ("bybit", Cut.RST), ("kraken", Cut.FREEZE)])
def test_every_venue_is_measured(name: str, cut: Cut, monkeypatch: pytest.MonkeyPatch) -> None:
    with Exchange(name, factor=FACTOR) as exchange:  # type: ignore[arg-type]
        result = rehearse(exchange, monkeypatch, cut, clock_rounds=1)
        truth = [entry for entry in exchange.journal() if entry.kind is JournalKind.ORDER_CANCELLED]
        assert exchange.open_order_count() == 0
    assert result.verdict in (Verdict.HELD, Verdict.UNDECIDED) and not result.left and result.cleared == 0
    assert result.first is not None
    assert result.first.low_s <= (truth[0].at_ns - result.cut_ns) / 1e9 <= result.first.high_s


@pytest.mark.parametrize("name", NAMES)
def test_a_switch_that_does_nothing_is_told_and_the_drill_cleans_up_after_it(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Exchange(name, factor=FACTOR) as exchange:  # type: ignore[arg-type]
        exchange.dishonour()
        result = rehearse(exchange, monkeypatch, Cut.KILL, patience_s=0.3, clock_rounds=0)
        assert exchange.open_order_count() == 0
        assert {order.cause for order in exchange.orders()} == {CancelCause.USER}
    assert result.verdict is Verdict.NOT_CANCELLED and not result.good
    assert result.cleared == 3 and not result.left
    assert result.first is None


def test_an_order_that_the_switch_forgets_is_told_cancelled_and_read_back(monkeypatch: pytest.MonkeyPatch) -> None:
    with Exchange("deribit", factor=FACTOR, knobs={"cod_partial_failure": 1}) as exchange:
        result = rehearse(exchange, monkeypatch, Cut.KILL, patience_s=0.5)
        assert exchange.open_order_count() == 0
    assert result.verdict is Verdict.NOT_CANCELLED and result.why.startswith("1 of 3 orders still rested")
    assert result.first is not None and result.last is None and result.cleared == 1
    assert [fate.by_switch for fate in result.fates].count(True) == 2


def test_another_subscriber_at_bybit_is_said_to_be_what_may_be_behind_it(monkeypatch: pytest.MonkeyPatch) -> None:
    with Exchange("bybit", factor=FACTOR) as exchange:
        other = Guard(Bybit(exchange.credentials, custom=exchange.endpoints))
        other.start()
        other.wait_phase(other.snapshot.phase.ARMED, 10)
        try:
            # The window is half a second here; nothing happens for three times that.
            result = rehearse(exchange, monkeypatch, Cut.RST, patience_s=1.5)
        finally:
            other.stop()
    assert result.verdict is Verdict.NOT_CANCELLED
    assert "subscribed to a dcp topic" in result.why and "repeat the drill" in result.why
    assert not result.left


def test_a_cancel_that_comes_too_late_is_late(monkeypatch: pytest.MonkeyPatch) -> None:
    with Exchange("deribit", factor=0.02, knobs={"cancel_delay_ms": 700}) as exchange:
        result = rehearse(exchange, monkeypatch, Cut.KILL, patience_s=4.0)
    assert result.verdict is Verdict.LATE and not result.good


@pytest.mark.parametrize("name", ["bybit", "kraken"])
def test_others_orders_that_the_switch_would_cancel_must_be_named(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with Exchange(name, factor=FACTOR) as exchange:  # type: ignore[arg-type]
        rest_beside(exchange)
        theirs = exchange.orders()[0].id
        with pytest.raises(DrillRefused, match=re.escape(theirs)):
            rehearse(exchange, monkeypatch, Cut.RST, clock_rounds=0)
        assert [order.state for order in exchange.orders()] == [OrderState.OPEN]
        assert JournalKind.SWITCH_SET not in {entry.kind for entry in exchange.journal()}
        result = rehearse(exchange, monkeypatch, Cut.RST, may_cancel=frozenset({theirs}), clock_rounds=0)
    assert result.foreign == 1 and result.cleared == 0


def test_others_orders_are_nobodys_business_where_the_switch_covers_its_connection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with Exchange("deribit", factor=FACTOR) as exchange:
        desk = Desk(Deribit(exchange.credentials, custom=exchange.endpoints))
        desk.ask("private/buy", instrument_name="BTC-PERPETUAL", amount="10", type="limit", price="1000")
        desk.close()
        assert rehearse(exchange, monkeypatch, Cut.KILL).good
        assert [order.state for order in exchange.orders()].count(OrderState.OPEN) == 1


def test_an_order_the_venue_refuses_ends_the_drill_and_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with Exchange("deribit", factor=FACTOR) as exchange:
        exchange.refuse("private/buy")
        with pytest.raises(HolderError, match="did not take an order"):
            rehearse(exchange, monkeypatch, Cut.KILL)
        assert exchange.open_order_count() == 0


def test_a_drill_called_off_at_kraken_takes_the_countdown_off_again(monkeypatch: pytest.MonkeyPatch) -> None:
    with Exchange("kraken", factor=FACTOR) as exchange:
        exchange.refuse("add_order")
        with pytest.raises(HolderError, match="did not take an order"):
            rehearse(exchange, monkeypatch, Cut.KILL, clock_rounds=0)
        kinds = [entry.kind for entry in exchange.journal()]
        assert kinds.index(JournalKind.SWITCH_SET) < kinds.index(JournalKind.SWITCH_OFF)
        assert exchange.would_trip_by_ns(exchange.account) is None


def test_a_window_of_the_whole_account_is_never_changed_by_a_drill(monkeypatch: pytest.MonkeyPatch) -> None:
    with Exchange("bybit", factor=FACTOR) as exchange:
        with pytest.raises(DrillRefused, match="now DERIVATIVES 10 s"):
            rehearse(exchange, monkeypatch, Cut.KILL, window_s=30)
        assert JournalKind.SWITCH_SET not in {entry.kind for entry in exchange.journal()}


def test_a_guard_that_is_refused_ends_the_drill_with_its_words(monkeypatch: pytest.MonkeyPatch) -> None:
    with Exchange("bybit", factor=FACTOR, knobs={"dcp_products": ""}) as exchange:
        with pytest.raises(HolderError, match="DERIVATIVES"):
            rehearse(exchange, monkeypatch, Cut.KILL)


@pytest.mark.parametrize(
    ("venue", "more", "field"),
    [
        (Deribit(KEY), {}, "production"),
        (Deribit(KEY), {"production": True}, "max_notional"),
        (Bybit(KEY, environment=Environment.PRODUCTION), {}, "production"),
        (Deribit(KEY, environment=Environment.TEST), {"orders": 0}, "orders"),
        (Deribit(KEY, environment=Environment.TEST), {"orders": 21}, "orders"),
        (Deribit(KEY, environment=Environment.TEST), {"side": "short"}, "side"),
        (Deribit(KEY, environment=Environment.TEST), {"distance": Decimal("0.01")}, "distance"),
        (Deribit(KEY, environment=Environment.TEST), {"max_notional": Decimal(0)}, "max_notional"),
    ],
)
def test_what_is_not_allowed_is_refused_before_anything_is_dialled(
    venue: Deribit | Bybit, more: dict[str, int], field: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        Plan(venue=venue, cut=Cut.KILL, **more)  # type: ignore[arg-type]
    assert refused.value.field == field


def test_addresses_of_ones_own_are_production_unless_they_are_this_machine() -> None:
    far = Deribit(KEY, custom=Endpoints("wss://gateway.example/ws/api/v2", "https://gateway.example"))
    with pytest.raises(ConfigError, match="--production"):
        Plan(venue=far, cut=Cut.KILL)
    near = Deribit(KEY, custom=Endpoints("wss://127.0.0.1:1/ws/api/v2", "https://localhost:1"))
    assert not Plan(venue=near, cut=Cut.KILL).needs_production


def test_price_and_size_stay_far_small_and_within_the_limit() -> None:
    plan = Plan(venue=Deribit(KEY, environment=Environment.TEST), cut=Cut.KILL, max_notional=Decimal(100))
    coin = Instrument("X", Decimal(100), Decimal("0.5"), Decimal("0.01"), Decimal("0.02"), Decimal(5), "USD", False)
    assert plan.sized(coin) == (Decimal("70.0"), Decimal("0.08"), Decimal("16.800"))
    contract = Instrument("Y", Decimal(100), Decimal("0.5"), Decimal(10), Decimal(10), Decimal(0), "USD", True)
    assert plan.sized(contract)[2] == 30
    sells = Plan(venue=plan.venue, cut=Cut.KILL, side="sell")
    assert sells.sized(coin)[0] == Decimal("130.0")
    at_the_market, too_large, negative = replace(plan, price=coin.last), replace(plan, size=Decimal(1)), Decimal(-1)
    for wrong in (at_the_market, too_large, replace(plan, price=negative)):
        with pytest.raises(ConfigError):
            wrong.sized(coin)


def test_a_fill_is_never_called_a_success() -> None:
    filled = Fate("1", "filled", "", None, True, None)
    assert judge(VenueName.DERIBIT, 10, Span(0, 1), None, [filled], 0)[0] is Verdict.OTHERWISE
    by_hand = Fate("1", "cancelled", "user_request", False, False, None)
    assert judge(VenueName.DERIBIT, 10, Span(0, 1), None, [by_hand], 0)[0] is Verdict.OTHERWISE
    gone = Fate("1", "cancelled", "", None, False, None)
    assert judge(VenueName.KRAKEN, 10, Span(9, 12), Span(9, 12), [gone], 0)[0] is Verdict.UNDECIDED


def test_an_interrupted_drill_cancels_its_orders_on_the_way_out(tmp_path: Path) -> None:
    with Exchange("deribit", factor=FACTOR) as exchange:
        exchange.dishonour()
        with subprocess.Popen(
            [sys.executable, "-u", "-m", "killcord", "drill", *places(exchange, tmp_path), "--patience", "60"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, **keys(exchange)},
        ) as process:
            assert process.stdout is not None
            for line in process.stdout:
                if "cut:" in line:
                    break
            assert exchange.open_order_count() == 3
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) != 0
        assert exchange.open_order_count() == 0


def test_the_command_takes_a_configuration_file_and_writes_json_and_a_page_that_needs_nothing_else(
    tmp_path: Path,
) -> None:
    with Exchange("deribit", factor=FACTOR) as exchange:
        where, file = tmp_path / "drill.html", tmp_path / "killcord.toml"
        (tmp_path / "ca.pem").write_text(exchange.ca_pem or "")
        file.write_text(
            f'[[account]]\nname = "desk"\nvenue = "deribit"\ncredentials = {{ env = "DERIBIT" }}\n[account.endpoints]\n'
            f'guard_url = "{exchange.guard_url}"\nhttp_url = "{exchange.http_url}"\nca_file = "ca.pem"\ntime_factor = {FACTOR}\n'
        )
        account = ["--config", str(file), "--account", "desk"]
        said = subprocess.run(
            [sys.executable, "-m", "killcord", "drill", *account, "--json", "--html", str(where)],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, **keys(exchange)},
        )
        secret = exchange.account.secret
    assert said.returncode == 0, said.stderr
    document = json.loads(said.stdout)
    assert document["verdict"] == "held" and document["good"] is True and document["schema"] == 1
    assert {mark["lane"] for mark in document["timeline"]} == {"guard", "venue", "drill"}
    text = where.read_text("utf-8")
    assert secret not in text + said.stdout + said.stderr
    reader = Reader()
    reader.feed(text)
    assert "svg" in reader.seen and "table" in reader.seen
    assert reader.seen.isdisjoint({"script", "link", "img", "iframe"}) and not reader.loads
    assert reader.depth == 0


def test_what_a_venue_says_cannot_break_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    with Exchange("deribit", factor=FACTOR) as exchange:
        result = rehearse(exchange, monkeypatch, Cut.KILL)
    hostile = replace(result, why='<script>alert("x")</script>', instrument='"><img src=x>')
    reader = Reader()
    reader.feed(page(hostile))
    assert reader.seen.isdisjoint({"script", "img"})


def test_the_axis_has_round_numbers_and_few_of_them() -> None:
    for end in (0.05, 0.7, 3.1, 24.1, 71.0, 640.0):
        ticks = Scale(-end * 0.05, end).ticks()
        assert 2 <= len(ticks) <= 10 and 0.0 in ticks


def test_the_account_reaches_the_other_process_in_words_without_a_secret() -> None:
    access = Access(venue="kraken", credentials="KRAKEN", window_s=45, products=("SPOT",), time_factor=0.1)
    assert Access.of_words(Node(json.loads(json.dumps(access.words())))) == access


def rehearse(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch, cut: Cut, window_s: int | None = None, **more: object
) -> Result:
    """A drill at an embedded venue, measured in this process."""
    for name, value in keys(exchange).items():
        monkeypatch.setenv(name, value)
    access = Access(
        venue=exchange.venue.value,
        products=("DERIVATIVES",) if exchange.venue is VenueName.BYBIT else (),
        guard_url=exchange.guard_url,
        http_url=exchange.http_url,
        trade_url=exchange.trade_url,
        ca_pem=exchange.ca_pem,
        time_factor=exchange.endpoints.time_factor,
        # The shortest sensible: half a second at this factor.
        window_s=10 if exchange.venue is VenueName.KRAKEN else window_s,
    )
    return drill(access, Plan(venue=access.open(), cut=cut, **more))  # type: ignore[arg-type]


def places(exchange: Exchange, folder: Path) -> list[str]:
    authority = folder / "ca.pem"
    authority.write_text(exchange.ca_pem or "")
    urls = ["--guard-url", exchange.guard_url, "--http-url", exchange.http_url, "--ca", str(authority)]
    return [exchange.venue.value, *urls, "--factor", str(FACTOR)]


def keys(exchange: Exchange) -> dict[str, str]:
    name = exchange.venue.value.upper()
    return {f"{name}_KEY": exchange.account.key, f"{name}_SECRET": exchange.account.secret}


class Reader(HTMLParser):
    """Reads a page as a browser does: which elements there are, what they would load, and whether they close."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()
        self.loads: list[str] = []
        self.depth = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        self.depth += tag != "meta"
        self.loads += [f"{tag} {name}" for name, _ in attrs if name in ("src", "href", "xlink:href", "action")]

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.depth -= 1

    def handle_endtag(self, tag: str) -> None:
        self.depth -= 1
