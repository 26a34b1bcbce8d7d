//! `lumen check`.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, anyhow, bail};
use lumen_core::admission::Explanation;
use lumen_core::finding::Finding;
use lumen_core::podsecurity::{Configuration, NEWEST_MINOR};
use lumen_core::review::Policies;
use lumen_value::nearest::is_near;

use super::{Context, rego, start_of_search};
use crate::baseline::{BASELINE_BYTES_MAX, Baseline};
use crate::check::{self, Checked, Known, Settings, conftest, pod_security_configuration};
use crate::cli;
use crate::console::{self, Console};
use crate::exit::{Exit, FailOn};
use crate::fix::{self, Allowed};
use crate::output::{self, Format, counted};
use crate::policies;
use crate::settings::{Output, Resolved};
use crate::source::{self, Gathered};
use crate::watch;

mod audit;

/// Largest Pod Security configuration, in bytes.
const CONFIGURATION_BYTES_MAX: u64 = 1 << 20;

pub(super) fn run(arguments: &cli::Check, context: &Context) -> anyhow::Result<Exit> {
    let paths = if arguments.paths.is_empty() { vec![OsString::from(".")] } else { arguments.paths.clone() };
    let resolved = context.settings(&arguments.settings, start_of_search(paths.first()))?;
    let session = Session { arguments, paths, resolved, console: context.console };
    session.refuse_what_makes_no_sense()?;
    if arguments.watch {
        let written: Vec<_> =
            session.resolved.outputs().into_iter().filter_map(|output| output.file).collect();
        let mut watched = session.paths.clone();
        watched.extend(session.resolved.policy_paths());
        watched.extend(arguments.conftest.iter().chain(&arguments.conftest_data).cloned());
        return watch::run(&watched, &written, context.console, || session.once());
    }
    session.once()
}

/// What settings say to every command that judges manifests.
pub(super) fn settings_of(resolved: &Resolved) -> anyhow::Result<Settings> {
    let configuration = resolved.pod_security_config().map(configuration_of);
    let policies = Policies {
        default_namespace: resolved.namespace(),
        pod_security: configuration.transpose()?.unwrap_or_default(),
        user: resolved.user().map(Into::into),
        cluster_minor: resolved.kubernetes_minor().unwrap_or(NEWEST_MINOR).min(NEWEST_MINOR),
        shows_passes: resolved.show_passes(),
        explanation: Explanation::Place,
        ..Policies::default()
    };
    Ok(Settings { limits: resolved.limits(), now: resolved.now(), policies, ..Settings::default() })
}

/// The `PodSecurityConfiguration` of a file.
pub(super) fn configuration_of(path: &Path) -> anyhow::Result<Configuration> {
    let text = read_bounded(path, CONFIGURATION_BYTES_MAX)?;
    pod_security_configuration(&text).with_context(|| format!("`{}`", path.display()))
}

/// One call of `lumen check`.
struct Session<'a> {
    arguments: &'a cli::Check,
    paths: Vec<OsString>,
    resolved: Resolved,
    console: Console,
}

