//! Runs the `test_` rules of Rego modules, as `opa test` does: all modules below one PATH are compiled together.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use lumen_rego::ast::walk::{Part, walk_rule};
use lumen_rego::ast::{Module, Node, Version};
use lumen_rego::builtin::Budget;
use lumen_rego::error::{Errors, Span};
use lumen_rego::eval::{Data, Inputs, Moment, Observer, Scratch};
use lumen_rego::plan::{Expression, Operand};
use lumen_rego::program::{CompileOptions, Program};
use lumen_rego::syntax::{ParseOptions, parse_module};
use lumen_value::Value;

use super::filter::Filter;
use super::report::{Case, Coverage, Ending, Suite};

/// What one test may spend: steps, and bytes of the values that it makes.
const BUDGET: (u64, u64) = (200_000_000, 1 << 30);

/// A module's file.
#[derive(Clone, Debug)]
pub struct Text {
    /// Its name.
    pub file: Arc<str>,
    /// Its text.
    pub text: String,
}

/// What modules that were compiled together came to.
#[derive(Debug, Default)]
pub struct Ran {
    /// A suite for each file with tests.
    pub suites: Vec<Suite>,
    /// Which lines were evaluated, of the modules without tests.
    pub coverage: Vec<Coverage>,
}

/// Runs all tests of the modules below one path.
pub fn run(texts: &[Text], data: Value, filter: &Filter, covers: bool) -> Ran {
    let mut ran = Ran::default();
    let mut modules = Vec::new();
    for (text, number) in texts.iter().zip(0..) {
        match read(text, number) {
            Ok(module) => modules.push(module),
            Err(errors) => ran.suites.push(broken(&text.file, &errors)),
        }
    }
    if !ran.suites.is_empty() {
        return ran;
    }
    let options = CompileOptions {
        keeps_print: true,
        annotations: true,
        observed: covers,
        ..CompileOptions::default()
    };
    let program = match Program::of_modules(modules.clone(), &options) {
        Ok(program) => program,
        Err(errors) => {
            let file = errors.0.first().map_or_else(|| Arc::from(""), |error| error.file.clone());
            ran.suites.push(broken(&file, &errors));
            return ran;
        }
    };
    let data = Data::new(data);
    let mut watcher = Watcher::default();
    for module in &modules {
        let cases = of_module(module, &program, &data, filter, &mut watcher);
        if !cases.is_empty() {
            ran.suites.push(Suite { file: module.file.clone(), cases, remarks: Vec::new() });
        }
    }
    if covers {
        let without_tests = modules.iter().filter(|module| tests(module).is_empty());
        ran.coverage = without_tests.map(|module| coverage(module, &watcher.seen)).collect();
    }
    ran
}

/// Reads a module as v1, or else as v0: what was written before OPA 1.0 runs unchanged.
pub fn read(text: &Text, number: u32) -> Result<Module, Errors> {
    let options =
        |version| ParseOptions { version, module: number, annotations: true, ..ParseOptions::default() };
    parse_module(&text.file, &text.text, &options(Version::V1)).or_else(|as_v1| {
        // The errors of the language of today say more.
        parse_module(&text.file, &text.text, &options(Version::V0)).map_err(|_| as_v1)
    })
}

fn broken(file: &Arc<str>, errors: &Errors) -> Suite {
    let case = Case {
        test: String::new(),
        name: String::new(),
        ending: Ending::Error,
        message: errors.to_string(),
        printed: Vec::new(),
    };
    Suite { file: file.clone(), cases: vec![case], remarks: Vec::new() }
}

/// The names of a module's tests, those to be done as well, in the order of the text.
fn tests(module: &Module) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let name = |rule: &lumen_rego::ast::Rule| match rule.head.reference.as_slice() {
        [first] if rule.head.arguments.is_none() => match &first.node {
            Node::Var(name) => Some(name.to_text().into_owned()),
            _ => None,
        },
        _ => None,
    };
    let names = module.rules.iter().filter_map(name);
    let is_test = |name: &String| name.starts_with("test_") || name.starts_with("todo_test_");
    names.filter(is_test).filter(|name| seen.insert(name.clone())).collect()
}

