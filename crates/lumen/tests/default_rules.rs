//! The rules that come with Lumen, as a whole: that they are sound, described, tested, and say of a recorded attack what they should.

#![expect(clippy::expect_used, reason = "a test that cannot go on has failed")]

#[path = "../../../tests/conformance/harness.rs"]
mod harness;
#[path = "default_rules/techniques.rs"]
mod techniques;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;

use lumen::replay::{Format, Options, replay};
use lumen::rules::{BUILT_IN, RulesFiles};
use lumen_runtime::alert::Shown;
use lumen_runtime::load::{Loaded, Rule};
use lumen_runtime::ruleset::Matching;
use lumen_value::Value;
use lumen_value::read::{Limits, read};

/// The tactics of MITRE ATT&CK for enterprises.
const TACTICS: [&str; 14] = [
    "reconnaissance",
    "resource_development",
    "initial_access",
    "execution",
    "persistence",
    "privilege_escalation",
    "defense_evasion",
    "credential_access",
    "discovery",
    "lateral_movement",
    "collection",
    "command_and_control",
    "exfiltration",
    "impact",
];

/// How many rules the three official files of Falco have.
const OFFICIAL: usize = 93;

fn loaded() -> Loaded {
    RulesFiles::built_in().load()
}

fn documents(text: &str) -> Vec<Value> {
    let reading = read(text.as_bytes(), &Limits::default());
    assert!(reading.errors.is_empty(), "{:?}", reading.errors);
    reading.documents.into_iter().map(|document| document.value).collect()
}

#[test]
fn every_rule_is_loaded_without_a_word() {
    let files = RulesFiles::built_in();
    let loaded = files.load();
    let places = files.places();
    let problems: Vec<String> = loaded.problems.iter().map(|problem| places.concise(problem)).collect();
    assert!(problems.is_empty(), "{problems:#?}");
    assert!(loaded.rules.len() > 80, "{} rules", loaded.rules.len());
}

/// Whether a tag is the id of a technique: `T1059`, `T1059.004`.
fn is_technique(tag: &str) -> bool {
    let is_number =
        |text: &str, length| text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit());
    let Some(id) = tag.strip_prefix('T') else { return false };
    match id.split_once('.') {
        Some((technique, part)) => is_number(technique, 4) && is_number(part, 3),
        None => is_number(id, 4),
    }
}

/// What a rule lacks that each of ours has.
fn lacking(rule: &Rule) -> Vec<&'static str> {
    let has_tag = |is: &dyn Fn(&str) -> bool| rule.tags.iter().any(|tag| is(tag));
    let tactic = |tag: &str| tag.strip_prefix("mitre_").is_some_and(|tactic| TACTICS.contains(&tactic));
    let ends = ["user=%user.name", "container=%container.id", "namespace=%k8s.ns.name", "pod=%k8s.pod.name"];
    let wanted = [
        (has_tag(&|tag| tag == "host" || tag == "container"), "the tag `host` or `container`"),
        (has_tag(&tactic), "a tactic"),
        (has_tag(&is_technique), "a technique"),
        (rule.tags.iter().all(|tag| !tag.starts_with("mitre_") || tactic(tag)), "tactics that exist"),
        (
            rule.description.find("False positives:").is_some_and(|at| at > 40),
            "a reason, and false positives",
        ),
        (
            rule.description.contains("Tuning:") || rule.description.contains("False positives: none"),
            "tuning",
        ),
        (ends.iter().all(|end| rule.output.contains(end)), "who it was, and where"),
        (rule.condition.to_string().contains("evt.type"), "types of events"),
    ];
    wanted.into_iter().filter(|(has, _)| !has).map(|(_, what)| what).collect()
}

