//! Random rules over random events: what the rule set says is what the rules say one by one.

use std::collections::HashMap;

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::sample::select;

use super::{Matching, Plain, RuleSet, Scratch};
use crate::condition::FieldName;
use crate::event_types;
use crate::field::{self, Basis, FieldUse, Kind};
use crate::identity::Identity;
use crate::load::{File, load};
use crate::term::{CallKey, Event, ThreadKey};
use crate::value::Value;

/// An event by the names of its fields.
#[derive(Clone, Debug)]
struct Named {
    values: HashMap<FieldUse, Value<'static>>,
    has_type: bool,
    /// By whom it is numbered, and its number.
    thread: Option<(Identity, u32)>,
    call: Option<Vec<u8>>,
}

impl Event for Named {
    fn value(&self, used: &FieldUse) -> Option<Value<'_>> {
        self.values.get(used).cloned()
    }

    fn event_type(&self) -> Option<usize> {
        let name = self.values.iter().find(|(used, _)| used.id.field().name == "evt.type");
        name.filter(|_| self.has_type).and_then(|(_, name)| event_types::find(name.as_bytes()?))
    }

    fn thread_key(&self) -> Option<ThreadKey<'_>> {
        self.thread.as_ref().map(|(by, number)| ThreadKey { by, number: *number })
    }

    fn call_key(&self) -> Option<CallKey<'_>> {
        self.call.as_ref().map(|bytes| CallKey { head: [1, 2], bytes })
    }
}

const TYPES: [&str; 5] = ["open", "openat", "execve", "close", "connect"];
const TEXTS: [&str; 14] = [
    "",
    "a",
    "sh",
    "bash",
    "/etc",
    "/etc/",
    "/etc/shadow",
    "/etc/ssh/key",
    "/bin/sh",
    "SH",
    "cat",
    "b",
    "/usr",
    "x.key",
];
const TEXT_FIELDS: [&str; 6] =
    ["proc.name", "fd.name", "proc.pname", "container.id", "proc.cmdline", "evt.arg.path"];
const NUMBER_FIELDS: [&str; 4] = ["fd.num", "proc.tty", "proc.pid", "evt.rawres"];
const FLAG_FIELDS: [&str; 2] = ["evt.is_open_read", "evt.is_open_write"];
const ADDRESSES: [&str; 3] = ["10.0.0.1", "10.0.0.2", "::1"];

fn quoted(text: &str) -> String {
    format!("\"{text}\"")
}

fn list(texts: &[&str]) -> String {
    let texts: Vec<String> = texts.iter().map(|text| quoted(text)).collect();
    format!("({})", texts.join(", "))
}

fn check() -> impl Strategy<Value = String> {
    let text_operator =
        select(vec!["=", "!=", "contains", "icontains", "startswith", "endswith", "glob", "iglob"]);
    let list_operator = select(vec![
        "in",
        "intersects",
        "pmatch",
        "startswith anyof",
        "contains allof",
        "= oneof",
        "glob anyof",
    ]);
    let pattern = prop_oneof![
        select(TEXTS.to_vec()),
        select(vec!["/etc/*", "*sh", "/*/s?*", "[ab]*", "b.*h", "etc/s"])
    ];
    let number = select(vec![-1, 0, 1, 2, 22, 443]);
    prop_oneof![
        2 => vec(select(TYPES.to_vec()), 1..3).prop_map(|types| format!("evt.type in ({})", types.join(", "))),
        1 => select(TYPES.to_vec()).prop_map(|name| format!("evt.type != {name}")),
        1 => select(vec!["evt.type startswith open", "evt.num = 0", "evt.num >= 0", "tolower(proc.name) = sh", "len(proc.cmdline) > 3"])
            .prop_map(str::to_owned),
        4 => (select(TEXT_FIELDS.to_vec()), text_operator, pattern)
            .prop_map(|(field, operator, text)| format!("{field} {operator} {}", quoted(text))),
        3 => (select(TEXT_FIELDS.to_vec()), list_operator, vec(select(TEXTS.to_vec()), 1..4))
            .prop_map(|(field, operator, texts)| format!("{field} {operator} {}", list(&texts))),
        1 => (select(TEXT_FIELDS.to_vec()), select(vec!["/etc/.*", "b.*h", "[ab]+"]))
            .prop_map(|(field, pattern)| format!("{field} regex {}", quoted(pattern))),
        1 => select(TEXT_FIELDS.to_vec()).prop_map(|field| format!("{field} exists")),
        1 => (select(TEXT_FIELDS.to_vec()), select(TEXT_FIELDS.to_vec()))
            .prop_map(|(left, right)| format!("{left} = val({right})")),
        2 => (select(NUMBER_FIELDS.to_vec()), select(vec!["=", "!=", "<", "<=", ">", ">="]), number.clone())
            .prop_map(|(field, operator, number)| format!("{field} {operator} {number}")),
        1 => (select(NUMBER_FIELDS.to_vec()), vec(number, 1..4)).prop_map(|(field, numbers)| {
            let numbers: Vec<String> = numbers.iter().map(ToString::to_string).collect();
            format!("{field} in ({})", numbers.join(", "))
        }),
        2 => (select(FLAG_FIELDS.to_vec()), any::<bool>()).prop_map(|(field, is_so)| format!("{field} = {is_so}")),
        1 => (select(vec!["=", "!="]), select(ADDRESSES.to_vec()))
            .prop_map(|(operator, address)| format!("fd.sip {operator} {}", quoted(address))),
        1 => select(vec!["fd.ip = \"10.0.0.1\"", "fd.ip != \"10.0.0.1\"", "fd.net = \"10.0.0.0/8\"", "proc.aname = sh", "proc.aname in (sh, bash)"])
            .prop_map(str::to_owned),
    ]
}

