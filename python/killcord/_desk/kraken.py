"""Orders and time at Kraken Spot: docs.kraken.com. An instrument has its websocket name, ``BTC/USD``."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from ..model import Json
from .book import Instrument, Resting, Trace, repeated
from .connection import Answer, Desk, DeskError
from .node import Node
from .offset import SECOND_MS, ClockReading, measure, narrowed


class KrakenBook:
    """See :class:`killcord._desk.book.Book`. Its counter allows a private call every three seconds for ever (starter tier:
    15 points, 0.33 a second), so cancels are timed by the order's own ``closetm`` rather than by asking often.
    """

    default_instrument = "BTC/USD"
    account_wide = True
    poll_every_s = 3.1
    # Kraken reads no time from a request, only a nonce that must grow. A minute is a broken clock all the same.
    clock_tolerance_ms = (-60_000.0, 60_000.0)

    def clock(self, desk: Desk) -> tuple[ClockReading | None, list[Answer]]:
        answers = list(repeated(desk, 2, "public/Time"))
        return measure(answers, _told, SECOND_MS, "public/Time, whole seconds"), answers

    def exact_clock(self, desk: Desk, rounds: int) -> ClockReading | None:
        reading, _ = self.clock(desk)
        return reading and narrowed(reading, lambda: desk.ask("public/Time"), _told, rounds)

    def refusal(self, answer: Node) -> str:
        if isinstance(answer.at("success").value, bool):  # on the link
            return "" if answer.at("success").value else answer.at("error").text or "no reason given"
        errors = [error.text for error in answer.at("error").each()]
        if errors:
            return "; ".join(errors)
        return "" if answer.at("result").there else "neither result nor error"

    def resting(self, desk: Desk, instrument: str | None = None) -> list[Resting]:
        body = desk.ask("private/OpenOrders").body
        if refusal := self.refusal(body):
            raise DeskError(f"OpenOrders was refused: {refusal}", "run killcord check")
        if not isinstance(body.at("result", "open").value, dict):
            raise DeskError("OpenOrders answered without a list", "try again")
        return [_resting(order_id, row) for order_id, row in body.at("result", "open").fields()]

    def cancel(self, desk: Desk, order: Resting) -> str:
        return self.refusal(desk.ask("private/CancelOrder", **order.handle).body)

    def trace(self, desk: Desk, order: Resting) -> Trace | None:
        body = desk.ask("private/QueryOrders", **order.handle).body
        row = body.at("result", order.order_id)
        if self.refusal(body) or not row.there:
            return None
        at = row.at("closetm").number
        filled = (row.at("vol_exec").number or Decimal(0)) > 0
        reason = row.at("reason").text
        # What the reason says when the countdown fired is not published: only the usual one rules the switch out.
        by_switch = False if reason == "User requested" else None
        return Trace(row.at("status").text, reason, None if at is None else float(at) * 1e3, filled, by_switch)

    def take_off(self, desk: Desk) -> str:
        """Takes the account's countdown off over HTTP. Returns the refusal; empty when Kraken acknowledged."""
        return self.refusal(desk.ask("private/CancelAllOrdersAfter", timeout="0").body)

    def instrument(self, desk: Desk, name: str) -> Instrument:
        pair = _rest_name(name)
        rows = desk.ask("public/AssetPairs", pair=pair).body.at("result").fields()
        tickers = desk.ask("public/Ticker", pair=pair).body.at("result").fields()
        row = rows[0][1] if rows else Node(None)
        closed = tickers[0][1].at("c").each() if tickers else []
        last, least = closed[0].number if closed else None, row.at("ordermin").number
        tick = row.at("tick_size").number
        if tick is None and row.at("pair_decimals").number is not None:
            tick = Decimal(1).scaleb(-int(row.at("pair_decimals").number or 0))
        decimals = row.at("lot_decimals").number
        if last is None or tick is None or least is None or decimals is None:
            raise DeskError(f"Kraken lists no pair {name} with a last price", "name another: --instrument")
        currency = name.partition("/")[2]
        value_least = row.at("costmin").number or Decimal(0)
        return Instrument(name, last, tick, Decimal(1).scaleb(-int(decimals)), least, value_least, currency, False)

    def order(
        self, instrument: Instrument, side: str, price: Decimal, size: Decimal, client_id: str
    ) -> tuple[str, Mapping[str, Json]]:
        return "add_order", {
            "order_type": "limit",
            "side": side,
            "symbol": instrument.name,
            "limit_price": float(price),
            "order_qty": float(size),
            "cl_ord_id": client_id,
            "post_only": True,
        }


def _told(answer: Answer) -> float | None:
    number = answer.body.at("result", "unixtime").number
    return None if number is None else float(number) * 1e3


def _rest_name(name: str) -> str:
    """``BTC/USD`` as HTTP spells it, ``XBTUSD``."""
    base, _, quote = name.partition("/")
    old = {"BTC": "XBT", "DOGE": "XDG"}
    return f"{old.get(base, base)}{old.get(quote, quote)}"


def _resting(order_id: str, row: Node) -> Resting:
    return Resting(order_id, row.at("cl_ord_id").text, row.at("descr", "pair").text, {"txid": order_id})
