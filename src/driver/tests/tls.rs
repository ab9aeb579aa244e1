//! Nothing is said to a venue that is not the one meant.

use super::peer::{send, text_of};
use super::*;
use crate::driver::StartError;
use crate::driver::tls::client_config;
use crate::model::{Endpoint, LossCause};
use crate::venue::Lane;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, PublicKeyData};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

#[test]
fn a_verified_venue_is_spoken_to_over_tls_and_its_session_is_resumed() {
    let authority = Authority::new();
    let venue = authority.venue(&["127.0.0.1"]);
    let (peer, seen, _guard) = dial_trusting(&authority);
    let mut first = venue.accept(&peer);
    send(&mut first, "one");
    assert_eq!(text_of(&mut first), "one");
    assert_eq!(first.get_ref().conn.handshake_kind(), Some(rustls::HandshakeKind::Full));
    first.get_mut().sock.shutdown(std::net::Shutdown::Both).unwrap();
    assert_eq!(seen.lost(), LossCause::EndOfStream);
    let mut second = venue.accept(&peer);
    send(&mut second, "two");
    assert_eq!(text_of(&mut second), "two");
    assert_eq!(second.get_ref().conn.handshake_kind(), Some(rustls::HandshakeKind::Resumed));
}

#[test]
fn a_connection_that_is_opened_again_ahead_of_a_call_resumes_its_tls_session() {
    let authority = Authority::new();
    let venue = authority.venue(&["127.0.0.1"]);
    let peer = Peer::listen();
    let endpoint = Endpoint::parse("url", &format!("https://{}/", peer.address())).unwrap();
    let (script, _seen) = Scripted::new(endpoint.clone(), |_| vec![Do::Phase(crate::model::Phase::Connecting)]);
    let mut settings = settings();
    settings.warm = Some(crate::driver::call::WarmUp { to: endpoint, pause: Duration::from_millis(200) });
    let tls = client_config(Some(authority.0.pem().as_bytes())).unwrap();
    let guard = Engine::start().unwrap().add_machine(script, settings, Some(tls)).unwrap();
    guard.start().unwrap();
    let mut first = [venue.secure(peer.accept()), venue.secure(peer.accept())];
    for stream in &mut first {
        stream.conn.complete_io(&mut stream.sock).unwrap();
        assert_eq!(stream.conn.handshake_kind(), Some(rustls::HandshakeKind::Full));
    }
    let [one, _other] = first;
    drop(one);
    let mut again = venue.secure(peer.accept());
    again.conn.complete_io(&mut again.sock).unwrap();
    assert_eq!(again.conn.handshake_kind(), Some(rustls::HandshakeKind::Resumed));
}

#[test]
fn a_certificate_for_another_host_is_refused() {
    let authority = Authority::new();
    let cause = refused(&authority, &authority.venue(&["other.example.com"]));
    assert_eq!(cause, LossCause::Certificate { why: "for another host" });
}

#[test]
fn a_certificate_of_an_unknown_authority_is_refused() {
    let cause = refused(&Authority::new(), &Authority::new().venue(&["127.0.0.1"]));
    assert_eq!(cause, LossCause::Certificate { why: "from an unknown or self-signed authority" });
}

#[test]
fn an_expired_certificate_is_refused() {
    let authority = Authority::new();
    let mut params = CertificateParams::new(vec!["127.0.0.1".into()]).unwrap();
    params.not_before = rcgen::date_time_ymd(2020, 1, 1);
    params.not_after = rcgen::date_time_ymd(2021, 1, 1);
    let cause = refused(&authority, &authority.certify(params));
    assert_eq!(cause, LossCause::Certificate { why: "expired" });
}

#[test]
fn a_certificate_that_is_not_valid_yet_is_refused() {
    let authority = Authority::new();
    let mut params = CertificateParams::new(vec!["127.0.0.1".into()]).unwrap();
    params.not_before = rcgen::date_time_ymd(2090, 1, 1);
    params.not_after = rcgen::date_time_ymd(2091, 1, 1);
    let cause = refused(&authority, &authority.certify(params));
    assert_eq!(cause, LossCause::Certificate { why: "not valid yet; is this machine's clock right?" });
}

#[test]
fn a_self_signed_certificate_is_refused() {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec!["127.0.0.1".into()]).unwrap().self_signed(&key).unwrap();
    let cause = refused(&Authority::new(), &Venue::showing(certificate.der().clone(), &key));
    assert_eq!(cause, LossCause::Certificate { why: "from an unknown or self-signed authority" });
}

#[test]
fn a_certificate_for_a_client_is_refused() {
    let authority = Authority::new();
    let mut params = CertificateParams::new(vec!["127.0.0.1".into()]).unwrap();
    params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ClientAuth];
    let cause = refused(&authority, &authority.certify(params));
    assert_eq!(cause, LossCause::Certificate { why: "not for a server" });
}

#[test]
fn versions_before_1_2_are_refused() {
    for version in [[3, 1], [3, 2], [3, 0]] {
        let (peer, seen, _guard) = dial_trusting(&Authority::new());
        let mut theirs = peer.accept();
        theirs.write_all(&server_hello(version)).unwrap();
        assert_eq!(seen.lost(), LossCause::Tls { why: "no version or cipher in common" }, "{version:?}");
        only_a_handshake(&mut theirs);
    }
}

#[test]
fn a_peer_that_speaks_no_tls_is_told_apart_from_a_bad_certificate() {
    let (peer, seen, _guard) = dial_trusting(&Authority::new());
    let mut theirs = peer.accept();
    theirs.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
    assert_eq!(seen.lost(), LossCause::Tls { why: "what came is not TLS" });
    only_a_handshake(&mut theirs);
}

