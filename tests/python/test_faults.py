"""The judgement of `make faults` can fail, a run of nothing is no success, and what its list names is there."""

from __future__ import annotations

import json
import struct
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from faults.__main__ import chosen, closing, is_worth_another_try, played, status
from faults.catalogue import catalogue
from faults.report import Report, document, lines, merged, read, table
from faults.scenario import Elsewhere, NotHere, Scenario
from faults.wire import checksum, refusal

from killcord import VenueName

ROOT = Path(__file__).resolve().parents[2]


def report() -> Report:
    """An empty one."""
    return Report("N00", "nothing")


def test_a_figure_is_held_by_its_worst_sample_and_never_without_one() -> None:
    said = report()
    said.take("kept", [1.0, 2.0], 2.0)
    said.take("missed", [1.0, 2.1], 2.0)
    said.take("empty", [], 2.0)
    said.take("nonsense", [float("nan")], 2.0)
    said.take("told", [7.0], None)
    assert [row.verdict for row in said.rows] == ["held", "missed", "missed", "missed", "reported"]


def test_what_must_never_be_is_not_proven_by_not_looking() -> None:
    said = report()
    said.never("seen", ["once"], of=9)
    said.never("not looked", [], of=0)
    said.never("clean", [], of=9)
    assert [row.verdict for row in said.rows] == ["missed", "missed", "held"]
    assert len(said.findings) == 2


def test_a_reason_makes_a_miss_admitted_and_hides_neither_figure_nor_missing_samples() -> None:
    said = report()
    said.take("slow", {VenueName.KRAKEN: [9.0], VenueName.BYBIT: [1.0]}, 5.0, note="because")
    said.take("none", [], 5.0, note="because")
    assert [row.verdict for row in said.rows] == ["admitted", "held", "missed"]
    assert any("9" in line and "because" in line for line in table(said.rows))


def test_skipped_is_no_success_and_a_miss_is_a_failure_beside_whatever_was_held() -> None:
    skipped, held, missed = report(), report(), report()
    skipped.skip("no root")
    held.take("kept", [1.0], 2.0)
    missed.take("late", [3.0], 2.0)
    assert status(skipped.rows) == 2
    assert status([]) == 2
    assert status([*skipped.rows, *held.rows]) == 0
    assert status([*skipped.rows, *held.rows, *missed.rows]) == 1
    assert "skipped: N00" in closing([*skipped.rows, *held.rows], [], 1.0)
    assert "NOTHING" in closing(skipped.rows, [], 1.0)


def test_a_scenario_that_breaks_off_is_missed_and_one_without_its_network_is_skipped() -> None:
    def breaks(said: Report, runs: int) -> None:
        raise OSError("no such thing")

    broken = Scenario("N00", "breaks", breaks, gate=False, needs_network=True)
    assert status(played(broken, 1, "").rows) == 1
    assert [row.skipped for row in played(broken, 1, "needs root").rows] == ["needs root"]


def test_only_times_are_measured_again() -> None:
    late, wrong = report(), report()
    late.take("late", [3.0], 2.0)
    wrong.take("late", [3.0], 2.0)
    wrong.never("false", ["once"], of=1)
    assert is_worth_another_try(late)
    assert not is_worth_another_try(wrong)


def test_what_was_found_is_kept_for_the_same_commit_only(tmp_path: Path) -> None:
    first, second = Report("A01", "first"), Report("B01", "second")
    first.take("one", [1.0], 2.0)
    second.take("two", [1.0], 2.0)
    path = tmp_path / "faults.jsonl"
    path.write_text(lines(first.rows, "abc"))
    assert [row.id for row in merged(second.rows, read(path, "abc"))] == ["A01", "B01"]
    assert read(path, "other") == []
    found = document(first.rows)["found"]
    assert json.loads(json.dumps(found))["A01"]["one"]["all"]["figure"] == 1.0


def test_every_line_says_how_it_is_played_and_every_test_it_names_is_there() -> None:
    entries = catalogue()
    assert {id[0] for id in entries} == set("NHPVATERSXZD")
    for entry in entries.values():
        match entry:
            case NotHere():
                assert entry.reason
            case Elsewhere():
                assert entry.pytest or entry.cargo, entry.id
                for node in entry.pytest:
                    path, _, name = node.partition("::")
                    if path.endswith(".py"):
                        text = (ROOT / "tests/python" / path).read_text()
                        assert not name or f"def {name.partition('[')[0]}(" in text, node
            case Scenario():
                assert entry.title
    assert [entry.id for entry in chosen(entries, "n07,P", gate=False)][0] == "N07"
    assert chosen(entries, "nothing", gate=False) == []


@pytest.mark.parametrize("how", ["reset", "icmp", "unreachable"])
def test_what_a_firewall_answers_has_correct_sums_and_goes_back(how: str) -> None:
    segment = struct.pack("!HHIIBBHHH", 4000, 443, 100, 200, 5 << 4, 0x18, 64, 0, 0) + b"hello"
    header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(segment), 0, 0, 64, 6, 0, bytes([10, 0, 0, 1]), bytes([10, 0, 0, 2]))
    answer = refusal(header + segment, how)
    assert answer is not None
    assert checksum(answer[:20]) == 0
    assert answer[12:20] == bytes([10, 0, 0, 2, 10, 0, 0, 1])
    if how == "reset":
        pseudo = answer[12:20] + struct.pack("!BBH", 0, 6, len(answer) - 20)
        assert checksum(pseudo + answer[20:]) == 0
        assert struct.unpack_from("!HHI", answer, 20) == (443, 4000, 200)
    else:
        assert checksum(answer[20:]) == 0
        assert answer[20:22] == bytes([3, 13 if how == "icmp" else 1])
