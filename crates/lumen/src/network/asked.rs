//! The ends of a connection as people name them, and what these names mean in a model.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};
use std::str::FromStr;
use std::sync::Arc;

use lumen_core::network::address::address_of;
use lumen_core::network::route::{Backing, Service};
use lumen_core::network::{AddressRange, AddressSet, Model, Workload, WorkloadId};
use lumen_core::snapshot::SourceDocument;
use lumen_value::read::{Limits, read};
use serde_json::json;

use super::Network;
use super::actor;
use super::controller::{controllers, label};

/// The input that pods come from which are only asked about.
pub const PLANTED: &str = "<asked>";

/// Where a cluster's DNS runs, and the label that all its makes have.
const DNS: (&str, &str, &str) = ("kube-system", "k8s-app", "kube-dns");

/// Networks of IPv4 that are not the internet: private, shared, local, reserved, multicast (RFC 6890).
const NOT_INTERNET: &[&str] = &[
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/3",
];

/// The addresses of IPv6 that are given out (RFC 4291, global unicast).
const INTERNET_V6: &str = "2000::/3";

/// Kinds as people shorten them.
const KINDS: &[(&str, &str)] = &[
    ("po", "Pod"),
    ("deploy", "Deployment"),
    ("ds", "DaemonSet"),
    ("sts", "StatefulSet"),
    ("rs", "ReplicaSet"),
    ("cj", "CronJob"),
    ("svc", "Service"),
];

/// One end, as it is asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// Something by its name.
    Named(String),
    /// A pod that need not be there, by its labels.
    Labels {
        /// The namespace.
        namespace: String,
        /// The labels, as they were given.
        labels: Vec<(String, String)>,
    },
    /// Addresses outside, and what they were called.
    Addresses(String, AddressSet),
    /// The ingress controllers among the inputs.
    Controller,
    /// The cluster's DNS, among the inputs or not.
    Dns,
}

impl FromStr for Asked {
    type Err = String;

    fn from_str(asked: &str) -> Result<Self, String> {
        match asked {
            "internet" => return Ok(Self::Addresses(asked.into(), internet())),
            "world" => return Ok(Self::Addresses(asked.into(), AddressSet::all())),
            "ingress-controller" => return Ok(Self::Controller),
            "dns" => return Ok(Self::Dns),
            _ => {}
        }
        let range = AddressRange::of_cidr(asked).or_else(|| address_of(asked).map(AddressRange::of_address));
        if let Some(range) = range {
            return Ok(Self::Addresses(actor::range(&range), AddressSet::of(vec![range])));
        }
        match asked.split_once('/') {
            Some((namespace, labels)) if labels.contains('=') && !labels.starts_with('=') => {
                let pair = |pair: &str| pair.split_once('=').map(|(key, value)| (key.into(), value.into()));
                let labels = labels.split(',').map(pair).collect::<Option<Vec<_>>>();
                let labels = labels.filter(|_| !namespace.is_empty());
                labels
                    .map(|labels| Self::Labels { namespace: namespace.into(), labels })
                    .ok_or_else(|| format!("`{asked}` is no `namespace/key=value,key=value`"))
            }
            _ => Ok(Self::Named(asked.into())),
        }
    }
}

/// The addresses of the internet: all but private, local and reserved ones.
pub fn internet() -> AddressSet {
    let except = NOT_INTERNET.iter().filter_map(|network| AddressRange::of_cidr(network)).collect();
    let mut ranges = AddressSet::without(AddressRange::IPV4, except).ranges().to_vec();
    ranges.extend(AddressRange::of_cidr(INTERNET_V6));
    AddressSet::of(ranges)
}

impl Asked {
    /// The pod to put among the inputs, so that it can be asked about.
    pub fn planted(&self, number: usize) -> Option<SourceDocument> {
        let (namespace, name, labels, ports) = match self {
            Self::Labels { namespace, labels } => {
                let named: Vec<_> = labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
                let pairs = labels.iter().map(|(key, value)| (key.clone(), value.clone().into())).collect();
                (namespace.as_str(), named.join(","), serde_json::Value::Object(pairs), json!([]))
            }
            Self::Dns => {
                let (namespace, key, value) = DNS;
                let ports = json!([
                    {"name": "dns", "containerPort": 53, "protocol": "UDP"},
                    {"name": "dns-tcp", "containerPort": 53, "protocol": "TCP"},
                ]);
                (namespace, "kube-dns".to_owned(), json!({ key: value }), ports)
            }
            _ => return None,
        };
        let pod = json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": name, "namespace": namespace, "labels": labels},
            "spec": {"containers": [{"name": "asked", "ports": ports}]},
        });
        let reading = read(pod.to_string().as_bytes(), &Limits::default());
        let document = reading.documents.into_iter().next()?;
        Some(SourceDocument { source: PLANTED.into(), index: number, value: document.value })
    }

    /// Whether a model knows all that is asked about, without a pod put among the inputs.
    pub fn is_known(&self, model: &Model) -> bool {
        match self {
            Self::Dns => !dns(model).is_empty(),
            Self::Labels { .. } => false,
            _ => true,
        }
    }
}

