"""Configuration is refused when it is built, with the field, the value and the rule; secrets go in and do not come out."""

from __future__ import annotations

import copy
import dataclasses
import os
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from killcord import (
    Bybit,
    BybitProduct,
    ConfigError,
    Credentials,
    CryptoCom,
    Deribit,
    DeribitScope,
    Endpoints,
    Environment,
    Kraken,
    Policy,
    Venue,
)

SECRET = "canary-5ecret-0042"


def test_the_default_policy_is_the_one_of_the_core() -> None:
    policy = Policy()
    assert (policy.probe_every_s, policy.dead_floor_s, policy.latch_after_trip) == (0.25, 1.0, True)


def test_a_policy_is_frozen_and_compares_by_value() -> None:
    assert Policy(dead_margin_s=2) == Policy(dead_margin_s=2.0)
    with pytest.raises(dataclasses.FrozenInstanceError):
        Policy().probe_every_s = 1.0  # type: ignore[misc]


def test_a_policy_field_out_of_range_is_named_with_its_unit_value_and_rule() -> None:
    with pytest.raises(ConfigError) as caught:
        Policy(read_back_every_s=1)
    assert caught.value.field == "read_back_every_s"
    assert caught.value.value == "1 s"
    assert "between 5 s and 600 s" in caught.value.rule


@given(st.floats(allow_nan=True, allow_infinity=True))
def test_no_float_gets_past_the_policy_unjudged(value: float) -> None:
    try:
        policy = Policy(probe_every_s=value)
    except ConfigError as error:
        assert error.field == "probe_every_s"
        assert not 0.05 <= value <= 5
    else:
        assert 0.05 <= policy.probe_every_s <= 5


def test_two_policy_fields_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(ConfigError, match="dead_margin_s"):
        Policy(suspect_margin_s=2, dead_margin_s=1)


def test_plaintext_away_from_loopback_is_refused() -> None:
    with pytest.raises(ConfigError) as caught:
        Endpoints("ws://gateway.example/", "https://gateway.example")
    assert caught.value.field == "guard_url"
    assert Endpoints("ws://127.0.0.1:1/", "http://127.0.0.1:1").ca_pem is None


@pytest.mark.parametrize(
    ("build", "field"),
    [
        (lambda: Endpoints("https://a.example", "https://a.example"), "guard_url"),
        (lambda: Endpoints("wss://a.example", "wss://a.example"), "http_url"),
        (lambda: Endpoints("wss://a.example", "https://a.example", "nonsense"), "trade_url"),
        (lambda: Endpoints("wss://a.example", "https://a.example", ca_pem="/etc/ca.pem"), "ca_pem"),
        (lambda: Endpoints("wss://a.example", "https://a.example", time_factor=2), "time_factor"),
        (lambda: Endpoints("wss://a.example", "https://a.example", time_factor=float("nan")), "time_factor"),
    ],
)
def test_an_address_that_cannot_be_used_is_refused_by_name(build: Callable[[], Endpoints], field: str) -> None:
    with pytest.raises(ConfigError) as caught:
        build()
    assert caught.value.field == field


def test_a_venue_is_built_with_the_defaults_that_its_signature_shows() -> None:
    assert Deribit(keys()).heartbeat_s == 10
    assert Bybit(keys()).products == (BybitProduct.DERIVATIVES, BybitProduct.SPOT)
    assert Kraken(keys()).cadence_s == 15
    assert CryptoCom(keys()).environment is Environment.PRODUCTION


@pytest.mark.parametrize(
    ("build", "field"),
    [
        (lambda: Deribit(keys(), heartbeat_s=9), "heartbeat_s"),
        (lambda: Deribit(keys(), heartbeat_s=3601), "heartbeat_s"),
        (lambda: Bybit(keys(), products=()), "products"),
        (lambda: Bybit(keys(), products=(BybitProduct.SPOT, BybitProduct.SPOT)), "products"),
        (lambda: Bybit(keys(), window_s=2), "window_s"),
        (lambda: Bybit(keys(), max_active_time_s=601), "max_active_time_s"),
        (lambda: Bybit(keys(), custom=Endpoints("wss://a.example", "https://a.example")), "trade_url"),
        (lambda: Kraken(keys(), window_s=4), "window_s"),
        (lambda: Kraken(keys(), cadence_s=0.5), "cadence_s"),
        (lambda: Kraken(keys(), cadence_s=float("nan")), "cadence_s"),
        (lambda: Kraken(keys(), window_s=60, cadence_s=21), "cadence_s"),
        (lambda: Kraken(keys(), environment=Environment.TEST), "environment"),
        (lambda: Kraken(Credentials.values(key="k", secret="not-base64!")), "credentials.secret"),
        (lambda: CryptoCom(keys(), environment=Environment.CUSTOM), "environment"),
        (lambda: CryptoCom(keys(), environment=Environment.TEST, custom=own()), "environment"),
        (lambda: Deribit(keys(), custom=own(trade_url="wss://a.example/trade")), "trade_url"),
    ],
)
def test_what_a_venue_would_refuse_is_refused_by_name(build: Callable[[], Venue], field: str) -> None:
    with pytest.raises(ConfigError) as caught:
        build()
    assert caught.value.field == field
    assert caught.value.rule


def test_addresses_of_your_own_are_the_custom_environment() -> None:
    venue = Deribit(keys(), custom=own(), scope=DeribitScope.ACCOUNT)
    assert venue.environment is Environment.CUSTOM
    assert dataclasses.replace(venue, account="desk").account == "desk"


