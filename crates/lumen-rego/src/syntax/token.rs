//! Tokens, and which words are keywords (`v1/ast/internal/tokens/tokens.go`).

/// The kinds of token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Token {
    Illegal,
    Eof,
    Whitespace,
    Ident,
    Comment,
    Package,
    Import,
    As,
    Default,
    Else,
    Not,
    Some,
    With,
    Null,
    True,
    False,
    Number,
    String,
    TemplatePart,
    TemplateEnd,
    RawTemplatePart,
    RawTemplateEnd,
    LeftBracket,
    RightBracket,
    LeftBrace,
    RightBrace,
    LeftParen,
    RightParen,
    Comma,
    Colon,
    Add,
    Sub,
    Mul,
    Quo,
    Rem,
    And,
    Or,
    Unify,
    Equal,
    Assign,
    In,
    Neq,
    Gt,
    Lt,
    Gte,
    Lte,
    Dot,
    Semicolon,
    Every,
    Contains,
    If,
    LogicalAnd,
    LogicalOr,
}

impl Token {
    /// The name that messages give it; of an operator, the name of the function that it calls.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Illegal => "illegal",
            Self::Eof => "eof",
            Self::Whitespace => "whitespace",
            Self::Ident => "identifier",
            Self::Comment => "comment",
            Self::Package => "package",
            Self::Import => "import",
            Self::As => "as",
            Self::Default => "default",
            Self::Else => "else",
            Self::Not => "not",
            Self::Some => "some",
            Self::With => "with",
            Self::Null => "null",
            Self::True => "true",
            Self::False => "false",
            Self::Number => "number",
            Self::String => "string",
            Self::TemplatePart => "template-string-part",
            Self::TemplateEnd => "template-string-end",
            Self::RawTemplatePart => "raw-template-string-part",
            Self::RawTemplateEnd => "raw-template-string-end",
            Self::LeftBracket => "[",
            Self::RightBracket => "]",
            Self::LeftBrace => "{",
            Self::RightBrace => "}",
            Self::LeftParen => "(",
            Self::RightParen => ")",
            Self::Comma => ",",
            Self::Colon => ":",
            Self::Add => "plus",
            Self::Sub => "minus",
            Self::Mul => "mul",
            Self::Quo => "div",
            Self::Rem => "rem",
            Self::And | Self::LogicalAnd => "and",
            Self::Or | Self::LogicalOr => "or",
            Self::Unify => "eq",
            Self::Equal => "equal",
            Self::Assign => "assign",
            Self::In => "in",
            Self::Neq => "neq",
            Self::Gt => "gt",
            Self::Lt => "lt",
            Self::Gte => "gte",
            Self::Lte => "lte",
            Self::Dot => ".",
            Self::Semicolon => ";",
            Self::Every => "every",
            Self::Contains => "contains",
            Self::If => "if",
        }
    }

    /// Whether messages call it a keyword.
    pub(super) fn is_keyword(self) -> bool {
        ALWAYS.iter().any(|(_, token)| *token == self) || FUTURE.iter().any(|(_, token, _)| *token == self)
    }
}

/// Words that are keywords in every language.
const ALWAYS: [(&str, Token); 10] = [
    ("package", Token::Package),
    ("import", Token::Import),
    ("as", Token::As),
    ("default", Token::Default),
    ("else", Token::Else),
    ("some", Token::Some),
    ("with", Token::With),
    ("null", Token::Null),
    ("true", Token::True),
    ("false", Token::False),
];

/// Words that `import future.keywords.x` can make keywords, in the order of the alphabet. `not` is one from the
/// start; importing it allows `not { .. }`.
pub(super) const FUTURE: [(&str, Token, Keywords); 7] = [
    ("and", Token::LogicalAnd, Keywords::AND),
    ("contains", Token::Contains, Keywords::CONTAINS),
    ("every", Token::Every, Keywords::EVERY),
    ("if", Token::If, Keywords::IF),
    ("in", Token::In, Keywords::IN),
    ("not", Token::Not, Keywords::NOT),
    ("or", Token::LogicalOr, Keywords::OR),
];

/// Which of [`FUTURE`] are keywords.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Keywords(u8);

impl Keywords {
    pub(super) const NONE: Self = Self(0);
    pub(super) const NOT: Self = Self(1);
    pub(super) const IN: Self = Self(2);
    pub(super) const EVERY: Self = Self(4);
    pub(super) const CONTAINS: Self = Self(8);
    pub(super) const IF: Self = Self(16);
    pub(super) const AND: Self = Self(32);
    pub(super) const OR: Self = Self(64);
    /// Those that came with 1.0.
    pub(super) const V1: Self = Self(2 | 4 | 8 | 16);
    pub(super) const ALL: Self = Self(127);

    /// These and others. Importing `every` means importing `in`.
    pub(super) const fn with(self, other: Self) -> Self {
        let both = self.0 | other.0;
        if both & Self::EVERY.0 == 0 { Self(both) } else { Self(both | Self::IN.0) }
    }

    /// Whether one of `other` is among these.
    pub(super) const fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// What a word is.
    pub(super) fn token(self, word: &str) -> Token {
        let always = ALWAYS.iter().find(|(keyword, _)| *keyword == word).map(|(_, token)| *token);
        always.or_else(|| self.future(word)).unwrap_or(Token::Ident)
    }

    /// Whether a word is a keyword.
    pub(super) fn is_keyword(self, word: &str) -> bool {
        self.token(word) != Token::Ident
    }

    fn future(self, word: &str) -> Option<Token> {
        let found = FUTURE.iter().find(|(keyword, ..)| *keyword == word);
        found.filter(|(.., bit)| self.has(*bit)).map(|(_, token, _)| *token)
    }
}
