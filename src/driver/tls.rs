//! TLS as it must be: rustls, the machine's own certificate authorities plus those the user adds, TLS 1.2 or later,
//! host names verified. There is no way to switch verification off.

use super::error::StartError;
use crate::model::{ConfigError, LossCause};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{CertificateError, ClientConfig, RootCertStore};
use std::io;
use std::sync::Arc;
use tokio_rustls::TlsConnector;

/// A client configuration that trusts the machine's authorities and those in `extra_ca_pem`. Sessions are resumed
/// within it.
pub(super) fn client_config(extra_ca_pem: Option<&[u8]>) -> Result<Arc<ClientConfig>, StartError> {
    let mut roots = RootCertStore::empty();
    let native = rustls_native_certs::load_native_certs();
    for error in &native.errors {
        tracing::debug!(%error, "a root certificate of this machine was not read");
    }
    roots.add_parsable_certificates(native.certs);
    if let Some(pem) = extra_ca_pem {
        add_extra(&mut roots, pem)?;
    }
    if roots.is_empty() {
        return Err(StartError::NoRoots);
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the ring provider has cipher suites for the default versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

fn add_extra(roots: &mut RootCertStore, pem: &[u8]) -> Result<(), ConfigError> {
    let wrong = |rule| ConfigError::new("extra_ca_pem", format_args!("{} bytes", pem.len()), rule);
    let mut count = 0;
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|_| wrong("must be certificates in PEM form"))?;
        roots.add(certificate).map_err(|_| wrong("must hold certificates of authorities"))?;
        count += 1;
    }
    if count == 0 { Err(wrong("must hold at least one certificate")) } else { Ok(()) }
}

/// Performs the handshake.
pub(super) async fn handshake<S>(
    config: &Arc<ClientConfig>,
    host: &str,
    socket: S,
) -> Result<tokio_rustls::client::TlsStream<S>, LossCause>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    let name = ServerName::try_from(host.to_owned())
        .map_err(|_| LossCause::Certificate { why: "the host is not a name a certificate can be for" })?;
    TlsConnector::from(config.clone()).connect(name, socket).await.map_err(|error| handshake_loss(&error))
}

fn handshake_loss(error: &io::Error) -> LossCause {
    match tls_error(error) {
        Some(error) => loss_of(error),
        None if error.kind() == io::ErrorKind::UnexpectedEof => {
            LossCause::Tls { why: "the peer ended the connection during the handshake" }
        }
        None => super::socket::loss_of(error),
    }
}

/// The TLS error inside an I/O error, when there is one.
pub(super) fn tls_error(error: &io::Error) -> Option<&rustls::Error> {
    error.get_ref()?.downcast_ref()
}

/// What a TLS error says about the loss. `rustls::Error` may grow, hence the last arm.
pub(super) fn loss_of(error: &rustls::Error) -> LossCause {
    match error {
        rustls::Error::InvalidCertificate(why) => LossCause::Certificate { why: certificate_word(why) },
        rustls::Error::NoCertificatesPresented => LossCause::Certificate { why: "none was presented" },
        rustls::Error::InvalidMessage(_) => LossCause::Tls { why: "what came is not TLS" },
        rustls::Error::PeerIncompatible(_) => LossCause::Tls { why: "no version or cipher in common" },
        rustls::Error::AlertReceived(_) => LossCause::Tls { why: "the peer sent an alert" },
        _ => LossCause::Tls { why: "the peer misbehaved" },
    }
}

fn certificate_word(error: &CertificateError) -> &'static str {
    match error {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "expired",
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "not valid yet; is this machine's clock right?"
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => "for another host",
        CertificateError::UnknownIssuer => "from an unknown or self-signed authority",
        CertificateError::Revoked => "revoked",
        CertificateError::BadSignature => "wrongly signed",
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => "not for a server",
        _ => "unacceptable",
    }
}
