//! A listing as JSON, schema `lumen.net.list/v1`.

use std::io;

use schemars::JsonSchema;
use serde::Serialize;

use super::Listing;
use crate::network::actor::Party;
use crate::network::shape::{End, PortRange, WorkloadShape, port_ranges, workloads};
use crate::output::write_json;

/// The name and version of the shape.
pub const LIST_SCHEMA: &str = "lumen.net.list/v1";

/// Who reaches whom.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(title = "lumen.net.list/v1", deny_unknown_fields)]
pub struct List {
    /// The name and version of this shape. A change that could break a reader changes it.
    #[schemars(extend("const" = LIST_SCHEMA))]
    schema: &'static str,
    /// The workloads, sorted by namespace, kind and name.
    workloads: Vec<WorkloadShape>,
    /// The connections that policies let through, sorted. The ports of one pair are the union of its entries.
    connections: Vec<ConnectionShape>,
    /// The ways from ingress controllers to workloads.
    routes: Vec<RouteShape>,
    /// The names of workloads whose ingress no policy isolates.
    open_ingress: Vec<String>,
    /// The names of workloads whose egress no policy isolates.
    open_egress: Vec<String>,
    /// The names of workloads on the host's network, which policies do not select.
    host_network: Vec<String>,
    /// What the answers rest on that manifests do not tell, one sentence each.
    assumptions: Vec<String>,
}

/// A connection that policies let through.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
struct ConnectionShape {
    /// Who connects.
    from: End,
    /// To whom.
    to: End,
    /// On which ports of the destination.
    ports: Vec<PortRange>,
}

/// A way from an ingress controller by a route and a Service to a workload.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
struct RouteShape {
    /// The host or match, as written; left out for all.
    #[serde(skip_serializing_if = "String::is_empty")]
    host: String,
    /// The Service: `namespace/name`.
    service: String,
    /// The controller.
    through: End,
    /// The workload.
    to: End,
    /// The ports that the route leads to and policies let through.
    allowed: Vec<PortRange>,
    /// The ports that the route leads to and policies do not let through.
    denied: Vec<PortRange>,
}

impl List {
    fn of(listing: &Listing, names: &[String]) -> Self {
        let end = |party: &Party| End::of(party, &listing.actors);
        let named = |indices: &[usize]| {
            indices
                .iter()
                .filter_map(|index| listing.actors.get(*index))
                .map(|actor| actor.name.clone())
                .collect()
        };
        let [open_ingress, open_egress] = &listing.open;
        Self {
            schema: LIST_SCHEMA,
            workloads: workloads(&listing.actors, names),
            connections: listing
                .connections
                .iter()
                .map(|each| ConnectionShape {
                    from: end(&each.from),
                    to: end(&each.to),
                    ports: port_ranges(&each.ports),
                })
                .collect(),
            routes: listing
                .routes
                .iter()
                .map(|route| RouteShape {
                    host: route.host.clone(),
                    service: route.service.clone(),
                    through: end(&route.through),
                    to: end(&Party::Actor(route.to)),
                    allowed: port_ranges(&route.allowed),
                    denied: port_ranges(&route.offered.difference(&route.allowed)),
                })
                .collect(),
            open_ingress: named(open_ingress),
            open_egress: named(open_egress),
            host_network: named(&listing.on_host),
            assumptions: listing.assumptions.clone(),
        }
    }
}

/// Writes a listing as one JSON document. `names` are those of all workloads of the model.
///
/// # Errors
///
/// Where writing fails.
pub fn json(listing: &Listing, names: &[String], out: &mut dyn io::Write) -> io::Result<()> {
    write_json(&List::of(listing, names), out)
}
