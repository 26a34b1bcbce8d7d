//! What a check may ask of a field: operators, their modifiers, and the functions around fields.

use std::fmt;

/// How a field is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Operator {
    /// The field has a value.
    Exists,
    /// `=`, or `==`, which is printed as it was written.
    Equal,
    /// `==`.
    DoubleEqual,
    /// `!=`.
    NotEqual,
    /// `<`.
    Less,
    /// `<=`.
    LessOrEqual,
    /// `>`.
    Greater,
    /// `>=`.
    GreaterOrEqual,
    /// The text holds another.
    Contains,
    /// As [`Operator::Contains`], whatever the case of ASCII letters.
    IContains,
    /// The bytes hold those written in hexadecimal.
    BContains,
    /// The text begins with another.
    StartsWith,
    /// The bytes begin with those written in hexadecimal.
    BStartsWith,
    /// The text ends with another.
    EndsWith,
    /// The text as a whole is of a shell's pattern.
    Glob,
    /// As [`Operator::Glob`], whatever the case of ASCII letters.
    IGlob,
    /// The text as a whole is of a regular expression in RE2's syntax.
    Regex,
    /// Every value of the field is in the list.
    In,
    /// One value of the field is in the list.
    Intersects,
    /// A path of the list is the text, or a folder above it.
    PathMatch,
}

/// What is asked of the members of a list behind an operator for one text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Modifier {
    /// Exactly one fits.
    OneOf,
    /// One fits.
    AnyOf,
    /// All fit.
    AllOf,
}

/// An operator and its modifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Comparison {
    /// How one value is compared.
    pub operator: Operator,
    /// How those of a list are.
    pub modifier: Option<Modifier>,
}

/// What is done to the value of a field before it is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Function {
    /// The field itself, to the right of an operator.
    Val,
    /// In lower case.
    ToLower,
    /// In upper case.
    ToUpper,
    /// Decoded from base64.
    Base64,
    /// The part of a path behind the last `/`.
    Basename,
    /// How many bytes, or members, there are.
    Len,
    /// The members of a list with a text between them.
    Join,
    /// Texts one behind the other.
    Concat,
    /// The value of an option of a command line.
    Getopt,
}

/// The operators by what may stand behind them, in the order in which they are tried.
pub(super) const UNARY: [Operator; 1] = [Operator::Exists];
pub(super) const NUMERIC: [Operator; 4] =
    [Operator::LessOrEqual, Operator::Less, Operator::GreaterOrEqual, Operator::Greater];
pub(super) const TEXTUAL: [Operator; 12] = [
    Operator::DoubleEqual,
    Operator::Equal,
    Operator::NotEqual,
    Operator::Glob,
    Operator::IGlob,
    Operator::Contains,
    Operator::IContains,
    Operator::BContains,
    Operator::StartsWith,
    Operator::BStartsWith,
    Operator::EndsWith,
    Operator::Regex,
];
pub(super) const LISTED: [Operator; 3] = [Operator::Intersects, Operator::In, Operator::PathMatch];
pub(super) const MODIFIERS: [Modifier; 3] = [Modifier::OneOf, Modifier::AnyOf, Modifier::AllOf];
/// The functions that may stand to the left of an operator.
pub(super) const FUNCTIONS: [Function; 8] = [
    Function::ToLower,
    Function::ToUpper,
    Function::Base64,
    Function::Basename,
    Function::Len,
    Function::Join,
    Function::Concat,
    Function::Getopt,
];

impl Operator {
    /// As rules write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Exists => "exists",
            Self::Equal => "=",
            Self::DoubleEqual => "==",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::Contains => "contains",
            Self::IContains => "icontains",
            Self::BContains => "bcontains",
            Self::StartsWith => "startswith",
            Self::BStartsWith => "bstartswith",
            Self::EndsWith => "endswith",
            Self::Glob => "glob",
            Self::IGlob => "iglob",
            Self::Regex => "regex",
            Self::In => "in",
            Self::Intersects => "intersects",
            Self::PathMatch => "pmatch",
        }
    }

    /// Whether it is a word, which a blank must follow where a single value does.
    pub(super) fn is_word(self) -> bool {
        self.as_str().bytes().all(|byte| byte.is_ascii_lowercase())
    }

    /// Whether a list stands behind it.
    pub(super) fn takes_list(self) -> bool {
        LISTED.contains(&self)
    }
}

impl Modifier {
    /// As rules write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OneOf => "oneof",
            Self::AnyOf => "anyof",
            Self::AllOf => "allof",
        }
    }
}

impl Function {
    /// As rules write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Val => "val",
            Self::ToLower => "tolower",
            Self::ToUpper => "toupper",
            Self::Base64 => "b64",
            Self::Basename => "basename",
            Self::Len => "len",
            Self::Join => "join",
            Self::Concat => "concat",
            Self::Getopt => "getopt",
        }
    }
}

impl Comparison {
    /// Reads an operator, or one with its modifier, from a text that is nothing else; `None` where it is none, or where the
    /// operator takes no modifier. The `comps` of exceptions are written so.
    pub fn parse(text: &str) -> Option<Self> {
        let (name, modifier) = match text.split_once(' ') {
            None => (text, None),
            Some((name, modifier)) => {
                (name, Some(MODIFIERS.into_iter().find(|known| known.as_str() == modifier)?))
            }
        };
        let operator = all().find(|known| known.as_str() == name)?;
        (modifier.is_none() || TEXTUAL.contains(&operator)).then_some(Self { operator, modifier })
    }

    /// Whether a list stands behind it.
    pub(super) fn takes_list(self) -> bool {
        self.modifier.is_some() || self.operator.takes_list()
    }
}

/// All operators, as they are listed to people.
pub(super) fn all() -> impl Iterator<Item = Operator> {
    UNARY.into_iter().chain(NUMERIC).chain(TEXTUAL).chain(LISTED)
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.operator.as_str())?;
        match self.modifier {
            Some(modifier) => write!(f, " {}", modifier.as_str()),
            None => Ok(()),
        }
    }
}
