use std::collections::BTreeSet;

use super::bypass::{first_stop, network_is_round, open_steps, single_points, without};
use super::*;
use crate::admission::PolicySet;
use crate::posture::tests::examples::{ATTACK, DEPLOYERS, SHOP, examples_with};

const WEBHOOK: &str = "
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: gatekeeper-validating-webhook-configuration}
webhooks:
  - name: validation.gatekeeper.sh
    failurePolicy: POLICY
    rules: [{apiGroups: ['*'], apiVersions: ['*'], operations: [CREATE, UPDATE], resources: ['*']}]
    namespaceSelector:
      matchExpressions: [{key: kubernetes.io/metadata.name, operator: NotIn, values: [kube-system, LEFT-OUT]}]
";

fn webhook(policy: &str, left_out: &str) -> String {
    WEBHOOK.replace("POLICY", policy).replace("LEFT-OUT", left_out)
}

fn policies(snapshot: &Snapshot) -> Policies {
    let (set, findings) = PolicySet::compile(snapshot.entries());
    assert_eq!(findings, Vec::new());
    Policies { admission: Arc::new(set), ..Policies::default() }
}

fn number_of(snapshot: &Snapshot, name: &str) -> usize {
    let is_it = |entry: &Arc<Entry>| &*entry.object.name == name && entry.workload().is_some();
    snapshot.entries().iter().position(is_it).unwrap_or_else(|| panic!("{name} is there"))
}

fn row_of(snapshot: &Snapshot, network: Option<&NetworkView>, name: &str) -> Row {
    let policies = policies(snapshot);
    let inputs = Inputs { snapshot, policies: &policies, network, runtime: &[] };
    Layers::of(&inputs, &Rbac::of(inputs.snapshot)).row(number_of(snapshot, name)).expect("a workload")
}

/// What a row says, step by step: the words of its cells, in the order of the layers.
fn shown(row: &Row) -> Vec<String> {
    let words = |step: &StepRow| {
        let cells: Vec<String> = step.cells.iter().map(Cell::words).collect();
        format!("{}: {}", step.step.name, cells.join(" | "))
    };
    row.steps.iter().map(words).collect()
}

#[test]
fn the_attack_of_the_reference_document_comes_out_of_its_manifests() {
    let snapshot = examples_with(ATTACK, &[]);
    let network = NetworkView::of(&snapshot);
    let row = row_of(&snapshot, Some(&network), "malicious-app");
    assert_eq!(
        shown(&row),
        [
            "run-own-image: not covered | limits, if enforced | - | - | not covered",
            "become-root: - | not covered | stops, if enforced | - | not covered",
            "break-out: - | not covered | stops, if enforced | - | not covered",
            "use-token: - | not covered | - | limits, if enforced | not covered",
            "reach-peer: - | - | - | stops, if enforced | not covered",
            "reach-api-server: - | - | - | stops, if enforced | not covered",
            "exfiltrate: - | - | - | stops, if enforced | not covered",
            "persist: - | not covered | - | - | not covered",
            "mine: - | limits, if enforced | - | limits, if enforced | not covered",
        ]
    );
    // Layer 1 blocks, in the words of the document; layer 2 would.
    let said: BTreeSet<&str> = row
        .refused
        .iter()
        .filter(|finding| finding.rule.layer == Layer::Admission)
        .map(|finding| finding.message.as_str())
        .collect();
    for words in [
        "Container <hacker> uses :latest tag",
        "Container <hacker> must use localhost:5000 registry, got: docker.io/alpine:latest",
        "Workload must have 'tier' label",
        "Container <hacker> has no CPU request",
    ] {
        assert!(said.contains(words), "{words} is not among {said:?}");
    }
    assert!(row.is_refused_by(Layer::PodSecurity));
    assert!(row.refused.iter().any(|finding| finding.message == "container `hacker` runs privileged"));
    // And layer 3 limits what is left.
    let stop = |bypassed: &[Layer]| {
        first_stop(&row, &bypassed.iter().copied().collect()).map(|(step, layer)| (step.name, layer))
    };
    assert_eq!(stop(&[Layer::Admission]), Some(("become-root", Layer::PodSecurity)));
    assert_eq!(stop(&[Layer::Admission, Layer::PodSecurity]), Some(("reach-peer", Layer::Network)));
    assert_eq!(stop(&[Layer::Admission, Layer::PodSecurity, Layer::Network]), None);
    // But only for whoever stays in the pod, and a privileged container need not.
    assert!(!network_is_round(&row, &BTreeSet::from([Layer::Admission])));
    assert!(network_is_round(&row, &BTreeSet::from([Layer::Admission, Layer::PodSecurity])));
    assert!(
        matches!(&row.step("break-out").expect("a step").own, Own::Open(what) if what.contains("privileged"))
    );
}

