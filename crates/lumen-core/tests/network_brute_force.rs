//! The model against a second reading of the documentation: packet by packet, one policy and one rule after another,
//! over the manifests themselves. Nothing of the model is used to say what is expected.
#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "test code")]

#[path = "network/support.rs"]
mod support;

use std::net::IpAddr;

use lumen_core::network::{AddressRange, Direction, Endpoint, Model, Options, Protocol};
use proptest::prelude::*;
use serde_json::{Value as Json, json};

/// A source of choices that a seed decides.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 16).expect("48 bits") % limit
    }

    fn of<T: Clone>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())].clone()
    }

    fn once_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }

    fn list(&mut self, most: usize, each: impl Fn(&mut Self) -> Json) -> Json {
        let count = self.below(most + 1);
        Json::Array((0..count).map(|_| each(self)).collect())
    }

    fn some(&mut self, most: usize, each: impl Fn(&mut Self) -> Json) -> Json {
        let count = 1 + self.below(most);
        Json::Array((0..count).map(|_| each(self)).collect())
    }
}

const NAMESPACES: [&str; 3] = ["red", "green", "blue"];
const OUTSIDE: [&str; 4] = ["10.0.0.5", "10.1.0.5", "192.0.2.1", "2001:db8::1"];
const PORTS: [u16; 4] = [53, 80, 81, 8080];
const NAMES: [&str; 3] = ["http", "dns", "metrics"];

fn labels(chance: &mut Chance) -> Json {
    let mut labels = json!({});
    for (key, values) in [("app", ["web", "db", "api"]), ("tier", ["front", "back", ""])] {
        if !chance.once_in(3) {
            labels[key] = chance.of(&values).into();
        }
    }
    labels
}

fn selector(chance: &mut Chance) -> Json {
    let key = chance.of(&["app", "tier", "team"]);
    let values = json!([chance.of(&["web", "db", "one"]), chance.of(&["front", "api", "two"])]);
    match chance.below(6) {
        0 => json!({}),
        1 => json!({"matchLabels": {key: chance.of(&["web", "db", "front", "one"])}}),
        2 => json!({"matchExpressions": [{"key": key, "operator": "In", "values": values}]}),
        3 => json!({"matchExpressions": [{"key": key, "operator": "NotIn", "values": values}]}),
        4 => json!({"matchExpressions": [{"key": key, "operator": "Exists"}]}),
        _ => json!({"matchExpressions": [{"key": key, "operator": "DoesNotExist"}]}),
    }
}

fn protocol(chance: &mut Chance) -> &'static str {
    chance.of(&["TCP", "UDP", "SCTP"])
}

fn np_port(chance: &mut Chance) -> Json {
    let port = chance.of(&PORTS);
    match chance.below(5) {
        0 => json!({"protocol": protocol(chance)}),
        1 => json!({"port": chance.of(&NAMES), "protocol": protocol(chance)}),
        2 => json!({"port": port, "endPort": port + 20, "protocol": protocol(chance)}),
        3 => json!({"port": port}),
        _ => json!({"port": port, "protocol": protocol(chance)}),
    }
}

fn np_peer(chance: &mut Chance) -> Json {
    match chance.below(4) {
        0 => json!({"podSelector": selector(chance)}),
        1 => json!({"namespaceSelector": selector(chance)}),
        2 => json!({"podSelector": selector(chance), "namespaceSelector": selector(chance)}),
        _ => chance.of(&[
            json!({"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}}),
            json!({"ipBlock": {"cidr": "0.0.0.0/0"}}),
            json!({"ipBlock": {"cidr": "::/0"}}),
            json!({"ipBlock": {"cidr": "192.0.2.1/32"}}),
        ]),
    }
}

fn network_policy(chance: &mut Chance, index: usize) -> Json {
    let mut spec = json!({"podSelector": selector(chance)});
    for (section, peers) in [("ingress", "from"), ("egress", "to")] {
        if !chance.once_in(3) {
            spec[section] = chance.list(2, |chance| {
                let mut rule = json!({});
                if !chance.once_in(3) {
                    rule[peers] = chance.list(2, np_peer);
                }
                if !chance.once_in(2) {
                    rule["ports"] = chance.list(2, np_port);
                }
                rule
            });
        }
    }
    if !chance.once_in(3) {
        spec["policyTypes"] =
            chance.of(&[json!(["Ingress"]), json!(["Egress"]), json!(["Ingress", "Egress"])]);
    }
    json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
        "metadata": {"name": format!("np{index}"), "namespace": chance.of(&NAMESPACES)}, "spec": spec,
    })
}

