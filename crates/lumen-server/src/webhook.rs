//! [`Server`]: the paths that the API server, kubelets and Prometheus ask for.
//!
//! A request to judge passes five bounds: the bytes of its body, those of all bodies together, the requests that wait, the threads
//! that judge, and its deadline, which is the API server's own less what the way back takes. What does not pass is answered at
//! once, as [`OnOverload`] says: nothing queues up behind what cannot be done in time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::{RawQuery, Request, State as Extract};
use axum::http::header::{CONNECTION, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Version};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use lumen_core::admission::matching::matches_name;
use lumen_core::admission::webhook::{Answer, answer_about_label};
use prometheus_client::registry::Registry;
use tokio::sync::Semaphore;
use tokio::time::timeout_at;

use crate::metrics::{Metrics, text};
use crate::state::Current;

mod body;
mod envelope;
mod judging;
mod log;
mod lookup;
mod pool;
mod scan;
mod settings;

pub use crate::cluster::config::OnOverload;
pub use lookup::{Looking, Lookup};
pub use settings::Settings;

use body::{Bodies, NotReceived, Received};
use envelope::{Envelope, Glimpse};
use judging::{Given, Judged, Outcome};
use pool::Pool;

/// What is left of the API server's time for the way back.
const WAY_BACK: Duration = Duration::from_millis(200);

/// What answers. Clones answer together.
#[derive(Clone)]
pub struct Server(Arc<Inner>);

struct Inner {
    current: Arc<Current>,
    settings: Settings,
    metrics: Metrics,
    registry: Registry,
    lookup: Option<Arc<dyn Lookup>>,
    bodies: Bodies,
    /// Places for requests, judged or waiting.
    places: Semaphore,
    /// Those of them that requests with heavy bodies may have.
    places_for_heavy: Semaphore,
    pool: Pool<Outcome>,
    /// Turns at looking up the pods of a Namespace.
    turns: Arc<Semaphore>,
    is_stopping: AtomicBool,
}

impl Server {
    /// Answers by the newest state. `lookup` is asked for what the state does not have yet.
    pub fn new(
        current: Arc<Current>,
        settings: Settings,
        metrics: Metrics,
        registry: Registry,
        lookup: Option<Arc<dyn Lookup>>,
    ) -> Self {
        let places = settings.threads.get().saturating_add(settings.waiting_max).min(Semaphore::MAX_PERMITS);
        Self(Arc::new(Inner {
            current,
            metrics,
            registry,
            lookup,
            bodies: Bodies::new(settings.body_bytes_max, settings.bodies_bytes_max),
            places: Semaphore::new(places),
            places_for_heavy: Semaphore::new((places / 2).max(1)),
            pool: Pool::new(settings.threads),
            turns: Arc::new(Semaphore::new(1)),
            is_stopping: AtomicBool::new(false),
            settings,
        }))
    }

    /// What the API server asks for: `/v1/admit` and `/v1/admitlabel`.
    pub fn webhook(&self) -> Router {
        Router::new()
            .route("/v1/admit", post(admit))
            .route("/v1/admitlabel", post(admit_label))
            .layer(from_fn_with_state(self.0.clone(), let_go))
            .with_state(self.0.clone())
    }

    /// What kubelets and Prometheus ask for: `/healthz`, `/readyz` and `/metrics`.
    pub fn health(&self) -> Router {
        Router::new()
            .route("/healthz", get(|| async { "ok" }))
            .route("/readyz", get(ready))
            .route("/metrics", get(metrics_text))
            .with_state(self.0.clone())
    }

    /// From now on it is not ready: it is about to stop, and answers what still comes.
    pub fn retire(&self) {
        self.0.is_stopping.store(true, Ordering::Relaxed);
    }
}

/// Why a request is not judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refused {
    /// Its `Content-Type` is not JSON.
    ContentType,
    /// Its body is longer than is allowed.
    TooLong,
    /// Its body broke off.
    BrokeOff,
    /// Its body did not come in time.
    TooSlow,
    /// Its body is no `AdmissionReview`.
    Malformed,
    /// All places are taken.
    Overload,
    /// Its time is up.
    Deadline,
    /// Judging it failed in a way that must not happen.
    Failure,
}

