//! HTTP calls: one answer or one failure for each, within one deadline. A connection stays open for the next call of its
//! line, and one for each line is opened before it is needed, so that a kill does not wait for three round trips first.
//! Redirects are answers like any other. A request is sent a second time only when not one byte of it left on a
//! connection that had been kept: anything else could do twice what was asked once.

use super::clock;
use super::dial::{Dialler, MESSAGE_MAX, USER_AGENT, host_header};
use super::socket::{self, Ending};
use crate::model::{CallTag, Endpoint, LossCause, Moment, Scheme};
use crate::venue::{CallLine, HttpMethod, HttpRequest};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{Builder, SendRequest};
use hyper::{Method, Request, Response, header};
use hyper_util::rt::TokioIo;
use std::future::{poll_fn, ready};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

/// All calls of one guard.
pub(super) struct Calls {
    dialler: Dialler,
    deadline: Duration,
    running: Vec<Running>,
    kept: Vec<Connection>,
    /// Whether a connection is kept for the next call.
    keeps: bool,
    warm: Option<Warm>,
}

/// Where connections are opened ahead, and how often at most.
#[derive(Clone, Debug)]
pub(super) struct WarmUp {
    pub(super) to: Endpoint,
    /// Between two openings for the same line. Venues close what is idle.
    pub(super) pause: Duration,
}

/// Connections that are being opened ahead of any call.
struct Warm {
    up: WarmUp,
    opening: Vec<(CallLine, Work)>,
    next: [(CallLine, Moment); 2],
}

/// The venue's answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: String,
    pub(super) date: Option<String>,
}

impl Calls {
    pub(super) fn new(dialler: Dialler, deadline: Duration, keeps: bool, warm: Option<WarmUp>) -> Self {
        let warm = warm.map(|up| Warm {
            up,
            opening: Vec::new(),
            next: [(CallLine::Kill, Moment::default()), (CallLine::Normal, Moment::default())],
        });
        Self { dialler, deadline, running: Vec::new(), kept: Vec::new(), keeps, warm }
    }

    /// Begins a call. [`Calls::poll_done`] must be polled afterwards.
    pub(super) fn start(&mut self, tag: CallTag, request: HttpRequest, to: &Endpoint) {
        let line = request.line;
        let future = self.future(request, to);
        self.running.push(Running { tag, line, future });
    }

    fn future(&mut self, request: HttpRequest, to: &Endpoint) -> Work {
        let line = request.line;
        if self.running.iter().filter(|call| call.line == line).count() >= RUNNING_MAX {
            return Box::pin(ready(Outcome::failed(LossCause::Local { what: "HTTP calls at a time" })));
        }
        let Some(request) = written(request, to) else {
            return Box::pin(ready(Outcome::failed(LossCause::Local { what: "request: not expressible as HTTP" })));
        };
        let place = Place::new(to, line);
        let kept = self.kept.iter().position(|kept| kept.place == place).map(|at| self.kept.swap_remove(at));
        let deadline = clock::now().at + self.deadline;
        Box::pin(within(self.dialler.clone(), to.clone(), place, request, kept, deadline))
    }

    /// The next call that ended. Also watches the connections that are kept.
    pub(super) fn poll_done(&mut self, cx: &mut Context<'_>) -> Option<(CallTag, Result<Answer, LossCause>)> {
        self.kept.retain_mut(|kept| kept.is_open(cx));
        for at in 0..self.running.len() {
            if let Poll::Ready(outcome) = self.running[at].future.as_mut().poll(cx) {
                let call = self.running.swap_remove(at);
                self.keep(cx, outcome.connection);
                return Some((call.tag, outcome.result));
            }
        }
        None
    }

    /// Sees to it that each line has an open connection that waits for it. Nothing is said on one, so no limit of a venue
    /// on requests is touched; see [`WARM_PAUSE`] for that on connections.
    pub(super) fn keep_warm(&mut self, cx: &mut Context<'_>) {
        let Some(mut warm) = self.warm.take() else { return };
        self.poll_openings(cx, &mut warm);
        // What fails at once leaves a pause to be waited for.
        while self.open_what_is_missing(&mut warm) {
            self.poll_openings(cx, &mut warm);
        }
        self.warm = Some(warm);
    }

