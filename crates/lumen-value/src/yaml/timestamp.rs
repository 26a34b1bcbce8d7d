//! Timestamps, which matter only under the tag `!!timestamp`: the text must be one, and stays text.

/// Whether a text is a timestamp in one of the four layouts that `go.yaml.in/yaml/v2` accepts.
pub(super) fn is_timestamp(text: &str) -> bool {
    let text = text.as_bytes();
    let Some((year, rest)) = number(text, 4, 4) else {
        return false;
    };
    let date = byte(rest, b"-")
        .and_then(|rest| number(rest, 1, 2))
        .and_then(|(month, rest)| Some((month, number(byte(rest, b"-")?, 1, 2)?)));
    let Some((month, (day, rest))) = date else {
        return false;
    };
    if day < 1 || day > days_in(month, year) {
        return false;
    }
    match rest {
        [] => true,
        [b'T' | b't', rest @ ..] => clock(rest).is_some_and(is_zone),
        [b' ', ..] => clock(rest.trim_ascii_start()).is_some_and(<[u8]>::is_empty),
        _ => false,
    }
}

/// Hours, minutes, seconds and a fraction; what is left behind them.
fn clock(text: &[u8]) -> Option<&[u8]> {
    let (hour, rest) = number(text, 1, 2)?;
    let (minute, rest) = number(byte(rest, b":")?, 1, 2)?;
    let (second, rest) = number(byte(rest, b":")?, 1, 2)?;
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    match rest {
        [b'.' | b',', b'0'..=b'9', fraction @ ..] => {
            let digits = fraction.iter().take_while(|byte| byte.is_ascii_digit()).count();
            fraction.get(digits..)
        }
        _ => Some(rest),
    }
}

fn is_zone(text: &[u8]) -> bool {
    let [b'+' | b'-', rest @ ..] = text else {
        return text == b"Z";
    };
    let zone = number(rest, 2, 2).and_then(|(hour, rest)| Some((hour, number(byte(rest, b":")?, 2, 2)?)));
    matches!(zone, Some((0..=24, (0..=60, []))))
}

fn byte<'a>(text: &'a [u8], one_of: &[u8]) -> Option<&'a [u8]> {
    let (first, rest) = text.split_first()?;
    one_of.contains(first).then_some(rest)
}

/// A number of so many digits at the least, taking so many at the most.
fn number(text: &[u8], least: usize, most: usize) -> Option<(u32, &[u8])> {
    let digits = text.iter().take(most).take_while(|byte| byte.is_ascii_digit()).count();
    if digits < least {
        return None;
    }
    let (digits, rest) = text.split_at_checked(digits)?;
    let value = digits.iter().fold(0, |value, digit| value * 10 + u32::from(digit - b'0'));
    Some((value, rest))
}

/// How many days a month has; none for what is no month.
pub(crate) fn days_in(month: u32, year: u32) -> u32 {
    let is_leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 => 28 + u32::from(is_leap),
        _ => 0,
    }
}
