//! Connectivity and exposure of whole sets of manifests, as netpol-analyzer computed them.
#![expect(clippy::panic, clippy::expect_used, reason = "test code")]

#[path = "../../../tests/conformance/harness.rs"]
mod harness;
#[path = "network/support.rs"]
mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use harness::Case;
use lumen_core::network::policy::NamespaceMatch;
use lumen_core::network::{Direction, Model, Options, PodPattern, Ports, Protocol};
use lumen_core::selector::{Operator, Selector};

/// One line: the two ends and the ports.
type Lines = BTreeMap<(String, String), Ports>;

#[test]
fn conformance_network_connections() {
    harness::run("network", "connections", check);
}

fn check(case: &Case) -> Result<(), String> {
    let files = case.json.get("files").and_then(serde_json::Value::as_object).expect("files");
    let files = files.iter().map(|(path, text)| (path.as_str(), text.as_str().expect("a text")));
    let (model, _) = Model::build(&support::snapshot_of_texts(files), &Options::default());
    let found = connections(&model);
    let hosts: BTreeSet<String> =
        model.workloads().iter().filter(|workload| workload.host_network).map(ToString::to_string).collect();
    let lines = |text: &str| {
        let mut lines = lines(text);
        lines.retain(|(from, to), _| !hosts.contains(from) && !hosts.contains(to));
        lines
    };
    if let Some(expected) = case.text("connections") {
        compare("connections", &lines(expected), &found)?;
    }
    if let Some(expected) = case.text("exposure") {
        let (first, rest) = expected.split_once("Exposure Analysis Result:").unwrap_or((expected, ""));
        compare("connections of exposure", &lines(first), &found)?;
        exposure(rest, &model)?;
    }
    Ok(())
}

/// The lines of a text, ranges of addresses joined where their ports agree.
fn lines(text: &str) -> Lines {
    let mut lines = Lines::new();
    for line in text.lines().filter(|line| line.contains(" => ")) {
        let (ends, ports) = line.rsplit_once(" : ").expect("ends and ports");
        let (from, to) = ends.split_once(" => ").expect("two ends");
        lines.insert((from.trim().to_owned(), to.trim().to_owned()), ports_of(ports));
    }
    joined(lines)
}

/// Joins neighbouring ranges of addresses.
fn joined(lines: Lines) -> Lines {
    let (mut result, mut ranges) = (Lines::new(), BTreeMap::<(String, bool), Vec<(u64, u64, Ports)>>::new());
    for ((from, to), ports) in lines {
        match (range_of(&from), range_of(&to)) {
            (Some((first, last)), _) => ranges.entry((to, true)).or_default().push((first, last, ports)),
            (_, Some((first, last))) => ranges.entry((from, false)).or_default().push((first, last, ports)),
            _ => {
                result.insert((from, to), ports);
            }
        }
    }
    for ((workload, is_from_outside), mut list) in ranges {
        list.sort_by_key(|(first, last, _)| (*first, *last));
        let mut merged: Vec<(u64, u64, Ports)> = Vec::new();
        for (first, last, ports) in list.into_iter().filter(|(_, _, ports)| !ports.is_empty()) {
            match merged.last_mut() {
                Some(before) if before.2 == ports && before.1 + 1 == first => before.1 = last,
                _ => merged.push((first, last, ports)),
            }
        }
        for (first, last, ports) in merged {
            let range = format!("{first}-{last}[External]");
            let ends = if is_from_outside { (range, workload.clone()) } else { (workload.clone(), range) };
            result.insert(ends, ports);
        }
    }
    result
}

fn range_of(end: &str) -> Option<(u64, u64)> {
    let (first, last) = end.strip_suffix("[External]")?.split_once('-')?;
    let bits = |text: &str| match text.parse::<IpAddr>() {
        Ok(IpAddr::V4(address)) => u64::from(address.to_bits()),
        _ => panic!("{text} is an address of IPv4"),
    };
    Some((bits(first), bits(last)))
}

fn ports_of(text: &str) -> Ports {
    match text.trim() {
        "All Connections" => return Ports::all(),
        "No Connections" => return Ports::none(),
        _ => {}
    }
    let (mut ports, mut protocol) = (Ports::none(), Protocol::Tcp);
    for part in text.trim().split(',') {
        let number = match part.trim().split_once(' ') {
            Some((name, rest)) => {
                protocol = Protocol::of(name).unwrap_or_else(|| panic!("{name} in {text}"));
                rest
            }
            None => part.trim(),
        };
        let (first, last) = number.split_once('-').unwrap_or((number, number));
        let parse = |text: &str| text.parse().unwrap_or_else(|_| panic!("{text} is a port"));
        ports = ports.union(&Ports::range(protocol, parse(first), parse(last)));
    }
    ports
}