#[test]
fn the_network_is_read_from_the_model() {
    let snapshot = examples_with(SHOP, &[]);
    let network = NetworkView::of(&snapshot);
    let words = |name: &str, step: &str| {
        let row = row_of(&snapshot, Some(&network), name);
        row.step(step).and_then(|step| step.cell(Layer::Network)).map(Cell::words).expect("a cell")
    };
    assert_eq!(words("api", "exfiltrate"), "stops, if enforced");
    assert_eq!(words("api", "reach-peer"), "limits, if enforced");
    assert_eq!(words("redis", "reach-peer"), "stops, if enforced");
    let of = |name: &str| number_of(&snapshot, name);
    let reach = network.reach();
    assert_eq!(reach.peers.get(&of("api")), Some(&vec![of("redis")]));
    let radius = crate::posture::radius::radius(of("traefik"), &reach);
    let hops = radius.hops.expect("it is known");
    assert!(hops.first().is_some_and(|first| first.contains(&of("api"))), "{hops:?}");
    assert!(radius.start == of("traefik") && hops.iter().flatten().any(|number| *number == of("redis")));
    let other = "
apiVersion: projectcalico.org/v3
kind: NetworkPolicy
metadata: {name: a, namespace: shop}
spec: {}
";
    let unread = examples_with(SHOP, &[("calico.yaml", other)]);
    let network = NetworkView::of(&unread);
    let row = row_of(&unread, Some(&network), "api");
    assert_eq!(
        row.step("exfiltrate").and_then(|step| step.cell(Layer::Network)).map(|cell| cell.state),
        Some(State::Unknown)
    );
}

#[test]
fn policies_of_cilium_are_read() {
    let policy = "
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: open, namespace: shop}
spec:
  endpointSelector: {matchLabels: {app: api}}
  egress: [{toEntities: [world]}]
";
    let snapshot = examples_with(SHOP, &[("cilium.yaml", policy)]);
    let network = NetworkView::of(&snapshot);
    let egress = network.egress.get(&number_of(&snapshot, "api")).expect("it is looked at");
    assert_eq!(egress.internet, Access::Open);
    let redis = network.egress.get(&number_of(&snapshot, "redis")).expect("it is looked at");
    assert_eq!(redis.internet, Access::Closed);
}

const TWO: &str = "
apiVersion: v1
kind: Pod
metadata: {name: a, namespace: one}
spec: {containers: [{name: c, image: i}]}
---
apiVersion: v1
kind: Pod
metadata: {name: b, namespace: two}
spec: {containers: [{name: c, image: i}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: in, namespace: two}
spec:
  podSelector: {}
  ingress: [{from: [{namespaceSelector: {matchLabels: {team: web}}}]}]
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: out, namespace: one}
spec: {podSelector: {}, policyTypes: [Egress], egress: [{to: [{namespaceSelector: {}}]}]}
";

fn namespace(file: &str, labels: &str) -> (String, String) {
    let text = format!("apiVersion: v1\nkind: Namespace\nmetadata: {{name: one, labels: {labels}}}\n");
    (file.to_owned(), text)
}

fn two(namespaces: &[(String, String)]) -> Snapshot {
    let files = namespaces.iter().map(|(file, text)| (file.as_str(), text.as_str()));
    examples_with(&[], &files.chain([("two.yaml", TWO)]).collect::<Vec<_>>())
}

