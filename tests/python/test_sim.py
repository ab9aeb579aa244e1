"""Embedded venues as their users drive them, over real sockets on loopback."""

from __future__ import annotations

import asyncio
import doctest
import hmac
import http.client
import json
import multiprocessing
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import FrozenInstanceError
from urllib.parse import urlsplit

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

import killcord
import killcord.sim.exchange
from killcord import ConfigError, VenueName
from killcord.sim import Account, Exchange, JournalKind, Sockets

SILENCE_S = 0.1
TIME_PATH = {
    VenueName.CRYPTO_COM: "/exchange/v1/public/get-instruments",
    VenueName.DERIBIT: "/api/v2/public/get_time",
    VenueName.BYBIT: "/v5/market/time",
    VenueName.KRAKEN: "/0/public/Time",
}


@pytest.fixture(params=list(VenueName), ids=lambda venue: venue.value)
def exchange(request: pytest.FixtureRequest) -> Iterator[Exchange]:
    with Exchange(request.param) as running:
        yield running


@pytest.fixture
def bybit() -> Iterator[Exchange]:
    with Exchange("bybit") as running:
        yield running


def test_a_public_request_is_answered_with_our_authority(exchange: Exchange) -> None:
    assert get(exchange, TIME_PATH[exchange.venue])[0] == 200


def test_a_websocket_is_accepted_and_listed(exchange: Exchange) -> None:
    with dial(exchange):
        (connection,) = exchange.connections()
        assert urlsplit(exchange.guard_url).path == connection.path
        assert (connection.account, connection.reads, connection.writes) == (None, True, True)
        assert exchange.journal()[0].kind is JournalKind.OPENED


def test_the_certificate_is_refused_without_our_authority(exchange: Exchange) -> None:
    with Exchange(exchange.venue) as stranger, pytest.raises(ssl.SSLCertVerificationError):
        get(exchange, "/", trust=stranger.ca_pem)
    with pytest.raises(ssl.SSLCertVerificationError):
        get(exchange, "/", trust=None)


def test_the_certificate_satisfies_strict_verifiers(exchange: Exchange) -> None:
    strict = for_two_threads(trusting(exchange.ca_pem))
    strict.verify_flags |= ssl.VERIFY_X509_STRICT | ssl.VERIFY_X509_PARTIAL_CHAIN
    with connect(exchange.guard_url, ssl=strict, proxy=None) as client:
        assert client.ping().wait(5)


def test_an_expired_certificate_is_refused() -> None:
    with Exchange("bybit", certificate_expired=True) as exchange:
        with pytest.raises(ssl.SSLCertVerificationError, match="expired"):
            get(exchange, "/")


def test_a_certificate_for_another_name_is_refused() -> None:
    with Exchange("bybit", certificate_hosts=("example.com",)) as exchange:
        with pytest.raises(ssl.SSLCertVerificationError, match="not valid for"):
            get(exchange, "/")


def test_it_can_listen_on_the_other_loopback() -> None:
    with Exchange("bybit", host="::1") as exchange:
        assert exchange.http_url.startswith("https://[::1]:")
        assert get(exchange, TIME_PATH[VenueName.BYBIT])[0] == 200


def test_plaintext_is_refused_on_a_tls_port(exchange: Exchange) -> None:
    connection = http.client.HTTPConnection(netloc(exchange), timeout=5)
    connection.request("GET", "/")
    with pytest.raises((http.client.HTTPException, ConnectionError)):
        connection.getresponse()
    connection.close()


def test_plaintext_is_spoken_when_asked_for() -> None:
    with Exchange("bybit", plaintext=True) as exchange:
        assert exchange.ca_pem is None
        assert exchange.guard_url.startswith("ws://") and exchange.http_url.startswith("http://")
        assert get(exchange, TIME_PATH[VenueName.BYBIT])[0] == 200
        with connect(exchange.guard_url, proxy=None):
            pass


def test_a_path_the_venue_does_not_know_is_not_a_websocket(exchange: Exchange) -> None:
    url = exchange.guard_url + "/nowhere"
    with pytest.raises(InvalidStatus), connect(url, ssl=for_two_threads(trusting(exchange.ca_pem)), proxy=None):
        pass
    assert exchange.connections() == []


def test_stopping_ends_everything_and_leaves_the_journal_readable(exchange: Exchange) -> None:
    with dial(exchange) as client:
        exchange.stop()
        exchange.stop()
        with pytest.raises(ConnectionClosed):
            drain(client)
    with pytest.raises(ConnectionRefusedError):
        get(exchange, "/")
    assert [entry.number for entry in exchange.journal()] == list(range(len(exchange.journal())))


