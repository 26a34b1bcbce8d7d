use std::collections::HashMap;

use proptest::prelude::*;

use super::{CLAUSES_MAX, Condition, Necessary};
use crate::event_types;
use crate::field::FieldUse;
use crate::load::{File, Rule, load};
use crate::ruleset::{Matching, RuleSet, Scratch};
use crate::value::Value;

/// An event of values by the names of fields.
#[derive(Clone, Debug, Default)]
struct Made {
    event_type: &'static str,
    values: HashMap<&'static str, Value<'static>>,
}

impl crate::Event for Made {
    fn value(&self, field: &FieldUse) -> Option<Value<'_>> {
        match field.id.field().name {
            "evt.type" => Some(Value::text(self.event_type)),
            name => self.values.get(name).cloned(),
        }
    }

    fn event_type(&self) -> Option<usize> {
        event_types::find(self.event_type.as_bytes())
    }
}

fn rules(conditions: &[String]) -> Vec<Rule> {
    let rule = |(number, condition): (usize, &String)| {
        format!(
            "- rule: r{number}\n  desc: d\n  condition: {condition:?}\n  output: o\n  priority: INFO\n  warn_evttypes: false\n"
        )
    };
    let text: String = conditions.iter().enumerate().map(rule).collect();
    let loaded = load(&[File { text: &text }]);
    assert!(loaded.is_sound(), "{:?}", loaded.problems);
    loaded.rules
}

fn json(conditions: &[&str]) -> serde_json::Value {
    let conditions: Vec<String> = conditions.iter().map(|text| (*text).to_owned()).collect();
    let necessary = Necessary::compile(&rules(&conditions));
    serde_json::from_str(&necessary.to_json().to_json()).expect("JSON")
}

#[test]
fn what_a_kernel_knows_is_asked() {
    let found = json(&[
        "evt.type in (open, openat) and evt.is_open_write=true and fd.name startswith /etc and proc.cmdline contains x",
        "evt.type=openat and evt.is_open_write=true and (fd.name startswith /root or fd.name=/x) and not proc.name in (dpkg, rpm)",
        "evt.type=connect and fd.sport in (22, 23) and not fd.snet in (127.0.0.0/8) and container.id != host",
        "evt.type=ptrace and not evt.arg.request in (PTRACE_ATTACH) and evt.rawres >= 0",
        "evt.type=execve and proc.cmdline contains x",
        "evt.type=dup and proc.name in (a, b) and not proc.name=a and proc.name startswith b",
        "evt.type=dup and proc.name in (a) and not proc.name=a",
    ]);
    let write = serde_json::json!({"field": "evt.is_open_write", "is": true, "passes_absent": false});
    let expected = serde_json::json!({
        "connect": [[
            {"field": "container.id", "not": {"equals": ["host"]}, "passes_absent": false},
            {"field": "fd.snet", "not": {"networks": ["127.0.0.0/8"]}, "passes_absent": true},
            {"field": "fd.sport", "ranges": [[22, 23]], "passes_absent": false},
        ]],
        "dup": [[{"field": "proc.name", "equals": ["b"], "not": {"equals": ["a"]}, "passes_absent": false}]],
        "execve": true,
        "open": [[write, {"field": "fd.name", "starts_with": ["/etc"], "passes_absent": false}]],
        "openat": [
            [write, {"field": "fd.name", "starts_with": ["/etc"], "passes_absent": false}],
            [
                write,
                {"field": "fd.name", "equals": ["/x"], "starts_with": ["/root"], "passes_absent": false},
                {"field": "proc.name", "not": {"equals": ["dpkg", "rpm"]}, "passes_absent": true},
            ],
        ],
        "ptrace": [[
            {"field": "evt.arg.request", "not": {"equals": ["PTRACE_ATTACH"]}, "passes_absent": true},
            {"field": "evt.rawres", "ranges": [[0, null]], "passes_absent": false},
        ]],
    });
    assert_eq!(found, expected, "{found:#}");
}

