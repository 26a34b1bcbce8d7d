use std::fmt::Write as _;

use super::why::{Field, Reason};
use super::*;
use crate::finding::{Action, Outcome};
use crate::snapshot::{Options as SnapshotOptions, SourceDocument};
use lumen_value::read::{Limits, read};

fn build_with(text: &str, options: &Options) -> (Model, Vec<Finding>) {
    let reading = read(text.as_bytes(), &Limits::default());
    assert!(reading.errors.is_empty(), "{:?}", reading.errors);
    let documents = reading.documents.into_iter().map(|document| SourceDocument {
        source: "test.yaml".into(),
        index: document.index,
        value: document.value,
    });
    let (snapshot, _) = Snapshot::build(documents, &SnapshotOptions::default());
    Model::build(&snapshot, options)
}

fn build(text: &str) -> Model {
    let (model, findings) = build_with(text, &Options::default());
    assert!(findings.is_empty(), "{findings:?}");
    model
}

fn id(model: &Model, name: &str) -> WorkloadId {
    let (namespace, name) = name.split_once('/').expect("namespace/name");
    model.named(namespace, name).next().expect("a workload").0
}

fn pod(name: &str, more: &str) -> String {
    let (namespace, name) = name.split_once('/').expect("namespace/name");
    format!(
        "---\napiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, namespace: {namespace}, labels: {{app: {name}}}}}\n\
         spec: {{containers: [{{name: c, ports: [{{name: http, containerPort: 8080}}]}}]{more}}}\n"
    )
}

fn shop() -> String {
    let policy = "---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: db, namespace: shop}
spec:
  podSelector: {matchLabels: {app: db}}
  ingress:
  - from: [{podSelector: {matchLabels: {app: api}}}]
    ports: [{port: 5432}]
  - from: [{ipBlock: {cidr: 10.0.0.0/8, except: [10.1.0.0/16]}}]
";
    ["shop/db", "shop/api", "shop/web", "other/api"].map(|name| pod(name, "")).concat() + policy
}

fn misses(side: &Side) -> Vec<Field> {
    side.near_misses
        .first()
        .map(|miss| miss.failed.iter().map(|each| each.field).collect())
        .unwrap_or_default()
}

#[test]
fn the_deciding_rule_is_named_and_where_none_fits_the_nearest() {
    let model = build(&shop());
    let [db, api, web, other] = ["shop/db", "shop/api", "shop/web", "other/api"].map(|name| id(&model, name));
    let why = model.why(api, db, Protocol::Tcp, 5432);
    assert!(why.allowed);
    assert_eq!(why.ingress.reason, Reason::Rule(Tier::Namespace, RuleAction::Allow));
    assert_eq!(model.rule_id(&why.ingress.decided_by[0]), "shop/db#ingress[0].from[0]");
    assert_eq!(why.egress.reason, Reason::NotSelected);
    for (source, port, protocol, failed) in [
        (api, 80, Protocol::Tcp, vec![Field::Port]),
        (api, 5432, Protocol::Udp, vec![Field::Protocol]),
        (web, 5432, Protocol::Tcp, vec![Field::PodLabel]),
        (other, 5432, Protocol::Tcp, vec![Field::Namespace]),
    ] {
        let why = model.why(source, db, protocol, port);
        assert!(!why.allowed);
        assert_eq!(why.ingress.reason, Reason::Isolated);
        assert_eq!(misses(&why.ingress), failed);
        assert_eq!(model.rule_id(&why.ingress.near_misses[0].rule), "shop/db#ingress[0].from[0]");
    }
    let outside: IpAddr = "10.1.2.3".parse().expect("an address");
    assert_eq!(misses(&model.why(outside, db, Protocol::Tcp, 1).ingress), [Field::Except]);
    let ranges = model.external(db, Direction::Ingress).expect("within bounds");
    let open: Vec<_> =
        ranges.iter().filter(|(_, ports)| !ports.is_empty()).map(|(range, _)| range.to_string()).collect();
    assert_eq!(open, ["10.0.0.0-10.0.255.255", "10.2.0.0-10.255.255.255"]);
    assert_eq!(model.why(api, outside, Protocol::Tcp, 1).ingress.reason, Reason::Outside);
}

