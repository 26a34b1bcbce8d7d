//! YAML as Kubernetes reads it: what `YAMLToJSON` of `sigs.k8s.io/yaml` makes of a text.

use std::borrow::Cow;

use crate::read::{Limits, Parsed, ReadError, ReadErrorKind};
use compose::{Composed, Composer};
use parse::Parser;
use token::{Fault, FaultKind};

mod compose;
mod parse;
mod scalar;
mod scan;
mod timestamp;
mod token;

/// Upstream reads its input in blocks of so many bytes, and checks the characters of each when it reads it.
const READ_BYTES: usize = 512;

/// The first document of a text; `null` where there is none. The bound on depth holds for block collections and for
/// flow collections apart, as upstream's does. Offsets in errors are those of the text given.
pub fn parse(input: &[u8], limits: &Limits) -> Result<Parsed, ReadError> {
    parse_with_depth(input, limits).map(|(parsed, _)| parsed)
}

/// The same, with the depth of the collections.
pub(crate) fn parse_with_depth(input: &[u8], limits: &Limits) -> Result<(Parsed, usize), ReadError> {
    let source = Source::decode(input);
    let mut parser = Parser::new(&source.text, limits.depth_max);
    let composed = Composer::new(&mut parser).compose();
    let position = parser.position();
    if let Some(bad) = &source.bad
        && source.is_read(bad.at, position)
    {
        return Err(source.error(ReadErrorKind::Encoding, bad.at, bad.message));
    }
    match composed {
        Ok(Composed {
            value,
            duplicates,
            depth,
        }) => {
            let duplicates = duplicates.into_iter().map(|duplicate| {
                let at = source.offset(duplicate.at);
                ReadError::duplicate_key(at, duplicate.pointer)
            });
            let duplicates = duplicates.collect();
            Ok((Parsed { value, duplicates }, depth))
        }
        Err(Fault { kind, at, message }) => {
            let kind = match kind {
                FaultKind::Syntax => ReadErrorKind::Syntax,
                FaultKind::TooDeep => ReadErrorKind::TooDeep,
                FaultKind::TooManyAliases => ReadErrorKind::TooManyAliases,
            };
            Err(source.error(kind, at, &message))
        }
    }
}

/// A text and where it comes from.
struct Source<'a> {
    /// The characters, up to the first that YAML does not allow.
    text: Cow<'a, str>,
    /// That character.
    bad: Option<Bad>,
    form: Form,
}

/// How the input writes the text.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// Behind a byte order mark, or nothing, of so many bytes.
    Utf8(usize),
    Utf16,
}

struct Bad {
    /// Its offset in the text.
    at: usize,
    message: &'static str,
}

impl<'a> Source<'a> {
    fn decode(input: &'a [u8]) -> Self {
        match input {
            [0xFF, 0xFE, rest @ ..] => Self::decode_utf16(rest, u16::from_le_bytes),
            [0xFE, 0xFF, rest @ ..] => Self::decode_utf16(rest, u16::from_be_bytes),
            [0xEF, 0xBB, 0xBF, rest @ ..] => Self::decode_utf8(rest, 3),
            _ => Self::decode_utf8(input, 0),
        }
    }

    fn decode_utf8(input: &'a [u8], mark: usize) -> Self {
        let (text, is_cut) = match std::str::from_utf8(input) {
            Ok(text) => (text, false),
            Err(error) => {
                let valid = input.get(..error.valid_up_to()).unwrap_or_default();
                (std::str::from_utf8(valid).unwrap_or_default(), true)
            }
        };
        let bad = find_control(text).or(is_cut.then_some(Bad {
            at: text.len(),
            message: "the text is not valid UTF-8",
        }));
        let end = bad.as_ref().map_or(text.len(), |bad| bad.at);
        Self {
            text: Cow::Borrowed(text.get(..end).unwrap_or_default()),
            bad,
            form: Form::Utf8(mark),
        }
    }

    fn decode_utf16(input: &[u8], unit: fn([u8; 2]) -> u16) -> Self {
        let (pairs, odd) = input.as_chunks::<2>();
        let mut text = String::with_capacity(pairs.len());
        let mut is_cut = !odd.is_empty();
        for char in char::decode_utf16(pairs.iter().map(|pair| unit(*pair))) {
            if let Ok(char) = char {
                text.push(char);
            } else {
                is_cut = true;
                break;
            }
        }
        let bad = find_control(&text).or(is_cut.then_some(Bad {
            at: text.len(),
            message: "the text is not valid UTF-16",
        }));
        text.truncate(bad.as_ref().map_or(text.len(), |bad| bad.at));
        Self {
            text: Cow::Owned(text),
            bad,
            form: Form::Utf16,
        }
    }

    /// Whether upstream has read a place of the text when it has come so far.
    fn is_read(&self, at: usize, position: usize) -> bool {
        let Form::Utf8(mark) = self.form else {
            return true;
        };
        // Its longest look ahead is four characters.
        at + mark < (position + mark + 4).next_multiple_of(READ_BYTES)
    }

    /// The offset in the input of a place in the text.
    fn offset(&self, at: usize) -> usize {
        match self.form {
            Form::Utf8(mark) => at + mark,
            Form::Utf16 => {
                let before = self.text.get(..at).unwrap_or(&self.text);
                2 + 2 * before.encode_utf16().count()
            }
        }
    }

    fn error(&self, kind: ReadErrorKind, at: usize, message: &str) -> ReadError {
        ReadError {
            kind,
            document: 0,
            at: self.offset(at),
            pointer: None,
            message: message.to_owned(),
        }
    }
}

/// The first character that YAML 1.1 does not allow in a text.
fn find_control(text: &str) -> Option<Bad> {
    let bytes = text.as_bytes();
    let mut from = 0;
    loop {
        let rest = bytes.get(from..)?;
        let at = from
            + rest
                .iter()
                .position(|byte| SUSPECT.get(usize::from(*byte)) == Some(&true))?;
        let is_allowed = match bytes.get(at..)? {
            // C1 controls but for "next line".
            [0xC2, second, ..] => *second == 0x85 || *second >= 0xA0,
            [0xEF, 0xBF, third, ..] => *third < 0xBE,
            [0xEF, ..] => true,
            _ => false,
        };
        if !is_allowed {
            return Some(Bad {
                at,
                message: "control characters cannot stand in YAML, but for escapes in double quotes",
            });
        }
        from = at + 1;
    }
}

/// The bytes that a character that is not allowed may start with.
static SUSPECT: [bool; 256] = suspect();

#[expect(clippy::indexing_slicing, reason = "evaluated when the program is compiled")]
const fn suspect() -> [bool; 256] {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 0x20 {
        table[byte] = byte != 0x09 && byte != 0x0A && byte != 0x0D;
        byte += 1;
    }
    table[0x7F] = true;
    table[0xC2] = true;
    table[0xEF] = true;
    table
}
