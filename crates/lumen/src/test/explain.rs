//! Why a `test_` rule does not hold: the expression of its body that no solution came past, with the values that it saw.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use lumen_rego::ast::Rule;
use lumen_rego::check::Checked;
use lumen_rego::error::Span;
use lumen_rego::eval::{Moment, Observer, show};
use lumen_rego::plan::{Document, Expression, Operand};
use lumen_value::{Str, Value};

use super::modules::Text;

/// Most expressions of one body that are remembered.
const SEEN_MAX: usize = 256;
/// Most documents that are told of.
const DOCUMENTS_MAX: usize = 5;
/// Deepest nesting of documents that is followed.
const FRAMES_MAX: usize = 64;
/// Most characters of an expression or a value that are shown.
const SHOWN_MAX: usize = 200;

/// A body of the rule: where its expressions start, in bytes, and where it ends.
struct Body {
    module: u32,
    starts: Vec<u32>,
    end: u32,
}

impl Body {
    fn of(rule: &Rule) -> Self {
        let mut starts: Vec<u32> = rule.body.iter().map(|expr| expr.span.start).collect();
        starts.sort_unstable();
        // A rule's own span may end with its head.
        let last = rule.body.iter().map(|expr| expr.span.end).max().unwrap_or_default();
        Self { module: rule.span.module, starts, end: last.max(rule.span.end) }
    }

    /// Which of its expressions a place is in: from its first byte to the next one's.
    fn part(&self, span: Span) -> Option<(u32, u32)> {
        let inside = span.module == self.module && span.start < self.end;
        let after = self.starts.partition_point(|start| *start <= span.start);
        let start = inside.then(|| self.starts.get(after.checked_sub(1)?)).flatten()?;
        Some((*start, self.starts.get(after).copied().unwrap_or(self.end)))
    }
}

/// What became of an expression.
struct Seen {
    span: Span,
    held: bool,
    values: Vec<(Str, Value)>,
}

/// Expressions in the order in which they were first looked at: the last is how far the body came.
#[derive(Default)]
struct Trail {
    seen: Vec<Seen>,
    places: BTreeMap<usize, usize>,
}

impl Trail {
    /// Whether the expression is looked at for the first time.
    fn tell(
        &mut self,
        expression: &Expression,
        moment: Moment,
        read: &dyn Fn(Operand) -> Option<Value>,
    ) -> bool {
        let key = std::ptr::from_ref(expression).addr();
        let known = self.places.get(&key).copied();
        if known.is_none() && self.seen.len() < SEEN_MAX {
            self.places.insert(key, self.seen.len());
            self.seen.push(Seen { span: expression.span, held: false, values: Vec::new() });
        }
        let Some(seen) = self.places.get(&key).and_then(|place| self.seen.get_mut(*place)) else {
            return false;
        };
        if moment != Moment::Start {
            let holds = moment == Moment::Holds;
            // What it was when it held says more than what is left when there is no more.
            if holds || !seen.held {
                let values = expression.variables.iter();
                seen.values = values.filter_map(|(name, at)| Some((name.clone(), read(*at)?))).collect();
            }
            seen.held |= holds;
        }
        known.is_none()
    }
}

/// A document that was evaluated.
struct Frame {
    name: Arc<str>,
    trail: Trail,
    value: Option<Value>,
}

/// Watches one test.
pub(super) struct Explainer {
    bodies: Vec<Body>,
    own: Trail,
    frames: Vec<Frame>,
    /// What was evaluated for the expression that the test came to last.
    documents: Vec<Frame>,
}

impl Observer for Explainer {
    fn enter(&mut self, document: &Document) {
        if self.frames.len() < FRAMES_MAX {
            let name = document.name.clone();
            self.frames.push(Frame { name, trail: Trail::default(), value: None });
        }
    }

    fn exit(&mut self, document: &Document, value: Option<&Value>) {
        let Some(at) = self.frames.iter().rposition(|frame| frame.name == document.name) else { return };
        let mut ended = self.frames.drain(at..);
        let Some(mut frame) = ended.next() else { return };
        drop(ended);
        frame.value = value.cloned();
        // The outermost is the test itself.
        if at > 0
            && self.documents.len() < DOCUMENTS_MAX
            && self.documents.iter().all(|known| known.name != frame.name)
        {
            self.documents.push(frame);
        }
    }

