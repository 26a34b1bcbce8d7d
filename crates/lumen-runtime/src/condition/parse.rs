//! From a text to a condition, as `filter/parser.cpp` reads it, message for message.

use super::lex::Lexer;
use super::{
    Argument, CONDITION_BYTES_MAX, Call, Check, Expression, FieldName, NESTING_MAX, Name, Operand, Right,
    SyntaxError,
};
use crate::operator::{
    self, Comparison, FUNCTIONS, Function, LISTED, MODIFIERS, Modifier, NUMERIC, Operator, TEXTUAL, UNARY,
};

/// Reads a condition.
///
/// # Errors
///
/// Where the text is no condition, is longer than [`CONDITION_BYTES_MAX`], or is nested deeper than [`NESTING_MAX`].
pub fn parse(text: &str) -> Result<Expression, SyntaxError> {
    let mut parser = Parser { lexer: Lexer::new(text), nesting: 0 };
    if text.is_empty() {
        return Err(parser.lexer.error("filter input string is empty"));
    }
    if text.len() > CONDITION_BYTES_MAX {
        let message = format!("the condition has {} bytes, {CONDITION_BYTES_MAX} are allowed", text.len());
        return Err(parser.lexer.error(message));
    }
    let expression = parser.or()?;
    if !parser.lexer.is_at_end() {
        let message = format!("unexpected token after '{}', expecting 'or', 'and'", parser.lexer.last());
        return Err(parser.lexer.error(message));
    }
    Ok(expression)
}

/// Reads the field, or the function of fields, with which a text begins; and how long it is.
///
/// # Errors
///
/// Where the text begins with neither.
pub fn parse_operand(text: &str) -> Result<(Operand, usize), SyntaxError> {
    let mut parser = Parser { lexer: Lexer::new(text), nesting: 0 };
    // A name with dots comes first here, a function second.
    let operand = match parser.field(0)? {
        Some(field) => Some(Operand::Field(field)),
        None => parser.operand(0)?,
    };
    match operand {
        Some(operand) => Ok((operand, parser.lexer.at())),
        None => Err(parser.lexer.error(format!("unexpected token after '{}'", parser.lexer.last()))),
    }
}

type Parsed<T> = Result<T, SyntaxError>;

struct Parser<'t> {
    lexer: Lexer<'t>,
    nesting: u32,
}

/// Words in quotes with commas between them.
fn quoted<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let words: Vec<String> = words.into_iter().map(|word| format!("'{word}'")).collect();
    words.join(", ")
}

/// What to say where a function was expected.
fn functions() -> String {
    quoted([Function::Val].into_iter().chain(FUNCTIONS).map(Function::as_str))
}

impl<'t> Parser<'t> {
    /// Reads a part one level deeper.
    fn nested<T>(&mut self, read: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        self.nesting += 1;
        if self.nesting >= NESTING_MAX {
            return Err(self.lexer.error(format!("exceeded max depth limit of {NESTING_MAX}")));
        }
        let read = stacker::maybe_grow(64 * 1024, 1024 * 1024, || read(self));
        self.nesting -= 1;
        read
    }

    fn or(&mut self) -> Parsed<Expression> {
        self.nested(|parser| parser.joined("or", Self::and, Expression::Or))
    }

    fn and(&mut self) -> Parsed<Expression> {
        self.nested(|parser| parser.joined("and", Self::not, Expression::And))
    }

    /// Parts with a word between them; a single part stands for itself.
    fn joined(
        &mut self,
        word: &str,
        part: fn(&mut Self) -> Parsed<Expression>,
        join: fn(Vec<Expression>) -> Expression,
    ) -> Parsed<Expression> {
        self.lexer.blank();
        let first = part(self)?;
        self.lexer.blank();
        let mut parts = vec![first];
        while self.lexer.literal(word) {
            let next = if self.lexer.blank() {
                part(self)?
            } else if self.lexer.literal("(") {
                self.bracketed()?
            } else {
                return Err(self.lexer.error(format!("expected blank or '(' after '{word}'")));
            };
            parts.push(next);
            self.lexer.blank();
        }
        Ok(match parts.pop() {
            Some(only) if parts.is_empty() => only,
            last => {
                parts.extend(last);
                join(parts)
            }
        })
    }

