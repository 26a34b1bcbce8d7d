//! Text to tree. Length and nesting are bounded; names are looked up here, once.

mod path;

use lumen_value::Str;

use crate::function;
use crate::lex::{self, Token};
use crate::syntax::{Kind, Node, Operator, Root};
use crate::value::Val;

/// Longest expression, in bytes. cel-go allows 100,000 characters.
const TEXT_BYTES_MAX: usize = 100_000;

/// Deepest nesting of brackets and macros, as in cel-go.
const DEPTH_MAX: usize = 250;

/// What is wrong, and the byte where.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) at: usize,
    pub(crate) message: String,
}

/// What an expression may name.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scope<'a> {
    /// Variables that stand before it.
    pub(crate) variables: &'a [String],
    /// Whether it may name `params`.
    pub(crate) has_params: bool,
}

/// The fields of a request, as Kubernetes declares them; others are an error before anything runs.
const REQUEST_FIELDS: &[&str] = &[
    "kind",
    "resource",
    "subResource",
    "requestKind",
    "requestResource",
    "requestSubResource",
    "name",
    "namespace",
    "operation",
    "userInfo",
    "dryRun",
    "options",
];

/// Words that are no names.
const RESERVED: &[&str] = &[
    "as",
    "break",
    "const",
    "continue",
    "else",
    "for",
    "function",
    "if",
    "import",
    "let",
    "loop",
    "package",
    "namespace",
    "return",
    "var",
    "void",
    "while",
];

/// Names of types.
const TYPES: &[&str] =
    &["bool", "bytes", "double", "int", "list", "map", "null_type", "string", "type", "uint"];

/// Names of types that have parts.
const MESSAGE_TYPES: &[&str] = &["google.protobuf.Duration", "google.protobuf.Timestamp"];

/// Operators by precedence, the loosest first.
const LEVELS: [&[(&str, Operator)]; 3] = [
    &[
        ("==", Operator::Equal),
        ("!=", Operator::NotEqual),
        ("<", Operator::Less),
        ("<=", Operator::LessOrEqual),
        (">", Operator::Greater),
        (">=", Operator::GreaterOrEqual),
    ],
    &[("+", Operator::Add), ("-", Operator::Subtract)],
    &[("*", Operator::Multiply), ("/", Operator::Divide), ("%", Operator::Remainder)],
];

/// Reads an expression.
pub(crate) fn parse(text: &str, scope: Scope<'_>) -> Result<Node, Fault> {
    if text.len() > TEXT_BYTES_MAX {
        let message =
            format!("expression code point size exceeds limit: size: {}, limit {TEXT_BYTES_MAX}", text.len());
        return Err(Fault { at: 0, message });
    }
    let tokens = lex::tokens(text).map_err(|fault| Fault { at: fault.at, message: fault.message })?;
    let mut parser = Parser { text, tokens, next: 0, depth: 0, locals: Vec::new(), scope };
    let node = parser.expression()?;
    match parser.peek() {
        Token::End => Ok(node),
        _ => Err(parser.unexpected()),
    }
}

struct Parser<'a> {
    text: &'a str,
    tokens: Vec<(usize, Token)>,
    next: usize,
    depth: usize,
    /// Names of the macros' variables that are in reach.
    locals: Vec<String>,
    scope: Scope<'a>,
}

