//! For people: each finding with the text it points into, what enforcement does, and what would mend it; then the sums.
//!
//! Nothing is left out, but nothing is said twice either: what becomes of an object and what the API server says stand in
//! full at its first finding, a place in another file is quoted once, and when one rule speaks about one object again and
//! again, the later findings come without a quotation.

#![expect(
    clippy::format_push_string,
    reason = "the texts are short: a copy costs less than errors that cannot happen"
)]

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::io;

use annotate_snippets::{AnnotationKind, Element, Group, Level, Message, Origin, Renderer, Snippet};
use lumen_core::finding::{Action, Finding, Layer, Location, Outcome, PolicyRef, Related, RuleId};
use lumen_core::object::ObjectRef;

use crate::output::escape::{line, lines};
use crate::output::rules::Rules;
use crate::output::sums::Sums;
use crate::output::{self, Style, effect, fix_title, missing};
use crate::report::{Region, Report, Reported};
use excerpt::Excerpt;

mod excerpt;
mod patch;

/// How many findings of one rule about one object quote the source.
const QUOTED_MAX: usize = 5;

pub(super) fn write(report: &Report, style: &Style, out: &mut dyn io::Write) -> io::Result<()> {
    let mut human = Human::new(report, style);
    for reported in &report.findings {
        writeln!(out, "{}", human.finding(reported))?;
    }
    let (bold, plain) = if style.color { ("\x1b[1m", "\x1b[0m") } else { ("", "") };
    let sums = Sums::of(report);
    let (findings, kinds) = (sums.findings(), sums.kinds());
    let separator = if kinds.is_empty() { "" } else { ": " };
    writeln!(out, "{bold}{findings}{plain}{separator}{kinds}")?;
    writeln!(out, "{}", sums.work(report))?;
    sums.fixes(report).map_or(Ok(()), |fixes| writeln!(out, "{fixes}"))
}

/// What was said so far, so that it is not said again.
struct Human<'a> {
    report: &'a Report,
    rules: Rules<'a>,
    renderer: Renderer,
    style: Style,
    explained: BTreeSet<&'a RuleId>,
    upstream: BTreeSet<(Option<&'a ObjectRef>, &'a str)>,
    places: BTreeSet<&'a Related>,
    places_of: BTreeSet<(Option<&'a ObjectRef>, &'a Related)>,
    consequences: BTreeSet<(Option<&'a ObjectRef>, Outcome, Action, Option<&'a PolicyRef>)>,
    remarks: BTreeSet<(Option<&'a ObjectRef>, String)>,
    tails: BTreeSet<&'a str>,
    quoted: BTreeMap<(&'a RuleId, Option<&'a ObjectRef>), usize>,
}

impl<'a> Human<'a> {
    fn new(report: &'a Report, style: &Style) -> Self {
        let renderer = if style.color { Renderer::styled() } else { Renderer::plain() };
        Self {
            report,
            rules: Rules::of(report),
            renderer: renderer.term_width(style.width),
            style: style.clone(),
            explained: BTreeSet::new(),
            upstream: BTreeSet::new(),
            places: BTreeSet::new(),
            places_of: BTreeSet::new(),
            consequences: BTreeSet::new(),
            remarks: BTreeSet::new(),
            tails: BTreeSet::new(),
            quoted: BTreeMap::new(),
        }
    }