#[test]
fn what_watches_nodes_or_asks_for_signatures_and_is_not_read_makes_a_cell_unknown() {
    let more = "
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: falco, namespace: falco}
spec: {template: {spec: {containers: [{name: falco, image: 'registry.local/falcosecurity/falco:0.41'}]}}}
---
apiVersion: kyverno.io/v1
kind: ClusterPolicy
metadata: {name: signed}
spec: {rules: [{name: a, verifyImages: [{imageReferences: ['*']}]}]}
";
    let snapshot = examples_with(SHOP, &[("more.yaml", more)]);
    let row = row_of(&snapshot, None, "api");
    let cell = |step: &str, layer| row.step(step).and_then(|step| step.cell(layer)).expect("a cell");
    for (layer, what) in [(Layer::Runtime, "DaemonSet/falco"), (Layer::SupplyChain, "ClusterPolicy/signed")] {
        let cell = cell("run-own-image", layer);
        assert_eq!(
            (cell.state, cell.evidence.iter().map(|proof| &*proof.what).collect::<Vec<_>>()),
            (State::Unknown, vec![what])
        );
    }
    // What only detects leaves a step open all the same.
    let falco = more.split("---").next().unwrap_or_default();
    let row = row_of(&examples_with(SHOP, &[("more.yaml", falco)]), None, "api");
    let found = crate::posture::findings(std::slice::from_ref(&row), &[], &[]);
    let open = found.iter().find(|finding| finding.rule.to_string() == "posture/no-layer");
    assert!(open.is_some_and(|finding| finding.message.contains("`persist by writing to the file system`")));
}

#[test]
fn where_labels_disagree_the_weaker_defence_counts() {
    let peers = |namespaces: &[(String, String)]| {
        let snapshot = two(namespaces);
        let view = NetworkView::of(&snapshot);
        let egress = view.egress.get(&number_of(&snapshot, "a")).expect("it is looked at").clone();
        (egress.peers.len(), egress.peers_unknown, egress.rests_on.len())
    };
    assert_eq!(peers(&[namespace("n.yaml", "{team: db}")]).0, 0);
    let (count, unknown, rests_on) =
        peers(&[namespace("m.yaml", "{team: db}"), namespace("n.yaml", "{team: web}")]);
    assert_eq!((count, unknown), (1, None));
    assert!(rests_on > 0, "that labels disagree is told");
}

#[test]
fn a_policy_protects_what_is_reached_only_without_it() {
    use crate::posture::protection::{gains, protected};
    let snapshot = two(&[namespace("n.yaml", "{team: db}")]);
    let of = |name: &str| number_of(&snapshot, name);
    let view = NetworkView::of(&snapshot);
    let (without, policies) = NetworkView::without(&snapshot, "two/in").expect("it is there");
    assert_eq!(policies.len(), 1);
    let found = gains(&view, &without, None);
    assert!(found.is_certain);
    let found = found.each;
    assert_eq!(protected(&found), [of("b")]);
    assert_eq!(found.iter().map(|gain| gain.start).collect::<Vec<_>>(), [of("a")]);
    assert_eq!(found[0].direct, [of("b")]);
    assert_eq!(found[0].over_hops, Some(vec![of("b")]));
    assert_eq!(found[0].internet, None);
    let (without, _) = NetworkView::without(&snapshot, "one/NetworkPolicy/out").expect("it is there");
    let found = gains(&view, &without, Some(&[of("a")])).each;
    assert!(protected(&found).is_empty(), "the ingress of the other side still holds");
    let internet = found[0].internet.clone().expect("it differs");
    assert_eq!((internet.with, internet.without), (Access::Closed, Access::Open));
    assert!(NetworkView::without(&snapshot, "two/other").is_none());
}

