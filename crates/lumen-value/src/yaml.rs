//! YAML as Kubernetes reads it: what `YAMLToJSON` of `sigs.k8s.io/yaml` makes of a text.
//!
//! The grammar is libyaml's, which is neither that of YAML 1.1 nor of 1.2, so scanner and parser are the crate's own.
//! Where the reading differs from upstream's, it is known and stricter:
//!
//! - infinity, NaN and `null` as a key are errors even where a later key of the same name drops them;
//! - keys that are written differently and give one string (`1` and `"1"`, `.nan` twice) are duplicates;
//! - more than 100 `%TAG` directives, more text through aliases than a bound ([`Limits::alias_bytes_max`]), and two byte order marks before more than a line
//!   are errors.

use std::borrow::Cow;
use std::ops::Range;

use crate::Value;
use crate::read::{Limits, Parsed, ReadError, ReadErrorKind};
use compose::{Composed, Composer};
use parse::Parser;
use token::{Fault, FaultKind};

pub(crate) use parse::{Event, Place, Scalar};
pub(crate) use scalar::{is_merge, json_float, key};
pub(crate) use scan::{break_len, kept_break};
pub(crate) use timestamp::days_in;
pub(crate) use token::{BlockLines, ScalarStyle};

mod compose;
mod parse;
mod scalar;
mod scan;
mod timestamp;
mod token;

/// What the text of a plain scalar may mean.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Schema {
    /// YAML 1.1, as Kubernetes reads it.
    #[default]
    Kubernetes,
    /// YAML 1.2: see [`parse_core`].
    Core,
    /// Nothing but null: see [`parse_text`].
    Text,
}

/// Upstream reads its input in blocks of so many bytes, and checks the characters of each when it reads it.
const READ_BYTES: usize = 512;

/// The first document of a text; `null` where there is none. The bound on depth holds for block collections and for
/// flow collections apart, as upstream's does. Offsets in errors are those of the text given.
pub fn parse(input: &[u8], limits: &Limits) -> Result<Parsed, ReadError> {
    parse_with_depth(input, limits, Schema::Kubernetes).map(|(parsed, _)| parsed)
}

/// The first document of a text as OPA reads it (`internal/yaml`, on `go.yaml.in/yaml/v3`): `yes`, `no`, `on` and `off` are
/// text, a mapping's own keys count before those it merges, and the documents behind the first must be sound. Of duplicate
/// keys the last counts, and none is told.
pub fn parse_core(input: &[u8], limits: &Limits) -> Result<Value, ReadError> {
    let source = Source::decode(input);
    let mut parser = Parser::new(&source.text, source.start, limits.depth_max).with_schema(Schema::Core);
    let composed = Composer::new(&mut parser, limits).with_schema(Schema::Core).compose_all();
    if let Some(bad) = &source.bad {
        return Err(source.error(ReadErrorKind::Encoding, bad.at, bad.message));
    }
    match composed {
        Ok(composed) => Ok(composed.value),
        Err(Fault { kind, at, message }) => Err(source.error(kind.into(), at, &message)),
    }
}

/// The first document of a text, in which every scalar is text as it is written, but for the nulls: what `yaml-cpp`, which
/// knows no types, hands to a program. Of duplicate keys the first counts, as it is what is found there. What stands behind
/// the document and is none of its own is an error, so that nothing is lost.
pub fn parse_text(input: &[u8], limits: &Limits) -> Result<Parsed, ReadError> {
    parse_with_depth(input, limits, Schema::Text).map(|(parsed, _)| parsed)
}

/// Whether a plain scalar with this text is a string to [`parse_core`] and to `go.yaml.in/yaml/v3`.
pub fn is_text_core(text: &str) -> bool {
    scalar::is_text_core(text)
}

