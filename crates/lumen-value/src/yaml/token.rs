//! The tokens of YAML 1.1.

use std::borrow::Cow;

/// A token and the bytes of the text it stands on. Those that stand for a change of indentation, and the
/// [`TokenKind::Key`] of a key without `?`, are empty.
#[derive(Clone, Debug)]
pub(super) struct Token<'t> {
    pub(super) kind: TokenKind<'t>,
    pub(super) start: usize,
    pub(super) end: usize,
    /// The flow level at which this token may turn out to start a key.
    pub(super) key_level: Option<usize>,
}

#[derive(Clone, Debug)]
pub(super) enum TokenKind<'t> {
    StreamEnd,
    /// `%YAML 1.1`.
    Version(u32, u32),
    /// `%TAG`: the handle and its prefix.
    TagDirective(Box<(String, String)>),
    DocumentStart,
    DocumentEnd,
    BlockSequenceStart,
    BlockMappingStart,
    BlockEnd,
    FlowSequenceStart,
    FlowSequenceEnd,
    FlowMappingStart,
    FlowMappingEnd,
    BlockEntry,
    FlowEntry,
    Key,
    Value,
    Alias(&'t str),
    Anchor(&'t str),
    /// The handle, empty for a whole tag, and what follows it.
    Tag(Box<(String, String)>),
    Scalar {
        text: Cow<'t, str>,
        style: ScalarStyle,
    },
}

/// How a scalar is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum ScalarStyle {
    /// Not at all: the null that stands for a value that was left out.
    #[default]
    Absent,
    Plain,
    SingleQuoted,
    DoubleQuoted,
    /// After `|`.
    Literal,
    /// After `>`.
    Folded,
}

/// The lines of a block scalar.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct BlockLines {
    /// How many spaces stand before each line of it.
    pub(crate) indent: usize,
    /// Where the first line starts.
    pub(crate) start: usize,
    /// The end of the last one, with its line break; blank lines at the end are lines too.
    pub(crate) end: usize,
}

/// What is wrong with a text, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) kind: FaultKind,
    pub(super) at: usize,
    pub(super) message: Cow<'static, str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FaultKind {
    Syntax,
    TooDeep,
    TooManyAliases,
}

impl Fault {
    pub(super) fn syntax(at: usize, message: impl Into<Cow<'static, str>>) -> Self {
        Self { kind: FaultKind::Syntax, at, message: message.into() }
    }

    pub(super) fn too_deep(at: usize, depth_max: usize) -> Self {
        Self {
            kind: FaultKind::TooDeep,
            at,
            message: format!("collections nest deeper than {depth_max} levels").into(),
        }
    }
}
