"""From what was seen to a verdict, and from a bad verdict to what may be behind it."""

from __future__ import annotations

from collections.abc import Sequence

from ..model import SwitchKind, VenueName
from .plan import Cut
from .result import Fate, Span, Verdict

KINDS = {
    VenueName.CRYPTO_COM: SwitchKind.SESSION_BOUND,
    VenueName.DERIBIT: SwitchKind.SESSION_BOUND,
    VenueName.BYBIT: SwitchKind.GRACE_AFTER_DROP,
    VenueName.KRAKEN: SwitchKind.COUNTDOWN,
}
_BEHIND = {
    VenueName.CRYPTO_COM: "do not rest orders here until Crypto.com has explained it; the link was the only one that created them",
    VenueName.DERIBIT: "do not rest orders here until Deribit has explained it; the link was the only one that created them",
    VenueName.BYBIT: (
        "Bybit cancels only when every connection of the account that is subscribed to a dcp topic is gone. Another live "
        "subscriber (a guard, a second host, a debugging session) holds the protection off, and nothing can be read that "
        "would show it: end the others and repeat the drill"
    ),
    VenueName.KRAKEN: (
        "the account has one countdown. Somebody else may feed it, or have taken it off with timeout 0, and nothing can be "
        "read that would show it: end other feeders, look at who has a trading key, and repeat the drill"
    ),
}


def judge(
    venue: VenueName, bound_s: float, first: Span | None, stamped: Span | None, fates: Sequence[Fate], resting: int
) -> tuple[Verdict, str]:
    """The verdict, and why."""
    filled = [fate.order_id for fate in fates if fate.filled]
    if filled:
        return Verdict.OTHERWISE, f"{len(filled)} orders were filled: there is a position now, look at it at once"
    if resting:
        return Verdict.NOT_CANCELLED, f"{resting} of {len(fates)} orders still rested; {_BEHIND[venue]}"
    others = {fate.reason for fate in fates if fate.by_switch is False}
    if others:
        return Verdict.OTHERWISE, f"the orders are gone, but the venue gives another reason: {', '.join(sorted(others))}"
    assert first is not None, "what rested and rests no more was seen to go"
    within = [span for span in (first, stamped) if span is not None]
    if any(span.high_s <= bound_s for span in within):
        return Verdict.HELD, _by_whom(fates)
    if any(span.low_s > bound_s for span in within):
        return Verdict.LATE, f"the orders went, later than the published {bound_s:.1f} s; {_BEHIND[venue]}"
    return Verdict.UNDECIDED, "the bound lies between two looks, and the venue's own stamp does not settle it: repeat the drill"


def expectation(venue: VenueName, cut: Cut) -> str:
    """What this way of cutting should do, beside the bound for the worst one."""
    seen = cut in (Cut.CLOSE, Cut.RST, Cut.FIN, Cut.KILL)
    match KINDS[venue]:
        case SwitchKind.SESSION_BOUND:
            return "the venue sees this end at once" if seen else "the venue must notice the silence first: the worst case"
        case SwitchKind.GRACE_AFTER_DROP:
            end = "the venue sees this end at once; the window alone is left"
            return end if seen else "the venue must notice the silence first, then the window begins: the worst case"
        case SwitchKind.COUNTDOWN:
            return "how the link ends makes no difference: the window of the last feed runs out"


def _by_whom(fates: Sequence[Fate]) -> str:
    named = [fate for fate in fates if fate.by_switch]
    if len(named) == len(fates):
        return f"the venue itself names its switch as the reason ({named[0].reason})"
    return "the venue gives no reason that names its switch; nobody else cancelled them that it tells of"
