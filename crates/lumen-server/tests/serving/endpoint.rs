//! The webhook on a port of its own, with TLS, and clients for it.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    dead_code,
    reason = "test code, shared by tests of which each uses a part"
)]

use std::net::SocketAddr;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::{http1, http2};
use hyper::{Request, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use lumen_server::listen::{self, Bounds};
use lumen_server::metrics::Metrics;
use lumen_server::state::{Current, State};
use lumen_server::tls::{Identity, server_config};
use lumen_server::webhook::{Lookup, Server, Settings};
use prometheus_client::registry::Registry;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde_json::Value as Json;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_rustls::client::TlsStream;
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// A webhook that answers.
pub(crate) struct Endpoint {
    pub(crate) address: SocketAddr,
    pub(crate) metrics: Metrics,
    pub(crate) current: Arc<Current>,
    pub(crate) identity: Arc<Identity>,
    pub(crate) server: Server,
    trusted: CertificateDer<'static>,
    stop: Option<oneshot::Sender<()>>,
    serving: JoinHandle<std::io::Result<()>>,
}

/// A certificate for `localhost` that signs itself, and its key, as PEM; and the certificate alone.
pub(crate) fn certificate() -> (String, String, CertificateDer<'static>) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    (made.cert.pem(), made.signing_key.serialize_pem(), made.cert.der().clone())
}

impl Endpoint {
    pub(crate) async fn start(state: State, settings: Settings, bounds: Bounds) -> Self {
        Self::start_with(state, settings, bounds, None).await
    }

    pub(crate) async fn start_with(
        state: State,
        settings: Settings,
        bounds: Bounds,
        lookup: Option<Arc<dyn Lookup>>,
    ) -> Self {
        let (certificate, key, trusted) = certificate();
        let identity = Arc::new(Identity::of_pem(certificate.as_bytes(), key.as_bytes()).expect("sound"));
        let tls = TlsAcceptor::from(Arc::new(server_config(identity.clone()).expect("sound")));
        let current = Arc::new(Current::default());
        current.publish(State { is_complete: true, ..state });
        let mut registry = Registry::default();
        let metrics = Metrics::registered(&mut registry);
        let server = Server::new(current.clone(), settings, metrics.clone(), registry, lookup);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (stop, stopping) = oneshot::channel();
        let router = server.webhook().merge(server.health());
        let told = metrics.clone();
        let serving = tokio::spawn(async move {
            let stopping = async { assert!(stopping.await.is_ok(), "the endpoint is stopped") };
            listen::serve(listener, Some(tls), router, bounds, told, stopping).await
        });
        Self { address, metrics, current, identity, server, trusted, stop: Some(stop), serving }
    }

    pub(crate) async fn stop(mut self) {
        self.stop.take().expect("it is stopped once").send(()).expect("it serves");
        self.serving.await.expect("no panic").expect("no error");
    }

    /// The certificate that it is to be trusted by, as a webhook configuration has it.
    pub(crate) fn ca_bundle(&self) -> String {
        let der = BASE64.encode(&self.trusted);
        BASE64.encode(format!("-----BEGIN CERTIFICATE-----\n{der}\n-----END CERTIFICATE-----\n"))
    }

    pub(crate) async fn tcp(&self) -> TcpStream {
        TcpStream::connect(self.address).await.expect("a connection")
    }

    pub(crate) async fn tls(&self, protocol: &str) -> TlsStream<TcpStream> {
        self.try_tls(protocol).await.expect("a handshake")
    }

    pub(crate) async fn try_tls(&self, protocol: &str) -> std::io::Result<TlsStream<TcpStream>> {
        let mut roots = RootCertStore::empty();
        roots.add(self.trusted.clone()).expect("a certificate");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
        let name = ServerName::try_from("localhost").expect("a name");
        TlsConnector::from(Arc::new(config)).connect(name, TcpStream::connect(self.address).await?).await
    }

    /// A connection of HTTP/2, as the API server has.
    pub(crate) async fn http2(&self) -> Client {
        let stream = TokioIo::new(self.tls("h2").await);
        let (sender, connection) = http2::handshake(TokioExecutor::new(), stream).await.expect("HTTP/2");
        tokio::spawn(connection);
        Client(sender)
    }

    pub(crate) async fn http1(&self) -> http1::SendRequest<Full<Bytes>> {
        let stream = TokioIo::new(self.tls("http/1.1").await);
        let (sender, connection) = http1::handshake(stream).await.expect("HTTP/1.1");
        tokio::spawn(connection);
        sender
    }

    pub(crate) async fn get(&self, path: &str) -> (StatusCode, String) {
        let client = self.http2().await;
        let request =
            Request::get(format!("https://localhost{path}")).body(Full::default()).expect("a request");
        client.send(request).await.expect("an answer")
    }
}

/// A client on one connection.
#[derive(Clone)]
pub(crate) struct Client(http2::SendRequest<Full<Bytes>>);

impl Client {
    pub(crate) async fn send(&self, request: Request<Full<Bytes>>) -> hyper::Result<(StatusCode, String)> {
        let answer = self.0.clone().send_request(request).await?;
        let status = answer.status();
        let body = answer.into_body().collect().await?.to_bytes();
        Ok((status, String::from_utf8_lossy(&body).into_owned()))
    }

    pub(crate) async fn post(&self, body: impl Into<Bytes>) -> hyper::Result<(StatusCode, String)> {
        self.send(post("/v1/admit?timeout=10s", "application/json", body)).await
    }

    /// The `response` to a request.
    pub(crate) async fn review(&self, request: &str) -> Json {
        let (status, text) = self.post(review(request)).await.expect("an answer");
        assert_eq!(status, StatusCode::OK, "{text}");
        let review: Json = serde_json::from_str(&text).expect("JSON");
        assert_eq!(review["kind"], "AdmissionReview");
        review["response"].clone()
    }
}

pub(crate) fn post(path: &str, kind: &str, body: impl Into<Bytes>) -> Request<Full<Bytes>> {
    Request::post(format!("https://localhost{path}"))
        .header("host", "localhost")
        .header("content-type", kind)
        .body(Full::new(body.into()))
        .expect("a request")
}

/// An `AdmissionReview` with a request.
pub(crate) fn review(request: &str) -> String {
    format!(r#"{{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","request":{request}}}"#)
}

/// A request to make a Pod.
pub(crate) fn pod(name: &str, namespace: &str, rest: &str) -> String {
    format!(
        r#"{{"uid":"u-{name}","kind":{{"group":"","version":"v1","kind":"Pod"}},"resource":{{"group":"","version":"v1","resource":"pods"}},
        "name":"{name}","namespace":"{namespace}","operation":"CREATE","userInfo":{{"username":"alice","groups":["system:authenticated"]}},
        "object":{{"apiVersion":"v1","kind":"Pod","metadata":{{"name":"{name}","namespace":"{namespace}"}},
        "spec":{{"containers":[{{"name":"c","image":"i","securityContext":{{"privileged":true}}}}]}}}},"oldObject":null{rest}}}"#
    )
}
