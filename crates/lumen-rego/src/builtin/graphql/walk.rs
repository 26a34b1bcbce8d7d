//! The walk through a query: it finds out of what type everything is, and has the rules judge it (`core/walk.go`).

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::super::{Context, Failure};
use super::rules;
use super::schema::Schema;
use super::tree::{
    Argument, ArgumentDefinition, Definition, Directive, DirectiveDefinition, Fault, Field, FieldDefinition,
    Fragment, Operation, Position, Query, Selection, Type, Value, ValueKind, argument,
};
use crate::depth;

/// Faults are found again wherever a fragment is used: there may be no more.
const FAULTS_MAX: usize = 10_000;

/// What the rules know and remember.
pub(super) struct Walker<'a, 'c> {
    pub(super) context: &'a mut Context<'c>,
    pub(super) schema: &'a Schema,
    pub(super) query: &'a Query,
    pub(super) operation: Option<&'a Operation>,
    pub(super) faults: Vec<Fault>,
    /// Fragments by name; the first of a name.
    fragments: HashMap<&'a str, usize>,
    /// Fragments that were walked through for the operation or fragment at hand.
    walked: HashSet<usize>,
    pub(super) memory: rules::Memory<'a>,
}

/// A directive where it stands.
pub(super) struct Placed<'a> {
    pub(super) directive: &'a Directive,
    pub(super) definition: Option<Arc<DirectiveDefinition>>,
    pub(super) location: &'static str,
}

/// Judges a query; gives all that is wrong with it, in upstream's order.
pub(super) fn judge(
    context: &mut Context<'_>,
    schema: &Schema,
    query: &Query,
) -> Result<Vec<Fault>, Failure> {
    let mut fragments = HashMap::new();
    for (index, fragment) in query.fragments.iter().enumerate() {
        fragments.entry(fragment.name.as_str()).or_insert(index);
    }
    let mut walker = Walker {
        context,
        schema,
        query,
        operation: None,
        faults: Vec::new(),
        fragments,
        walked: HashSet::new(),
        memory: rules::Memory::default(),
    };
    for operation in &query.operations {
        walker.walked.clear();
        walker.walk_operation(operation)?;
    }
    for fragment in &query.fragments {
        walker.walked.clear();
        walker.walk_fragment(fragment)?;
    }
    Ok(walker.faults)
}

