"""Every console session in the documents is run, and says what the page says it says."""

from __future__ import annotations

import doctest
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = [page for page in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))) if ">>>" in page.read_text("utf-8")]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_console_session_in_a_document_does_what_it_says(page: Path) -> None:
    """Compared line by line."""
    assert doctest.testfile(str(page), module_relative=False, encoding="utf-8").failed == 0


def test_there_are_sessions_to_run() -> None:
    """A check over no pages would pass."""
    assert "testing.md" in {page.name for page in PAGES}
