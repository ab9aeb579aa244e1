//! What a venue delivers, read without a socket: the way in for fuzzers and for comparison with other readers. Reads with
//! the limits every link has. Not in a build that is shipped.

use super::dial::{MESSAGE_MAX, websocket_config};
use super::link::breach_code;
use std::io;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocket};
use tokio_tungstenite::tungstenite::{Error, Message};

/// What came of some bytes.
#[derive(Debug, PartialEq, Eq)]
pub struct Delivered {
    /// Every message, each as `t`, `b`, `p` or `o` (text, binary, ping, pong) and its payload.
    pub said: Vec<(char, Vec<u8>)>,
    /// The close code with which a link would answer; `None` while there is no reason to end. 1005 for a close frame
    /// without a code.
    pub code: Option<u16>,
}

/// Reads frames that arrive in pieces of this many bytes.
pub fn read_frames(bytes: &[u8], piece: usize) -> Delivered {
    let wire = Wire { rest: bytes, piece: piece.max(1) };
    let mut websocket = WebSocket::from_raw_socket(wire, Role::Client, Some(websocket_config(MESSAGE_MAX)));
    let mut said = Vec::new();
    loop {
        match websocket.read() {
            Ok(Message::Text(text)) => said.push(('t', text.as_bytes().to_vec())),
            Ok(Message::Binary(bytes)) => said.push(('b', bytes.to_vec())),
            Ok(Message::Ping(bytes)) => said.push(('p', bytes.to_vec())),
            Ok(Message::Pong(bytes)) => said.push(('o', bytes.to_vec())),
            Ok(Message::Close(frame)) => {
                return Delivered { said, code: Some(frame.map_or(1005, |frame| frame.code.into())) };
            }
            Ok(Message::Frame(_)) => unreachable!("reading never yields a raw frame"),
            // Everything was read.
            Err(Error::Io(_)) => return Delivered { said, code: None },
            Err(error) => {
                let code = breach_code(&error).unwrap_or_else(|| panic!("a breach without a code: {error}"));
                return Delivered { said, code: Some(code) };
            }
        }
    }
}

/// Delivers piece by piece, then nothing more; swallows the answers.
struct Wire<'a> {
    rest: &'a [u8],
    piece: usize,
}

impl io::Read for Wire<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.rest.is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let count = self.piece.min(into.len()).min(self.rest.len());
        into[..count].copy_from_slice(&self.rest[..count]);
        self.rest = &self.rest[count..];
        Ok(count)
    }
}

impl io::Write for Wire<'_> {
    fn write(&mut self, from: &[u8]) -> io::Result<usize> {
        Ok(from.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
