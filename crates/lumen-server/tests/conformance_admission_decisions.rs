//! Admission requests over HTTPS against what Gatekeeper's webhook answers in a cluster.

#[path = "../../../tests/conformance/decisions.rs"]
mod decisions;
#[path = "serving/endpoint.rs"]
mod endpoint;
#[path = "../../../tests/conformance/harness.rs"]
mod harness;

use std::sync::Arc;

use endpoint::Endpoint;
use lumen_server::listen::Bounds;
use lumen_server::state::State;
use lumen_server::webhook::Settings;
use tokio::runtime::Runtime;

#[test]
fn conformance_admission_decisions() {
    let Some(cluster) = decisions::cluster() else {
        return harness::run("admission", "decisions", |_| Ok(()));
    };
    let state = State {
        policies: Arc::new(cluster.set),
        inventory: cluster.inventory,
        namespaces: Arc::new(cluster.namespaces),
        ..State::default()
    };
    let runtime = Runtime::new().expect("a runtime");
    let served = runtime.block_on(Endpoint::start(state, Settings::as_upstream(), Bounds::default()));
    let client = runtime.block_on(served.http2());
    harness::run("admission", "decisions", |case| {
        let answer = runtime.block_on(client.review(decisions::request_text(case)));
        if answer["uid"] != case.json["request"]["uid"] {
            return Err(format!("the uid is not that of the request: {answer}"));
        }
        decisions::compare(&answer, case)
    });
    drop(client);
    runtime.block_on(served.stop());
}
