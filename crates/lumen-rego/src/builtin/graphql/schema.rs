//! A schema that queries are judged by, and the judgement of the schema itself (`validator/schema.go`).

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use super::parse_schema;
use super::tree::{
    ArgumentDefinition, Definition, DefinitionKind, Directive, DirectiveDefinition, Fault, FieldDefinition,
    Position, SchemaDirective, SchemaDocument, Type, argument,
};
use super::{output, tree};
use crate::depth;

/// What every schema has: the types that the specification names.
const PRELUDE: &str = include_str!("prelude.graphql");

#[derive(Debug, Default)]
pub(super) struct Schema {
    pub(super) query: Option<String>,
    pub(super) mutation: Option<String>,
    pub(super) subscription: Option<String>,
    pub(super) types: BTreeMap<String, Arc<Definition>>,
    pub(super) directives: BTreeMap<String, Arc<DirectiveDefinition>>,
    /// The types that a value of a type may have, by name, in upstream's order.
    pub(super) possible: HashMap<String, Vec<String>>,
}

type Judged<T = ()> = Result<T, Fault>;

fn fault<T>(at: Option<Position>, message: String) -> Judged<T> {
    Err(Fault { at, message })
}

/// Builds a schema of a document, with the types that every schema has.
pub(super) fn build(mut document: SchemaDocument) -> Judged<Schema> {
    let mut prelude = parse_schema::schema(PRELUDE.as_bytes(), true)?;
    prelude.definitions.append(&mut document.definitions);
    prelude.directives.append(&mut document.directives);
    let (definitions, order) = extended(prelude.definitions, document.extensions)?;
    let mut schema = Schema { types: definitions, ..Schema::default() };
    for name in &order {
        let Some(definition) = schema.types.get(name) else { continue };
        let mut add = |to: &str, member: &str| {
            schema.possible.entry(to.to_owned()).or_default().push(member.to_owned());
        };
        match definition.kind {
            DefinitionKind::Union => definition.types.iter().for_each(|(member, _)| add(name, member)),
            DefinitionKind::InputObject | DefinitionKind::Object => {
                definition.interfaces.iter().for_each(|interface| add(interface, name));
                add(name, name);
            }
            DefinitionKind::Interface => {
                definition.interfaces.iter().for_each(|interface| add(interface, name));
            }
            _ => {}
        }
    }
    for directive in prelude.directives {
        const REDECLARABLE: [&str; 6] = ["include", "skip", "deprecated", "specifiedBy", "defer", "oneOf"];
        let is_known = schema.directives.contains_key(&directive.name);
        if is_known && !REDECLARABLE.contains(&directive.name.as_str()) {
            return fault(directive.at, format!("Cannot redeclare directive {}.", directive.name));
        }
        schema.directives.insert(directive.name.clone(), Arc::new(directive));
    }
    schema.read_roots(&document.schema, &document.extensions_of_schema)?;
    schema.judge()?;
    if document.schema.is_empty() {
        let known = |name: &str| schema.types.contains_key(name).then(|| name.to_owned());
        let defaults = (known("Query"), known("Mutation"), known("Subscription"));
        schema.query = schema.query.or(defaults.0);
        schema.mutation = schema.mutation.or(defaults.1);
        schema.subscription = schema.subscription.or(defaults.2);
    }
    schema.add_introspection();
    Ok(schema)
}

/// Types by name, and their names in the order of the text.
type Types = (BTreeMap<String, Arc<Definition>>, Vec<String>);