#[test]
fn a_broken_policy_is_shown_at_its_place_and_the_rest_goes_on() {
    for (spec, at) in [
        ("{podSelector: {}, ingress: [{from: [{}]}]}", "/spec/ingress/0/from/0"),
        ("{podSelector: {}, ingress: [{ports: [{endPort: 9}]}]}", "/spec/ingress/0/ports/0/endPort"),
        ("{podSelector: {}, ingress: [{ports: [{port: 9, endPort: 8}]}]}", "/spec/ingress/0/ports/0/endPort"),
        ("{podSelector: {}, ingress: [{ports: [{port: 0}]}]}", "/spec/ingress/0/ports/0/port"),
        ("{podSelector: {}, ingress: [{ports: [{protocol: ICMP}]}]}", "/spec/ingress/0/ports/0/protocol"),
        (
            "{podSelector: {}, egress: [{to: [{ipBlock: {cidr: 10.0.0.1}}]}]}",
            "/spec/egress/0/to/0/ipBlock/cidr",
        ),
        (
            "{podSelector: {}, egress: [{to: [{ipBlock: {cidr: 10.0.0.0/8, except: [11.0.0.0/9]}}]}]}",
            "/spec/egress/0/to/0/ipBlock/except/0",
        ),
        ("{podSelector: {}, policyTypes: [Both]}", "/spec/policyTypes/0"),
        ("{podSelector: {matchExpressions: [{key: a, operator: In}]}}", "/spec/podSelector"),
        ("7", "/spec"),
    ] {
        let text = format!(
            "{}---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: bad, namespace: shop}}\nspec: {spec}\n",
            shop()
        );
        let (model, findings) = build_with(&text, &Options::default());
        assert_eq!(model.policies().len(), 1, "{spec}");
        let [finding] = findings.as_slice() else { panic!("{spec}: {findings:?}") };
        assert_eq!((finding.outcome, finding.action), (Outcome::Error, Action::Deny));
        let location = finding.location.as_ref().expect("a place");
        assert!(format!("{:?}", location.place).contains("Field"), "{location:?}");
        let crate::finding::Place::Field { pointer, .. } = &location.place else { panic!("a field") };
        assert_eq!(pointer.to_string(), at, "{spec}");
    }
}

#[test]
fn finished_pods_drop_out_and_pods_of_one_owner_are_told_apart_by_their_labels() {
    let owned = |name: &str, label: &str| {
        format!(
            "---\napiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, namespace: a, labels: {{x: {label}, pod-template-hash: {name}}}, \
             ownerReferences: [{{kind: ReplicaSet, name: rs, controller: true}}]}}\nspec: {{}}\n"
        )
    };
    let finished = pod("a/done", "") + "status: {phase: Succeeded}\n";
    let controllers = "---\napiVersion: apps/v1\nkind: ReplicaSet\nmetadata: {name: rs, namespace: a, \
        ownerReferences: [{kind: Deployment, name: web}]}\nspec: {template: {spec: {containers: []}}}\n\
        ---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: a}\n\
        spec: {template: {spec: {containers: []}}}\n";
    let model = build(
        &[owned("p1", "1"), owned("p2", "1"), owned("p3", "2"), finished, controllers.to_owned()].concat(),
    );
    let names: Vec<_> = model.workloads().iter().map(ToString::to_string).collect();
    assert_eq!(names, ["a/web[Deployment]", "a/web[Deployment]"]);
}

#[test]
fn pods_on_the_hosts_network_are_neither_selected_nor_meant() {
    let deny = "---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: p, namespace: a}\n\
        spec: {podSelector: {}, ingress: [{from: [{namespaceSelector: {}}]}]}\n";
    let model = build(&(pod("a/host", ", hostNetwork: true") + &pod("a/x", "") + deny));
    let (host, x) = (id(&model, "a/host"), id(&model, "a/x"));
    assert!(model.allowed(host, x).is_empty() && model.allowed(x, host).is_all());
    assert_eq!(model.why(x, host, Protocol::Tcp, 1).ingress.reason, Reason::HostNetwork);
    assert_eq!(misses(&model.why(host, x, Protocol::Tcp, 1).ingress), [Field::Kind]);
}

