//! [`Location`]: where in an object a mutator is at work, such as `spec.containers[name: *].image`
//! (gatekeeper `pkg/mutation/path`).

use std::fmt;
use std::iter::Peekable;
use std::str::Chars;

/// Longest text of a location, in bytes.
const BYTES_MAX: usize = 16 * 1024;

/// Most nodes of a location.
const NODES_MAX: usize = 200;

/// The way to a field. Of several lists none follows another directly.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Location(Vec<Node>);

/// A step of the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Node {
    /// Into a field of an object.
    Field(String),
    /// Into the elements of a list that are objects with such a value under the key.
    List {
        /// The key.
        key: String,
        /// Which of the elements.
        which: Which,
    },
}

/// Which elements of a list are meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Which {
    /// All of them.
    All,
    /// Those with this text.
    Text(String),
    /// Those with this integer.
    Integer(i64),
}

/// Why a text is no location.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum LocationError {
    /// Something else stands there.
    #[error("{wanted} is expected, not {found}")]
    Unexpected {
        /// What is expected.
        wanted: &'static str,
        /// What stands there.
        found: String,
    },
    /// It ends with a separator.
    #[error("it ends with a `.`")]
    TrailingSeparator,
    /// The key of an element is an integer of more than 64 bits.
    #[error("the integer {0} is too large")]
    Integer(String),
    /// It is longer than any real one.
    #[error("it is longer than {BYTES_MAX} bytes or {NODES_MAX} steps")]
    TooLong,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    End,
    Word(String),
    Integer(String),
    Dot,
    Open,
    Close,
    Colon,
    Star,
    Broken(String),
}

impl Token {
    fn shown(&self) -> String {
        match self {
            Self::End => "the end".to_owned(),
            Self::Word(text) | Self::Integer(text) | Self::Broken(text) => {
                format!("`{}`", text.chars().take(40).collect::<String>())
            }
            Self::Dot => "`.`".to_owned(),
            Self::Open => "`[`".to_owned(),
            Self::Close => "`]`".to_owned(),
            Self::Colon => "`:`".to_owned(),
            Self::Star => "`*`".to_owned(),
        }
    }
}

/// The tokens of a text. Space between them means nothing.
struct Scanner<'a>(Peekable<Chars<'a>>);

impl Scanner<'_> {
    fn next(&mut self) -> Token {
        while self.0.next_if(|letter| matches!(letter, ' ' | '\t' | '\r' | '\n')).is_some() {}
        match self.0.peek() {
            None => return Token::End,
            Some('0'..='9') => return Token::Integer(self.take(|letter| letter.is_ascii_digit())),
            Some(letter) if is_of_word(*letter) => return Token::Word(self.take(is_of_word)),
            Some(_) => {}
        }
        match self.0.next() {
            None => Token::End,
            Some('.') => Token::Dot,
            Some('[') => Token::Open,
            Some(']') => Token::Close,
            Some(':') => Token::Colon,
            Some('*') => Token::Star,
            Some(quote @ ('"' | '\'')) => self.quoted(quote),
            Some(other) => Token::Broken(other.to_string()),
        }
    }

    fn take(&mut self, is_of: impl Fn(char) -> bool) -> String {
        let mut text = String::new();
        while let Some(letter) = self.0.next_if(|letter| is_of(*letter)) {
            text.push(letter);
        }
        text
    }

    /// A backslash stands before what is taken as it is.
    fn quoted(&mut self, quote: char) -> Token {
        let mut text = String::new();
        loop {
            match self.0.next() {
                None => return Token::Broken(text),
                Some(letter) if letter == quote => return Token::Word(text),
                Some('\\') => text.extend(self.0.next()),
                Some(letter) => text.push(letter),
            }
        }
    }
}

fn is_of_word(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || letter == '_' || letter == '-'
}

impl Location {
    /// Reads a location. The empty text is one without nodes.
    pub(super) fn parse(text: &str) -> Result<Self, LocationError> {
        if text.len() > BYTES_MAX {
            return Err(LocationError::TooLong);
        }
        let mut scanner = Scanner(text.chars().peekable());
        let mut nodes = Vec::new();
        let mut token = scanner.next();
        if token == Token::End {
            return Ok(Self::default());
        }
        loop {
            let Token::Word(field) = token else {
                return Err(unexpected("the name of a field", &token));
            };
            nodes.push(Node::Field(field));
            token = scanner.next();
            if token == Token::Open {
                nodes.push(list(&mut scanner)?);
                token = scanner.next();
            }
            if nodes.len() > NODES_MAX {
                return Err(LocationError::TooLong);
            }
            match token {
                Token::End => return Ok(Self(nodes)),
                Token::Dot => {}
                other => return Err(unexpected("`.` or the end", &other)),
            }
            token = scanner.next();
            if token == Token::End {
                return Err(LocationError::TrailingSeparator);
            }
        }
    }