/// What [`parse()`] gives, with the depth of the collections.
pub(crate) fn parse_with_depth(
    input: &[u8],
    limits: &Limits,
    schema: Schema,
) -> Result<(Parsed, usize), ReadError> {
    let source = Source::decode(input);
    let mut parser = Parser::new(&source.text, source.start, limits.depth_max).with_schema(schema);
    let mut composed = Composer::new(&mut parser, limits).with_schema(schema).compose();
    if schema == Schema::Text && composed.is_ok() {
        composed = parser.next_document().and(composed);
    }
    if let Some(bad) = &source.bad
        && source.is_read(bad, &parser)
    {
        return Err(source.error(ReadErrorKind::Encoding, bad.at, bad.message));
    }
    match composed {
        Ok(Composed { value, duplicates, depth }) => {
            let duplicates = duplicates.into_iter().map(|duplicate| {
                let at = source.offset(duplicate.at);
                ReadError::duplicate_key(
                    at,
                    duplicate.pointer,
                    if schema == Schema::Text { "first" } else { "last" },
                )
            });
            let duplicates = duplicates.collect();
            Ok((Parsed { value, duplicates }, depth))
        }
        Err(Fault { kind, at, message }) => Err(source.error(kind.into(), at, &message)),
    }
}

/// Tells of each event of a text's first document, where it stands, and, of a block scalar, which lines it has. Gives
/// the comments. Lines may end as they do in a file. All offsets are those of the text given.
pub(crate) fn trace<'t>(
    text: &'t str,
    depth_max: usize,
    mut each: impl FnMut(Event<'t>, &Place, BlockLines),
) -> Result<Vec<Range<usize>>, ReadError> {
    let error = |kind, at, message: &str| ReadError {
        kind,
        document: 0,
        at,
        pointer: None,
        message: message.to_owned(),
    };
    let start = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    let bad = find_control(text);
    let end = bad.as_ref().map_or(text.len(), |bad| bad.at);
    let mut parser = Parser::new(text.get(..end).unwrap_or_default(), start, depth_max).with_comments();
    let result = loop {
        match parser.next_event() {
            Ok((Event::End, _)) => break Ok(()),
            Ok((event, _)) => each(event, parser.place(), parser.block_lines()),
            Err(fault) => break Err(fault),
        }
    };
    if let Some(bad) = bad.filter(|bad| bad.at < parser.looked_to()) {
        return Err(error(ReadErrorKind::Encoding, bad.at, bad.message));
    }
    match result {
        Ok(()) => Ok(parser.into_comments()),
        Err(fault) => Err(error(fault.kind.into(), fault.at, &fault.message)),
    }
}

impl From<FaultKind> for ReadErrorKind {
    fn from(kind: FaultKind) -> Self {
        match kind {
            FaultKind::Syntax => Self::Syntax,
            FaultKind::TooDeep => Self::TooDeep,
            FaultKind::TooManyAliases => Self::TooManyAliases,
        }
    }
}

/// A text and where it comes from.
struct Source<'a> {
    /// The characters, up to the first that YAML does not allow.
    text: Cow<'a, str>,
    /// Where they start, behind a byte order mark.
    start: usize,
    /// That character.
    bad: Option<Bad>,
    form: Form,
}

/// How the input writes the text.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Utf8,
    /// Behind a byte order mark, which the text does not hold.
    Utf16,
}

struct Bad {
    /// Its offset in the text.
    at: usize,
    /// Whether it is a character that the text's end cuts off, which upstream finds only when it needs more text.
    is_cut: bool,
    message: &'static str,
}

impl<'a> Source<'a> {
    fn decode(input: &'a [u8]) -> Self {
        match input {
            [0xFF, 0xFE, rest @ ..] => Self::decode_utf16(rest, u16::from_le_bytes),
            [0xFE, 0xFF, rest @ ..] => Self::decode_utf16(rest, u16::from_be_bytes),
            [0xEF, 0xBB, 0xBF, ..] => Self::decode_utf8(input, 3),
            _ => Self::decode_utf8(input, 0),
        }
    }

