//! `# METADATA` blocks: comments that hold YAML about the package or rule below them (`parseAnnotations` of
//! `v1/ast/parser.go`, `v1/ast/annotations.go`).

use std::sync::Arc;

use lumen_value::read::{Limits, ReadError};
use lumen_value::{Array, Number, Object, Str, Value, yaml};

use super::{ParseOptions, parse_term};
use crate::ast::{Annotation, Module, Name, Node, Term};
use crate::error::{Code, Error, Span};

/// How deep the YAML of a block may nest.
const DEPTH_MAX: usize = 200;

/// What is wrong with a block: the line that upstream counts, if it names one, and the message.
type Wrong = (Option<usize>, String);

/// Reads the blocks among a text's comments. Scopes are given and checked when it is clear what each stands before.
pub(super) fn read(text: &str, comments: &[Span], file: &Arc<str>) -> (Vec<Annotation>, Vec<Error>) {
    let (mut annotations, mut errors) = (Vec::new(), Vec::new());
    for (index, comment) in comments.iter().enumerate() {
        if !is_start(text, comment) {
            continue;
        }
        let lines = comments.get(index + 1..).unwrap_or_default();
        let rows = comment.row + 1..;
        let is_line =
            |(line, row): &(&Span, u32)| line.column == 1 && line.row == *row && !is_start(text, line);
        let count = lines.iter().zip(rows).take_while(is_line).count();
        let lines = lines.get(..count).unwrap_or_default();
        match read_block(text, lines) {
            Ok(value) => {
                let end = lines.last().unwrap_or(comment).end;
                let span = Span { end, ..*comment };
                annotations.push(Annotation { scope: scope_of(&value), value, rule: None, span });
            }
            Err((line, message)) => {
                let place = line.and_then(|line| lines.get(line).or(lines.last())).unwrap_or(comment);
                errors.push(Error {
                    code: Code::Parse,
                    span: *place,
                    file: file.clone(),
                    message,
                    hint: None,
                });
            }
        }
    }
    (annotations, errors)
}

/// What a comment says, behind its `#`.
fn content<'t>(text: &'t str, comment: &Span) -> &'t str {
    let content = text.get(comment.start as usize + 1..comment.end as usize).unwrap_or_default();
    content.trim_end_matches('\r')
}

fn is_start(text: &str, comment: &Span) -> bool {
    comment.column == 1 && content(text, comment).trim().starts_with("METADATA")
}

fn scope_of(value: &Value) -> Name {
    match value.get("scope") {
        Some(Value::String(scope)) => scope.clone(),
        _ => Name::from(""),
    }
}

fn read_block(text: &str, lines: &[Span]) -> Result<Value, Wrong> {
    let mut source = String::new();
    for line in lines {
        let content = content(text, line);
        source.push_str(content.strip_prefix(' ').unwrap_or(content));
        source.push('\n');
    }
    if source.trim().is_empty() {
        return Err((None, "expected METADATA block, found whitespace".to_owned()));
    }
    let limits =
        Limits { depth_max: DEPTH_MAX, alias_bytes_max: source.len() as u64 * 16, ..Limits::default() };
    let document = match yaml::parse(source.as_bytes(), &limits) {
        Ok(parsed) => parsed.value,
        Err(error) => return Err(syntax_error(&source, &error)),
    };
    let fields = match document {
        Value::Object(fields) => fields,
        Value::Null => Object::default(),
        other => {
            let message = format!("cannot unmarshal {} into ast.rawAnnotation", tagged(&other));
            return Err((Some(1), format!("yaml: unmarshal errors:\n  line 1: {message}")));
        }
    };
    let mut block = Block { source: &source, fields, wrong: Vec::new(), entries: Vec::new() };
    block.read_fields();
    block.finish()
}

fn syntax_error(source: &str, error: &ReadError) -> Wrong {
    let before = source.get(..error.at).unwrap_or(source);
    let line = before.bytes().filter(|byte| *byte == b'\n').count();
    if line == 0 {
        return (Some(0), format!("yaml: {}", error.message));
    }
    (Some(line), format!("yaml: line {line}: {}", error.message))
}

