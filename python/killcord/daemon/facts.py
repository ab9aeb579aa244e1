"""States and reports as JSON, for the socket and for ``--json``. Ages count back from the moment of the answer."""

from __future__ import annotations

from dataclasses import asdict

from .._killcord import Snapshot
from ..kill import KillPath, KillReport
from ..model import Json


def account_facts(name: str, state: Snapshot, now_ns: int) -> dict[str, Json]:
    """Everything a guard is willing to say about itself."""
    bounds = state.trip_bounds
    return {
        "name": name,
        "venue": state.venue.value,
        "kind": state.kind.value,
        "phase": state.phase.value,
        "claim": state.claim,
        "permit": state.permit,
        "latched": state.latched,
        "maintenance": state.maintenance,
        "epoch": state.epoch,
        "evidence": state.evidence.value,
        "evidence_age_s": _age(state.proven_at_ns, now_ns),
        "coverage": {"scope": state.coverage.scope.value, "products": list(state.coverage.products)},
        "exposure": {"bound_s": state.exposure.bound_s, "because": state.exposure.because},
        "trips_in_s": None
        if bounds is None
        else {"earliest": _until(bounds.earliest_ns, now_ns), "latest": _until(bounds.latest_ns, now_ns)},
        "round_trip_s": state.round_trip_s,
        "last_life_age_s": _age(state.last_life_ns, now_ns),
        "clock_offset_ms": state.clock_offset_ms,
        "gap_s": _age(state.gap_since_ns, now_ns),
        "leases": [
            {
                "name": lease.name,
                "budget_s": lease.budget_s,
                "renewed_age_s": _age(lease.renewed_at_ns, now_ns),
                "lapses_in_s": None if lease.due_ns is None or lease.lapsed else _until(lease.due_ns, now_ns),
                "lapsed": lease.lapsed,
                "doubt": None if lease.doubt is None else lease.doubt.value,
            }
            for lease in state.leases
        ],
        "waiting_for": state.waiting_for,
        "last_error": None if state.last_error is None else str(state.last_error),
    }


def report_facts(report: KillReport) -> dict[str, Json]:
    """A kill: its times in seconds from its beginning."""

    def since(at_ns: int | None) -> float | None:
        return None if at_ns is None else round((at_ns - report.began_ns) / 1e9, 6)

    def path(path: KillPath) -> dict[str, Json]:
        return {
            "sent_s": since(path.sent_ns),
            "acknowledged_s": since(path.acknowledged_ns),
            "cancelled": path.cancelled,
        }

    return {
        "reason": report.reason,
        "proven": report.proven,
        "link": path(report.link),
        "http": path(report.http),
        "dropped_s": since(report.dropped_ns),
        "proven_s": since(report.proven_ns),
        "ended_s": since(report.ended_ns),
        "left": [asdict(order) for order in report.left],
        "refusal": None if report.refusal is None else str(report.refusal),
    }


def _age(at_ns: int | None, now_ns: int) -> float | None:
    return None if at_ns is None else round(max(now_ns - at_ns, 0) / 1e9, 3)


def _until(at_ns: int, now_ns: int) -> float:
    return round((at_ns - now_ns) / 1e9, 3)
