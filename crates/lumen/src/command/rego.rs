//! `lumen rego`.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, anyhow, bail};
use lumen_rego::ast::{Module, Version};
use lumen_rego::builtin::Budget;
use lumen_rego::check::Checked;
use lumen_rego::error::{Errors, Span};
use lumen_rego::eval::json;
use lumen_rego::eval::{Data, EvalError, Inputs, Moment, Observer, Scratch, show};
use lumen_rego::plan::{Expression, Operand};
use lumen_rego::program::{CompileOptions, Program};
use lumen_rego::syntax::{ParseOptions, parse_module};
use lumen_value::read::{Limits, read};
use lumen_value::span::LineIndex;
use lumen_value::{Str, Value};

use super::Context;
use crate::cli::{Rego, RegoAction, RegoEval, RegoFiles, RegoLanguage};
use crate::console;
use crate::exit::Exit;
use crate::output::escape::lines;
use crate::source;
use crate::test::modules::{self, Base, Text};

mod deps;
mod templates;
mod wording;

use wording::{described, told};

/// The variable that a query of one term is bound to.
const VALUE: &str = "lumen_value_of_query";
/// Largest input.
const INPUT_BYTES_MAX: u64 = 64 << 20;

pub(super) fn run(arguments: &Rego, context: &Context) -> Result<Exit> {
    match &arguments.action {
        RegoAction::Eval(eval) => self::eval(eval, context),
        RegoAction::Check(files) => check(files),
        RegoAction::Deps(files) => deps(files),
        RegoAction::ExplainPlan(files) => explain_plan(files),
    }
}

/// What files hold: modules, and base documents.
#[derive(Default)]
struct Loaded {
    texts: Vec<Text>,
    data: Vec<Base>,
    /// Files with `ConstraintTemplates`, where these are no data.
    templates: Vec<source::Input>,
}

impl Loaded {
    fn base(&self) -> Result<Value> {
        modules::base_documents(&self.data).map_err(|problem| anyhow!(problem))
    }
}

fn load(paths: &[OsString]) -> Result<Loaded> {
    load_with(paths, &policies(), |_| false)
}

fn policies() -> source::Options {
    source::Options { extensions: source::POLICIES, ..source::Options::default() }
}

/// The base documents in files and folders, together: JSON and YAML.
pub(super) fn base_documents(paths: &[OsString], options: &source::Options) -> Result<Value> {
    load_with(paths, options, |_| false)?.base()
}

fn load_with(
    paths: &[OsString],
    options: &source::Options,
    is_template: fn(&source::Input) -> bool,
) -> Result<Loaded> {
    let mut loaded = Loaded::default();
    for path in paths {
        let gathered = source::gather(std::slice::from_ref(path), options)?;
        if let Some(problem) = gathered.problems.first() {
            bail!("{}: {}", problem.name, problem.message);
        }
        for input in gathered.inputs {
            let file =
                gathered.paths.get(&input.name).cloned().unwrap_or_else(|| PathBuf::from(&*input.name));
            if file.extension().is_some_and(|extension| extension == "rego") {
                let text = String::from_utf8(input.bytes.to_vec())
                    .map_err(|_| anyhow!("`{}` is no UTF-8", input.name))?;
                loaded.texts.push(Text { file: input.name, text });
                continue;
            }
            if is_template(&input) {
                loaded.templates.push(input);
                continue;
            }
            let document = document(&input.name, &input.bytes)?;
            // As a bundle has it: a file that is named stands at the root, one in a folder where the folder says.
            let place = if Path::new(path).is_dir() {
                modules::place_below(Path::new(path), &file)
            } else {
                Vec::new()
            };
            loaded.data.push(Base { file: input.name, place, document });
        }
    }
    Ok(loaded)
}

fn document(name: &str, text: &[u8]) -> Result<Value> {
    let reading = read(text, &Limits::default());
    if let Some(error) = reading.errors.first() {
        let (line, column) = LineIndex::new(text).position(error.at);
        bail!("{name}:{line}:{column}: {}", error.message);
    }
    match reading.documents.len() {
        1 => Ok(reading.documents.into_iter().next().map(|document| document.value).unwrap_or_default()),
        count => bail!("`{name}` has {count} documents, one was expected"),
    }
}

