use std::sync::Arc;

use lumen_core::admission::audit::shortened;
use lumen_core::finding::Outcome;

use super::collected::{Collected, MESSAGE_BYTES_MAX, Policy, Violation};
use super::object::{self, About, Dialect, Report};
use super::plan::{Listed, Plan, plan};
use super::shard::RESULTS_MAX;
use super::*;

fn pods() -> Resource {
    Resource::pods()
}

fn about(audited: Resource) -> About {
    let owner = Some(("lumen-system".to_owned(), "u-0".to_owned()));
    About { dialect: Dialect::OpenReports, audited, owner }
}

fn violation(name: &str, message: &str, outcome: Outcome) -> Violation {
    let policy = Policy {
        name: "NeedsLabel/owner".to_owned(),
        rule: "admission/NeedsLabel/owner".to_owned(),
        severity: "high",
        action: if outcome == Outcome::Warn { "warn" } else { "deny" }.to_owned(),
    };
    Violation {
        name: name.to_owned(),
        policy: Arc::new(policy),
        outcome,
        message: message.to_owned(),
        uid: format!("uid of {name}"),
    }
}

fn named(names: impl IntoIterator<Item = String>) -> Collected {
    let mut collected = Collected::default();
    for name in names {
        collected.note("a", violation(&name, "has no owner", Outcome::Fail));
    }
    collected
}

fn reports(collected: Collected) -> BTreeMap<String, Report> {
    let found = collected.into_namespaces().remove("a").unwrap_or_default();
    about(pods()).reports("a", &found)
}

/// What is there once reports were written.
fn listed(reports: &BTreeMap<String, Report>) -> Vec<Listed> {
    let of = |report: &Report| Listed {
        name: report.name.clone(),
        uid: "u".to_owned(),
        content: report.content.clone(),
    };
    reports.values().map(of).collect()
}

fn written(plan: &Plan) -> Vec<&str> {
    plan.written.iter().map(|report| report.name.as_str()).collect()
}

fn count(report: &Report, word: &str) -> i64 {
    let object = report.object(&BTreeMap::new(), 0);
    field(&object, &["summary", word]).as_i64().expect("a number")
}

fn many(count: usize) -> impl Iterator<Item = String> {
    (0..count).map(|number| format!("p{number:05}"))
}

#[test]
fn the_same_again_writes_nothing_and_one_more_writes_one() {
    let before = reports(named(many(1_000)));
    let again = plan(listed(&before), reports(named(many(1_000))));
    assert!(again.written.is_empty() && again.deleted.is_empty() && again.read.is_empty());
    assert_eq!(again.unchanged, before.len());

    let names: Vec<String> = many(1_000).chain(["new".to_owned()]).collect();
    let after = reports(named(names));
    let changed = plan(listed(&before), after.clone());
    assert_eq!(changed.written.len(), 1, "{:?}", written(&changed));
    assert!(changed.deleted.is_empty());
    assert_eq!(changed.read, written(&changed));
    // And back.
    let gone = plan(listed(&after), before);
    assert_eq!((gone.written.len(), gone.deleted.len()), (1, 0));
}

#[test]
fn a_violation_that_is_gone_shrinks_its_report_and_the_last_one_removes_it() {
    let two = reports(named(many(2)));
    assert_eq!(two.keys().collect::<Vec<_>>(), ["lumen.pods"]);
    let one = reports(named(many(1)));
    let plan_of_one = plan(listed(&two), one.clone());
    assert_eq!(written(&plan_of_one), ["lumen.pods"]);
    assert_eq!(plan_of_one.written.first().map(|report| report.results().len()), Some(1));
    let none = plan(listed(&one), reports(named([])));
    assert!(none.written.is_empty() && none.read.is_empty());
    assert_eq!(none.deleted.iter().map(|listed| listed.name.as_str()).collect::<Vec<_>>(), ["lumen.pods"]);
}

#[test]
fn a_report_that_is_full_is_split_and_no_other_changes() {
    let mut before = reports(named(many(95)));
    for number in 96..260 {
        let after = reports(named(many(number)));
        let plan = plan(listed(&before), after.clone());
        let splits = plan.deleted.len();
        assert!(splits <= 1, "at {number}");
        // What is split is written in two, rarely more.
        assert!(plan.written.len() <= 1 + splits * 6, "at {number}: {:?}", written(&plan));
        assert!(after.values().all(|report| report.results().len() <= RESULTS_MAX));
        let all: i64 = after.values().map(|report| count(report, "fail")).sum();
        assert_eq!(usize::try_from(all), Ok(number));
        before = after;
    }
    assert!(before.len() > 2);
}

