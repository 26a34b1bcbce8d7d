use lumen_server::certificate::Kept;
use lumen_value::Value;
use lumen_value::read::{Limits, read};

use super::*;

fn yaml(text: &str) -> Value {
    let reading = read(text.as_bytes(), &Limits::default());
    assert!(reading.errors.is_empty(), "{:?}", reading.errors);
    reading.documents.into_iter().next().expect("a document").value
}

fn healthy() -> Facts {
    let own = yaml(
        "{metadata: {name: lumen}, webhooks: [{name: w, failurePolicy: Fail, rules: [{apiGroups: [apps], resources: [deployments]}], clientConfig: {caBundle: eA==, service: {namespace: lumen-system, name: lumen-webhook}}}]}",
    );
    Facts {
        version: Some("v1.34.4".to_owned()),
        webhooks: vec![own],
        definitions: lumen_server::cluster::own_definitions()
            .into_iter()
            .chain(lumen_server::cluster::upstream_definitions())
            .collect(),
        endpoints: vec![yaml(
            "{metadata: {namespace: lumen-system, labels: {kubernetes.io/service-name: lumen-webhook}}, endpoints: [{conditions: {ready: true}}]}",
        )],
        daemons: vec![yaml(
            "{metadata: {name: cilium}, spec: {template: {spec: {containers: [{image: quay.io/cilium/cilium}]}}}}",
        )],
        ..Facts::default()
    }
}

fn worst<'a>(remarks: &'a [Remark], check: &str) -> &'a Remark {
    remarks.iter().filter(|remark| remark.check == check).max_by_key(|remark| remark.level).expect("a remark")
}

type Change = Box<dyn Fn(&mut Facts)>;

#[test]
fn each_failure_is_found_with_a_hint() {
    let webhook =
        |fields: &str| yaml(&format!("{{metadata: {{name: other}}, webhooks: [{{name: w, {fields}}}]}}"));
    let all = "rules: [{apiGroups: ['*'], resources: ['*']}]";
    let table: Vec<(&str, Level, &str, Change)> = vec![
        (
            "api-server",
            Level::Error,
            "matchConditions",
            Box::new(|facts| facts.version = Some("v1.27.0".into())),
        ),
        (
            "api-server",
            Level::Error,
            "refuses connections",
            Box::new(|facts| facts.refusal = Some("it refuses connections".into())),
        ),
        (
            "gatekeeper",
            Level::Warning,
            "a Gatekeeper",
            Box::new(|facts| {
                facts.webhooks.push(yaml("{metadata: {name: gatekeeper-validating-webhook-configuration}}"));
            }),
        ),
        (
            "pod-security",
            Level::Warning,
            "`shop`",
            Box::new(|facts| facts.namespaces.push(yaml("{metadata: {name: shop}}"))),
        ),
        ("network-policies", Level::Warning, "no effect", Box::new(|facts| facts.daemons.clear())),
        (
            "dns",
            Level::Error,
            "port 53",
            Box::new(|facts| {
                facts.policies.push(yaml(
                    "{metadata: {name: d, namespace: shop}, spec: {podSelector: {}, policyTypes: [Egress]}}",
                ));
            }),
        ),
        (
            "refused-pods",
            Level::Error,
            "violates PodSecurity",
            Box::new(|facts| {
                facts.replica_sets.push(yaml("{metadata: {name: r, namespace: shop}, status: {conditions: [{type: ReplicaFailure, status: 'True', message: 'violates PodSecurity \"restricted:latest\"'}]}}"));
            }),
        ),
        ("definitions", Level::Error, "not defined", Box::new(|facts| facts.definitions.clear())),
        (
            "templates",
            Level::Error,
            "status.created",
            Box::new(|facts| {
                facts.templates.push(yaml("{metadata: {name: k8sx}, status: {created: false}}"));
            }),
        ),
        (
            "templates",
            Level::Warning,
            "Pods alone",
            Box::new(|facts| {
                facts.templates.push(yaml("{metadata: {name: k8sx}, spec: {targets: [{rego: 'x { input.review.object.spec.containers[_] }'}]}, status: {created: true}}"));
            }),
        ),
        ("webhooks", Level::Warning, "leases", Box::new(move |facts| facts.webhooks.push(webhook(all)))),
        (
            "webhooks",
            Level::Warning,
            "no ready endpoint",
            Box::new(move |facts| {
                facts.webhooks.push(webhook(
                    "rules: [{apiGroups: [apps], resources: [deployments]}], clientConfig: {service: {namespace: a, name: b}}",
                ));
            }),
        ),
        ("webhook", Level::Error, "nothing is judged", Box::new(|facts| facts.webhooks.clear())),
        ("webhook", Level::Error, "no ready endpoint", Box::new(|facts| facts.endpoints.clear())),
        ("certificate", Level::Error, "no certificate", Box::new(|facts| facts.certificate = None)),
        (
            "certificate",
            Level::Error,
            "cannot be read",
            Box::new(|facts| facts.certificate = Some(Kept::default())),
        ),
    ];
    for (check, level, words, change) in table {
        let mut facts = healthy();
        change(&mut facts);
        let remarks = examine(&facts, false);
        let remark = worst(&remarks, check);
        assert_eq!(remark.level, level, "{remark:?}");
        assert!(
            remarks.iter().any(|each| each.check == check && each.message.contains(words)),
            "{words}: {remarks:?}"
        );
        assert!(!remark.hint.is_empty(), "{remark:?}");
    }
}

