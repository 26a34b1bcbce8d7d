//! Requests to the API server, all the time, and what became of them.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::kubectl::until;
use crate::nodes::Nodes;

/// Clients that ask, each on a connection of its own, one request after the other.
const CLIENTS: usize = 3;
/// Requests of a client in a second, at most.
const RATE: u32 = 15;
/// More than are ever sent.
const REQUESTS: usize = 10_000;

/// Clients that ask until this is finished or dropped. Every other Pod is one that the policies of the reference document deny.
pub(crate) struct Load {
    clients: Vec<(Child, JoinHandle<()>)>,
    seen: Arc<Mutex<Seen>>,
}

/// What was seen of the answers.
#[derive(Default)]
struct Seen {
    answered: usize,
    /// Answered as they should be, since the last one that was not.
    in_a_row: usize,
    failed: Vec<(Instant, String)>,
}

/// What became of the requests.
pub(crate) struct Outcome {
    pub(crate) answered: usize,
    pub(crate) failed: Vec<(Instant, String)>,
}

impl Load {
    /// Starts the clients, and waits until they are answered as they should be.
    pub(crate) fn start(nodes: &Nodes) -> Self {
        let seen = Arc::<Mutex<Seen>>::default();
        let requests = nodes.run().join("requests");
        std::fs::write(&requests, list(nodes)).expect("a file");
        let clients = (0..CLIENTS).map(|_| {
            let mut command = nodes.kubectl.command(Path::new("curl"));
            command.args(["--silent", "--rate", &format!("{RATE}/s"), "--config"]).arg(&requests);
            let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("curl");
            let out = BufReader::new(child.stdout.take().expect("its output"));
            let seen = seen.clone();
            let reading = std::thread::spawn(move || {
                let mut body = String::new();
                for line in out.lines() {
                    let Ok(line) = line else { return };
                    match line.strip_prefix("outcome ") {
                        Some(outcome) => note(&mut lock(&seen), outcome, &std::mem::take(&mut body)),
                        None => body.push_str(&line),
                    }
                }
            });
            (child, reading)
        });
        let load = Self { clients: clients.collect(), seen };
        load.settle("the load is on");
        load
    }

    /// Waits until many requests in a row are answered as they should be.
    pub(crate) fn settle(&self, what: &str) {
        lock(&self.seen).in_a_row = 0;
        until(what, || lock(&self.seen).in_a_row >= 60);
    }

    /// Ends the clients.
    pub(crate) fn finish(mut self) -> Outcome {
        self.end();
        let mut seen = lock(&self.seen);
        Outcome { answered: seen.answered, failed: std::mem::take(&mut seen.failed) }
    }

    fn end(&mut self) {
        for (mut child, reading) in self.clients.drain(..) {
            // It may have ended.
            let _is_killed = child.kill();
            let _status = child.wait();
            let _has_ended = reading.join();
        }
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.end();
    }
}

impl Outcome {
    /// What is printed: how many failed, over which time, and why.
    pub(crate) fn told(&self, of: &str, since: Instant) {
        let after = |at: Option<&(Instant, String)>| at.map_or(Duration::ZERO, |(at, _)| *at - since);
        let span = (after(self.failed.first()), after(self.failed.last()));
        println!("{of}: {} of {} requests failed", self.failed.len(), self.answered);
        let mut reasons: Vec<_> = self.failed.iter().map(|(_, reason)| reason.as_str()).collect();
        reasons.sort_unstable();
        reasons.dedup();
        for reason in reasons {
            println!("  from {:.1?} to {:.1?} after it: {reason}", span.0, span.1);
        }
    }
}

fn lock(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Notes an answer: `STATUS EXPECTED`, and the body.
fn note(seen: &mut Seen, outcome: &str, body: &str) {
    seen.answered += 1;
    let (status, expected) = outcome.split_once(' ').unwrap_or((outcome, ""));
    // Refused by a policy, and not because nobody could be asked.
    if status == expected && (status != "403" || body.contains("denied the request: [block-latest-tag]")) {
        seen.in_a_row += 1;
        return;
    }
    seen.in_a_row = 0;
    let message = serde_json::from_str::<serde_json::Value>(body)
        .ok()
        .and_then(|status| status["message"].as_str().map(str::to_owned));
    seen.failed.push((Instant::now(), format!("{status}: {}", message.unwrap_or_else(|| body.to_owned()))));
}

/// What curl is to ask for, as its configuration.
fn list(nodes: &Nodes) -> Vec<u8> {
    let pod = |image: &str, labels: serde_json::Value| {
        let amounts = json!({"cpu": "1m", "memory": "1Mi"});
        let container =
            json!({"name": "web", "image": image, "resources": {"requests": amounts, "limits": amounts}});
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web", "labels": labels}, "spec": {"containers": [container]}})
    };
    let denied = nodes.run().join("denied.json");
    let admitted = nodes.run().join("admitted.json");
    let labels = json!({"app": "web", "tier": "frontend"});
    std::fs::write(&denied, pod("localhost:5000/web:latest", labels.clone()).to_string()).expect("a file");
    std::fs::write(&admitted, pod("localhost:5000/web:1", labels).to_string()).expect("a file");
    let key = |name: &str| nodes.run().join("pki").join(name).display().to_string();
    let mut text = Vec::new();
    for number in 0..REQUESTS {
        let (body, expected) = if number % 2 == 0 { (&denied, 403) } else { (&admitted, 201) };
        let body = body.display();
        writeln!(
            text,
            "url = \"{}/api/v1/namespaces/plain/pods?dryRun=All\"\ndata = \"@{body}\"\nheader = \"Content-Type: application/json\"\n\
             cacert = \"{}\"\ncert = \"{}\"\nkey = \"{}\"\nmax-time = 40\nwrite-out = \"\\noutcome %{{http_code}} {expected}\\n\"\nnext",
            nodes.address(),
            key("ca.crt"),
            key("admin.crt"),
            key("admin.key"),
        )
        .expect("memory");
    }
    text
}
