//! Templates as trees.

use std::collections::BTreeMap;

use super::DEPTH_MAX;

/// A piece of a template.
pub(super) enum Node {
    Text(String),
    Action(Pipeline),
    If(Pipeline, Vec<Node>, Vec<Node>),
    With(Pipeline, Vec<Node>, Vec<Node>),
    Range(Pipeline, Vec<Node>, Vec<Node>),
    Template(String, Option<Pipeline>),
    Break,
    Continue,
}

/// Commands, each getting what the one before gave.
pub(super) struct Pipeline {
    /// Variables that it sets.
    pub(super) variables: Vec<String>,
    /// They are there already.
    pub(super) is_assignment: bool,
    pub(super) commands: Vec<Vec<Operand>>,
    /// For messages.
    pub(super) line: usize,
}

/// What a command is made of.
pub(super) enum Operand {
    /// `.` with fields behind.
    Dot(Vec<String>),
    /// `$x` with fields behind.
    Variable(String, Vec<String>),
    Function(String),
    Nil,
    Bool(bool),
    Integer(i64),
    Float(f64),
    Text(String),
    Parentheses(Box<Pipeline>, Vec<String>),
}

/// The templates by name; the one that is rendered has the name `template`.
pub(super) type Templates = BTreeMap<String, Vec<Node>>;

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Field(String),
    Variable(String),
    Word(String),
    Text(String),
    Integer(i64),
    Float(f64),
    Mark(char),
    Declare,
    Space,
}

/// A piece of the source.
enum Piece {
    Text(String),
    Action(Vec<Token>, usize),
}

/// Reads a template. The error is a line and a message, as Go has them.
pub(super) fn parse(source: &str) -> Result<Templates, String> {
    let pieces = pieces(source)?;
    let mut parser = Parser { pieces, at: 0, templates: Templates::new(), depth: 0 };
    let (nodes, end) = parser.list()?;
    if let Some((word, line)) = end {
        return Err(format!("{line}: unexpected {{{{{word}}}}}"));
    }
    parser.templates.insert("template".to_owned(), nodes);
    Ok(parser.templates)
}

fn pieces(source: &str) -> Result<Vec<Piece>, String> {
    let mut pieces = Vec::new();
    let (mut rest, mut line, mut trims) = (source, 1, false);
    while let Some((text, action)) = rest.split_once("{{") {
        let trims_left = action.strip_prefix('-').filter(|rest| rest.starts_with([' ', '\t', '\r', '\n']));
        let mut kept = if trims { text.trim_start_matches([' ', '\t', '\r', '\n']) } else { text };
        if trims_left.is_some() {
            kept = kept.trim_end_matches([' ', '\t', '\r', '\n']);
        }
        if !kept.is_empty() {
            pieces.push(Piece::Text(kept.to_owned()));
        }
        line += text.matches('\n').count();
        let inner = trims_left.unwrap_or(action);
        let comment = inner.trim_start_matches([' ', '\t', '\r', '\n']);
        if (trims_left.is_some() || comment.len() == inner.len()) && comment.starts_with("/*") {
            let Some((text, behind)) = comment.split_once("*/") else {
                return Err(format!("{line}: unclosed comment"));
            };
            line += text.matches('\n').count();
            let dashed = behind.trim_start_matches([' ', '\t', '\r', '\n']);
            trims = dashed.len() < behind.len() && dashed.starts_with("-}}");
            let behind = if trims { dashed.strip_prefix("-}}") } else { behind.strip_prefix("}}") };
            let Some(behind) = behind else {
                return Err(format!("{line}: comment ends before closing delimiter"));
            };
            rest = behind;
            continue;
        }
        let start = line;
        let mut lexer = Lexer { rest: inner, line };
        let tokens = lexer.tokens()?;
        trims = lexer.rest.starts_with('-');
        rest = lexer.rest.strip_prefix('-').unwrap_or(lexer.rest).strip_prefix("}}").unwrap_or_default();
        line = lexer.line;
        pieces.push(Piece::Action(tokens, start));
    }
    let kept = if trims { rest.trim_start_matches([' ', '\t', '\r', '\n']) } else { rest };
    if !kept.is_empty() {
        pieces.push(Piece::Text(kept.to_owned()));
    }
    Ok(pieces)
}

struct Lexer<'a> {
    rest: &'a str,
    line: usize,
}

