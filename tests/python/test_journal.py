"""The journal from Python: written by guards on real sockets, read whole or torn, shown by the shell command."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path

import pytest
from guarded import FACTOR, ORDER, Run, runner, venue_of

from killcord import ConfigError, Deribit, Guard, Journal, JournalLine, Json, Phase, StartFailed, TornLine, VenueName
from killcord._timeline import since_of
from killcord.journal import read, uncovered
from killcord.sim import Exchange

START_S = 1_795_176_000
"""2026-11-20T12:00:00Z."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "guard.journal"


@pytest.mark.parametrize("venue", VenueName)
def test_every_event_a_guard_told_is_in_the_journal_with_its_number(venue: VenueName, path: Path) -> None:
    with Exchange(venue, factor=FACTOR) as exchange:
        journal = Journal(path)
        guard = Guard(venue_of(exchange), journal=journal)
        guard.start()
        guard.wait_phase(Phase.ARMED, 20)
        guard.stop()
        told = [event.seq for event in guard.drain_events(4096)]
    assert journal.flush()
    lines = whole(path)
    assert [line.seq for line in lines if line.seq is not None] == told
    kinds = {line.kind for line in lines}
    assert {"opened", "dialling", "link_up", "step_done", "switch_armed", "permit", "let_go"} <= kinds
    assert {(line.venue, line.account) for line in lines if line.seq is not None} == {(venue.value, "desk")}


def test_no_secret_of_an_account_is_in_its_journal(path: Path) -> None:
    run: Run = runner("asyncio")
    with Exchange("deribit", factor=FACTOR) as exchange:
        account = exchange.add_account("canary")
        journal = Journal(path)

        async def trade() -> None:
            venue = Deribit(account.credentials, account="desk", custom=exchange.endpoints)
            async with Guard(venue, journal=journal) as guard:
                await guard.request(*ORDER)

        run(trade())
        assert journal.flush()
        text = path.read_text()
        assert len(text) > 1000
        for secret in (account.secret, account.key):
            raw = secret.encode()
            for form in (secret, raw.hex(), base64.b64encode(raw).decode().rstrip("=")):
                assert form not in text
                assert form[:12] not in text


def test_several_guards_share_a_journal_and_the_same_path_is_the_same_journal(path: Path) -> None:
    with Exchange("deribit", factor=FACTOR) as exchange:
        journal = Journal(path)
        guards = [Guard(venue_of(exchange), journal=journal), Guard(venue_of(exchange), journal=str(path))]
        for guard in guards:
            guard.start()
        for guard in guards:
            guard.wait_phase(Phase.ARMED, 20)
            guard.stop()
    assert journal.flush()
    assert [line.kind for line in whole(path)].count("opened") == 1
    assert [line.seq for line in whole(path)].count(1) == 2
    assert journal.lost == 0
    assert journal.error is None
    assert journal.written == sum(line.seq is not None for line in whole(path))