#[test]
fn every_rule_says_what_it_is_for() {
    let loaded = loaded();
    let lacks: Vec<_> = loaded.rules.iter().map(|rule| (&rule.name, lacking(rule))).collect();
    let lacks: Vec<_> = lacks.into_iter().filter(|(_, lacking)| !lacking.is_empty()).collect();
    assert!(lacks.is_empty(), "{lacks:#?}");
}

#[test]
fn techniques_fit_the_tactics_of_their_rule() {
    let loaded = loaded();
    let wrong: Vec<_> = loaded
        .rules
        .iter()
        .map(|rule| (&rule.name, techniques::mismatched(rule.tags.iter().map(String::as_str))))
        .filter(|(_, wrong)| !wrong.is_empty())
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    let tags: BTreeSet<&str> =
        loaded.rules.iter().flat_map(|rule| rule.tags.iter().map(String::as_str)).collect();
    let unused: Vec<_> = techniques::TECHNIQUES.iter().filter(|(id, _)| !tags.contains(id)).collect();
    assert!(unused.is_empty(), "{unused:?}");
}

/// What the cases of a test expect: the rules that are to give an alert, the rules that are named and are not to, and how many
/// cases expect no alert at all.
#[derive(Default)]
struct Expected {
    fires: BTreeSet<String>,
    quiet: BTreeSet<String>,
    silent: usize,
}

impl Expected {
    fn add(&mut self, case: &Value) {
        let named = case.get("rule").and_then(Value::as_str).map(str::to_owned);
        match case.get("expect") {
            Some(Value::Array(alerts)) if !alerts.is_empty() => {
                let name = |alert: &Value| alert.get("rule").and_then(Value::as_str).map(str::to_owned);
                self.fires.extend(alerts.iter().filter_map(|alert| name(alert).or_else(|| named.clone())));
            }
            Some(expect) if expect.as_str() == Some("alert") => self.fires.extend(named),
            _ => {
                self.silent += usize::from(named.is_none());
                self.quiet.extend(named);
            }
        }
    }
}

#[test]
fn every_rule_has_a_test_that_fires_and_one_that_does_not() {
    let mut by_file = BTreeMap::new();
    for (path, text) in BUILT_IN.iter().filter(|(path, _)| path.starts_with("tests/")) {
        let mut expected = Expected::default();
        for document in documents(text) {
            let cases = document.get("spec").and_then(|spec| spec.get("cases")).and_then(Value::as_array);
            cases.into_iter().flat_map(lumen_value::Array::iter).for_each(|case| expected.add(case));
        }
        by_file.insert(*path, expected);
    }
    let fires = |name: &String| by_file.values().any(|expected| expected.fires.contains(name));
    let quiet = |name: &String| by_file.values().any(|expected| expected.quiet.contains(name));
    let loaded = loaded();
    let without: Vec<_> = loaded.rules.iter().map(|rule| &rule.name).filter(|name| !fires(name)).collect();
    assert!(without.is_empty(), "no case expects an alert of {without:#?}");
    // A case that expects nothing at all says so of whichever rule it comes near to: all in all there is one for each rule.
    let near = |name: &&String| {
        let silent = by_file.values().any(|expected| expected.silent > 0 && expected.fires.contains(*name));
        silent || quiet(name)
    };
    let without: Vec<_> = loaded.rules.iter().map(|rule| &rule.name).filter(|name| !near(name)).collect();
    assert!(without.is_empty(), "no case expects no alert of {without:#?}");
    let silent: usize = by_file.values().map(|expected| expected.silent).sum();
    let unnamed = loaded.rules.iter().filter(|rule| !quiet(&rule.name)).count();
    assert!(silent >= unnamed, "{silent} silent cases for {unnamed} rules");
}

