//! Properties of spans and edits, on texts made at random in the manner of manifests.
#![expect(clippy::string_slice, reason = "a test that slices wrongly fails, as it should")]

use proptest::prelude::*;

use super::super::*;
use crate::span::{Index, Style};
use crate::{Step, Str};

/// A value as it is written.
#[derive(Clone, Debug)]
enum Written {
    /// One line.
    Scalar(&'static str),
    /// The indicators, and the lines.
    Lines(&'static str, Vec<&'static str>),
    Block(Vec<(Entry, Written)>),
    Dashes(bool, Vec<(Entry, Written)>),
    Flow(Vec<(&'static str, Written)>),
    Brackets(bool, Vec<Written>),
}

/// A key and the comments about it.
#[derive(Clone, Debug)]
struct Entry {
    key: &'static str,
    above: bool,
    beside: bool,
    blank: bool,
}

const SCALARS: [&str; 20] = [
    "web",
    "\"a b\"",
    "'it''s'",
    "1",
    "true",
    "no",
    "null",
    "~",
    "",
    "1.5",
    "\"\\u00e9\\n\\\"\"",
    "nginx:1.27",
    "two words",
    "\"\"",
    "'# no'",
    "0x1f",
    "1e3",
    "é",
    "\"yes\"",
    "a#b",
];
const KEYS: [&str; 8] =
    ["name", "image", "\"quoted key\"", "'single'", "app.kubernetes.io/name", "securityContext", "x", "yes"];
const LINES: [&str; 6] = ["one", "  more", "", "é # no comment", "x: y", "-"];

fn entry() -> impl Strategy<Value = Entry> {
    (
        prop::sample::select(&KEYS[..]),
        prop::bool::weighted(0.2),
        prop::bool::weighted(0.3),
        prop::bool::weighted(0.1),
    )
        .prop_map(|(key, above, beside, blank)| Entry { key, above, beside, blank })
}

fn flow() -> impl Strategy<Value = Written> {
    let scalar =
        prop::sample::select(SCALARS.iter().copied().filter(|text| !text.is_empty()).collect::<Vec<_>>());
    scalar.prop_map(Written::Scalar).prop_recursive(2, 8, 3, |inner| {
        prop_oneof![
            prop::collection::vec((prop::sample::select(&KEYS[..]), inner.clone()), 0..3)
                .prop_map(Written::Flow),
            (any::<bool>(), prop::collection::vec(inner, 0..3))
                .prop_map(|(comma, items)| Written::Brackets(comma, items)),
        ]
    })
}

fn written() -> impl Strategy<Value = Written> {
    let marks = prop::sample::select(vec!["|", "|-", "|+", ">", ">-", ">+"]);
    let lines = (marks, prop::collection::vec(prop::sample::select(&LINES[..]), 0..4));
    let lines = lines.prop_map(|(marks, lines)| {
        let text = lines.iter().position(|line| !line.is_empty() && !line.starts_with(' '));
        Written::Lines(marks, lines.into_iter().skip(text.unwrap_or(usize::MAX)).collect())
    });
    let leaf = prop_oneof![4 => prop::sample::select(&SCALARS[..]).prop_map(Written::Scalar), 1 => lines, 1 => flow()];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            2 => prop::collection::vec((entry(), inner.clone()), 1..4).prop_map(Written::Block),
            1 => (any::<bool>(), prop::collection::vec((entry(), inner), 1..4)).prop_map(|(far, items)| Written::Dashes(far, items)),
        ]
    })
}

/// A document whose root is a block mapping, with keys that are all different.
fn document() -> impl Strategy<Value = String> {
    (prop::collection::vec((entry(), written()), 1..5), any::<bool>(), any::<bool>(), any::<bool>()).prop_map(
        |(entries, mark, crlf, end)| {
            let mut out = String::from(if mark { "---\n# top\n" } else { "" });
            write_mapping(&mut out, &entries, 0, false);
            let out = if end { out } else { out.trim_end_matches('\n').to_owned() };
            if crlf { out.replace('\n', "\r\n") } else { out }
        },
    )
}

