//! Rules files: their items, as later ones change earlier ones, and the rules that come of them.
//!
//! What is read is what Falco reads (`userspace/engine/rule_loader_*.cpp`). Where Falco stops at the first error, the
//! item, or the rule, is left out here, what is wrong with it is told, and the rest is loaded.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;

use lumen_value::Pointer;
use lumen_value::read::Limits;
use lumen_value::span::Index;
use lumen_value::stream::{Part, Parts};
use lumen_value::{Value, yaml};

use super::check::Checker;
use super::condition::{self, Expression};
use super::output::Output;
use super::test::UNKNOWN_EVENT_TYPE;
use super::{check, event_types};
use collect::{Collector, Named};
pub use collect::{PRIORITIES, Priority};
use list::{Filling, Fillings};
use macros::Macros;
use pieces::Pieces;
pub use problem::{Code, Problem};
use problem::{Fault, Spot};
use suggest::{Among, Suggestions};
pub use version::{ENGINE, PLUGINS, Version};

mod collect;
mod exception;
mod list;
mod macros;
mod pieces;
mod problem;
mod read;
mod suggest;
mod version;

#[cfg(test)]
mod tests;

/// The nesting that the YAML of a rules file may have.
const DEPTH_MAX: usize = 64;

/// The bytes that a rules file may have.
pub const FILE_BYTES_MAX: usize = 16 << 20;

/// Most documents in a rules file.
pub const DOCUMENTS_MAX: usize = 10_000;

/// Most items in all files.
pub const ITEMS_MAX: usize = 100_000;

/// A rules file.
#[derive(Clone, Copy, Debug)]
pub struct File<'t> {
    /// What it says.
    pub text: &'t str,
}

/// A rule that is sound.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// Its name.
    pub name: String,
    /// What kind of events it looks at.
    pub source: String,
    /// What it is about.
    pub description: String,
    /// How bad it is that it matches.
    pub priority: Priority,
    /// Words to find it by.
    pub tags: BTreeSet<String>,
    /// When it matches: lists, macros and exceptions filled in.
    pub condition: Expression,
    /// What is said of a match, as it is written.
    pub output: String,
    /// The fields that its exceptions look at.
    pub exception_fields: BTreeSet<String>,
    /// Whether it is used.
    pub is_enabled: bool,
    /// Whether events are to be recorded when it matches.
    pub captures: bool,
    /// For how long, in milliseconds; 0 for the default.
    pub capture_duration: u32,
    /// Where it stands: the file by its place, and the bytes of it.
    pub place: (usize, Range<usize>),
}

/// What came of rules files.
#[derive(Clone, Debug, Default)]
pub struct Loaded {
    /// The rules that are sound, in the order in which they were named first.
    pub rules: Vec<Rule>,
    /// How many macros there are.
    pub macros: usize,
    /// How many lists there are.
    pub lists: usize,
    /// What is wrong, in the order in which it was found.
    pub problems: Vec<Problem>,
}

impl Loaded {
    /// Whether everything could be loaded.
    pub fn is_sound(&self) -> bool {
        !self.problems.iter().any(|problem| problem.code.is_error())
    }
}

