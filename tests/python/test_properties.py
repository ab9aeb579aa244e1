"""Whatever is given from outside ends in a value or in an error of killcord's own, and no secret is in that error."""

from __future__ import annotations

import contextlib
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from killcord import ConfigError, Credentials, JournalLine, KillcordError, Policy, SettingsError, SharedLease, TornLine
from killcord.journal import read, uncovered
from killcord.settings import Settings

FEW = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
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