#[test]
fn a_way_that_a_policy_overlooks_makes_it_a_limit() {
    let snapshot = examples_with(ATTACK, &[]);
    let row = row_of(&snapshot, None, "malicious-app");
    let cell = row.step("run-own-image").and_then(|step| step.cell(Layer::Admission)).expect("a cell");
    let ways: Vec<_> = cell.ways.iter().map(|way| (way.title, way.state)).collect();
    assert_eq!(
        ways,
        [
            ("a container with an image from elsewhere", State::Enforced),
            ("an init container with an image from elsewhere", State::NotCovered),
            ("an image from a host whose name starts like the trusted one", State::Enforced),
        ]
    );
    assert!(cell.why.ends_with("2 of 3 ways are refused"), "{}", cell.why);
    let proof = cell.evidence.first().expect("a proof");
    assert_eq!(proof.what, "K8sRequireInternalRegistry/require-internal-registry");
    assert!(proof.location.is_some());
    // The corrected templates of the shop look at every list of containers.
    let shop = examples_with(SHOP, &[]);
    let row = row_of(&shop, None, "api");
    assert!(row.refused.is_empty());
    let step = row.step("run-own-image").expect("a step");
    assert_eq!(step.cell(Layer::Admission).map(Cell::words).as_deref(), Some("stops, if enforced"));
}

#[test]
fn a_constraint_rests_on_its_webhook() {
    let words = |text: &str| {
        let shop = examples_with(SHOP, &[("webhook.yaml", text), DEPLOYERS]);
        let row = row_of(&shop, None, "api");
        row.step("run-own-image").and_then(|step| step.cell(Layer::Admission)).expect("a cell").clone()
    };
    assert_eq!(words(&webhook("Fail", "other")).words(), "stops");
    assert_eq!(words(&webhook("Ignore", "other")).words(), "stops, while it answers");
    let void = words(&webhook("Fail", "shop"));
    assert_eq!(void.words(), "not covered");
    assert_eq!(void.standing(), Standing::Broken);
    let no_pods = webhook("Fail", "x").replace("resources: ['*']", "resources: [services]");
    assert_eq!(words(&no_pods).words(), "not covered");
    let elsewhere = webhook("Fail", "x").replace("validation.gatekeeper.sh", "check.example.com");
    assert_eq!(words(&elsewhere).words(), "stops, if enforced");
    let conditional = webhook("Fail", "x")
        .replace("    rules:", "    matchConditions: [{name: a, expression: 'true'}]\n    rules:");
    assert_eq!(words(&conditional).words(), "stops, if enforced");
}

#[test]
fn what_is_not_known_is_not_covered() {
    let without_namespaces: Vec<&str> =
        SHOP.iter().copied().filter(|file| !file.ends_with("namespaces.yaml")).collect();
    let shop = examples_with(&without_namespaces, &[]);
    let row = row_of(&shop, None, "api");
    let cell = |row: &Row, step: &str, layer| {
        row.step(step).and_then(|step| step.cell(layer)).expect("a cell").clone()
    };
    let unlabelled = cell(&row, "become-root", Layer::PodSecurity);
    assert_eq!(unlabelled.state, State::Unknown);
    assert!(unlabelled.why.contains("shop is not among the inputs"), "{}", unlabelled.why);
    let other = "{apiVersion: v1, kind: Namespace, metadata: {name: shop}}";
    let shop = examples_with(SHOP, &[("overlay.yaml", other)]);
    let ambiguous = cell(&row_of(&shop, None, "api"), "become-root", Layer::PodSecurity);
    assert_eq!(ambiguous.state, State::Unknown, "{}", ambiguous.why);
    let policy = "
apiVersion: kyverno.io/v1
kind: ClusterPolicy
metadata: {name: read-only}
spec: {rules: []}
---
apiVersion: policy.sigstore.dev/v1beta1
kind: ClusterImagePolicy
metadata: {name: signed}
spec: {images: [{glob: '**'}]}
";
    let shop = examples_with(SHOP, &[("other.yaml", policy)]);
    let row = row_of(&shop, None, "api");
    assert_eq!(cell(&row, "persist", Layer::Admission).state, State::Unknown);
    assert_eq!(cell(&row, "run-own-image", Layer::Admission).state, State::Enforced);
    assert_eq!(cell(&row, "run-own-image", Layer::SupplyChain).state, State::Unknown);
    assert_eq!(cell(&row, "exfiltrate", Layer::Network).state, State::Unknown);
}