/// What is asked, in the language of conditions, with the types of which it is asked.
fn asked(conditions: &[&str]) -> Vec<(String, String)> {
    let conditions: Vec<String> = conditions.iter().map(|text| (*text).to_owned()).collect();
    let necessary = Necessary::compile(&rules(&conditions));
    let written = |(places, condition): (Vec<usize>, &Condition)| {
        let names: Vec<&str> =
            places.iter().filter_map(|place| event_types::NAMES.get(*place).copied()).collect();
        (names.join(" "), condition.expression().map_or("always".to_owned(), |asked| asked.to_string()))
    };
    necessary.by_condition().into_iter().map(written).collect()
}

#[test]
fn what_a_kernel_can_ask_is_written_as_conditions_are() {
    let found = asked(&[
        "evt.type in (open, openat) and evt.is_open_write=true and fd.name pmatch (/etc, /root/*.d) and proc.cmdline contains x",
        "evt.type in (open, openat) and evt.failed=false and (fd.name glob /x* or fd.name in (/a, /b)) and not proc.name in (dpkg, rpm)",
        "evt.type=connect and fd.sport in (22, 23, 80) and not fd.sip=127.0.0.1 and container.id != host",
        "evt.type=bind and fd.port in (22, 80) and fd.net in (10.0.0.0/8, 192.168.0.0/16) and not fd.num in (1, 2)",
        "evt.type=ptrace and not evt.arg.request startswith 'PTRACE_A' and evt.rawres >= 0 and not evt.is_open_read = true",
        "evt.type in (execve, execveat) and proc.cmdline contains x",
        "evt.type=dup and proc.name in (a) and not proc.name=a",
        "evt.type=dup2 and (not fd.name exists or fd.name = 'a b') and fd.filename exists",
    ]);
    let found: Vec<(&str, &str)> =
        found.iter().map(|(types, asked)| (types.as_str(), asked.as_str())).collect();
    let wanted = [
        (
            "bind",
            "(fd.net = anyof (10.0.0.0/8, 192.168.0.0/16) and not fd.num in (1, 2) and fd.port = anyof (22, 80))",
        ),
        (
            "connect",
            "(container.id exists and not container.id = host and not fd.sip = 127.0.0.1 and fd.sport in (22, 23, 80))",
        ),
        ("dup2", "(fd.filename exists and (not fd.name exists or fd.name = \"a b\"))"),
        ("execve execveat", "always"),
        (
            "open openat",
            "((evt.is_open_write = true and fd.name pmatch (/etc, /root)) or \
             (evt.failed = false and (fd.name in (/a, /b) or fd.name startswith /x) and not proc.name in (dpkg, rpm)))",
        ),
        (
            "ptrace",
            "(not evt.arg.request startswith PTRACE_A and not evt.is_open_read = true and evt.rawres >= 0)",
        ),
    ];
    assert_eq!(found, wanted);
}

#[test]
fn rules_that_are_switched_off_ask_nothing() {
    let mut rules = rules(&["evt.type=open".to_owned()]);
    rules[0].is_enabled = false;
    let necessary = Necessary::compile(&rules);
    assert_eq!(necessary.types().count(), 0);
    assert!(!necessary.holds(&Made { event_type: "open", ..Made::default() }));
}

#[test]
fn alternatives_are_bounded_and_lose_nothing() {
    let conditions: Vec<String> = (0..300)
        .map(|number| {
            format!("evt.type=open and fd.name=/f{number} and proc.name=p{number} and fd.num={number}")
        })
        .collect();
    let rules = rules(&conditions);
    let necessary = Necessary::compile(&rules);
    let open = event_types::find(b"open").expect("a type");
    let Some(Condition::Any(clauses)) = necessary.of_type(open) else { panic!("every event passes") };
    assert!(clauses.len() <= CLAUSES_MAX);
    for number in 0..300_u64 {
        let values = [
            ("fd.name", Value::Bytes(format!("/f{number}").into_bytes().into())),
            ("proc.name", Value::Bytes(format!("p{number}").into_bytes().into())),
            ("fd.num", Value::Unsigned(number)),
        ];
        let event = Made { event_type: "open", values: HashMap::from(values) };
        assert!(necessary.holds(&event), "{number}");
    }
    let other = Made { event_type: "open", values: HashMap::from([("fd.name", Value::text("/g"))]) };
    assert!(!necessary.holds(&other));
}

