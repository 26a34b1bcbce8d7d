//! `kind: Suite` of `test.gatekeeper.sh`: what is in one. Read as Kubernetes reads YAML, so that `violations: yes` is a boolean
//! where gator's own reader, too, finds one (`pkg/gator/verify/suite.go`).

use lumen_value::{Array, Value};

/// The API group of suites.
pub const GROUP: &str = "test.gatekeeper.sh";

/// A suite.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suite {
    /// Its name; may be empty.
    pub name: String,
    /// Left out as a whole.
    pub skip: bool,
    /// Its tests.
    pub tests: Vec<Test>,
}

/// A template with a constraint, and what they should say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Test {
    /// Its name.
    pub name: String,
    /// Path of the template, from the suite's folder.
    pub template: String,
    /// Path of the constraint.
    pub constraint: String,
    /// Path of the expansion templates; empty where there are none.
    pub expansion: String,
    /// The constraint should be refused.
    pub invalid: bool,
    /// Left out.
    pub skip: bool,
    /// Its cases.
    pub cases: Vec<Case>,
}

/// An object, and what the policy should say of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Case {
    /// Its name.
    pub name: String,
    /// Path of the object, or of an `AdmissionReview`.
    pub object: String,
    /// Paths of what else is in the cluster.
    pub inventory: Vec<String>,
    /// What should be.
    pub assertions: Vec<Assertion>,
    /// Left out.
    pub skip: bool,
}

/// How many violations there should be whose message matches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assertion {
    /// How many.
    pub violations: Violations,
    /// A regular expression.
    pub message: Option<String>,
}

/// How many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Violations {
    /// At least one: `yes`, and what is meant where nothing is said.
    #[default]
    Some,
    /// None: `no`.
    None,
    /// So many.
    Exactly(u32),
}

impl Violations {
    /// Whether a number is the right one.
    pub const fn admits(self, count: usize) -> bool {
        match self {
            Self::Some => count > 0,
            Self::None => count == 0,
            Self::Exactly(wanted) => count == wanted as usize,
        }
    }

    /// Whether a violation is asked for.
    pub const fn wants_any(self) -> bool {
        matches!(self, Self::Some) || matches!(self, Self::Exactly(count) if count > 0)
    }
}

/// Whether a document is a suite.
pub fn is_suite(document: &Value) -> bool {
    let group = document.get("apiVersion").and_then(Value::as_str).and_then(|text| text.split('/').next());
    group == Some(GROUP) && document.get("kind").and_then(Value::as_str) == Some("Suite")
}

/// Reads a suite. The error says which field is wrong, and how.
pub fn read(document: &Value) -> Result<Suite, String> {
    let name = document.get("metadata").and_then(|metadata| metadata.get("name")).and_then(Value::as_str);
    known(document, "", &["apiVersion", "kind", "metadata", "skip", "tests"])?;
    Ok(Suite {
        name: name.unwrap_or_default().to_owned(),
        skip: flag(document, "skip", "")?,
        tests: list(document, "tests", "")?.map_or(Ok(Vec::new()), |items| {
            items.iter().enumerate().map(|(at, item)| test(item, &format!("tests[{at}]"))).collect()
        })?,
    })
}

fn test(value: &Value, path: &str) -> Result<Test, String> {
    known(
        value,
        path,
        &["name", "template", "constraint", "expansion", "invalid", "skip", "cases", "options"],
    )?;
    Ok(Test {
        name: text(value, "name", path)?,
        template: text(value, "template", path)?,
        constraint: text(value, "constraint", path)?,
        expansion: text(value, "expansion", path)?,
        invalid: flag(value, "invalid", path)?,
        skip: flag(value, "skip", path)?,
        cases: list(value, "cases", path)?.map_or(Ok(Vec::new()), |items| {
            items.iter().enumerate().map(|(at, item)| case(item, &format!("{path}.cases[{at}]"))).collect()
        })?,
    })
}

fn case(value: &Value, path: &str) -> Result<Case, String> {
    known(value, path, &["name", "object", "inventory", "assertions", "skip"])?;
    let inventory = list(value, "inventory", path)?.map_or(Ok(Vec::new()), |items| {
        let path_of = |item: &Value| item.as_str().map(str::to_owned);
        items
            .iter()
            .map(|item| path_of(item).ok_or_else(|| format!("{path}.inventory: a path was expected")))
            .collect()
    })?;
    Ok(Case {
        name: text(value, "name", path)?,
        object: text(value, "object", path)?,
        inventory,
        assertions: list(value, "assertions", path)?.map_or(Ok(Vec::new()), |items| {
            items
                .iter()
                .enumerate()
                .map(|(at, item)| assertion(item, &format!("{path}.assertions[{at}]")))
                .collect()
        })?,
        skip: flag(value, "skip", path)?,
    })
}

