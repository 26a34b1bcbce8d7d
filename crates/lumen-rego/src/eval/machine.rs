//! The machine: slots, frames, choice points, and one operation after the other.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{self, AtomicBool};

use lumen_value::Value;

use super::call::Frame;
use super::choice::{Choice, Resume};
use super::collect::Collector;
use super::compare::{compares, holds};
use super::context::{self, Context};
use super::join;
use super::memo::Memo;
use super::shared::Account;
use super::walk::{WalkState, entry};
use super::{Data, EvalError, Host, Inputs, Moment, Need, Observer, Outcome, Shared};
use crate::builtin::{Budget, Failure, cache};
use crate::error::{Code as ErrorCode, Error, Span};
use crate::plan::{Code, Comparison, List, Op, Operand, Place, Plan, Root, Slot};

/// Bytes of one value in a collection, of one entry of an object.
pub(super) const VALUE_BYTES: u64 = 24;
pub(super) const ENTRY_BYTES: u64 = 48;

/// How many parts of values are compared in one step.
pub(super) use crate::builtin::PARTS_FREE;

/// The cancel flag is looked at every so many steps.
const CANCEL_STEPS: u64 = 4_096;

/// Most frames at a time. Rules are not recursive, so only a program with as many rules comes near.
pub(super) const FRAMES_MAX: usize = 100_000;

/// Most choice points at a time.
const CHOICES_MAX: usize = 1_000_000;

/// Memory that evaluations use again, and what built-ins keep of constants. Holds nothing of an evaluation that ended.
#[derive(Default)]
pub struct Scratch {
    slots: Vec<Value>,
    marks: Vec<usize>,
    choices: Vec<Choice>,
    frames: Vec<Frame>,
    collectors: Vec<Collector>,
    contexts: Vec<Context>,
    memo: Memo,
    arguments: Vec<Value>,
    pub(super) cache: cache::Cache,
}

/// Why the machine stops before it has all solutions. In a box, since every operation may return one and hardly any does.
pub(super) struct Stop(Box<Error>);

impl Stop {
    pub(super) fn error(&self) -> &Error {
        &self.0
    }
}

/// Whether an operation held.
pub(super) type Step = Result<bool, Stop>;

/// What the machine knows while it runs.
pub(super) struct Machine<'a, 'h> {
    pub(super) plan: &'a Plan,
    code: &'a Code,
    pub(super) data: &'a Data,
    pub(super) slots: Vec<Value>,
    pub(super) marks: Vec<usize>,
    pub(super) choices: Vec<Choice>,
    pub(super) frames: Vec<Frame>,
    pub(super) collectors: Vec<Collector>,
    pub(super) contexts: Vec<Context>,
    pub(super) arguments: Vec<Value>,
    pub(super) cache: cache::Cache,
    /// The next operation.
    pub(super) place: Place,
    /// First slot and first mark of the innermost frame.
    pub(super) base: usize,
    pub(super) base_mark: usize,
    /// The context in force.
    pub(super) context: u32,
    pub(super) budget: Budget,
    cancel: Option<&'a AtomicBool>,
    ticks: u64,
    pub(super) time_ns: i64,
    pub(super) random: u64,
    /// What random built-ins answered, by their index and operands.
    pub(super) drawn: HashMap<(u32, Vec<Value>), Value>,
    pub(super) strict: bool,
    pub(super) host: Option<&'h mut dyn Host>,
    pub(super) observer: Option<&'h mut dyn Observer>,
    pub(super) shared: Option<&'h mut Shared>,
    pub(super) account: Account,
    /// Indexes of base documents that joins of the plan asked for.
    pub(super) indexes: HashMap<u32, Option<Arc<join::Index>>>,
    /// Calls whose answers are missing, and the place of each in the order of asking.
    pub(super) needs: HashMap<Need, usize>,
    outcome: Outcome,
}

