//! [`End`]: one end of a connection as people name it, in `lumen net why`, in lists of flows and in a `ReachabilityTest`: one
//! grammar, and one meaning.
//!
//! - [`End`] is what is written; [`Ends`] finds what it means among the inputs: [`Resolved`].
//! - [`port`]: ports as they are written beside it.

use std::collections::BTreeSet;
use std::str::FromStr;

use lumen_core::network::address::address_of;
use lumen_core::network::well_known::{self, dns};
use lumen_core::network::{AddressRange, AddressSet, Model, Workload, WorkloadId};
use lumen_core::object::label;
use lumen_core::snapshot::SourceDocument;
use lumen_value::read::{Limits, read};
use serde_json::json;

use super::actor;

pub mod port;
mod resolve;

pub use resolve::{Destination, Ends, Resolved, first_of, no_such, service_beside, workloads_named};

/// The input that pods come from which are only asked about.
pub const PLANTED: &str = "<asked>";

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

/// One end, as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// Something by its name.
    Named(Name),
    /// A pod that need not be there, by its labels.
    Labels {
        /// The namespace.
        namespace: String,
        /// The labels, as they were given.
        labels: Vec<(String, String)>,
    },
    /// Addresses, and what they were called. `internet` is every public address of IPv4 and IPv6, `world` every address.
    Addresses(String, AddressSet),
    /// The ingress controllers among the inputs.
    Controller,
    /// The cluster's DNS, among the inputs or not.
    Dns,
}

/// A name, in which `*` stands for any text: `namespace/name`, `namespace/Kind/name`, a Service's DNS name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// As it is written.
    pub text: String,
    /// The namespace; empty where none is written.
    pub namespace: String,
    /// The kind, whole and in lower case, where one is written.
    pub kind: Option<String>,
    /// The name.
    pub name: String,
}

impl Name {
    fn of(text: &str) -> Result<Self, String> {
        let dns_name: Vec<&str> = text.split('.').collect();
        let parts: Vec<&str> = text.split('/').collect();
        let (namespace, kind, name) = match (parts.as_slice(), dns_name.as_slice()) {
            (["*"], _) => ("*", None, "*"),
            ([_], [name, namespace, "svc", ..]) => (*namespace, Some("service"), *name),
            ([name], _) if !name.is_empty() => ("", None, *name),
            ([namespace, name], _) if !namespace.is_empty() => (*namespace, None, *name),
            ([namespace, kind, name], _) if !namespace.is_empty() && !kind.is_empty() => {
                (*namespace, Some(*kind), *name)
            }
            _ => {
                return Err(format!(
                    "`{text}` is no end of a connection: use `namespace/name`, an address, a network or `internet`"
                ));
            }
        };
        if name.is_empty() {
            return Err(format!("`{text}` lacks a name: `*` stands for any"));
        }
        let kind = kind.map(kind_of);
        Ok(Self { text: text.into(), namespace: namespace.into(), kind, name: name.into() })
    }

    /// Whether it has a wildcard.
    pub fn is_pattern(&self) -> bool {
        [Some(&self.namespace), self.kind.as_ref(), Some(&self.name)]
            .into_iter()
            .flatten()
            .any(|part| part.contains('*'))
    }

    /// Whether it means Services and nothing else.
    fn is_of_services(&self) -> bool {
        self.kind.as_deref() == Some("service")
    }

    /// Whether it means an object.
    fn is(&self, namespace: &str, kind: &str, name: &str) -> bool {
        let is_kind = |wanted: &String| matches(wanted, &kind.to_ascii_lowercase());
        matches(&self.namespace, namespace)
            && matches(&self.name, name)
            && self.kind.as_ref().is_none_or(is_kind)
    }
}

/// A kind, whole and in lower case, whatever its case and however short.
fn kind_of(text: &str) -> String {
    let short = text.to_ascii_lowercase();
    KINDS.iter().find(|(each, _)| *each == short).map_or(short, |(_, kind)| kind.to_ascii_lowercase())
}

/// Whether a text fits a pattern, in which `*` stands for any text.
fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = text.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else { return rest.is_empty() };
    for part in middle {
        match rest.split_once(part) {
            Some((_, behind)) => rest = behind,
            None => return false,
        }
    }
    rest.ends_with(last)
}

impl FromStr for End {
    type Err = String;

    fn from_str(written: &str) -> Result<Self, String> {
        match written {
            "internet" => return Ok(Self::Addresses(written.into(), well_known::internet())),
            "world" => return Ok(Self::Addresses(written.into(), AddressSet::all())),
            "ingress-controller" => return Ok(Self::Controller),
            "dns" => return Ok(Self::Dns),
            _ => {}
        }
        let range =
            AddressRange::of_cidr(written).or_else(|| address_of(written).map(AddressRange::of_address));
        if let Some(range) = range {
            return Ok(Self::Addresses(actor::range(&range), AddressSet::of(vec![range])));
        }
        match written.split_once('/') {
            Some((namespace, labels)) if labels.contains('=') && !labels.starts_with('=') => {
                let pair = |pair: &str| pair.split_once('=').map(|(key, value)| (key.into(), value.into()));
                let labels = labels.split(',').map(pair).collect::<Option<Vec<_>>>();
                let labels = labels.filter(|_| !namespace.is_empty());
                labels
                    .map(|labels| Self::Labels { namespace: namespace.into(), labels })
                    .ok_or_else(|| format!("`{written}` is no `namespace/key=value,key=value`"))
            }
            _ => Name::of(written).map(Self::Named),
        }
    }
}