fn pods_or_namespaces(chance: &mut Chance) -> Json {
    if chance.once_in(2) {
        json!({"namespaces": selector(chance)})
    } else {
        json!({"pods": {"namespaceSelector": selector(chance), "podSelector": selector(chance)}})
    }
}

/// A policy of the administrator's: of the older API, or of the newer.
fn admin_policy(chance: &mut Chance, index: usize, tier: &str, newer: bool) -> Json {
    let mut spec = json!({"subject": pods_or_namespaces(chance)});
    let is_admin = tier == "Admin";
    if newer {
        spec["tier"] = tier.into();
    }
    if newer || is_admin {
        spec["priority"] = (index * 3 + chance.below(3)).into();
    }
    let allow = if newer { "Accept" } else { "Allow" };
    let actions: &[&str] = if newer || is_admin { &[allow, "Deny", "Pass"] } else { &[allow, "Deny"] };
    for (section, peers) in [("ingress", "from"), ("egress", "to")] {
        spec[section] = chance.list(3, |chance| {
            let peer = |chance: &mut Chance| match (section, chance.below(5)) {
                ("egress", 0) => json!({"networks": ["10.0.0.0/8", "2001:db8::/32"]}),
                (_, 1) if newer && chance.once_in(4) => json!({"future": {}}),
                _ => pods_or_namespaces(chance),
            };
            let mut rule = json!({"action": chance.of(actions), peers: chance.some(2, peer)});
            if chance.once_in(2) {
                let port = |chance: &mut Chance| admin_port(chance, newer);
                rule[if newer { "protocols" } else { "ports" }] = chance.list(2, port);
            }
            rule
        });
    }
    let (version, kind) = match (newer, is_admin) {
        (true, _) => ("policy.networking.k8s.io/v1alpha2", "ClusterNetworkPolicy"),
        (false, true) => ("policy.networking.k8s.io/v1alpha1", "AdminNetworkPolicy"),
        (false, false) => ("policy.networking.k8s.io/v1alpha1", "BaselineAdminNetworkPolicy"),
    };
    let name =
        if newer || is_admin { format!("{}-{index}", tier.to_lowercase()) } else { "default".to_owned() };
    json!({"apiVersion": version, "kind": kind, "metadata": {"name": name}, "spec": spec})
}

fn admin_port(chance: &mut Chance, newer: bool) -> Json {
    let (port, protocol, name) = (chance.of(&PORTS), protocol(chance), chance.of(&NAMES));
    let range = json!({"start": port, "end": port + 20});
    match (chance.below(4), newer) {
        (0, false) => json!({"namedPort": name}),
        (0, true) => json!({"destinationNamedPort": name}),
        (1, false) => json!({"portRange": {"protocol": protocol, "start": port, "end": port + 20}}),
        (1, true) => json!({protocol.to_lowercase(): {"destinationPort": {"range": range}}}),
        (2, true) => json!({protocol.to_lowercase(): {}}),
        (_, false) => json!({"portNumber": {"protocol": protocol, "port": port}}),
        (_, true) => json!({protocol.to_lowercase(): {"destinationPort": {"number": port}}}),
    }
}

/// A cluster: its pods, its namespaces' labels, its policies.
struct Cluster {
    namespaces: Json,
    pods: Vec<Json>,
    policies: Vec<Json>,
}

fn cluster(seed: u64) -> Cluster {
    let mut chance = Chance(seed | 1);
    chance.below(2);
    let mut namespaces = json!({});
    for name in NAMESPACES {
        namespaces[name] =
            json!({"kubernetes.io/metadata.name": name, "team": chance.of(&["one", "two", "web"])});
    }
    let mut pods = Vec::new();
    for namespace in NAMESPACES {
        for index in 0..3 {
            let ports = chance.list(2, |chance| {
                json!({"name": chance.of(&NAMES), "containerPort": chance.of(&PORTS), "protocol": protocol(chance)})
            });
            pods.push(json!({
                "apiVersion": "v1", "kind": "Pod",
                "metadata": {"name": format!("p{index}"), "namespace": namespace, "labels": labels(&mut chance)},
                "spec": {"hostNetwork": chance.once_in(9), "containers": [{"name": "c", "ports": ports}]},
            }));
        }
    }
    let count = chance.below(5);
    let mut policies: Vec<_> = (0..count).map(|index| network_policy(&mut chance, index)).collect();
    let newer = chance.once_in(2);
    for (tier, most) in [("Admin", 4), ("Baseline", if newer { 3 } else { 2 })] {
        let count = chance.below(most);
        policies.extend((0..count).map(|index| admin_policy(&mut chance, index, tier, newer)));
    }
    Cluster { namespaces, pods, policies }
}

