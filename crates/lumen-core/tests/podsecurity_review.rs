//! What a review says of workloads: which action, which text, which place, and the advice where nothing decides.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "test code")]

#[path = "podsecurity/support.rs"]
mod support;

use lumen_core::finding::{Action, Finding, Location, Outcome, Place, Safety, Severity};
use lumen_core::object::pod::PodView;
use lumen_core::object::{ObjectRef, WorkloadKind};
use lumen_core::podsecurity::review::{Namespace, NamespaceView, Options, Subject, UPSTREAM_BYTES_MAX};
use lumen_core::podsecurity::{
    Advice, CHECKS, Configuration, Level, NEWEST_MINOR, advise, review, review_namespace, rules,
};
use lumen_value::{Pointer, Step, Value, pointer};

/// Breaks `baseline` by one field, and `restricted` by more.
const PRIVILEGED: &str = r#"{"metadata": {"name": "web"},
    "spec": {"containers": [{"name": "web", "securityContext": {"privileged": true}}]}}"#;

struct World {
    document: Value,
    workload: WorkloadKind,
    kind: &'static str,
    name: &'static str,
    labels: Option<Value>,
    configuration: Configuration,
}

impl World {
    fn new(pod: &str, labels: &str) -> Self {
        Self {
            document: support::json(pod),
            workload: WorkloadKind::Pod,
            kind: "Pod",
            name: "web",
            labels: (labels != "?").then(|| labelled(labels)),
            configuration: Configuration::default(),
        }
    }

    fn of_workload(mut self, workload: WorkloadKind, kind: &'static str) -> Self {
        let template = Value::from([("template", self.document)]);
        self.document = Value::from([("spec", template)]);
        (self.workload, self.kind) = (workload, kind);
        self
    }

    fn review_with<T>(&self, run: impl FnOnce(&Subject<'_>, &Namespace<'_>) -> T) -> T {
        let object = std::sync::Arc::new(object(self.kind, Some("shop"), self.name));
        let at: Pointer =
            if self.workload == WorkloadKind::Pod { Pointer::ROOT } else { pointer!["spec", "template"] };
        let view = PodView { at: at.clone(), ..support::view(self.document.find(&at).unwrap()) };
        let root = location("app.yaml", 3);
        let subject = Subject { object: &object, root: &root, pod: &view, kind: self.workload };
        let namespace = object_of_namespace();
        let namespace_root = location("namespaces.yaml", 0);
        let known = self.labels.as_ref().map(|labels| NamespaceView {
            object: &namespace,
            root: &namespace_root,
            labels,
        });
        let namespace = known.as_ref().map_or(Namespace::Unknown { name: "shop" }, Namespace::Known);
        run(&subject, &namespace)
    }

    fn findings(&self) -> Vec<Finding> {
        self.review_with(|subject, namespace| {
            review(subject, namespace, &self.configuration, Options::default())
        })
    }
}

/// `enforce=baseline warn=restricted` as labels.
fn labelled(labels: &str) -> Value {
    let pairs = labels.split_whitespace().map(|label| label.split_once('=').unwrap());
    let entries = pairs.map(|(mode, value)| {
        let key = Value::from(format!("pod-security.kubernetes.io/{mode}"));
        (key, Value::from(value))
    });
    Value::Object(entries.collect())
}

fn object(kind: &str, namespace: Option<&str>, name: &str) -> ObjectRef {
    ObjectRef {
        api_version: "v1".into(),
        kind: kind.into(),
        namespace: namespace.map(Into::into),
        name: name.into(),
    }
}

fn object_of_namespace() -> ObjectRef {
    object("Namespace", None, "shop")
}

fn location(source: &str, document: usize) -> Location {
    Location { source: source.into(), place: Place::Field { document, pointer: Pointer::ROOT } }
}

fn place(location: &Location) -> String {
    match &location.place {
        Place::Field { document, pointer } => format!("{}#{document}{pointer}", location.source),
        _ => location.source.to_string(),
    }
}

