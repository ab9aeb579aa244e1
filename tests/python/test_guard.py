"""The guard on real sockets, against the embedded venues, on asyncio and on uvloop."""

from __future__ import annotations

import asyncio
import ctypes
import gc
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from guarded import FACTOR, ORDER, Run, guard_of, runner, venue_of

from killcord import (
    AlreadyStarted,
    ArmTimeout,
    BybitProduct,
    ConfigError,
    Coverage,
    CoverageScope,
    Credentials,
    Deribit,
    Ended,
    Engine,
    ErrorReported,
    Evidence,
    FateUnknown,
    Guard,
    Latched,
    LetGo,
    LinkRole,
    Loss,
    Message,
    NotApplicable,
    NotConnected,
    NotProtected,
    NotSendable,
    NotStarted,
    Overflow,
    Phase,
    PhaseChanged,
    PhaseTimeout,
    Policy,
    Presumed,
    Rearmed,
    Refusal,
    RefusalClass,
    StepDone,
    SwitchArmed,
    SwitchKind,
    Told,
    TooManyPending,
    Tripped,
    VenueName,
    WouldBreakProtection,
    WrongLoop,
)
from killcord.sim import Exchange, JournalKind

COVERAGE = {
    VenueName.CRYPTO_COM: Coverage(CoverageScope.CONNECTION),
    VenueName.DERIBIT: Coverage(CoverageScope.CONNECTION),
    VenueName.BYBIT: Coverage(CoverageScope.PRODUCTS, (BybitProduct.DERIVATIVES.value, BybitProduct.SPOT.value)),
    VenueName.KRAKEN: Coverage(CoverageScope.ACCOUNT),
}
KIND = {
    VenueName.CRYPTO_COM: SwitchKind.SESSION_BOUND,
    VenueName.DERIBIT: SwitchKind.SESSION_BOUND,
    VenueName.BYBIT: SwitchKind.GRACE_AFTER_DROP,
    VenueName.KRAKEN: SwitchKind.COUNTDOWN,
}