#[test]
fn a_warning_stops_nothing() {
    let text = "
apiVersion: v1
kind: Namespace
metadata: {name: soft, labels: {pod-security.kubernetes.io/warn: restricted}}
---
apiVersion: v1
kind: Pod
metadata: {name: p, namespace: soft}
spec: {containers: [{name: c, image: a}]}
";
    let snapshot = examples_with(&[], &[("a.yaml", text)]);
    let row = row_of(&snapshot, None, "p");
    let cell = row.step("become-root").and_then(|step| step.cell(Layer::PodSecurity)).expect("a cell");
    assert_eq!((cell.state, cell.words().as_str()), (State::Warned, "warns"));
    assert!(first_stop(&row, &BTreeSet::new()).is_none());
}

#[test]
fn a_rule_detects_the_technique_that_it_is_about() {
    let snapshot = examples_with(SHOP, &[]);
    let policies = policies(&snapshot);
    let rule =
        RuntimeRule { name: "Mount of the host".into(), techniques: vec!["T1611".into()], location: None };
    let runtime = [rule];
    let inputs = Inputs { snapshot: &snapshot, policies: &policies, network: None, runtime: &runtime };
    let row = Layers::of(&inputs, &Rbac::of(inputs.snapshot))
        .row(number_of(&snapshot, "redis"))
        .expect("a workload");
    let words = |step: &str| {
        row.step(step).and_then(|step| step.cell(Layer::Runtime)).map(Cell::words).expect("a cell")
    };
    assert_eq!(words("break-out"), "detects, if enforced");
    assert_eq!(words("mine"), "not covered");
}

#[test]
fn one_layer_alone_and_none_at_all_are_told() {
    let snapshot = examples_with(SHOP, &[]);
    let network = NetworkView::of(&snapshot);
    let row = row_of(&snapshot, Some(&network), "api");
    let single: Vec<_> = single_points(&row).iter().map(|(step, layer)| (step.name, *layer)).collect();
    assert!(single.contains(&("run-own-image", Layer::Admission)));
    assert!(single.contains(&("exfiltrate", Layer::Network)));
    assert!(!single.iter().any(|(step, _)| *step == "mine"), "two layers limit it");
    let open: Vec<_> = open_steps(&row).iter().map(|step| step.name).collect();
    assert_eq!(open, ["persist"]);
    let left = without(&row, &BTreeSet::from([Layer::Network]));
    let exfiltrate = left.iter().find(|left| left.step == "exfiltrate").expect("a step");
    assert_eq!((exfiltrate.stops.len(), exfiltrate.limits.len()), (0, 0));
    // The manifest itself keeps the root file system, which no layer asks for.
    assert!(matches!(row.step("persist").map(|step| &step.own), Some(Own::Closed(_))));
}

/// The cells of layer 3 of the pod `a`, whose egress a policy decides.
fn network_words(policy: &str, more: &str) -> [String; 3] {
    let pod = "{apiVersion: v1, kind: Pod, metadata: {name: NAME, namespace: one}, spec: {containers: [{name: c, image: i}]}}";
    let text = format!("{}\n---\n{}\n---\n{policy}", pod.replace("NAME", "a"), pod.replace("NAME", "b"));
    let mut files = vec![("a.yaml", text.as_str())];
    files.extend((!more.is_empty()).then_some(("more.yaml", more)));
    let snapshot = examples_with(&[], &files);
    let network = NetworkView::of(&snapshot);
    let row = row_of(&snapshot, Some(&network), "a");
    ["exfiltrate", "reach-api-server", "reach-peer"].map(|step| {
        row.step(step).and_then(|step| step.cell(Layer::Network)).map(Cell::words).expect("a cell")
    })
}