impl Session<'_> {
    fn refuse_what_makes_no_sense(&self) -> anyhow::Result<()> {
        let reads_stdin = self.paths.iter().any(|path| path == "-");
        if reads_stdin && self.arguments.fix {
            bail!("`--fix` cannot rewrite standard input: use `--diff` and apply the patch, or give a file");
        }
        if reads_stdin && self.arguments.watch {
            bail!("`--watch` cannot watch standard input: give a file or a folder");
        }
        if self.arguments.unsafe_fixes && !self.arguments.fix && !self.arguments.diff {
            bail!("`--unsafe-fixes` goes with `--fix` or `--diff`");
        }
        for file in self.resolved.outputs().into_iter().filter_map(|output| output.file) {
            // A folder's files may be older reports, but who names a file wants it read.
            let place = file.canonicalize().ok();
            let is_it = |path: &OsString| place.is_some() && Path::new(path).canonicalize().ok() == place;
            if self.paths.iter().any(is_it) {
                bail!("`{}` is to be checked: writing a report there would destroy it", file.display());
            }
        }
        Ok(())
    }

    fn once(&self) -> anyhow::Result<Exit> {
        let settings = self.settings()?;
        let (gathered, checked) = self.check(&settings)?;
        self.say(&checked);
        if self.arguments.diff {
            return self.diff(&gathered, &checked);
        }
        if self.arguments.fix {
            let (exit, checked) = self.fix(&settings, &gathered, checked)?;
            self.write(&checked)?;
            return Ok(exit.max(Exit::of(&checked.report, self.resolved.fail_on())));
        }
        if let Some(file) = &self.arguments.write_baseline {
            return write_baseline(file, &checked, self.console, || self.write(&checked));
        }
        if self.arguments.exemptions {
            audit::print(&checked, &self.resolved.outputs())?;
        } else {
            self.write(&checked)?;
        }
        Ok(Exit::of(&checked.report, self.resolved.fail_on()))
    }

    fn settings(&self) -> anyhow::Result<Settings> {
        let mut common = settings_of(&self.resolved)?;
        if self.arguments.trace {
            common.policies.explanation = Explanation::Trace;
        }
        let is_written = self.arguments.write_baseline.is_some();
        Ok(Settings {
            strict: self.resolved.strict(),
            with_changes: self
                .resolved
                .outputs()
                .iter()
                .any(|output| matches!(output.format, Format::Human | Format::Sarif)),
            with_baseline: is_written,
            baseline: baseline_of(&self.resolved, is_written)?,
            baseline_holds_denials: self.resolved.fail_on() != FailOn::Deny,
            ..common
        })
    }

    fn check(&self, settings: &Settings) -> anyhow::Result<(Gathered, Checked)> {
        let mut options = self.resolved.source_options();
        if !self.arguments.conftest.is_empty() {
            options.extensions = source::DOCUMENTS;
        }
        let mut gathered = source::gather(&self.paths, &options)?;
        let inputs = std::mem::take(&mut gathered.inputs);
        let (policy_inputs, problems) = given_policies(&self.resolved)?;
        gathered.problems.extend(problems);
        let conftest = self.conftest(&mut gathered.problems)?;
        let settings = Settings { policy_inputs, conftest, ..settings.clone() };
        let checked = check::check(inputs, &gathered.problems, &settings);
        for replaced in &checked.replaced {
            self.console.note(replaced);
        }
        let findings = checked.report.findings.iter().map(|reported| &reported.finding);
        say_of_policies(self.console, &self.resolved, &findings, &checked.policy_sources)?;
        Ok((gathered, checked))
    }

    /// The policies for Conftest, and their data.
    fn conftest(&self, problems: &mut Vec<source::Problem>) -> anyhow::Result<conftest::Policies> {
        let arguments = self.arguments;
        let mut policies = conftest::Policies::default();
        if arguments.conftest.is_empty() {
            return Ok(policies);
        }
        let options = source::Options { extensions: &["rego"], ..self.resolved.source_options() };
        let found = source::gather(&arguments.conftest, &options)?;
        problems.extend(found.problems);
        let is_policy = |input: &source::Input| !input.name.ends_with("_test.rego");
        policies.modules = found.inputs.into_iter().filter(is_policy).collect();
        policies.data = rego::base_documents(&arguments.conftest_data, &self.resolved.source_options())?;
        if !arguments.conftest_namespace.is_empty() {
            policies.namespaces.clone_from(&arguments.conftest_namespace);
        }
        Ok(policies)
    }

    /// What belongs to no finding.
    fn say(&self, checked: &Checked) {
        if !self.resolved.strict() {
            for skipped in &checked.skipped {
                self.console.note(format!("skipped {}: {}", skipped.location.source, skipped.message()));
            }
        }
        say_of_known(self.console, &checked.known);
        for used in checked.audit.uses.iter().filter(|used| used.denials_silenced > 0) {
            self.console.note(format!(
                "{}: this exemption silences {}; the API server's own Pod Security admission does not read it: \
                 exempt the workload in its configuration, too",
                used.exemption.location.source,
                counted(used.denials_silenced, "denial"),
            ));
        }
        let summary = &checked.report.summary;
        let asks_conftest = !self.arguments.conftest.is_empty() && summary.documents > 0;
        if summary.objects == 0 && !asks_conftest && Exit::of(&checked.report, FailOn::Never) == Exit::Clean {
            // As when what was to render a chart into the pipe has failed.
            self.console.note("there is no manifest in the inputs: nothing was checked");
        }
        self.console.detail(format!(
            "{}, {}, {}, {}, {} skipped, {} silenced",
            counted(summary.files, "file"),
            counted(summary.documents, "document"),
            counted(summary.objects, "object"),
            counted(summary.workloads, "workload"),
            summary.skipped,
            summary.silenced
        ));
    }

    fn write(&self, checked: &Checked) -> anyhow::Result<()> {
        for output in self.resolved.outputs() {
            let mut style = self.console.style(output.file.is_none());
            style.report_api = self.resolved.report_api();
            write_output(&output, checked, &style)?;
        }
        Ok(())
    }

    fn allowed(&self) -> Allowed {
        if self.arguments.unsafe_fixes { Allowed::Unsafe } else { Allowed::Safe }
    }

    fn diff(&self, gathered: &Gathered, checked: &Checked) -> anyhow::Result<Exit> {
        let plan = fix::plan(&checked.report, &checked.documents, self.allowed());
        self.say_refused(&plan);
        let mut patch = String::new();
        for change in &plan.changes {
            let name = gathered
                .paths
                .get(&change.name)
                .map_or(change.name.as_ref().into(), |path| path.to_string_lossy());
            patch.push_str(&change.diff(&name));
        }
        console::print(patch.as_bytes())?;
        Ok(Exit::of(&checked.report, self.resolved.fail_on()))
    }

    /// Mends what can be mended, and checks what is there then.
    fn fix(
        &self,
        settings: &Settings,
        gathered: &Gathered,
        checked: Checked,
    ) -> anyhow::Result<(Exit, Checked)> {
        let plan = fix::plan(&checked.report, &checked.documents, self.allowed());
        self.say_refused(&plan);
        let mut exit = Exit::Clean;
        let mut fixed = 0;
        for change in &plan.changes {
            let Some(path) = gathered.paths.get(&change.name) else {
                continue;
            };
            match change.write(path) {
                Ok(()) => fixed += change.fixes,
                Err(error) => {
                    self.console.error(format!(
                        "cannot write `{}`: {}",
                        path.display(),
                        source::plain(&error)
                    ));
                    exit = Exit::Failed;
                }
            }
        }
        if fixed == 0 {
            return Ok((exit, checked));
        }
        let (_, checked) = self.check(settings)?;
        self.console.note(format!("fixed {}", counted(fixed, "finding")));
        Ok((exit, checked))
    }

    fn say_refused(&self, plan: &fix::Plan) {
        for refused in &plan.refused {
            let fix::Refused { source, line, reason } = refused;
            self.console.note(format!("{source}:{line}: not fixed: {reason}"));
        }
        if plan.unsafe_left > 0 {
            let what = counted(plan.unsafe_left, "more finding");
            self.console.note(format!(
                "{what} could be fixed by changes that a program may notice: `--unsafe-fixes`"
            ));
        }
    }
}