def test_a_venue_shows_nothing_of_the_secret() -> None:
    assert SECRET not in repr(Deribit(Credentials.values(key="client-id-0001", secret=SECRET)))


def test_credentials_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DERIBIT_KEY", "client-id-0001")
    monkeypatch.setenv("DERIBIT_SECRET", SECRET)
    assert isinstance(Credentials.from_env("DERIBIT"), Credentials)


@pytest.mark.parametrize("absent", ["DERIBIT_KEY", "DERIBIT_SECRET"])
def test_a_missing_variable_is_named(monkeypatch: pytest.MonkeyPatch, absent: str) -> None:
    monkeypatch.setenv("DERIBIT_KEY", "client-id-0001")
    monkeypatch.setenv("DERIBIT_SECRET", SECRET)
    monkeypatch.delenv(absent)
    with pytest.raises(ConfigError, match=f"{absent} = .unset."):
        Credentials.from_env("DERIBIT")


@pytest.mark.parametrize(
    "text",
    [
        f'{{"key": "client-id-0001", "secret": "{SECRET}"}}',
        f"# the desk's key\nKEY=client-id-0001\n\nSECRET = {SECRET}\nOTP=1234\n",
    ],
)
def test_credentials_come_from_a_private_file_or_a_descriptor(tmp_path: Path, text: str) -> None:
    path = private(tmp_path, text)
    assert isinstance(Credentials.from_file(path), Credentials)
    fd = os.open(path, os.O_RDONLY)
    try:
        assert isinstance(Credentials.from_fd(fd), Credentials)
        os.fstat(fd)
    finally:
        os.close(fd)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o610])
def test_a_file_that_others_can_open_is_refused_with_path_and_mode(tmp_path: Path, mode: int) -> None:
    path = private(tmp_path, f"KEY=k\nSECRET={SECRET}\n")
    path.chmod(mode)
    with pytest.raises(ConfigError) as caught:
        Credentials.from_file(path)
    assert str(path) in str(caught.value)
    assert f"{mode:04o}" in str(caught.value)
    assert SECRET not in str(caught.value)


def test_a_symbolic_link_is_refused(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(private(tmp_path, f"KEY=k\nSECRET={SECRET}\n"))
    with pytest.raises(ConfigError, match="symbolic link"):
        Credentials.from_file(link)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_of_another_user_is_refused(tmp_path: Path) -> None:
    path = private(tmp_path, f"KEY=k\nSECRET={SECRET}\n")
    os.chown(path, 65534, 65534)
    with pytest.raises(ConfigError, match="uid 65534"):
        Credentials.from_file(path)


@pytest.mark.parametrize("kind", ["missing", "directory", "pipe"])
def test_what_is_no_regular_file_is_refused_without_waiting(tmp_path: Path, kind: str) -> None:
    path = tmp_path / kind
    if kind == "directory":
        path.mkdir(mode=0o700)
    elif kind == "pipe":
        os.mkfifo(path, 0o600)
    with pytest.raises(ConfigError, match=str(path)):
        Credentials.from_file(path)


@pytest.mark.parametrize(
    "text",
    [
        f'{{"key": "k", "secret": "{SECRET}", "note": "{SECRET}"}}',
        f'{{"key": "k", "secret": "{SECRET}"',
        f'{{"key": "k", "secret": ["{SECRET}"]}}',
        f"KEY=k\nSECRET={SECRET}\nSECRET={SECRET}\n",
        f"KEY=k\n{SECRET}\n",
        f"KEY=k\nTOKEN={SECRET}\n",
        f"SECRET={SECRET}\n",
        f"KEY={SECRET} {SECRET}\nSECRET={SECRET} {SECRET}\n",
        SECRET * 5000,
    ],
)
def test_a_file_that_cannot_be_understood_is_refused_without_quoting_it(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Credentials.from_file(private(tmp_path, text))
    assert SECRET not in f"{caught.value} {caught.value!r} {caught.value.__dict__}"


def test_an_unusable_descriptor_is_refused() -> None:
    for fd in (-1, 1_000_000):
        with pytest.raises(ConfigError, match=f"descriptor {fd}"):
            Credentials.from_fd(fd)


def test_credentials_show_nothing_of_the_secret() -> None:
    credentials = Credentials.values(key="client-id-0001", secret=SECRET, otp="0tp-" + SECRET)
    assert repr(credentials) == "Credentials(key=…0001, secret=[secret])"
    assert not hasattr(credentials, "__dict__")
    public = [name for name in dir(credentials) if not name.startswith("__")]
    assert public == ["from_env", "from_fd", "from_file", "values"]


@pytest.mark.parametrize("copier", [pickle.dumps, copy.copy, copy.deepcopy])
def test_credentials_cannot_be_pickled_or_copied(copier: Callable[[Credentials], object]) -> None:
    with pytest.raises(TypeError, match="stays in this process"):
        copier(Credentials.values(key="client-id-0001", secret=SECRET))


def keys() -> Credentials:
    return Credentials.values(key="client-id-0001", secret="c2VjcmV0LXNlY3JldA==")


def own(trade_url: str | None = None) -> Endpoints:
    return Endpoints("wss://a.example", "https://a.example", trade_url)


def private(directory: Path, text: str) -> Path:
    path = directory / "credentials"
    path.touch(mode=0o600)
    path.write_text(text)
    return path
