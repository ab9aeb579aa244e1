"""Makes what people look at of what ``side_by_side.py`` wrote: the table on the front page, the tables in
``benches/README.md``, and the plot. Between the markers nothing is typed by hand.

    python benches/render.py benches/results.json
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
BEGIN, END = "<!-- bench:begin -->", "<!-- bench:end -->"
Row = dict[str, Any]
FRONT = (
    ("heartbeat answered, busy wire", "answer, 2 kHz"),
    ("heartbeat answered, sparse", "answer, 100 Hz"),
    ("the same while a C call holds the GIL 50 ms", "answer, C call holds the GIL 50 ms"),
    ("order call to arrival", "order call to arrival"),
    ("message to Python callback", "message to Python callback"),
)
FRONT_CLIENTS = (
    "killcord", "killcord, spinning", "picows + uvloop", "aiohttp + uvloop", "websockets + uvloop", "nautilus_trader", "C, blocking"
)
PLOTTED = ("answer, 2 kHz", "answer, 100 Hz", "answer, C call holds the GIL 50 ms")


def main() -> None:
    """Rewrites the documents in place."""
    source = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "benches" / "results.json"
    report = json.loads(source.read_text())
    rows = report["results"]
    (ROOT / "benches" / "latency.svg").write_text(plot(rows))
    replace(ROOT / "README.md", front(rows) + ["", provenance(report)])
    replace(ROOT / "benches" / "README.md", full(report))


def replace(path: Path, lines: Iterable[str]) -> None:
    """Puts lines between the markers of a document."""
    before, rest = path.read_text().split(BEGIN, 1)
    after = rest.split(END, 1)[1]
    path.write_text("\n".join([f"{before}{BEGIN}", *lines, f"{END}{after}"]))


def front(rows: list[Row]) -> list[str]:
    """One column per client, p50 / p99 in each cell."""
    clients = [client for client in FRONT_CLIENTS if any(row["client"] == client for row in rows)]
    lines = ["| p50 / p99, microseconds | " + " | ".join(clients) + " |", "|---" * (len(clients) + 1) + "|"]
    for words, scenario in FRONT:
        found = {row["client"]: row for row in rows if row["scenario"] == scenario}
        cells = [f"{number(found[each]['p50'])} / {number(found[each]['p99'])}" if each in found else "–" for each in clients]
        lines.append(f"| {words} | " + " | ".join(cells) + " |")
    return lines


def provenance(report: Row) -> str:
    """What the figures belong to."""
    machine = report["machine"]
    others = sum(row["others_s"] for row in report["results"]) / sum(row["runs"] for row in report["results"])
    return (
        f"{machine['processor']}, {machine['cores']} cores, Linux {machine['kernel']}, Python {machine['python']}, commit "
        f"`{machine['commit']}`, {machine['date']}, {report['rounds']} rounds; other programs used {others:.1f} s of processor time during each run of about 3.5 s. Plaintext on loopback, the peer and the client on a core each (both cores "
        "for the client while Python is busy). Method, every client and all percentiles: [benches/README.md](benches/README.md)."
    )


def full(report: Row) -> list[str]:
    """A table for each scenario, and what single calls cost."""
    lines = [provenance(report).replace(" Method, every client and all percentiles: [benches/README.md](benches/README.md).", "")]
    scenarios = list(dict.fromkeys(row["scenario"] for row in report["results"]))
    for scenario in scenarios:
        lines += ["", f"### {scenario[0].upper()}{scenario[1:]}", "", HEAD, "|---" * 11 + "|"]
        rows = [row for row in report["results"] if row["scenario"] == scenario]
        lines += [line_of(row) for row in sorted(rows, key=lambda row: row["p50"])]
    lines += ["", "![p50 to p99 of each client](latency.svg)"]
    lines += returns(report["results"])
    if report["calls"]:
        lines += ["", "### Single calls", "", "| call | ns |", "|---|---|"]
        lines += [f"| `{name.removesuffix('_ns')}` | {value:.0f} |" for name, value in report["calls"].items()]
    return lines


def returns(rows: list[Row]) -> list[str]:
    """How those that arm come back after a loss."""
    silent = [row for row in rows if "dead_p50" in row]
    lines = [f"\n{row['client']} suspects first (above), and is sure after {number(row['dead_p50'])}." for row in silent]
    back = [row for row in rows if "armed_p50" in row]
    if not back:
        return lines
    lines += ["", "### Back after a loss, p50", "", "| client | after | next connection | login to arming |", "|---|---|---|---|"]
    for row in back:
        cells = [row["client"], row["scenario"].split()[0], number(row["dialled_p50"]), number(row["armed_p50"])]
        lines.append("| " + " | ".join(cells) + " |")
    return lines


HEAD = "| client | p50 | p90 | p99 | p99.9 | max | p50 of the runs | ratio p50 | ratio p99 | samples (runs) | lost |"


def line_of(row: Row) -> str:
    """One client in one scenario."""
    spread = f"{number(row['p50_of_runs'][0])}–{number(row['p50_of_runs'][1])}"
    cells = [number(row[name]) for name in ("p50", "p90", "p99", "p99.9", "max")]
    ratios = [f"{row[name]:.2f}" if name in row else "–" for name in ("ratio_p50", "ratio_p99")]
    counted = f"{row['samples']} ({row['runs']})"
    return "| " + " | ".join([row["client"], *cells, spread, *ratios, counted, str(row["lost"])]) + " |"


def number(value: float) -> str:
    """Three digits are enough, thousands apart."""
    return f"{value:.1f}" if value < 10 else f"{value:,.0f}"


def plot(rows: list[Row]) -> str:
    """For every client a bar from p50 to p99 on a logarithmic axis, one panel per scenario."""
    parts, top = [], 10
    for scenario in PLOTTED:
        mine = sorted((row for row in rows if row["scenario"] == scenario), key=lambda row: row["p50"])
        if mine:
            parts.append(panel(scenario, mine, top))
            top += 58 + 20 * len(mine)
    style = "text{font:12px sans-serif;fill:#333}.t{font-weight:bold}.a{font-size:10px;fill:#777}line{stroke:#ddd}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{top}" viewBox="0 0 {WIDTH} {top}">'
        f"<style>{style}</style><rect width='100%' height='100%' fill='#fff'/>{''.join(parts)}</svg>\n"
    )


WIDTH, LEFT, RIGHT = 760, 180, 740
LOWEST_US, HIGHEST_US = 3.0, 300_000.0


def panel(title: str, rows: list[Row], top: int) -> str:
    """One scenario: its title, the axis, a bar per client."""
    bottom = top + 24 + 20 * len(rows)
    parts = [f'<text class="t" x="10" y="{top + 12}">{title}</text><text class="a" x="{LEFT}" y="{top + 12}">p50 to p99, tick at p99.9</text>']
    for tick, words in ((10, "10 us"), (100, "100 us"), (1e3, "1 ms"), (1e4, "10 ms"), (1e5, "100 ms")):
        at = place(tick)
        parts.append(f'<line x1="{at}" x2="{at}" y1="{top + 20}" y2="{bottom}"/><text class="a" x="{at - 12}" y="{bottom + 13}">{words}</text>')
    for index, row in enumerate(rows):
        y = top + 24 + 20 * index
        left, right, tail = place(row["p50"]), place(row["p99"]), place(row["p99.9"])
        colour = "#c0392b" if row["client"].startswith("killcord") else "#7f8c8d" if row["client"].startswith("C,") else "#5b7fa6"
        parts.append(f'<text x="10" y="{y + 12}">{row["client"]}</text>')
        parts.append(f'<rect x="{left}" y="{y + 2}" width="{max(2, right - left)}" height="11" fill="{colour}"/>')
        parts.append(f'<rect x="{tail}" y="{y}" width="2" height="15" fill="{colour}"/>')
    return "".join(parts)


def place(microseconds: float) -> int:
    """Where a time lies on the axis."""
    share = math.log(max(LOWEST_US, min(microseconds, HIGHEST_US)) / LOWEST_US) / math.log(HIGHEST_US / LOWEST_US)
    return round(LEFT + share * (RIGHT - LEFT))


if __name__ == "__main__":
    main()
