//! Tokens.

use lumen_value::Str;

/// One token.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Token {
    Name(String),
    Int(String),
    Uint(String),
    Double(f64),
    Text(Str),
    Bytes(Vec<u8>),
    /// An operator or bracket.
    Mark(&'static str),
    End,
}

/// A text that is no token.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) at: usize,
    pub(crate) message: String,
}

/// The longest first.
const MARKS: &[&str] = &[
    "==", "!=", "<=", ">=", "&&", "||", "[?", "{?", ".?", "<", ">", "+", "-", "*", "/", "%", "!", "?", ":",
    "(", ")", "[", "]", "{", "}", ".", ",",
];

/// The tokens of a text, each with the byte where it begins.
pub(crate) fn tokens(text: &str) -> Result<Vec<(usize, Token)>, Fault> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(rest) = text.get(at..) {
        let Some(first) = rest.chars().next() else { break };
        if matches!(first, ' ' | '\t' | '\n' | '\r' | '\x0c') {
            at += 1;
            continue;
        }
        if rest.starts_with("//") {
            at += rest.find('\n').unwrap_or(rest.len());
            continue;
        }
        let (token, length) = token(rest).map_err(|message| Fault { at, message })?;
        tokens.push((at, token));
        at += length;
    }
    tokens.push((text.len(), Token::End));
    Ok(tokens)
}

fn token(rest: &str) -> Result<(Token, usize), String> {
    if let Some(found) = string(rest)? {
        return Ok(found);
    }
    let first = rest.chars().next().unwrap_or_default();
    if first.is_ascii_alphabetic() || first == '_' {
        let length = rest.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_').count();
        return Ok((Token::Name(rest.get(..length).unwrap_or_default().to_owned()), length));
    }
    let after_point =
        rest.strip_prefix('.').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    if first.is_ascii_digit() || after_point {
        return number(rest);
    }
    if first == '`' {
        let name = rest.get(1..).and_then(|rest| rest.split('`').next()).unwrap_or_default();
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-/ ".contains(&byte);
        let is_closed = rest.get(1 + name.len()..).is_some_and(|rest| rest.starts_with('`'));
        if !name.is_empty() && name.bytes().all(fits) && is_closed {
            return Ok((Token::Name(name.to_owned()), name.len() + 2));
        }
    }
    match MARKS.iter().find(|mark| rest.starts_with(**mark)) {
        Some(mark) => Ok((Token::Mark(mark), mark.len())),
        None => Err(format!("Syntax error: token recognition error at: '{first}'")),
    }
}

fn number(rest: &str) -> Result<(Token, usize), String> {
    let bytes = rest.as_bytes();
    let digits = |from: usize| {
        bytes.get(from..).unwrap_or_default().iter().take_while(|byte| byte.is_ascii_digit()).count()
    };
    let part = |end: usize| rest.get(..end).unwrap_or_default();
    let is_unsigned = |end: usize| matches!(bytes.get(end), Some(b'u' | b'U'));
    if let Some(hex) = rest.strip_prefix("0x") {
        let length = 2 + hex.bytes().take_while(u8::is_ascii_hexdigit).count();
        if length > 2 {
            let text = part(length).to_owned();
            return Ok(if is_unsigned(length) {
                (Token::Uint(text), length + 1)
            } else {
                (Token::Int(text), length)
            });
        }
    }
    let mut end = digits(0);
    let mut is_double = false;
    if bytes.get(end) == Some(&b'.') && digits(end + 1) > 0 {
        end += 1 + digits(end + 1);
        is_double = true;
    }
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
        let exponent = digits(end + 1 + sign);
        if exponent > 0 {
            end += 1 + sign + exponent;
            is_double = true;
        }
    }
    if is_double {
        let value: Option<f64> = part(end).parse().ok().filter(|value: &f64| value.is_finite());
        let value = value.ok_or("invalid double literal")?;
        return Ok((Token::Double(value), end));
    }
    let text = part(end).to_owned();
    Ok(if is_unsigned(end) { (Token::Uint(text), end + 1) } else { (Token::Int(text), end) })
}

/// A literal in quotes, if there is one: with `r` it is raw, with `b` it is bytes.
fn string(rest: &str) -> Result<Option<(Token, usize)>, String> {
    let prefix = rest.bytes().take(2).take_while(|byte| matches!(byte, b'r' | b'R' | b'b' | b'B')).count();
    let (flags, quoted) = rest.split_at_checked(prefix).unwrap_or(("", rest));
    let quote = ["\"\"\"", "'''", "\"", "'"].into_iter().find(|quote| quoted.starts_with(quote));
    let Some(quote) = quote else { return Ok(None) };
    let is_raw = flags.contains(['r', 'R']);
    let is_bytes = flags.contains(['b', 'B']);
    if flags.len() == 2 && !(is_raw && is_bytes) {
        return Ok(None);
    }
    let body = quoted.get(quote.len()..).unwrap_or_default();
    let mut out = Vec::new();
    let mut at = 0;
    loop {
        let left = body.get(at..).unwrap_or_default();
        if left.starts_with(quote) {
            break;
        }
        let unclosed = || {
            let shown: String = rest.chars().take(60).collect();
            format!("Syntax error: token recognition error at: '{shown}'")
        };
        let char = left.chars().next().ok_or_else(unclosed)?;
        if quote.len() == 1 && matches!(char, '\n' | '\r') {
            return Err(unclosed());
        }
        if char == '\\' && !is_raw {
            at += escape(left, is_bytes, &mut out).ok_or_else(unclosed)?;
        } else {
            let mut buffer = [0; 4];
            out.extend_from_slice(char.encode_utf8(&mut buffer).as_bytes());
            at += char.len_utf8();
        }
    }
    let length = prefix + 2 * quote.len() + at;
    let token = if is_bytes { Token::Bytes(out) } else { Token::Text(Str::from_bytes(&out)) };
    Ok(Some((token, length)))
}

/// One escape; gives how long it is.
fn escape(text: &str, is_bytes: bool, out: &mut Vec<u8>) -> Option<usize> {
    let kind = text.chars().nth(1)?;
    let plain = match kind {
        'a' => Some(7),
        'b' => Some(8),
        'f' => Some(12),
        'n' => Some(b'\n'),
        'r' => Some(b'\r'),
        't' => Some(b'\t'),
        'v' => Some(11),
        '\\' | '?' | '"' | '\'' | '`' => u8::try_from(kind).ok(),
        _ => None,
    };
    if let Some(plain) = plain {
        out.push(plain);
        return Some(2);
    }
    let (start, length, radix) = match kind {
        'x' | 'X' => (2, 2, 16),
        'u' if !is_bytes => (2, 4, 16),
        'U' if !is_bytes => (2, 8, 16),
        '0'..='3' => (1, 3, 8),
        _ => return None,
    };
    let digits = text.get(start..start + length)?;
    if !digits.bytes().all(|digit| char::from(digit).is_digit(radix)) {
        return None;
    }
    let value = u32::from_str_radix(digits, radix).ok()?;
    if is_bytes {
        out.push(u8::try_from(value).ok()?);
    } else {
        let mut buffer = [0; 4];
        out.extend_from_slice(char::from_u32(value)?.encode_utf8(&mut buffer).as_bytes());
    }
    Some(start + length)
}
