//! Reads calls of built-ins whose operands are literals: `name(id(1), id("a"))`, `id(1) + id(2)`.

use lumen_rego::builtin;
use lumen_value::{Number, Object, Set, Str, Value};

/// A call: the function's name and its operands. `None` where it is more than literals.
pub(crate) fn call(text: &str) -> Option<(&str, Vec<Value>)> {
    let mut reader = Reader::new(text);
    if text.starts_with("id(") {
        let left = reader.operand()?;
        let (infix, _) = reader.rest.trim_start().split_once(' ')?;
        let name = builtin::signature::SIGNATURES.iter().find(|row| row.infix == infix)?.name;
        reader.rest = reader.rest.trim_start().strip_prefix(infix)?;
        let right = reader.operand()?;
        return reader.rest.is_empty().then_some((name, vec![left, right]));
    }
    let (name, rest) = text.split_once('(')?;
    reader.rest = rest;
    let mut operands = Vec::new();
    while !reader.take(")") {
        operands.push(reader.operand()?);
        reader.take(",");
    }
    reader.rest.is_empty().then_some((name, operands))
}

/// Reads Rego literals from the front of a text.
pub(crate) struct Reader<'a> {
    rest: &'a str,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { rest: text }
    }

    fn take(&mut self, text: &str) -> bool {
        self.rest = self.rest.trim_start();
        match self.rest.strip_prefix(text) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    /// `id(LITERAL)` or a literal.
    fn operand(&mut self) -> Option<Value> {
        if !self.take("id(") {
            return self.value();
        }
        let value = self.value()?;
        self.take(")").then_some(value)
    }

    /// A literal.
    pub(crate) fn value(&mut self) -> Option<Value> {
        for (word, value) in [
            ("null", Value::Null),
            ("true", Value::Bool(true)),
            ("false", Value::Bool(false)),
            ("set()", Value::Set(Set::default())),
        ] {
            if self.take(word) {
                return Some(value);
            }
        }
        if self.take("[") {
            return Some(Value::Array(self.items("]")?.into()));
        }
        if self.take("{") {
            return self.braces();
        }
        if self.rest.starts_with('"') {
            return self.string();
        }
        if let Some(raw) = self.rest.strip_prefix('`') {
            let (text, rest) = raw.split_once('`')?;
            self.rest = rest;
            return Some(Value::String(text.into()));
        }
        let end = self.rest.find(|char: char| !char.is_ascii_alphanumeric() && !"+-._".contains(char));
        let (number, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        self.rest = rest;
        Number::parse(number).map(Value::Number)
    }

    fn items(&mut self, end: &str) -> Option<Vec<Value>> {
        let mut items = Vec::new();
        while !self.take(end) {
            items.push(self.value()?);
            if !self.take(",") {
                return self.take(end).then_some(items);
            }
        }
        Some(items)
    }

    fn braces(&mut self) -> Option<Value> {
        if self.take("}") {
            return Some(Value::Object(Object::default()));
        }
        let first = self.value()?;
        if !self.take(":") {
            self.take(",");
            let items = self.items("}")?;
            return Some(Value::Set([first].into_iter().chain(items).collect()));
        }
        let mut entries = vec![(first, self.value()?)];
        while !self.take("}") {
            self.take(",");
            if self.take("}") {
                break;
            }
            let key = self.value()?;
            self.take(":").then_some(())?;
            entries.push((key, self.value()?));
        }
        Some(Value::Object(entries.into()))
    }

    fn string(&mut self) -> Option<Value> {
        let mut escaped = false;
        let end = self.rest.char_indices().skip(1).find(|(_, char)| {
            let is_end = *char == '"' && !escaped;
            escaped = *char == '\\' && !escaped;
            is_end
        });
        let (text, rest) = self.rest.split_at(end?.0 + 1);
        self.rest = rest;
        // What only Go's quotes have.
        unquoted(text).map(|bytes| Value::String(Str::from_bytes(&bytes)))
    }
}

/// The bytes of a text in quotes, with JSON's escapes or Go's.
fn unquoted(text: &str) -> Option<Vec<u8>> {
    let mut rest = text.strip_prefix('"')?.strip_suffix('"')?.chars();
    let mut bytes = Vec::new();
    let mut high = 0;
    let mut push = |bytes: &mut Vec<u8>, code: u32| {
        let code = match code {
            0xd800..0xdc00 => {
                high = code;
                return;
            }
            0xdc00..0xe000 => 0x1_0000 + ((high - 0xd800) << 10) + (code - 0xdc00),
            code => code,
        };
        let char = char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
        bytes.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes());
    };
    while let Some(char) = rest.next() {
        if char != '\\' {
            push(&mut bytes, u32::from(char));
            continue;
        }
        let escape = rest.next()?;
        let mut code = |count: usize| {
            let digits: String = rest.by_ref().take(count).collect();
            u32::from_str_radix(&digits, 16).ok()
        };
        match escape {
            'x' => bytes.push(u8::try_from(code(2)?).ok()?),
            'u' => push(&mut bytes, code(4)?),
            'U' => push(&mut bytes, code(8)?),
            'a' => bytes.push(7),
            'b' => bytes.push(8),
            'f' => bytes.push(12),
            'n' => bytes.push(b'\n'),
            'r' => bytes.push(b'\r'),
            't' => bytes.push(b'\t'),
            'v' => bytes.push(11),
            other => push(&mut bytes, u32::from(other)),
        }
    }
    Some(bytes)
}
