//! Joins over base documents: `other := data.inventory.namespace[ns][_]["Ingress"][name]; other.spec.rules[_].host == host`.
//!
//! A [`Join`] stands where the scan of the documents starts. It goes through those places alone where the comparison further on
//! can hold, in the order of the scan; all operations from there on, the comparison as well, run as they would. So an index may
//! only leave out what cannot hold, and what stands between the scan and the comparison may do nothing but go on or fail.

use std::collections::{HashMap, HashSet};

use lumen_value::Value;

use super::build::index;
use super::{Comparison, How, Op, Operand, Place, Plan, Root, Slot};

/// A path whose steps are a key, or every key.
pub type Steps = Vec<Option<Value>>;

/// What an index is about; all keys are strings. Two programs that look for the same share the index.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Pattern {
    /// Where it starts, below `data`.
    pub root: Vec<Value>,
    /// From there, to what is gone through.
    pub base: Steps,
    /// From there, to what is compared.
    pub inner: Steps,
}

/// A scan that ends in a comparison.
#[derive(Clone, Debug)]
pub struct Join {
    /// What is looked for where.
    pub pattern: Pattern,
    /// What it is equal to: what stands at a path below `input` or an operand. None of it changes during the scan.
    pub wanted: Root,
    /// The path.
    pub wanted_path: Vec<Value>,
    /// Where the value at the root goes, and key and value of each step from there.
    pub root: Slot,
    /// Key and value of each step of [`Pattern::base`].
    pub slots: Vec<(Slot, Slot)>,
    /// Of each step, the key that it has where that is known when the scan starts. In the pattern it is every key.
    pub bound: Vec<Option<Operand>>,
    /// Where it goes on.
    pub after: Place,
    /// What starts the scan, where there is no index.
    pub scan: Op,
}

/// Most operations that are looked at for one join, and most steps of its paths.
const LENGTH_MAX: usize = 64;

/// Built-ins that fail or give a value, and have no other effect.
const PURE: &[&str] = &[
    "array.concat",
    "array.slice",
    "concat",
    "contains",
    "count",
    "endswith",
    "is_array",
    "is_boolean",
    "is_null",
    "is_number",
    "is_object",
    "is_set",
    "is_string",
    "lower",
    "object.get",
    "re_match",
    "regex.match",
    "split",
    "startswith",
    "substring",
    "trim",
    "trim_prefix",
    "trim_suffix",
    "upper",
];

/// Puts joins in the place of scans, from a place on.
pub(super) fn find_joins(plan: &mut Plan, from: Place) {
    let targets = targets(plan);
    for place in from as usize..plan.ops.len() {
        let Some(Op::Path { root: Root::Data | Root::Below, .. }) = plan.ops.get(place) else { continue };
        let Some(join) = join_at(plan, &targets, place) else { continue };
        plan.joins.push(join);
        let join = index(plan.joins.len() - 1);
        if let Some(op) = plan.ops.get_mut(place) {
            *op = Op::Join { join };
        }
    }
}

/// Where code is entered other than from the operation before.
fn targets(plan: &Plan) -> HashSet<usize> {
    let jumps = plan.ops.iter().filter_map(|op| match op {
        Op::Try { target, .. }
        | Op::Jump { target }
        | Op::IfProduced { target }
        | Op::IfResult { target }
        | Op::Result { next: target, .. } => Some(*target as usize),
        _ => None,
    });
    let entries = plan.documents.iter().flat_map(|document| document.keyed.iter().chain([&document.entry]));
    jumps.chain(entries.map(|place| *place as usize)).collect()
}

/// The scan that starts at a place.
fn join_at(plan: &Plan, targets: &HashSet<usize>, start: usize) -> Option<Join> {
    let scan = *plan.ops.get(start)?;
    let Op::Path { to: root_slot, path, .. } = scan else { return None };
    let root: Vec<Value> = plan.paths.get(path as usize)?.to_vec();
    if root.is_empty() || !root.iter().all(is_text) {
        return None;
    }
    let (mut base, mut slots, mut bound) = (Steps::new(), Vec::new(), Vec::new());
    let mut written = HashSet::from([root_slot.0]);
    let (mut at, mut place) = (root_slot, start + 1);
    while let Some(step) = plan.ops.get(place).and_then(|op| base_step(plan, op, &written))
        && step.from == at
        && !targets.contains(&place)
    {
        let above = step.keys.len().saturating_sub(1);
        slots.extend(std::iter::repeat_n((Slot::NONE, Slot::NONE), above));
        bound.extend(std::iter::repeat_n(None, above));
        slots.push((step.key, step.to));
        bound.push(step.bound);
        base.extend(step.keys);
        written.extend([step.key.0, step.to.0]);
        (at, place) = (step.to, place + 1);
    }
    let is_scan = base.iter().zip(&bound).any(|(step, bound)| step.is_none() && bound.is_none());
    if !is_scan || base.len() > LENGTH_MAX {
        return None;
    }
    let found = HashMap::from([(at.0, Steps::new())]);
    let mut region = Region { plan, found, written, fixed: HashMap::new() };
    for next in place..(place + LENGTH_MAX).min(plan.ops.len()) {
        if targets.contains(&next) {
            return None;
        }
        let op = plan.ops.get(next)?;
        if let Some((inner, (wanted, wanted_path))) = region.compared(op) {
            let pattern = Pattern { root, base, inner };
            let after = index(place);
            return Some(Join { pattern, wanted, wanted_path, root: root_slot, slots, bound, after, scan });
        }
        region.add(op)?;
    }
    None
}

/// An operation that looks into a value.
struct Step {
    from: Slot,
    keys: Steps,
    key: Slot,
    to: Slot,
    /// The key, where it is known though not constant.
    bound: Option<Operand>,
}