def test_a_forked_child_leaves_the_parents_venue_alone(bybit: Exchange) -> None:
    child = multiprocessing.get_context("fork").Process(target=bybit.stop)
    child.start()
    child.join(5)
    assert child.exitcode == 0
    assert get(bybit, TIME_PATH[VenueName.BYBIT])[0] == 200


async def test_it_is_an_async_context_manager_too() -> None:
    async with Exchange(VenueName.BYBIT) as exchange:
        status, _ = await asyncio.to_thread(get, exchange, TIME_PATH[VenueName.BYBIT])
        assert status == 200
    with pytest.raises(ConnectionRefusedError):
        get(exchange, "/")


def test_accounts_are_made_in_the_venues_form_and_hide_their_secrets(exchange: Exchange) -> None:
    other = exchange.add_account("other")
    assert {exchange.account.name, other.name} == {"main", "other"}
    assert exchange.account.key != other.key
    for shown in (repr(exchange.account), repr(exchange.credentials), str(exchange.credentials)):
        assert exchange.account.secret not in shown
    assert exchange.add_account(key="mine", secret="c2VjcmV0").key == "mine"


def test_endpoints_are_what_a_guard_wants(exchange: Exchange) -> None:
    endpoints = exchange.endpoints
    assert (endpoints.guard_url, endpoints.http_url) == (exchange.guard_url, exchange.http_url)
    assert endpoints.ca_pem == exchange.ca_pem
    assert (endpoints.trade_url is not None) == (exchange.venue is VenueName.BYBIT)


def test_every_knob_can_be_set_to_what_it_is(exchange: Exchange) -> None:
    for name, knob in exchange.knobs().items():
        assert knob.doc and name == knob.name
        exchange.set_knob(name, knob.value)
    before = {name: knob.value for name, knob in exchange.knobs().items()}
    assert before


def test_a_wrong_knob_names_field_value_and_rule() -> None:
    with pytest.raises(ConfigError) as unknown:
        Exchange("bybit", knobs={"no_such": 1})
    assert unknown.value.field == 'knobs["no_such"]'
    with pytest.raises(ConfigError) as wrong:
        Exchange("bybit", knobs={"cancel_delay_ms": "soon"})
    assert (wrong.value.value, "milliseconds" in wrong.value.rule) == ("soon", True)


def test_knobs_take_numbers_and_truth_values() -> None:
    with Exchange("bybit", knobs={"cancel_delay_ms": 250, "pool_topics": True}) as exchange:
        knobs = exchange.knobs()
        assert (knobs["cancel_delay_ms"].value, knobs["pool_topics"].value) == ("250", "true")


@pytest.mark.parametrize(
    ("field", "build"),
    [
        ("venue", lambda: Exchange("ftx")),  # type: ignore[arg-type]
        ("factor", lambda: Exchange("bybit", factor=0.0)),
        ("factor", lambda: Exchange("bybit", factor=float("nan"))),
        ("host", lambda: Exchange("bybit", host="localhost")),
    ],
)
def test_a_venue_that_is_not_possible_is_refused_by_field(field: str, build: Callable[[], Exchange]) -> None:
    with pytest.raises(ConfigError) as refused:
        build()
    assert refused.value.field == field


def test_a_port_in_use_is_an_os_error(bybit: Exchange) -> None:
    port = urlsplit(bybit.http_url).port
    assert port is not None
    with pytest.raises(OSError, match="cannot listen on 127.0.0.1"):
        Exchange("bybit", port=port)


def test_revoking_an_unknown_key_shows_its_tail_only(bybit: Exchange) -> None:
    with pytest.raises(ConfigError) as refused:
        bybit.revoke(Account("nobody", "SECRETISHKEY", ""))
    assert "HKEY" in str(refused.value) and "SECRETISHKEY" not in str(refused.value)


def test_expiring_tokens_does_not_apply_where_there_are_none(bybit: Exchange) -> None:
    with pytest.raises(killcord.NotApplicable):
        bybit.expire_tokens()


def test_waiting_for_what_does_not_come_times_out(bybit: Exchange) -> None:
    with pytest.raises(TimeoutError, match="no tripped in the journal of bybit within 0.02 s"):
        bybit.wait_for(JournalKind.TRIPPED, timeout_s=0.02)


def test_waiting_does_not_hold_the_interpreter(bybit: Exchange) -> None:
    waiting = threading.Event()

    def later() -> None:
        waiting.wait()
        bybit.silence_pings()

    helper = threading.Thread(target=later)
    helper.start()
    waiting.set()
    assert bybit.wait_for(JournalKind.FAULT_APPLIED).detail == "SilentPings"
    helper.join()


