//! The items of rules files, one after the other, as later ones change earlier ones (`rule_loader_collector.cpp`).

use std::collections::{BTreeSet, HashMap};

use super::exception::{Exception, merge};
use super::pieces::Pieces;
use super::problem::{Code, Fault, Spot};
use super::suggest::Among;

/// Items by their names, in the order in which each was named first.
#[derive(Clone, Debug)]
pub(super) struct Named<T> {
    items: Vec<T>,
    places: HashMap<String, usize>,
}

impl<T> Default for Named<T> {
    fn default() -> Self {
        Self { items: Vec::new(), places: HashMap::new() }
    }
}

/// What the order of items decides on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Order {
    /// When it was named first.
    pub(super) index: usize,
    /// When it was changed last: it sees what was named first before that.
    pub(super) visibility: usize,
}

/// A list.
#[derive(Clone, Debug)]
pub(super) struct ListItem {
    pub(super) name: String,
    pub(super) items: Vec<String>,
    pub(super) order: Order,
    pub(super) spot: Spot,
}

/// A macro.
#[derive(Clone, Debug)]
pub(super) struct MacroItem {
    pub(super) name: String,
    pub(super) condition: Pieces,
    pub(super) order: Order,
    pub(super) spot: Spot,
}

/// How bad it is that a rule matches: syslog's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Priority {
    /// The worst.
    Emergency,
    /// Act at once.
    Alert,
    /// Critical.
    Critical,
    /// An error.
    Error,
    /// A warning.
    Warning,
    /// Worth a look.
    Notice,
    /// For information.
    Informational,
    /// For those who write rules.
    Debug,
}

/// The priorities in their order, as they are printed.
pub const PRIORITIES: [(Priority, &str); 8] = [
    (Priority::Emergency, "Emergency"),
    (Priority::Alert, "Alert"),
    (Priority::Critical, "Critical"),
    (Priority::Error, "Error"),
    (Priority::Warning, "Warning"),
    (Priority::Notice, "Notice"),
    (Priority::Informational, "Informational"),
    (Priority::Debug, "Debug"),
];

impl Priority {
    /// Reads a priority, whatever the case; `INFO` is short for one.
    pub fn parse(text: &str) -> Option<Self> {
        if text.eq_ignore_ascii_case("info") {
            return Some(Self::Informational);
        }
        PRIORITIES.iter().find(|(_, name)| name.eq_ignore_ascii_case(text)).map(|(priority, _)| *priority)
    }

    /// As alerts print it.
    pub fn as_str(self) -> &'static str {
        PRIORITIES.iter().find(|(priority, _)| *priority == self).map_or("Debug", |(_, name)| name)
    }
}

/// A rule.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "they are the keys of a rule")]
pub(super) struct RuleItem {
    pub(super) name: String,
    pub(super) source: String,
    pub(super) condition: Pieces,
    pub(super) output: Pieces,
    pub(super) description: String,
    pub(super) priority: Priority,
    pub(super) tags: BTreeSet<String>,
    pub(super) exceptions: Vec<Exception>,
    pub(super) is_enabled: bool,
    pub(super) captures: bool,
    pub(super) capture_duration: u32,
    pub(super) warns_of_event_types: bool,
    pub(super) skips_unknown_fields: bool,
    pub(super) is_of_unknown_source: bool,
    pub(super) order: Order,
    pub(super) spot: Spot,
}

/// What changes a rule that is there.
#[derive(Clone, Debug, Default)]
pub(super) struct RuleUpdate {
    pub(super) name: String,
    pub(super) source: String,
    pub(super) condition: Option<Pieces>,
    pub(super) output: Option<Pieces>,
    pub(super) description: Option<String>,
    pub(super) priority: Option<Priority>,
    pub(super) tags: Option<BTreeSet<String>>,
    pub(super) exceptions: Option<Vec<Exception>>,
    pub(super) is_enabled: Option<bool>,
    pub(super) captures: Option<bool>,
    pub(super) capture_duration: Option<u32>,
    pub(super) warns_of_event_types: Option<bool>,
    pub(super) skips_unknown_fields: Option<bool>,
    pub(super) spot: Spot,
}

