//! Go's layouts: a time is shown by how the moment `Mon Jan 2 15:04:05 MST 2006` would be written.

use super::civil::{Civil, MONTHS, WEEKDAYS};

/// How a zone's offset is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Offset {
    /// `Z` stands for no offset.
    pub(super) zulu: bool,
    /// Colons between the parts.
    pub(super) colons: bool,
    /// Hours only (1), with minutes (2), with seconds (3).
    pub(super) parts: u8,
}

/// One part of a layout that stands for something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Element {
    LongMonth,
    Month,
    NumberMonth,
    ZeroMonth,
    LongWeekday,
    Weekday,
    Day,
    UnderDay,
    ZeroDay,
    UnderYearDay,
    ZeroYearDay,
    Hour,
    Hour12,
    ZeroHour12,
    Minute,
    ZeroMinute,
    Second,
    ZeroSecond,
    LongYear,
    Year,
    UpperHalf,
    LowerHalf,
    ZoneName,
    Offset(Offset),
    /// A fraction of a second: the separator, how many digits, whether zeros at the end are left out.
    Fraction(u8, usize, bool),
}

/// Layout texts by first byte. Of several that fit, the first counts.
const WORDS: &[(&str, Element)] = &[
    ("January", Element::LongMonth),
    ("Monday", Element::LongWeekday),
    ("MST", Element::ZoneName),
    ("01", Element::ZeroMonth),
    ("02", Element::ZeroDay),
    ("03", Element::ZeroHour12),
    ("04", Element::ZeroMinute),
    ("05", Element::ZeroSecond),
    ("06", Element::Year),
    ("002", Element::ZeroYearDay),
    ("15", Element::Hour),
    ("1", Element::NumberMonth),
    ("2006", Element::LongYear),
    ("2", Element::Day),
    ("_2", Element::UnderDay),
    ("__2", Element::UnderYearDay),
    ("3", Element::Hour12),
    ("4", Element::Minute),
    ("5", Element::Second),
    ("PM", Element::UpperHalf),
    ("pm", Element::LowerHalf),
    ("-070000", Element::Offset(Offset { zulu: false, colons: false, parts: 3 })),
    ("-07:00:00", Element::Offset(Offset { zulu: false, colons: true, parts: 3 })),
    ("-0700", Element::Offset(Offset { zulu: false, colons: false, parts: 2 })),
    ("-07:00", Element::Offset(Offset { zulu: false, colons: true, parts: 2 })),
    ("-07", Element::Offset(Offset { zulu: false, colons: false, parts: 1 })),
    ("Z070000", Element::Offset(Offset { zulu: true, colons: false, parts: 3 })),
    ("Z07:00:00", Element::Offset(Offset { zulu: true, colons: true, parts: 3 })),
    ("Z0700", Element::Offset(Offset { zulu: true, colons: false, parts: 2 })),
    ("Z07:00", Element::Offset(Offset { zulu: true, colons: true, parts: 2 })),
    ("Z07", Element::Offset(Offset { zulu: true, colons: false, parts: 1 })),
];

/// What stands before an element, the element with its text, what follows.
pub(super) type Split<'a> = (&'a [u8], Option<(Element, &'a [u8])>, &'a [u8]);

/// Splits a layout at its first element: what stands before it, the element with its text, what follows.
pub(super) fn split(layout: &[u8]) -> Split<'_> {
    for start in 0..layout.len() {
        let Some((before, rest)) = layout.split_at_checked(start) else { break };
        // `_2006` is an underscore before a year.
        if rest.starts_with(b"_2006") {
            continue;
        }
        if let Some((element, length)) = element_at(rest) {
            let (text, after) = rest.split_at_checked(length).unwrap_or((rest, b""));
            return (before, Some((element, text)), after);
        }
    }
    (layout, None, b"")
}

/// The element that a text begins with, and its length.
fn element_at(text: &[u8]) -> Option<(Element, usize)> {
    let first = *text.first()?;
    if matches!(first, b'.' | b',') {
        return fraction_at(text, first);
    }
    for (word, element) in WORDS {
        if text.starts_with(word.as_bytes()) {
            return Some((*element, word.len()));
        }
    }
    let short = |word: &[u8]| text.starts_with(word) && !text.get(3).is_some_and(u8::is_ascii_lowercase);
    if short(b"Jan") {
        return Some((Element::Month, 3));
    }
    short(b"Mon").then_some((Element::Weekday, 3))
}

/// `.000` or `.999`, with no digit after it.
fn fraction_at(text: &[u8], separator: u8) -> Option<(Element, usize)> {
    let digits = text.get(1..)?;
    let digit = *digits.first().filter(|digit| matches!(digit, b'0' | b'9'))?;
    let count = digits.iter().take_while(|other| **other == digit).count();
    if digits.get(count).is_some_and(u8::is_ascii_digit) {
        return None;
    }
    // Go keeps twelve bits of the count.
    Some((Element::Fraction(separator, count & 0xfff, digit == b'9'), 1 + count))
}

