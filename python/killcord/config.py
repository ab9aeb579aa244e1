"""What a guard is configured with, whatever the venue: :class:`Policy` and :class:`Endpoints`.

Values are checked when the object is built, by the code that will use them; a refusal is a
:class:`~killcord.errors.ConfigError` with the field, the value and the rule.
"""

from __future__ import annotations

from dataclasses import dataclass

from ._killcord import EndpointsSpec, PolicySpec

_DEFAULT = PolicySpec()


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How quickly a guard suspects, gives up and tries again. All lengths are in seconds.

    The defaults are good for a machine with an ordinary connection to the venue. Raises ``ConfigError`` when a value is
    out of range or two values contradict each other.

    >>> Policy(dead_margin_s=1.5).dead_margin_s
    1.5
    """

    probe_every_s: float = _DEFAULT.probe_every_s
    """Between protocol pings on a healthy link. 0.05 to 5."""
    suspect_margin_s: float = _DEFAULT.suspect_margin_s
    """Suspect when the oldest unanswered ping is older than the round trip plus this. 0.05 to 30."""
    dead_margin_s: float = _DEFAULT.dead_margin_s
    """Dead when it is older than the round trip plus this. 0.1 to 60, and more than ``suspect_margin_s``."""
    dead_floor_s: float = _DEFAULT.dead_floor_s
    """Dead never sooner than this. 0.2 to 60."""
    step_deadline_s: float = _DEFAULT.step_deadline_s
    """A step of login or arming must be acknowledged within this. 0.1 to 30."""
    venue_probe_every_s: float = _DEFAULT.venue_probe_every_s
    """Between requests that prove that the venue answers, not only the socket. 1 to 60."""
    read_back_every_s: float = _DEFAULT.read_back_every_s
    """Between read-backs of the switch, where the venue can be asked. 5 to 600."""
    user_timeout_s: float = _DEFAULT.user_timeout_s
    """The longest time a written keepalive may stay deliverable (``TCP_USER_TIMEOUT``). 1 to 30."""
    stall_limit_s: float = _DEFAULT.stall_limit_s
    """Our own lateness that withdraws the claim before anything else is said. 0.1 to 10."""
    latch_after_trip: bool = _DEFAULT.latch_after_trip
    """Whether a trip must be acknowledged with ``rearm()`` before orders are permitted again."""

    def __post_init__(self) -> None:
        self._spec()

    def _spec(self) -> PolicySpec:
        return PolicySpec(
            probe_every_s=self.probe_every_s,
            suspect_margin_s=self.suspect_margin_s,
            dead_margin_s=self.dead_margin_s,
            dead_floor_s=self.dead_floor_s,
            step_deadline_s=self.step_deadline_s,
            venue_probe_every_s=self.venue_probe_every_s,
            read_back_every_s=self.read_back_every_s,
            user_timeout_s=self.user_timeout_s,
            stall_limit_s=self.stall_limit_s,
            latch_after_trip=self.latch_after_trip,
        )


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Addresses of your own in place of the venue's: a gateway, or an embedded venue.

    Plaintext (``ws``, ``http``) is accepted on loopback only. Raises ``ConfigError`` when an address, the certificate
    text or the factor cannot be used.

    >>> Endpoints("wss://gateway.example:8443/ws", "https://gateway.example:8443").time_factor
    1.0
    """

    guard_url: str
    """The websocket whose life the venue watches."""
    http_url: str
    """Prefix of HTTP calls."""
    trade_url: str | None = None
    """The order-entry websocket, where the venue has a separate one (Bybit)."""
    ca_pem: str | None = None
    """Certificate authorities to accept beside the machine's own: the PEM text, not a path."""
    time_factor: float = 1.0
    """How long the venue's own periods and windows last compared to the real venue: 0.1 is ten times as fast."""

    def __post_init__(self) -> None:
        self._spec()

    def _spec(self) -> EndpointsSpec:
        return EndpointsSpec(self.guard_url, self.http_url, self.trade_url, self.ca_pem, self.time_factor)
