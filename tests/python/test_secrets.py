"""Keys and secrets go into every scenario, and every output of each is searched for them, in any spelling: events, snapshots,
messages, errors with the locals of their tracebacks, the journal, the service, the commands, and what is wrong with a file.

Cores and the files of processes that die are searched in ``exits``, TRACE lines of a Rust program in ``tests/rust/logging.rs``.
Writes ``target/proof/secrets.json``: how many outputs, how many bytes, and how many secrets were in them.
"""

from __future__ import annotations

import copy
import dataclasses
import json
import logging
import pickle
import subprocess
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from exits.row import spellings
from guarded import FACTOR, venue_of
from resting import ORDER
from serviced import PATIENCE_S, Desk, Told, desk as make_desk, running

from killcord import Credentials, Guard, Journal, KillcordError, Phase, Venue, VenueName
from killcord.daemon.client import Call
from killcord.settings import Settings
from killcord.sim import Exchange

ROOT = Path(__file__).resolve().parents[2]
VENUES = pytest.mark.parametrize("name", VenueName, ids=lambda venue: venue.value)
#: Answers to logins hold these; no output of killcord's does, in whatever form.
NAMES_OF_SECRETS = [b"access_token", b"refresh_token", b"client_secret", b'"sig"', b"API-Sign", b"X-BAPI-SIGN"]


class Outputs:
    """What was said, by where it was said."""

    def __init__(self) -> None:
        self.searched = 0
        self.bytes = 0
        self.found: list[str] = []

    def search(self, accounts: list[Any], **said: object) -> None:
        """Looks for the accounts' keys and secrets in each of these; anything is searched as ``str`` and as ``repr``."""
        secrets = [text for account in accounts for text in (account.secret, account.key)]
        wanted = spellings(secrets) + NAMES_OF_SECRETS
        for where, what in said.items():
            content = what if isinstance(what, bytes) else f"{what}\n{what!r}".encode()
            self.searched += 1
            self.bytes += len(content)
            self.found += [where for each in wanted if each in content]
        assert not self.found, self.found


@pytest.fixture(scope="module")
def outputs() -> Iterator[Outputs]:
    collected = Outputs()
    yield collected
    proof = ROOT / "target" / "proof" / "secrets.json"
    proof.parent.mkdir(parents=True, exist_ok=True)
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False)
    figures = {"outputs_searched": collected.searched, "bytes_searched": collected.bytes, "secrets_found": len(collected.found)}
    proof.write_text(json.dumps({**figures, "commit": commit.stdout.strip()}) + "\n")