/// Runs code to its end.
pub(crate) fn evaluate(code: &Code, inputs: Inputs<'_>, scratch: &mut Scratch) -> Result<Outcome, EvalError> {
    let mut machine = Machine::new(code, inputs, scratch);
    let result = machine.run();
    let mut needs: Vec<(Need, usize)> = machine.needs.drain().collect();
    needs.sort_by_key(|(_, place)| *place);
    let mut outcome = std::mem::take(&mut machine.outcome);
    outcome.left = machine.budget.left();
    let result = result.map_err(|error| machine.report(error));
    machine.give_back(scratch);
    if !needs.is_empty() {
        return Err(EvalError::Pending(needs.into_iter().map(|(need, _)| need).collect()));
    }
    result.map(|()| outcome)
}

impl<'a, 'h> Machine<'a, 'h> {
    pub(super) fn new(code: &'a Code, inputs: Inputs<'h>, scratch: &mut Scratch) -> Self
    where
        'h: 'a,
    {
        let names = code.variables.iter().map(|(name, _)| name.clone()).collect();
        let mut contexts = std::mem::take(&mut scratch.contexts);
        contexts.push(Context {
            parent: 0,
            choices: 0,
            input: inputs.input,
            data: inputs.data.root().clone(),
            parts: None,
            targets: Arc::default(),
            stands: Arc::default(),
            memo: std::mem::take(&mut scratch.memo),
        });
        let mut machine = Self {
            plan: &code.plan,
            code,
            data: inputs.data,
            slots: std::mem::take(&mut scratch.slots),
            marks: std::mem::take(&mut scratch.marks),
            choices: std::mem::take(&mut scratch.choices),
            frames: std::mem::take(&mut scratch.frames),
            collectors: std::mem::take(&mut scratch.collectors),
            contexts,
            arguments: std::mem::take(&mut scratch.arguments),
            cache: std::mem::take(&mut scratch.cache),
            place: code.entry,
            base: 0,
            base_mark: 0,
            context: 0,
            budget: inputs.budget,
            cancel: inputs.cancel,
            ticks: 0,
            time_ns: inputs.time_ns,
            random: inputs.seed,
            drawn: HashMap::new(),
            strict: inputs.strict_builtin_errors,
            host: inputs.host,
            observer: inputs.observer,
            shared: inputs.shared,
            account: Account::default(),
            indexes: HashMap::new(),
            needs: HashMap::new(),
            outcome: Outcome { names, ..Outcome::default() },
        };
        machine.slots.resize(code.slots as usize, Value::Null);
        machine.marks.resize(code.marks as usize, 0);
        machine.choose(Resume::Stop, code.entry);
        machine
    }

    pub(super) fn give_back(mut self, scratch: &mut Scratch) {
        self.slots.clear();
        self.marks.clear();
        self.choices.clear();
        self.frames.clear();
        self.collectors.clear();
        self.arguments.clear();
        if let Some(first) = self.contexts.first_mut() {
            scratch.memo = std::mem::take(&mut first.memo);
            scratch.memo.clear();
        }
        self.contexts.clear();
        scratch.slots = self.slots;
        scratch.marks = self.marks;
        scratch.choices = self.choices;
        scratch.frames = self.frames;
        scratch.collectors = self.collectors;
        scratch.contexts = self.contexts;
        scratch.arguments = self.arguments;
        scratch.cache = self.cache;
    }

    fn run(&mut self) -> Result<(), Stop> {
        loop {
            let went_on = match self.tick() {
                Ok(()) => self.step(),
                Err(error) => Err(error),
            };
            let went_on = match went_on {
                Ok(went_on) => went_on,
                Err(error) => {
                    self.contradicted(error)?;
                    true
                }
            };
            if !went_on && !self.go_back()? {
                return Ok(());
            }
        }
    }

    /// Counts a step.
    pub(super) fn tick(&mut self) -> Result<(), Stop> {
        self.ticks += 1;
        if self.ticks.is_multiple_of(CANCEL_STEPS)
            && self.cancel.is_some_and(|flag| flag.load(atomic::Ordering::Relaxed))
        {
            let message = "caller cancelled query execution".to_owned();
            return Err(self.error_at(ErrorCode::EvalCancel, Span::default(), message));
        }
        match self.budget.steps(1) {
            Ok(()) => Ok(()),
            Err(_) => Err(self.exhausted()),
        }
    }