fn assertion(value: &Value, path: &str) -> Result<Assertion, String> {
    known(value, path, &["violations", "message"])?;
    let violations = match value.get("violations") {
        None | Some(Value::Null | Value::Bool(true)) => Violations::Some,
        Some(Value::Bool(false)) => Violations::None,
        Some(Value::String(word)) if word.as_str() == Some("yes") => Violations::Some,
        Some(Value::String(word)) if word.as_str() == Some("no") => Violations::None,
        Some(other) => match other.as_i64().and_then(|count| u32::try_from(count).ok()) {
            Some(count) => Violations::Exactly(count),
            None => return Err(format!("{path}.violations: `yes`, `no` or a number was expected")),
        },
    };
    let message = match value.get("message") {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) => Some(text.to_text().into_owned()),
        Some(_) => return Err(format!("{path}.message: a text was expected")),
    };
    Ok(Assertion { violations, message })
}

fn text(value: &Value, key: &str, path: &str) -> Result<String, String> {
    match value.get(key) {
        None | Some(Value::Null) => Ok(String::new()),
        Some(Value::String(text)) => Ok(text.to_text().into_owned()),
        Some(other) => Err(format!("{path}.{key}: a text was expected, not {}", other.kind())),
    }
}

fn flag(value: &Value, key: &str, path: &str) -> Result<bool, String> {
    match value.get(key) {
        None | Some(Value::Null) => Ok(false),
        Some(Value::Bool(flag)) => Ok(*flag),
        Some(other) => Err(format!("{path}.{key}: true or false was expected, not {}", other.kind())),
    }
}

fn list<'a>(value: &'a Value, key: &str, path: &str) -> Result<Option<&'a Array>, String> {
    match value.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Array(items)) => Ok(Some(items)),
        Some(other) => Err(format!("{path}.{key}: a list was expected, not {}", other.kind())),
    }
}

/// A key that nothing reads is a typing mistake, and a test that does not test: gator takes it for nothing.
fn known(value: &Value, path: &str, keys: &[&str]) -> Result<(), String> {
    let Some(object) = value.as_object() else {
        return Err(format!("{path}: a mapping was expected, not {}", value.kind()));
    };
    for (key, _) in object.fields() {
        let key = key.to_text();
        if !keys.contains(&&*key) {
            let dot = if path.is_empty() { "" } else { "." };
            return Err(format!("{path}{dot}{key}: there is no such field; there are {}", keys.join(", ")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use lumen_value::read::{Limits, read as read_text};

    use super::*;

    fn parse(text: &str) -> Result<Suite, String> {
        let reading = read_text(text.as_bytes(), &Limits::default());
        assert!(reading.errors.is_empty(), "{:?}", reading.errors);
        assert!(is_suite(&reading.documents[0].value));
        read(&reading.documents[0].value)
    }

    #[test]
    fn yes_and_no_are_booleans_and_quoted_they_are_words() {
        let suite = parse(
            "apiVersion: test.gatekeeper.sh/v1alpha1\nkind: Suite\ntests:\n- name: t\n  template: t.yaml\n  constraint: c.yaml\n  \
             cases:\n  - name: c\n    object: o.yaml\n    assertions:\n    - violations: yes\n    - violations: no\n    - violations: \
             \"no\"\n    - violations: 2\n      message: x\n    - {}\n",
        );
        let suite = suite.unwrap();
        let found: Vec<_> =
            suite.tests[0].cases[0].assertions.iter().map(|assertion| assertion.violations).collect();
        assert_eq!(
            found,
            [Violations::Some, Violations::None, Violations::None, Violations::Exactly(2), Violations::Some]
        );
    }

    #[test]
    fn what_is_wrong_is_named() {
        let head = "apiVersion: test.gatekeeper.sh/v1alpha1\nkind: Suite\n";
        let error = |rest: &str| parse(&format!("{head}{rest}")).unwrap_err();
        assert_eq!(error("tests: {}\n"), ".tests: a list was expected, not object");
        assert_eq!(error("tests: [{name: 1}]\n"), "tests[0].name: a text was expected, not number");
        assert!(
            error("tests: [{cases: [{assertion: []}]}]\n")
                .starts_with("tests[0].cases[0].assertion: there is no such field")
        );
        assert!(
            error("tests: [{cases: [{assertions: [{violations: -1}]}]}]\n")
                .contains("`yes`, `no` or a number")
        );
    }
}