#[test]
fn a_peer_that_says_nothing_is_a_timeout_of_tls() {
    let (peer, seen, _guard) = dial_trusting(&Authority::new());
    let _theirs = peer.accept();
    assert_eq!(seen.lost(), LossCause::StageTimeout { stage: "tls" });
}

#[test]
fn a_peer_that_hangs_up_during_the_handshake_is_a_tls_loss() {
    let (peer, seen, _guard) = dial_trusting(&Authority::new());
    let mut theirs = peer.accept();
    let mut hello = [0; 64];
    theirs.read_exact(&mut hello).unwrap();
    theirs.shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(seen.lost(), LossCause::Tls { why: "the peer ended the connection during the handshake" });
}

#[test]
fn nothing_of_the_upgrade_leaves_before_the_venue_is_verified() {
    let authority = Authority::new();
    let stranger = Authority::new().venue(&["127.0.0.1"]);
    let (peer, seen, _guard) = dial_trusting(&authority);
    let mut stream = stranger.secure(peer.accept());
    let mut said = [0; 1];
    assert!(stream.read(&mut said).is_err(), "said {said:?}");
    assert!(matches!(seen.lost(), LossCause::Certificate { .. }));
}

#[test]
fn what_is_not_pem_is_refused_with_the_field_named() {
    for pem in [&b"not a certificate"[..], b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        let Err(StartError::Config(error)) = client_config(Some(pem)) else { panic!("accepted") };
        assert_eq!(error.field, "extra_ca_pem");
    }
}

fn refused(trusted: &Authority, venue: &Venue) -> LossCause {
    let (peer, seen, _guard) = dial_trusting(trusted);
    let mut stream = venue.secure(peer.accept());
    // Drives the handshake to its end on our side.
    let mut said = [0; 1];
    let end = stream.read(&mut said);
    assert!(matches!(end, Ok(0) | Err(_)), "said {said:?} to a peer that was not verified");
    seen.lost()
}

/// What the peer got is the beginning of a handshake, perhaps an alert, and nothing of the request.
fn only_a_handshake(theirs: &mut TcpStream) {
    let mut got = Vec::new();
    let mut chunk = [0; 4096];
    while let Ok(length @ 1..) = theirs.read(&mut chunk) {
        got.extend_from_slice(&chunk[..length]);
    }
    assert_eq!(got[0], HANDSHAKE, "{got:x?}");
    for plain in [TOKEN, "GET", "killcord"] {
        assert!(!got.windows(plain.len()).any(|part| part == plain.as_bytes()), "{plain} was sent");
    }
}

/// A server's first words in an old version, with a cipher that the client offered (RFC 5246, 7.4.1.3).
fn server_hello([major, minor]: [u8; 2]) -> Vec<u8> {
    let (random, cipher) = ([7; 32], [0xc0, 0x2f]);
    let body = [&[major, minor][..], &random, &[0], &cipher, &[0]].concat();
    let message = [&[2, 0, 0, body.len() as u8][..], &body].concat();
    [&[HANDSHAKE, major, minor, 0, message.len() as u8][..], &message].concat()
}

/// A TLS record of this type is part of a handshake.
const HANDSHAKE: u8 = 22;
/// Stands in the address that is dialled, as a secret would.
const TOKEN: &str = "CANARY-TOKEN-0001";

/// A guard that dials the peer over TLS, dials again after every loss, and echoes.
fn dial_trusting(authority: &Authority) -> (Peer, script::Log, GuardHandle) {
    let peer = Peer::listen();
    let endpoint = Endpoint::parse("url", &format!("wss://{}/private?token={TOKEN}", peer.address())).unwrap();
    let (script, seen) = Scripted::new(endpoint, |seen| match seen {
        Seen::Start => vec![Do::Dial(FIRST, LinkRole::Guard)],
        Seen::Lost(epoch, _) => vec![Do::Dial(epoch.next(), LinkRole::Guard)],
        Seen::Line(epoch, text) => vec![Do::Say(*epoch, text.clone(), Lane::Order)],
        _ => vec![],
    });
    let mut settings = settings();
    settings.stages.tls = Duration::from_millis(500);
    let tls = client_config(Some(authority.0.pem().as_bytes())).unwrap();
    let guard = Engine::start().unwrap().add_machine(script, settings, Some(tls)).unwrap();
    guard.start().unwrap();
    (peer, seen, guard)
}

struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        // No two of them are called the same.
        params.distinguished_name.push(rcgen::DnType::CommonName, format!("{:?}", key.der_bytes()));
        Self(CertifiedIssuer::self_signed(params, key).unwrap())
    }

    fn venue(&self, names: &[&str]) -> Venue {
        let names: Vec<String> = names.iter().map(|name| (*name).into()).collect();
        self.certify(CertificateParams::new(names).unwrap())
    }

    fn certify(&self, params: CertificateParams) -> Venue {
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        Venue::showing(certificate.der().clone(), &key)
    }
}

struct Venue(Arc<ServerConfig>);

type Secure = StreamOwned<ServerConnection, TcpStream>;

impl Venue {
    fn showing(certificate: CertificateDer<'static>, key: &KeyPair) -> Self {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate], PrivateKeyDer::Pkcs8(key.serialize_der().into()))
            .unwrap();
        Self(Arc::new(config))
    }

    fn secure(&self, stream: TcpStream) -> Secure {
        StreamOwned::new(ServerConnection::new(self.0.clone()).unwrap(), stream)
    }

    fn accept(&self, peer: &Peer) -> tokio_tungstenite::tungstenite::WebSocket<Secure> {
        tokio_tungstenite::tungstenite::accept(self.secure(peer.accept())).unwrap()
    }
}