def test_records_are_frozen(bybit: Exchange) -> None:
    bybit.maintenance()
    (entry,) = bybit.journal()
    with pytest.raises(FrozenInstanceError):
        entry.number = 1  # type: ignore[misc]


def test_a_step_can_be_refused_a_number_of_times(bybit: Exchange) -> None:
    bybit.refuse("auth", times=2)
    with dial(bybit) as client:
        assert [login(bybit, client)["success"] for _ in range(3)] == [False, False, True]


def test_faults_and_waits_can_be_for_one_account(bybit: Exchange) -> None:
    other = bybit.add_account("other")
    with dial(bybit) as client, dial(bybit) as bystander:
        login(bybit, client)
        entry = bybit.wait_for(JournalKind.LOGGED_IN, account=bybit.account)
        assert [connection.account for connection in bybit.connections()] == ["main", None]
        assert entry.connection == bybit.connections()[0].number
        with pytest.raises(TimeoutError):
            bybit.wait_for(JournalKind.LOGGED_IN, account=other, timeout_s=0.0)
        bybit.reset(bybit.account)
        with pytest.raises(ConnectionClosed):
            drain(client)
        assert bystander.ping().wait(5)


def test_a_revoked_key_is_not_let_in(bybit: Exchange) -> None:
    bybit.revoke(bybit.account)
    with dial(bybit) as client:
        assert login(bybit, client)["success"] is False


def test_an_answer_can_be_late(bybit: Exchange) -> None:
    bybit.late("ping", by_s=SILENCE_S)
    with dial(bybit) as client:
        asked_ns = bybit.now_ns()
        ping(client)
        assert bybit.now_ns() - asked_ns >= SILENCE_S * 1e9


@pytest.mark.parametrize("fault", ["lose_request", "lose_answer"])
def test_an_answer_can_be_lost(bybit: Exchange, fault: str) -> None:
    lose: Callable[[str], None] = getattr(bybit, fault)
    lose("ping")
    with dial(bybit) as client:
        client.send('{"op":"ping","req_id":"lost"}')
        assert ping(client)["req_id"] == "kept"


def test_pings_can_stay_unanswered(exchange: Exchange) -> None:
    with dial(exchange) as client:
        assert client.ping().wait(5)
        exchange.silence_pings()
        assert not client.ping().wait(SILENCE_S)
        exchange.heal()
        assert client.ping().wait(5)


def test_a_cut_is_silent_and_heals(exchange: Exchange) -> None:
    with dial(exchange) as client:
        exchange.cut()
        pong = client.ping()
        assert not pong.wait(SILENCE_S)
        (connection,) = exchange.connections()
        assert (connection.reads, connection.writes) == (False, False)
        exchange.heal()
        assert pong.wait(5), "what was sent into the dark arrives"


def test_a_venue_that_stops_reading_hears_nothing(exchange: Exchange) -> None:
    with dial(exchange) as client:
        exchange.stop_reading(Sockets.WEBSOCKETS)
        assert not client.ping().wait(SILENCE_S)
        (connection,) = exchange.connections()
        assert (connection.reads, connection.writes) == (False, True)
        assert get(exchange, TIME_PATH[exchange.venue])[0] == 200
        exchange.heal()
        assert client.ping().wait(5)


def test_a_frozen_venue_thaws_and_answers(exchange: Exchange) -> None:
    with dial(exchange) as client:
        exchange.freeze()
        pong = client.ping()
        assert not pong.wait(SILENCE_S)
        exchange.heal()
        assert pong.wait(5)


def test_one_connection_can_be_cut_among_many(exchange: Exchange) -> None:
    with dial(exchange) as first, dial(exchange) as second:
        exchange.cut(exchange.connections()[0])
        assert second.ping().wait(5)
        assert not first.ping().wait(SILENCE_S)
        exchange.heal()


def test_an_answer_can_come_byte_by_byte(exchange: Exchange) -> None:
    with dial(exchange) as client:
        exchange.drip(0.002)
        asked_ns = exchange.now_ns()
        assert client.ping().wait(5)
        assert exchange.now_ns() - asked_ns > 20 * 0.002 * 1e9, "a frame within TLS has more than twenty bytes"
        exchange.heal()
        assert client.ping().wait(5)


def test_anything_can_be_said_to_a_client(bybit: Exchange) -> None:
    with dial(bybit) as client:
        bybit.inject(b"\x81\x02hi")
        assert client.recv(timeout=5) == "hi"
        bybit.inject(b"\x83\x00")
        with pytest.raises(ConnectionClosed) as closed:
            client.recv(timeout=5)
        assert closed.value.sent is not None and closed.value.sent.code == 1002, "an unknown opcode is a protocol error"


