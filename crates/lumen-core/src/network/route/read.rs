//! Reads Services and routes. What is of the wrong type is left out: the API server refuses it, and the snapshot says so.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use lumen_value::{Pointer, Step, Value, pointer};

use super::{Backing, Route, RouteKind, Service, ServicePort, Target};
use crate::network::port::Protocol;
use crate::network::workload::labels::{Fit, UNKNOWN, fit};
use crate::network::{Model, WorkloadId};
use crate::object::{field, text};
use crate::selector::Selector;
use crate::snapshot::{Entry, Snapshot};

/// Most pods that stand behind all Services together.
const BACKENDS_MAX: usize = 10_000_000;

/// Stands for values that are not known.
const ANY: &str = "?";

pub(super) fn services(snapshot: &Snapshot, model: &Model) -> Vec<Service> {
    // The pods of a namespace by one of their labels, so that a Service looks only at those that may be its own.
    let mut by_label: HashMap<(&str, &str, &str), Vec<WorkloadId>> = HashMap::new();
    for (id, workload) in model.iter() {
        for (key, _) in workload.labels.as_object().into_iter().flat_map(lumen_value::Object::iter) {
            let key = key.as_str().unwrap_or_default();
            let value = crate::object::label(&workload.labels, key).unwrap_or_default();
            // What is not known may be any value.
            let value = if value.ends_with(UNKNOWN) { ANY } else { value };
            by_label.entry((&workload.namespace, key, value)).or_default().push(id);
        }
    }
    let mut left = BACKENDS_MAX;
    let mut services = Vec::new();
    for entry in snapshot.of_kind("", "Service") {
        let namespace = entry.namespace.clone().unwrap_or_default();
        let spec = field(&entry.value, &["spec"]);
        let selector = Selector::of_labels(field(spec, &["selector"])).ok();
        let backing = match (text(spec, "type"), selector) {
            ("ExternalName", _) => Backing::ExternalName(text(spec, "externalName").into()),
            (_, Some(selector)) if !selector.is_empty() => {
                let least = selector
                    .requirements()
                    .iter()
                    .filter_map(|each| {
                        let value = each.values().first()?;
                        let of = |value| {
                            by_label.get(&(&*namespace, each.key(), value)).map_or(&[][..], Vec::as_slice)
                        };
                        Some([of(value.as_str()), of(ANY)])
                    })
                    .min_by_key(|[known, unknown]| known.len() + unknown.len());
                let is_selected = |id: &&WorkloadId| {
                    model.workload(**id).is_some_and(|workload| fit(&selector, &workload.labels) != Fit::No)
                };
                let pods = least.unwrap_or_default().into_iter().flatten();
                let mut pods: Vec<_> = pods.filter(is_selected).copied().take(left).collect();
                pods.sort_unstable();
                left -= pods.len();
                Backing::Pods(pods)
            }
            _ => Backing::Unknown,
        };
        services.push(Service {
            entry: entry.clone(),
            namespace,
            name: entry.object.name.clone(),
            backing,
            is_external: matches!(text(spec, "type"), "NodePort" | "LoadBalancer"),
            is_headless: text(spec, "clusterIP") == "None",
            ports: service_ports(spec),
        });
    }
    services
}

fn service_ports(spec: &Value) -> Vec<ServicePort> {
    let list = spec.get("ports").and_then(Value::as_array);
    let port = |(index, value): (usize, &Value)| {
        let port = value.get("port")?.as_i64().and_then(|port| u16::try_from(port).ok())?;
        let protocol = match text(value, "protocol") {
            "" => Protocol::Tcp,
            name => Protocol::of(name)?,
        };
        let target = value.get("targetPort").and_then(target).unwrap_or(Target::Number(port));
        Some(ServicePort {
            at: pointer!["spec", "ports", index],
            name: text(value, "name").into(),
            protocol,
            port,
            target,
        })
    };
    list.into_iter().flat_map(lumen_value::Array::iter).enumerate().filter_map(port).collect()
}

/// A port as a number or a name; a text of digits is a number. Zero counts as missing.
fn target(value: &Value) -> Option<Target> {
    if let Some(name) = value.as_str() {
        return match name.parse::<u16>() {
            Ok(number) => Some(Target::Number(number)),
            Err(_) => Some(Target::Name(name.into())).filter(|_| !name.is_empty()),
        };
    }
    let number = value.as_i64().and_then(|number| u16::try_from(number).ok());
    number.filter(|number| *number > 0).map(Target::Number)
}

