"""What is made of the outcomes of mutations, and the patches that build known hazards in."""

from __future__ import annotations

import pytest
from proof import known_bad, mutants
from proof.mutants import Outcomes, Survivor
from proof.record import ROOT

NAME = "src/parts/switch.rs:83:16: replace < with <= in Switch::expire"
VARIANTS = [known_bad.read(path) for path in sorted(known_bad.PATCHES.glob("*.patch"))]


def outcomes(*missed: str) -> Outcomes:
    """Of one file."""
    return Outcomes("src/parts/switch.rs", "abc", "", whole=True, of=dict.fromkeys(missed, mutants.MISSED))


def test_a_survivor_is_known_again_wherever_its_line_has_moved() -> None:
    """By file and change."""
    excused = Survivor("src/parts/switch.rs", "replace < with <= in Switch::expire", "equal")
    assert mutants.compare([outcomes(NAME)], [excused]) == ([], [])


def test_a_survivor_nobody_excused_and_an_excuse_nobody_needs_are_told() -> None:
    """A second one of the same name needs a second excuse; an excuse for a file that was not run is not judged."""
    excused = Survivor("src/parts/switch.rs", "replace < with <= in Switch::expire", "equal")
    again = NAME.replace(":83:", ":90:")
    assert mutants.compare([outcomes(NAME, again)], [excused])[0] == [again]
    assert mutants.compare([outcomes()], [excused])[1] == [excused]
    assert mutants.compare([], [excused]) == ([], [])


def test_every_excuse_has_a_reason_and_names_a_file_that_is_there() -> None:
    """A reason of a few words is none."""
    for survivor in mutants.survivors():
        assert (ROOT / survivor.path).is_file(), survivor
        assert len(survivor.reason.split()) > 5, survivor


def test_what_does_not_build_was_not_tried() -> None:
    """Counted apart."""
    of = {"a": mutants.CAUGHT, "b": mutants.UNVIABLE, "c": mutants.TIMEOUT, "d": mutants.MISSED}
    counts = mutants.count([Outcomes("x", "abc", "", whole=True, of=of)])
    assert (counts["tried"], counts["caught"], counts["timeout"], counts["missed"], counts["unviable"]) == (3, 1, 1, 1, 1)


def test_there_are_enough_known_hazards() -> None:
    """And each has a name of its own in words."""
    assert len(VARIANTS) >= 12
    assert all(variant.hazards and variant.what and variant.tests for variant in VARIANTS)


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)
def test_the_tests_that_must_notice_a_hazard_are_there(variant: known_bad.Variant) -> None:
    """By their last name, in the Rust sources."""
    sources = "\n".join(path.read_text("utf-8") for folder in ("src", "tests/rust") for path in (ROOT / folder).rglob("*.rs"))
    for test in variant.tests:
        assert f"fn {test.rsplit('::', 1)[-1]}()" in sources, test
