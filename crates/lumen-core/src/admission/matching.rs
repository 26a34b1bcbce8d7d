//! [`Match`]: which objects a constraint is about (gatekeeper `pkg/mutation/match/match.go`, `pkg/target/matcher.go`).

use lumen_value::{Object, Value, pointer};

use super::decode::{Cursor, TypeError};
use crate::object::{NULL, field, text};
use crate::selector::{FieldNames, Selector, SelectorError};

/// The `match` of a constraint. Its conditions all have to hold; an absent one always does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Match {
    source: String,
    kinds: Vec<Kinds>,
    scope: String,
    namespaces: Vec<Glob>,
    excluded_namespaces: Vec<Glob>,
    label_selector: Option<Result<Selector, SelectorError>>,
    namespace_selector: Option<Result<Selector, SelectorError>>,
    name: Option<Glob>,
}

/// Some groups and some kinds: any of the one with any of the other. An empty list means all, as `*` in it does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Kinds {
    groups: Vec<String>,
    kinds: Vec<String>,
}

/// Where an object comes from: an input, or the expansion of one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Source {
    /// Nobody says, or what is said means nothing; then a constraint that asks for a source is an error.
    Unknown,
    /// Both, and neither: only a constraint that asks for no source, or for all, is about it.
    All,
    /// It is what somebody applies.
    #[default]
    Original,
    /// It is what an expansion template made of it.
    Generated,
}

impl Source {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "",
            Self::All => "All",
            Self::Original => "Original",
            Self::Generated => "Generated",
        }
    }
}

/// An object whose constraints are looked for.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The manifest.
    pub object: &'a Value,
    /// The Namespace that it is in; `None` where there is none, or none is known.
    pub namespace: Option<&'a Value>,
    /// Where it comes from.
    pub source: Source,
}

/// Why it cannot be said whether an object is meant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MatchError {
    /// The namespace decides, and is not known.
    #[error("namespace selector for namespace-scoped object but missing Namespace")]
    NamespaceUnknown,
    /// A selector means nothing. It is an error only when it is reached.
    #[error(transparent)]
    Selector(#[from] SelectorError),
    /// `source` is none of the three words.
    #[error("invalid source field \"{0}\"")]
    Source(String),
    /// `source` decides, and that of the object is not known.
    #[error("source field not specified for resource {0}")]
    SourceUnknown(String),
    /// There is neither an object nor an old one.
    #[error("neither object nor old object are defined")]
    NoObject,
}

impl Match {
    /// Reads a `match`; null is one without conditions. Unknown fields are nothing to it.
    pub fn decode(value: &Value) -> Result<Self, TypeError> {
        Self::read(&Cursor::root(value))
    }

