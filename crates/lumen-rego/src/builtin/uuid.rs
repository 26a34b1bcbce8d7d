//! `uuid.*`.

use lumen_value::{Str, Value};

use super::crypto::digest::hex;
use super::{Answer, Context, Entry, Failure, operand};

/// The functions.
pub const TABLE: &[Entry] = &[("uuid.parse", parse), ("uuid.rfc4122", rfc4122)];

/// From the start of the Gregorian calendar, where the times of UUIDs count from, to 1970, in 100 nanoseconds.
const GREGORIAN_TICKS: i64 = 122_192_928_000_000_000;

/// A random one; the same for the same key during an evaluation, which the evaluator sees to.
#[expect(clippy::unnecessary_wraps, reason = "the shape of all functions")]
fn rfc4122(context: &mut Context<'_>, _: &[Value]) -> Answer {
    let (high, low) = ((context.random)(), (context.random)());
    let high = high & !0xf000 | 0x4000;
    let low = low & !(0b11 << 62) | 1 << 63;
    let digits = format!("{high:016x}{low:016x}");
    let groups = [0..8, 8..12, 12..16, 16..20, 20..32].map(|group| digits.get(group).unwrap_or_default());
    Ok(Value::from(groups.join("-")))
}

fn parse(_: &mut Context<'_>, operands: &[Value]) -> Answer {
    let text = operand::string(operands, 1)?;
    let bytes = read(text).ok_or(Failure::Undefined)?;
    let version = i64::from(bytes[6] >> 4);
    let variant = match bytes[8] {
        byte if byte & 0xc0 == 0x80 => "RFC4122",
        byte if byte & 0xe0 == 0xc0 => "Microsoft",
        byte if byte & 0xe0 == 0xe0 => "Future",
        _ => "Reserved",
    };
    let mut fields =
        vec![("variant".to_owned(), Value::from(variant)), ("version".to_owned(), Value::from(version))];
    if matches!(version, 1 | 2) {
        time_based(&bytes, version, &mut fields);
    }
    Ok(Value::Object(fields.into_iter().map(|(key, value)| (Value::from(key), value)).collect()))
}

fn time_based(bytes: &[u8; 16], version: i64, fields: &mut Vec<(String, Value)>) {
    let low = i64::from(u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]));
    let middle = i64::from(u16::from_be_bytes([bytes[4], bytes[5]]));
    let high = i64::from(u16::from_be_bytes([bytes[6], bytes[7]]) & 0xfff);
    let ticks = (low | middle << 32 | high << 48) - GREGORIAN_TICKS;
    // In Go the multiplication may wrap.
    let time = (ticks / 10_000_000).wrapping_mul(1_000_000_000).wrapping_add(ticks % 10_000_000 * 100);
    let node = [bytes[10], bytes[11], bytes[12], bytes[13], bytes[14], bytes[15]];
    let kind = match node[0] & 0b11 {
        0b11 => "local:multicast",
        0b01 => "global:multicast",
        0b10 => "local:unicast",
        _ => "global:unicast",
    };
    let sequence = i64::from(u16::from_be_bytes([bytes[8], bytes[9]]) & 0x3fff);
    let pairs: Vec<String> = node.iter().map(|byte| hex(&[*byte])).collect();
    let mut add = |key: &str, value: Value| fields.push((key.to_owned(), value));
    add("time", Value::from(time));
    add("nodeid", Value::from(pairs.join("-")));
    add("macvariables", Value::from(kind));
    add("clocksequence", Value::from(sequence));
    if version == 2 {
        add("id", Value::from(low));
        add(
            "domain",
            Value::from(match bytes[9] {
                0 => "Person".to_owned(),
                1 => "Group".to_owned(),
                2 => "Org".to_owned(),
                other => format!("Domain{other}"),
            }),
        );
    }
}

/// The bytes of a UUID as it is usually written: with hyphens, in braces, as a URN, or as digits alone.
fn read(text: &Str) -> Option<[u8; 16]> {
    let text = text.as_bytes();
    let text = match text.len() {
        32 => return digits(text),
        36 => text,
        // Whatever they are, the first and the last character are taken for braces.
        38 => text.get(1..37)?,
        45 => {
            let (prefix, rest) = text.split_at_checked(9)?;
            rest.get(..).filter(|_| prefix.eq_ignore_ascii_case(b"urn:uuid:"))?
        }
        _ => return None,
    };
    if [8, 13, 18, 23].iter().any(|index| text.get(*index) != Some(&b'-')) {
        return None;
    }
    let without: Vec<u8> = (0..)
        .zip(text)
        .filter(|(index, _)| ![8, 13, 18, 23].contains(index))
        .map(|(_, byte)| *byte)
        .collect();
    digits(&without)
}

fn digits(text: &[u8]) -> Option<[u8; 16]> {
    let mut bytes = [0; 16];
    let (pairs, rest) = text.as_chunks::<2>();
    if pairs.len() != bytes.len() || !rest.is_empty() {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(pairs) {
        let digit = |digit: u8| char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::super::exercise::call;

    #[test]
    fn a_time_and_a_node_are_read_where_a_uuid_has_them() {
        let parsed = call("uuid.parse", &[r#""{c232ab00-9414-11ec-b3c8-9f6bdeced846}""#]);
        let expected = r#"{"clocksequence":13256,"macvariables":"local:multicast","nodeid":"9f-6b-de-ce-d8-46","time":1645557742000000000,"variant":"RFC4122","version":1}"#;
        assert_eq!(parsed, Ok(expected.to_owned()));
        assert_eq!(call("uuid.parse", &[r#""c232ab00""#]), Err("Undefined".to_owned()));
    }
}