    /// True when something new must be polled.
    fn open_what_is_missing(&mut self, warm: &mut Warm) -> bool {
        let (now, before) = (clock::now().at, warm.opening.len());
        for (line, next) in &mut warm.next {
            let opening = warm.opening.iter().any(|(each, _)| each == line);
            let busy = self.running.iter().any(|call| call.line == *line);
            if opening || busy || self.kept.iter().any(|kept| kept.place.line == *line) {
                continue;
            }
            if now < *next {
                self.dialler.wishes.wish(*next);
                continue;
            }
            *next = now + warm.up.pause;
            warm.opening.push((*line, self.opening(&warm.up.to, *line, now)));
        }
        warm.opening.len() > before
    }

    fn poll_openings(&mut self, cx: &mut Context<'_>, warm: &mut Warm) {
        let mut at = 0;
        while let Some((_, future)) = warm.opening.get_mut(at) {
            match future.as_mut().poll(cx) {
                Poll::Pending => at += 1,
                Poll::Ready(outcome) => {
                    drop(warm.opening.swap_remove(at));
                    self.keep(cx, outcome.connection);
                }
            }
        }
    }

    fn opening(&self, to: &Endpoint, line: CallLine, now: Moment) -> Work {
        let place = Place::new(to, line);
        let (dialler, to, deadline) = (self.dialler.clone(), to.clone(), now + self.deadline);
        Box::pin(async move {
            let opened = dialler.wishes.within(deadline, Connection::open(&dialler, &to, place)).await;
            match opened {
                Some(Ok(connection)) => Outcome { result: Err(LossCause::OnPurpose), connection: Some(connection) },
                Some(Err(cause)) => {
                    tracing::debug!(%cause, "no HTTP connection could be opened ahead");
                    Outcome::failed(cause)
                }
                None => Outcome::failed(LossCause::StageTimeout { stage: "http" }),
            }
        })
    }

    fn keep(&mut self, cx: &mut Context<'_>, connection: Option<Connection>) {
        let Some(mut connection) = connection else { return };
        if self.keeps && connection.is_open(cx) && !self.kept.iter().any(|kept| kept.place == connection.place) {
            self.kept.push(connection);
        }
    }

    /// True while a call of a kill is under way.
    pub(super) fn is_killing(&self) -> bool {
        self.running.iter().any(|call| call.line == CallLine::Kill)
    }

    /// Gives up everything.
    pub(super) fn clear(&mut self) {
        self.running.clear();
        self.kept.clear();
        self.warm = None;
    }
}

struct Running {
    tag: CallTag,
    line: CallLine,
    future: Work,
}

type Work = Pin<Box<dyn Future<Output = Outcome> + Send>>;

struct Outcome {
    result: Result<Answer, LossCause>,
    /// Still good for another call.
    connection: Option<Connection>,
}

impl Outcome {
    fn failed(cause: LossCause) -> Self {
        Self { result: Err(cause), connection: None }
    }
}

/// Which calls may share a connection.
#[derive(Clone, PartialEq, Eq)]
struct Place {
    scheme: Scheme,
    host: String,
    port: u16,
    line: CallLine,
}

impl Place {
    fn new(to: &Endpoint, line: CallLine) -> Self {
        Self { scheme: to.scheme, host: to.host.clone(), port: to.port, line }
    }
}

/// An open HTTP/1.1 connection. The driver does the reading and writing and must be polled with whatever waits for it.
struct Connection {
    place: Place,
    sender: SendRequest<Full<Bytes>>,
    driver: Pin<Box<dyn Future<Output = ()> + Send>>,
    ended: bool,
}

impl Connection {
    async fn open(dialler: &Dialler, to: &Endpoint, place: Place) -> Result<Self, LossCause> {
        let stream = dialler.stream(to, Ending::Orderly).await?;
        tracing::debug!(line = ?place.line, resumed = stream.is_resumed(), "an HTTP connection is open");
        let opened = Builder::new().max_buf_size(HEAD_MAX).handshake(TokioIo::new(stream)).await;
        let (sender, connection) = opened.map_err(|error| call_loss(&error))?;
        let driver = Box::pin(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "an HTTP connection ended");
            }
        });
        Ok(Self { place, sender, driver, ended: false })
    }

    fn is_open(&mut self, cx: &mut Context<'_>) -> bool {
        self.ended = self.ended || self.driver.as_mut().poll(cx).is_ready();
        !self.ended && !self.sender.is_closed()
    }

    /// Drives the connection while waiting for `work`.
    async fn drive<T>(&mut self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        poll_fn(|cx| {
            self.is_open(cx);
            work.as_mut().poll(cx)
        })
        .await
    }

    /// Sends a request and collects the answer. Gives the request back when nothing of it left.
    async fn ask(&mut self, request: Request<Full<Bytes>>) -> Result<Result<Answer, LossCause>, Request<Full<Bytes>>> {
        if poll_fn(|cx| self.poll_ready(cx)).await.is_err() {
            return Err(request);
        }
        let sending = self.sender.try_send_request(request);
        match self.drive(sending).await {
            Ok(response) => Ok(self.drive(collected(response)).await),
            Err(mut error) => match error.take_message() {
                Some(unsent) => Err(unsent),
                None => Ok(Err(call_loss(error.error()))),
            },
        }
    }

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<hyper::Result<()>> {
        self.is_open(cx);
        self.sender.poll_ready(cx)
    }
}

