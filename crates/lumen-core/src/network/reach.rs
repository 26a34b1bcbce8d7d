//! [`Reachability`]: all pairs of workloads, by class.

use std::collections::HashMap;
use std::sync::Arc;

use super::class::{Class, ClassId, ClassSet};
use super::evaluate::is_isolated;
use super::external::Beyond;
use super::policy::{Direction, PeerMatch, PolicyId, Rule, RuleAction, Tier};
use super::port::Ports;
use super::workload::NamedPorts;
use super::{Model, WorkloadId};

/// Most cells of all rows together; one takes four bytes.
pub const CELLS_MAX: usize = 1 << 27;

/// A set of ports, by number.
type PortsId = u32;

const NONE: PortsId = 0;
const ALL: PortsId = 1;

/// Who may reach whom on which ports, for every pair of workloads at once.
#[derive(Debug)]
pub struct Reachability {
    members: Vec<Vec<WorkloadId>>,
    ports: Vec<Ports>,
    rows: Vec<Row>,
    /// For each class its row of sources, and its row of destinations.
    ingress: Vec<u32>,
    egress: Vec<u32>,
}

/// What one direction lets through, for the class at the other end.
#[derive(Debug)]
enum Row {
    /// All ports for everyone.
    Open,
    /// For few classes something; sorted.
    Few(Vec<(u32, PortsId)>),
    /// For each class.
    Many(Vec<PortsId>),
}

impl Row {
    fn get(&self, class: u32) -> PortsId {
        match self {
            Self::Open => ALL,
            Self::Few(few) => few
                .binary_search_by_key(&class, |(class, _)| *class)
                .ok()
                .and_then(|index| few.get(index))
                .map_or(NONE, |(_, ports)| *ports),
            Self::Many(many) => many.get(class as usize).copied().unwrap_or(NONE),
        }
    }

    fn of(cells: &[PortsId]) -> Self {
        let something = || (0..).zip(cells).filter(|(_, ports)| **ports != NONE);
        if something().count() * 4 > cells.len() {
            Self::Many(cells.to_vec())
        } else {
            Self::Few(something().map(|(class, ports)| (class, *ports)).collect())
        }
    }

    fn size(&self) -> usize {
        match self {
            Self::Open => 1,
            Self::Few(few) => few.len() * 2,
            Self::Many(many) => many.len(),
        }
    }
}

impl Reachability {
    /// How many classes of workloads there are.
    pub fn class_count(&self) -> usize {
        self.members.len()
    }

    /// The workloads of a class.
    pub fn members(&self, class: ClassId) -> &[WorkloadId] {
        self.members.get(class.index()).map_or(&[], Vec::as_slice)
    }

    /// The ports on which workloads of one class may reach those of another.
    pub fn ports(&self, source: ClassId, destination: ClassId) -> Ports {
        let (egress, ingress) = self.halves(source, destination);
        self.set(egress).intersection(self.set(ingress))
    }

    /// The ports on which workloads of one class are let in by those of another, whatever their own policies let out.
    pub(super) fn let_in(&self, source: ClassId, destination: ClassId) -> Ports {
        self.set(self.halves(source, destination).1).clone()
    }

    /// What the source lets out and what the destination lets in.
    fn halves(&self, source: ClassId, destination: ClassId) -> (PortsId, PortsId) {
        let row = |rows: &[u32], class: ClassId| {
            rows.get(class.index()).and_then(|row| self.rows.get(*row as usize))
        };
        let egress = row(&self.egress, source).map_or(NONE, |row| row.get(destination.0));
        let ingress = row(&self.ingress, destination).map_or(NONE, |row| row.get(source.0));
        (egress, ingress)
    }

    fn set(&self, ports: PortsId) -> &Ports {
        static EMPTY: Ports = Ports::none();
        self.ports.get(ports as usize).unwrap_or(&EMPTY)
    }

