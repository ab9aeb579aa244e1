"""Orders by name: what the venue's list of open orders said when it was compared with what a guard sent.

No prices, no quantities, no positions: killcord keeps no book. At most 100 of a kind are named; the counts are exact.
"""

from __future__ import annotations

from dataclasses import dataclass

from .model import CancelledBy, Resolution

__all__ = [
    "CancelledOrder",
    "ForeignOrder",
    "GoneOrder",
    "KeptOrder",
    "OrderRef",
    "UnknownOrder",
]


@dataclass(frozen=True, slots=True)
class OrderRef:
    """An order's names."""

    order_id: str
    """The venue's id; empty when it was never told."""
    client_id: str
    """The client's id (client order id, label, link id); empty when it has none."""
    instrument: str
    """The instrument as the venue spelled it; empty when it was not said."""


@dataclass(frozen=True, slots=True)
class KeptOrder:
    """Ours, and still resting."""

    order: OrderRef
    link_epoch: int
    """The link it was sent on."""
    covered: bool
    """False when the switch of this epoch does not cover it: it was sent on a link that is gone."""


@dataclass(frozen=True, slots=True)
class GoneOrder:
    """Ours, and not resting any more. A list does not tell a fill from a cancellation."""

    order: OrderRef
    link_epoch: int
    """The link it was sent on."""
    cancelled_by: CancelledBy
    """If it was cancelled rather than filled: by whom."""
    evidence: str
    """What speaks for that."""


@dataclass(frozen=True, slots=True)
class UnknownOrder:
    """Ours, sent, and never answered."""

    order: OrderRef
    link_epoch: int
    """The link it was sent on."""
    resolution: Resolution
    """What the list says of it."""


@dataclass(frozen=True, slots=True)
class ForeignOrder:
    """Resting, and not sent through this guard."""

    order: OrderRef
    covered: bool
    """True when the switch covers it all the same, because it covers the account: it goes when that fires."""


@dataclass(frozen=True, slots=True)
class CancelledOrder:
    """One of ours that the venue said it cancelled."""

    order: OrderRef
    link_epoch: int
    """The link it was sent on."""
    cancelled_by: CancelledBy
    """Who."""
    evidence: str
    """The venue's own word for it."""
