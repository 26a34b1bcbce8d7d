//! The one vocabulary of all layers: what was found, how bad it is, what enforcement does about it, where it stands
//! and how it is mended.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use lumen_value::Pointer;
pub use lumen_value::edit::Edit;

use crate::object::ObjectRef;

/// One thing that a layer says about the inputs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Which rule says so.
    pub rule: RuleId,
    /// What the rule concluded.
    pub outcome: Outcome,
    /// What enforcement would do.
    pub action: Action,
    /// How bad it is, whatever enforcement does.
    pub severity: Severity,
    /// One sentence for people, without a final period.
    pub message: String,
    /// The exact text that the API server prints, where it prints one; shared by the findings that it sums up.
    pub upstream_message: Option<Arc<str>>,
    /// The object it is about, shared by its findings; `None` where the input is no object.
    pub object: Option<Arc<ObjectRef>>,
    /// Where it stands; `None` only where no input is to blame.
    pub location: Option<Location>,
    /// Other places that explain it.
    pub related: Vec<Related>,
    /// The policy that decided, where one did; shared by the findings about one object.
    pub policy: Option<Arc<PolicyRef>>,
    /// How to mend it, where a mechanical change does.
    pub fix: Option<Fix>,
}

impl Finding {
    /// Whether admission would keep this object, or the pods it makes, out of the cluster.
    pub fn is_denial(&self) -> bool {
        matches!(self.outcome, Outcome::Fail | Outcome::Error)
            && matches!(self.action, Action::Deny | Action::DenyPods)
    }

    /// Whether something could not be read, and so was not judged. An object of the wrong shape is read and judged all the
    /// same; the API server refuses it.
    pub fn is_unread(&self) -> bool {
        self.rule.layer == Layer::Input && self.outcome == Outcome::Error && !self.is_denial()
    }

    /// Whether an exemption or a baseline may silence it: what is broken, but not what could not be read, for nobody can
    /// know what that hides.
    pub fn can_be_silenced(&self) -> bool {
        match self.outcome {
            Outcome::Fail | Outcome::Warn => true,
            Outcome::Error => self.rule.layer != Layer::Input,
            Outcome::Pass | Outcome::Skip => false,
        }
    }
}

/// The layers of defence; `posture` for all of them together, and `input` for what could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Layer {
    /// Layer 1: Gatekeeper's constraints.
    Admission,
    /// Layer 2: the Pod Security Standards.
    PodSecurity,
    /// Layer 3: `NetworkPolicies`.
    Network,
    /// Layer 4: runtime rules.
    Runtime,
    /// Layer 5: signatures and bundles.
    SupplyChain,
    /// No layer: what is weak about the layers together.
    Posture,
    /// No layer: a file that could not be read in full.
    Input,
}

/// The name of a rule: `layer/rule`, in words. It never changes once released.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RuleId {
    /// The layer it belongs to: the part before the first `/`.
    pub layer: Layer,
    /// The rest of the id, such as `privileged`.
    pub name: Arc<str>,
}

impl RuleId {
    /// The rule of a layer.
    pub fn new(layer: Layer, name: &str) -> Self {
        Self { layer, name: name.into() }
    }
}

impl fmt::Display for RuleId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}/{}", self.layer, self.name)
    }
}

impl FromStr for RuleId {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (layer, name) = text.split_once('/').ok_or_else(|| UnknownWord::new("rule id", text))?;
        Ok(Self::new(layer.parse()?, name))
    }
}

/// What a rule concluded. What is unknown is never `Pass`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// The rule looked and found nothing wrong.
    Pass,
    /// The rule is broken.
    Fail,
    /// The rule is broken, and all that happens is a warning.
    Warn,
    /// The rule could not be evaluated.
    Error,
    /// The rule was not evaluated, for a reason that the message gives.
    Skip,
}

/// What enforcement does about a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// The object is rejected.
    Deny,
    /// The object, a controller, is admitted, and the pods it makes are rejected.
    DenyPods,
    /// The object is admitted with a warning to whoever applies it.
    Warn,
    /// The object is admitted and the violation recorded: Gatekeeper's `dryrun`, Pod Security's `audit`.
    Dryrun,
    /// Nothing: advice.
    None,
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Hygiene.
    Low,
    /// Weakens a defence: what breaks `restricted`.
    Medium,
    /// Opens a way to the node or to other workloads: what breaks `baseline`.
    High,
    /// Needs no attacker's skill.
    Critical,
}

