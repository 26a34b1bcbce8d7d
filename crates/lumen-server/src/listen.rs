//! [`serve`]: takes connections, as many as are allowed, and ends them in order when the server stops.
//!
//! Where all places are taken, the connection that did nothing for the longest time has to go: first those that never brought a
//! request. So connections that nobody uses keep nobody out.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulConnection;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_rustls::TlsAcceptor;
use tower::Service;

use crate::metrics::Metrics;

mod lent;
mod seats;

use lent::{Lent, linger};
use seats::{Seat, Seated, Seats};

/// How connections are bounded.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Most connections at once; those beyond wait to be accepted.
    pub connections_max: usize,
    /// Most requests at once on one connection of HTTP/2.
    pub streams_max: u32,
    /// How long a client may take for its handshake and for its first request.
    pub head: Duration,
    /// How long a connection is kept that brings no more requests: longer than the 90 s of API servers, so that they close it.
    pub idle: Duration,
    /// How long open requests have when the server stops.
    pub drain: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            connections_max: 2048,
            streams_max: 250,
            head: Duration::from_secs(5),
            idle: Duration::from_mins(5),
            drain: Duration::from_secs(20),
        }
    }
}

/// Longest head of a request.
const HEAD_BYTES_MAX: usize = 64 << 10;
/// Longest path and query of a request.
const TARGET_BYTES_MAX: usize = 2 << 10;
/// How long a connection has that is to go, for what is on its way.
const GOING: Duration = Duration::from_secs(1);

/// Serves until `stop` is done; then takes no more connections, and lets open requests end. Without `tls` it speaks HTTP/1.1.
pub async fn serve(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    router: Router,
    bounds: Bounds,
    metrics: Metrics,
    stop: impl Future<Output = ()>,
) -> io::Result<()> {
    let seats = Arc::new(Seats::new(bounds.connections_max));
    let (stopper, stopping) = watch::channel(false);
    let mut stop = std::pin::pin!(stop);
    let welcome = |stream: TcpStream, seated: Seated| {
        let guest =
            Guest { router: router.clone(), metrics: metrics.clone(), bounds, stopping: stopping.clone() };
        let tls = tls.clone();
        tokio::spawn(async move {
            guest.metrics.connections.inc();
            guest.attend(stream, tls, seated.seat()).await;
            guest.metrics.connections.dec();
        });
    };
    loop {
        let accepted = tokio::select! {
            () = &mut stop => break,
            accepted = accept(&listener, &seats) => accepted,
        };
        if let Some((stream, seated)) = accepted {
            welcome(stream, seated);
        }
    }
    // Whom the machine let in already is not turned away.
    while let Ok(Some((stream, seated))) = timeout(Duration::ZERO, accept(&listener, &seats)).await {
        welcome(stream, seated);
    }
    drop(listener);
    if stopper.send(true).is_err() {
        tracing::debug!("no connection is open");
    }
    if timeout(bounds.drain, seats.all_empty()).await.is_err() {
        tracing::warn!("requests were still open when the server ended");
    }
    Ok(())
}

/// A request without what nobody reads of its head: it may have to wait for its body.
fn slim<B>(request: hyper::Request<B>) -> hyper::Request<B> {
    let (mut head, body) = request.into_parts();
    let mut headers = HeaderMap::new();
    for name in [CONTENT_TYPE, CONTENT_LENGTH] {
        if let Some(value) = head.headers.remove(&name) {
            headers.insert(name, value);
        }
    }
    head.headers = headers;
    hyper::Request::from_parts(head, body)
}

/// A connection and its place; `None` where the machine could not give one.
async fn accept(listener: &TcpListener, seats: &Arc<Seats>) -> Option<(TcpStream, Seated)> {
    let seated = Seats::sit(seats).await?;
    match listener.accept().await {
        Ok((stream, _)) => {
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(%error, "a connection went away");
            }
            seated.seat().came();
            Some((stream, seated))
        }
        Err(error) => {
            tracing::warn!(%error, "cannot accept a connection");
            // Out of file descriptors, say: trying at once would only burn time.
            tokio::time::sleep(Duration::from_millis(50)).await;
            None
        }
    }
}

/// What a connection is attended with.
struct Guest {
    router: Router,
    metrics: Metrics,
    bounds: Bounds,
    stopping: watch::Receiver<bool>,
}

