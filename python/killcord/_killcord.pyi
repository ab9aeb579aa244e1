"""The extension, in the order of its source files. Everything public is exported by the package `killcord`."""

import os
import pathlib
from collections.abc import Sequence
from types import TracebackType
from typing import ClassVar, Final, NoReturn, Self, TypeAlias, final

from .errors import KillcordError
from .events import Event
from .lease import LeaseGaps
from .model import (
    Coverage,
    Evidence,
    Exposure,
    Json,
    LeaseState,
    LinkRole,
    PageFault,
    Phase,
    SwitchKind,
    TripBounds,
    VenueName,
)

__all__ = [
    "AttachedLease",
    "Bell",
    "CallWriter",
    "Credentials",
    "EndpointsSpec",
    "EngineSpec",
    "Exchange",
    "GuardHandle",
    "Hole",
    "JournalWriter",
    "Lease",
    "Message",
    "PolicySpec",
    "Reply",
    "Sent",
    "SharedLease",
    "SharedRenewer",
    "Snapshot",
    "Unanswerable",
    "VenueSpec",
    "__version__",
    "interpreter_ends",
    "read_settings",
]

__version__: Final[str]

# credentials.rs

@final
class Credentials:
    """A key pair for one account. Its secret cannot be read back: not printed, not pickled, not compared.

    Make one with `from_env`, `from_file`, `from_fd` or `values`.
    """

    @staticmethod
    def from_env(name: str) -> Credentials:
        """Reads `<name>_KEY`, `<name>_SECRET` and, when it is set, `<name>_OTP` from the environment.

        Raises `ConfigError` naming the variable that is missing or unusable.
        """

    @staticmethod
    def from_file(path: str | os.PathLike[str]) -> Credentials:
        """Reads a file: a JSON object with `key`, `secret` and optionally `otp`, or lines `KEY=…`, `SECRET=…`, `OTP=…`.

        Raises `ConfigError` naming path and mode when group or others can read it, when it is a symbolic link, not a
        regular file, or owned by somebody else; and naming the place when it cannot be understood.
        """

    @staticmethod
    def from_fd(fd: int) -> Credentials:
        """Reads an inherited file descriptor to its end, in the formats of `from_file`. The descriptor stays open.

        Raises `ConfigError` when it cannot be read or understood.
        """

    @staticmethod
    def values(*, key: str, secret: str, otp: str | None = None) -> Credentials:
        """Takes the values themselves. Prefer the other three: text in a program tends to be copied.

        Raises `ConfigError` when one is empty or holds characters that no venue uses.
        """

    def __reduce__(self) -> NoReturn: ...

# config.rs

@final
class PolicySpec:
    """A checked policy. `killcord.Policy` is its face."""

    def __new__(
        cls,
        *,
        probe_every_s: float | None = None,
        suspect_margin_s: float | None = None,
        dead_margin_s: float | None = None,
        dead_floor_s: float | None = None,
        step_deadline_s: float | None = None,
        venue_probe_every_s: float | None = None,
        read_back_every_s: float | None = None,
        user_timeout_s: float | None = None,
        stall_limit_s: float | None = None,
        latch_after_trip: bool | None = None,
    ) -> PolicySpec: ...
    @property
    def probe_every_s(self) -> float: ...
    @property
    def suspect_margin_s(self) -> float: ...
    @property
    def dead_margin_s(self) -> float: ...
    @property
    def dead_floor_s(self) -> float: ...
    @property
    def step_deadline_s(self) -> float: ...
    @property
    def venue_probe_every_s(self) -> float: ...
    @property
    def read_back_every_s(self) -> float: ...
    @property
    def user_timeout_s(self) -> float: ...
    @property
    def stall_limit_s(self) -> float: ...
    @property
    def latch_after_trip(self) -> bool: ...

@final
class EndpointsSpec:
    """Checked addresses of the user's own. `killcord.Endpoints` is its face."""

    def __new__(
        cls, guard_url: str, http_url: str, trade_url: str | None, ca_pem: str | None, time_factor: float
    ) -> EndpointsSpec: ...

# engine.rs

@final
class EngineSpec:
    """Checked options of an engine, and the engine once a guard needed it. `killcord.Engine` is its face."""

    def __new__(cls, wait: str, cpu: int | None) -> EngineSpec: ...

# venues.rs

