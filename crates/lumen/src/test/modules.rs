//! Runs the `test_` rules of Rego modules, as `opa test` does: all modules below one PATH are compiled together.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use lumen_rego::ast::{Module, Node, Rule, Term, Version};
use lumen_rego::builtin::{Answer, Budget, Capabilities, Failure, OUTSIDE};
use lumen_rego::error::{Errors, Span};
use lumen_rego::eval::{Coverage as RowCoverage, Data, Host, Inputs, Moment, Observer, Scratch};
use lumen_rego::plan::{Expression, Operand};
use lumen_rego::program::{CompileOptions, Program};
use lumen_rego::syntax::{ParseOptions, parse_module};
use lumen_value::{Object, Value};

use super::explain::Explainer;
use super::kinds::Choice;
use super::report::{Case, Ending, Position, Ran, Suite};
use crate::parallel;

/// What one test, or one query of the command line, may spend: steps, and bytes of the values that it makes.
pub const BUDGET: (u64, u64) = (200_000_000, 1 << 30);

/// What is said of a rule such as `test_a[name]`.
const CASES: &str = "the cases of a rule such as `test_a[name]` are not run one by one: write a rule for each, or one with `every`";

/// A module's file.
#[derive(Clone, Debug)]
pub struct Text {
    /// Its name.
    pub file: Arc<str>,
    /// Its text.
    pub text: String,
}

/// Runs all tests of the modules below one path.
pub fn run(texts: &[Text], data: &Value, choice: &Choice<'_>) -> Ran {
    let mut ran = Ran::default();
    let mut modules = Vec::new();
    for (text, number) in texts.iter().zip(0..) {
        match read(text, number) {
            Ok(module) => modules.push(module),
            Err(errors) => ran.suites.extend(broken(&text.file, &errors).suites),
        }
    }
    if !ran.suites.is_empty() {
        return ran;
    }
    number_tests(&mut modules);
    let compile = |observed| {
        let options = CompileOptions {
            keeps_print: true,
            annotations: true,
            observed,
            base: data.clone(),
            capabilities: for_tests(),
            ..CompileOptions::default()
        };
        Program::of_modules(modules.clone(), &options)
    };
    let program = match compile(choice.coverage) {
        Ok(program) => program,
        Err(errors) => {
            let file = errors.0.first().map_or_else(|| Arc::from(""), |error| error.file.clone());
            return broken(&file, &errors);
        }
    };
    let observed = OnceLock::new();
    let runner = Runner {
        texts,
        program: &program,
        observed: &|| observed.get_or_init(|| compile(true).ok()).as_ref(),
        data: &Data::new(data.clone()),
        choice,
    };
    let mut coverage = RowCoverage::default();
    for (result, module) in parallel::map(&modules, |module| runner.module(module)).into_iter().zip(&modules)
    {
        let Some((cases, covered)) = result else {
            let message = "this is a bug in lumen: running the tests of this module failed".to_owned();
            ran.suites.extend(Ran::broken(&module.file, "", message, None).suites);
            continue;
        };
        coverage.merge(&covered);
        if !cases.is_empty() {
            ran.suites.push(Suite { file: module.file.clone(), cases, remarks: Vec::new() });
        }
    }
    if choice.coverage {
        let mut rows = coverage.rows(program.plan());
        for (module, number) in modules.iter().zip(0..) {
            if tests(module).is_empty() {
                ran.coverage.add(&module.file, rows.remove(&number).unwrap_or_default());
            }
        }
    }
    ran
}

/// What tests may name: also what leaves the process, since tests put something else in its place. Nothing answers a call of it itself.
fn for_tests() -> Capabilities {
    Capabilities { allowed: OUTSIDE.iter().copied().collect(), ..Capabilities::default() }
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

fn broken(file: &Arc<str>, errors: &Errors) -> Ran {
    let at = errors.0.first().filter(|error| error.span.row > 0).map(|error| position(error.span));
    Ran::broken(file, "", errors.to_string(), at)
}

fn position(span: Span) -> Position {
    Position { line: span.row as usize, column: span.column.max(1) as usize }
}

/// A rule that is a test.
struct Test<'a> {
    /// Its path below its package: up to the key that makes it a test.
    path: Vec<String>,
    /// More keys follow: each names a case.
    has_cases: bool,
    rule: &'a Rule,
}

impl Test<'_> {
    fn is_to_be_done(&self) -> bool {
        self.path.last().is_some_and(|name| name.starts_with("todo_"))
    }
}

