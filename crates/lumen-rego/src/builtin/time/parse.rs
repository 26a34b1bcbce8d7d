//! Times read as a layout says, with the errors of Go's `time.Parse`.

use std::ops::Range;

use super::civil::{Civil, MONTHS, WEEKDAYS, days_in_month, is_leap};
use super::layout::{Element, Offset, split};

/// What was read so far.
struct Fields {
    year: i64,
    month: Option<i64>,
    day: Option<i64>,
    day_of_year: Option<i64>,
    hour: i64,
    minute: i64,
    second: i64,
    nanosecond: i64,
    half: Option<Half>,
    utc: bool,
    offset: Option<i64>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Half {
    Morning,
    Afternoon,
}

/// Why an element cannot be read.
enum Wrong {
    /// It does not look like one.
    Bad,
    /// It does, and is too large.
    Range(&'static str),
}

/// Seconds since 1970 and nanoseconds; or the error's text.
pub(super) fn parse(layout: &[u8], value: &[u8]) -> Result<(i64, i64), String> {
    let mut fields = Fields {
        year: 0,
        month: None,
        day: None,
        day_of_year: None,
        hour: 0,
        minute: 0,
        second: 0,
        nanosecond: 0,
        half: None,
        utc: false,
        offset: None,
    };
    let refuse = |message: &str| format!("parsing time {}{message}", quote(value));
    let (mut rest_layout, mut rest) = (layout, value);
    loop {
        let (before, element, after) = split(rest_layout);
        let bad = |read: &[u8], element: &[u8]| {
            let (read, element) = (quote(read), quote(element));
            refuse(&format!(" as {}: cannot parse {read} as {element}", quote(layout)))
        };
        rest = skip(rest, before).map_err(|at| bad(at, before))?;
        let Some((element, text)) = element else {
            if rest.is_empty() {
                break;
            }
            return Err(refuse(&format!(": extra text: {}", quote(rest))));
        };
        rest_layout = after;
        rest = fields.read(element, rest, after).map_err(|wrong| match wrong {
            Wrong::Bad => bad(rest, text),
            Wrong::Range(what) => refuse(&format!(": {what} out of range")),
        })?;
    }
    fields.finish().map_err(|message| refuse(&message))
}

/// Whether an element always has two digits, or three.
fn is_fixed(element: Element) -> bool {
    matches!(
        element,
        Element::ZeroMonth
            | Element::ZeroDay
            | Element::ZeroHour12
            | Element::ZeroMinute
            | Element::ZeroSecond
            | Element::ZeroYearDay
    )
}

/// Keeps a number that is within its bounds; gives what follows it.
fn within<'a>(
    slot: &mut i64,
    (number, rest): (i64, &'a [u8]),
    ends: Range<i64>,
    what: &'static str,
) -> Result<&'a [u8], Wrong> {
    if !ends.contains(&number) {
        return Err(Wrong::Range(what));
    }
    *slot = number;
    Ok(rest)
}

/// A year of two digits: of 1969 to 2068.
fn year(value: &[u8]) -> Result<(i64, &[u8]), Wrong> {
    let (text, rest) = value.split_at_checked(2).ok_or(Wrong::Bad)?;
    let year = integer(text).ok_or(Wrong::Bad)?;
    Ok((year + if year >= 69 { 1900 } else { 2000 }, rest))
}

/// A year of four digits.
fn long_year(value: &[u8]) -> Result<(i64, &[u8]), Wrong> {
    let (text, rest) = value.split_at_checked(4).ok_or(Wrong::Bad)?;
    text.first().filter(|first| first.is_ascii_digit()).ok_or(Wrong::Bad)?;
    Ok((integer(text).ok_or(Wrong::Bad)?, rest))
}

impl Fields {
    /// Reads one element; gives what follows it.
    fn read<'a>(&mut self, element: Element, value: &'a [u8], layout: &[u8]) -> Result<&'a [u8], Wrong> {
        let fixed = is_fixed(element);
        match element {
            Element::Year => {
                let (year, rest) = year(value)?;
                self.year = year;
                Ok(rest)
            }
            Element::LongYear => {
                let (year, rest) = long_year(value)?;
                self.year = year;
                Ok(rest)
            }
            Element::Month | Element::LongMonth => {
                let (index, rest) = name(&MONTHS, value, element == Element::Month)?;
                self.month = Some(index + 1);
                Ok(rest)
            }
            Element::NumberMonth | Element::ZeroMonth => {
                within(self.month.insert(0), number(value, fixed)?, 1..13, "month")
            }
            Element::Weekday | Element::LongWeekday => {
                Ok(name(&WEEKDAYS, value, element == Element::Weekday)?.1)
            }
            Element::Day | Element::UnderDay | Element::ZeroDay => {
                let padded = element == Element::UnderDay;
                let (day, rest) = number(if padded { unpad(value) } else { value }, fixed)?;
                self.day = Some(day);
                Ok(rest)
            }
            Element::UnderYearDay | Element::ZeroYearDay => {
                let padded = element == Element::UnderYearDay;
                let (day, rest) = number_of_three(if padded { unpad(unpad(value)) } else { value }, fixed)?;
                self.day_of_year = Some(day);
                Ok(rest)
            }
            Element::Hour => within(&mut self.hour, number(value, false)?, 0..24, "hour"),
            Element::Hour12 | Element::ZeroHour12 => {
                within(&mut self.hour, number(value, fixed)?, 0..13, "hour")
            }
            Element::Minute | Element::ZeroMinute => {
                within(&mut self.minute, number(value, fixed)?, 0..60, "minute")
            }
            Element::Second | Element::ZeroSecond => {
                let rest = within(&mut self.second, number(value, fixed)?, 0..60, "second")?;
                self.unasked_fraction(rest, layout)
            }
            Element::UpperHalf | Element::LowerHalf => self.half(value, element == Element::UpperHalf),
            Element::Offset(how) => self.offset(how, value),
            Element::ZoneName => self.zone(value),
            Element::Fraction(_, digits, false) => {
                let (text, rest) = value.split_at_checked(1 + digits).ok_or(Wrong::Bad)?;
                self.nanosecond = nanoseconds(text)?;
                Ok(rest)
            }
            Element::Fraction(_, _, true) => self.optional_fraction(value),
        }
    }

    /// The name of a zone.
    fn zone<'a>(&mut self, value: &'a [u8]) -> Result<&'a [u8], Wrong> {
        if let Some(rest) = value.strip_prefix(b"UTC") {
            self.utc = true;
            return Ok(rest);
        }
        let length = zone_name(value).ok_or(Wrong::Bad)?;
        // The name's offset is not known; Go takes the time for UTC's then.
        value.get(length..).ok_or(Wrong::Bad)
    }

    /// A fraction after the seconds that the layout does not mention.
    fn unasked_fraction<'a>(&mut self, value: &'a [u8], layout: &[u8]) -> Result<&'a [u8], Wrong> {
        if matches!(split(layout).1, Some((Element::Fraction(..), _))) {
            return Ok(value);
        }
        self.optional_fraction(value)
    }

    fn optional_fraction<'a>(&mut self, value: &'a [u8]) -> Result<&'a [u8], Wrong> {
        let Some((b'.' | b',', digits)) = value.split_first() else { return Ok(value) };
        let count = digits.iter().take_while(|digit| digit.is_ascii_digit()).count();
        if count == 0 {
            return Ok(value);
        }
        let (text, rest) = value.split_at_checked(1 + count).ok_or(Wrong::Bad)?;
        self.nanosecond = nanoseconds(text)?;
        Ok(rest)
    }

    fn half<'a>(&mut self, value: &'a [u8], upper: bool) -> Result<&'a [u8], Wrong> {
        let (text, rest) = value.split_at_checked(2).ok_or(Wrong::Bad)?;
        self.half = Some(match (text, upper) {
            (b"PM", true) | (b"pm", false) => Half::Afternoon,
            (b"AM", true) | (b"am", false) => Half::Morning,
            _ => return Err(Wrong::Bad),
        });
        Ok(rest)
    }

    fn offset<'a>(&mut self, how: Offset, value: &'a [u8]) -> Result<&'a [u8], Wrong> {
        if how.zulu
            && let Some(rest) = value.strip_prefix(b"Z")
        {
            self.utc = true;
            return Ok(rest);
        }
        let parts = usize::from(how.parts);
        let colons = if how.colons { parts - 1 } else { 0 };
        let (text, rest) = value.split_at_checked(1 + 2 * parts + colons).ok_or(Wrong::Bad)?;
        if how.colons && (1..parts).any(|index| text.get(3 * index) != Some(&b':')) {
            return Err(Wrong::Bad);
        }
        let part = |index: usize| -> Result<i64, Wrong> {
            if index >= parts {
                return Ok(0);
            }
            let at = 1 + index * if how.colons { 3 } else { 2 };
            let digits = text.get(at..at + 2).ok_or(Wrong::Bad)?;
            number(digits, true).map(|(number, _)| number)
        };
        let parts = [part(0), part(1), part(2)];
        // A part that is too large is an error before one that is no number.
        let ranges =
            [(24, "time zone offset hour"), (60, "time zone offset minute"), (60, "time zone offset second")];
        let mut read = [0; 3];
        let mut bad = false;
        for ((part, (most, what)), slot) in parts.into_iter().zip(ranges).zip(&mut read) {
            match part {
                Ok(number) if number > most && !bad => return Err(Wrong::Range(what)),
                Ok(number) => *slot = number,
                Err(_) => bad = true,
            }
        }
        let [hours, minutes, seconds] = read;
        let offset = (hours * 60 + minutes) * 60 + seconds;
        self.offset = Some(match text.first() {
            Some(b'+') if !bad => offset,
            Some(b'-') if !bad => -offset,
            _ => return Err(Wrong::Bad),
        });
        Ok(rest)
    }

    /// Puts the parts together.
    fn finish(mut self) -> Result<(i64, i64), String> {
        match self.half {
            Some(Half::Afternoon) if self.hour < 12 => self.hour += 12,
            Some(Half::Morning) if self.hour == 12 => self.hour = 0,
            _ => {}
        }
        if let Some(day_of_year) = self.day_of_year {
            let (month, day) = self.month_and_day(day_of_year)?;
            if self.month.is_some_and(|read| read != month) {
                return Err(": day-of-year does not match month".to_owned());
            }
            if self.day.is_some_and(|read| read != day) {
                return Err(": day-of-year does not match day".to_owned());
            }
            (self.month, self.day) = (Some(month), Some(day));
        }
        let (month, day) = (self.month.unwrap_or(1), self.day.unwrap_or(1));
        if day < 1 || day > days_in_month(self.year, month) {
            return Err(": day out of range".to_owned());
        }
        let civil = Civil {
            year: self.year,
            month,
            day,
            hour: self.hour,
            minute: self.minute,
            second: self.second,
            nanosecond: self.nanosecond,
        };
        // An offset of -1 second is how Go marks that there is none.
        let offset = self.offset.filter(|offset| !self.utc && *offset != -1).unwrap_or(0);
        Ok((civil.seconds() - offset, self.nanosecond))
    }

    fn month_and_day(&self, day_of_year: i64) -> Result<(i64, i64), String> {
        let length = if is_leap(self.year) { 366 } else { 365 };
        if !(1..=length).contains(&day_of_year) {
            return Err(": day-of-year out of range".to_owned());
        }
        let mut day = day_of_year;
        for month in 1..12 {
            let length = days_in_month(self.year, month);
            if day <= length {
                return Ok((month, day));
            }
            day -= length;
        }
        Ok((12, day))
    }
}

