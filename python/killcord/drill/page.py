"""A drill as one HTML page: verdict, drawing, figures, everything that happened. Nothing is loaded and nothing runs: it can be
put into an audit file and opened in ten years.
"""

from __future__ import annotations

from datetime import datetime, timezone
from html import escape

from .. import __version__
from .result import Result, Verdict
from .show import headline, rows
from .timeline import timeline

_NAMES = {"crypto_com": "Crypto.com Exchange", "deribit": "Deribit", "bybit": "Bybit", "kraken": "Kraken Spot"}
_TONES = {
    Verdict.HELD: "good",
    Verdict.LATE: "bad",
    Verdict.UNDECIDED: "unsure",
    Verdict.NOT_CANCELLED: "bad",
    Verdict.OTHERWISE: "bad",
}


def page(result: Result) -> str:
    """The whole document."""
    name = _NAMES[result.venue.value]
    when = datetime.fromtimestamp(result.wall_ns / 1e9, timezone.utc)
    title = f"Drill at {name}, {when:%Y-%m-%d %H:%M:%S} UTC"
    tone = "bad" if result.left else _TONES[result.verdict]
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{escape(title)}</title>
<style>{_STYLE}</style>
</head>
<body>
<main>
<header>
<p class="kicker">killcord drill · {escape(result.environment.value)} · {escape(result.cut.words)}</p>
<h1>{escape(name)}</h1>
<p class="when">{when:%d %B %Y, %H:%M:%S} UTC</p>
</header>
<section class="verdict-box {tone}">
<strong>{escape(headline(result))}</strong>
<p>{escape(result.why)}</p>
{_left(result)}
</section>
<figure>{timeline(result)}<figcaption>{_LEGEND}</figcaption></figure>
<h2>Figures</h2>
<table class="figures">{"".join(_row(*row) for row in rows(result))}</table>
<h2>Orders</h2>
<table>{_orders(result)}</table>
<h2>What happened</h2>
<table class="events">{_events(result)}</table>
<footer>killcord {escape(__version__)}. A time from outside is a span: the order was listed when it was asked for at the first
value, and no longer listed in what was answered at the second.</footer>
</main>
</body>
</html>
"""


_LEGEND = (
    '<span class="key alive"></span>link alive <span class="key resting"></span>orders rest '
    '<span class="key going"></span>going <span class="key exposed"></span>published exposure'
)


def _left(result: Result) -> str:
    if not result.left:
        return ""
    return f"<p><strong>Left resting:</strong> {escape(', '.join(result.left))}. Cancel them by hand.</p>"


def _row(name: str, value: str) -> str:
    return f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>"


def _orders(result: Result) -> str:
    head = "<tr><th>id</th><th>state</th><th>reason given</th><th>by the switch</th><th>cancelled, by its stamp</th></tr>"
    said = {True: "yes", False: "no", None: "not told"}
    lines = [
        f"<tr><td><code>{escape(fate.order_id)}</code></td><td>{escape(fate.state)}</td><td>{escape(fate.reason or '—')}</td>"
        f"<td>{said[fate.by_switch]}</td><td>{escape(fate.cancelled.words if fate.cancelled else '—')}</td></tr>"
        for fate in result.fates
    ]
    return head + "".join(lines)


def _events(result: Result) -> str:
    return "".join(
        f'<tr class="{escape(mark.lane)}"><td class="at">{(mark.at_ns - result.cut_ns) / 1e9:+.3f} s</td>'
        f"<td>{escape(mark.lane)}</td><td>{escape(mark.words)}</td></tr>"
        for mark in result.marks
    )


_STYLE = """
:root{--paper:#fbfaf7;--ink:#1f2328;--soft:#6b7280;--rule:#e3e0d8;--good:#16794c;--bad:#b3261e;--unsure:#8a6100;
--alive:#2f9e6e;--resting:#3867b7;--going:#9db7e0;--exposed:#f6dfb2;--bound:#b7791f}
@media (prefers-color-scheme:dark){:root{--paper:#16181c;--ink:#e7e5e0;--soft:#9aa1ac;--rule:#30343b;--good:#4fc58f;--bad:#ff8a80;
--unsure:#e2b252;--alive:#3fae7e;--resting:#6d9bea;--going:#3e5a8c;--exposed:#4b3b1a;--bound:#e2b252}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,-apple-system,"Segoe UI",Helvetica,Arial,sans-serif}
main{max-width:1040px;margin:0 auto;padding:40px 28px 64px}
.kicker{margin:0;color:var(--soft);font-size:14px}
h1{margin:2px 0 0;font-size:34px;line-height:1.15;letter-spacing:-.01em}
.when{margin:4px 0 24px;color:var(--soft)}
h2{margin:36px 0 8px;font-size:18px}
.verdict-box{border-left:5px solid var(--soft);padding:12px 18px;background:color-mix(in srgb,var(--rule) 45%,transparent);border-radius:4px}
.verdict-box strong{font-size:19px}.verdict-box p{margin:4px 0 0}
.verdict-box.good{border-color:var(--good)}.verdict-box.good>strong{color:var(--good)}
.verdict-box.bad{border-color:var(--bad)}.verdict-box.bad strong{color:var(--bad)}
.verdict-box.unsure{border-color:var(--unsure)}.verdict-box.unsure strong{color:var(--unsure)}
figure{margin:28px 0 0}svg{width:100%;height:auto;display:block}
figcaption{color:var(--soft);font-size:13px;margin-top:6px}
.key{display:inline-block;width:14px;height:10px;border-radius:2px;margin:0 6px 0 14px;vertical-align:baseline}
.key:first-child{margin-left:0}
.key.alive{background:var(--alive)}.key.resting{background:var(--resting)}.key.going{background:var(--going)}
.key.exposed{background:var(--exposed)}
svg text{font:13px system-ui,-apple-system,"Segoe UI",Helvetica,Arial,sans-serif;fill:var(--ink)}
svg .lane,svg .tick,svg .caption{fill:var(--soft)}svg .lane{font-size:12px}svg .tick,svg .caption{font-size:11.5px}
svg .exposed{fill:var(--exposed);opacity:.55}svg .axis{stroke:var(--soft);stroke-width:1}
svg .bound{stroke:var(--bound);stroke-width:1.6;stroke-dasharray:5 4}svg .bound-label{fill:var(--bound)}
svg .cut{stroke:var(--bad);stroke-width:1.8}svg .cut-label{fill:var(--bad);font-weight:600}
svg .alive{fill:var(--alive)}svg .dead{stroke:var(--bad);stroke-width:1.5;stroke-dasharray:2 5;opacity:.7}
svg .resting{fill:var(--resting)}svg .going{fill:var(--going)}
svg .look.all{fill:var(--resting)}svg .look.some{fill:var(--going)}svg .look.none{fill:none;stroke:var(--soft);stroke-width:1.2}
svg .look.failed{fill:var(--bad)}
svg .measure{stroke-width:2.2}svg .measure.good{stroke:var(--good)}svg .measure.bad{stroke:var(--bad)}
svg .verdict{font-weight:600}svg .verdict.good{fill:var(--good)}svg .verdict.bad{fill:var(--bad)}
table{border-collapse:collapse;width:100%;font-size:14.5px}
th,td{text-align:left;vertical-align:top;padding:6px 14px 6px 0;border-bottom:1px solid var(--rule)}
th{font-weight:600;white-space:nowrap}.figures th{width:170px;color:var(--soft);font-weight:500}
td.at{font-variant-numeric:tabular-nums;white-space:nowrap;width:90px}.events td{font-size:13.5px}
.events tr.drill td{font-weight:600}code{font-size:12.5px}
footer{margin-top:36px;color:var(--soft);font-size:13px}
"""