/// The path of a rule up to the key that makes it a test; none for other rules.
fn test_path(rule: &Rule) -> Option<Vec<String>> {
    if rule.default || rule.head.arguments.is_some() {
        return None;
    }
    let mut path = Vec::new();
    for term in &rule.head.reference {
        let name = match &term.node {
            Node::Var(name) if path.is_empty() => name.to_text(),
            Node::Value(Value::String(key)) if !path.is_empty() => key.to_text(),
            _ => return None,
        };
        path.push(name.into_owned());
        if path.last().is_some_and(|name| name.starts_with("test_") || name.starts_with("todo_test_")) {
            return Some(path);
        }
    }
    None
}

/// A module's tests, those to be done as well, in the order of the text.
fn tests(module: &Module) -> Vec<Test<'_>> {
    let test = |rule| {
        let path = test_path(rule)?;
        Some(Test { has_cases: rule.head.reference.len() > path.len(), path, rule })
    };
    module.rules.iter().filter_map(test).collect()
}

/// Gives each test a name of its own, `test_a#01` and so on, as OPA does: of rules with one name, each has to hold.
fn number_tests(modules: &mut [Module]) {
    let mut counts: BTreeMap<(Vec<String>, Vec<String>), usize> = BTreeMap::new();
    for module in modules {
        let package = package(module);
        for rule in &mut module.rules {
            let Some(path) = test_path(rule) else { continue };
            let count = counts.entry((package.clone(), path.clone())).or_default();
            if *count > 0 {
                rename(rule, &path, *count);
            }
            *count += 1;
        }
    }
}

fn rename(rule: &mut Rule, path: &[String], number: usize) {
    let (Some(name), Some(last)) = (path.last(), path.len().checked_sub(1)) else { return };
    let name = format!("{name}#{number:02}");
    let branches = rule.otherwise.iter_mut().map(|branch| &mut branch.head);
    for head in [&mut rule.head].into_iter().chain(branches) {
        match head.reference.get_mut(last).map(|term| &mut term.node) {
            Some(Node::Var(known)) => *known = name.as_str().into(),
            Some(node) => *node = Node::Value(name.as_str().into()),
            None => {}
        }
    }
}

fn package(module: &Module) -> Vec<String> {
    let key = |term: &Term| match &term.node {
        Node::Value(Value::String(key)) => Some(key.to_text().into_owned()),
        _ => None,
    };
    module.package.iter().skip(1).filter_map(key).collect()
}

/// What the tests of all modules share.
struct Runner<'a> {
    texts: &'a [Text],
    program: &'a Program,
    /// The same program, made to be watched: only where a test fails.
    observed: &'a (dyn Fn() -> Option<&'a Program> + Sync),
    data: &'a Data,
    choice: &'a Choice<'a>,
}

impl Runner<'_> {
    fn module(&self, module: &Module) -> (Vec<Case>, RowCoverage) {
        let package = package(module);
        let mut scratch = Scratch::default();
        let mut watcher = Watcher { covers: self.choice.coverage, ..Watcher::default() };
        let mut cases = Vec::new();
        for test in tests(module) {
            let path: Vec<&str> = package.iter().chain(&test.path).map(String::as_str).collect();
            let mut case = Case { name: format!("data.{}", path.join(".")), ..Case::ended(Ending::Skip) };
            case.at = Some(position(test.rule.span));
            if !test.is_to_be_done() && self.choice.filter.takes("", &case.name) {
                (case.ending, case.message) = if test.has_cases {
                    (Ending::Error, CASES.to_owned())
                } else {
                    self.run_test(&path, &mut watcher, &mut scratch)
                };
                case.printed = std::mem::take(&mut watcher.printed);
                if case.ending == Ending::Pass {
                    case.printed.clear();
                }
                if case.ending == Ending::Fail
                    && let Some(why) = self.why(&path, test.rule)
                {
                    case.message = format!("{}\n{why}", case.message);
                }
            }
            cases.push(case);
        }
        (cases, watcher.coverage)
    }

    /// What of a test that failed did not hold: it is run again, and watched.
    fn why(&self, path: &[&str], rule: &Rule) -> Option<String> {
        let program = (self.observed)()?;
        let mut explainer = Explainer::of([rule].into_iter());
        let inputs = Inputs {
            observer: Some(&mut explainer),
            host: Some(&mut Nobody),
            time_ns: self.choice.reading.settings.time_ns(),
            ..Inputs::new(self.data, Budget::new(BUDGET.0, BUDGET.1))
        };
        let entry = program.entry(path).ok()?;
        program.evaluate(&entry, inputs, &mut Scratch::default()).ok()?;
        Some(explainer.text(self.texts, program.checked())).filter(|text| !text.is_empty())
    }

    fn run_test(&self, path: &[&str], watcher: &mut Watcher, scratch: &mut Scratch) -> (Ending, String) {
        let entry = match self.program.entry(path) {
            Ok(entry) => entry,
            Err(errors) => return (Ending::Error, errors.to_string()),
        };
        let inputs = Inputs {
            observer: Some(watcher),
            host: Some(&mut Nobody),
            time_ns: self.choice.reading.settings.time_ns(),
            ..Inputs::new(self.data, Budget::new(BUDGET.0, BUDGET.1))
        };
        match self.program.evaluate(&entry, inputs, scratch) {
            Err(error) => (Ending::Error, error.to_string()),
            Ok(outcome) => match outcome.value() {
                None => (Ending::Fail, "it is undefined".to_owned()),
                Some(Value::Bool(true)) => (Ending::Pass, String::new()),
                Some(Value::Bool(false)) => (Ending::Fail, "it is false".to_owned()),
                Some(value) => (Ending::Fail, format!("it is a value of type {}, not `true`", value.kind())),
            },
        }
    }
}

