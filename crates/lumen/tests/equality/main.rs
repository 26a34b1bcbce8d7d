//! `lumen check`, the webhook and the audit say the same, for equal requests, objects, configuration and enforcement point: over
//! random worlds, each by the path that is shipped: the check as a function, requests over HTTPS, a sweep over the lists of an API
//! server.
//!
//! Where they are to differ, it is said here how, and held to that:
//!
//! - The audit has its own enforcement point and its own word in the `Config`, and the label that keeps the webhook out of a namespace
//!   does not keep it out. So it says what a check says of the world in which the two points and words are exchanged.
//! - The audit knows no request. Policies that ask for the operation or the user are left out where it is compared.
//! - What an object makes is, in a check, made of the object as mutators leave it; a webhook is sent that object. So what is said of
//!   what is made is compared by a second request, about the mutated object.
//! - A check says once, with the strongest of its actions, what is wrong with a field; Pod Security, level for level.
#![expect(clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "test code")]

mod api_server;
#[path = "../../../lumen-server/tests/serving/endpoint.rs"]
mod endpoint;
mod said;
mod world;

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::sync::Arc;

use jiff::Timestamp;
use lumen::check::prepare::{Prepared, prepare};
use lumen::check::{Input, Settings, check};
use lumen_core::admission::concern::Operation;
use lumen_core::admission::mutation::is_own;
use lumen_core::admission::{PolicySet, Process};
use lumen_core::finding::{Action, Finding};
use lumen_core::review::Policies;
use lumen_server::api::Api;
use lumen_server::audit::{Sweep, sweep};
use lumen_server::cluster;
use lumen_server::cluster::metrics::ClusterMetrics;
use lumen_server::listen::Bounds;
use lumen_server::registration::{Kinds, subjects};
use lumen_server::state::{Current, State};
use lumen_server::{files, webhook};
use lumen_value::Value;
use lumen_value::read::Limits;
use prometheus_client::registry::Registry;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed, TestRunner};
use serde_json::{Value as Json, json};
use tokio::runtime::Runtime;

use api_server::Cluster;
use endpoint::{Client, Endpoint};
use said::{
    Answered, Difference, compare_pod_security, compare_policies, constraint_of, is_about_made, said, same,
};
use world::{KINDS, World, world};

/// Who applies everything.
const USER: &str = "alice";

/// What an object is called: kind, namespace and name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key(String, String, String);

impl Key {
    pub(crate) fn of(object: &Json) -> Self {
        Self::new(text(object, "/kind"), text(object, "/metadata/namespace"), text(object, "/metadata/name"))
    }

    /// What names no namespace and has to be in one is in this one.
    fn new(kind: &str, namespace: &str, name: &str) -> Self {
        let is_namespaced = KINDS.iter().any(|(_, each, _, is_namespaced)| *each == kind && *is_namespaced);
        let namespace = if namespace.is_empty() && is_namespaced { "default" } else { namespace };
        Self(kind.to_owned(), namespace.to_owned(), name.to_owned())
    }
}

pub(crate) fn text<'a>(value: &'a Json, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Json::as_str).unwrap_or_default()
}

/// What a check finds, object by object.
struct Checked(BTreeMap<Key, Vec<Finding>>);

impl Checked {
    fn of(world: &World) -> Self {
        let (inputs, settings) = input(world);
        let mut all: BTreeMap<Key, Vec<Finding>> = BTreeMap::new();
        for reported in check(inputs, &[], &settings).report.findings {
            let Some(object) = &reported.finding.object else { continue };
            let key = Key::new(&object.kind, object.namespace.as_deref().unwrap_or_default(), &object.name);
            all.entry(key).or_default().push(reported.finding);
        }
        Self(all)
    }

    fn about(&self, key: &Key) -> &[Finding] {
        self.0.get(key).map(Vec::as_slice).unwrap_or_default()
    }
}

fn input(world: &World) -> (Vec<Input>, Settings) {
    let policies = Policies { user: Some(USER.into()), ..Policies::default() };
    let settings = Settings { now: Timestamp::now(), policies, ..Settings::default() };
    (vec![Input::new("world.yaml", world.text().into_bytes())], settings)
}