impl Lexer<'_> {
    fn error<T>(&self, message: &str) -> Result<T, String> {
        Err(format!("{}: {message}", self.line))
    }

    fn skip(&mut self, bytes: usize) {
        self.rest = self.rest.get(bytes..).unwrap_or_default();
    }

    fn word(&mut self) -> String {
        let end =
            self.rest.find(|char: char| char != '_' && !char.is_alphanumeric()).unwrap_or(self.rest.len());
        let word = self.rest.get(..end).unwrap_or_default().to_owned();
        self.skip(end);
        word
    }

    /// The tokens up to the closing braces, which are left.
    fn tokens(&mut self) -> Result<Vec<Token>, String> {
        let mut tokens = Vec::new();
        let mut open = 0_usize;
        loop {
            if self.rest.starts_with("}}") {
                if open > 0 {
                    return self.error("unclosed left paren");
                }
                return Ok(tokens);
            }
            let Some(char) = self.rest.chars().next() else { return self.error("unclosed action") };
            match char {
                ' ' | '\t' | '\r' | '\n' => {
                    let bare = self.rest.trim_start_matches([' ', '\t', '\r', '\n']);
                    let space = self.rest.len() - bare.len();
                    self.line += self.rest.get(..space).unwrap_or_default().matches('\n').count();
                    self.rest = bare;
                    if bare.starts_with("-}}") {
                        if open > 0 {
                            return self.error("unclosed left paren");
                        }
                        return Ok(tokens);
                    }
                    tokens.push(Token::Space);
                }
                '"' => tokens.push(Token::Text(self.quoted('"')?)),
                '`' => {
                    let inner = self.rest.get(1..).unwrap_or_default();
                    let Some((text, behind)) = inner.split_once('`') else {
                        return self.error("unterminated raw quoted string");
                    };
                    self.line += text.matches('\n').count();
                    tokens.push(Token::Text(text.to_owned()));
                    self.rest = behind;
                }
                '\'' => {
                    let text = self.quoted('\'')?;
                    let mut chars = text.chars();
                    let (Some(char), None) = (chars.next(), chars.next()) else {
                        return self.error(&format!("malformed character constant: '{text}'"));
                    };
                    tokens.push(Token::Integer(i64::from(u32::from(char))));
                }
                '.' if !self
                    .rest
                    .get(1..)
                    .is_some_and(|rest| rest.starts_with(|char: char| char.is_ascii_digit())) =>
                {
                    self.skip(1);
                    tokens.push(Token::Field(self.word()));
                }
                '$' => {
                    self.skip(1);
                    tokens.push(Token::Variable(self.word()));
                }
                '+' | '-' | '.' | '0'..='9' => tokens.push(self.number()?),
                ':' if self.rest.starts_with(":=") => {
                    self.skip(2);
                    tokens.push(Token::Declare);
                }
                '|' | ',' | '=' | '(' | ')' => {
                    open += usize::from(char == '(');
                    if char == ')' {
                        let Some(left) = open.checked_sub(1) else {
                            return self.error("unexpected right paren");
                        };
                        open = left;
                    }
                    self.skip(1);
                    tokens.push(Token::Mark(char));
                }
                _ if char == '_' || char.is_alphabetic() => tokens.push(Token::Word(self.word())),
                _ => {
                    return self.error(&format!(
                        "unrecognized character in action: U+{:04X} '{char}'",
                        u32::from(char)
                    ));
                }
            }
        }
    }

    fn number(&mut self) -> Result<Token, String> {
        let is_part = |char: char| char.is_ascii_alphanumeric() || matches!(char, '.' | '_' | '+' | '-');
        let mut end = 0;
        let mut before = ' ';
        for char in self.rest.chars().take_while(|char| is_part(*char)) {
            if end > 0 && matches!(char, '+' | '-') && !matches!(before, 'e' | 'E' | 'p' | 'P') {
                break;
            }
            before = char;
            end += 1;
        }
        let text = self.rest.get(..end).unwrap_or_default().to_owned();
        self.skip(end);
        let plain = text.replace('_', "");
        let bare = plain.trim_start_matches(['+', '-']);
        let radix = |prefix: &str, radix| {
            let digits = bare.to_ascii_lowercase();
            let value = i64::from_str_radix(digits.strip_prefix(prefix)?, radix).ok()?;
            Some(if plain.starts_with('-') { -value } else { value })
        };
        let integer = radix("0x", 16)
            .or_else(|| radix("0o", 8))
            .or_else(|| radix("0b", 2))
            .or_else(|| plain.parse().ok());
        match (integer, plain.parse::<f64>()) {
            (Some(integer), _) => Ok(Token::Integer(integer)),
            (None, Ok(float)) => Ok(Token::Float(float)),
            (None, Err(_)) => self.error(&format!("bad number syntax: {text:?}")),
        }
    }

    /// A text in quotes, its escapes read.
    fn quoted(&mut self, quote: char) -> Result<String, String> {
        let unclosed =
            if quote == '"' { "unterminated quoted string" } else { "unterminated character constant" };
        let mut text = String::new();
        let mut chars = self.rest.chars();
        chars.next();
        loop {
            let char = match chars.next() {
                None | Some('\n') => return self.error(unclosed),
                Some(char) if char == quote => break,
                Some('\\') => match chars.next() {
                    Some('n') => '\n',
                    Some('t') => '\t',
                    Some('r') => '\r',
                    Some('a') => '\u{7}',
                    Some('b') => '\u{8}',
                    Some('f') => '\u{c}',
                    Some('v') => '\u{b}',
                    Some(mark @ ('x' | 'u' | 'U')) => {
                        let count = match mark {
                            'x' => 2,
                            'u' => 4,
                            _ => 8,
                        };
                        let digits: String = chars.by_ref().take(count).collect();
                        match u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32) {
                            Some(char) => char,
                            None => return self.error("invalid syntax"),
                        }
                    }
                    Some(char @ ('\\' | '\'' | '"')) => char,
                    _ => return self.error(unclosed),
                },
                Some(char) => char,
            };
            text.push(char);
        }
        self.rest = chars.as_str();
        Ok(text)
    }
}

