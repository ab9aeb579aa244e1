//! The orderly end of a link: what was said is flushed, a close frame follows and the peer gets a moment to answer it; or
//! the peer's close frame is answered. Nothing that still arrives is looked at.

use super::alarm::Wishes;
use super::clock;
use super::frame::{self, Masks};
use super::lanes::Lanes;
use super::link::{Leaving, Link, Websocket};
use crate::model::{Epoch, Moment};
use futures_util::{Sink, StreamExt};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio_tungstenite::tungstenite::Message;

/// A link on its way out. Dropping it closes the socket.
pub(super) struct Farewell {
    epoch: Epoch,
    websocket: Websocket,
    lanes: Lanes,
    masks: Masks,
    deadline: Moment,
    /// The peer closed first: there is nothing to wait for once its close frame is answered.
    answering: bool,
    close_said: bool,
}

impl Farewell {
    pub(super) fn new(link: Link, now: Moment) -> Self {
        let answering = link.leaving() == Some(Leaving::Answer);
        let (epoch, mut websocket, lanes, masks) = link.into_parts();
        websocket.get_mut().socket_mut().end_orderly();
        Self { epoch, websocket, lanes, masks, deadline: now + PATIENCE, answering, close_said: false }
    }

    /// True once the link is over.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>, wishes: &Wishes) -> bool {
        if clock::now().at >= self.deadline {
            tracing::debug!(epoch = self.epoch.0, "the peer did not answer the close frame in time");
            // What is still unsent must not arrive at some later time.
            self.websocket.get_mut().socket_mut().abort();
            return true;
        }
        wishes.wish(self.deadline);
        if !self.close_said {
            match self.poll_say_everything(cx) {
                Poll::Pending => return false,
                Poll::Ready(Err(())) => return true,
                Poll::Ready(Ok(())) => self.close_said = true,
            }
        }
        self.answering || self.peer_has_answered(cx)
    }

    fn poll_say_everything(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), ()>> {
        loop {
            match Pin::new(&mut self.websocket).poll_ready(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Err(_)) => return Poll::Ready(Err(())),
                Poll::Ready(Ok(())) => {}
            }
            let Some(waiting) = self.lanes.pop() else { break };
            // Not through the library, which would write each line to its log as well.
            let (stream, masks) = (self.websocket.get_mut(), &mut self.masks);
            if stream.queue_frame(|out| frame::push_waiting(out, masks, &waiting)).is_err() {
                return Poll::Ready(Err(()));
            }
        }
        Pin::new(&mut self.websocket).poll_close(cx).map_err(|_| ())
    }

    fn peer_has_answered(&mut self, cx: &mut Context<'_>) -> bool {
        for _ in 0..READS_PER_TURN {
            match self.websocket.poll_next_unpin(cx) {
                Poll::Ready(Some(Ok(Message::Close(_)) | Err(_)) | None) => return true,
                Poll::Ready(Some(Ok(_))) => {}
                Poll::Pending => return false,
            }
        }
        cx.waker().wake_by_ref();
        false
    }
}

/// How long the peer may take to answer.
const PATIENCE: Duration = Duration::from_millis(500);
/// A peer that goes on talking must not hold up the task.
const READS_PER_TURN: usize = 64;
