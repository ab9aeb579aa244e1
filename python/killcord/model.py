"""The words of killcord as Python values: enums, and small frozen records. Nothing here acts.

Each enum is defined here and nowhere else; the extension reads its members from this module. A length of time ends in
``_s`` and is a float of seconds. A point in time ends in ``_ns`` and is an integer: ``at_ns`` and its like count on the
guard's own clock, which is ``time.clock_gettime_ns(time.CLOCK_BOOTTIME)`` and never goes back; ``wall_ns`` is the
machine's wall clock, which may jump and is only for people.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, unique
from typing import TypeAlias

Json: TypeAlias = None | bool | int | float | str | Sequence["Json"] | Mapping[str, "Json"]
"""What a request's parameters are made of, and what :meth:`killcord.Reply.json` returns."""


@unique
class VenueName(Enum):
    """The venues killcord has a dialect for."""

    CRYPTO_COM = "crypto_com"
    DERIBIT = "deribit"
    BYBIT = "bybit"
    KRAKEN = "kraken"


@unique
class Environment(Enum):
    """Which of a venue's environments is meant."""

    PRODUCTION = "production"
    """Real orders, real money."""
    TEST = "test"
    """The venue's own test environment."""
    CUSTOM = "custom"
    """Addresses of your own: a gateway, an embedded venue. Chosen by giving ``custom=Endpoints(…)``."""


@unique
class DeribitScope(Enum):
    """Which orders Deribit's cancel-on-disconnect covers."""

    CONNECTION = "connection"
    """Orders created on the guarding connection. The tightest claim, and the default."""
    ACCOUNT = "account"
    """The same, and it becomes the account's default for connections opened later, by anyone."""


@unique
class BybitProduct(Enum):
    """Bybit's product lines as disconnection protection divides them."""

    SPOT = "SPOT"
    DERIVATIVES = "DERIVATIVES"
    OPTIONS = "OPTIONS"


@unique
class SwitchKind(Enum):
    """The three kinds of switch at a venue. They are not one thing, and no interface here pretends so."""

    SESSION_BOUND = "session_bound"
    """Fires when the venue considers the guarding connection closed (Crypto.com, Deribit)."""
    GRACE_AFTER_DROP = "grace_after_drop"
    """Fires when no subscribed connection has been alive for the window (Bybit)."""
    COUNTDOWN = "countdown"
    """Fires when no feed has arrived for the window (Kraken)."""


@unique
class Phase(Enum):
    """Where a guard is in its life."""

    STOPPED = "stopped"
    """Not started, or ended on purpose."""
    CONNECTING = "connecting"
    """Dialling; no link."""
    AUTHENTICATING = "authenticating"
    """Link up, login not yet accepted."""
    ARMING = "arming"
    """Logged in, the switch not yet proven on."""
    ARMED = "armed"
    """Every required step acknowledged, and read back where the venue can be asked, in this epoch."""
    SUSPECT = "suspect"
    """Armed, and the link has been silent for longer than it should be. Still claimed."""
    DEGRADED = "degraded"
    """Connected, but part of the requested coverage is not proven. Not claimed."""
    TRIPPED = "tripped"
    """The switch fired, or may have. Latched until ``rearm()``."""
    REFUSED = "refused"
    """The venue says that this account or key cannot; asked again at most once a minute."""
    FENCED = "fenced"
    """Another guard keeps taking the session; given up."""
    FAULTED = "faulted"
    """A bug in killcord; the link was aborted, so the switch acts."""

    @property
    def claims(self) -> bool:
        """True only in ``ARMED`` and ``SUSPECT``: the promise is said to hold.

        >>> [phase.value for phase in Phase if phase.claims]
        ['armed', 'suspect']
        """
        return self in (Phase.ARMED, Phase.SUSPECT)


@unique
class Evidence(Enum):
    """On what grounds the switch is said to be on, weakest first."""

    NONE = "none"
    """Nothing was asked."""
    ASKED = "asked"
    """Asked; no answer yet. Not a success."""
    ACKNOWLEDGED = "acknowledged"
    """The venue acknowledged it in this epoch."""
    READ_BACK = "read_back"
    """The venue was asked afterwards and said that it is so."""


@unique
class CoverageScope(Enum):
    """The kind of a :class:`Coverage`."""

    NOTHING = "nothing"
    """Nothing is proven to be covered."""
    CONNECTION = "connection"
    """Orders created on the guarding connection, and no others."""
    ACCOUNT = "account"
    """Every open order of the account."""
    PRODUCTS = "products"
    """Every active order of the account in the named product lines."""


@unique
class LinkRole(Enum):
    """Which of a guard's sockets is meant."""

    GUARD = "guard"
    """The link whose life the venue watches. Every guard has it."""
    TRADE = "trade"
    """A second link that only carries orders (Bybit). Its loss trips nothing."""


@unique
class Step(Enum):
    """The steps of arming that a venue acknowledges one by one."""

    LOGIN = "login"
    """Our identity was accepted."""
    HEARTBEAT = "heartbeat"
    """The venue will watch our heartbeats at the asked interval."""
    WINDOW = "window"
    """The window or product setting is in force."""
    SUBSCRIPTION = "subscription"
    """The subscription that the switch, or the socket, depends on."""
    SWITCH = "switch"
    """The switch itself was acknowledged."""
    READ_BACK = "read_back"
    """The switch was read back and is on."""
    PING = "ping"
    """The venue answered the first venue-level ping of this epoch."""
    TOKEN = "token"
    """A token was fetched over HTTP."""


