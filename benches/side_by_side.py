"""Every client against the same meter, one after the other, in shuffled order, round after round; ratios are taken inside
a round. Writes JSON; ``render.py`` makes tables and the plot of it. Needs the standard library only; the clients need what
``requirements/bench.txt`` lists. How to read it: ``benches/README.md``.

    python benches/side_by_side.py --minutes 8 --out benches/results.json
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import re
import resource
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parent
BUILD = ROOT / "target" / "bench"
TLS = BUILD / "tls"
METER_CPU, CLIENT_CPU = 0, 1
PATIENCE_S = 90


@dataclass(frozen=True)
class Client:
    """One program under test."""

    name: str
    command: tuple[str, ...]
    jobs: frozenset[str]
    options: tuple[str, ...] = ()


@dataclass(frozen=True)
class Scenario:
    """One thing that is measured, for every client that can do it."""

    name: str
    job: str
    rate: float
    count: int
    stall: str = "none"
    stall_ms: int = 0
    how: str = "fin"
    both_cores: bool = False
    only: tuple[str, ...] = ()
    quick: bool = False
    tls: bool = False


def python(peer: str, name: str, jobs: str, *options: str) -> Client:
    """A client in Python."""
    return Client(name, (sys.executable, str(HERE / "peers" / f"{peer}_peer.py")), frozenset(jobs.split()), options)


ALL = "answer order deliver drop stall tls"
CLIENTS = (
    Client("C, blocking", (str(BUILD / "floor"), "block"), frozenset("answer order deliver drop tls".split())),
    Client("C, spinning", (str(BUILD / "floor"), "spin"), frozenset("answer order deliver drop tls".split())),
    python("killcord", "killcord", ALL + " loop", "--loop", "uvloop"),
    # What needs Python beside a core that spins needs a third core; so only what the engine does alone.
    python("killcord", "killcord, spinning", "answer stall loop tls", "--loop", "uvloop", "--spin", str(CLIENT_CPU)),
    Client("tokio-tungstenite", (str(BUILD / "tungstenite_peer"),), frozenset({"answer"})),
    python("picows", "picows + uvloop", ALL + " loop", "--loop", "uvloop"),
    python("aiohttp", "aiohttp + uvloop", ALL + " loop", "--loop", "uvloop"),
    python("websockets", "websockets + uvloop", ALL + " loop", "--loop", "uvloop"),
    python("websockets", "websockets, asyncio", "answer order deliver drop"),
    python("websocket_client", "websocket-client", ALL),
    python("ccxt", "ccxt", "answer drop stall loop"),
    python("nautilus", "nautilus_trader", "answer order deliver stall loop", "--loop", "uvloop"),
)
FLOORS = {"killcord, spinning": "C, spinning"}
"""Whose ratio is taken to another floor than the blocking one."""
SHARED = ("killcord", "picows + uvloop")
STUCK = ("killcord", "killcord, spinning", "picows + uvloop", "websockets + uvloop", "nautilus_trader")
"""For how their times grow with the length of a stall; all are measured at 50 ms."""
PINGING = ("killcord", "picows + uvloop", "aiohttp + uvloop", "websockets + uvloop")
"""Who can be told to ping four times a second and to give up after 0.8 s."""
SCENARIOS = (
    Scenario("answer, 2 kHz", "answer", 2000, 4000, quick=True),
    Scenario("answer, 100 Hz", "answer", 100, 250, quick=True),
    Scenario("answer, C call holds the GIL 5 ms", "answer", 100, 200, "gil", 5, both_cores=True, only=STUCK),
    Scenario("answer, C call holds the GIL 50 ms", "answer", 100, 250, "gil", 50, both_cores=True, quick=True),
    Scenario("answer, C call holds the GIL 500 ms", "answer", 100, 300, "gil", 500, both_cores=True, only=STUCK),
    Scenario("answer, loop blocked 5 ms", "answer", 100, 200, "loop", 5, both_cores=True, only=STUCK),
    Scenario("answer, loop blocked 500 ms", "answer", 100, 300, "loop", 500, both_cores=True, only=STUCK),
    Scenario("answer, loop blocked 50 ms", "answer", 100, 250, "loop", 50, both_cores=True),
    Scenario("answer, Python thread computes", "answer", 100, 250, "thread", 50, both_cores=True),
    Scenario("answer, Python thread computes, one core", "answer", 100, 250, "thread", 50, only=SHARED),
    Scenario("order call to arrival", "order", 100, 300, quick=True),
    Scenario("message to Python callback", "deliver", 1000, 2000, quick=True),
    Scenario("FIN to event", "drop", 100, 7),
    Scenario("RST to event", "drop", 100, 7, how="rst"),
    Scenario("FIN to event, TLS", "drop", 100, 7, only=("killcord",), tls=True),
    Scenario("silence to event", "drop", 100, 1, how="silent", only=PINGING, quick=True),
    Scenario("answer over TLS, 1 kHz", "answer", 1000, 2000, tls=True, quick=True),
)


def main() -> None:
    """Runs rounds until the time is used up, one at least."""
    options = command_line()
    build()
    results: list[dict[str, object]] = []
    end = time.monotonic() + options.minutes * 60
    rounds = 0
    scenarios = [each for each in SCENARIOS if each.quick or not options.quick]
    while rounds == 0 or time.monotonic() < end:
        for scenario in random.sample(scenarios, len(scenarios)):
            if rounds and time.monotonic() > end:
                break
            for client in random.sample(takers(scenario), len(takers(scenario))):
                results.append(one_run(rounds, scenario, client))
                tell(results[-1])
        rounds += 1
    report = {"machine": machine(), "rounds": rounds, "calls": calls(), "results": summary(results)}
    if not options.quick:
        record_for_proof(report)
    options.out.write_text(json.dumps(report, indent=1) + "\n")
    print(f"{options.out}: {len(results)} runs in {rounds} rounds")


def record_for_proof(report: dict[str, Any]) -> None:
    """One flat file of figures, as docs/proof.md takes them. Before any file of the tree is written anew."""
    sys.path.insert(0, str(ROOT / "tests" / "python"))
    from proof import record

    figures: dict[str, float] = {"rounds": report["rounds"], **report["calls"]}
    for row in report["results"]:
        name = re.sub("[^a-z0-9]+", "_", f"{row['scenario']} {row['client']}".lower()).strip("_")
        for figure in ("p50", "p99", "p99.9", "max", "ratio_p50", "ratio_p99", "lost", "dialled_p50", "armed_p50", "dead_p50"):
            if figure in row:
                figures[f"{name}_{figure.replace('.', '')}"] = row[figure]
    print(record.write("bench", figures))


def command_line() -> argparse.Namespace:
    """Limits and where to write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=8.0)
    parser.add_argument("--quick", action="store_true", help="the main scenarios only")
    parser.add_argument("--out", type=Path, default=HERE / "results.json")
    return parser.parse_args()


