//! What the cluster's own clients need: the ingress controller its backends, Prometheus its targets, the API server its
//! webhooks.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use lumen_value::{Array, Pointer, Value};

use super::{
    Context, Findings, NAMES_MAX, Unseen, called, finding, is_closed_to, is_placed, isolating, rules,
    with_severity,
};
use crate::finding::{Finding, Location, Severity};
use crate::network::policy::Direction;
use crate::network::port::{Ports, Protocol};
use crate::network::route::{BackendKey, Backends, Service, Target};
use crate::network::well_known::{is_ingress_controller, runs_image};
use crate::network::{Workload, WorkloadId};
use crate::object::{field, label, text};
use crate::rule::Rule;
use crate::selector::{FieldNames, Selector};
use crate::snapshot::Entry;

/// Ends of image names, without tag, by which programs are known that scrape.
const SCRAPERS: [&str; 4] = ["prometheus/prometheus", "prometheus", "vmagent", "vmsingle"];

/// Workloads of some sort whose manifests say where they run.
fn running(context: &Context<'_>, is_one: impl Fn(&Workload) -> bool) -> Vec<WorkloadId> {
    let all = context.model.iter();
    all.filter(|(_, workload)| is_placed(workload) && is_one(workload)).map(|(id, _)| id).collect()
}

/// Ports of a workload that some client needs.
struct Need<'a> {
    rule: &'static Rule,
    entry: &'a Entry,
    at: Pointer,
    workload: WorkloadId,
    offered: Ports,
    /// What the client is called.
    client: &'static str,
}

/// Says of a need that it is not met: none of the clients that are known gets through; or, where none is known, nobody from
/// elsewhere is let in.
fn unmet(context: &Context<'_>, need: &Need<'_>, clients: &[WorkloadId]) -> Option<Finding> {
    let workload = context.model.workload(need.workload)?;
    let name = called(workload);
    let offered = &need.offered;
    // Two bases of Kustomize that share a namespace here need not share one in the cluster.
    if offered.is_empty() || !is_placed(workload) {
        return None;
    }
    let message = if clients.is_empty() {
        if !is_closed_to(context, workload, offered, Unseen::Anything) {
            return None;
        }
        format!("`{name}` lets in nobody from another namespace on {offered}: {} is not let in", need.client)
    } else {
        let mut closed = Direction::Ingress;
        for client in clients {
            let (allowed, let_in) = context.allowed(*client, need.workload)?;
            if !allowed.intersection(offered).is_empty() {
                return None;
            }
            if !let_in.intersection(offered).is_empty() {
                closed = Direction::Egress;
            }
        }
        let client =
            clients.first().and_then(|id| context.model.workload(*id)).map(called).unwrap_or_default();
        match closed {
            Direction::Ingress => format!("`{name}` does not let in `{client}` on {offered}"),
            Direction::Egress => format!("`{client}` may not send to `{name}` on {offered}"),
        }
    };
    let found = finding(need.rule, message, need.entry, &need.at);
    let found = if clients.is_empty() { with_severity(found, Severity::Low) } else { found };
    Some(isolating(found, context.policies_of(workload.class, Direction::Ingress)))
}

/// Routes of which the controller reaches no pod.
pub(super) fn routes(context: &Context<'_>, findings: &mut Findings<'_>) {
    if !context.has_policies || context.model.routes().is_empty() {
        return;
    }
    let controllers = running(context, is_ingress_controller);
    let mut known: HashMap<BackendKey<'_>, Option<(WorkloadId, Ports)>> = HashMap::new();
    for route in context.counted(context.model.routes().iter()) {
        let need = |(workload, offered): (WorkloadId, Ports)| Need {
            rule: &rules::ROUTE_BLOCKED,
            entry: &route.entry,
            at: route.at.clone(),
            workload,
            offered,
            client: "an ingress controller",
        };
        // Routes to the same ports of one Service lack the same.
        let blocked = known.entry(Backends::key(route)).or_insert_with(|| {
            let mut behind = context.counted(context.model.behind_route(route).into_iter());
            behind.find(|pod| unmet(context, &need(pod.clone()), &controllers).is_some())
        });
        findings.extend(blocked.clone().and_then(|pod| unmet(context, &need(pod), &controllers)));
    }
}

/// Ports that Prometheus is told to scrape and may not reach.
pub(super) fn scrapes(context: &Context<'_>, findings: &mut Findings<'_>) {
    if !context.has_policies {
        return;
    }
    let (scrapers, told) = (running(context, |workload| runs_image(workload, &SCRAPERS)), BTreeSet::new());
    let mut needs = Needs { context, scrapers, told, findings };
    let services: BTreeMap<&str, Vec<&Service>> =
        context.model.services().iter().fold(BTreeMap::new(), |mut map, service| {
            map.entry(&*service.namespace).or_insert_with(Vec::new).push(service);
            map
        });
    let group = "monitoring.coreos.com";
    for entry in context.snapshot.of_kind(group, "ServiceMonitor") {
        service_monitor(entry, &services, &mut needs);
    }
    for entry in context.snapshot.of_kind(group, "PodMonitor") {
        pod_monitor(entry, &mut needs);
    }
    annotated(&mut needs);
}

