//! [`Template`]: a `ConstraintTemplate`, checked as Gatekeeper checks it and compiled
//! (frameworks/constraint `pkg/client/client.go`, `AddTemplate`).

use std::sync::Arc;

use lumen_rego::ast::Version;
use lumen_value::{Object, Pointer, Value, pointer};

use super::PolicyOptions;
use super::decode::Cursor;
use super::engine::Engine;
use super::fault::Fault;
use super::schema::{
    PARAMETERS_PATH, Schema, SchemaError, constraint_document, document_preserving_unknown, schema_path,
};
use super::trace::{Lazy, Traced};
use crate::finding::{Severity, UnknownWord};
use crate::object::{annotations, field, label, version_of};
use crate::snapshot::Entry;

mod cel;
mod rego;

pub(super) use rego::PACKAGE;

/// The API group of templates.
pub const GROUP: &str = "templates.gatekeeper.sh";

/// The one target that Gatekeeper knows.
const TARGET: &str = "admission.k8s.gatekeeper.sh";

/// The annotation that says how bad a violation is: one of the [`Severity`] words.
pub const SEVERITY_ANNOTATION: &str = "policy.lumensec.io/severity";

/// The annotation that says how a violation is mended, in a sentence.
pub const FIX_ANNOTATION: &str = "policy.lumensec.io/fix";

/// A template that can be used.
#[derive(Clone, Debug)]
pub struct Template {
    /// The manifest.
    pub(super) entry: Arc<Entry>,
    /// The kind of its constraints.
    pub(super) kind: Arc<str>,
    /// What a constraint must be.
    pub(super) schema: Schema,
    /// What finds violations.
    pub(super) engine: Engine,
    /// The operations that it is for; all where it names none.
    operations: Vec<String>,
    /// How bad a violation is.
    pub(super) severity: Option<Severity>,
    /// What is wrong with it and yet does not keep Gatekeeper from taking it.
    pub(super) warnings: Vec<Fault>,
    /// Its Rego for who asks why.
    traced: Lazy,
}

/// One of the `code` entries, or `rego` with `libs`.
struct Code<'a> {
    engine: String,
    at: Pointer,
    source: Option<&'a Value>,
}

/// Whether an object is a template, in any version.
pub fn is_template(entry: &Entry) -> bool {
    entry.object.group() == GROUP && &*entry.object.kind == "ConstraintTemplate"
}

impl Template {
    /// Compiles a template; what is wrong with it, where it cannot be used.
    pub(super) fn compile(entry: &Arc<Entry>, options: PolicyOptions) -> Result<Self, Vec<Fault>> {
        let version = version_of(&entry.object.api_version);
        if !["v1", "v1beta1", "v1alpha1"].contains(&version) {
            let message = format!("there is no version `{version}` of ConstraintTemplates: write `v1`");
            return Err(vec![Fault::new(pointer!["apiVersion"], message)]);
        }
        let spec = Cursor::root(&entry.value).inner("spec")?;
        let targets = spec.list("targets")?;
        let [target] = targets.as_slice() else {
            return Err(vec![invalid(pointer!["spec", "targets"], "must declare exactly one target")]);
        };
        let names = spec.inner("crd")?.inner("spec")?.inner("names")?;
        let kind = names.text("kind")?;
        check_names(entry, target, &kind, &names)?;
        let schema = parameters(&spec, version)?;
        let operations = target.texts("operations")?;
        let severity = severity(entry)?;
        // The webhook makes sure of names and schema alone: broken code is taken, and enforces nothing.
        let compiled = code(target).and_then(|code| compile_code(target, &code, options));
        let (engine, warnings) =
            compiled.map_err(|faults| faults.into_iter().map(Fault::taken).collect::<Vec<_>>())?;
        Ok(Self {
            entry: entry.clone(),
            kind: kind.as_str().into(),
            schema: Schema::of_constraint(schema),
            engine,
            operations,
            severity,
            warnings,
            traced: Lazy::default(),
        })
    }

    /// The manifest.
    pub const fn entry(&self) -> &Arc<Entry> {
        &self.entry
    }

    /// The kind of its constraints.
    pub const fn kind(&self) -> &Arc<str> {
        &self.kind
    }

    /// Whether its code is CEL.
    pub const fn is_in_cel(&self) -> bool {
        matches!(self.engine, Engine::Cel(_))
    }

