"""What Bybit can be asked without arming: bybit-exchange.github.io/docs/v5. Its query of disconnection protection is the
very read-back that a guard relies on.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from .._desk import Book, Desk, Node
from ..model import BybitProduct
from ..venues import Bybit
from .line import Line, Status, notes, right, unknown, wrong

ASKED = ("GET /v5/user/query-api", "GET /v5/account/query-dcp-info", "GET /v5/order/realtime")
"""Every private call made here."""
PERMISSIONS = {
    BybitProduct.SPOT: ("Spot", "SpotTrade"),
    BybitProduct.DERIVATIVES: ("ContractTrade", "Order"),
    BybitProduct.OPTIONS: ("Options", "OptionsTrade"),
}
"""Group and word that orders of a product need (v5/user/apikey-info)."""
EXPIRES_SOON = timedelta(days=14)
_ADVICE = {
    "10002": "set this machine's clock (NTP)",
    "10003": "check the key, and that it belongs to this environment: production, testnet and demo have their own",
    "10004": "check the secret",
    "10005": "give the key the permission that is missing",
    "10006": "too many requests: wait, and look for another program that uses this account",
    "10010": "add this machine's address to the key's list",
    "33004": "the key has expired: make another, bound to addresses so that it does not expire",
}


def lines(desk: Desk, book: Book) -> list[Line]:
    """Key, permissions, entitlement, window."""
    venue = desk.venue
    assert isinstance(venue, Bybit), "the desk is Bybit's"
    answer = desk.ask(ASKED[0]).body
    if refusal := book.refusal(answer):
        code = refusal.partition(" ")[0]
        advice = _ADVICE.get(code, "look the code up in Bybit's pages")
        return [
            wrong("credentials", f"refused: {refusal}", ASKED[0], advice),
            unknown("permissions", "not asked", "the key was refused"),
            unknown("entitlement", "not asked", "the key was refused"),
        ]
    info = answer.at("result")
    return [
        right("credentials", "the key is accepted", f"{ASKED[0]}, signed"),
        _expiry(info, datetime.now(timezone.utc)),
        _permissions(info, venue),
        *_entitlement(desk, book, venue),
        unknown(
            "other subscribers",
            "whether another connection holds the protection off",
            "Bybit cancels when all connections of the account with a dcp topic are gone, and none can be listed",
            "give the account one guard; killcord drill shows it when there is another",
        ),
        *notes("not covered", NOT_COVERED, "docs/promises.md, Bybit"),
    ]


def _permissions(info: Node, venue: Bybit) -> Line:
    if info.at("readOnly").text == "1":
        return wrong("permissions", "the key is read-only", f"{ASKED[0]}: readOnly", "make a key that may read and write")
    lacking = []
    for product in venue.products:
        group, word = PERMISSIONS[product]
        if word not in [each.text for each in info.at("permissions", group).each()]:
            lacking.append(f"{group}.{word} (for {product.value})")
    if lacking:
        advice = "give the key these permissions, or name only products it may trade: --product"
        return wrong("permissions", f"lacks {', '.join(lacking)}", f"{ASKED[0]}: permissions", advice)
    words = ", ".join(product.value for product in venue.products)
    return right("permissions", f"may trade {words}", f"{ASKED[0]}: permissions, readOnly")


def _expiry(info: Node, now: datetime) -> Line:
    text = info.at("expiredAt").text
    try:
        left = datetime.fromisoformat(text) - now
    except (ValueError, TypeError):
        return Line("key expiry", Status.UNKNOWN, "no date was told", f"{ASKED[0]}: expiredAt")
    if left > EXPIRES_SOON:
        return right("key expiry", f"in {left.days} days", f"{ASKED[0]}: expiredAt")
    advice = "bind the key to addresses, so that it does not expire, or make another before that day"
    return wrong("key expiry", f"on {text[:10]}", f"{ASKED[0]}: expiredAt", advice)


def _entitlement(desk: Desk, book: Book, venue: Bybit) -> list[Line]:
    answer = desk.ask(ASKED[1]).body
    if refusal := book.refusal(answer):
        return [wrong("entitlement", f"refused: {refusal}", ASKED[1], "ask your Bybit client manager about DCP")]
    windows = {row.at("product").text: row for row in answer.at("result", "dcpInfos").each()}
    off = [each.value for each in venue.products if windows.get(each.value, Node(None)).at("dcpStatus").text != "ON"]
    if off:
        advice = "disconnection protection is for institutional clients: ask your Bybit client manager to switch it on"
        return [wrong("entitlement", f"not switched on for {', '.join(off)}", ASKED[1], advice)]
    found = [right("entitlement", f"switched on for {', '.join(each.value for each in venue.products)}", ASKED[1])]
    windows_s = {each.value: windows[each.value].at("timeWindow").text for each in venue.products}
    differ = [f"{name} {window} s" for name, window in windows_s.items() if window != str(venue.window_s)]
    if differ:
        finding = f"in force: {', '.join(differ)}; asked for: {venue.window_s} s"
        advice = "a guard sets it for the whole account and waits 10 s until it is in force"
        return [*found, Line("window", Status.NOTE, finding, ASKED[1], advice)]
    return [*found, right("window", f"{venue.window_s} s, as asked for", ASKED[1])]


NOT_COVERED = (
    "products that were not asked for: each is switched on separately",
    "whether conditional, take-profit and one-cancels-other orders count is not published",
    "a drop shorter than the window cancels nothing",
)
