use std::borrow::Cow;

use proptest::prelude::{any, prop, prop_assert, proptest};

use super::{LINE_BYTES_MAX, Misfit, Printed, PrintedError, field_of};
use crate::Event as _;
use crate::load::{File, load};
use crate::ruleset::{Matching, RuleSet, Scratch};
use crate::{condition, field};

fn read(line: &str) -> Printed {
    Printed::read(line.as_bytes()).expect("an event")
}

fn refused(line: &str) -> String {
    Printed::read(line.as_bytes()).expect_err("no event").to_string()
}

/// Whether an event meets a condition.
fn meets(line: &str, condition: &str) -> bool {
    let text = format!("- rule: r\n  desc: d\n  condition: '{condition}'\n  output: o\n  priority: INFO\n");
    let loaded = load(&[File { text: &text }]);
    assert!(loaded.is_sound(), "{:?}", loaded.problems);
    let rules = RuleSet::compile(&loaded.rules);
    !rules.matches(&read(line), Matching::First, &mut Scratch::default()).is_empty()
}

#[test]
fn fields_have_the_values_that_were_printed() {
    let line = r#"{"evt.type":"openat","evt.num":7,"evt.rawtime":1795418341930041921,"proc.exe_ino.mtime":10887059683854775808,
        "proc.fdusage":0.5,"evt.failed":false,"user.loginuid":-1,"fd.dev":"FE00","fd.types":["file","pipe"],
        "proc.aname":"sh bash systemd","proc.name":"cat","proc.pname":"sh","evt.arg.flags":"O_RDONLY","proc.env[A]":"b"}"#;
    let event = read(line);
    assert_eq!((event.number(), event.time_ns()), (Some(7), Some(1_795_418_341_930_041_921)));
    let fields = [
        ("proc.exe_ino.mtime = 10887059683854775808", true),
        ("proc.fdusage exists", true),
        ("evt.failed = false", true),
        ("user.loginuid = -1", true),
        ("fd.dev = 65024", true),
        ("fd.types intersects (pipe)", true),
        ("fd.types in (pipe)", false),
        ("proc.aname in (bash)", true),
        ("proc.aname[0] = cat and proc.aname[1] = sh", true),
        ("evt.arg.flags = O_RDONLY", true),
        ("proc.env[A] = b", true),
        ("fd.name exists", false),
        ("not fd.name exists", true),
    ];
    for (condition, holds) in fields {
        assert_eq!(meets(line, condition), holds, "{condition}");
    }
}