impl Refused {
    const fn told(self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Self::ContentType => (
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "content-type",
                "the content type must be application/json",
            ),
            Self::TooLong => {
                (StatusCode::PAYLOAD_TOO_LARGE, "too-long", "the body is longer than is allowed")
            }
            Self::BrokeOff => (StatusCode::BAD_REQUEST, "broke-off", "the body broke off"),
            Self::TooSlow => (StatusCode::REQUEST_TIMEOUT, "too-slow", "the body did not come in time"),
            Self::Malformed => (StatusCode::BAD_REQUEST, "malformed", "the body is no AdmissionReview"),
            Self::Overload => (
                StatusCode::SERVICE_UNAVAILABLE,
                "overload",
                "lumen has more requests to judge than it can: not judged",
            ),
            Self::Deadline => {
                (StatusCode::SERVICE_UNAVAILABLE, "deadline", "lumen could not judge the request in time")
            }
            Self::Failure => {
                (StatusCode::INTERNAL_SERVER_ERROR, "failure", "lumen failed to judge the request")
            }
        }
    }
}

/// Counts a request as being in flight for as long as this lives, also where its client goes away.
struct InFlight<'a>(&'a Metrics);

impl<'a> InFlight<'a> {
    fn new(metrics: &'a Metrics) -> Self {
        metrics.in_flight.inc();
        Self(metrics)
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.in_flight.dec();
    }
}

