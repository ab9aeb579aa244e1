//! Where a link or a call goes. Parsed once; holds no query secrets; plaintext is possible on loopback only.

use super::ConfigError;
use std::fmt;

/// A websocket or HTTP address.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Endpoint {
    /// `wss`, `https`, or their plaintext forms (loopback only).
    pub scheme: Scheme,
    /// Host name or address, without brackets.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Path with query, starting with `/`; for HTTP endpoints a prefix without a trailing slash, possibly empty.
    pub path: String,
}

/// What is spoken at an endpoint.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Scheme {
    /// Websocket over TLS.
    Wss,
    /// Plaintext websocket; loopback only.
    Ws,
    /// HTTP over TLS.
    Https,
    /// Plaintext HTTP; loopback only.
    Http,
}

impl Scheme {
    /// True for `wss` and `https`.
    pub const fn is_tls(self) -> bool {
        matches!(self, Self::Wss | Self::Https)
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::Wss => "wss",
            Self::Ws => "ws",
            Self::Https => "https",
            Self::Http => "http",
        }
    }
}

impl Endpoint {
    /// Reads `wss://host[:port]/path?query` (or `https`, and on loopback `ws`, `http`).
    /// `field` is the configuration field named in the error.
    pub fn parse(field: &'static str, url: &str) -> Result<Self, ConfigError> {
        let wrong = |rule| ConfigError::new(field, url, rule);
        let (scheme, rest) = url.split_once("://").ok_or_else(|| wrong("needs the form wss://host[:port]/path"))?;
        let scheme = match scheme {
            "wss" => Scheme::Wss,
            "ws" => Scheme::Ws,
            "https" => Scheme::Https,
            "http" => Scheme::Http,
            _ => return Err(wrong("the scheme must be wss or https (ws and http on loopback only)")),
        };
        let split = rest.find('/').unwrap_or(rest.len());
        let (authority, path) = rest.split_at(split);
        if authority.contains('@') {
            return Err(wrong("must not carry a user name or password"));
        }
        let (host, port) =
            split_authority(authority, scheme).ok_or_else(|| wrong("needs a host and a port up to 65535"))?;
        if !scheme.is_tls() && !is_loopback(&host) {
            return Err(wrong("plaintext is allowed on loopback only; use wss or https"));
        }
        if path.chars().any(|c| c.is_control() || c == ' ') {
            return Err(wrong("the path must not contain spaces or control characters"));
        }
        Ok(Self { scheme, host, port, path: path.to_owned() })
    }

    /// The same endpoint with `name=value` added to the query.
    pub fn with_query(mut self, name: &str, value: &str) -> Self {
        let joint = if self.path.contains('?') { '&' } else { '?' };
        self.path = format!("{}{joint}{name}={value}", self.path);
        self
    }
}

impl fmt::Display for Endpoint {
    /// The address without its query.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.split('?').next().unwrap_or_default();
        let (open, close) = if self.host.contains(':') { ("[", "]") } else { ("", "") };
        write!(f, "{}://{open}{}{close}:{}{path}", self.scheme.as_str(), self.host, self.port)
    }
}

fn split_authority(authority: &str, scheme: Scheme) -> Option<(String, u16)> {
    let default_port = if scheme.is_tls() { 443 } else { 80 };
    if let Some(rest) = authority.strip_prefix('[') {
        let (host, tail) = rest.split_once(']')?;
        let port = if tail.is_empty() { default_port } else { tail.strip_prefix(':')?.parse().ok()? };
        return (!host.is_empty()).then(|| (host.to_owned(), port));
    }
    let (host, port) = match authority.split_once(':') {
        Some((host, port)) => (host, port.parse().ok()?),
        None => (authority, default_port),
    };
    (!host.is_empty() && port != 0).then(|| (host.to_owned(), port))
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_address_is_read() {
        let endpoint = Endpoint::parse("url", "wss://stream.example.com/v5/private?a=1").unwrap();
        assert_eq!((endpoint.port, endpoint.path.as_str()), (443, "/v5/private?a=1"));
        assert_eq!(endpoint.to_string(), "wss://stream.example.com:443/v5/private");
    }

    #[test]
    fn plaintext_away_from_loopback_is_refused() {
        let error = Endpoint::parse("url", "ws://stream.example.com/").unwrap_err();
        assert!(error.to_string().contains("plaintext"), "{error}");
        assert!(Endpoint::parse("url", "ws://127.0.0.1:8080/x").is_ok());
        assert!(Endpoint::parse("url", "ws://[::1]:8080/x").is_ok());
    }

    #[test]
    fn nonsense_is_refused() {
        for url in [
            "",
            "stream.example.com",
            "ftp://x/",
            "wss:///path",
            "wss://host:99999/",
            "wss://u:p@host/",
            "wss://host:0/",
        ] {
            assert!(Endpoint::parse("url", url).is_err(), "{url}");
        }
    }
}
