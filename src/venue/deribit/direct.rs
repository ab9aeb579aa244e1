//! Single calls to Deribit, all by GET. `public/auth` is sent with the login's signature, so that what it grants (its
//! `scope`) can be looked at; the secret itself never travels.

use super::{Deribit, wire};
use crate::model::{Credentials, Endpoint, Now, WallTime};
use crate::venue::direct::{self, Direct, Params};
use crate::venue::{CallLine, HttpMethod, HttpRequest};

impl Direct for Deribit {
    fn http(&self) -> &Endpoint {
        &self.http
    }

    fn guard(&self) -> &Endpoint {
        &self.guard
    }

    fn write(&mut self, now: Now, stamp: WallTime, step: &str, params: &Params) -> HttpRequest {
        let nonce = self.nonces.next(now.wall);
        let credentials = &self.config.access.credentials;
        let path = format!("/api/v2/{step}");
        let (path, headers) = if step == wire::LOGIN {
            (direct::path_with(&path, &login_fields(credentials, stamp, &nonce)), Vec::new())
        } else {
            let path = direct::path_with(&path, params);
            let signed = step.starts_with("private/");
            let header = signed.then(|| ("Authorization", wire::authorization(credentials, stamp, &nonce, &path)));
            (path, header.into_iter().collect())
        };
        HttpRequest { method: HttpMethod::Get, path, headers, body: String::new(), line: CallLine::Normal }
    }
}

/// What the login asks for over HTTP: the scopes a guard needs, without tying them to a connection.
fn login_fields(credentials: &Credentials, stamp: WallTime, nonce: &str) -> Vec<(String, String)> {
    let signature = wire::login_signature(credentials, stamp.millis(), nonce, "");
    [
        ("grant_type", "client_signature".to_owned()),
        ("client_id", credentials.key.clone()),
        ("timestamp", stamp.millis().to_string()),
        ("signature", signature),
        ("nonce", nonce.to_owned()),
        ("data", String::new()),
        ("scope", wire::SCOPES_NEEDED.join(" ")),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .to_vec()
}