/// The request that an API server sends about an object that is made.
fn request(object: &Json) -> Json {
    let Key(kind, namespace, name) = Key::of(object);
    let (api_version, _, plural, is_namespaced) =
        KINDS.iter().find(|(_, each, ..)| *each == kind).expect("a known kind");
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    let gvk = json!({"group": group, "version": version, "kind": kind});
    let gvr = json!({"group": group, "version": version, "resource": plural});
    let mut object = object.clone();
    if *is_namespaced {
        object["metadata"]["namespace"] = namespace.clone().into();
    }
    let mut request = json!({
        "uid": "u",
        "kind": gvk,
        "resource": gvr,
        "requestKind": gvk,
        "requestResource": gvr,
        "name": name,
        "operation": "CREATE",
        "userInfo": {"username": USER, "groups": ["system:authenticated"]},
        "object": object,
        "oldObject": null,
        "dryRun": false,
        "options": {"kind": "CreateOptions", "apiVersion": "meta.k8s.io/v1"},
    });
    if *is_namespaced {
        request["namespace"] = namespace.into();
    } else if kind == "Namespace" {
        // Server-side apply gives it its own name.
        request["namespace"] = name.into();
    }
    request
}

fn value(json: &Json) -> Value {
    lumen_value::json::parse(json.to_string().as_bytes(), &Limits::default()).expect("JSON").value
}

/// What a mutating webhook makes of an object before the other one is asked; `None` where it fails.
fn mutated(object: &Json, policies: &PolicySet, state: &State) -> Option<Json> {
    let request = value(&request(object));
    let entry = lumen_core::snapshot::Snapshot::build(
        [lumen_core::snapshot::SourceDocument { source: "object".into(), index: 0, value: value(object) }],
        &lumen_core::snapshot::Options::default(),
    );
    let is_left_alone = policies.excludes(&request, Process::Mutation)
        || entry.0.entries().first().is_none_or(|entry| is_own(entry));
    if is_left_alone {
        return Some(object.clone());
    }
    let Key(_, namespace, _) = Key::of(object);
    let given = request.get("object").expect("an object");
    let mutated = policies.mutated_generator(given, state.namespaces.get(&*namespace)).ok()?;
    Some(serde_json::from_str(&mutated.to_json()).expect("JSON"))
}

/// What is compared with what.
struct Bench {
    runtime: Runtime,
    served: Endpoint,
    client: Client,
    cluster: Cluster,
    api: Api,
    compared: [usize; 3],
}

impl Bench {
    fn new() -> Self {
        let runtime = Runtime::new().expect("a runtime");
        let settings =
            webhook::Settings { never_blocked_namespaces: Vec::new(), ..webhook::Settings::default() };
        let served = runtime.block_on(Endpoint::start(State::default(), settings, Bounds::default()));
        let client = runtime.block_on(served.http2());
        let (cluster, api) = runtime.block_on(Cluster::start());
        Self { runtime, served, client, cluster, api, compared: [0; 3] }
    }

    fn stop(self) {
        drop(self.client);
        self.runtime.block_on(self.served.stop());
    }

    fn answer(&self, object: &Json) -> Answered {
        Answered::of(&self.runtime.block_on(self.client.review(&request(object).to_string())))
    }

    /// Compares all three in a world, whose state is given.
    fn compare(&mut self, world: &World, state: State) -> Result<(), Difference> {
        self.served.current.publish(State { is_complete: true, ..state.clone() });
        let checked = Checked::of(world);
        let discovery = self.runtime.block_on(self.api.discover()).expect("kinds");
        let kinds = Kinds { discovery: &discovery, defined: &state.defined };
        let sent = subjects(&state.policies, kinds, true);
        let is_whole =
            !world.exemptions.iter().any(|exemption| exemption.to_string().contains("pod-security/"));
        for object in world.subjects() {
            let key = Key::of(object);
            let findings = checked.about(&key);
            self.compared[0] += findings.len();
            self.compared[1] += 1;
            self.compare_answers(object, findings, &state, is_whole)
                .map_err(|difference| format!("{key:?}: {difference}"))?;
            // What something is said of has to be sent.
            let (api_version, _, plural, _) =
                KINDS.iter().find(|(_, kind, ..)| *kind == key.0).expect("a known kind");
            let group = api_version.split_once('/').map_or("", |(group, _)| group);
            let has = |group: &str, resource: &str| {
                let key = (Operation::Create, group.to_owned());
                sent.get(&key).is_some_and(|resources| resources.contains(resource))
            };
            let is_sent = has("*", "*") || has(group, plural);
            if !is_sent && !said(findings, |_| true).is_empty() {
                return Err(format!("{key:?} is not sent to the webhook: {sent:?}"));
            }
        }
        self.compare_audit(world, state)
    }

