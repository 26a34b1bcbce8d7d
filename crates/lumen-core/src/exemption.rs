//! Exemptions: who may say that a finding is accepted, and how far that reaches.
//!
//! There are three ways, and one audit of all of them ([`Audit`]):
//!
//! - A comment `# lumen: ignore[pod-security/privileged] why` covers the field that it belongs to and all below it.
//! - The annotation `lumensec.io/ignore: "pod-security/privileged: why"` covers its object, or its pod template.
//! - An object of kind `Exemption` covers the objects that it matches.
//!
//! Who may switch a policy off must not be whoever can edit a manifest. So a comment and an annotation silence advice
//! and warnings, never a denial: the cluster does not honour them. An `Exemption` is cluster-scoped, and counts everywhere.
//! A reason is mandatory in each; what lacks one is reported and not honoured.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use lumen_value::{Pointer, Value};

use crate::finding::{Finding, Location, Place, Related, RuleId};
use crate::input;
use crate::object::ObjectRef;
use crate::selector::Selector;

pub mod pattern;
pub mod read;
pub mod rules;

pub use pattern::{Glob, RulePattern};

/// Most exemptions that are honoured at one place of a document: each costs a comparison for every finding there.
pub const AT_ONE_PLACE_MAX: usize = 100;
/// Most objects of kind `Exemption`: each costs a comparison for every finding.
pub const OBJECTS_MAX: usize = 1_000;

/// One exemption.
#[derive(Clone, Debug)]
pub struct Exemption {
    /// The rules that it is about; at least one.
    pub rules: Vec<RulePattern>,
    /// Why; never empty.
    pub reason: String,
    /// Who answers for it.
    pub owner: Option<String>,
    /// When it ends.
    pub expires: Option<Timestamp>,
    /// Where it stands.
    pub location: Location,
    /// What it covers.
    pub scope: Scope,
}

/// What an exemption covers.
#[derive(Clone, Debug)]
pub enum Scope {
    /// A comment: the field at this place, and all below it.
    Comment(Field),
    /// An annotation: the object or pod template at this place.
    Annotation(Field),
    /// An object of kind `Exemption`, by its name: what it matches.
    Objects(Arc<str>, Box<Match>),
}

/// A field of a document.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Field {
    /// The input.
    pub source: Arc<str>,
    /// The document's number in it.
    pub document: usize,
    /// The field.
    pub pointer: Pointer,
}

/// Which objects an `Exemption` is about. An empty list says nothing about its property.
#[derive(Clone, Debug, Default)]
pub struct Match {
    /// Kinds, such as `Deployment`.
    pub kinds: Vec<Glob>,
    /// Namespaces that the objects land in.
    pub namespaces: Vec<Glob>,
    /// Names.
    pub names: Vec<Glob>,
    /// Labels of the objects.
    pub labels: Option<Selector>,
}

/// What the objects of findings are, beyond their names.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The namespace that the object lands in; `None` for what is cluster-scoped.
    pub namespace: Option<&'a str>,
    /// `metadata.labels`, null where there are none.
    pub labels: &'a Value,
}

impl Match {
    fn holds(&self, object: &ObjectRef, subject: Option<Subject<'_>>) -> bool {
        let any =
            |globs: &[Glob], text: &str| globs.is_empty() || globs.iter().any(|glob| glob.matches(text));
        let namespace = subject.and_then(|subject| subject.namespace).or(object.namespace.as_deref());
        any(&self.kinds, &object.kind)
            && any(&self.names, &object.name)
            && (self.namespaces.is_empty()
                || namespace.is_some_and(|namespace| any(&self.namespaces, namespace)))
            && self
                .labels
                .as_ref()
                .is_none_or(|labels| subject.is_some_and(|subject| labels.matches(subject.labels)))
    }
}

/// The `Exemption` that covers what a rule says of an object, the first of those that have not expired; others than `Exemption`
/// objects are left out.
pub fn covering<'e>(
    exemptions: &'e [Exemption],
    rule: &RuleId,
    object: &ObjectRef,
    subject: Subject<'_>,
    now: Timestamp,
) -> Option<&'e Exemption> {
    exemptions.iter().take(OBJECTS_MAX).find(|exemption| {
        let Scope::Objects(_, matched) = &exemption.scope else { return false };
        exemption.expires.is_none_or(|expires| expires > now)
            && exemption.rules.iter().any(|pattern| pattern.matches(rule))
            && matched.holds(object, Some(subject))
    })
}

/// What became of an exemption.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// It silences findings.
    Matched,
    /// All that it is about are denials, which a comment or an annotation does not silence.
    NotHonoured,
    /// Nothing that it is about is found.
    Unused,
    /// Its time is over.
    Expired,
}

impl Status {
    /// The word for it in every output.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Matched => "matched",
            Self::NotHonoured => "not honoured",
            Self::Unused => "unused",
            Self::Expired => "expired",
        }
    }
}

/// An exemption and what became of it.
#[derive(Clone, Debug)]
pub struct Use {
    /// The exemption.
    pub exemption: Exemption,
    /// What became of it.
    pub status: Status,
    /// How many findings it silences.
    pub silenced: usize,
    /// How many denials it silences, those among [`Use::silenced`]. The API server's own Pod Security admission does not
    /// read `Exemption` objects: what it denies has to be exempted in its configuration, too.
    pub denials_silenced: usize,
    /// How many denials it would silence if it were an `Exemption`.
    pub denials_kept: usize,
}

