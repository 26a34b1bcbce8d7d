//! Shapes that the JSON outputs of `lumen net` share.

use lumen_core::network::{AddressSet, Ports, Protocol};
use schemars::JsonSchema;
use serde::Serialize;

use super::actor::{self, Actor, Party};

/// Destination ports from one to another of one protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(crate) struct PortRange {
    /// `TCP`, `UDP` or `SCTP`.
    pub(crate) protocol: &'static str,
    /// The first port.
    pub(crate) first: u16,
    /// The last port.
    pub(crate) last: u16,
}

/// A set of ports as ranges, sorted by protocol and number.
pub(crate) fn port_ranges(ports: &Ports) -> Vec<PortRange> {
    let of = |protocol: Protocol| {
        let ranges = ports.of(protocol).ranges().iter();
        ranges.map(move |(first, last)| PortRange { protocol: protocol.as_str(), first: *first, last: *last })
    };
    Protocol::ALL.into_iter().flat_map(of).collect()
}

/// One end of a connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub(crate) enum End {
    /// A workload among the inputs.
    Workload {
        /// Its name in `workloads`.
        name: String,
    },
    /// Addresses outside the cluster.
    Addresses {
        /// `world` where it is every address; else networks and ranges.
        ranges: Vec<String>,
    },
    /// An ingress controller that is not among the inputs.
    IngressController,
    /// Pods that no manifest describes.
    Pods {
        /// Which, in words.
        pattern: String,
    },
}

impl End {
    pub(crate) fn of(party: &Party, actors: &[Actor]) -> Self {
        match party {
            Party::Outside(set) => Self::Addresses { ranges: ranges(set) },
            Party::Controller => Self::IngressController,
            Party::Actor(index) => Self::Workload {
                name: actors.get(*index).map(|actor| actor.name.clone()).unwrap_or_default(),
            },
            Party::Pods(pattern) => Self::Pods { pattern: pattern.clone() },
        }
    }
}

fn ranges(set: &AddressSet) -> Vec<String> {
    if *set == AddressSet::all() {
        vec!["world".into()]
    } else {
        set.ranges().iter().map(actor::range).collect()
    }
}

/// A workload, or several that no policy tells apart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(crate) struct WorkloadShape {
    /// What it is called here; no other is called so.
    pub(crate) name: String,
    /// The namespace.
    pub(crate) namespace: String,
    /// The kind, such as `Deployment`.
    pub(crate) kind: String,
    /// With `--fold`: the names of all workloads that this one stands for, itself among them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) members: Vec<String>,
}

/// The workloads of a listing; `names` are those of all workloads of the model.
pub(crate) fn workloads(actors: &[Actor], names: &[String]) -> Vec<WorkloadShape> {
    let shape = |actor: &Actor| WorkloadShape {
        name: actor.name.clone(),
        namespace: actor.namespace.to_string(),
        kind: actor.kind.to_string(),
        members: if actor.more() == 0 {
            Vec::new()
        } else {
            actor.members.iter().filter_map(|id| names.get(id.index()).cloned()).collect()
        },
    };
    actors.iter().map(shape).collect()
}
