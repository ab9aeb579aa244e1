"""``python -m proof [folder ...]``: collects the runs, from other folders too, and writes the page; ``python -m proof page``:
the page alone, from the runs that are kept; ``python -m proof record <name> key=value ...``: writes a run.
"""

from __future__ import annotations

import sys
from pathlib import Path

from proof import claims, page, record, runs

PAGE = record.ROOT / "docs" / "proof.md"


def main(words: list[str]) -> int:
    """The exit status: 1 when a claim names what does not exist."""
    if words[:1] == ["record"]:
        print(record.write(words[1], dict(_figure(word) for word in words[2:])))
        return 0
    claimed = claims.read()
    wrong = list(claims.mistakes(claimed, record.ROOT))
    for mistake in wrong:
        print(f"claims.toml: {mistake}", file=sys.stderr)
    if wrong:
        return 1
    if words != ["page"]:
        runs.collect(claimed, [record.RUNS, *map(Path, words)])
    state, found = runs.load(claimed)
    PAGE.write_text(page.write(claimed, state, found), "utf-8")
    print(f"docs/proof.md: commit {state.commit}, {len(found)} of {len(claimed.sources)} runs")
    return 0


def _figure(word: str) -> tuple[str, object]:
    key, _, value = word.partition("=")
    try:
        return key, float(value) if "." in value else int(value)
    except ValueError:
        return key, value


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