/// One line a finding: rule, action, severity, place, message.
fn lines(findings: &[Finding]) -> Vec<String> {
    let line = |finding: &Finding| {
        format!(
            "{} {} {} {} {}",
            finding.rule.name,
            finding.action,
            finding.severity,
            place(finding.location.as_ref().unwrap()),
            finding.message
        )
    };
    findings.iter().map(line).collect()
}

#[test]
fn a_pod_that_enforce_refuses_is_denied_with_the_api_servers_words() {
    let findings = World::new(PRIVILEGED, "enforce=baseline").findings();
    assert_eq!(
        lines(&findings),
        [
            "privileged deny high app.yaml#3/spec/containers/0/securityContext/privileged container `web` runs privileged"
        ]
    );
    let finding = &findings[0];
    assert!(finding.is_denial());
    assert_eq!(
        finding.upstream_message.as_deref(),
        Some(
            r#"pods "web" is forbidden: violates PodSecurity "baseline:latest": privileged (container "web" must not set securityContext.privileged=true)"#
        )
    );
    let policy = finding.policy.as_ref().unwrap();
    assert_eq!((policy.object.kind.as_ref(), policy.rule.as_str()), ("Namespace", "enforce=baseline:latest"));
    assert_eq!(finding.related[0].label, "enforced by this label");
    assert_eq!(
        place(&finding.related[0].location),
        "namespaces.yaml#0/metadata/labels/pod-security.kubernetes.io~1enforce"
    );
    assert_eq!(finding.fix.as_ref().unwrap().safety, Safety::Unsafe);
}

#[test]
fn a_name_still_to_be_made_up_is_not_in_the_text() {
    let mut world = World::new(PRIVILEGED, "enforce=baseline");
    world.name = "web-*";
    let text = world.findings()[0].upstream_message.clone().unwrap();
    assert!(text.starts_with(r#"violates PodSecurity "baseline:latest": privileged"#), "{text}");
}

#[test]
fn a_controller_is_admitted_and_its_pods_are_refused() {
    let world = World::new(PRIVILEGED, "enforce=baseline warn=baseline")
        .of_workload(WorkloadKind::Controller, "Deployment");
    let findings = world.findings();
    assert_eq!(
        lines(&findings),
        [
            "privileged deny-pods high app.yaml#3/spec/template/spec/containers/0/securityContext/privileged container \
          `web` runs privileged"
        ]
    );
    let text = findings[0].upstream_message.as_deref().unwrap();
    assert!(text.starts_with(r#"violates PodSecurity "baseline:latest": "#), "{text}");
    let edit = format!("{:?}", findings[0].fix.as_ref().unwrap().edits[0]);
    assert!(edit.contains("template"), "{edit}");
}

#[test]
fn a_controllers_pods_get_defaults_that_it_has_not() {
    let pod =
        r#"{"spec": {"hostNetwork": true, "containers": [{"name": "a", "ports": [{"containerPort": 80}]}]}}"#;
    let rules = |labels| {
        let world = World::new(pod, labels).of_workload(WorkloadKind::Controller, "DaemonSet");
        let findings = world.findings();
        findings.iter().map(|finding| format!("{} {}", finding.rule.name, finding.action)).collect::<Vec<_>>()
    };
    assert_eq!(rules("enforce=privileged warn=baseline"), ["host-namespaces warn"]);
    assert_eq!(rules("enforce=baseline"), ["host-namespaces deny-pods", "host-ports deny-pods"]);
}

#[test]
fn a_kind_that_admission_never_looks_at_says_so() {
    let world =
        World::new(PRIVILEGED, "enforce=baseline warn=baseline").of_workload(WorkloadKind::Custom, "Rollout");
    let findings = world.findings();
    assert_eq!(findings.len(), 1);
    assert_eq!(findings[0].action, Action::DenyPods);
    assert_eq!(
        findings[0].message,
        "container `web` runs privileged; built-in admission never looks at a `Rollout`, its pods are refused when they \
         are made"
    );
    // Nobody reads the warnings that its controller gets.
    let world = World::new(PRIVILEGED, "enforce=privileged warn=baseline")
        .of_workload(WorkloadKind::Custom, "Rollout");
    assert_eq!(world.findings(), []);
}

#[test]
fn the_strongest_action_speaks_for_each_field_and_twins_speak_once() {
    let pod = r#"{"metadata": {"name": "web"}, "spec": {"containers": [{"name": "web", "securityContext": {
        "capabilities": {"add": ["SYS_ADMIN", "CHOWN"]}, "allowPrivilegeEscalation": false, "runAsNonRoot": true,
        "seccompProfile": {"type": "Unconfined"}}}]}}"#;
    let findings = World::new(pod, "enforce=baseline warn=restricted audit=restricted").findings();
    let at = "app.yaml#3/spec/containers/0/securityContext";
    assert_eq!(
        lines(&findings),
        [
            format!(
                "capabilities-baseline deny high {at}/capabilities/add/0 container `web` adds the capability `SYS_ADMIN`"
            ),
            format!(
                "seccomp-profile-baseline deny high {at}/seccompProfile/type container `web` sets the seccomp profile \
                 type `Unconfined`"
            ),
            format!(
                "capabilities-restricted warn medium {at}/capabilities/drop container `web` does not drop all capabilities"
            ),
            format!(
                "capabilities-restricted warn medium {at}/capabilities/add/1 container `web` adds the capability `CHOWN`"
            ),
        ]
    );
    assert_eq!(findings[2].outcome, Outcome::Warn);
    assert!(
        findings[2]
            .upstream_message
            .as_ref()
            .unwrap()
            .starts_with("would violate PodSecurity \"restricted:latest\"")
    );
    assert_eq!(findings[2].related[0].label, "warned of by this label");
}