    fn compare_answers(
        &self,
        object: &Json,
        findings: &[Finding],
        state: &State,
        is_whole: bool,
    ) -> Result<(), Difference> {
        let answered = self.answer(object);
        let failed = |rule: &str| findings.iter().find(|finding| finding.rule.to_string() == rule);
        if let Some(finding) = failed("admission/failed-expansion") {
            let upstream = finding.upstream_message.as_deref().unwrap_or_default();
            let error = upstream.split_once(": ").map_or(upstream, |(_, error)| error);
            let answered = mutated(object, &state.policies, state).map(|object| self.answer(&object));
            let answered = answered.unwrap_or_else(Answered::failed);
            return same("fails", &true, &(answered.code == 500 && answered.message.contains(error)));
        }
        if answered.code == 500 {
            // Its expansion fails as it is, and does not once it is mutated.
            let is_of_mutation = !state.policies.mutators().is_empty();
            return same("fails", &true, &is_of_mutation);
        }
        compare_policies(findings, &answered, false)?;
        compare_pod_security(text(object, "/kind"), findings, &answered, is_whole)?;
        if failed("admission/failed-mutation").is_some() {
            return Ok(());
        }
        let Some(mutated) = mutated(object, &state.policies, state) else {
            return Err("the check mutates what cannot be mutated".to_owned());
        };
        compare_policies(findings, &self.answer(&mutated), true)
    }

    fn compare_audit(&mut self, world: &World, state: State) -> Result<(), Difference> {
        let checked = Checked::of(&world.with_points_exchanged());
        let objects: Vec<Json> = world
            .subjects()
            .map(|object| {
                let (mut object, Key(_, namespace, _)) = (object.clone(), Key::of(object));
                if !namespace.is_empty() {
                    object["metadata"]["namespace"] = namespace.into();
                }
                object
            })
            .collect();
        let count = objects.len();
        self.cluster.hold(objects);
        let (policies, has_mutators) = (state.policies.clone(), !state.policies.mutators().is_empty());
        let now = Timestamp::now();
        let time_ns = i64::try_from(now.as_nanosecond()).expect("this century");
        let threads = NonZeroUsize::new(2).expect("two");
        let state = Arc::new(state);
        let how = Sweep {
            state: state.clone(),
            time_ns,
            violations_max: 10_000,
            threads,
            note: Arc::new(|_, _| {}),
            reports: None,
        };
        let swept = self.runtime.block_on(sweep(&self.api, &how)).expect("a sweep");
        same("unread", &Vec::new(), &swept.unread)?;
        if swept.objects > u64::try_from(count).expect("few") {
            return Err(format!("{} objects are audited, of {count}", swept.objects));
        }
        let mut audited: BTreeMap<Key, BTreeSet<(String, String, Action)>> = BTreeMap::new();
        for constraint in policies.constraints() {
            let status = swept.tally.status(constraint.kind(), constraint.name(), "now");
            let status: Json = serde_json::from_str(&status.to_json()).expect("JSON");
            let violations = status["violations"].as_array().cloned().unwrap_or_default();
            same("violations", &status["totalViolations"].as_u64(), &u64::try_from(violations.len()).ok())?;
            for violation in violations {
                let key = Key::new(
                    text(&violation, "/kind"),
                    text(&violation, "/namespace"),
                    text(&violation, "/name"),
                );
                let actions: Vec<&str> = match text(&violation, "/enforcementAction") {
                    "scoped" => violation["enforcementActions"]
                        .as_array()
                        .into_iter()
                        .flatten()
                        .filter_map(Json::as_str)
                        .collect(),
                    action => vec![action],
                };
                let action = actions.into_iter().map(action).min();
                let said = (
                    constraint.name().to_string(),
                    text(&violation, "/message").to_owned(),
                    action.unwrap_or(Action::None),
                );
                self.compared[2] += 1;
                audited.entry(key).or_default().insert(said);
            }
        }
        // Who asks who asks is told by requests alone; what mutators leave is not what the audit finds.
        let counts =
            |kind: &str, message: &str| kind != "WhoAsks" && !(has_mutators && is_about_made(message));
        let asking: BTreeSet<&str> = policies
            .constraints()
            .iter()
            .filter(|constraint| &**constraint.kind() == "WhoAsks")
            .map(|constraint| &**constraint.name())
            .collect();
        for object in world.subjects() {
            let key = Key::of(object);
            let findings = checked.about(&key);
            let mut expected = BTreeSet::new();
            for finding in findings {
                let Some((kind, _)) = constraint_of(finding) else { continue };
                for (name, message) in said(std::slice::from_ref(finding), |_| true) {
                    if counts(&kind, &message) {
                        expected.insert((name, message, finding.action));
                    }
                }
            }
            let mut found = audited.remove(&key).unwrap_or_default();
            found.retain(|(name, message, _)| {
                let kind = if asking.contains(&**name) { "WhoAsks" } else { "" };
                counts(kind, message)
            });
            same("audited", &expected, &found).map_err(|difference| format!("{key:?}: {difference}"))?;
        }
        same("of nothing", &BTreeMap::new(), &audited)
    }
}

