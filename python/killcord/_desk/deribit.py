"""Orders and time at Deribit: docs.deribit.com."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from ..model import Json
from .book import Instrument, Resting, Trace, repeated
from .connection import Answer, Desk, DeskError
from .node import Node
from .offset import ClockReading, measure


class DeribitBook:
    """See :class:`killcord._desk.book.Book`."""

    default_instrument = "BTC-PERPETUAL"
    account_wide = False
    # Requests outside the matching engine: 20 a second for ever.
    poll_every_s = 0.2
    # A signed timestamp may be 60 s off, in either direction.
    clock_tolerance_ms = (-60_000.0, 60_000.0)

    def clock(self, desk: Desk) -> tuple[ClockReading | None, list[Answer]]:
        answers = list(repeated(desk, 5, "public/get_time"))

        def told(answer: Answer) -> float | None:
            number = answer.body.at("result").number
            return None if number is None else float(number)

        return measure(answers, told, 1.0, "public/get_time"), answers

    def exact_clock(self, desk: Desk, rounds: int) -> ClockReading | None:
        return self.clock(desk)[0]

    def refusal(self, answer: Node) -> str:
        error = answer.at("error")
        if error.there:
            reason = error.at("data", "reason").text
            return " ".join(filter(None, (error.at("code").text, error.at("message").text, reason and f"({reason})")))
        return "" if answer.at("result").there else "neither result nor error"

    def resting(self, desk: Desk, instrument: str | None = None) -> list[Resting]:
        if instrument is None:
            body = self._private(desk, "private/get_open_orders")
        else:
            body = self._private(desk, "private/get_open_orders_by_instrument", instrument_name=instrument)
        if not isinstance(body.at("result").value, list):
            raise DeskError("private/get_open_orders answered without a list", "try again")
        return [_resting(row) for row in body.at("result").each()]

    def cancel(self, desk: Desk, order: Resting) -> str:
        return self.refusal(desk.ask("private/cancel", **order.handle).body)

    def trace(self, desk: Desk, order: Resting) -> Trace | None:
        answer = desk.ask("private/get_order_state", **order.handle).body
        if self.refusal(answer):
            return None
        row = answer.at("result")
        reason = row.at("cancel_reason").text
        by_switch = {"cancel_on_disconnect": True, "user_request": False}.get(reason)
        at = row.at("last_update_timestamp").number
        filled = (row.at("filled_amount").number or Decimal(0)) > 0
        return Trace(row.at("order_state").text, reason, None if at is None else float(at), filled, by_switch)

    def instrument(self, desk: Desk, name: str) -> Instrument:
        ticker = desk.ask("public/ticker", instrument_name=name).body.at("result")
        rows = desk.ask("public/get_instruments", currency="any").body.at("result").each()
        row = next((row for row in rows if row.at("instrument_name").text == name), Node(None))
        last = ticker.at("last_price").number or ticker.at("mark_price").number
        price_step, least = row.at("tick_size").number, row.at("min_trade_amount").number
        if last is None or price_step is None or least is None:
            raise DeskError(f"Deribit lists no instrument {name} with a price", "name another: --instrument")
        inverse = row.at("instrument_type").text == "reversed" and row.at("kind").text == "future"
        currency = row.at("counter_currency").text or row.at("quote_currency").text
        return Instrument(name, last, price_step, least, least, Decimal(0), currency, inverse)

    def order(
        self, instrument: Instrument, side: str, price: Decimal, size: Decimal, client_id: str
    ) -> tuple[str, Mapping[str, Json]]:
        return f"private/{side}", {
            "instrument_name": instrument.name,
            "amount": float(size),
            "type": "limit",
            "price": float(price),
            "label": client_id,
            "post_only": True,
        }

    def _private(self, desk: Desk, step: str, **params: str) -> Node:
        answer = desk.ask(step, **params)
        if refusal := self.refusal(answer.body):
            raise DeskError(f"{step} was refused: {refusal}", "run killcord check")
        return answer.body


def _resting(row: Node) -> Resting:
    order_id = row.at("order_id").text
    return Resting(order_id, row.at("label").text, row.at("instrument_name").text, {"order_id": order_id})