#[test]
fn namespaces_without_manifests_and_with_several_are_said() {
    let several = "---\napiVersion: v1\nkind: Namespace\nmetadata: {name: b, labels: {team: one}}\n\
        ---\napiVersion: v1\nkind: Namespace\nmetadata: {name: b, labels: {team: two}}\n\
        ---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: p, namespace: a}\n\
        spec: {podSelector: {}, ingress: [{from: [{namespaceSelector: {matchLabels: {team: two}}}]}]}\n";
    let text = pod("a/x", "") + &pod("b/z", "") + several;
    let open = |namespace_variant| {
        let (model, _) = build_with(&text, &Options { namespace_variant, ..Options::default() });
        assert_eq!(model.variants(), 2);
        assert_eq!(
            model.assumptions(),
            [Assumption::NamespaceUnknown("a".into()), Assumption::NamespaceAmbiguous("b".into())]
        );
        !model.allowed(id(&model, "b/z"), id(&model, "a/x")).is_empty()
    };
    assert_eq!([open(0), open(1), open(9)], [false, true, true]);
}

#[test]
fn ciliums_rules_are_read_as_what_they_allow() {
    let policy = "---
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: db, namespace: shop}
spec:
  endpointSelector: {matchLabels: {k8s:app: db}}
  ingress:
  - fromEndpoints: [{matchLabels: {app: api}}]
    toPorts: [{ports: [{port: '5432', protocol: TCP}], rules: {http: [{method: GET}]}}]
  - fromEndpoints: [{matchLabels: {k8s:io.kubernetes.pod.namespace: other}}]
  ingressDeny:
  - fromEndpoints: [{matchLabels: {k8s:io.kubernetes.pod.namespace: other}}]
    toPorts: [{ports: [{port: '22'}]}]
  egress:
  - toEntities: [world]
  - toFQDNs: [{matchName: example.com}]
";
    let pods = ["shop/db", "shop/api", "shop/web", "other/api"].map(|name| pod(name, "")).concat();
    let (model, findings) = build_with(&(pods + policy), &Options::default());
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert_eq!((&*findings[0].rule.name, findings[0].outcome), ("undecided-peer", Outcome::Skip));
    let [db, api, web, other] = ["shop/db", "shop/api", "shop/web", "other/api"].map(|name| id(&model, name));
    assert_eq!(model.allowed(api, db).to_string(), "TCP 5432");
    assert!(model.allowed(web, db).is_empty() && model.allowed(db, web).is_empty());
    assert!(
        model.allowed(other, db)
            == Ports::all().difference(&Ports::union_of(&Protocol::ALL.map(|each| Ports::one(each, 22))))
    );
    let outside: IpAddr = "192.0.2.1".parse().expect("an address");
    assert!(model.allowed(db, outside).is_all() && model.allowed(outside, db).is_empty());
    let why = model.why(other, db, Protocol::Tcp, 22);
    assert_eq!(model.rule_id(&why.ingress.decided_by[0]), "shop/db#ingressDeny[0].fromEndpoints[0]");
    assert_eq!(why.ingress.reason, Reason::Rule(Tier::Namespace, RuleAction::Deny));
}

#[test]
fn routes_lead_through_services_to_the_ports_of_pods() {
    let service = "---\napiVersion: v1\nkind: Service\nmetadata: {name: web, namespace: shop}\n\
        spec: {selector: {app: web}, ports: [{name: main, port: 80, targetPort: http}, {port: 9000}]}\n\
        ---\napiVersion: v1\nkind: Service\nmetadata: {name: far, namespace: shop}\n\
        spec: {type: ExternalName, externalName: example.com}\n";
    let routes = "---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: i, namespace: shop}
spec:
  defaultBackend: {service: {name: far, port: {number: 1}}}
  rules: [{host: shop.example, http: {paths: [{backend: {service: {name: web, port: {number: 80}}}}]}}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: h, namespace: other}
spec: {hostnames: [g.example], rules: [{backendRefs: [{name: web, namespace: shop, port: 9000}]}]}
---
apiVersion: traefik.io/v1alpha1
kind: IngressRoute
metadata: {name: t, namespace: shop}
spec: {routes: [{match: Host(`t`), services: [{name: web, port: main}]}]}
---
apiVersion: route.openshift.io/v1
kind: Route
metadata: {name: o, namespace: shop}
spec: {host: o.example, to: {kind: Service, name: web}, port: {targetPort: http}}
";
    let grant = "---
apiVersion: gateway.networking.k8s.io/v1beta1
kind: ReferenceGrant
metadata: {name: g, namespace: shop}
spec: {from: [{group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: other}], to: [{group: '', kind: Service}]}
";
    let without = build(&(shop() + service + routes)).ingress_paths(None).expect("few paths");
    assert!(without.iter().all(|path| path.route != 2), "nobody in `shop` grants what `other` takes");
    let model = build(&(shop() + service + routes + grant));
    let hosts: Vec<_> = model.routes().iter().map(|route| &*route.host).collect();
    assert_eq!(hosts, ["", "shop.example", "g.example", "Host(`t`)", "o.example"]);
    let web = id(&model, "shop/web");
    let paths: Vec<_> = model
        .ingress_paths(None)
        .expect("few paths")
        .into_iter()
        .map(|path| (path.route, path.workload, path.allowed.to_string()))
        .collect();
    let to = |route, ports: &str| (route, web, ports.to_owned());
    assert_eq!(paths, [to(1, "TCP 8080"), to(2, "TCP 9000"), to(3, "TCP 8080"), to(4, "TCP 8080")]);
    let far = model.service("shop", "far").expect("a Service");
    assert_eq!(far.backing, route::Backing::ExternalName("example.com".into()));
}

