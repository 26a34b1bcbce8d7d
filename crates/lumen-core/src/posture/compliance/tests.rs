use std::collections::BTreeSet;
use std::sync::Arc;

use super::*;
use crate::admission::PolicySet;
use crate::posture::layers::{Inputs, layers};
use crate::posture::radius::holdings_of;
use crate::posture::tests::examples::{DEPLOYERS, SHOP, examples_with};

fn assessed(more: &[(&str, &str)]) -> Vec<Assessment> {
    assessed_of(SHOP, more)
}

fn assessed_of(files: &[&str], more: &[(&str, &str)]) -> Vec<Assessment> {
    let snapshot = examples_with(files, more);
    let (set, _) = PolicySet::compile(snapshot.entries());
    let policies = Policies { admission: Arc::new(set), ..Policies::default() };
    let inputs = Inputs { snapshot: &snapshot, policies: &policies, network: None, runtime: &[] };
    let rows = layers(&inputs);
    let rbac = Rbac::of(&snapshot);
    let holdings = holdings_of(rows.iter().map(|row| row.number), &snapshot, &rbac);
    let evidence = Evidence {
        snapshot: &snapshot,
        policies: &policies,
        rbac: &rbac,
        rows: &rows,
        holdings: &holdings,
        runtime: &[],
    };
    assess(&evidence)
}

fn verdict<'a>(all: &'a [Assessment], id: &str) -> (Verdict, Vec<&'a str>) {
    let found = all.iter().find(|each| each.control.id == id).unwrap_or_else(|| panic!("{id} is a control"));
    (found.verdict, found.evidence.iter().map(|proof| proof.what.as_str()).collect())
}

#[test]
fn the_table_names_every_framework_and_no_control_twice() {
    for framework in Framework::ALL {
        assert!(CONTROLS.iter().any(|control| control.framework == *framework), "{}", framework.as_str());
    }
    let ids: std::collections::BTreeSet<_> =
        CONTROLS.iter().map(|control| (control.framework, control.id)).collect();
    assert_eq!(ids.len(), CONTROLS.len());
    for control in CONTROLS {
        match control.measure {
            Measure::Stopped(step) | Measure::Contained(step) => {
                assert!(crate::posture::attack::step(step).is_some(), "{step}");
            }
            Measure::Checks(checks) => {
                for check in checks {
                    assert!(crate::podsecurity::CHECKS.iter().any(|each| each.id == *check), "{check}");
                }
            }
            _ => {}
        }
    }
}

#[test]
fn controls_are_met_or_not_by_what_is_there() {
    let all = assessed(&[]);
    let exporter = vec!["monitoring/DaemonSet/node-exporter"];
    assert_eq!(verdict(&all, "5.2.2"), (Verdict::Met, vec![]));
    assert_eq!(verdict(&all, "5.2.3 to 5.2.5"), (Verdict::NotMet, exporter));
    assert_eq!(verdict(&all, "5.1.1"), (Verdict::Met, vec![]));
    assert_eq!(verdict(&all, "5.1.2"), (Verdict::NotMet, vec!["ServiceAccount traefik/traefik"]));
    assert_eq!(verdict(&all, "5.1.3"), (Verdict::Met, vec![]));
    assert_eq!(verdict(&all, "5.3.2").0, Verdict::Met);
    assert_eq!(verdict(&all, "5.5.1").0, Verdict::Met);
    assert_eq!(verdict(&all, "5.7.4").0, Verdict::Met);
}

#[test]
fn what_cannot_be_seen_is_said_to_be_so() {
    let all = assessed(&[]);
    for id in [
        "1 to 4",
        "5.1.7",
        "5.3.1",
        "5.7.1",
        "4.1.3",
        "4.4.2",
        "SI-4",
        "SI-7",
        "7.2",
        "164.312(a)(1)",
        "164.312(c)(1)",
        "AC-3, AC-6",
    ] {
        assert_eq!(verdict(&all, id).0, Verdict::NotCheckable, "{id}");
    }
    let reason = |id: &str| all.iter().find(|each| each.control.id == id).map(|each| each.reason.clone());
    assert!(reason("5.5.1").is_some_and(|reason| reason.ends_with("if it is enforced")));
}

#[test]
fn one_more_workload_can_undo_a_control() {
    let pod = "
apiVersion: v1
kind: Pod
metadata: {name: loose, namespace: default}
spec: {containers: [{name: c, image: a, env: [{name: p, valueFrom: {secretKeyRef: {name: s, key: k}}}]}]}
";
    let all = assessed(&[("pod.yaml", pod)]);
    for id in ["5.7.4", "5.1.5", "5.2.1", "5.3.2"] {
        assert_eq!(verdict(&all, id).0, Verdict::NotMet, "{id}");
    }
    assert!(verdict(&all, "5.4.1").1.contains(&"default/Pod/loose"));
}

