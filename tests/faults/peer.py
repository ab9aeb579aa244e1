"""Group P: what the venue's end of the connection does."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from promises.desk import Desk, at_once, milliseconds

from exits.holder import now_ns
from faults.field import SESSION_BOUND, fields, pass_time, pass_until
from faults.host import Host, hosted

from faults.network import AS_KEPT, DEAD_MS, FACTOR, SUSPECT_MS, fell_silent, per_venue, rearm_target, truth
from faults.process import answers_ms
from faults.report import Report
from faults.scenario import scenario
from killcord import LinkLost, LinkRole, LossCause, Phase, PhaseChanged, VenueName
from killcord.sim import Exchange, JournalKind, Sockets

TOLD_MS = 50.0
ROUND_TRIP_MS = 20.0


def ends(report: Report, runs: int, command: Callable[[Exchange], None], cause: LossCause) -> None:
    """The venue ends every connection; who is told how, and when. One way through the network is taken off."""
    told = per_venue()
    others: list[str] = []
    with fields(FACTOR, delay=ROUND_TRIP_MS / 2000) as field:
        for _ in range(runs):
            field.armed()
            for venue, (took_ms, found) in field.each(lambda desk: end(desk, command)).items():
                told[venue].append(took_ms - ROUND_TRIP_MS / 2)
                others += [] if found is cause else [f"{venue.value}: {found.value}"]
        report.take("end to event", told, TOLD_MS)
        report.never(f"causes other than {cause.value}", others, of=runs * len(field.desks))
        truth(report, field)


def end(desk: Desk, command: Callable[[Exchange], None]) -> tuple[float, LossCause]:
    """When it was told, and what it was called."""
    commanded_ns = desk.exchange.now_ns()
    command(desk.exchange)
    lost = desk.told(LinkLost, commanded_ns, lambda event: event.loss.role is LinkRole.GUARD)
    return milliseconds(commanded_ns, lost.at_ns), lost.loss.cause


@scenario("P03", "the venue resets the connection")
def reset(report: Report, runs: int) -> None:
    ends(report, runs, lambda exchange: exchange.reset(), LossCause.RESET)


@scenario("P04", "the venue ends the connection without a close frame", gate=True)
def fin(report: Report, runs: int) -> None:
    ends(report, runs, lambda exchange: exchange.fin(), LossCause.END_OF_STREAM)


@contextmanager
def guarded_host(factor: float, **settings: float) -> Iterator[tuple[Host, dict[VenueName, Desk]]]:
    """Four armed guards, and their venues in a process of their own."""
    with hosted(factor, **settings) as (near, _, host), ExitStack() as stack:
        desks = {}
        for venue, exchange in host.exchanges.items():
            with near.inside():
                desks[venue] = stack.enter_context(Desk(exchange))
        at_once(lambda desk: desk.armed(), desks.values())
        yield host, desks


@scenario("P01", "the venue's process is stopped for 3 s; its kernel goes on answering", gate=True)
def stopped(report: Report, runs: int) -> None:
    """At the venues' own pace, so that none of them has a reason to cancel."""
    suspect, dead, armed = per_venue(), per_venue(), per_venue()
    with guarded_host(1.0, delay=ROUND_TRIP_MS / 2000) as (host, desks):
        for _ in range(runs):
            at_once(lambda desk: desk.armed(), desks.values())
            stopped_ns = host.signal(signal.SIGSTOP)
            found = at_once(lambda desk: fell_silent(desk, stopped_ns), desks.values())
            for venue, (first, second) in zip(desks, found, strict=True):
                suspect[venue].append(first)
                dead[venue].append(second)
            pass_until(stopped_ns + 3_000_000_000)
            goes_on_ns = host.signal(signal.SIGCONT)
            for venue, took_ms in zip(desks, at_once(lambda desk: rearmed(desk, goes_on_ns), desks.values()), strict=True):
                armed[venue].append(took_ms)
        report.take("stop to suspect", suspect, SUSPECT_MS)
        report.take("stop to dead", dead, DEAD_MS)
        report.take("going on to armed", armed, {**rearm_target(), VenueName.BYBIT: 1300.0})
        report.never("switches that fired", host.fired(), of=runs)


def rearmed(desk: Desk, since_ns: int) -> float:
    """How long until armed."""
    armed = desk.told(PhaseChanged, since_ns, lambda event: event.after is Phase.ARMED)
    return milliseconds(since_ns, armed.at_ns)


@scenario("P02", "the venue's process is killed")
def killed(report: Report, runs: int) -> None:
    told = per_venue()
    for _ in range(runs):
        with guarded_host(FACTOR, delay=ROUND_TRIP_MS / 2000) as (host, desks):
            killed_ns = host.signal(signal.SIGKILL)
            lost = at_once(
                lambda desk: desk.told(LinkLost, killed_ns, lambda event: event.loss.role is LinkRole.GUARD), desks.values()
            )
            for venue, event in zip(desks, lost, strict=True):
                told[venue].append(milliseconds(killed_ns, event.at_ns) - ROUND_TRIP_MS / 2)
    report.take("end to event", told, TOLD_MS)


