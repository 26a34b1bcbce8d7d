//! What numbers and strings say: the text of a literal to its value.

use lumen_value::Number;

/// How a number reads.
#[derive(Debug)]
pub(super) enum Numeral {
    Number(Number),
    LeadingZero,
    TooBig,
    Invalid,
}

/// OPA's bound on the binary exponent of a number (`maxNumberExp` of `v1/ast/term.go`).
const EXPONENT_MAX: f64 = 1e5;

/// Reads a number that the scanner found behind a sign or point.
pub(super) fn read_number(prefix: &str, literal: &str) -> Numeral {
    let behind_point = prefix.ends_with('.');
    if !behind_point
        && let [b'0', next, rest @ ..] = literal.as_bytes()
        && *next != b'.'
        && (!matches!(next, b'e' | b'E') || rest.is_empty())
    {
        return Numeral::LeadingZero;
    }
    let exponent = match literal.split_once(['e', 'E']) {
        None => Some(0),
        Some((_, exponent)) => exponent.parse::<i32>().ok().map(i64::from),
    };
    let Some(exponent) = exponent else { return Numeral::Invalid };
    let mantissa = literal.split(['e', 'E']).next().unwrap_or_default();
    if behind_point && mantissa.contains('.') {
        return Numeral::Invalid;
    }
    if binary_exponent(behind_point, mantissa, exponent).abs() > EXPONENT_MAX {
        return Numeral::TooBig;
    }
    // JSON wants a digit before the point.
    let text = if behind_point { prefix.replace('.', "0.") } else { prefix.to_owned() } + literal;
    Number::parse(&text).map_or(Numeral::Invalid, Numeral::Number)
}

/// The binary exponent of a decimal number: `e` of `m * 2^e`, where `m` is from a half to one; 0 of zero.
fn binary_exponent(behind_point: bool, mantissa: &str, exponent: i64) -> f64 {
    let (whole, fraction) =
        if behind_point { ("", mantissa) } else { mantissa.split_once('.').unwrap_or((mantissa, "")) };
    let digits = || whole.bytes().chain(fraction.bytes());
    let Some(zeros) = digits().position(|digit| digit != b'0') else { return 0.0 };
    // `0.DDD * 10^magnitude`, of which the first digits decide.
    let leading: String = digits().skip(zeros).take(17).map(char::from).collect();
    let leading: f64 = format!("0.{leading}").parse().unwrap_or(0.5);
    #[expect(clippy::cast_precision_loss, reason = "what is not exact is far beyond the bound")]
    let magnitude = whole.len() as f64 - zeros as f64 + exponent as f64;
    (leading.log2() + magnitude * std::f64::consts::LOG2_10).floor() + 1.0
}

/// The text of a JSON string's inside; `None` where it is none. Half a surrogate pair becomes U+FFFD, as in Go.
pub(super) fn unescape(inner: &str) -> Option<String> {
    let mut text = String::with_capacity(inner.len());
    let mut rest = inner.chars();
    while let Some(char) = rest.next() {
        match char {
            '"' | '\0'..='\u{1f}' => return None,
            '\\' => text.push(escaped(&mut rest)?),
            _ => text.push(char),
        }
    }
    Some(text)
}

fn escaped(rest: &mut std::str::Chars<'_>) -> Option<char> {
    Some(match rest.next()? {
        'b' => '\u{8}',
        'f' => '\u{c}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'u' => {
            let first = four_digits(rest)?;
            if !(0xd800..0xdc00).contains(&first) {
                return Some(char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            let mut ahead = rest.clone();
            let second = match (ahead.next(), ahead.next()) {
                (Some('\\'), Some('u')) => four_digits(&mut ahead),
                _ => None,
            };
            match second {
                Some(second @ 0xdc00..0xe000) => {
                    *rest = ahead;
                    char::from_u32(0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00))?
                }
                _ => char::REPLACEMENT_CHARACTER,
            }
        }
        char @ ('"' | '\\' | '/') => char,
        _ => return None,
    })
}

fn four_digits(rest: &mut std::str::Chars<'_>) -> Option<u32> {
    (0..4).try_fold(0, |code, _| Some(code * 16 + rest.next()?.to_digit(16)?))
}

/// The text of a part of a template string, in which `\{` is a brace.
pub(super) fn template_text(inner: &str, raw: bool) -> Option<String> {
    if raw {
        return Some(inner.replace("\\{", "{"));
    }
    if !inner.contains('\\') {
        return Some(inner.to_owned());
    }
    let mut plain = String::with_capacity(inner.len());
    let mut rest = inner.chars();
    while let Some(char) = rest.next() {
        if char != '\\' {
            plain.push(char);
            continue;
        }
        match rest.next() {
            Some('{') => plain.push('{'),
            Some(next) => plain.extend(['\\', next]),
            None => plain.push('\\'),
        }
    }
    if plain.contains('\\') { unescape(&plain) } else { Some(plain) }
}