    /// A finding, with a line feed at its end.
    fn finding(&mut self, reported: &'a Reported) -> String {
        let finding = &reported.finding;
        let title = level(finding)
            .primary_title(line(self.message(finding)).into_owned())
            .id(line(&finding.rule.to_string()).into_owned());
        let quoted = self.quoted.entry((&finding.rule, finding.object.as_deref())).or_default();
        *quoted += 1;
        let quotes = *quoted <= QUOTED_MAX && !matches!(finding.outcome, Outcome::Pass | Outcome::Skip);

        let (mut main, beside) = self.place(reported, quotes);
        main.extend(self.messages(reported).into_iter().map(Element::from));
        let mut others = Vec::new();
        let mut steps = Vec::new();
        for (related, region) in reported.places() {
            if related.is_step {
                steps.push((related, region));
            } else if !beside.contains(&related)
                && self.places_of.insert((finding.object.as_deref(), related))
            {
                self.related(related, region, quotes, &mut main, &mut others);
            }
        }
        main.extend(trace(&steps));
        let mut groups = vec![Group::with_title(title).elements(main)];
        groups.append(&mut others);
        let mut text = self.renderer.render(&groups);
        if finding.location.is_none() {
            without_empty_margin(&mut text);
        }
        text.push('\n');
        if let Some(fix) = &finding.fix {
            self.line(Level::HELP, &line(&fix_title(fix)), &mut text);
            patch::write(self.report, reported, &self.style, &mut text);
        }
        if let Some(remedy) = self.report.remedies.get(&finding.rule)
            && self.explained.insert(&finding.rule)
        {
            self.line(Level::HELP, &line(remedy), &mut text);
        }
        if !matches!(finding.outcome, Outcome::Pass | Outcome::Skip)
            && self.rules.get(&finding.rule).is_some()
            && self.explained.insert(&finding.rule)
        {
            let what = match finding.rule.layer {
                Layer::Input => "for the rule and its remedy",
                _ => "for the rule, its rationale and how to exempt a workload",
            };
            let note = format!("run `lumen explain {}` {what}", finding.rule);
            self.line(Level::NOTE, &note, &mut text);
        }
        text
    }

