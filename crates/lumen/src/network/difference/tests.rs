//! Listings and differences against the model, end by end.

use std::net::IpAddr;

use lumen_core::network::{Endpoint, Options, Ports};

use super::*;
use crate::check::{Manifests, Settings};
use crate::network::listing::{Choice, Listing};
use crate::source::Input;

const PODS: &str = "
{apiVersion: v1, kind: Namespace, metadata: {name: a, labels: {team: a}}}
---
{apiVersion: v1, kind: Namespace, metadata: {name: b, labels: {team: b}}}
";

/// Policies of which each subset makes another cluster.
const POLICIES: &[&str] = &[
    "{metadata: {name: deny, namespace: a}, spec: {podSelector: {}, policyTypes: [Ingress, Egress]}}",
    "{metadata: {name: in, namespace: a}, spec: {podSelector: {matchLabels: {app: p}}, ingress: [{from: [{ipBlock: {cidr: \
     10.0.0.0/8, except: [10.1.0.0/16]}}, {namespaceSelector: {matchLabels: {team: b}}}], ports: [{port: 80, endPort: 90}]}]}}",
    "{metadata: {name: wide, namespace: a}, spec: {podSelector: {matchLabels: {app: p}}, ingress: [{from: [{ipBlock: {cidr: \
     0.0.0.0/0}}], ports: [{port: 443}]}, {from: [{ipBlock: {cidr: \"2001:db8::/32\"}}]}]}}",
    "{metadata: {name: out, namespace: b}, spec: {podSelector: {}, policyTypes: [Egress], egress: [{to: [{ipBlock: {cidr: \
     10.1.0.0/16}}]}, {to: [{namespaceSelector: {}}], ports: [{port: 53, protocol: UDP}, {port: 85}]}]}}",
    "{metadata: {name: self, namespace: b}, spec: {podSelector: {matchLabels: {app: q}}, ingress: [{from: [{podSelector: \
     {}}]}]}}",
];

const ADDRESSES: &[&str] = &[
    "10.0.0.1",
    "10.1.2.3",
    "9.255.255.255",
    "11.0.0.0",
    "255.255.255.255",
    "::1",
    "2001:db8::7",
    "2001:db9::",
];

fn network(chosen: usize, pods: &[(&str, &str)]) -> Network {
    let pod = |(namespace, app): &(&str, &str)| {
        format!(
            "---\n{{apiVersion: v1, kind: Pod, metadata: {{name: {app}, namespace: {namespace}, labels: {{app: {app}}}}}, spec: \
             {{containers: [{{name: c, image: c}}]}}}}\n"
        )
    };
    let policy = |(_, text): (usize, &&str)| {
        format!(
            "---\n{}\n",
            text.replacen('{', "{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, ", 1)
        )
    };
    let policies = POLICIES.iter().enumerate().filter(|(number, _)| chosen & (1 << number) != 0).map(policy);
    let text: String = std::iter::once(PODS.to_owned()).chain(pods.iter().map(pod)).chain(policies).collect();
    let inputs = vec![Input::new("all.yaml", text.as_bytes())];
    let network =
        Network::build(Manifests::read(inputs, &[], &Settings::default(), Vec::new()), &Options::default());
    assert!(network.manifests.findings.is_empty(), "{:?}", network.manifests.findings);
    assert!(network.findings.is_empty(), "{:?}", network.findings);
    network
}

const ALL: &[(&str, &str)] = &[("a", "p"), ("a", "q"), ("b", "p"), ("b", "q"), ("b", "r")];

/// What a list of connections says of two ends.
fn told<'a>(
    connections: impl Iterator<Item = (&'a Party, &'a Party, &'a Ports)>,
    from: &dyn Fn(&Party) -> bool,
    to: &dyn Fn(&Party) -> bool,
) -> Ports {
    let ports: Vec<_> = connections
        .filter(|(source, destination, _)| from(source) && to(destination))
        .map(|(.., ports)| ports)
        .collect();
    Ports::union_of(ports)
}