/// Takes needs one by one: what a few monitors ask for can be far more than they are.
struct Needs<'f, 'l, 'a> {
    context: &'f Context<'a>,
    scrapers: Vec<WorkloadId>,
    /// The places that have a finding.
    told: BTreeSet<(Location, Pointer)>,
    findings: &'f mut Findings<'l>,
}

impl<'a> Needs<'_, '_, 'a> {
    fn push(&mut self, need: &Need<'a>) {
        let key = (need.entry.location.clone(), need.at.clone());
        if !self.context.take(1) || self.told.contains(&key) {
            return;
        }
        if let Some(found) = unmet(self.context, need, &self.scrapers) {
            self.told.insert(key);
            self.findings.push(found);
        }
    }
}

/// The namespaces that a monitor looks at.
fn monitored<'a>(context: &Context<'a>, entry: &'a Entry) -> Vec<&'a str> {
    let selector = field(&entry.value, &["spec", "namespaceSelector"]);
    if selector.get("any").and_then(Value::as_bool) == Some(true) {
        return context
            .counted(context.model.namespaces().iter())
            .map(|namespace| &*namespace.name)
            .collect();
    }
    let named: Vec<&str> = items(selector, "matchNames").filter_map(|(_, name)| name.as_str()).collect();
    if named.is_empty() { entry.namespace.as_deref().into_iter().collect() } else { named }
}

fn items<'a>(holder: &'a Value, key: &str) -> impl Iterator<Item = (usize, &'a Value)> {
    holder.get(key).and_then(Value::as_array).into_iter().flat_map(Array::iter).enumerate()
}

fn selector_of(entry: &Entry) -> Option<Selector> {
    let selector = field(&entry.value, &["spec", "selector"]);
    Selector::of(selector, FieldNames::Exact).ok()
}

/// A port as a monitor names it: by name, or by the pod's number or name.
fn target_port(endpoint: &Value) -> Option<Target> {
    match endpoint.get("targetPort")? {
        Value::String(_) => Some(Target::Name(text(endpoint, "targetPort").into())),
        number => u16::try_from(number.as_i64()?).ok().map(Target::Number),
    }
}

fn port_of(workload: &Workload, target: &Target) -> Ports {
    match target {
        Target::Number(number) => Ports::one(Protocol::Tcp, *number),
        Target::Name(name) => workload.ports.find(Some(Protocol::Tcp), name),
    }
}

fn service_monitor<'a>(
    entry: &'a Entry,
    services: &BTreeMap<&str, Vec<&'a Service>>,
    needs: &mut Needs<'_, '_, 'a>,
) {
    let context = needs.context;
    let Some(selector) = selector_of(entry) else { return };
    let endpoints = || items(field(&entry.value, &["spec"]), "endpoints");
    let namespaces = monitored(context, entry);
    let of = context.counted(namespaces.iter()).filter_map(|name| services.get(name)).flatten();
    let of = context.counted(of);
    for service in of.filter(|service| context.selects(&selector, service.entry.labels())) {
        for (index, endpoint) in endpoints() {
            let name = text(endpoint, "port");
            for id in context.counted(service.workloads().iter()) {
                if !context.take(service.ports.len()) {
                    return;
                }
                let Some(workload) = context.model.workload(*id) else { continue };
                let offered = match target_port(endpoint) {
                    Some(target) if name.is_empty() => port_of(workload, &target),
                    _ => {
                        let ports: Vec<Ports> = service
                            .ports
                            .iter()
                            .filter(|port| *port.name == *name)
                            .map(|port| port.at_pod(workload))
                            .collect();
                        Ports::union_of(&ports)
                    }
                };
                let at = Pointer::ROOT.child("spec").child("endpoints").child(index);
                needs.push(&scrape(entry, at, *id, offered));
            }
        }
    }
}

fn pod_monitor<'a>(entry: &'a Entry, needs: &mut Needs<'_, '_, 'a>) {
    let context = needs.context;
    let Some(selector) = selector_of(entry) else { return };
    for namespace in context.counted(monitored(context, entry).into_iter()) {
        for (id, workload) in context.workloads_of(namespace) {
            if !context.selects(&selector, &workload.labels) {
                continue;
            }
            for (index, endpoint) in items(field(&entry.value, &["spec"]), "podMetricsEndpoints") {
                if !context.take(1) {
                    return;
                }
                let name = text(endpoint, "port");
                let offered = match target_port(endpoint) {
                    Some(target) if name.is_empty() => port_of(workload, &target),
                    _ => workload.ports.find(Some(Protocol::Tcp), name),
                };
                let at = Pointer::ROOT.child("spec").child("podMetricsEndpoints").child(index);
                needs.push(&scrape(entry, at, id, offered));
            }
        }
    }
}