/// A time in its zone, ready to be shown.
pub(super) struct Shown<'a> {
    pub(super) civil: Civil,
    pub(super) offset: i64,
    pub(super) zone: &'a str,
}

/// Writes a time as the layout says.
pub(super) fn format(mut layout: &[u8], shown: &Shown<'_>) -> Vec<u8> {
    let mut out = Vec::with_capacity(layout.len() + 16);
    while !layout.is_empty() {
        let (before, element, after) = split(layout);
        out.extend_from_slice(before);
        let Some((element, _)) = element else { break };
        write_element(&mut out, element, shown);
        layout = after;
    }
    out
}

fn write_element(out: &mut Vec<u8>, element: Element, shown: &Shown<'_>) {
    let civil = &shown.civil;
    let twelve = if civil.hour % 12 == 0 { 12 } else { civil.hour % 12 };
    let name = |names: &[&'static str], index: i64| {
        usize::try_from(index).ok().and_then(|index| names.get(index).copied()).unwrap_or_default()
    };
    let (month, weekday) = (name(&MONTHS, civil.month - 1), name(&WEEKDAYS, civil.weekday()));
    let short = |text: &'static str| text.get(..3).unwrap_or_default();
    match element {
        Element::LongMonth => out.extend_from_slice(month.as_bytes()),
        Element::Month => out.extend_from_slice(short(month).as_bytes()),
        Element::NumberMonth => number(out, civil.month, 0),
        Element::ZeroMonth => number(out, civil.month, 2),
        Element::LongWeekday => out.extend_from_slice(weekday.as_bytes()),
        Element::Weekday => out.extend_from_slice(short(weekday).as_bytes()),
        Element::Day => number(out, civil.day, 0),
        Element::UnderDay => out.extend_from_slice(format!("{:2}", civil.day).as_bytes()),
        Element::ZeroDay => number(out, civil.day, 2),
        Element::UnderYearDay => out.extend_from_slice(format!("{:3}", civil.day_of_year()).as_bytes()),
        Element::ZeroYearDay => number(out, civil.day_of_year(), 3),
        Element::Hour => number(out, civil.hour, 2),
        Element::Hour12 => number(out, twelve, 0),
        Element::ZeroHour12 => number(out, twelve, 2),
        Element::Minute => number(out, civil.minute, 0),
        Element::ZeroMinute => number(out, civil.minute, 2),
        Element::Second => number(out, civil.second, 0),
        Element::ZeroSecond => number(out, civil.second, 2),
        Element::LongYear => number(out, civil.year, 4),
        Element::Year => number(out, civil.year.abs() % 100, 2),
        Element::UpperHalf => out.extend_from_slice(if civil.hour >= 12 { b"PM" } else { b"AM" }),
        Element::LowerHalf => out.extend_from_slice(if civil.hour >= 12 { b"pm" } else { b"am" }),
        Element::ZoneName if shown.zone.is_empty() => {
            write_offset(out, Offset { zulu: false, colons: false, parts: 2 }, shown.offset);
        }
        Element::ZoneName => out.extend_from_slice(shown.zone.as_bytes()),
        Element::Offset(how) => write_offset(out, how, shown.offset),
        Element::Fraction(separator, digits, trim) => {
            write_fraction(out, civil.nanosecond, separator, digits, trim);
        }
    }
}

fn number(out: &mut Vec<u8>, value: i64, width: usize) {
    let sign = if value < 0 { "-" } else { "" };
    out.extend_from_slice(format!("{sign}{:0width$}", value.unsigned_abs()).as_bytes());
}

fn write_offset(out: &mut Vec<u8>, how: Offset, offset: i64) {
    if how.zulu && offset == 0 {
        out.push(b'Z');
        return;
    }
    // Less than a minute west is written as east, as Go has it.
    let minutes = offset / 60;
    out.push(if minutes < 0 { b'-' } else { b'+' });
    let colon = if how.colons { ":" } else { "" };
    number(out, minutes.abs() / 60, 2);
    if how.parts > 1 {
        out.extend_from_slice(colon.as_bytes());
        number(out, minutes.abs() % 60, 2);
    }
    if how.parts > 2 {
        out.extend_from_slice(colon.as_bytes());
        let seconds = if minutes < 0 { -offset } else { offset };
        number(out, seconds % 60, 2);
    }
}

fn write_fraction(out: &mut Vec<u8>, nanosecond: i64, separator: u8, digits: usize, trim: bool) {
    if trim && (digits == 0 || nanosecond == 0) {
        return;
    }
    let text = format!("{nanosecond:09}");
    let shown = text.get(..digits.min(9)).unwrap_or(&text);
    let shown = if trim { shown.trim_end_matches('0') } else { shown };
    if trim && shown.is_empty() {
        return;
    }
    out.push(separator);
    out.extend_from_slice(shown.as_bytes());
}
