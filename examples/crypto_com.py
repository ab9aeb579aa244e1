"""Crypto.com: orders go through the guard, because its switch covers this connection's orders only.

Set CRYPTO_COM_KEY and CRYPTO_COM_SECRET to a key of the UAT sandbox with trading permission.
"""

import asyncio

from killcord import Credentials, CryptoCom, Environment, GapClosed, GapOpened, Guard, NotProtected

FAR_BUY = {"instrument_name": "BTC_USD", "side": "BUY", "type": "LIMIT", "price": "1000.00", "quantity": "0.0010"}


async def run(account: CryptoCom) -> None:
    """Rests one order far from the market whenever it is protected."""
    async with Guard(account) as guard:  # returns once armed; leaving it lets go, and Crypto.com cancels
        await quote(guard)
        async for event in guard.events():
            match event:
                case GapOpened(why=why):
                    print(f"not protected: {why}; this connection's orders are gone or going")
                case GapClosed(seconds=seconds):
                    print(f"protected again after {seconds:.1f} s")
                    guard.rearm(acknowledge="quote again")  # your decision: orders are permitted
                    await quote(guard)


async def quote(guard: Guard) -> None:
    """Sends the order. killcord refuses it while nothing would cancel it."""
    try:
        reply = await guard.request("private/create-order", FAR_BUY)
        print(reply.raw.decode())
    except NotProtected as refused:
        print(refused)


if __name__ == "__main__":
    asyncio.run(run(CryptoCom(Credentials.from_env("CRYPTO_COM"), environment=Environment.TEST)))