    /// The same, of a part of a manifest.
    pub(super) fn read(cursor: &Cursor<'_>) -> Result<Self, TypeError> {
        let globs = |name| Ok(cursor.texts(name)?.iter().map(|glob| Glob::new(glob)).collect());
        let kinds = |cursor: &Cursor<'_>| {
            Ok(Kinds { groups: cursor.texts("apiGroups")?, kinds: cursor.texts("kinds")? })
        };
        let name = cursor.text("name")?;
        Ok(Self {
            source: cursor.text("source")?,
            kinds: cursor.list("kinds")?.iter().map(kinds).collect::<Result<_, _>>()?,
            scope: cursor.text("scope")?,
            namespaces: globs("namespaces")?,
            excluded_namespaces: globs("excludedNamespaces")?,
            label_selector: selector(cursor, "labelSelector")?,
            namespace_selector: selector(cursor, "namespaceSelector")?,
            name: (!name.is_empty()).then(|| Glob::new(&name)),
        })
    }

    /// Whether the object is meant. Conditions are looked at in upstream's order, and the first that fails ends it.
    pub fn matches(&self, subject: &Subject<'_>) -> Result<bool, MatchError> {
        let object = View::of(subject);
        Ok(self.has_kind(object.group, object.kind)
            && self.has_scope(&object)
            && self.has_namespace(&object)
            && self.has_labels(&object)?
            && self.has_namespace_labels(&object)?
            && self.has_name(&object)
            && self.has_source(&object)?)
    }

    /// Whether any of the objects of a request is meant; null stands for one that is missing.
    pub fn matches_any(
        &self,
        objects: [&Value; 2],
        namespace: Option<&Value>,
        source: Source,
    ) -> Result<bool, MatchError> {
        let mut found = false;
        for object in objects.into_iter().filter(|object| !object.is_null()) {
            found = true;
            if self.matches(&Subject { object, namespace, source })? {
                return Ok(true);
            }
        }
        if found { Ok(false) } else { Err(MatchError::NoObject) }
    }

    /// Whether some object of the kind could be meant.
    pub fn has_kind(&self, group: &str, kind: &str) -> bool {
        self.kinds.is_empty()
            || self.kinds.iter().any(|each| is_among(kind, &each.kinds) && is_among(group, &each.groups))
    }

    /// The kinds that are named; `None` where any kind could be meant.
    pub fn kinds(&self) -> Option<impl Iterator<Item = &str>> {
        let is_open = |kinds: &[String]| kinds.is_empty() || kinds.iter().any(|kind| kind == "*");
        if self.kinds.is_empty() || self.kinds.iter().any(|each| is_open(&each.kinds)) {
            return None;
        }
        Some(self.kinds.iter().flat_map(|each| each.kinds.iter().map(String::as_str)))
    }

    /// Whether some object of a group could be meant.
    pub fn has_group(&self, group: &str) -> bool {
        self.kinds.is_empty() || self.kinds.iter().any(|each| is_among(group, &each.groups))
    }

    /// The groups that are named, each with the kinds that are: `*` for any, and for a list without any.
    pub fn named_kinds(&self) -> impl Iterator<Item = (&str, &str)> {
        self.kinds.iter().flat_map(|each| {
            let any = each.kinds.is_empty().then_some("*");
            let kinds = move || each.kinds.iter().map(String::as_str).chain(any);
            let groups = each.groups.iter().filter(|group| *group != "*");
            groups.flat_map(move |group| kinds().map(move |kind| (group.as_str(), kind)))
        })
    }

    fn has_scope(&self, object: &View<'_>) -> bool {
        let is_in_one = !object.own_namespace.is_empty() || object.namespace.is_some();
        match self.scope.as_str() {
            "Cluster" => object.is_namespace || !is_in_one,
            "Namespaced" => !object.is_namespace && is_in_one,
            // Words that mean nothing restrict nothing.
            _ => true,
        }
    }

    fn has_namespace(&self, object: &View<'_>) -> bool {
        let Some(name) = object.namespace_name() else {
            return true;
        };
        let listed = |globs: &[Glob]| globs.iter().any(|glob| glob.matches(name));
        (self.namespaces.is_empty() || listed(&self.namespaces)) && !listed(&self.excluded_namespaces)
    }

    fn has_labels(&self, object: &View<'_>) -> Result<bool, MatchError> {
        match &self.label_selector {
            None => Ok(true),
            Some(Err(error)) => Err(error.clone().into()),
            Some(Ok(selector)) => Ok(selector.matches(labels(object.manifest))),
        }
    }

    fn has_namespace_labels(&self, object: &View<'_>) -> Result<bool, MatchError> {
        let Some(selector) = &self.namespace_selector else {
            return Ok(true);
        };
        if !object.is_namespace && object.namespace.is_none() && object.own_namespace.is_empty() {
            return Ok(true);
        }
        let selector = selector.as_ref().map_err(Clone::clone)?;
        let namespace = if object.is_namespace { Some(object.manifest) } else { object.namespace };
        let namespace = namespace.ok_or(MatchError::NamespaceUnknown)?;
        Ok(selector.matches(labels(namespace)))
    }

    fn has_name(&self, object: &View<'_>) -> bool {
        self.name.as_ref().is_none_or(|glob| {
            let metadata = field(object.manifest, &["metadata"]);
            glob.matches(text(metadata, "name")) || glob.matches_generated(text(metadata, "generateName"))
        })
    }

    fn has_source(&self, object: &View<'_>) -> Result<bool, MatchError> {
        match (self.source.as_str(), object.source) {
            ("" | "All", _) => Ok(true),
            ("Original" | "Generated", Source::Unknown) => {
                Err(MatchError::SourceUnknown(text(field(object.manifest, &["metadata"]), "name").to_owned()))
            }
            (wanted @ ("Original" | "Generated"), source) => Ok(wanted == source.as_str()),
            (other, _) => Err(MatchError::Source(other.to_owned())),
        }
    }
}

/// What is wrong with the selectors of a constraint's `match`, as its webhook checks them
/// (`target.go`, `ValidateConstraint`): there it counts whether they are reached or not, and null is no selector.
pub fn check_selectors(constraint: &Value) -> Result<(), SelectorError> {
    let Some(matching) = constraint.get("spec").and_then(|spec| spec.get("match")) else {
        return Ok(());
    };
    for name in ["labelSelector", "namespaceSelector"] {
        match matching.get(name) {
            None => {}
            Some(selector @ Value::Object(_)) => {
                Selector::of(selector, FieldNames::AnyCase)?;
            }
            Some(other) => {
                let at = pointer!["spec", "match", name];
                return Err(SelectorError::Type { at, wanted: "an object", found: other.kind() });
            }
        }
    }
    Ok(())
}

/// A selector that has the right types; what else is wrong with it shows when it is used.
fn selector(cursor: &Cursor<'_>, name: &str) -> Result<Option<Result<Selector, SelectorError>>, TypeError> {
    let Some(found) = cursor.field(name)? else {
        return Ok(None);
    };
    match Selector::of(found.value, found.names) {
        Err(SelectorError::Type { at, wanted, found: kind }) => {
            Err(TypeError { at: found.at.join(&at), wanted, found: kind })
        }
        other => Ok(Some(other)),
    }
}

