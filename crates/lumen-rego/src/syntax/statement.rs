//! A text as statements: packages, imports, rules, and bodies that may be rules written short.

use lumen_value::Value;

use super::parser::{Memory, Parser, State};
use super::raw::{RawNode, TermId};
use super::rule::ParsedRule;
use super::token::{FUTURE, Keywords, Token};
use crate::ast::{Body, Import, Name, Ref, Term, Version};
use crate::error::Span;

/// One statement.
#[derive(Debug)]
pub(super) enum Statement {
    Package(Ref, Span),
    Import(Import),
    Rule(Box<ParsedRule>),
    Body(Body),
}

/// An import that is not yet part of the tree.
struct RawImport {
    path: TermId,
    parts: Vec<TermId>,
    alias: Option<(Name, Span)>,
    span: Span,
}

/// Behind a keyword, these say that it was meant as the name of a rule.
const BEHIND_NAME: [Token; 5] = [Token::Assign, Token::Unify, Token::If, Token::Contains, Token::LeftParen];

/// What may follow a keyword that is used as the name of a rule.
fn behind_name(keyword: Token) -> &'static [Token] {
    match keyword {
        Token::Every | Token::If | Token::In | Token::Some | Token::As => &BEHIND_NAME,
        Token::Package | Token::Import => &[Token::Assign, Token::Unify, Token::LeftParen],
        Token::Not | Token::LogicalAnd | Token::LogicalOr => {
            &[Token::Assign, Token::Unify, Token::If, Token::Contains]
        }
        Token::Contains => &[Token::If, Token::Contains],
        _ => &[],
    }
}

impl<'t> Parser<'t> {
    /// All statements; stops where none can be read, which leaves an error. `skips_rules`: the text is a query.
    pub(super) fn parse_statements(&mut self, skips_rules: bool) -> Vec<Statement> {
        let mut statements = Vec::new();
        while self.state.token != Token::Eof {
            self.forget();
            if !skips_rules && self.error_keyword_as_name(false) {
                break;
            }
            if self.parse_statement(skips_rules, &mut statements).is_none() {
                break;
            }
        }
        statements
    }

    fn parse_statement(&mut self, skips_rules: bool, statements: &mut Vec<Statement>) -> Option<()> {
        let saved = self.state;
        if self.state.token == Token::Package {
            if let Some((path, span)) = self.parse_package() {
                statements.push(Statement::Package(path, span));
                return self.refuse_minus();
            }
            self.back_or_stop(saved)?;
        }
        if self.state.token == Token::Import {
            if let Some(import) = self.parse_import() {
                self.refuse_minus()?;
                statements.push(Statement::Import(self.finish_import(import)));
                return Some(());
            }
            self.back_or_stop(saved)?;
        }
        if !skips_rules {
            if let Some(rules) = self.parse_rules() {
                statements.extend(rules.into_iter().map(|rule| Statement::Rule(Box::new(rule))));
                return Some(());
            }
            self.back_or_stop(saved)?;
        }
        let body = self.parse_query(true, Token::Eof)?;
        let body = self.arena.add_body(body);
        statements.push(Statement::Body(self.arena.exprs(body)));
        Some(())
    }

    /// Goes back to try another kind of statement; `None` where there is an error already.
    fn back_or_stop(&mut self, saved: State<'t>) -> Option<()> {
        if self.has_errors() {
            return None;
        }
        self.state = saved;
        Some(())
    }

    /// A minus behind a path is no sign of the next statement.
    fn refuse_minus(&mut self) -> Option<()> {
        if self.state.token == Token::Sub {
            self.illegal("");
            return None;
        }
        Some(())
    }

    /// Whether a keyword stands where the name of a rule was meant; records the error.
    pub(super) fn error_keyword_as_name(&mut self, is_default: bool) -> bool {
        let keyword = self.state.token;
        let span = self.state.span;
        let followers = behind_name(keyword);
        if followers.is_empty() {
            return false;
        }
        if !is_default {
            let saved = self.state;
            self.scan();
            let next = self.state.token;
            self.state = saved;
            if !followers.contains(&next) {
                return false;
            }
        }
        self.error(span, format!("{} keyword cannot be used for rule name", keyword.name()));
        true
    }