impl Guest {
    async fn attend(&self, stream: TcpStream, tls: Option<TlsAcceptor>, seat: &Arc<Seat>) {
        let Some(tls) = tls else { return self.speak(stream, false, seat).await };
        let handshake = tokio::select! {
            () = seat.dismissed() => return self.metrics.refused("idle"),
            handshake = timeout(self.bounds.head, tls.accept(stream)) => handshake,
        };
        let Ok(Ok(stream)) = handshake else {
            return self.metrics.refused("handshake");
        };
        let is_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
        self.speak(stream, is_http2, seat).await;
    }

    async fn speak<S>(&self, stream: S, is_http2: bool, seat: &Arc<Seat>)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (router, asked) = (self.router.clone(), seat.clone());
        let metrics = self.metrics.clone();
        let service = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
            let (busy, is_greedy) = (asked.clone().busy(), asked.is_greedy());
            let (mut router, metrics) = (router.clone(), metrics.clone());
            async move {
                let answer = if is_greedy
                    || request.uri().path_and_query().is_some_and(|it| it.as_str().len() > TARGET_BYTES_MAX)
                {
                    metrics.refused(if is_greedy { "overload" } else { "malformed" });
                    Ok(StatusCode::SERVICE_UNAVAILABLE.into_response())
                } else {
                    router.call(slim(request).map(Body::new)).await
                };
                drop(busy);
                answer
            }
        });
        let (stream, returned) = Lent::new(stream);
        let stream = TokioIo::new(stream);
        let is_sent_away = if is_http2 {
            let mut http = http2::Builder::new(TokioExecutor::new());
            http.timer(TokioTimer::new())
                .keep_alive_interval(Duration::from_secs(30))
                .keep_alive_timeout(Duration::from_secs(10))
                .max_concurrent_streams(self.bounds.streams_max)
                .max_header_list_size(u32::try_from(HEAD_BYTES_MAX).unwrap_or(u32::MAX));
            self.drive(http.serve_connection(stream, service), seat).await
        } else {
            let mut http = http1::Builder::new();
            // That time runs between two requests, too: an idle connection must outlast the client's patience with it, or a
            // request may be on its way just when it is closed. How long the first head takes is bounded by `drive`.
            http.timer(TokioTimer::new()).header_read_timeout(self.bounds.idle).max_buf_size(HEAD_BYTES_MAX);
            self.drive(http.serve_connection(stream, service), seat).await
        };
        if is_sent_away && let Ok(stream) = returned.await {
            linger(stream).await;
        }
    }

    /// Lets a connection live until it ends, is dismissed, or does nothing for too long; whether the client was asked to go.
    async fn drive<C: GracefulConnection>(&self, connection: C, seat: &Seat) -> bool
    where
        C::Error: std::fmt::Display,
    {
        let mut connection = std::pin::pin!(connection);
        let mut stopping = self.stopping.clone();
        let mut check_at = Instant::now() + self.bounds.head;
        let mut is_going = false;
        let mut go_at = None;
        loop {
            tokio::select! {
                result = connection.as_mut() => {
                    if let Err(error) = result {
                        tracing::debug!(%error, "a connection broke off");
                    }
                    return is_going;
                }
                () = async { if stopping.wait_for(|stops| *stops).await.is_err() { std::future::pending().await } }, if go_at.is_none() => {
                    // Who has just come is about to ask; sent away at once, the client would know of no reason to ask again.
                    go_at = Some(Instant::now() + if seat.is_unused() { GOING } else { Duration::ZERO });
                }
                () = async { match go_at { Some(at) => sleep_until(at).await, None => std::future::pending().await } }, if !is_going => {
                    check_at = Instant::now() + self.bounds.drain;
                    is_going = true;
                    connection.as_mut().graceful_shutdown();
                }
                () = seat.dismissed(), if !is_going => {
                    self.metrics.refused("idle");
                    if seat.is_unused() {
                        return false;
                    }
                    check_at = Instant::now() + GOING;
                    is_going = true;
                    connection.as_mut().graceful_shutdown();
                }
                () = sleep_until(check_at) => {
                    if is_going && !seat.is_busy() {
                        return false;
                    }
                    check_at = Instant::now() + self.bounds.head;
                    if seat.is_idle_for(if seat.is_unused() { self.bounds.head } else { self.bounds.idle }) {
                        self.metrics.refused("idle");
                        check_at = Instant::now() + GOING;
                        is_going = true;
                        connection.as_mut().graceful_shutdown();
                    }
                }
            }
        }
    }
}