#[test]
fn sockets_stand_for_both_ends() {
    let line = r#"{"evt.type":"connect","fd.type":"ipv4","fd.cip":"10.0.0.1","fd.sip":"10.0.0.2","fd.cport":40000,"fd.sport":443}"#;
    assert!(meets(line, "fd.ip = 10.0.0.1 and fd.ip = 10.0.0.2 and fd.port = 443 and fd.snet = 10.0.0.0/8"));
    assert!(meets(r#"{"evt.type":"socket","fd.type":"ipv6"}"#, "fd.ip = ::"));
}

#[test]
fn lines_that_are_no_events_are_refused_with_their_reason() {
    let lines = [
        ("", "the JSON text ends too soon, at byte 0 of the line"),
        ("{\"evt.num\": 1", "the JSON text ends too soon, at byte 13 of the line"),
        ("[]", "it is array, and not an object of fields and values"),
        (r#"{"output_fields": {"a": 1}}"#, "`output_fields` has object for a value"),
        (r#"{"proc.args of": [["a"]]}"#, "`proc.args of` has array for a value"),
        (r#"{"evt.type": 3}"#, "`evt.type` is `3`: there is no such type of events"),
        (r#"{"evt.type": "opened"}"#, "`evt.type` is `opened`: there is no such type of events"),
        (r#"{"a":[[[[[[1]]]]]]}"#, "values nest too deep, at byte 8 of the line"),
    ];
    for (line, reason) in lines {
        assert_eq!(refused(line), reason, "{line}");
    }
    let long = format!(r#"{{"fd.name":"{}"}}"#, "a".repeat(LINE_BYTES_MAX));
    assert_eq!(Printed::read(long.as_bytes()).err(), Some(PrintedError::TooLong));
}

#[test]
fn what_does_not_fit_a_field_is_no_value_of_it() {
    let line = r#"{"evt.type":"openat","fd.num":"three","fd.sip":"nowhere","evt.failed":1,"proc.pid":1.5,"fd.name":null,"proc.name":7}"#;
    for name in ["fd.num", "fd.sip", "evt.failed", "proc.pid", "fd.name"] {
        let condition::Operand::Field(name) = condition::parse_operand(name).expect("an operand").0 else {
            panic!("a field")
        };
        assert_eq!(read(line).value(&field::resolve(&name).expect("a field")), None, "{name}");
    }
    assert!(meets(line, "proc.name = 7"));
}

#[test]
fn a_value_that_its_field_cannot_have_is_a_misfit() {
    let misfits = |line: &str| -> Vec<String> {
        let event = read(line);
        let misfit = |(name, value): (Cow<'_, str>, &_)| {
            Some(Misfit::of(&name, value, &field_of(&name)?)?.to_string())
        };
        event.values().filter_map(misfit).collect()
    };
    let wanted = [
        (r#""fd.num":"abc""#, r#"`fd.num` is "abc" and not a whole number: it is taken for absent"#),
        (r#""proc.pid":1.5"#, "`proc.pid` is 1.5 and not a whole number: it is taken for absent"),
        (r#""fd.name":{"a":1}"#, r#"`fd.name` is {"a":1} and not a text: it is taken for absent"#),
        (r#""proc.args":[["a"]]"#, r#"`proc.args` is [["a"]] and not a text: it is taken for absent"#),
        (r#""evt.failed":1"#, "`evt.failed` is 1 and not `true` or `false`: it is taken for absent"),
        (
            r#""fd.sip":"nowhere""#,
            r#"`fd.sip` is "nowhere" and not the text of an address: it is taken for absent"#,
        ),
        (r#""fd.sport":true"#, "`fd.sport` is true and not the number of a port: it is taken for absent"),
        (r#""proc.apid[2]":"2""#, r#"`proc.apid[2]` is "2" and not a whole number: it is taken for absent"#),
        (
            r#""fd.dev":"0x10""#,
            r#"`fd.dev` is "0x10" and not a number, or the text of one in hexadecimal: it is taken for absent"#,
        ),
        (
            r#""evt.latency":"12345678901234567890123456789012345678901234567890""#,
            r#"`evt.latency` is "123456789012345678901234567890123456789.. and not a number of nanoseconds: it is taken for absent"#,
        ),
    ];
    for (field, message) in wanted {
        assert_eq!(misfits(&format!("{{{field}}}")), [message]);
    }
    // What has no value, what no field is called, and what is not looked at are none.
    let fine = r#"{"fd.num":null,"fd.nmae":true,"fd.net":"10.0.0.0/8","evt.dir":1,"toupper(fd.num)":1,"proc.name":7,"fd.types":"file"}"#;
    assert_eq!(misfits(fine), Vec::<String>::new());
}

proptest! {
    #[test]
    fn a_misfit_is_no_value(name in 0..field::all().count(), value in "[0-9a-zA-F.:\"{} ,\\[\\]-]{0,12}") {
        let name = field::all().nth(name).expect("a field").name;
        let used = field::FieldUse { id: field::find(name).expect("a field"), argument: None };
        for value in [value.clone(), format!("\"{}\"", value.replace('"', "")), format!("[{value}]")] {
            let Ok(event) = Printed::read(format!("{{\"{name}\":{value}}}").as_bytes()) else { continue };
            let is_misfit = event.values().any(|(name, value)| Misfit::of(&name, value, &used).is_some());
            prop_assert!(!is_misfit || event.value(&used).is_none());
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Err(error) = Printed::read(&bytes) {
            prop_assert!(!error.to_string().is_empty());
        }
    }

    #[test]
    fn every_field_can_be_asked_of_every_value(name in 0..field::all().count(), value in "[0-9a-zA-F.:\"{} ,\\[\\]-]{0,12}") {
        let name = field::all().nth(name).expect("a field").name;
        for value in [value.clone(), format!("\"{}\"", value.replace('"', "")), format!("[{value}]")] {
            let Ok(event) = Printed::read(format!("{{\"{name}\":{value},\"fd.type\":\"ipv4\"}}").as_bytes()) else { continue };
            let id = field::find(name).expect("a field");
            let used = field::FieldUse { id, argument: None };
            let is_shown = event.value(&used).is_none_or(|value| !format!("{value:?}").is_empty());
            prop_assert!(is_shown);
        }
    }
}