#[test]
fn rights_that_are_not_among_the_inputs_are_not_checked() {
    let pod = "{apiVersion: v1, kind: Pod, metadata: {name: p, namespace: a}, spec: {containers: [{name: c, image: a}]}}";
    let role = "{apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: {name: r, namespace: a}, rules: []}";
    let ids = ["5.1.1", "5.1.2", "5.1.3"];
    let all = assessed_of(&[], &[("pod.yaml", pod)]);
    for id in ids {
        assert_eq!(verdict(&all, id).0, Verdict::NotCheckable, "{id}");
    }
    let all = assessed_of(&[], &[("pod.yaml", pod), ("role.yaml", role)]);
    for id in ids {
        assert_eq!(verdict(&all, id).0, Verdict::Met, "{id}");
    }
}

#[test]
fn a_webhook_that_need_not_answer_is_told_in_the_words() {
    let webhook = "
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: g}
webhooks:
  - name: validation.gatekeeper.sh
    failurePolicy: POLICY
    rules: [{apiGroups: ['*'], apiVersions: ['*'], operations: [CREATE], resources: ['*']}]
";
    let words = |policy: &str| {
        let all = assessed(&[("webhook.yaml", &webhook.replace("POLICY", policy)), DEPLOYERS]);
        let found = all.iter().find(|each| each.control.id == "5.5.1").expect("a control");
        (found.words(), found.reason.clone())
    };
    assert_eq!(words("Fail").0, "met");
    let (weak, reason) = words("Ignore");
    assert_eq!(weak, "met, while it answers");
    assert!(reason.ends_with("while the webhook answers"), "{reason}");
}

#[test]
fn tokens_are_not_called_idle_where_no_rights_are_shown() {
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: shop}\nspec: {serviceAccountName: s, containers: [{name: c, image: i}]}\n";
    let role = "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {name: r, namespace: shop}\nrules: []\n";
    let idle = |more: &[(&str, &str)]| -> BTreeSet<Verdict> {
        let all = assessed_of(&[], more);
        let of_tokens = all.iter().filter(|each| matches!(each.control.measure, Measure::NoIdleTokens));
        of_tokens.map(|each| each.verdict).collect()
    };
    assert_eq!(idle(&[("p.yaml", pod)]), BTreeSet::from([Verdict::NotCheckable]));
    assert_eq!(idle(&[("p.yaml", pod), ("r.yaml", role)]), BTreeSet::from([Verdict::NotMet]));
}

/// The words of a control where the inputs are one namespace `a`, an unrelated Role and what is given.
fn words_of(objects: &str, id: &str) -> (&'static str, usize) {
    let text = format!(
        "{{apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: {{name: r, namespace: a}}, rules: []}}\n---\n{objects}"
    );
    let all = assessed_of(&[], &[("a.yaml", &text)]);
    let found = all.iter().find(|each| each.control.id == id).unwrap_or_else(|| panic!("{id} is a control"));
    (found.words(), found.count)
}

fn pod_of(name: &str, container: &str) -> String {
    format!(
        "{{apiVersion: v1, kind: Pod, metadata: {{name: {name}, namespace: a}}, spec: {{serviceAccountName: s, containers: [{{name: c, image: i, {container}}}]}}}}"
    )
}

#[test]
fn what_is_seen_of_rights_and_admission_is_told_as_that() {
    let shown = ("met, as far as the inputs show", 0);
    let pod = pod_of("p", "securityContext: {readOnlyRootFilesystem: true}");
    for id in ["5.1.1", "5.1.2", "5.1.3", "5.2.2", "5.2.12", "4.3.1"] {
        assert_eq!(words_of(&pod, id), shown, "{id}");
    }
    let namespace = "{apiVersion: v1, kind: Namespace, metadata: {name: a, labels: {pod-security.kubernetes.io/enforce: baseline}}}";
    let kept = format!("{namespace}\n---\n{pod}");
    assert_eq!(words_of(&kept, "5.2.2"), ("met, if enforced", 0));
    assert_eq!(words_of(&kept, "5.2.6").0, "not met");
    // A part alone meets nothing.
    assert_eq!(words_of(&pod, "4.4.4"), ("not checkable", 0));
    assert_eq!(words_of(&pod_of("p", ""), "4.4.4"), ("not met", 1));
}

#[test]
fn secrets_in_clear_text_and_shared_accounts_are_found() {
    let shown = ("met, as far as the inputs show", 0);
    assert_eq!(words_of(&pod_of("p", "env: [{name: DB_PASSWORD, value: hunter2}]"), "4.1.4"), ("not met", 1));
    assert_eq!(words_of(&pod_of("p", "env: [{name: DB_PASSWORD_FILE, value: /run/p}]"), "4.1.4"), shown);
    let secret = "env: [{name: API_TOKEN, valueFrom: {secretKeyRef: {name: s, key: k}}}]";
    assert_eq!(words_of(&pod_of("p", secret), "4.1.4"), shown);
    assert_eq!(words_of(&pod_of("p", ""), "8.6"), ("met", 0));
    let two = format!("{}\n---\n{}", pod_of("p", ""), pod_of("q", ""));
    assert_eq!(words_of(&two, "8.6"), ("not met", 2));
}