impl<'a> Walker<'a, '_> {
    /// Notes something that is wrong.
    pub(super) fn fail(&mut self, at: Option<Position>, message: String) -> Result<(), Failure> {
        self.context.budget.bytes(message.len() as u64 + 64)?;
        if self.faults.len() >= FAULTS_MAX {
            return Err(Failure::Budget);
        }
        self.faults.push(Fault { at, message });
        Ok(())
    }

    /// The fragment of a name.
    pub(super) fn fragment(&self, name: &str) -> Option<&'a Fragment> {
        self.query.fragments.get(*self.fragments.get(name)?)
    }

    fn walk_operation(&mut self, operation: &'a Operation) -> Result<(), Failure> {
        self.operation = Some(operation);
        for variable in &operation.variables {
            self.context.budget.steps(4)?;
            let definition = self.schema.get(variable.of.name()).cloned();
            variable.definition.borrow_mut().clone_from(&definition);
            rules::on_variable(self, variable)?;
            if let Some(default) = &variable.default {
                *default.expected.borrow_mut() = Some(variable.of.clone());
                *default.definition.borrow_mut() = definition;
            }
        }
        for variable in &operation.variables {
            if let Some(default) = &variable.default {
                self.walk_value(default)?;
            }
            self.walk_directives(&variable.directives, "VARIABLE_DEFINITION")?;
        }
        let location = match operation.kind.as_str() {
            "mutation" => "MUTATION",
            "subscription" => "SUBSCRIPTION",
            _ => "QUERY",
        };
        let root = self.schema.root(&operation.kind).cloned();
        self.walk_directives(&operation.directives, location)?;
        self.walk_selections(root.as_ref(), &operation.selections)?;
        rules::on_operation(self, operation)?;
        self.operation = None;
        Ok(())
    }

    fn walk_fragment(&mut self, fragment: &'a Fragment) -> Result<(), Failure> {
        let definition = self.schema.get(&fragment.condition).cloned();
        self.walk_directives(&fragment.directives, "FRAGMENT_DEFINITION")?;
        self.walk_selections(definition.as_ref(), &fragment.selections)?;
        rules::on_fragment(self, fragment, definition.as_ref())
    }

    fn walk_directives(
        &mut self,
        directives: &'a [Directive],
        location: &'static str,
    ) -> Result<(), Failure> {
        for directive in directives {
            self.context.budget.steps(4)?;
            let definition = self.schema.directives.get(&directive.name).cloned();
            for given in &directive.arguments {
                let arguments = definition.as_deref().map(|definition| definition.arguments.as_slice());
                self.walk_argument(argument(arguments.unwrap_or_default(), &given.name), given)?;
            }
            rules::on_directive(self, &Placed { directive, definition, location })?;
        }
        rules::on_directives(self, directives)
    }

    fn walk_argument(
        &mut self,
        definition: Option<&ArgumentDefinition>,
        given: &'a Argument,
    ) -> Result<(), Failure> {
        if let Some(definition) = definition {
            let has_default = definition.default.as_ref().is_some_and(|default| !default.is_null);
            self.expect(&given.value, &definition.of, has_default);
        }
        self.walk_value(&given.value)
    }

    /// Notes what is expected where a value stands.
    fn expect(&self, value: &Value, of: &Arc<Type>, has_default: bool) {
        *value.expected.borrow_mut() = Some(of.clone());
        value.has_default.set(has_default);
        *value.definition.borrow_mut() = self.schema.get(of.name()).cloned();
    }

    fn walk_value(&mut self, value: &'a Value) -> Result<(), Failure> {
        self.context.budget.steps(4)?;
        match (value.kind, self.operation) {
            (ValueKind::Variable, Some(operation)) => {
                let variables = &operation.variables;
                self.context.budget.steps(variables.len() as u64 / 8)?;
                let found = variables.iter().position(|variable| variable.name == value.raw);
                value.variable.set(found);
                if let Some(variable) = found.and_then(|index| variables.get(index)) {
                    variable.used.set(true);
                }
            }
            (ValueKind::Object, _) => {
                let definition = value.definition.borrow().clone();
                for child in &value.children {
                    let field = definition.as_ref().and_then(|definition| definition.field(&child.name));
                    if let Some(field) = field {
                        self.context.budget.steps(1)?;
                        let has_default = field.default.as_ref().is_some_and(|default| !default.is_null);
                        self.expect(&child.value, &field.of, has_default);
                    }
                    depth::grow(|| self.walk_value(&child.value))?;
                }
            }
            (ValueKind::List, _) => {
                let item = value.expected.borrow().as_ref().and_then(|of| of.item.clone());
                for child in &value.children {
                    if let Some(item) = &item {
                        *child.value.expected.borrow_mut() = Some(item.clone());
                        let definition = value.definition.borrow().clone();
                        *child.value.definition.borrow_mut() = definition;
                    }
                    depth::grow(|| self.walk_value(&child.value))?;
                }
            }
            _ => {}
        }
        rules::on_value(self, value)
    }

    fn walk_selections(
        &mut self,
        parent: Option<&Arc<Definition>>,
        selections: &'a [Selection],
    ) -> Result<(), Failure> {
        depth::grow(|| selections.iter().try_for_each(|selection| self.walk_selection(parent, selection)))
    }

    fn walk_selection(
        &mut self,
        parent: Option<&Arc<Definition>>,
        selection: &'a Selection,
    ) -> Result<(), Failure> {
        self.context.budget.steps(8)?;
        match selection {
            Selection::Field(field) => self.walk_field(parent, field),
            Selection::Inline(inline) => {
                *inline.parent.borrow_mut() = parent.cloned();
                let next = match inline.condition.as_str() {
                    "" => parent.cloned(),
                    condition => self.schema.get(condition).cloned(),
                };
                self.walk_directives(&inline.directives, "INLINE_FRAGMENT")?;
                self.walk_selections(next.as_ref(), &inline.selections)?;
                rules::on_inline(self, inline)
            }
            Selection::Spread(spread) => {
                let index = self.fragments.get(spread.name.as_str()).copied();
                spread.fragment.set(index);
                *spread.parent.borrow_mut() = parent.cloned();
                self.walk_directives(&spread.directives, "FRAGMENT_SPREAD")?;
                let fragment = index.and_then(|index| self.query.fragments.get(index));
                if let Some((index, fragment)) = index.zip(fragment)
                    && self.walked.insert(index)
                {
                    let next = self.schema.get(&fragment.condition).cloned();
                    self.walk_directives(&fragment.directives, "FRAGMENT_DEFINITION")?;
                    self.walk_selections(next.as_ref(), &fragment.selections)?;
                }
                rules::on_spread(self, spread)
            }
        }
    }

    fn walk_field(&mut self, parent: Option<&Arc<Definition>>, field: &'a Field) -> Result<(), Failure> {
        let definition = if field.name == "__typename" {
            let of = Type::named("String", false);
            Some(Arc::new(FieldDefinition { name: field.name.clone(), of, ..FieldDefinition::default() }))
        } else {
            self.context.budget.steps(parent.map_or(0, |parent| parent.fields.len() as u64 / 8))?;
            parent.and_then(|parent| parent.field(&field.name)).cloned()
        };
        field.definition.borrow_mut().clone_from(&definition);
        *field.parent.borrow_mut() = parent.cloned();
        let next = definition.as_ref().and_then(|definition| self.schema.get(definition.of.name())).cloned();
        for given in &field.arguments {
            let arguments = definition.as_deref().map(|definition| definition.arguments.as_slice());
            self.walk_argument(argument(arguments.unwrap_or_default(), &given.name), given)?;
        }
        self.walk_directives(&field.directives, "FIELD")?;
        self.walk_selections(next.as_ref(), &field.selections)?;
        rules::on_field(self, field)
    }
}