/// A value with its YAML tag, as messages show it.
fn tagged(value: &Value) -> String {
    let (tag, text) = match value {
        Value::Null => ("!!null", "null".to_owned()),
        Value::Bool(value) => ("!!bool", value.to_string()),
        Value::Number(number) if is_integer(number) => ("!!int", number.to_string()),
        Value::Number(number) => ("!!float", number.to_string()),
        Value::String(text) => ("!!str", text.to_text().into_owned()),
        Value::Array(_) | Value::Set(_) => return "!!seq".to_owned(),
        Value::Object(_) => return "!!map".to_owned(),
    };
    match text.char_indices().nth(10).and(text.get(..7)) {
        Some(start) => format!("{tag} `{start}...`"),
        None => format!("{tag} `{text}`"),
    }
}

fn is_integer(number: &Number) -> bool {
    !number.to_string().contains(['.', 'e', 'E'])
}

/// A block that is being read.
struct Block<'a> {
    source: &'a str,
    fields: Object,
    /// Fields of the wrong type: line and message.
    wrong: Vec<(usize, String)>,
    entries: Vec<(Value, Value)>,
}

impl Block<'_> {
    fn read_fields(&mut self) {
        for name in ["scope", "title", "description"] {
            if let Some(text) = self.text(name).filter(|text| !text.is_empty()) {
                self.add(name, Value::String(text));
            }
        }
        if self.flag("entrypoint") {
            self.add("entrypoint", Value::Bool(true));
        }
        let organizations = self.list("organizations", "[]string");
        let organizations: Vec<Value> = organizations
            .iter()
            .filter_map(|item| self.scalar("organizations", item))
            .map(Value::String)
            .collect();
        if !organizations.is_empty() {
            self.add("organizations", Value::from(organizations));
        }
        for name in ["custom", "labels"] {
            if let Some(fields) = self.map(name).filter(|fields| !fields.is_empty()) {
                self.add(name, Value::Object(fields));
            }
        }
    }

    /// The block's value, or the first thing that is wrong with it.
    fn finish(mut self) -> Result<Value, Wrong> {
        let related = self.list("related_resources", "[]interface {}");
        let authors = self.list("authors", "[]interface {}");
        let schemas = self.list("schemas", "[]map[string]interface {}");
        for schema in schemas.iter().filter(|schema| !matches!(schema, Value::Object(_) | Value::Null)) {
            self.mistyped("schemas", schema, "map[string]interface {}");
        }
        let compile = self.map("compile");
        self.wrong.sort();
        if let Some((line, _)) = self.wrong.first() {
            let messages: Vec<String> =
                self.wrong.iter().map(|(line, message)| format!("\n  line {line}: {message}")).collect();
            return Err((Some(*line), format!("yaml: unmarshal errors:{}", messages.concat())));
        }
        let plain = |message| (None, message);
        let related: Result<Array, String> = related.iter().map(related_resource).collect();
        let related = related.map_err(plain)?;
        if let Some(compile) = compile {
            check_compile(&compile).map_err(plain)?;
        }
        let schemas: Result<Array, String> = schemas.iter().map(schema).collect();
        let schemas = schemas.map_err(plain)?;
        let authors: Result<Array, String> = authors.iter().map(author).collect();
        let authors = authors.map_err(plain)?;
        for (name, list) in [("related_resources", related), ("authors", authors), ("schemas", schemas)] {
            if !list.is_empty() {
                self.add(name, Value::Array(list));
            }
        }
        Ok(Value::Object(self.entries.into()))
    }

    fn add(&mut self, name: &str, value: Value) {
        self.entries.push((Value::from(name), value));
    }

    fn mistyped(&mut self, name: &str, value: &Value, wanted: &str) {
        let is_field = |line: &str| {
            let rest = line.trim_start_matches(['"', '\'']).strip_prefix(name);
            rest.is_some_and(|rest| rest.trim_start_matches(['"', '\'', ' ']).starts_with(':'))
        };
        let line = self.source.lines().position(is_field).unwrap_or_default() + 1;
        self.wrong.push((line, format!("cannot unmarshal {} into {wanted}", tagged(value))));
    }

    fn field(&self, name: &str) -> Option<Value> {
        self.fields.get(name).filter(|value| !value.is_null()).cloned()
    }

    /// A scalar as text, whatever it is.
    fn scalar(&mut self, name: &str, value: &Value) -> Option<Str> {
        match value {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string().into()),
            Value::Bool(value) => Some(value.to_string().into()),
            Value::Null => Some(Str::from("")),
            other => {
                self.mistyped(name, other, "string");
                None
            }
        }
    }

    fn text(&mut self, name: &str) -> Option<Str> {
        let value = self.field(name)?;
        self.scalar(name, &value)
    }

    fn flag(&mut self, name: &str) -> bool {
        match self.field(name) {
            None => false,
            Some(Value::Bool(value)) => value,
            // YAML 1.1's words, which upstream takes where it wants a boolean.
            Some(value) => match value.as_str() {
                Some("y" | "Y" | "yes" | "on") => true,
                Some("n" | "N" | "no" | "off") => false,
                _ => {
                    self.mistyped(name, &value, "bool");
                    false
                }
            },
        }
    }

    fn list(&mut self, name: &str, wanted: &str) -> Vec<Value> {
        match self.field(name) {
            None => Vec::new(),
            Some(Value::Array(items)) => items.iter().cloned().collect(),
            Some(other) => {
                self.mistyped(name, &other, wanted);
                Vec::new()
            }
        }
    }

    fn map(&mut self, name: &str) -> Option<Object> {
        match self.field(name)? {
            Value::Object(fields) => Some(fields),
            other => {
                self.mistyped(name, &other, "map[string]interface {}");
                None
            }
        }
    }
}