#[test]
fn what_could_not_be_read_is_not_judged() {
    let resources = [
        "customresourcedefinitions",
        "validatingwebhookconfigurations",
        "mutatingwebhookconfigurations",
        "namespaces",
        "services",
        "endpointslices",
        "daemonsets",
        "deployments",
        "replicasets",
        "networkpolicies",
        "constrainttemplates",
        "secrets",
        "selfsubjectaccessreviews",
    ];
    let unread = resources.map(|resource| (resource, "forbidden".to_owned())).to_vec();
    let facts = Facts { version: Some("v1.34.4".to_owned()), unread, ..Facts::default() };
    for is_before in [true, false] {
        let remarks = examine(&facts, is_before);
        let (first, others) = remarks.split_first().expect("remarks");
        assert_eq!(first.level, Level::Ok, "{first:?}");
        for remark in others {
            assert_eq!((remark.level, remark.hint.as_str()), (Level::Unchecked, ""), "{remark:?}");
        }
        assert_eq!(exit(&remarks), Exit::Found);
        let said = human(&remarks);
        assert!(said.contains("\n- dns: not checked: networkpolicies cannot be read: forbidden\n"), "{said}");
    }
    // Each check stands on what it looks at alone.
    for resource in resources {
        let unread = vec![(resource, "forbidden".to_owned())];
        let remarks = examine(&Facts { unread, ..healthy() }, false);
        let unchecked = remarks.iter().filter(|remark| remark.level == Level::Unchecked);
        assert!(unchecked.clone().all(|remark| remark.message.contains(resource)), "{remarks:?}");
        assert!(unchecked.count() < 5, "{remarks:?}");
    }
}

#[test]
fn nothing_is_broken_before_the_first_server_is_ready() {
    let own =
        lumen_server::registration::skeleton(&lumen_server::registration::Settings::new("lumen-system"));
    let facts = Facts { webhooks: vec![own], endpoints: Vec::new(), ..healthy() };
    let remarks = examine(&facts, false);
    assert!(remarks.iter().all(|remark| remark.level < Level::Error), "{remarks:?}");
    assert!(worst(&remarks, "webhook").message.contains("nothing is asked yet"), "{remarks:?}");
}

#[test]
fn where_nothing_answers_nothing_else_is_said() {
    let facts = Facts { refusal: Some("it refuses connections".to_owned()), ..Facts::default() };
    let remarks = examine(&facts, false);
    let [remark] = remarks.as_slice() else { panic!("{remarks:?}") };
    assert_eq!((remark.check, remark.level), ("api-server", Level::Error));
    assert_eq!(exit(&remarks), Exit::Failed);
}

#[test]
fn the_rights_that_are_asked_for_are_those_to_write_what_is_installed() {
    let rendered = crate::install::render(&crate::install::Options::default());
    let mut unasked = rendered.iter().filter_map(|(_, manifest)| {
        let (api_version, kind) =
            (manifest["apiVersion"].as_str()?, manifest["kind"].as_str()?.to_lowercase());
        let group = lumen_core::object::group_of(api_version);
        let plural = match kind.strip_suffix('y') {
            Some(stem) => format!("{stem}ies"),
            None if kind.ends_with('s') => format!("{kind}es"),
            None => format!("{kind}s"),
        };
        (!fetch::WRITTEN.contains(&(group, plural.as_str()))).then_some(plural)
    });
    assert_eq!(unasked.next(), None);
}

#[test]
fn a_cluster_in_which_all_is_well_has_no_hints_before_the_installation() {
    let remarks = examine(&Facts { webhooks: Vec::new(), ..healthy() }, true);
    assert!(remarks.iter().all(|remark| remark.level == Level::Ok), "{remarks:?}");
    assert_eq!(exit(&remarks), Exit::Clean);
    assert!(human(&remarks).contains(EMERGENCY));
    assert!(EMERGENCY.ends_with(&format!(" {}", lumen_server::names::WEBHOOK_CONFIGURATION)));
}
