//! The grammar of Go's floating point literals, as `strconv.ParseFloat` reads them: signs, underscores between digits,
//! hexadecimal mantissas with a binary exponent.

/// A number in a plain form.
pub(super) enum Plain {
    /// In JSON's grammar.
    Decimal(String),
    /// Sign, hexadecimal digits, and the power of two to multiply with.
    Binary(bool, String, i64),
}

/// Reads such a literal; `None` where the text is none.
pub(super) fn plain(text: &str) -> Option<Plain> {
    let (negative, rest) = match text.as_bytes().first()? {
        b'-' => (true, text.get(1..)?),
        b'+' => (false, text.get(1..)?),
        _ => (false, text),
    };
    let hexadecimal = rest.strip_prefix("0x").or_else(|| rest.strip_prefix("0X"));
    if !underscores_separate_digits(rest, hexadecimal.is_some()) {
        return None;
    }
    let digits = hexadecimal.unwrap_or(rest).replace('_', "");
    let marks: &[char] = if hexadecimal.is_some() { &['p', 'P'] } else { &['e', 'E'] };
    let (mantissa, exponent) = match digits.split_once(marks) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (digits.as_str(), None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let is_digit =
        |byte: u8| if hexadecimal.is_some() { byte.is_ascii_hexdigit() } else { byte.is_ascii_digit() };
    if whole.len() + fraction.len() == 0 || !whole.bytes().chain(fraction.bytes()).all(is_digit) {
        return None;
    }
    let is_exponent = |text: &str| {
        let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
        !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
    };
    if exponent.is_some_and(|exponent| !is_exponent(exponent)) {
        return None;
    }
    if hexadecimal.is_some() {
        let exponent = exponent?.parse::<i64>().ok()?.clamp(-1_000_000, 1_000_000);
        let places = i64::try_from(fraction.len()).ok()?;
        return Some(Plain::Binary(negative, format!("{whole}{fraction}"), exponent - 4 * places));
    }
    let mut plain = if negative { "-".to_owned() } else { String::new() };
    let whole = match whole.trim_start_matches('0') {
        "" => "0",
        whole => whole,
    };
    plain.push_str(whole);
    if !fraction.is_empty() {
        plain.push('.');
        plain.push_str(fraction);
    }
    if let Some(exponent) = exponent {
        // As written, so that the number's own text stays where it is JSON's.
        plain.push(if text.contains('E') { 'E' } else { 'e' });
        plain.push_str(exponent);
    }
    Some(Plain::Decimal(plain))
}

/// An underscore stands between digits, or between a prefix and a digit.
fn underscores_separate_digits(text: &str, has_prefix: bool) -> bool {
    let text = if has_prefix { text.get(1..).unwrap_or_default() } else { text };
    let bytes = text.as_bytes();
    let is_digit = |byte: Option<&u8>, first: bool| match byte {
        Some(byte) if has_prefix => byte.is_ascii_hexdigit() || (first && matches!(byte, b'x' | b'X')),
        Some(byte) => byte.is_ascii_digit(),
        None => false,
    };
    bytes
        .iter()
        .enumerate()
        .filter(|(_, byte)| **byte == b'_')
        .all(|(at, _)| at > 0 && is_digit(bytes.get(at - 1), at == 1) && is_digit(bytes.get(at + 1), false))
}
