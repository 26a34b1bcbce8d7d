//! What is wrong with rules, with the reference's codes, and where.

use std::fmt;
use std::ops::Range;

use lumen_value::Pointer;

use super::suggest::{Absent, Among};

/// What kind of thing is wrong: the codes of `falco_load_result.h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Code {
    /// It is no YAML.
    YamlParse,
    /// It is not made of the items of rules.
    YamlValidate,
    /// A condition cannot be read, or asks for what there is not.
    CompileCondition,
    /// An output cannot be read, or asks for what there is not.
    CompileOutput,
    /// An item does not fit the others.
    Validate,
    /// The rule is for a source of events that there is not.
    UnknownSource,
    /// A comparison with `<NA>` of what may be absent.
    UnsafeNaCheck,
    /// The rule looks at almost every event.
    NoEventType,
    /// A field that there is not, in a rule that is then skipped.
    UnknownFilter,
    /// Nothing names the macro.
    UnusedMacro,
    /// Nothing names the list.
    UnusedList,
    /// An item of no known kind.
    UnknownItem,
    /// Something that will not be read for ever.
    DeprecatedItem,
    /// An exception is appended to without values.
    AppendNoValues,
    /// Two exceptions of a rule have one name.
    ExceptionNameNotUnique,
    /// No condition can name the macro.
    InvalidMacroName,
    /// No condition can name the list.
    InvalidListName,
    /// A condition says something other than it seems to.
    CompileConditionWarning,
    /// A key that means nothing.
    UnknownKey,
    /// A key stands twice; Lumen's own.
    DuplicateKey,
    /// A plugin is required that is neither built in nor there; Lumen's own.
    MissingPlugin,
}

impl Code {
    /// The reference's name of it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::YamlParse => "LOAD_ERR_YAML_PARSE",
            Self::YamlValidate => "LOAD_ERR_YAML_VALIDATE",
            Self::CompileCondition => "LOAD_ERR_COMPILE_CONDITION",
            Self::CompileOutput => "LOAD_ERR_COMPILE_OUTPUT",
            Self::Validate => "LOAD_ERR_VALIDATE",
            Self::UnknownSource => "LOAD_UNKNOWN_SOURCE",
            Self::UnsafeNaCheck => "LOAD_UNSAFE_NA_CHECK",
            Self::NoEventType => "LOAD_NO_EVTTYPE",
            Self::UnknownFilter => "LOAD_UNKNOWN_FILTER",
            Self::UnusedMacro => "LOAD_UNUSED_MACRO",
            Self::UnusedList => "LOAD_UNUSED_LIST",
            Self::UnknownItem => "LOAD_UNKNOWN_ITEM",
            Self::DeprecatedItem => "LOAD_DEPRECATED_ITEM",
            Self::AppendNoValues => "LOAD_APPEND_NO_VALUES",
            Self::ExceptionNameNotUnique => "LOAD_EXCEPTION_NAME_NOT_UNIQUE",
            Self::InvalidMacroName => "LOAD_INVALID_MACRO_NAME",
            Self::InvalidListName => "LOAD_INVALID_LIST_NAME",
            Self::CompileConditionWarning => "LOAD_COMPILE_CONDITION",
            Self::UnknownKey => "LOAD_UNKNOWN_KEY",
            Self::DuplicateKey => "LOAD_DUPLICATE_KEY",
            Self::MissingPlugin => "LOAD_MISSING_PLUGIN",
        }
    }

    /// Whether what it is about is not loaded.
    pub fn is_error(self) -> bool {
        matches!(
            self,
            Self::YamlParse
                | Self::YamlValidate
                | Self::CompileCondition
                | Self::CompileOutput
                | Self::Validate
                | Self::MissingPlugin
        )
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Something wrong with rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// What kind of thing.
    pub code: Code,
    /// What, for people: the reference's words where it has some.
    pub message: String,
    /// The file, by its place among those that were given.
    pub file: usize,
    /// The bytes of the file that are to blame.
    pub range: Range<usize>,
    /// The name of the rule, macro or list that it is about.
    pub item: Option<String>,
    /// The macro in whose condition it stands, where it is about a rule that names the macro.
    pub in_macro: Option<String>,
    /// What may have been meant, in a sentence; beside the message, which is the reference's.
    pub hint: Option<String>,
}

/// A place in a file, before it is looked up in its text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Spot {
    pub(super) file: usize,
    /// Where the document begins.
    pub(super) document: usize,
    pub(super) pointer: Pointer,
    /// A byte of the text that a scalar says.
    pub(super) offset: Option<usize>,
    /// The rule, macro or list.
    pub(super) item: Option<String>,
}

/// Something wrong at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) code: Code,
    pub(super) message: String,
    pub(super) spot: Spot,
    /// What few have, in a box: faults are handed on much.
    pub(super) detail: Option<Box<Detail>>,
}

/// What is known of some faults besides.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Detail {
    /// The macro in whose condition it stands, where that is not the item.
    pub(super) in_macro: Option<String>,
    /// The name that nothing has, where it is about that.
    pub(super) absent: Option<Absent>,
}

impl Spot {
    pub(super) fn child(&self, step: impl Into<lumen_value::Step>) -> Self {
        Self { pointer: self.pointer.child(step), ..self.clone() }
    }

    /// The same place within what an item says.
    pub(super) fn named(&self, item: &str) -> Self {
        Self { item: Some(item.to_owned()), ..self.clone() }
    }

    pub(super) fn fault(&self, code: Code, message: impl Into<String>) -> Fault {
        Fault { code, message: message.into(), spot: self.clone(), detail: None }
    }
}

impl Fault {
    /// A fault for a name that nothing of its kind has.
    pub(super) fn absent(mut self, name: &str, among: Among) -> Self {
        self.detail.get_or_insert_default().absent = Some(Absent { name: name.to_owned(), among });
        self
    }

    /// A fault in the condition of a macro that the item names.
    pub(super) fn in_macro(mut self, name: String) -> Self {
        self.detail.get_or_insert_default().in_macro = Some(name);
        self
    }
}