/// The policies that settings name, those that come with Lumen first; and what could not be read of them.
pub(super) fn given_policies(
    resolved: &Resolved,
) -> anyhow::Result<(Vec<source::Input>, Vec<source::Problem>)> {
    let given = source::gather(&resolved.policy_paths(), &resolved.source_options())?;
    let chosen = policies::chosen(resolved.built_in_policies())?;
    let built_in = chosen.iter().flat_map(|policy| policy.manifests());
    let built_in = built_in.map(|(name, text)| source::Input::new(name, text.as_bytes()));
    Ok((built_in.chain(given.inputs).collect(), given.problems))
}

/// The baseline that settings name; none where one is written.
pub(super) fn baseline_of(resolved: &Resolved, is_written: bool) -> anyhow::Result<Option<Baseline>> {
    let baseline = resolved.baseline().filter(|_| !is_written).map(|path| {
        let text = read_bounded(path, BASELINE_BYTES_MAX)?;
        Baseline::parse(&text).with_context(|| format!("`{}`", path.display()))
    });
    baseline.transpose()
}

/// What is said of a PATH of `--policy` that is not there.
pub(super) fn missing_policy(path: &Path) -> Option<String> {
    if path.exists() {
        return None;
    }
    let shown = source::shown(path);
    let is_mistyped = is_near(shown.split(':').next().unwrap_or_default(), policies::CHOICE);
    let hint = if is_mistyped { ": did you mean `builtin`, or `builtin:NAME`?" } else { "" };
    Some(format!("`--policy {shown}`: there is no such file{hint}"))
}