/// What conditions look at.
struct View<'a> {
    manifest: &'a Value,
    group: &'a str,
    kind: &'a str,
    own_namespace: &'a str,
    is_namespace: bool,
    namespace: Option<&'a Value>,
    source: Source,
}

impl<'a> View<'a> {
    fn of(subject: &Subject<'a>) -> Self {
        let manifest = subject.object;
        let (group, kind) = group_and_kind(manifest);
        Self {
            manifest,
            group,
            kind,
            own_namespace: text(field(manifest, &["metadata"]), "namespace"),
            is_namespace: kind == "Namespace" && group.is_empty(),
            namespace: subject.namespace,
            source: subject.source,
        }
    }

    /// The name that conditions on namespaces look at; `None` for other objects that are in none.
    fn namespace_name(&self) -> Option<&'a str> {
        if self.is_namespace {
            return Some(text(field(self.manifest, &["metadata"]), "name"));
        }
        match self.namespace {
            Some(namespace) => Some(text(field(namespace, &["metadata"]), "name")),
            None => Some(self.own_namespace).filter(|name| !name.is_empty()),
        }
    }
}

/// Group and kind; empty where `apiVersion` is none (`schema.ParseGroupVersion`).
pub(super) fn group_and_kind(manifest: &Value) -> (&str, &str) {
    let (api_version, kind) = (text(manifest, "apiVersion"), text(manifest, "kind"));
    match api_version.split_once('/') {
        None => ("", kind),
        Some((_, version)) if version.contains('/') => ("", ""),
        Some((group, _)) => (group, kind),
    }
}

/// The labels of a manifest; null where one of them is no text, for then upstream sees none.
fn labels(manifest: &Value) -> &Value {
    let labels = field(manifest, &["metadata", "labels"]);
    let is_text = |(_, value): (_, &Value)| matches!(value, Value::String(_) | Value::Null);
    if labels.as_object().is_some_and(|labels: &Object| labels.iter().all(is_text)) { labels } else { &NULL }
}

/// Whether a list has a word; an empty list, or one with `*`, has every word.
fn is_among(word: &str, list: &[String]) -> bool {
    list.is_empty() || list.iter().any(|each| each == "*" || each == word)
}

/// A name, or one with a `*` before it, behind it, or both; a `*` elsewhere stands for itself
/// (gatekeeper `pkg/wildcard/wildcard.go`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Glob {
    Exact(String),
    Prefix(String),
    Suffix(String),
    Part(String),
}

impl Glob {
    pub(super) fn new(text: &str) -> Self {
        match (text.strip_prefix('*'), text.strip_suffix('*')) {
            (Some(rest), Some(_)) => Self::Part(rest.strip_suffix('*').unwrap_or(rest).to_owned()),
            (Some(rest), None) => Self::Suffix(rest.to_owned()),
            (None, Some(rest)) => Self::Prefix(rest.to_owned()),
            (None, None) => Self::Exact(text.to_owned()),
        }
    }

    pub(super) fn matches(&self, name: &str) -> bool {
        match self {
            Self::Exact(exact) => exact == name,
            Self::Prefix(prefix) => name.starts_with(prefix.as_str()),
            Self::Suffix(suffix) => name.ends_with(suffix.as_str()),
            Self::Part(part) => name.contains(part.as_str()),
        }
    }

    /// Whether every name that the server makes of a prefix matches.
    fn matches_generated(&self, prefix: &str) -> bool {
        matches!(self, Self::Prefix(_) | Self::Part(_)) && self.matches(prefix)
    }
}

/// Whether a pattern stands for a name: a name, or one with a `*` at one end or at both.
pub fn matches_name(pattern: &str, name: &str) -> bool {
    Glob::new(pattern).matches(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_counts_at_the_ends_alone() {
        let matches = |glob: &str, name: &str| Glob::new(glob).matches(name);
        assert!(matches("kube-*", "kube-system") && matches("*-system", "kube-system"));
        assert!(matches("*e-s*", "kube-system") && matches("*", "") && matches("**", "a"));
        assert!(!matches("k*m", "kube-system") && matches("k*m", "k*m"));
        assert!(Glob::new("*").matches_generated("") && !Glob::new("*-b").matches_generated("a-b"));
    }

    #[test]
    fn only_named_kinds_can_be_indexed() {
        let kinds = |json: &str| {
            let value = lumen_value::json::parse(json.as_bytes(), &lumen_value::read::Limits::default());
            let matching = Match::decode(&value.expect("sound").value).expect("of the right types");
            matching.kinds().map(|kinds| kinds.map(ToOwned::to_owned).collect::<Vec<_>>())
        };
        assert_eq!(kinds("{}"), None);
        assert_eq!(kinds(r#"{"kinds": [{"kinds": ["Pod", "*"]}]}"#), None);
        assert_eq!(kinds(r#"{"kinds": [{"apiGroups": ["*"]}]}"#), None);
        assert_eq!(
            kinds(r#"{"Kinds": [{"kinds": ["Pod"]}, {"kinds": ["Job"]}]}"#),
            Some(vec!["Pod".into(), "Job".into()])
        );
    }
}
