//! [`Proxy`]: a strict faulty proxy between a replica and the API server. It passes on what it is asked, or answers as a server in
//! trouble does, and counts.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use hyper::body::Frame;
use kube::Client;
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing.
    None,
    /// Each request is answered with a status, and open watches end. `429` asks to come again after a second.
    Status(u16),
    /// Pages of lists at a path are answered with 500.
    NoLists(&'static str),
    /// Each page of a list is answered after a time.
    SlowLists(Duration),
}

/// What is changed of what goes through: the body of an answer, or that of a request.
pub(crate) type Rewrite = fn(path: &str, is_answer: bool, body: &str) -> Option<String>;

/// The proxy, until it is dropped.
pub(crate) struct Proxy {
    pub(crate) address: String,
    inner: Arc<Inner>,
    serving: JoinHandle<()>,
}

struct Inner {
    client: Client,
    fault: watch::Sender<Fault>,
    rewrite: Option<Rewrite>,
    is_recording: AtomicBool,
    asked: Mutex<Vec<String>>,
}

impl Proxy {
    /// In front of the API server of a kubeconfig. Whoever asks brings his own token along.
    pub(crate) fn start(runtime: &Handle, kubeconfig: &std::path::Path, rewrite: Option<Rewrite>) -> Self {
        let file = kube::config::Kubeconfig::read_from(kubeconfig).expect("a kubeconfig");
        let options = kube::config::KubeConfigOptions::default();
        runtime.block_on(async {
            let mut config = kube::Config::from_custom_kubeconfig(file, &options).await.expect("a way there");
            config.auth_info = kube::config::AuthInfo::default();
            let inner = Arc::new(Inner {
                client: Client::try_from(config).expect("a client"),
                fault: watch::Sender::new(Fault::None),
                rewrite,
                is_recording: AtomicBool::new(false),
                asked: Mutex::default(),
            });
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
            let address = format!("http://{}", listener.local_addr().expect("an address"));
            let router = Router::new().fallback(passed).with_state(inner.clone());
            let serving =
                tokio::spawn(async move { axum::serve(listener, router).await.expect("it serves") });
            Self { address, inner, serving }
        })
    }

    /// From now on this is wrong.
    pub(crate) fn has(&self, fault: Fault) {
        self.inner.fault.send_replace(fault);
    }

    /// Notes what is asked from now on, and gives what was noted.
    pub(crate) fn noted(&self) -> Vec<String> {
        self.inner.is_recording.store(true, Ordering::Relaxed);
        std::mem::take(&mut self.inner.asked.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn passed(State(proxy): State<Arc<Inner>>, request: Request) -> Response {
    let target = request.uri().path_and_query().expect("a path").as_str().to_owned();
    if proxy.is_recording.load(Ordering::Relaxed) {
        let mut asked = proxy.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.push(format!("{} {target}", request.method()));
    }
    let fault = *proxy.fault.borrow();
    match fault {
        Fault::Status(code) => return in_trouble(code),
        Fault::SlowLists(time) if target.contains("limit=") => tokio::time::sleep(time).await,
        Fault::NoLists(path) if target.contains("limit=") && request.uri().path() == path => {
            return in_trouble(500);
        }
        Fault::SlowLists(_) | Fault::NoLists(_) | Fault::None => {}
    }
    let path = request.uri().path().to_owned();
    let (mut head, body) = request.into_parts();
    let mut body = to_bytes(body, 16 << 20).await.expect("a body");
    if let Some(changed) = proxy.changed(&path, false, &body) {
        body = changed;
    }
    head.uri = target.parse().expect("a path");
    head.headers = kept(&head.headers);
    let asked = axum::http::Request::from_parts(head, kube::client::Body::from(body.to_vec()));
    let Ok(answer) = proxy.client.send(asked).await else {
        return in_trouble(502);
    };
    let (mut head, body) = answer.into_parts();
    head.headers = kept(&head.headers);
    if target.contains("watch=true") {
        let mut fault = proxy.fault.subscribe();
        let cut = Box::pin(async move {
            let is_cut = |fault: &Fault| matches!(fault, Fault::Status(_));
            if fault.wait_for(is_cut).await.is_err() {
                std::future::pending::<()>().await;
            }
        });
        return Response::from_parts(head, Body::new(Cut { body, cut }));
    }
    let Ok(mut body) = to_bytes(Body::new(body), 64 << 20).await else { return in_trouble(502) };
    if let Some(changed) = proxy.changed(&path, true, &body) {
        body = changed;
    }
    Response::from_parts(head, Body::from(body))
}

impl Inner {
    fn changed(&self, path: &str, is_answer: bool, body: &Bytes) -> Option<Bytes> {
        let text = std::str::from_utf8(body).ok()?;
        (self.rewrite?)(path, is_answer, text).map(Bytes::from)
    }
}

/// What is about the message, and not about the connection that it came by.
fn kept(headers: &HeaderMap) -> HeaderMap {
    let mut kept = headers.clone();
    for name in [header::CONNECTION, header::HOST, header::CONTENT_LENGTH, header::TRANSFER_ENCODING] {
        kept.remove(name);
    }
    kept
}

fn in_trouble(code: u16) -> Response {
    let status = StatusCode::from_u16(code).expect("a status");
    if code == 429 {
        // As the API server's own fairness does it.
        let head = [(header::RETRY_AFTER, "1"), (header::CONTENT_TYPE, "text/plain")];
        return (status, head, "Too many requests, please try again later.\n").into_response();
    }
    let text = format!(
        r#"{{"kind":"Status","apiVersion":"v1","status":"Failure","message":"in trouble","code":{code}}}"#
    );
    (status, [(header::CONTENT_TYPE, "application/json")], text).into_response()
}

/// A body that ends when something else does.
struct Cut {
    body: kube::client::Body,
    cut: Pin<Box<dyn Future<Output = ()> + Send>>,
}

impl hyper::body::Body for Cut {
    type Data = Bytes;
    type Error = kube::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, kube::Error>>> {
        if self.cut.as_mut().poll(context).is_ready() {
            return Poll::Ready(None);
        }
        Pin::new(&mut self.body).poll_frame(context)
    }
}
