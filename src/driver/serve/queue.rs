//! What a websocket has yet to send. Without a bound a client that never reads would fill the memory, so what is unread
//! is counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// A client that leaves this much unread is cut off, as venues do with slow consumers.
const UNREAD_MAX: usize = 16 << 20;

/// What a websocket's writer has to do, in order.
pub(super) enum Outgoing {
    /// Send this frame.
    Frame(Vec<u8>),
    /// Send this close frame and end.
    Close(Vec<u8>),
    /// End.
    Drop,
}

/// The sending end of a websocket's queue.
pub(super) struct Queue {
    sender: UnboundedSender<Outgoing>,
    unread: Arc<AtomicUsize>,
}

/// The receiving end of a websocket's queue.
pub(super) struct Outbound {
    receiver: UnboundedReceiver<Outgoing>,
    unread: Arc<AtomicUsize>,
}

/// Both ends of a new queue.
pub(super) fn new() -> (Queue, Outbound) {
    let (sender, receiver) = unbounded_channel();
    let unread = Arc::new(AtomicUsize::new(0));
    (Queue { sender, unread: unread.clone() }, Outbound { receiver, unread })
}

impl Queue {
    /// False when the client has left too much unread.
    pub fn put(&self, outgoing: Outgoing) -> bool {
        let length = outgoing.length();
        let unread = self.unread.fetch_add(length, Ordering::Relaxed) + length;
        let _ = self.sender.send(outgoing);
        unread <= UNREAD_MAX
    }
}

impl Outbound {
    /// The next thing to do; `None` when the venue has forgotten the websocket and everything was done.
    pub async fn next(&mut self) -> Option<Outgoing> {
        let outgoing = self.receiver.recv().await?;
        self.unread.fetch_sub(outgoing.length(), Ordering::Relaxed);
        Some(outgoing)
    }
}

impl Outgoing {
    fn length(&self) -> usize {
        match self {
            Self::Frame(frame) | Self::Close(frame) => frame.len(),
            Self::Drop => 0,
        }
    }
}
