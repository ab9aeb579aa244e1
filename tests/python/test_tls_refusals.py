"""Whoever answers in a venue's place and is not it gets the beginning of a TLS handshake, an alert, and nothing else: on the link
and over HTTP, for every venue, also when a kill is what wants to go out."""

from __future__ import annotations

import contextlib
import ssl
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from exits.row import spellings
from guarded import FACTOR, venue_of
from recorder import (
    ALERT,
    APPLICATION_DATA,
    CHANGE_CIPHER,
    ENCRYPTED_ALERT,
    HANDSHAKE,
    Answer,
    Recorder,
    passing_on,
    records,
    saying,
)
from relay import port_of

from killcord import ConfigError, Endpoints, Guard, LinkLost, Loss, Phase, Policy, VenueName
from killcord.sim import Exchange

FAULTS = ["expired", "wrong host", "self-signed", "unknown authority", "old version", "plaintext"]
#: What the guard says of each, in its events.
WORDS = {
    "expired": "expired",
    "wrong host": "for another host",
    "self-signed": "self-signed",
    "unknown authority": "unknown or self-signed",
    "old version": "no version or cipher in common",
    "plaintext": "not TLS",
}
#: For 127.0.0.1 and good for a hundred years; protects nothing.
SELF_SIGNED = """-----BEGIN CERTIFICATE-----
MIIBrjCCAVSgAwIBAgIUM14fQQiot5O+tCwEvffHMaz8G00wCgYIKoZIzj0EAwIw
HzEdMBsGA1UEAwwUa2lsbGNvcmQgc2VsZi1zaWduZWQwIBcNMjYxMTIxMDE0MzMy
WhgPMjEyNjEwMjgwMTQzMzJaMB8xHTAbBgNVBAMMFGtpbGxjb3JkIHNlbGYtc2ln
bmVkMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEUsVwQoKZf3Acb5SqBo5t0or8
jgf5Fmz4rkGctwCjFpu88n0eqI4CUNn0ENUNuNhWGfHFGJZikb7BxRoKziT+UaNs
MGowHQYDVR0OBBYEFADUFHvboO3pjy59FxdMD/X2dEz5MB8GA1UdIwQYMBaAFADU
FHvboO3pjy59FxdMD/X2dEz5MBoGA1UdEQQTMBGHBH8AAAGCCWxvY2FsaG9zdDAM
BgNVHRMBAf8EAjAAMAoGCCqGSM49BAMCA0gAMEUCIAnCJzyUZ03zqIlVqnA70pi7
FUA7tjW0/Ll5GBb18UXVAiEAnt4xc4/lIxg7nDjMGYFAFzhVay2wXBDj/UnDxbKU
tkQ=
-----END CERTIFICATE-----
"""
SELF_SIGNED_KEY = """-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgV8s8vSALPYCbkKY7
YsPxbUzsJxQGAOZRUOapICXj3u6hRANCAARSxXBCgpl/cBxvlKoGjm3SivyOB/kW
bPiuQZy3AKMWm7zyfR6ojgJQ2fQQ1Q242FYZ8cUYlmKRvsHFGgrOJP5R
-----END PRIVATE KEY-----
"""


@pytest.mark.parametrize("venue", VenueName, ids=lambda venue: venue.value)
@pytest.mark.parametrize("fault", FAULTS)
def test_a_link_to_one_who_is_not_the_venue_gets_no_byte_of_a_secret(venue: VenueName, fault: str) -> None:
    with Exchange(venue, factor=FACTOR) as good, impostor(good, fault) as (stranger, authorities):
        endpoints = replace(good.endpoints, ca_pem=authorities, guard_url=elsewhere(good.guard_url, stranger.port))
        if good.trade_url is not None:
            endpoints = replace(endpoints, trade_url=elsewhere(good.trade_url, stranger.port))
        with started(good, endpoints) as guard:
            stranger.wait_ended(1)
            loss = first_loss(guard)
        nothing_was_told(stranger, good)
        assert WORDS[fault] in f"{loss} {loss!r}"
        assert not guard.snapshot.claim


@pytest.mark.parametrize("venue", VenueName, ids=lambda venue: venue.value)
@pytest.mark.parametrize("fault", FAULTS)
def test_a_kill_over_http_to_one_who_is_not_the_venue_gets_no_byte_of_a_secret(venue: VenueName, fault: str) -> None:
    with Exchange(venue, factor=FACTOR) as good, impostor(good, fault) as (stranger, authorities):
        endpoints = replace(good.endpoints, ca_pem=authorities, http_url=elsewhere(good.http_url, stranger.port))
        with started(good, endpoints) as guard:
            with contextlib.suppress(Exception):
                guard.kill_blocking("an impostor", timeout_s=0.15)
            stranger.wait_ended(1)
        nothing_was_told(stranger, good)


