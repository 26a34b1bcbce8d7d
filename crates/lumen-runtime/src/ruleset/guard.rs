//! Guards: for the rules of one type of events, which of them a value of one subject leaves possible.
//!
//! What a condition may be for a class of values is found from its parts in three-valued logic: a test of another subject
//! may hold and may fail. So a rule that a guard leaves out does not match, whatever the rest of the event says.

use std::collections::HashMap;
use std::rc::Rc;

use foldhash::fast::FixedState;

use super::bits::Bits;
use super::classes::{Classes, Verdicts};
use super::graph::{Graph, NodeId};
use super::order::{self, Guess};
use super::shortcut::{Best, Shortcuts};
use super::view::{View, Views};
use crate::field::Basis;
use crate::term::Term;
use crate::test::Test;

/// Most guards that are asked of an event.
const GUARDS_MAX: usize = 8;
/// How many rules a guard has to leave out on the average to be worth its time.
const GAIN_MIN: f32 = 1.0;
/// Most bits that are kept of conditions while guards are chosen.
const BITS_MAX: usize = 1 << 28;
/// Most bytes of all guards of a rule set: those that do not fit are left out.
const BYTES_MAX: usize = 3 << 20;

/// What values of a subject leave possible of the rules of a group.
#[derive(Clone, Debug)]
pub(super) struct Guard {
    pub(super) subject: u32,
    /// The rules that some value leaves out, a bit each.
    decides: Box<[u64]>,
    /// The row of each class.
    row_of: Box<[u16]>,
    /// The rules that are possible, a bit each; rows of the same length one behind the other.
    rows: Box<[u64]>,
}

impl Guard {
    /// Whether it could leave out one of the candidates.
    pub(super) fn concerns(&self, candidates: &[u64]) -> bool {
        self.decides.iter().zip(candidates).any(|(decides, candidates)| decides & candidates != 0)
    }

    /// Leaves out the candidates that are impossible for a class of values; whether any is left.
    pub(super) fn narrow(&self, class: u16, candidates: &mut [u64]) -> bool {
        let row = usize::from(self.row_of.get(usize::from(class)).copied().unwrap_or_default());
        let start = row * candidates.len();
        let Some(row) = self.rows.get(start..start + candidates.len()) else { return true };
        let mut left = 0;
        for (word, row) in candidates.iter_mut().zip(row) {
            *word &= row;
            left |= *word;
        }
        left != 0
    }
}

/// The guards of a group of rules, and which of them are asked, by their places: those first that leave out most.
#[derive(Clone, Debug, Default)]
pub(super) struct Guards {
    list: Vec<Guard>,
    /// Of an event of which no more is known.
    pub(super) all: Vec<usize>,
    /// Of a thread.
    pub(super) of_thread: Vec<usize>,
    /// Of a call.
    pub(super) of_call: Vec<usize>,
    /// Of an event for which the rules are known that its thread leaves possible.
    pub(super) behind_thread: Vec<usize>,
}

impl Guards {
    /// Some of them, by their places.
    pub(super) fn at<'g>(&'g self, places: &'g [usize]) -> impl Iterator<Item = &'g Guard> {
        places.iter().filter_map(|place| self.list.get(*place))
    }
}

/// A view by its place, and how probable it is for it of rules that they may hold.
type Chances = (usize, Vec<(usize, f32)>);

/// Chooses views that leave out most, the best first. `left` is how probable it is that each rule is still possible.
fn chosen(mut chances: Vec<Chances>, left: &mut [f32]) -> Vec<usize> {
    let mut chosen = Vec::new();
    while chosen.len() < GUARDS_MAX {
        let gain = |chances: &[(usize, f32)]| -> f32 {
            chances.iter().map(|(rule, chance)| left.get(*rule).unwrap_or(&0.0) * (1.0 - chance)).sum()
        };
        let best = chances.iter().enumerate().map(|(place, (_, chances))| (place, gain(chances)));
        let Some((place, gain)) = best.max_by(|left, right| left.1.total_cmp(&right.1)) else { break };
        if gain < GAIN_MIN {
            break;
        }
        let (view, chances) = chances.swap_remove(place);
        for (rule, chance) in chances {
            if let Some(left) = left.get_mut(rule) {
                *left *= chance;
            }
        }
        chosen.push(view);
    }
    chosen
}

/// Finds guards.
pub(super) struct Finder {
    /// With the places of their subjects.
    views: Vec<(u32, View)>,
    /// The subject of all tests in a node, by its place; none where there are several.
    subject_of: Vec<Option<u32>>,
    guesses: Vec<Guess>,
    bytes_left: usize,
}

impl Finder {
    /// Looks through all conditions, and orders their parts.
    pub(super) fn new(graph: &mut Graph, conditions: &[NodeId]) -> (Self, Vec<Option<Classes>>, Shortcuts) {
        let mut tests_of: Vec<Vec<usize>> = vec![Vec::new(); graph.subjects.len()];
        for (place, asked) in graph.tests.iter().enumerate() {
            if let Some(tests) = tests_of.get_mut(asked.subject as usize) {
                tests.push(place);
            }
        }
        let looking = Views::new(graph);
        let mut shortcuts = Shortcuts::new(graph.nodes.len());
        let mut best = Best::default();
        let mut views = Vec::new();
        let mut classes = Vec::new();
        let mut bits_left = BITS_MAX;
        let mut chances = vec![None; graph.nodes.len()];
        for (places, subject) in tests_of.iter().zip(0..) {
            let tests = places.iter().filter_map(|place| graph.tests.get(*place));
            let tests: Vec<&Test> = tests.map(|asked| &asked.test).collect();
            let found = Classes::find(&tests);
            if let Some(found) = &found {
                let keep = |node: NodeId, verdicts: &Rc<Verdicts>, chance: Option<f32>| {
                    match chance {
                        Some(_) => shortcuts.keep(node, subject, verdicts),
                        None => best.note(node, subject, verdicts, found.count),
                    }
                    if let Some(entry) = chances.get_mut(node.place()) {
                        *entry = chance;
                    }
                };
                let view = looking.view(subject, places, found, conditions, keep);
                let bits = view.as_ref().map_or(0, |view| view.conditions.len() * view.count);
                if bits <= bits_left {
                    bits_left -= bits;
                    views.extend(view.map(|view| (subject, view)));
                }
            }
            classes.push(found.map(|found| found.classes));
        }
        shortcuts.keep_best(&best);
        let subject_of = looking.subject_of;
        let guesses = order::sort(graph, &chances);
        (Self { views, subject_of, guesses, bytes_left: BYTES_MAX }, classes, shortcuts)
    }

