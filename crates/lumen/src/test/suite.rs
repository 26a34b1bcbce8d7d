//! `kind: Suite` of `test.gatekeeper.sh`: what is in one. Read as Kubernetes reads YAML, so that `violations: yes` is a boolean
//! where gator's own reader, too, finds one (`pkg/gator/verify/suite.go`).

use lumen_value::fault::{Fault, known, list};
use lumen_value::{Pointer, Value};

/// A suite.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suite {
    /// Its name; may be empty.
    pub name: String,
    /// Left out as a whole.
    pub skip: bool,
    /// Its tests.
    pub tests: Vec<Test>,
    /// What is wrong with it, so that none of it is run.
    pub faults: Vec<Fault>,
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
    /// Where it stands.
    pub at: Pointer,
    /// What is wrong with it, so that it is not run.
    pub faults: Vec<Fault>,
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
    /// Where it stands.
    pub at: Pointer,
    /// What is wrong with it, so that it is not run.
    pub faults: Vec<Fault>,
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

/// Reads a suite. What is wrong with one case takes no other down with it. `written` gives the text of a field: a name that is
/// a number or a boolean is called as it is written.
pub fn read(document: &Value, written: &dyn Fn(&Pointer) -> Option<String>) -> Suite {
    let root = Pointer::ROOT;
    let mut at = Fields { value: document, at: &root, written, faults: Vec::new() };
    at.known(&["apiVersion", "kind", "metadata", "skip", "tests"]);
    let name = document.get("metadata").and_then(|metadata| metadata.get("name")).and_then(Value::as_str);
    Suite {
        name: name.unwrap_or_default().to_owned(),
        skip: at.flag("skip"),
        tests: at.each("tests", test),
        faults: at.faults,
    }
}

fn test(mut at: Fields<'_>) -> Test {
    at.known(&["name", "template", "constraint", "expansion", "invalid", "skip", "cases", "options"]);
    Test {
        name: at.name(),
        template: at.text("template").unwrap_or_default(),
        constraint: at.text("constraint").unwrap_or_default(),
        expansion: at.text("expansion").unwrap_or_default(),
        invalid: at.flag("invalid"),
        skip: at.flag("skip"),
        cases: at.each("cases", case),
        at: at.at.clone(),
        faults: at.faults,
    }
}

fn case(mut at: Fields<'_>) -> Case {
    at.known(&["name", "object", "inventory", "assertions", "skip"]);
    let mut inventory = Vec::new();
    for (place, item) in at.list("inventory") {
        match item {
            Value::String(path) => inventory.push(path.to_text().into_owned()),
            other => at.faults.push(Fault::expected(&place, "a path", other)),
        }
    }
    Case {
        name: at.name(),
        object: at.text("object").unwrap_or_default(),
        inventory,
        assertions: assertions(&mut at),
        skip: at.flag("skip"),
        at: at.at.clone(),
        faults: at.faults,
    }
}

fn assertions(case: &mut Fields<'_>) -> Vec<Assertion> {
    let mut assertions = Vec::new();
    for (place, item) in case.list("assertions") {
        let mut at = Fields { value: item, at: &place, written: case.written, faults: Vec::new() };
        // As in gator, one that says nothing wants a violation.
        if !item.is_null() {
            at.known(&["violations", "message"]);
        }
        let violations = at.violations();
        let message = at.text("message");
        case.faults.append(&mut at.faults);
        assertions.push(Assertion { violations, message });
    }
    assertions
}

/// The fields of an object, and what is wrong with them.
struct Fields<'a> {
    value: &'a Value,
    at: &'a Pointer,
    written: &'a dyn Fn(&Pointer) -> Option<String>,
    faults: Vec<Fault>,
}