    fn decode_utf8(input: &'a [u8], start: usize) -> Self {
        let (text, invalid) = match std::str::from_utf8(input) {
            Ok(text) => (text, None),
            Err(error) => {
                let (valid, invalid) = input.split_at_checked(error.valid_up_to()).unwrap_or_default();
                (std::str::from_utf8(valid).unwrap_or_default(), Some(invalid))
            }
        };
        let bad = find_control(text).or(invalid.map(|invalid| Bad {
            at: text.len(),
            is_cut: invalid.len() < utf8_len(invalid),
            message: "the text is not valid UTF-8",
        }));
        let end = bad.as_ref().map_or(text.len(), |bad| bad.at);
        Self { text: Cow::Borrowed(text.get(..end).unwrap_or_default()), start, bad, form: Form::Utf8 }
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
            is_cut: false,
            message: "the text is not valid UTF-16",
        }));
        text.truncate(bad.as_ref().map_or(text.len(), |bad| bad.at));
        Self { text: Cow::Owned(text), start: 0, bad, form: Form::Utf16 }
    }

    /// Whether upstream has read the bad character when it has come as far as the parser.
    fn is_read(&self, bad: &Bad, parser: &Parser<'_>) -> bool {
        match self.form {
            Form::Utf8 if bad.is_cut => bad.at < parser.looked_to(),
            Form::Utf8 => bad.at < parser.looked_to().next_multiple_of(READ_BYTES),
            Form::Utf16 => true,
        }
    }

    /// The offset in the input of a place in the text.
    fn offset(&self, at: usize) -> usize {
        match self.form {
            Form::Utf8 => at,
            Form::Utf16 => {
                let before = self.text.get(..at).unwrap_or(&self.text);
                2 + 2 * before.encode_utf16().count()
            }
        }
    }

    fn error(&self, kind: ReadErrorKind, at: usize, message: &str) -> ReadError {
        ReadError { kind, document: 0, at: self.offset(at), pointer: None, message: message.to_owned() }
    }
}

/// How many bytes a character has by its first one.
fn utf8_len(bytes: &[u8]) -> usize {
    match bytes.first() {
        Some(0xC0..=0xDF) => 2,
        Some(0xE0..=0xEF) => 3,
        Some(0xF0..=0xF7) => 4,
        _ => 1,
    }
}