    /// Calls a function for every pair of classes that are connected, by destination and then by source. A class may be
    /// connected with itself: two pods of one workload, or two workloads of one class.
    pub fn for_each(&self, mut each: impl FnMut(ClassId, ClassId, &Ports)) {
        let mut both: HashMap<(PortsId, PortsId), Ports> = HashMap::new();
        let count = u32::try_from(self.members.len()).unwrap_or(u32::MAX);
        for destination in (0..count).map(ClassId) {
            let row = self.ingress.get(destination.index()).and_then(|row| self.rows.get(*row as usize));
            let Some(row) = row else {
                continue;
            };
            let mut visit = |source: u32, ingress: PortsId| {
                let source = ClassId(source);
                let row = self.egress.get(source.index()).and_then(|row| self.rows.get(*row as usize));
                let egress = row.map_or(NONE, |row| row.get(destination.0));
                match (egress, ingress) {
                    (NONE, _) | (_, NONE) => {}
                    (ALL, ports) | (ports, ALL) => each(source, destination, self.set(ports)),
                    (egress, ingress) if egress == ingress => each(source, destination, self.set(egress)),
                    pair => {
                        let ports = both
                            .entry(pair)
                            .or_insert_with(|| self.set(egress).intersection(self.set(ingress)));
                        if !ports.is_empty() {
                            each(source, destination, ports);
                        }
                    }
                }
            };
            match row {
                Row::Open => (0..count).for_each(|source| visit(source, ALL)),
                Row::Few(few) => few.iter().for_each(|(source, ports)| visit(*source, *ports)),
                Row::Many(many) => (0..).zip(many).for_each(|(source, ports)| visit(source, *ports)),
            }
        }
    }
}

/// Sets of ports, each kept once, with the memory of what was made of which.
#[derive(Default)]
struct Sets {
    list: Vec<Ports>,
    numbers: HashMap<Ports, PortsId>,
    made: HashMap<(Operation, PortsId, PortsId), PortsId>,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Operation {
    Union,
    Intersection,
    Difference,
}

impl Sets {
    fn new() -> Self {
        let mut sets = Self::default();
        sets.add(Ports::none());
        sets.add(Ports::all());
        sets
    }

    fn add(&mut self, ports: Ports) -> PortsId {
        let next = PortsId::try_from(self.list.len()).unwrap_or(PortsId::MAX);
        *self.numbers.entry(ports).or_insert_with_key(|ports| {
            self.list.push(ports.clone());
            next
        })
    }

    fn make(&mut self, operation: Operation, a: PortsId, b: PortsId) -> PortsId {
        match (operation, a, b) {
            (Operation::Union, NONE, other)
            | (Operation::Union | Operation::Difference, other, NONE)
            | (Operation::Intersection, ALL, other)
            | (Operation::Intersection, other, ALL) => return other,
            (Operation::Union, ALL, _) | (Operation::Union, _, ALL) => return ALL,
            (Operation::Intersection | Operation::Difference, NONE, _)
            | (Operation::Intersection, _, NONE)
            | (Operation::Difference, _, ALL) => return NONE,
            (Operation::Difference, left, right) if left == right => return NONE,
            (_, left, right) if left == right => return left,
            _ => {}
        }
        if let Some(known) = self.made.get(&(operation, a, b)) {
            return *known;
        }
        let made = match (self.list.get(a as usize), self.list.get(b as usize)) {
            (Some(left), Some(right)) => match operation {
                Operation::Union => left.union(right),
                Operation::Intersection => left.intersection(right),
                Operation::Difference => left.difference(right),
            },
            _ => Ports::none(),
        };
        let made = self.add(made);
        self.made.insert((operation, a, b), made);
        made
    }
}

/// What a row depends on: the direction, the policies, and the subject's names of ports where those count.
type RowKey<'a> = (Direction, &'a [PolicyId], Option<&'a Arc<NamedPorts>>);

/// What of a class's cell is open, allowed and passed on so far.
#[derive(Clone, Copy)]
struct Cell {
    open: PortsId,
    allowed: PortsId,
    passed: PortsId,
}

struct Builder<'a> {
    model: &'a Model,
    sets: Sets,
    selectable: Vec<u32>,
    everyone: Vec<u32>,
    cells: Vec<Cell>,
}

impl Model {
    /// All pairs at once.
    ///
    /// # Errors
    ///
    /// When the rows would have more than [`CELLS_MAX`] cells: more than about ten thousand classes that all differ.
    pub fn reachability(&self) -> Result<Reachability, Beyond> {
        let count = u32::try_from(self.classes.len()).unwrap_or(u32::MAX);
        let host = |class: &u32| self.classes.get(*class as usize).is_some_and(|class| class.host_network);
        let fresh = Cell { open: ALL, allowed: NONE, passed: NONE };
        let mut builder = Builder {
            model: self,
            sets: Sets::new(),
            selectable: (0..count).filter(|class| !host(class)).collect(),
            everyone: (0..count).collect(),
            cells: vec![fresh; self.classes.len()],
        };
        let mut rows = vec![Row::Open];
        let mut size = 0;
        let mut known: HashMap<RowKey<'_>, u32> = HashMap::new();
        let mut of_classes = [Vec::new(), Vec::new()];
        for (direction, of_class) in Direction::ALL.into_iter().zip(&mut of_classes) {
            for (number, class) in (0..).map(ClassId).zip(&self.classes) {
                let policies = self.selecting(number, direction);
                if policies.is_empty() {
                    of_class.push(0);
                    continue;
                }
                // What a name of a port means depends on the destination, which is the class itself for ingress.
                let names = Some(&class.ports).filter(|_| direction == Direction::Ingress);
                let key = (direction, policies, names);
                let row = if let Some(row) = known.get(&key) {
                    *row
                } else {
                    let row = builder.row(policies, direction, class);
                    size += row.size();
                    if size > CELLS_MAX {
                        return Err(Beyond);
                    }
                    rows.push(row);
                    let number = u32::try_from(rows.len() - 1).unwrap_or(u32::MAX);
                    known.insert(key, number);
                    number
                };
                of_class.push(row);
            }
        }
        let mut members = vec![Vec::new(); self.classes.len()];
        for (id, workload) in self.iter() {
            if let Some(list) = members.get_mut(workload.class.index()) {
                list.push(id);
            }
        }
        let [ingress, egress] = of_classes;
        Ok(Reachability { members, ports: builder.sets.list, rows, ingress, egress })
    }
}