/// What follows a text that the layout has between its elements. A run of spaces stands for one of any length. The error is
/// where reading stopped.
fn skip<'a>(mut value: &'a [u8], mut prefix: &[u8]) -> Result<&'a [u8], &'a [u8]> {
    while let Some((expected, rest_prefix)) = prefix.split_first() {
        if *expected == b' ' {
            if value.first().is_some_and(|first| *first != b' ') {
                return Err(value);
            }
            (prefix, value) = (spaceless(prefix), spaceless(value));
            continue;
        }
        match value.split_first() {
            Some((read, rest)) if read == expected => (prefix, value) = (rest_prefix, rest),
            _ => return Err(value),
        }
    }
    Ok(value)
}

fn spaceless(text: &[u8]) -> &[u8] {
    let count = text.iter().take_while(|byte| **byte == b' ').count();
    text.get(count..).unwrap_or_default()
}

fn unpad(value: &[u8]) -> &[u8] {
    value.strip_prefix(b" ").unwrap_or(value)
}

/// One or two digits; two where `fixed`.
fn number(value: &[u8], fixed: bool) -> Result<(i64, &[u8]), Wrong> {
    let digit = |byte: u8| i64::from(byte - b'0');
    match value {
        [a, b, rest @ ..] if a.is_ascii_digit() && b.is_ascii_digit() => {
            Ok((digit(*a) * 10 + digit(*b), rest))
        }
        [a, rest @ ..] if a.is_ascii_digit() && !fixed => Ok((digit(*a), rest)),
        _ => Err(Wrong::Bad),
    }
}