fn write_mapping(out: &mut String, entries: &[(Entry, Written)], column: usize, mut inline: bool) {
    let mut seen = std::collections::BTreeSet::new();
    for (entry, value) in entries.iter().filter(|(entry, _)| seen.insert(entry.key)) {
        write_start(out, entry, column, &mut inline);
        out.push_str(entry.key);
        out.push(':');
        write_value(out, value, column, entry.beside, false);
    }
}

fn write_start(out: &mut String, entry: &Entry, column: usize, inline: &mut bool) {
    if std::mem::take(inline) {
        return;
    }
    let indent = " ".repeat(column);
    if entry.blank {
        out.push('\n');
    }
    if entry.above {
        out.extend([&indent, "# above ", entry.key, "\n"]);
    }
    out.push_str(&indent);
}

fn write_value(out: &mut String, value: &Written, column: usize, comment: bool, dash: bool) {
    let comment = if comment { "  # beside\n" } else { "\n" };
    match value {
        Written::Scalar(_) | Written::Flow(_) | Written::Brackets(..) => {
            let text = flow_text(value);
            out.push_str(if text.is_empty() { "" } else { " " });
            out.push_str(&text);
            out.push_str(comment);
        }
        Written::Lines(marks, lines) => {
            out.extend([" ", marks, comment]);
            for line in lines {
                let indent = if line.is_empty() { 0 } else { column + 2 };
                out.extend([&" ".repeat(indent), *line, "\n"]);
            }
        }
        Written::Block(entries) if dash && comment == "\n" => {
            out.push(' ');
            write_mapping(out, entries, column + 2, true);
        }
        Written::Block(entries) => {
            out.push_str(comment);
            write_mapping(out, entries, column + 2, false);
        }
        Written::Dashes(far, items) => {
            out.push_str(comment);
            let column = column + if *far || dash { 2 } else { 0 };
            for (entry, item) in items {
                write_start(out, entry, column, &mut false);
                out.push('-');
                write_value(out, item, column, entry.beside, true);
            }
        }
    }
}

fn flow_text(value: &Written) -> String {
    match value {
        Written::Scalar(text) => (*text).to_owned(),
        Written::Flow(entries) => {
            let mut seen = std::collections::BTreeSet::new();
            let entries = entries.iter().filter(|(key, _)| seen.insert(*key));
            let entries: Vec<_> =
                entries.map(|(key, value)| format!("{key}: {}", flow_text(value))).collect();
            format!("{{{}}}", entries.join(", "))
        }
        Written::Brackets(comma, items) => {
            let items: Vec<_> = items.iter().map(flow_text).collect();
            let comma = if *comma && !items.is_empty() { "," } else { "" };
            format!("[{}{comma}]", items.join(","))
        }
        _ => String::new(),
    }
}

/// Every value and its pointer.
fn all(value: &Value) -> Vec<(Pointer, Value)> {
    let mut found = vec![(Pointer::ROOT, value.clone())];
    let mut at = 0;
    while let Some((pointer, value)) = found.get(at).cloned() {
        match &value {
            Value::Array(array) => found
                .extend(array.iter().enumerate().map(|(index, value)| (pointer.child(index), value.clone()))),
            Value::Object(object) => {
                found.extend(object.fields().map(|(key, value)| (pointer.child(key.clone()), value.clone())));
            }
            _ => {}
        }
        at += 1;
    }
    found
}

fn new_value() -> impl Strategy<Value = Value> {
    let text = prop_oneof![
        "[ -~é\n]{0,12}",
        prop::sample::select(vec!["yes", "1e3", "", "null", "~", "a: b", "- a", "#x", "0644"])
            .prop_map(str::to_owned)
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        text.prop_map(Value::from)
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::vec(("[a-z/.]{1,6}", inner), 0..3).prop_map(|entries| {
                Value::Object(entries.into_iter().map(|(key, value)| (Value::from(key), value)).collect())
            }),
        ]
    })
}

/// What stands between the changes is the same.
fn same_outside(text: &str, edited: &Edited) -> Result<(), TestCaseError> {
    let (mut before, mut after) = (0, 0);
    for change in &edited.changed {
        prop_assert_eq!(&text[before..change.before.start], &edited.text[after..change.after.start]);
        (before, after) = (change.before.end, change.after.end);
    }
    prop_assert_eq!(&text[before..], &edited.text[after..]);
    Ok(())
}

