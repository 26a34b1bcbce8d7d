use lumen_value::{Value, pointer};

use super::*;
use crate::finding::{Action, Outcome, RuleId, Severity};
use crate::object::ObjectRef;

fn finding(rule: &str, action: Action, pointer: Pointer) -> Finding {
    Finding {
        rule: rule.parse::<RuleId>().expect("a rule"),
        outcome: Outcome::Fail,
        action,
        severity: Severity::High,
        message: "it is weak".into(),
        upstream_message: None,
        object: Some(Arc::new(ObjectRef {
            api_version: "apps/v1".into(),
            kind: "Deployment".into(),
            namespace: Some("shop".into()),
            name: "web".into(),
        })),
        location: Some(Location { source: "a.yaml".into(), place: Place::Field { document: 0, pointer } }),
        related: Vec::new(),
        policy: None,
        fix: None,
    }
}

fn advice() -> Finding {
    finding("pod-security/privileged", Action::None, pointer!["spec", "a"])
}

fn denial() -> Finding {
    finding("pod-security/privileged", Action::DenyPods, pointer!["spec", "a"])
}

fn comment(text: &str, pointer: Pointer) -> Exemption {
    let ignore = read::comment(text).expect("it speaks to lumen").expect("it is valid");
    Exemption {
        rules: ignore.rules,
        reason: ignore.reason,
        owner: None,
        expires: None,
        location: Location { source: "a.yaml".into(), place: Place::Byte(3) },
        scope: Scope::Comment(Field { source: "a.yaml".into(), document: 0, pointer }),
    }
}

fn object(spec: &[(&str, Value)]) -> Result<Exemption, read::Invalid> {
    let spec =
        spec.iter().map(|(key, value)| (Value::from(*key), value.clone())).collect::<lumen_value::Object>();
    let manifest: Value = [
        ("apiVersion", "lumensec.io/v1alpha1".into()),
        ("kind", "Exemption".into()),
        ("metadata", [("name", "legacy".into())].into()),
        ("spec", spec.into()),
    ]
    .into();
    read::object(&manifest, &"b.yaml".into(), 0, &Pointer::ROOT)
}

fn list(items: &[&str]) -> Value {
    Value::from(items.iter().map(|item| Value::from(*item)).collect::<Vec<_>>())
}

fn valid() -> Vec<(&'static str, Value)> {
    vec![
        ("owner", "platform".into()),
        ("reason", "agreed until the rewrite".into()),
        ("rules", list(&["pod-security/*"])),
        ("match", [("namespaces", list(&["shop"]))].into()),
    ]
}

fn run(findings: Vec<Finding>, exemptions: Vec<Exemption>) -> (Vec<Finding>, Audit) {
    apply(findings, exemptions, Timestamp::UNIX_EPOCH, |_| None)
}

#[test]
fn a_comment_silences_advice_at_its_field_and_below() {
    let at = |pointer| comment("# lumen: ignore[pod-security/privileged] it is the node agent", pointer);
    for pointer in [Pointer::ROOT, pointer!["spec"], pointer!["spec", "a"]] {
        let (kept, audit) = run(vec![advice()], vec![at(pointer)]);
        assert!(kept.is_empty());
        assert_eq!((audit.silenced, audit.uses[0].status), (1, Status::Matched));
    }
    for pointer in [pointer!["spec", "b"], pointer!["spec", "a", "b"], pointer!["metadata"]] {
        let (kept, audit) = run(vec![advice()], vec![at(pointer)]);
        assert_eq!(audit.uses[0].status, Status::Unused);
        assert_eq!(kept.len(), 2, "the advice, and that the exemption is unused");
        assert_eq!(kept[1].rule.to_string(), "input/unused-exemption");
    }
}

#[test]
fn a_comment_never_silences_a_denial_and_says_so() {
    let exemption = comment("lumen: ignore[pod-security/privileged] please", pointer!["spec"]);
    let (kept, audit) = run(vec![denial()], vec![exemption]);
    assert_eq!(kept.len(), 1);
    assert!(kept[0].related[0].label.contains("does not honour"));
    assert_eq!((audit.silenced, audit.uses[0].status), (0, Status::NotHonoured));
}

#[test]
fn an_exemption_object_counts_for_what_it_matches() {
    let (kept, audit) = run(vec![denial(), advice()], vec![object(&valid()).expect("valid")]);
    assert!(kept.is_empty());
    assert_eq!((audit.silenced, audit.uses[0].denials_silenced), (2, 1));
    for matched in [
        [("namespaces", list(&["other"]))].into(),
        [("names", list(&["web-*"]))].into(),
        [("kinds", list(&["Pod"])), ("namespaces", list(&["shop"]))].into(),
        Value::from([("labelSelector", [("matchLabels", [("app", "web".into())].into())].into())]),
    ] {
        let mut spec = valid();
        spec[3].1 = matched;
        let (kept, _) = run(vec![denial()], vec![object(&spec).expect("valid")]);
        assert_eq!(kept.len(), 2, "the denial, and that the exemption is unused");
    }
}