    /// The schema of its constraints as a document, for the definition of their kind (frameworks/constraint
    /// `pkg/client/crds/schema.go`).
    pub fn constraint_document(&self) -> Value {
        let validation = field(&self.entry.value, &["spec", "crd", "spec", "validation"]);
        let given = validation.get("openAPIV3Schema").filter(|given| !given.is_null());
        let says = validation.get("legacySchema").and_then(Value::as_bool);
        let is_legacy = says.unwrap_or(version_of(&self.entry.object.api_version) != "v1");
        let empty = Object::default().into();
        let parameters = if is_legacy {
            Some(document_preserving_unknown(given.unwrap_or(&empty)))
        } else {
            given.cloned()
        };
        constraint_document(parameters.as_ref())
    }

    /// Its program as it is watched; `None` where its code is no Rego.
    pub(super) fn traced(&self) -> Option<&Traced> {
        let code = || {
            let targets = Cursor::root(&self.entry.value).inner("spec").ok()?.list("targets").ok()?;
            let target = targets.first()?;
            let code = code(target).ok().filter(|code| code.engine == rego::ENGINE)?;
            rego::modules(&rego_source(target, &code, &source(target, &code).ok()?).ok()?).ok()
        };
        self.traced.get(code)
    }

    /// Whether it is for an operation, such as `CREATE`.
    pub(super) fn is_for(&self, operation: &str) -> bool {
        self.operations.is_empty() || self.names(operation)
    }

    /// Whether it says that it is for an operation.
    pub(super) fn names(&self, operation: &str) -> bool {
        self.operations.iter().any(|each| each == "*" || each == operation)
    }
}

/// How bad a violation is, where a template's or constraint's annotation says.
pub(super) fn severity(entry: &Entry) -> Result<Option<Severity>, Vec<Fault>> {
    let word = label(annotations(&entry.value), SEVERITY_ANNOTATION);
    word.map(str::parse).transpose().map_err(|error: UnknownWord| {
        vec![Fault::new(pointer!["metadata", "annotations", SEVERITY_ANNOTATION], error.to_string())]
    })
}

/// How to mend a violation, where a template's or constraint's annotation says.
pub(super) fn fix(entry: &Entry) -> Option<&str> {
    label(annotations(&entry.value), FIX_ANNOTATION).map(str::trim).filter(|fix| !fix.is_empty())
}

/// What Gatekeeper says of a template in front of everything else.
fn invalid(at: Pointer, message: &str) -> Fault {
    Fault { upstream: Some(format!("invalid ConstraintTemplate: {message}")), ..Fault::new(at, message) }
}

/// What names and target must be.
fn check_names(entry: &Entry, target: &Cursor<'_>, kind: &str, names: &Cursor<'_>) -> Result<(), Vec<Fault>> {
    let kind_at = pointer!["spec", "crd", "spec", "names", "kind"];
    let name: &str = &entry.object.name;
    let target_name = target.text("target")?;
    let (at, message) = if target_name.is_empty() {
        (target.at.child("target"), "target name must not be empty".to_owned())
    } else if kind.is_empty() {
        (kind_at, format!("ConstraintTemplate {name:?} does not specify CRD Kind"))
    } else if !name.eq_ignore_ascii_case(kind) {
        let lower = kind.to_lowercase();
        let message = format!(
            "the ConstraintTemplate's name {name:?} is not equal to the lowercase of CRD's Kind: {lower:?}"
        );
        (pointer!["metadata", "name"], message)
    } else if target_name != TARGET {
        let message = format!("target {target_name:?} not recognized, known targets [{TARGET}]");
        (target.at.child("target"), message)
    } else if !is_dns_label(&kind.to_lowercase()) {
        let message = format!(
            "{kind:?} is no kind: lowercase, it must be a DNS label that starts with a letter, of at most 63 characters"
        );
        (kind_at, message)
    } else {
        for short in names.list("shortNames")? {
            let text = short.string()?;
            if !is_dns_label(&text) {
                let message = format!("{text:?} is no short name: it must be a DNS label");
                return Err(vec![invalid(short.at, &message)]);
            }
        }
        return Ok(());
    };
    Err(vec![invalid(at, &message)])
}

