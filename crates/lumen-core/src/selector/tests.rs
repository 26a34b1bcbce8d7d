use proptest::prelude::*;

use super::*;

fn object<const N: usize>(entries: [(&str, Value); N]) -> Value {
    entries.into()
}

fn parse(text: &str) -> Selector {
    Selector::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn labels() -> Value {
    object([("app", "web".into()), ("n", "7".into()), ("empty", "".into())])
}

#[test]
fn each_operator_means_what_kubernetes_means() {
    for (text, matches) in [
        ("", true),
        ("app", true),
        ("!app", false),
        ("app=web", true),
        ("app==db", false),
        ("app!=db", true),
        ("zone!=db", true),
        ("app in (db,web)", true),
        ("zone in (a)", false),
        ("zone notin (a)", true),
        ("n>6,n<8", true),
        ("app>1", false),
        ("zone<1", false),
        ("empty in ()", true),
        ("empty=", true),
    ] {
        assert_eq!(parse(text).matches(&labels()), matches, "{text}");
    }
}

#[test]
fn null_selects_nothing_and_an_empty_selector_everything() {
    let nothing = Selector::of(&Value::Null, FieldNames::Exact).expect("sound");
    assert!(nothing.is_nothing() && !nothing.is_empty() && !nothing.matches(&labels()));
    let everything = Selector::of(&object([]), FieldNames::Exact).expect("sound");
    assert!(everything.is_empty() && everything.matches(&Value::Null));
    assert_eq!(everything, Selector::everything());
    let of_labels = Selector::of_labels(&object([("app", "web".into())])).expect("sound");
    assert_eq!(of_labels, parse("app=web"));
}

#[test]
fn wrong_types_are_errors_at_their_place() {
    let at = |selector: &Value| match Selector::of(selector, FieldNames::Exact) {
        Err(SelectorError::Type { at, .. }) => at.to_string(),
        other => panic!("{selector}: {other:?}"),
    };
    assert_eq!(at(&"x".into()), "");
    assert_eq!(at(&object([("matchLabels", object([("a", 1.into())]))])), "/matchLabels/a");
    let expression =
        object([("key", "a".into()), ("operator", "In".into()), ("values", Value::from(vec![1.into()]))]);
    let selector = object([("matchExpressions", Value::from(vec![expression]))]);
    assert_eq!(at(&selector), "/matchExpressions/0/values/0");
}

#[test]
fn the_case_of_names_matters_only_where_it_does() {
    let selector = object([("MatchLabelſ", object([("app", "db".into())]))]);
    assert!(Selector::of(&selector, FieldNames::Exact).expect("sound").is_empty());
    let any_case = Selector::of(&selector, FieldNames::AnyCase).expect("sound");
    assert_eq!(any_case.to_string(), "app=db");
}

#[test]
fn bad_texts_are_refused() {
    for text in [
        ",",
        "a,",
        "a,,b",
        "=a",
        "a=b=c",
        "a in b",
        "a in (b",
        "a in (b c)",
        "!a=b",
        "!",
        "a!",
        "a in",
        "(a)",
        "-a",
        "a=-",
        "a>x",
        "a b",
        "a=>1",
    ] {
        assert!(Selector::parse(text).is_err(), "{text}");
    }
}

#[test]
fn keys_and_values_are_bounded() {
    let long = "a".repeat(63);
    assert!(label::check_key(&format!("{}/{long}", "a.".repeat(126) + "a")).is_ok());
    assert_eq!(label::check_key(&format!("{long}a")), Err(label::LabelError::TooLong));
    for key in ["", "/a", "a/", "A/b", "a/b/c", "-a", "a_", "é"] {
        assert!(label::check_key(key).is_err(), "{key}");
    }
    assert_eq!(label::check_value(""), Ok(()));
}

fn any_requirement() -> impl Strategy<Value = String> {
    let key = "[a-c](\\.[a-c]/[A-Za-z][_a-z]{0,2}[a-z])?";
    let value = "[a-c0-9]{0,2}";
    prop_oneof![
        key.prop_map(|key| key),
        key.prop_map(|key| format!("!{key}")),
        (key, "=|==|!=", value).prop_map(|(key, sign, value)| format!("{key}{sign}{value}")),
        (key, "in|notin", prop::collection::vec(value, 0..4))
            .prop_map(|(key, word, values)| format!("{key} {word} ({})", values.join(" , "))),
        (key, "<|>", any::<u8>()).prop_map(|(key, sign, value)| format!("{key}{sign}{value}")),
    ]
}

fn any_selector() -> impl Strategy<Value = Selector> {
    prop::collection::vec(any_requirement(), 0..5).prop_map(|requirements| parse(&requirements.join(", ")))
}

fn any_labels() -> impl Strategy<Value = Value> {
    prop::collection::btree_map("[a-c]", "[a-c0-9]{0,2}", 0..4).prop_map(|map| {
        Value::Object(map.into_iter().map(|(key, value)| (Value::from(key), Value::from(value))).collect())
    })
}

proptest! {
    #[test]
    fn the_canonical_text_reads_back(selector in any_selector()) {
        let text = selector.to_string();
        prop_assert_eq!(parse(&text), selector);
    }

    #[test]
    fn a_selector_is_the_conjunction_of_its_requirements(a in any_selector(), b in any_selector(), labels in any_labels()) {
        let texts: Vec<_> = [&a, &b].iter().map(ToString::to_string).filter(|text| !text.is_empty()).collect();
        let both = parse(&texts.join(","));
        prop_assert_eq!(both.matches(&labels), a.matches(&labels) && b.matches(&labels));
    }

    #[test]
    fn a_requirement_and_its_contrary_part_all_labels(key in "[a-c]", value in "[a-c0-9]{0,2}", labels in any_labels()) {
        for (one, other) in [("=", "!="), (" in (", " notin (")] {
            let end = if one.ends_with('(') { ")" } else { "" };
            let one = parse(&format!("{key}{one}{value}{end}"));
            let other = parse(&format!("{key}{other}{value}{end}"));
            prop_assert_ne!(one.matches(&labels), other.matches(&labels));
        }
    }

    #[test]
    fn no_text_panics(text in "[ab=!<>(), \\x00né]{0,12}") {
        if let Ok(selector) = Selector::parse(&text) {
            prop_assert_eq!(parse(&selector.to_string()), selector);
        }
    }
}