/// The types, their extensions added.
fn extended(definitions: Vec<Definition>, extensions: Vec<Definition>) -> Judged<Types> {
    let mut types: BTreeMap<String, Definition> = BTreeMap::new();
    let mut order = Vec::new();
    for definition in definitions {
        if types.contains_key(&definition.name) {
            return fault(definition.at, format!("Cannot redeclare type {}.", definition.name));
        }
        order.push(definition.name.clone());
        types.insert(definition.name.clone(), definition);
    }
    for extension in extensions {
        let name = extension.name.clone();
        let definition = types.entry(name.clone()).or_insert_with(|| {
            order.push(name.clone());
            let (kind, at) = (extension.kind, extension.at);
            Definition { kind, name: name.clone(), at, ..Definition::default() }
        });
        if definition.kind != extension.kind {
            let (base, other) = (definition.kind.as_str(), extension.kind.as_str());
            let message =
                format!("Cannot extend type {name} because the base type is a {base}, not {other}.");
            return fault(extension.at, message);
        }
        definition.directives.extend(extension.directives);
        definition.interfaces.extend(extension.interfaces);
        definition.fields.extend(extension.fields);
        definition.types.extend(extension.types);
        definition.values.extend(extension.values);
    }
    Ok((types.into_iter().map(|(name, definition)| (name, Arc::new(definition))).collect(), order))
}

impl Schema {
    pub(super) fn get(&self, name: &str) -> Option<&Arc<Definition>> {
        self.types.get(name)
    }

    /// The type of an operation's root.
    pub(super) fn root(&self, operation: &str) -> Option<&Arc<Definition>> {
        let name = match operation {
            "mutation" => &self.mutation,
            "subscription" => &self.subscription,
            _ => &self.query,
        };
        self.get(name.as_deref()?)
    }

    /// The types that a value of a type may have.
    pub(super) fn possible(&self, name: &str) -> impl Iterator<Item = &Arc<Definition>> {
        self.possible.get(name).into_iter().flatten().filter_map(|name| self.get(name))
    }

    fn read_roots(
        &mut self,
        definitions: &[tree::SchemaDefinition],
        extensions: &[tree::SchemaDefinition],
    ) -> Judged {
        if let Some(second) = definitions.get(1) {
            let message = "Cannot have multiple schema entry points, consider schema extensions instead.";
            return fault(second.at, message.to_owned());
        }
        for definition in definitions.iter().chain(extensions) {
            for (operation, of, at, _) in &definition.operations {
                if self.get(of).is_none() {
                    let message =
                        format!("Schema root {operation} refers to a type {of} that does not exist.");
                    return fault(*at, message);
                }
                match operation.as_str() {
                    "query" => self.query = Some(of.clone()),
                    "mutation" => self.mutation = Some(of.clone()),
                    _ => self.subscription = Some(of.clone()),
                }
            }
            let directives = definition.directives.iter();
            let directives: Vec<_> =
                directives.map(|found: &Directive| Arc::new(output::schema_directive(found))).collect();
            self.judge_directives(&directives, "SCHEMA", None, true)?;
        }
        Ok(())
    }

    /// What can be asked about the schema itself.
    fn add_introspection(&mut self) {
        let Some(query) = self.query.clone().and_then(|name| self.types.get_mut(&name)) else {
            return;
        };
        let name = ArgumentDefinition {
            name: "name".to_owned(),
            of: Type::named("String", true),
            ..ArgumentDefinition::default()
        };
        let field = |name: &str, of, arguments| {
            Arc::new(FieldDefinition { name: name.to_owned(), of, arguments, ..FieldDefinition::default() })
        };
        let fields = [
            field("__schema", Type::named("__Schema", true), Vec::new()),
            field("__type", Type::named("__Type", false), vec![name]),
        ];
        if let Some(query) = Arc::get_mut(query) {
            query.fields.extend(fields);
        }
    }

    fn judge(&self) -> Judged {
        for definition in self.types.values() {
            self.judge_definition(definition)?;
        }
        self.judge_cycles()?;
        for directive in self.directives.values() {
            judge_name(directive.at, &directive.name)?;
            self.judge_arguments(&directive.arguments, Some(&directive.name))?;
        }
        Ok(())
    }