/// The pods of the cluster's DNS.
fn dns(model: &Model) -> Vec<WorkloadId> {
    let (namespace, key, value) = DNS;
    let is_dns =
        |workload: &Workload| &*workload.namespace == namespace && label(&workload.labels, key) == value;
    model.iter().filter(|(_, workload)| is_dns(workload)).map(|(id, _)| id).collect()
}

/// What an end turned out to be.
#[derive(Clone, Debug)]
pub enum Resolved {
    /// Pods.
    Workloads(Vec<WorkloadId>),
    /// The pods behind a Service, and its number.
    Service(usize, Vec<WorkloadId>),
    /// Addresses outside, and what they were called.
    Addresses(String, AddressSet),
}

/// Finds what is asked about.
///
/// # Errors
///
/// Where there is no such thing; with what looks like it.
pub fn resolve(network: &Network, asked: &Asked) -> Result<Resolved, String> {
    let model = &network.model;
    match asked {
        Asked::Addresses(name, set) => Ok(of_addresses(model, name, set)),
        Asked::Dns => Ok(Resolved::Workloads(dns(model))),
        Asked::Controller => {
            let found = controllers(model);
            if found.is_empty() {
                return Err(
                    "no ingress controller is among the inputs: name the workload, or give it by its \
                            labels: `namespace/key=value`"
                        .into(),
                );
            }
            Ok(Resolved::Workloads(found))
        }
        Asked::Labels { .. } => {
            let is_it = |workload: &Workload| {
                &*workload.entry.location.source == PLANTED && asked_name(asked) == *workload.name
            };
            Ok(Resolved::Workloads(
                model.iter().filter(|(_, workload)| is_it(workload)).map(|(id, _)| id).collect(),
            ))
        }
        Asked::Named(name) => named(network, name),
    }
}

fn asked_name(asked: &Asked) -> String {
    match asked {
        Asked::Labels { labels, .. } => {
            let named: Vec<_> = labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
            named.join(",")
        }
        _ => String::new(),
    }
}

/// One address may be that of a pod.
fn of_addresses(model: &Model, name: &str, set: &AddressSet) -> Resolved {
    if let [range] = set.ranges()
        && range.first == range.last
    {
        let has: Vec<_> = model
            .iter()
            .filter(|(_, workload)| !workload.host_network && workload.addresses.contains(&range.first))
            .map(|(id, _)| id)
            .collect();
        if !has.is_empty() {
            return Resolved::Workloads(has);
        }
    }
    Resolved::Addresses(name.to_owned(), set.clone())
}

fn named(network: &Network, name: &str) -> Result<Resolved, String> {
    let model = &network.model;
    let found = workloads_named(model, name);
    if !found.is_empty() {
        return Ok(Resolved::Workloads(found));
    }
    let pods = pods_named(network, name);
    if !pods.is_empty() {
        return Ok(Resolved::Workloads(pods));
    }
    let Some((number, service)) = service_named(model, name) else {
        return Err(no_such(model, name));
    };
    match &service.backing {
        Backing::Pods(pods) if !pods.is_empty() => Ok(Resolved::Service(number, pods.clone())),
        Backing::Pods(_) => Err(format!(
            "the Service `{name}` selects no pod of the inputs: give the manifests of its pods, too"
        )),
        Backing::ExternalName(host) => Err(format!(
            "the Service `{name}` leads to the DNS name `{host}`: manifests do not tell where that is"
        )),
        Backing::Unknown => Err(format!(
            "the Service `{name}` has no selector: whoever writes its endpoints decides where it leads"
        )),
    }
}

/// A kind, whole, whatever its case and however short.
fn kind_of(text: &str) -> String {
    let short = text.to_ascii_lowercase();
    KINDS.iter().find(|(each, _)| *each == short).map_or(short, |(_, kind)| kind.to_ascii_lowercase())
}

/// The workloads of a name: `namespace/name`, `namespace/Kind/name`, or one of those that [`actor::names`] gives.
pub fn workloads_named(model: &Model, text: &str) -> Vec<WorkloadId> {
    let parts: Vec<&str> = text.split('/').collect();
    let found: Vec<WorkloadId> = match parts.as_slice() {
        [namespace, name] => model.named(namespace, name).map(|(id, _)| id).collect(),
        [namespace, kind, name] => {
            let kind = kind_of(kind);
            let of_kind = model.named(namespace, name);
            of_kind
                .filter(|(_, workload)| workload.kind.eq_ignore_ascii_case(&kind))
                .map(|(id, _)| id)
                .collect()
        }
        _ => Vec::new(),
    };
    if !found.is_empty() || !text.contains('[') {
        return found;
    }
    let names = actor::names(model);
    model.iter().zip(names).filter(|(_, name)| name == text).map(|((id, _), _)| id).collect()
}

