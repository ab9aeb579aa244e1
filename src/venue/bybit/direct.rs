//! Single calls to Bybit. A step is a verb and a path, as its pages print them: `GET /v5/order/realtime`.

use super::Bybit;
use super::calls::signed_headers;
use crate::model::{Endpoint, Now, WallTime};
use crate::venue::direct::{self, Direct, Params};
use crate::venue::{CallLine, HttpMethod, HttpRequest};

/// What needs no signature.
const PUBLIC: [&str; 2] = ["/v5/market/", "/v5/system/"];

impl Direct for Bybit {
    fn http(&self) -> &Endpoint {
        &self.http
    }

    fn guard(&self) -> &Endpoint {
        &self.guard
    }

    fn write(&mut self, _now: Now, stamp: WallTime, step: &str, params: &Params) -> HttpRequest {
        let (verb, path) = step.split_once(' ').unwrap_or(("GET", step));
        let method = if verb == "POST" { HttpMethod::Post } else { HttpMethod::Get };
        let (mut payload, mut headers) = (String::new(), Vec::new());
        match method {
            HttpMethod::Post => payload = direct::object(params),
            HttpMethod::Get => direct::push_query(&mut payload, params),
        }
        if !PUBLIC.iter().any(|prefix| path.starts_with(prefix)) {
            headers = signed_headers(stamp, &self.credentials, &payload);
        }
        let line = CallLine::Normal;
        match method {
            HttpMethod::Post => {
                headers.push(("Content-Type", "application/json".to_owned()));
                HttpRequest { method, path: path.to_owned(), headers, body: payload, line }
            }
            HttpMethod::Get => {
                let path = if payload.is_empty() { path.to_owned() } else { format!("{path}?{payload}") };
                HttpRequest { method, path, headers, body: String::new(), line }
            }
        }
    }
}
