"""Bybit: covers the account's orders of the products named, however they were sent; for institutional accounts only.

Set BYBIT_KEY and BYBIT_SECRET to a key of testnet.bybit.com whose account has disconnection protection switched on.
"""

import asyncio

from killcord import Bybit, BybitProduct, Credentials, Environment, Guard, PhaseChanged, Refusal, Tripped

FAR_BUY = {
    "category": "linear",
    "symbol": "BTCUSDT",
    "side": "Buy",
    "orderType": "Limit",
    "qty": "0.001",
    "price": "1000",
    "timeInForce": "PostOnly",
}


async def run(account: Bybit) -> None:
    """Rests one order far from the market, and says what becomes of its protection."""
    async with Guard(account) as guard:  # returns once every product was read back: the venue needs about 10 s
        armed = guard.snapshot
        print(f"armed for {', '.join(armed.coverage.products)}: within {armed.exposure.bound_s} s of silence")
        reply = await guard.request("order.create", FAR_BUY)  # on the second link; your own client would do as well
        print(reply.raw.decode())
        async for event in guard.events():
            match event:
                case Tripped(how=how):
                    print(f"Bybit cancels, or has already: {how}")
                case PhaseChanged(after=phase, why=why):
                    print(f"{phase.value}: {why}")


if __name__ == "__main__":
    products = (BybitProduct.DERIVATIVES,)
    try:
        asyncio.run(run(Bybit(Credentials.from_env("BYBIT"), products=products, environment=Environment.TEST)))
    except Refusal as refusal:
        print(f"{refusal}. {refusal.advice}")
