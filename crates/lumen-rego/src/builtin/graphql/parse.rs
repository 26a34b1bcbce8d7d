//! The parser of queries (`query.go`), and what it shares with that of schemas (`parser.go`).

use std::sync::Arc;

use super::lex::{Kind, Lexer, Token};
use super::tree::{
    Argument, Child, Comments, Directive, Fault, Field, Fragment, Inline, Operation, Position, Query,
    Selection, Spread, Type, Value, ValueKind, Variable,
};
use crate::depth;

/// Deepest nesting of selections, values and types.
pub(super) const NESTING_MAX: usize = 1_000;

type Parsed<T> = Result<T, Fault>;

pub(super) struct Parser<'t> {
    lexer: Lexer<'t>,
    /// The token that was looked at, and what is wrong with it.
    peeked: Option<(Token, Option<Fault>)>,
    /// The last token that was taken.
    pub(super) last: Option<Token>,
    /// The comments before the token that was looked at.
    pub(super) comment: Comments,
    nesting: usize,
}

/// Reads a query.
pub(super) fn query(text: &[u8]) -> Parsed<Query> {
    let mut parser = Parser::new(text, false);
    let mut query = Query::default();
    loop {
        let token = parser.peek();
        match (token.kind, token.value.as_str()) {
            (Kind::End, _) => return Ok(query),
            (Kind::Name, "query" | "mutation" | "subscription") | (Kind::BraceLeft, _) => {
                query.operations.push(parser.operation()?);
            }
            (Kind::Name, "fragment") => query.fragments.push(parser.fragment()?),
            _ => return parser.unexpected(),
        }
    }
}

impl<'t> Parser<'t> {
    pub(super) fn new(text: &'t [u8], builtin: bool) -> Self {
        Self { lexer: Lexer::new(text, builtin), peeked: None, last: None, comment: Vec::new(), nesting: 0 }
    }

    /// The next token that is no comment. What is wrong with it is told when it is taken.
    pub(super) fn peek(&mut self) -> Token {
        if let Some((token, _)) = &self.peeked {
            return token.clone();
        }
        loop {
            match self.lexer.next() {
                Ok(token) if token.kind == Kind::Comment => self.comment.push(token.value),
                Ok(token) => {
                    self.peeked = Some((token.clone(), None));
                    return token;
                }
                Err((token, fault)) => {
                    self.peeked = Some((token.clone(), Some(fault)));
                    return token;
                }
            }
        }
    }

    pub(super) fn peek_kind(&mut self) -> Kind {
        match &self.peeked {
            Some((token, _)) => token.kind,
            None => self.peek().kind,
        }
    }

    /// Whether the next token is this word.
    pub(super) fn is_word(&mut self, word: &str) -> bool {
        self.peek().value == word
    }

    /// Where the next token stands. The comments before it are known then.
    #[expect(clippy::unnecessary_wraps, reason = "a document that is given as a value has no places")]
    pub(super) fn at(&mut self) -> Option<Position> {
        Some(self.peek().at)
    }

    pub(super) fn next(&mut self) -> Parsed<Token> {
        self.peek();
        self.comment = Vec::new();
        match self.peeked.take() {
            Some((_, Some(fault))) => Err(fault),
            Some((token, None)) => {
                self.last = Some(token.clone());
                Ok(token)
            }
            None => Err(Fault { at: None, message: String::new() }),
        }
    }

    pub(super) fn fail<T>(token: &Token, message: String) -> Parsed<T> {
        Err(Fault { at: Some(token.at), message })
    }

    pub(super) fn unexpected<T>(&mut self) -> Parsed<T> {
        let token = self.peek();
        Self::unexpected_token(&token)
    }

    pub(super) fn unexpected_token<T>(token: &Token) -> Parsed<T> {
        Self::fail(token, format!("Unexpected {}", token.shown()))
    }

    /// Takes a word; gives the comments before it.
    pub(super) fn expect_word(&mut self, word: &str) -> Parsed<Comments> {
        let token = self.peek();
        if token.kind != Kind::Name || token.value != word {
            return Self::fail(&token, format!("Expected \"{word}\", found {}", token.shown()));
        }
        let comment = std::mem::take(&mut self.comment);
        self.next()?;
        Ok(comment)
    }

    /// Takes a token of a kind; gives its value, and the comments before it.
    pub(super) fn expect(&mut self, kind: Kind) -> Parsed<(Token, Comments)> {
        let token = self.peek();
        if token.kind != kind {
            return Self::fail(&token, format!("Expected {}, found {}", kind.as_str(), token.kind.as_str()));
        }
        let comment = std::mem::take(&mut self.comment);
        Ok((self.next()?, comment))
    }