    /// The place of the operation that runs.
    pub(super) fn span(&self) -> Span {
        let at = (self.place as usize).saturating_sub(1);
        self.plan.spans.get(at).copied().unwrap_or_default()
    }

    pub(super) fn error(&self, code: ErrorCode, message: String) -> Stop {
        self.error_at(code, self.span(), message)
    }

    #[expect(clippy::unused_self, reason = "reads as the others do")]
    pub(super) fn error_at(&self, code: ErrorCode, span: Span, message: String) -> Stop {
        Stop(Box::new(Error { code, span, file: Arc::from(""), message, hint: None }))
    }

    /// The budget is used up: where.
    pub(super) fn exhausted(&self) -> Stop {
        let document = self.frames.last().and_then(|frame| self.plan.documents.get(frame.document as usize));
        let name = document.map_or("the query", |document| &document.name);
        let left = if self.budget.left().0 == 0 { "steps" } else { "memory" };
        let mut error =
            self.error(ErrorCode::EvalBudget, format!("evaluation of {name} used up its budget of {left}"));
        error.0.hint = Some("give the evaluation a larger budget, or make the rule look at less".to_owned());
        error
    }

    /// A failure of the budget as an error.
    pub(super) fn bytes(&mut self, count: u64) -> Result<(), Stop> {
        self.budget.bytes(count).map_err(|_| self.exhausted())
    }

    pub(super) fn steps(&mut self, count: u64) -> Result<(), Stop> {
        self.budget.steps(count).map_err(|_: Failure| self.exhausted())
    }

    /// An error with the name of its file.
    fn report(&self, Stop(mut error): Stop) -> EvalError {
        if error.file.is_empty()
            && error.span.row > 0
            && let Some(file) = self.plan.files.get(error.span.module as usize)
        {
            error.file = file.clone();
        }
        EvalError::Failed(error)
    }

    /// The value that an operand has.
    pub(super) fn read(&self, operand: Operand) -> &Value {
        const NULL: &Value = &Value::Null;
        match operand.as_constant() {
            Ok(constant) => self.plan.constants.get(constant as usize).unwrap_or(NULL),
            Err(slot) => self.slots.get(self.base + slot.0 as usize).unwrap_or(NULL),
        }
    }

    /// Writes a slot of the innermost frame.
    pub(super) fn write(&mut self, slot: Slot, value: Value) {
        if slot.wanted()
            && let Some(place) = self.slots.get_mut(self.base + slot.0 as usize)
        {
            *place = value;
        }
    }

    /// Writes a slot where there is something to write.
    fn write_found(&mut self, slot: Slot, value: Option<Value>) -> bool {
        let found = value.is_some();
        if let Some(value) = value {
            self.write(slot, value);
        }
        found
    }

    /// Leaves a choice point.
    pub(super) fn choose(&mut self, resume: Resume, place: Place) {
        self.choices.push(Choice {
            resume,
            place,
            context: self.context,
            contexts: self.contexts.len(),
            collectors: self.collectors.len(),
        });
    }

    fn mark(&mut self, mark: u32, height: usize) {
        if let Some(place) = self.marks.get_mut(self.base_mark + mark as usize) {
            *place = height;
        }
    }

    fn cut(&mut self, mark: u32) {
        if let Some(height) = self.marks.get(self.base_mark + mark as usize) {
            self.choices.truncate(*height);
        }
    }

    pub(super) fn context(&self) -> Option<&Context> {
        self.contexts.get(self.context as usize)
    }

