//! The venue's end of RFC 6455 framing: masked frames in, unmasked frames out. No extensions, no compression.
//!
//! It is written here and not taken from the client's library for two reasons: a venue must be able to leave a ping
//! unanswered, which that library does not allow; and a second reader of the protocol catches what one reader accepts
//! from itself.

/// Longest message a client may send, as a whole. Real venues allow far less.
pub(super) const MESSAGE_MAX: usize = 1 << 20;

/// Longest payload of a control frame (RFC 6455, 5.5).
const CONTROL_MAX: usize = 125;

/// Something a client sent.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::driver) enum Incoming {
    Text(String),
    Binary,
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    /// A close frame; the status code if it carried one.
    Close(Option<u16>),
}

/// A client broke the protocol: the close code that says so (RFC 6455, 7.4.1), and why.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::driver) struct Broken {
    pub code: u16,
    pub why: &'static str,
}

/// Turns bytes into messages.
#[derive(Debug, Default)]
pub(in crate::driver) struct Decoder {
    buffer: Vec<u8>,
    /// The fragmented message that is being collected.
    partial: Option<Partial>,
}

#[derive(Debug)]
struct Partial {
    text: bool,
    payload: Vec<u8>,
}

struct Frame {
    last: bool,
    opcode: u8,
    payload: Vec<u8>,
}

impl Decoder {
    /// Adds what was read.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole message, if it has arrived.
    pub fn next(&mut self) -> Result<Option<Incoming>, Broken> {
        while let Some(frame) = self.frame()? {
            if let Some(incoming) = self.collect(frame)? {
                return Ok(Some(incoming));
            }
        }
        Ok(None)
    }

    fn frame(&mut self) -> Result<Option<Frame>, Broken> {
        let [first, second, ..] = self.buffer[..] else { return Ok(None) };
        if first & 0x70 != 0 {
            return Err(protocol("reserved bits are set although no extension was agreed"));
        }
        if second & 0x80 == 0 {
            return Err(protocol("a client must mask its frames"));
        }
        let Some((length, start)) = self.length(second & 0x7f) else { return Ok(None) };
        let opcode = first & 0x0f;
        check_length(opcode, first & 0x80 != 0, length)?;
        let end = start + 4 + length;
        if self.buffer.len() < end {
            return Ok(None);
        }
        let mask = [start, start + 1, start + 2, start + 3].map(|at| self.buffer[at]);
        let payload = self.buffer[start + 4..end].iter().zip(mask.iter().cycle()).map(|(byte, key)| byte ^ key);
        let frame = Frame { last: first & 0x80 != 0, opcode, payload: payload.collect() };
        self.buffer.drain(..end);
        Ok(Some(frame))
    }

    /// Payload length and where the mask starts; `None` until the whole length has arrived.
    fn length(&self, short: u8) -> Option<(usize, usize)> {
        match short {
            126 => {
                let bytes = self.buffer.get(2..4)?.try_into().ok()?;
                Some((usize::from(u16::from_be_bytes(bytes)), 4))
            }
            127 => {
                let bytes = self.buffer.get(2..10)?.try_into().ok()?;
                Some((usize::try_from(u64::from_be_bytes(bytes)).unwrap_or(usize::MAX), 10))
            }
            _ => Some((usize::from(short), 2)),
        }
    }

    fn collect(&mut self, frame: Frame) -> Result<Option<Incoming>, Broken> {
        match frame.opcode {
            0x0 => self.continue_with(frame),
            0x1 | 0x2 if self.partial.is_some() => Err(protocol("a new message inside a fragmented one")),
            0x1 | 0x2 if frame.last => whole(frame.opcode == 0x1, frame.payload).map(Some),
            0x1 | 0x2 => {
                self.partial = Some(Partial { text: frame.opcode == 0x1, payload: frame.payload });
                Ok(None)
            }
            0x8 => close(&frame.payload).map(Some),
            0x9 => Ok(Some(Incoming::Ping(frame.payload))),
            0xa => Ok(Some(Incoming::Pong(frame.payload))),
            _ => Err(protocol("unknown opcode")),
        }
    }

    fn continue_with(&mut self, frame: Frame) -> Result<Option<Incoming>, Broken> {
        let Some(mut partial) = self.partial.take() else { return Err(protocol("nothing to continue")) };
        if partial.payload.len() + frame.payload.len() > MESSAGE_MAX {
            return Err(TOO_LONG);
        }
        partial.payload.extend_from_slice(&frame.payload);
        if frame.last {
            return whole(partial.text, partial.payload).map(Some);
        }
        self.partial = Some(partial);
        Ok(None)
    }
}

/// A text message as one frame.
pub(super) fn text(payload: &str) -> Vec<u8> {
    encode(0x1, payload.as_bytes())
}

/// A ping.
pub(super) fn ping(payload: &[u8]) -> Vec<u8> {
    encode(0x9, cut(payload))
}

/// A pong.
pub(super) fn pong(payload: &[u8]) -> Vec<u8> {
    encode(0xa, cut(payload))
}

