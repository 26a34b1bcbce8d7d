//! Findings that are known: a file of fingerprints that do not change when lines move.

use std::collections::BTreeMap;

use lumen_core::finding::{Finding, Place};
use lumen_core::snapshot::Entry;
use lumen_value::{Pointer, Step, Value};
use serde::{Deserialize, Serialize};

/// The schema that the file names.
pub const SCHEMA: &str = "lumen.baseline/v1";

/// Largest baseline, in bytes.
pub const BASELINE_BYTES_MAX: u64 = 64 << 20;

/// What a finding is about, without the lines it stands on: when its manifest is moved or reordered, it stays the same.
/// When enforcement begins to deny what was advice, it is another one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fingerprint {
    /// The object, or the file where there is none.
    pub object: String,
    /// The field: elements of lists by their names.
    pub path: String,
    /// The rule's id.
    pub rule: String,
    /// What enforcement does.
    pub action: String,
}

impl Fingerprint {
    /// The fingerprint of a finding about an object, or about none.
    pub fn of(finding: &Finding, entry: Option<&Entry>) -> Self {
        let object = match (entry, &finding.object, &finding.location) {
            (Some(entry), ..) => match &entry.identity {
                Some(identity) => identity.to_string(),
                None => entry.object.to_string(),
            },
            (None, Some(object), _) => object.to_string(),
            (None, None, Some(location)) => location.source.to_string(),
            (None, None, None) => String::new(),
        };
        let path = match finding.location.as_ref().map(|location| &location.place) {
            Some(Place::Field { pointer, .. } | Place::Inside { pointer, .. }) => path(pointer, entry),
            Some(Place::Byte(_) | Place::Whole) | None => String::new(),
        };
        Self { object, path, rule: finding.rule.to_string(), action: finding.action.to_string() }
    }
}

/// A pointer from its object's root in which elements have their names, or their values, in place of their numbers.
pub(crate) fn path(pointer: &Pointer, entry: Option<&Entry>) -> String {
    let base = match entry.map(|entry| &entry.location.place) {
        Some(Place::Field { pointer, .. } | Place::Inside { pointer, .. }) => pointer.steps().len(),
        _ => 0,
    };
    let mut value = entry.map(|entry| &entry.value);
    let mut path = String::new();
    for step in pointer.steps().iter().skip(base) {
        value = value.and_then(|value| value.step(step));
        let piece = match (step, value.and_then(name_of)) {
            (Step::Index(_), Some(name)) => format!("[{name}]"),
            (Step::Index(index), None) => format!("[{index}]"),
            (Step::Key(key), _) => format!("/{key}"),
        };
        path.push_str(&piece);
    }
    path
}

fn name_of(element: &Value) -> Option<&str> {
    match element {
        Value::String(text) => text.as_str(),
        other => other.get("name").and_then(Value::as_str),
    }
    .filter(|name| !name.is_empty())
}

/// The file's content.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    schema: String,
    findings: Vec<Known>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Known {
    #[serde(flatten)]
    fingerprint: Fingerprint,
    #[serde(default = "one", skip_serializing_if = "is_one")]
    count: usize,
}

const fn one() -> usize {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
const fn is_one(count: &usize) -> bool {
    *count == 1
}

/// Known findings: how often each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Baseline(BTreeMap<Fingerprint, usize>);

/// A text that is no baseline.
#[derive(Debug, thiserror::Error)]
pub enum BaselineError {
    /// It is no JSON of the right shape.
    #[error("it is no baseline")]
    Json(#[from] serde_json::Error),
    /// It is one of another version.
    #[error("its schema is `{0}` and not `{SCHEMA}`: write it anew with `--write-baseline`")]
    Schema(String),
}

impl Baseline {
    /// Reads the file's text.
    pub fn parse(text: &[u8]) -> Result<Self, BaselineError> {
        let file: File = serde_json::from_slice(text)?;
        if file.schema != SCHEMA {
            return Err(BaselineError::Schema(file.schema));
        }
        let mut known = BTreeMap::new();
        for each in file.findings {
            let count: &mut usize = known.entry(each.fingerprint).or_default();
            *count = count.saturating_add(each.count);
        }
        Ok(Self(known))
    }

    /// The file's text: sorted, one entry a line, so that its changes can be reviewed.
    pub fn render(&self) -> Result<String, serde_json::Error> {
        let mut text = format!("{{\n  \"schema\": \"{SCHEMA}\",\n  \"findings\": [");
        for (number, (fingerprint, count)) in self.0.iter().enumerate() {
            text.push_str(if number == 0 { "\n    " } else { ",\n    " });
            text.push_str(&serde_json::to_string(&Known {
                fingerprint: fingerprint.clone(),
                count: *count,
            })?);
        }
        text.push_str(if self.0.is_empty() { "]\n}\n" } else { "\n  ]\n}\n" });
        Ok(text)
    }

    /// Adds a finding. What could not be read, and what is no violation, is never known.
    pub fn add(&mut self, finding: &Finding, fingerprint: Fingerprint) {
        if finding.can_be_silenced() {
            *self.0.entry(fingerprint).or_default() += 1;
        }
    }

    /// How many findings are known.
    pub fn len(&self) -> usize {
        self.0.values().sum()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a finding is known; it then counts as seen.
    pub fn take(&mut self, finding: &Finding, fingerprint: &Fingerprint) -> bool {
        if !finding.can_be_silenced() {
            return false;
        }
        let Some(count) = self.0.get_mut(fingerprint) else {
            return false;
        };
        *count -= 1;
        if *count == 0 {
            self.0.remove(fingerprint);
        }
        true
    }

    /// What is known and was not taken: mended since.
    pub fn rest(&self) -> impl Iterator<Item = (&Fingerprint, usize)> {
        self.0.iter().map(|(fingerprint, count)| (fingerprint, *count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fingerprint(path: &str) -> Fingerprint {
        Fingerprint {
            object: "shop/Pod/a".into(),
            path: path.into(),
            rule: "pod-security/privileged".into(),
            action: "none".into(),
        }
    }

    #[test]
    fn a_baseline_reads_back_as_it_was_written() {
        let baseline = Baseline([(fingerprint("/b"), 2), (fingerprint("/a"), 1)].into());
        let text = baseline.render().expect("is written");
        assert_eq!(Baseline::parse(text.as_bytes()).expect("is read"), baseline);
        assert_eq!(text.lines().count(), 7, "an entry a line: {text}");
        let empty = Baseline::default().render().expect("is written");
        assert_eq!(Baseline::parse(empty.as_bytes()).expect("is read"), Baseline::default());
    }

    #[test]
    fn another_schema_is_refused() {
        let error =
            Baseline::parse(br#"{"schema":"lumen.baseline/v9","findings":[]}"#).expect_err("another version");
        assert!(error.to_string().contains("lumen.baseline/v9"));
        assert!(Baseline::parse(b"[]").is_err());
        assert!(Baseline::parse(b"\xff").is_err());
    }
}
