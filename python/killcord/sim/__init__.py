"""Embedded venues: the four exchanges on loopback, each with its own signatures, orders, switch and timing, and with a
fault on command for everything that a venue, its host or the network between can do.

They are for your tests as much as for ours. They know no market: orders rest, nothing moves.
"""

from .exchange import Exchange, KnobValue, Venue
from .records import (
    Account,
    CancelCause,
    Connection,
    JournalEntry,
    JournalKind,
    Knob,
    Order,
    OrderState,
    Sockets,
    Where,
)

__all__ = [
    "Account",
    "CancelCause",
    "Connection",
    "Exchange",
    "JournalEntry",
    "JournalKind",
    "Knob",
    "KnobValue",
    "Order",
    "OrderState",
    "Sockets",
    "Venue",
    "Where",
]