/// One end of a packet.
#[derive(Clone, Copy)]
enum End<'a> {
    Pod(&'a Json),
    Outside(IpAddr),
}

/// A packet, as one end's policies look at it.
struct Packet<'a> {
    cluster: &'a Cluster,
    subject: &'a Json,
    peer: End<'a>,
    destination: End<'a>,
    is_ingress: bool,
    protocol: &'a str,
    port: u16,
}

fn selects(selector: &Json, labels: &Json) -> bool {
    let has = |key: &str, values: &Json| {
        labels[key].as_str().is_some_and(|label| {
            values.as_array().is_some_and(|values| values.iter().any(|value| value == label))
        })
    };
    let equal = selector["matchLabels"].as_object().into_iter().flatten();
    let expressions = selector["matchExpressions"].as_array().into_iter().flatten();
    equal.into_iter().all(|(key, value)| labels[key.as_str()] == *value)
        && expressions.into_iter().all(|each| {
            let key = each["key"].as_str().expect("a key");
            match each["operator"].as_str().expect("an operator") {
                "In" => has(key, &each["values"]),
                "NotIn" => !has(key, &each["values"]),
                "Exists" => labels[key].is_string(),
                _ => !labels[key].is_string(),
            }
        })
}

fn namespace_of(pod: &Json) -> &str {
    pod["metadata"]["namespace"].as_str().expect("a namespace")
}

fn is_on_host(pod: &Json) -> bool {
    pod["spec"]["hostNetwork"] == true
}

fn is_in(cidr: &Json, address: IpAddr) -> bool {
    AddressRange::of_cidr(cidr.as_str().expect("a network")).expect("a network").contains(address)
}