fn condition() -> impl Strategy<Value = String> {
    check().prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 2..5).prop_map(|parts| format!("({})", parts.join(" and "))),
            vec(inner.clone(), 2..5).prop_map(|parts| format!("({})", parts.join(" or "))),
            inner.prop_map(|part| format!("not ({part})")),
        ]
    })
}

fn used(name: &str) -> FieldUse {
    let (name, argument) = match name.split_once('[') {
        Some((name, argument)) => (name, Some(argument.trim_end_matches(']').to_owned())),
        None => (name, None),
    };
    field::resolve(&FieldName { name: name.to_owned(), argument, at: 0 }).expect("a field")
}

fn text() -> impl Strategy<Value = Value<'static>> {
    let longer = (select(TEXTS.to_vec()), "[a-z/.S]{0,6}").prop_map(|(text, rest)| format!("{text}{rest}"));
    prop_oneof![select(TEXTS.to_vec()).prop_map(str::to_owned), longer]
        .prop_map(|text| Value::Bytes(text.into_bytes().into()))
}

fn address() -> impl Strategy<Value = Value<'static>> {
    select(ADDRESSES.to_vec()).prop_map(|address| Value::Address(address.parse().expect("an address")))
}

fn event() -> impl Strategy<Value = Named> {
    let number = select(vec![-1_i64, 0, 1, 2, 3, 22, 443]).prop_map(Value::Signed);
    let several = |one: BoxedStrategy<Value<'static>>| vec(one, 0..3).prop_map(Value::List);
    (
        select(TYPES.to_vec()),
        any::<bool>(),
        btree_map(select(TEXT_FIELDS.to_vec()), text(), 0..7),
        btree_map(select(NUMBER_FIELDS.to_vec()), number, 0..5),
        btree_map(select(FLAG_FIELDS.to_vec()), any::<bool>().prop_map(Value::Bool), 0..3),
        btree_map(select(vec!["fd.sip"]), address(), 0..2),
        btree_map(select(vec!["fd.ip", "fd.net"]), several(address().boxed()), 0..3),
        btree_map(select(vec!["proc.aname"]), several(text().boxed()), 0..2),
    )
        .prop_map(|(event_type, has_type, texts, numbers, flags, address, ends, names)| {
            let event_type = ("evt.type", Value::Bytes(event_type.as_bytes().into()));
            let number = ("evt.num", Value::Unsigned(7));
            let all = [event_type, number].into_iter().chain(texts).chain(numbers).chain(flags);
            let all = all.chain(address).chain(ends).chain(names);
            let values = all.map(|(name, value)| (used(name), value)).collect();
            Named { values, has_type, thread: None, call: None }
        })
}

