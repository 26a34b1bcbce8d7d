//! `lumen test`.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow, bail};
use lumen_value::Value;
use lumen_value::read::{Limits, read};

use super::Context;
use crate::cli::{Test, TestFormat};
use crate::console;
use crate::exit::Exit;
use crate::source::{self, Input};
use crate::test::filter::Filter;
use crate::test::modules::{self, Text};
use crate::test::report::{Case, Ending, Report, Suite};
use crate::test::{output, suite, suites};

pub(super) fn run(arguments: &Test, context: &Context) -> Result<Exit> {
    let filter = Filter::parse(&arguments.run).map_err(|error| anyhow!("--run {error}"))?;
    let here = [OsString::from(".")];
    let paths = if arguments.paths.is_empty() { &here[..] } else { &arguments.paths };
    let mut report = Report { coverage: arguments.coverage.then(Vec::new), ..Report::default() };
    for path in paths {
        of_path(path, &filter, arguments, context, &mut report)?;
    }
    report.suites.sort_by(|a, b| a.file.cmp(&b.file));
    if let Some(coverage) = &mut report.coverage {
        coverage.sort_by(|a, b| a.file.cmp(&b.file));
    }
    let style = context.console.style(true);
    let text = match arguments.output {
        TestFormat::Human => output::human(&report, &style, arguments.all),
        TestFormat::Json => format!("{:#}\n", output::json(&report)),
        TestFormat::Junit => output::junit(&report)?,
    };
    console::print(text.as_bytes())?;
    if !arguments.run.is_empty()
        && report.cases().all(|case| case.ending == Ending::Skip)
        && !report.suites.is_empty()
    {
        bail!("no test and no case is called like `{}`: nothing was run", arguments.run);
    }
    if report.suites.is_empty() {
        bail!("there are no tests: neither `kind: Suite` nor `test_` rules");
    }
    let failed = report.count(Ending::Fail) > 0 || (arguments.strict && report.remarks() > 0);
    Ok(match report.count(Ending::Error) {
        0 if failed => Exit::Found,
        0 => Exit::Clean,
        _ => Exit::Failed,
    })
}

/// The tests below one path. Its modules are compiled together.
fn of_path(
    path: &OsString,
    filter: &Filter,
    arguments: &Test,
    context: &Context,
    report: &mut Report,
) -> Result<()> {
    let options = source::Options { extensions: source::POLICIES, ..source::Options::default() };
    let gathered = source::gather(std::slice::from_ref(path), &options)?;
    for problem in &gathered.problems {
        context.console.note(format!("{}: {}", problem.name, problem.message));
    }
    if gathered.inputs.is_empty() && !gathered.problems.is_empty() {
        bail!("`{}` cannot be read", path.to_string_lossy());
    }
    let mut texts = Vec::new();
    let mut data = Vec::new();
    for input in &gathered.inputs {
        let file = gathered.paths.get(&input.name).cloned().unwrap_or_else(|| PathBuf::from(&*input.name));
        if file.extension().is_some_and(|extension| extension == "rego") {
            let text =
                std::str::from_utf8(&input.bytes).map_err(|_| anyhow!("`{}` is no UTF-8", input.name))?;
            texts.push(Text { file: input.name.clone(), text: text.to_owned() });
            continue;
        }
        let documents = documents(input, report);
        for document in documents.iter().filter(|document| suite::is_suite(document)) {
            report.suites.push(suites::run(&input.name, &file, document, filter));
        }
        if file.file_stem().is_some_and(|stem| stem == "data")
            && let [document @ Value::Object(_)] = documents.as_slice()
        {
            data.push((modules::place_below(Path::new(path), &file), document.clone()));
        }
    }
    if !texts.is_empty() {
        let ran = modules::run(&texts, modules::base_documents(&data), filter, arguments.coverage);
        report.suites.extend(ran.suites);
        if let Some(coverage) = &mut report.coverage {
            coverage.extend(ran.coverage);
        }
    }
    Ok(())
}

/// The documents of a file. One that cannot be read is a fault where the text is that of a suite: tests must not be lost unseen.
/// Others are broken on purpose as often as not, and are looked at where a suite names them.
fn documents(input: &Input, report: &mut Report) -> Vec<Value> {
    let reading = read(&input.bytes, &Limits::default());
    let is_suite = || String::from_utf8_lossy(&input.bytes).contains(suite::GROUP);
    if let Some(error) = reading.errors.first().filter(|_| is_suite()) {
        let case = Case {
            test: String::new(),
            name: "(the file)".to_owned(),
            ending: Ending::Error,
            message: error.message.clone(),
            printed: Vec::new(),
        };
        report.suites.push(Suite { file: input.name.clone(), cases: vec![case], remarks: Vec::new() });
    }
    reading.documents.into_iter().map(|document| document.value).collect()
}
