//! [`Assumption`]: what a layer's effect rests on beside its own configuration.

use std::sync::Arc;

use lumen_value::{Value, pointer};

use crate::finding::Location;
use crate::object::{NULL, field, text};
use crate::selector::{FieldNames, Selector};
use crate::snapshot::{Entry, NamespaceLabels, Snapshot};

/// Whether an assumption holds. Ordered: what is worst last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Standing {
    /// The inputs show that it does.
    Holds,
    /// It does as long as something answers that need not.
    Weak,
    /// The inputs do not show it.
    Open,
    /// The inputs show that it does not.
    Broken,
}

impl Standing {
    /// The word for it: `holds`, `weak`, `open`, `broken`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Holds => "holds",
            Self::Weak => "weak",
            Self::Open => "open",
            Self::Broken => "broken",
        }
    }
}

/// Something that has to be so.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Assumption {
    /// What has to be so, or what is not.
    pub text: String,
    /// Whether it is.
    pub standing: Standing,
    /// What shows it, among the inputs.
    pub location: Option<Location>,
}

impl Assumption {
    /// One that the inputs do not show.
    pub fn open(text: impl Into<String>) -> Self {
        Self { text: text.into(), standing: Standing::Open, location: None }
    }
}

/// Names of the webhooks by which Gatekeeper, and Lumen in its place, are asked.
const ENGINES: &[&str] = &["validation.gatekeeper.sh", "validation.lumensec.io"];

/// One webhook that asks the engine of layer 1.
#[derive(Clone, Copy, Debug)]
pub(super) struct Webhook<'a> {
    entry: &'a Entry,
    number: usize,
    value: &'a Value,
}

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked<'a> {
    pub(super) group: &'a str,
    pub(super) version: &'a str,
    pub(super) resource: &'a str,
    pub(super) namespace: &'a str,
    pub(super) labels: &'a Value,
}

/// The webhooks among the inputs that ask the engine of layer 1.
pub(super) fn engines(snapshot: &Snapshot) -> Vec<Webhook<'_>> {
    let configurations =
        snapshot.of_kind("admissionregistration.k8s.io", "ValidatingWebhookConfiguration").iter();
    let webhooks = configurations.flat_map(|entry| {
        let list = entry.value.get("webhooks").and_then(Value::as_array);
        list.into_iter().flatten().enumerate().map(move |(number, value)| Webhook { entry, number, value })
    });
    webhooks.filter(|webhook| ENGINES.contains(&text(webhook.value, "name"))).take(ENGINES_MAX).collect()
}

/// Most webhooks that are looked at; beyond it what they see is not shown.
const ENGINES_MAX: usize = 64;

