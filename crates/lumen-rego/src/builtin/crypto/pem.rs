//! PEM, as Go's `encoding/pem` finds it in a text.

use super::encode;

/// One block.
pub(in crate::builtin) struct Block {
    pub(in crate::builtin) label: Vec<u8>,
    pub(in crate::builtin) bytes: Vec<u8>,
}

const BEGIN: &[u8] = b"-----BEGIN ";
const END: &[u8] = b"\n-----END ";
const DASHES: &[u8] = b"-----";

/// The first block of a text and what follows it. What does not parse is skipped.
pub(in crate::builtin) fn decode(text: &[u8]) -> Option<(Block, &[u8])> {
    let mut rest = text;
    loop {
        let end = find(rest, END)?;
        let (before, trailer) = (rest.get(..end)?, rest.get(end + END.len()..)?);
        rest = trailer;
        let Some(begin) = rfind(before, BEGIN) else { continue };
        if begin > 0 && before.get(begin - 1) != Some(&b'\n') {
            continue;
        }
        let (label, body) = line(before.get(begin + BEGIN.len()..)?);
        let Some(label) = label.strip_suffix(DASHES) else { continue };
        let Some(body) = without_headers(body) else { continue };
        let Some(after) = trailer.strip_prefix(label).and_then(|after| after.strip_prefix(DASHES)) else {
            continue;
        };
        let (blank, after) = line(after);
        if !blank.is_empty() {
            continue;
        }
        let digits: Vec<u8> = body.iter().copied().filter(|byte| !matches!(byte, b' ' | b'\t')).collect();
        let Ok(bytes) = encode::decode(&digits) else { continue };
        return Some((Block { label: label.to_vec(), bytes }, after));
    }
}

/// The first line without spaces at its end, and what follows it.
fn line(text: &[u8]) -> (&[u8], &[u8]) {
    let (line, rest) = match text.iter().position(|byte| *byte == b'\n') {
        Some(at) => {
            let line = text.get(..at).unwrap_or_default();
            (line.strip_suffix(b"\r").unwrap_or(line), text.get(at + 1..).unwrap_or_default())
        }
        None => (text, &b""[..]),
    };
    let kept = line.iter().rposition(|byte| !matches!(byte, b' ' | b'\t')).map_or(0, |last| last + 1);
    (line.get(..kept).unwrap_or_default(), rest)
}

/// What follows the lines with a colon. `None` where nothing does, though there are such lines.
fn without_headers(mut body: &[u8]) -> Option<&[u8]> {
    let mut any = false;
    loop {
        let (first, rest) = line(body);
        if !first.contains(&b':') {
            break;
        }
        any = true;
        if !body.contains(&b'\n') {
            return None;
        }
        body = rest;
    }
    (!any || !body.is_empty()).then_some(body)
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len()).position(|window| window == wanted)
}

fn rfind(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len()).rposition(|window| window == wanted)
}