    pub(super) fn skip(&mut self, kind: Kind) -> Parsed<bool> {
        if self.peek_kind() != kind {
            return Ok(false);
        }
        self.next()?;
        Ok(true)
    }

    pub(super) fn name(&mut self) -> Parsed<String> {
        Ok(self.expect(Kind::Name)?.0.value)
    }

    /// What stands between two tokens, once or more often; nothing where the first does not stand here. Gives the comments before the
    /// second.
    pub(super) fn some(
        &mut self,
        start: Kind,
        end: Kind,
        mut each: impl FnMut(&mut Self) -> Parsed<()>,
    ) -> Parsed<Comments> {
        if !self.skip(start)? {
            return Ok(Vec::new());
        }
        if self.peek_kind() == end {
            let token = self.peek();
            return Self::fail(&token, format!("expected at least one definition, found {}", end.as_str()));
        }
        while self.peek_kind() != end {
            each(self)?;
        }
        let comment = std::mem::take(&mut self.comment);
        self.next()?;
        Ok(comment)
    }

    /// The same, but it may be empty.
    fn many(&mut self, start: Kind, end: Kind, mut each: impl FnMut(&mut Self) -> Parsed<()>) -> Parsed<()> {
        if !self.skip(start)? {
            return Ok(());
        }
        while self.peek_kind() != end {
            each(self)?;
        }
        self.next().map(|_| ())
    }

    /// Parses something that may hold itself.
    fn nested<T>(&mut self, parse: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.nesting >= NESTING_MAX {
            let token = self.peek();
            return Self::fail(&token, format!("nested deeper than {NESTING_MAX} levels"));
        }
        self.nesting += 1;
        let parsed = depth::grow(|| parse(self));
        self.nesting -= 1;
        parsed
    }

    fn operation(&mut self) -> Parsed<Operation> {
        let at = self.at();
        if self.peek_kind() == Kind::BraceLeft {
            let selections = self.required_selections()?;
            let kind = "query".to_owned();
            // Upstream loses the comment here.
            return Ok(Operation { kind, selections, at, ..Operation::default() });
        }
        let comment = self.comment.clone();
        let kind = self.operation_type()?;
        let name = if self.peek_kind() == Kind::Name { self.next()?.value } else { String::new() };
        let variables = self.variables()?;
        let directives = self.directives(false)?;
        let selections = self.required_selections()?;
        Ok(Operation { kind, name, variables, directives, selections, at, comment })
    }

    pub(super) fn operation_type(&mut self) -> Parsed<String> {
        let token = self.next()?;
        match token.value.as_str() {
            "query" | "mutation" | "subscription" => Ok(token.value),
            _ => Self::unexpected_token(&token),
        }
    }

    fn variables(&mut self) -> Parsed<Vec<Variable>> {
        let mut variables = Vec::new();
        self.some(Kind::ParenLeft, Kind::ParenRight, |parser| {
            let at = parser.at();
            let comment = parser.comment.clone();
            let name = parser.variable()?;
            parser.expect(Kind::Colon)?;
            let of = parser.type_reference()?;
            let default = if parser.skip(Kind::Equals)? { Some(parser.value(true)?) } else { None };
            let directives = parser.directives(false)?;
            variables.push(Variable { name, of, default, directives, at, comment, ..Variable::default() });
            Ok(())
        })?;
        Ok(variables)
    }

    fn variable(&mut self) -> Parsed<String> {
        self.expect(Kind::Dollar)?;
        self.name()
    }

    fn required_selections(&mut self) -> Parsed<Vec<Selection>> {
        let token = self.peek();
        if token.kind != Kind::BraceLeft {
            return Self::fail(&token, format!("Expected {{, found {}", token.kind.as_str()));
        }
        self.selections()
    }

    fn selections(&mut self) -> Parsed<Vec<Selection>> {
        self.nested(|parser| {
            let mut selections = Vec::new();
            parser.some(Kind::BraceLeft, Kind::BraceRight, |parser| {
                selections.push(if parser.peek_kind() == Kind::Spread {
                    parser.spread()?
                } else {
                    Selection::Field(parser.field()?)
                });
                Ok(())
            })?;
            Ok(selections)
        })
    }

    fn field(&mut self) -> Parsed<Field> {
        let at = self.at();
        let comment = self.comment.clone();
        let alias = self.name()?;
        let name = if self.skip(Kind::Colon)? { self.name()? } else { alias.clone() };
        let arguments = self.arguments(false)?;
        let directives = self.directives(false)?;
        let selections = if self.peek_kind() == Kind::BraceLeft { self.selections()? } else { Vec::new() };
        Ok(Field { alias, name, arguments, directives, selections, at, comment, ..Field::default() })
    }

