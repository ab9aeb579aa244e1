//! Single calls to Kraken: `public/Time` by GET, `private/OpenOrders` by POST with a nonce and a signature. Nonces are
//! wall-clock nanoseconds, like a guard's, so that one key serves both as long as they do not call at the same instant.

use super::Kraken;
use crate::model::{Endpoint, Now, WallTime};
use crate::venue::direct::{self, Direct, Params};
use crate::venue::{CallLine, HttpMethod, HttpRequest};

impl Direct for Kraken {
    fn http(&self) -> &Endpoint {
        &self.http
    }

    fn guard(&self) -> &Endpoint {
        &self.guard
    }

    fn write(&mut self, now: Now, _stamp: WallTime, step: &str, params: &Params) -> HttpRequest {
        let path = format!("/0/{step}");
        if step.starts_with("private/") {
            let mut form = String::new();
            direct::push_query(&mut form, params);
            return self.calls.signed_form(now, path, &form);
        }
        let path = direct::path_with(&path, params);
        let headers = vec![super::calls::user_agent()];
        HttpRequest { method: HttpMethod::Get, path, headers, body: String::new(), line: CallLine::Normal }
    }
}