    /// Goes back to the latest choice point; false where there is none left.
    pub(super) fn go_back(&mut self) -> Result<bool, Stop> {
        loop {
            let Some(choice) = self.choices.last_mut() else { return Ok(false) };
            self.context = choice.context;
            self.place = choice.place;
            let (contexts, collectors) = (choice.contexts, choice.collectors);
            if self.contexts.len() > contexts {
                self.contexts.truncate(contexts);
            }
            if self.collectors.len() > collectors {
                self.collectors.truncate(collectors);
            }
            match &mut choice.resume {
                Resume::Stop => return Ok(false),
                Resume::Jump => {
                    self.choices.pop();
                    return Ok(true);
                }
                Resume::Iterate { from, next, key, value } => {
                    let (key_slot, value_slot) = (*key, *value);
                    let found = entry(from, *next).map(|(key, value)| (key, value.clone()));
                    *next += 1;
                    let more = has_more(from, *next);
                    if !more {
                        self.choices.pop();
                    }
                    if let Some((key, value)) = found {
                        self.write(key_slot, key);
                        self.write(value_slot, value);
                        return Ok(true);
                    }
                }
                Resume::Walk(state) => {
                    let (depth, next) = (state.depth(), state.next());
                    if let Some(value) = next {
                        let (path_slot, value_slot) = (state.path_slot, state.value_slot);
                        let path = path_slot.wanted().then(|| state.path());
                        self.write(value_slot, value);
                        if let Some(path) = path {
                            self.bytes(VALUE_BYTES * depth as u64)?;
                            self.write(path_slot, path);
                        }
                        self.steps(1)?;
                        return Ok(true);
                    }
                    self.choices.pop();
                }
                Resume::Join(_) => {
                    if self.resume_join()? {
                        return Ok(true);
                    }
                }
                Resume::Tree(_) => {
                    if self.resume_tree()? {
                        return Ok(true);
                    }
                }
                Resume::Note { expression } => {
                    let expression = *expression;
                    self.choices.pop();
                    self.observe(expression, Moment::Exhausted);
                }
            }
            self.steps(1)?;
        }
    }

    /// One operation; false where it fails.
    pub(super) fn step(&mut self) -> Step {
        let Some(op) = self.plan.ops.get(self.place as usize).copied() else {
            return Err(self.error(ErrorCode::EvalInternal, "the plan has no end".to_owned()));
        };
        self.place += 1;
        match op {
            Op::Copy { to, from } => {
                let value = self.read(from).clone();
                self.write(to, value);
                Ok(true)
            }
            Op::Test { comparison, left, right } => self.test(comparison, left, right),
            Op::Truthy { value } => Ok(!matches!(self.read(value), Value::Bool(false))),
            Op::Path { to, root, path } => Ok(self.path(to, root, path)),
            Op::Get { to, from, key } => {
                self.observe_read(from, key);
                let found = context::step(self.read(from), self.read(key));
                Ok(self.write_found(to, found))
            }
            Op::Iterate { from, key, value } => Ok(self.iterate(from, key, value)),
            Op::IsArray { value, len } => {
                Ok(self.read(value).as_array().is_some_and(|array| array.len() == len as usize))
            }
            Op::IsObject { value, len } => {
                Ok(self.read(value).as_object().is_some_and(|object| object.len() == len as usize))
            }
            Op::IsCollection { value } => {
                Ok(matches!(self.read(value), Value::Array(_) | Value::Object(_) | Value::Set(_)))
            }
            Op::MakeArray { .. } | Op::MakeSet { .. } | Op::MakeObject { .. } => self.make(op),
            Op::Builtin { to, builtin, list } => {
                self.take_list(list);
                self.builtin(to, builtin)
            }
            Op::Join { join } => Ok(self.join(join)),
            Op::Walk { from, path, value } => {
                let state = WalkState::new(self.read(from).clone(), path, value);
                let place = self.place;
                self.choose(Resume::Walk(Box::new(state)), place);
                Ok(false)
            }
            Op::Call { to, document, list } => {
                self.take_list(list);
                self.call(to, document)
            }
            Op::Document { to, document } => self.document(to, document, false),
            Op::Keyed { to, document, list } => {
                self.take_list(list);
                self.keyed(to, document)
            }
            Op::Try { mark, target } => {
                let height = self.choices.len();
                self.mark(mark, height);
                if height > CHOICES_MAX {
                    return Err(self.exhausted());
                }
                self.choose(Resume::Jump, target);
                Ok(true)
            }
            Op::Mark { mark } => {
                let height = self.choices.len();
                self.mark(mark, height);
                Ok(true)
            }
            Op::Cut { mark } => {
                self.cut(mark);
                Ok(true)
            }
            Op::Jump { target } => {
                self.place = target;
                Ok(true)
            }
            Op::Fail => Ok(false),
            Op::Collect { .. }
            | Op::Add { .. }
            | Op::AddEntry { .. }
            | Op::AddHead { .. }
            | Op::Collected { .. } => self.collect(op),
            Op::With { with } => self.with(with),
            Op::EndWith => {
                self.end_with();
                Ok(true)
            }
            Op::Select { select } => {
                self.select(select);
                Ok(true)
            }
            Op::Begin
            | Op::Result { .. }
            | Op::IfProduced { .. }
            | Op::IfResult { .. }
            | Op::SetResult { .. }
            | Op::MergeBase { .. }
            | Op::Return => self.ends(op),
            Op::TreeStart { .. } | Op::TreeStep { .. } | Op::TreeIterate { .. } | Op::TreeEnd { .. } => {
                self.tree(op)
            }
            Op::Solution => {
                let solution: Vec<Value> =
                    self.code.variables.iter().map(|(_, operand)| self.read(*operand).clone()).collect();
                // Whoever asked wants to write it.
                if solution.iter().any(|value| self.budget.tree(value).is_err()) {
                    return Err(self.exhausted());
                }
                self.outcome.solutions.push(solution);
                Ok(true)
            }
            Op::Observe { expression } => {
                self.observe(expression, Moment::Start);
                if self.observer.is_some() {
                    let place = self.place;
                    self.choose(Resume::Note { expression }, place);
                }
                Ok(true)
            }
            Op::Observed { expression } => {
                self.observe(expression, Moment::Holds);
                Ok(true)
            }
        }
    }

