"""An order for each venue that rests far from the market. Imports nothing that takes time."""

from __future__ import annotations

from killcord import Json, VenueName

ORDER: dict[VenueName, tuple[str, dict[str, Json]]] = {
    VenueName.CRYPTO_COM: (
        "private/create-order",
        {"instrument_name": "BTCUSD-PERP", "side": "BUY", "type": "LIMIT", "price": "1000", "quantity": "1"},
    ),
    VenueName.DERIBIT: (
        "private/buy",
        {"instrument_name": "BTC-PERPETUAL", "amount": 10, "type": "limit", "price": 1000},
    ),
    VenueName.BYBIT: (
        "order.create",
        {
            "category": "linear",
            "symbol": "BTCUSDT",
            "side": "Buy",
            "orderType": "Limit",
            "qty": "1",
            "price": "1000",
            "timeInForce": "GTC",
        },
    ),
    VenueName.KRAKEN: (
        "add_order",
        {"order_type": "limit", "side": "buy", "symbol": "BTC/USD", "limit_price": 1000, "order_qty": 1},
    ),
}
"""An order that rests far from the market."""