#[test]
fn every_official_rule_has_one_of_ours() {
    let (_, text) = BUILT_IN.iter().find(|(path, _)| *path == "map/falco.yaml").expect("the map");
    let rows: Vec<Value> = documents(text)
        .iter()
        .flat_map(|document| document.as_array().expect("a list").iter().cloned().collect::<Vec<_>>())
        .collect();
    let loaded = loaded();
    let names: BTreeSet<&str> = loaded.rules.iter().map(|rule| rule.name.as_str()).collect();
    let mut official = BTreeSet::new();
    for row in &rows {
        let theirs = row.get("falco").and_then(Value::as_str).expect("an official name");
        assert!(official.insert(theirs), "`{theirs}` stands there twice");
        let ours = row.get("rules").and_then(Value::as_array).expect("our rules");
        let unknown: Vec<_> =
            ours.iter().filter(|name| !name.as_str().is_some_and(|name| names.contains(name))).collect();
        assert!(unknown.is_empty() && !ours.is_empty(), "`{theirs}`: {unknown:?}");
    }
    assert_eq!(official.len(), OFFICIAL);
    // Where the official files are, the names are theirs.
    let Some(folder) = std::env::var_os("LUMEN_FALCO_RULES_DIR") else {
        println!("skipped on this machine: LUMEN_FALCO_RULES_DIR names no folder with the published rules");
        return;
    };
    let mut files = RulesFiles::default();
    files.add(&[folder]).expect("the official files are read");
    let theirs = files.load().rules;
    let theirs: BTreeSet<&str> = theirs.iter().map(|rule| rule.name.as_str()).collect();
    assert_eq!(official, theirs);
}

/// The alerts of the default rules over events in a file.
fn alerts(files: &[OsString], matching: Matching) -> String {
    let loaded = loaded();
    let options = Options {
        matching,
        format: Format::Text,
        shown: Shown::default(),
        is_watched: false,
        is_strict: true,
    };
    let mut out = Vec::new();
    let mut said = Vec::new();
    replay(files, &loaded.rules, &options, &mut out, None, &mut |what| said.push(what))
        .expect("a buffer takes all");
    assert!(said.is_empty(), "{said:?}");
    String::from_utf8(out).expect("text")
}

#[test]
fn a_recorded_attack_gives_these_alerts() {
    if harness::text_of("default rules", "runtime/events.jsonl").is_none() {
        return;
    }
    let events = harness::conformance_dir().join("runtime/events.jsonl");
    insta::assert_snapshot!(alerts(&[events.into()], Matching::All));
}

/// A local rules file as sites have it: the rule as a whole again, with more in its output.
const LOCAL: &str = "\
- rule: Contact K8S API Server From Container
  desc: Connections to the API server, with container and pod in the output.
  condition: >
    evt.type=connect and evt.dir=<
    and (fd.typechar=4 or fd.typechar=6)
    and container
    and k8s_api_server
    and not k8s_containers
    and not user_known_contact_k8s_api_server_activities
  output: >
    Unexpected connection to K8s API Server from container |
    connection=%fd.name lport=%fd.lport rport=%fd.rport fd_type=%fd.type process=%proc.name
    container_id=%container.id container_name=%container.name
    image=%container.image.repository
    k8s_pod=%k8s.pod.name k8s_ns=%k8s.ns.name
  priority: NOTICE
  tags: [maturity_stable, container, network, k8s, mitre_discovery, T1565]

- macro: user_known_contact_k8s_api_server_activities
  condition: (k8s.ns.name = deploy)
";

/// A pod that speaks to the API server, in a namespace.
fn connection(namespace: &str) -> String {
    serde_json::json!({
        "evt.type": "connect", "evt.num": 1, "evt.rawtime": 1_795_418_341_030_041_921_i64, "evt.res": "SUCCESS",
        "evt.rawres": 0, "evt.failed": false, "fd.num": 5, "fd.type": "ipv4", "fd.typechar": "4", "fd.l4proto": "tcp",
        "fd.name": "10.42.0.9:41000->10.43.0.1:443", "fd.cip": "10.42.0.9", "fd.sip": "10.43.0.1", "fd.cport": 41000,
        "fd.sport": 443, "fd.lport": 41000, "fd.rport": 443, "fd.sip.name": "kubernetes.default.svc.cluster.local",
        "proc.name": "python3", "proc.exepath": "/usr/bin/python3", "proc.cmdline": "python3 run.py", "container.id": "0123456789ab",
        "container.name": "api", "container.image.repository": "registry.internal/shop/api", "k8s.pod.name": "api-0",
        "k8s.ns.name": namespace,
    })
    .to_string()
}