/// RFC 1035: lower case letters, digits and dashes; a letter first, and no dash last.
fn is_dns_label(text: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    text.len() <= 63
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.bytes().all(inner)
        && !text.ends_with('-')
}

/// The schema of the parameters. Before v1 whatever it does not name is allowed, unless the template says otherwise.
fn parameters(spec: &Cursor<'_>, version: &str) -> Result<Option<Schema>, Vec<Fault>> {
    let validation = spec.inner("crd")?.inner("spec")?.inner("validation")?;
    let is_legacy = validation.flag("legacySchema")?.unwrap_or(version != "v1");
    let given = validation.field("openAPIV3Schema")?;
    let at = pointer!["spec", "crd", "spec", "validation", "openAPIV3Schema"];
    let schema = given.map(|given| Schema::decode(given.value)).transpose().map_err(|error| {
        let inner = match &error {
            SchemaError::Type(error) => error.at.clone(),
            SchemaError::TooDeep => Pointer::ROOT,
        };
        vec![Fault::new(at.join(&inner), error.to_string())]
    })?;
    let schema = match (schema, is_legacy) {
        (schema, true) => Some(schema.unwrap_or_default().preserving_unknown()),
        (schema, false) => schema,
    };
    let faults = schema.as_ref().map(Schema::check).unwrap_or_default();
    if faults.is_empty() {
        return Ok(schema);
    }
    let fault = |fault: super::schema::Fault| {
        let path = schema_path(&fault.at);
        let upstream = format!("invalid ConstraintTemplate: {PARAMETERS_PATH}{path}: {}", fault.message);
        let message = format!("`openAPIV3Schema{path}`: {}", fault.message);
        Fault { upstream: Some(upstream), ..Fault::new(at.join(&fault.at), message) }
    };
    Err(faults.into_iter().map(fault).collect())
}

/// The code that counts: CEL before Rego, and `rego` before a `code` entry of the same engine.
fn code<'a>(target: &Cursor<'a>) -> Result<Code<'a>, Vec<Fault>> {
    let mut codes = Vec::new();
    for entry in target.list("code")? {
        let source = entry.field("source")?;
        let at = source.as_ref().map_or_else(|| entry.at.child("source"), |source| source.at.clone());
        codes.push(Code { engine: entry.text("engine")?, at, source: source.map(|source| source.value) });
    }
    let cel = codes.iter().position(|code| code.engine == cel::ENGINE);
    if cel.is_none() && !target.text("rego")?.is_empty() {
        return Ok(Code { engine: rego::ENGINE.into(), at: target.at.clone(), source: Some(target.value) });
    }
    let found = cel.or_else(|| codes.iter().position(|code| code.engine == rego::ENGINE));
    let message = "there is no code for an engine that is known: give `rego`, or a `code` entry with the engine `Rego` or `K8sNativeValidation`";
    found.map(|index| codes.swap_remove(index)).ok_or_else(|| vec![Fault::new(target.at.clone(), message)])
}

/// Compiles the code; with what is wrong with it and yet does not keep Gatekeeper from taking it.
fn compile_code(
    target: &Cursor<'_>,
    code: &Code<'_>,
    options: PolicyOptions,
) -> Result<(Engine, Vec<Fault>), Vec<Fault>> {
    let source = source(target, code)?;
    if code.engine == cel::ENGINE {
        return cel::compile(&source);
    }
    Ok((rego::compile(&rego_source(target, code, &source)?, options)?, Vec::new()))
}

fn source<'a>(target: &Cursor<'a>, code: &Code<'a>) -> Result<Cursor<'a>, Vec<Fault>> {
    match code.source {
        Some(value @ Value::Object(_)) => Ok(Cursor { value, at: code.at.clone(), names: target.names }),
        _ => Err(vec![Fault::new(code.at.clone(), "the source must be an object")]),
    }
}

fn rego_source<'a>(
    target: &Cursor<'_>,
    code: &Code<'_>,
    source: &Cursor<'a>,
) -> Result<rego::Source<'a>, Vec<Fault>> {
    let is_plain = code.at == target.at;
    let version = if is_plain { String::new() } else { source.text("version")? };
    let version = if version == "v1" { Version::V1 } else { Version::V0 };
    let libs = source.list("libs")?;
    Ok(rego::Source { version, entry: source.part("rego")?, libs })
}