#[test]
fn labels_and_the_namespace_an_object_lands_in_are_matched() {
    let mut spec = valid();
    spec[3].1 = [
        ("labelSelector", [("matchLabels", [("app", "web".into())].into())].into()),
        ("namespaces", list(&["default"])),
    ]
    .into();
    let labels: Value = [("app", "web".into())].into();
    let subject = Subject { namespace: Some("default"), labels: &labels };
    let exemptions = vec![object(&spec).expect("valid")];
    let (kept, _) = apply(vec![denial()], exemptions, Timestamp::UNIX_EPOCH, |_| Some(subject));
    assert!(kept.is_empty());
}

#[test]
fn an_exemption_ends_with_its_last_day() {
    let mut spec = valid();
    spec.push(("expires", "2030-12-31".into()));
    let status = |now: &str| {
        let exemptions = vec![object(&spec).expect("valid")];
        let (kept, audit) = apply(vec![denial()], exemptions, now.parse().expect("a time"), |_| None);
        (kept.len(), audit.uses[0].status)
    };
    assert_eq!(status("2030-12-31T23:59:59Z"), (0, Status::Matched));
    assert_eq!(status("2031-01-01T00:00:00Z"), (2, Status::Expired));
}

#[test]
fn what_is_not_understood_makes_an_exemption_invalid() {
    for (spec, at) in [
        (vec![], "/spec/reason"),
        (vec![("reason", "  ".into())], "/spec/reason"),
        (vec![("reason", "r".into())], "/spec/rules"),
        (vec![("reason", "r".into()), ("rules", list(&["privileged"]))], "/spec/rules"),
        (vec![("reason", "r".into()), ("rules", list(&["input/x"]))], "/spec/match"),
        (
            vec![
                ("reason", "r".into()),
                ("rules", list(&["input/x"])),
                ("match", [("name", list(&["a"]))].into()),
            ],
            "/spec/match/name",
        ),
        (
            vec![
                ("reason", "r".into()),
                ("rules", list(&["input/x"])),
                ("match", [("labelSelector", [("matchLabel", Value::Null)].into())].into()),
            ],
            "/spec/match/labelSelector/matchLabel",
        ),
        (
            vec![("reason", "r".into()), ("rules", list(&["input/x"])), ("expires", "soon".into())],
            "/spec/expires",
        ),
        (vec![("reasons", "r".into())], "/spec/reasons"),
    ] {
        let error = object(&spec).expect_err("invalid");
        assert_eq!(error.at.to_string(), at, "{error}");
    }
}

#[test]
fn comments_are_read_strictly() {
    assert!(read::comment("# an ordinary comment about lumen: yes").is_none());
    for text in [
        "lumen: ignore",
        "lumen: ignore[] r",
        "lumen: ignore[privileged] r",
        "lumen: ignore[input/x]",
        "lumen: disable",
    ] {
        assert!(read::comment(text).expect("it speaks to lumen").is_err(), "{text}");
    }
    let ignore =
        read::comment("#lumen:ignore[ input/a , pod-security/* ]: because").expect("ours").expect("valid");
    assert_eq!((ignore.rules.len(), ignore.reason.as_str()), (2, "because"));
}

#[test]
fn annotations_hold_several() {
    let read =
        read::annotation("pod-security/privileged: agent; needs it; input/x: other\npod-security/*: all");
    let reasons: Vec<_> = read.into_iter().map(|ignore| ignore.expect("valid").reason).collect();
    assert_eq!(reasons, ["agent; needs it", "other", "all"]);
    assert!(read::annotation("")[0].is_err());
    assert!(read::annotation("pod-security/privileged")[0].is_err());
    assert!(read::annotation("privileged: reason")[0].is_err());
}

#[test]
fn what_cannot_be_read_is_never_exempted() {
    let mut unread = finding("input/syntax", Action::None, pointer!["spec", "a"]);
    unread.outcome = Outcome::Error;
    let mut spec = valid();
    spec[2].1 = list(&["input/*"]);
    spec[3].1 = Value::from([("kinds", list(&["*"]))]);
    let (kept, _) = run(vec![unread.clone()], vec![object(&spec).expect("valid")]);
    assert_eq!(kept[0], unread);
}