fn comments(text: &str) -> Vec<String> {
    let index = Index::read(text, Syntax::Yaml).unwrap();
    let mut comments: Vec<_> = index.comments().iter().map(|comment| comment.text.clone()).collect();
    comments.sort();
    comments
}

/// The value with one field set, or made.
fn with(value: &Value, steps: &[Step], new: &Value) -> Value {
    let Some((first, rest)) = steps.split_first() else {
        return new.clone();
    };
    match first {
        Step::Key(key) => {
            let object = value.as_object().cloned().unwrap_or_default();
            let inner = object.get_key(key).cloned().unwrap_or_default();
            object.with(key.clone(), with(&inner, rest, new)).into()
        }
        Step::Index(index) => {
            let mut items: Vec<Value> =
                value.as_array().map(|array| array.iter().cloned().collect()).unwrap_or_default();
            if *index == items.len() {
                items.push(Value::Null);
            }
            items[*index] = with(&items[*index], rest, new);
            items.into()
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_spans_text_reads_back_to_its_value(text in document()) {
        let value = check::value(&text, Syntax::Yaml).unwrap();
        let index = Index::read(&text, Syntax::Yaml).unwrap();
        for (pointer, value) in all(&value) {
            let found = index.locate(&pointer);
            prop_assert!(found.exact, "{}", pointer);
            let slice = &text[found.value.clone()];
            let alone = match found.style {
                Style::BlockMapping | Style::BlockSequence => {
                    let start = text[..found.value.start].rfind('\n').map_or(0, |at| at + 1);
                    format!("{}{slice}\n", " ".repeat(text[start..found.value.start].chars().count()))
                }
                Style::Literal | Style::Folded => format!("k: {slice}\n"),
                _ => slice.to_owned(),
            };
            let read = check::value(&alone, Syntax::Yaml).unwrap();
            let read = if alone.starts_with("k: ") && matches!(found.style, Style::Literal | Style::Folded) { read.get("k").cloned().unwrap() } else { read };
            // The line break at a text's end is part of a block scalar only where there is one.
            let trim = |value: &Value| value.as_str().map(|text| Value::from(text.trim_end_matches('\n')));
            prop_assert!(read == value || trim(&read) == trim(&value) && trim(&read).is_some(), "{}: {:?} for {:?} in\n{}", pointer, read, value, text);
        }
    }

    #[test]
    fn what_is_set_is_found_and_all_else_stays(text in document(), at in any::<prop::sample::Index>(), kind in 0..3, new in new_value()) {
        let old = check::value(&text, Syntax::Yaml).unwrap();
        let places = all(&old);
        let (place, value) = at.get(&places).clone();
        let pointer = match (&value, kind) {
            (Value::Object(_) | Value::Null, 1) => place.child("made"),
            (Value::Object(_), 2) => place.child("made").child("inside"),
            (Value::Array(array), 1 | 2) => place.child(array.len()),
            (Value::Null, 2) => place.child(0),
            _ => place.clone(),
        };
        let edit = [Edit::Set(pointer.clone(), new.clone())];
        let edited = match apply(&text, Syntax::Yaml, &edit) {
            Ok(edited) => edited,
            Err(error) => return Err(TestCaseError::fail(format!("{error} at {pointer} to {new} in\n{text}"))),
        };
        let read = check::value(&edited.text, Syntax::Yaml).unwrap();
        prop_assert_eq!(&read, &with(&old, pointer.steps(), &new));
        same_outside(&text, &edited)?;
        let replaces = pointer == place && matches!(value, Value::Object(_) | Value::Array(_));
        if !replaces {
            prop_assert_eq!(comments(&text), comments(&edited.text), "{} to {} in\n{}\ngave\n{}", pointer, new, text, edited.text);
        }
        let again = apply(&edited.text, Syntax::Yaml, &edit).unwrap();
        prop_assert_eq!(again.text, edited.text);
        prop_assert!(again.changed.is_empty());
    }

    #[test]
    fn what_is_removed_is_gone_and_all_else_stays(text in document(), at in any::<prop::sample::Index>()) {
        let old = check::value(&text, Syntax::Yaml).unwrap();
        let places = all(&old);
        let (pointer, _) = at.get(&places[1..]).clone();
        let edited = match apply(&text, Syntax::Yaml, &[Edit::Remove(pointer.clone())]) {
            Ok(edited) => edited,
            // Blank lines would come to stand below a scalar that keeps them.
            Err(EditError::NotFaithful) if text.contains('+') => return Ok(()),
            Err(error) => return Err(TestCaseError::fail(format!("{error} at {pointer} in\n{text}"))),
        };
        same_outside(&text, &edited)?;
        let (parent, step) = (pointer.parent().unwrap(), pointer.steps().last().unwrap());
        let read = check::value(&edited.text, Syntax::Yaml).unwrap();
        let kept = match (old.find(&parent).unwrap(), step) {
            (Value::Object(object), Step::Key(key)) => Value::from(object.without(key.as_str().unwrap())),
            (Value::Array(array), Step::Index(index)) => {
                let kept = array.iter().enumerate().filter(|(number, _)| number != index);
                kept.map(|(_, value)| value.clone()).collect::<Vec<_>>().into()
            }
            _ => unreachable!(),
        };
        prop_assert_eq!(read, with(&old, parent.steps(), &kept));
    }

    #[test]
    fn json_is_edited_as_yaml_is(value in new_value(), at in any::<prop::sample::Index>(), new in new_value(), pretty in any::<bool>(), removes in any::<bool>()) {
        let compact = Value::from([("root", value)]).to_json();
        let text = if pretty {
            serde_json::to_string_pretty(&serde_json::from_str::<serde_json::Value>(&compact).unwrap()).unwrap()
        } else {
            compact
        };
        let old = check::value(&text, Syntax::Json).unwrap();
        let places = all(&old);
        let (place, value) = at.get(&places).clone();
        let pointer = match &value {
            Value::Object(_) if removes => place.child("made").child("inside"),
            Value::Array(array) if removes => place.child(array.len()),
            _ => place,
        };
        let edited = apply(&text, Syntax::Json, &[Edit::Set(pointer.clone(), new.clone())]).unwrap();
        prop_assert_eq!(check::value(&edited.text, Syntax::Json).unwrap(), with(&old, pointer.steps(), &new));
        same_outside(&text, &edited)?;
        let multi_line = |text: &str| text.contains('\n');
        prop_assert!(multi_line(&text) || !multi_line(&edited.text));
    }

    #[test]
    fn block_scalars_map_to_their_own_characters(lines in prop::collection::vec("[a-zé#:\" ]{0,6}", 1..6), column in 0usize..4, literal in any::<bool>(), crlf in any::<bool>()) {
        let indent = " ".repeat(column + 1);
        let body: String = lines.iter().flat_map(|line| [&indent, line.as_str(), "\n"]).collect();
        let mark = if literal { "|" } else { ">" };
        let text = format!("k: {mark}{}\n{body}z: 1\n", column + 1);
        let text = if crlf { text.replace('\n', "\r\n") } else { text };
        let index = Index::read(&text, Syntax::Yaml).unwrap();
        let map = index.scalar_map(&Pointer::from_iter([Step::Key(Str::from("k"))])).unwrap();
        let value = check::value(&text, Syntax::Yaml).unwrap();
        prop_assert_eq!(Some(map.value()), value.get("k").and_then(Value::as_str));
        for (row, line) in map.value().lines().enumerate() {
            for (column, char) in line.chars().enumerate() {
                let there = text[map.byte_at(row + 1, column + 1)..].chars().next();
                let folded = !literal && char == ' ' && there.is_some_and(|there| there == '\r' || there == '\n');
                prop_assert!(there == Some(char) || folded);
            }
        }
    }

    #[test]
    fn no_text_and_no_edit_makes_it_fail(text in prop_oneof![document(), "[-a: {}\\[\\]\n,&*x#|>'\"<]{0,30}"], steps in prop::collection::vec(prop_oneof![(0usize..3).prop_map(Step::from), prop::sample::select(vec!["a", "x", "name"]).prop_map(Step::from)], 0..3), new in new_value(), removes in any::<bool>()) {
        let pointer: Pointer = steps.into_iter().collect();
        let edit = if removes { Edit::Remove(pointer) } else { Edit::Set(pointer, new) };
        for syntax in [Syntax::Yaml, Syntax::Json] {
            if let Ok(edited) = apply(&text, syntax, std::slice::from_ref(&edit)) {
                same_outside(&text, &edited)?;
            }
        }
    }
}
