"""The process whose link is cut: ``python -m killcord.drill.holder``. Its first line of input says which account and what
orders; it arms a guard, rests them through it, tells what the guard tells, and then does as it is told until its input ends.

It reads the key from where the command read it; no secret comes in here or goes out.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress

from .._access import Access
from .._desk import Desk, Node, now_ns
from ..errors import KillcordError
from ..events import Event, GapClosed, GapOpened, LinkLost, LinkUp, PhaseChanged, StepDone, SwitchArmed, Tripped
from ..guard import ARMED, HOPELESS, Guard
from ..model import Json
from .plan import Cut

ARM_S = 45.0
ANSWER_S = 10.0
_PR_SET_PDEATHSIG = 1
_SAYING = threading.Lock()


def main() -> None:
    """Holds one guard."""
    # A stopped process would outlive a parent that was killed, and with it the link.
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent's affair, and it cleans up
    errand = json.loads(sys.stdin.readline())
    try:
        guard = Guard(Access.of_words(Node(errand["access"])).open())
        guard.start()
        threading.Thread(target=_listen, args=(guard,), daemon=True).start()
        _hold(guard)
    except KillcordError as error:
        say({"kind": "failed", "why": f"{type(error).__name__}: {error}"})


def say(line: dict[str, Json]) -> None:
    """One line for the parent, with the time on the clock both share."""
    with _SAYING, suppress(BrokenPipeError):
        print(json.dumps({"at_ns": now_ns(), **line}), flush=True)


def _hold(guard: Guard) -> None:
    state = guard.wait_phase(ARMED | HOPELESS, ARM_S)
    if state.phase not in ARMED:
        say({"kind": "failed", "why": str(state.last_error or f"the guard is {state.phase.value}")})
        return guard.stop()
    say(
        {
            "kind": "armed",
            "evidence": state.evidence.value,
            "scope": state.coverage.scope.value,
            "bound_s": state.exposure.bound_s,
            "because": state.exposure.because,
        }
    )
    for command in _commands():
        match command:
            case ["order", str(method), dict(params)]:
                _order(guard, method, params)
            case ["farewell"]:
                _farewell(guard)
            case ["cut", word]:
                _cut(guard, Cut(word))
    guard.stop()


def _commands() -> Iterator[list[Json]]:
    for line in sys.stdin:
        yield json.loads(line)


def _order(guard: Guard, method: str, params: dict[str, Json]) -> None:
    sent_ns = now_ns()
    try:
        reply = guard.request_blocking(method, params, timeout_s=ANSWER_S)
    except KillcordError as error:
        return say({"kind": "order", "sent_ns": sent_ns, "error": str(error)})
    say({"kind": "order", "sent_ns": sent_ns, "reply": reply.json()})


def _farewell(guard: Guard) -> None:
    try:
        said = guard.farewell_blocking(reason="the drill was called off")
        say({"kind": "farewell", "confirmed": said.confirmed})
    except KillcordError as error:
        say({"kind": "farewell", "confirmed": False, "why": str(error)})


def _cut(guard: Guard, cut: Cut) -> None:
    """Cuts in the ways that a process can do to itself. The others are done to it."""
    at_ns = now_ns()
    match cut:
        case Cut.CLOSE:
            guard._handle.close()
            guard._handle.wait_ended(ANSWER_S)
        case Cut.RST:
            guard.stop()
        case Cut.FIN:
            count = _shut_down(guard)
            say({"kind": "cut", "cut_ns": at_ns, "sockets": count})
            os.kill(os.getpid(), signal.SIGSTOP)
            return
        case Cut.FREEZE | Cut.KILL:
            return
    say({"kind": "cut", "cut_ns": at_ns})


def _shut_down(guard: Guard) -> int:
    """A FIN on every socket that leads to the venue, behind the guard's back."""
    desk = Desk(guard.venue)
    ports = {desk.writer.guard[2], desk.writer.http[2]}
    count = 0
    for name in os.listdir("/proc/self/fd"):
        with suppress(OSError, ValueError):
            with socket.socket(fileno=os.dup(int(name))) as twin:
                if twin.getpeername()[1] in ports:
                    twin.shutdown(socket.SHUT_WR)
                    count += 1
    return count


def _listen(guard: Guard) -> None:
    while not guard._handle.has_ended():
        for event in guard.drain_events(timeout_s=0.5):
            if (words := _words(event)) is not None:
                say({"kind": "event", "event_ns": event.at_ns, "name": type(event).__name__, "words": words})


def _words(event: Event) -> str | None:
    """The events that a timeline shows; None for the others."""
    match event:
        case LinkUp():
            return f"link {event.link_epoch} up ({event.role.value})"
        case StepDone():
            return f"step acknowledged: {event.step.value.replace('_', ' ')}"
        case SwitchArmed():
            return f"switch armed, {event.evidence.value.replace('_', ' ')}"
        case PhaseChanged():
            return f"{event.before.value} → {event.after.value}"
        case LinkLost():
            return f"link {event.link_epoch} lost: {event.loss}"
        case Tripped():
            return "tripped"
        case GapOpened():
            return f"gap: {event.why}"
        case GapClosed():
            return f"covered again after {event.seconds:.2f} s"
        case _:
            return None


if __name__ == "__main__":
    main()
