use std::collections::HashMap;

use super::{Alert, Shown, TimeFormat, json};
use crate::Event;
use crate::field::FieldUse;
use crate::load::{File, Loaded, load};
use crate::output::Output;
use crate::value::Value;

/// An event of fields without arguments.
#[derive(Default)]
struct Fields(HashMap<&'static str, Value<'static>>);

impl Event for Fields {
    fn value(&self, used: &FieldUse) -> Option<Value<'_>> {
        self.0.get(used.id.field().name).cloned()
    }

    fn event_type(&self) -> Option<usize> {
        None
    }
}

const TIME_NS: i64 = 1_795_418_341_030_041_921;

fn rule(output: &str) -> Loaded {
    let output = output.replace('\'', "''");
    let text = format!(
        "- rule: A \"b\" \\ é\n  desc: d\n  condition: evt.type=open\n  output: '{output}'\n  priority: INFO\n  tags: [z, a, B, a]\n"
    );
    let loaded = load(&[File { text: &text }]);
    assert!(loaded.is_sound(), "{:?}", loaded.problems);
    loaded
}

/// What is said of an event, as text and as JSON.
fn said(output: &str, event: &Fields, shown: &Shown<'_>) -> [String; 2] {
    let loaded = rule(output);
    let output = Output::parse(output).expect("an output");
    let alert = Alert::new(&loaded.rules[0], &output, event, TIME_NS);
    [alert.to_text(shown.time), alert.to_json(shown)]
}

fn only_fields() -> Shown<'static> {
    Shown { has_output: false, has_tags: false, has_identity: false, ..Shown::default() }
}

/// The fields of the JSON alone, without the time.
fn fields(output: &str, event: &Fields) -> String {
    let [_, line] = said(output, event, &only_fields());
    let fields =
        line.strip_prefix("{\"output_fields\":{").and_then(|rest| rest.split("},\"priority\"").next());
    let time = format!("\"evt.time\":{TIME_NS}");
    let before_and_behind =
        fields.and_then(|fields| fields.split_once(&time)).unwrap_or_else(|| panic!("{line}"));
    format!("{}{}", before_and_behind.0.trim_end_matches(','), before_and_behind.1)
        .trim_start_matches(',')
        .to_owned()
}