impl Parser<'_> {
    fn peek(&self) -> &Token {
        self.peek_at(0)
    }

    fn peek_at(&self, ahead: usize) -> &Token {
        self.tokens.get(self.next + ahead).map_or(&Token::End, |(_, token)| token)
    }

    fn at(&self) -> usize {
        self.tokens.get(self.next).map_or(self.text.len(), |(at, _)| *at)
    }

    fn accept(&mut self, mark: &'static str) -> bool {
        let found = self.is(mark);
        if found {
            self.next += 1;
        }
        found
    }

    fn is(&self, mark: &'static str) -> bool {
        *self.peek() == Token::Mark(mark)
    }

    fn expect(&mut self, mark: &'static str) -> Result<(), Fault> {
        if self.accept(mark) { Ok(()) } else { Err(self.unexpected()) }
    }

    fn fault<T>(at: usize, message: impl Into<String>) -> Result<T, Fault> {
        Err(Fault { at, message: message.into() })
    }

    /// The next token is not what should stand here.
    fn unexpected(&self) -> Fault {
        let at = self.at();
        let end = self.tokens.get(self.next + 1).map_or(self.text.len(), |(at, _)| *at);
        let shown = match self.peek() {
            Token::End => "<EOF>",
            _ => self.text.get(at..end).unwrap_or_default().trim_end(),
        };
        let before = self.next.checked_sub(1).and_then(|index| self.tokens.get(index));
        let message = match (self.peek(), before) {
            (Token::End, Some((_, Token::Mark(mark)))) => {
                format!("Syntax error: no viable alternative at input '{mark}'")
            }
            _ => format!("Syntax error: mismatched input '{shown}'"),
        };
        Fault { at, message }
    }

    /// One level of brackets. The stack grows where the thread has too little.
    fn expression(&mut self) -> Result<Node, Fault> {
        if self.depth >= DEPTH_MAX {
            return Self::fault(self.at(), format!("expression recursion limit exceeded: {DEPTH_MAX}"));
        }
        self.depth += 1;
        let node = stacker::maybe_grow(64 * 1024, 1024 * 1024, || self.choice());
        self.depth -= 1;
        node
    }

    fn choice(&mut self) -> Result<Node, Fault> {
        let at = self.at();
        let mut cases = Vec::new();
        loop {
            let node = self.either()?;
            if !self.accept("?") {
                if cases.is_empty() {
                    return Ok(node);
                }
                return Ok(Node { at, kind: Kind::Choose(cases, Box::new(node)) });
            }
            let value = self.either()?;
            self.expect(":")?;
            cases.push((node, value));
        }
    }

    fn either(&mut self) -> Result<Node, Fault> {
        let at = self.at();
        let mut nodes = vec![self.both()?];
        while self.accept("||") {
            nodes.push(self.both()?);
        }
        Ok(single(nodes, |nodes| Node { at, kind: Kind::Or(nodes) }))
    }

    fn both(&mut self) -> Result<Node, Fault> {
        let at = self.at();
        let mut nodes = vec![self.chain(0)?];
        while self.accept("&&") {
            nodes.push(self.chain(0)?);
        }
        Ok(single(nodes, |nodes| Node { at, kind: Kind::And(nodes) }))
    }

    fn chain(&mut self, level: usize) -> Result<Node, Fault> {
        let Some(operators) = LEVELS.get(level) else { return self.unary() };
        let at = self.at();
        let first = self.chain(level + 1)?;
        let mut rest = Vec::new();
        loop {
            let operator = match self.peek() {
                Token::Mark(mark) => operators.iter().find(|(text, _)| text == mark).map(|(_, op)| *op),
                Token::Name(name) if level == 0 && name == "in" => Some(Operator::In),
                _ => None,
            };
            let Some(operator) = operator else { break };
            self.next += 1;
            rest.push((operator, self.chain(level + 1)?));
        }
        if rest.is_empty() {
            return Ok(first);
        }
        Ok(Node { at, kind: Kind::Chain(Box::new(first), rest) })
    }

    fn unary(&mut self) -> Result<Node, Fault> {
        let at = self.at();
        let Some(mark) = ["!", "-"].into_iter().find(|mark| self.is(mark)) else { return self.member() };
        let mut is_odd = false;
        while self.accept(mark) {
            is_odd = !is_odd;
        }
        if !is_odd {
            return self.member();
        }
        if mark == "-"
            && let Some(literal) = self.negative_literal(at)
        {
            return self.path(literal?);
        }
        let node = Box::new(self.member()?);
        Ok(Node { at, kind: if mark == "!" { Kind::Not(node) } else { Kind::Negate(node) } })
    }

    /// A number with the minus sign before it: the smallest integer has no positive counterpart.
    fn negative_literal(&mut self, at: usize) -> Option<Result<Node, Fault>> {
        let value = match self.peek() {
            Token::Int(text) => match int(&format!("-{text}")) {
                Some(value) => Val::Int(value),
                None => return Some(Self::fault(at, "invalid int literal")),
            },
            Token::Double(value) => Val::Double(-value),
            _ => return None,
        };
        self.next += 1;
        Some(Ok(Node { at, kind: Kind::Literal(value) }))
    }

    fn member(&mut self) -> Result<Node, Fault> {
        let base = self.primary()?;
        self.path(base)
    }

    fn primary(&mut self) -> Result<Node, Fault> {
        let at = self.at();
        let literal = |value| Ok(Node { at, kind: Kind::Literal(value) });
        match self.peek().clone() {
            Token::Int(text) => {
                let Some(value) = int(&text) else { return Self::fault(at, "invalid int literal") };
                self.next += 1;
                literal(Val::Int(value))
            }
            Token::Uint(text) => {
                let value = match text.strip_prefix("0x") {
                    Some(hex) => u64::from_str_radix(hex, 16),
                    None => text.parse(),
                };
                let Ok(value) = value else { return Self::fault(at, "invalid uint literal") };
                self.next += 1;
                literal(Val::Uint(value))
            }
            Token::Double(value) => {
                self.next += 1;
                literal(Val::Double(value))
            }
            Token::Text(text) => {
                self.next += 1;
                literal(Val::Text(text))
            }
            Token::Bytes(bytes) => {
                self.next += 1;
                literal(Val::Bytes(bytes.into()))
            }
            Token::Mark("(") => {
                self.next += 1;
                let node = self.expression()?;
                self.expect(")")?;
                Ok(node)
            }
            Token::Mark("[" | "[?") => self.list(at),
            Token::Mark("{" | "{?") => self.map(at),
            Token::Mark(".") if matches!(self.peek_at(1), Token::Name(_)) => {
                self.next += 1;
                self.name(at)
            }
            Token::Name(_) => self.name(at),
            Token::Mark(_) | Token::End => Err(self.unexpected()),
        }
    }

    fn list(&mut self, at: usize) -> Result<Node, Fault> {
        let mut optional = self.is("[?");
        self.next += 1;
        let mut items = Vec::new();
        while !self.accept("]") {
            optional |= self.accept("?");
            items.push((optional, self.expression()?));
            optional = false;
            if !self.accept(",") {
                self.expect("]")?;
                break;
            }
        }
        Ok(Node { at, kind: Kind::List(items) })
    }

    fn map(&mut self, at: usize) -> Result<Node, Fault> {
        let mut optional = self.is("{?");
        self.next += 1;
        let mut entries = Vec::new();
        while !self.accept("}") {
            optional |= self.accept("?");
            let key = self.expression()?;
            self.expect(":")?;
            entries.push((optional, key, self.expression()?));
            optional = false;
            if !self.accept(",") {
                self.expect("}")?;
                break;
            }
        }
        Ok(Node { at, kind: Kind::Map(entries) })
    }

    /// A word: a constant, a macro, a function, a variable or a type.
    fn name(&mut self, at: usize) -> Result<Node, Fault> {
        let Token::Name(name) = self.peek().clone() else { return Err(self.unexpected()) };
        self.next += 1;
        let literal = |value| Ok(Node { at, kind: Kind::Literal(value) });
        match name.as_str() {
            "true" => return literal(Val::Bool(true)),
            "false" => return literal(Val::Bool(false)),
            "null" => return literal(Val::Null),
            "in" => {
                self.next -= 1;
                return Err(self.unexpected());
            }
            _ => {}
        }
        if RESERVED.contains(&name.as_str()) {
            return Self::fault(at, format!("reserved identifier: {name}"));
        }
        if self.is("(") {
            return if name == "has" { self.has(at) } else { self.call(at, &name) };
        }
        if let Some(root) = self.root(&name) {
            return Ok(Node { at, kind: Kind::Root(root) });
        }
        if let Some(node) = self.in_namespace(at, &name)? {
            return Ok(node);
        }
        if let Some(node) = self.message_type(at, &name) {
            return Ok(node);
        }
        if let Some(known) = TYPES.iter().find(|known| **known == name) {
            return literal(Val::Type(known));
        }
        Self::fault(at, format!("undeclared reference to '{name}' (in container '')"))
    }

    fn root(&self, name: &str) -> Option<Root> {
        if let Some(index) = self.locals.iter().rposition(|local| local == name) {
            return Some(Root::Local(index));
        }
        Some(match name {
            "object" => Root::Object,
            "oldObject" => Root::OldObject,
            "request" => Root::Request,
            "namespaceObject" => Root::NamespaceObject,
            "variables" => Root::Variables,
            "params" if self.scope.has_params => Root::Params,
            _ => return None,
        })
    }

    /// `sets.contains(..)`: a function whose name has parts.
    fn in_namespace(&mut self, at: usize, space: &str) -> Result<Option<Node>, Fault> {
        let (true, Token::Name(name), Token::Mark("(")) = (self.is("."), self.peek_at(1), self.peek_at(2))
        else {
            return Ok(None);
        };
        let name = format!("{space}.{name}");
        if function::find(&name, false).is_none() {
            return Ok(None);
        }
        self.next += 2;
        self.call(at, &name).map(Some)
    }

    /// `google.protobuf.Duration`: a type whose name has parts.
    fn message_type(&mut self, at: usize, first: &str) -> Option<Node> {
        let is_part = |token: &Token, part: &str| matches!(token, Token::Name(name) if name == part);
        let is_point = |ahead| *self.peek_at(ahead) == Token::Mark(".");
        let is_protobuf =
            first == "google" && is_point(0) && is_part(self.peek_at(1), "protobuf") && is_point(2);
        let name = MESSAGE_TYPES
            .iter()
            .filter(|_| is_protobuf)
            .find(|name| name.rsplit('.').next().is_some_and(|last| is_part(self.peek_at(3), last)))?;
        self.next += 4;
        Some(Node { at, kind: Kind::Literal(Val::Type(name)) })
    }

    fn arguments(&mut self) -> Result<Vec<Node>, Fault> {
        self.expect("(")?;
        let mut arguments = Vec::new();
        while !self.accept(")") {
            arguments.push(self.expression()?);
            if !self.accept(",") {
                self.expect(")")?;
                break;
            }
            // Lists may end in a comma, calls may not.
            if self.is(")") {
                return Err(self.unexpected());
            }
        }
        Ok(arguments)
    }

    fn call(&mut self, at: usize, name: &str) -> Result<Node, Fault> {
        let arguments = self.arguments()?;
        let function = Self::function(at, name, false, arguments.len())?;
        Ok(Node { at, kind: Kind::Call(function, arguments) })
    }

    /// The function of a name that takes so many operands; what a member is called on is not counted.
    fn function(at: usize, name: &str, is_member: bool, count: usize) -> Result<usize, Fault> {
        let Some((function, counts)) = function::find(name, is_member) else {
            return Self::fault(at, format!("undeclared reference to '{name}' (in container '')"));
        };
        if counts.contains(&count) {
            return Ok(function);
        }
        let dyns = vec!["dyn"; count].join(", ");
        let applied = if is_member { format!("dyn.({dyns})") } else { format!("({dyns})") };
        Self::fault(at, format!("found no matching overload for '{name}' applied to '{applied}'"))
    }

    fn has(&mut self, at: usize) -> Result<Node, Fault> {
        use crate::syntax::Step;
        let arguments = self.arguments()?;
        let invalid = || Self::fault(at, "invalid argument to has() macro");
        let [Node { at: inner, kind }] = arguments.as_slice() else { return invalid() };
        match kind {
            Kind::Root(Root::Variable(_)) => Ok(Node { at, kind: Kind::Literal(Val::Bool(true)) }),
            Kind::Path(base, steps) => {
                let Some((Step::Select { name, optional: false }, before)) = steps.split_last() else {
                    return invalid();
                };
                let base = match before {
                    [] => base.clone(),
                    before => Box::new(Node { at: *inner, kind: Kind::Path(base.clone(), before.to_vec()) }),
                };
                Ok(Node { at, kind: Kind::Has(base, name.clone()) })
            }
            _ => invalid(),
        }
    }

    fn simple_name(&mut self, otherwise: &str) -> Result<String, Fault> {
        let at = self.at();
        let Token::Name(name) = self.peek().clone() else { return Self::fault(at, otherwise) };
        if !matches!(self.peek_at(1), Token::Mark(",")) {
            return Self::fault(at, otherwise);
        }
        self.next += 1;
        Ok(name)
    }
}

/// The one node, or all in one.
fn single(mut nodes: Vec<Node>, all: impl FnOnce(Vec<Node>) -> Node) -> Node {
    match nodes.pop() {
        Some(only) if nodes.is_empty() => only,
        Some(last) => {
            nodes.push(last);
            all(nodes)
        }
        None => all(nodes),
    }
}

fn int(text: &str) -> Option<i64> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", text),
    };
    match digits.strip_prefix("0x") {
        Some(hex) => i64::from_str_radix(&format!("{sign}{hex}"), 16).ok(),
        None => text.parse().ok(),
    }
}

/// Whether Kubernetes declares a field of the request.
fn is_request_field(name: &Str) -> bool {
    REQUEST_FIELDS.iter().any(|field| *name == **field)
}