/// Answers nothing: a test that means to leave the process fails, and says why.
struct Nobody;

impl Host for Nobody {
    fn call(&mut self, name: &str, _: &[Value]) -> Answer {
        let message =
            format!("a test does not leave the process: put something in its place (`with {name} as ..`)");
        Err(Failure::Halt(message))
    }
}

/// Takes down what is printed and which rows are evaluated.
#[derive(Default)]
struct Watcher {
    printed: Vec<String>,
    covers: bool,
    coverage: RowCoverage,
}

impl Observer for Watcher {
    fn expression(
        &mut self,
        expression: &Expression,
        moment: Moment,
        read: &dyn Fn(Operand) -> Option<Value>,
    ) {
        if self.covers {
            self.coverage.expression(expression, moment, read);
        }
    }

    fn print(&mut self, _: Span, text: &str) {
        self.printed.push(text.to_owned());
    }
}

/// A base document: the file that it comes from, where it stands below `data`, and itself.
#[derive(Clone, Debug)]
pub struct Base {
    /// The file's name.
    pub file: Arc<str>,
    /// The keys below `data`, as the file's folder has them in a bundle.
    pub place: Vec<String>,
    /// What it holds: an object.
    pub document: Value,
}

/// The base documents together. That two of them have the same path, or that one is no object, is an error, as it is to `opa eval`.
pub fn base_documents(files: &[Base]) -> Result<Value, String> {
    let mut root = Value::Object(Object::default());
    for base in files {
        if !matches!(base.document, Value::Object(_)) {
            return Err(format!("`{}`: a base document has to be an object", base.file));
        }
        let nested = base.place.iter().rev().fold(base.document.clone(), |inner, key| {
            Value::Object(Object::default().with(key.as_str(), inner))
        });
        let mut path = vec!["data".to_owned()];
        root = merged(&root, &nested, &mut path).ok_or_else(|| {
            format!("`{}`: there is a base document at `{}` already", base.file, path.join("."))
        })?;
    }
    Ok(root)
}

/// Both documents; none where they have a path in common, which `path` is then.
fn merged(a: &Value, b: &Value, path: &mut Vec<String>) -> Option<Value> {
    let (Value::Object(left), Value::Object(right)) = (a, b) else { return None };
    let mut both: Vec<(Value, Value)> = Vec::with_capacity(left.len() + right.len());
    both.extend(
        left.iter()
            .filter(|(key, _)| right.get_value(key).is_none())
            .map(|(key, value)| (key.clone(), value.clone())),
    );
    for (key, value) in right.iter() {
        let value = match left.get_value(key) {
            Some(known) => {
                path.push(key.as_str().unwrap_or_default().to_owned());
                let merged = merged(known, value, path)?;
                path.pop();
                merged
            }
            None => value.clone(),
        };
        both.push((key.clone(), value));
    }
    Some(Value::Object(both.into_iter().collect()))
}

/// The folders between a path and a file below it.
pub fn place_below(root: &Path, file: &Path) -> Vec<String> {
    let below = file.strip_prefix(root).unwrap_or(file);
    let folders = below.parent().into_iter().flat_map(Path::components);
    folders.map(|part| part.as_os_str().to_string_lossy().into_owned()).collect()
}
