//! Parts of conditions that the class of one value decides: always where they depend on nothing else, and often where they
//! are one of many parts, as the exceptions of a rule are.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::classes::Verdicts;
use super::graph::NodeId;

/// Most bytes of what is known of classes; parts for which there is no room are decided from their own parts.
const BYTES_MAX: usize = 2 << 20;

/// For nodes that depend on several subjects, the one whose classes decide most.
#[derive(Default)]
pub(super) struct Best(BTreeMap<NodeId, (usize, u32, Rc<Verdicts>)>);

impl Best {
    /// Notes what the classes of one subject say.
    pub(super) fn note(&mut self, node: NodeId, subject: u32, verdicts: &Rc<Verdicts>, count: usize) {
        let mut open = verdicts.may_hold.clone();
        open.intersect(&verdicts.may_fail);
        // In thousandths: subjects have different numbers of classes.
        let decided = (count - open.count()) * 1000 / count;
        let entry = self.0.entry(node).or_insert_with(|| (decided, subject, Rc::clone(verdicts)));
        if decided > entry.0 {
            *entry = (decided, subject, Rc::clone(verdicts));
        }
    }
}

/// What is known of nodes.
#[derive(Clone, Debug, Default)]
pub(super) struct Shortcuts {
    /// By the places of nodes.
    known: Vec<Known>,
    /// For each node two bits a class: a word whose bits say whether the node may hold, and one whose bits say whether it may
    /// fail; so for all classes.
    words: Vec<u64>,
}

#[derive(Clone, Copy, Debug)]
struct Known {
    subject: u32,
    /// Where the words of the node begin; [`NOTHING`] where there are none.
    start: u32,
}

const NOTHING: u32 = u32::MAX;

impl Shortcuts {
    pub(super) fn new(nodes: usize) -> Self {
        Self { known: vec![Known { subject: 0, start: NOTHING }; nodes], words: Vec::new() }
    }

    /// Keeps what is known of nodes that depend on several subjects.
    pub(super) fn keep_best(&mut self, best: &Best) {
        for (node, (_, subject, verdicts)) in &best.0 {
            self.keep(*node, *subject, verdicts);
        }
    }

    /// Keeps what is known of a node.
    pub(super) fn keep(&mut self, node: NodeId, subject: u32, verdicts: &Verdicts) {
        let (may_hold, may_fail) = (verdicts.may_hold.words(), verdicts.may_fail.words());
        if (self.words.len() + 2 * may_hold.len()) * size_of::<u64>() > BYTES_MAX {
            return;
        }
        if let (Ok(start), Some(known)) = (u32::try_from(self.words.len()), self.known.get_mut(node.place()))
        {
            *known = Known { subject, start };
            self.words
                .extend(may_hold.iter().zip(may_fail).flat_map(|(may_hold, may_fail)| [may_hold, may_fail]));
        }
    }

    /// The subject whose class may decide a node.
    pub(super) fn subject(&self, node: NodeId) -> Option<u32> {
        self.known.get(node.place()).filter(|known| known.start != NOTHING).map(|known| known.subject)
    }

    /// Whether a node holds for a class of the subject's values; `None` where that does not decide it.
    pub(super) fn holds(&self, node: NodeId, class: u16) -> Option<bool> {
        let place = self.known.get(node.place())?.start as usize + usize::from(class) / 64 * 2;
        let bit = class % 64;
        let (may_hold, may_fail) = (self.words.get(place)? >> bit & 1, self.words.get(place + 1)? >> bit & 1);
        (may_hold != may_fail).then_some(may_hold == 1)
    }
}
