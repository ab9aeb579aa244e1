"""``killcord check`` finds what is wrong, says what cannot be known, and touches nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from guarded import venue_of
from killcord import Bybit, BybitProduct, Credentials, Deribit, DeribitScope, VenueName
from killcord._commands import app
from killcord._desk import Answer, ClockReading, Node
from killcord._desk.offset import measure
from killcord.check import Status, check
from killcord.check import bybit as bybit_lines
from killcord.check import common
from killcord.sim import Exchange, JournalKind

FACTOR = 0.05
NAMES = [name.value for name in VenueName]
TOUCHED = {
    JournalKind.SWITCH_SET,
    JournalKind.SWITCH_OFF,
    JournalKind.TRIPPED,
    JournalKind.ORDER_OPENED,
    JournalKind.ORDER_CANCELLED,
}
ORDERS: dict[str, tuple[str, dict[str, str]]] = {
    "bybit": (
        "POST /v5/order/create",
        {"category": "linear", "symbol": "BTCUSDT", "side": "Buy", "orderType": "Limit", "qty": "0.001", "price": "900"},
    ),
    "kraken": (
        "private/AddOrder",
        {"pair": "XBTUSD", "type": "buy", "ordertype": "limit", "volume": "0.001", "price": "900"},
    ),
}


@pytest.mark.parametrize("name", NAMES)
def test_a_healthy_account_has_nothing_wrong_and_is_not_touched(name: str) -> None:
    with Exchange(name, factor=FACTOR) as exchange:  # type: ignore[arg-type]
        report = check(venue_of(exchange))
        assert [line for line in report.lines if line.status is Status.WRONG] == []
        assert {entry.kind for entry in exchange.journal()} & TOUCHED == set()
        # Deribit's login over HTTP, which shows the key's scopes, belongs to no connection.
        logins = [entry for entry in exchange.journal() if entry.kind is JournalKind.LOGGED_IN]
        assert all(entry.connection is None for entry in logins)
    names = {line.name for line in report.lines}
    assert names >= {"link", "http", "clock", "round trip", "credentials", "permissions", "exposure", "coverage", "not covered"}
    assert all(line.evidence for line in report.lines)


@pytest.mark.parametrize("name", NAMES)
def test_arming_is_shown_when_it_is_asked_for(name: str) -> None:
    with Exchange(name, factor=FACTOR) as exchange:  # type: ignore[arg-type]
        report = check(venue_of(exchange), arming=True)
        assert report.line("armed").status is Status.RIGHT
        # The countdown of the account does not outlive the check.
        assert name != "kraken" or JournalKind.SWITCH_OFF in {entry.kind for entry in exchange.journal()}
    assert report.right


@pytest.mark.parametrize("name", sorted(ORDERS))
def test_an_account_wide_switch_is_not_armed_while_orders_rest(name: str) -> None:
    with Exchange(name, factor=FACTOR) as exchange:  # type: ignore[arg-type]
        rest_beside(exchange)
        before = len(exchange.journal())
        report = check(venue_of(exchange), arming=True)
        assert {entry.kind for entry in exchange.journal(before)} & TOUCHED == set()
        assert exchange.open_order_count() == 1
    assert report.line("armed").status is Status.UNKNOWN
    assert "1 orders rest" in report.line("armed").finding
    assert "1 rest" in report.line("open orders").finding


def test_arming_that_fails_half_way_leaves_no_countdown_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("killcord.check.arm.ARM_S", 1.0)
    with Exchange("kraken", factor=FACTOR) as exchange:
        exchange.refuse("executions", times=None)
        exchange.refuse("subscribe", times=None)
        report = check(venue_of(exchange), arming=True)
        kinds = [entry.kind for entry in exchange.journal()]
        assert report.line("armed").status is Status.WRONG
        assert JournalKind.SWITCH_SET not in kinds or JournalKind.SWITCH_OFF in kinds
        assert exchange.would_trip_by_ns(exchange.account) is None


def test_arming_never_changes_a_window_of_the_whole_account() -> None:
    with Exchange("bybit", factor=FACTOR) as exchange:
        line = check(Bybit(exchange.credentials, window_s=30, custom=exchange.endpoints), arming=True).line("armed")
        assert JournalKind.SWITCH_SET not in {entry.kind for entry in exchange.journal()}
    assert line.status is Status.UNKNOWN and "now DERIVATIVES 10 s" in line.finding


def test_a_scope_that_would_outlive_the_check_is_not_armed() -> None:
    with Exchange("deribit", factor=FACTOR) as exchange:
        account = Deribit(exchange.credentials, custom=exchange.endpoints, scope=DeribitScope.ACCOUNT)
        assert check(account, arming=True).line("armed").status is Status.UNKNOWN
        assert JournalKind.SWITCH_SET not in {entry.kind for entry in exchange.journal()}


@pytest.mark.parametrize("name", NAMES)
def test_a_wrong_secret_is_a_wrong_credential_with_advice(name: str) -> None:
    with Exchange(name, factor=FACTOR) as exchange, Exchange(name) as other:  # type: ignore[arg-type]
        wrong = Credentials.values(key=exchange.account.key, secret=other.account.secret)
        line = check(type(venue_of(exchange))(wrong, custom=exchange.endpoints)).line("credentials")
    assert line.status is Status.WRONG
    assert "secret" in line.advice or "signature" in line.advice


@pytest.mark.parametrize("name", NAMES)
def test_a_revoked_key_is_a_wrong_credential(name: str) -> None:
    with Exchange(name, factor=FACTOR) as exchange:  # type: ignore[arg-type]
        exchange.revoke(exchange.account)
        report = check(venue_of(exchange))
    assert report.line("credentials").status is Status.WRONG
    assert not report.right


@pytest.mark.parametrize(
    ("name", "lacks", "line"),
    [
        ("deribit", "trade:read_write", "permissions"),
        ("deribit", "account:read_write", "entitlement"),
        ("bybit", "ReadWrite", "permissions"),
        ("bybit", "ContractTrade", "permissions"),
        ("kraken", "create-ws-token", "permissions"),
        ("kraken", "query-open-trades", "permissions"),
    ],
)
def test_a_missing_permission_is_named(name: str, lacks: str, line: str) -> None:
    with Exchange(name, factor=FACTOR) as exchange:  # type: ignore[arg-type]
        exchange.restrict(exchange.account, [lacks])
        found = check(venue_of(exchange)).line(line)
    assert found.status is Status.WRONG
    assert lacks in found.finding or lacks == "ReadWrite"


def test_what_asking_cannot_show_arming_does() -> None:
    with Exchange("crypto_com", factor=FACTOR) as exchange:
        exchange.restrict(exchange.account, ["trade"])
        asked, armed = check(venue_of(exchange)), check(venue_of(exchange), arming=True)
    assert asked.right and asked.line("permissions").status is Status.UNKNOWN
    assert not armed.right and "40101" in armed.line("armed").finding


def test_a_product_that_bybit_has_not_switched_on_is_named() -> None:
    with Exchange("bybit", factor=FACTOR) as exchange:
        exchange.set_knob("dcp_products", "SPOT")
        line = check(venue_of(exchange)).line("entitlement")
        spot = check(Bybit(exchange.credentials, products=(BybitProduct.SPOT,), custom=exchange.endpoints))
    assert line.status is Status.WRONG and line.finding == "not switched on for DERIVATIVES"
    assert spot.right


def test_a_window_that_differs_is_worth_a_note() -> None:
    with Exchange("bybit", factor=FACTOR) as exchange:
        line = check(Bybit(exchange.credentials, window_s=30, custom=exchange.endpoints)).line("window")
    assert line.status is Status.NOTE and "asked for: 30 s" in line.finding


@pytest.mark.parametrize(("name", "skew_ms"), [("crypto_com", 90_000), ("deribit", -90_000), ("bybit", -2_000), ("kraken", 90_000)])
def test_a_clock_beyond_what_the_venue_accepts_is_wrong_and_the_rest_is_still_asked(name: str, skew_ms: int) -> None:
    with Exchange(name, factor=FACTOR) as exchange:  # type: ignore[arg-type]
        exchange.set_clock_skew(skew_ms)
        report = check(venue_of(exchange))
    assert report.line("clock").status is Status.WRONG
    assert abs(float(report.line("clock").finding.split()[0]) - skew_ms / 1e3) < 0.6
    # What is signed follows the venue's clock, as a guard's own requests do.
    assert report.line("credentials").status is Status.RIGHT


@pytest.mark.parametrize(
    ("name", "break_it", "line"),
    [
        ("kraken", lambda exchange: exchange.maintenance(), "venue"),
        ("bybit", lambda exchange: exchange.refuse("GET /v5/account/query-dcp-info"), "entitlement"),
        ("deribit", lambda exchange: exchange.refuse("private/get_open_orders"), "open orders"),
        ("crypto_com", lambda exchange: exchange.lose_answer("public/get-tickers", times=None), "http"),
    ],
)
def test_each_failure_is_a_line_of_its_own(name: str, break_it: Callable[[Exchange], None], line: str) -> None:
    with Exchange(name, factor=FACTOR) as exchange:  # type: ignore[arg-type]
        break_it(exchange)
        report = check(venue_of(exchange), timeout_s=0.5)
    assert report.line(line).status is Status.WRONG
    assert report.line(line).advice


def test_a_venue_that_is_gone_is_told_twice_and_the_rest_is_unknown() -> None:
    with Exchange("deribit", factor=FACTOR) as exchange:
        account = venue_of(exchange)
    report = check(account)
    assert "refused the connection" in report.line("http").finding
    assert report.line("link").status is Status.WRONG
    assert report.line("credentials").status is Status.UNKNOWN


def test_a_certificate_for_somebody_else_is_named() -> None:
    with Exchange("deribit", factor=FACTOR, certificate_hosts=["elsewhere.example"]) as exchange:
        report = check(venue_of(exchange))
    assert "certificate" in report.line("http").finding and "clock" in report.line("http").advice


def test_a_websocket_that_is_not_there_is_named() -> None:
    with Exchange("kraken", factor=FACTOR) as exchange:
        exchange.refuse_dials()
        report = check(venue_of(exchange))
    assert report.line("link").status is Status.WRONG


def test_a_slow_path_is_wrong() -> None:
    slow = Answer("public/Time", 200, Node({}), None, 0, 2_500_000_000, 0, 2_500_000_000)
    assert common.round_trip([slow]).status is Status.WRONG


@pytest.mark.parametrize(("until", "status"), [("2026-12-01", Status.RIGHT), ("2026-11-25", Status.WRONG), ("", Status.UNKNOWN)])
def test_a_key_that_ends_soon_is_wrong(until: str, status: Status) -> None:
    info = Node({"expiredAt": f"{until}T00:00:00Z" if until else ""})
    assert bybit_lines._expiry(info, datetime(2026, 11, 16, tzinfo=timezone.utc)).status is status


def test_whole_seconds_are_read_with_their_uncertainty() -> None:
    def heard(at_ms: int, told: float) -> Answer:
        return Answer("t", 200, Node(told), None, 0, 0, at_ms * 1_000_000, (at_ms + 10) * 1_000_000)

    def told(answer: Answer) -> float | None:
        return float(answer.body.number or 0)

    # The venue is 300 ms ahead: its second begins when ours is at 700 ms.
    answers = [heard(650, 0.0), heard(720, 1000.0)]
    reading = measure(answers, told, 1000.0, "test")
    assert reading == ClockReading(270.0, 350.0, "test")
    assert measure([heard(0, 0.0), heard(0, 5000.0)], told, 1000.0, "test") is None


def test_the_command_tells_json_and_its_status(tmp_path: Path) -> None:
    with Exchange("bybit", factor=FACTOR) as exchange:
        good = command(exchange, tmp_path, "--json")
        exchange.set_knob("dcp_products", "")
        bad = command(exchange, tmp_path)
        secret = exchange.account.secret
    assert (good.exit_code, bad.exit_code) == (0, 1), good.stderr + bad.stderr
    said = json.loads(good.stdout)
    assert said["right"] is True and said["schema"] == 1 and {line["status"] for line in said["lines"]} >= {"right", "note"}
    assert "ask your Bybit client manager" in " ".join(bad.stdout.split())
    assert secret not in good.stdout + bad.stdout


def test_an_account_of_a_configuration_file_is_checked(tmp_path: Path) -> None:
    with Exchange("deribit", factor=FACTOR) as exchange:
        (tmp_path / "ca.pem").write_text(exchange.ca_pem or "")
        file = tmp_path / "killcord.toml"
        file.write_text(
            f'[[account]]\nname = "desk"\nvenue = "deribit"\ncredentials = {{ env = "CHECKED" }}\n[account.endpoints]\n'
            f'guard_url = "{exchange.guard_url}"\nhttp_url = "{exchange.http_url}"\nca_file = "ca.pem"\ntime_factor = {FACTOR}\n'
        )
        keys = {"CHECKED_KEY": exchange.account.key, "CHECKED_SECRET": exchange.account.secret}
        said = killcord("check", "--config", str(file), "--json", keys=keys)
    assert said.exit_code == 0, said.stderr
    assert json.loads(said.stdout)["account"] == "desk"


@pytest.mark.parametrize("arguments", [(), ("deribit", "--config", "x.toml"), ("deribit",), ("deribit", "--guard-url", "wss://x")])
def test_an_account_that_cannot_be_read_is_a_status_of_its_own(arguments: tuple[str, ...]) -> None:
    said = killcord("check", *arguments)
    assert said.exit_code == 2 and said.stderr and not said.stdout


def rest_beside(exchange: Exchange) -> None:
    """An order of somebody else, over HTTP."""
    from killcord._desk import Desk

    step, params = ORDERS[exchange.venue.value]
    desk = Desk(venue_of(exchange))
    desk.ask(step, **params)
    desk.close()
    assert exchange.open_order_count() == 1


def command(exchange: Exchange, folder: Path, *more: str) -> Result:
    authority = folder / "ca.pem"
    authority.write_text(exchange.ca_pem or "")
    name = exchange.venue.value
    places = ["--guard-url", exchange.guard_url, "--http-url", exchange.http_url, "--ca", str(authority)]
    places += [] if exchange.trade_url is None else ["--trade-url", exchange.trade_url]
    keys = {f"{name.upper()}_KEY": exchange.account.key, f"{name.upper()}_SECRET": exchange.account.secret}
    return killcord("check", name, *places, "--factor", str(FACTOR), *more, keys=keys)


def killcord(*arguments: str, keys: dict[str, str] | None = None) -> Result:
    return CliRunner().invoke(app, arguments, env=keys)
