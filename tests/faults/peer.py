"""Group P: what the venue's end of the connection does."""

from __future__ import annotations

from collections.abc import Callable

from promises.desk import Desk, milliseconds

from faults.field import Field, fields
from faults.network import FACTOR, truth
from faults.report import Report
from faults.scenario import scenario
from killcord import LinkLost, LinkRole, LossCause, VenueName
from killcord.sim import Exchange

TOLD_MS = 50.0
ROUND_TRIP_MS = 20.0


def ends(report: Report, runs: int, command: Callable[[Exchange], None], cause: LossCause) -> None:
    """The venue ends every connection; who is told how, and when. One way through the network is taken off."""
    told: dict[VenueName, list[float]] = {venue: [] for venue in VenueName}
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