/// The first character that YAML 1.1 does not allow in a text.
fn find_control(text: &str) -> Option<Bad> {
    let bytes = text.as_bytes();
    let mut from = 0;
    loop {
        let rest = bytes.get(from..)?;
        let at = from + rest.iter().position(|byte| SUSPECT.get(usize::from(*byte)) == Some(&true))?;
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
                is_cut: false,
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

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<String, String> {
        let parsed = parse(text.as_bytes(), &Limits::default());
        parsed.map(|parsed| parsed.value.to_json()).map_err(|error| error.message)
    }

    #[test]
    fn scalars_have_the_types_that_kubernetes_gives_them() {
        for (text, json) in [
            ("[yes, No, ON, y, N, yEs]", r#"[true,false,true,true,false,"yEs"]"#),
            ("[017, 0o17, 0x1F, -0b11, 018, 1_000, +5]", "[15,15,31,-3,18,1000,5]"),
            ("[1.50, 1e3, 1E-7, 1e21, .5, 5., -0.0, 1e400]", r#"[1.5,1000,1e-7,1e+21,0.5,5,-0,"1e400"]"#),
            ("[18446744073709551615, 18446744073709551616]", "[18446744073709551615,18446744073709552000]"),
            ("[~, null, NULL, '', \"~\", nUll]", r#"[null,null,null,"","~","nUll"]"#),
            ("[1:30, 2001-12-14, 0x, 0b2, 1__0, _1]", r#"["1:30","2001-12-14","0x","0b2",10,"_1"]"#),
            (
                "{1: a, 1e6: b, yes: c, 0x10: d, .inf: e}",
                r#"{".inf":"e","1":"a","16":"d","1e+06":"b","true":"c"}"#,
            ),
            ("[!!str 1, !!int '0x1', !!float 1, ! 5, !x 5, !!binary aGk=]", r#"["1",1,1,"5","5","hi"]"#),
            ("!!timestamp 2001-12-14t21:59:43.10-05:00", r#""2001-12-14t21:59:43.10-05:00""#),
        ] {
            assert_eq!(parsed(text), Ok(json.to_owned()), "{text}");
        }
        for text in [
            ".inf",
            "[.nan]",
            "{~: 1}",
            "{[a]: 1}",
            "{18446744073709551615: 1}",
            "!!int x",
            "!!bool 1",
            "!!binary '*'",
            "!!timestamp 2001-02-30",
        ] {
            assert!(parsed(text).is_err(), "{text}");
        }
    }

    #[test]
    fn merge_keys_act_where_they_stand() {
        let base = "b: &b {x: 1, z: 2}\n";
        for (text, json) in [
            ("m: {x: 0, <<: *b}", r#"{"x":1,"z":2}"#),
            ("m: {<<: *b, x: 0}", r#"{"x":0,"z":2}"#),
            ("m: {<<: [{x: 5}, *b]}", r#"{"x":5,"z":2}"#),
            ("m: {'<<': *b}", r#"{"\u003c\u003c":{"x":1,"z":2}}"#),
        ] {
            let expected = format!(r#"{{"b":{{"x":1,"z":2}},"m":{json}}}"#);
            assert_eq!(parsed(&format!("{base}{text}")), Ok(expected), "{text}");
        }
        for text in ["<<: 1", "<<: [1]", "a: &a [{x: 1}]\nm: {<<: *a}"] {
            assert!(parsed(text).is_err(), "{text}");
        }
    }

    #[test]
    fn opa_reads_words_as_text_and_merges_below_the_own_keys() {
        let parsed =
            |text: &str| parse_core(text.as_bytes(), &Limits::default()).map(|value| value.to_json());
        for (text, json) in [
            (
                "[yes, no, on, off, y, n, True, FALSE, ~, 0o17, 017, 1_000]",
                r#"["yes","no","on","off","y","n",true,false,null,15,15,1000]"#,
            ),
            ("b: &b {x: 1, z: 2}\nm: {x: 0, <<: *b}", r#"{"b":{"x":1,"z":2},"m":{"x":0,"z":2}}"#),
            (
                "b: &b {x: 1}\nm: {<<: [{x: 5, y: 6}, *b], <<: {y: 7, z: 8}}",
                r#"{"b":{"x":1},"m":{"x":5,"y":6,"z":8}}"#,
            ),
            ("a: 1\na: 2", r#"{"a":2}"#),
            ("---\na: 1\n---\nb: *x\n...\n", "error"),
            ("---\na: &x 1\n---\nb: *x\n...\n", r#"{"a":1}"#),
            ("  a:\nb: 1", "error"),
            ("a: 1\n---\n]", "error"),
            ("%YAML 1.2\n---\na", r#""a""#),
            ("~: 1", "error"),
            ("", "null"),
        ] {
            assert_eq!(parsed(text).unwrap_or_else(|_| "error".to_owned()), json, "{text}");
        }
    }

    #[test]
    fn only_the_first_document_is_read() {
        assert_eq!(parsed("a: 1\n---\n]\n"), Ok(r#"{"a":1}"#.to_owned()));
        assert_eq!(parsed("%YAML 1.1\n---\na\n...\n\tb"), Ok(r#""a""#.to_owned()));
        assert!(parsed("%YAML 1.2\n---\na\n").is_err());
        assert_eq!(parsed(""), Ok("null".to_owned()));
    }

    #[test]
    fn what_is_never_read_need_not_be_text() {
        let far = format!("a: 1\n---\n{}\u{7}", "#".repeat(READ_BYTES));
        assert_eq!(parsed(&far), Ok(r#"{"a":1}"#.to_owned()));
        assert!(parsed("a: 1\n---\n\u{7}").is_err());
    }
}
