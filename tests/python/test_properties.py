"""Whatever is given from outside ends in a value or in an error of killcord's own, and no secret is in that error."""

from __future__ import annotations

import contextlib
import json
import tempfile
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from guarded import venue_of
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from killcord import (
    ConfigError,
    Credentials,
    Event,
    Guard,
    JournalLine,
    KillcordError,
    NotSendable,
    Overflow,
    Phase,
    Policy,
    SettingsError,
    SharedLease,
    TornLine,
    VenueName,
)
from killcord._outgoing import parameters
from killcord.journal import read, uncovered
from killcord.settings import Settings
from killcord.sim import Exchange

FEW = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
MANY = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
CANARY = "CANARY5ECRET0042"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**320), 10**320) | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
NUMBERS = sorted(name for name in Policy.__dataclass_fields__ if name.endswith("_s"))
TIMES = st.sampled_from(["2026-11-20T12:00:00.5Z", "2026-11-20T12:00:00", "0001-01-01T00:00:00+23:59", "never"])
LINES = st.fixed_dictionaries(
    {
        "n": JSON | st.integers(1, 9),
        "kind": st.sampled_from(["opened", "phase_changed", "let_go"]) | JSON,
        "guard": st.fixed_dictionaries({"venue": JSON | st.just("kraken"), "account": JSON | st.just("desk")}) | JSON,
        "epoch": JSON | st.just(1),
        "seq": JSON | st.just(1),
        "boot_ns": JSON | st.integers(0, 2**63),
        "mono_ns": JSON | st.just(1),
        "wall": TIMES | JSON,
    },
    optional={"claim": JSON, "before": JSON | st.just("armed"), "boot_id": JSON, "why": JSON},
)


@contextlib.contextmanager
def file_of(content: bytes) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "file"
        path.touch(mode=0o600)
        path.write_bytes(content)
        yield path


@FEW
@given(st.lists(LINES, max_size=6), st.binary(max_size=40))
def test_any_journal_is_read_as_lines_and_torn_lines_and_its_gaps_are_found(values: list[object], torn: bytes) -> None:
    content = b"".join(json.dumps(value).encode() + b"\n" for value in values) + torn
    with file_of(content) as path:
        lines = list(read(path))
    stretches = sum(len(each.text.encode()) + 1 if isinstance(each, JournalLine) else each.length for each in lines)
    assert stretches == len(content)
    assert all(isinstance(line, JournalLine | TornLine) for line in lines)
    for interval in uncovered(lines):
        assert interval.seconds >= 0


@FEW
@given(st.binary(max_size=300) | st.text(max_size=200).map(str.encode))
def test_any_configuration_file_is_settings_or_mistakes_that_stand_in_it(content: bytes) -> None:
    with file_of(content) as path:
        try:
            Settings.read(path)
        except SettingsError as error:
            assert error.mistakes
            for mistake in error.mistakes:
                assert 1 <= mistake.line <= content.count(b"\n") + 1
                assert mistake.column >= 1


@FEW
@given(st.text(max_size=30), st.sampled_from(["KEY=k\nSECRET={}{}", '{{"key":"k","secret":"{}{}"}}', "{}{}", "SECRET={}\n{}"]))
def test_no_key_file_however_wrong_gives_its_secret_away(noise: str, form: str) -> None:
    with file_of(form.format(CANARY, noise).encode()) as path:
        try:
            made = Credentials.from_file(path)
        except ConfigError as error:
            shown = f"{error!r} {error} {error.value} {error.rule} {error.__dict__}"
        else:
            shown = f"{made!r} {made}"
    assert CANARY not in shown


@FEW
@given(st.text(max_size=12))
def test_a_shared_lease_of_any_name_is_made_once_and_refuses_another_name(name: str) -> None:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "page"
        try:
            assert SharedLease(path, name).name == name
        except ConfigError as error:
            assert error.field
            return
        with pytest.raises(ConfigError):
            SharedLease(path, name + "x")


@FEW
@given(st.binary(max_size=100))
def test_any_file_in_the_place_of_a_page_is_a_page_or_refused(content: bytes) -> None:
    with file_of(content) as path, contextlib.suppress(ConfigError):
        SharedLease(path, "strategy")


@FEW
@given(st.dictionaries(st.sampled_from(NUMBERS), st.integers(-(2**63), 2**63) | st.floats(), max_size=3))
def test_any_numbers_make_a_policy_or_name_the_field_that_is_wrong(values: dict[str, float]) -> None:
    try:
        policy = Policy(**values)  # type: ignore[arg-type]
    except KillcordError as error:
        assert isinstance(error, ConfigError)
        assert error.field in Policy.__dataclass_fields__
    else:
        assert all(getattr(policy, name) == value for name, value in values.items())


@MANY
@given(st.dictionaries(st.text(max_size=8), JSON, max_size=4) | st.lists(JSON, max_size=4))
def test_parameters_read_back_as_what_was_given_or_are_refused(params: dict[str, object]) -> None:
    try:
        sent = parameters(params)  # type: ignore[arg-type]
    except NotSendable as refusal:
        assert refusal.why and ("nan" in repr(params) or "inf" in repr(params)), refusal
    else:
        assert json.loads(sent) == params