def test_what_the_judgement_would_find() -> None:
    with Exchange("deribit", factor=FACTOR) as good, Recorder(passing_on(port_of(good.guard_url))) as between:
        endpoints = replace(good.endpoints, guard_url=elsewhere(good.guard_url, between.port))
        with started(good, endpoints) as guard:
            guard.wait_phase(Phase.ARMED, 20.0)
        between.wait_ended(1)
        with pytest.raises(AssertionError, match="application data"):
            nothing_was_told(between, good)
        between.heard[0][:] = b"\x16\x03\x01\x00\x40" + good.account.secret.encode()
        with pytest.raises(AssertionError, match="secret"):
            nothing_was_told(between, good)


@pytest.mark.parametrize("venue", VenueName, ids=lambda venue: venue.value)
def test_an_address_without_tls_that_is_not_loopback_is_refused_before_anything_is_dialled(venue: VenueName) -> None:
    with Exchange(venue, factor=FACTOR) as good:
        for url in ("ws://venue.example.com/ws", "ws://192.0.2.1:80/ws"):
            with pytest.raises(ConfigError, match="guard_url"):
                venue_of(good, replace(good.endpoints, guard_url=url))
        with pytest.raises(ConfigError, match="http_url"):
            venue_of(good, replace(good.endpoints, http_url="http://venue.example.com"))


def nothing_was_told(stranger: Recorder, venue: Exchange) -> None:
    """The client's part of a handshake that failed, and no secret in any spelling."""
    heard = [bytes(each) for each in stranger.heard if each]
    assert heard, "nobody came"
    for each in heard:
        assert not [found for found in spellings([venue.account.secret]) if found in each], "a secret in plain sight"
        assert venue.account.key.encode() not in each, "a key in plain sight"
        for kind, length in records(each):
            if kind == APPLICATION_DATA:
                assert length <= ENCRYPTED_ALERT, f"application data of {length} bytes"
            else:
                assert kind in (HANDSHAKE, CHANGE_CIPHER, ALERT), f"a record of type {kind}"


@contextlib.contextmanager
def impostor(good: Exchange, fault: str) -> Iterator[tuple[Recorder, str]]:
    """Somebody who answers, and the authorities the guard trusts."""
    trusted = good.ca_pem or ""
    match fault:
        case "expired" | "wrong host":
            hosts = ["other.example.com"] if fault == "wrong host" else ["127.0.0.1"]
            bad = Exchange(good.venue, factor=FACTOR, certificate_hosts=hosts, certificate_expired=fault == "expired")
            with bad, Recorder(passing_on(port_of(bad.guard_url))) as stranger:
                yield stranger, trusted + (bad.ca_pem or "")
                heard_nothing(bad)
        case "unknown authority":
            with Exchange(good.venue, factor=FACTOR) as bad, Recorder(passing_on(port_of(bad.guard_url))) as stranger:
                yield stranger, trusted
                heard_nothing(bad)
        case "self-signed":
            with Recorder(self_signed()) as stranger:
                yield stranger, trusted
        case "old version":
            with Recorder(saying(server_hello(b"\x03\x02"))) as stranger:
                yield stranger, trusted
        case _:
            with Recorder(saying(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as stranger:
                yield stranger, trusted


def first_loss(guard: Guard) -> Loss:
    while events := guard.drain_events(1000, 10.0):
        for event in events:
            if isinstance(event, LinkLost):
                return event.loss
    raise AssertionError("no loss was told")


def heard_nothing(venue: Exchange) -> None:
    assert not venue.journal(), "it was spoken to"


def self_signed() -> Answer:
    """A server that shows a certificate of its own making."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory() as folder:
        chain = Path(folder) / "chain.pem"
        chain.write_text(SELF_SIGNED + SELF_SIGNED_KEY)
        context.load_cert_chain(chain)

    def handshake(client: object, first: bytes, kept: bytearray) -> None:
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        server = context.wrap_bio(incoming, outgoing, server_side=True)
        data = first
        while data:
            incoming.write(data)
            with contextlib.suppress(ssl.SSLWantReadError):
                server.do_handshake()
            client.sendall(outgoing.read())  # type: ignore[attr-defined]
            data = client.recv(65536)  # type: ignore[attr-defined]
            kept += data

    return handshake


def server_hello(version: bytes) -> bytes:
    """A server's first words in an old version, with a cipher that the client offered (RFC 5246, 7.4.1.3)."""
    body = version + b"\x07" * 32 + b"\x00" + b"\xc0\x2f" + b"\x00"
    message = b"\x02" + len(body).to_bytes(3, "big") + body
    return b"\x16" + version + len(message).to_bytes(2, "big") + message


@contextlib.contextmanager
def started(venue: Exchange, endpoints: Endpoints) -> Iterator[Guard]:
    guard = Guard(venue_of(venue, endpoints), Policy())
    guard.start()
    try:
        yield guard
    finally:
        guard.stop()


def elsewhere(url: str, port: int) -> str:
    """The same address at another port."""
    return url.replace(f":{port_of(url)}", f":{port}")