fn scrape(entry: &Entry, at: Pointer, workload: WorkloadId, offered: Ports) -> Need<'_> {
    Need { rule: &rules::SCRAPE_BLOCKED, entry, at, workload, offered, client: "Prometheus" }
}

const SCRAPE: &str = "prometheus.io/scrape";
const PORT: &str = "prometheus.io/port";

/// Pods and Services that ask to be scraped by annotation.
fn annotated(needs: &mut Needs<'_, '_, '_>) {
    let context = needs.context;
    let port = |annotations: &Value| {
        let number = label(annotations, PORT)?.parse().ok()?;
        (label(annotations, SCRAPE) == Some("true")).then_some(Ports::one(Protocol::Tcp, number))
    };
    for (id, workload) in context.model.iter() {
        let annotations =
            workload.entry.value.find(&workload.at).map(|pod| field(pod, &["metadata", "annotations"]));
        if let Some(offered) = annotations.and_then(port) {
            let at = workload.at.child("metadata").child("annotations").child(PORT);
            needs.push(&scrape(&workload.entry, at, id, offered));
        }
    }
    for service in context.model.services() {
        if let Some(offered) = port(crate::object::annotations(&service.entry.value)) {
            for id in context.counted(service.workloads().iter()) {
                let at = Pointer::ROOT.child("metadata").child("annotations").child(PORT);
                needs.push(&scrape(&service.entry, at, *id, offered.clone()));
            }
        }
    }
}

/// Kinds by which the API server is told to call a Service: group, kind, and the way to the object that holds `service`; a
/// list on the way is gone through.
const CALLED: [(&str, &str, &[&str]); 4] = [
    ("admissionregistration.k8s.io", "ValidatingWebhookConfiguration", &["webhooks", "clientConfig"]),
    ("admissionregistration.k8s.io", "MutatingWebhookConfiguration", &["webhooks", "clientConfig"]),
    ("apiextensions.k8s.io", "CustomResourceDefinition", &["spec", "conversion", "webhook", "clientConfig"]),
    ("apiregistration.k8s.io", "APIService", &["spec"]),
];

/// The port of a Service that the API server calls where none is named.
const CALLED_PORT: u16 = 443;

/// Webhooks and aggregated APIs whose pods let no address in.
pub(super) fn webhooks(context: &Context<'_>, findings: &mut Findings<'_>) {
    if !context.has_policies {
        return;
    }
    for (group, kind, way) in CALLED {
        for entry in context.snapshot.of_kind(group, kind) {
            // Many webhooks of one configuration are one server.
            let mut told = BTreeSet::new();
            for (at, holder) in holders(&entry.value, way) {
                if context.is_spent() {
                    return;
                }
                let Some(service) = holder.get("service") else { continue };
                let found = webhook(context, entry, &at.child("service"), service);
                findings.extend(
                    found.filter(|found| told.insert(found.message.clone())).into_iter().take(NAMES_MAX),
                );
            }
        }
    }
}

/// The values at the end of a way, each with its place.
fn holders<'a>(value: &'a Value, way: &[&str]) -> Vec<(Pointer, &'a Value)> {
    let mut found = vec![(Pointer::ROOT, value)];
    for key in way {
        let mut next = Vec::new();
        for (at, value) in found {
            match value.get(key) {
                Some(Value::Array(list)) => {
                    let at = at.child(*key);
                    next.extend(list.iter().enumerate().map(|(index, item)| (at.child(index), item)));
                }
                Some(value) => next.push((at.child(*key), value)),
                None => {}
            }
        }
        found = next;
    }
    found
}

fn webhook(context: &Context<'_>, entry: &Entry, at: &Pointer, called_service: &Value) -> Option<Finding> {
    let (namespace, name) = (text(called_service, "namespace"), text(called_service, "name"));
    let service = context.model.service(namespace, name)?;
    let number = called_service.get("port").and_then(Value::as_i64);
    let number = number.map_or(Some(CALLED_PORT), |number| u16::try_from(number).ok())?;
    let port = service.ports.iter().find(|port| port.port == number)?;
    for (id, offered) in context.counted(context.model.behind(service, port).into_iter()) {
        let workload = context.model.workload(id)?;
        if workload.host_network
            || !is_placed(workload)
            || !is_closed_to(context, workload, &offered, Unseen::Address)
        {
            continue;
        }
        let message = format!(
            "the API server is no pod, and `{}` lets in nothing but pods on {offered}: it is not reached",
            called(workload)
        );
        let found = finding(&rules::WEBHOOK_BLOCKED, message, entry, at);
        return Some(isolating(found, context.policies_of(workload.class, Direction::Ingress)));
    }
    None
}
