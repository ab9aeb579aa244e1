"""What the calls of the Python face cost: ``make bench-python`` measures, ``make test`` sees that they run.

Figures of a whole path, from the wire to the callback, are the business of ``benches/side_by_side.py``.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from killcord import Credentials, CryptoCom, Endpoints, Guard, Lease, Message, Policy


@pytest.fixture(name="guard")
def running_guard() -> Iterator[Guard]:
    """A guard that dials in vain: none of these calls waits for it."""
    endpoints = Endpoints("ws://127.0.0.1:1", "http://127.0.0.1:1")
    guard = Guard(CryptoCom(Credentials.values(key="KEY", secret="SECRET"), custom=endpoints))
    guard.start()
    yield guard
    guard.stop()


@pytest.fixture(name="lease")
def taken_lease(guard: Guard) -> Lease:
    """A lease that does not lapse meanwhile."""
    return guard.lease("benchmark", budget_s=3600)


def test_renewing_a_lease(benchmark: BenchmarkFixture, lease: Lease) -> None:
    progress = count(1)
    benchmark(lambda: lease.renew(next(progress)))


def test_reading_a_snapshot(benchmark: BenchmarkFixture, guard: Guard) -> None:
    assert benchmark(lambda: guard.snapshot).epoch == 0


def test_asking_a_snapshot_for_its_claim(benchmark: BenchmarkFixture, guard: Guard) -> None:
    snapshot = guard.snapshot
    assert benchmark(lambda: snapshot.claim) is False


def test_looking_for_messages_when_there_are_none(benchmark: BenchmarkFixture, guard: Guard) -> None:
    found: list[Message] = benchmark(guard.drain_messages)
    assert found == []


def test_checking_a_policy(benchmark: BenchmarkFixture) -> None:
    assert benchmark(lambda: Policy(dead_margin_s=1.5)).dead_margin_s == 1.5
