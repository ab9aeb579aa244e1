"""``killcord demo``: run as a shell runs it, and its judgement fed with what must not pass."""

from __future__ import annotations

import asyncio
import ctypes
import json
import math
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

import pytest
from stolen import Waits, stolen_ms

from killcord import Evidence, Phase, PhaseChanged, VenueName
from killcord.demo import board as boards
from killcord.demo import death as dying
from killcord.demo import promises, run, show
from killcord.demo.board import Board, NotShownError, is_held
from killcord.demo.hold import hold_gil
from killcord.demo.measure import answer_delays_ns, claims, latenesses_ns
from killcord.demo.parties import PARTIES, Party
from killcord.demo.promises import PROMISES, Promise, Stage, Unit
from killcord.demo.scene import now_ns
from killcord.sim import Exchange, JournalEntry, JournalKind

ROOT = Path(__file__).resolve().parents[2]
WALL_S_MAX = 60.0
"""What the demo promises to take at most, the start of the interpreter included."""


class Row(TypedDict):
    """What every row of the document has; its numbers have their unit in their name."""

    venue: str
    stage: str
    promise: str
    text: str
    time_factor: float
    held: bool
    detail: str


@dataclass(frozen=True)
class Shown:
    """A demo that ended."""

    ended: subprocess.CompletedProcess[str]
    took_s: float
    taken_ms: float
    """What this machine took from its network threads: the longest wait for a core, and what the host lent to others."""


@pytest.fixture(scope="module")
def finished() -> tuple[subprocess.CompletedProcess[str], float]:
    """The demo with how long it took; once more where this machine, not Python, made an answer late."""
    shown = demonstrated()
    if is_spoiled(json.loads(shown.ended.stdout)["rows"], shown.taken_ms):
        shown = demonstrated()
    return shown.ended, shown.took_s