fn action(word: &str) -> Action {
    match word {
        "deny" => Action::Deny,
        "warn" => Action::Warn,
        "dryrun" => Action::Dryrun,
        _ => Action::None,
    }
}

fn runner(cases: u32) -> TestRunner {
    let seed = std::env::var("LUMEN_EQUALITY_SEED").ok().and_then(|seed| seed.parse().ok());
    let cases =
        std::env::var("LUMEN_EQUALITY_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(cases);
    TestRunner::new(Config {
        cases,
        rng_seed: seed.map_or(RngSeed::Fixed(1), RngSeed::Fixed),
        failure_persistence: None,
        max_shrink_iters: 4_000,
        ..Config::default()
    })
}

fn prepared(world: &World) -> Prepared {
    let (inputs, settings) = input(world);
    prepare(inputs, &[], &settings)
}

/// The state that `lumen server --policies` has.
#[test]
fn check_webhook_and_audit_agree_on_files() {
    let bench = std::cell::RefCell::new(Bench::new());
    let result = runner(60).run(&world(), |world| {
        let prepared = prepared(&world);
        let state = files::state_of(prepared.policies.admission.clone(), &prepared.snapshot);
        bench.borrow_mut().compare(&world, state).map_err(TestCaseError::fail)
    });
    let bench = bench.into_inner();
    println!("findings, requests, violations: {:?}", bench.compared);
    bench.stop();
    if let Err(error) = result {
        panic!("{error}");
    }
}

impl Bench {
    /// The state that a server has in a cluster with what the world holds, where all kinds of objects are synced.
    fn state_of_cluster(&self, world: &World) -> State {
        let text = lumen_value::read::read(world.text().as_bytes(), &Limits::default());
        let objects = text.documents.iter().map(|document| {
            let mut object: Json = serde_json::from_str(&document.value.to_json()).expect("JSON");
            let key = Key::of(&object);
            match &*key.0 {
                // As an API server has them.
                "Namespace" => object["metadata"]["labels"]["kubernetes.io/metadata.name"] = key.2.into(),
                _ if !key.1.is_empty() => object["metadata"]["namespace"] = key.1.into(),
                _ => {}
            }
            object
        });
        let gvks: Vec<Json> = KINDS
            .iter()
            .map(|(api_version, kind, ..)| {
                let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
                json!({"group": group, "version": version, "kind": kind})
            })
            .collect();
        let sync = json!({
            "apiVersion": "syncset.gatekeeper.sh/v1alpha1",
            "kind": "SyncSet",
            "metadata": {"name": "all"},
            "spec": {"gvks": gvks},
        });
        let objects: Vec<Json> = objects.chain([sync]).collect();
        self.cluster.hold(objects);
        let settings = cluster::Settings {
            is_shadow: true,
            kubernetes_minor: Some(lumen_core::podsecurity::NEWEST_MINOR),
            ..cluster::Settings::new("lumen-a", "lumen-system")
        };
        self.runtime.block_on(async {
            let current = Arc::new(Current::default());
            let metrics = ClusterMetrics::registered(&mut Registry::default());
            let running =
                cluster::run(self.api.clone(), settings, current.clone(), metrics, std::future::pending());
            let running = tokio::spawn(running);
            let wanted = world.subjects().count();
            let kinds = || KINDS.iter().map(|(api_version, kind, ..)| (api_version, kind));
            for _ in 0..10_000 {
                let state = current.get();
                let of_kind =
                    |(api_version, kind): (&&str, &&str)| state.inventory.places(api_version, kind).len();
                if state.is_complete && kinds().map(of_kind).sum::<usize>() == wanted {
                    running.abort();
                    assert_eq!(*state.degraded, BTreeMap::new());
                    return State::clone(&state);
                }
                tokio::time::sleep(std::time::Duration::from_millis(2)).await;
            }
            panic!("the cluster is not read: {:?}", current.get().degraded)
        })
    }
}

/// The state that a server has that reads its cluster.
#[test]
fn check_webhook_and_audit_agree_in_a_cluster() {
    let bench = std::cell::RefCell::new(Bench::new());
    let result = runner(25).run(&world(), |mut world| {
        world.without_excluding_from_sync();
        let state = bench.borrow().state_of_cluster(&world);
        bench.borrow_mut().compare(&world, state).map_err(TestCaseError::fail)
    });
    let bench = bench.into_inner();
    println!("findings, requests, violations: {:?}", bench.compared);
    bench.stop();
    if let Err(error) = result {
        panic!("{error}");
    }
}