@pytest.mark.parametrize(
    "params",
    [{1: 2}, {"a": {None: 1}}, {"a": [{True: 1}]}, {"price": Decimal("1.5")}, {"a": b"bytes"}, {"a": {1, 2}}, {"a": object()}],
    ids=str,
)
def test_what_json_has_no_word_for_is_refused_and_not_changed(params: object) -> None:
    with pytest.raises(NotSendable):
        parameters(params)  # type: ignore[arg-type]


def test_what_holds_itself_or_is_too_deep_is_refused() -> None:
    circular: dict[str, object] = {}
    circular["self"] = circular
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    for params in (circular, {"deep": deep}):
        with pytest.raises(NotSendable):
            parameters(params)  # type: ignore[arg-type]


@FEW
@given(st.data())
def test_a_damaged_journal_still_gives_every_line_that_is_whole(data: st.DataObject) -> None:
    good = [
        {"v": 1, "n": n, "guard": {"venue": "kraken", "account": "desk"}, "epoch": 1, "seq": n, "boot_ns": n, "mono_ns": n,
         "wall": "2026-11-20T12:00:00.5Z", "kind": "recovered"}
        for n in range(1, data.draw(st.integers(2, 8)))
    ]  # fmt: skip
    lines = [json.dumps(line).encode() + b"\n" for line in good]
    hurt = data.draw(st.sets(st.integers(0, len(lines) - 1), max_size=3))
    for at in hurt:
        cut = data.draw(st.integers(0, len(lines[at]) - 2))
        damage = data.draw(st.binary(min_size=1, max_size=6).filter(lambda noise: b"\n" not in noise))
        lines[at] = lines[at][:cut] + damage + lines[at][cut + 1 :]
    with file_of(b"".join(lines)) as path:
        found = list(read(path))
    numbers = [line.number for line in found if isinstance(line, JournalLine)]
    assert set(numbers) >= {line["n"] for at, line in enumerate(good) if at not in hurt}
    stretches = sum(len(each.text.encode()) + 1 if isinstance(each, JournalLine) else each.length for each in found)
    assert stretches == sum(map(len, lines))


VALUES = st.one_of(
    st.booleans(), st.integers(-(2**63), 2**63 - 1), st.floats(), st.text(max_size=20), st.lists(st.integers(0, 3), max_size=2)
)
KEYS = st.sampled_from(
    ["name", "venue", "credentials", "heartbeat_s", "scope", "window_s", "cadence_s", "products", "policy", "lease", "endpoints"]
) | st.text(max_size=6)


@FEW
@given(st.dictionaries(KEYS, VALUES, max_size=6), st.sampled_from([venue.value for venue in VenueName]))
def test_an_account_of_any_keys_and_values_is_settings_or_mistakes_each_in_its_line(values: dict[str, object], venue: str) -> None:
    given_keys = {"name": "desk", "venue": venue, **values}
    content = "[[account]]\n" + "".join(f"{json.dumps(key)} = {toml(value)}\n" for key, value in given_keys.items())
    with file_of(content.encode()) as path:
        with pytest.raises(SettingsError) as refused:
            # Credentials are a table, which no value here is.
            Settings.read(path)
        lines = {mistake.line for mistake in refused.value.mistakes}
    assert lines <= set(range(1, content.count("\n") + 2))


def toml(value: object) -> str:
    match value:
        case float():
            return repr(value) if "e" not in repr(value) or "." in repr(value) else repr(value).replace("e", ".0e")
        case bool() | str() | list():
            return json.dumps(value).replace("\x7f", "\\u007f")
        case _:
            return str(value)


ACTS = st.sampled_from(["read 1", "read 3", "read all", "send", "reset", "rearm", "nothing", "lease", "storm"])


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(ACTS, min_size=1, max_size=12))
@example(["storm", "read 3", "storm", "reset", "read 1", "rearm"])
def test_events_are_numbered_without_a_hole_whatever_the_reader_does(acts: list[str]) -> None:
    with Exchange("deribit", factor=0.1) as exchange:
        guard = Guard(venue_of(exchange))
        guard.start()
        guard.wait_phase(Phase.ARMED, 20.0)
        seen: list[Event] = []
        for act in acts:
            do(act, guard, exchange, seen)
        guard.stop()
        while more := guard.drain_events(7):
            seen += more
    expected = 1
    for event in seen:
        assert event.seq == expected, (event, seen)
        expected += event.lost if isinstance(event, Overflow) else 1
    assert [event.at_ns for event in seen] == sorted(event.at_ns for event in seen)
    assert len(seen) > 3


def do(act: str, guard: Guard, exchange: Exchange, seen: list[Event]) -> None:
    """One thing a reader or the world does."""
    with contextlib.suppress(KillcordError):
        match act.split():
            case ["read", count]:
                seen += guard.drain_events(10_000 if count == "all" else int(count))
            case ["send"]:
                guard.request_blocking("public/test", timeout_s=1.0)
            case ["reset"]:
                exchange.reset()
            case ["rearm"]:
                guard.rearm(acknowledge="seen")
            case ["lease"]:
                guard.lease("strategy", budget_s=5.0).close("done")
            case ["storm"]:
                # More than a reader may leave unread.
                for _ in range(1500):
                    lease = guard.lease("storm", budget_s=5.0)
                    lease.renew(1)
                    lease.close("done")
            case _:
                pass