@VENUES
def test_in_a_day_of_a_guard(
    name: VenueName, outputs: Outputs, tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    with Exchange(name, factor=FACTOR) as exchange:
        journal = Journal(tmp_path / "journal")
        guard = Guard(venue_of(exchange), journal=journal)
        said = a_day_of(guard, exchange)
        assert journal.flush()
        accounts = [exchange.account]
    assert "KillEnded" in said["events"] and "LinkLost" in said["events"]
    logged = capfd.readouterr()
    said |= {"journal": (tmp_path / "journal").read_bytes(), "log": caplog.text, "stdout": logged.out, "stderr": logged.err}
    assert len(said["journal"]) > 1000
    outputs.search(accounts, **said)


@VENUES
def test_in_errors_with_the_locals_of_their_tracebacks(name: VenueName, outputs: Outputs) -> None:
    with Exchange(name, factor=FACTOR, accounts=["desk", "other"]) as exchange:
        other = exchange.add_account("other")
        wrong = Credentials.values(key=exchange.account.key, secret=other.secret)
        kinds = {type(venue_of(exchange)): venue_of(exchange)}
        (kind,) = kinds
        refused = kind(wrong, account="desk", custom=exchange.endpoints)
        said = {
            "wrong_secret": caught(lambda: armed(refused)),
            "not_started": caught(lambda: Guard(venue_of(exchange)).request_blocking("x")),
            "not_a_method": caught(lambda: with_armed(venue_of(exchange), lambda guard: guard.request_blocking("no/such", "[1,"))),
            "pickled": caught(lambda: pickle.dumps(exchange.credentials)),
            "copied": caught(lambda: copy.deepcopy(exchange.credentials)),
            "bad_lease": caught(lambda: with_armed(venue_of(exchange), lambda guard: guard.lease("", budget_s=-1.0))),
        }
        exchange.refuse_dials()
        said["unreachable"] = caught(lambda: armed(venue_of(exchange), timeout_s=0.5))
        accounts = [exchange.account, other]
    outputs.search(accounts, **said)


def test_in_the_service_its_socket_and_its_commands(outputs: Outputs) -> None:
    with make_desk() as desk:
        told = Told(desk.folder)
        venues = [Exchange(name, factor=FACTOR) for name in VenueName]
        journal = desk.folder / "journal"
        try:
            desk.write(f'journal = "{journal}"\n')
            for venue in venues:
                desk.account(venue.venue.value, venue)
            desk.environment["RUST_LOG"] = "trace"
            with running(desk, told) as service:
                said = commands(desk)
            said |= {"stderr": (service.stderr and not service.stderr.closed and service.stderr.read()) or "", "notified": told.heard}
            said["journal"] = b"".join(path.read_bytes() for path in desk.folder.glob("journal*"))
            said["lines"] = desk.process("status").stdout
            outputs.search([venue.account for venue in venues], **said)
        finally:
            told.close()
            for venue in venues:
                venue.stop()


@VENUES
def test_in_check_right_wrong_and_out_of_reach(name: VenueName, outputs: Outputs) -> None:
    with make_desk() as desk, Exchange(name, factor=FACTOR) as exchange:
        other = exchange.add_account("other")
        desk.account("desk", exchange)
        right = desk.command("check", "--json")
        table = desk.command("check")
        key_file = desk.folder / "desk.key"
        key_file.write_text(f"KEY={exchange.account.key}\nSECRET={other.secret}\n")
        wrong = desk.command("check", "--json")
        exchange.refuse_dials()
        away = desk.command("check")
        assert [right.exit_code, wrong.exit_code] == [0, 1], right.output + wrong.output
        said = {"right": right.output, "table": table.output, "wrong": wrong.output, "away": away.output}
        outputs.search([exchange.account, other], **said)


def test_in_what_is_wrong_with_a_file(outputs: Outputs, tmp_path: Path) -> None:
    with Exchange("deribit") as exchange:
        secret, key = exchange.account.secret, exchange.account.key
        places = [
            f'credentials = "{secret}"',
            f'credentials = {{ key = "{key}", secret = "{secret}" }}',
            f'credentials = {{ env = "{secret}" }}',
            f'credentials = {{ file = "{secret}" }}',
            f'credentials = {{ env = "X" }}\nsecret = "{secret}"',
            f'credentials = {{ env = "X" }}\nheartbeat_s = "{secret}"',
            f'credentials = {{ env = "X" }}\n"{secret}" = 1',
            f'credentials = {{ env = "X" }}\nsecret = {secret}',
            f'credentials = {{ env = "X" }}\n[{secret}',
        ]
        files = [f"KEY={key}\nSECRET\n{secret}", f'{{"key": "{key}", "secret": "{secret}"', f"{secret}\n", f"SECRET={secret}\n"]
        said = {}
        for number, place in enumerate(places):
            path = tmp_path / f"{number}.toml"
            path.write_text(f'[[account]]\nname = "desk"\nvenue = "deribit"\n{place}\n')
            path.chmod(0o600)
            # Without locals: the frames that read a file hold what stands in it, wherever in it that is.
            said[f"toml_{number}"] = caught(lambda path=path: Settings.read(path).venues(), with_locals=False)  # type: ignore[misc]
        for number, content in enumerate(files):
            path = tmp_path / f"{number}.key"
            path.write_text(content)
            path.chmod(0o600)
            said[f"key_file_{number}"] = caught(lambda path=path: Credentials.from_file(path))  # type: ignore[misc]
        outputs.search([exchange.account], **said)


def test_what_the_search_would_find() -> None:
    with Exchange("kraken") as exchange:
        account = exchange.account
        for spelling in [*spellings([account.secret]), account.key.encode(), b'{"access_token": 1}']:
            with pytest.raises(AssertionError, match="somewhere"):
                Outputs().search([account], somewhere=b"before " + spelling + b" after")

        def leaks() -> None:
            held = account.secret
            raise KillcordError(f"{len(held)} characters")

        with pytest.raises(AssertionError, match="locals"):
            Outputs().search([account], locals=caught(leaks))


def a_day_of(guard: Guard, exchange: Exchange) -> dict[str, Any]:
    """Armed, an order, a refusal, a cut, armed again, a kill, the end."""
    method, params = ORDER[exchange.venue]
    guard.start()
    try:
        guard.wait_phase(Phase.ARMED, PATIENCE_S)
        said: dict[str, Any] = {"armed": guard.snapshot, "reply": guard.request_blocking(method, params, timeout_s=5)}
        lease = guard.lease("strategy", budget_s=5.0)
        lease.renew(1)
        said["lease"] = lease
        lease.close("searched")
        exchange.reset()
        with pytest.raises(KillcordError) as latched:
            while True:
                guard.request_blocking(method, params, timeout_s=5)
        said["latched"] = "".join(traceback.TracebackException.from_exception(latched.value, capture_locals=True).format())
        guard.rearm(acknowledge="seen")
        guard.wait_phase(Phase.ARMED, PATIENCE_S)
        said["report"] = guard.kill_blocking("the end of a day")
    finally:
        guard.stop()
    events = guard.drain_events(10_000)
    said["messages"] = guard.drain_messages(10_000)
    said["events"] = repr(events) + "".join(str(dataclasses.asdict(event)) for event in events)
    said |= {"guard": guard, "venue": guard.venue, "policy": guard.policy, "ended": guard.snapshot}
    said["credentials"] = exchange.credentials
    return said


def commands(desk: Desk) -> dict[str, Any]:
    """What a running service says, on its socket and by every command."""
    with Call(desk.socket) as call:
        said: dict[str, Any] = {"socket": call.ask({"do": "status"}, PATIENCE_S), "unknown": refusal_of(desk, {"do": "no such"})}
    for words in (["status"], ["status", "--json"], ["kill", "--reason", "a search", "--json"]):
        done = desk.process(*words)
        said[f"{'_'.join(words)}_{len(said)}"] = done.stdout + done.stderr
        assert done.stdout, done.stderr
    return said


def refusal_of(desk: Desk, question: dict[str, Any]) -> str:
    with Call(desk.socket) as call:
        return caught(lambda: call.ask(question, PATIENCE_S))


def caught(call: Callable[[], object], with_locals: bool = True) -> str:
    """The error that is raised, as everybody might print it: message, fields, traceback with locals, causes."""
    try:
        got = call()
    except Exception as error:
        lines = traceback.TracebackException.from_exception(error, capture_locals=with_locals).format()
        return "\n".join([str(error), repr(error), repr(getattr(error, "__dict__", "")), repr(error.args), *lines])
    return repr(got)


def armed(venue: Venue, timeout_s: float = PATIENCE_S) -> object:
    return with_armed(venue, lambda guard: guard.snapshot, timeout_s)


def with_armed(venue: Venue, work: Callable[[Guard], object], timeout_s: float = PATIENCE_S) -> object:
    guard = Guard(venue)
    guard.start()
    try:
        wanted = (Phase.ARMED, Phase.REFUSED)
        state = guard.wait_phase(wanted, timeout_s)
        if state.last_error is not None:
            raise state.last_error
        return work(guard)
    finally:
        guard.stop()