    /// The guards of a group of rules, by their conditions. The parts of conditions are put in an order for which what
    /// guards look at costs nothing.
    pub(super) fn guards(&mut self, graph: &mut Graph, conditions: &[NodeId], rests: &[NodeId]) -> Guards {
        let chances =
            self.views.iter().enumerate().map(|(place, (_, view))| (place, view.chances(conditions)));
        let chances: Vec<Chances> = chances.collect();
        let of = |basis: Basis, view: usize| {
            let subject = self.views.get(view).and_then(|(subject, _)| graph.subjects.get(*subject as usize));
            subject.and_then(Term::basis).unwrap_or(Basis::Thread) == basis
        };
        let only = |chances: &[Chances], is_one: &dyn Fn(usize) -> bool| -> Vec<Chances> {
            chances.iter().filter(|(view, _)| is_one(*view)).cloned().collect()
        };
        let of_thread = only(&chances, &|view| of(Basis::Thread, view));
        let of_call = only(&chances, &|view| of(Basis::Call, view));
        let behind_thread = only(&chances, &|view| !of(Basis::Thread, view));
        let whole = || vec![1.0; conditions.len()];
        let of_call = chosen(of_call, &mut whole());
        let all = chosen(chances, &mut whole());
        let mut left = whole();
        let of_thread = chosen(of_thread, &mut left);
        let behind_thread = chosen(behind_thread, &mut left);
        let mut guards = Guards::default();
        let mut place_of = HashMap::new();
        for (views, places) in [
            (all, &mut guards.all),
            (of_thread, &mut guards.of_thread),
            (of_call, &mut guards.of_call),
            (behind_thread, &mut guards.behind_thread),
        ] {
            for view in views {
                if !place_of.contains_key(&view)
                    && let Some(guard) = self.guard(view, conditions)
                {
                    place_of.insert(view, guards.list.len());
                    guards.list.push(guard);
                }
                places.extend(place_of.get(&view));
            }
        }
        let (guesses, subject_of) = (&self.guesses, &self.subject_of);
        let mut sort = |conditions: &[NodeId], places: &[usize]| {
            let is_known = |node: NodeId| {
                let subject = subject_of.get(node.place()).copied().flatten();
                let mut known = places.iter().filter_map(|place| guards.list.get(*place));
                known.any(|guard| Some(guard.subject) == subject)
            };
            order::sort_behind(graph, conditions, guesses, is_known);
        };
        sort(conditions, &guards.all);
        sort(rests, &guards.behind_thread);
        guards
    }

    fn guard(&mut self, view: usize, conditions: &[NodeId]) -> Option<Guard> {
        let (subject, view) = self.views.get(view)?;
        let words = conditions.len().div_ceil(64);
        if view.count * words * 8 > self.bytes_left {
            return None;
        }
        let mut base = Bits::none(conditions.len());
        let mut decides = Bits::none(conditions.len());
        let mut rows: Vec<Bits> = vec![Bits::none(conditions.len()); view.count];
        let mut except: Vec<(usize, Vec<usize>)> = Vec::new();
        for (rule, condition) in conditions.iter().enumerate() {
            match view.conditions.get(condition).map(|verdicts| &verdicts.may_hold) {
                None => base.insert(rule),
                Some(may_hold) => {
                    decides.insert(rule);
                    if may_hold.count() * 2 <= view.count {
                        set(&mut rows, may_hold.iter(), |row| row.insert(rule));
                    } else {
                        base.insert(rule);
                        except.push((rule, may_hold.missing(view.count).collect()));
                    }
                }
            }
        }
        for row in &mut rows {
            row.unite(&base);
        }
        for (rule, classes) in except {
            set(&mut rows, classes.into_iter(), |row| row.remove(rule));
        }
        let mut places: HashMap<&Bits, u16, FixedState> = HashMap::default();
        let mut distinct = Vec::new();
        let mut row_of = Vec::new();
        for row in &rows {
            let next = u16::try_from(places.len()).ok()?;
            row_of.push(*places.entry(row).or_insert_with(|| {
                distinct.extend_from_slice(row.words());
                next
            }));
        }
        let guard = Guard {
            subject: *subject,
            decides: decides.words().into(),
            row_of: row_of.into(),
            rows: distinct.into(),
        };
        self.bytes_left = self.bytes_left.saturating_sub(guard.bytes());
        Some(guard)
    }
}

/// Changes the rows of some classes.
fn set(rows: &mut [Bits], classes: impl Iterator<Item = usize>, mut change: impl FnMut(&mut Bits)) {
    for class in classes {
        if let Some(row) = rows.get_mut(class) {
            change(row);
        }
    }
}

impl Guard {
    /// The bytes that it takes.
    pub(super) fn bytes(&self) -> usize {
        size_of::<Self>() + (self.decides.len() + self.rows.len()) * 8 + self.row_of.len() * 2
    }
}