def test_a_new_connection_can_be_slow_to_be_answered(exchange: Exchange) -> None:
    exchange.slow_accept(SILENCE_S)
    asked_ns = exchange.now_ns()
    with dial(exchange):
        assert exchange.now_ns() - asked_ns >= SILENCE_S * 1e9


@pytest.mark.parametrize("fault", ["reset", "fin"])
def test_connections_can_end_without_a_close_frame(exchange: Exchange, fault: str) -> None:
    end: Callable[[], None] = getattr(exchange, fault)
    with dial(exchange) as client:
        end()
        with pytest.raises(ConnectionClosed) as closed:
            drain(client)
        assert closed.value.rcvd is None
    assert exchange.connections() == []
    exchange.wait_for(JournalKind.ENDED)


def test_a_close_has_its_code_and_reason(exchange: Exchange) -> None:
    with dial(exchange) as client:
        exchange.close(1012, "restart")
        with pytest.raises(ConnectionClosed) as closed:
            drain(client)
        assert closed.value.rcvd is not None
        assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1012, "restart")


def test_a_close_code_that_may_not_be_sent_is_refused(bybit: Exchange) -> None:
    with pytest.raises(ConfigError, match="code = 1006"):
        bybit.close(1006)


def test_dials_can_be_refused(exchange: Exchange) -> None:
    exchange.refuse_dials()
    with pytest.raises((ConnectionError, ssl.SSLError)), dial(exchange):
        pass
    exchange.heal()
    with dial(exchange):
        pass


def test_the_venues_clock_can_be_wrong(bybit: Exchange) -> None:
    bybit.set_clock_skew(-3_600_000)
    _, body = get(bybit, TIME_PATH[VenueName.BYBIT])
    told_ms = json.loads(body)["time"]
    assert abs(told_ms - bybit.wall_ns() // 1_000_000) < 10_000


def test_an_account_nobody_logged_in_would_never_trip(exchange: Exchange) -> None:
    assert exchange.would_trip_by_ns(exchange.account) is None


def test_the_example_in_the_docstring_does_what_it_says() -> None:
    result = doctest.testmod(killcord.sim.exchange)
    assert (result.failed, result.attempted > 0) == (0, True)


def dial(exchange: Exchange) -> ClientConnection:
    ours = for_two_threads(trusting(exchange.ca_pem))
    return connect(exchange.guard_url, ssl=ours, proxy=None, ping_interval=None, close_timeout=1)


def drain(client: ClientConnection) -> None:
    """Reads to the end, past what the venue says by itself."""
    while True:
        client.recv(timeout=5)


def ping(client: ClientConnection) -> dict[str, object]:
    """Bybit's own ping."""
    client.send('{"op":"ping","req_id":"kept"}')
    answer: dict[str, object] = json.loads(client.recv(timeout=5))
    return answer


def login(exchange: Exchange, client: ClientConnection) -> dict[str, object]:
    """Bybit's own login (expiry in milliseconds, signed)."""
    expires = exchange.wall_ns() // 1_000_000 + 10_000
    sign = hmac.new(exchange.account.secret.encode(), f"GET/realtime{expires}".encode(), "sha256").hexdigest()
    client.send(json.dumps({"op": "auth", "args": [exchange.account.key, expires, sign]}))
    answer: dict[str, object] = json.loads(client.recv(timeout=5))
    return answer


def get(exchange: Exchange, path: str, trust: str | None = "its own") -> tuple[int, str]:
    """One request on a connection of its own; ``trust`` replaces the authority to trust."""
    if exchange.ca_pem is None:
        connection = http.client.HTTPConnection(netloc(exchange), timeout=5)
    else:
        authority = exchange.ca_pem if trust == "its own" else trust
        connection = http.client.HTTPSConnection(netloc(exchange), timeout=5, context=trusting(authority))
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


def netloc(exchange: Exchange) -> str:
    return urlsplit(exchange.http_url).netloc


def trusting(ca_pem: str | None) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if ca_pem is not None:
        context.load_verify_locations(cadata=ca_pem)
    return context


def for_two_threads(context: ssl.SSLContext) -> ssl.SSLContext:
    """The same without TLS 1.3, for the client here that reads in one thread and writes in another.

    An ``SSLSocket`` of CPython 3.11 is not safe for that (cpython issues 76714 and 151508). With TLS 1.3 the server's session
    tickets arrive just when the client writes its first request, and what it writes is then at times garbled: 13 of 1,114
    dials hung so, on a busy machine, and 2 of 3,717 against a server in Python. With TLS 1.2 none of 5,596 did.
    """
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    return context
