"""Kraken Spot: a countdown that covers every order of the account, however it was sent. It fires silently.

Set KRAKEN_KEY and KRAKEN_SECRET. Kraken Spot has no test environment: this sends a real order, far from the market.
"""

import asyncio

from killcord import Credentials, Fed, Guard, Json, Kraken, Presumed, Tripped

FAR_BUY: dict[str, Json] = {
    "order_type": "limit",
    "side": "buy",
    "symbol": "BTC/USD",
    "limit_price": 1000,
    "order_qty": 0.001,
    "post_only": True,
}


async def run(account: Kraken) -> None:
    """Rests one order far from the market, and says until when it is sure to be there."""
    async with Guard(account) as guard:  # returns once armed; leaving it stops the feeding, and Kraken cancels
        print(f"armed: everything is cancelled within {guard.snapshot.exposure.bound_s} s of silence")
        reply = await guard.request("add_order", FAR_BUY)
        print(reply.raw.decode())
        async for event in guard.events():
            match event:
                case Fed(trip_bounds=bounds):
                    print(f"safe from the countdown until {bounds.earliest_ns / 1e9:.0f} on the guard's clock")
                case Tripped(how=Presumed()):
                    print("Kraken must have cancelled everything by now; it does not say so")


if __name__ == "__main__":
    asyncio.run(run(Kraken(Credentials.from_env("KRAKEN"))))