/// All connections that the model knows, in the same form.
fn connections(model: &Model) -> Lines {
    let mut found = Lines::new();
    let mut add = |from: String, to: String, ports: Ports| {
        if from != to && !ports.is_empty() {
            let entry = found.entry((from, to)).or_insert_with(Ports::none);
            *entry = entry.union(&ports);
        }
    };
    // The documentation: where a plugin cannot tell the traffic of pods on the host's network apart, "it ignores
    // hostNetwork pods when matching podSelector and namespaceSelector. Traffic to/from hostNetwork pods is treated the
    // same as all other traffic to/from the node IP (this is the most common implementation)". They take them for
    // ordinary pods, so those lines are left out on both sides.
    let pods = || model.iter().filter(|(_, workload)| !workload.host_network);
    for (source, from) in pods() {
        for (destination, to) in pods() {
            add(from.to_string(), to.to_string(), model.allowed(source, destination));
        }
        for direction in Direction::ALL {
            for (range, ports) in model.external(source, direction).expect("within bounds") {
                if range.first.is_ipv4() {
                    let outside = format!("{range}[External]").replace("0.0.0.0[", "0.0.0.0-0.0.0.0[");
                    let outside = if outside.contains('-') {
                        outside
                    } else {
                        format!("{0}-{0}[External]", range.first)
                    };
                    match direction {
                        Direction::Ingress => add(outside, from.to_string(), ports),
                        Direction::Egress => add(from.to_string(), outside, ports),
                    }
                }
            }
        }
    }
    for path in model.ingress_paths(None).expect("few paths") {
        let workload = model.workload(path.workload).expect("a workload");
        add("{ingress-controller}".to_owned(), workload.to_string(), path.allowed);
    }
    joined(found)
}

fn compare(what: &str, expected: &Lines, found: &Lines) -> Result<(), String> {
    for (ends, ports) in expected {
        match found.get(ends) {
            Some(same) if same == ports => {}
            other => return Err(format!("{what}: {ends:?}: {other:?} in place of {ports}")),
        }
    }
    match found.iter().find(|(ends, _)| !expected.contains_key(ends)) {
        Some((ends, ports)) => Err(format!("{what}: {ends:?} : {ports} is not expected")),
        None => Ok(()),
    }
}

/// Compares who is exposed to pods that are not in the manifests.
fn exposure(text: &str, model: &Model) -> Result<(), String> {
    let mut expected: BTreeMap<(String, bool), BTreeMap<String, Ports>> = BTreeMap::new();
    let mut unprotected = BTreeSet::new();
    for line in text.lines() {
        if let Some((workload, direction)) = line.split_once(" is not protected on ") {
            unprotected.insert((workload.trim().to_owned(), direction.trim() == "Ingress"));
        } else if let Some((ends, ports)) = line.rsplit_once(" : ") {
            let is_ingress = ends.contains("<=");
            let (workload, peer) = ends.split_once(if is_ingress { "<=" } else { "=>" }).expect("two ends");
            if !peer.contains("[External]") && !is_workload(peer) {
                let key = (workload.trim().to_owned(), is_ingress);
                expected.entry(key).or_default().insert(normal(peer.trim()), ports_of(ports));
            }
        }
    }
    for (id, workload) in model.iter().filter(|(_, workload)| !workload.host_network) {
        for direction in Direction::ALL {
            let key = (workload.to_string(), direction == Direction::Ingress);
            let none = BTreeMap::new();
            let wanted = expected.get(&key).unwrap_or(&none);
            let found = model.exposure(id, direction).expect("within bounds");
            let open = found.first().expect("any pod").ports.clone();
            let found: BTreeMap<String, Ports> =
                found.iter().map(|each| (pattern(&each.pods), each.ports.clone())).collect();
            let any = wanted.get("entire-cluster").cloned().unwrap_or_default();
            if any != open {
                return Err(format!("{key:?}: any pod: {open} in place of {any}"));
            }
            for (peer, ports) in wanted {
                let ours = found.get(peer).unwrap_or(&open);
                // They give each pattern the rules that name it alone. The documentation: "Network policies do not
                // conflict; they are additive", so a pod that fits a wider pattern, too, gets the ports of both.
                let wider: Vec<_> = wanted.values().collect();
                let is_sum = ours.covers(ports) && Ports::union_of(wider).covers(ours);
                if ours != ports && (ports.is_empty() || !is_sum) {
                    return Err(format!("{key:?}: {peer}: {ours} in place of {ports}; {:?}", found.keys()));
                }
            }
            // They leave out patterns that a pod of the manifests fits.
            for (peer, ports) in &found {
                let is_described = model.workloads().iter().any(|workload| {
                    model
                        .exposure(id, direction)
                        .expect("within bounds")
                        .iter()
                        .any(|each| pattern(&each.pods) == *peer && fits(model, &each.pods, workload))
                });
                if !wanted.contains_key(peer) && *ports != open && !is_described {
                    return Err(format!("{key:?}: {peer}: {ports} is not expected; {wanted:?}"));
                }
            }
            let is_open = model.policies_of(id, direction).is_empty();
            if is_open != unprotected.contains(&key) && !text.trim().is_empty() {
                return Err(format!("{key:?}: not protected: {is_open}"));
            }
        }
    }
    Ok(())
}

