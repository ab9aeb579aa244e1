"""Deribit: orders go through the guard, because its switch covers this connection's orders only.

Set DERIBIT_KEY and DERIBIT_SECRET to a key of test.deribit.com with `account:read_write` and `trade:read_write`.
"""

import asyncio

from killcord import Credentials, Deribit, Environment, GapClosed, GapOpened, Guard, Json, Tripped

FAR_BUY: dict[str, Json] = {
    "instrument_name": "BTC-PERPETUAL",
    "amount": 10,
    "type": "limit",
    "price": 1000,
    "post_only": True,
}


async def run(account: Deribit) -> None:
    """Rests one order far from the market, and says what becomes of its protection."""
    async with Guard(account) as guard:  # returns once armed; leaving it lets go, and Deribit cancels
        armed = guard.snapshot
        print(f"armed ({armed.evidence.value}): cancelled within {armed.exposure.bound_s} s of silence")
        reply = await guard.request("private/buy", FAR_BUY)
        print(reply.raw.decode())
        async for event in guard.events():
            match event:
                case Tripped(how=how):
                    print(f"the orders are gone or going: {how}")
                    guard.rearm(acknowledge="quote again")  # your decision: orders are permitted once armed
                case GapOpened(why=why):
                    print(f"not protected: {why}")
                case GapClosed(seconds=seconds):
                    print(f"protected again after {seconds:.1f} s")


if __name__ == "__main__":
    asyncio.run(run(Deribit(Credentials.from_env("DERIBIT"), environment=Environment.TEST)))