/// A step of what is gone through: its key may be known when the scan starts.
fn base_step(plan: &Plan, op: &Op, written: &HashSet<u32>) -> Option<Step> {
    if let Op::Get { to, from, key } = *op
        && let Err(slot) = key.as_constant()
        && !written.contains(&slot.0)
    {
        let from = from.as_constant().err()?;
        return Some(Step { from, keys: vec![None], key: Slot::NONE, to, bound: Some(key) });
    }
    step(plan, op)
}

fn is_text(key: &Value) -> bool {
    matches!(key, Value::String(_))
}

fn step(plan: &Plan, op: &Op) -> Option<Step> {
    match *op {
        Op::Get { to, from, key } => {
            let key = plan.constants.get(key.as_constant().ok()? as usize).filter(|key| is_text(key))?;
            let keys = vec![Some(key.clone())];
            Some(Step { from: from.as_constant().err()?, keys, key: Slot::NONE, to, bound: None })
        }
        Op::Path { to, root: Root::Operand(from), path } => {
            let keys = plan.paths.get(path as usize)?;
            if keys.is_empty() || !keys.iter().all(is_text) {
                return None;
            }
            let keys = keys.iter().cloned().map(Some).collect();
            Some(Step { from: from.as_constant().err()?, keys, key: Slot::NONE, to, bound: None })
        }
        Op::Iterate { from, key, value } if value.wanted() => {
            Some(Step { from: from.as_constant().err()?, keys: vec![None], key, to: value, bound: None })
        }
        _ => None,
    }
}

/// Operations after the scan.
struct Region<'p> {
    plan: &'p Plan,
    /// Slots whose value stands below what is gone through, and where.
    found: HashMap<u32, Steps>,
    /// Slots that are not the same as before the scan.
    written: HashSet<u32>,
    /// Slots among them that have the same value whatever is gone through: what stands at a path.
    fixed: HashMap<u32, (Root, Vec<Value>)>,
}

impl Region<'_> {
    /// What a comparison compares with a value from before.
    fn compared(&self, op: &Op) -> Option<(Steps, (Root, Vec<Value>))> {
        let Op::Test { comparison: Comparison::Equal, left, right } = *op else { return None };
        let inner = |operand: Operand| self.found.get(&operand.as_constant().err()?.0).cloned();
        match (inner(left), inner(right)) {
            (Some(inner), None) => Some((inner, self.fixed(right)?)),
            (None, Some(inner)) => Some((inner, self.fixed(left)?)),
            _ => None,
        }
    }

    /// What an operand is, where that does not depend on what is gone through.
    fn fixed(&self, operand: Operand) -> Option<(Root, Vec<Value>)> {
        match operand.as_constant() {
            Err(slot) if self.written.contains(&slot.0) => self.fixed.get(&slot.0).cloned(),
            _ => Some((Root::Operand(operand), Vec::new())),
        }
    }

    /// What an operation gives, where that does not depend on what is gone through.
    fn fixed_by(&self, op: &Op) -> Option<(Slot, (Root, Vec<Value>))> {
        let below = |from: Operand, keys: &[Value]| {
            let (root, path) = self.fixed(from)?;
            (path.len() + keys.len() <= LENGTH_MAX).then(|| (root, [path.as_slice(), keys].concat()))
        };
        match *op {
            Op::Path { to, root: Root::Input, path } => {
                Some((to, (Root::Input, self.plan.paths.get(path as usize)?.to_vec())))
            }
            Op::Path { to, root: Root::Operand(from), path } => {
                Some((to, below(from, self.plan.paths.get(path as usize)?)?))
            }
            Op::Get { to, from, key } => {
                let key = self.plan.constants.get(key.as_constant().ok()? as usize)?;
                Some((to, below(from, std::slice::from_ref(key))?))
            }
            Op::Copy { to, from } => Some((to, self.fixed(from)?)),
            _ => None,
        }
    }

    /// Goes over an operation; none where it may do more than to go on or fail.
    fn add(&mut self, op: &Op) -> Option<()> {
        if let Some((to, fixed)) = self.fixed_by(op) {
            self.write(to);
            self.fixed.insert(to.0, fixed);
            return Some(());
        }
        if let Some(step) = step(self.plan, op) {
            let below = self.found.get(&step.from.0).map(|above| [above.as_slice(), &step.keys].concat());
            self.write(step.key);
            self.write(step.to);
            if let Some(below) = below.filter(|below| below.len() <= LENGTH_MAX) {
                self.found.insert(step.to.0, below);
            }
            return Some(());
        }
        match *op {
            Op::Copy { to, from } => {
                let below = from.as_constant().err().and_then(|from| self.found.get(&from.0).cloned());
                self.write(to);
                if let Some(below) = below {
                    self.found.insert(to.0, below);
                }
            }
            Op::Test { .. }
            | Op::Truthy { .. }
            | Op::IsArray { .. }
            | Op::IsObject { .. }
            | Op::IsCollection { .. } => {}
            Op::Path { to, .. }
            | Op::Get { to, .. }
            | Op::MakeArray { to, .. }
            | Op::MakeSet { to, .. }
            | Op::MakeObject { to, .. } => self.write(to),
            Op::Iterate { key, value, .. } => {
                self.write(key);
                self.write(value);
            }
            Op::Builtin { to, builtin, .. } => {
                let known = self.plan.builtins.get(builtin as usize)?;
                if !matches!(known.how, How::Comparison(_)) && !PURE.contains(&&*known.name) {
                    return None;
                }
                self.write(to);
            }
            _ => return None,
        }
        Some(())
    }

    fn write(&mut self, slot: Slot) {
        self.written.insert(slot.0);
        self.found.remove(&slot.0);
        self.fixed.remove(&slot.0);
    }
}