@unique
class Layer(Enum):
    """Which layer of liveness noticed the silence."""

    SEND_QUEUE = "send_queue"
    """The kernel holds data that the peer does not acknowledge."""
    PROTOCOL_PING = "protocol_ping"
    """A websocket ping stays unanswered."""
    VENUE_REQUEST = "venue_request"
    """A request to the venue itself stays unanswered."""
    VENUE_SILENCE = "venue_silence"
    """The venue's own periodic message is overdue."""


@unique
class PageFault(Enum):
    """Why the page of a shared lease proves nothing. See ``docs/leases.md``."""

    OWNER_DIED = "owner_died"
    """The process that claimed it is gone."""
    PID_REUSED = "pid_reused"
    """Another process has the owner's number now: the owner is gone."""
    EARLIER_BOOT = "earlier_boot"
    """It was claimed before this machine was started."""
    TWO_OWNERS = "two_owners"
    """Another owner claimed it while the first one's lease ran."""
    RELEASED = "released"
    """Its owner gave it up."""
    DAMAGED = "damaged"
    """What was read is no page of this lease: cut short, another beginning, another name."""
    REMOVED = "removed"
    """The file is gone from its place, so that a new owner would claim another one."""


@unique
class ReadBackVerdict(Enum):
    """What a read-back of the switch said."""

    AGREES = "agrees"
    """On, as asked."""
    DISAGREES = "disagrees"
    """Not on as asked: somebody changed it, or the acknowledgement was false."""


@unique
class RefusalClass(Enum):
    """What a refusal means for what happens next."""

    FATAL = "fatal"
    """Key, signature, permission, entitlement: a person must act. Asked again at most once a minute."""
    CLOCK = "clock"
    """Our clock disagrees with the venue's; corrected from the venue's time and tried again once."""
    RETRY = "retry"
    """Transient at the venue; tried again with the normal spacing."""
    RATE_LIMIT = "rate_limit"
    """Too many requests; tried again after a pause."""
    SESSION = "session"
    """The session or token is no longer valid; logged in afresh."""
    MAINTENANCE = "maintenance"
    """The venue is down for maintenance."""


@unique
class LossCause(Enum):
    """How a link or a dial ended."""

    RESOLVE = "resolve"
    CONNECTION_REFUSED = "connection_refused"
    UNREACHABLE = "unreachable"
    STAGE_TIMEOUT = "stage_timeout"
    CERTIFICATE = "certificate"
    TLS = "tls"
    UPGRADE_REFUSED = "upgrade_refused"
    NOT_WEBSOCKET = "not_websocket"
    CLOSED = "closed"
    END_OF_STREAM = "end_of_stream"
    RESET = "reset"
    USER_TIMEOUT = "user_timeout"
    TOO_LARGE = "too_large"
    PROTOCOL = "protocol"
    SILENT = "silent"
    BREACH = "breach"
    ARM_TIMEOUT = "arm_timeout"
    ON_PURPOSE = "on_purpose"
    LOCAL = "local"
    SOCKET = "socket"


@dataclass(frozen=True, slots=True)
class Coverage:
    """Exactly what the switch would cancel."""

    scope: CoverageScope
    products: tuple[str, ...] = ()
    """The product lines in the venue's spelling, sorted; empty unless the scope is ``PRODUCTS``."""


@dataclass(frozen=True, slots=True)
class Exposure:
    """The published bound from loss of contact to the start of cancelling, the venue's own detection included."""

    bound_s: float
    because: str
    """How it adds up, in words."""


@dataclass(frozen=True, slots=True)
class LeaseState:
    """A lease as a snapshot shows it."""

    name: str
    budget_s: float
    renewed_at_ns: int | None
    """The last renewal that counted; None before the first, or since ``rearm()``."""
    due_ns: int | None
    """When it lapses, or lapsed, without another renewal."""
    lapsed: bool
    """It lapsed. No renewal changes that."""
    doubt: PageFault | None
    """Why what is renewed on its shared page does not count; None while it does, and where there is no page."""


@dataclass(frozen=True, slots=True)
class TripBounds:
    """When a countdown can fire if nothing more reaches the venue, on the guard's clock."""

    earliest_ns: int
    """Not before this. From here on orders may already be gone."""
    latest_ns: int
    """Surely by this."""


@dataclass(frozen=True, slots=True)
class Told:
    """The venue said that its switch fired."""

    venue_time_ns: int | None = None
    """The venue's own time of it (Unix nanoseconds), when it gave one."""


@dataclass(frozen=True, slots=True)
class Presumed:
    """The late bound has passed, or the venue must have noticed the loss of the guarding link."""


Trip: TypeAlias = Told | Presumed
"""How we know that the switch fired."""


@dataclass(frozen=True, slots=True)
class MaintenanceNotice:
    """Maintenance is announced, or has begun."""

    active: bool
    """True once the venue says that it is down; False while it only announces it."""
    text: str


@dataclass(frozen=True, slots=True)
class OnlineNotice:
    """Normal service."""


@dataclass(frozen=True, slots=True)
class LimitedNotice:
    """Service is limited (cancel only, post only, locked, …)."""

    mode: str
    """The venue's word for it."""


@dataclass(frozen=True, slots=True)
class DisconnectWarning:
    """The venue warned that it may disconnect us."""

    text: str


Notice: TypeAlias = MaintenanceNotice | OnlineNotice | LimitedNotice | DisconnectWarning
"""Something the venue announced about itself. Texts are the venue's, cleaned and cut to 200 characters."""