fn rules(conditions: &[String]) -> Vec<crate::load::Rule> {
    let rules: Vec<String> = conditions
        .iter()
        .enumerate()
        .map(|(place, condition)| {
            let condition = serde_json::Value::from(condition.as_str());
            format!("- {{rule: r{place}, desc: d, output: o, priority: INFO, condition: {condition}}}\n")
        })
        .collect();
    let loaded = load(&[File { text: &rules.concat() }]);
    let refused = loaded.problems.iter().find(|problem| problem.code.is_error());
    assert_eq!(refused, None);
    loaded.rules
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn a_rule_set_says_what_its_rules_say_one_by_one(
        conditions in vec(condition(), 1..24),
        events in vec(event(), 1..12),
    ) {
        let rules = rules(&conditions);
        let (set, plain) = (RuleSet::compile(&rules), Plain::compile(&rules));
        let mut scratch = Scratch::default();
        for event in &events {
            for matching in [Matching::First, Matching::All] {
                prop_assert_eq!(
                    set.matches(event, matching, &mut scratch),
                    plain.matches(event, matching),
                    "{:?} {:?}", conditions, event
                );
            }
        }
    }
}

/// Events as they are when they happen in one of several threads, each the call of one and with what follows from more than
/// that of another: the same source numbers some threads alike, and others number others by the same numbers. Of some the
/// call is not told.
fn in_threads(events: &[Named], threads: &[Named], turns: &[(usize, usize, usize)]) -> Vec<Named> {
    let sources = [Identity::default(), Identity::default()];
    let happened = turns.iter().map(|(event, thread, more)| {
        let (number, place) = (event % events.len(), thread % threads.len());
        let (event, thread) = (&events[number], &threads[place]);
        let more_values = &events[more % events.len()];
        let parts = [(event, Basis::Call), (thread, Basis::Thread), (more_values, Basis::Event)];
        let values = parts
            .into_iter()
            .flat_map(|(of, basis)| of.values.iter().filter(move |(used, _)| used.basis() == basis));
        let thread = u32::try_from(place / sources.len()).expect("a few threads");
        let call = [number, usize::from(event.has_type)].map(usize::to_le_bytes).concat();
        Named {
            values: values.map(|(used, value)| (used.clone(), value.clone())).collect(),
            has_type: event.has_type,
            thread: Some((sources[place % sources.len()].clone(), thread)),
            call: (more % 5 != 0).then_some(call),
        }
    });
    happened.collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn what_is_remembered_of_threads_and_calls_changes_nothing(
        conditions in vec(vec(condition(), 1..16), 1..3),
        events in vec(event(), 1..6),
        threads in vec(event(), 1..7),
        turns in vec((any::<usize>(), any::<usize>(), any::<usize>()), 1..60),
        of_source in any::<bool>(),
    ) {
        let sets = conditions.iter().map(|conditions| {
            let rules = rules(conditions);
            (RuleSet::compile(&rules), Plain::compile(&rules))
        });
        let sets: Vec<(RuleSet, Plain)> = sets.collect();
        let mut scratch = Scratch::default();
        let mut happened = in_threads(&events, &threads, &turns);
        if of_source {
            // One source behind the other, so that what is remembered is used.
            let first = happened[0].thread.clone().map(|(by, _)| by);
            happened.sort_by_key(|event| event.thread.as_ref().map(|(by, _)| by) != first.as_ref());
        }
        for event in &happened {
            for (set, plain) in &sets {
                for matching in [Matching::First, Matching::All] {
                    prop_assert_eq!(
                        set.matches(event, matching, &mut scratch),
                        plain.matches(event, matching),
                        "{:?} {:?}", conditions, event
                    );
                }
            }
        }
    }
}

#[test]
fn fields_of_the_tests_are_what_they_are_taken_for() {
    let kind = |name: &&str| used(name).id.field().kind;
    assert!(TEXT_FIELDS.iter().all(|name| kind(name) == Kind::Text));
    assert!(FLAG_FIELDS.iter().all(|name| kind(name) == Kind::Bool));
}

/// Rule sets are shared by threads.
const _: () = {
    const fn is_shared<T: Send + Sync>() {}
    is_shared::<RuleSet>();
};