fn parse(texts: &[Text], language: RegoLanguage) -> Result<Vec<Module>, Errors> {
    let mut modules = Vec::new();
    let mut errors = Vec::new();
    for (text, number) in texts.iter().zip(0..) {
        let with = |version| {
            let options =
                ParseOptions { version, module: number, annotations: true, ..ParseOptions::default() };
            parse_module(&text.file, &text.text, &options)
        };
        let module = match (language.v0, language.v1) {
            (true, _) => with(Version::V0),
            (_, true) => with(Version::V1),
            _ => modules::read(text, number),
        };
        match module {
            Ok(module) => modules.push(module),
            Err(Errors(found)) => errors.extend(found),
        }
    }
    if errors.is_empty() { Ok(modules) } else { Err(Errors(errors)) }
}

fn compile(texts: &[Text], language: RegoLanguage, options: &CompileOptions) -> Result<Program> {
    let program = parse(texts, language).and_then(|modules| Program::of_modules(modules, options));
    program.map_err(|errors| anyhow!("{}", described(&errors, texts)))
}

fn eval(arguments: &RegoEval, context: &Context) -> Result<Exit> {
    let loaded = load(&arguments.data)?;
    let base = loaded.base()?;
    let options = CompileOptions {
        keeps_print: true,
        annotations: true,
        observed: arguments.explain,
        base: base.clone(),
        ..CompileOptions::default()
    };
    let program = compile(&loaded.texts, arguments.language, &options)?;
    // A query that is one term is asked for its value; any other for what its variables are.
    let prefix = format!("{VALUE} := ");
    let asked = format!("{prefix}{}", arguments.query);
    let (query, asked, before) = if let Ok(query) = program.query(&asked) {
        (query, asked.as_str(), prefix.len())
    } else {
        let query = program.query(&arguments.query);
        let query = query.map_err(|errors| anyhow!("the query: {}", described(&errors, &[])))?;
        (query, arguments.query.as_str(), 0)
    };
    let data = Data::new(base);
    let mut watcher = Watcher {
        checked: program.checked(),
        texts: &loaded.texts,
        query: asked,
        before,
        said: Vec::new(),
        held: BTreeSet::new(),
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let inputs = Inputs {
        input: arguments.input.as_ref().map(input).transpose()?,
        time_ns: i64::try_from(now.as_nanos()).unwrap_or_default(),
        seed: now.as_secs() ^ u64::from(now.subsec_nanos()),
        strict_builtin_errors: arguments.strict_builtin_errors,
        observer: Some(&mut watcher),
        ..Inputs::new(&data, Budget::new(modules::BUDGET.0, modules::BUDGET.1))
    };
    let outcome = program.evaluate(&query, inputs, &mut Scratch::default());
    for line in &watcher.said {
        context.console.note(line);
    }
    let outcome = outcome.map_err(|error| match error {
        EvalError::Failed(error) => anyhow!("{}", told(&error, before)),
        pending @ EvalError::Pending(_) => anyhow!("{pending}"),
    })?;
    let mut text = String::new();
    for solution in &outcome.solutions {
        text.push_str(&shown(&outcome.names, solution));
        text.push('\n');
    }
    console::print(text.as_bytes())?;
    if outcome.solutions.is_empty() {
        context.console.note("the query is undefined: it has no solution");
    }
    Ok(Exit::Clean)
}

/// A solution as one line of JSON: its one value, or its variables.
fn shown(names: &[Str], values: &[Value]) -> String {
    match (names, values) {
        ([], [value]) => json::text(value),
        ([name], [value]) if name.is_empty() || name == VALUE => json::text(value),
        _ => {
            let named = names.iter().zip(values).filter(|(name, _)| !name.is_empty());
            let entries: Vec<String> = named
                .map(|(name, value)| {
                    format!("{}:{}", Value::String(name.clone()).to_json(), json::text(value))
                })
                .collect();
            if entries.is_empty() { "true".to_owned() } else { format!("{{{}}}", entries.join(",")) }
        }
    }
}

fn input(path: &OsString) -> Result<Value> {
    let name = path.to_string_lossy();
    let mut text = Vec::new();
    if name == "-" {
        std::io::stdin()
            .lock()
            .take(INPUT_BYTES_MAX)
            .read_to_end(&mut text)
            .context("cannot read standard input")?;
    } else {
        std::fs::File::open(path)
            .and_then(|file| file.take(INPUT_BYTES_MAX).read_to_end(&mut text))
            .map_err(|error| anyhow!("cannot read `{name}`: {}", source::unreadable(&error)))?;
    }
    document(&name, &text)
}

/// Takes down what is printed, and what becomes of expressions.
struct Watcher<'a> {
    checked: &'a Checked,
    texts: &'a [Text],
    query: &'a str,
    /// How many bytes of it nobody has written.
    before: usize,
    said: Vec<String>,
    /// The expressions that held, by where they are kept, since they were looked at.
    held: BTreeSet<usize>,
}

