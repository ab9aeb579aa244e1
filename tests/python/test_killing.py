"""`killcord kill` as a process: with a guard that runs, with none, and with one that does not answer."""

from __future__ import annotations

import json
import signal
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from guarded import venue_of
from relay import Relay, port_of
from serviced import PATIENCE_S, Desk, Told, rest_orders, running
from test_kill import ORDERS, RESTING

from killcord import Guard, Json, Phase, VenueName
from killcord.daemon.client import Call
from killcord.daemon.server import Server
from killcord.sim import Exchange

KRAKEN_SLOW = "window_s = 100\ncadence_s = 30"


@pytest.fixture
def kraken() -> Iterator[Exchange]:
    with Exchange("kraken", factor=0.1) as venue:
        yield venue


@pytest.mark.parametrize("venue", sorted(ORDERS))
def test_with_no_service_running_it_cancels_by_itself_and_proves_it(desk: Desk, venue: str) -> None:
    with Exchange(VenueName(venue), factor=0.1) as exchange:
        desk.account("desk", exchange)
        trader = Guard(venue_of(exchange))
        trader.start()
        try:
            trader.wait_phase(Phase.ARMED, PATIENCE_S)
            method, order = ORDERS[venue]
            for number in range(RESTING):
                trader.request_blocking(method, order(number), timeout_s=5)
            code, shown = killed(desk, "--reason", "red button")
            assert exchange.open_order_count() == 0
        finally:
            trader.stop()
    assert (code, shown["proven"]) == (0, True)
    (account,) = shown["accounts"]
    assert account["latched"] is False
    (attempt,) = account["attempts"]
    assert (attempt["by"], attempt["reason"], attempt["left"]) == ("this command, over HTTP", "red button", [])
    assert "no killcord run answers" in shown["notes"][0]


def test_a_running_service_is_told_does_it_and_latches_until_rearmed(desk: Desk, told: Told, kraken: Exchange) -> None:
    desk.account("spot", kraken, KRAKEN_SLOW)
    with running(desk, told) as process:
        rest_orders(kraken, 3)
        code, shown = killed(desk)
        assert (code, kraken.open_order_count()) == (0, 0)
        (account,) = shown["accounts"]
        assert account["latched"] is True and shown["notes"] == []
        assert account["attempts"][0]["by"] == f"the running guard, process {process.pid}"
        after = desk.state("spot")
        assert (after["latched"], after["permit"]) == (True, False)
        assert desk.command("rearm", "--account", "spot").exit_code == 2
        for unsaid in (" ", "x" * 501):
            refused = desk.command("rearm", "--account", "spot", "--acknowledge", unsaid)
            assert refused.exit_code == 2 and "1 to 500 characters" in refused.stderr
        assert desk.state("spot")["latched"] is True
        rearmed = desk.command("rearm", "--account", "spot", "--acknowledge", "seen")
        assert (rearmed.exit_code, rearmed.stdout) == (0, "rearmed: spot\n")
        assert desk.state("spot")["latched"] is False


def test_a_rearm_during_a_kill_is_told_that_the_latch_stays(desk: Desk, told: Told) -> None:
    with Exchange("bybit", factor=0.1) as bybit, Relay(port_of(bybit.http_url)) as http:
        desk.account("unified", bybit, http_url=bybit.http_url.replace(str(port_of(bybit.http_url)), str(http.port)))
        with running(desk, told):
            http.refuse()
            with Call(desk.socket) as killing:
                begun = killing.ask({"do": "kill", "accounts": None, "reason": "red button"}, PATIENCE_S)
                assert begun["accepted"] == ["unified"]
                refused = desk.command("rearm", "--acknowledge", "too early")
            assert refused.exit_code == 4 and "unified: not rearmed: a kill is under way" in refused.stderr
            assert desk.state("unified")["latched"] is True