/// Says what is wrong with the PATHs of `--policy`.
///
/// # Errors
///
/// A PATH in which no policy is: what it was to refuse would pass.
pub(super) fn say_of_policies<'a>(
    console: Console,
    resolved: &Resolved,
    findings: &(impl Iterator<Item = &'a Finding> + Clone),
    policy_sources: &BTreeSet<Arc<str>>,
) -> anyhow::Result<()> {
    for path in resolved.policy_paths() {
        let shown = source::shown(Path::new(&path));
        let is_below = |source: &Arc<str>| Path::new(&**source).starts_with(&shown) || shown == ".";
        let missing = missing_policy(Path::new(&path));
        let is_there = missing.is_none();
        if let Some(missing) = missing {
            console.error(missing);
        }
        // What could not be read is told by a finding.
        let mut unread = findings.clone().filter(|finding| finding.is_unread());
        let is_unread = unread
            .any(|finding| finding.location.as_ref().is_some_and(|location| is_below(&location.source)));
        if is_there && !is_unread && !policy_sources.iter().any(is_below) {
            let hint = if Path::new(&path).extension().is_some_and(|extension| extension == "rego") {
                ": a module alone is none, it goes into a ConstraintTemplate; `--conftest` takes policies for Conftest"
            } else {
                ""
            };
            bail!("there is no policy in `{shown}`, which `--policy` names{hint}");
        }
    }
    Ok(())
}

/// Says what the baseline knows.
pub(super) fn say_of_known(console: Console, known: &Known) {
    if known.silenced > 0 {
        let denials = match known.denials {
            0 => String::new(),
            denials => format!(", {denials} of them denied by the cluster"),
        };
        console.note(format!("{} known from the baseline{denials}", counted(known.silenced, "finding")));
    }
    let mended: usize = known.mended.iter().map(|(_, count)| count).sum();
    if mended > 0 {
        let what = counted(mended, "finding");
        console.note(format!("{what} of the baseline fixed: `--write-baseline` takes them out"));
        for (fingerprint, _) in &known.mended {
            let (object, path, rule) = (&fingerprint.object, &fingerprint.path, &fingerprint.rule);
            console.detail(format!("fixed: {rule} of {object} {path}"));
        }
    }
}

/// Writes what was found as a baseline.
pub(super) fn write_baseline(
    file: &Path,
    checked: &Checked,
    console: Console,
    write: impl FnOnce() -> anyhow::Result<()>,
) -> anyhow::Result<Exit> {
    let text = checked.baseline.render()?;
    std::fs::write(file, text).with_context(|| format!("cannot write `{}`", file.display()))?;
    let what = counted(checked.baseline.len(), "finding");
    console.note(format!("wrote {what} to `{}`", file.display()));
    // What is found is known now; what could not be read is not.
    let failed = Exit::of(&checked.report, FailOn::Never);
    if failed == Exit::Failed {
        write()?;
    }
    Ok(failed)
}

pub(super) fn write_output(output: &Output, checked: &Checked, style: &output::Style) -> anyhow::Result<()> {
    let Some(path) = &output.file else {
        console::print_with(|out| output::write(output.format, &checked.report, style, out))?;
        return Ok(());
    };
    let write = || {
        let mut file = BufWriter::new(File::create(path)?);
        output::write(output.format, &checked.report, style, &mut file)?;
        file.flush()
    };
    write().with_context(|| format!("cannot write `{}`", path.display()))
}

fn read_bounded(path: &Path, bytes_max: u64) -> anyhow::Result<Arc<[u8]>> {
    let text = File::open(path)
        .and_then(|file| source::read_bounded(file, 0, bytes_max))
        .map_err(|error| anyhow!("cannot read `{}`: {}", path.display(), source::unreadable(&error)))?;
    text.ok_or_else(|| anyhow!("`{}` is larger than {bytes_max} bytes", path.display()))
}
