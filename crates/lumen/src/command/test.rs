//! `lumen test`.

use std::ffi::OsString;

use anyhow::{Result, anyhow, bail};

use super::{Context, reading, start_of_search};
use crate::cli::{Test, TestFormat};
use crate::console;
use crate::exit::Exit;
use crate::settings::Flags;
use crate::source;
use crate::test::filter::Filter;
use crate::test::kinds::{self, Choice, Reading};
use crate::test::report::{Coverage, Ending, Report};
use crate::test::{self, output};

pub(super) fn run(arguments: &Test, context: &Context) -> Result<Exit> {
    let filter = Filter::parse(&arguments.run).map_err(|error| anyhow!("--run {error}"))?;
    let here = [OsString::from(".")];
    let paths = if arguments.paths.is_empty() { &here[..] } else { &arguments.paths };
    let mut report = Report { coverage: arguments.coverage.then(Coverage::default), ..Report::default() };
    let resolved = context.settings(&Flags::default(), start_of_search(paths.first()))?;
    let mut settings = reading(&resolved);
    settings.now = arguments.now.unwrap_or(settings.now);
    let manifests =
        Reading { source: resolved.source_options(), settings, network: arguments.ip_block.options() };
    let choice = Choice { filter: &filter, coverage: arguments.coverage, reading: &manifests };
    for path in paths {
        of_path(path, &choice, context, &mut report)?;
    }
    report.suites.sort_by(|a, b| a.file.cmp(&b.file));
    let style = context.console.style(true);
    let text = match arguments.output {
        TestFormat::Human => output::human(&report, &style, arguments.all),
        TestFormat::Json => output::json(&report)?,
        TestFormat::Junit => output::junit(&report)?,
    };
    console::print(text.as_bytes())?;
    if !arguments.run.is_empty()
        && report.cases().all(|case| case.ending == Ending::Skip)
        && !report.suites.is_empty()
    {
        bail!("no test and no case is called like `{}`: nothing was run", arguments.run);
    }
    if report.suites.iter().all(kinds::is_mistaken) {
        bail!(
            "there are no tests: no cases of `kind: Suite`, `ReachabilityTest` or `RuleTest`, and no `test_` rules, below {}",
            shown(paths)
        );
    }
    let failed = report.count(Ending::Fail) > 0 || (arguments.strict && report.remarks() > 0);
    Ok(match report.count(Ending::Error) {
        0 if failed => Exit::Found,
        0 => Exit::Clean,
        _ => Exit::Failed,
    })
}

fn shown(paths: &[OsString]) -> String {
    let names: Vec<String> = paths.iter().map(|path| format!("`{}`", path.to_string_lossy())).collect();
    names.join(", ")
}

/// The tests below one path. Its modules are compiled together.
pub(super) fn of_path(
    path: &OsString,
    choice: &Choice<'_>,
    context: &Context,
    report: &mut Report,
) -> Result<()> {
    // What is left out of checks may be tests: only the bounds count here.
    let bounds = choice.reading.source.clone();
    let options = source::Options {
        extensions: source::POLICIES,
        exclude: Vec::new(),
        no_ignore: source::Options::default().no_ignore,
        ..bounds
    };
    let gathered = source::gather(std::slice::from_ref(path), &options)?;
    for problem in &gathered.problems {
        context.console.note(format!("{}: {}", problem.name, problem.message));
    }
    if gathered.inputs.is_empty() && !gathered.problems.is_empty() {
        bail!("`{}` cannot be read", path.to_string_lossy());
    }
    for ran in test::run::all(path, &gathered, choice) {
        report.add(ran);
    }
    Ok(())
}
