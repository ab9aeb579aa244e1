"""Every error says whose fault it is.

::

    KillcordError
    ├── Breach                    the venue broke its protocol
    ├── Loss                      the network: a link or a dial ended
    ├── Refusal                   the venue said no; says which step, its code, and what to do
    ├── Unanswered                a request that will never be answered
    │   ├── NotSent               it surely never left
    │   └── FateUnknown           it left, and the link was lost before the answer
    ├── PhaseTimeout              a wait was over before its phase came (also a ``TimeoutError``)
    │   └── ArmTimeout            not armed in time; ``__cause__`` is the last error
    ├── StartFailed               the operating system gave no thread or descriptor
    ├── Fenced                    another guard keeps taking the session
    ├── Misuse                    the caller
    │   ├── NotProtected          an order, while not armed
    │   ├── Latched               an order, after a trip that was not acknowledged with ``rearm()``
    │   ├── LeaseNotRenewed       an order, before the first renewal of every lease
    │   ├── WouldBreakProtection  a message that would weaken or fire the switch
    │   ├── NotSendable           not a message this link can carry
    │   ├── NotConnected          no link to send on
    │   ├── Throttled             the venue's message limit is reached; a reserve is kept
    │   ├── TooManyPending        too many requests wait for an answer
    │   ├── NotApplicable         this venue, or this state, has no such thing
    │   ├── NotStarted            the guard was not started
    │   ├── AlreadyStarted        a guard starts once
    │   ├── Ended                 the guard has ended
    │   ├── Forked                the guard belongs to the parent process
    │   ├── LeaseTaken            a shared lease has an owner that lives
    │   ├── WrongLoop             the guard belongs to another event loop
    │   ├── AlreadyReading        two readers of one stream
    │   └── MessagesLost          messages were not read quickly enough; says exactly how many
    ├── Fault                     a bug in killcord; the link was aborted, so the switch acts
    └── ConfigError               a value was refused when its object was built (also a ``ValueError``)
        └── SettingsError         a configuration file was refused; says every mistake with its line and column

What a method raises is in its docstring. The extension raises these classes; nothing else comes out of it except
``TypeError`` for an argument of the wrong type.
No text of any error contains a secret or a line that was sent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from ._killcord import Snapshot
    from .model import LinkRole, LossCause, Phase, RefusalClass
    from .settings import Mistake


class KillcordError(Exception):
    """The root: catches everything killcord raises."""

    def __init__(self, message: str) -> None:
        super().__init__(message)

    def __reduce__(self) -> tuple[object, ...]:
        return _restore, (type(self), self.args, dict(self.__dict__))


class Breach(KillcordError):
    """The venue broke its own protocol. The link was not to be trusted and was ended."""

    def __init__(self, message: str, *, what: str) -> None:
        super().__init__(message)
        self.what = what
        """What was wrong, in our words."""


class Loss(KillcordError):
    """A link or a dial ended."""

    def __init__(
        self,
        message: str,
        *,
        role: LinkRole,
        cause: LossCause,
        code: int | None = None,
        address: str = "",
        advice: str = "",
    ) -> None:
        super().__init__(message)
        self.role = role
        """Which of the guard's sockets."""
        self.cause = cause
        """How it ended."""
        self.code = code
        """Close code, HTTP status or errno, where the cause has one."""
        self.address = address
        """Where the link led to, without query."""
        self.advice = advice
        """What to do, in one sentence; empty where all there is to do is to dial again, which is done."""


class Refusal(KillcordError):
    """The venue said no."""

    def __init__(
        self, message: str, *, step: str, code: str, text: str, advice: str, refusal_class: RefusalClass
    ) -> None:
        super().__init__(message)
        self.step = step
        """Which request was refused, in the venue's spelling."""
        self.code = code
        """The venue's code as text; empty when it has none."""
        self.text = text
        """The venue's own text, cleaned of control characters and cut to 200 characters."""
        self.advice = advice
        """What to do, in one sentence."""
        self.refusal_class = refusal_class
        """What it means for what happens next."""


class Unanswered(KillcordError):
    """A request that will never be answered. Its subclass says what became of it."""

    def __init__(self, message: str, *, request: int) -> None:
        super().__init__(message)
        self.request = request
        """The request's number, as in ``RequestLost`` events."""


class NotSent(Unanswered):
    """The request surely never left this machine. Sending it again cannot duplicate it."""


class FateUnknown(Unanswered):
    """The request was written and the link was lost before the answer. The venue may have acted on it: ask the venue."""


class PhaseTimeout(KillcordError, TimeoutError):
    """The phase that was waited for did not come in time."""

    @classmethod
    def after(cls, timeout_s: float | None, snapshot: Snapshot) -> Self:
        """One with a sentence that says where the guard stood, and the last thing that went wrong."""
        what = "not armed" if issubclass(cls, ArmTimeout) else "not"
        where = f"the guard is {snapshot.phase.value} and waits for {snapshot.waiting_for}"
        last = "" if snapshot.last_error is None else f"; the last error: {snapshot.last_error}"
        return cls(f"{what} within {timeout_s} s: {where}{last}", snapshot=snapshot)

    def __init__(self, message: str, *, snapshot: Snapshot) -> None:
        super().__init__(message)
        self.snapshot = snapshot
        """The state when time was up, with what the guard was waiting for."""

    def __reduce__(self) -> tuple[object, ...]:
        # A snapshot belongs to its process; what travels is the sentence.
        return KillcordError, self.args


