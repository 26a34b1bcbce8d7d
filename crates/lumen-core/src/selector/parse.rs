//! Reads selectors written as text (`k8s.io/apimachinery/pkg/labels/selector.go`, `Parse`).

use std::collections::BTreeSet;

use super::{Operator, Requirement, SelectorError, label};

/// A piece of a selector's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token<'a> {
    /// A key or a value; `in` and `notin` where a key or a value must stand.
    Word(&'a str),
    /// One of `= == != ! > < ( ) ,`.
    Sign(&'static str),
    /// The end of the text.
    End,
}

static SIGNS: &[&str] = &["==", "!=", "=", "!", ">", "<", "(", ")", ","];

impl Token<'_> {
    fn text(&self) -> &str {
        match self {
            Self::Word(text) | Self::Sign(text) => text,
            Self::End => "",
        }
    }
}

pub(super) fn parse(text: &str) -> Result<Vec<Requirement>, SelectorError> {
    let mut parser = Parser { text, next: Token::End };
    parser.advance();
    let mut requirements = Vec::new();
    if parser.next == Token::End {
        return Ok(requirements);
    }
    loop {
        requirements.push(parser.requirement()?);
        match parser.advance() {
            Token::End => return Ok(requirements),
            Token::Sign(",") => {}
            other => return Err(unexpected(other, "`,` or the end")),
        }
    }
}

/// Reads with one token in hand.
struct Parser<'a> {
    /// What is not read yet, behind the token in hand.
    text: &'a str,
    next: Token<'a>,
}

impl<'a> Parser<'a> {
    /// The token in hand; the next one takes its place.
    fn advance(&mut self) -> Token<'a> {
        let token = self.next;
        self.next = self.scan();
        token
    }

    /// Takes the next token off the text. A NUL ends a word, and the text where no word has begun, as upstream's reader
    /// takes it.
    fn scan(&mut self) -> Token<'a> {
        let text = self.text.trim_start_matches([' ', '\t', '\r', '\n']);
        if text.is_empty() || text.starts_with('\0') {
            self.text = text.strip_prefix('\0').unwrap_or(text);
            return Token::End;
        }
        for sign in SIGNS {
            if let Some(rest) = text.strip_prefix(sign) {
                self.text = rest.strip_prefix('\0').unwrap_or(rest);
                return Token::Sign(sign);
            }
        }
        let end = text.find(|letter: char| "\0 \t\r\n=!(),<>".contains(letter)).unwrap_or(text.len());
        let (word, rest) = text.split_at_checked(end).unwrap_or((text, ""));
        self.text = rest.strip_prefix('\0').unwrap_or(rest);
        Token::Word(word)
    }

    fn requirement(&mut self) -> Result<Requirement, SelectorError> {
        let is_negated = self.next == Token::Sign("!");
        if is_negated {
            self.advance();
        }
        let Token::Word(key) = self.next else {
            return Err(unexpected(self.next, "a key"));
        };
        label::check_key(key).map_err(|reason| SelectorError::Key { key: key.to_owned(), reason })?;
        self.advance();
        if is_negated {
            return Requirement::new(key, Operator::DoesNotExist, Vec::new());
        }
        if matches!(self.next, Token::End | Token::Sign(",")) {
            return Requirement::new(key, Operator::Exists, Vec::new());
        }
        let operator = match self.advance() {
            Token::Word("in") => Operator::In,
            Token::Word("notin") => Operator::NotIn,
            Token::Sign("=") => Operator::Equals,
            Token::Sign("==") => Operator::DoubleEquals,
            Token::Sign("!=") => Operator::NotEquals,
            Token::Sign(">") => Operator::GreaterThan,
            Token::Sign("<") => Operator::LessThan,
            other => return Err(unexpected(other, "in, notin, =, ==, !=, > or <")),
        };
        let values = match operator {
            Operator::In | Operator::NotIn => self.values()?,
            _ => vec![self.value()?],
        };
        Requirement::new(key, operator, values)
    }

    /// The one value behind a sign; an empty one where nothing stands there.
    fn value(&mut self) -> Result<String, SelectorError> {
        match self.next {
            Token::End | Token::Sign(",") => Ok(String::new()),
            Token::Word(value) => {
                self.advance();
                Ok(value.to_owned())
            }
            other @ Token::Sign(_) => Err(unexpected(other, "a value")),
        }
    }

    /// The values in parentheses: sorted, each once. A place that is left empty stands for the empty value.
    fn values(&mut self) -> Result<Vec<String>, SelectorError> {
        if self.next != Token::Sign("(") {
            return Err(unexpected(self.next, "`(`"));
        }
        self.advance();
        let mut values = BTreeSet::new();
        let mut value = "";
        loop {
            match self.advance() {
                Token::Word(word) if value.is_empty() => value = word,
                Token::Sign(sign @ ("," | ")")) => {
                    values.insert(value.to_owned());
                    if sign == ")" {
                        return Ok(values.into_iter().collect());
                    }
                    value = "";
                }
                other => return Err(unexpected(other, "`,`, `)` or a value")),
            }
        }
    }
}

fn unexpected(found: Token<'_>, wanted: &'static str) -> SelectorError {
    SelectorError::Syntax { found: found.text().to_owned(), wanted }
}
