"""What single calls of the Python face cost, in nanoseconds: the best of several thousand-fold repetitions, as ``timeit``
recommends. The guard need not be armed for that: neither call waits for anybody."""

from __future__ import annotations

import json
import timeit

from killcord import Credentials, CryptoCom, Endpoints, Guard

REPEAT, NUMBER = 15, 20_000


def main() -> None:
    """Prints JSON."""
    endpoints = Endpoints("ws://127.0.0.1:1", "http://127.0.0.1:1")
    guard = Guard(CryptoCom(Credentials.values(key="KEY", secret="SECRET"), custom=endpoints))
    guard.start()
    lease = guard.lease("bench", budget_s=3600)
    counter = iter(range(1, 1 << 62)).__next__
    empty = best(lambda: counter())
    figures = {
        "lease.renew_ns": best(lambda: lease.renew(counter())) - empty,
        "guard.snapshot_ns": best(lambda: guard.snapshot),
    }
    guard.stop()
    print(json.dumps({name: round(value, 1) for name, value in figures.items()}))


def best(call: object) -> float:
    """Nanoseconds per call, the lambda's own cost included."""
    return min(timeit.repeat(call, repeat=REPEAT, number=NUMBER)) / NUMBER * 1e9  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
