//! [`Ask`]: a short way to write down in a table what rights are looked for.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::rbac::{Binding, Grant, Named, Place, Question, Rbac, Rights, Subject};

/// Any of some verbs on any of some resources.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ask {
    /// Verbs, set apart by spaces.
    pub verbs: &'static str,
    /// Resources as `group:resource/subresource`, set apart by spaces; the core group is written `core`.
    pub resources: &'static str,
}

/// A table's row of one question.
pub(super) const fn ask(verbs: &'static str, resources: &'static str) -> Ask {
    Ask { verbs, resources }
}

/// Group, resource, subresource.
pub(super) type ResourceName<'a> = (&'a str, &'a str, &'a str);

impl Ask {
    /// The resources: group, resource, subresource.
    pub(super) fn resources(&self) -> impl Iterator<Item = ResourceName<'static>> {
        self.resources.split_ascii_whitespace().map(|text| {
            let (group, rest) = text.split_once(':').unwrap_or(("core", text));
            let (resource, subresource) = rest.split_once('/').unwrap_or((rest, ""));
            (if group == "core" { "" } else { group }, resource, subresource)
        })
    }

    fn questions<'a>(&'a self, place: Place<'a>) -> impl Iterator<Item = Question<'a>> {
        self.resources().flat_map(move |resource| questions_about(self.verbs, resource, place))
    }
}

/// The questions about one resource.
fn questions_about<'a>(
    verbs: &'a str,
    (group, resource, subresource): ResourceName<'a>,
    place: Place<'a>,
) -> impl Iterator<Item = Question<'a>> {
    verbs.split_ascii_whitespace().map(move |verb| Question {
        verb,
        group,
        resource,
        subresource,
        named: Named::Any,
        place,
    })
}

/// `delete networkpolicies.networking.k8s.io`, `create pods/exec`.
pub(super) fn shown(question: &Question<'_>) -> String {
    let mut out = format!("{} {}", question.verb, question.resource);
    if !question.group.is_empty() {
        out.push('.');
        out.push_str(question.group);
    }
    if !question.subresource.is_empty() {
        out.push('/');
        out.push_str(question.subresource);
    }
    out
}

/// One who can do what was asked for, by one binding.
#[derive(Clone, Debug)]
pub struct Holder {
    /// The right; its names are those of the first thing in `can`.
    pub grant: Grant,
    /// What can be done, such as `delete networkpolicies.networking.k8s.io`, in the order of the table.
    pub can: Vec<String>,
}

/// Subject, and the binding's namespace and name.
type HolderKey = (Subject, Option<Arc<str>>, Arc<str>);

/// Everybody who can do any of it at a place, each with each binding, sorted by subject. Beside the table's resources, some
/// more with the same verbs as its first row.
pub(super) fn holders(rbac: &Rbac, asks: &[Ask], more: &[ResourceName<'_>], place: Place<'_>) -> Vec<Holder> {
    holders_meant(rbac, asks, more, place, |_, _| true)
}

/// Of the [`holders`] those with a right that is meant: told are the resource that is asked about, and the name of one
/// object to which the right is bound. A right to all objects is always meant.
pub(super) fn holders_meant(
    rbac: &Rbac,
    asks: &[Ask],
    more: &[ResourceName<'_>],
    place: Place<'_>,
    is_meant: impl Fn(&str, &str) -> bool,
) -> Vec<Holder> {
    let verbs = asks.first().map_or("", |ask| ask.verbs);
    let listed = asks.iter().flat_map(|ask| ask.questions(place));
    let added = more.iter().flat_map(|resource| questions_about(verbs, *resource, place));
    let mut found: BTreeMap<HolderKey, Holder> = BTreeMap::new();
    for question in listed.chain(added) {
        for grant in rbac.who_can(&question) {
            if !grant.names.is_empty() && !grant.names.iter().any(|name| is_meant(question.resource, name)) {
                continue;
            }
            let key = (grant.subject.clone(), grant.binding.namespace.clone(), grant.binding.name.clone());
            let holder = found.entry(key).or_insert_with(|| Holder { grant, can: Vec::new() });
            let can = shown(&question);
            if !holder.can.contains(&can) {
                holder.can.push(can);
            }
        }
    }
    found.into_values().collect()
}

/// A right that was found.
pub(super) struct FirstRight<'a> {
    /// The binding that gives it.
    pub(super) binding: &'a Arc<Binding>,
    /// The names to which it is bound; empty for all.
    pub(super) names: Vec<Arc<str>>,
    /// What it is, such as `list secrets`.
    pub(super) right: String,
}

/// The first of it that somebody's rights allow at a place.
pub(super) fn first_right<'a>(rights: &Rights<'a>, asks: &[Ask], place: Place<'_>) -> Option<FirstRight<'a>> {
    asks.iter().flat_map(|ask| ask.questions(place)).find_map(|question| {
        let (binding, names) = rights.find(&question)?;
        Some(FirstRight { binding, names, right: shown(&question) })
    })
}