def test_what_a_program_told_at_its_very_end_is_in_the_journal(path: Path) -> None:
    code = """
import sys
from guarded import venue_of
from killcord import Guard, Phase
from killcord.sim import Exchange
exchange = Exchange("deribit", factor=0.1)
guard = Guard(venue_of(exchange), journal=sys.argv[1])
guard.start()
guard.wait_phase(Phase.ARMED, 20)
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])}
    subprocess.run([sys.executable, "-c", code, str(path)], check=True, timeout=60, env=environment)
    assert whole(path)[-1].fields.get("after") == "stopped" or "let_go" in [line.kind for line in whole(path)[-5:]]


def test_a_file_others_can_read_is_refused_when_the_guard_is_built(path: Path) -> None:
    path.touch(mode=0o644)
    with Exchange("deribit", factor=FACTOR) as exchange, pytest.raises(ConfigError, match="chmod 600") as refused:
        Guard(venue_of(exchange), journal=path)
    assert refused.value.field == "path"


def test_nonsense_is_refused_with_field_value_and_rule(path: Path) -> None:
    with pytest.raises(ConfigError, match="max_bytes = 5"):
        Journal(path, max_bytes=5)
    with pytest.raises(ConfigError, match="keep = -1"):
        Journal(path, keep=-1)
    with pytest.raises(ConfigError, match="queue"):
        Journal(path, queue=1 << 80)
    with pytest.raises(StartFailed, match="could not be opened"):
        Journal(path / "nowhere" / "journal")


def test_torn_and_foreign_lines_are_told_with_their_place_and_the_rest_is_read(path: Path) -> None:
    good = [line_of(number, "let_go", number) for number in (1, 2)]
    hostile = b"[" * 100_000 + b"\n"
    path.write_bytes(good[0] + b'{"v":1,"n":\n' + hostile + b"\xff\xfe\n" + b"{}\n" + b"null\n" + good[1] + b'{"v":1')
    found = list(read(path))
    assert [line.number for line in found if isinstance(line, JournalLine)] == [1, 2]
    torn = [(line.offset, line.length) for line in found if isinstance(line, TornLine)]
    assert torn[0] == (len(good[0]), 12)
    assert len(torn) == 6
    assert torn[-1][1] == 6


def test_files_put_aside_are_read_before_the_one_that_is_written(path: Path) -> None:
    for name, number in (("guard.journal.10", 1), ("guard.journal.2", 2), ("guard.journal.1", 3), ("guard.journal", 4)):
        path.with_name(name).write_bytes(line_of(number, "let_go", number))
    path.with_name("guard.journal.old").write_bytes(b"somebody else's\n")
    assert [line.number for line in whole(path)] == [1, 2, 3, 4]


def test_an_interval_is_uncovered_from_the_claim_withdrawn_to_the_next_claim(path: Path) -> None:
    path.write_bytes(
        opened(0)
        + phase(1, "arming", "armed")
        + phase(10, "armed", "connecting", "the link was lost")
        + phase(11, "connecting", "arming")
        + phase(12.5, "arming", "armed")
        + phase(20, "armed", "suspect")
        + phase(21, "suspect", "armed")
        + phase(30, "armed", "stopped", "ended on purpose")
    )
    closed, last = uncovered(read(path))
    assert (closed.seconds, closed.why, closed.account) == (2.5, "the link was lost", "desk")
    assert (last.end, last.why) == (None, "ended on purpose")


def test_a_process_that_was_killed_was_uncovered_from_its_last_line_on(path: Path) -> None:
    path.write_bytes(
        opened(0)
        + phase(1, "arming", "armed")
        + line_of(3, "fed", 5)
        + opened(60, boot="another")
        + phase(62, "arming", "armed", boot_s=2)
    )
    (gap,) = uncovered(read(path))
    assert (gap.seconds, gap.why) == (57.0, "the process ended without a word")


def test_the_command_shows_gaps_with_lengths_and_total(path: Path) -> None:
    away, back = phase(2, "armed", "tripped", "x"), phase(5, "arming", "armed")
    path.write_bytes(opened(0) + phase(1, "arming", "armed") + away + back)
    shown = killcord("journal", str(path), "--gaps")
    assert shown.returncode == 0
    assert "deribit/desk" in shown.stdout
    assert "3.000" in shown.stdout
    assert "1 interval, 3.000 s in all" in shown.stdout
    *gaps, total = [json.loads(line) for line in killcord("journal", str(path), "--gaps", "--json").stdout.splitlines()]
    assert (gaps[0]["seconds"], total["total_s"], total["events_lost"]) == (3.0, 3.0, 0)


def test_the_command_shows_a_timeline_from_a_time_on_and_raw_lines_for_programs(path: Path) -> None:
    path.write_bytes(opened(0) + phase(1, "arming", "armed") + phase(120, "armed", "tripped", "a\u001b[31mb"))
    shown = killcord("journal", str(path), "--since", "2026-11-20T12:01")
    assert shown.stdout.startswith("2026-11-20 12:02:00.000  deribit/desk")
    assert len(shown.stdout.splitlines()) == 1
    assert "\x1b" not in shown.stdout
    raw = killcord("journal", str(path), "--json").stdout.splitlines()
    assert [json.loads(line)["kind"] for line in raw] == ["opened", "phase_changed", "phase_changed"]


def test_the_command_says_in_one_line_what_it_cannot_do(path: Path) -> None:
    missing = killcord("journal", str(path))
    assert (missing.returncode, len(missing.stderr.splitlines())) == (2, 1)
    path.write_bytes(opened(0))
    odd = killcord("journal", str(path), "--since", "yesterday")
    assert odd.returncode == 2
    assert "10m" in odd.stderr


def test_a_reader_that_has_seen_enough_ends_the_command_without_a_word(path: Path) -> None:
    path.write_bytes(opened(0) + b"".join(line_of(number, "let_go", number) for number in range(2, 5000)))
    for options in ([], ["--json"]):
        command = [sys.executable, "-m", "killcord", "journal", str(path), *options]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            assert process.stdout.readline()
            process.stdout.close()
            assert process.stderr.read() == b""
            assert process.wait(30) == 1


def test_a_length_counts_back_from_now() -> None:
    now = datetime(2026, 11, 20, 12, tzinfo=timezone.utc)
    assert (now - since_of("10m", now)).total_seconds() == 600
    assert since_of("2026-11-20T13:00+01:00", now) == now


def whole(path: Path) -> list[JournalLine]:
    """What is read; nothing of it may be torn."""
    found = list(read(path))
    assert not any(isinstance(line, TornLine) for line in found)
    return [line for line in found if isinstance(line, JournalLine)]


def line_of(
    number: int, kind: str, at_s: float, fields: Mapping[str, Json] | None = None, boot_s: float | None = None
) -> bytes:
    """A line as the writer writes it."""
    wall = datetime.fromtimestamp(START_S + at_s, timezone.utc).isoformat().replace("+00:00", "Z")
    boot = int((at_s if boot_s is None else boot_s) * 1e9)
    own = kind == "opened"
    value = {
        "v": 1,
        "n": number,
        "guard": None if own else {"venue": "deribit", "account": "desk"},
        "epoch": None if own else 1,
        "seq": None if own else number,
        "boot_ns": boot,
        "mono_ns": boot,
        "wall": wall,
        "kind": kind,
        **(fields or {}),
    }
    return json.dumps(value).encode() + b"\n"


def opened(at_s: float, boot: str = "one") -> bytes:
    """The first line of a process."""
    return line_of(1, "opened", at_s, {"version": "0.1.0", "schema": 1, "pid": 1, "boot_id": boot})


def phase(at_s: float, before: str, after: str, why: str = "because", boot_s: float | None = None) -> bytes:
    """A change of phase."""
    claim = after in ("armed", "suspect")
    return line_of(2, "phase_changed", at_s, {"before": before, "after": after, "claim": claim, "why": why}, boot_s)


def killcord(*arguments: str) -> subprocess.CompletedProcess[str]:
    """As a shell runs it."""
    return subprocess.run(
        [sys.executable, "-m", "killcord", *arguments], capture_output=True, text=True, check=False, timeout=60
    )