/// Loads rules files, one after the other.
pub fn load(files: &[File<'_>]) -> Loaded {
    let mut collector = Collector::default();
    let mut left = ITEMS_MAX;
    for (position, file) in files.iter().enumerate() {
        read_file(&mut collector, position, file, &mut left);
    }
    let mut places = Places { files, documents: BTreeMap::new(), in_macros: HashMap::new() };
    let mut loader = Loader {
        faults: std::mem::take(&mut collector.faults),
        rules: Vec::new(),
        checker: Checker::default(),
        in_macros: HashMap::new(),
    };
    loader.compile(&collector);
    let rules = loader.rules.into_iter().map(|(mut rule, spot)| {
        rule.place = (spot.file, places.range(&spot));
        rule
    });
    let rules = rules.collect();
    let mut suggestions = Suggestions::new(&collector);
    let problems = loader.faults.into_iter().map(|fault| places.problem(fault, &mut suggestions));
    let problems = problems.collect();
    Loaded { rules, macros: collector.macros.iter().len(), lists: collector.lists.iter().len(), problems }
}

fn read_file(collector: &mut Collector, position: usize, file: &File<'_>, left: &mut usize) {
    let spot = Spot { file: position, ..Spot::default() };
    if file.text.len() > FILE_BYTES_MAX {
        let message = format!("the file has {} bytes, {FILE_BYTES_MAX} are allowed", file.text.len());
        collector.note(spot.fault(Code::YamlParse, message));
        return;
    }
    for (number, part) in Parts::new(file.text.as_bytes(), 0).enumerate() {
        if number >= DOCUMENTS_MAX {
            let message = format!("the file has more than {DOCUMENTS_MAX} documents");
            collector.note(spot.fault(Code::YamlParse, message));
            return;
        }
        match part {
            Part::Document(range) => read_document(collector, &spot, file, range, left),
            Part::BadSeparator { at, .. } => {
                let spot = Spot { document: at, ..spot.clone() };
                collector.note(spot.fault(Code::YamlParse, "only a comment may stand behind `---`"));
            }
        }
    }
}

fn read_document(
    collector: &mut Collector,
    spot: &Spot,
    file: &File<'_>,
    range: Range<usize>,
    left: &mut usize,
) {
    let spot = Spot { document: range.start, ..spot.clone() };
    let text = file.text.get(range).unwrap_or_default();
    let limits = Limits { depth_max: DEPTH_MAX, ..Limits::default() };
    let parsed = match yaml::parse_text(text.as_bytes(), &limits) {
        Ok(parsed) => parsed,
        Err(error) => {
            let spot = Spot { document: spot.document + error.at, ..spot };
            collector.note(spot.fault(Code::YamlParse, error.message));
            return;
        }
    };
    for duplicate in parsed.duplicates {
        let spot = Spot { pointer: duplicate.pointer.clone().unwrap_or_default(), ..spot.clone() };
        collector.note(spot.fault(Code::DuplicateKey, duplicate.message));
    }
    let items = match &parsed.value {
        Value::Null => return,
        Value::Array(items) => items,
        Value::Object(_) => {
            collector.note(spot.fault(Code::YamlValidate, "Rules content is not yaml array of objects"));
            return;
        }
        _ => {
            collector.note(spot.fault(Code::YamlValidate, "Rules content is not yaml"));
            return;
        }
    };
    for (position, item) in items.iter().enumerate() {
        let spot = spot.child(position);
        if *left == 0 {
            collector.note(spot.fault(Code::YamlValidate, format!("there are more than {ITEMS_MAX} items")));
            return;
        }
        *left -= 1;
        if !item.is_null()
            && let Err(fault) = read::item(collector, item, &spot)
        {
            collector.note(fault);
        }
    }
}

/// Makes rules of items.
struct Loader {
    faults: Vec<Fault>,
    rules: Vec<(Rule, Spot)>,
    checker: Checker,
    /// Where what is wrong with macros stands: many rules may name one.
    in_macros: HashMap<(String, usize), Spot>,
}

impl Loader {
    fn compile(&mut self, collector: &Collector) {
        let (lists, mut is_used) = fillings(collector);
        let mut conditions = Vec::new();
        for item in collector.macros.iter() {
            let read = read_condition(&item.condition, &lists, &mut is_used);
            conditions.push(self.noted(read));
        }
        let mut macros = Macros::new(&collector.macros, conditions);
        for (place, unresolved) in macros.resolve() {
            if let Some(item) = collector.macros.iter().nth(place) {
                let spot = locate(&item.condition, &lists, unresolved.at);
                self.faults.push(unresolved.fault(&spot));
            }
        }
        for rule in collector.rules.iter().filter(|rule| !rule.is_of_unknown_source) {
            let compiled = self.rule(rule, &collector.macros, &lists, &mut is_used, &mut macros);
            if let Some(compiled) = self.noted(compiled).flatten() {
                self.rules.push((compiled, rule.spot.clone()));
            }
        }
        self.unused(collector, &macros, &is_used);
    }

    fn noted<T>(&mut self, result: Result<T, Fault>) -> Option<T> {
        result.map_err(|fault| self.faults.push(fault)).ok()
    }

    /// Compiles one rule; `None` where it is skipped, which is told.
    fn rule(
        &mut self,
        item: &collect::RuleItem,
        macro_items: &Named<collect::MacroItem>,
        lists: &Fillings,
        is_used: &mut [bool],
        macros: &mut Macros,
    ) -> Result<Option<Rule>, Fault> {
        let (condition, exception_fields) = exception::apply(&item.condition, &item.exceptions)?;
        let output = self.output(item);
        if let Err((at, message)) = Output::read(&output) {
            // Where something was taken out of it, places in it mean nothing.
            let spot = item.output.spot(if output == item.output.text() { at } else { 0 });
            if item.skips_unknown_fields && check::is_unknown(&message) {
                self.faults.push(spot.fault(Code::UnknownFilter, message));
                return Ok(None);
            }
            return Err(spot.fault(Code::CompileOutput, message));
        }
        let deprecated = check::check_output(&output);
        self.faults
            .extend(deprecated.map(|warning| item.output.spot(0).fault(warning.code, warning.message)));
        let expression = read_condition(&condition, lists, is_used)?;
        let expression = macros.fill(expression).map_err(|unresolved| {
            let spot = locate(&condition, lists, unresolved.at);
            unresolved.fault(&spot)
        })?;
        match self.checker.check(&expression) {
            Ok(warnings) => {
                let warnings = warnings
                    .into_iter()
                    .map(|warning| item.condition.spot(0).fault(warning.code, warning.message));
                self.faults.extend(warnings);
            }
            Err(error) => {
                let fault = self.refused(item, &condition, macro_items, lists, error);
                if item.skips_unknown_fields && check::is_unknown(&fault.message) {
                    self.faults.push(Fault { code: Code::UnknownFilter, ..fault });
                    return Ok(None);
                }
                return Err(fault);
            }
        }
        if item.warns_of_event_types && event_types::of(&expression).count() > event_types::MANY {
            let message =
                "Rule matches too many evt.type values. This has a significant performance penalty.";
            self.faults.push(item.spot.fault(Code::NoEventType, message));
        }
        Ok(Some(Rule {
            name: item.name.clone(),
            source: item.source.clone(),
            description: item.description.clone(),
            priority: item.priority,
            tags: item.tags.clone(),
            condition: expression,
            output,
            exception_fields,
            is_enabled: item.is_enabled,
            captures: item.captures,
            capture_duration: item.capture_duration,
            place: (0, 0..0),
        }))
    }

    /// Says where what is wrong with a rule's condition stands: in it, or in that of a macro that it names.
    fn refused(
        &mut self,
        item: &collect::RuleItem,
        condition: &Pieces,
        macro_items: &Named<collect::MacroItem>,
        lists: &Fillings,
        error: check::Refusal,
    ) -> Fault {
        let named = error.in_macro.and_then(|name| Some((macro_items.get(&name)?, name)));
        let (spot, in_macro) = match named {
            None => (locate(condition, lists, error.at), None),
            Some((inside, name)) => {
                let known = self.in_macros.entry((name.clone(), error.at));
                let spot = known.or_insert_with(|| locate(&inside.condition, lists, error.at));
                (spot.named(&item.name), Some(name))
            }
        };
        let mut fault = spot.fault(Code::CompileCondition, error.message);
        if let Some(name) = in_macro {
            fault = fault.in_macro(name);
        }
        match fault.message.strip_prefix(UNKNOWN_EVENT_TYPE).map(str::to_owned) {
            Some(name) => fault.absent(&name, Among::EventTypes),
            None => fault,
        }
    }

    /// What a rule says of a match; `%container.info`, which says nothing any more, is taken out.
    fn output(&mut self, item: &collect::RuleItem) -> String {
        const INFO: &str = "%container.info";
        let output = item.output.text();
        if !output.contains(INFO) {
            return output.to_owned();
        }
        let message = "%container.info is deprecated and no more useful; what is known of the container is part of every alert";
        self.faults.push(item.spot.fault(Code::DeprecatedItem, message));
        output.replace(INFO, "")
    }

    fn unused(&mut self, collector: &Collector, macros: &Macros, is_used: &[bool]) {
        for (item, read) in collector.macros.iter().zip(macros.iter()) {
            if !read.is_used {
                let message = "Macro not referred to by any other rule/macro";
                self.faults.push(item.spot.fault(Code::UnusedMacro, message));
            }
        }
        for (item, is_used) in collector.lists.iter().zip(is_used) {
            if !is_used {
                let message = "List not referred to by any other rule/macro";
                self.faults.push(item.spot.fault(Code::UnusedList, message));
            }
        }
    }
}

/// The lists with the items of their lists, one level deep, and which of them are used by others.
fn fillings(collector: &Collector) -> (Fillings, Vec<bool>) {
    let lists: &Named<collect::ListItem> = &collector.lists;
    let mut used: BTreeSet<&str> = BTreeSet::new();
    let mut fillings = Vec::new();
    for list in lists.iter() {
        let mut items: Vec<&str> = Vec::new();
        for item in &list.items {
            match lists.get(item).filter(|inner| inner.order.index < list.order.visibility) {
                Some(inner) => {
                    used.insert(&inner.name);
                    items.extend(inner.items.iter().map(String::as_str));
                }
                None => items.push(item),
            }
        }
        fillings.push(Filling::new(&list.name, items));
    }
    let is_used = lists.iter().map(|list| used.contains(list.name.as_str())).collect();
    (fillings.into_iter().collect(), is_used)
}

/// Where a byte of a condition, lists filled in, stands in a file.
fn locate(condition: &Pieces, lists: &Fillings, at: usize) -> Spot {
    let filled = lists.fill(condition.text()).unwrap_or_default();
    condition.spot(filled.origin(at))
}

/// Reads a condition, lists filled in.
fn read_condition(condition: &Pieces, lists: &Fillings, is_used: &mut [bool]) -> Result<Expression, Fault> {
    let filled = lists
        .fill(condition.text())
        .map_err(|message| condition.spot(0).fault(Code::CompileCondition, message))?;
    for place in &filled.used {
        if let Some(is_used) = is_used.get_mut(*place) {
            *is_used = true;
        }
    }
    condition::parse(&filled.text).map_err(|error| {
        let spot = condition.spot(filled.origin(error.at));
        spot.fault(Code::CompileCondition, error.message)
    })
}

/// Looks places up in the texts of files.
struct Places<'t> {
    files: &'t [File<'t>],
    /// The documents that were looked into, by file and first byte.
    documents: BTreeMap<(usize, usize), Option<Index>>,
    /// The bytes of macros, by the byte of the text, that were looked up: many rules may name one.
    in_macros: HashMap<(String, Option<usize>), Range<usize>>,
}