fn egress_policy(rule: &str) -> String {
    format!(
        "{{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {{name: p, namespace: one}}, spec: {{podSelector: {{}}, policyTypes: [Egress], egress: [{rule}]}}}}"
    )
}

#[test]
fn what_a_policy_leaves_open_is_not_closed() {
    let stops = "stops, if enforced";
    assert_eq!(network_words(&egress_policy(""), ""), [stops, stops, stops]);
    // A port by name has no number outside, unless somebody gives it one.
    let named = network_words(&egress_policy("{ports: [{port: web}]}"), "");
    assert_eq!(named[..2], ["unknown", "unknown"]);
    // The API server may listen anywhere.
    for rule in [
        "{to: [{ipBlock: {cidr: 10.9.0.0/16}}], ports: [{port: 8443}]}",
        "{to: [{ipBlock: {cidr: 'fd00::/8'}}]}",
    ] {
        assert_eq!(network_words(&egress_policy(rule), "")[1], "unknown", "{rule}");
    }
    // Names and nodes are no pods: Cilium knows those by their labels.
    for rule in ["toFQDNs: [{matchName: example.com}]", "toEntities: [host]", "toEntities: [kube-apiserver]"]
    {
        let policy = format!(
            "{{apiVersion: cilium.io/v2, kind: CiliumNetworkPolicy, metadata: {{name: p, namespace: one}}, spec: {{endpointSelector: {{}}, egress: [{{{rule}}}]}}}}"
        );
        assert_eq!(network_words(&policy, ""), ["unknown", "unknown", stops], "{rule}");
    }
    let policy = "{apiVersion: cilium.io/v2, kind: CiliumNetworkPolicy, metadata: {name: p, namespace: one}, spec: {endpointSelector: {}, egress: [{toEntities: [cluster]}]}}";
    assert_eq!(network_words(policy, "")[1], "unknown");
}

#[test]
fn a_block_may_hold_a_workload_whose_address_is_not_known() {
    let rule = "{to: [{ipBlock: {cidr: 10.9.0.0/16}}], ports: [{port: 8443}]}";
    assert_eq!(network_words(&egress_policy(rule), "")[2], "unknown");
}

#[test]
fn a_node_is_reached_whatever_policies_say() {
    let host = |status: &str| {
        format!(
            "{{apiVersion: v1, kind: Pod, metadata: {{name: h, namespace: two}}, spec: {{hostNetwork: true, containers: [{{name: c, image: i}}]}}{status}}}"
        )
    };
    let closed = egress_policy("");
    assert_eq!(network_words(&closed, &host(""))[2], "stops, if enforced");
    let snapshot = examples_with(&[], &[("h.yaml", &host("")), ("two.yaml", TWO)]);
    let view = NetworkView::of(&snapshot);
    let egress = view.egress.get(&number_of(&snapshot, "h")).expect("it is looked at");
    assert!(egress.peers_doubt.as_ref().is_some_and(|reason| reason.contains("host's network")));
    // Every address is known, but that of the node.
    let with_address = |name: &str, address: &str| {
        format!(
            "{{apiVersion: v1, kind: Pod, metadata: {{name: {name}, namespace: one}}, spec: {{containers: [{{name: c, image: i}}]}}, status: {{podIP: {address}}}}}"
        )
    };
    let block = egress_policy("{to: [{ipBlock: {cidr: 192.168.0.0/16}}]}");
    let text = [with_address("a", "10.0.0.1"), with_address("b", "10.0.0.2"), block].join("\n---\n");
    let peers_doubt = |files: &[(&str, &str)]| {
        let snapshot = examples_with(&[], files);
        let view = NetworkView::of(&snapshot);
        view.egress.get(&number_of(&snapshot, "a")).expect("it is looked at").peers_doubt.clone()
    };
    assert_eq!(peers_doubt(&[("a.yaml", &text)]), None);
    let host = host(", status: {podIP: 172.16.0.1}");
    assert!(peers_doubt(&[("a.yaml", &text), ("h.yaml", &host)]).is_some_and(|why| why.contains("nodes")));
}

