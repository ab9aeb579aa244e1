"""What Deribit can be asked without arming: docs.deribit.com. A login over HTTP says what a key may do, and starts nothing."""

from __future__ import annotations

from .._desk import Book, Desk
from ..model import Environment
from .line import Line, Status, notes, right, unknown, wrong

ASKED = ("public/auth", "public/status", "private/get_open_orders")
"""Every call made here but for the time."""
SCOPES = {
    "account:read_write": "to set and read back cancel-on-disconnect",
    "trade:read_write": "to send and cancel orders",
}
_ADVICE = {
    "13004": "check client id and secret, and that they belong to this environment (test.deribit.com has its own)",
    "13009": "the signature or its time was not accepted: check the secret and this machine's clock",
    "10028": "too many requests: wait, and look for another program that uses this account",
    "11051": "Deribit is in maintenance: try again later",
}


def lines(desk: Desk, book: Book) -> list[Line]:
    """State of the platform, key, scopes, environment."""
    login = desk.ask(ASKED[0]).body
    evidence = "public/auth over HTTP, signed: the scope it granted"
    if refusal := book.refusal(login):
        code = refusal.partition(" ")[0]
        return [
            _status(desk),
            wrong("credentials", f"refused: {refusal}", evidence, _ADVICE.get(code, "look the code up in Deribit's pages")),
            unknown("permissions", "not asked", "the login was refused"),
        ]
    granted = login.at("result", "scope").text.split()
    lacking = [scope for scope in SCOPES if scope not in granted]
    found = [_status(desk), right("credentials", "the key is accepted", evidence), *_environment(desk, login.at("testnet").value)]
    for name, scope in (("permissions", "trade:read_write"), ("entitlement", "account:read_write")):
        if scope in lacking:
            advice = f"give the key {scope}: it is needed {SCOPES[scope]}"
            found.append(wrong(name, f"{scope} was not granted", evidence, advice))
        else:
            found.append(right(name, f"{scope} was granted, {SCOPES[scope]}", evidence))
    return [*found, *notes("not covered", NOT_COVERED, "docs/promises.md, Deribit")]


def _environment(desk: Desk, testnet: object) -> list[Line]:
    """Whether the answer came from where it should."""
    wanted = {Environment.PRODUCTION: False, Environment.TEST: True, Environment.CUSTOM: None}[desk.venue.environment]
    if wanted is None or not isinstance(testnet, bool):
        return []
    said = "the test environment" if testnet else "production"
    if testnet is wanted:
        return [right("environment", f"{said} answered", "the field testnet of its answers")]
    return [wrong("environment", f"{said} answered", "the field testnet of its answers", "check the address")]


def _status(desk: Desk) -> Line:
    locked = desk.ask(ASKED[1]).body.at("result", "locked").text
    if locked == "false":
        return right("venue", "no currency is locked", ASKED[1])
    if not locked:
        return Line("venue", Status.UNKNOWN, "it does not say whether it is locked", ASKED[1])
    return wrong("venue", f"locked: {locked}", ASKED[1], "orders are refused meanwhile: wait")


NOT_COVERED = (
    "orders of other connections, whatever the scope",
    "whether trigger orders, linked orders and orders edited across connections count is not published",
    "private/logout keeps the orders: it is never sent but by a farewell",
)
