"""Orders and time at Bybit: bybit-exchange.github.io/docs/v5. An instrument is written with its category:
``linear:BTCUSDT``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from ..model import BybitProduct, Json
from .book import Instrument, Resting, Trace, repeated
from .connection import Answer, Desk, DeskError
from .node import Node
from .offset import ClockReading, measure

_LISTS: Mapping[BybitProduct, Sequence[Mapping[str, str]]] = {
    BybitProduct.SPOT: ({"category": "spot"},),
    BybitProduct.DERIVATIVES: (
        {"category": "linear", "settleCoin": "USDT"},
        {"category": "linear", "settleCoin": "USDC"},
        {"category": "inverse"},
    ),
    BybitProduct.OPTIONS: ({"category": "option"},),
}
"""A list per part: linear wants a settle coin (v5/order/open-order)."""
_PAGES_MAX = 40


class BybitBook:
    """See :class:`killcord._desk.book.Book`."""

    account_wide = True
    # "realtime: 50 a second"; 5 are enough.
    poll_every_s = 0.2
    # `server - 5000 <= timestamp < server + 1000`.
    clock_tolerance_ms = (-1_000.0, 5_000.0)

    def __init__(self, products: tuple[BybitProduct, ...]) -> None:
        self._products = products
        first = products[0] if products else BybitProduct.DERIVATIVES
        self.default_instrument = {
            BybitProduct.DERIVATIVES: "linear:BTCUSDT",
            BybitProduct.SPOT: "spot:BTCUSDT",
            BybitProduct.OPTIONS: "",
        }[BybitProduct.DERIVATIVES if BybitProduct.DERIVATIVES in products else first]

    def clock(self, desk: Desk) -> tuple[ClockReading | None, list[Answer]]:
        answers = list(repeated(desk, 5, "GET /v5/market/time"))

        def told(answer: Answer) -> float | None:
            number = answer.body.at("result", "timeNano").number
            return None if number is None else float(number / 1_000_000)

        return measure(answers, told, 0.0, "GET /v5/market/time"), answers

    def exact_clock(self, desk: Desk, rounds: int) -> ClockReading | None:
        return self.clock(desk)[0]

    def refusal(self, answer: Node) -> str:
        code = answer.at("retCode").text
        return "" if code == "0" else f"{code or 'no retCode'} {answer.at('retMsg').text}".strip()

    def resting(self, desk: Desk, instrument: str | None = None) -> list[Resting]:
        if instrument is not None:
            category, _, symbol = instrument.partition(":")
            return self._list(desk, {"category": category, "symbol": symbol})
        return [order for product in self._products for part in _LISTS[product] for order in self._list(desk, part)]

    def cancel(self, desk: Desk, order: Resting) -> str:
        return self.refusal(desk.ask("POST /v5/order/cancel", **order.handle).body)

    def trace(self, desk: Desk, order: Resting) -> Trace | None:
        # Open and just closed orders are in the one list, older ones in the other.
        for step in ("GET /v5/order/realtime", "GET /v5/order/history"):
            rows = desk.ask(step, **order.handle).body.at("result", "list").each()
            if rows:
                return _trace(rows[0])
        return None

    def instrument(self, desk: Desk, name: str) -> Instrument:
        category, _, symbol = name.partition(":")
        rows = desk.ask("GET /v5/market/instruments-info", category=category, symbol=symbol).body.at("result", "list")
        tickers = desk.ask("GET /v5/market/tickers", category=category, symbol=symbol).body.at("result", "list").each()
        row = rows.each()[0] if rows.each() else Node(None)
        last = tickers[0].at("lastPrice").number if tickers else None
        lot, tick = row.at("lotSizeFilter"), row.at("priceFilter", "tickSize").number
        step = lot.at("qtyStep").number or lot.at("basePrecision").number
        least = lot.at("minOrderQty").number
        if last is None or tick is None or step is None or least is None or category == "inverse":
            advice = "name one as category:symbol, linear:ETHUSDT or spot:BTCUSDT for instance: --instrument"
            raise DeskError(f"Bybit lists no usable instrument {name}", advice)
        value_least = lot.at("minNotionalValue").number or lot.at("minOrderAmt").number or Decimal(0)
        return Instrument(name, last, tick, step, least, value_least, row.at("quoteCoin").text, False)

    def order(
        self, instrument: Instrument, side: str, price: Decimal, size: Decimal, client_id: str
    ) -> tuple[str, Mapping[str, Json]]:
        category, _, symbol = instrument.name.partition(":")
        return "order.create", {
            "category": category,
            "symbol": symbol,
            "side": side.capitalize(),
            "orderType": "Limit",
            "qty": f"{size:f}",
            "price": f"{price:f}",
            "timeInForce": "PostOnly",
            "orderLinkId": client_id,
        }

    def windows_s(self, desk: Desk) -> dict[str, str]:
        """The window in force for each product that is switched on, as Bybit writes it. Raises ``DeskError``."""
        step = "GET /v5/account/query-dcp-info"
        body = desk.ask(step).body
        if refusal := self.refusal(body):
            raise DeskError(f"{step} was refused: {refusal}", "run killcord check")
        rows = body.at("result", "dcpInfos").each()
        return {row.at("product").text: row.at("timeWindow").text for row in rows if row.at("dcpStatus").text == "ON"}

    def would_change(self, desk: Desk, window_s: int) -> str:
        """What a guard with this window would change for the whole account, for good; empty when nothing."""
        windows = self.windows_s(desk)
        wanted = [product.value for product in self._products]
        differ = [f"{name} {windows[name]} s" for name in wanted if windows.get(name, str(window_s)) != str(window_s)]
        return ", ".join(differ)

    def _list(self, desk: Desk, part: Mapping[str, str]) -> list[Resting]:
        orders: list[Resting] = []
        cursor: dict[str, str] = {}
        for _ in range(_PAGES_MAX):
            body = desk.ask("GET /v5/order/realtime", **part, limit="50", **cursor).body
            if refusal := self.refusal(body):
                raise DeskError(f"GET /v5/order/realtime was refused: {refusal}", "run killcord check")
            listed = body.at("result", "list")
            if not isinstance(listed.value, list):
                raise DeskError("GET /v5/order/realtime answered without a list", "try again")
            orders += [_resting(row, part["category"]) for row in listed.each()]
            cursor = {"cursor": body.at("result", "nextPageCursor").text}
            if not cursor["cursor"] or not listed.each():
                return orders
        raise DeskError("more open orders than can be listed", "cancel some")


def _resting(row: Node, category: str) -> Resting:
    order_id, symbol = row.at("orderId").text, row.at("symbol").text
    handle = {"category": category, "symbol": symbol, "orderId": order_id}
    return Resting(order_id, row.at("orderLinkId").text, f"{category}:{symbol}", handle)


def _trace(row: Node) -> Trace:
    reason = row.at("cancelType").text
    reason = "" if reason == "UNKNOWN" else reason
    at = row.at("updatedTime").number
    filled = (row.at("cumExecQty").number or Decimal(0)) > 0
    by_switch = None if not reason else reason == "CancelByDCP"
    return Trace(row.at("orderStatus").text, reason, None if at is None else float(at), filled, by_switch)