/// The workload that a pod belongs to whose owner gives the name.
fn pods_named(network: &Network, text: &str) -> Vec<WorkloadId> {
    let parts: Vec<&str> = text.split('/').collect();
    let (namespace, name) = match parts.as_slice() {
        [namespace, name] => (*namespace, *name),
        [namespace, kind, name] if kind_of(kind) == "pod" => (*namespace, *name),
        _ => return Vec::new(),
    };
    let mut pods = network.manifests.snapshot.of_kind("", "Pod").iter();
    let Some(pod) = pods.find(|pod| pod.namespace.as_deref() == Some(namespace) && *pod.object.name == *name)
    else {
        return Vec::new();
    };
    let status = pod.value.get("status");
    let address = status.and_then(|status| address_of(label(status, "podIP")));
    let of_namespace = || network.model.iter().filter(|(_, workload)| &*workload.namespace == namespace);
    let by_entry = of_namespace().find(|(_, workload)| Arc::ptr_eq(&workload.entry, pod));
    let by_address = || {
        let address = address?;
        of_namespace().find(|(_, workload)| workload.addresses.contains(&address))
    };
    by_entry.or_else(by_address).map(|(id, _)| id).into_iter().collect()
}

/// A Service by `namespace/name`, `namespace/Service/name`, or its DNS name.
fn service_named<'a>(model: &'a Model, text: &str) -> Option<(usize, &'a Service)> {
    let dns_name = text.split('.').collect::<Vec<_>>();
    let parts: Vec<&str> = text.split('/').collect();
    let (namespace, name) = match (parts.as_slice(), dns_name.as_slice()) {
        ([namespace, name], _) | ([_], [name, namespace, "svc", ..]) => (*namespace, *name),
        ([namespace, kind, name], _) if kind_of(kind) == "service" => (*namespace, *name),
        _ => return None,
    };
    let is_it = |service: &Service| &*service.namespace == namespace && &*service.name == name;
    model.services().iter().enumerate().find(|(_, service)| is_it(service))
}

/// The Service of the same name as a workload.
pub fn service_beside<'a>(model: &'a Model, workload: &Workload) -> Option<&'a Service> {
    model.service(&workload.namespace, &workload.name)
}

/// Most names that are offered in place of one that is not there.
const OFFERED_MAX: usize = 3;

/// The error for a name that nothing has: with what looks like it.
pub fn no_such(model: &Model, text: &str) -> String {
    if model.workloads().is_empty() {
        return format!("`{text}` is not among the inputs: no workload is");
    }
    let names: BTreeSet<String> = actor::names(model).into_iter().collect();
    let likeness = |name: &String| {
        let tail = name.rsplit('/').next().unwrap_or(name);
        strsim::jaro_winkler(name, text).max(strsim::jaro_winkler(tail, text))
    };
    let mut near: Vec<(f64, String)> = names.into_iter().map(|name| (likeness(&name), name)).collect();
    near.retain(|(likeness, _)| *likeness > 0.8);
    near.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    let best = near.first().map_or(0.0, |(likeness, _)| *likeness);
    near.retain(|(likeness, _)| *likeness > best - 0.05);
    let offered: Vec<_> = near.into_iter().take(OFFERED_MAX).map(|(_, name)| format!("`{name}`")).collect();
    if offered.is_empty() {
        format!("`{text}` is not among the inputs: `lumen net list` prints the names of workloads")
    } else {
        format!("`{text}` is not among the inputs: is {} meant?", offered.join(" or "))
    }
}

/// The first address of a set: one that stands for all.
pub fn first_of(set: &AddressSet) -> IpAddr {
    set.ranges().first().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |range| range.first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_told_apart() {
        let asked = |text: &str| text.parse::<Asked>();
        assert_eq!(asked("shop/api"), Ok(Asked::Named("shop/api".into())));
        assert!(matches!(asked("10.0.0.0/8"), Ok(Asked::Addresses(name, _)) if name == "10.0.0.0/8"));
        assert!(matches!(asked("10.0.0.1"), Ok(Asked::Addresses(name, _)) if name == "10.0.0.1"));
        assert!(matches!(asked("::/0"), Ok(Asked::Addresses(name, _)) if name == "::/0"));
        assert_eq!(
            asked("shop/app=a,tier=b"),
            Ok(Asked::Labels {
                namespace: "shop".into(),
                labels: vec![("app".into(), "a".into()), ("tier".into(), "b".into())]
            })
        );
        assert!(asked("shop/app=a,b").is_err());
        assert!(asked("/app=a").is_err());
    }

    #[test]
    fn the_internet_has_no_private_addresses() {
        let internet = internet();
        for inside in ["10.1.2.3", "192.168.2.1", "127.0.0.1", "255.255.255.255", "fd00::1", "::1"] {
            assert!(!internet.contains(inside.parse().expect("an address")), "{inside}");
        }
        for outside in ["1.1.1.1", "8.8.8.8", "11.0.0.0", "2606:4700::1111"] {
            assert!(internet.contains(outside.parse().expect("an address")), "{outside}");
        }
    }
}