    pub(super) fn path(&mut self, to: Slot, root: Root, path: u32) -> bool {
        let keys = self.plan.paths.get(path as usize).map_or(&[][..], |path| path);
        self.observe_path(root, keys);
        let found = {
            let context = self.contexts.get(self.context as usize);
            match root {
                Root::Input => context.and_then(|context| context::find(context.input.as_ref()?, keys)),
                Root::Data => context.and_then(|context| context.document(keys)),
                Root::Below => context.and_then(|context| context::find_base(&context.data, keys)),
                Root::Operand(operand) => context::find(self.read(operand), keys),
            }
        };
        self.write_found(to, found)
    }

    fn iterate(&mut self, from: Operand, key: Slot, value: Slot) -> bool {
        let place = self.place;
        let from = self.read(from);
        let Some((first_key, first)) = entry(from, 0).map(|(key, value)| (key, value.clone())) else {
            return false;
        };
        if has_more(from, 1) {
            let from = from.clone();
            self.choose(Resume::Iterate { from, next: 1, key, value }, place);
        }
        self.write(key, first_key);
        self.write(value, first);
        true
    }

    /// A comparison; of what is long, its cost is taken.
    fn test(&mut self, comparison: Comparison, left: Operand, right: Operand) -> Step {
        let (left, right) = (self.read(left), self.read(right));
        if matches!((left, right), (Value::Bool(_) | Value::Number(_) | Value::Null, _)) {
            return Ok(compares(comparison, left, right));
        }
        let (order, parts) = left.compare_counted(right);
        if parts > PARTS_FREE {
            self.steps(parts / PARTS_FREE)?;
        }
        Ok(holds(comparison, order))
    }

    /// Copies a list of operands to where calls find them.
    pub(super) fn take_list(&mut self, list: List) {
        let mut arguments = std::mem::take(&mut self.arguments);
        arguments.clear();
        let list = self.plan.lists.get(list as usize);
        arguments.extend(list.into_iter().flatten().map(|operand| self.read(*operand).clone()));
        self.arguments = arguments;
    }
}

/// How many entries a collection has.
pub(super) fn len(from: &Value) -> usize {
    match from {
        Value::Array(array) => array.len(),
        Value::Object(object) => object.len(),
        Value::Set(set) => set.len(),
        _ => 0,
    }
}

/// Whether a collection has an entry at a place.
fn has_more(from: &Value, at: usize) -> bool {
    at < len(from)
}