    fn expression(
        &mut self,
        expression: &Expression,
        moment: Moment,
        read: &dyn Fn(Operand) -> Option<Value>,
    ) {
        if self.bodies.iter().any(|body| body.part(expression.span).is_some()) {
            if self.own.tell(expression, moment, read) {
                self.documents.clear();
            }
        } else if let Some(frame) = self.frames.last_mut() {
            frame.trail.tell(expression, moment, read);
        }
    }
}

impl Explainer {
    /// For the rules of one test.
    pub(super) fn of<'r>(rules: impl Iterator<Item = &'r Rule>) -> Self {
        let branches = rules.flat_map(|rule| std::iter::once(rule).chain(&rule.otherwise));
        let bodies = branches.map(Body::of).collect();
        Self { bodies, own: Trail::default(), frames: Vec::new(), documents: Vec::new() }
    }

    /// What was seen, line by line; empty where no expression failed.
    pub(super) fn text(&self, texts: &[Text], checked: &Checked) -> String {
        let show = Show { texts, checked };
        let mut out = String::new();
        for body in &self.bodies {
            let part = |seen: &Seen| body.part(seen.span);
            let Some(last) = self.own.seen.iter().filter_map(part).next_back() else { continue };
            let group: Vec<&Seen> = self.own.seen.iter().filter(|seen| part(seen) == Some(last)).collect();
            let whole = group.iter().rev().find(|seen| seen.span.start == last.0).or(group.last());
            let Some(whole) = whole.filter(|seen| !seen.held) else { continue };
            show.failed(&mut out, whole.span);
            show.values(&mut out, "  ", &group);
        }
        if !out.is_empty() {
            for document in &self.documents {
                show.document(&mut out, document);
            }
        }
        out.trim_end().to_owned()
    }
}

/// What texts and names are shown from.
struct Show<'a> {
    texts: &'a [Text],
    checked: &'a Checked,
}

impl Show<'_> {
    fn place(&self, span: Span) -> String {
        let file = self.texts.get(span.module as usize).map_or("", |text| &*text.file);
        format!("{file}:{}:{}", span.row, span.column)
    }

    /// The text of a span on one line.
    fn source(&self, span: Span) -> String {
        let text = self.texts.get(span.module as usize).map_or("", |text| &text.text);
        show::source(text, span, SHOWN_MAX)
    }

    fn failed(&self, out: &mut String, span: Span) {
        _ = writeln!(out, "{} does not hold: {}", self.place(span), self.source(span));
    }

    /// The values of variables under their names in the text, and of calls under their texts.
    fn values(&self, out: &mut String, indent: &str, group: &[&Seen]) {
        let mut known: Vec<&Str> = Vec::new();
        for seen in group {
            for (name, value) in &seen.values {
                if known.contains(&name) {
                    continue;
                }
                known.push(name);
                let source = self.source(seen.span);
                if let Some(name) = show::name(self.checked, name, &source) {
                    _ = writeln!(out, "{indent}{name} = {}", show::value(value, SHOWN_MAX));
                }
            }
        }
    }

    fn document(&self, out: &mut String, document: &Frame) {
        let name = &document.name;
        if let Some(value) = &document.value {
            _ = writeln!(out, "  {name} = {}", show::value(value, SHOWN_MAX));
            // Such is the value of a rule with a default where nothing holds.
            if *value != Value::Bool(false) {
                return;
            }
        } else {
            _ = writeln!(out, "  {name} is undefined");
        }
        let Some(last) = document.trail.seen.last().filter(|seen| !seen.held) else { return };
        out.push_str("    ");
        self.failed(out, last.span);
        let same = |seen: &&Seen| seen.span.row == last.span.row;
        let group: Vec<&Seen> = document.trail.seen.iter().filter(same).collect();
        self.values(out, "      ", &group);
    }
}