    /// Goes behind the keyword of a package or import to its path; `None` where that is a reference that starts with it.
    fn scan_to_path(&mut self) -> Option<Span> {
        let span = self.state.span;
        self.scan_space();
        if matches!(self.state.token, Token::Dot | Token::LeftBracket) {
            return None;
        }
        if self.state.token == Token::Whitespace {
            self.scan();
        }
        if self.state.token != Token::Ident {
            if !self.is_allowed_ref_keyword() {
                self.illegal("");
                return None;
            }
            self.state.token = Token::Ident;
        }
        Some(span)
    }

    fn parse_package(&mut self) -> Option<(Ref, Span)> {
        let start = self.scan_to_path()?;
        let Some(term) = self.parse_term() else {
            if !self.has_errors() {
                self.error(self.state.span, "expected path");
            }
            return None;
        };
        let parts = match self.arena.node(term) {
            RawNode::Var(_) => vec![term],
            RawNode::Ref(parts) => parts.clone(),
            _ => {
                self.illegal("");
                return None;
            }
        };
        let mut path = Vec::with_capacity(parts.len() + 1);
        for (index, part) in parts.into_iter().enumerate() {
            let span = self.arena.span(part);
            let node = match self.arena.node(part) {
                RawNode::Var(name) if index == 0 => {
                    let name = name.clone();
                    path.push(Term { node: crate::ast::Node::Var("data".into()), span });
                    Value::String(name)
                }
                RawNode::Value(Value::String(text)) if index > 0 => Value::String(text.clone()),
                _ => {
                    let wanted = if index == 0 { "var" } else { "string" };
                    let kind = self.value_name(part);
                    self.error(span, format!("unexpected {kind} token: expecting {wanted}"));
                    return None;
                }
            };
            path.push(Term { node: crate::ast::Node::Value(node), span });
        }
        Some((path, self.extended(start)))
    }

    fn parse_import(&mut self) -> Option<RawImport> {
        let span = self.scan_to_path()?;
        let path = self.parse_import_path()?;
        let RawNode::Ref(parts) = self.arena.node(path) else { return None };
        let parts = parts.clone();
        let first = *parts.first()?;
        let is_root = self
            .arena
            .var(first)
            .is_some_and(|name| ["data", "input", "future", "rego"].iter().any(|root| name == root));
        if !is_root {
            let got = self.arena.term(first);
            self.hint("if this is unexpected, try updating OPA");
            self.error(
                self.arena.span(path),
                format!("unexpected import path, must begin with one of: {{data, future, input, rego}}, got: {got}"),
            );
            return None;
        }
        let mut import = RawImport { path, parts, alias: None, span };
        if self.state.token == Token::As {
            import.alias = Some(self.parse_alias()?);
        } else {
            self.check_last_part(&import);
        }
        import.span = self.extended(span);
        Some(import)
    }

    /// The path of an import, in which no future keyword is one.
    fn parse_import_path(&mut self) -> Option<TermId> {
        let saved = self.state;
        let keywords = saved.scanner.keywords;
        let memory = self.swap_memory(Memory::default());
        self.state.scanner.keywords = Keywords::NONE;
        let term = self.parse_term();
        self.state.scanner.keywords = keywords;
        self.swap_memory(memory);
        let node = term.map(|term| (term, self.arena.node(term).clone()));
        match node {
            Some((term, RawNode::Var(_))) => {
                let span = self.arena.span(term);
                Some(self.arena.add(RawNode::Ref(vec![term]), span))
            }
            Some((term, RawNode::Ref(parts))) => {
                let is_string =
                    |part: &TermId| matches!(self.arena.node(*part), RawNode::Value(Value::String(_)));
                let Some(wrong) = parts.iter().skip(1).find(|part| !is_string(part)).copied() else {
                    return Some(term);
                };
                self.state = saved;
                let kind = self.value_name(wrong);
                self.error(self.arena.span(wrong), format!("unexpected {kind} token: expecting string"));
                None
            }
            _ => {
                self.error(self.state.span, "expected path");
                None
            }
        }
    }

    fn parse_alias(&mut self) -> Option<(Name, Span)> {
        self.scan();
        if self.state.token != Token::Ident {
            self.illegal("expected var");
            return None;
        }
        if let Some(alias) = self.parse_term() {
            let span = self.arena.span(alias);
            match self.arena.node(alias).clone() {
                RawNode::Var(name) => return Some((name, span)),
                RawNode::Ref(parts) => {
                    if let [root] = *parts.as_slice()
                        && let Some(name) = self.arena.var(root).cloned()
                    {
                        self.error(
                            span,
                            format!("unexpected import alias, must not be a reserved name, got: {name}"),
                        );
                        return None;
                    }
                }
                _ => {}
            }
        }
        self.illegal("expected var");
        None
    }