impl<'a> Fields<'a> {
    fn get(&self, key: &str) -> Option<&'a Value> {
        self.value.get(key).filter(|value| !value.is_null())
    }

    fn wrong(&mut self, key: &str, wanted: &str, found: &Value) {
        self.faults.push(Fault::expected(&self.at.child(key), wanted, found));
    }

    /// gator takes what nothing reads for nothing.
    fn known(&mut self, keys: &[&str]) {
        if self.value.as_object().is_none() {
            self.faults.push(Fault::expected(self.at, "a mapping", self.value));
        }
        known(self.value, self.at, keys, &mut self.faults);
    }

    fn text(&mut self, key: &str) -> Option<String> {
        match self.get(key)? {
            Value::String(text) => Some(text.to_text().into_owned()),
            other => {
                self.wrong(key, "a text", other);
                None
            }
        }
    }

    fn name(&mut self) -> String {
        match self.get("name") {
            Some(value @ (Value::Number(_) | Value::Bool(_))) => {
                (self.written)(&self.at.child("name")).unwrap_or_else(|| value.to_json())
            }
            _ => self.text("name").unwrap_or_default(),
        }
    }

    fn flag(&mut self, key: &str) -> bool {
        match self.get(key) {
            None => false,
            Some(Value::Bool(flag)) => *flag,
            Some(other) => {
                self.wrong(key, "true or false", other);
                false
            }
        }
    }

    fn list(&mut self, key: &str) -> Vec<(Pointer, &'a Value)> {
        list(self.value, self.at, key, &mut self.faults)
    }

    fn each<T>(&mut self, key: &str, read: fn(Fields<'_>) -> T) -> Vec<T> {
        let written = self.written;
        let items = self.list(key).into_iter();
        items.map(|(at, value)| read(Fields { value, at: &at, written, faults: Vec::new() })).collect()
    }

    fn violations(&mut self) -> Violations {
        match self.get("violations") {
            None | Some(Value::Bool(true)) => Violations::Some,
            Some(Value::Bool(false)) => Violations::None,
            Some(Value::String(word)) if word.as_str() == Some("yes") => Violations::Some,
            Some(Value::String(word)) if word.as_str() == Some("no") => Violations::None,
            Some(other) => {
                let count = other.as_i64().and_then(|count| u32::try_from(count).ok());
                if count.is_none() {
                    let what = "`yes`, `no` or a number that is not negative was expected";
                    self.faults.push(Fault::new(&self.at.child("violations"), what));
                }
                count.map_or(Violations::Some, Violations::Exactly)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use lumen_value::read::{Limits, read as read_text};

    use super::*;

    fn parse(text: &str) -> Suite {
        let reading = read_text(text.as_bytes(), &Limits::default());
        assert!(reading.errors.is_empty(), "{:?}", reading.errors);
        read(&reading.documents[0].value, &|_| Some("as written".to_owned()))
    }

    #[test]
    fn yes_and_no_are_booleans_and_quoted_they_are_words() {
        let suite = parse(
            "apiVersion: test.gatekeeper.sh/v1alpha1\nkind: Suite\ntests:\n- name: t\n  template: t.yaml\n  constraint: c.yaml\n  \
             cases:\n  - name: c\n    object: o.yaml\n    assertions:\n    - violations: yes\n    - violations: no\n    - violations: \
             \"no\"\n    - violations: 2\n      message: x\n    - {}\n    -\n",
        );
        let case = &suite.tests[0].cases[0];
        assert!(suite.faults.is_empty() && case.faults.is_empty(), "{suite:?}");
        let found: Vec<_> = case.assertions.iter().map(|assertion| assertion.violations).collect();
        let (some, none) = (Violations::Some, Violations::None);
        assert_eq!(found, [some, none, none, Violations::Exactly(2), some, some]);
    }

    #[test]
    fn what_is_wrong_is_named_and_takes_down_no_more_than_it_must() {
        let head = "apiVersion: test.gatekeeper.sh/v1alpha1\nkind: Suite\n";
        let suite = |rest: &str| parse(&format!("{head}{rest}"));
        let messages =
            |faults: &[Fault]| faults.iter().map(|fault| fault.message.clone()).collect::<Vec<_>>();
        assert_eq!(messages(&suite("tests: {}\n").faults), ["tests: a list was expected, not a mapping"]);
        let named = suite("tests: [{name: 1, cases: [{name: yes}, {name: []}]}]\n");
        assert_eq!((&*named.tests[0].name, &*named.tests[0].cases[0].name), ("as written", "as written"));
        assert_eq!(
            messages(&named.tests[0].cases[1].faults),
            ["tests[0].cases[1].name: a text was expected, not a list"]
        );
        let unknown = suite("tests: [{cases: [{assertion: []}, {}]}]\n");
        assert!(unknown.faults.is_empty() && unknown.tests[0].faults.is_empty());
        assert!(
            unknown.tests[0].cases[0].faults[0]
                .message
                .starts_with("tests[0].cases[0].assertion: there is no such field")
        );
        assert!(unknown.tests[0].cases[1].faults.is_empty());
        for wrong in ["-1", "1.5", "maybe", "[]", "{}", "'1'"] {
            let suite = suite(&format!("tests: [{{cases: [{{assertions: [{{violations: {wrong}}}]}}]}}]\n"));
            let faults = messages(&suite.tests[0].cases[0].faults);
            assert!(faults[0].contains("`yes`, `no` or a number"), "{wrong}: {faults:?}");
        }
    }
}