impl Packet<'_> {
    fn names_port(&self, name: &str, protocol: Option<&str>) -> bool {
        let End::Pod(pod) = self.destination else {
            return false;
        };
        pod["spec"]["containers"][0]["ports"].as_array().into_iter().flatten().any(|port| {
            port["name"] == name
                && port["containerPort"] == self.port
                && port["protocol"] == self.protocol
                && protocol.is_none_or(|protocol| protocol == self.protocol)
        })
    }

    fn is_between(&self, first: &Json, last: &Json) -> bool {
        let number = |value: &Json| value.as_u64().expect("a port");
        (number(first)..=number(last)).contains(&u64::from(self.port))
    }

    fn meets_np_port(&self, port: &Json) -> bool {
        let protocol = port["protocol"].as_str().unwrap_or("TCP");
        match &port["port"] {
            Json::Null => protocol == self.protocol,
            Json::String(name) => self.names_port(name, Some(protocol)),
            number => {
                let last = if port["endPort"].is_null() { number } else { &port["endPort"] };
                protocol == self.protocol && self.is_between(number, last)
            }
        }
    }

    fn meets_np_peer(&self, policy: &Json, peer: &Json) -> bool {
        match self.peer {
            End::Outside(address) => {
                let block = &peer["ipBlock"];
                block.is_object()
                    && is_in(&block["cidr"], address)
                    && !block["except"].as_array().into_iter().flatten().any(|cidr| is_in(cidr, address))
            }
            // No pod has an address here: each has one of IPv4, whichever that is.
            End::Pod(_) if peer["ipBlock"].is_object() => peer["ipBlock"]["cidr"] == "0.0.0.0/0",
            End::Pod(pod) if is_on_host(pod) => false,
            End::Pod(pod) => {
                let in_namespace = match &peer["namespaceSelector"] {
                    Json::Null => policy["metadata"]["namespace"] == pod["metadata"]["namespace"],
                    selector => selects(selector, &self.cluster.namespaces[namespace_of(pod)]),
                };
                in_namespace
                    && (peer["podSelector"].is_null()
                        || selects(&peer["podSelector"], &pod["metadata"]["labels"]))
            }
        }
    }

    /// What the namespace's policies say; `None` where none selects the pod for this direction.
    fn network_policies(&self) -> Option<bool> {
        let (section, peers, kind) =
            if self.is_ingress { ("ingress", "from", "Ingress") } else { ("egress", "to", "Egress") };
        let mut verdict = None;
        for policy in self.cluster.policies.iter().filter(|policy| policy["kind"] == "NetworkPolicy") {
            let spec = &policy["spec"];
            let rules: Vec<_> = spec[section].as_array().into_iter().flatten().collect();
            let is_about = match spec["policyTypes"].as_array() {
                Some(types) => types.iter().any(|each| each == kind),
                None => self.is_ingress || !rules.is_empty(),
            };
            if !is_about
                || policy["metadata"]["namespace"] != self.subject["metadata"]["namespace"]
                || !selects(&spec["podSelector"], &self.subject["metadata"]["labels"])
            {
                continue;
            }
            let allows = rules.iter().any(|rule| {
                let any_of = |key: &str, meets: &dyn Fn(&Json) -> bool| {
                    rule[key].as_array().is_none_or(|list| list.is_empty() || list.iter().any(meets))
                };
                any_of(peers, &|peer| self.meets_np_peer(policy, peer))
                    && any_of("ports", &|port| self.meets_np_port(port))
            });
            verdict = Some(verdict.unwrap_or(false) || allows);
        }
        verdict
    }

    fn is_meant(&self, who: &Json, pod: &Json) -> bool {
        let namespace = &self.cluster.namespaces[namespace_of(pod)];
        if is_on_host(pod) {
            return false;
        }
        if who["namespaces"].is_object() {
            return selects(&who["namespaces"], namespace);
        }
        who["pods"].is_object()
            && selects(&who["pods"]["namespaceSelector"], namespace)
            && selects(&who["pods"]["podSelector"], &pod["metadata"]["labels"])
    }

    fn meets_admin_port(&self, port: &Json) -> bool {
        for key in ["namedPort", "destinationNamedPort"] {
            if let Some(name) = port[key].as_str() {
                return self.names_port(name, None);
            }
        }
        if port["portNumber"].is_object() {
            return port["portNumber"]["protocol"] == self.protocol
                && port["portNumber"]["port"] == self.port;
        }
        if port["portRange"].is_object() {
            let range = &port["portRange"];
            return range["protocol"] == self.protocol && self.is_between(&range["start"], &range["end"]);
        }
        let Some(of_protocol) = port.get(self.protocol.to_lowercase()) else {
            return false;
        };
        match of_protocol.get("destinationPort") {
            None => true,
            Some(port) if port["number"].is_number() => port["number"] == self.port,
            Some(port) => self.is_between(&port["range"]["start"], &port["range"]["end"]),
        }
    }

    /// The first rule of a tier that fits; `None` where there is none.
    fn tier(&self, tier: &str) -> Option<&'static str> {
        let is_of_tier = |policy: &&Json| match policy["kind"].as_str().expect("a kind") {
            "AdminNetworkPolicy" => tier == "Admin",
            "BaselineAdminNetworkPolicy" => tier == "Baseline",
            "ClusterNetworkPolicy" => policy["spec"]["tier"] == tier,
            _ => false,
        };
        let mut policies: Vec<_> = self.cluster.policies.iter().filter(is_of_tier).collect();
        policies.sort_by_key(|policy| policy["spec"]["priority"].as_u64());
        let (section, peers) = if self.is_ingress { ("ingress", "from") } else { ("egress", "to") };
        for policy in policies {
            if !self.is_meant(&policy["spec"]["subject"], self.subject) {
                continue;
            }
            for rule in policy["spec"][section].as_array().into_iter().flatten() {
                let list = rule[peers].as_array().expect("peers");
                // "If an implementation does not understand a peer, it must fail closed": such an Accept allows no one by
                // it, any other action denies everyone.
                let is_unknown = list.iter().any(|peer| peer["future"].is_object());
                let fits = |peer: &Json| match self.peer {
                    End::Pod(pod) => self.is_meant(peer, pod),
                    End::Outside(address) => {
                        peer["networks"].as_array().into_iter().flatten().any(|cidr| is_in(cidr, address))
                    }
                };
                let ports = rule["ports"].as_array().or(rule["protocols"].as_array());
                let meets_ports = ports.is_none_or(|ports| {
                    ports.is_empty() || ports.iter().any(|port| self.meets_admin_port(port))
                });
                let action = match rule["action"].as_str() {
                    Some("Allow" | "Accept") => "allow",
                    _ if is_unknown => "deny",
                    Some("Deny") => "deny",
                    _ => "pass",
                };
                let meets_peers = list.iter().any(fits) || (is_unknown && action == "deny");
                if meets_peers && meets_ports {
                    return Some(action);
                }
            }
        }
        None
    }

    fn passes(&self) -> bool {
        if is_on_host(self.subject) {
            return true;
        }
        match self.tier("Admin") {
            Some("allow") => return true,
            Some("deny") => return false,
            _ => {}
        }
        self.network_policies().unwrap_or_else(|| self.tier("Baseline") != Some("deny"))
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn the_model_says_what_the_documentation_says_packet_by_packet(seed in any::<u64>()) {
        let cluster = cluster(seed);
        let mut documents: Vec<Json> = NAMESPACES
            .iter()
            .map(|name| json!({"apiVersion": "v1", "kind": "Namespace",
                "metadata": {"name": name, "labels": cluster.namespaces[*name]}}))
            .collect();
        documents.extend(cluster.pods.iter().chain(&cluster.policies).cloned());
        let (model, findings) = Model::build(&support::snapshot(&documents), &Options::default());
        let broken = findings.iter().find(|finding| &*finding.rule.name != "undecided-peer");
        prop_assert!(broken.is_none(), "{broken:?}");
        let reachability = model.reachability().expect("within bounds");
        let endpoint = |end: &End<'_>| match end {
            End::Outside(address) => Endpoint::Address(*address),
            End::Pod(pod) => {
                let name = pod["metadata"]["name"].as_str().expect("a name");
                model.named(namespace_of(pod), name).next().expect("a workload").0.into()
            }
        };
        let pods = || cluster.pods.iter().map(End::Pod);
        let outside = || OUTSIDE.iter().map(|text| End::Outside(text.parse().expect("an address")));
        for source in pods().chain(outside()) {
            for destination in pods().chain(outside()) {
                let (from, to) = (endpoint(&source), endpoint(&destination));
                if from == to {
                    continue;
                }
                let allowed = model.allowed(from, to);
                for port in [1, 53, 60, 73, 80, 81, 99, 100, 8080, 8101] {
                    for protocol in Protocol::ALL {
                        let side = |subject, peer, is_ingress| match subject {
                            End::Outside(_) => true,
                            End::Pod(subject) => Packet {
                                cluster: &cluster, subject, peer, destination, is_ingress,
                                protocol: protocol.as_str(), port,
                            }.passes(),
                        };
                        let sides = (side(source, destination, false), side(destination, source, true));
                        let what = format!("{from:?} -> {to:?} {protocol} {port}\n{:#?}", cluster.policies);
                        prop_assert_eq!(allowed.contains(protocol, port), sides.0 && sides.1, "{}", what);
                        let why = model.why(from, to, protocol, port);
                        prop_assert_eq!((why.egress.allowed, why.ingress.allowed), sides, "why {}", what);
                    }
                }
                match (from, to) {
                    (Endpoint::Workload(source), Endpoint::Workload(destination)) => {
                        let class = |id| model.workload(id).expect("a workload").class();
                        prop_assert_eq!(&reachability.ports(class(source), class(destination)), &allowed);
                    }
                    (Endpoint::Workload(workload), Endpoint::Address(address)) => {
                        let ranges = model.external(workload, Direction::Egress).expect("within bounds");
                        let part = ranges.iter().find(|(range, _)| range.contains(address)).expect("a range");
                        prop_assert_eq!(&part.1, &allowed);
                    }
                    (Endpoint::Address(address), Endpoint::Workload(workload)) => {
                        let ranges = model.external(workload, Direction::Ingress).expect("within bounds");
                        let part = ranges.iter().find(|(range, _)| range.contains(address)).expect("a range");
                        prop_assert_eq!(&part.1, &allowed);
                    }
                    _ => {}
                }
            }
        }
        let mut pairs = 0;
        reachability.for_each(|source, destination, ports| {
            assert_eq!(*ports, reachability.ports(source, destination));
            pairs += 1;
        });
        let classes = 0..reachability.class_count();
        prop_assert!(pairs <= classes.len() * classes.len());
    }
}