/// Once it is about to stop, it lets go of a connection with the next answer on it, so that the client asks another replica.
/// A connection that is closed between two requests may lose the second one: API servers speak HTTP/1.1 to webhooks, and do not ask
/// twice. HTTP/2 has a message of its own for that.
async fn let_go(Extract(server): Extract<Arc<Inner>>, request: Request, next: Next) -> Response {
    let is_http1 = request.version() < Version::HTTP_2;
    let mut response = next.run(request).await;
    if is_http1 && server.is_stopping.load(Ordering::Relaxed) {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

async fn admit(
    Extract(server): Extract<Arc<Inner>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let began = Instant::now();
    let deadline = began + deadline(query.as_deref(), server.settings.deadline);
    let received = match server.bodies.receive(&headers, body, deadline).await {
        Ok(received) => Arc::new(received),
        Err(unreceived) => return server.not_received(&unreceived),
    };
    let _place_for_heavy = match received.is_heavy().then(|| server.places_for_heavy.try_acquire()) {
        Some(Err(_)) => return server.not_judged(Refused::Overload, &received),
        place => place,
    };
    let Ok(_place) = server.places.try_acquire() else {
        return server.not_judged(Refused::Overload, &received);
    };
    let _in_flight = InFlight::new(&server.metrics);
    match server.judged(&received, deadline).await {
        Ok(Judged { status, is_dry_run, body }) => {
            server.metrics.answered(status, is_dry_run, began.elapsed());
            json(body)
        }
        Err(refused) => server.not_judged(refused, &received),
    }
}

fn json(body: String) -> Response {
    ([(CONTENT_TYPE, "application/json")], body).into_response()
}

impl Inner {
    /// Has a request judged; what it takes that the state does not have is looked up.
    async fn judged(
        self: &Arc<Self>,
        received: &Arc<Received>,
        deadline: Instant,
    ) -> Result<Judged, Refused> {
        let mut given = Given::default();
        loop {
            let (server, body, known) = (self.clone(), received.clone(), given.clone());
            let work = move || server.judge(&body.bytes, &known);
            let answer =
                timeout_at(deadline.into(), self.pool.submit(deadline, received.is_heavy(), work)).await;
            let lack = match answer {
                Ok(Ok(Outcome::Judged(judged))) => return Ok(judged),
                Ok(Ok(Outcome::Malformed)) => return Err(Refused::Malformed),
                Ok(Ok(Outcome::Lacks(lack))) => lack,
                Ok(Err(_)) if Instant::now() < deadline => return Err(Refused::Failure),
                Ok(Err(_)) | Err(_) => return Err(Refused::Deadline),
            };
            let found = given.fill(lack, self.lookup.as_deref(), &self.turns, deadline);
            if timeout_at(deadline.into(), found).await.is_err() {
                return Err(Refused::Deadline);
            }
        }
    }

    /// The answer to a request whose body was not taken.
    fn not_received(&self, unreceived: &NotReceived) -> Response {
        self.turned_away(unreceived.why, Glimpse::of_beginning(&unreceived.beginning))
    }

    /// The answer to a request that came whole and was not judged.
    fn not_judged(&self, refused: Refused, received: &Received) -> Response {
        self.turned_away(refused, Glimpse::of(&received.bytes))
    }

    /// The answer to a request that was not judged. What is this server's own trouble is for `onOverload` to decide. What comes of
    /// the request itself is denied: an error would let it by where the webhook's `failurePolicy` is `Ignore`, time and again.
    fn turned_away(&self, refused: Refused, seen: Option<Glimpse<'_>>) -> Response {
        let (status, word, message) = refused.told();
        self.metrics.refused(word);
        let Some(Glimpse { address, namespace }) = seen else {
            return (status, message).into_response();
        };
        let is_spared = namespace.is_some_and(|namespace| self.settings.is_never_blocked(namespace));
        let answer = match refused {
            _ if is_spared || self.settings.is_shadow => OnOverload::Allow,
            Refused::Overload | Refused::Deadline => self.on_overload(),
            _ => OnOverload::Deny,
        };
        match answer {
            OnOverload::Error => (status, message).into_response(),
            OnOverload::Allow => {
                let warnings = if self.settings.is_shadow { Vec::new() } else { vec![message.to_owned()] };
                json(address.answered(&Answer { warnings, ..Answer::allowed(message) }))
            }
            OnOverload::Deny => json(address.answered(&Answer::failed(status.as_u16(), message.to_owned()))),
        }
    }

    /// What the cluster's configuration says, else the program's.
    fn on_overload(&self) -> OnOverload {
        let state = self.current.get();
        state.config.webhook.on_overload.unwrap_or(self.settings.on_overload)
    }
}

async fn admit_label(
    Extract(server): Extract<Arc<Inner>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let deadline = Instant::now() + deadline(query.as_deref(), server.settings.deadline);
    let received = match server.bodies.receive(&headers, body, deadline).await {
        Ok(received) => received,
        Err(unreceived) => return server.not_received(&unreceived),
    };
    // It is about Namespaces, which are small and few: nothing has to wait.
    let Ok(envelope) = Envelope::read(&received.bytes) else {
        return server.not_judged(Refused::Malformed, &received);
    };
    let state = server.current.get();
    let exempt = server.settings.exempt_namespaces.iter().chain(&state.config.webhook.exempt_namespaces);
    let exempt: Vec<&String> = exempt.collect();
    let is_exempt = |name: &str| exempt.iter().any(|pattern| matches_name(pattern, name));
    let mut answer = answer_about_label(&envelope.request, is_exempt);
    if server.settings.is_shadow {
        answer = Answer::allowed("");
    }
    json(envelope.address().answered(&answer))
}

async fn ready(Extract(server): Extract<Arc<Inner>>) -> Response {
    let told = if server.is_stopping.load(Ordering::Relaxed) {
        "the server is about to stop"
    } else if !server.current.get().is_complete {
        "not everything has been read yet"
    } else {
        return "ok".into_response();
    };
    (StatusCode::SERVICE_UNAVAILABLE, told).into_response()
}

async fn metrics_text(Extract(server): Extract<Arc<Inner>>, headers: HeaderMap) -> Response {
    let mut told = String::new();
    match prometheus_client::encoding::text::encode(&mut told, &server.registry) {
        Ok(()) if text::wants_open_metrics(&headers) => {
            ([(CONTENT_TYPE, text::OPEN_METRICS)], told).into_response()
        }
        Ok(()) => ([(CONTENT_TYPE, text::PLAIN)], text::plain(&told)).into_response(),
        Err(error) => {
            tracing::error!(%error, "metrics cannot be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// How long an answer may take: the API server says how long it waits, as `timeout=3s` in the query.
fn deadline(query: Option<&str>, most: Duration) -> Duration {
    let named = query.unwrap_or_default().split('&').find_map(|part| part.strip_prefix("timeout="));
    let seconds = named.and_then(|text| text.strip_suffix('s')?.parse::<u64>().ok());
    let waits = seconds.map_or(most, |seconds| Duration::from_secs(seconds).saturating_sub(WAY_BACK));
    waits.min(most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_back_before_the_api_server_gives_up() {
        let most = Duration::from_secs(10);
        assert_eq!(deadline(Some("timeout=3s"), most), Duration::from_millis(2800));
        assert_eq!(deadline(Some("a=b&timeout=30s"), most), most);
        for query in [None, Some(""), Some("timeout=s"), Some("timeout=-1s"), Some("timeout=3")] {
            assert_eq!(deadline(query, most), most, "{query:?}");
        }
        assert_eq!(deadline(Some("timeout=0s"), most), Duration::ZERO);
        assert_eq!(deadline(Some("timeout=18446744073709551615s"), most), most);
    }
}
