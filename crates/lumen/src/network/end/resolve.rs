//! What an end means among the inputs.

use std::cell::OnceCell;
use std::collections::{BTreeSet, HashMap};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use lumen_core::network::address::address_of;
use lumen_core::network::route::{Backing, Service};
use lumen_core::network::{AddressSet, Model, Workload, WorkloadId};
use lumen_core::object::label;
use lumen_value::nearest::{did_you_mean, nearest};

use super::{End, Name, controllers, dns_pods, is_planted, kind_of, labels_name};
use crate::network::{Network, actor};

/// What an end turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resolved {
    /// Pods.
    Workloads(Vec<WorkloadId>),
    /// The pods behind Services.
    Services(Vec<Destination>),
    /// Addresses outside, and what they were called.
    Addresses(String, AddressSet),
}

/// Pods that connections go to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Destination {
    /// The pods.
    pub workload: WorkloadId,
    /// The number of the Service by which they are reached, where they are: then ports are those of the Service.
    pub service: Option<usize>,
}

impl Resolved {
    /// The pods, each with the way to it.
    pub fn destinations(&self) -> Vec<Destination> {
        match self {
            Self::Workloads(workloads) => {
                workloads.iter().map(|workload| Destination { workload: *workload, service: None }).collect()
            }
            Self::Services(destinations) => destinations.clone(),
            Self::Addresses(..) => Vec::new(),
        }
    }

    /// The pods, each once.
    pub fn workloads(&self) -> Vec<WorkloadId> {
        let pods: BTreeSet<WorkloadId> =
            self.destinations().into_iter().map(|destination| destination.workload).collect();
        pods.into_iter().collect()
    }
}

/// Finds what ends mean: the names and addresses of the inputs, each looked up without going through all.
pub struct Ends<'a> {
    network: &'a Network,
    by_name: HashMap<(&'a str, &'a str), Vec<WorkloadId>>,
    by_address: HashMap<IpAddr, Vec<WorkloadId>>,
    /// Pods with an owner, by the names of their own.
    owned: OnceCell<HashMap<(&'a str, &'a str), WorkloadId>>,
}

impl<'a> Ends<'a> {
    /// Makes the index of a network.
    pub fn of(network: &'a Network) -> Self {
        let mut by_name: HashMap<(&str, &str), Vec<WorkloadId>> = HashMap::new();
        let mut by_address: HashMap<IpAddr, Vec<WorkloadId>> = HashMap::new();
        for (id, workload) in network.model.iter().filter(|(_, workload)| !is_planted(workload)) {
            by_name.entry((&*workload.namespace, &*workload.name)).or_default().push(id);
            for address in workload.addresses.iter().filter(|_| !workload.host_network) {
                by_address.entry(*address).or_default().push(id);
            }
        }
        Self { network, by_name, by_address, owned: OnceCell::new() }
    }

    /// Finds what an end means.
    ///
    /// # Errors
    ///
    /// Where there is no such thing; with what looks like it.
    pub fn resolve(&self, end: &End) -> Result<Resolved, String> {
        let model = &self.network.model;
        match end {
            End::Addresses(name, set) => Ok(self.addresses(name, set)),
            End::Dns => match dns_pods(model) {
                pods if pods.is_empty() => Err("the cluster's DNS is not among the inputs".into()),
                pods => Ok(Resolved::Workloads(pods)),
            },
            End::Controller => match controllers(model) {
                found if found.is_empty() => {
                    Err("no ingress controller is among the inputs: name the workload, or give it by its \
                         labels: `namespace/key=value`"
                        .into())
                }
                found => Ok(Resolved::Workloads(found)),
            },
            End::Labels { namespace, labels } => {
                let name = labels_name(labels);
                let mut planted = model.named(namespace, &name).filter(|(_, workload)| is_planted(workload));
                let found = planted.next().map(|(id, _)| Resolved::Workloads(vec![id]));
                found.ok_or_else(|| {
                    format!(
                        "`{namespace}/{name}` is a pod by its labels: name a workload of the manifests here"
                    )
                })
            }
            End::Named(name) => self.named(name),
        }
    }

    /// One address may be that of a pod.
    fn addresses(&self, name: &str, set: &AddressSet) -> Resolved {
        if let [range] = set.ranges()
            && range.first == range.last
            && let Some(pods) = self.by_address.get(&range.first)
        {
            return Resolved::Workloads(pods.clone());
        }
        Resolved::Addresses(name.to_owned(), set.clone())
    }

    fn named(&self, name: &Name) -> Result<Resolved, String> {
        let found = self.workloads(name);
        if !found.is_empty() {
            return Ok(Resolved::Workloads(found));
        }
        if let Some(id) = self.owner(name) {
            return Ok(Resolved::Workloads(vec![id]));
        }
        self.services(name)
    }