    fn arguments(&mut self, is_constant: bool) -> Parsed<Vec<Argument>> {
        let mut arguments = Vec::new();
        self.some(Kind::ParenLeft, Kind::ParenRight, |parser| {
            let at = parser.at();
            let comment = parser.comment.clone();
            let name = parser.name()?;
            parser.expect(Kind::Colon)?;
            let value = parser.value(is_constant)?;
            arguments.push(Argument { name, value, at, comment });
            Ok(())
        })?;
        Ok(arguments)
    }

    fn spread(&mut self) -> Parsed<Selection> {
        let (_, comment) = self.expect(Kind::Spread)?;
        let token = self.peek();
        if token.kind == Kind::Name && token.value != "on" {
            let at = self.at();
            let name = self.fragment_name()?;
            let directives = self.directives(false)?;
            return Ok(Selection::Spread(Spread { name, directives, at, comment, ..Spread::default() }));
        }
        let at = self.at();
        let mut condition = String::new();
        if self.is_word("on") {
            self.next()?;
            condition = self.name()?;
        }
        let directives = self.directives(false)?;
        let selections = self.required_selections()?;
        Ok(Selection::Inline(Inline { condition, directives, selections, at, comment, ..Inline::default() }))
    }

    fn fragment(&mut self) -> Parsed<Fragment> {
        let at = self.at();
        let comment = self.comment.clone();
        self.expect_word("fragment")?;
        let name = self.fragment_name()?;
        let variables = self.variables()?;
        self.expect_word("on")?;
        let condition = self.name()?;
        let directives = self.directives(false)?;
        let selections = self.required_selections()?;
        Ok(Fragment { name, variables, condition, directives, selections, at, comment })
    }

    fn fragment_name(&mut self) -> Parsed<String> {
        if self.is_word("on") {
            return self.unexpected();
        }
        self.name()
    }

    pub(super) fn value(&mut self, is_constant: bool) -> Parsed<Value> {
        let token = self.peek();
        let at = Some(token.at);
        let kind = match (token.kind, token.value.as_str()) {
            (Kind::BracketLeft, _) => return self.nested(|parser| parser.list(is_constant)),
            (Kind::BraceLeft, _) => return self.nested(|parser| parser.object(is_constant)),
            (Kind::Dollar, _) if is_constant => return self.unexpected(),
            (Kind::Dollar, _) => {
                let raw = self.variable()?;
                return Ok(Value { raw, at, ..Value::default() });
            }
            (Kind::Int, _) => ValueKind::Int,
            (Kind::Float, _) => ValueKind::Float,
            (Kind::String, _) => ValueKind::String,
            (Kind::BlockString, _) => ValueKind::Block,
            (Kind::Name, "true" | "false") => ValueKind::Boolean,
            (Kind::Name, "null") => ValueKind::Null,
            (Kind::Name, _) => ValueKind::Enum,
            _ => return self.unexpected(),
        };
        self.next()?;
        Ok(Value { raw: token.value, kind, at, ..Value::default() })
    }

    fn list(&mut self, is_constant: bool) -> Parsed<Value> {
        let at = self.at();
        let comment = self.comment.clone();
        let mut children = Vec::new();
        self.many(Kind::BracketLeft, Kind::BracketRight, |parser| {
            let value = parser.value(is_constant)?;
            children.push(Child { value, ..Child::default() });
            Ok(())
        })?;
        Ok(Value { children, kind: ValueKind::List, at, comment, ..Value::default() })
    }

    fn object(&mut self, is_constant: bool) -> Parsed<Value> {
        let at = self.at();
        let comment = self.comment.clone();
        let mut children = Vec::new();
        self.many(Kind::BraceLeft, Kind::BraceRight, |parser| {
            let at = parser.at();
            let comment = parser.comment.clone();
            let name = parser.name()?;
            parser.expect(Kind::Colon)?;
            let value = parser.value(is_constant)?;
            children.push(Child { name, value, at, comment });
            Ok(())
        })?;
        Ok(Value { children, kind: ValueKind::Object, at, comment, ..Value::default() })
    }

    pub(super) fn directives(&mut self, is_constant: bool) -> Parsed<Vec<Directive>> {
        let mut directives = Vec::new();
        while self.peek_kind() == Kind::At {
            self.next()?;
            let at = self.at();
            let name = self.name()?;
            let arguments = self.arguments(is_constant)?;
            directives.push(Directive { name, arguments, at });
        }
        Ok(directives)
    }

    pub(super) fn type_reference(&mut self) -> Parsed<Arc<Type>> {
        let mut of = Type::default();
        if self.skip(Kind::BracketLeft)? {
            of.at = self.at();
            of.item = Some(self.nested(Self::type_reference)?);
            self.expect(Kind::BracketRight)?;
        } else {
            of.at = self.at();
            of.named = self.name()?;
        }
        of.non_null = self.skip(Kind::Bang)?;
        Ok(Arc::new(of))
    }
}
