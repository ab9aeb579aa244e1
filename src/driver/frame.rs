//! Outgoing frames (RFC 6455, section 5): one text message or one ping each, masked, header and payload in one piece, and
//! the close frame that tells a peer which rule it broke. The library would do this with an allocation per message; the
//! header is still its own. What comes in, pongs and answers to close frames are the library's business altogether.

use super::lanes::Waiting;
use std::io;
use tokio_tungstenite::tungstenite::protocol::frame::FrameHeader;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Control, Data, OpCode};

/// Masking keys, which must come from a strong source of entropy (section 5.3). Fetched many at a time.
pub(super) struct Masks {
    pool: [u8; POOL],
    used: usize,
}

impl Default for Masks {
    fn default() -> Self {
        Self { pool: [0; POOL], used: POOL }
    }
}

impl Masks {
    /// One that was not used before.
    fn next(&mut self) -> io::Result<[u8; 4]> {
        if self.used == POOL {
            entropy(&mut self.pool)?;
            self.used = 0;
        }
        let mut mask = [0; 4];
        mask.copy_from_slice(&self.pool[self.used..self.used + 4]);
        self.used += 4;
        Ok(mask)
    }
}

/// Appends a text message to `out`.
pub(super) fn push_text(out: &mut Vec<u8>, masks: &mut Masks, line: &str) -> io::Result<()> {
    push(out, masks, OpCode::Data(Data::Text), line.as_bytes())
}

/// Appends a binary message, which no venue takes.
#[cfg(test)]
pub(super) fn push_binary(out: &mut Vec<u8>, masks: &mut Masks, payload: &[u8]) -> io::Result<()> {
    push(out, masks, OpCode::Data(Data::Binary), payload)
}

/// Appends a ping whose payload is the nonce, big-endian.
pub(super) fn push_ping(out: &mut Vec<u8>, masks: &mut Masks, nonce: u64) -> io::Result<()> {
    push(out, masks, OpCode::Control(Control::Ping), &nonce.to_be_bytes())
}

/// Appends what waited in a lane.
pub(super) fn push_waiting(out: &mut Vec<u8>, masks: &mut Masks, waiting: &Waiting) -> io::Result<()> {
    match waiting {
        Waiting::Line(line) => push_text(out, masks, line),
        Waiting::Ping(nonce) => push_ping(out, masks, *nonce),
    }
}

/// Appends a close frame without a reason (section 5.5.1).
pub(super) fn push_close(out: &mut Vec<u8>, masks: &mut Masks, code: u16) -> io::Result<()> {
    push(out, masks, OpCode::Control(Control::Close), &code.to_be_bytes())
}

fn push(out: &mut Vec<u8>, masks: &mut Masks, opcode: OpCode, payload: &[u8]) -> io::Result<()> {
    let mask = masks.next()?;
    let header = FrameHeader { is_final: true, rsv1: false, rsv2: false, rsv3: false, opcode, mask: Some(mask) };
    header.format(payload.len() as u64, out).map_err(|_| io::ErrorKind::InvalidData)?;
    let start = out.len();
    out.extend_from_slice(payload);
    apply(mask, &mut out[start..]);
    Ok(())
}

/// Eight bytes at a time: a key and the same key.
fn apply(mask: [u8; 4], payload: &mut [u8]) {
    let twice = u64::from_ne_bytes([mask[0], mask[1], mask[2], mask[3], mask[0], mask[1], mask[2], mask[3]]);
    let (eights, rest) = payload.as_chunks_mut::<8>();
    eights.iter_mut().for_each(|eight| *eight = (u64::from_ne_bytes(*eight) ^ twice).to_ne_bytes());
    rest.iter_mut().zip(mask.into_iter().cycle()).for_each(|(byte, key)| *byte ^= key);
}

fn entropy(pool: &mut [u8; POOL]) -> io::Result<()> {
    // SAFETY: the pointer is valid for writing that many bytes, which are not more than the 256 the call allows.
    let code = unsafe { libc::getentropy(pool.as_mut_ptr().cast(), POOL) };
    if code == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// The most the system gives at one go: 64 keys.
const POOL: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;
    use tokio_tungstenite::tungstenite::protocol::frame::FrameSocket;
    use tokio_tungstenite::tungstenite::protocol::{Role, WebSocket};
    use tokio_tungstenite::tungstenite::{Bytes, Message};

    #[test]
    fn the_library_reads_what_is_written_at_every_length_of_the_header() {
        for length in [0, 1, 125, 126, 127, 65_535, 65_536, 100_000] {
            let line = "x".repeat(length);
            let (mut out, mut masks) = (Vec::new(), Masks::default());
            push_text(&mut out, &mut masks, &line).unwrap();
            push_ping(&mut out, &mut masks, 7).unwrap();
            let wire = Wire(io::Cursor::new(out));
            let mut server = WebSocket::from_raw_socket(wire, Role::Server, None);
            assert_eq!(server.read().unwrap(), Message::text(line));
            assert_eq!(server.read().unwrap(), Message::Ping(Bytes::copy_from_slice(&7u64.to_be_bytes())));
        }
    }

    #[test]
    fn no_two_frames_in_a_row_have_the_same_mask() {
        let mut masks = Masks::default();
        let keys: Vec<[u8; 4]> = (0..1000).map(|_| masks.next().unwrap()).collect();
        let repeated = keys.windows(2).filter(|pair| pair[0] == pair[1]).count();
        // By chance once in four thousand runs of this test.
        assert!(repeated <= 1, "{repeated}");
        assert!(keys.iter().any(|key| key != &[0; 4]));
    }

    #[test]
    fn what_is_sent_is_masked() {
        let (mut out, mut masks) = (Vec::new(), Masks::default());
        push_text(&mut out, &mut masks, "a line long enough not to be hit by chance").unwrap();
        let frame = FrameSocket::new(io::Cursor::new(out)).read(None).unwrap().unwrap();
        assert!(frame.header().mask.is_some());
    }

    /// Reads what was written; swallows what the library answers.
    struct Wire(io::Cursor<Vec<u8>>);

    impl io::Read for Wire {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            self.0.read(into)
        }
    }

    impl io::Write for Wire {
        fn write(&mut self, from: &[u8]) -> io::Result<usize> {
            Ok(from.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
}
