//! Services, and the routes by which traffic from outside is passed on to them.

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use lumen_value::Pointer;

use super::class::ClassId;
use super::evaluate::evaluate;
use super::external::Beyond;
use super::policy::{Direction, NamespaceMatch, PeerMatch, RulePeer};
use super::port::{Ports, Protocol};
use super::{Assumption, Model, Workload, WorkloadId};
use crate::snapshot::{Entry, Snapshot};

mod read;

/// Most ways from one ingress controller by its routes to workloads.
pub const PATHS_MAX: usize = 1_000_000;

/// The number of a Service in [`Model::services`].
pub type ServiceIndex = usize;

/// A Service: a name for ports of pods. Policies see the pod and its port, never the Service.
#[derive(Clone, Debug)]
pub struct Service {
    /// Its manifest.
    pub entry: Arc<Entry>,
    /// Its namespace.
    pub namespace: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
    /// What stands behind it.
    pub backing: Backing,
    /// Whether it is reached from outside the cluster by itself: `NodePort` or `LoadBalancer`.
    pub is_external: bool,
    /// Whether it is headless, `clusterIP: None`: its name stands for the addresses of its pods, and nothing stands between
    /// that would lead one port to another.
    pub is_headless: bool,
    /// Its ports.
    pub ports: Vec<ServicePort>,
}

/// What stands behind a Service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Backing {
    /// The pods that it selects; finished ones are left out.
    Pods(Vec<WorkloadId>),
    /// A DNS name: where it leads is not known.
    ExternalName(Arc<str>),
    /// It selects nothing: whoever writes its endpoints decides.
    Unknown,
}

/// A port of a Service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServicePort {
    /// Where it stands in the manifest.
    pub at: Pointer,
    /// Its name; empty where it has none.
    pub name: Arc<str>,
    /// Its protocol.
    pub protocol: Protocol,
    /// Its number, on which the Service itself is reached.
    pub port: u16,
    /// The port of the pods that it leads to.
    pub target: Target,
}

/// A port by number or by name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// By number.
    Number(u16),
    /// By name.
    Name(Arc<str>),
}

impl Service {
    /// The pods behind it that are known.
    pub fn workloads(&self) -> &[WorkloadId] {
        match &self.backing {
            Backing::Pods(pods) => pods,
            Backing::ExternalName(_) | Backing::Unknown => &[],
        }
    }
}

impl ServicePort {
    /// The port of a pod that it leads to; none where the pod has no port of that name. Who reaches a headless Service by its
    /// name meets the pod on the port that the client asks for, whatever this says: see [`Service::is_headless`].
    pub fn at_pod(&self, workload: &Workload) -> Ports {
        match &self.target {
            Target::Number(number) => Ports::one(self.protocol, *number),
            Target::Name(name) => workload.ports.find(Some(self.protocol), name),
        }
    }
}

/// The kinds of routes that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RouteKind {
    /// `networking.k8s.io` `Ingress`.
    Ingress,
    /// `gateway.networking.k8s.io`: `HTTPRoute` and its siblings.
    Gateway,
    /// Traefik's `IngressRoute`, `IngressRouteTCP` and `IngressRouteUDP`.
    Traefik,
    /// `OpenShift`'s `Route`.
    OpenShift,
}

/// One way from an ingress controller or a gateway to a Service.
#[derive(Clone, Debug)]
pub struct Route {
    /// The manifest.
    pub entry: Arc<Entry>,
    /// Its kind.
    pub kind: RouteKind,
    /// Where the backend stands in the manifest.
    pub at: Pointer,
    /// The host or the match that it is for, as written; empty for all.
    pub host: Arc<str>,
    /// The namespace of the Service.
    pub namespace: Arc<str>,
    /// The name of the Service.
    pub service: Arc<str>,
    /// The port of the Service; `None` means every one.
    pub port: Option<Target>,
    /// Whether the port is the pod's and not the Service's, as `OpenShift`'s may be.
    pub is_target_port: bool,
    /// Whether it may name its Service: the Gateway API asks for a `ReferenceGrant` where that is in another namespace.
    pub is_granted: bool,
    /// The Service, where it is among the inputs and may be named.
    pub index: Option<ServiceIndex>,
}

/// What one route offers of one workload, and what of that the policies let through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IngressPath {
    /// The number of the route in [`Model::routes`].
    pub route: usize,
    /// The workload behind it.
    pub workload: WorkloadId,
    /// The ports that the route leads to.
    pub offered: Ports,
    /// Those of them that the controller may reach.
    pub allowed: Ports,
}

impl Model {
    /// A Service by its name.
    pub fn service(&self, namespace: &str, name: &str) -> Option<&Service> {
        find(&self.services, namespace, name).and_then(|index| self.services.get(index))
    }

    /// The pods and ports that a port of a Service leads to.
    pub fn behind(&self, service: &Service, port: &ServicePort) -> Vec<(WorkloadId, Ports)> {
        let pods = service.workloads().iter();
        pods.filter_map(|id| Some((*id, port.at_pod(self.workload(*id)?)))).collect()
    }