#[test]
fn more_paths_of_routes_than_are_listed_are_said() {
    let mut text = String::from(
        "---\napiVersion: v1\nkind: Service\nmetadata: {name: web, namespace: shop}\n\
         spec: {selector: {app: web}, ports: [{port: 80}]}\n",
    );
    for index in 0..1_001 {
        _ = write!(
            text,
            "---\napiVersion: v1\nkind: Pod\nmetadata: {{name: p{index}, namespace: shop, labels: {{app: web}}}}\n\
             spec: {{containers: [{{name: c, image: i}}]}}\n"
        );
    }
    let paths: Vec<_> = (0..1_000)
        .map(|_| "{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}")
        .collect();
    let route = |paths: &[&str]| {
        format!(
            "---\napiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {{name: g, namespace: shop}}\n\
             spec: {{rules: [{{http: {{paths: [{}]}}}}]}}\n",
            paths.join(", ")
        )
    };
    assert_eq!(build(&(text.clone() + &route(&paths))).ingress_paths(None), Err(Beyond));
    assert_eq!(build(&(text + &route(&paths[..5]))).ingress_paths(None).map(|paths| paths.len()), Ok(5_005));
}

#[test]
fn many_overlapping_blocks_and_long_selectors_end() {
    let mut blocks = String::new();
    for index in 0..20_000 {
        let network = format!("10.{}.{}", index / 256, index % 256);
        let block = format!("      - ipBlock: {{cidr: {network}.0/24, except: [{network}.128/25]}}\n");
        blocks.push_str(&block);
    }
    let values: Vec<_> = (0..10_000).map(|index| format!("v{index}")).collect();
    let text = format!(
        "{}---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: p, namespace: a}}\nspec:\n  \
         podSelector: {{matchExpressions: [{{key: app, operator: NotIn, values: [{}]}}]}}\n  ingress:\n    - from:\n{blocks}",
        pod("a/x", ""),
        values.join(",")
    );
    let model = build(&text);
    let ranges = model.external(id(&model, "a/x"), Direction::Ingress).expect("within bounds");
    assert_eq!(ranges.iter().filter(|(_, ports)| ports.is_all()).count(), 20_000);
}

#[test]
fn pods_that_nobody_describes_are_exposed_by_what_their_labels_imply() {
    let policy = "---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: p, namespace: a}
spec:
  podSelector: {}
  ingress:
  - from: [{podSelector: {matchExpressions: [{key: role, operator: Exists}]}}]
    ports: [{port: 1}]
  - from: [{podSelector: {matchLabels: {role: x}}}]
    ports: [{port: 2}]
  - ports: [{port: 3}]
";
    let model = build(&(pod("a/x", "") + policy));
    let found = model.exposure(id(&model, "a/x"), Direction::Ingress).expect("within bounds");
    let found: Vec<_> = found.iter().map(|each| format!("{}: {}", each.pods, each.ports)).collect();
    assert_eq!(
        found,
        [
            "all pods in all namespaces: TCP 3",
            "pods role in namespace a: TCP 1,3",
            "pods role=x in namespace a: TCP 1-3",
        ]
    );
}