@final
class VenueSpec:
    """One account on one venue, checked. The classes of `killcord.venues` are its faces."""

    @staticmethod
    def crypto_com(
        credentials: Credentials, account: str, environment: str, custom: EndpointsSpec | None
    ) -> VenueSpec: ...
    @staticmethod
    def deribit(
        credentials: Credentials,
        account: str,
        environment: str,
        custom: EndpointsSpec | None,
        heartbeat_s: int,
        scope: str,
        matching_rate: int,
        matching_burst: int,
    ) -> VenueSpec: ...
    @staticmethod
    def bybit(
        credentials: Credentials,
        account: str,
        environment: str,
        custom: EndpointsSpec | None,
        products: Sequence[str],
        window_s: int,
        max_active_time_s: int,
        trade_link: bool,
    ) -> VenueSpec: ...
    @staticmethod
    def kraken(
        credentials: Credentials,
        account: str,
        environment: str,
        custom: EndpointsSpec | None,
        window_s: int,
        cadence_s: float,
    ) -> VenueSpec: ...
    def identity(self) -> str:
        """What tells this account from others on this host: the same for two guards that would take each other's session.

        Made of venue, address and key, which it does not show.
        """

# direct.rs

@final
class CallWriter:
    """Writes and signs single HTTP calls for one account, and knows what is published about its switch."""

    def __new__(cls, venue: VenueSpec) -> CallWriter: ...
    def write(
        self, step: str, params: Sequence[tuple[str, str]], clock_offset_ms: int
    ) -> tuple[str, str, list[tuple[str, str]], str]:
        """One call: verb, path with query, headers, body. `step` is in the venue's spelling; what is private is signed with
        this machine's time plus `clock_offset_ms`.
        """

    @property
    def http(self) -> tuple[bool, str, int]:
        """Where calls go: TLS or not, host, port."""

    @property
    def guard(self) -> tuple[bool, str, int, str]:
        """Where the guarding link is dialled: TLS or not, host, port, path."""

    @property
    def ca_pem(self) -> str | None:
        """Certificate authorities to accept beside the machine's own."""

    @property
    def exposure(self) -> Exposure:
        """The published bound."""

    @property
    def coverage(self) -> Coverage:
        """What the switch would cancel once armed as configured."""

# snapshot.rs

@final
class Snapshot:
    """Everything a guard is willing to say about itself at one moment. Immutable."""

    @property
    def seq(self) -> int:
        """Number of the last event told before this state; 0 before the first."""

    @property
    def at_ns(self) -> int:
        """When it was taken, on the guard's clock."""

    @property
    def venue(self) -> VenueName:
        """The venue."""

    @property
    def kind(self) -> SwitchKind:
        """The kind of switch it has."""

    @property
    def phase(self) -> Phase:
        """Where the guard is in its life."""

    @property
    def claim(self) -> bool:
        """True while killcord claims that the promise holds: armed, or suspect."""

    @property
    def permit(self) -> bool:
        """Leave to create orders at that moment."""

    @property
    def latched(self) -> bool:
        """A trip was told or presumed and `rearm()` has not been called since."""

    @property
    def epoch(self) -> int:
        """The epoch of the guarding link; 0 when there is none."""

    @property
    def evidence(self) -> Evidence:
        """On what grounds the switch is said to be on, in this epoch."""

    @property
    def proven_at_ns(self) -> int | None:
        """When that evidence was last heard, on the guard's clock."""

    @property
    def coverage(self) -> Coverage:
        """What is covered; nothing unless `claim`."""

    @property
    def exposure(self) -> Exposure:
        """The published bound from loss of contact to the start of cancelling."""

    @property
    def trip_bounds(self) -> TripBounds | None:
        """When a countdown that is believed to be running can fire; None for the other kinds."""

    @property
    def round_trip_s(self) -> float | None:
        """Smoothed round trip of the guarding link, in seconds."""

    @property
    def last_life_ns(self) -> int | None:
        """When the guarding link last showed life that answers a probe of ours, on the guard's clock."""

    @property
    def maintenance(self) -> bool:
        """The venue announced maintenance, or the switch was taken off for it on purpose."""

    @property
    def clock_offset_ms(self) -> int | None:
        """Venue clock minus ours, in milliseconds, when the venue has told its time."""

    @property
    def gap_since_ns(self) -> int | None:
        """Since when orders may rest with no switch over them, on the guard's clock; None while there is no gap."""

    @property
    def leases(self) -> tuple[LeaseState, ...]:
        """Every lease, in the order in which they were taken."""

    @property
    def waiting_for(self) -> str:
        """What the guard waits for, in words."""

    @property
    def last_error(self) -> KillcordError | None:
        """The last error, whatever became of it."""

# message.rs

