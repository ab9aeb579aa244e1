"""A venue as a person at a desk asks it: single HTTP calls on a connection of their own, beside every guard. What
``killcord check`` and ``killcord drill`` know about a venue comes through here and not through a guard.
"""

from .book import Book, Instrument, Resting, Trace, book_of
from .connection import Answer, Desk, DeskError, now_ns
from .node import Node
from .offset import ClockReading, measure

__all__ = [
    "Answer",
    "Book",
    "ClockReading",
    "Desk",
    "DeskError",
    "Instrument",
    "Node",
    "Resting",
    "Trace",
    "book_of",
    "measure",
    "now_ns",
]