class ArmTimeout(PhaseTimeout):
    """The guard was not armed in time, and was let go. ``__cause__`` is the last error it met, if any."""


class StartFailed(KillcordError):
    """The operating system gave no thread or descriptor. Nothing was started."""

    def __init__(self, message: str, *, what: str, code: int | None) -> None:
        super().__init__(message)
        self.what = what
        """What was asked for."""
        self.code = code
        """Its errno."""


class Fenced(KillcordError):
    """Another guard keeps taking the session of this account; this one has given up and does not dial again."""


class Misuse(KillcordError):
    """The caller asked for something that cannot or must not be done. Nothing was sent."""


class NotProtected(Misuse):
    """No order may be created now, because killcord does not claim protection."""

    def __init__(self, message: str, *, phase: Phase) -> None:
        super().__init__(message)
        self.phase = phase
        """Where the guard was instead."""


class LeaseNotRenewed(Misuse):
    """No order may be created now: a lease was taken and not renewed since."""

    def __init__(self, message: str, *, lease: str) -> None:
        super().__init__(message)
        self.lease = lease
        """The name of the first such lease."""


class Latched(Misuse):
    """No order may be created now: the switch tripped and ``rearm()`` has not been called since."""


class WouldBreakProtection(Misuse):
    """The message would weaken or fire the switch. Pass ``breaks_protection=True`` to send it all the same."""

    def __init__(self, message: str, *, method: str, instead: str) -> None:
        super().__init__(message)
        self.method = method
        """What it was, in the venue's spelling."""
        self.instead = instead
        """What to call instead."""


class NotSendable(Misuse):
    """Not a message that this venue's link can carry, or one whose id lies in killcord's own range."""

    def __init__(self, message: str, *, why: str) -> None:
        super().__init__(message)
        self.why = why


class NotConnected(Misuse):
    """There is no link to send on."""


class Throttled(Misuse):
    """The venue's message limit is reached; what is left of it is kept for keepalives, cancels and a kill."""

    def __init__(self, message: str, *, again_s: float) -> None:
        super().__init__(message)
        self.again_s = again_s
        """In how many seconds there is room again."""


class TooManyPending(Misuse):
    """Too many requests wait for an answer."""

    def __init__(self, message: str, *, limit: int) -> None:
        super().__init__(message)
        self.limit = limit
        """How many may wait."""


class NotApplicable(Misuse):
    """This venue, or this state, has no such thing."""

    def __init__(self, message: str, *, call: str, why: str) -> None:
        super().__init__(message)
        self.call = call
        """The call that does not apply."""
        self.why = why


class NotStarted(Misuse):
    """The guard was not started: enter it with ``async with``, or call ``start()``."""


class AlreadyStarted(Misuse):
    """A guard starts once. Make another one."""


class Ended(Misuse):
    """The guard has ended. Make another one."""


class Forked(Misuse):
    """This process is a fork of the one that made the guard. The guard lives on in the parent, and only there."""


class LeaseTaken(Misuse):
    """A shared lease has an owner that lives. There is one at a time, and it gives the page up or ends."""

    def __init__(self, message: str, *, pid: int) -> None:
        super().__init__(message)
        self.pid = pid
        """Its process; 0 while another process is just claiming the page."""


class WrongLoop(Misuse):
    """The guard is in use by another event loop that is still open."""


class AlreadyReading(Misuse):
    """Another task already iterates over this guard's events or messages; each is delivered once."""


class MessagesLost(Misuse):
    """Messages were not read as quickly as they came, and the oldest were dropped. Reading can go on."""

    def __init__(self, message: str, *, lost: int) -> None:
        super().__init__(message)
        self.lost = lost
        """Exactly how many."""


class Fault(KillcordError):
    """A bug in killcord. The link was aborted, so the venue's switch acts."""

    def __init__(self, message: str, *, what: str) -> None:
        super().__init__(message)
        self.what = what
        """What broke, in our words."""


class ConfigError(KillcordError, ValueError):
    """A configuration value was refused when its object was built. Nothing was started.

    >>> from killcord import Policy
    >>> Policy(probe_every_s=0.01)
    Traceback (most recent call last):
        ...
    killcord.errors.ConfigError: probe_every_s = 0.01 s is not possible: must be between 0.05 s and 5 s
    """

    def __init__(self, message: str, *, field: str, value: str, rule: str) -> None:
        super().__init__(message)
        self.field = field
        """The field, as you spell it."""
        self.value = value
        """The value given, or ``[hidden]`` where it may be secret."""
        self.rule = rule
        """The rule it broke."""


class SettingsError(ConfigError):
    """A configuration file was refused, with every mistake that was found in it. Nothing was started.

    ``field``, ``value`` and ``rule`` are those of the first mistake.
    """

    def __init__(self, path: str, mistakes: tuple[Mistake, ...]) -> None:
        first = mistakes[0]
        super().__init__(
            "\n".join(f"{path}:{mistake}" for mistake in mistakes),
            field=first.key,
            value=first.value,
            rule=first.rule,
        )
        self.path = path
        """The file, as it was named."""
        self.mistakes = mistakes
        """What is wrong, in the order of the file."""


def _restore(cls: type[KillcordError], args: tuple[str], attributes: dict[str, object]) -> KillcordError:
    error = cls.__new__(cls, *args)
    error.args = args
    error.__dict__.update(attributes)
    return error
