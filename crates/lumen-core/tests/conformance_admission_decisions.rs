//! Admission requests against what Gatekeeper's webhook answers in a cluster.

#[path = "../../../tests/conformance/decisions.rs"]
mod decisions;
#[path = "../../../tests/conformance/harness.rs"]
mod harness;

use lumen_core::admission::webhook::{Namespaces, Sent, Webhook};
use lumen_value::read::{Limits, Syntax};
use lumen_value::span::Index;
use lumen_value::{Value, pointer};

struct Known<'a>(&'a decisions::Cluster);

impl Namespaces for Known<'_> {
    fn namespace(&self, name: &str) -> Option<Value> {
        self.0.namespaces.get(name).cloned()
    }
}

#[test]
fn conformance_admission_decisions() {
    let Some(cluster) = decisions::cluster() else {
        return harness::run("admission", "decisions", |_| Ok(()));
    };
    let webhook = Webhook {
        policies: &cluster.set,
        inventory: &cluster.inventory,
        namespaces: &Known(&cluster),
        own_user: "system:serviceaccount:gatekeeper-system:gatekeeper-admin",
        time_ns: 0,
    };
    harness::run("admission", "decisions", |case| {
        let text = decisions::request_text(case);
        let request = lumen_value::json::parse(text.as_bytes(), &Limits::default()).expect("JSON").value;
        let index = Index::read(text, Syntax::Json).expect("JSON");
        let object_text = text.get(index.locate(&pointer!["object"]).value);
        let answer = webhook.answer(Sent { request: &request, object_text });
        decisions::compare(&decisions::as_response(&answer), case)
    });
}
