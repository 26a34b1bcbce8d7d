//! What of the built-in admission the random requests do not reach: the bounds of the dry run, whose facts are those of
//! upstream's `admission/admission_test.go`, and the cluster's configuration.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "test code")]

#[path = "podsecurity/support.rs"]
mod support;

use std::cell::Cell;

use lumen_core::podsecurity::admission::{Admission, Cluster, Operation, PODS_MAX, Request, Response};
use lumen_core::podsecurity::configuration::ConfigurationPlace;
use lumen_core::podsecurity::{Configuration, FieldError};
use lumen_value::Value;

/// Pods of which each has the reasons that its line gives: `name reasons [controller] [runtime class]`.
struct Pods {
    pods: Option<Vec<Value>>,
    looks_left: Cell<usize>,
}

impl Pods {
    fn new(lines: &[&str]) -> Self {
        Self { pods: Some(lines.iter().map(|line| pod(line)).collect()), looks_left: Cell::new(usize::MAX) }
    }
}

impl Cluster for Pods {
    fn namespace_labels(&self, _name: &str) -> Option<&Value> {
        None
    }

    fn pods(&self, _namespace: &str) -> Option<Vec<&Value>> {
        Some(self.pods.as_ref()?.iter().collect())
    }

    fn is_out_of_time(&self) -> bool {
        self.looks_left.set(self.looks_left.get() - 1);
        self.looks_left.get() == 0
    }
}

