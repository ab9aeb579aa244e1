//! The keyed hashes venues sign with, and their text forms. Vectors from the specifications are tested in each dialect.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256, Sha512};
use zeroize::Zeroizing;

/// HMAC-SHA256 as lower-case hexadecimal.
pub fn hmac_sha256_hex(key: &str, message: &str) -> String {
    let mut mac = new_mac::<Hmac<Sha256>>(key.as_bytes());
    mac.update(message.as_bytes());
    hex(&mac.finalize().into_bytes())
}

/// HMAC-SHA512 over the concatenation of `parts`, as base64.
pub fn hmac_sha512_base64(key: &[u8], parts: &[&[u8]]) -> String {
    let mut mac = new_mac::<Hmac<Sha512>>(key);
    for part in parts {
        mac.update(part);
    }
    STANDARD.encode(mac.finalize().into_bytes())
}

/// Plain SHA-256 over the concatenation of `parts`.
pub fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part);
    }
    hash.finalize().into()
}

/// Decodes a base64 secret; `None` when it is not base64.
pub fn decode_base64(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    STANDARD.decode(text).ok().map(Zeroizing::new)
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes.iter().flat_map(|b| [DIGITS[usize::from(b >> 4)], DIGITS[usize::from(b & 15)]]).map(char::from).collect()
}

fn new_mac<M: Mac + hmac::digest::KeyInit>(key: &[u8]) -> M {
    // HMAC accepts keys of every length.
    <M as Mac>::new_from_slice(key).expect("HMAC takes a key of any length")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4231, test case 2.
    #[test]
    fn rfc_4231_case_2() {
        assert_eq!(
            hmac_sha256_hex("Jefe", "what do ya want for nothing?"),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }
}