def demonstrated() -> Shown:
    """The demo as a shell runs it."""
    began_s, before_ms = time.monotonic(), stolen_ms()
    command = [sys.executable, "-m", "killcord", "demo", "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    with process, Waits(process.pid) as waits:
        out, err = process.communicate(timeout=WALL_S_MAX + 30)
    ended = subprocess.CompletedProcess(command, process.returncode, out, err)
    return Shown(ended, time.monotonic() - began_s, stolen_ms() - before_ms + waits.longest_ms)


def is_spoiled(rows: list[dict[str, object]], taken_ms: float) -> bool:
    """Nothing but answers were late, by no more than was taken from this machine, and by far less than Python stood still (5 s).

    With seven builds on two cores, 52 to 157 ms were seen in 2 of 8 runs. An answer that waited for Python would be seconds
    late, and anything else that is not held is never run again.
    """
    broken = [row for row in rows if not row["held"]]
    return bool(broken) and all(is_a_little_late(row, min(taken_ms, 500)) for row in broken)


def is_a_little_late(row: dict[str, object], at_most_ms: float) -> bool:
    """An answer, later than promised and not later than that."""
    measured_ms = row.get("measured_ms")
    return row["promise"] == "latest_answer" and isinstance(measured_ms, float) and measured_ms <= at_most_ms


@pytest.mark.parametrize(
    ("late_ms", "taken_ms", "other_held", "spoiled"),
    [
        (84.0, 90.0, True, True),
        (84.0, 80.0, True, False),
        (84.0, 0.0, True, False),
        (600.0, 1000.0, True, False),
        (84.0, 90.0, False, False),
        (0.2, 90.0, True, False),
    ],
)
def test_only_a_late_answer_that_the_machine_explains_is_looked_at_again(
    late_ms: float, taken_ms: float, other_held: bool, spoiled: bool
) -> None:
    rows: list[dict[str, object]] = [
        {"promise": "latest_answer", "measured_ms": late_ms, "held": late_ms <= promises.ANSWER_MS},
        {"promise": "latest_answer", "measured_ms": 0.1, "held": True},
        {"promise": "first_cancel", "measured_ms": 20.0, "held": other_held},
    ]
    assert is_spoiled(rows, taken_ms) is spoiled


def test_every_promise_is_held_at_every_venue(finished: tuple[subprocess.CompletedProcess[str], float]) -> None:
    ended, took_s = finished
    document = json.loads(ended.stdout)
    rows: list[Row] = document["rows"]
    assert [(row["venue"], row["stage"], row["promise"], row["detail"]) for row in rows if not row["held"]] == []
    expected = {(party.name.value, each.stage.value, each.name) for party in PARTIES for each in PROMISES}
    assert {(row["venue"], row["stage"], row["promise"]) for row in rows} == expected
    assert len(rows) == len(expected)
    assert document["held"] is True
    assert ended.returncode == 0
    assert took_s < WALL_S_MAX


def test_every_number_names_its_unit_and_is_within_its_bound(
    finished: tuple[subprocess.CompletedProcess[str], float],
) -> None:
    units = {(each.stage.value, each.name): each.unit.value for each in PROMISES}
    for row in json.loads(finished[0].stdout)["rows"]:
        unit = units[row["stage"], row["promise"]]
        assert 0 <= row[f"measured_{unit}"] <= row[f"bound_{unit}"], row


def test_the_bounds_of_the_cut_are_the_published_exposures(
    finished: tuple[subprocess.CompletedProcess[str], float],
) -> None:
    rows = json.loads(finished[0].stdout)["rows"]
    begun = {row["venue"]: row["bound_ms"] for row in rows if row["promise"] == "dark_now"}
    assert begun == {"crypto_com": 50_000, "deribit": 24_100, "bybit": 71_000, "kraken": 62_000}
    for row in rows:
        if row["promise"] == "first_cancel":
            assert row["bound_ms"] == pytest.approx(begun[row["venue"]] * row["time_factor"])


def test_a_refusal_says_why_and_what_to_do(finished: tuple[subprocess.CompletedProcess[str], float]) -> None:
    rows: list[Row] = json.loads(finished[0].stdout)["rows"]
    said = {row["venue"]: row["detail"] for row in rows if row["stage"] == "arming_refused"}
    assert "enable trading" in said["crypto_com"]
    assert "trade:read_write" in said["deribit"]
    assert "ask Bybit" in said["bybit"]
    assert "Permission denied" in said["kraken"] and "give the key" in said["kraken"]


@pytest.mark.parametrize(
    ("measured", "bound"), [(50.001, 50.0), (None, 50.0), (1.0, None), (math.nan, 50.0), (math.inf, 50.0), (1, 0)]
)
def test_what_exceeds_its_bound_or_was_not_measured_was_not_held(measured: float | None, bound: float | None) -> None:
    assert not is_held(measured, bound)


def test_the_bound_itself_is_held() -> None:
    assert is_held(50.0, 50.0)
    assert is_held(0, 0)


def test_a_board_with_everything_held_ends_well() -> None:
    assert run.status(full_board()) == 0


@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: f"{promise.stage.value}-{promise.name}")
def test_one_broken_promise_is_enough_for_a_bad_end(promise: Promise) -> None:
    board = full_board()
    board.put(promise, VenueName.KRAKEN, 10.0, 10.1)
    assert run.status(board) == 1
    assert run.document(board, 1.0)["held"] is False


def test_a_row_that_is_missing_is_enough_for_a_bad_end() -> None:
    board = Board()
    for promise in PROMISES[:-1]:
        for party in PARTIES:
            board.put(promise, party.name, 1.0, 0.0)
    assert run.status(board) == 1


