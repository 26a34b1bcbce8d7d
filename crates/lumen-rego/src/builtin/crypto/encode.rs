//! The two forms of Base64 that keys, certificates and tokens come in.

use crate::builtin::encoding::base64::{self, Alphabet};

/// Standard Base64 with padding; line ends are skipped. The error is Go's text.
pub(in crate::builtin) fn decode(text: &[u8]) -> Result<Vec<u8>, String> {
    base64::decode(text, Alphabet::Standard)
}

/// Base64 for URLs, padded or not, as OPA's `base64url.decode` reads it.
pub(in crate::builtin) fn decode_url(text: &[u8]) -> Result<Vec<u8>, String> {
    let padding: &[u8] = match (text.last(), text.len() % 4) {
        (Some(b'='), _) | (_, 0) => b"",
        (_, 2) => b"==",
        (_, 3) => b"=",
        _ => return Err(format!("illegal base64url string: {}", String::from_utf8_lossy(text))),
    };
    base64::decode(&[text, padding].concat(), Alphabet::Url)
}

/// Standard Base64 with padding.
pub(in crate::builtin) fn encode(bytes: &[u8]) -> String {
    base64::encode(bytes, Alphabet::Standard, true)
}

/// Base64 for URLs, without padding.
pub(in crate::builtin) fn encode_url(bytes: &[u8]) -> String {
    base64::encode(bytes, Alphabet::Url, false)
}
