//! Random pods at random levels and versions, with what `k8s.io/pod-security-admission` v0.37.2 answers, byte for byte.
//!
//! `tests/corpus/podsecurity/random.jsonl`, a line each: `{level, version, seen, pod, reason, detail}`; `seen` is `pod`
//! (with all of the API server's defaults) or `template` (with those that a template gets). `reason` and `detail` are
//! those of upstream's aggregate result, empty where it lets the pod pass. `LUMEN_RANDOM_PODS` names another such file.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "test code"
)]

#[path = "podsecurity/support.rs"]
mod support;

use std::{env, fs};

use lumen_core::defaults::Seen;
use lumen_core::finding::Safety;
use lumen_core::podsecurity::{Level, LevelVersion, Pod, Version};
use lumen_value::Value;
use proptest::prelude::*;
use serde_json::Value as Json;

struct Fact {
    pod: Value,
    wanted: LevelVersion,
    seen: Seen,
    reason: String,
    detail: String,
}

fn facts() -> Vec<Fact> {
    let default = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/corpus/podsecurity/random.jsonl");
    let path = env::var("LUMEN_RANDOM_PODS").unwrap_or_else(|_| default.into());
    let text = fs::read_to_string(&path).expect(&path);
    text.lines().map(fact).collect()
}

fn fact(line: &str) -> Fact {
    let json: Json = serde_json::from_str(line).unwrap();
    let text = |field: &str| json[field].as_str().unwrap().to_owned();
    Fact {
        pod: support::value(&json["pod"]),
        wanted: LevelVersion::new(
            Level::parse(&text("level")).unwrap(),
            Version::parse(&text("version")).unwrap(),
        ),
        seen: if text("seen") == "pod" { Seen::Pod } else { Seen::Template },
        reason: text("reason"),
        detail: text("detail"),
    }
}

#[test]
fn the_messages_are_upstreams() {
    for (line, fact) in facts().iter().enumerate() {
        let view = support::view(&fact.pod);
        let evaluation = Pod::read(&view, fact.seen).evaluate(fact.wanted);
        let line = line + 1;
        assert_eq!(evaluation.forbidden_detail(), fact.detail, "line {line}, {}", fact.wanted);
        assert_eq!(evaluation.forbidden_reason(), fact.reason, "line {line}, {}", fact.wanted);
    }
}

#[test]
fn whatever_is_refused_has_a_field_to_blame() {
    for (line, fact) in facts().iter().enumerate() {
        let view = support::view(&fact.pod);
        let pod = Pod::read(&view, fact.seen);
        let evaluation = pod.evaluate(fact.wanted);
        for check in lumen_core::podsecurity::CHECKS {
            let is_refused = evaluation.refusals.iter().any(|refusal| refusal.check.id == check.id);
            if check.is_demanded_by(fact.wanted) {
                let violations = pod.violations(check, fact.wanted.version);
                assert_eq!(is_refused, !violations.is_empty(), "line {}, {}", line + 1, check.id);
                for violation in violations {
                    assert!(!violation.message.ends_with('.'));
                    assert!(violation.fix.is_none_or(|fix| !fix.edits.is_empty()));
                }
            }
        }
    }
}

#[test]
fn all_fixes_together_make_the_pod_pass() {
    let (mut mended, mut total) = (0, 0);
    for (line, fact) in facts().iter().enumerate() {
        let Some(fixes) = support::fixes(&fact.pod, fact.wanted, fact.seen) else {
            continue;
        };
        total += usize::from(!fixes.is_empty());
        let pod = support::apply(&fact.pod, &fixes);
        let again = Pod::read(&support::view(&pod), fact.seen).evaluate(fact.wanted).forbidden_detail();
        assert_eq!(again, "", "line {}, {}", line + 1, fact.wanted);
        mended += usize::from(!fixes.is_empty());
    }
    println!("{mended} of {total} pods mended");
    assert!(mended > 50);
}

#[test]
fn safe_fixes_alone_make_no_new_violation() {
    for (line, fact) in facts().iter().enumerate() {
        let count = |pod: &Value| {
            let view = support::view(pod);
            let pod = Pod::read(&view, fact.seen);
            let refusals = pod.evaluate(fact.wanted).refusals;
            refusals
                .iter()
                .map(|refusal| pod.violations(refusal.check, fact.wanted.version).len())
                .sum::<usize>()
        };
        let view = support::view(&fact.pod);
        let pod = Pod::read(&view, fact.seen);
        let mut safe = Vec::new();
        for refusal in pod.evaluate(fact.wanted).refusals {
            for violation in pod.violations(refusal.check, fact.wanted.version) {
                safe.extend(violation.fix.filter(|fix| fix.safety == Safety::Safe));
            }
        }
        let after = count(&support::apply(&fact.pod, &safe));
        assert!(after + safe.len() <= count(&fact.pod), "line {}", line + 1);
    }
}

/// Values that use the fields of pods with whatever in them.
fn anything() -> impl Strategy<Value = Value> {
    let keys = prop::sample::select(vec![
        "containers",
        "initContainers",
        "ephemeralContainers",
        "securityContext",
        "capabilities",
        "add",
        "drop",
        "seccompProfile",
        "appArmorProfile",
        "seLinuxOptions",
        "windowsOptions",
        "type",
        "user",
        "name",
        "ports",
        "hostPort",
        "hostNetwork",
        "volumes",
        "hostPath",
        "sysctls",
        "livenessProbe",
        "lifecycle",
        "preStop",
        "httpGet",
        "host",
        "os",
        "annotations",
        "container.apparmor.security.beta.kubernetes.io/web",
        "seccomp.security.alpha.kubernetes.io/pod",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-2_i64..70_000).prop_map(Value::from),
        prop::sample::select(vec!["", "web", "ALL", "unconfined", "windows", "\u{0}é"]).prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 64, 8, move |inner| {
        let fields = prop::collection::vec((keys.clone(), inner.clone()), 0..8).prop_map(|fields| {
            Value::Object(fields.into_iter().map(|(key, value)| (Value::from(key), value)).collect())
        });
        prop_oneof![
            3 => fields,
            1 => prop::collection::vec(inner, 0..4).prop_map(Value::from),
        ]
    })
}

proptest! {
    #[test]
    fn whatever_a_pod_is_it_is_judged_and_mended(metadata in anything(), spec in anything(), restricted: bool, minor in 0_u64..40) {
        let pod = Value::from([("metadata", metadata), ("spec", spec)]);
        let level = if restricted { Level::Restricted } else { Level::Baseline };
        let wanted = LevelVersion::new(level, Version::Minor(minor));
        for seen in [Seen::Pod, Seen::Template] {
            if let Some(fixes) = support::fixes(&pod, wanted, seen) {
                let mended = support::apply(&pod, &fixes);
                let detail = Pod::read(&support::view(&mended), seen).evaluate(wanted).forbidden_detail();
                prop_assert_eq!(detail, "");
            }
        }
    }
}