@final
class Message:
    """One message of the venue that is nobody's answer, exactly as it arrived."""

    def __new__(cls, role: LinkRole, epoch: int, raw: bytes) -> Message:
        """For tests of what handles messages."""
    __match_args__: ClassVar[tuple[str, str, str]] = ("role", "epoch", "raw")

    @property
    def role(self) -> LinkRole:
        """On which link it came."""

    @property
    def epoch(self) -> int:
        """The epoch of that link."""

    @property
    def raw(self) -> bytes:
        """The bytes as they arrived."""

    def json(self) -> Json:
        """The bytes read as JSON by the standard library. Raises `ValueError` when they are not JSON."""

@final
class Reply:
    """The venue's answer to one request, exactly as it arrived. Whether it says yes or no is for the caller to read."""

    def __new__(cls, request: int, raw: bytes) -> Reply:
        """For tests of what handles replies."""
    __match_args__: ClassVar[tuple[str, str]] = ("request", "raw")

    @property
    def request(self) -> int:
        """The number of the request it answers."""

    @property
    def raw(self) -> bytes:
        """The bytes as they arrived."""

    def json(self) -> Json:
        """The bytes read as JSON by the standard library. Raises `ValueError` when they are not JSON."""

@final
class Sent:
    """A request or a line was handed to the kernel. For the delivery inside the package."""

    def __new__(cls, request: int) -> Sent: ...

    @property
    def request(self) -> int:
        """The number of the request."""

@final
class Unanswerable:
    """A request or a line will not be answered. For the delivery inside the package."""

    def __new__(cls, request: int, error: KillcordError) -> Unanswerable: ...

    @property
    def request(self) -> int:
        """The number of the request."""

    @property
    def error(self) -> KillcordError:
        """What to raise where it is awaited."""

@final
class Hole:
    """Messages were dropped here, because they were not read. For the delivery inside the package."""

    def __new__(cls, lost: int) -> Hole: ...

    @property
    def lost(self) -> int:
        """Exactly how many."""

# bell.rs

@final
class Bell:
    """A descriptor that is readable while there is something to drain. Whoever watches it holds this, so that it is not
    closed, and its number not used for something else, while a loop still has it on its list.
    """

    def fileno(self) -> int:
        """The descriptor to watch for readability."""

    def ring(self) -> None:
        """Makes the descriptor readable. Never waits."""

    def silence(self) -> None:
        """Makes the descriptor unreadable; drain after this, never before."""

    def rings(self) -> int:
        """How often it was rung until now. Whoever reads takes this first, then drains, then says `settle`."""

    def settle(self, seen: int) -> None:
        """Makes the descriptor unreadable after draining, unless it was rung again since `seen`. Until then it stays
        rung, and ringing it costs the guard's thread nothing."""

    def wait_readable(self, timeout_s: float) -> None:
        """Waits until the descriptor is readable, a signal was handled, or the time is over."""

# journal.rs

@final
class JournalWriter:
    """An open journal and its writer. `killcord.Journal` is its face."""

    def __new__(cls, path: str | os.PathLike[str], max_bytes: int, keep: int, queue: int) -> JournalWriter:
        """Opens or creates the file and starts the writer."""

    def status(self) -> tuple[int, int, str | None]:
        """Events written, events lost, and what the system said last while it cannot be written."""

    def flush(self, timeout_s: float) -> bool:
        """Waits until everything handed over before is written or counted as lost. False when that takes longer."""

# lease.rs

@final
class Lease:
    """An application's promise to be alive: renewed by the loop that decides, with a token that changes as it gets on."""

    def renew(self, progress: int) -> bool:
        """Says that this decision loop is alive and got on. True when it counts.

        `progress` (0 to 2**64 - 1) must differ from the renewal before: the number of the last decision, of the last
        book update. A constant token does not count, and neither does a renewal after the budget. From any thread; takes
        no lock, makes no system call, does not hand over the GIL.
        """

    def extend(self, seconds: float) -> None:
        """Announces a planned stall of this length from now on.

        Raises `NotApplicable` when the lease was not renewed yet or has lapsed, `ConfigError` beyond 3600 seconds.
        """

    def close(self, reason: str) -> None:
        """Ends the promise on purpose: the guard no longer needs it. Undoes no lapse; again is harmless."""

    @property
    def name(self) -> str:
        """Who promises to be alive."""

    @property
    def budget_s(self) -> float:
        """The longest time between two renewals."""

    @property
    def lapsed(self) -> bool:
        """It lapsed, and no renewal changes that before `rearm()`."""

    @property
    def gaps(self) -> LeaseGaps:
        """The observed times between renewals, for choosing a budget from."""