#[test]
fn conditions_that_explode_are_bounded() {
    let pairs: Vec<String> =
        (0..200).map(|number| format!("(fd.name=/a{number} or proc.name=b{number})")).collect();
    let many: Vec<String> = (0..20_000).map(|number| format!("name{number}")).collect();
    let rules = rules(&[
        format!("evt.type!=close and {}", pairs.join(" and ")),
        format!("not (proc.name in ({}) and fd.name in ({0}))", many.join(", ")),
    ]);
    let necessary = Necessary::compile(&rules);
    assert!(necessary.holds(&Made { event_type: "open", ..Made::default() }));
}

/// A check over few fields and values, so that it often holds.
fn check() -> impl Strategy<Value = String> {
    let text = prop_oneof![
        Just("fd.name"),
        Just("proc.name"),
        Just("evt.res"),
        Just("container.id"),
        Just("fd.typechar"),
        Just("proc.cmdline"),
    ];
    let value = prop_oneof![
        Just("/etc"),
        Just("/etc/a"),
        Just("/"),
        Just("a"),
        Just("host"),
        Just("f"),
        Just("tc/"),
        Just("SUCCESS"),
        Just("//etc"),
    ];
    let operator = prop_oneof![
        Just("="),
        Just("!="),
        Just("contains"),
        Just("startswith"),
        Just("endswith"),
        Just("icontains"),
    ];
    let pattern = prop_oneof![
        Just("/e*"),
        Just("*a"),
        Just("?etc"),
        Just("/etc/[ab]"),
        Just("[/]*"),
        Just("*"),
        Just("a"),
        Just("/etc/\\\\*"),
    ];
    let list = prop::collection::vec(value.clone(), 1..4).prop_map(|values| values.join(", "));
    let several = prop_oneof![Just("anyof"), Just("oneof"), Just("allof")];
    let number = prop_oneof![Just("fd.num"), Just("evt.rawres"), Just("fd.sport"), Just("fd.port")];
    let order = prop_oneof![Just("="), Just("!="), Just("<"), Just("<="), Just(">"), Just(">=")];
    let network = prop_oneof![Just("fd.net"), Just("fd.snet")];
    let networks = prop_oneof![Just("10.0.0.0/8"), Just("10.1.0.0/16"), Just("::1/128"), Just("0.0.0.0/0")];
    let address = prop_oneof![Just("fd.ip"), Just("fd.sip")];
    let addresses = prop_oneof![Just("10.1.2.3"), Just("192.168.0.1"), Just("::1")];
    let equality = prop_oneof![Just("="), Just("!=")];
    prop_oneof![
        3 => (text.clone(), operator.clone(), value).prop_map(|(f, o, v)| format!("{f} {o} '{v}'")),
        2 => (text.clone(), prop_oneof![Just("in"), Just("pmatch"), Just("intersects")], list.clone())
            .prop_map(|(f, o, v)| format!("{f} {o} ({v})")),
        1 => (text.clone(), operator, several, list).prop_map(|(f, o, m, v)| format!("{f} {o} {m} ({v})")),
        1 => (text.clone(), pattern).prop_map(|(f, v)| format!("{f} glob '{v}'")),
        1 => text.prop_map(|f| format!("{f} exists")),
        3 => (number.clone(), order, 0..4).prop_map(|(f, o, v)| format!("{f} {o} {v}")),
        1 => (number, prop::collection::vec(0..4, 1..3)).prop_map(|(f, v)| {
            let values: Vec<String> = v.iter().map(i32::to_string).collect();
            format!("{f} in ({})", values.join(","))
        }),
        1 => (network, equality.clone(), networks).prop_map(|(f, o, v)| format!("{f} {o} {v}")),
        1 => (address, equality.clone(), addresses).prop_map(|(f, o, v)| format!("{f} {o} {v}")),
        1 => (equality.clone(), any::<bool>()).prop_map(|(o, v)| format!("evt.is_open_write {o} {v}")),
        2 => (equality, prop_oneof![Just("open"), Just("connect")]).prop_map(|(o, v)| format!("evt.type {o} {v}")),
        1 => Just("evt.type in (open, dup)".to_owned()),
    ]
}