/// The text of a field, without white space around it; empty where there is none.
fn trimmed(fields: &Object, name: &str) -> String {
    fields.get(name).and_then(Value::as_str).unwrap_or_default().trim().to_owned()
}

fn invalid(what: &str, value: &Value, why: &str) -> String {
    format!("invalid {what} definition {}: {why}", value.as_str().unwrap_or("%!s"))
}

fn related_resource(value: &Value) -> Result<Value, String> {
    let wrong = |why| Err(invalid("related-resource", value, why));
    match value {
        Value::String(text) if text.is_empty() => wrong("ref URL may not be empty string"),
        Value::String(text) => Ok(Value::from([("ref", Value::String(text.clone()))])),
        Value::Object(fields) => {
            let (target, description) = (trimmed(fields, "ref"), trimmed(fields, "description"));
            if target.is_empty() {
                return wrong("'ref' value required in object");
            }
            let mut entries = vec![(Value::from("ref"), Value::from(target))];
            if !description.is_empty() {
                entries.push((Value::from("description"), Value::from(description)));
            }
            Ok(Value::Object(entries.into()))
        }
        _ => wrong("invalid value type, must be string or map"),
    }
}

fn author(value: &Value) -> Result<Value, String> {
    let wrong = |why| Err(invalid("author", value, why));
    let (name, email) = match value {
        Value::String(text) => {
            let text = text.to_text();
            let mut words: Vec<&str> = text.split_whitespace().collect();
            let last = words.last().copied();
            let email = last.and_then(|last| last.strip_prefix('<')?.strip_suffix('>'));
            if words.is_empty() {
                return wrong("author is an empty string");
            }
            if email.is_some() {
                words.pop();
            }
            (words.join(" "), email.unwrap_or_default().to_owned())
        }
        Value::Object(fields) => {
            let (name, email) = (trimmed(fields, "name"), trimmed(fields, "email"));
            if name.is_empty() && email.is_empty() {
                return wrong("'name' and/or 'email' values required in object");
            }
            (name, email)
        }
        _ => return wrong("invalid value type, must be string or map"),
    };
    let mut entries = vec![(Value::from("name"), Value::from(name))];
    if !email.is_empty() {
        entries.push((Value::from("email"), Value::from(email)));
    }
    Ok(Value::Object(entries.into()))
}

fn parse_text(text: &str) -> Option<Term> {
    parse_term(&Arc::from(""), text, &ParseOptions::default()).ok()
}

/// A reference as the array that metadata shows it as.
fn path(text: &str) -> Option<Vec<Term>> {
    match parse_text(text)?.node {
        Node::Ref(parts) => Some(parts),
        _ => None,
    }
}

fn path_value(parts: &[Term]) -> Value {
    let part = |part: &Term| match &part.node {
        Node::Value(text @ Value::String(_)) => text.clone(),
        _ => Value::from(part.to_string()),
    };
    Value::Array(parts.iter().map(part).collect())
}