/// One to three digits; three where `fixed`.
fn number_of_three(value: &[u8], fixed: bool) -> Result<(i64, &[u8]), Wrong> {
    let count = value.iter().take(3).take_while(|byte| byte.is_ascii_digit()).count();
    if count == 0 || (fixed && count != 3) {
        return Err(Wrong::Bad);
    }
    let (digits, rest) = value.split_at_checked(count).ok_or(Wrong::Bad)?;
    Ok((integer(digits).ok_or(Wrong::Bad)?, rest))
}

/// An integer, with or without a sign.
fn integer(text: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(text).ok()?;
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if unsigned.is_empty() {
        return Some(0);
    }
    if !unsigned.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

/// A fraction with its separator.
fn nanoseconds(text: &[u8]) -> Result<i64, Wrong> {
    let Some((b'.' | b',', digits)) = text.split_first() else { return Err(Wrong::Bad) };
    let digits = digits.get(..9).unwrap_or(digits);
    let value = integer(digits).ok_or(Wrong::Bad)?;
    if value < 0 {
        return Err(Wrong::Range("fractional second"));
    }
    Ok((digits.len()..9).fold(value, |value, _| value * 10))
}

/// The index of the name that a value begins with, in letters of any case.
fn name<'a>(names: &[&str], value: &'a [u8], short: bool) -> Result<(i64, &'a [u8]), Wrong> {
    for (index, name) in (0..).zip(names) {
        let name = if short { name.get(..3).unwrap_or(name) } else { name };
        if let Some((read, rest)) = value.split_at_checked(name.len())
            && read.eq_ignore_ascii_case(name.as_bytes())
        {
            return Ok((index, rest));
        }
    }
    Err(Wrong::Bad)
}

