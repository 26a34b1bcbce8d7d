//! [`Watch`]: what is known while a policy is evaluated: the expressions that hold at the moment, and what each read.

use std::collections::BTreeMap;

use lumen_rego::error::Span;
use lumen_rego::eval::{InputPaths, Moment, Observer};
use lumen_rego::plan::{Expression, Operand};
use lumen_value::{Object, Str, Value};

use super::{KEPT_MAX, Line, Said, VIOLATIONS_MAX, Why, choice, is_part, shorten};

/// Most expressions that hold at a time: of an evaluation that goes deeper nothing is said.
const FRAMES_MAX: usize = 512;
/// Most parts of the object that are kept of one expression.
const READS_MAX: usize = 64;
/// Most expressions that are kept of the rules that one expression asks.
const ANSWER_MAX: usize = 32;
/// Most lines that failed in one expression.
const FAILED_MAX: usize = 4;

/// A key of a collection in the object: what was looked at.
pub(super) type Read = (Value, Value);

/// What was looked at in vain.
#[derive(Clone, Default)]
pub(super) struct Tried {
    pub(super) reads: Vec<Read>,
    lines: Vec<Line>,
}

impl Tried {
    fn add(&mut self, other: Self) {
        keep(&mut self.reads, other.reads, READS_MAX);
        keep(&mut self.lines, other.lines, FAILED_MAX);
    }
}

/// An expression that was begun: it is being evaluated, or holds. They lie on each other as the evaluation goes; who fails takes
/// away all that came after it.
#[derive(Clone)]
pub(super) struct Frame {
    pub(super) span: Span,
    is_not: bool,
    /// The one in whose evaluation it stands.
    parent: Option<usize>,
    /// The one before it in the same body.
    before: Option<usize>,
    /// The last one that was begun in its evaluation.
    inner: Option<usize>,
    pub(super) depth: usize,
    /// It held at least once.
    held: bool,
    /// It is evaluated once more, and `fresh` is what is read since.
    is_again: bool,
    pub(super) reads: Vec<Read>,
    fresh: Vec<Read>,
    /// What was read in it and behind it for the values that it had before.
    past: Vec<Read>,
    /// What it looked at in vain: what failed in it, and what was gone through.
    pub(super) tried: Tried,
    /// What failed behind it.
    after: Tried,
    pub(super) values: Vec<(Str, Value)>,
    /// What held in the rule that gave its value: an evaluation goes back through it, looking for a second value.
    answer: Vec<Frame>,
}

/// Watches an evaluation of a template.
pub(super) struct Watch<'a> {
    heads: &'a [Span],
    paths: &'a InputPaths,
    wanted: &'a [(&'a str, &'a Value)],
    frames: Vec<Frame>,
    /// The one that is being evaluated.
    open: Option<usize>,
    /// The last one that was begun outside of all others.
    last: Option<usize>,
    found: BTreeMap<Said, Why>,
    /// Why other sets hold a message, which a `violation` hands on.
    handed: BTreeMap<String, Why>,
    is_lost: bool,
}

impl<'a> Watch<'a> {
    pub(super) const fn new(
        heads: &'a [Span],
        paths: &'a InputPaths,
        wanted: &'a [(&'a str, &'a Value)],
    ) -> Self {
        Self {
            heads,
            paths,
            wanted,
            frames: Vec::new(),
            open: None,
            last: None,
            found: BTreeMap::new(),
            handed: BTreeMap::new(),
            is_lost: false,
        }
    }

    pub(super) fn found(self) -> BTreeMap<Said, Why> {
        self.found
    }

    fn frame(&mut self, at: Option<usize>) -> Option<&mut Frame> {
        self.frames.get_mut(at?)
    }

    /// Where it is kept which frame was begun last in another.
    fn inner(&mut self, parent: Option<usize>) -> Option<&mut Option<usize>> {
        match parent {
            None => Some(&mut self.last),
            Some(parent) => self.frames.get_mut(parent).map(|frame| &mut frame.inner),
        }
    }