    /// A path without alias must not end in a keyword, for then nothing could refer to it.
    fn check_last_part(&mut self, import: &RawImport) {
        let Some(last) = import.parts.last().copied() else { return };
        let name = match self.arena.node(last) {
            RawNode::Var(name) | RawNode::Value(Value::String(name)) => name.to_text().into_owned(),
            _ => return,
        };
        let is_future = import.parts.len() > 1 && self.is_root(import, "future");
        if !is_future && self.of_version().is_keyword(&name) {
            self.hint("import a different path or use an alias");
            self.error(
                self.arena.span(last),
                format!("unexpected import path, must not end with a keyword, got: {name}"),
            );
        }
    }

    fn is_root(&self, import: &RawImport, root: &str) -> bool {
        let first = import.parts.first().and_then(|first| self.arena.var(*first));
        first.is_some_and(|name| name == root)
    }

    /// Does what the import asks of the parser.
    fn finish_import(&mut self, import: RawImport) -> Import {
        if self.is_root(&import, "rego") {
            self.rego_import(&import);
            self.reclassify();
        } else if self.is_root(&import, "future") {
            self.future_import(&import);
            self.reclassify();
        }
        Import {
            path: self.arena.term(import.path),
            alias: import.alias.map(|(name, _)| name),
            span: import.span,
        }
    }

    /// The parts of a path behind the first, as text.
    fn path_texts(&self, import: &RawImport) -> Vec<String> {
        let texts = import.parts.iter().skip(1).map(|part| match self.arena.node(*part) {
            RawNode::Value(Value::String(text)) => text.to_text().into_owned(),
            _ => String::new(),
        });
        texts.collect()
    }

    fn rego_import(&mut self, import: &RawImport) {
        let texts = self.path_texts(import);
        let version = match texts.as_slice() {
            [one] if one == "v1" => 1,
            [one] if one == "v2" => 2,
            _ => {
                let path = self.arena.term(import.path);
                self.error(
                    self.arena.span(import.path),
                    format!("invalid import `{path}`, must be one of: `rego.v1`, `rego.v2`"),
                );
                return;
            }
        };
        if let Some((_, span)) = import.alias {
            self.error(span, "`rego` imports cannot be aliased");
            return;
        }
        let added = if version == 2 { Keywords::ALL } else { Keywords::V1 };
        self.not_bodies |= version == 2;
        self.state.scanner.keywords = self.state.scanner.keywords.with(added);
    }

    fn future_import(&mut self, import: &RawImport) {
        let texts = self.path_texts(import);
        let span = self.arena.span(import.path);
        if texts.first().is_none_or(|first| first != "keywords") {
            self.error(span, "invalid import, must be `future.keywords`");
            return;
        }
        if let Some((_, span)) = import.alias {
            self.error(span, "`future` imports cannot be aliased");
            return;
        }
        let added = match texts.as_slice() {
            [_, keyword] => {
                let found = FUTURE.iter().find(|(word, ..)| word == keyword);
                let Some((.., bit)) = found else {
                    let words: Vec<_> = FUTURE.iter().map(|(word, ..)| *word).collect();
                    self.error(span, format!("unexpected keyword, must be one of [{}]", words.join(" ")));
                    return;
                };
                *bit
            }
            _ => Keywords::ALL,
        };
        self.not_bodies |= added.has(Keywords::NOT);
        self.state.scanner.keywords = self.state.scanner.keywords.with(added);
    }

    /// The token behind an import was read before its keyword was one.
    fn reclassify(&mut self) {
        if self.state.token == Token::Ident {
            let word = self.word();
            let is_future = FUTURE.iter().any(|(future, ..)| *future == word);
            if is_future {
                self.state.token = self.state.scanner.keywords.token(word);
            }
        }
    }

    /// The keywords of the language itself.
    pub(super) fn of_version(&self) -> Keywords {
        match self.version {
            Version::V0 => Keywords::NOT,
            Version::V1 | Version::V0WithV1 => Keywords::NOT.with(Keywords::V1),
        }
    }
}