struct Parser {
    pieces: Vec<Piece>,
    at: usize,
    templates: Templates,
    depth: usize,
}

/// What ended a list: a word and its line.
type End = Option<(String, usize)>;

impl Parser {
    /// Nodes up to `end`, `else` or the end of the text.
    fn list(&mut self) -> Result<(Vec<Node>, End), String> {
        let mut nodes = Vec::new();
        while let Some(piece) = self.pieces.get_mut(self.at) {
            self.at += 1;
            let (tokens, line) = match piece {
                Piece::Text(text) => {
                    nodes.push(Node::Text(std::mem::take(text)));
                    continue;
                }
                Piece::Action(tokens, line) => (std::mem::take(tokens), *line),
            };
            let mut tokens = Tokens { all: tokens, at: 0, line, depth: 0 };
            let word = match tokens.peek() {
                Some(Token::Word(word)) => word.clone(),
                _ => String::new(),
            };
            match word.as_str() {
                "end" => return Ok((nodes, Some((word, line)))),
                "else" => {
                    tokens.next();
                    let chained = match tokens.peek() {
                        Some(Token::Word(next)) if matches!(next.as_str(), "if" | "with") => {
                            Some(next.clone())
                        }
                        _ => None,
                    };
                    if let Some(chained) = chained {
                        // `{{else if x}}` is `{{else}}{{if x}}`, with one `{{end}}` for both.
                        let left = tokens.all.split_off(tokens.at);
                        self.at -= 1;
                        if let Some(piece) = self.pieces.get_mut(self.at) {
                            *piece = Piece::Action(left, line);
                        }
                        return Ok((nodes, Some((format!("else {chained}"), line))));
                    }
                    return Ok((nodes, Some((word, line))));
                }
                "if" | "with" | "range" => {
                    tokens.next();
                    nodes.push(self.control(&word, tokens)?);
                }
                "define" | "block" | "template" => {
                    tokens.next();
                    let Some(Token::Text(name)) = tokens.next() else {
                        return Err(format!("{line}: unexpected token in {word} clause"));
                    };
                    if word == "define" {
                        let body = self.body(&word, line)?.0;
                        self.templates.insert(name, body);
                        continue;
                    }
                    let argument = if tokens.peek().is_some() { Some(tokens.pipeline()?) } else { None };
                    if word == "block" {
                        let body = self.body(&word, line)?.0;
                        self.templates.insert(name.clone(), body);
                    }
                    nodes.push(Node::Template(name, argument));
                }
                "break" => nodes.push(Node::Break),
                "continue" => nodes.push(Node::Continue),
                _ => nodes.push(Node::Action(tokens.pipeline()?)),
            }
        }
        Ok((nodes, None))
    }

    fn control(&mut self, word: &str, mut tokens: Tokens) -> Result<Node, String> {
        let line = tokens.line;
        if tokens.peek().is_none() {
            return Err(format!("{line}: missing value for {word}"));
        }
        let pipeline = tokens.pipeline()?;
        let (body, otherwise) = self.body(word, line)?;
        Ok(match word {
            "if" => Node::If(pipeline, body, otherwise),
            "with" => Node::With(pipeline, body, otherwise),
            _ => Node::Range(pipeline, body, otherwise),
        })
    }