async def test_a_stage_that_goes_wrong_is_told_in_its_rows_and_the_next_one_begins(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def broken(board: Board) -> None:
        raise OSError("no more descriptors")

    async def works(board: Board) -> None:
        for promise in Stage.DEATH.promises:
            for party in PARTIES:
                board.put(promise, party.name, 1.0, 0.0)

    monkeypatch.setattr(run, "STAGES", ((Stage.CUT, broken), (Stage.DEATH, works)))
    board = Board()
    await run.perform(board)
    assert {row.detail for row in board.rows() if row.promise.stage is Stage.CUT} == {"no more descriptors"}
    assert all(row.held for row in board.rows() if row.promise.stage is Stage.DEATH)
    assert len(board.rows()) == len(PROMISES) * len(PARTIES)
    assert run.status(board) == 1


async def test_a_child_that_does_not_start_is_told_and_not_taken_for_a_kill(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dying, "CHILD", "killcord.demo.no_such_module")
    monkeypatch.setattr(run, "STAGES", ((Stage.DEATH, dying.death),))
    board = Board()
    await run.perform(board)
    told = {row.detail for row in board.rows() if row.promise.stage is Stage.DEATH}
    assert told == {"the child ended before its guards were armed"}
    assert not board.held


async def test_what_goes_wrong_at_one_venue_stops_nothing_at_the_others() -> None:
    async def work(party: Party) -> None:
        if party.name is VenueName.BYBIT:
            raise NotShownError("the venue recorded no tripped within 1.0 s")
        for promise in Stage.REFUSAL.promises:
            board.put(promise, party.name, 0, 0)

    board = Board()
    await boards.each(board, Stage.REFUSAL, work)
    held = {row.venue: row.held for row in board.rows()}
    assert held == {party.name: party.name is not VenueName.BYBIT for party in PARTIES}
    assert [row.detail for row in board.rows() if not row.held] == ["the venue recorded no tripped within 1.0 s"]


async def test_a_venue_that_never_comes_back_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boards, "EACH_S", 0.02)

    async def work(party: Party) -> None:
        await asyncio.Event().wait()

    board = Board()
    await boards.each(board, Stage.CUT, work)
    assert len(board.rows()) == len(Stage.CUT.promises) * len(PARTIES)
    assert not any(row.held for row in board.rows())


def test_a_heartbeat_without_an_answer_is_late_until_now() -> None:
    journal = [
        entry(1, JournalKind.HEARTBEAT, at_ns=100),
        entry(2, JournalKind.HEARTBEAT, at_ns=105),
        entry(1, JournalKind.LIFE_SIGN, at_ns=130),
        entry(1, JournalKind.HEARTBEAT, at_ns=200),
        entry(1, JournalKind.LIFE_SIGN, at_ns=900),
    ]
    assert answer_delays_ns(journal, until_ns=500) == [30, 395, 300]


def test_an_answer_on_another_connection_is_no_answer() -> None:
    journal = [entry(1, JournalKind.HEARTBEAT, at_ns=100), entry(2, JournalKind.LIFE_SIGN, at_ns=110)]
    assert answer_delays_ns(journal, until_ns=150) == [50]


def test_the_oldest_unanswered_heartbeat_counts() -> None:
    journal = [entry(1, JournalKind.HEARTBEAT, at_ns=at_ns) for at_ns in (100, 200)]
    assert answer_delays_ns([*journal, entry(1, JournalKind.LIFE_SIGN, at_ns=250)], until_ns=300) == [150]


def test_a_feed_that_stops_coming_is_late() -> None:
    assert latenesses_ns([0, 100], 100, until_ns=450) == [0, 250]


def test_every_time_it_was_called_armed_counts() -> None:
    def changed(before: Phase, after: Phase) -> PhaseChanged:
        return PhaseChanged(before, after, "", seq=1, at_ns=0, wall_ns=0, epoch=1)

    told = [
        changed(Phase.ARMING, Phase.ARMED),
        changed(Phase.ARMED, Phase.SUSPECT),
        changed(Phase.SUSPECT, Phase.DEGRADED),
        changed(Phase.DEGRADED, Phase.ARMED),
    ]
    assert claims(told) == 2


