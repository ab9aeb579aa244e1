//! Single HTTP calls that belong to no guard: what `killcord check` and `killcord drill` ask a venue on a path of their
//! own. A dialect writes and signs them exactly as it does its own calls, so that a key which works here works there.
//!
//! Deliberately not here: which calls are made, when, and what an answer means. That is the commands' business.

use super::HttpRequest;
use crate::model::{Endpoint, Now, WallTime};
use std::fmt::Write;

/// Names and values of a call's parameters, in the order in which they are written.
pub type Params = [(String, String)];

/// A dialect as the writer of single calls. Every one is new: it shares nothing with a guard of the same account.
pub trait Direct {
    /// Where calls go.
    fn http(&self) -> &Endpoint;

    /// Where the guarding link would be dialled.
    fn guard(&self) -> &Endpoint;

    /// One call. `step` is a method, path or operation in the venue's spelling; what is private is signed with `stamp`,
    /// the venue's time as the caller knows it.
    fn write(&mut self, now: Now, stamp: WallTime, step: &str, params: &Params) -> HttpRequest;
}

/// Parameters as a query or a form, escaped.
pub(super) fn push_query(text: &mut String, params: &Params) {
    for (at, (name, value)) in params.iter().enumerate() {
        if at > 0 {
            text.push('&');
        }
        push_escaped(text, name);
        text.push('=');
        push_escaped(text, value);
    }
}

/// Path and query.
pub(super) fn path_with(path: &str, params: &Params) -> String {
    let mut text = path.to_owned();
    if !params.is_empty() {
        text.push('?');
        push_query(&mut text, params);
    }
    text
}

/// Parameters as a JSON object of strings. Venues take their decimals quoted.
pub(super) fn object(params: &Params) -> String {
    let mut text = String::from("{");
    for (at, (name, value)) in params.iter().enumerate() {
        if at > 0 {
            text.push(',');
        }
        super::json::push_string(&mut text, name);
        text.push(':');
        super::json::push_string(&mut text, value);
    }
    text.push('}');
    text
}

/// A value that cannot end the query or form it stands in.
pub(super) fn push_escaped(text: &mut String, value: &str) {
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            text.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(text, "%{byte:02X}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn a_value_cannot_end_the_query_it_stands_in() {
        let path = path_with("/x", &params(&[("pair", "BTC/USD"), ("a", "b&c=d e")]));
        assert_eq!(path, "/x?pair=BTC%2FUSD&a=b%26c%3Dd%20e");
        assert_eq!(path_with("/x", &[]), "/x");
    }

    #[test]
    fn an_object_quotes_what_it_is_given() {
        assert_eq!(object(&params(&[("id", "1"), ("t", "a\"b")])), r#"{"id":"1","t":"a\"b"}"#);
        assert_eq!(object(&[]), "{}");
    }
}