    fn judge_definition(&self, definition: &Definition) -> Judged {
        let at = definition.at;
        let (kind, name) = (definition.kind.as_str(), &definition.name);
        let is_input = definition.kind == DefinitionKind::InputObject;
        for field in &definition.fields {
            judge_name(field.at, &field.name)?;
            self.judge_type(&field.of)?;
            self.judge_arguments(&field.arguments, None)?;
            let location = if is_input { "INPUT_FIELD_DEFINITION" } else { "FIELD_DEFINITION" };
            self.judge_directives(&field.directives, location, None, true)?;
        }
        for (member, _) in &definition.types {
            match self.get(member) {
                None => return fault(at, format!("Undefined type \"{member}\".")),
                Some(found) if found.kind != DefinitionKind::Object => {
                    return fault(at, format!("{kind} type \"{member}\" must be OBJECT."));
                }
                Some(_) => {}
            }
        }
        for interface in &definition.interfaces {
            self.judge_interface(definition, interface)?;
        }
        match definition.kind {
            DefinitionKind::Object | DefinitionKind::Interface => {
                if definition.fields.is_empty() {
                    return fault(at, format!("{kind} {name}: must define one or more fields."));
                }
                for field in &definition.fields {
                    let of = self.get(field.of.name());
                    if of.is_some_and(|of| of.kind == DefinitionKind::InputObject) {
                        let kinds = "SCALAR, OBJECT, INTERFACE, UNION, ENUM";
                        return fault(field.at, format!("{kind} {name}: field must be one of {kinds}."));
                    }
                }
            }
            DefinitionKind::Enum => self.judge_values(definition)?,
            DefinitionKind::InputObject => {
                if definition.fields.is_empty() {
                    return fault(at, format!("{kind} {name}: must define one or more input fields."));
                }
                for field in &definition.fields {
                    if let Some(of) = self.get(field.of.name()).filter(|of| !of.is_input()) {
                        let (kind, name) = (of.kind.as_str(), &field.name);
                        let kinds = "SCALAR, ENUM, INPUT_OBJECT";
                        return fault(field.at, format!("{kind} {name}: field must be one of {kinds}."));
                    }
                }
            }
            _ => {}
        }
        judge_repetitions(definition)?;
        if !definition.builtin {
            judge_name(at, name)?;
        }
        self.judge_directives(&definition.directives, kind, None, false)
    }

    fn judge_values(&self, definition: &Definition) -> Judged {
        let (at, name) = (definition.at, &definition.name);
        if definition.values.is_empty() {
            return fault(at, format!("ENUM {name}: must define one or more unique enum values."));
        }
        for value in &definition.values {
            if matches!(value.name.as_str(), "true" | "false" | "null") {
                return fault(at, format!("ENUM {name}: non-enum value {}.", value.name));
            }
            self.judge_directives(&value.directives, "ENUM_VALUE", None, true)?;
        }
        Ok(())
    }

    fn judge_type(&self, of: &Type) -> Judged {
        if self.get(of.name()).is_none() {
            return fault(of.at, format!("Undefined type {}.", of.name()));
        }
        Ok(())
    }

    fn judge_arguments(&self, arguments: &[ArgumentDefinition], directive: Option<&str>) -> Judged {
        for argument in arguments {
            judge_name(argument.at, &argument.name)?;
            self.judge_type(&argument.of)?;
            if let Some(of) = self.get(argument.of.name()).filter(|of| !of.is_input()) {
                let (shown, name, kind) = (&argument.of, &argument.name, of.kind.as_str());
                let message =
                    format!("cannot use {shown} as argument {name} because {kind} is not a valid input type");
                return fault(argument.at, message);
            }
            self.judge_directives(&argument.directives, "ARGUMENT_DEFINITION", directive, true)?;
        }
        Ok(())
    }