    /// The message. What it says of a workload's namespace or kind behind its last `;` (``no label of namespace `a` is
    /// known``) holds for all workloads there, and is said at the first. About an input it may be what mends it, about a
    /// namespace what stands in its way: that stays.
    fn message(&mut self, finding: &'a Finding) -> &'a str {
        let is_about_a_workload = finding.rule.layer != Layer::Input
            && finding.object.as_ref().is_some_and(|object| &*object.kind != "Namespace");
        match finding.message.rsplit_once("; ") {
            Some((before, behind)) if is_about_a_workload && !self.tails.insert(behind) => before,
            _ => &finding.message,
        }
    }

    /// A line that begins with a level's word.
    fn line(&self, level: Level<'_>, words: &str, text: &mut String) {
        text.push_str(&self.renderer.render(&[Group::with_title(level.secondary_title(words))]));
        text.push('\n');
    }

    /// Where the finding stands: the text with the place marked, or the bare place; and the related places that are marked
    /// with it.
    fn place(&self, reported: &'a Reported, quotes: bool) -> (Vec<Element<'static>>, Vec<&'a Related>) {
        let Some(location) = &reported.finding.location else {
            return (Vec::new(), Vec::new());
        };
        let Some(region) = &reported.region else {
            let place = output::stands(reported).unwrap_or_default();
            return (vec![Origin::path(place).into()], Vec::new());
        };
        let pointed = origin(location).line(region.line).char_column(region.column);
        let Some(source) = self.report.sources.get(&location.source).filter(|_| quotes) else {
            return (vec![pointed.into()], Vec::new());
        };
        // Related places that are near enough are marked in the same piece of text.
        let mut beside: Vec<(&Related, &Region)> = reported
            .places()
            .filter(|(related, _)| !related.is_step && related.location.source == location.source)
            .filter_map(|(related, other)| Some((related, other?)))
            .collect();
        let all: Vec<_> = beside.iter().map(|&(_, other)| other).chain([region]).collect();
        let excerpt = Excerpt::of(source, &all).or_else(|| {
            beside.clear();
            Excerpt::of(source, &[region])
        });
        let Some(excerpt) = excerpt else {
            let mut elements = vec![pointed.into()];
            if let Some(words) = excerpt::words(source, region) {
                elements.push(Level::NOTE.message(format!("it says {words}")).into());
            }
            return (elements, Vec::new());
        };
        let mut primary = AnnotationKind::Primary.span(excerpt.span(region));
        if let Some(what) = missing(location, region) {
            primary = primary.label(line(&what).into_owned());
        }
        let snippet = snippet(location, &excerpt).annotation(primary).annotations(beside.iter().map(
            |(related, other)| {
                AnnotationKind::Context.span(excerpt.span(other)).label(line(&related.label).into_owned())
            },
        ));
        (vec![snippet.into()], beside.into_iter().map(|(related, _)| related).collect())
    }

    /// Adds a related place that is not marked beside the finding itself: quoted the first time, then only named.
    fn related(
        &mut self,
        related: &'a Related,
        region: Option<&Region>,
        quotes: bool,
        main: &mut Vec<Element<'static>>,
        others: &mut Vec<Group<'static>>,
    ) {
        let location = &related.location;
        let label = line(&related.label).into_owned();
        let excerpt = region
            .filter(|_| quotes && self.places.insert(related))
            .and_then(|region| Some((region, Excerpt::of_report(self.report, location, &[region])?)));
        if let Some((region, excerpt)) = excerpt {
            let marked = AnnotationKind::Primary.span(excerpt.span(region));
            let title = Level::NOTE.secondary_title(label);
            others.push(title.element(snippet(location, &excerpt).annotation(marked)));
        } else {
            let place = output::place(location, region);
            main.push(Level::NOTE.message(format!("{label}: {place}")).into());
        }
    }

    /// What enforcement does, and what the API server says about it.
    fn messages(&mut self, reported: &'a Reported) -> Vec<Message<'static>> {
        let finding = &reported.finding;
        let mut messages = Vec::new();
        for said in output::remarks(reported) {
            if self.remarks.insert((finding.object.as_deref(), said.clone())) {
                messages.push(Level::NOTE.message(said));
            }
        }
        if !matches!(finding.outcome, Outcome::Pass) {
            let name = format!("{} ({})", effect(finding), finding.severity);
            let said =
                (finding.object.as_deref(), finding.outcome, finding.action, finding.policy.as_deref());
            let text = match &finding.object {
                Some(object) if !self.consequences.insert(said) => again(finding, object),
                _ => consequence(finding, reported.live.is_some()),
            };
            messages.push(Level::NOTE.with_name(name).message(text));
        }
        if let Some(text) = finding.upstream_message.as_deref()
            && self.upstream.insert((finding.object.as_deref(), text))
        {
            messages.push(Level::NOTE.message(format!("{} says: {}", output::speaker(finding), lines(text))));
        }
        messages
    }
}

/// The lines of a policy that were evaluated, with their numbers, below the name of each file that they stand in.
fn trace(steps: &[(&Related, Option<&Region>)]) -> Option<Element<'static>> {
    let mut text = String::new();
    let mut file = None;
    for (related, region) in steps {
        let source = &*related.location.source;
        if file.replace(source) != Some(source) {
            let before = if text.is_empty() { "" } else { "\n" };
            text.push_str(&format!("{before}{}", line(source)));
        }
        let row = region.map(|region| region.line.to_string()).unwrap_or_default();
        text.push_str(&format!("\n{row:>5}  {}", line(&related.label)));
    }
    (!text.is_empty()).then(|| Level::NOTE.with_name("trace").message(text).into())
}

/// Takes away the second line where it is nothing but the margin of a place, which a finding without one does not have.
fn without_empty_margin(text: &mut String) {
    let margin = text.split_inclusive('\n').nth(1).filter(|line| {
        let bare = line.trim_end().trim_end_matches("\x1b[0m");
        bare.ends_with('|') && !bare.contains('=')
    });
    if let (Some(length), Some(start)) = (margin.map(str::len), text.find('\n')) {
        text.replace_range(start + 1..start + 1 + length, "");
    }
}

/// The level in the title.
fn level(finding: &Finding) -> Level<'static> {
    match (finding.outcome, output::Level::of(finding)) {
        (Outcome::Pass, _) => Level::INFO.with_name("pass"),
        (Outcome::Skip, _) => Level::INFO.with_name("skip"),
        (_, output::Level::Error) => Level::ERROR,
        (_, output::Level::Warning) => Level::WARNING,
        (_, output::Level::Info) => Level::INFO,
    }
}

