"""What Kraken Spot can be asked without arming: docs.kraken.com. Its countdown cannot be read: whether one runs already is
known only to whoever feeds it.
"""

from __future__ import annotations

import time

from .._desk import Book, Desk, Node
from .line import Line, Status, notes, right, unknown, wrong

ASKED = ("public/SystemStatus", "private/GetApiKeyInfo", "private/OpenOrders")
"""Every call made here but for the time."""
NEEDED = {
    "create-ws-token": "WebSocket interface: to log in on the link",
    "query-open-trades": "Query open orders & trades: to prove a kill",
}
ORDERS, CLOSES = "modify-trades", "close-trades"
EXPIRES_SOON_S = 14 * 86_400
_ADVICE = {
    "EAPI:Invalid key": "check the key; it must be one of Kraken Spot, not of Futures",
    "EAPI:Invalid signature": "check the secret: the whole base64 text that Kraken shows",
    "EAPI:Invalid nonce": "another program uses this key with a higher nonce: give killcord a key of its own",
    "EGeneral:Temporary lockout": "Kraken has locked this key for about 15 minutes after bad requests: wait",
    "EGeneral:Permission denied": "give the key the permission that is missing",
    "EAPI:Rate limit exceeded": "wait, and give killcord a key of its own",
}


def lines(desk: Desk, book: Book) -> list[Line]:
    """State of the venue, key, permissions."""
    answer = desk.ask(ASKED[1]).body
    evidence = f"{ASKED[1]}, signed"
    if refusal := book.refusal(answer):
        return [
            _status(desk),
            wrong("credentials", f"refused: {refusal}", evidence, _ADVICE.get(refusal, "look it up in Kraken's pages")),
            unknown("permissions", "not asked", "the key was refused"),
            unknown("entitlement", "not asked", "the key was refused"),
        ]
    info = answer.at("result")
    has = {each.text for each in info.at("permissions").each()}
    return [
        _status(desk),
        right("credentials", "the key is accepted", evidence),
        _expiry(info),
        _permissions(has),
        _entitlement(has),
        unknown(
            "countdown",
            "whether one runs already, and who feeds it",
            "Kraken has nothing to read back: only an acknowledged feed tells",
            "let one guard feed the account; anybody with a trading key can switch the countdown off",
        ),
        *notes("not covered", NOT_COVERED, "docs/promises.md, Kraken"),
    ]


def _status(desk: Desk) -> Line:
    status = desk.ask(ASKED[0]).body.at("result", "status").text
    if status == "online":
        return right("venue", "online", ASKED[0])
    return wrong("venue", status or "it does not say whether it is online", ASKED[0], "wait until it is online again")


def _permissions(has: set[str]) -> Line:
    lacking = [f"{word} ({why})" for word, why in NEEDED.items() if word not in has]
    if lacking:
        advice = "tick them in the key's settings"
        return wrong("permissions", f"lacks {'; '.join(lacking)}", f"{ASKED[1]}: permissions", advice)
    if ORDERS not in has:
        finding = "may log in and read, but not create orders"
        advice = "enough for a guard beside a system with a key of its own; for orders tick Create & modify orders"
        return Line("permissions", Status.NOTE, finding, f"{ASKED[1]}: permissions", advice)
    return right("permissions", "may log in, read open orders and create orders", f"{ASKED[1]}: permissions")


def _entitlement(has: set[str]) -> Line:
    evidence = f"{ASKED[1]}: permissions; every account has the switch"
    if CLOSES in has or ORDERS in has:
        return right("entitlement", "may start the countdown and cancel", evidence)
    advice = "tick Cancel & close orders in the key's settings"
    return wrong("entitlement", f"neither {CLOSES} nor {ORDERS}: the countdown would be refused", evidence, advice)


def _expiry(info: Node) -> Line:
    until = info.at("valid_until").number
    evidence = f"{ASKED[1]}: valid_until"
    if until is None:
        return Line("key expiry", Status.UNKNOWN, "no date was told", evidence)
    if until == 0:
        return right("key expiry", "never", evidence)
    left_s = float(until) - time.time()
    if left_s > EXPIRES_SOON_S:
        return right("key expiry", f"in {left_s / 86_400:.0f} days", evidence)
    return wrong("key expiry", f"in {left_s / 86_400:.1f} days", evidence, "make another key before that day")


NOT_COVERED = (
    "Kraken Futures, which has an engine and a switch of its own",
    "anybody with a trading key can take the countdown off, and nothing tells until the next feed",
    "the countdown runs on through maintenance, and an armed one cancels everything when the engine returns",
)