def build() -> None:
    """The meter and the floors, by the C compiler, with OpenSSL where there is any; the client in Rust is built by make."""
    if len(os.sched_getaffinity(0)) < 2:
        sys.exit("two cores are needed: one for the meter, one for the client")
    BUILD.mkdir(parents=True, exist_ok=True)
    for name in ("meter", "floor"):
        command = ["cc", "-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-o", str(BUILD / name), str(HERE / "meter" / f"{name}.c")]
        with_tls = [*command, "-DWITH_TLS", "-lssl", "-lcrypto"]
        if subprocess.run(with_tls, capture_output=True).returncode:
            print("no TLS scenarios: OpenSSL's headers are missing (Debian and Ubuntu: libssl-dev)", file=sys.stderr)
            subprocess.run(command, check=True)
            (TLS / "leaf.pem").unlink(missing_ok=True)
        else:
            make_certificates()


def make_certificates() -> None:
    """An authority, and a certificate of it for the loopback address, both for a day."""
    TLS.mkdir(exist_ok=True)
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    authority = ["openssl", "req", "-x509", *key, "-days", "1", "-subj", "/CN=killcord bench", "-keyout", "ca.key", "-out", "ca.pem"]
    request = ["openssl", "req", *key, "-subj", "/CN=localhost", "-keyout", "leaf.key", "-out", "leaf.csr"]
    (TLS / "leaf.ext").write_text("subjectAltName=IP:127.0.0.1\nbasicConstraints=CA:FALSE\n")
    signed = ["openssl", "x509", "-req", "-in", "leaf.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "1"]
    for command in (authority, request, [*signed, "-extfile", "leaf.ext", "-out", "leaf.pem"]):
        subprocess.run(command, check=True, capture_output=True, cwd=TLS)


def takers(scenario: Scenario) -> list[Client]:
    """The clients that can do it."""
    needed = {"none": scenario.job, "loop": "loop"}.get(scenario.stall, "stall")
    able = [each for each in CLIENTS if needed in each.jobs and Path(each.command[0]).exists()]
    if scenario.tls:
        able = [each for each in able if "tls" in each.jobs and (TLS / "leaf.pem").exists()]
    return [each for each in able if not scenario.only or each.name in scenario.only]


def one_run(number: int, scenario: Scenario, client: Client) -> dict[str, object]:
    """The meter and one client, from start to end."""
    theirs, ours = BUILD / "meter.samples", BUILD / "client.samples"
    for old in (theirs, ours):
        old.unlink(missing_ok=True)
    before = processor_time()
    meter_command = [BUILD / "meter", scenario.job, "--cpu", METER_CPU, "--rate", scenario.rate]
    meter_command += ["--count", scenario.count, "--warm", scenario.count // 10, "--drop", scenario.how, "--out", theirs]
    meter_command += ["--tls", TLS] if scenario.tls else []
    meter = subprocess.Popen([str(word) for word in meter_command], stdout=subprocess.PIPE, text=True)
    assert meter.stdout is not None
    port = int(meter.stdout.readline().split()[1])
    arguments = [scenario.job, port, scenario.count, scenario.rate, ours]
    if scenario.stall != "none":
        arguments += ["--stall", scenario.stall, scenario.stall_ms]
    if scenario.how == "silent":
        arguments += ["--pings", "1"]
    # The floor knows no other options than these.
    arguments += ["--tls", TLS] if scenario.tls else []
    command = [*client.command, *(str(word) for word in arguments), *client.options]
    cores = {METER_CPU, CLIENT_CPU} if scenario.both_cores else {CLIENT_CPU}
    environment = os.environ | {"PYTHONPATH": str(ROOT / "python")}
    program = subprocess.Popen(command, preexec_fn=lambda: os.sched_setaffinity(0, cores), env=environment)
    said = end_of(meter, program)
    counts = json.loads(said) if said.startswith("{") else {"lost": scenario.count, "strange": 0}
    samples = read_samples(scenario, theirs, ours)
    again = read_returns(theirs, ours, scenario.how) if scenario.job == "drop" else {}
    foreign = share_of_others(before, processor_time())
    return {"round": number, "scenario": scenario.name, "client": client.name, "samples": samples, "others": foreign} | counts | again


def end_of(meter: subprocess.Popen[str], program: subprocess.Popen[bytes]) -> str:
    """What the meter said at its end. Both are gone afterwards; a client that failed does not keep the meter waiting."""
    said, end = "", time.monotonic() + PATIENCE_S
    while time.monotonic() < end and not said:
        try:
            said = meter.communicate(timeout=1)[0]
        except subprocess.TimeoutExpired:
            if program.poll() not in (None, 0):
                break
    try:
        program.wait(timeout=10)
    except subprocess.TimeoutExpired:
        said = ""
    for process in (meter, program):
        if process.poll() is None:
            process.kill()
            process.wait()
    return said


def read_samples(scenario: Scenario, theirs: Path, ours: Path) -> list[float]:
    """In microseconds."""
    def lines(path: Path) -> list[str]:
        return path.read_text().splitlines() if path.exists() else []

    if scenario.job == "drop":
        drops = [int(line.split()[0]) for line in lines(theirs)]
        return [(int(at) - drop) / 1e3 for drop, at in zip(drops, lines(ours), strict=False)]
    samples = [int(line) / 1e3 for line in lines(ours if scenario.job == "deliver" else theirs)]
    return samples[len(samples) // 10 :] if scenario.job == "deliver" else samples


def read_returns(theirs: Path, ours: Path, how: str) -> dict[str, list[float]]:
    """Of the clients that come back and arm: from the end of the link to the next connection, and from the login to the
    request that arms, which is one round trip later; of silence, when the client that suspects first is sure. In
    microseconds."""
    if not (theirs.exists() and ours.exists()):
        return {}
    marks = [[int(word) for word in line.split()] for line in theirs.read_text().splitlines()]
    if how == "silent":
        heard = [int(line) for line in ours.read_text().splitlines()]
        return {"dead": [(heard[1] - marks[0][0]) / 1e3]} if marks and len(heard) > 1 else {}
    return {
        "dialled": [(accepted - drop) / 1e3 for drop, accepted, _, _ in marks],
        "armed": [(armed - login) / 1e3 for _, _, login, armed in marks if armed > login],
    }


def processor_time() -> tuple[float, float]:
    """Seconds of all processors that were not idle, and seconds of our own children that have ended."""
    fields = [int(word) for word in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    busy = (sum(fields) - fields[3] - fields[4]) / os.sysconf("SC_CLK_TCK")
    return busy, children.ru_utime + children.ru_stime


def share_of_others(before: tuple[float, float], after: tuple[float, float]) -> float:
    """Processor seconds that somebody else used meanwhile."""
    return round(max(0.0, after[0] - before[0] - (after[1] - before[1])), 2)


def tell(run: dict[str, object]) -> None:
    """One line per run, so that it can be watched."""
    samples = sorted(run["samples"])  # type: ignore[call-overload]
    shown = f"p50 {at(samples, 0.5):9.1f}  p99 {at(samples, 0.99):9.1f} us" if samples else "NO SAMPLES"
    print(f"{run['scenario']:42} {run['client']:22} {shown}  lost {run['lost']}  others {run['others']} s", flush=True)


def at(ordered: list[float], share: float) -> float:
    """The smallest sample that is not below this share of them."""
    return ordered[min(len(ordered) - 1, max(0, -int(-share * len(ordered) // 1) - 1))]


def summary(results: list[dict[str, object]]) -> list[dict[str, object]]:
    """Per scenario and client: all samples together, the spread of the runs, and the ratios inside each round."""
    rows = []
    for scenario in SCENARIOS:
        for client in CLIENTS:
            runs = [each for each in results if (each["scenario"], each["client"]) == (scenario.name, client.name)]
            runs = [each for each in runs if each["samples"]]
            if runs:
                floor = FLOORS.get(client.name, "C, blocking")
                rows.append({"scenario": scenario.name, "client": client.name} | pooled(runs) | ratios(runs, results, floor))
    return rows


def pooled(runs: list[dict[str, object]]) -> dict[str, object]:
    """Percentiles of everything, and from which to which run the median went."""
    ordered = sorted(sample for run in runs for sample in run["samples"])  # type: ignore[attr-defined]
    medians = [at(sorted(run["samples"]), 0.5) for run in runs]  # type: ignore[call-overload]
    shares = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "p99.9": 0.999}
    figures = {name: round(at(ordered, share), 1) for name, share in shares.items()}
    lost = sum(int(str(run["lost"])) for run in runs)
    others = round(sum(float(str(run["others"])) for run in runs), 1)
    spread = [round(min(medians), 1), round(max(medians), 1)]
    for name in ("dialled", "armed", "dead"):
        again = sorted(sample for run in runs for sample in run.get(name, []))  # type: ignore[attr-defined]
        if again:
            figures[f"{name}_p50"] = round(at(again, 0.5), 1)
    return figures | {
        "max": round(ordered[-1], 1), "samples": len(ordered), "runs": len(runs), "p50_of_runs": spread, "lost": lost, "others_s": others
    }


def ratios(runs: list[dict[str, object]], results: list[dict[str, object]], floor: str) -> dict[str, object]:
    """The median over the rounds of this run's percentile over the floor's in the same round."""
    found: dict[str, list[float]] = {"p50": [], "p99": []}
    for run in runs:
        same = (run["round"], run["scenario"], floor)
        base = [each["samples"] for each in results if (each["round"], each["scenario"], each["client"]) == same]
        if base and base[0]:
            for name, share in (("p50", 0.5), ("p99", 0.99)):
                found[name].append(at(sorted(run["samples"]), share) / at(sorted(base[0]), share))  # type: ignore[call-overload]
    if not found["p50"]:
        return {}
    return {f"ratio_{name}": round(at(sorted(all_), 0.5), 2) for name, all_ in found.items()} | {"floor": floor}


def calls() -> dict[str, float]:
    """What single calls cost, measured by a program of its own."""
    command = [sys.executable, str(HERE / "peers" / "calls.py")]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": str(ROOT / "python")})
    if done.returncode:
        print(done.stderr, file=sys.stderr)
        return {}
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


def machine() -> dict[str, str]:
    """What the figures belong to."""
    model = [line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line]
    git = ["git", "-C", str(ROOT)]
    commit = subprocess.run([*git, "rev-parse", "--short=10", "HEAD"], capture_output=True, text=True).stdout.strip()
    dirty = subprocess.run([*git, "status", "--porcelain", "-uno"], capture_output=True, text=True).stdout.strip()
    return {
        "processor": model[0] if model else platform.machine(),
        "cores": str(os.cpu_count()),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "commit": commit + ("+" if dirty else ""),
        "date": time.strftime("%Y-%m-%d"),
        "load_at_end": " ".join(f"{each:.1f}" for each in os.getloadavg()),
    }


if __name__ == "__main__":
    main()
