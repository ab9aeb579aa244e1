"""A rehearsal with real orders: they rest far from the market, the link is cut, and the venue is measured from outside. The
shell command is ``killcord drill``; :func:`drill` is the same for programs.
"""

from .plan import Cut, Plan
from .result import Fate, Look, Mark, Result, Span, Verdict
from .run import DrillRefused, drill

__all__ = ["Cut", "DrillRefused", "Fate", "Look", "Mark", "Plan", "Result", "Span", "Verdict", "drill"]