/// How long the zone's name is that a value begins with.
fn zone_name(value: &[u8]) -> Option<usize> {
    if value.len() < 3 {
        return None;
    }
    if value.starts_with(b"ChST") || value.starts_with(b"MeST") {
        return Some(4);
    }
    if let Some(rest) = value.strip_prefix(b"GMT") {
        return Some(3 + signed_offset(rest));
    }
    if matches!(value.first(), Some(b'+' | b'-')) {
        return Some(signed_offset(value)).filter(|length| *length > 0);
    }
    let upper = value.iter().take(6).take_while(|byte| byte.is_ascii_uppercase()).count();
    let fits = match upper {
        3 => true,
        4 => value.get(3) == Some(&b'T') || value.starts_with(b"WITA"),
        5 => value.get(4) == Some(&b'T'),
        _ => false,
    };
    fits.then_some(upper)
}

/// How long an offset such as `+03` is; 0 where there is none, or none up to 23.
fn signed_offset(value: &[u8]) -> usize {
    let Some((b'+' | b'-', digits)) = value.split_first() else { return 0 };
    let count = digits.iter().take_while(|digit| digit.is_ascii_digit()).count();
    let significant = digits.get(..count).unwrap_or_default();
    let hours = std::str::from_utf8(significant).ok().and_then(|text| text.parse::<u64>().ok());
    if hours.is_some_and(|hours| hours <= 23) { 1 + count } else { 0 }
}

/// A text in quotes, as Go's package `time` does it: bytes that are not printable ASCII as `\xNN`.
pub(super) fn quote(text: &[u8]) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for byte in text {
        match byte {
            b'"' | b'\\' => {
                out.push('\\');
                out.push(char::from(*byte));
            }
            b' '..=b'\x7f' => out.push(char::from(*byte)),
            _ => out.extend(["\\x", &super::super::crypto::digest::hex(&[*byte])]),
        }
    }
    out.push('"');
    out
}
