//! One live link: the websocket, what waits to be written on it, and what the kernel knows about its send queue. It is
//! read and written from the guard's own task, one after the other, with nothing in between.

use super::frame::{self, Masks};
use super::lanes::{Lanes, Waiting};
use super::send_queue::{self, SAMPLE_EVERY, Watch};
use super::socket;
use super::stream::Stream;
use super::tls;
use crate::model::{Epoch, LossCause, Moment, RequestId};
use crate::venue::Lane;
use futures_util::{Sink, StreamExt};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::AsyncWrite;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{self, Bytes, Message, Utf8Bytes};

pub(super) type Websocket = WebSocketStream<Stream>;

/// One live link.
pub(super) struct Link {
    pub(super) epoch: Epoch,
    websocket: Websocket,
    lanes: Lanes,
    masks: Masks,
    /// The socket takes no more at the moment; everything new queues up in the lanes.
    blocked: bool,
    /// Nothing new leaves; see [`Link::mute`].
    muted: bool,
    /// Writing failed. Reading may still tell the better reason.
    broken: Option<LossCause>,
    /// The session hung up, or the link is lost. Nothing is read or written any more.
    leaving: Option<Leaving>,
    /// The last ping said that has not come back.
    pinged: Option<u64>,
    queue: Watch,
    next_sample: Moment,
}

/// How a link that nobody uses any more goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Leaving {
    /// It was reset.
    Reset,
    /// What was said is still flushed, and a close frame follows.
    Farewell,
    /// The peer closed; its close frame is answered and nothing else.
    Answer,
}

/// What came in.
pub(super) enum Arrived {
    /// A text message.
    Text(Utf8Bytes),
    /// A binary message. No venue sends these.
    Binary(Bytes),
    /// One of our pings came back.
    Pong(u64),
    /// The peer pinged; it has been answered, unless the link is muted.
    PeerPing,
    /// The link ended.
    Lost(LossCause),
}

impl Link {
    pub(super) fn new(epoch: Epoch, websocket: Websocket) -> Self {
        Self {
            epoch,
            websocket,
            lanes: Lanes::default(),
            masks: Masks::default(),
            blocked: false,
            muted: false,
            broken: None,
            leaving: None,
            pinged: None,
            queue: Watch::default(),
            next_sample: Moment::default(),
        }
    }

    /// The next thing that came in. What is no message for anybody is passed over.
    pub(super) fn poll_arrived(&mut self, cx: &mut Context<'_>) -> Poll<Arrived> {
        if self.muted && self.blocked {
            // A ping that is read is answered by the websocket layer, behind what is still to leave.
            return Poll::Pending;
        }
        loop {
            let message = match self.websocket.poll_next_unpin(cx) {
                Poll::Ready(Some(Ok(message))) => message,
                Poll::Ready(Some(Err(error))) => {
                    self.tell_the_breach(cx, &error);
                    return Poll::Ready(Arrived::Lost(loss_of(error)));
                }
                Poll::Ready(None) => return Poll::Ready(Arrived::Lost(LossCause::EndOfStream)),
                // Drained without a reason to be found; then the failed write is the reason.
                Poll::Pending => {
                    return self.broken.take().map_or(Poll::Pending, |cause| Poll::Ready(Arrived::Lost(cause)));
                }
            };
            match message {
                Message::Text(text) => return Poll::Ready(Arrived::Text(text)),
                Message::Binary(bytes) => return Poll::Ready(Arrived::Binary(bytes)),
                Message::Ping(_) => {
                    if !self.muted {
                        self.flush(cx);
                    }
                    return Poll::Ready(Arrived::PeerPing);
                }
                Message::Pong(payload) => {
                    if let Some(nonce) = self.came_back(&payload) {
                        return Poll::Ready(Arrived::Pong(nonce));
                    }
                }
                Message::Close(frame) => return Poll::Ready(Arrived::Lost(closed(frame))),
                // Reading never yields a raw frame.
                Message::Frame(_) => {}
            }
        }
    }

    /// A peer that breaks the protocol is told by a close code (RFC 6455, 7.1.7), which the library leaves to us. Only if
    /// the socket takes it now: nothing is waited for, and a reset follows.
    fn tell_the_breach(&mut self, cx: &mut Context<'_>, error: &tungstenite::Error) {
        let Some(code) = breach_code(error).filter(|_| self.is_writable()) else { return };
        let (stream, masks) = (self.websocket.get_mut(), &mut self.masks);
        if stream.queue_frame(|out| frame::push_close(out, masks, code)).is_ok() {
            self.flush_stream(cx);
        }
    }