fn pod(line: &str) -> Value {
    let mut words = line.split(' ');
    let (name, fault) = (words.next().unwrap(), words.next().unwrap());
    let owner = match words.next().filter(|owner| *owner != "-") {
        Some(uid) => format!(
            r#", "ownerReferences": [{{"uid": "no", "controller": false}}, {{"uid": "{uid}", "controller": true}}]"#
        ),
        None => String::new(),
    };
    let class = words.next().map_or(String::new(), |class| format!(r#""runtimeClassName": "{class}", "#));
    support::json(&format!(
        r#"{{"metadata": {{"name": "{name}"{owner}}}, "spec": {{{class}"{fault}": true, "containers": []}}}}"#
    ))
}

fn raise_to_baseline(admission: &Admission, cluster: &Pods) -> Vec<String> {
    let labels =
        r#"{"metadata": {"name": "test", "labels": {"pod-security.kubernetes.io/enforce": "baseline"}}}"#;
    let response = admission.validate(
        &Request {
            operation: Operation::Update,
            group: "",
            resource: "namespaces",
            subresource: "",
            namespace: "test",
            name: "test",
            user: "",
            object: &support::json(labels),
            old_object: &support::json(r#"{"metadata": {"name": "test"}}"#),
        },
        cluster,
    );
    assert!(response.is_allowed());
    response.warnings
}

const VIOLATE: &str =
    r#"existing pods in namespace "test" violate the new PodSecurity enforce level "baseline:latest""#;

#[test]
fn pods_with_the_same_reasons_are_counted_together() {
    let cluster =
        Pods::new(&["c hostPID", "b hostPID", "a hostNetwork", "d hostPID", "ok shareProcessNamespace"]);
    assert_eq!(
        raise_to_baseline(&Admission::default(), &cluster),
        [VIOLATE, "a (and 3 other pods): host namespaces"]
    );
    let cluster = Pods::new(&["b hostPID", "a hostPID"]);
    assert_eq!(
        raise_to_baseline(&Admission::default(), &cluster),
        [VIOLATE, "a (and 1 other pod): host namespaces"]
    );
}

#[test]
fn one_pod_of_each_controller_is_looked_at_first_within_the_bound() {
    let cluster = Pods::new(&[
        "exempt1 hostPID - kata",
        "exempt2 hostPID - kata",
        "set1a hostPID 1",
        "set1b hostPID 1",
        "set1c hostPID 1",
        "set2a hostPID 2",
        "set2b hostPID 2",
        "unique1 hostPID",
        "unique2 hostPID",
    ]);
    let mut admission = Admission { pods_max: 4, ..Admission::default() };
    std::sync::Arc::make_mut(&mut admission.configuration).exemptions.runtime_classes.insert("kata".into());
    assert_eq!(
        raise_to_baseline(&admission, &cluster),
        [
            "new PodSecurity enforce level only checked against the first 4 of 7 existing pods",
            VIOLATE,
            "set1a (and 3 other pods): host namespaces",
        ]
    );
}

#[test]
fn the_dry_run_ends_when_time_is_out() {
    let mut cluster = Pods::new(&["a hostPID", "b hostPID", "c hostPID"]);
    cluster.looks_left.set(2);
    assert_eq!(
        raise_to_baseline(&Admission::default(), &cluster),
        [
            "new PodSecurity enforce level only checked against the first 2 of 3 existing pods",
            VIOLATE,
            "a (and 1 other pod): host namespaces",
        ]
    );
    cluster.pods = None;
    assert_eq!(
        raise_to_baseline(&Admission::default(), &cluster),
        ["failed to list pods while checking new PodSecurity enforce level"]
    );
    assert_eq!(PODS_MAX, 3000);
}

#[test]
fn what_is_no_object_is_refused_or_let_through_as_upstream_does() {
    let cluster = Pods::new(&[]);
    let ask = |resource, operation| {
        Admission::default().validate(
            &Request {
                operation,
                group: "",
                resource,
                subresource: "",
                namespace: "test",
                name: "x",
                user: "",
                object: &Value::Null,
                old_object: &Value::Null,
            },
            &cluster,
        )
    };
    assert_eq!(ask("namespaces", Operation::Create).denial.unwrap().code, 400);
    assert_eq!(ask("services", Operation::Create), Response::default());
    assert_eq!(ask("pods", Operation::Other), Response::default());
    let denial = ask("pods", Operation::Create).denial.unwrap();
    assert_eq!(denial.message, r#"Internal error occurred: failed to lookup namespace "test""#);
}

fn configuration(fields: &str) -> (Configuration, Vec<FieldError>) {
    Configuration::read(&support::json(&format!(
        r#"{{"apiVersion": "pod-security.admission.config.k8s.io/v1", "kind": "PodSecurityConfiguration"{fields}}}"#
    )))
}

#[test]
fn a_configuration_says_its_defaults_and_exemptions() {
    let (empty, errors) = configuration("");
    assert_eq!((empty, errors), (Configuration::default(), vec![]));
    let (read, errors) = configuration(
        r#", "defaults": {"enforce": "baseline", "enforce-version": "v1.30", "warn": "restricted"},
        "exemptions": {"namespaces": ["kube-system"], "usernames": ["bob"], "runtimeClasses": ["kata.v1"]}"#,
    );
    assert_eq!(errors, []);
    assert_eq!(read.defaults.enforce.to_string(), "baseline:v1.30");
    assert_eq!(read.defaults.warn.to_string(), "restricted:latest");
    assert_eq!(read.defaults.audit.to_string(), "privileged:latest");
    assert!(read.names_enforce);
    assert!(read.exemptions.namespaces.contains("kube-system"));
    assert!(read.exemptions.usernames.contains("bob"));
    assert!(read.exemptions.runtime_classes.contains("kata.v1"));
}

#[test]
fn what_the_api_server_would_not_start_with_is_named() {
    let long = "test".repeat(16);
    let (read, errors) = configuration(&format!(
        r#", "defaults": {{"enforce": "baslein", "enforce-version": "v.122", "warn": "", "audit": "lorum",
        "audit-version": "ipsum"}}, "exemptions": {{"namespaces": ["", "a.b", "TEST", "{long}", "ok", "ok"],
        "runtimeClasses": ["_", "a.b", "a.b"], "usernames": ["", "bob", "bob"]}}"#
    ));
    let label = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and \
        end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is \
        '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
    let subdomain = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and \
        must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is \
        '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
    let texts: Vec<String> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(
        texts,
        [
            r#"defaults.enforce: Invalid value: "baslein": must be one of privileged, baseline, restricted"#
                .to_owned(),
            r#"defaults.enforce-version: Invalid value: "v.122": must be "latest" or "v1.x""#.into(),
            r#"defaults.audit: Invalid value: "lorum": must be one of privileged, baseline, restricted"#
                .into(),
            r#"defaults.audit-version: Invalid value: "ipsum": must be "latest" or "v1.x""#.into(),
            format!(r#"exemptions.namespaces[0]: Invalid value: "": {label}"#),
            r#"exemptions.namespaces[1]: Invalid value: "a.b": must not contain dots"#.into(),
            format!(r#"exemptions.namespaces[2]: Invalid value: "TEST": {label}"#),
            format!(
                r#"exemptions.namespaces[3]: Invalid value: "{long}": must be no more than 63 characters"#
            ),
            r#"exemptions.namespaces[5]: Duplicate value: "ok""#.into(),
            format!(r#"exemptions.runtimeClasses[0]: Invalid value: "_": {subdomain}"#),
            r#"exemptions.runtimeClasses[2]: Duplicate value: "a.b""#.into(),
            r#"exemptions.usernames[0]: Invalid value: "": username must not be empty"#.into(),
            r#"exemptions.usernames[2]: Duplicate value: "bob""#.into(),
        ]
    );
    assert_eq!(errors[5].pointer.to_string(), "/exemptions/namespaces/1");
    assert_eq!(read.defaults.enforce.to_string(), "restricted:latest");
}

#[test]
fn shapes_that_upstream_does_not_decode_are_named() {
    let (_, errors) = configuration(
        r#", "default": {}, "defaults": {"enforced": "baseline", "warn": 1}, "exemptions": {"namespaces": "a",
        "usernames": [{}]}"#,
    );
    let texts: Vec<String> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(
        texts,
        [
            "default: is an unknown field",
            "defaults.enforced: is an unknown field",
            "defaults.warn: must be a string",
            "exemptions.namespaces: must be a list",
            "exemptions.usernames[0]: must be a string",
        ]
    );
    let (_, errors) = Configuration::read(&support::json(
        r#"{"apiVersion": "pod-security.admission.config.k8s.io/v99", "kind": "PodSecurityConfiguration"}"#,
    ));
    assert_eq!(errors.len(), 1);
}

#[test]
fn a_configuration_is_found_in_that_of_the_api_server() {
    let find = |text: &str| Configuration::find(&support::json(text));
    let inner =
        r#"{"apiVersion": "pod-security.admission.config.k8s.io/v1", "kind": "PodSecurityConfiguration"}"#;
    assert!(matches!(find(inner), Some(ConfigurationPlace::Here(at)) if at.to_string().is_empty()));
    let outer = format!(
        r#"{{"apiVersion": "apiserver.config.k8s.io/v1", "kind": "AdmissionConfiguration", "plugins":
        [{{"name": "Other"}}, {{"name": "PodSecurity", "configuration": {inner}}}]}}"#
    );
    assert!(
        matches!(find(&outer), Some(ConfigurationPlace::Here(at)) if at.to_string() == "/plugins/1/configuration")
    );
    let elsewhere = r#"{"apiVersion": "apiserver.config.k8s.io/v1", "kind": "AdmissionConfiguration",
        "plugins": [{"name": "PodSecurity", "path": "pss.yaml"}]}"#;
    assert_eq!(find(elsewhere), Some(ConfigurationPlace::Elsewhere("pss.yaml".into())));
    assert_eq!(find(r#"{"apiVersion": "v1", "kind": "Pod"}"#), None);
}