    /// The pods and ports that a route leads to; none where its Service or the port is missing.
    pub fn behind_route(&self, route: &Route) -> Vec<(WorkloadId, Ports)> {
        let Some(service) = route.index.and_then(|index| self.services.get(index)) else {
            return Vec::new();
        };
        let is_meant = |port: &&ServicePort| match &route.port {
            None => true,
            Some(target) if route.is_target_port => {
                *target == port.target || matches!(target, Target::Name(name) if *name == port.name)
            }
            Some(Target::Number(number)) => port.port == *number,
            Some(Target::Name(name)) => port.name == *name,
        };
        let ports: Vec<_> = service.ports.iter().filter(is_meant).collect();
        let at_pod = |id: &WorkloadId| {
            let workload = self.workload(*id)?;
            let ports: Vec<_> = ports.iter().map(|port| port.at_pod(workload)).collect();
            Some((*id, Ports::union_of(&ports))).filter(|(_, ports)| !ports.is_empty())
        };
        service.workloads().iter().filter_map(at_pod).collect()
    }

    /// What the routes offer and what an ingress controller may reach of it. Without a controller one is meant that is
    /// not in the manifests: a pod without labels in a namespace without labels, whose own policies are not known.
    ///
    /// # Errors
    ///
    /// When there are more than [`PATHS_MAX`] paths.
    pub fn ingress_paths(&self, controller: Option<WorkloadId>) -> Result<Vec<IngressPath>, Beyond> {
        let mut paths = Vec::new();
        let mut backends = Backends::new(self);
        // What is let in is the same for all of a class.
        let mut let_in: HashMap<ClassId, Ports> = HashMap::new();
        for (index, route) in self.routes.iter().enumerate() {
            let behind = backends.of(route);
            if behind.len() > PATHS_MAX - paths.len() {
                return Err(Beyond);
            }
            for (workload, offered) in behind.iter() {
                let Some(class) = self.workload(*workload).map(|workload| workload.class) else { continue };
                let let_in = let_in.entry(class).or_insert_with(|| match controller {
                    Some(controller) => self.allowed(controller, *workload),
                    None => self.let_in_from_stranger(*workload),
                });
                let (offered, allowed) = (offered.clone(), offered.intersection(let_in));
                paths.push(IngressPath { route: index, workload: *workload, offered, allowed });
            }
        }
        Ok(paths)
    }

    /// What a workload lets in from a pod without labels in a namespace without labels.
    fn let_in_from_stranger(&self, workload: WorkloadId) -> Ports {
        let Some(found) = self.workload(workload) else {
            return Ports::none();
        };
        let nothing = lumen_value::Value::Null;
        let fits = |peer: &RulePeer| match &peer.who {
            PeerMatch::Anyone | PeerMatch::Cluster => true,
            PeerMatch::Pods(pattern) => match &pattern.namespaces {
                NamespaceMatch::Named(_) => false,
                NamespaceMatch::Selected(selector) => {
                    selector.matches(&nothing) && pattern.pods.matches(&nothing)
                }
            },
            PeerMatch::Addresses { .. } | PeerMatch::Undecided(..) => false,
        };
        let policies = self.resolve(self.selecting(found.class, Direction::Ingress));
        evaluate(policies, Direction::Ingress, fits, &found.ports)
    }
}

/// What stands behind a route: the pods, and of each the ports.
pub(super) type Behind = Rc<[(WorkloadId, Ports)]>;

/// What stands behind routes: worked out once for all that lead to the same ports of one Service.
pub(super) struct Backends<'a> {
    model: &'a Model,
    known: HashMap<BackendKey<'a>, Behind>,
}

/// What of a route decides which pods it leads to: its Service, and the port there.
pub(super) type BackendKey<'a> = (Option<ServiceIndex>, &'a Option<Target>, bool);

impl<'a> Backends<'a> {
    pub(super) fn new(model: &'a Model) -> Self {
        Self { model, known: HashMap::new() }
    }

    pub(super) fn key(route: &'a Route) -> BackendKey<'a> {
        (route.index, &route.port, route.is_target_port)
    }

    /// What stands behind a route of the model.
    pub(super) fn of(&mut self, route: &'a Route) -> Behind {
        let found = self.known.entry(Self::key(route));
        found.or_insert_with(|| self.model.behind_route(route).into()).clone()
    }
}

fn find(services: &[Service], namespace: &str, name: &str) -> Option<ServiceIndex> {
    services.binary_search_by(|service| (&*service.namespace, &*service.name).cmp(&(namespace, name))).ok()
}

/// Says that routes lead nowhere, for nobody in the Service's namespace lets them.
pub(super) fn not_granted(routes: &[Route]) -> Option<Assumption> {
    let mut found = routes.iter().filter(|route| !route.is_granted);
    let first = found.next()?;
    let service = format!("{}/{}", first.namespace, first.service).into();
    Some(Assumption::RouteNotGranted { service, more: found.count() })
}

/// Reads the Services and routes of a snapshot.
pub(super) fn collect(snapshot: &Snapshot, model: &Model) -> (Vec<Service>, Vec<Route>) {
    let mut services = read::services(snapshot, model);
    services.sort_by(|a, b| {
        (&a.namespace, &a.name, &a.entry.location).cmp(&(&b.namespace, &b.name, &b.entry.location))
    });
    services.dedup_by(|a, b| (&a.namespace, &a.name) == (&b.namespace, &b.name));
    let mut routes = read::routes(snapshot);
    for route in &mut routes {
        route.index = find(&services, &route.namespace, &route.service).filter(|_| route.is_granted);
    }
    routes.sort_by(|a, b| (&a.entry.location, &a.at).cmp(&(&b.entry.location, &b.at)));
    (services, routes)
}
