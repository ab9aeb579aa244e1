//! One websocket after its upgrade: a reader and a writer that do not wait for each other.

use super::frames::{Decoder, Incoming};
use super::queue::{Outbound, Outgoing};
use super::shared::Shared;
use crate::sim::exchange::ConnId;
use std::io;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// How long the venue waits for its last words to be taken, or for the client's end of the stream, before it lets the
/// socket go.
const GOODBYE: Duration = Duration::from_secs(2);

/// Bytes read at a time.
const READ_SIZE: usize = 16 * 1024;

/// Serves the websocket until it is over. Whoever ends it, the venue knows when this returns.
pub(super) async fn run(shared: &Shared, conn: ConnId, io: impl AsyncRead + AsyncWrite, outbound: Outbound) {
    let (mut reader, writer) = tokio::io::split(io);
    let writing = write(writer, outbound);
    tokio::pin!(writing);
    let heard_all = tokio::select! {
        () = read(shared, conn, &mut reader) => true,
        _ = &mut writing => false,
    };
    if heard_all {
        let _ = tokio::time::timeout(GOODBYE, writing).await;
    } else {
        let _ = tokio::time::timeout(GOODBYE, drain(&mut reader)).await;
    }
    if let Ok(mut hub) = shared.hold() {
        hub.ended(conn);
    }
}

/// Hears the client out: returns at the end of its stream or when the venue no longer listens.
async fn read(shared: &Shared, conn: ConnId, reader: &mut (impl AsyncRead + Unpin)) {
    let mut decoder = Decoder::default();
    let mut bytes = vec![0; READ_SIZE];
    loop {
        let count = match reader.read(&mut bytes).await {
            Ok(0) | Err(_) => break,
            Ok(count) => count,
        };
        decoder.push(&bytes[..count]);
        if !hear(shared, conn, &mut decoder).await {
            return;
        }
    }
    if let Ok(mut hub) = shared.hold_thawed().await {
        hub.ended(conn);
    }
}

/// Hands over every whole message; false when the conversation is over.
async fn hear(shared: &Shared, conn: ConnId, decoder: &mut Decoder) -> bool {
    loop {
        let next = decoder.next();
        let Ok(mut hub) = shared.hold_thawed().await else { return false };
        match next {
            Ok(None) => return true,
            Ok(Some(incoming)) => {
                let over = matches!(incoming, Incoming::Close(_));
                if !hub.hear(conn, &incoming) || over {
                    return false;
                }
            }
            Err(broken) => {
                hub.broken(conn, &broken);
                return false;
            }
        }
    }
}

/// Sends what the venue says, in order, and ends the stream after its last word.
async fn write(mut writer: impl AsyncWrite + Unpin, mut outbound: Outbound) -> io::Result<()> {
    while let Some(outgoing) = outbound.next().await {
        match outgoing {
            Outgoing::Frame(frame) => writer.write_all(&frame).await?,
            Outgoing::Close(frame) => {
                writer.write_all(&frame).await?;
                break;
            }
            Outgoing::Drop => break,
        }
        writer.flush().await?;
    }
    writer.shutdown().await
}

/// What a client says after the end is thrown away; closing with unread bytes would reset what it has yet to read.
async fn drain(reader: &mut (impl AsyncRead + Unpin)) {
    let mut waste = [0; 1024];
    while matches!(reader.read(&mut waste).await, Ok(count) if count > 0) {}
}