/// Where a kind keeps its backends: ways to them, in which `[]` stands for every element of a list.
struct Source {
    group: &'static str,
    kinds: &'static [&'static str],
    kind: RouteKind,
    backends: &'static [&'static [&'static str]],
    /// The ways to the name and to the port in a backend; the first that leads somewhere counts.
    names: &'static [&'static [&'static str]],
    ports: &'static [&'static [&'static str]],
    /// The way to a host from what stands one list above, or from the root.
    host: &'static [&'static str],
}

const INGRESS: Source = Source {
    group: "networking.k8s.io",
    kinds: &["Ingress"],
    kind: RouteKind::Ingress,
    backends: &[
        &["spec", "defaultBackend"],
        &["spec", "backend"],
        &["spec", "rules", "[]", "http", "paths", "[]", "backend"],
    ],
    names: &[&["service", "name"], &["serviceName"]],
    ports: &[&["service", "port", "number"], &["service", "port", "name"], &["servicePort"]],
    host: &["host"],
};

const GATEWAY: &str = "gateway.networking.k8s.io";

static SOURCES: &[Source] = &[
    INGRESS,
    Source { group: "extensions", ..INGRESS },
    Source {
        group: GATEWAY,
        kinds: &["HTTPRoute", "GRPCRoute", "TLSRoute", "TCPRoute", "UDPRoute"],
        kind: RouteKind::Gateway,
        backends: &[&["spec", "rules", "[]", "backendRefs", "[]"]],
        names: &[&["name"]],
        ports: &[&["port"]],
        host: &["spec", "hostnames", "0"],
    },
    TRAEFIK,
    Source { group: "traefik.containo.us", ..TRAEFIK },
    Source {
        group: "route.openshift.io",
        kinds: &["Route"],
        kind: RouteKind::OpenShift,
        backends: &[&["spec", "to"], &["spec", "alternateBackends", "[]"]],
        names: &[&["name"]],
        ports: &[],
        host: &["spec", "host"],
    },
];

const TRAEFIK: Source = Source {
    group: "traefik.io",
    kinds: &["IngressRoute", "IngressRouteTCP", "IngressRouteUDP"],
    kind: RouteKind::Traefik,
    backends: &[&["spec", "routes", "[]", "services", "[]"]],
    names: &[&["name"]],
    ports: &[&["port"]],
    host: &["match"],
};

pub(super) fn routes(snapshot: &Snapshot) -> Vec<Route> {
    let mut routes = Vec::new();
    let grants: HashSet<Grant> = snapshot
        .of_kind(GATEWAY, "ReferenceGrant")
        .iter()
        .flat_map(|entry| grants(entry).take(GRANTS_MAX))
        .collect();
    for source in SOURCES {
        for kind in source.kinds {
            for entry in snapshot.of_kind(source.group, kind) {
                routes.extend(source.backends.iter().flat_map(|way| backends(entry, source, way)));
            }
        }
    }
    for route in &mut routes {
        let own = route.entry.namespace.clone().unwrap_or_default();
        if route.kind == RouteKind::Gateway && own != route.namespace {
            let grant =
                |service| (route.namespace.clone(), own.clone(), route.entry.object.kind.clone(), service);
            route.is_granted =
                grants.contains(&grant(None)) || grants.contains(&grant(Some(route.service.clone())));
        }
    }
    routes
}

/// The namespace of a Service, that of a route and its kind, and the Service; `None` means every one.
type Grant = (Arc<str>, Arc<str>, Arc<str>, Option<Arc<str>>);

/// Most grants that are read of one `ReferenceGrant`; the schema allows 256.
const GRANTS_MAX: usize = 256;

/// What a `ReferenceGrant` allows routes.
fn grants(entry: &Arc<Entry>) -> impl Iterator<Item = Grant> {
    let items = |key| {
        let list = field(&entry.value, &["spec", key]).as_array();
        list.into_iter().flat_map(lumen_value::Array::iter)
    };
    let namespace = entry.namespace.clone().unwrap_or_default();
    let to = move || items("to").filter(|to| text(to, "group").is_empty() && text(to, "kind") == "Service");
    items("from").filter(|from| text(from, "group") == GATEWAY).flat_map(move |from| {
        let namespace = namespace.clone();
        to().map(move |to| {
            let service = Some(text(to, "name")).filter(|name| !name.is_empty()).map(Arc::from);
            (namespace.clone(), text(from, "namespace").into(), text(from, "kind").into(), service)
        })
    })
}

fn backends(entry: &Arc<Entry>, source: &Source, way: &[&str]) -> Vec<Route> {
    // Each with the nearest host on the way to it.
    let mut found = vec![(Pointer::ROOT, &entry.value, way_to(&entry.value, source.host))];
    for step in way {
        found = found
            .into_iter()
            .flat_map(|(at, value, host)| match *step {
                "[]" => {
                    let items = value.as_array().into_iter().flat_map(lumen_value::Array::iter);
                    let with_host =
                        |(index, item)| (at.child(index), item, way_to(item, source.host).or(host));
                    items.enumerate().map(with_host).collect::<Vec<_>>()
                }
                key => value.get(key).map(|value| (at.child(key), value, host)).into_iter().collect(),
            })
            .collect();
    }
    found.into_iter().filter_map(|(at, value, host)| route(entry, source, at, value, host)).collect()
}

fn route(
    entry: &Arc<Entry>,
    source: &Source,
    at: Pointer,
    backend: &Value,
    host: Option<&Value>,
) -> Option<Route> {
    // Other kinds of backends lead to no Service.
    if !matches!(text(backend, "kind"), "" | "Service") {
        return None;
    }
    let name = source.names.iter().find_map(|way| way_to(backend, way)?.as_str())?;
    let own = entry.namespace.clone().unwrap_or_default();
    let is_target_port = source.kind == RouteKind::OpenShift;
    let port = if is_target_port {
        target(field(&entry.value, &["spec", "port", "targetPort"]))
    } else {
        source.ports.iter().find_map(|way| target(way_to(backend, way)?))
    };
    Some(Route {
        entry: entry.clone(),
        kind: source.kind,
        at,
        host: host.and_then(Value::as_str).unwrap_or_default().into(),
        namespace: match text(backend, "namespace") {
            "" => own,
            other => other.into(),
        },
        service: name.into(),
        port,
        is_target_port,
        is_granted: true,
        index: None,
    })
}

/// The value at the end of a way of keys and numbers; `None` where it ends early, or at null.
fn way_to<'a>(value: &'a Value, way: &[&str]) -> Option<&'a Value> {
    let step = |value: &'a Value, step: &&str| match step.parse::<usize>() {
        Ok(index) => value.step(&Step::from(index)),
        Err(_) => value.get(step),
    };
    way.iter().try_fold(value, step).filter(|value| !value.is_null())
}