#[test]
fn results_keep_the_time_at_which_they_were_first_found() {
    let first = reports(named(many(1)));
    let first = first.values().next().expect("a report").object(&BTreeMap::new(), 100);
    let since: BTreeMap<u64, i64> = object::since(&first).collect();
    let second = reports(named(many(2)));
    let second = second.values().next().expect("a report").object(&since, 200);
    let results = second.get("results").and_then(Value::as_array).expect("results");
    let times: Vec<_> = results.iter().map(|each| field(each, &["timestamp", "seconds"]).as_i64()).collect();
    assert_eq!(times, [Some(100), Some(200)]);
}

#[test]
fn a_result_says_all_that_the_api_has_a_field_for() {
    let mut collected = Collected::default();
    for outcome in [Outcome::Fail, Outcome::Warn, Outcome::Error] {
        collected.note("a", violation("web", "has no owner", outcome));
    }
    let reports = reports(collected);
    let report = reports.get("lumen.pods").expect("a report").object(&BTreeMap::new(), 7);
    let expected = r#"{"category":"admission","message":"has no owner","policy":"NeedsLabel/owner","properties":{"action":"deny"},"resources":[{"apiVersion":"v1","kind":"Pod","name":"web","namespace":"a","uid":"uid of web"}],"result":"fail","rule":"admission/NeedsLabel/owner","scored":true,"severity":"high","source":"lumen","timestamp":{"nanos":0,"seconds":7}}"#;
    let results = report.get("results").and_then(Value::as_array).expect("results");
    assert!(results.iter().any(|result| result.to_json() == expected), "{}", report.to_json());
    let summary = field(&report, &["summary"]).to_json();
    assert_eq!(summary, r#"{"error":1,"fail":1,"pass":0,"skip":0,"warn":1}"#);
    assert!(results.iter().any(|result| text(result, "result") == "warn"
        && result.get("scored").and_then(Value::as_bool) == Some(false)));
    let metadata = field(&report, &["metadata"]).to_json();
    assert!(
        metadata.contains(
            r#""ownerReferences":[{"apiVersion":"v1","kind":"Namespace","name":"lumen-system","uid":"u-0"}]"#
        ),
        "{metadata}"
    );
    assert!(report.get("scope").is_none());
}

#[test]
fn a_violation_that_is_found_twice_counts_twice() {
    let reports = reports(named(["a".to_owned(), "a".to_owned()]));
    assert_eq!(reports.values().map(|report| count(report, "fail")).collect::<Vec<_>>(), [2]);
    // Even if no digest could part them.
    let same = self::reports(named((0..250).map(|_| "a".to_owned())));
    assert!(same.values().all(|report| report.results().len() <= RESULTS_MAX));
    assert_eq!(same.values().map(|report| count(report, "fail")).sum::<i64>(), 250);
}

#[test]
fn what_is_beyond_the_bounds_is_counted_in_whatever_order_it_comes() {
    let fill = |order: &[usize], parts: usize| {
        let mut whole = Collected::within(40, 100);
        for chunk in order.chunks(order.len().div_ceil(parts)) {
            let mut part = Collected::within(40, 100);
            for number in chunk {
                let namespace = ["a", "b", "c", "d"].get(number % 4).expect("one of four");
                part.note(namespace, violation(&format!("p{number:04}"), "m", Outcome::Fail));
            }
            whole.merge(part);
        }
        whole.into_namespaces()
    };
    let order: Vec<usize> = (0..400).collect();
    let backwards: Vec<usize> = (0..400).rev().collect();
    let found = [fill(&order, 1), fill(&order, 7), fill(&backwards, 3)];
    for found in &found {
        // Half of forty is few enough for all four.
        assert!(found.values().all(|of| of.violations().count() == 20));
        let left_out = found.values().map(|of| of.left_out().map(|(_, _, count)| count).sum::<u64>());
        assert_eq!(left_out.sum::<u64>(), 320);
    }
    let names = |found: &BTreeMap<Arc<str>, OfNamespace>| {
        let all = found.values().flat_map(OfNamespace::violations);
        all.map(|(violation, _)| violation.name.clone()).collect::<Vec<_>>()
    };
    let [first, rest @ ..] = &found;
    assert!(rest.iter().all(|other| names(other) == names(first)));

    let of_a = first.get("a").expect("a");
    let reports = about(pods()).reports("a", of_a);
    assert_eq!(reports.keys().collect::<Vec<_>>(), ["lumen-more.pods", "lumen.pods"]);
    assert_eq!(reports.values().map(|report| count(report, "fail")).sum::<i64>(), 100);
    let more = reports.get("lumen-more.pods").expect("more").object(&BTreeMap::new(), 0).to_json();
    assert!(more.contains(r#""message":"80 more violations are not listed""#), "{more}");
    assert!(more.contains(r#""leftOut":"80""#), "{more}");
}

#[test]
fn hostile_texts_make_no_large_report_and_no_odd_name() {
    let mut collected = Collected::default();
    for number in 0..300 {
        let message = format!("{number}\u{0}\"\\{}", "\u{1}é\u{202e}".repeat(2_000));
        let message = shortened(&message, MESSAGE_BYTES_MAX);
        assert!(message.len() <= MESSAGE_BYTES_MAX);
        collected.note("a", violation("system:x/../y", &message, Outcome::Fail));
    }
    let found = collected.into_namespaces().remove("a").expect("a");
    let long = "x".repeat(300);
    for (group, plural) in [("", "pods"), ("apps", "deployments"), ("e.x", long.as_str()), ("Ü", "a/b")] {
        let about = about(Resource::new(group, "v1", "K", plural, true));
        for (name, report) in about.reports("a", &found) {
            assert!(name.len() <= 253 && lumen_core::selector::label::is_dns_subdomain(&name), "{name}");
            let bytes = report.object(&BTreeMap::new(), 0).to_json().len();
            assert!(bytes < 600 << 10, "{bytes} bytes");
        }
    }
}

#[test]
fn names_tell_kinds_and_parts_apart() {
    let found = named(many(300)).into_namespaces().remove("a").expect("a");
    let names = |group: &str, plural: &str| {
        about(Resource::new(group, "v1", "K", plural, true)).reports("a", &found).into_keys()
    };
    let mut all: Vec<String> = names("", "pods").chain(names("", "more")).chain(names("0", "pods")).collect();
    let count = all.len();
    all.sort();
    all.dedup();
    assert_eq!(all.len(), count);
}

#[test]
fn the_api_that_the_cluster_has_is_used() {
    let served =
        |group: &str, version: &str, kind: &str, is_namespaced: bool| crate::api::discovery::Served {
            resource: Resource::new(group, version, kind, &kind.to_lowercase(), is_namespaced),
            verbs: BTreeSet::new(),
            is_preferred: true,
        };
    let both = Discovery {
        served: vec![
            served("wgpolicyk8s.io", "v1alpha2", "PolicyReport", true),
            served("openreports.io", "v1alpha1", "Report", true),
            served("openreports.io", "v1alpha1", "ClusterReport", false),
        ],
        ..Discovery::default()
    };
    let old = Discovery { served: both.served.iter().take(1).cloned().collect(), ..Discovery::default() };
    let none = Discovery::default();
    for (choice, discovery, expected) in [
        (ReportsConfig::Auto, &both, Some(Dialect::OpenReports)),
        (ReportsConfig::Auto, &old, Some(Dialect::WgPolicy)),
        (ReportsConfig::Auto, &none, None),
        (ReportsConfig::WgPolicy, &both, Some(Dialect::WgPolicy)),
        (ReportsConfig::OpenReports, &old, None),
        (ReportsConfig::Off, &both, None),
    ] {
        assert_eq!(dialect(choice, discovery), expected, "{choice:?}");
    }
}

#[test]
fn nothing_is_reported_of_reports_and_events() {
    assert!(is_left_out("openreports.io", "Report") && is_left_out("wgpolicyk8s.io", "ClusterPolicyReport"));
    assert!(is_left_out("", "Event") && is_left_out("events.k8s.io", "Event"));
    assert!(!is_left_out("", "Pod") && !is_left_out("example.org", "Event"));
}