/// A text that is none of the words that stand for a thing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no {what}")]
pub struct UnknownWord {
    what: &'static str,
    text: String,
}

impl UnknownWord {
    fn new(what: &'static str, text: &str) -> Self {
        Self { what, text: text.into() }
    }
}

/// Gives an enum of plain variants its words: `as_str`, `ALL`, `Display` and `FromStr`.
macro_rules! words {
    ($type:ident, $what:literal, $($variant:ident = $word:literal),* $(,)?) => {
        impl $type {
            /// Every one, in the order of their declaration.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The word for it in every output.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word),*
                }
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.pad(self.as_str())
            }
        }

        impl FromStr for $type {
            type Err = UnknownWord;

            fn from_str(text: &str) -> Result<Self, UnknownWord> {
                Self::ALL.iter().copied().find(|each| each.as_str() == text).ok_or_else(|| UnknownWord::new($what, text))
            }
        }
    };
}

words!(
    Layer,
    "layer",
    Admission = "admission",
    PodSecurity = "pod-security",
    Network = "network",
    Runtime = "runtime",
    SupplyChain = "supply-chain",
    Posture = "posture",
    Input = "input"
);
words!(Outcome, "outcome", Pass = "pass", Fail = "fail", Warn = "warn", Error = "error", Skip = "skip");
words!(
    Action,
    "action",
    Deny = "deny",
    DenyPods = "deny-pods",
    Warn = "warn",
    Dryrun = "dryrun",
    None = "none"
);
words!(
    Severity,
    "severity",
    Info = "info",
    Low = "low",
    Medium = "medium",
    High = "high",
    Critical = "critical"
);

/// Where something stands, symbolically: bytes and lines are found afterwards, for what is reported.
/// Ordered by file, then by document, then by place.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Location {
    /// The input, as it is shown to people: a path, or `<stdin>`.
    pub source: Arc<str>,
    /// The place in it.
    pub place: Place,
}

impl Location {
    /// The place of a field, given the way to it from the one that stands here.
    #[must_use]
    pub fn inside(&self, further: &Pointer) -> Self {
        let place = match &self.place {
            Place::Field { document, pointer } => {
                Place::Field { document: *document, pointer: pointer.join(further) }
            }
            other => other.clone(),
        };
        Self { source: self.source.clone(), place }
    }

    /// A row and a column, from 1, in the text of the field that stands here; what is no field stays.
    #[must_use]
    pub fn in_text(self, row: u32, column: u32) -> Self {
        let place = match self.place {
            Place::Field { document, pointer } => Place::Inside { document, pointer, row, column },
            other => other,
        };
        Self { place, ..self }
    }
}

/// A place in an input.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// The input as a whole.
    Whole,
    /// A position in the text.
    Byte(usize),
    /// A field of a document.
    Field {
        /// The document's number in the input, from zero.
        document: usize,
        /// The way from the document's root. Where it leads to nothing (a field that is missing), the
        /// deepest value on the way that is there is meant.
        pointer: Pointer,
    },
    /// A character in the text of a field, such as one of a policy's source.
    Inside {
        /// The document's number in the input, from zero.
        document: usize,
        /// The way to the field from the document's root.
        pointer: Pointer,
        /// Row in the field's text, from 1.
        row: u32,
        /// Column in characters, from 1; 0 before the row's first.
        column: u32,
    },
}

/// A place that explains a finding, and what is to be seen there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Related {
    /// The place.
    pub location: Location,
    /// What it shows: a few words.
    pub label: String,
    /// Whether it is a line of a policy that was evaluated: then the label has its text and values.
    pub is_step: bool,
}

/// The policy that decided: an object in the cluster, or a configuration.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PolicyRef {
    /// The object that holds the policy, such as the Namespace with its labels.
    pub object: ObjectRef,
    /// The rule in it, such as `enforce=restricted:latest`.
    pub rule: String,
}

/// A mechanical change that mends a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fix {
    /// What it does: an imperative of a few words.
    pub title: String,
    /// Whether the workload can be expected to run as before.
    pub safety: Safety,
    /// The changes, all in the document of the finding; all are made or none.
    pub edits: Vec<Edit>,
}

/// Whether a fix may be applied unasked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Safety {
    /// Hardly any program notices: `--fix` makes it.
    Safe,
    /// It takes something away that the program may need: `--unsafe-fixes` makes it.
    Unsafe,
}