impl End {
    /// Whether it has a wildcard.
    pub fn is_pattern(&self) -> bool {
        matches!(self, Self::Named(name) if name.is_pattern())
    }

    /// The pods to put among the inputs, so that some ends can be asked about: those that are given by labels, and the
    /// cluster's DNS where the inputs do not hold it.
    pub fn planted<'a>(ends: impl IntoIterator<Item = &'a Self>, model: &Model) -> Vec<SourceDocument> {
        let mut known = BTreeSet::new();
        let mut planted = Vec::new();
        for end in ends {
            if let Some((namespace, name, labels, ports)) = end.pod(model)
                && known.insert((namespace.clone(), name.clone()))
            {
                let pod = json!({
                    "apiVersion": "v1", "kind": "Pod",
                    "metadata": {"name": name, "namespace": namespace, "labels": labels},
                    "spec": {"containers": [{"name": "asked", "ports": ports}]},
                });
                let reading = read(pod.to_string().as_bytes(), &Limits::default());
                let value = reading.documents.into_iter().next().map(|document| document.value);
                let index = planted.len();
                planted.extend(value.map(|value| SourceDocument { source: PLANTED.into(), index, value }));
            }
        }
        planted
    }

    /// Namespace, name, labels and ports of the pod that stands for it where the inputs hold none.
    fn pod(&self, model: &Model) -> Option<(String, String, serde_json::Value, serde_json::Value)> {
        match self {
            Self::Labels { namespace, labels } => {
                let pairs = labels.iter().map(|(key, value)| (key.clone(), value.clone().into())).collect();
                Some((namespace.clone(), labels_name(labels), serde_json::Value::Object(pairs), json!([])))
            }
            Self::Dns if dns_pods(model).is_empty() => {
                let ports = json!([
                    {"name": "dns", "containerPort": dns::PORT, "protocol": "UDP"},
                    {"name": "dns-tcp", "containerPort": dns::PORT, "protocol": "TCP"},
                ]);
                Some((dns::NAMESPACE.into(), dns::VALUE.into(), json!({ dns::LABEL: dns::VALUE }), ports))
            }
            _ => None,
        }
    }
}

/// What a pod is called that is given by its labels.
fn labels_name(labels: &[(String, String)]) -> String {
    let named: Vec<_> = labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
    named.join(",")
}

/// The pods of the cluster's DNS.
fn dns_pods(model: &Model) -> Vec<WorkloadId> {
    let is_dns = |workload: &Workload| {
        &*workload.namespace == dns::NAMESPACE && label(&workload.labels, dns::LABEL) == Some(dns::VALUE)
    };
    model.iter().filter(|(_, workload)| is_dns(workload)).map(|(id, _)| id).collect()
}

/// The ingress controllers among the workloads.
pub fn controllers(model: &Model) -> Vec<WorkloadId> {
    let all = model.iter();
    all.filter(|(_, workload)| well_known::is_ingress_controller(workload)).map(|(id, _)| id).collect()
}

/// Whether a workload is only asked about, and in no manifest.
fn is_planted(workload: &Workload) -> bool {
    &*workload.entry.location.source == PLANTED
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(text: &str) -> Result<End, String> {
        text.parse()
    }

    fn name(text: &str) -> Name {
        match end(text) {
            Ok(End::Named(name)) => name,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn ends_are_told_apart() {
        assert!(matches!(end("10.0.0.0/8"), Ok(End::Addresses(name, _)) if name == "10.0.0.0/8"));
        assert!(matches!(end("10.0.0.1"), Ok(End::Addresses(name, _)) if name == "10.0.0.1"));
        assert!(matches!(end("::/0"), Ok(End::Addresses(name, _)) if name == "::/0"));
        assert!(matches!(end("internet"), Ok(End::Addresses(_, set)) if set == well_known::internet()));
        assert_eq!(
            end("shop/app=a,tier=b"),
            Ok(End::Labels {
                namespace: "shop".into(),
                labels: vec![("app".into(), "a".into()), ("tier".into(), "b".into())]
            })
        );
        for wrong in ["", "shop/", "/api", "a/b/c/d", "shop//api", "shop/app=a,b", "/app=a"] {
            assert!(end(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn names_mean_objects() {
        assert!(name("shop/*").is("shop", "Pod", "api") && !name("shop/*").is("x", "Pod", "api"));
        assert!(name("*/job/x").is("shop", "Job", "x") && !name("*/Job/x").is("shop", "Pod", "x"));
        assert!(name("shop/deploy/api").is("shop", "Deployment", "api"));
        assert!(name("*").is("shop", "Pod", "api") && name("*").is_pattern());
        assert!(name("redis.shop.svc.cluster.local").is("shop", "Service", "redis"));
        assert!(!name("shop/api").is_pattern());
    }

    #[test]
    fn stars_stand_for_any_text() {
        for (pattern, text) in
            [("*", ""), ("*", "a"), ("a*", "ab"), ("*b", "ab"), ("a*c*e", "abcde"), ("api", "api")]
        {
            assert!(matches(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [("a", "ab"), ("a*", "ba"), ("*b", "ba"), ("a*c*e", "abde"), ("a*a", "a")] {
            assert!(!matches(pattern, text), "{pattern} {text}");
        }
    }
}