    fn came_back(&mut self, payload: &Bytes) -> Option<u64> {
        let nonce = u64::from_be_bytes(payload.as_ref().try_into().ok()?);
        if self.pinged == Some(nonce) {
            self.pinged = None;
        }
        Some(nonce)
    }

    /// Writes a line at once, or queues it in its lane when the socket takes no more; true then.
    pub(super) fn say(&mut self, cx: &mut Context<'_>, now: Moment, line: &str, lane: Lane) -> bool {
        if self.muted {
            return false;
        }
        if self.is_writable() {
            self.write(cx, now, |out, masks| frame::push_text(out, masks, line));
            return false;
        }
        let queued = self.lanes.push(lane, Waiting::Line(line.to_owned()));
        if !queued {
            tracing::debug!(epoch = self.epoch.0, ?lane, "a lane is full: a line was dropped");
        }
        queued
    }

    /// Says a message back, in its own wrapping, as a conformance test wants it; nothing once writing failed.
    #[cfg(test)]
    pub(super) fn echo(&mut self, cx: &mut Context<'_>, arrived: &Arrived) {
        if !self.is_writable() {
            return;
        }
        let now = super::clock::now().at;
        match arrived {
            Arrived::Text(text) => self.write(cx, now, |out, masks| frame::push_text(out, masks, text)),
            Arrived::Binary(bytes) => self.write(cx, now, |out, masks| frame::push_binary(out, masks, bytes)),
            Arrived::Pong(_) | Arrived::PeerPing | Arrived::Lost(_) => {}
        }
    }

    /// The same with a protocol ping.
    pub(super) fn ping(&mut self, cx: &mut Context<'_>, now: Moment, nonce: u64) {
        if self.muted {
            return;
        }
        if self.pinged.is_none() {
            self.next_sample = now + SAMPLE_EVERY;
        }
        self.pinged = Some(nonce);
        if self.is_writable() {
            self.write(cx, now, |out, masks| frame::push_ping(out, masks, nonce));
        } else {
            self.lanes.push(Lane::Keepalive, Waiting::Ping(nonce));
        }
    }

    /// Nothing new leaves any more, not even answers to the peer's pings. Of what waits only the control lane does, in
    /// which cancel-all is: neither a keepalive nor an order may come behind it.
    pub(super) fn mute(&mut self) {
        self.muted = true;
        self.lanes.keep_control_only();
        self.close_if_muted();
    }

    /// Only with nothing left to write: cancel-all may be among what waits.
    fn close_if_muted(&mut self) {
        if self.muted && !self.blocked {
            self.websocket.get_mut().close_outward();
        }
    }

    /// True when nothing waits in front.
    fn is_writable(&self) -> bool {
        !self.blocked && self.broken.is_none()
    }

    /// Only while the link is writable: then the library has nothing half written, and ours may go to the stream beside
    /// it. With what is queued there the library's own answers cannot get in between.
    fn write(
        &mut self,
        cx: &mut Context<'_>,
        now: Moment,
        encode: impl FnOnce(&mut Vec<u8>, &mut Masks) -> io::Result<()>,
    ) {
        tracing::trace!(epoch = self.epoch.0, "line out");
        self.queue.written(now);
        let (stream, masks) = (self.websocket.get_mut(), &mut self.masks);
        match stream.queue_frame(|out| encode(out, masks)) {
            Ok(()) => self.flush_stream(cx),
            Err(error) => self.broken = Some(socket::loss_of(&error)),
        }
    }

    /// What is in the stream, without asking the library whether it has more.
    fn flush_stream(&mut self, cx: &mut Context<'_>) {
        match Pin::new(self.websocket.get_mut()).poll_flush(cx) {
            Poll::Ready(Ok(())) => {}
            Poll::Ready(Err(error)) => self.broken = Some(loss_of(error.into())),
            Poll::Pending => self.blocked = true,
        }
    }

    fn flush(&mut self, cx: &mut Context<'_>) {
        match Pin::new(&mut self.websocket).poll_flush(cx) {
            Poll::Ready(Ok(())) => self.blocked = false,
            Poll::Ready(Err(error)) => self.broken = Some(loss_of(error)),
            Poll::Pending => self.blocked = true,
        }
    }

    /// Writes what waits, most urgent first, as far as the socket takes it.
    pub(super) fn poll_write(&mut self, cx: &mut Context<'_>, now: Moment) {
        if !self.blocked {
            return;
        }
        self.flush(cx);
        while self.is_writable()
            && let Some(waiting) = self.lanes.pop()
        {
            self.write(cx, now, |out, masks| frame::push_waiting(out, masks, &waiting));
        }
        self.close_if_muted();
    }