#[test]
fn a_local_rules_file_works_as_it_is_written() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).into_os_string();
    let write = |name: &str, text: &str| std::fs::write(path(name), text).expect("is written");
    write("falco_rules.local.yaml", LOCAL);
    write("events.jsonl", &format!("{}\n{}\n", connection("shop"), connection("deploy")));
    let local = path("falco_rules.local.yaml");
    let mut sets = vec![RulesFiles::built_in()];
    if let Some(official) = std::env::var_os("LUMEN_FALCO_RULES_DIR") {
        let official = std::path::Path::new(&official).join("falco_rules.yaml");
        sets.push(RulesFiles::of(&[official.into()]).expect("the official file is read"));
    }
    for mut files in sets {
        files.add(std::slice::from_ref(&local)).expect("the local file is read");
        let loaded = files.load();
        assert!(loaded.is_sound(), "{:?}", loaded.problems);
        let options = Options {
            matching: Matching::All,
            format: Format::Json,
            shown: Shown::default(),
            is_watched: false,
            is_strict: true,
        };
        let mut out = Vec::new();
        replay(&[path("events.jsonl")], &loaded.rules, &options, &mut out, None, &mut |said| {
            panic!("{said:?}")
        })
        .expect("a buffer takes all");
        let text = String::from_utf8(out).expect("text");
        let alerts: Vec<serde_json::Value> =
            text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        let [alert] = alerts.as_slice() else { panic!("one alert, not {text}") };
        assert_eq!(alert["rule"], "Contact K8S API Server From Container");
        let fields = &alert["output_fields"];
        for (name, value) in [
            ("container.id", "0123456789ab"),
            ("container.name", "api"),
            ("container.image.repository", "registry.internal/shop/api"),
            ("k8s.pod.name", "api-0"),
            ("k8s.ns.name", "shop"),
        ] {
            assert_eq!(fields[name], value, "{alert}");
        }
    }
}

/// What the tests of a file or folder of `rules/` come to.
fn tested(path: &str, arguments: &[&str]) -> (Option<i32>, String) {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_lumen"))
        .args(["test", "--color", "never"])
        .args(arguments)
        .arg(std::path::Path::new("rules").join(path))
        .current_dir(harness::workspace_root())
        .output()
        .expect("lumen starts");
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(said).expect("text"))
}

#[test]
fn the_rules_pass_their_tests() {
    let (code, said) = tested("", &[]);
    assert_eq!(code, Some(0), "{said}");
}

/// Whatever an ordinary node does all day: the files say nothing else than that, and nothing else is expected of them.
#[test]
fn an_ordinary_node_gives_no_alert() {
    let quiet: Vec<_> = BUILT_IN.iter().filter(|(path, _)| path.starts_with("tests/quiet")).collect();
    let mut events = 0;
    for (path, text) in quiet {
        for document in documents(text) {
            let cases = document.get("spec").and_then(|spec| spec.get("cases")).and_then(Value::as_array);
            for case in cases.expect("cases") {
                assert_eq!(case.get("expect").and_then(Value::as_str), Some("none"), "{path}: {case}");
                assert!(case.get("rule").is_none(), "{path}: all rules are asked: {case}");
                events += case.get("events").and_then(Value::as_array).map_or(1, lumen_value::Array::len);
            }
        }
        let (code, said) = tested(path, &[]);
        assert_eq!(code, Some(0), "{said}");
    }
    assert!(events >= 120, "{events} events");
}
