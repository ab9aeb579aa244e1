"""Orders and time at Crypto.com: exchange-docs.crypto.com/exchange/v1/rest-ws."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from email.utils import parsedate_to_datetime

from ..model import Json
from .book import Instrument, Resting, Trace, repeated
from .connection import Answer, Desk, DeskError
from .node import Node
from .offset import SECOND_MS, ClockReading, measure, narrowed

_CHEAP = "public/get-tickers"
"""A public call with a short answer."""


class CryptoComBook:
    """See :class:`killcord._desk.book.Book`. It has no method that tells the time; the ``Date`` header does."""

    default_instrument = "BTC_USD"
    account_wide = False
    # "REST other private: 3 per 100 ms".
    poll_every_s = 0.2
    # A nonce may be 60 s off, in either direction.
    clock_tolerance_ms = (-60_000.0, 60_000.0)

    def clock(self, desk: Desk) -> tuple[ClockReading | None, list[Answer]]:
        answers = list(repeated(desk, 3, _CHEAP, instrument_name=self.default_instrument))
        return measure(answers, date_ms, SECOND_MS, f"the Date header of {_CHEAP}, whole seconds"), answers

    def exact_clock(self, desk: Desk, rounds: int) -> ClockReading | None:
        reading, _ = self.clock(desk)

        def ask() -> Answer:
            return desk.ask(_CHEAP, instrument_name=self.default_instrument)

        return reading and narrowed(reading, ask, date_ms, rounds)

    def refusal(self, answer: Node) -> str:
        code = answer.at("code").text
        if code == "0":
            return ""
        return f"{code or 'no code'} {answer.at('message').text}".strip()

    def resting(self, desk: Desk, instrument: str | None = None) -> list[Resting]:
        wanted = {} if instrument is None else {"instrument_name": instrument}
        body = self._private(desk, "private/get-open-orders", **wanted)
        listed = body.at("result", "data")
        if not isinstance(listed.value, list):
            raise DeskError("private/get-open-orders answered without a list", "try again")
        return [_resting(row) for row in listed.each()]

    def cancel(self, desk: Desk, order: Resting) -> str:
        return self.refusal(desk.ask("private/cancel-order", **order.handle).body)

    def trace(self, desk: Desk, order: Resting) -> Trace | None:
        answer = desk.ask("private/get-order-detail", **order.handle).body
        if self.refusal(answer):
            return None
        row = answer.at("result")
        filled = (row.at("cumulative_quantity").number or Decimal(0)) > 0
        at = row.at("update_time").number
        # Captured: orders that were cancelled by their owner have reason 0, too.
        reason = row.at("reason").text
        return Trace(row.at("status").text, "" if reason == "0" else reason, None if at is None else float(at), filled, None)

    def instrument(self, desk: Desk, name: str) -> Instrument:
        rows = desk.ask("public/get-instruments").body.at("result", "data").each()
        row = next((row for row in rows if row.at("symbol").text == name), Node(None))
        ticker = desk.ask("public/get-tickers", instrument_name=name).body.at("result", "data").each()
        last = ticker[0].at("a").number if ticker else None
        price_step, size_step = row.at("price_tick_size").number, row.at("qty_tick_size").number
        if last is None or price_step is None or size_step is None:
            raise DeskError(f"Crypto.com lists no instrument {name} with a last price", "name another: --instrument")
        return Instrument(name, last, price_step, size_step, size_step, Decimal(0), row.at("quote_ccy").text, False)

    def order(
        self, instrument: Instrument, side: str, price: Decimal, size: Decimal, client_id: str
    ) -> tuple[str, Mapping[str, Json]]:
        return "private/create-order", {
            "instrument_name": instrument.name,
            "side": side.upper(),
            "type": "LIMIT",
            "price": f"{price:f}",
            "quantity": f"{size:f}",
            "client_oid": client_id,
            "exec_inst": ["POST_ONLY"],
            "time_in_force": "GOOD_TILL_CANCEL",
        }

    def _private(self, desk: Desk, step: str, **params: str) -> Node:
        answer = desk.ask(step, **params)
        if refusal := self.refusal(answer.body):
            raise DeskError(f"{step} was refused: {refusal}", "run killcord check")
        return answer.body


def date_ms(answer: Answer) -> float | None:
    """The time of the ``Date`` header."""
    try:
        return None if answer.date is None else parsedate_to_datetime(answer.date).timestamp() * 1e3
    except ValueError:
        return None


def _resting(row: Node) -> Resting:
    order_id = row.at("order_id").text
    return Resting(order_id, row.at("client_oid").text, row.at("instrument_name").text, {"order_id": order_id})