impl RuleUpdate {
    fn is_empty(&self) -> bool {
        self.condition.is_none()
            && self.output.is_none()
            && self.description.is_none()
            && self.priority.is_none()
            && self.tags.is_none()
            && self.exceptions.is_none()
            && self.is_enabled.is_none()
            && self.captures.is_none()
            && self.capture_duration.is_none()
            && self.warns_of_event_types.is_none()
            && self.skips_unknown_fields.is_none()
    }
}

/// The source of events that there is.
pub(super) const SYSCALL: &str = "syscall";

/// Everything that was read so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Collector {
    pub(super) lists: Named<ListItem>,
    pub(super) macros: Named<MacroItem>,
    pub(super) rules: Named<RuleItem>,
    pub(super) faults: Vec<Fault>,
    next: usize,
}

impl<T> Named<T> {
    pub(super) fn get(&self, name: &str) -> Option<&T> {
        self.items.get(*self.places.get(name)?)
    }

    pub(super) fn get_mut(&mut self, name: &str) -> Option<&mut T> {
        self.items.get_mut(*self.places.get(name)?)
    }

    pub(super) fn iter(&self) -> std::slice::Iter<'_, T> {
        self.items.iter()
    }

    fn set(&mut self, name: &str, item: T) {
        if let Some(before) = self.places.get(name).and_then(|place| self.items.get_mut(*place)) {
            *before = item;
        } else {
            self.places.insert(name.to_owned(), self.items.len());
            self.items.push(item);
        }
    }
}

impl Collector {
    /// Notes something that is wrong, but stops nothing.
    pub(super) fn note(&mut self, fault: Fault) {
        self.faults.push(fault);
    }

    /// The order of an item that is named anew, where one of its name may have been there.
    fn order(&mut self, before: Option<Order>) -> Order {
        let now = self.tick();
        Order { index: before.map_or(now, |before| before.index), visibility: now }
    }

    fn tick(&mut self) -> usize {
        let now = self.next;
        self.next += 1;
        now
    }

    pub(super) fn define_list(&mut self, mut list: ListItem) {
        list.order = self.order(self.lists.get(&list.name).map(|before| before.order));
        self.lists.set(&list.name.clone(), list);
    }

    pub(super) fn append_list(&mut self, list: ListItem) -> Result<(), Fault> {
        const ABSENT: &str =
            "List uses 'append' or 'override.items: append' but no list by that name already exists";
        if self.lists.get(&list.name).is_none() {
            return Err(list.spot.fault(Code::Validate, ABSENT).absent(&list.name, Among::Lists));
        }
        let now = self.tick();
        if let Some(before) = self.lists.get_mut(&list.name) {
            before.items.extend(list.items);
            before.order.visibility = now;
        }
        Ok(())
    }

    pub(super) fn define_macro(&mut self, mut item: MacroItem) {
        item.order = self.order(self.macros.get(&item.name).map(|before| before.order));
        self.macros.set(&item.name.clone(), item);
    }

    pub(super) fn append_macro(&mut self, item: &MacroItem) -> Result<(), Fault> {
        const ABSENT: &str =
            "Macro uses 'append' or 'override.condition: append' but no macro by that name already exists";
        if self.macros.get(&item.name).is_none() {
            let among = Among::Macros { visibility: usize::MAX };
            return Err(item.spot.fault(Code::Validate, ABSENT).absent(&item.name, among));
        }
        let now = self.tick();
        if let Some(before) = self.macros.get_mut(&item.name) {
            before.condition.append(&item.condition);
            before.order.visibility = now;
        }
        Ok(())
    }

    pub(super) fn define_rule(&mut self, mut rule: RuleItem) -> Result<(), Fault> {
        self.check_source(&rule.name, &rule.source, &rule.spot)?;
        if rule.source != SYSCALL {
            rule.is_of_unknown_source = true;
            let message = format!("Unknown source {}, skipping", rule.source);
            let among = Among::Words(&[SYSCALL]);
            self.note(rule.spot.fault(Code::UnknownSource, message).absent(&rule.source, among));
        }
        for exception in &mut rule.exceptions {
            if exception.fields.is_none() {
                let message = "Rule exception item must have fields property with a list of fields";
                return Err(exception.spot.fault(Code::Validate, message));
            }
            exception.complete()?;
        }
        rule.order = self.order(self.rules.get(&rule.name).map(|before| before.order));
        self.rules.set(&rule.name.clone(), rule);
        Ok(())
    }

