"""An end that the venue's side announces, in whatever way, is told at once: FIN, RST, or a close frame."""

from __future__ import annotations

from collections.abc import Callable

from promises.desk import REPETITIONS, Desk, at_once, milliseconds
from promises.figures import Figures

from killcord import LinkLost, LinkRole, LossCause, VenueName
from killcord.sim import Exchange

TOLD_MS = 50
EACH = 2
FACTOR = 0.05
"""Arming again after each end takes Bybit half a second and the others less."""

ENDINGS: dict[str, tuple[Callable[[Exchange], None], LossCause]] = {
    "FIN": (lambda exchange: exchange.fin(), LossCause.END_OF_STREAM),
    "RST": (lambda exchange: exchange.reset(), LossCause.RESET),
    "close code": (lambda exchange: exchange.close(1012, "restart"), LossCause.CLOSED),
}


def test_an_end_is_told_at_once_and_called_by_its_name(figures: Figures) -> None:
    venues = list(VenueName)
    for venue, told in zip(venues, at_once(endings, venues), strict=True):
        for ending, samples in told.items():
            figures.take(f"{ending} to event, {venue.value}", samples, TOLD_MS)


def endings(venue: VenueName) -> dict[str, list[float]]:
    """From the command at the venue to the time in the event, for each kind of end."""
    with Exchange(venue, factor=FACTOR) as exchange, Desk(exchange) as desk:
        return {ending: [end(desk, *how) for _ in range(EACH * REPETITIONS)] for ending, how in ENDINGS.items()}


def end(desk: Desk, command: Callable[[Exchange], None], cause: LossCause) -> float:
    """Ends every connection of an armed guard, and returns how long it took until that was told."""
    desk.armed()
    commanded_ns = desk.exchange.now_ns()
    command(desk.exchange)
    lost = desk.told(LinkLost, commanded_ns, lambda event: event.loss.role is LinkRole.GUARD)
    assert lost.loss.cause is cause, desk.story()
    return milliseconds(commanded_ns, lost.at_ns)