fn condition() -> impl Strategy<Value = String> {
    check().prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 2..4).prop_map(|parts| format!("({})", parts.join(" and "))),
            prop::collection::vec(inner.clone(), 2..4).prop_map(|parts| format!("({})", parts.join(" or "))),
            inner.prop_map(|part| format!("not ({part})")),
        ]
    })
}

fn event() -> impl Strategy<Value = Made> {
    let texts = ["/etc", "/etc/a", "/etc/ab", "/", "a", "host", "f", "SUCCESS", "//etc//a", "3f9c"];
    let text = prop::option::of(prop::sample::select(texts.to_vec())).prop_map(|text| text.map(Value::text));
    let number = prop::option::of((0..5_i64).prop_map(Value::Signed));
    let addresses = ["10.1.2.3", "10.200.0.1", "192.168.0.1", "::1", "fe80::1"];
    let address = prop::sample::select(addresses.to_vec())
        .prop_map(|text| Value::Address(text.parse().expect("an address")));
    let ends = prop::option::of(prop::collection::vec(address.clone(), 0..3).prop_map(Value::List));
    let ports = prop::option::of(prop::collection::vec((0..5_u64).prop_map(Value::Unsigned), 0..3));
    let one = prop::option::of(address);
    let texts = prop::collection::vec(text, 6);
    let numbers = prop::collection::vec(number, 3);
    let truth = prop::option::of(any::<bool>().prop_map(Value::Bool));
    let types = prop_oneof![Just("open"), Just("connect"), Just("dup")];
    (types, texts, numbers, ends, ports, one, truth).prop_map(
        |(event_type, texts, numbers, ends, ports, one, truth)| {
            let names = ["fd.name", "proc.name", "evt.res", "container.id", "fd.typechar", "proc.cmdline"]
                .into_iter();
            let mut values: HashMap<&'static str, Value<'static>> = HashMap::new();
            values.extend(names.zip(texts).filter_map(|(name, text)| Some((name, text?))));
            let names = ["fd.num", "evt.rawres", "fd.sport"].into_iter();
            values.extend(names.zip(numbers).filter_map(|(name, number)| Some((name, number?))));
            let others = [
                ("fd.ip", ends.clone()),
                ("fd.net", ends),
                ("fd.port", ports.map(Value::List)),
                ("fd.sip", one.clone()),
                ("fd.snet", one),
                ("evt.is_open_write", truth),
            ];
            values.extend(others.into_iter().filter_map(|(name, value)| Some((name, value?))));
            Made { event_type, values }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn every_event_passes_that_a_rule_matches(
        conditions in prop::collection::vec(condition(), 1..4),
        events in prop::collection::vec(event(), 64),
    ) {
        let rules = rules(&conditions);
        let set = RuleSet::compile(&rules);
        let necessary = Necessary::compile(&rules);
        let mut scratch = Scratch::default();
        let written = ["open", "connect", "dup"].map(|name| {
            let place = event_types::find(name.as_bytes()).expect("a type");
            let condition = necessary.of_type(place).expect("a condition").expression();
            let rule = |condition| Rule { condition, ..rules[0].clone() };
            (name, condition.map(|condition| RuleSet::compile(&[rule(condition)])))
        });
        for event in &events {
            // An empty list exists, and has nothing that could be compared.
            let lists = || event.values.values().filter_map(|value| match value {
                Value::List(values) => Some(values.len()),
                _ => None,
            });
            let passes = necessary.holds(event);
            let (_, asked) = written.iter().find(|(name, _)| *name == event.event_type).expect("a type");
            let is_asked = |set: &RuleSet| !set.matches(event, Matching::First, &mut Scratch::default()).is_empty();
            let written = asked.as_ref().is_none_or(is_asked);
            prop_assert!(!passes || written || lists().any(|length| length == 0), "{conditions:?} {event:?}");
            prop_assert!(passes || !written || lists().next().is_some(), "{conditions:?} {event:?}");
            let is_matched = !set.matches(event, Matching::First, &mut scratch).is_empty();
            prop_assert!(!is_matched || necessary.holds(event), "{conditions:?} {event:?}");
        }
    }
}