    fn workloads(&self, name: &Name) -> Vec<WorkloadId> {
        if name.is_of_services() {
            return Vec::new();
        }
        let model = &self.network.model;
        if name.is_pattern() {
            let is_meant = |workload: &Workload| {
                !is_planted(workload) && name.is(&workload.namespace, &workload.kind, &workload.name)
            };
            return model.iter().filter(|(_, workload)| is_meant(workload)).map(|(id, _)| id).collect();
        }
        let named = self.by_name.get(&(&*name.namespace, &*name.name)).map_or(&[][..], Vec::as_slice);
        let of_kind = |id: &&WorkloadId| {
            let kind = model.workload(**id).map(|workload| workload.kind.to_ascii_lowercase());
            name.kind.as_ref().is_none_or(|wanted| kind.as_ref() == Some(wanted))
        };
        let found: Vec<WorkloadId> = named.iter().filter(of_kind).copied().collect();
        if !found.is_empty() || !name.text.contains('[') {
            return found;
        }
        workloads_named(model, &name.text)
    }

    /// The workload of a pod whose owner gives the workload its name.
    fn owner(&self, name: &Name) -> Option<WorkloadId> {
        if name.kind.as_deref().is_some_and(|kind| kind != "pod") {
            return None;
        }
        let index = self.owned.get_or_init(|| self.pods());
        index.get(&(&*name.namespace, &*name.name)).copied()
    }

    /// The pods of the inputs by name, each with its workload: the one that was made of it, or that took its addresses in.
    fn pods(&self) -> HashMap<(&'a str, &'a str), WorkloadId> {
        let network = self.network;
        let entries: HashMap<*const _, WorkloadId> =
            network.model.iter().map(|(id, workload)| (Arc::as_ptr(&workload.entry), id)).collect();
        let mut pods = HashMap::new();
        for pod in network.manifests.snapshot.of_kind("", "Pod") {
            let Some(namespace) = pod.namespace.as_deref() else { continue };
            let address = pod.value.get("status").and_then(|status| address_of(label(status, "podIP")?));
            let by_address = || {
                let ids = self.by_address.get(&address?)?;
                let is_here = |id: &&WorkloadId| {
                    network.model.workload(**id).is_some_and(|workload| &*workload.namespace == namespace)
                };
                ids.iter().find(is_here).copied()
            };
            let found = entries.get(&Arc::as_ptr(pod)).copied().or_else(by_address);
            if let Some(id) = found {
                pods.entry((namespace, &*pod.object.name)).or_insert(id);
            }
        }
        pods
    }

    fn services(&self, name: &Name) -> Result<Resolved, String> {
        let model = &self.network.model;
        let is_meant = |service: &Service| name.is(&service.namespace, "Service", &service.name);
        let may_be = name.is_of_services() || (name.kind.is_none() && !name.is_pattern());
        let found: Vec<(usize, &Service)> = if !may_be {
            Vec::new()
        } else if name.is_pattern() {
            model.services().iter().enumerate().filter(|(_, service)| is_meant(service)).collect()
        } else {
            let key = (&*name.namespace, &*name.name);
            let place = model.services().binary_search_by(|each| (&*each.namespace, &*each.name).cmp(&key));
            place.ok().and_then(|at| Some((at, model.services().get(at)?))).into_iter().collect()
        };
        let mut destinations = Vec::new();
        for (number, service) in &found {
            match &service.backing {
                Backing::Pods(pods) => {
                    let known =
                        |id: &&WorkloadId| model.workload(**id).is_some_and(|workload| !is_planted(workload));
                    let pods = pods.iter().filter(known);
                    destinations.extend(
                        pods.map(|workload| Destination { workload: *workload, service: Some(*number) }),
                    );
                }
                Backing::ExternalName(host) if !name.is_pattern() => {
                    return Err(format!(
                        "the Service `{}` leads to the DNS name `{host}`: manifests do not tell where that is",
                        name.text
                    ));
                }
                Backing::Unknown if !name.is_pattern() => {
                    return Err(format!(
                        "the Service `{}` has no selector: whoever writes its endpoints decides where it leads",
                        name.text
                    ));
                }
                Backing::ExternalName(_) | Backing::Unknown => {}
            }
        }
        match (destinations.is_empty(), found.is_empty()) {
            (false, _) => Ok(Resolved::Services(destinations)),
            (true, true) => Err(no_such(model, &name.text)),
            (true, false) => Err(format!(
                "the Service `{}` selects no pod of the inputs: give the manifests of its pods, too",
                name.text
            )),
        }
    }
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

/// The Service of the same name as a workload.
pub fn service_beside<'a>(model: &'a Model, workload: &Workload) -> Option<&'a Service> {
    model.service(&workload.namespace, &workload.name)
}

/// The error for a name that nothing has: with what looks like it.
pub fn no_such(model: &Model, text: &str) -> String {
    if model.workloads().is_empty() {
        return format!("`{text}` is not among the inputs: no workload is");
    }
    let names: BTreeSet<String> = actor::names(model).into_iter().collect();
    let near = nearest(text, names.iter().map(String::as_str));
    if near.is_empty() {
        format!("`{text}` is not among the inputs: `lumen net list` prints the names of workloads")
    } else {
        format!("`{text}` is not among the inputs{}", did_you_mean(&near))
    }
}

/// The first address of a set: one that stands for all.
pub fn first_of(set: &AddressSet) -> IpAddr {
    set.ranges().first().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |range| range.first)
}