    /// Judges directives at a location; within the definition of one, it may not be among them.
    fn judge_directives(
        &self,
        directives: &[Arc<SchemaDirective>],
        location: &str,
        within: Option<&str>,
        is_one_place: bool,
    ) -> Judged {
        let mut seen = HashSet::new();
        for directive in directives {
            let name = directive.name.as_str();
            judge_name(directive.at, name)?;
            if within == Some(name) {
                return fault(directive.at, format!("Directive {name} cannot refer to itself."));
            }
            let Some(definition) = self.directives.get(name) else {
                return fault(directive.at, format!("Undefined directive {name}."));
            };
            if is_one_place && !seen.insert(name) && !definition.is_repeatable {
                let message = format!("The directive {name} can only be used once at this location.");
                return fault(directive.at, message);
            }
            if !definition.locations.iter().any(|known| known == location) {
                return fault(directive.at, format!("Directive {name} is not applicable on {location}."));
            }
            for (given, _, at) in &directive.arguments {
                if argument(&definition.arguments, given).is_none() {
                    return fault(*at, format!("Undefined argument {given} for directive {name}."));
                }
            }
            for needed in
                definition.arguments.iter().filter(|needed| needed.of.non_null && needed.default.is_none())
            {
                let given = directive.arguments.iter().find(|(given, ..)| *given == needed.name);
                if given.is_none_or(|(_, is_null, _)| *is_null) {
                    let message = format!("Argument {} for directive {name} cannot be null.", needed.name);
                    return fault(directive.at, message);
                }
            }
        }
        Ok(())
    }

    fn judge_interface(&self, definition: &Definition, name: &str) -> Judged {
        let at = definition.at;
        let Some(interface) = self.get(name) else {
            return fault(at, format!("Undefined type \"{name}\"."));
        };
        if interface.kind != DefinitionKind::Interface {
            let kind = interface.kind.as_str();
            return fault(at, format!("\"{name}\" is a non interface type {kind}."));
        }
        let fields: HashMap<&str, &Arc<FieldDefinition>> =
            definition.fields.iter().rev().map(|field| (field.name.as_str(), field)).collect();
        let to = format!("For {} to implement {name}", definition.name);
        for required in &interface.fields {
            let Some(found) = fields.get(required.name.as_str()) else {
                return fault(at, format!("{to} it must have a field called {}.", required.name));
            };
            if !self.is_covariant(&required.of, &found.of) {
                let message = format!("{to} the field {} must have type {}.", required.name, required.of);
                return fault(found.at, message);
            }
            judge_interface_arguments(&to, required, found)?;
        }
        let missing = interface.interfaces.iter().find(|name| !definition.interfaces.contains(name));
        if let Some(ancestor) = missing {
            let this = &definition.name;
            if ancestor == this {
                let message = format!(
                    "Type {this} cannot implement {name} because it would create a circular reference."
                );
                return fault(at, message);
            }
            let message =
                format!("Type {this} must implement {ancestor} because it is implemented by {name}.");
            return fault(at, message);
        }
        Ok(())
    }

    /// Whether what an interface requires holds of a field's type.
    fn is_covariant(&self, required: &Type, actual: &Type) -> bool {
        let (mut required, mut actual) = (required, actual);
        loop {
            if required.non_null && !actual.non_null {
                return false;
            }
            if !required.named.is_empty() {
                return required.named == actual.named
                    || self.possible(&required.named).any(|possible| possible.name == actual.named);
            }
            match (&required.item, &actual.item) {
                (Some(left), Some(right)) => (required, actual) = (left, right),
                _ => return false,
            }
        }
    }

    /// Input objects must not need themselves.
    fn judge_cycles(&self) -> Judged {
        let mut search =
            CycleSearch { schema: self, visited: HashSet::new(), path: Vec::new(), on_path: HashMap::new() };
        for definition in
            self.types.values().filter(|definition| definition.kind == DefinitionKind::InputObject)
        {
            search.visit(definition)?;
        }
        Ok(())
    }
}

struct CycleSearch<'s> {
    schema: &'s Schema,
    visited: HashSet<&'s str>,
    path: Vec<&'s FieldDefinition>,
    /// Where on the path a type's fields begin.
    on_path: HashMap<&'s str, usize>,
}

