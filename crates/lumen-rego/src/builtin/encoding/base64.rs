//! Base64 as Go's `encoding/base64` reads and writes it: line breaks count for nothing, bits behind the last byte may be set.

/// Which characters stand for 62 and 63.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::builtin) enum Alphabet {
    Standard,
    Url,
}

impl Alphabet {
    const fn last(self) -> [u8; 2] {
        match self {
            Self::Standard => *b"+/",
            Self::Url => *b"-_",
        }
    }

    fn encode(self, sextet: u8) -> char {
        char::from(match sextet {
            0..26 => b'A' + sextet,
            26..52 => b'a' + (sextet - 26),
            52..62 => b'0' + (sextet - 52),
            62 => self.last()[0],
            _ => self.last()[1],
        })
    }

    fn decode(self, char: u8) -> Option<u8> {
        Some(match char {
            b'A'..=b'Z' => char - b'A',
            b'a'..=b'z' => char - b'a' + 26,
            b'0'..=b'9' => char - b'0' + 52,
            _ if char == self.last()[0] => 62,
            _ if char == self.last()[1] => 63,
            _ => return None,
        })
    }
}

/// Bytes as text.
pub(in crate::builtin) fn encode(bytes: &[u8], alphabet: Alphabet, padded: bool) -> String {
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |index: usize| chunk.get(index).copied().unwrap_or_default();
        let (a, b, c) = (byte(0), byte(1), byte(2));
        let sextets = [a >> 2, ((a & 3) << 4) | (b >> 4), ((b & 15) << 2) | (c >> 6), c & 63];
        out.extend(sextets.iter().take(chunk.len() + 1).map(|sextet| alphabet.encode(*sextet)));
        if padded {
            out.extend(std::iter::repeat_n('=', 3 - chunk.len()));
        }
    }
    out
}

/// Text as bytes. The error is Go's message, with the place where it stops.
pub(in crate::builtin) fn decode(text: &[u8], alphabet: Alphabet) -> Result<Vec<u8>, String> {
    let corrupt = |at: usize| Err(format!("illegal base64 data at input byte {at}"));
    let mut out = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut count) = (0_u32, 0_usize);
    let mut chars = text.iter().copied().enumerate().filter(|(_, char)| !matches!(char, b'\r' | b'\n'));
    while let Some((at, char)) = chars.next() {
        if let Some(sextet) = alphabet.decode(char) {
            bits = (bits << 6) | u32::from(sextet);
            count += 1;
            if count == 4 {
                out.extend(bits.to_be_bytes().iter().skip(1));
                (bits, count) = (0, 0);
            }
            continue;
        }
        if char != b'=' || count < 2 {
            return corrupt(at);
        }
        if count == 2 {
            match chars.next() {
                Some((_, b'=')) => {}
                // Go names the byte before.
                Some((at, _)) => return corrupt(at - 1),
                None => return corrupt(text.len()),
            }
        }
        // Only line breaks may follow.
        if let Some((at, _)) = chars.next() {
            return corrupt(at);
        }
        let last = bits << (6 * (4 - count));
        out.extend(last.to_be_bytes().iter().skip(1).take(count - 1));
        return Ok(out);
    }
    if count > 0 {
        return corrupt(text.len() - count);
    }
    Ok(out)
}