/// What becomes of the object, and who says so.
fn consequence(finding: &Finding, is_live: bool) -> String {
    let Some(object) = &finding.object else {
        return if finding.is_unread() || finding.outcome == Outcome::Skip {
            "what cannot be read is not checked".into()
        } else if finding.is_denial() {
            "it is rejected".into()
        } else {
            "nothing is refused for it".into()
        };
    };
    let object = line(&object.to_string()).into_owned();
    let mut text = match (finding.outcome, finding.action) {
        (Outcome::Skip, _) => format!("not judged for `{object}`"),
        (_, Action::Deny) if is_live => format!("`{object}` is there, and would be rejected now"),
        (_, Action::DenyPods) if is_live => {
            format!("`{object}` is there, new pods that it makes are rejected")
        }
        (_, Action::Warn) if is_live => format!("`{object}` is there, and would be admitted with a warning"),
        (_, Action::Dryrun) if is_live => format!("`{object}` is there, the violation is recorded"),
        (_, Action::Deny) => format!("`{object}` is rejected"),
        (_, Action::DenyPods) => format!("`{object}` is admitted, the pods it makes are rejected"),
        (_, Action::Warn) => format!("`{object}` is admitted with a warning"),
        (_, Action::Dryrun) => format!("`{object}` is admitted, the violation is recorded"),
        (Outcome::Error, Action::None) if is_idle_policy(finding) => {
            format!("`{object}` is admitted, and does nothing")
        }
        (_, Action::None) => format!("nothing refuses `{object}`"),
    };
    if let Some(policy) = &finding.policy {
        text.push_str(&format!(
            "; policy `{}` of `{}`",
            line(&policy.rule),
            line(&policy.object.to_string())
        ));
    }
    text
}

/// Whether a finding is about a policy that the cluster takes and does not enforce.
fn is_idle_policy(finding: &Finding) -> bool {
    finding.rule.layer == Layer::Admission && finding.policy.is_none()
}

/// The same in short, where it was said of the object before.
fn again(finding: &Finding, object: &ObjectRef) -> String {
    let object = line(&object.to_string()).into_owned();
    match finding.policy {
        Some(_) => format!("`{object}`, by the same policy"),
        None => format!("`{object}`"),
    }
}

fn origin(location: &Location) -> Origin<'static> {
    Origin::path(line(&location.source).into_owned())
}

fn snippet<T: Clone>(location: &Location, excerpt: &Excerpt) -> Snippet<'static, T> {
    Snippet::source(Cow::Owned(excerpt.text().to_owned()))
        .line_start(excerpt.line())
        .path(line(&location.source).into_owned())
}

/// A place in a text that is shown for something that is no finding.
pub(crate) struct Quotation<'a> {
    pub(crate) location: &'a Location,
    pub(crate) region: &'a Region,
    /// The text of the input.
    pub(crate) text: &'a [u8],
    /// What is said of the place, if anything.
    pub(crate) label: Option<&'a str>,
}

/// A title of a level of its own name, with places quoted below it; without a line feed at the end.
pub(crate) fn quoted(level: &str, title: &str, places: &[Quotation<'_>], style: &Style) -> String {
    let renderer = if style.color { Renderer::styled() } else { Renderer::plain() };
    let mut elements: Vec<Element<'static>> = Vec::new();
    for Quotation { location, region, text, label } in places {
        match Excerpt::of(text, &[region]) {
            Some(excerpt) => {
                let mut marked = AnnotationKind::Primary.span(excerpt.span(region));
                if let Some(label) = label {
                    marked = marked.label(line(label).into_owned());
                }
                elements.push(snippet(location, &excerpt).annotation(marked).into());
            }
            None => elements.push(origin(location).line(region.line).char_column(region.column).into()),
        }
    }
    let level = Level::NOTE.with_name(level.to_owned());
    let bare = elements.is_empty();
    let group = Group::with_title(level.secondary_title(line(title).into_owned())).elements(elements);
    let mut text = renderer.term_width(style.width).render(&[group]);
    if bare {
        without_empty_margin(&mut text);
    }
    text.truncate(text.trim_end().len());
    text
}