impl<'s> CycleSearch<'s> {
    fn visit(&mut self, definition: &'s Definition) -> Judged {
        if !self.visited.insert(&definition.name) {
            return Ok(());
        }
        self.on_path.insert(&definition.name, self.path.len());
        for field in definition.fields.iter().filter(|field| field.of.non_null && !field.of.named.is_empty())
        {
            let of = self.schema.get(&field.of.named);
            let Some(of) = of.filter(|of| of.kind == DefinitionKind::InputObject) else {
                continue;
            };
            self.path.push(field);
            if let Some(from) = self.on_path.get(of.name.as_str()) {
                let cycle = self.path.get(*from..).unwrap_or_default();
                let names: Vec<&str> = cycle.iter().map(|field| field.name.as_str()).collect();
                let message = format!(
                    "Cannot reference Input Object \"{}\" within itself through a series of non-null fields: \"{}\".",
                    of.name,
                    names.join(".")
                );
                return fault(cycle.first().and_then(|field| field.at), message);
            }
            depth::grow(|| self.visit(of))?;
            self.path.pop();
        }
        self.on_path.remove(definition.name.as_str());
        Ok(())
    }
}

fn judge_interface_arguments(to: &str, required: &FieldDefinition, found: &FieldDefinition) -> Judged {
    let field = &required.name;
    for needed in &required.arguments {
        let name = &needed.name;
        let Some(given) = argument(&found.arguments, name) else {
            let message =
                format!("{to} the field {field} must have the same arguments but it is missing {name}.");
            return fault(found.at, message);
        };
        if !needed.of.is_compatible(&given.of) {
            let message =
                format!("{to} the field {field} must have the same arguments but {name} has the wrong type.");
            return fault(given.at, message);
        }
    }
    for given in &found.arguments {
        if argument(&required.arguments, &given.name).is_none()
            && given.of.non_null
            && given.default.is_none()
        {
            let (field, name) = (&found.name, &given.name);
            let message = format!(
                "{to} any additional arguments on {field} must be optional or have a default value but {name} is required."
            );
            return fault(given.at, message);
        }
    }
    Ok(())
}

fn judge_name(at: Option<Position>, name: &str) -> Judged {
    if name.starts_with("__") {
        let message = format!(
            "Name \"{name}\" must not begin with \"__\", which is reserved by GraphQL introspection."
        );
        return fault(at, message);
    }
    Ok(())
}

/// The second place of the first name that stands twice.
fn repeated<'n>(names: impl Iterator<Item = &'n str>) -> Option<usize> {
    let mut places: HashMap<&str, (usize, Option<usize>)> = HashMap::new();
    for (index, name) in names.enumerate() {
        let (_, second) = places.entry(name).or_insert((index, None));
        if second.is_none() && places.get(name).is_some_and(|(first, _)| *first != index) {
            places.entry(name).and_modify(|(_, second)| *second = Some(index));
        }
    }
    let mut repeated: Vec<(usize, usize)> =
        places.into_values().filter_map(|(first, second)| Some((first, second?))).collect();
    repeated.sort_unstable();
    repeated.first().map(|(_, second)| *second)
}

fn judge_repetitions(definition: &Definition) -> Judged {
    let name = &definition.name;
    let again = repeated(definition.fields.iter().map(|field| field.name.as_str()));
    if let Some(field) = again.and_then(|index| definition.fields.get(index)) {
        return fault(field.at, format!("Field {name}.{} can only be defined once.", field.name));
    }
    let again = repeated(definition.values.iter().map(|value| value.name.as_str()));
    if let Some(value) = again.and_then(|index| definition.values.get(index)) {
        return fault(value.at, format!("Enum value {name}.{} can only be defined once.", value.name));
    }
    let again = repeated(definition.types.iter().map(|(member, _)| member.as_str()));
    if let Some((member, at)) = again.and_then(|index| definition.types.get(index)) {
        return fault(
            at.or(definition.at),
            format!("Union type {name} can only include type {member} once."),
        );
    }
    Ok(())
}