    fn start(&mut self, expression: &Expression) {
        let span = expression.span;
        let parent = self.open;
        // What is begun once more without an end of the first time: a call that was cut short.
        let mut earlier = self.inner(parent).and_then(|inner| *inner);
        while let Some(at) = earlier {
            match self.frames.get(at) {
                Some(frame) if frame.span == span => {
                    let gone = self.take(at);
                    if let Some(parent) = self.frame(parent) {
                        parent.tried.add(gone);
                    }
                    break;
                }
                frame => earlier = frame.and_then(|frame| frame.before),
            }
        }
        if self.frames.len() >= FRAMES_MAX {
            self.is_lost = true;
            return;
        }
        let at = self.frames.len();
        let before = self.inner(parent).and_then(|inner| inner.replace(at));
        let depth = parent.and_then(|parent| self.frames.get(parent)).map_or(0, |parent| parent.depth + 1);
        self.frames.push(Frame {
            span,
            is_not: expression.negated,
            parent,
            before,
            inner: None,
            depth,
            held: false,
            is_again: false,
            reads: Vec::new(),
            fresh: Vec::new(),
            past: Vec::new(),
            tried: Tried::default(),
            after: Tried::default(),
            values: Vec::new(),
            answer: Vec::new(),
        });
        self.open = Some(at);
    }

    fn hold(&mut self, expression: &Expression, read: &dyn Fn(Operand) -> Option<Value>) {
        let mut at = self.open;
        while let Some(frame) = at.and_then(|at| self.frames.get(at)) {
            if frame.span == expression.span {
                break;
            }
            at = frame.parent;
        }
        if at.is_none() {
            // It was gone back to without a word: what was begun behind it is over.
            at = self.frames.iter().rposition(|frame| frame.span == expression.span);
            if let Some(at) = at {
                self.take(at + 1);
            }
        }
        let Some(frame) = self.frame(at) else { return };
        frame.held = true;
        frame.is_again = false;
        keep(&mut frame.past, std::mem::take(&mut frame.after).reads, READS_MAX);
        if !frame.fresh.is_empty() {
            let gone = std::mem::replace(&mut frame.reads, std::mem::take(&mut frame.fresh));
            keep(&mut frame.past, gone, READS_MAX);
        }
        frame.values = values(expression, read);
        let parent = frame.parent;
        let is_last = at.is_some_and(|at| at + 1 == self.frames.len());
        if let Some(frame) = self.frame(at).filter(|_| !is_last) {
            frame.answer.clear();
        }
        self.open = parent;
    }

    fn exhaust(&mut self, expression: &Expression, read: &dyn Fn(Operand) -> Option<Value>) {
        let span = expression.span;
        let Some(at) = self.frames.iter().rposition(|frame| frame.span == span) else { return };
        let Some(gone) = self.frames.get(at) else { return };
        let (parent, before) = (gone.parent, gone.before);
        let failed = (!gone.held).then(|| {
            let given = expression.variables.iter().filter(|(_, operand)| expression.given.contains(operand));
            let values = given.filter_map(|(name, operand)| Some((name.clone(), read(*operand)?))).collect();
            Line { span, depth: gone.depth, holds: false, values }
        });
        let mut gone = self.take(at);
        gone.lines.splice(0..0, failed);
        self.open = before.or(parent);
        if before.is_some() {
            self.again(before, gone);
        } else if let Some(parent) = self.frame(parent) {
            parent.tried.add(gone);
        }
    }

    /// An expression is evaluated once more, for something behind it failed.
    fn again(&mut self, at: Option<usize>, after: Tried) {
        let Some(frame) = self.frame(at) else { return };
        frame.is_again = true;
        frame.fresh.clear();
        frame.answer.clear();
        frame.after = after;
        self.open = at;
    }

    /// Something is read by an expression that held, and was gone back to without a word.
    fn go_back(&mut self, span: Span) {
        let behind = self.open.map_or(0, |open| open + 1);
        let inside = self.frames.get(behind..).unwrap_or_default();
        let Some(at) = inside.iter().rposition(|frame| frame.held && is_part(span, frame.span)) else {
            return;
        };
        let after = self.take(behind + at + 1);
        self.again(Some(behind + at), after);
    }

    /// Takes away a frame and all after it; what they looked at.
    fn take(&mut self, at: usize) -> Tried {
        let mut all: Vec<Frame> = self.frames.drain(at..).collect();
        for gone in all.iter().rev() {
            if let Some(inner) = self.inner(gone.parent) {
                *inner = gone.before;
            }
        }
        let mut tried = Tried::default();
        for frame in all.drain(..) {
            let reads = [frame.past, frame.reads, frame.fresh].into_iter().flatten().collect();
            tried.add(Tried { reads, lines: Vec::new() });
            tried.add(frame.tried);
            tried.add(frame.after);
        }
        tried
    }

