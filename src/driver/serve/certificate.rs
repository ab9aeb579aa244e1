//! A throw-away certificate authority and one server certificate signed by it, made anew at every start. The keys never
//! leave this process and are never written anywhere.

use super::ServeError;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose, date_time_ymd,
};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// What the server shows and what a client must trust.
pub(super) struct Identity {
    /// For the acceptor.
    pub config: Arc<ServerConfig>,
    /// The authority's certificate, PEM.
    pub ca_pem: String,
}

/// Makes both for the given names (DNS names or addresses). An expired certificate is one that ended in 2020.
pub(super) fn identity(names: &[String], expired: bool) -> Result<Identity, ServeError> {
    make(names, expired).map_err(|why| ServeError::Certificate(why.to_string()))
}

fn make(names: &[String], expired: bool) -> Result<Identity, Box<dyn std::error::Error>> {
    let authority_key = KeyPair::generate()?;
    let authority = CertifiedIssuer::self_signed(authority_params(&authority_key), authority_key)?;
    let key = KeyPair::generate()?;
    let mut params = leaf_params(names)?;
    if expired {
        params.not_after = date_time_ymd(2020, 1, 1);
    }
    let leaf = params.signed_by(&key, &authority)?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(
            vec![leaf.der().clone()],
            PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der())),
        )?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Identity { config: Arc::new(config), ca_pem: authority.pem() })
}

/// The name carries a piece of the key's digest, so that several authorities can stand in one file of trusted ones.
fn authority_params(key: &KeyPair) -> CertificateParams {
    let mut params = CertificateParams::default();
    let digest: String =
        Sha256::digest(key.public_key_raw()).iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    params.distinguished_name.push(DnType::CommonName, format!("killcord embedded venue authority {digest}"));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

/// Strict verifiers (OpenSSL's X509_STRICT, the default of newer Pythons) want the authority key identifier.
fn leaf_params(names: &[String]) -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(names.to_vec())?;
    params.distinguished_name.push(DnType::CommonName, "killcord embedded venue");
    params.use_authority_key_identifier_extension = true;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
    Ok(params)
}