fn of_module(
    module: &Module,
    program: &Program,
    data: &Data,
    filter: &Filter,
    watcher: &mut Watcher,
) -> Vec<Case> {
    let package: Vec<String> = module
        .package
        .iter()
        .skip(1)
        .filter_map(|term| match &term.node {
            Node::Value(Value::String(key)) => Some(key.to_text().into_owned()),
            _ => None,
        })
        .collect();
    let mut scratch = Scratch::default();
    let mut cases = Vec::new();
    for name in tests(module) {
        let mut case = Case {
            test: String::new(),
            name: format!("data.{}.{name}", package.join(".")),
            ending: Ending::Skip,
            message: String::new(),
            printed: Vec::new(),
        };
        if !name.starts_with("todo_") && filter.takes("", &case.name) {
            let path: Vec<&str> = package.iter().map(String::as_str).chain([name.as_str()]).collect();
            (case.ending, case.message) = run_test(program, &path, data, watcher, &mut scratch);
            case.printed = std::mem::take(&mut watcher.printed);
            if case.ending == Ending::Pass {
                case.printed.clear();
            }
        }
        cases.push(case);
    }
    cases
}

fn run_test(
    program: &Program,
    path: &[&str],
    data: &Data,
    watcher: &mut Watcher,
    scratch: &mut Scratch,
) -> (Ending, String) {
    let entry = match program.entry(path) {
        Ok(entry) => entry,
        Err(errors) => return (Ending::Error, errors.to_string()),
    };
    let inputs = Inputs { observer: Some(watcher), ..Inputs::new(data, Budget::new(BUDGET.0, BUDGET.1)) };
    match program.evaluate(&entry, inputs, scratch) {
        Err(error) => (Ending::Error, error.to_string()),
        Ok(outcome) => match outcome.value() {
            None => (Ending::Fail, "it is undefined: some expression does not hold".to_owned()),
            Some(Value::Bool(false)) => (Ending::Fail, "it is false".to_owned()),
            Some(_) => (Ending::Pass, String::new()),
        },
    }
}

/// Takes down what is printed and which rows are evaluated.
#[derive(Default)]
struct Watcher {
    printed: Vec<String>,
    seen: BTreeMap<u32, BTreeSet<u32>>,
}

impl Observer for Watcher {
    fn expression(&mut self, expression: &Expression, moment: Moment, _: &dyn Fn(Operand) -> Option<Value>) {
        if moment == Moment::Start {
            self.seen.entry(expression.span.module).or_default().insert(expression.span.row);
        }
    }

    fn print(&mut self, _: Span, text: &str) {
        self.printed.push(text.to_owned());
    }
}

fn coverage(module: &Module, seen: &BTreeMap<u32, BTreeSet<u32>>) -> Coverage {
    let mut rows = BTreeSet::new();
    for rule in &module.rules {
        walk_rule(rule, &mut |part| {
            if let Part::Expr(expr) = part
                && expr.span.row > 0
            {
                rows.insert(expr.span.row);
            }
            true
        });
    }
    let none = BTreeSet::new();
    let number = module.package_span.module;
    let seen = seen.get(&number).unwrap_or(&none);
    let (covered, missed) = rows.into_iter().partition(|row| seen.contains(row));
    Coverage { file: module.file.clone(), covered, missed }
}

/// The base documents below a path: `data.json` and `data.yaml`, each at the place that its folder has, as in a bundle.
pub fn base_documents(files: &[(Vec<String>, Value)]) -> Value {
    let mut root = Value::Object(lumen_value::Object::default());
    for (place, document) in files {
        let nested = place.iter().rev().fold(document.clone(), |inner, key| {
            Value::Object(lumen_value::Object::default().with(key.as_str(), inner))
        });
        root = merged(&root, &nested);
    }
    root
}

fn merged(a: &Value, b: &Value) -> Value {
    match (a, b) {
        (Value::Object(left), Value::Object(right)) => {
            let mut both = left.clone();
            for (key, value) in right.iter() {
                let value = match left.get_value(key) {
                    Some(known) => merged(known, value),
                    None => value.clone(),
                };
                both = both.with(key.clone(), value);
            }
            Value::Object(both)
        }
        (_, other) => other.clone(),
    }
}

/// The folders between a path and a file below it.
pub fn place_below(root: &Path, file: &Path) -> Vec<String> {
    let below = file.strip_prefix(root).unwrap_or(file);
    let folders = below.parent().into_iter().flat_map(Path::components);
    folders.map(|part| part.as_os_str().to_string_lossy().into_owned()).collect()
}