/// What became of all exemptions, in the order of their places.
#[derive(Clone, Debug, Default)]
pub struct Audit {
    /// The exemptions.
    pub uses: Vec<Use>,
    /// How many findings are silenced.
    pub silenced: usize,
}

/// Takes away the findings that are exempted, marks the denials that only an `Exemption` could silence, and adds
/// findings about exemptions that are unused or expired. `subject` knows the object of a finding.
pub fn apply<'a>(
    findings: Vec<Finding>,
    mut exemptions: Vec<Exemption>,
    now: Timestamp,
    subject: impl Fn(&Finding) -> Option<Subject<'a>>,
) -> (Vec<Finding>, Audit) {
    exemptions.sort_by(|a, b| a.location.cmp(&b.location));
    let index = Index::of(&exemptions);
    let mut uses: Vec<Use> = exemptions
        .into_iter()
        .map(|exemption| Use {
            status: if exemption.expires.is_some_and(|expires| expires <= now) {
                Status::Expired
            } else {
                Status::Unused
            },
            exemption,
            silenced: 0,
            denials_silenced: 0,
            denials_kept: 0,
        })
        .collect();
    let mut silenced = 0;
    let mut kept = Vec::with_capacity(findings.len());
    for mut finding in findings {
        if !uses.is_empty() && finding.can_be_silenced() && settle(&mut finding, &index, &mut uses, &subject)
        {
            silenced += 1;
        } else {
            kept.push(finding);
        }
    }
    kept.extend(uses.iter().filter_map(complaint));
    (kept, Audit { uses, silenced })
}

/// Whether a finding is silenced.
fn settle<'a>(
    finding: &mut Finding,
    index: &Index,
    uses: &mut [Use],
    subject: &impl Fn(&Finding) -> Option<Subject<'a>>,
) -> bool {
    let denial = finding.is_denial();
    let mut silenced = false;
    let mut known: Option<Option<Subject<'a>>> = None;
    for number in index.candidates(finding) {
        let Some(used) = uses.get_mut(number).filter(|used| used.status != Status::Expired) else {
            continue;
        };
        if !used.exemption.rules.iter().any(|rule| rule.matches(&finding.rule)) {
            continue;
        }
        if let Scope::Objects(_, matched) = &used.exemption.scope {
            let subject = *known.get_or_insert_with(|| subject(finding));
            if !finding.object.as_ref().is_some_and(|object| matched.holds(object, subject)) {
                continue;
            }
            used.denials_silenced += usize::from(denial);
        } else if denial {
            used.denials_kept += 1;
            if used.status == Status::Unused {
                used.status = Status::NotHonoured;
            }
            finding.related.push(Related {
                location: used.exemption.location.clone(),
                label: "the cluster does not honour this: only an Exemption object counts for what is denied"
                    .into(),
                is_step: false,
            });
            continue;
        }
        used.silenced += 1;
        used.status = Status::Matched;
        silenced = true;
    }
    silenced
}

fn complaint(used: &Use) -> Option<Finding> {
    let rules = used.exemption.rules.iter().map(|rule| format!("`{rule}`")).collect::<Vec<_>>().join(", ");
    let (rule, message) = match used.status {
        Status::Matched | Status::NotHonoured => return None,
        Status::Unused => {
            (&rules::UNUSED_EXEMPTION, format!("nothing is found that this exemption from {rules} is about"))
        }
        Status::Expired => {
            let expired =
                used.exemption.expires.map(|expires| format!(" since {expires}")).unwrap_or_default();
            (&rules::EXPIRED_EXEMPTION, format!("this exemption from {rules} has been expired{expired}"))
        }
    };
    Some(input::finding(rule, message, Some(used.exemption.location.clone())))
}

/// Finds the exemptions that may cover a finding without looking at all of them.
struct Index {
    fields: BTreeMap<Field, Vec<usize>>,
    objects: Vec<usize>,
}

impl Index {
    fn of(exemptions: &[Exemption]) -> Self {
        let mut index = Self { fields: BTreeMap::new(), objects: Vec::new() };
        for (number, exemption) in exemptions.iter().enumerate() {
            match &exemption.scope {
                Scope::Comment(field) | Scope::Annotation(field) => {
                    index.fields.entry(field.clone()).or_default().push(number);
                }
                Scope::Objects(..) => index.objects.push(number),
            }
        }
        index
    }

    fn candidates(&self, finding: &Finding) -> Vec<usize> {
        let mut candidates = Vec::new();
        if !self.fields.is_empty()
            && let Some(Location {
                source,
                place: Place::Field { document, pointer } | Place::Inside { document, pointer, .. },
            }) = &finding.location
        {
            let mut next = Some(pointer.clone());
            while let Some(pointer) = next {
                next = pointer.parent();
                let field = Field { source: source.clone(), document: *document, pointer };
                let here = self.fields.get(&field).into_iter().flatten();
                candidates.extend(here.take(AT_ONE_PLACE_MAX));
            }
        }
        candidates.extend(self.objects.iter().take(OBJECTS_MAX));
        candidates
    }
}

#[cfg(test)]
mod tests;
