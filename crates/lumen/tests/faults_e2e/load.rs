//! [`Load`]: requests to the API server without pause, some of which must be denied, and what became of each.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::http::Request;
use kube::Client;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use crate::kubectl::until;

/// How long one request is waited for: longer than the API server waits for the webhook.
const REQUEST_MAX: Duration = Duration::from_secs(5);
/// How many ask at once.
const CLIENTS: usize = 3;
/// How long each waits between two requests.
const PAUSE: Duration = Duration::from_millis(10);

/// What became of the requests.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    /// Denied, as they must be.
    pub(crate) denied: u64,
    /// Allowed, as they must be.
    pub(crate) allowed: u64,
    /// Refused by the API server since the webhook did not answer: `failurePolicy: Fail`.
    pub(crate) uncalled: u64,
    /// Not answered by the API server, or not for reasons of the webhook.
    pub(crate) unanswered: u64,
    /// Answered otherwise than they must be: what goes by the policies, or is denied though it is sound.
    pub(crate) wrong: Vec<String>,
    /// The longest time between two verdicts.
    pub(crate) longest_gap: Duration,
    /// Why requests were refused or not answered last.
    pub(crate) last_failure: String,
    last_verdict: Instant,
}

impl Seen {
    pub(crate) const fn verdicts(&self) -> u64 {
        self.denied + self.allowed
    }
}

/// Requests that come until it is ended.
pub(crate) struct Load {
    is_over: Arc<AtomicBool>,
    seen: Arc<Mutex<Seen>>,
    clients: Vec<JoinHandle<()>>,
}

static NUMBER: AtomicU64 = AtomicU64::new(0);

impl Load {
    /// Asks for `ConfigMap`s of a namespace; those without an owner must be denied with a message that has one of some texts in it.
    pub(crate) fn start(
        runtime: &Handle,
        client: &Client,
        namespace: &'static str,
        messages: &'static [&'static str],
    ) -> Self {
        let seen = Arc::new(Mutex::new(Seen {
            denied: 0,
            allowed: 0,
            uncalled: 0,
            unanswered: 0,
            wrong: Vec::new(),
            longest_gap: Duration::ZERO,
            last_failure: String::new(),
            last_verdict: Instant::now(),
        }));
        let is_over = Arc::new(AtomicBool::new(false));
        let clients = (0..CLIENTS).map(|number| {
            let (client, seen, is_over) = (client.clone(), seen.clone(), is_over.clone());
            runtime.spawn(async move {
                while !is_over.load(Ordering::Relaxed) {
                    // Who is denied is asked about more often: that takes no storage.
                    let has_owner = number == 0;
                    let verdict = ask(&client, namespace, has_owner).await;
                    seen.lock().unwrap_or_else(PoisonError::into_inner).add(has_owner, verdict, messages);
                    tokio::time::sleep(PAUSE).await;
                }
            })
        });
        let clients = clients.collect();
        let load = Self { is_over, seen, clients };
        load.goes_on();
        load
    }

    pub(crate) fn seen(&self) -> Seen {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until further requests were judged, of both kinds.
    pub(crate) fn goes_on(&self) {
        let before = self.seen();
        until("requests are judged", || {
            let now = self.seen();
            now.denied >= before.denied + 20 && now.allowed >= before.allowed + 5
        });
    }

    /// Ends it.
    pub(crate) fn end(self, runtime: &Handle) -> Seen {
        self.goes_on();
        self.is_over.store(true, Ordering::Relaxed);
        for client in self.clients {
            runtime.block_on(client).expect("no panic");
        }
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// What the API server answers.
pub(crate) enum Verdict {
    Allowed,
    Denied(String),
    Uncalled(String),
    Unanswered(String),
}

/// Asks whether a `ConfigMap` could be made.
pub(crate) async fn ask(client: &Client, namespace: &str, has_owner: bool) -> Verdict {
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let labels = if has_owner { r#","labels":{"owner":"me"}"# } else { "" };
    let object = format!(
        r#"{{"apiVersion":"v1","kind":"ConfigMap","metadata":{{"name":"load-{number}","namespace":"{namespace}"{labels}}}}}"#
    );
    let path = format!("/api/v1/namespaces/{namespace}/configmaps?dryRun=All");
    let request = Request::post(path).header("content-type", "application/json").body(object.into_bytes());
    let answer = client.request_text(request.expect("a request"));
    match tokio::time::timeout(REQUEST_MAX, answer).await {
        Err(_) => Verdict::Unanswered("no answer in time".to_owned()),
        Ok(Ok(_)) => Verdict::Allowed,
        Ok(Err(error)) => {
            let text = error.to_string();
            if text.contains("denied the request") {
                Verdict::Denied(text)
            } else if text.contains("calling webhook") {
                Verdict::Uncalled(text)
            } else {
                Verdict::Unanswered(text)
            }
        }
    }
}

impl Seen {
    fn add(&mut self, has_owner: bool, verdict: Verdict, messages: &[&str]) {
        match (verdict, has_owner) {
            (Verdict::Allowed, true) => self.allowed += 1,
            (Verdict::Denied(text), false) if messages.iter().any(|message| text.contains(message)) => {
                self.denied += 1;
            }
            (Verdict::Uncalled(why), _) => {
                self.uncalled += 1;
                self.last_failure = why;
                return;
            }
            (Verdict::Unanswered(why), _) => {
                self.unanswered += 1;
                self.last_failure = why;
                return;
            }
            (Verdict::Allowed, false) => self.wrong.push("let by".to_owned()),
            (Verdict::Denied(text), _) => self.wrong.push(text),
        }
        let now = Instant::now();
        self.longest_gap = self.longest_gap.max(now - self.last_verdict);
        self.last_verdict = now;
    }
}
