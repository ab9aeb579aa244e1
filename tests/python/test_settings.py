"""The configuration file as Python reads it: what is made of it, and where each mistake is said to be."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from killcord import BybitProduct, ConfigError, Deribit, Environment, Kraken, Settings, SettingsError
from killcord.sim import Exchange

DESK = """[run]
journal = "guard.journal"

[[account]]
name = "desk"
venue = "deribit"
credentials = { env = "DESK" }
heartbeat_s = 30
"""
SPOT = """
[[account]]
name = "spot"
venue = "kraken"
credentials = { file = "spot.key" }
window_s = 30
cadence_s = 10
"""


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DESK_KEY", "KILLCORD0001")
    monkeypatch.setenv("DESK_SECRET", "desk-canary")


def test_accounts_are_built_with_their_own_values(tmp_path: Path) -> None:
    key_file(tmp_path / "spot.key", 0o600)
    settings = Settings.read(written(tmp_path, DESK + SPOT + "policy = { dead_margin_s = 2 }\n"))
    assert settings.journal == tmp_path / "guard.journal"
    desk, spot = settings.venues()
    assert isinstance(desk, Deribit) and desk.heartbeat_s == 30 and desk.account == "desk"
    assert isinstance(spot, Kraken) and (spot.window_s, spot.cadence_s) == (30, 10.0)
    assert settings.account("spot").policy.dead_margin_s == 2.0
    assert settings.account("desk").policy.dead_margin_s == 0.8
    assert settings.account("spot").credentials_from == "file spot.key"


def test_own_addresses_make_the_custom_environment(tmp_path: Path) -> None:
    with Exchange("bybit", factor=0.1) as exchange:
        assert exchange.ca_pem is not None
        (tmp_path / "ca.pem").write_text(exchange.ca_pem)
        addresses = f'guard_url = "{exchange.guard_url}", http_url = "{exchange.http_url}"'
        text = DESK.replace("deribit", "bybit").replace(
            "heartbeat_s = 30",
            f'products = ["SPOT"]\ntrade_link = false\nendpoints = {{ {addresses}, ca_file = "ca.pem", time_factor = 0.1 }}',
        )
        (venue,) = Settings.read(written(tmp_path, text)).venues()
    assert venue.environment is Environment.CUSTOM
    assert getattr(venue, "products", None) == (BybitProduct.SPOT,)


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        ("heartbeat_s = 30", "heartbeat_s = 5", "8:15: account.desk.heartbeat_s = 5: must be between 10 and 3600 seconds"),
        ("heartbeat_s = 30", "heart_beat_s = 5", "8:1: account.desk.heart_beat_s: is not a key here; did you mean heartbeat_s?"),
        ('"kraken"', '"kraken"\nenvironment = "test"', "13:15: account.spot.environment = test: Kraken Spot has no test environment"),
        ("window_s = 30", "window_s = 3", "14:12: account.spot.window_s = 3: must be at least 5 and less than 86400"),
        ("cadence_s = 10", "cadence_s = 20", "15:13: account.spot.cadence_s = 20 s: "),
        ("cadence_s = 10", "policy = { stall_limit_s = 99 }", "15:28: account.spot.policy.stall_limit_s = 99 s: must be between"),
        (
            "heartbeat_s = 30",
            'endpoints = { guard_url = "http://x", http_url = "https://x" }',
            "8:27: account.desk.endpoints.guard_url = ",
        ),
        (
            "heartbeat_s = 30",
            'endpoints = { guard_url = "wss://x", http_url = "https://x", ca_file = "none.pem" }',
            "8:72: account.desk.endpoints.ca_file = none.pem: cannot be read: No such file or directory",
        ),
        ("heartbeat_s = 30", "heartbeat_s = ", "8:15: not TOML"),
    ],
)
def test_a_mistake_has_its_line_column_and_key(tmp_path: Path, right: str, wrong: str, said: str) -> None:
    path = written(tmp_path, (DESK + SPOT).replace(right, wrong))
    with pytest.raises(SettingsError) as refused:
        Settings.read(path)
    assert str(refused.value).startswith(f"{path}:{said}")


def test_a_policy_of_the_file_that_cannot_be_is_told_once(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as refused:
        Settings.read(written(tmp_path, "[policy]\nstall_limit_s = 99\n" + DESK + SPOT))
    assert [mistake.line for mistake in refused.value.mistakes] == [2]
    assert refused.value.field == "policy.stall_limit_s"


def test_secrets_that_are_missing_are_all_told_with_their_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DESK_SECRET")
    settings = Settings.read(written(tmp_path, DESK + SPOT))
    with pytest.raises(SettingsError) as refused:
        settings.venues()
    assert [mistake.line for mistake in refused.value.mistakes] == [7, 13]
    assert "DESK_SECRET the environment variable must be set" in str(refused.value)


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604])
def test_a_key_file_others_can_read_is_refused_with_its_mode(tmp_path: Path, mode: int) -> None:
    key_file(tmp_path / "spot.key", mode)
    with pytest.raises(SettingsError, match=f"has mode {mode:04o}") as refused:
        Settings.read(written(tmp_path, DESK + SPOT)).venues()
    assert refused.value.mistakes[0].line == 13
    assert "canary" not in str(refused.value)


def test_a_key_file_behind_a_link_is_refused(tmp_path: Path) -> None:
    key_file(tmp_path / "real.key", 0o600)
    (tmp_path / "spot.key").symlink_to("real.key")
    with pytest.raises(SettingsError, match="must not be a symbolic link"):
        Settings.read(written(tmp_path, DESK + SPOT)).venues()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_key_file_of_somebody_else_is_refused(tmp_path: Path) -> None:
    key_file(tmp_path / "spot.key", 0o600)
    os.chown(tmp_path / "spot.key", 4242, 4242)
    with pytest.raises(SettingsError, match="it belongs to uid 4242"):
        Settings.read(written(tmp_path, DESK + SPOT)).venues()


def test_a_secret_its_venue_cannot_use_is_a_mistake_of_that_line(tmp_path: Path) -> None:
    key_file(tmp_path / "spot.key", 0o600, secret="not*base64-canary")
    with pytest.raises(SettingsError, match="must be the base64 text Kraken shows") as refused:
        Settings.read(written(tmp_path, DESK + SPOT)).venues()
    assert refused.value.mistakes[0].line == 13
    assert "canary" not in str(refused.value)


def test_a_file_that_others_can_write_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, DESK)
    path.chmod(0o666)
    with pytest.raises(ConfigError, match="others must not be able to write it"):
        Settings.read(path)


def test_no_secret_is_in_what_is_printed(tmp_path: Path) -> None:
    key_file(tmp_path / "spot.key", 0o600, secret="Y2FuYXJ5")
    settings = Settings.read(written(tmp_path, DESK + SPOT))
    shown = repr(settings) + repr(settings.venues())
    assert "canary" not in shown and "Y2FuYXJ5" not in shown


def test_an_unknown_account_is_answered_with_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="has desk, spot"):
        Settings.read(written(tmp_path, DESK + SPOT)).account("other")


def written(folder: Path, text: str) -> Path:
    path = folder / "killcord.toml"
    path.write_text(text)
    path.chmod(0o644)
    return path


def key_file(path: Path, mode: int, secret: str = "AAAA") -> None:
    path.write_text(f"KEY=spotkey\nSECRET={secret}\n")
    path.chmod(mode)