    /// The steps.
    pub(super) fn nodes(&self) -> &[Node] {
        &self.0
    }

    /// The last step; `None` of the empty location.
    pub(super) fn last(&self) -> Option<&Node> {
        self.0.last()
    }

    /// Whether it leads into the object's metadata.
    pub(super) fn is_of_metadata(&self) -> bool {
        matches!(self.0.first(), Some(Node::Field(name)) if name == "metadata")
    }

    /// Whether it is the same way, or a part of one that leads further.
    pub(super) fn starts(&self, other: &Self) -> bool {
        other.0.starts_with(&self.0)
    }
}

/// What follows the bracket.
fn list(scanner: &mut Scanner<'_>) -> Result<Node, LocationError> {
    let key = match scanner.next() {
        Token::Word(key) => key,
        other => return Err(unexpected("the key of a list", &other)),
    };
    match scanner.next() {
        Token::Colon => {}
        other => return Err(unexpected("`:` behind the key of a list", &other)),
    }
    let which = match scanner.next() {
        Token::Star => Which::All,
        Token::Word(text) => Which::Text(text),
        Token::Integer(text) => match text.parse() {
            Ok(integer) => Which::Integer(integer),
            Err(_) => return Err(LocationError::Integer(text.chars().take(40).collect())),
        },
        other => return Err(unexpected("the value of a key, or `*`,", &other)),
    };
    match scanner.next() {
        Token::Close => Ok(Node::List { key, which }),
        other => Err(unexpected("`]`", &other)),
    }
}

fn unexpected(wanted: &'static str, found: &Token) -> LocationError {
    LocationError::Unexpected { wanted, found: found.shown() }
}

/// As it is written: what could be read as something else stands in quotes.
impl fmt::Display for Location {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, node) in self.0.iter().enumerate() {
            if number > 0 && matches!(node, Node::Field(_)) {
                out.write_str(".")?;
            }
            write!(out, "{node}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Node {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(name) => out.write_str(&quoted(name)),
            Self::List { key, which: Which::All } => write!(out, "[{}: *]", quoted(key)),
            Self::List { key, which: Which::Text(text) } => {
                write!(out, "[{}: {}]", quoted(key), quoted(text))
            }
            Self::List { key, which: Which::Integer(integer) } => write!(out, "[{}: {integer}]", quoted(key)),
        }
    }
}

fn quoted(text: &str) -> String {
    if !text.is_empty()
        && text.chars().all(is_of_word)
        && !text.starts_with(|first: char| first.is_ascii_digit())
    {
        return text.to_owned();
    }
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "[a-c0-9 .:*'\"\\\\\\[\\]é-]{0,30}") {
            if let Ok(location) = Location::parse(&text) {
                prop_assert_eq!(Location::parse(&location.to_string()), Ok(location));
            }
        }
    }

    #[test]
    fn a_location_is_printed_as_it_can_be_read() {
        for text in [
            "spec",
            "spec.containers[name: *].image",
            "metadata.labels.\"example.com/a\"",
            "spec.ports[port: 80].\"1\"",
            "a[\"b c\": \"d\\\"e\\\\\"]",
        ] {
            let location = Location::parse(text).expect(text);
            assert_eq!(location.to_string(), text);
        }
        assert_eq!(Location::parse(" spec . 'a'[ b :\n'c' ] ").expect("spaced").to_string(), "spec.a[b: c]");
        assert_eq!(Location::parse(" "), Ok(Location::default()));
    }

    #[test]
    fn what_is_no_location_is_refused() {
        for text in [
            ".",
            "a.",
            "a..b",
            "[a:b]",
            "a[b]",
            "a[:b]",
            "a[b:]",
            "a[b:c",
            "a[b:c]d",
            "a[b:c][d:e]",
            "a b",
            "1",
            "a.1",
            "*",
            "a.*",
            "a,b",
            "\"a",
            "a[1:b]",
            "é",
            "a[b:99999999999999999999]",
        ] {
            assert!(Location::parse(text).is_err(), "{text}");
        }
        let long = "a[b:*].".repeat(100_000) + "c";
        assert_eq!(Location::parse(&long), Err(LocationError::TooLong));
        assert_eq!(Location::parse(&"a.".repeat(1_000)), Err(LocationError::TooLong));
        assert_eq!(
            Location::parse(&"[".repeat(10_000)),
            Err(unexpected("the name of a field", &Token::Open))
        );
    }
}