def silences(report: Report, runs: int, command: Callable[[Exchange], None]) -> None:
    """The venue falls silent above its sockets."""
    suspect, dead, armed = per_venue(), per_venue(), per_venue()
    with fields(1.0, delay=ROUND_TRIP_MS / 2000) as field:
        for _ in range(runs):
            field.armed()
            field.phase()
            silent_ns = now_ns()
            for desk in field.desks.values():
                command(desk.exchange)
            for venue, (first, second) in field.each(lambda desk: fell_silent(desk, silent_ns)).items():
                suspect[venue].append(first)
                dead[venue].append(second)
            healed_ns = now_ns()
            for desk in field.desks.values():
                desk.exchange.heal()
            for venue, took_ms in field.rearmed(healed_ns).items():
                armed[venue].append(took_ms)
        report.take("silence to suspect", suspect, SUSPECT_MS)
        report.take("silence to dead", dead, DEAD_MS)
        notes = {**dict.fromkeys(VenueName, UNANSWERED), **AS_KEPT}
        report.take("healed to armed", armed, {**rearm_target(), VenueName.BYBIT: 1300.0}, note=notes)
        truth(report, field)


UNANSWERED = "a step of login that was lost on the way is waited for until its deadline, 2 s"


@scenario("P06", "the venue stops reading and goes on sending")
def reads_no_more(report: Report, runs: int) -> None:
    silences(report, runs, lambda exchange: exchange.stop_reading(Sockets.WEBSOCKETS))


def says_nothing(exchange: Exchange) -> None:
    """Reads, and answers neither a ping nor a request."""
    exchange.silence_pings()
    exchange.lose_request("*", times=None)


@scenario("P07", "the venue reads, and answers nothing any more")
def answers_no_more(report: Report, runs: int) -> None:
    silences(report, runs, says_nothing)


@scenario("P08", "the venue's host vanishes for a second and comes back without memory")
def comes_back_empty(report: Report, runs: int) -> None:
    armed = per_venue()
    with fields(FACTOR, delay=ROUND_TRIP_MS / 2000) as field:
        for _ in range(runs):
            field.armed()
            field.phase()
            cut_ns = field.line.cut()
            for desk in field.desks.values():
                # Whatever this says is lost on the way.
                desk.exchange.reset()
            pass_until(cut_ns + 1_000_000_000)
            for venue, took_ms in field.rearmed(field.line.heal()).items():
                armed[venue].append(took_ms)
        targets = {venue: 2500.0 + more - 1300.0 for venue, more in rearm_target().items()}
        report.take("back to armed", armed, targets)
        truth(report, field)


NOISE = {
    VenueName.CRYPTO_COM: '{"id":-1,"method":"subscribe","code":0,"result":{"channel":"x","subscription":"x","data":["%s"]}}',
    VenueName.DERIBIT: '{"jsonrpc":"2.0","method":"subscription","params":{"channel":"x","data":"%s"}}',
    VenueName.BYBIT: '{"topic":"x","id":"x","creationTime":1,"data":["%s"]}',
    VenueName.KRAKEN: '{"channel":"x","type":"update","data":["%s"]}',
}
"""A message that means nothing to the guard, with room in it."""


@scenario("P10", "50 MB a second of messages of 4 KB, with heartbeat requests among them", needs_network=False)
def buried(report: Report, runs: int) -> None:
    """Over loopback: what limits is the guard, not a wire in Python. The venue gives up who lets more than a few MB wait."""
    waited: dict[VenueName, list[float]] = {venue: [] for venue in SESSION_BOUND}
    sent: dict[VenueName, list[float]] = {venue: [] for venue in SESSION_BOUND}
    lost: list[str] = []
    for venue in SESSION_BOUND:
        with Exchange(venue, factor=FACTOR) as exchange, Desk(exchange) as desk:
            message = (NOISE[venue] % ("x" * 3900)).encode()
            framed = (b"\x81\x7e" + len(message).to_bytes(2, "big") + message) * 125
            for _ in range(runs):
                desk.armed()
                began_ns, mark, count = now_ns(), len(exchange.journal()), 0
                answered: list[float] = []
                while len(answered) < 2 and now_ns() < began_ns + 20_000_000_000:
                    exchange.inject(framed, Sockets.WEBSOCKETS)
                    count += len(framed)
                    pass_time(0.01)
                    answered = answers_ms(exchange.journal(mark))
                waited[venue] += answered
                sent[venue].append(count / 1e6)
                found = [event for event in desk.guard.drain_events(most=4096) if isinstance(event, LinkLost)]
                lost += [f"{venue.value}: {event}" for event in found if event.at_ns >= began_ns]
    report.take("heartbeat request to answer", waited, 1000.0)
    report.take("sent meanwhile", sent, None, unit="MB")
    report.never("links lost", lost, of=runs)


@scenario("P12", "pings are answered, and the venue's own heartbeats stay away")
def no_heartbeats(report: Report, runs: int) -> None:
    """Crypto.com's come whatever is said; Deribit's only where nothing else is said, so their absence means nothing. What that
    venue would do by itself is broken meanwhile, so claims are judged by when they end.
    """
    dead: dict[VenueName, list[float]] = {VenueName.CRYPTO_COM: []}
    with fields(FACTOR, venues=list(dead), delay=ROUND_TRIP_MS / 2000) as field:
        for _ in range(runs):
            field.armed()
            silent_ns = now_ns()
            for desk in field.desks.values():
                desk.exchange.stop_heartbeats()
            for venue, (_, second) in field.each(lambda desk: fell_silent(desk, silent_ns)).items():
                dead[venue].append(second)
            for desk in field.desks.values():
                desk.exchange.heal()
        report.take("silence to dead (two periods and 1 s)", dead, 1000 * (2 * 30.0 * FACTOR + 1))