#[test]
fn latest_means_the_clusters_own_version() {
    let pod = r#"{"spec": {"hostUsers": false, "containers": [{"name": "a", "securityContext": {"procMount": "Unmasked"}}]}}"#;
    let world = World::new(pod, "enforce=baseline");
    assert_eq!(world.findings(), []);
    let old = Options { cluster_minor: 34, ..Options::default() };
    let findings =
        world.review_with(|subject, namespace| review(subject, namespace, &world.configuration, old));
    assert_eq!(findings[0].rule.name.as_ref(), "proc-mount");
    assert!(findings[0].upstream_message.as_ref().unwrap().contains(r#""baseline:latest""#));
}

#[test]
fn audit_alone_is_a_dry_run() {
    let findings = World::new(PRIVILEGED, "enforce=privileged audit=baseline").findings();
    assert_eq!((findings[0].action, findings[0].outcome), (Action::Dryrun, Outcome::Fail));
    assert_eq!(findings[0].policy.as_ref().unwrap().rule, "audit=baseline:latest");
}

#[test]
fn where_nothing_decides_there_is_advice() {
    let pod = r#"{"metadata": {"name": "web"}, "spec": {"volumes": [{"name": "root", "hostPath": {"path": "/"}}],
        "containers": [{"name": "web", "securityContext": {"privileged": true}}]}}"#;
    let findings = World::new(pod, "").findings();
    let short: Vec<String> =
        findings.iter().map(|finding| format!("{} {}", finding.rule.name, finding.severity)).collect();
    assert_eq!(
        short,
        [
            "host-path-volumes high",
            "privileged high",
            "allow-privilege-escalation medium",
            "capabilities-restricted medium",
            "run-as-non-root medium",
            "seccomp-profile-restricted medium",
        ]
    );
    for finding in &findings {
        assert_eq!((finding.action, finding.outcome), (Action::None, Outcome::Fail));
        assert_eq!((&finding.policy, &finding.upstream_message), (&None, &None));
        assert!(!finding.message.contains("is known"));
    }
    let unknown = World::new(PRIVILEGED, "?").findings();
    assert_eq!(unknown[0].message, "container `web` runs privileged; no label of namespace `shop` is known");
}