/// A close frame. A reason that does not fit is cut at a character boundary.
pub(super) fn closing(code: u16, reason: &str) -> Vec<u8> {
    let mut end = reason.len().min(CONTROL_MAX - 2);
    while !reason.is_char_boundary(end) {
        end -= 1;
    }
    encode(0x8, &[&code.to_be_bytes(), &reason.as_bytes()[..end]].concat())
}

fn encode(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = Vec::with_capacity(payload.len() + 10);
    frame.push(0x80 | opcode);
    match payload.len() {
        length @ 0..=125 => frame.push(length as u8),
        length @ 126..=0xffff => {
            frame.push(126);
            frame.extend_from_slice(&(length as u16).to_be_bytes());
        }
        length => {
            frame.push(127);
            frame.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    frame.extend_from_slice(payload);
    frame
}

fn cut(payload: &[u8]) -> &[u8] {
    &payload[..payload.len().min(CONTROL_MAX)]
}

fn check_length(opcode: u8, last: bool, length: usize) -> Result<(), Broken> {
    let control = opcode & 0x8 != 0;
    if control && (!last || length > CONTROL_MAX) {
        return Err(protocol("a control frame must be whole and short"));
    }
    if length > MESSAGE_MAX { Err(TOO_LONG) } else { Ok(()) }
}

fn whole(is_text: bool, payload: Vec<u8>) -> Result<Incoming, Broken> {
    if !is_text {
        return Ok(Incoming::Binary);
    }
    let text = String::from_utf8(payload).map_err(|_| Broken { code: 1007, why: "text that is not UTF-8" })?;
    Ok(Incoming::Text(text))
}

fn close(payload: &[u8]) -> Result<Incoming, Broken> {
    match *payload {
        [] => Ok(Incoming::Close(None)),
        [_] => Err(protocol("a close frame with half a code")),
        [high, low, ..] => Ok(Incoming::Close(Some(u16::from_be_bytes([high, low])))),
    }
}

const fn protocol(why: &'static str) -> Broken {
    Broken { code: 1002, why }
}

const TOO_LONG: Broken = Broken { code: 1009, why: "message too long" };

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_arriving_byte_by_byte_is_read_once_and_whole() {
        let mut decoder = Decoder::default();
        let bytes = masked(0x81, b"hello");
        for byte in &bytes[..bytes.len() - 1] {
            decoder.push(&[*byte]);
            assert_eq!(decoder.next(), Ok(None));
        }
        decoder.push(&bytes[bytes.len() - 1..]);
        assert_eq!(decoder.next(), Ok(Some(Incoming::Text("hello".into()))));
        assert_eq!(decoder.next(), Ok(None));
    }

    #[test]
    fn a_ping_may_come_between_fragments() {
        let mut decoder = Decoder::default();
        for frame in [masked(0x01, b"he"), masked(0x89, b"x"), masked(0x80, b"llo")] {
            decoder.push(&frame);
        }
        assert_eq!(decoder.next(), Ok(Some(Incoming::Ping(b"x".to_vec()))));
        assert_eq!(decoder.next(), Ok(Some(Incoming::Text("hello".into()))));
    }

    #[test]
    fn lengths_of_every_width_are_read_and_written_alike() {
        for length in [0, 125, 126, 65_535, 65_536, MESSAGE_MAX] {
            let payload = "a".repeat(length);
            let mut decoder = Decoder::default();
            decoder.push(&masked(0x81, payload.as_bytes()));
            assert_eq!(decoder.next(), Ok(Some(Incoming::Text(payload.clone()))), "{length}");
            assert!(text(&payload).ends_with(payload.as_bytes()));
        }
    }

    #[test]
    fn every_breach_names_its_close_code() {
        let cases: [(Vec<u8>, u16); 7] = [
            (text("unmasked"), 1002),
            (masked(0xc1, b"reserved bit"), 1002),
            (masked(0x83, b"unknown opcode"), 1002),
            (masked(0x80, b"nothing to continue"), 1002),
            (masked(0x09, b"control in pieces"), 1002),
            (masked(0x81, &[0xff]), 1007),
            (masked(0x81, &vec![b'a'; MESSAGE_MAX + 1]), 1009),
        ];
        for (bytes, code) in cases {
            let mut decoder = Decoder::default();
            decoder.push(&bytes);
            assert_eq!(decoder.next().unwrap_err().code, code, "{:?}", &bytes[..2]);
        }
    }

    #[test]
    fn a_length_beyond_the_limit_is_refused_before_its_payload_arrives() {
        let mut decoder = Decoder::default();
        decoder.push(&[0x81, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);
        assert_eq!(decoder.next(), Err(TOO_LONG));
    }

    #[test]
    fn a_long_close_reason_is_cut_at_a_character() {
        let frame = closing(1000, &"ä".repeat(100));
        assert!(frame.len() <= CONTROL_MAX + 2);
        assert!(std::str::from_utf8(&frame[4..]).is_ok());
    }

    fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
        let mask = [7, 99, 250, 1];
        let plain = encode(first & 0x0f, payload);
        let head = plain.len() - payload.len();
        let mut frame = plain[..head].to_vec();
        frame[0] = first;
        frame[1] |= 0x80;
        frame.extend_from_slice(&mask);
        frame.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, key)| byte ^ key));
        frame
    }
}
