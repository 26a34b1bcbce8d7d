//! An API server of a world: it says what there is, in pages, and nothing ever changes.

use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use lumen_server::api::{Api, Bounds};
use serde_json::{Value as Json, json};
use tokio::net::TcpListener;

use crate::world::KINDS;

/// How many objects a page has.
const PAGE: usize = 3;

/// The kinds of policies, and of what decides beside them, whose definitions come with Gatekeeper and Lumen.
const POLICIES: [(&str, &str); 10] = [
    ("templates.gatekeeper.sh/v1", "ConstraintTemplate"),
    ("config.gatekeeper.sh/v1alpha1", "Config"),
    ("syncset.gatekeeper.sh/v1alpha1", "SyncSet"),
    ("expansion.gatekeeper.sh/v1beta1", "ExpansionTemplate"),
    ("mutations.gatekeeper.sh/v1", "Assign"),
    ("mutations.gatekeeper.sh/v1", "AssignMetadata"),
    ("mutations.gatekeeper.sh/v1", "AssignImage"),
    ("mutations.gatekeeper.sh/v1", "ModifySet"),
    ("lumensec.io/v1alpha1", "Exemption"),
    ("lumensec.io/v1alpha1", "LumenConfig"),
];

const DEFINITIONS: &str = "customresourcedefinitions";

#[derive(Clone, Default)]
pub(crate) struct Cluster(Arc<Mutex<Vec<Json>>>);

impl Cluster {
    pub(crate) async fn start() -> (Self, Api) {
        let cluster = Self::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let router = Router::new().fallback(answer).with_state(cluster.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        // Whoever comes second finds it installed.
        let _is_first = rustls::crypto::ring::default_provider().install_default();
        let config = kube::Config::new(format!("http://{address}").parse().expect("an address"));
        let client = kube::Client::try_from(config).expect("a client");
        let page_objects = u32::try_from(PAGE).expect("a small number");
        (cluster, Api::new(client).bounded(Bounds { page_objects, ..Bounds::default() }))
    }

    /// Other objects from now on. The definitions of their kinds come with them.
    pub(crate) fn hold(&self, objects: Vec<Json>) {
        *self.0.lock().expect("a lock") = objects;
    }

    fn listed(&self, api_version: &str, plural: &str) -> Vec<Json> {
        if plural == DEFINITIONS {
            return self.definitions();
        }
        let all = self.0.lock().expect("a lock");
        let group =
            |api_version: &str| api_version.rsplit_once('/').map_or("", |(group, _)| group).to_owned();
        let of_kind = all.iter().filter(|object| {
            let (theirs, kind) = (crate::text(object, "/apiVersion"), crate::text(object, "/kind"));
            group(theirs) == group(api_version) && plural_of(kind) == plural
        });
        // A server converts its objects to the version that is asked for.
        let converted = of_kind.map(|object| {
            let mut object = object.clone();
            object["apiVersion"] = api_version.into();
            object
        });
        converted.collect()
    }

    fn definitions(&self) -> Vec<Json> {
        let all = self.0.lock().expect("a lock");
        let constraints = all.iter().filter_map(|object| {
            let kind = object.pointer("/spec/crd/spec/names/kind")?.as_str()?;
            Some(("constraints.gatekeeper.sh/v1beta1".to_owned(), kind.to_owned()))
        });
        let known = POLICIES.map(|(api_version, kind)| (api_version.to_owned(), kind.to_owned()));
        let definition = |(api_version, kind): (String, String)| {
            let (group, version) = api_version.split_once('/').expect("a group");
            let plural = plural_of(&kind);
            let scope = if kind == "Config" { "Namespaced" } else { "Cluster" };
            json!({
                "metadata": {"name": format!("{plural}.{group}")},
                "spec": {
                    "group": group,
                    "scope": scope,
                    "names": {"kind": kind, "plural": plural},
                    "versions": [{"name": version, "served": true}],
                },
                "status": {"conditions": [{"type": "Established", "status": "True"}]},
            })
        };
        known.into_iter().chain(constraints).map(definition).collect()
    }
}

/// What paths call a kind.
fn plural_of(kind: &str) -> String {
    let known = KINDS.iter().find(|(_, each, ..)| *each == kind);
    known.map_or_else(|| kind.to_lowercase(), |(_, _, plural, _)| (*plural).to_owned())
}

async fn answer(State(cluster): State<Cluster>, uri: Uri) -> Response {
    let parts: Vec<&str> = uri.path().trim_matches('/').split('/').collect();
    let query = uri.query().unwrap_or_default();
    let body = match parts.as_slice() {
        ["api"] => discovery("").to_string().into(),
        ["apis"] => discovery("/").to_string().into(),
        _ if query.contains("watch=") => Body::from_stream(Silence),
        ["api", version, plural] => page(&cluster.listed(version, plural), query).into(),
        ["apis", group, version, plural] => {
            page(&cluster.listed(&format!("{group}/{version}"), plural), query).into()
        }
        _ => {
            let nothing = Response::builder().status(StatusCode::NOT_FOUND).body(Body::empty());
            return nothing.expect("an answer");
        }
    };
    Response::new(body)
}

/// The built-in kinds of the core group, or of the others.
fn discovery(mark: &str) -> Json {
    // Definitions are there, but nobody is to judge them.
    let of_root = KINDS.iter().filter(|(version, ..)| version.contains('/') == (mark == "/"));
    let items = of_root.map(|(api_version, kind, plural, is_namespaced)| {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        let scope = if *is_namespaced { "Namespaced" } else { "Cluster" };
        let resource = json!({
            "resource": plural,
            "responseKind": {"group": group, "version": version, "kind": kind},
            "scope": scope,
            "verbs": ["get", "list", "watch"],
        });
        json!({
            "metadata": {"name": group},
            "versions": [{"version": version, "freshness": "Current", "resources": [resource]}],
        })
    });
    json!({"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "items": items.collect::<Vec<_>>()})
}

fn page(all: &[Json], query: &str) -> String {
    let token = query.split('&').find_map(|part| part.strip_prefix("continue="));
    let from: usize = token.map_or(0, |token| token.parse().expect("a number"));
    let items: Vec<&Json> = all.iter().skip(from).take(PAGE).collect();
    let next = from + items.len();
    let token = if next < all.len() { next.to_string() } else { String::new() };
    json!({"kind": "List", "metadata": {"resourceVersion": "1", "continue": token}, "items": items})
        .to_string()
}

/// A watch that tells nothing and does not end.
struct Silence;

impl futures_core::Stream for Silence {
    type Item = Result<String, std::io::Error>;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Pending
    }
}