#[test]
fn pod_security_says_nothing_of_pods_whose_maker_is_exempt() {
    let shop = examples_with(SHOP, &[]);
    let words = |user: &str, name: &str| {
        let mut policies = policies(&shop);
        policies.pod_security.exemptions.usernames.insert(user.to_owned());
        let inputs = Inputs { snapshot: &shop, policies: &policies, network: None, runtime: &[] };
        let row =
            Layers::of(&inputs, &Rbac::of(inputs.snapshot)).row(number_of(&shop, name)).expect("a workload");
        row.step("break-out").and_then(|step| step.cell(Layer::PodSecurity)).map(Cell::words).expect("a cell")
    };
    let account = |name: &str| format!("system:serviceaccount:kube-system:{name}");
    assert_eq!(words(&account("replicaset-controller"), "api"), "not covered");
    assert_eq!(words(&account("statefulset-controller"), "api"), "stops, if enforced");
}

#[test]
fn the_webhook_is_asked_about_what_is_refused() {
    let words = |from: &str, to: &str, constraint: &str| {
        let text = webhook("Fail", "x").replace(from, to);
        let policy = format!(
            "{{apiVersion: constraints.gatekeeper.sh/v1beta1, kind: K8sRequireInternalRegistry, metadata: {{name: require-internal-registry}}, spec: {{match: {{kinds: [{constraint}]}}}}}}"
        );
        let files: Vec<&str> =
            SHOP.iter().copied().filter(|file| !file.ends_with("constraints.yaml")).collect();
        let shop = examples_with(&files, &[("webhook.yaml", &text), ("only.yaml", &policy)]);
        let row = row_of(&shop, None, "api");
        let step = row.step("run-own-image").expect("a step");
        step.cell(Layer::Admission).map(Cell::words).expect("a cell")
    };
    let deployments = "{apiGroups: [apps], kinds: [Deployment]}";
    let pods = "{apiGroups: [''], kinds: [Pod]}";
    let only = |resource: &str| format!("resources: [{resource}]");
    let all = "resources: ['*']";
    // A bare Pod does what a Deployment may not.
    assert_eq!(words(all, all, deployments), "limits");
    assert_eq!(words(all, &only("pods"), deployments), "not covered");
    assert_eq!(words(all, &only("deployments"), deployments), "limits");
    assert_eq!(words(all, &only("deployments"), pods), "not covered");
    assert_eq!(words(all, &only("pods"), pods), "stops");
    assert_eq!(words(all, &only("'pods/*'"), pods), "stops");
    assert_eq!(words("apiVersions: ['*']", "apiVersions: [v2]", pods), "not covered");
}

#[test]
fn names_can_leave_through_the_dns_of_the_cluster() {
    let enforcer = "{apiVersion: apps/v1, kind: DaemonSet, metadata: {name: cilium, namespace: kube-system}, spec: {template: {spec: {containers: [{name: c, image: quay.io/cilium/cilium}]}}}}";
    let rests_on = |port: u16| {
        let rule = format!(
            "{{to: [{{namespaceSelector: {{matchLabels: {{kubernetes.io/metadata.name: kube-system}}}}}}], ports: [{{port: {port}, protocol: UDP}}]}}"
        );
        let pod = "{apiVersion: v1, kind: Pod, metadata: {name: a, namespace: one}, spec: {containers: [{name: c, image: i}]}}";
        let snapshot = examples_with(
            &[],
            &[("p.yaml", &egress_policy(&rule)), ("a.yaml", pod), ("cilium.yaml", enforcer)],
        );
        let network = NetworkView::of(&snapshot);
        let row = row_of(&snapshot, Some(&network), "a");
        let step = row.step("exfiltrate").expect("a step");
        let cell = step.cell(Layer::Network).expect("a cell");
        cell.rests_on.iter().any(|assumption| assumption.text.contains("does not forward"))
    };
    assert!(rests_on(53));
    assert!(!rests_on(54));
}

mod avoid;
mod round;
