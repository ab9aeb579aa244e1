//! Single calls to Crypto.com: public methods by GET, private ones by POST in the signed envelope.

use super::{CryptoCom, wire};
use crate::model::{Endpoint, Now, WallTime};
use crate::venue::direct::{self, Direct, Params};
use crate::venue::{CallLine, HttpMethod, HttpRequest};

impl Direct for CryptoCom {
    fn http(&self) -> &Endpoint {
        &self.http
    }

    fn guard(&self) -> &Endpoint {
        &self.guard
    }

    fn write(&mut self, _now: Now, stamp: WallTime, step: &str, params: &Params) -> HttpRequest {
        let path = format!("/exchange/v1/{step}");
        if !step.starts_with("private/") {
            let path = direct::path_with(&path, params);
            let (headers, body) = (Vec::new(), String::new());
            return HttpRequest { method: HttpMethod::Get, path, headers, body, line: CallLine::Normal };
        }
        let (id, mut body) = (self.requests.id(), String::new());
        let credentials = &self.config.access.credentials;
        wire::push_signed(&mut body, id, step, Some(&direct::object(params)), stamp, credentials);
        let headers = vec![("Content-Type", "application/json".to_owned())];
        HttpRequest { method: HttpMethod::Post, path, headers, body, line: CallLine::Normal }
    }
}
