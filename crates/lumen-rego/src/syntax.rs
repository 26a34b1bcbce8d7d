//! Text to tree, as OPA 1.22's parser reads it (`v1/ast/parser.go`, `parser_ext.go`): the same texts, the same errors at the
//! same rows and columns.
//!
//! Where upstream differs: a tree nests at the most 2,400 levels (there 100,000 calls of the parser's functions), a text has
//! a bound on its length, and a number may start with its point (`.5`) but prints with a zero before it.

mod annotation;
mod collection;
mod literal;
mod literal_text;
mod logic;
mod module;
mod parser;
pub mod print;
mod raw;
mod rule;
mod scan;
mod statement;
mod term;
mod token;
mod unclosed;

use std::sync::Arc;

use crate::ast::{Annotation, Body, ExprKind, Module, Term, Version};
use crate::error::{Code, Error, Errors, Span};
use parser::Parser;
use statement::Statement;

/// How a text is read.
#[derive(Clone, Debug)]
pub struct ParseOptions {
    /// The language, where the text does not say. [`Version::V0WithV1`]: v0 that has to be good v1 as well.
    pub version: Version,
    /// The index that spans carry.
    pub module: u32,
    /// Whether `# METADATA` comments are read and checked.
    pub annotations: bool,
    /// The longest text that is read, in bytes.
    pub text_bytes_max: usize,
}

impl Default for ParseOptions {
    fn default() -> Self {
        Self { version: Version::default(), module: 0, annotations: false, text_bytes_max: 10_000_000 }
    }
}

/// Reads a module.
pub fn parse_module(file: &Arc<str>, text: &str, options: &ParseOptions) -> Result<Module, Errors> {
    crate::depth::roomy(|| {
        let parsed = parse(file, text, options, false).map_err(module::sorted)?;
        module::build(file, options.version, parsed).map_err(module::sorted)
    })
}

/// Why a text is no module: the errors in the order in which they were found.
pub(crate) enum Refused {
    /// It could not be read.
    Unreadable(Vec<Error>),
    /// It was read and is no module.
    NoModule(Vec<Error>),
}

/// The same, with the places of the comments. Metadata is not looked at.
pub(crate) fn parse_module_with_comments(
    file: &Arc<str>,
    text: &str,
    options: &ParseOptions,
) -> Result<(Module, Vec<Span>), Refused> {
    let options = ParseOptions { annotations: true, ..options.clone() };
    let Read { statements, comments, errors } = read(file, text, &options, false);
    if !errors.is_empty() {
        return Err(Refused::Unreadable(errors));
    }
    let parsed = Parsed { statements, annotations: Vec::new() };
    let module = module::build(file, options.version, parsed).map_err(Refused::NoModule)?;
    Ok((module, comments))
}

/// Reads a query: a body that stands alone. Of an empty text the body is empty.
pub fn parse_body(file: &Arc<str>, text: &str, options: &ParseOptions) -> Result<Body, Errors> {
    let mut body = Body::new();
    let parsed = parse(file, text, options, true).map_err(module::sorted)?;
    for statement in parsed.statements {
        let (kind, span) = match statement {
            Statement::Body(exprs) => {
                body.extend(exprs);
                continue;
            }
            Statement::Package(_, span) => ("*ast.Package", span),
            Statement::Import(import) => ("*ast.Import", import.span),
            Statement::Rule(parsed) => ("*ast.Rule", parsed.rule.span),
        };
        return Err(error(file, span, format!("expected body but got {kind}")));
    }
    Ok(body)
}

/// Reads one term.
pub fn parse_term(file: &Arc<str>, text: &str, options: &ParseOptions) -> Result<Term, Errors> {
    let mut body = parse_body(file, text, options)?;
    let one = if body.len() == 1 { body.pop() } else { None };
    let Some(expr) = one else {
        let got = print::body(&body);
        return Err(error(file, Span::default(), format!("expected exactly one term but got: {got}")));
    };
    let span = expr.span;
    match expr.kind {
        ExprKind::Term(term) => Ok(term),
        _ => Err(error(file, span, "expected term".to_owned())),
    }
}

/// What a text says.
struct Parsed {
    statements: Vec<Statement>,
    annotations: Vec<Annotation>,
}

fn parse(file: &Arc<str>, text: &str, options: &ParseOptions, is_query: bool) -> Result<Parsed, Vec<Error>> {
    let Read { statements, comments, mut errors } = read(file, text, options, is_query);
    // Upstream reads the metadata even of a text with errors.
    let (annotations, wrong) = annotation::read(text, &comments, file);
    errors.extend(wrong);
    if errors.is_empty() { Ok(Parsed { statements, annotations }) } else { Err(errors) }
}

/// What was found in a text.
struct Read {
    statements: Vec<Statement>,
    comments: Vec<Span>,
    errors: Vec<Error>,
}

fn read(file: &Arc<str>, text: &str, options: &ParseOptions, is_query: bool) -> Read {
    if text.len() > options.text_bytes_max.min(u32::MAX as usize) {
        let message = format!("text is longer than {} bytes", options.text_bytes_max);
        let Errors(errors) = error(file, Span { module: options.module, ..Span::default() }, message);
        return Read { statements: Vec::new(), comments: Vec::new(), errors };
    }
    let mut parser = Parser::new(text, options.version, options.module, options.annotations);
    let statements = parser.parse_statements(is_query);
    let errors = parser.take_errors(file);
    Read { statements, comments: parser.comments.unwrap_or_default(), errors }
}

/// Reads a text in every way and prints what was read; gives how many bytes were printed. For fuzzing: a text that is read
/// must print, and every span must lie in the text.
///
/// # Panics
/// Where one of these does not hold.
pub fn exercise(text: &str) -> usize {
    let file = Arc::from("fuzz.rego");
    let mut printed = 0;
    for version in [Version::V0, Version::V0WithV1, Version::V1] {
        let options = ParseOptions { version, annotations: true, ..ParseOptions::default() };
        if let Ok(module) = parse_module(&file, text, &options) {
            for rule in &module.rules {
                printed += print::rule(rule, version).len();
                let span = rule.span.start as usize..rule.span.end as usize;
                assert!(text.get(span).is_some(), "a rule lies in the text");
            }
        }
        printed += parse_body(&file, text, &options).map_or(0, |body| print::body(&body).len());
    }
    printed
}

fn error(file: &Arc<str>, span: Span, message: String) -> Errors {
    Errors(vec![Error { code: Code::Parse, span, file: file.clone(), message, hint: None }])
}
