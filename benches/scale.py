"""Guards by the thousand in one process: runs ``benches/scale`` for a row of sizes, one after the other, and writes
``benches/scale.json``, the table between the markers in ``benches/README.md`` and the curve ``benches/scale.svg``.

    python benches/scale.py 100 300 1000 3000 10000

Where the limit on open files does not carry three descriptors for each guard, it is run without HTTP connections kept
ahead, and the table says so. What the machine cannot carry at all is written down with the reason.
"""

from __future__ import annotations

import json
import math
import resource
import subprocess
import sys
from pathlib import Path

from side_by_side import machine

HERE = Path(__file__).parent
PROGRAM = HERE.parent / "target" / "release" / "examples" / "scale"
SIZES = (100, 300, 1000, 3000, 10000)
PROBES_PER_S = 4000
"""All guards together: a quarter of a core. Up to 1,000 guards that is the default of 250 ms for each."""
REST_S = 22
"""Two heartbeats of each session, which come every 10 s, and a bit."""
PATIENCE_S = 420
OWN_DESCRIPTORS = 200
BEGIN, END = "<!-- scale:begin -->", "<!-- scale:end -->"
Row = dict[str, float]


def main() -> None:
    """One size after the other; the next one even if one fails."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    sizes = [int(word) for word in sys.argv[1:]] or list(SIZES)
    rows: list[Row] = []
    failures: dict[str, str] = {}
    for size in sizes:
        warm = 3 * size + OWN_DESCRIPTORS <= hard
        probe_ms = min(5000, max(250, round(size * 1000 / PROBES_PER_S)))
        words = [str(PROGRAM), "guards", str(size), str(probe_ms), str(REST_S), "warm" if warm else "cold"]
        try:
            done = subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE_S)
        except subprocess.TimeoutExpired:
            failures[str(size)] = f"not done within {PATIENCE_S} s"
            continue
        if done.returncode:
            failures[str(size)] = done.stderr.strip().splitlines()[-1][:400]
            print(f"{size}: {failures[str(size)]}", file=sys.stderr)
            continue
        rows.append(json.loads(done.stdout))
        print(json.dumps(rows[-1]), flush=True)
    report = {"machine": machine(), "open_files_limit": hard, "rows": rows, "failures": failures}
    (HERE / "scale.json").write_text(json.dumps(report, indent=1) + "\n")
    (HERE / "scale.svg").write_text(curve(rows))
    readme = HERE / "README.md"
    text = readme.read_text()
    before, after = text.split(BEGIN)[0], text.split(END)[1]
    readme.write_text(before + BEGIN + "\n" + document(report) + END + after)
    sys.exit(1 if failures else 0)


def document(report: dict[str, object]) -> str:
    """The table and what it was measured on."""
    rows: list[Row] = report["rows"]  # type: ignore[assignment]
    host: dict[str, str] = report["machine"]  # type: ignore[assignment]
    columns = [f"{row['sessions']:,}" for row in rows]
    lines = ["| sessions | " + " | ".join(columns) + " |", "|---" * (len(rows) + 1) + "|"]
    for title, show in LINES:
        lines.append(f"| {title} | " + " | ".join(show(row) for row in rows) + " |")
    where = (
        f"{host['processor']}, {host['cores']} cores, Linux {host['kernel']}, commit {host['commit']}, {host['date']}; "
        f"load at the end {host['load_at_end']}; limit on open files {report['open_files_limit']:,}."
    )
    failed = [f"{size} sessions: {why}" for size, why in report["failures"].items()]  # type: ignore[attr-defined]
    return "\n".join([*lines, "", where, *failed, "", "![what a session costs, and how that grows](scale.svg)", ""])


LINES = (
    ("time between probes", lambda row: f"{row['probe_ms'] / 1000:g} s"),
    ("HTTP connections kept ahead", lambda row: "2" if row["warm"] else "none"),
    ("memory of the process per session", lambda row: f"{row['memory_kib']:.1f} KiB"),
    ("descriptors per session", lambda row: f"{row['descriptors']:.2f}"),
    ("processor per session at rest", lambda row: f"{row['cpu_percent']:.3f} % of a core"),
    ("all together", lambda row: f"{row['cpu_percent'] * row['sessions']:.0f} % of a core"),
    ("links lost until all were armed", lambda row: str(row["lost_while_arming"])),
    ("from the start to all armed", lambda row: f"{row['armed_after_s']:.1f} s"),
    ("heartbeats answered", lambda row: f"{row['beats']:,}"),
    ("answer p50, p99", lambda row: f"{ms(row['answer_p50_us'])}, {ms(row['answer_p99_us'])}"),
    ("answer p99.9, max", lambda row: f"{ms(row['answer_p999_us'])}, {ms(row['answer_max_us'])}"),
    ("missed; falsely suspected; lost; stalls", lambda row: "; ".join(str(row[name]) for name in WRONGS)),
    ("back and armed after a restart: p50", lambda row: f"{row['returned_p50_ms'] / 1000:.2f} s"),
    ("p99, the last", lambda row: f"{row['returned_p99_ms'] / 1000:.2f} s, {row['returned_max_ms'] / 1000:.2f} s"),
    ("dials each, closest two", lambda row: f"{row['dials_per_session']:.1f}, {row['closest_dials_ms']} ms"),
    ("refused by the venue", lambda row: str(row["refused_by_venue"])),
)
WRONGS = ("missed", "suspected", "lost", "stalled")


def ms(micros: float) -> str:
    """Short enough for a table."""
    return f"{micros / 1000:.2f} ms"


def curve(rows: list[Row]) -> str:
    """Cost per session over their number, each line as a multiple of what it is at the first size; both axes logarithmic."""
    width, height, left, bottom = 640, 300, 60, 40
    names = (("memory_kib", "memory", "#1b6ca8"), ("cpu_percent", "processor", "#c0392b"), ("answer_p999_us", "answer p99.9", "#27803b"))
    if len(rows) < 2:
        return f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}"></svg>\n'
    xs = [math.log10(row["sessions"]) for row in rows]
    ratios = {name: [math.log10(max(row[name], 1e-9) / max(rows[0][name], 1e-9)) for row in rows] for name, _, _ in names}
    low = min(-1.0, *(min(each) for each in ratios.values()))
    high = max(1.0, *(max(each) for each in ratios.values()))

    def x(value: float) -> float:
        return left + (value - xs[0]) / (xs[-1] - xs[0]) * (width - left - 130)

    def y(value: float) -> float:
        return 15 + (high - value) / (high - low) * (height - bottom - 15)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" font-family="sans-serif" font-size="12">',
        f'<rect width="{width}" height="{height}" fill="white"/>',
    ]
    for power in range(math.ceil(low), math.floor(high) + 1):
        parts.append(f'<line x1="{left}" x2="{width - 130}" y1="{y(power):.1f}" y2="{y(power):.1f}" stroke="#ddd"/>')
        parts.append(f'<text x="{left - 8}" y="{y(power) + 4:.1f}" text-anchor="end">x{10.0**power:g}</text>')
    for row, at in zip(rows, xs, strict=True):
        parts.append(f'<text x="{x(at):.1f}" y="{height - 18}" text-anchor="middle">{row["sessions"]:,}</text>')
    for name, title, colour in names:
        points = " ".join(f"{x(at):.1f},{y(value):.1f}" for at, value in zip(xs, ratios[name], strict=True))
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts.append(f'<text x="{width - 124}" y="{y(ratios[name][-1]) + 4:.1f}" fill="{colour}">{title}</text>')
    parts.append(f'<text x="{left}" y="{height - 3}">sessions in one process; cost of one as a multiple of that at {rows[0]["sessions"]}</text>')
    return "\n".join([*parts, "</svg>", ""])


if __name__ == "__main__":
    main()