def test_a_service_that_does_not_answer_is_not_waited_for(desk: Desk, told: Told, kraken: Exchange) -> None:
    desk.account("spot", kraken, KRAKEN_SLOW)
    with running(desk, told) as process:
        rest_orders(kraken, 3)
        process.send_signal(signal.SIGSTOP)
        code, shown = killed(desk)
        assert (code, kraken.open_order_count()) == (0, 0)
        assert shown["accounts"][0]["latched"] is False
        assert f"process {process.pid} has the socket and does not answer within 1 s" in shown["notes"][0]
        assert "not latched" in shown["notes"][0]


@pytest.mark.parametrize("answer", [{"error": "the guard has ended"}, {"proven": False}, None])
def test_where_the_service_did_not_prove_it_the_command_kills_as_well(desk: Desk, kraken: Exchange, answer: Json) -> None:
    class Broken:
        def names(self) -> list[str]:
            return ["spot"]

        def status(self) -> dict[str, Json]:
            return {}

        def rearm(self, accounts: list[str], acknowledge: str) -> None:
            return None

        def kill(self, accounts: list[str], reason: str) -> dict[str, Json]:
            return {"spot": answer}

    desk.account("spot", kraken)
    server = Server(desk.socket)
    server.serve(Broken())
    try:
        code, shown = killed(desk)
    finally:
        server.close()
    (account,) = shown["accounts"]
    assert (code, account["proven"]) == (0, True)
    assert account["attempts"][-1]["by"] == "this command, over HTTP"
    assert account["latched"] is (answer == {"proven": False})


def test_an_account_the_service_does_not_have_is_killed_beside_it(desk: Desk, told: Told, kraken: Exchange) -> None:
    desk.account("spot", kraken, KRAKEN_SLOW)
    with Exchange("deribit", factor=0.1) as deribit, running(desk, told):
        desk.account("desk", deribit)
        code, shown = killed(desk)
    by = {account["name"]: account["attempts"][0]["by"] for account in shown["accounts"]}
    assert code == 0 and by["desk"] == "this command, over HTTP" and by["spot"].startswith("the running guard")
    assert any("does not guard desk" in note for note in shown["notes"])


def test_one_account_can_be_chosen_and_the_others_keep_their_orders(desk: Desk, told: Told, kraken: Exchange) -> None:
    desk.account("spot", kraken, KRAKEN_SLOW)
    with Exchange("deribit", factor=0.1) as deribit:
        desk.account("desk", deribit)
        with running(desk, told):
            rest_orders(kraken, 1)
            code, _ = killed(desk, "--account", "desk")
            assert (code, kraken.open_order_count()) == (0, 1)
            assert (desk.state("desk")["latched"], desk.state("spot")["latched"]) == (True, False)


def test_what_cannot_be_proven_is_not_called_done(desk: Desk, kraken: Exchange) -> None:
    desk.account("spot", kraken, http_url=f"https://127.0.0.1:{closed_port()}")
    with Exchange("deribit", factor=0.1) as deribit:
        desk.account("desk", deribit)
        # An account whose secrets are gone does not hold up the other.
        (desk.folder / "spot.key").unlink()
        result = desk.process("kill")
    assert result.returncode == 1
    assert "spot: this command: " in result.stdout and "cannot be opened" in result.stdout
    row = next(line for line in result.stdout.splitlines() if line.startswith("desk"))
    assert "yes" in row and "this command, over HTTP" in row


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(("--account", "nobody"), "has spot"), (("--config", "/nowhere/killcord.toml"), "/nowhere/killcord.toml: No such file")],
)
def test_a_mistake_in_the_call_is_one_clear_line(desk: Desk, kraken: Exchange, arguments: tuple[str, str], said: str) -> None:
    desk.account("spot", kraken)
    result = desk.command("kill", *arguments)
    assert result.exit_code == 2
    assert said in result.stderr and len(result.stderr.splitlines()) == 1


def killed(desk: Desk, *more: str) -> tuple[int, dict[str, Any]]:
    result = desk.command("kill", "--json", *more)
    return result.exit_code, json.loads(result.stdout)


def closed_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