    /// Layer L2: looks at the send queue when it is due. Returns what is to be told and when it is due again.
    pub(super) fn sample(&mut self, now: Moment) -> (Option<Duration>, Option<Moment>) {
        if self.pinged.is_none() && !self.queue.is_told() {
            return (None, None);
        }
        if now < self.next_sample {
            return (None, Some(self.next_sample));
        }
        self.next_sample = now + SAMPLE_EVERY;
        let sample = send_queue::sample(self.websocket.get_ref().socket().descriptor());
        (sample.and_then(|sample| self.queue.sampled(now, sample)), Some(self.next_sample))
    }

    /// Ends the link. A reset takes effect now, everything else when the task sweeps.
    pub(super) fn leave(&mut self, how: Leaving) {
        if self.leaving.is_some() {
            return;
        }
        self.leaving = Some(how);
        match how {
            Leaving::Reset => self.websocket.get_mut().socket_mut().abort(),
            Leaving::Answer => self.lanes.discard(),
            Leaving::Farewell => {}
        }
    }

    pub(super) const fn leaving(&self) -> Option<Leaving> {
        self.leaving
    }

    /// True when a turn of the task would hear something: bytes, an end, an error.
    pub(super) fn has_news(&self) -> bool {
        self.broken.is_some() || self.websocket.get_ref().socket().is_readable()
    }

    /// True while it can be written to only by somebody who waits.
    pub(super) fn is_stuck(&self) -> bool {
        self.blocked || self.broken.is_some()
    }

    #[cfg(test)]
    pub(super) const fn is_blocked(&self) -> bool {
        self.blocked
    }

    pub(super) fn has_unread(&self) -> bool {
        self.websocket.get_ref().socket().has_unread()
    }

    /// The order that was queued last is the line of this request.
    pub(super) fn name_last_order(&mut self, request: RequestId) {
        self.lanes.name_last_order(request);
    }

    /// True when the line of this request was surely not written.
    pub(super) fn never_wrote(&self, request: RequestId) -> bool {
        self.lanes.never_wrote(request)
    }

    pub(super) fn is_order_lane_full(&self) -> bool {
        self.lanes.is_order_lane_full()
    }

    /// What a graceful end needs.
    pub(super) fn into_parts(self) -> (Epoch, Websocket, Lanes, Masks) {
        (self.epoch, self.websocket, self.lanes, self.masks)
    }
}

fn closed(frame: Option<CloseFrame>) -> LossCause {
    let Some(frame) = frame else { return LossCause::Closed { code: NO_STATUS, reason: String::new() } };
    let clean = frame.reason.chars().map(|c| if c.is_control() { ' ' } else { c });
    LossCause::Closed { code: frame.code.into(), reason: clean.take(REASON_MAX).collect() }
}

/// The close code for what the peer did wrong (RFC 6455, 7.4.1); none when it did nothing wrong.
pub(super) fn breach_code(error: &tungstenite::Error) -> Option<u16> {
    match error {
        tungstenite::Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => None,
        tungstenite::Error::Protocol(_) => Some(1002),
        tungstenite::Error::Utf8(_) => Some(1007),
        tungstenite::Error::Capacity(_) => Some(1009),
        tungstenite::Error::Io(_)
        | tungstenite::Error::ConnectionClosed
        | tungstenite::Error::AlreadyClosed
        | tungstenite::Error::WriteBufferFull(_)
        | tungstenite::Error::AttackAttempt
        | tungstenite::Error::Tls(_)
        | tungstenite::Error::Url(_)
        | tungstenite::Error::Http(_)
        | tungstenite::Error::HttpFormat(_) => None,
    }
}

/// What a websocket error says about the loss.
pub(super) fn loss_of(error: tungstenite::Error) -> LossCause {
    match error {
        tungstenite::Error::Io(error) => match tls::tls_error(&error) {
            Some(error) => tls::loss_of(error),
            None => socket::loss_of(&error),
        },
        tungstenite::Error::ConnectionClosed
        | tungstenite::Error::AlreadyClosed
        | tungstenite::Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => LossCause::EndOfStream,
        tungstenite::Error::Capacity(_) | tungstenite::Error::WriteBufferFull(_) => LossCause::TooLarge,
        tungstenite::Error::Protocol(_)
        | tungstenite::Error::Utf8(_)
        | tungstenite::Error::AttackAttempt
        | tungstenite::Error::Tls(_)
        | tungstenite::Error::Url(_)
        | tungstenite::Error::Http(_)
        | tungstenite::Error::HttpFormat(_) => LossCause::Protocol,
    }
}

/// RFC 6455, section 7.1.5: the code that stands for a close frame without one.
const NO_STATUS: u16 = 1005;
/// Longest reason of a close frame that is kept, in characters.
const REASON_MAX: usize = 120;