fn schema(value: &Value) -> Result<Value, String> {
    let pair = value.as_object().and_then(|pair| pair.fields().next());
    let (key, value) =
        pair.map_or((String::new(), &Value::Null), |(key, value)| (key.to_text().into_owned(), value));
    let Some(parts) = path(&key) else { return Err("invalid document reference".to_owned()) };
    let is_schema = |term: &Term| matches!(&term.node, Node::Var(name) if name == "schema");
    let (field, value) = match value {
        Value::String(text) => {
            let parts = match parse_text(&text.to_text()) {
                Some(term) if is_schema(&term) => vec![term],
                Some(Term { node: Node::Ref(parts), .. }) if parts.first().is_some_and(is_schema) => parts,
                _ => return Err("invalid schema reference".to_owned()),
            };
            ("schema", path_value(&parts))
        }
        Value::Object(_) => ("definition", value.clone()),
        _ => {
            return Err(format!("invalid schema declaration for path {}", super::print::quoted(&key.into())));
        }
    };
    Ok(Value::from([("path", path_value(&parts)), (field, value)]))
}

fn check_compile(compile: &Object) -> Result<(), String> {
    let unknowns = compile.get("unknowns").and_then(Value::as_array);
    for unknown in unknowns.into_iter().flatten().filter_map(Value::as_str) {
        if path(unknown).is_none() {
            let quoted = super::print::quoted(&unknown.into());
            return Err(format!("invalid unknowns element {quoted}: expected ref"));
        }
    }
    if let Some(mask) = compile.get("mask_rule").and_then(Value::as_str) {
        let quoted = super::print::quoted(&mask.into());
        match parse_text(mask).map(|term| term.node) {
            Some(Node::Var(_) | Node::Ref(_) | Node::Value(Value::String(_))) => {}
            Some(_) => return Err(format!("invalid mask_rule annotation type {quoted}: string")),
            None => return Err(format!("invalid mask_rule annotation {quoted}: failed to parse term")),
        }
    }
    Ok(())
}

/// What a block stands before.
#[derive(Clone, Copy)]
enum Target {
    Package,
    Import,
    Rule(usize),
}

impl Target {
    fn name(self) -> &'static str {
        match self {
            Self::Package => "package",
            Self::Import => "import",
            Self::Rule(_) => "rule",
        }
    }
}

/// Gives each block to the statement below it and checks that its scope may be there.
pub(super) fn attach(module: &mut Module, annotations: Vec<Annotation>) -> Vec<Error> {
    let mut targets = vec![(module.package_span.row, Target::Package)];
    targets.extend(module.imports.iter().map(|import| (import.span.row, Target::Import)));
    let rules = module.rules.iter().enumerate();
    targets.extend(rules.map(|(index, rule)| (rule.span.row, Target::Rule(index))));
    targets.sort_by_key(|(row, _)| *row);
    let mut errors = Vec::new();
    for mut annotation in annotations {
        let below = targets.partition_point(|(row, _)| *row <= annotation.span.row);
        let target = targets.get(below).map(|(_, target)| *target);
        let is_entrypoint = annotation.value.get("entrypoint").is_some();
        if annotation.scope.is_empty() {
            let scope = match target {
                Some(Target::Rule(_)) if is_entrypoint => "document",
                Some(target) => target.name(),
                None => "",
            };
            annotation.scope = scope.into();
            if let Some(fields) = annotation.value.as_object().filter(|_| !scope.is_empty()) {
                annotation.value = Value::Object(fields.with("scope", scope));
            }
        }
        if let Some(Target::Rule(index)) = target {
            annotation.rule = Some(index);
        }
        for message in wrong_scope(&annotation.scope.to_text(), target, is_entrypoint) {
            let (span, file) = (annotation.span, module.file.clone());
            errors.push(Error { code: Code::Parse, span, file, message, hint: None });
        }
        module.annotations.push(annotation);
    }
    errors
}

fn wrong_scope(scope: &str, target: Option<Target>, is_entrypoint: bool) -> Vec<String> {
    let mut wrong = Vec::new();
    let wanted = match scope {
        "rule" | "document" => Some("rule"),
        "package" | "subpackages" => Some("package"),
        _ => None,
    };
    match wanted {
        Some(wanted) if target.is_some_and(|target| target.name() == wanted) => {}
        Some(wanted) => {
            let have = target.map(|target| format!(" (have {})", target.name())).unwrap_or_default();
            wrong.push(format!("annotation scope '{scope}' must be applied to {wanted}{have}"));
        }
        None => wrong.push(format!(
            "invalid annotation scope '{scope}'. Use one of 'rule', 'document', 'package', or 'subpackages'"
        )),
    }
    if is_entrypoint && scope != "document" && scope != "package" {
        wrong.push(format!("annotation entrypoint applied to non-document or package scope '{scope}'"));
    }
    wrong
}