    fn not(&mut self) -> Parsed<Expression> {
        self.nested(|parser| {
            parser.lexer.blank();
            let mut is_negated = false;
            while parser.lexer.not() {
                is_negated = !is_negated;
            }
            let child = if parser.lexer.literal("not(") {
                is_negated = !is_negated;
                parser.bracketed()?
            } else {
                parser.check()?
            };
            Ok(if is_negated { Expression::Not(Box::new(child)) } else { child })
        })
    }

    /// What is left of a part in brackets behind the opening one.
    fn bracketed(&mut self) -> Parsed<Expression> {
        self.nested(|parser| {
            parser.lexer.blank();
            let child = parser.or()?;
            parser.lexer.blank();
            parser.expect(")", "expected a ')' token")?;
            Ok(child)
        })
    }

    fn expect(&mut self, literal: &str, message: &str) -> Parsed<()> {
        if self.lexer.literal(literal) { Ok(()) } else { Err(self.lexer.error(message)) }
    }

    fn check(&mut self) -> Parsed<Expression> {
        self.nested(|parser| {
            let at = parser.lexer.at();
            parser.lexer.blank();
            if parser.lexer.literal("(") {
                return parser.bracketed();
            }
            if let Some(left) = parser.field(at)? {
                return parser.comparison(Operand::Field(left), at);
            }
            if let Some(function) = parser.function() {
                parser.lexer.blank();
                let left = parser.call(function, at)?;
                return parser.comparison(Operand::Call(left), at);
            }
            if let Some(name) = parser.lexer.identifier() {
                return Ok(Expression::Name(Name { name: name.to_owned(), at }));
            }
            Err(parser.lexer.error("expected a '(' token, a field check, or an identifier"))
        })
    }

    /// A field, if its name follows.
    fn field(&mut self, at: usize) -> Parsed<Option<FieldName>> {
        let Some(name) = self.lexer.field_name() else { return Ok(None) };
        let argument = self.nested(Self::index)?;
        Ok(Some(FieldName { name: name.to_owned(), argument, at }))
    }

    /// What stands in brackets behind a name, if anything.
    fn index(&mut self) -> Parsed<Option<String>> {
        if !self.lexer.literal("[") {
            return Ok(None);
        }
        let argument = if let Some(text) = self.lexer.quoted()? {
            String::from_utf8_lossy(&text).into_owned()
        } else {
            let message = "expected a valid field argument: a quoted string or a bare string";
            match self.lexer.bare_argument() {
                Some(text) => text.to_owned(),
                None => return Err(self.lexer.error(message)),
            }
        };
        self.expect("]", "expected a ']' token")?;
        Ok(Some(argument))
    }

    /// The name of a function with its bracket, if it follows.
    fn function(&mut self) -> Option<Function> {
        FUNCTIONS.into_iter().find(|function| self.opens(*function))
    }

    fn opens(&mut self, function: Function) -> bool {
        let name = function.as_str();
        self.lexer.is_next(name) && self.lexer.literal(&format!("{name}("))
    }

    /// What is left of a function behind its bracket.
    fn call(&mut self, function: Function, at: usize) -> Parsed<Call> {
        self.nested(|parser| {
            parser.lexer.blank();
            let mut arguments = Vec::new();
            loop {
                arguments.push(parser.nested(Self::argument)?);
                parser.lexer.blank();
                if !parser.lexer.literal(",") {
                    break;
                }
            }
            parser.lexer.blank();
            parser.expect(")", "expected a ')' token closing the transformer")?;
            let index = parser.index()?;
            Ok(Call { function, arguments, index, at })
        })
    }

    fn argument(&mut self) -> Parsed<Argument> {
        self.lexer.blank();
        let at = self.lexer.at();
        if let Some(value) = self.literal_value()? {
            return Ok(Argument::Value(value));
        }
        if self.lexer.literal("(") {
            return self.argument_list();
        }
        match self.operand(at)? {
            Some(operand) => Ok(Argument::Operand(operand)),
            None => Err(self.lexer.error(
                "expected field transformer argument: field, transformer, quoted string, number, or transformer list",
            )),
        }
    }

    /// A number or a text in quotes, if one follows.
    fn literal_value(&mut self) -> Parsed<Option<Vec<u8>>> {
        match self.lexer.number() {
            Some(number) => Ok(Some(number.as_bytes().to_vec())),
            None => self.lexer.quoted(),
        }
    }