impl Builder<'_> {
    /// The row of a class for one direction: what [`weigh`](super::evaluate::weigh) says, for all classes at once.
    fn row(&mut self, ids: &[PolicyId], direction: Direction, subject: &Class) -> Row {
        let model = self.model;
        let policies = || model.resolve(ids);
        let rules = |tier: Tier| {
            let of_tier = policies().filter(move |policy| policy.tier == tier);
            of_tier.flat_map(move |policy| &policy.section(direction).rules)
        };
        self.cells.fill(Cell { open: ALL, allowed: NONE, passed: NONE });
        for rule in rules(Tier::Admin) {
            self.apply(rule, direction, subject, rule.action);
        }
        let mut cells = std::mem::take(&mut self.cells);
        for cell in &mut cells {
            cell.open = self.sets.make(Operation::Union, cell.open, cell.passed);
            cell.passed = NONE;
        }
        self.cells = cells;
        for rule in rules(Tier::Namespace).filter(|rule| rule.action == RuleAction::Deny) {
            self.apply(rule, direction, subject, RuleAction::Deny);
        }
        let isolated = is_isolated(policies(), direction);
        if isolated {
            for rule in rules(Tier::Namespace).filter(|rule| rule.action != RuleAction::Deny) {
                self.apply(rule, direction, subject, RuleAction::Allow);
            }
        } else {
            for rule in rules(Tier::Baseline) {
                let action =
                    if rule.action == RuleAction::Deny { RuleAction::Deny } else { RuleAction::Allow };
                self.apply(rule, direction, subject, action);
            }
        }
        let rest = |sets: &mut Sets, cell: &Cell| {
            if isolated { cell.allowed } else { sets.make(Operation::Union, cell.allowed, cell.open) }
        };
        let sets = &mut self.sets;
        let row: Vec<_> = self.cells.iter().map(|cell| rest(sets, cell)).collect();
        Row::of(&row)
    }

    /// Lets one rule decide about the classes that it means.
    fn apply(&mut self, rule: &Rule, direction: Direction, subject: &Class, action: RuleAction) {
        // For egress the names are the peer's.
        let names_at_peer = direction == Direction::Egress && rule.has_named_ports();
        let fixed = if names_at_peer { NONE } else { self.sets.add(rule.ports_at(&subject.ports)) };
        let mut named: HashMap<&Arc<NamedPorts>, PortsId> = HashMap::new();
        let model = self.model;
        for peer in &rule.peers {
            let members: &[u32] = match (&peer.who, model.sets.get(peer.set as usize)) {
                (PeerMatch::Anyone | PeerMatch::Cluster, _) => &self.everyone,
                (_, Some(ClassSet::Selectable)) => &self.selectable,
                (_, Some(ClassSet::These(members))) => members,
                (_, None) => &[],
            };
            for class in members {
                let ports = match model.classes.get(*class as usize).filter(|_| names_at_peer) {
                    None => fixed,
                    Some(class) => {
                        let sets = &mut self.sets;
                        *named.entry(&class.ports).or_insert_with(|| sets.add(rule.ports_at(&class.ports)))
                    }
                };
                let Some(cell) = self.cells.get_mut(*class as usize) else {
                    continue;
                };
                let decided = self.sets.make(Operation::Intersection, ports, cell.open);
                cell.open = self.sets.make(Operation::Difference, cell.open, decided);
                match action {
                    RuleAction::Allow => {
                        cell.allowed = self.sets.make(Operation::Union, cell.allowed, decided);
                    }
                    RuleAction::Pass => cell.passed = self.sets.make(Operation::Union, cell.passed, decided),
                    RuleAction::Deny => {}
                }
            }
        }
    }
}