async fn within(
    dialler: Dialler,
    to: Endpoint,
    place: Place,
    request: Request<Full<Bytes>>,
    kept: Option<Connection>,
    deadline: Moment,
) -> Outcome {
    let work = exchange(&dialler, &to, place, request, kept);
    let in_time = dialler.wishes.within(deadline, work).await;
    in_time.unwrap_or_else(|| Outcome::failed(LossCause::StageTimeout { stage: "http" }))
}

async fn exchange(
    dialler: &Dialler,
    to: &Endpoint,
    place: Place,
    mut request: Request<Full<Bytes>>,
    kept: Option<Connection>,
) -> Outcome {
    if let Some(mut connection) = kept {
        match connection.ask(request).await {
            Ok(result) => return Outcome { result, connection: Some(connection) },
            Err(unsent) => request = unsent,
        }
    }
    let mut connection = match Connection::open(dialler, to, place).await {
        Ok(connection) => connection,
        Err(cause) => return Outcome::failed(cause),
    };
    match connection.ask(request).await {
        Ok(result) => Outcome { result, connection: Some(connection) },
        Err(_) => Outcome::failed(LossCause::EndOfStream),
    }
}

async fn collected(response: Response<Incoming>) -> Result<Answer, LossCause> {
    let status = response.status().as_u16();
    let date = response.headers().get(header::DATE).and_then(|date| date.to_str().ok()).map(str::to_owned);
    let body = Limited::new(response.into_body(), MESSAGE_MAX).collect().await.map_err(|error| body_loss(&*error))?;
    let body = String::from_utf8(body.to_bytes().into()).map_err(|_| LossCause::Protocol)?;
    Ok(Answer { status, body, date })
}

/// The request as HTTP; `None` when a header or the path cannot be written.
fn written(request: HttpRequest, to: &Endpoint) -> Option<Request<Full<Bytes>>> {
    let method = match request.method {
        HttpMethod::Get => Method::GET,
        HttpMethod::Post => Method::POST,
    };
    let mut builder = Request::builder()
        .method(method)
        .uri(format!("{}{}", to.path, request.path))
        .header(header::HOST, host_header(to))
        .header(header::USER_AGENT, USER_AGENT);
    let names_its_type = request.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    if !request.body.is_empty() && !names_its_type {
        builder = builder.header(header::CONTENT_TYPE, "application/json");
    }
    for (name, value) in &request.headers {
        builder = builder.header(*name, value);
    }
    builder.body(Full::new(Bytes::from(request.body))).ok()
}

fn call_loss(error: &hyper::Error) -> LossCause {
    let io = std::error::Error::source(error).and_then(|source| source.downcast_ref::<std::io::Error>());
    match io {
        Some(io) => super::tls::tls_error(io).map_or_else(|| socket::loss_of(io), super::tls::loss_of),
        None if error.is_incomplete_message() || error.is_closed() || error.is_canceled() => LossCause::EndOfStream,
        None if error.is_parse_too_large() => LossCause::TooLarge,
        None => LossCause::Protocol,
    }
}

fn body_loss(error: &(dyn std::error::Error + 'static)) -> LossCause {
    match error.downcast_ref::<hyper::Error>() {
        Some(error) => call_loss(error),
        None if error.is::<LengthLimitError>() => LossCause::TooLarge,
        None => LossCause::Protocol,
    }
}

/// Between two openings ahead of need for the same line: eight a minute in all, where the strictest venue allows 15
/// connections a minute (Kraken, 150 in ten minutes, which the links use to half), and nothing at all while they stay open.
pub(super) const WARM_PAUSE: Duration = Duration::from_secs(15);
/// Calls of one line that may run at the same time: two whole kills, the first of which is not answered, on the venue that
/// wants them part by part. More is a storm of our own making.
const RUNNING_MAX: usize = 32;
/// Status line and headers together.
const HEAD_MAX: usize = 64 << 10;