# shared_lease.rs

@final
class SharedLease:
    """The page of a lease that another process renews: a small file both know.

    The guard's process attaches it, `guard.attach(SharedLease(path, name), budget_s=…)`; the other process claims it and
    renews, from Python with `claim()`, from C and others with `include/killcord_lease.h`. Whoever comes first makes it.
    Its layout, and what it proves, are in `docs/leases.md`.
    """

    def __new__(cls, path: str | os.PathLike[str], name: str) -> SharedLease:
        """Opens the page, after making it, mode 0600, when there is none. Put it in `/run` or `/dev/shm`.

        Raises `ConfigError` when it is a symbolic link, not a regular file, somebody else's, open to others, or not a
        page of the lease `name`; and `StartFailed` when the system refuses.
        """

    def claim(self) -> SharedRenewer:
        """Makes this process the one that renews.

        Raises `LeaseTaken` while another owner lives. Of one that is gone, `took_over` says how that was seen.
        """

    @property
    def name(self) -> str:
        """Who promises to be alive."""

    @property
    def path(self) -> pathlib.Path:
        """Where the page is."""

@final
class SharedRenewer:
    """The owner of a shared lease. A context manager: leaving it gives the page up."""

    def renew(self, progress: int) -> bool:
        """Says that this process is alive and got on. True when it was written; the guard decides whether it was in time.

        False when `progress` (1 to 2**64 - 1) is the one before, after `close`, in a forked child, and once another owner
        has claimed the page. From any thread; takes no lock, makes no system call, does not hand over the GIL.
        """

    def close(self) -> None:
        """Gives the page up; again is harmless. The lease then lapses unless it is closed at the guard."""

    @property
    def took_over(self) -> PageFault | None:
        """What was wrong with the owner before, when there was one that had not given the page up."""

    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None: ...

@final
class AttachedLease:
    """A lease of a guard that another process renews."""

    def extend(self, seconds: float) -> None:
        """Announces a planned stall of this length from now on. Raises as `Lease.extend`."""

    def close(self, reason: str) -> None:
        """Ends the promise on purpose: the guard no longer needs it. Undoes no lapse; again is harmless."""

    @property
    def name(self) -> str:
        """Who promises to be alive."""

    @property
    def budget_s(self) -> float:
        """The longest time between two renewals."""

    @property
    def lapsed(self) -> bool:
        """It lapsed, and no renewal changes that before `rearm()`."""

    @property
    def gaps(self) -> LeaseGaps:
        """The observed times between renewals, for choosing a budget from."""

# guard.rs

@final
class GuardHandle:
    """One guard on its engine's thread. Dropping it lets go of the guard; it never disarms it."""

    def __new__(
        cls, venue: VenueSpec, policy: PolicySpec, journal: JournalWriter | None, engine: EngineSpec
    ) -> GuardHandle:
        """Makes the thread and the guard; nothing is dialled before `start`."""

    def start(self) -> None:
        """Dials, logs in, arms, keeps."""

    def let_go(self) -> None:
        """Drops the links without disarming."""

    def close(self) -> None:
        """Drops the links without disarming, with a close frame in place of a reset."""

    def farewell(self, reason: str) -> None:
        """The deliberate orderly end that keeps orders."""

    def rearm(self, acknowledge: str) -> None:
        """Acknowledges a trip, in the words of whoever does."""

    def maintenance(self, begin: bool, reason: str) -> None:
        """Takes the switch off for maintenance, or puts it on again."""

    def kill(self, reason: str) -> None:
        """Cancels everything the switch covers, over every path."""

    def abandon(self) -> None:
        """Gives up a suspect or dead link that is kept."""

    def lease(self, name: str, budget_s: float) -> Lease:
        """Takes a lease."""

    def attach(self, shared: SharedLease, budget_s: float) -> AttachedLease:
        """Takes a lease that another process renews."""

    def request(self, method: str, params: str, breaks_protection: bool) -> int:
        """Hands over a request; its number comes back in what `drain_messages` returns."""

    def subscribe(self, method: str, params: str) -> int:
        """Hands over a subscription that is said again on every new link; its number comes back as that of a request."""

    def send(self, line: str, breaks_protection: bool) -> int:
        """Hands over a line as it is; its number comes back in what `drain_messages` returns."""

    def snapshot(self) -> Snapshot:
        """Where the guard stands. Never waits."""

    def phase(self) -> Phase:
        """Where the guard is in its life. Never waits."""

    def pulse(self) -> int:
        """Wakes the guard's thread and tells how many turns it has made. The same number twice: it does not run."""

    def has_ended(self) -> bool:
        """True once the guard has ended; what it left can still be read."""

    def drain_events(self, most: int) -> list[Event]:
        """The oldest events not yet read, at most `most`."""

    def drain_messages(self, most: int) -> list[Message | Reply | Sent | Unanswerable | Hole]:
        """The oldest messages, answers and fates not yet read, at most `most`."""

    def wait_phase(self, phases: Sequence[str], timeout_s: float | None) -> Snapshot:
        """Waits until the phase is one of `phases`. Raises `PhaseTimeout`, or `Ended` when none of them can come any more."""

    def wait_ended(self, timeout_s: float | None) -> Snapshot:
        """Waits until the guard has ended. Raises `PhaseTimeout`."""

    def bell(self) -> Bell:
        """What becomes readable when there is something to drain."""

    def check_process(self) -> None:
        """Raises `Forked` in a child of the process that made the guard."""

