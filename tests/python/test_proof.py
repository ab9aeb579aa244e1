"""The page of proof: made from the runs beside it and from nothing else, and it never calls a pass what is not one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from proof import claims, page, record, runs
from proof.claims import Claims, Part, Source, Target
from proof.page import Verdict
from proof.runs import Run

CLAIMED = claims.read()


def test_the_page_is_what_the_generator_makes_of_the_runs_beside_it() -> None:
    """To mend it: ``make proof-page``."""
    state, found = runs.load(CLAIMED)
    assert (record.ROOT / "docs" / "proof.md").read_text("utf-8") == page.write(CLAIMED, state, found)


def test_every_claim_names_tests_and_runs_that_exist() -> None:
    """A name that was changed is found here."""
    assert list(claims.mistakes(CLAIMED, record.ROOT)) == []


def test_every_invariant_is_there_with_tests_and_a_command() -> None:
    """I1 to I16, in order."""
    assert [each.id for each in CLAIMED.invariants] == [f"I{number}" for number in range(1, 17)]
    assert all(each.tests and each.commands for each in CLAIMED.invariants)


def test_a_claim_about_nothing_is_found(tmp_path: Path) -> None:
    """A test that does not exist, a source that does not, a bound that is missing."""
    (tmp_path / "a.rs").write_text("fn there() {}\n    listed: KRAKEN 3,\n", "utf-8")
    assert claims.exists("a.rs::there", tmp_path)
    assert claims.exists("a.rs::listed", tmp_path)
    assert not claims.exists("a.rs::ther", tmp_path)
    assert not claims.exists("b.rs::there", tmp_path)
    wrong = Claims((), (Target("t", "0", "", "", (Part("x", "nobody", "k"),)),), ())
    assert len(list(claims.mistakes(wrong, tmp_path))) == 2


@pytest.mark.parametrize(
    ("changed", "value", "verdict"),
    [(0, 1.0, Verdict.HELD), (0, 3.0, Verdict.MISSED), (2, 1.0, Verdict.EARLIER), (-1, 1.0, Verdict.EARLIER), (2, 3.0, Verdict.MISSED)],
)
def test_a_figure_is_held_only_at_this_commit(changed: int, value: float, verdict: Verdict) -> None:
    """A figure of another commit, or of a tree that is none, is never a pass."""
    run = Run("some", "abc", changed, {"late_ms": value})
    assert page.judge(Part("late", "some", "late_ms", at_most=2), {"some": run})[0] is verdict


def test_a_run_that_was_too_small_is_not_called_a_miss_and_not_a_pass() -> None:
    """Nothing wrong in a tenth of the hours proves a tenth."""
    part = Part("hours", "some", "hours", at_least=10)
    assert page.judge(part, {"some": Run("some", "abc", 0, {"hours": 1.0})})[0] is Verdict.TOO_FEW
    assert page.judge(part, {"some": Run("some", "abc", 0, {"hours": 10.0})})[0] is Verdict.HELD


def test_what_was_not_run_or_not_measured_is_not_run() -> None:
    """Neither a missing file nor a missing figure is a pass."""
    part = Part("late", "some", "late_ms", at_most=2)
    assert page.judge(part, {})[0] is Verdict.NOT_RUN
    assert page.judge(part, {"some": Run("some", "abc", 0, {})})[0] is Verdict.NOT_RUN
    assert not part.holds(float("nan"))


def test_a_row_is_as_good_as_its_worst_part() -> None:
    """One miss is a miss, and no part at all is nothing."""
    assert page.worst([Verdict.HELD, Verdict.MISSED, Verdict.NOT_RUN]) is Verdict.MISSED
    assert page.worst([Verdict.HELD, Verdict.EARLIER]) is Verdict.EARLIER
    assert page.worst([]) is Verdict.NOT_RUN


def test_figures_are_found_by_path_name_and_pattern() -> None:
    """Lists of named things, and which of several counts."""
    figures = runs.flat({"commit": "abc", "n": 2, "ok": True, "figures": [{"name": "a", "max": 1.5}, {"name": "b", "max": 2}]})
    run = Run("some", "abc", 0, figures)
    assert (runs.find(run, "n", "max"), runs.find(run, "ok", "max")) == (2.0, 1.0)
    assert [runs.find(run, "figures.*.max", take) for take in ("max", "min", "sum")] == [2.0, 1.5, 3.5]
    assert runs.find(run, "commit", "max") is None


def test_a_run_that_does_not_say_its_commit_speaks_of_none() -> None:
    """Nor does one of a tree with changes in it, nor of a commit nobody has."""
    source = Source("some", "make some", "", ())
    assert [runs.changed_since(at, source) for at in ("", "abc-dirty", "0" * 40)] == [-1, -1, -1]


def test_a_run_is_written_whole_with_its_commit_and_collected(tmp_path: Path) -> None:
    """From the run to the page's own copy."""
    written = record.write("fuzz", {"crashes": 0}, tmp_path / "runs")
    assert json.loads(written.read_text("utf-8")).keys() == {"commit", "crashes"}
    runs.collect(CLAIMED, [tmp_path / "runs"], tmp_path / "kept")
    state, found = runs.load(CLAIMED, tmp_path / "kept")
    assert list(found) == ["fuzz"]
    assert "fuzz.json" in page.write(CLAIMED, state, found)