#[test]
fn a_listing_says_what_the_model_says() {
    let addresses: Vec<IpAddr> = ADDRESSES.iter().map(|text| text.parse().unwrap()).collect();
    for chosen in 0..1 << POLICIES.len() {
        let network = network(chosen, ALL);
        for fold in [false, true] {
            let listing = Listing::of(&network, &Choice { fold, ..Choice::default() }).unwrap();
            let all = || listing.connections.iter().map(|each| (&each.from, &each.to, &each.ports));
            let is = |id: WorkloadId| {
                let actors = &listing.actors;
                move |party: &Party| matches!(party, Party::Actor(at) if actors[*at].members.contains(&id))
            };
            for (one, _) in network.model.iter() {
                for (other, _) in network.model.iter().filter(|(other, _)| *other != one) {
                    assert_eq!(
                        told(all(), &is(one), &is(other)),
                        network.model.allowed(one, other),
                        "{chosen:b}"
                    );
                }
                for address in &addresses {
                    let outside =
                        |party: &Party| matches!(party, Party::Outside(set) if set.contains(*address));
                    let end = Endpoint::from(*address);
                    assert_eq!(
                        told(all(), &outside, &is(one)),
                        network.model.allowed(end, one),
                        "{chosen:b} {address}"
                    );
                    assert_eq!(
                        told(all(), &is(one), &outside),
                        network.model.allowed(one, end),
                        "{chosen:b} {address}"
                    );
                }
            }
        }
    }
}

#[test]
fn a_difference_says_what_the_models_say() {
    let addresses: Vec<IpAddr> = ADDRESSES.iter().map(|text| text.parse().unwrap()).collect();
    for (old, new) in (0..1 << POLICIES.len()).flat_map(|old| [(old, 0b11111), (old, old ^ 0b101), (0, old)])
    {
        // A pod goes, and another comes.
        let [before, after] = [network(old, &ALL[1..]), network(new, &ALL[..4])];
        let difference = Difference::of(&before, &after).unwrap();
        let find = |network: &Network, name: &str| {
            let place = names(&network.model).iter().position(|each| each == name)?;
            network.model.iter().nth(place).map(|(id, _)| id)
        };
        let allowed = |network: &Network, from: &str, to: &str| {
            let end = |text: &str| match text.parse::<IpAddr>() {
                Ok(address) => Some(Endpoint::from(address)),
                Err(_) => find(network, text).map(Endpoint::from),
            };
            end(from).zip(end(to)).map_or_else(Ports::none, |(from, to)| network.model.allowed(from, to))
        };
        let is = |name: &str| {
            let (name, actors) = (name.to_owned(), &difference.actors);
            move |party: &Party| match party {
                Party::Actor(at) => actors[*at].name == name,
                Party::Outside(set) => name.parse::<IpAddr>().is_ok_and(|address| set.contains(address)),
                _ => false,
            }
        };
        let workloads: Vec<String> = difference.actors.iter().map(|actor| actor.name.clone()).collect();
        let ends: Vec<String> =
            workloads.iter().cloned().chain(addresses.iter().map(ToString::to_string)).collect();
        for from in &ends {
            for to in
                ends.iter().filter(|to| *to != from && (workloads.contains(to) || workloads.contains(from)))
            {
                let (was, now) = (allowed(&before, from, to), allowed(&after, from, to));
                let of = |ports: fn(&Change) -> &Ports| {
                    let all =
                        difference.changes.iter().map(|change| (&change.from, &change.to, ports(change)));
                    told(all, &is(from), &is(to))
                };
                assert_eq!(of(|change| &change.won), now.difference(&was), "{old:b} {new:b} {from} {to}");
                assert_eq!(of(|change| &change.lost), was.difference(&now), "{old:b} {new:b} {from} {to}");
            }
        }
    }
}
