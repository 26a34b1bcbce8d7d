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
    let own =
        lumen_server::registration::skeleton(&lumen_server::registration::Settings::new("lumen-system"));
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
        ("api-server", Level::Error, "does not answer", Box::new(|facts| facts.version = None)),
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
                facts.webhooks.push(webhook("clientConfig: {service: {namespace: a, name: b}}"));
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
fn a_cluster_in_which_all_is_well_has_no_hints_before_the_installation() {
    let remarks = examine(&Facts { webhooks: Vec::new(), ..healthy() }, true);
    assert!(remarks.iter().all(|remark| remark.level == Level::Ok), "{remarks:?}");
    assert_eq!(exit(&remarks), Exit::Clean);
    assert!(human(&remarks).contains(EMERGENCY));
}
