//! [`Envelope`]: the `AdmissionReview` that a request comes in and its answer goes back in.

use lumen_core::admission::webhook::{Answer, Sent};
use lumen_value::json::parse;
use lumen_value::read::Limits;
use lumen_value::{Object, Value};

use super::scan;

/// The versions of `AdmissionReview` that are spoken; an answer has that of its request.
const VERSIONS: [&str; 2] = ["admission.k8s.io/v1", "admission.k8s.io/v1beta1"];

/// What the answer to a request must repeat.
#[derive(Clone, Debug)]
pub(super) struct Address {
    version: &'static str,
    uid: String,
}

/// A request with what its answer must repeat.
#[derive(Clone, Debug)]
pub(super) struct Envelope {
    address: Address,
    /// The `AdmissionRequest`.
    pub(super) request: Value,
    /// The text of its object, where a message may have to quote it.
    object_text: Option<String>,
}

impl Address {
    /// The answer, as the body that goes back.
    pub(super) fn answered(&self, answer: &Answer) -> String {
        let mut status = Object::default().with("code", i64::from(answer.code));
        for (name, text) in [("reason", answer.reason), ("message", &answer.message)] {
            if !text.is_empty() {
                status = status.with(name, text);
            }
        }
        let mut response = Object::default()
            .with("uid", self.uid.as_str())
            .with("allowed", answer.is_allowed)
            .with("status", status);
        if !answer.warnings.is_empty() {
            let warnings: Vec<Value> = answer.warnings.iter().map(|text| text.as_str().into()).collect();
            response = response.with("warnings", warnings);
        }
        if !answer.audit_annotations.is_empty() {
            let annotations = answer.audit_annotations.iter();
            let annotations: Vec<(Value, Value)> =
                annotations.map(|(key, text)| ((*key).into(), cut(text).into())).collect();
            response = response.with("auditAnnotations", Object::from_iter(annotations));
        }
        let review: Value = [
            ("apiVersion", self.version.into()),
            ("kind", "AdmissionReview".into()),
            ("response", response.into()),
        ]
        .into();
        review.to_json()
    }
}

/// Most bytes of one annotation: it is written to the audit log with every request.
const ANNOTATION_BYTES_MAX: usize = 4096;

/// A text, cut at [`ANNOTATION_BYTES_MAX`].
fn cut(text: &str) -> &str {
    super::log::cut(text, ANNOTATION_BYTES_MAX)
}

/// What is seen of a request that is not read otherwise.
#[derive(Clone, Debug)]
pub(super) struct Glimpse<'b> {
    pub(super) address: Address,
    pub(super) namespace: Option<&'b str>,
}

impl<'b> Glimpse<'b> {
    /// `None` where there is no address to be seen.
    pub(super) fn of(bytes: &'b [u8]) -> Option<Self> {
        let [api_version, request] = scan::fields(bytes, ["apiVersion", "request"]);
        let [uid, namespace] = scan::fields(request?, ["uid", "namespace"]);
        let address =
            Address { version: version(scan::word(api_version?)?)?, uid: scan::word(uid?)?.to_owned() };
        Some(Self { address, namespace: namespace.and_then(scan::word) })
    }

    /// The same of a request of which only the beginning came: the API server puts what is looked for before all objects.
    pub(super) fn of_beginning(bytes: &'b [u8]) -> Option<Self> {
        let version = version(scan::begun_word(bytes, "apiVersion")?)?;
        let request = scan::begun(bytes, "request")?;
        let uid = scan::begun_word(request, "uid")?.to_owned();
        Some(Self { address: Address { version, uid }, namespace: scan::begun_word(request, "namespace") })
    }
}

fn version(word: &str) -> Option<&'static str> {
    VERSIONS.into_iter().find(|each| *each == word)
}

impl Envelope {
    /// Reads an `AdmissionReview`; why it is none.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, String> {
        let review = parse(bytes, &Limits::default()).map_err(|error| error.to_string())?.value;
        let word = |value: &Value, name| Some(value.get(name)?.as_str()?.to_owned());
        let read = || {
            let kind = word(&review, "kind")?;
            let version = version(&word(&review, "apiVersion")?)?;
            let request = review.get("request").filter(|request| request.as_object().is_some())?.clone();
            let uid = word(&request, "uid").filter(|uid| !uid.is_empty())?;
            (kind == "AdmissionReview").then_some((Address { version, uid }, request))
        };
        let wrong = || format!("the body is no AdmissionReview of {} with a request", VERSIONS.join(" or "));
        let (address, request) = read().ok_or_else(wrong)?;
        let object_text = quoted(bytes, &request);
        Ok(Self { address, request, object_text })
    }

    /// The request as it came.
    pub(super) fn sent(&self) -> Sent<'_> {
        Sent { request: &self.request, object_text: self.object_text.as_deref() }
    }

    pub(super) fn is_dry_run(&self) -> bool {
        self.request.get("dryRun") == Some(&Value::Bool(true))
    }

    pub(super) const fn address(&self) -> &Address {
        &self.address
    }
}

/// The text of an object without a kind: it is all that can be said of it.
fn quoted(bytes: &[u8], request: &Value) -> Option<String> {
    let is_deleted = request.get("operation").and_then(Value::as_str) == Some("DELETE");
    let part = if is_deleted { "oldObject" } else { "object" };
    if request.get(part)?.get("kind").and_then(Value::as_str).is_some_and(|kind| !kind.is_empty()) {
        return None;
    }
    let text = scan::field(scan::field(bytes, "request")?, part)?;
    Some(String::from_utf8_lossy(text).into_owned())
}