impl Places<'_> {
    fn problem(&mut self, fault: Fault, suggestions: &mut Suggestions<'_>) -> Problem {
        let detail = fault.detail.map(|detail| *detail).unwrap_or_default();
        let key = detail.in_macro.clone().map(|name| (name, fault.spot.offset));
        let known = key.as_ref().and_then(|key| self.in_macros.get(key).cloned());
        let range = known.unwrap_or_else(|| self.range(&fault.spot));
        if let Some(key) = key {
            self.in_macros.insert(key, range.clone());
        }
        Problem {
            code: fault.code,
            message: fault.message,
            file: fault.spot.file,
            range,
            item: fault.spot.item,
            in_macro: detail.in_macro,
            hint: detail.absent.and_then(|absent| suggestions.of(&absent)),
        }
    }

    /// The bytes of a file that a place stands for.
    fn range(&mut self, spot: &Spot) -> Range<usize> {
        let start = spot.document;
        if spot.pointer == Pointer::ROOT && spot.offset.is_none() {
            return start..start;
        }
        let Some(index) = self.document(spot) else { return start..start };
        let located = index.locate(&spot.pointer);
        let range =
            match spot.offset.and_then(|offset| Some(index.scalar_map(&spot.pointer)?.byte_of(offset))) {
                Some(byte) => byte..located.value.end.max(byte),
                None => located.entry,
            };
        start + range.start..start + range.end
    }

    fn document(&mut self, spot: &Spot) -> Option<&Index> {
        let files = self.files;
        let document = self.documents.entry((spot.file, spot.document)).or_insert_with(|| {
            let text =
                files.get(spot.file).and_then(|file| file.text.get(spot.document..)).unwrap_or_default();
            let text = match Parts::new(text.as_bytes(), 0).next() {
                Some(Part::Document(range)) => text.get(range).unwrap_or_default(),
                _ => "",
            };
            Index::read(text, lumen_value::read::Syntax::Yaml).ok()
        });
        document.as_ref()
    }
}