def test_holding_the_gil_stops_every_other_thread() -> None:
    since_ns, until_ns = hold_gil(0.2)
    assert until_ns - since_ns >= 200_000_000


def test_the_demos_clock_is_the_venues() -> None:
    with Exchange("kraken") as exchange:
        before_ns, venue_ns, after_ns = now_ns(), exchange.now_ns(), now_ns()
    assert before_ns <= venue_ns <= after_ns


def test_a_call_that_lets_the_gil_go_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "PyDLL", ctypes.CDLL)
    with pytest.raises(NotShownError, match="another thread of Python ran"):
        hold_gil(0.2)


def test_where_nobody_looks_each_finding_is_a_line_and_the_table_comes_last(capsys: pytest.CaptureFixture[str]) -> None:
    board = Board()
    with show.Show(board) as shown:
        board.enter(Stage.CUT)
        fill(board)
        board.put(promises.CUT_CANCEL, VenueName.DERIBIT, 4820.0, 5000.0)
    shown.conclude(30.2)
    said = capsys.readouterr().out
    assert "\x1b" not in said
    lines = said.splitlines()
    assert max(len(line.rstrip()) for line in lines) <= 120
    assert sum("NOT HELD" in line for line in lines) == 1
    assert any("NOT HELD" in line and "Deribit" in line and "5.00 s > 4.82 s" in line for line in lines)
    assert any(all(party.title in line for party in PARTIES) for line in lines)
    assert "1 of 52 promises were not held, in 30 s." in lines[-1]


def test_what_was_not_shown_is_explained_below_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    board = Board()
    for stage in Stage:
        board.fail(stage, VenueName.BYBIT, "the child would not start")
    fill(board, [party for party in PARTIES if party.name is not VenueName.BYBIT])
    with show.Show(board) as shown:
        pass
    shown.conclude(1.0)
    said = " ".join(capsys.readouterr().out.split())
    for stage in Stage:
        assert f"Bybit. {stage.title}: the child would not start" in said
    assert said.count("the child would not start") == len(Stage)
    assert "13 of 52 promises were not held" in said


def test_a_terminal_without_the_signs_gets_others() -> None:
    for encoding in ("ascii", "latin-1"):
        signs = show.Signs(encoding)
        text = signs.yes + signs.no + signs.waiting + signs.plain(show.INTRO) + signs.plain(show.NOTES)
        row = boards.Row(promises.LATE, VenueName.BYBIT, 50.0, 1.0)
        assert (text + signs.words(row)).encode(encoding)


def test_the_figures_are_those_of_the_page() -> None:
    page = (ROOT / "docs" / "promises.md").read_text("utf-8")
    section = page.split("## How quickly")[1].split("\n## ")[0]
    for figure in (promises.SUSPECT_MS, promises.DEAD_MS, promises.ARM_MS):
        assert f"| {figure / 1e3:g} s |" in section
    assert f"| {promises.ANSWER_MS:g} ms |" in section
    assert f"{promises.HOLD_OFF_MS[VenueName.CRYPTO_COM] / 1e3:g} s on Crypto.com" in section


def test_only_kraken_may_be_armed_without_a_read_back() -> None:
    weak = {party.name for party in PARTIES if party.evidence is not Evidence.READ_BACK}
    assert weak == {VenueName.KRAKEN}


def full_board() -> Board:
    """Everything held."""
    board = Board()
    fill(board)
    return board


def fill(board: Board, parties: list[Party] | None = None) -> None:
    """Everything held, at these venues."""
    for promise in PROMISES:
        bound = 0.0 if promise.unit is not Unit.MS else 1000.0
        for party in PARTIES if parties is None else parties:
            board.put(promise, party.name, bound, 0.0)


def entry(connection: int, kind: JournalKind, at_ns: int) -> JournalEntry:
    """A record of a venue."""
    return JournalEntry(0, at_ns, at_ns, "main", connection, kind, "")
