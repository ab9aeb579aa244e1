"""What must be right before trading, looked at without touching an order: key, permissions, entitlement, clock, distance,
bound, and what is *not* covered. The shell command is ``killcord check``; :func:`check` is the same for programs.
"""

from .line import Line, Report, Status
from .run import check

__all__ = ["Line", "Report", "Status", "check"]
