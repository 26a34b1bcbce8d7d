//! Rego as the code of a template (frameworks/constraint `pkg/client/drivers/rego/compilers.go` and
//! `pkg/regorewriter/regorewriter.go`).

use std::sync::Arc;

use lumen_rego::ast::{Import, Module, Node, Ref, Term, Version};
use lumen_rego::error::{Errors, Span};
use lumen_rego::syntax::{ParseOptions, parse_module};
use lumen_value::{Pointer, Value};

use super::Fault;
use crate::admission::PolicyOptions;
use crate::admission::decode::Cursor;
use crate::admission::engine::Engine;

mod references;

/// The engine's name.
pub(super) const ENGINE: &str = "Rego";

/// The modules of a template.
pub(super) struct Source<'a> {
    pub(super) version: Version,
    pub(super) entry: Cursor<'a>,
    pub(super) libs: Vec<Cursor<'a>>,
}

/// The package that a template's own module is put in, whatever it calls itself.
pub(in crate::admission) const PACKAGE: &str = "template";

pub(super) fn compile(source: &Source<'_>, options: PolicyOptions) -> Result<Engine, Vec<Fault>> {
    let (modules, fields) = modules(source)?;
    Engine::rego(modules, fields.clone(), options).map_err(|errors| of_errors(&errors, &fields))
}

/// The modules, the template's own first, and the field that each stands in.
pub(super) fn modules(source: &Source<'_>) -> Result<(Vec<Module>, Vec<Pointer>), Vec<Fault>> {
    let mut modules = Vec::new();
    let mut fields: Vec<Pointer> = Vec::new();
    let mut faults = Vec::new();
    for (index, cursor) in std::iter::once(&source.entry).chain(&source.libs).enumerate() {
        let text = cursor.string()?;
        let file: Arc<str> = match index.checked_sub(1) {
            None => PACKAGE.into(),
            Some(lib) => format!("libs[\"lib_{lib}\"]").into(),
        };
        let module = u32::try_from(index).unwrap_or(u32::MAX);
        let options =
            ParseOptions { version: source.version, module, annotations: false, ..ParseOptions::default() };
        match parse_module(&file, &text, &options) {
            Ok(module) => modules.push(module),
            Err(errors) => faults.extend(of_errors(&errors, std::slice::from_ref(&cursor.at))),
        }
        fields.push(cursor.at.clone());
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    faults.extend(check(&modules, &fields));
    if !faults.is_empty() {
        return Err(faults);
    }
    if let Some(entry) = modules.first_mut() {
        entry.package = package(entry.package_span);
    }
    Ok((modules, fields))
}

/// The place of each error: in its module's field, and in the first where it stands in none.
fn of_errors(errors: &Errors, fields: &[Pointer]) -> Vec<Fault> {
    let field = |module: u32| {
        let index = usize::try_from(module).ok();
        index.and_then(|index| fields.get(index)).or_else(|| fields.first()).cloned().unwrap_or_default()
    };
    let fault = |error| {
        let fault = Fault::of_rego(error, field(error.span.module));
        let is_elsewhere =
            usize::try_from(error.span.module).is_ok_and(|module| module >= fields.len().max(1));
        if is_elsewhere {
            // The call of the template stands in no file.
            let message = format!(
                "{}: `violation` must hold objects with a `msg`, as in `violation[{{\"msg\": msg}}]`",
                fault.message
            );
            return Fault { inside: None, message, ..fault };
        }
        fault
    };
    let mut faults: Vec<Fault> = errors.0.iter().map(fault).collect();
    if let Some(first) = faults.first_mut() {
        first.upstream = Some(errors.to_string());
    }
    faults
}

fn package(span: Span) -> Ref {
    let term = |node| Term { node, span };
    vec![term(Node::Var("data".into())), term(Node::Value(PACKAGE.into()))]
}

/// What modules of a template must be beside sound Rego.
fn check(modules: &[Module], fields: &[Pointer]) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (index, (module, field)) in modules.iter().zip(fields).enumerate() {
        if index == 0 {
            faults.extend(check_entry(module, field));
        } else if !is_below(&module.package, "lib") {
            let path = references::shown(&module.package);
            let message =
                format!("invalid libs: path {path} not found in lib prefixes: a lib's package is `lib.NAME`");
            faults.push(Fault::inside(field.clone(), &module.package_span, message));
        }
        let imports = module.imports.iter().filter_map(|import| check_import(import, field));
        faults.extend(imports);
        faults.extend(references::check(module).into_iter().map(|(span, reference)| {
            let message = format!(
                "disallowed ref {reference}: a template sees nothing of `data` but `data.inventory` and its libs below `data.lib`"
            );
            Fault::inside(field.clone(), &span, message)
        }));
    }
    faults
}

fn check_entry(module: &Module, field: &Pointer) -> Option<Fault> {
    let is_violation = |name: &Ref| matches!(name.first().map(|term| &term.node), Some(Node::Var(name)) if *name == *"violation");
    if module.rules.iter().any(|rule| is_violation(&rule.head.reference)) {
        return None;
    }
    let message = "invalid module: missing required rules: [violation]";
    Some(Fault {
        upstream: Some(format!("invalid ConstraintTemplate: invalid rego: {message}")),
        ..Fault::inside(field.clone(), &module.package_span, message)
    })
}

fn check_import(import: &Import, field: &Pointer) -> Option<Fault> {
    let path: &[Term] = match &import.path.node {
        Node::Ref(path) => path,
        _ => std::slice::from_ref(&import.path),
    };
    let root = match path.first().map(|term| &term.node) {
        Some(Node::Var(name)) => name.to_text(),
        _ => return None,
    };
    let message = match &*root {
        "future" => return None,
        "data" if is_lib(path) => return None,
        "input" => "cannot import input".to_owned(),
        _ => format!(
            "bad import: {:?}: only libs below `data.lib` and `future.keywords` can be imported",
            references::shown(path)
        ),
    };
    let upstream = format!("invalid ConstraintTemplate: invalid import: {message}");
    Some(Fault {
        upstream: Some(upstream),
        ..Fault::inside(field.clone(), &import.span, format!("invalid import: {message}"))
    })
}

/// Whether a path starts with `data.lib`.
fn is_lib(path: &[Term]) -> bool {
    references::has_prefix(path, "lib")
}

/// Whether a package lies truly below `data.NAME`.
fn is_below(package: &[Term], name: &str) -> bool {
    package.len() > 2 && references::has_prefix(package, name)
}

/// The text of a key in a path.
fn key(term: &Term) -> Option<&str> {
    match &term.node {
        Node::Value(value @ Value::String(_)) => value.as_str(),
        _ => None,
    }
}