# sim.rs

@final
class Exchange:
    """A running embedded venue. `killcord.sim.Exchange` is its face."""

    def __new__(
        cls,
        venue: str,
        factor: float,
        host: str,
        port: int,
        certificate_hosts: Sequence[str],
        certificate_expired: bool,
        plaintext: bool,
    ) -> Exchange: ...
    @property
    def guard_url(self) -> str: ...
    @property
    def trade_url(self) -> str | None: ...
    @property
    def http_url(self) -> str: ...
    @property
    def ca_pem(self) -> str | None: ...
    def stop(self) -> None: ...
    def add_account(self, key: str, secret: str, name: str) -> None: ...
    def revoke(self, key: str) -> None: ...
    def restrict(self, key: str, lacks: Sequence[str]) -> None: ...
    def knobs(self) -> list[tuple[str, str, str]]: ...
    def set_knob(self, name: str, value: str) -> None: ...
    def journal(self, since: int) -> list[tuple[int, int, int, str, int | None, str, str]]: ...
    def wait_journal(
        self, since: int, kind: str | None, account: str | None, detail: str | None, patience_s: float
    ) -> tuple[int, int, int, str, int | None, str, str] | None:
        """Waits in short turns, so that an interrupt is noticed."""

    def orders(
        self,
    ) -> list[
        tuple[
            tuple[int, str, str, int | None, str, str],
            tuple[str, str, str, str],
            tuple[str, str | None],
            tuple[int, int],
        ]
    ]: ...
    def open_order_count(self) -> int: ...
    def connections(self) -> list[tuple[int, str, str | None, int, bool, bool]]: ...
    def would_trip_by(self, account: str) -> int | None: ...
    def now(self) -> tuple[int, int]: ...
    def refuse(self, step: str, code: str | None, times: int | None) -> None: ...
    def lose_request(self, step: str, times: int | None) -> None: ...
    def lose_answer(self, step: str, times: int | None) -> None: ...
    def late(self, step: str, by_s: float, times: int | None) -> None: ...
    def silence_pings(self) -> None: ...
    def stop_heartbeats(self) -> None: ...
    def dishonour(self) -> None: ...
    def maintenance(self) -> None: ...
    def stop_reading(self, on: tuple[str, int | None, str | None]) -> None: ...
    def cut(self, on: tuple[str, int | None, str | None]) -> None: ...
    def drip(self, on: tuple[str, int | None, str | None], pause_s: float) -> None: ...
    def inject(self, on: tuple[str, int | None, str | None], data: bytes) -> None: ...
    def reset(self, on: tuple[str, int | None, str | None]) -> None: ...
    def fin(self, on: tuple[str, int | None, str | None]) -> None: ...
    def close(self, on: tuple[str, int | None, str | None], code: int, reason: str) -> None: ...
    def freeze(self) -> None: ...
    def refuse_dials(self) -> None: ...
    def slow_accept(self, by_s: float) -> None: ...
    def heal(self) -> None: ...
    def set_clock_skew(self, skew_ms: int) -> None: ...

# settings.rs

_Section: TypeAlias = dict[str, tuple[str | int | float | bool | list[str], int, int]]
_Account: TypeAlias = tuple[_Section, _Section, _Section | None, _Section, list[_Section]]

def read_settings(
    data: bytes,
) -> tuple[tuple[_Section, _Section, list[_Account]] | None, list[tuple[int, int, str, str, str]]]:
    """The sections of a configuration file, or what is wrong with it. For `killcord.settings`."""

# departure.rs

def interpreter_ends() -> None:
    """For the exit hook inside the package: from now on daemon threads do not come back from a wait into Python."""