@pytest.fixture(params=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Run:
    return runner(request.param)


@pytest.fixture
def run_once() -> Run:
    return runner("asyncio")


@pytest.fixture(params=list(VenueName), ids=lambda venue: venue.value)
def exchange(request: pytest.FixtureRequest) -> Iterator[Exchange]:
    with Exchange(request.param, factor=FACTOR) as running:
        yield running


@pytest.fixture
def deribit() -> Iterator[Exchange]:
    with Exchange("deribit", factor=FACTOR) as running:
        yield running


@pytest.fixture
def kraken() -> Iterator[Exchange]:
    with Exchange("kraken", factor=FACTOR) as running:
        yield running


def test_entering_returns_once_armed_and_the_venue_agrees(exchange: Exchange, run: Run) -> None:
    async def work() -> None:
        async with guard_of(exchange) as guard:
            state = guard.snapshot
            assert (state.phase, state.claim, state.permit, state.latched) == (Phase.ARMED, True, True, False)
            assert (state.venue, state.kind) == (exchange.venue, KIND[exchange.venue])
            assert state.evidence in (Evidence.ACKNOWLEDGED, Evidence.READ_BACK)
            assert state.coverage == COVERAGE[exchange.venue]
            assert (state.trip_bounds is not None) == (state.kind is SwitchKind.COUNTDOWN)
            bound = exchange.would_trip_by_ns(exchange.account)
            assert bound is not None
            assert bound - exchange.now_ns() <= state.exposure.bound_s * 1e9

    run(work())


def test_leaving_lets_go_so_that_the_venue_cancels(deribit: Exchange, run: Run) -> None:
    async def work() -> None:
        async with guard_of(deribit) as guard:
            await guard.request(*ORDER)
            assert deribit.open_order_count() == 1
        assert guard.snapshot.phase is Phase.STOPPED
        await asyncio.to_thread(deribit.wait_for, JournalKind.TRIPPED)
        assert deribit.open_order_count() == 0

    run(work())


def test_an_exception_in_the_body_lets_go(deribit: Exchange, run_once: Run) -> None:
    async def work() -> None:
        with pytest.raises(ZeroDivisionError):
            async with guard_of(deribit) as guard:
                await guard.request(*ORDER)
                raise ZeroDivisionError
        await asyncio.to_thread(deribit.wait_for, JournalKind.TRIPPED)
        assert not guard.snapshot.claim

    run_once(work())


def test_a_request_is_answered_with_the_bytes_that_came(deribit: Exchange, run: Run) -> None:
    async def work() -> None:
        async with guard_of(deribit) as guard:
            reply = await guard.request(*ORDER)
            body = reply.json()
            assert isinstance(body, dict)
            result = body["result"]
            assert isinstance(result, dict)
            assert isinstance(result["order"], dict)
            assert result["order"]["order_state"] == "open"
            assert b'"order_state":"open"' in reply.raw
            replies = await asyncio.gather(*[guard.request("public/test") for _ in range(10)])
            assert len({each.request for each in replies}) == 10

    run(work())


def test_the_venues_no_is_an_answer_and_no_exception(deribit: Exchange, run_once: Run) -> None:
    async def work() -> None:
        async with guard_of(deribit) as guard:
            reply = await guard.request("private/buy", '{"instrument_name":"NO-SUCH-THING","amount":10,"price":1.50}')
            assert b'"error"' in reply.raw

    run_once(work())


def test_a_line_without_correlation_is_answered_by_a_message(deribit: Exchange, run: Run) -> None:
    async def work() -> None:
        async with guard_of(deribit) as guard:
            await guard.send(b'{"jsonrpc":"2.0","id":7,"method":"public/test","params":{}}')
            async for message in guard.messages():
                assert (message.role, message.epoch) == (LinkRole.GUARD, guard.snapshot.epoch)
                body = message.json()
                assert isinstance(body, dict)
                assert body["id"] == 7
                break

    run(work())


def test_on_message_is_called_on_the_thread_of_the_loop_and_its_failure_stops_nothing(
    deribit: Exchange, run: Run
) -> None:
    called: list[int] = []

    def on_message(message: Message) -> None:
        called.append(threading.get_ident())
        raise ZeroDivisionError

    async def work() -> None:
        async with guard_of(deribit, on_message=on_message) as guard:
            for number in (7, 8):
                await guard.send(f'{{"jsonrpc":"2.0","id":{number},"method":"public/test","params":{{}}}}')
            await guard.request("public/test")
            assert called == [threading.get_ident()] * 2
            assert [failure.number for failure in guard.callback_failures] == [1, 2]
            assert guard.snapshot.claim

    run(work())


def test_events_tell_the_way_to_armed_and_back_without_a_hole(exchange: Exchange, run: Run) -> None:
    async def work() -> None:
        async with guard_of(exchange) as guard:
            pass
        events = [event async for event in guard.events()]
        assert [event.seq for event in events] == list(range(1, len(events) + 1))
        phases = [event.after for event in events if isinstance(event, PhaseChanged)]
        assert phases == [Phase.CONNECTING, Phase.AUTHENTICATING, Phase.ARMING, Phase.ARMED, Phase.STOPPED]
        assert any(isinstance(event, StepDone) for event in events)
        (armed,) = [event for event in events if isinstance(event, SwitchArmed)]
        assert armed.coverage == COVERAGE[exchange.venue]
        assert any(isinstance(event, LetGo) for event in events)
        assert guard.snapshot.seq == len(events)

    run(work())


def test_a_slow_reader_of_events_gets_one_exact_overflow_with_the_state_after_it(deribit: Exchange) -> None:
    deribit.refuse_dials()
    guard = guard_of(deribit)
    guard.start()
    told = 5000
    for _ in range(told):
        abandon_until_taken(guard)
    wait_until(lambda: guard.snapshot.seq >= told)
    events = guard.drain_events(most=told)
    (overflow,) = [event for event in events if isinstance(event, Overflow)]
    assert overflow.lost > 0
    assert overflow.seq + overflow.lost - 1 <= overflow.snapshot.seq
    assert [event.seq for event in events if event.seq < overflow.seq] == list(range(1, overflow.seq))
    abandon_until_taken(guard)
    later = guard.drain_events(timeout_s=5)
    assert later[0].seq == overflow.seq + overflow.lost
    refused = [event.error for event in events if isinstance(event, ErrorReported)]
    assert any(isinstance(error, NotConnected) for error in refused)
    guard.stop()


def test_an_order_before_the_guard_is_armed_is_refused(deribit: Exchange) -> None:
    guard = guard_of(deribit)
    with pytest.raises(NotStarted):
        guard.request_blocking(*ORDER)
    deribit.refuse_dials()
    guard.start()
    with pytest.raises((NotProtected, NotConnected)):
        guard.request_blocking(*ORDER, timeout_s=5)
    assert deribit.open_order_count() == 0
    guard.stop()


def test_after_a_trip_orders_are_refused_until_the_application_rearms(deribit: Exchange, run: Run) -> None:
    async def work() -> None:
        async with guard_of(deribit) as guard:
            await guard.request(*ORDER)
            deribit.reset()
            how = await anext(event.how async for event in guard.events() if isinstance(event, Tripped))
            assert isinstance(how, Told | Presumed)
            await guard.wait((Phase.ARMED, Phase.SUSPECT), timeout_s=10)
            assert guard.snapshot.latched and not guard.snapshot.permit
            with pytest.raises(Latched):
                await guard.request(*ORDER)
            for unsaid in ("", " \n", "x" * 501):
                with pytest.raises(ConfigError, match="acknowledge = .* is not possible: must have 1 to 500 characters") as refused:
                    guard.rearm(acknowledge=unsaid)
                assert (refused.value.field, guard.snapshot.latched) == ("acknowledge", True)
            with pytest.raises(TypeError):
                guard.rearm()  # type: ignore[call-arg]
            words = "anna: looked at the book, quote again"
            guard.rearm(acknowledge=words)
            assert words == await anext(event.acknowledge async for event in guard.events() if isinstance(event, Rearmed))
            await permitted(guard)
            await guard.request(*ORDER)

    run(work())


def test_what_breaks_the_protection_is_refused_unless_named(deribit: Exchange, run: Run) -> None:
    async def work() -> None:
        async with guard_of(deribit) as guard:
            with pytest.raises(WouldBreakProtection) as caught:
                await guard.request("private/disable_cancel_on_disconnect", {"scope": "connection"})
            assert caught.value.method == "private/disable_cancel_on_disconnect"
            assert caught.value.instead
            with pytest.raises(WouldBreakProtection):
                await guard.send('{"jsonrpc":"2.0","id":9,"method":"private/logout","params":{}}')
            assert guard.snapshot.claim
            await guard.request(
                "private/disable_cancel_on_disconnect", {"scope": "connection"}, breaks_protection=True
            )

    run(work())


@pytest.mark.parametrize("line", [b"\xff\xfe", "not json", '{"jsonrpc":"2.0","id":8000000000000001,"method":"x"}'])
def test_what_the_link_cannot_carry_is_refused(deribit: Exchange, run_once: Run, line: bytes | str) -> None:
    async def work() -> None:
        async with guard_of(deribit) as guard:
            with pytest.raises(NotSendable):
                await guard.send(line)

    run_once(work())


def test_parameters_that_are_not_json_are_refused(deribit: Exchange, run_once: Run) -> None:
    async def work() -> None:
        async with guard_of(deribit) as guard:
            with pytest.raises(NotSendable):
                await guard.request("public/test", {"price": float("nan")})

    run_once(work())


def test_a_wrong_key_is_a_refusal_that_says_what_to_do(exchange: Exchange, run: Run) -> None:
    async def work() -> None:
        exchange.revoke(exchange.account)
        guard = guard_of(exchange)
        with pytest.raises(Refusal) as caught:
            await guard.__aenter__()
        assert caught.value.refusal_class is RefusalClass.FATAL
        assert caught.value.step and caught.value.advice
        assert not guard.snapshot.claim
        assert [event async for event in guard.events()]

    run(work())


def test_not_armed_in_time_is_told_with_the_state_and_the_last_error(deribit: Exchange, run: Run) -> None:
    async def work() -> None:
        deribit.refuse_dials()
        guard = guard_of(deribit, arm_timeout_s=0.5)
        with pytest.raises(ArmTimeout) as caught:
            await guard.__aenter__()
        assert caught.value.snapshot.phase is Phase.CONNECTING
        assert isinstance(caught.value.__cause__, Loss)
        assert guard.snapshot.phase is Phase.STOPPED

    run(work())


def test_a_cancelled_entry_lets_go(deribit: Exchange, run: Run) -> None:
    async def work() -> None:
        deribit.refuse_dials()
        guard = guard_of(deribit)
        entering = asyncio.ensure_future(guard.__aenter__())
        await asyncio.to_thread(guard.wait_phase, Phase.CONNECTING, 5)
        entering.cancel()
        with pytest.raises(asyncio.CancelledError):
            await entering
        assert guard.snapshot.phase is Phase.STOPPED

    run(work())


def test_a_guard_starts_once(deribit: Exchange, run_once: Run) -> None:
    async def work() -> None:
        async with guard_of(deribit) as guard:
            with pytest.raises(AlreadyStarted):
                guard.start()
        with pytest.raises((AlreadyStarted, Ended)):
            await guard.__aenter__()
        with pytest.raises(Ended):
            await guard.request("public/test")

    run_once(work())


def test_a_guard_that_was_not_started_claims_nothing(deribit: Exchange) -> None:
    guard = guard_of(deribit)
    assert (guard.snapshot.phase, guard.snapshot.claim, guard.snapshot.seq) == (Phase.STOPPED, False, 0)
    guard.stop()


def test_waiting_for_a_phase_that_does_not_come_says_where_the_guard_stood(deribit: Exchange, run: Run) -> None:
    async def work() -> None:
        async with guard_of(deribit) as guard:
            with pytest.raises(PhaseTimeout) as caught:
                await guard.wait(Phase.TRIPPED, timeout_s=0.05)
            assert caught.value.snapshot.phase is Phase.ARMED
            with pytest.raises(PhaseTimeout):
                await asyncio.to_thread(guard.wait_phase, Phase.TRIPPED, 0.05)
            waiting = asyncio.ensure_future(guard.wait(Phase.TRIPPED))
        with pytest.raises(Ended):
            await waiting

    run(work())


def test_a_farewell_keeps_orders_and_says_whether_the_venue_confirmed_it(deribit: Exchange, run: Run) -> None:
    async def work() -> None:
        async with guard_of(deribit) as guard:
            await guard.request(*ORDER)
            said = await guard.farewell(reason="end of day")
            assert (said.reason, said.confirmed) == ("end of day", True)
            assert guard.snapshot.phase is Phase.STOPPED
        await asyncio.to_thread(deribit.wait_for, JournalKind.ENDED)
        assert deribit.open_order_count() == 1
        assert not any(entry.kind is JournalKind.TRIPPED for entry in deribit.journal())

    run(work())


def test_a_venue_that_cannot_say_farewell_says_why_and_stays_armed(run_once: Run) -> None:
    async def work(exchange: Exchange) -> None:
        async with guard_of(exchange) as guard:
            for call in (guard.farewell(reason="x"), guard.maintenance(begin=True, reason="x")):
                with pytest.raises(NotApplicable) as caught:
                    await call
                assert caught.value.why
            assert guard.snapshot.claim

    with Exchange("crypto_com", factor=FACTOR) as running:
        run_once(work(running))


def test_maintenance_takes_the_switch_off_and_on_again_with_the_link_kept(deribit: Exchange, run: Run) -> None:
    async def work() -> None:
        async with guard_of(deribit) as guard:
            epoch = guard.snapshot.epoch
            state = await guard.maintenance(begin=True, reason="announced")
            assert (state.maintenance, state.claim, state.permit) == (True, False, False)
            assert state.evidence is Evidence.NONE
            with pytest.raises(NotProtected):
                await guard.request(*ORDER)
            state = await guard.maintenance(begin=False, reason="over")
            assert (state.maintenance, state.claim, state.epoch) == (False, True, epoch)

    run(work())


def test_an_answer_lost_with_the_link_leaves_the_fate_unknown(deribit: Exchange, run: Run) -> None:
    async def work() -> None:
        async with guard_of(deribit) as guard:
            deribit.lose_answer("private/buy")
            asking = asyncio.ensure_future(guard.request(*ORDER))
            await asyncio.to_thread(deribit.wait_for, JournalKind.ORDER_OPENED)
            deribit.reset()
            with pytest.raises(FateUnknown):
                await asking

    run(work())


def test_the_engine_goes_on_while_a_c_call_holds_the_gil(deribit: Exchange, run_once: Run) -> None:
    async def work() -> None:
        async with guard_of(deribit) as guard:
            seen = deribit.journal()[-1].number
            hold_gil(3.0)
            assert guard.snapshot.claim
            signs = [entry for entry in deribit.journal(seen + 1) if entry.kind is JournalKind.LIFE_SIGN]
            assert len(signs) >= 2, "the venue's test requests were not answered meanwhile"
            assert not any(entry.kind is JournalKind.TRIPPED for entry in deribit.journal())

    run_once(work())


def test_a_dropped_guard_lets_go_and_warns(deribit: Exchange, run: Run) -> None:
    async def work() -> None:
        guard = guard_of(deribit)
        await guard.__aenter__()
        with pytest.warns(ResourceWarning, match="dropped"):
            del guard
            gc.collect()
        await asyncio.to_thread(deribit.wait_for, JournalKind.TRIPPED)

    run(work())


def test_a_guard_without_asyncio(deribit: Exchange) -> None:
    guard = guard_of(deribit)
    guard.start()
    assert guard.wait_phase(Phase.ARMED, 10).permit
    assert b'"open"' in guard.request_blocking(*ORDER, timeout_s=5).raw
    guard.send_blocking('{"jsonrpc":"2.0","id":7,"method":"public/test","params":{}}')
    seen = b""
    while b'"id":7' not in seen:
        (message,) = guard.drain_messages(most=1, timeout_s=5)
        seen += message.raw
    assert [event.seq for event in guard.drain_events(5)] == [1, 2, 3, 4, 5]
    guard.stop()
    guard.stop()
    assert guard.drain_events()[-1].seq == guard.snapshot.seq
    assert guard.drain_events() == []
    deribit.wait_for(JournalKind.TRIPPED)


def test_blocking_twins_of_the_deliberate_acts(deribit: Exchange) -> None:
    guard = guard_of(deribit)
    guard.start()
    guard.wait_phase(Phase.ARMED, 10)
    assert guard.maintenance_blocking(begin=True, reason="announced").evidence is Evidence.NONE
    assert guard.maintenance_blocking(begin=False, reason="over").claim
    assert guard.farewell_blocking(reason="end of day").confirmed


def test_many_threads_and_a_loop_use_one_guard_at_the_same_time(deribit: Exchange, run: Run) -> None:
    async def work() -> None:
        async with guard_of(deribit) as guard:
            def ask() -> int:
                return guard.request_blocking("public/test", timeout_s=10).request

            in_threads = [asyncio.to_thread(ask) for _ in range(6)]
            on_loop = [guard.request("public/test") for _ in range(4)]
            numbers = await asyncio.gather(*in_threads)
            replies = await asyncio.gather(*on_loop)
            assert len({*numbers, *(reply.request for reply in replies)}) == 10

    run(work())


def test_a_guard_outlives_a_loop_and_belongs_to_one_at_a_time(deribit: Exchange) -> None:
    guard = guard_of(deribit)
    guard.start()
    guard.wait_phase(Phase.ARMED, 10)

    async def ask() -> None:
        await guard.request("public/test")

    for loop in ("asyncio", "uvloop", "asyncio"):
        runner(loop)(ask())

    with asyncio.Runner() as first:
        first.run(ask())

        async def refused() -> None:
            with pytest.raises(WrongLoop):
                await guard.request("public/test")

        thread = threading.Thread(target=lambda: runner("asyncio")(refused()))
        thread.start()
        thread.join()
    guard.stop()


def test_nothing_is_left_behind_by_guards_that_ended(deribit: Exchange, run: Run) -> None:
    async def work() -> None:
        async with guard_of(deribit):
            pass

    threads, descriptors = engine_threads(), open_descriptors()
    for _ in range(3):
        run(work())
    gc.collect()
    wait_until(lambda: engine_threads() <= threads and open_descriptors() <= descriptors)


def test_guards_that_are_given_the_same_engine_share_its_thread_and_an_equal_one_is_another(
    deribit: Exchange, run: Run
) -> None:
    before, shared = engine_threads(), Engine()

    async def threads_of(*engines: Engine | None) -> None:
        guards = [Guard(venue_of(deribit), engine=engine) for engine in engines]
        assert engine_threads() == before + len({id(engine) for engine in engines})
        async with guards[0]:
            pass

    run(threads_of(shared, shared, shared))
    # The next guards find it running still.
    run(threads_of(shared, Engine(), None))
    gc.collect()
    wait_until(lambda: engine_threads() == before + 1)


def test_the_secret_is_in_nothing_that_can_be_seen(deribit: Exchange, run_once: Run) -> None:
    secret = deribit.account.secret

    async def work() -> None:
        async with guard_of(deribit) as guard:
            shown = [repr(guard), repr(guard.snapshot), repr(guard.venue), repr(guard.policy)]
            await guard.request("public/test")
        shown += [repr(event) async for event in guard.events()]
        wrong = Credentials.values(key=deribit.account.key, secret="wrong-" + secret)
        with pytest.raises(Refusal) as caught:
            await Guard(Deribit(wrong, custom=deribit.endpoints)).__aenter__()
        shown += [str(caught.value), repr(caught.value), repr(caught.value.__dict__)]
        assert not any(secret in text for text in shown)

    run_once(work())


def test_a_guard_can_be_told_what_it_protects_and_how(deribit: Exchange) -> None:
    venue, policy = venue_of(deribit), Policy(probe_every_s=0.5)
    guard = Guard(venue, policy)
    assert (guard.venue, guard.policy) == (venue, policy)
    assert repr(guard) == "<Guard deribit 'desk' stopped>"


async def permitted(guard: Guard) -> None:
    async for _ in guard.events():
        if guard.snapshot.permit:
            return


def abandon_until_taken(guard: Guard) -> None:
    """One more event: there is nothing to abandon, and that is told."""
    while True:
        try:
            return guard.abandon()
        except TooManyPending:
            threading.Event().wait(0.001)


def hold_gil(seconds: float) -> None:
    """Unlike ``time.sleep``, a call through ``PyDLL`` keeps every other Python thread from running."""
    ctypes.PyDLL(None).usleep(int(seconds * 1e6))


def wait_until(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not happened():
        assert time.monotonic() < deadline
        threading.Event().wait(0.01)


def engine_threads() -> int:
    return sum(task.read_text().startswith("killcord-engine") for task in Path("/proc/self/task").glob("*/comm"))


def open_descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))