fn bytes(bytes: &'static [u8]) -> Value<'static> {
    Value::Bytes(bytes.into())
}

#[test]
fn an_alert_has_these_bytes() {
    let event =
        Fields(HashMap::from([("proc.name", bytes(b"a \"cat\"\n")), ("user.uid", Value::Unsigned(0))]));
    let shown = Shown { node: Some("node-1"), has_message: true, has_identity: false, ..Shown::default() };
    let [text, line] = said("n=%proc.name u=%user.uid x=%fd.name", &event, &shown);
    assert_eq!(text, r#"07:19:01.030041921: Informational n=a \"cat\"\n u=0 x=<NA>"#);
    assert_eq!(
        line,
        concat!(
            r#"{"hostname":"node-1","message":"n=a \"cat\"\n u=0 x=<NA>","#,
            r#""output":"07:19:01.030041921: Informational n=a \"cat\"\n u=0 x=<NA>","#,
            r#""output_fields":{"evt.time":1795418341030041921,"fd.name":null,"proc.name":"a \"cat\"\n","user.uid":0},"#,
            r#""priority":"Informational","rule":"A \"b\" \\ é","source":"syscall","tags":["B","a","z"],"#,
            r#""time":"2026-11-23T07:19:01.030041921Z"}"#
        )
    );
}

#[test]
fn the_identity_is_always_there() {
    let shown = Shown { has_output: false, has_tags: false, has_fields: false, ..Shown::default() };
    let [_, line] = said("x", &Fields::default(), &shown);
    assert_eq!(
        line,
        concat!(
            r#"{"identity":{"container":null,"container_name":null,"image":null,"namespace":null,"node":null,"pod":null},"#,
            r#""priority":"Informational","rule":"A \"b\" \\ é","source":"syscall","time":"2026-11-23T07:19:01.030041921Z"}"#
        )
    );
    let event = Fields(HashMap::from([
        ("container.id", bytes(b"0123456789ab")),
        ("container.name", bytes(b"web")),
        ("container.image", bytes(b"shop/web:1")),
        ("k8s.ns.name", bytes(b"shop")),
        ("k8s.pod.name", bytes(b"web-0")),
    ]));
    let shown = Shown { node: Some("n"), ..shown };
    let [_, line] = said("x", &event, &shown);
    let identity = r#"{"hostname":"n","identity":{"container":"0123456789ab","container_name":"web","image":"shop/web:1","namespace":"shop","node":"n","pod":"web-0"},"#;
    assert!(line.starts_with(identity), "{line}");
}

#[test]
fn the_time_may_stand_there_in_full() {
    let shown = Shown { time: TimeFormat::Iso8601, has_tags: false, has_identity: false, ..Shown::default() };
    let [text, line] = said("x %evt.time", &Fields::default(), &shown);
    assert_eq!(text, "2026-11-23T07:19:01.030041921+0000: Informational x <NA>");
    // A time that the rule shows itself is a number, too.
    assert!(
        line.contains(
            r#""output_fields":{"evt.time":1795418341030041921,"evt.time.iso8601":1795418341030041921},"#
        ),
        "{line}"
    );
}

#[test]
fn letters_are_escaped_as_the_reference_escapes_them() {
    // What `nlohmann::json::dump` makes of these bytes, with invalid UTF-8 replaced.
    let event = Fields(HashMap::from([(
        "fd.name",
        bytes(
            b"q\" b\\ /\x08\t\n\x0c\r\x01\x1f\x7f <>& \xc3\xa9 \xe2\x80\xa8 \xff \xc3( \xe2\x82 \xf0\x9f\x98 \xed\xa0\x80 \xc0\xaf end\xe2\x82",
        ),
    )]));
    let expected = concat!(
        r#"q\" b\\ /\b\t\n\f\r\u0001\u001f"#,
        "\u{7f} <>& é \u{2028} \u{fffd} \u{fffd}( \u{fffd} \u{fffd} \u{fffd}\u{fffd}\u{fffd} \u{fffd}\u{fffd} end\u{fffd}"
    );
    let shown = Shown::default();
    let [text, line] = said("%fd.name", &event, &shown);
    assert_eq!(text, format!("07:19:01.030041921: Informational {expected}"));
    assert!(line.contains(&format!(r#""output":"07:19:01.030041921: Informational {expected}","#)), "{line}");
    assert_eq!(fields("%fd.name", &event), format!(r#""fd.name":"{expected}""#));
}

#[test]
fn numbers_are_written_as_the_reference_writes_them() {
    // What `nlohmann::json::dump` makes of these numbers.
    let doubles = [
        (0.0, "0.0"),
        (-0.0, "-0.0"),
        (0.095, "0.095"),
        (1.0, "1.0"),
        (5.5, "5.5"),
        (100.0, "100.0"),
        (1e14, "100000000000000.0"),
        (123_456_789_012_345.0, "123456789012345.0"),
        (1e15, "1e+15"),
        (1.5e15, "1.5e+15"),
        (1e20, "1e+20"),
        (1.25e-3, "0.00125"),
        (1e-4, "0.0001"),
        (0.000_123_45, "0.00012345"),
        (1e-5, "1e-05"),
        (1.5e-5, "1.5e-05"),
        (1e100, "1e+100"),
        (0.1 + 0.2, "0.30000000000000004"),
        (33.333_333_333_333_336, "33.333333333333336"),
        (f64::NAN, "null"),
    ];
    for (number, expected) in doubles {
        let event = Fields(HashMap::from([("proc.fdusage", Value::Double(number))]));
        assert_eq!(fields("%proc.fdusage", &event), format!(r#""proc.fdusage":{expected}"#));
    }
    let event = Fields(HashMap::from([
        ("proc.exe_ino.mtime", Value::Unsigned(u64::MAX)),
        ("user.loginuid", Value::Signed(-1)),
        ("fd.dev", Value::Signed(0xFE00)),
        ("evt.reltime.ns", Value::Unsigned(7)),
        ("evt.failed", Value::Bool(false)),
        ("fd.sip", Value::Address("::1".parse().expect("an address"))),
        ("fd.snet", Value::Address("10.0.0.1".parse().expect("an address"))),
        ("fd.types", Value::List(vec![bytes(b"file"), bytes(b"pipe")])),
    ]));
    let output =
        "%proc.exe_ino.mtime %user.loginuid %fd.dev %evt.reltime.ns %evt.failed %fd.sip %fd.snet %fd.types";
    let [text, _] = said(output, &event, &Shown::default());
    assert_eq!(
        text,
        "07:19:01.030041921: Informational 18446744073709551615 -1 FE00 000000007 false ::1 <IPNET> (file,pipe)"
    );
    assert_eq!(
        fields(output, &event),
        concat!(
            r#""evt.failed":false,"evt.reltime.ns":7,"fd.dev":"FE00","fd.sip":"::1","fd.snet":"<IPNET>","#,
            r#""fd.types":["file","pipe"],"proc.exe_ino.mtime":18446744073709551615,"user.loginuid":-1"#
        )
    );
}

#[test]
fn buffers_show_what_can_be_printed() {
    let event = Fields(HashMap::from([("evt.buffer", bytes(b"GET /\r\n\x00\xc3\xa9~"))]));
    assert_eq!(fields("%evt.buffer", &event), r#""evt.buffer":"GET /.....~""#);
    for (length, shown) in [(1022, 1022), (1023, 1021), (70_000, 1021)] {
        let event = Fields(HashMap::from([("evt.buffer", Value::Bytes(vec![b'a'; length].into()))]));
        let [text, _] = said("%evt.buffer", &event, &Shown::default());
        assert_eq!(text.matches('a').count(), "Informational".matches('a').count() + shown);
    }
}

#[test]
fn widths_count_bytes_and_names_are_written_out() {
    let event = Fields(HashMap::from([("proc.name", bytes("éé".as_bytes())), ("user.name", bytes(b"a\0b"))]));
    let [text, _] = said("%3proc.name|%6proc.name|%user.name|%0fd.name|", &event, &Shown::default());
    assert_eq!(text, "07:19:01.030041921: Informational é\u{fffd}|éé  |a|<NA>|");
    let event = Fields::default();
    let output = r#"%proc.env[A] %proc.env["A B"] %proc.env["A"] %evt.arg.flags %evt.arg[1] %toupper(proc.name) %proc.aname[02]"#;
    assert_eq!(
        fields(output, &event),
        concat!(
            r#""evt.arg.flags":null,"evt.arg[1]":null,"proc.aname[02]":null,"#,
            r#""proc.env[\"A B\"]":null,"proc.env[A]":null,"proc.name":null"#
        )
    );
}

#[test]
fn escaping_adds_nothing_to_plain_text() {
    let mut out = String::new();
    json::escape(&mut out, "plain, é and 語");
    assert_eq!(out, "plain, é and 語");
}
