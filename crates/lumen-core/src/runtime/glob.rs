//! Shell patterns as `fnmatch(3)` matches them without flags: `*` and `?` match a slash, too.

/// Whether a text as a whole is of a pattern. Takes at most as many steps as the product of both lengths.
pub(super) fn matches(pattern: &[u8], text: &[u8], ignores_case: bool) -> bool {
    let (mut at, mut from) = (0, 0);
    // Where the last `*` stands, and the text that it has taken so far ends.
    let mut star: Option<(usize, usize)> = None;
    loop {
        let step = match (pattern.get(at), text.get(from)) {
            (None, None) => return true,
            (Some(b'*'), _) => {
                star = Some((at, from));
                at += 1;
                continue;
            }
            (Some(_), Some(byte)) => one(pattern, at, *byte, ignores_case),
            _ => None,
        };
        match (step, star) {
            (Some(next), _) => {
                at = next;
                from += 1;
            }
            (None, Some((place, taken))) if taken < text.len() => {
                star = Some((place, taken + 1));
                at = place + 1;
                from = taken + 1;
            }
            (None, _) => return false,
        }
    }
}

/// Whether a pattern has anything but letters that stand for themselves, as path lists look for it.
pub(super) fn is_pattern(text: &[u8]) -> bool {
    text.iter().any(|byte| matches!(byte, b'?' | b'*' | b'['))
}

fn folded(byte: u8, ignores_case: bool) -> u8 {
    if ignores_case { byte.to_ascii_lowercase() } else { byte }
}

/// Where the pattern goes on behind the part at a place, if that part takes a byte.
fn one(pattern: &[u8], at: usize, byte: u8, ignores_case: bool) -> Option<usize> {
    match pattern.get(at)? {
        b'?' => Some(at + 1),
        b'[' => match class(pattern, at + 1, byte, ignores_case) {
            Some((true, next)) => Some(next),
            Some((false, _)) => None,
            // A bracket that nothing closes stands for itself.
            None => (byte == b'[').then_some(at + 1),
        },
        b'\\' => {
            let escaped = *pattern.get(at + 1)?;
            (folded(escaped, ignores_case) == folded(byte, ignores_case)).then_some(at + 2)
        }
        letter => (folded(*letter, ignores_case) == folded(byte, ignores_case)).then_some(at + 1),
    }
}

/// Whether a byte is of the class whose first letter stands at a place, and where the pattern goes on behind it; `None` where
/// it has no end.
fn class(pattern: &[u8], start: usize, byte: u8, ignores_case: bool) -> Option<(bool, usize)> {
    let is_negated = matches!(pattern.get(start)?, b'!' | b'^');
    let first = start + usize::from(is_negated);
    let mut at = first;
    let mut is_in = false;
    loop {
        let letter = *pattern.get(at)?;
        if letter == b']' && at > first {
            return Some((is_in != is_negated, at + 1));
        }
        if letter == b'[' && pattern.get(at + 1) == Some(&b':') {
            let rest = pattern.get(at + 2..)?;
            if let Some(end) = rest.windows(2).position(|pair| pair == b":]") {
                is_in |= is_of(rest.get(..end)?, byte, ignores_case);
                at += end + 4;
                continue;
            }
        }
        let (low, behind) = bound(pattern, at)?;
        at = behind;
        let is_range = pattern.get(at) == Some(&b'-') && pattern.get(at + 1).is_some_and(|end| *end != b']');
        let high = if is_range {
            let (high, behind) = bound(pattern, at + 1)?;
            at = behind;
            high
        } else {
            low
        };
        let (low, high) = (folded(low, ignores_case), folded(high, ignores_case));
        is_in |= (low..=high).contains(&folded(byte, ignores_case));
    }
}

/// A letter of a class, which a backslash may protect, and where the pattern goes on.
fn bound(pattern: &[u8], at: usize) -> Option<(u8, usize)> {
    match pattern.get(at)? {
        b'\\' => Some((*pattern.get(at + 1)?, at + 2)),
        letter => Some((*letter, at + 1)),
    }
}

/// Whether a byte is of a class that has a name.
fn is_of(name: &[u8], byte: u8, ignores_case: bool) -> bool {
    match name {
        b"alpha" => byte.is_ascii_alphabetic(),
        b"digit" => byte.is_ascii_digit(),
        b"alnum" => byte.is_ascii_alphanumeric(),
        b"upper" => byte.is_ascii_uppercase() || ignores_case && byte.is_ascii_lowercase(),
        b"lower" => byte.is_ascii_lowercase() || ignores_case && byte.is_ascii_uppercase(),
        b"space" => byte.is_ascii_whitespace() || byte == 0x0b,
        b"blank" => matches!(byte, b' ' | b'\t'),
        b"punct" => byte.is_ascii_punctuation(),
        b"print" => byte.is_ascii_graphic() || byte == b' ',
        b"graph" => byte.is_ascii_graphic(),
        b"cntrl" => byte.is_ascii_control(),
        b"xdigit" => byte.is_ascii_hexdigit(),
        _ => false,
    }
}