    /// What stands up to `end`, and behind `else`.
    fn body(&mut self, word: &str, line: usize) -> Result<(Vec<Node>, Vec<Node>), String> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(format!("{line}: max depth exceeded"));
        }
        let missing = |line: usize| format!("{line}: unexpected EOF");
        let (body, end) = crate::depth::grow(|| self.list())?;
        let (end, _) = end.ok_or_else(|| missing(line))?;
        let mut otherwise = Vec::new();
        if let Some(chained) = end.strip_prefix("else ") {
            let wanted = if word == "range" { "" } else { word };
            let piece = self.pieces.get_mut(self.at);
            let Some(Piece::Action(tokens, line)) = piece.filter(|_| chained == wanted) else {
                return Err(format!("{line}: unexpected {{{{else {chained}}}}}"));
            };
            let mut tokens = Tokens { all: std::mem::take(tokens), at: 0, line: *line, depth: 0 };
            self.at += 1;
            tokens.next();
            otherwise.push(crate::depth::grow(|| self.control(chained, tokens))?);
        } else if end == "else" {
            let (nodes, end) = crate::depth::grow(|| self.list())?;
            let (end, line) = end.ok_or_else(|| missing(line))?;
            if end != "end" {
                return Err(format!("{line}: expected end; found {{{{{end}}}}}"));
            }
            otherwise = nodes;
        }
        self.depth -= 1;
        Ok((body, otherwise))
    }
}

struct Tokens {
    all: Vec<Token>,
    at: usize,
    line: usize,
    depth: usize,
}

impl Tokens {
    fn skip_space(&mut self) -> bool {
        let start = self.at;
        while self.all.get(self.at) == Some(&Token::Space) {
            self.at += 1;
        }
        self.at > start
    }

    fn peek(&mut self) -> Option<&Token> {
        self.skip_space();
        self.all.get(self.at)
    }

    fn next(&mut self) -> Option<Token> {
        let token = self.peek().cloned();
        self.at += 1;
        token
    }

    fn error<T>(&self, message: &str) -> Result<T, String> {
        Err(format!("{}: {message}", self.line))
    }

    /// `$x := `, `$x = `, `$i, $x := `, where it stands here.
    fn variables(&mut self) -> (Vec<String>, bool) {
        let start = self.at;
        let mut names = Vec::new();
        while let Some(Token::Variable(name)) = self.peek().cloned() {
            self.at += 1;
            names.push(name);
            match self.next() {
                Some(Token::Declare) => return (names, false),
                Some(Token::Mark('=')) => return (names, true),
                Some(Token::Mark(',')) => {}
                _ => break,
            }
        }
        self.at = start;
        (Vec::new(), false)
    }

    fn pipeline(&mut self) -> Result<Pipeline, String> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return self.error("max expression depth exceeded");
        }
        let (variables, is_assignment) = self.variables();
        let mut pipeline = Pipeline { variables, is_assignment, commands: Vec::new(), line: self.line };
        loop {
            let mut command = Vec::new();
            loop {
                match self.peek().cloned() {
                    None | Some(Token::Mark('|' | ')')) => break,
                    Some(_) => command.push(self.operand()?),
                }
            }
            if command.is_empty() {
                return self.error("missing value for command");
            }
            pipeline.commands.push(command);
            if self.peek() != Some(&Token::Mark('|')) {
                break;
            }
            self.at += 1;
        }
        self.depth -= 1;
        Ok(pipeline)
    }

    fn fields(&mut self) -> Vec<String> {
        let mut fields = Vec::new();
        while let Some(Token::Field(name)) =
            self.all.get(self.at).filter(|token| **token != Token::Field(String::new()))
        {
            fields.push(name.clone());
            self.at += 1;
        }
        fields
    }

    fn operand(&mut self) -> Result<Operand, String> {
        Ok(match self.next() {
            Some(Token::Field(name)) => {
                let mut fields = if name.is_empty() { Vec::new() } else { vec![name] };
                fields.extend(self.fields());
                Operand::Dot(fields)
            }
            Some(Token::Variable(name)) => Operand::Variable(name, self.fields()),
            Some(Token::Word(word)) => match word.as_str() {
                "true" => Operand::Bool(true),
                "false" => Operand::Bool(false),
                "nil" => Operand::Nil,
                _ if super::function::is_function(&word) => Operand::Function(word),
                _ => return self.error(&format!("function {word:?} not defined")),
            },
            Some(Token::Text(text)) => Operand::Text(text),
            Some(Token::Integer(integer)) => Operand::Integer(integer),
            Some(Token::Float(float)) => Operand::Float(float),
            Some(Token::Mark('(')) => {
                let inner = crate::depth::grow(|| self.pipeline())?;
                if self.next() != Some(Token::Mark(')')) {
                    return self.error("unclosed left paren");
                }
                Operand::Parentheses(Box::new(inner), self.fields())
            }
            _ => return self.error("unexpected token in operand"),
        })
    }
}