/// Whether a webhook with `failurePolicy: Fail` asks the engine of layer 1 about a resource in a namespace: the best that the
/// webhooks among the inputs show.
pub(super) fn webhook_sees(engines: &[Webhook<'_>], snapshot: &Snapshot, asked: &Asked<'_>) -> Assumption {
    let what = format!("{} in {}", asked.resource, asked.namespace);
    let best = engines.iter().map(|webhook| webhook.sees(snapshot, asked)).min_by_key(|found| found.standing);
    best.unwrap_or_else(|| {
        Assumption::open(format!(
            "A webhook with `failurePolicy: Fail` asks Gatekeeper about {what}; none of its webhooks is among the inputs"
        ))
    })
}

impl Webhook<'_> {
    fn sees(&self, snapshot: &Snapshot, asked: &Asked<'_>) -> Assumption {
        let what = format!("{} in {}", asked.resource, asked.namespace);
        let at = |key: &str| Some(self.entry.locate(&pointer!["webhooks", self.number, key]));
        let found = |standing, text: String, key: &str| Assumption { text, standing, location: at(key) };
        if !self.has_rule(asked) {
            return found(
                Standing::Broken,
                format!("No rule of the webhook is about creating {what}"),
                "rules",
            );
        }
        match self.selects_namespace(snapshot, asked.namespace) {
            Some(true) => {}
            Some(false) => {
                let text = format!("The webhook's selector leaves the namespace {} out", asked.namespace);
                return found(Standing::Broken, text, "namespaceSelector");
            }
            None => {
                let text = format!(
                    "The webhook's selector takes the namespace {} in, whose labels are not certain",
                    asked.namespace
                );
                return found(Standing::Open, text, "namespaceSelector");
            }
        }
        if self.selector("objectSelector").is_none_or(|selector| !selector.matches(asked.labels)) {
            let text = format!("The webhook's selector leaves {what} with these labels out");
            return found(Standing::Broken, text, "objectSelector");
        }
        if self.value.get("matchConditions").and_then(Value::as_array).is_some_and(|list| !list.is_empty()) {
            let text = "The webhook's `matchConditions` let it be asked; they are not evaluated here";
            return found(Standing::Open, text.to_owned(), "matchConditions");
        }
        if text(self.value, "failurePolicy") == "Ignore" {
            let text = format!(
                "The webhook is asked about {what}, and lets everything pass while its program does not answer (`failurePolicy: Ignore`)"
            );
            return found(Standing::Weak, text, "failurePolicy");
        }
        let text = format!("A webhook with `failurePolicy: Fail` asks about {what}");
        found(Standing::Holds, text, "failurePolicy")
    }

    /// The selector of objects, where it does not take every object.
    pub(super) fn object_selector(&self) -> Option<Selector> {
        self.selector("objectSelector").filter(|selector| !selector.is_empty())
    }

    /// Whether its `matchConditions` look at what is written into the object.
    pub(super) fn reads_object(&self) -> bool {
        let conditions = self.value.get("matchConditions").and_then(Value::as_array);
        conditions.into_iter().flatten().any(|condition| names_object(text(condition, "expression")))
    }

    fn has_rule(&self, asked: &Asked<'_>) -> bool {
        let rules = self.value.get("rules").and_then(Value::as_array);
        rules.into_iter().flatten().any(|rule| {
            let has = |key: &str, word: &str| {
                let list = field(rule, &[key]).as_array();
                list.into_iter()
                    .flatten()
                    .any(|each| matches!(each.as_str(), Some(text) if text == word || text == "*"))
            };
            // A star behind the slash is every subresource, and the resource itself.
            let with_all = format!("{}/*", asked.resource);
            let is_about =
                has("resources", asked.resource) || has("resources", "*/*") || has("resources", &with_all);
            has("operations", "CREATE")
                && has("apiGroups", asked.group)
                && has("apiVersions", asked.version)
                && is_about
                && text(rule, "scope") != "Cluster"
        })
    }

    /// A selector; one that is absent selects everything, and `None` is one that means nothing.
    fn selector(&self, key: &str) -> Option<Selector> {
        match self.value.get(key).unwrap_or(&NULL) {
            Value::Null => Some(Selector::everything()),
            given => Selector::of(given, FieldNames::Exact).ok(),
        }
    }

    /// Whether the namespace is taken in; `None` where its labels decide and are not known.
    fn selects_namespace(&self, snapshot: &Snapshot, namespace: &str) -> Option<bool> {
        let selector = self.selector("namespaceSelector")?;
        if selector.is_empty() {
            return Some(true);
        }
        match snapshot.namespace_labels(namespace) {
            NamespaceLabels::Unknown => None,
            NamespaceLabels::Known(variant) => Some(selector.matches(&variant.labels)),
            NamespaceLabels::Ambiguous(variants) => {
                let mut answers = variants.iter().map(|variant| selector.matches(&variant.labels));
                let first = answers.next()?;
                answers.all(|answer| answer == first).then_some(first)
            }
        }
    }
}

/// Whether an expression in CEL names the variable `object`, outside of texts.
fn names_object(expression: &str) -> bool {
    let is_inner = |character: char| character.is_ascii_alphanumeric() || character == '_';
    let mut quote = None;
    let mut is_escaped = false;
    let mut word = String::new();
    let mut before = ' ';
    let mut word_is_field = false;
    for character in expression.chars().chain([' ']) {
        if let Some(open) = quote {
            if !is_escaped && character == open {
                quote = None;
            }
            is_escaped = !is_escaped && character == '\\';
            continue;
        }
        if is_inner(character) {
            if word.is_empty() {
                word_is_field = before == '.';
            }
            word.push(character);
            continue;
        }
        if word == "object" && !word_is_field {
            return true;
        }
        word.clear();
        if matches!(character, '"' | '\'') {
            quote = Some(character);
        }
        if !character.is_whitespace() {
            before = character;
        }
    }
    false
}

/// Programs that enforce network policies, by a part of their image's name.
pub const ENFORCERS: &[&str] = &[
    "/cilium",
    "calico/node",
    "/kube-router",
    "/antrea",
    "weave-npc",
    "ovn-kube",
    "kube-network-policies",
    "/lumen",
];

/// The daemons among the inputs that enforce network policies.
pub(in crate::posture) fn enforcers(snapshot: &Snapshot) -> impl Iterator<Item = &Arc<Entry>> {
    let enforces = |image: &str| ENFORCERS.iter().any(|name| image.contains(name));
    snapshot.of_kind("apps", "DaemonSet").iter().filter(move |entry| {
        entry.workload().is_some_and(|workload| {
            workload.pods.iter().any(|pod| pod.containers().any(|container| enforces(container.image())))
        })
    })
}

/// Whether something enforces network policies.
pub(super) fn policies_are_enforced(snapshot: &Snapshot) -> Assumption {
    match enforcers(snapshot).next() {
        Some(entry) => Assumption {
            text: format!("`{}`, which enforces network policies, runs on every node", entry.object.name),
            standing: Standing::Holds,
            location: Some(entry.location.clone()),
        },
        None => Assumption::open(
            "The cluster's network enforces policies (K3s does; no program that does is among the inputs)",
        ),
    }
}