    /// The body of a rule holds that is asked for its value.
    fn answer(&mut self) {
        let Some(open) = self.open else { return };
        if self.frames.get(open).is_none_or(|frame| frame.answer.len() >= ANSWER_MAX) {
            return;
        }
        let mut answer = Vec::new();
        for frame in self.frames.iter().skip(open + 1).filter(|frame| frame.held) {
            if answer.len() < ANSWER_MAX {
                answer.push(Frame { answer: Vec::new(), ..frame.clone() });
                answer.extend(frame.answer.iter().take(ANSWER_MAX).cloned());
            }
        }
        if let Some(frame) = self.frame(Some(open)) {
            keep(&mut frame.answer, answer, ANSWER_MAX);
        }
    }

    /// A set gets a member.
    fn add(&mut self, value: &Value, is_violation: bool) {
        let Some(message) = value.get("msg").and_then(Value::as_str) else { return };
        if is_violation {
            self.violate(value, message);
        } else if self.wanted.iter().any(|(text, _)| *text == message)
            && self.handed.len() < VIOLATIONS_MAX
            && !self.handed.contains_key(message)
        {
            let why = self.why(message);
            self.handed.insert(message.to_owned(), why);
        }
    }

    fn why(&self, message: &str) -> Why {
        let mut all = Vec::new();
        for frame in self.frames.iter().filter(|frame| frame.held) {
            all.push(frame);
            all.extend(&frame.answer);
        }
        Why { place: choice::place(&all, message, self.paths), lines: lines(&all) }
    }

    /// A rule `violation` gives a value.
    fn violate(&mut self, value: &Value, message: &str) {
        let details = value.get("details").cloned().unwrap_or_else(|| Object::default().into());
        let is_wanted = self.wanted.iter().any(|(text, about)| *text == message && **about == details);
        let said = (message.to_owned(), details);
        if self.is_lost || !is_wanted || self.found.contains_key(&said) {
            return;
        }
        let mut why = self.why(message);
        if let Some(handed) = self.handed.get(message) {
            why.place = handed.place.clone().or(why.place);
            why.lines.extend(handed.lines.iter().cloned());
        }
        self.found.insert(said, why);
    }
}

/// The expressions of a solution and those that failed in them, in the order of their evaluation.
fn lines(frames: &[&Frame]) -> Vec<Line> {
    let mut lines = Vec::new();
    for frame in frames {
        let Frame { span, depth, .. } = **frame;
        lines.push(Line { span, depth, holds: true, values: frame.values.clone() });
        // What failed elsewhere is another way to a solution, and this is one.
        if frame.is_not {
            lines.extend(frame.tried.lines.iter().cloned());
        }
    }
    shorten(&mut lines, KEPT_MAX, |line| line.depth);
    lines
}

fn values(expression: &Expression, read: &dyn Fn(Operand) -> Option<Value>) -> Vec<(Str, Value)> {
    let variables = expression.variables.iter();
    variables.filter_map(|(name, operand)| Some((name.clone(), read(*operand)?))).collect()
}

fn keep<T>(list: &mut Vec<T>, more: Vec<T>, max: usize) {
    let room = max.saturating_sub(list.len());
    list.extend(more.into_iter().take(room));
}

impl Observer for Watch<'_> {
    fn expression(
        &mut self,
        expression: &Expression,
        moment: Moment,
        read: &dyn Fn(Operand) -> Option<Value>,
    ) {
        if self.is_lost || self.found.len() >= VIOLATIONS_MAX {
            return;
        }
        if expression.head {
            match expression.adds {
                Some(adds) => {
                    if let Some(value) = read(adds) {
                        self.add(&value, self.heads.contains(&expression.span));
                    }
                    // For the next member the evaluation goes back.
                    let last = self.inner(self.open).and_then(|inner| *inner);
                    if last.is_some() {
                        self.again(last, Tried::default());
                    }
                }
                None => self.answer(),
            }
            return;
        }
        match moment {
            Moment::Start => self.start(expression),
            Moment::Holds => self.hold(expression, read),
            Moment::Exhausted => self.exhaust(expression, read),
        }
    }

    fn read(&mut self, span: Span, from: &Value, key: &Value) {
        if !self.paths.contains(from) {
            return;
        }
        self.go_back(span);
        let Some(frame) = self.frame(self.open) else { return };
        let reads = if frame.is_again { &mut frame.fresh } else { &mut frame.reads };
        keep(reads, vec![(from.clone(), key.clone())], READS_MAX);
    }
}