fn fits(model: &Model, pattern: &PodPattern, workload: &lumen_core::network::Workload) -> bool {
    let in_namespace = match &pattern.namespaces {
        NamespaceMatch::Named(name) => *name == workload.namespace,
        NamespaceMatch::Selected(selector) => model
            .namespaces()
            .iter()
            .any(|namespace| namespace.name == workload.namespace && selector.matches(&namespace.labels)),
    };
    in_namespace && pattern.pods.matches(&workload.labels)
}

fn is_workload(peer: &str) -> bool {
    peer.trim().ends_with(']') && !peer.contains("[pod with") && !peer.contains("[all pods]")
}

/// A pattern as they write it, labels sorted.
fn normal(peer: &str) -> String {
    let mut result = String::new();
    for (index, part) in peer.split("]/[").enumerate() {
        if index > 0 {
            result.push_str("]/[");
        }
        match part.split_once(" with {") {
            None => result.push_str(part),
            Some((kind, labels)) => {
                let (labels, end) = labels.rsplit_once('}').expect("labels end");
                let labels = sorted(labels);
                let named = format!("{kind} with {{{labels}}}{end}");
                result.push_str(&named);
            }
        }
    }
    result
}

/// Labels, and expressions in braces, sorted.
fn sorted(labels: &str) -> String {
    let (mut parts, mut depth, mut part) = (Vec::new(), 0, String::new());
    for char in labels.chars() {
        match char {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(std::mem::take(&mut part));
                continue;
            }
            _ => {}
        }
        part.push(char);
    }
    parts.push(part);
    let mut parts: Vec<_> = parts.iter().map(|part| with_values_sorted(part)).collect();
    parts.sort();
    parts.join(",")
}

fn with_values_sorted(part: &str) -> String {
    let Some((before, rest)) = part.split_once("Values:[") else {
        return part.to_owned();
    };
    let (values, after) = rest.split_once(']').expect("values end");
    let mut values: Vec<_> = values.split(' ').collect();
    values.sort_unstable();
    format!("{before}Values:[{}]{after}", values.join(" "))
}

fn pattern(pattern: &PodPattern) -> String {
    if pattern.is_everything() {
        return "entire-cluster".to_owned();
    }
    let namespaces = match &pattern.namespaces {
        NamespaceMatch::Named(name) => name.to_string(),
        NamespaceMatch::Selected(all) if all.is_empty() => "[all namespaces]".to_owned(),
        NamespaceMatch::Selected(selector) => format!("[namespace with {{{}}}]", labels(selector)),
    };
    let pods = if pattern.pods.is_empty() {
        "[all pods]".to_owned()
    } else {
        format!("[pod with {{{}}}]", labels(&pattern.pods))
    };
    let text = format!("{namespaces}/{pods}");
    // The label of a name is the name.
    match text
        .strip_prefix("[namespace with {kubernetes.io/metadata.name=")
        .and_then(|rest| rest.split_once("}]"))
    {
        Some((name, rest)) if !name.contains(',') => format!("{name}{rest}"),
        _ => text,
    }
}

fn labels(selector: &Selector) -> String {
    let parts = selector.requirements().iter().map(|each| {
        let (key, values) = (each.key(), each.values().join(" "));
        let operator = match each.operator() {
            Operator::Equals => return format!("{key}={values}"),
            Operator::In => "In",
            Operator::NotIn => "NotIn",
            Operator::Exists => "Exists",
            _ => "DoesNotExist",
        };
        format!("{{Key:{key},Operator:{operator},Values:[{values}],}}")
    });
    sorted(&parts.collect::<Vec<_>>().join(","))
}