    /// A field or a function, if one follows.
    fn operand(&mut self, at: usize) -> Parsed<Option<Operand>> {
        if let Some(function) = self.function() {
            return Ok(Some(Operand::Call(self.call(function, at)?)));
        }
        Ok(self.field(at)?.map(Operand::Field))
    }

    /// What is left of a list of arguments behind its bracket.
    fn argument_list(&mut self) -> Parsed<Argument> {
        let mut items = Vec::new();
        self.lexer.blank();
        if self.lexer.literal(")") {
            return Ok(Argument::List(items));
        }
        loop {
            self.lexer.blank();
            items.push(self.list_argument()?);
            self.lexer.blank();
            if !self.lexer.literal(",") {
                break;
            }
        }
        self.expect(")", "expected ')'")?;
        Ok(Argument::List(items))
    }

    fn list_argument(&mut self) -> Parsed<Argument> {
        let at = self.lexer.at();
        if let Some(operand) = self.operand(at)? {
            return Ok(Argument::Operand(operand));
        }
        match self.literal_value()? {
            Some(value) => Ok(Argument::Value(value)),
            None => Err(self
                .lexer
                .error("expected transformer list argument: field, transformer, quoted string, or number")),
        }
    }

    /// The operator and what stands to its right.
    fn comparison(&mut self, left: Operand, at: usize) -> Parsed<Expression> {
        self.nested(|parser| {
            parser.lexer.blank();
            let (comparison, right) = parser.compared()?;
            Ok(Expression::Check(Check { left, comparison, right, at }))
        })
    }

    fn compared(&mut self) -> Parsed<(Comparison, Right)> {
        if let Some(operator) = self.operator(&UNARY, false) {
            return Ok((operator.into(), Right::None));
        }
        if let Some(operator) = self.operator(&NUMERIC, false) {
            return Ok((operator.into(), self.nested(Self::number_value)?));
        }
        if let Some(operator) = self.operator(&TEXTUAL, true) {
            return self.textual(operator);
        }
        if let Some(operator) = self.operator(&LISTED, false) {
            return Ok((operator.into(), self.nested(Self::list_value)?));
        }
        let message = format!(
            "expected a valid check operator: one of {}",
            quoted(operator::all().map(Operator::as_str))
        );
        Err(self.lexer.error(message))
    }

    /// The operator that follows. Behind a word a blank must follow where `blank` says so, and is taken.
    fn operator(&mut self, operators: &[Operator], blank: bool) -> Option<Operator> {
        operators.iter().copied().find(|operator| {
            if blank && operator.is_word() {
                self.lexer.word(operator.as_str())
            } else {
                self.lexer.literal(operator.as_str())
            }
        })
    }

    /// What stands behind an operator for a single text: the text, or, behind a modifier, several.
    fn textual(&mut self, operator: Operator) -> Parsed<(Comparison, Right)> {
        let has_blank = operator.is_word() || self.lexer.blank();
        let (at, last) = (self.lexer.at(), self.lexer.last().to_owned());
        if has_blank
            && let Some(modifier) = self.modifier()
            && self.is_list_next()
        {
            let comparison = Comparison { operator, modifier: Some(modifier) };
            return Ok((comparison, self.nested(Self::plain_list_value)?));
        }
        self.lexer.back_to(at, last);
        Ok((operator.into(), self.nested(Self::text_value)?))
    }

    fn modifier(&mut self) -> Option<Modifier> {
        MODIFIERS.into_iter().find(|modifier| self.lexer.word(modifier.as_str()))
    }

    /// Whether a list, or the name of one, follows, and no `and`, `or` or `not`.
    fn is_list_next(&mut self) -> bool {
        let is_keyword = ["and", "or", "not"].into_iter().any(|keyword| {
            let name = self.peeked_word(keyword.len());
            name.is_some_and(|(word, behind)| {
                word == keyword && !behind.is_some_and(|byte| byte.is_ascii_alphanumeric())
            })
        });
        let starts = self.lexer.peek().is_some_and(|byte| byte == b'(' || byte.is_ascii_alphabetic());
        starts && !is_keyword
    }