    /// A rule cannot be moved to another source.
    fn check_source(&self, name: &str, source: &str, spot: &Spot) -> Result<(), Fault> {
        match self.rules.get(name) {
            Some(before) if !before.source.is_empty() && !source.is_empty() && before.source != source => {
                Err(spot.fault(Code::Validate, "Rule has been re-defined with a different source"))
            }
            _ => Ok(()),
        }
    }

    pub(super) fn append_rule(&mut self, update: RuleUpdate) -> Result<(), Fault> {
        const ABSENT: &str =
            "Rule uses 'append' or 'override.<key>: append' but no rule by that name already exists";
        self.check_source(&update.name, &update.source, &update.spot)?;
        let now = self.next;
        let Some(before) = self.rules.get_mut(&update.name) else {
            return Err(update.spot.fault(Code::Validate, ABSENT).absent(&update.name, Among::Rules));
        };
        if update.is_empty() {
            let message = "Appended rule must have exceptions or condition property";
            return Err(update.spot.fault(Code::Validate, message));
        }
        // Nothing is changed where a part of it is wrong.
        let mut exceptions = before.exceptions.clone();
        for exception in update.exceptions.into_iter().flatten() {
            merge(&mut exceptions, exception)?;
        }
        before.exceptions = exceptions;
        if let Some(condition) = update.condition.filter(|condition| !condition.text().is_empty()) {
            before.condition.append(&condition);
        }
        if let Some(output) = update.output.filter(|output| !output.text().is_empty()) {
            before.output.append(&output);
        }
        if let Some(description) = update.description.filter(|description| !description.is_empty()) {
            before.description.push(' ');
            before.description.push_str(&description);
        }
        before.tags.extend(update.tags.into_iter().flatten());
        before.order.visibility = now;
        self.next += 1;
        Ok(())
    }

    pub(super) fn replace_rule(&mut self, update: RuleUpdate) -> Result<(), Fault> {
        const ABSENT: &str =
            "An 'override.<key>: replace' to a rule was requested but no rule by that name already exists";
        self.check_source(&update.name, &update.source, &update.spot)?;
        let now = self.next;
        let Some(before) = self.rules.get_mut(&update.name) else {
            return Err(update.spot.fault(Code::Validate, ABSENT).absent(&update.name, Among::Rules));
        };
        if update.is_empty() {
            let message = "The rule must have at least one field that can be replaced";
            return Err(update.spot.fault(Code::Validate, message));
        }
        let mut exceptions = update.exceptions;
        for exception in exceptions.iter_mut().flatten() {
            exception.complete()?;
        }
        set(&mut before.condition, update.condition);
        set(&mut before.output, update.output);
        set(&mut before.description, update.description);
        set(&mut before.tags, update.tags);
        set(&mut before.exceptions, exceptions);
        set(&mut before.priority, update.priority);
        set(&mut before.captures, update.captures);
        set(&mut before.capture_duration, update.capture_duration);
        set(&mut before.is_enabled, update.is_enabled);
        set(&mut before.warns_of_event_types, update.warns_of_event_types);
        set(&mut before.skips_unknown_fields, update.skips_unknown_fields);
        before.order.visibility = now;
        self.next += 1;
        Ok(())
    }

    pub(super) fn enable_rule(&mut self, name: &str, is_enabled: bool, spot: &Spot) -> Result<(), Fault> {
        let Some(rule) = self.rules.get_mut(name) else {
            let message = "Rule has 'enabled' key but no rule by that name already exists";
            return Err(spot.fault(Code::Validate, message).absent(name, Among::Rules));
        };
        rule.is_enabled = is_enabled;
        Ok(())
    }
}

fn set<T>(target: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *target = value;
    }
}
