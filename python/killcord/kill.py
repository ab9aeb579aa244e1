"""What a kill did: each path with its times, and what was left. Times are nanoseconds on the guard's clock (boot time)."""

from __future__ import annotations

from dataclasses import dataclass

from .errors import Refusal

__all__ = ["KillPath", "KillReport", "LeftOrder"]


@dataclass(frozen=True, slots=True)
class KillPath:
    """One path of a kill."""

    sent_ns: int | None
    """When cancel-all was first said; None when this path could not be used."""
    acknowledged_ns: int | None
    """When the venue first acknowledged it."""
    cancelled: int | None
    """How many orders the venue said it cancelled, added up; None when it does not say."""


@dataclass(frozen=True, slots=True)
class LeftOrder:
    """An order that was still open when a kill was given up."""

    order_id: str
    """The venue's id."""
    client_id: str
    """The client's id; empty when it has none."""
    instrument: str
    """The instrument in the venue's spelling."""


@dataclass(frozen=True, slots=True)
class KillReport:
    """The report of one kill."""

    reason: str
    """As the caller gave it."""
    began_ns: int
    """When it was asked for."""
    link: KillPath
    """Cancel-all on the link."""
    http: KillPath
    """Cancel-all over HTTP, on a connection of its own."""
    dropped_ns: int | None
    """When the guarding link was dropped: on Crypto.com and Deribit so that the switch acts too, on Kraken when it did not
    acknowledge cancel-all, so that no order that waits in it arrives later."""
    proven_ns: int | None
    """When the venue's list of open orders was read and was empty. None: not proven; look at ``left``."""
    listed_ns: int | None
    """When that list was last read as a whole. None: never, and then nothing is known of what is left."""
    left: tuple[LeftOrder, ...]
    """What that list named: what was still open when the kill was given up."""
    ended_ns: int
    """When it ended."""
    refusal: Refusal | None
    """The last refusal during the kill: why something was left."""

    @property
    def proven(self) -> bool:
        """True when the venue itself listed no open order any more, asked after cancel-all was acknowledged."""
        return self.proven_ns is not None