    /// So many bytes that follow, and the one behind them.
    fn peeked_word(&self, length: usize) -> Option<(&'t str, Option<u8>)> {
        let rest = self.lexer.rest_text();
        Some((rest.get(..length)?, rest.as_bytes().get(length).copied()))
    }

    fn number_value(&mut self) -> Parsed<Right> {
        self.lexer.blank();
        if let Some(operand) = self.nested(Self::right_operand)? {
            return Ok(Right::Operand(operand));
        }
        match self.lexer.number() {
            Some(number) => Ok(Right::Value(number.as_bytes().to_vec())),
            None => Err(self.lexer.error(format!(
                "expected a number value or a field with a valid transformer: {}",
                functions()
            ))),
        }
    }

    fn text_value(&mut self) -> Parsed<Right> {
        self.lexer.blank();
        if let Some(operand) = self.nested(Self::right_operand)? {
            return Ok(Right::Operand(operand));
        }
        match self.text()? {
            Some(text) => Ok(Right::Value(text)),
            None => Err(self.lexer.error(format!(
                "expected a string value or a field with a valid transformer: {}",
                functions()
            ))),
        }
    }

    /// A text, with or without quotes, if one follows.
    fn text(&mut self) -> Parsed<Option<Vec<u8>>> {
        match self.lexer.quoted()? {
            Some(text) => Ok(Some(text)),
            None => Ok(self.lexer.bare().map(|text| text.as_bytes().to_vec())),
        }
    }

    /// A member of a list.
    fn member(&mut self) -> Parsed<Vec<u8>> {
        self.nested(|parser| {
            parser.lexer.blank();
            match parser.text()? {
                Some(text) => Ok(text),
                None => Err(parser.lexer.error("expected a string value")),
            }
        })
    }

    /// A list of texts, if its bracket follows.
    fn list(&mut self) -> Parsed<Option<Vec<Vec<u8>>>> {
        if !self.lexer.literal("(") {
            return Ok(None);
        }
        self.lexer.blank();
        let mut values = Vec::new();
        // What is no text may still be the end of an empty list.
        if let Ok(first) = self.member() {
            values.push(first);
            self.lexer.blank();
            while self.lexer.literal(",") {
                values.push(self.member()?);
                self.lexer.blank();
            }
        }
        self.expect(")", "expected a ')' token")?;
        Ok(Some(values))
    }

    /// A list, or a name in its place.
    fn plain_list_value(&mut self) -> Parsed<Right> {
        self.lexer.blank();
        if let Some(values) = self.list()? {
            return Ok(Right::List(values));
        }
        match self.lexer.identifier() {
            Some(name) => Ok(Right::Value(name.as_bytes().to_vec())),
            None => Err(self.lexer.error("expected a list or an identifier")),
        }
    }

    /// A list, another field, or a name in its place.
    fn list_value(&mut self) -> Parsed<Right> {
        self.lexer.blank();
        if let Some(values) = self.list()? {
            return Ok(Right::List(values));
        }
        if let Some(operand) = self.nested(Self::right_operand)? {
            return Ok(Right::Operand(operand));
        }
        match self.lexer.identifier() {
            Some(name) => Ok(Right::Value(name.as_bytes().to_vec())),
            None => Err(self.lexer.error(format!(
                "expected a list, an identifier, or a field with a valid transformer: {}",
                functions()
            ))),
        }
    }

    /// `val(..)` or a function, if one follows.
    fn right_operand(&mut self) -> Parsed<Option<Operand>> {
        self.lexer.blank();
        let at = self.lexer.at();
        if self.opens(Function::Val) {
            self.lexer.blank();
            let field_at = self.lexer.at();
            let Some(field) = self.field(field_at)? else {
                return Err(self.lexer.error("expected a field within 'val' transformer"));
            };
            self.lexer.blank();
            self.expect(")", "expected a ')' token closing the transformer")?;
            let index = self.index()?;
            let arguments = vec![Argument::Operand(Operand::Field(field))];
            return Ok(Some(Operand::Call(Call { function: Function::Val, arguments, index, at })));
        }
        match self.function() {
            Some(function) => {
                self.lexer.blank();
                Ok(Some(Operand::Call(self.call(function, at)?)))
            }
            None => Ok(None),
        }
    }
}

impl From<Operator> for Comparison {
    fn from(operator: Operator) -> Self {
        Self { operator, modifier: None }
    }
}