#[test]
fn a_label_or_a_configured_default_ends_the_advice() {
    assert_eq!(World::new(PRIVILEGED, "enforce=privileged").findings(), []);
    let mut world = World::new(PRIVILEGED, "?");
    world.configuration = configuration(r#"{"enforce": "privileged"}"#, "{}");
    assert_eq!(world.findings(), []);
    world.configuration = configuration(r#"{"enforce": "baseline"}"#, "{}");
    let findings = world.findings();
    assert_eq!(findings[0].action, Action::Deny);
    assert_eq!(findings[0].policy.as_ref().unwrap().object.kind.as_ref(), "PodSecurityConfiguration");
    assert_eq!(findings[0].related, []);
}

fn configuration(defaults: &str, exemptions: &str) -> Configuration {
    let text = format!(
        r#"{{"apiVersion": "pod-security.admission.config.k8s.io/v1", "kind": "PodSecurityConfiguration",
        "defaults": {defaults}, "exemptions": {exemptions}}}"#
    );
    let (configuration, errors) = Configuration::read(&support::json(&text));
    assert_eq!(errors, []);
    configuration
}

#[test]
fn what_is_exempt_is_skipped_and_said_only_when_asked_for() {
    let mut world = World::new(PRIVILEGED, "enforce=restricted");
    world.configuration = configuration("{}", r#"{"namespaces": ["shop"]}"#);
    assert_eq!(world.findings(), []);
    let shows = Options { shows_passes: true, ..Options::default() };
    let findings =
        world.review_with(|subject, namespace| review(subject, namespace, &world.configuration, shows));
    assert_eq!((findings.len(), findings[0].outcome), (1, Outcome::Skip));
    let pod = r#"{"spec": {"runtimeClassName": "kata", "hostPID": true}}"#;
    let mut world = World::new(pod, "enforce=restricted");
    assert_eq!(world.findings().len(), 1);
    world.configuration = configuration("{}", r#"{"runtimeClasses": ["kata"]}"#);
    assert_eq!(world.findings(), []);
}

#[test]
fn who_is_exempt_makes_pods_but_the_pods_of_controllers_are_made_by_others() {
    let actions = |world: World| {
        let world = World { configuration: configuration("{}", r#"{"usernames": ["bob"]}"#), ..world };
        let by = |user| Options { user: Some(user), ..Options::default() };
        ["alice", "bob"].map(|user| {
            let findings = world
                .review_with(|subject, namespace| review(subject, namespace, &world.configuration, by(user)));
            findings.iter().map(|finding| finding.action).collect::<Vec<_>>()
        })
    };
    let world = || World::new(PRIVILEGED, "enforce=privileged warn=baseline");
    assert_eq!(actions(world()), [vec![Action::Warn], vec![]]);
    assert_eq!(
        actions(world().of_workload(WorkloadKind::Controller, "Deployment")),
        [vec![Action::Warn], vec![]]
    );
    let world = || World::new(PRIVILEGED, "enforce=baseline");
    assert_eq!(actions(world()), [vec![Action::Deny], vec![]]);
    let denied = vec![Action::DenyPods];
    assert_eq!(
        actions(world().of_workload(WorkloadKind::Controller, "Deployment")),
        [denied.clone(), denied]
    );
}

#[test]
fn what_is_met_is_a_pass_when_asked_for() {
    let world = World::new(PRIVILEGED, "enforce=baseline");
    let shows = Options { shows_passes: true, ..Options::default() };
    let findings =
        world.review_with(|subject, namespace| review(subject, namespace, &world.configuration, shows));
    assert_eq!(findings.iter().filter(|finding| finding.outcome == Outcome::Pass).count(), 11);
    assert_eq!(findings.iter().filter(|finding| finding.outcome == Outcome::Fail).count(), 1);
}

#[test]
fn many_findings_do_not_repeat_a_long_text_without_bound() {
    let containers: Vec<String> =
        (0..2000).map(|index| format!(r#"{{"name": "container-{index}"}}"#)).collect();
    let pod = format!(r#"{{"spec": {{"containers": [{}]}}}}"#, containers.join(","));
    let findings = World::new(&pod, "enforce=restricted").findings();
    assert_eq!(findings.len(), 8000);
    let bytes: usize =
        findings.iter().filter_map(|finding| finding.upstream_message.as_ref()).map(|text| text.len()).sum();
    assert!(findings[0].upstream_message.is_some());
    assert!(bytes <= UPSTREAM_BYTES_MAX);
}

fn review_labels(labels: &str, configuration: &Configuration) -> Vec<Finding> {
    review_namespace(
        &NamespaceView {
            object: &object_of_namespace(),
            root: &location("namespaces.yaml", 0),
            labels: &labelled(labels),
        },
        configuration,
    )
}

#[test]
fn labels_that_mean_nothing_are_refused() {
    let findings = review_labels("enforce=high warn-version=1.30", &Configuration::default());
    let at = "namespaces.yaml#0/metadata/labels/pod-security.kubernetes.io~1";
    assert_eq!(
        lines(&findings),
        [
            format!(
                "invalid-label deny high {at}enforce label `pod-security.kubernetes.io/enforce` is `high`, which is no \
                 level, and would mean `restricted`"
            ),
            format!(
                "invalid-label deny high {at}warn-version label `pod-security.kubernetes.io/warn-version` is `1.30`, which \
                 is no version, and would mean `latest`"
            ),
        ]
    );
    assert_eq!(
        findings[1].upstream_message.as_deref(),
        Some(
            r#"Namespace "shop" is invalid: [metadata.labels[pod-security.kubernetes.io/enforce]: Invalid value: "high": must be one of privileged, baseline, restricted, metadata.labels[pod-security.kubernetes.io/warn-version]: Invalid value: "1.30": must be "latest" or "v1.x"]"#
        )
    );
}

#[test]
fn labels_of_an_exempt_namespace_are_in_vain() {
    let exempt = configuration("{}", r#"{"namespaces": ["shop"]}"#);
    let findings = review_labels("enforce=restricted audit=privileged", &exempt);
    assert_eq!(findings[0].action, Action::Warn);
    assert_eq!(
        findings[0].upstream_message.as_deref(),
        Some(
            r#"namespace "shop" is exempt from Pod Security, and the policy (enforce=restricted:latest) will be ignored"#
        )
    );
    assert_eq!(review_labels("enforce=privileged", &exempt), []);
    assert_eq!(review_labels("enforce=restricted", &Configuration::default()), []);
}

const HARDENED: &str = r#"{"spec": {"securityContext": {"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}},
    "containers": [{"name": "a", "securityContext": {"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}}}]}}"#;
const PLAIN: &str = r#"{"spec": {"containers": [{"name": "a"}]}}"#;

fn advice(labels: &str, pods: &[&str]) -> (Advice, Option<Finding>) {
    let values: Vec<Value> = pods.iter().map(|pod| support::json(pod)).collect();
    let objects: Vec<ObjectRef> =
        (0..pods.len()).map(|index| object("Deployment", Some("shop"), &format!("app{index}"))).collect();
    let views: Vec<PodView<'_>> = values.iter().map(support::view).collect();
    let (namespace, root, labels) = (object_of_namespace(), location("namespaces.yaml", 0), labelled(labels));
    let view = NamespaceView { object: &namespace, root: &root, labels: &labels };
    let namespace = Namespace::Known(&view);
    let advice = advise(&namespace, &Configuration::default(), NEWEST_MINOR, objects.iter().zip(&views));
    let finding = advice.finding(&namespace);
    (advice, finding)
}

#[test]
fn the_advisor_names_the_highest_level_that_all_workloads_meet() {
    let (all, finding) = advice("", &[HARDENED, HARDENED]);
    assert_eq!((all.highest_passing, all.current.level), (Level::Restricted, Level::Privileged));
    let finding = finding.unwrap();
    assert_eq!(
        finding.message,
        "both workloads of namespace `shop` pass `restricted`, and only `privileged` is enforced"
    );
    assert_eq!((finding.severity, finding.action), (Severity::Info, Action::None));
    assert_eq!(finding.fix.unwrap().safety, Safety::Unsafe);

    let (some, finding) = advice("", &[HARDENED, PLAIN]);
    assert_eq!(some.highest_passing, Level::Baseline);
    assert_eq!(some.blocking.len(), 4);
    assert_eq!(some.blocking[0].workloads[0].name.as_ref(), "app1");
    assert_eq!(
        finding.unwrap().message,
        "both workloads of namespace `shop` pass `baseline`, and only `privileged` is enforced; between it and \
         `restricted` stand `pod-security/allow-privilege-escalation`, `pod-security/capabilities-restricted`, \
         `pod-security/run-as-non-root` and 1 more in `Deployment/app1`"
    );

    let (_, finding) = advice("enforce=baseline", &[PLAIN]);
    let message = finding.unwrap().message;
    assert!(
        message.starts_with("the one workload of namespace `shop` passes `baseline`; between it and"),
        "{message}"
    );

    let (none, finding) = advice("", &[PRIVILEGED]);
    assert_eq!(none.highest_passing, Level::Privileged);
    let message = finding.unwrap().message;
    assert_eq!(
        message,
        "namespace `shop` does not meet `baseline`; between it and `baseline` stand `pod-security/privileged` in \
         `Deployment/app0`"
    );
}

#[test]
fn the_advisor_is_silent_where_nothing_is_to_be_said() {
    assert_eq!(advice("", &[]).1, None);
    assert_eq!(advice("enforce=restricted", &[HARDENED]).1, None);
    assert_eq!(advice("enforce=restricted", &[PLAIN]).1, None);
}

#[test]
fn every_rule_is_documented_and_its_name_is_unique() {
    let names: Vec<&str> = rules().map(|rule| rule.name).collect();
    assert_eq!(names.len(), CHECKS.len() + 4);
    for rule in rules() {
        assert_eq!(names.iter().filter(|name| **name == rule.name).count(), 1);
        for text in [rule.summary, rule.rationale, rule.remedy] {
            assert!(!text.is_empty() && !text.ends_with('.') && !text.contains("  "), "{text}");
        }
        assert!(!rule.references.is_empty());
    }
}

#[test]
fn malformed_pods_are_judged_by_what_can_be_read() {
    let world = World::new(
        r#"{"metadata": [], "spec": {"containers": {"a": 1}, "initContainers": [null, 7, {"name": 3, "securityContext":
        "x", "ports": [1, {"hostPort": "80"}]}], "volumes": [4, null], "securityContext": [], "hostPID": "true"}}"#,
        "enforce=restricted",
    );
    let places: Vec<String> = lines(&world.findings());
    assert!(
        places
            .iter()
            .all(|line| line.contains("/spec/initContainers/0") || line.contains("/spec/initContainers/2"))
    );
    assert_eq!(places.len(), 8);
    let step: Step = "x".into();
    assert_eq!(Pointer::from_iter([step]).to_string(), "/x");
}

#[test]
fn what_breaks_baseline_is_as_bad_under_restricted() {
    let pod = r#"{"spec":{"containers":[{"name":"a","securityContext":{
        "capabilities":{"drop":["ALL"],"add":["SYS_ADMIN","CHOWN"]}}}],
        "volumes":[{"name":"v","hostPath":{"path":"/"}},{"name":"w","nfs":{}}]}}"#;
    let severities = |rule: &str| -> Vec<Severity> {
        let findings = World::new(pod, "enforce=restricted").findings();
        findings
            .iter()
            .filter(|finding| &*finding.rule.name == rule)
            .map(|finding| finding.severity)
            .collect()
    };
    assert_eq!(severities("restricted-volumes"), [Severity::High, Severity::Medium]);
    assert_eq!(severities("capabilities-restricted"), [Severity::High, Severity::Medium]);
}