/// How many lines an explanation may have.
const SAID_MAX: usize = 10_000;

/// Longest value and expression that an explanation shows, in characters.
const SHOWN_MAX: usize = 120;

impl Watcher<'_> {
    fn place(&self, span: Span) -> String {
        match self.texts.get(span.module as usize) {
            Some(text) => format!("{}:{}:{}", text.file, span.row, span.column),
            None => "query".to_owned(),
        }
    }

    /// The text of an expression, on one line.
    fn source(&self, span: Span) -> String {
        if let Some(text) = self.texts.get(span.module as usize) {
            return show::source(&text.text, span, SHOWN_MAX);
        }
        let before = u32::try_from(self.before).unwrap_or(u32::MAX);
        show::source(self.query, Span { start: span.start.max(before), ..span }, SHOWN_MAX)
    }

    fn say(&mut self, text: String) {
        if self.said.len() < SAID_MAX {
            self.said.push(text);
        }
    }
}

impl Observer for Watcher<'_> {
    fn expression(
        &mut self,
        expression: &Expression,
        moment: Moment,
        read: &dyn Fn(Operand) -> Option<Value>,
    ) {
        let identity = std::ptr::from_ref(expression).addr();
        let what = match moment {
            Moment::Start => {
                self.held.remove(&identity);
                return;
            }
            Moment::Holds => {
                self.held.insert(identity);
                "holds"
            }
            // That it has no further solution tells nobody anything.
            Moment::Exhausted if self.held.contains(&identity) => return,
            Moment::Exhausted => "does not hold",
        };
        let source = self.source(expression.span);
        let mut values: Vec<String> = Vec::new();
        for (name, operand) in &expression.variables {
            let name = if name.to_text() == VALUE {
                Some(source.as_str().into())
            } else {
                show::name(self.checked, name, &source)
            };
            if let (Some(name), Some(value)) = (name, read(*operand)) {
                let said = format!("{name} = {}", show::value(&value, SHOWN_MAX));
                // A call and the variable that its value is given to are shown alike.
                if !values.contains(&said) {
                    values.push(said);
                }
            }
        }
        let with = if values.is_empty() { String::new() } else { format!(" with {}", values.join(", ")) };
        self.say(format!("{}: {source} {what}{with}", self.place(expression.span)));
    }

    fn print(&mut self, _: Span, text: &str) {
        self.say(format!("print: {}", lines(text)));
    }

    fn builtin_error(&mut self, error: &lumen_rego::error::Error) {
        self.say(format!("undefined: {}", told(error, self.before)));
    }
}

fn check(arguments: &RegoFiles) -> Result<Exit> {
    let loaded = load_with(&arguments.paths, &policies(), templates::may_be_in)?;
    let options = CompileOptions {
        strict: arguments.strict,
        keeps_print: true,
        annotations: true,
        base: loaded.base()?,
        ..CompileOptions::default()
    };
    let compiled =
        parse(&loaded.texts, arguments.language).and_then(|modules| Program::of_modules(modules, &options));
    let mut said = match compiled {
        Ok(_) => Vec::new(),
        Err(errors) => vec![described(&errors, &loaded.texts)],
    };
    let no_modules = loaded.texts.is_empty();
    let templates = templates::check(loaded.templates);
    if no_modules && templates.count == 0 {
        let paths: Vec<_> =
            arguments.paths.iter().map(|path| format!("`{}`", path.to_string_lossy())).collect();
        bail!("there is no Rego in {}: no module (`.rego`) and no ConstraintTemplate", paths.join(", "));
    }
    said.extend(templates.broken);
    if said.is_empty() {
        return Ok(Exit::Clean);
    }
    console::print(format!("{}\n", lines(&said.join("\n"))).as_bytes())?;
    Ok(Exit::Found)
}

fn deps(arguments: &RegoFiles) -> Result<Exit> {
    let loaded = load(&arguments.paths)?;
    let options = CompileOptions { strict: arguments.strict, ..CompileOptions::default() };
    let program = compile(&loaded.texts, arguments.language, &options)?;
    console::print(deps::listed(&program).as_bytes())?;
    Ok(Exit::Clean)
}

fn explain_plan(arguments: &RegoFiles) -> Result<Exit> {
    let loaded = load(&arguments.paths)?;
    let options = CompileOptions { strict: arguments.strict, ..CompileOptions::default() };
    let program = compile(&loaded.texts, arguments.language, &options)?;
    console::print(program.plan().to_string().as_bytes())?;
    Ok(Exit::Clean)
}
