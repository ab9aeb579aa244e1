"""What Crypto.com can be asked without arming: exchange-docs.crypto.com/exchange/v1/rest-ws. It has no call that lists a
key's permissions, and its switch can be asked about on a logged-in websocket only.
"""

from __future__ import annotations

from .._desk import Book, Desk
from .line import Line, notes, right, unknown, wrong

ASKED = ("private/get-open-orders",)
"""Every private call made here."""
_READ = "private/get-open-orders, signed"
_ADVICE = {
    "40101": "check key and secret, that they belong to this environment (UAT has its own), and that reading is allowed",
    "40102": "set this machine's clock: a nonce may be 60 s off",
    "40103": "add this machine's address to the key's list",
    "40104": "the account's tier may not use this; ask Crypto.com",
    "42901": "too many requests: wait, and look for another program that uses this key",
}


def lines(desk: Desk, book: Book) -> list[Line]:
    """Key, permissions, entitlement."""
    refusal = book.refusal(desk.ask(ASKED[0]).body)
    if refusal:
        code = refusal.partition(" ")[0]
        return [
            wrong("credentials", f"refused: {refusal}", _READ, _ADVICE.get(code, "look the code up in Crypto.com's pages")),
            unknown("permissions", "not asked", "the key was refused"),
        ]
    arm = "killcord check --arm shows whether the switch may be set; killcord drill shows an order too"
    return [
        right("credentials", "the key is accepted and may read orders", _READ),
        unknown("permissions", "whether the key may trade", "no published call tells a key's permissions", arm),
        unknown("entitlement", "whether the switch can be set", "it can be asked on a logged-in link only", arm),
        *notes("not covered", NOT_COVERED, "docs/promises.md, Crypto.com"),
    ]


NOT_COVERED = (
    "orders sent over HTTP, from other connections, from the website or before the switch was set",
    "advanced orders (OCO, OTO, triggers), which live in a namespace of their own",
    "nothing tells that the switch fired: read the open orders after every reconnect",
)
