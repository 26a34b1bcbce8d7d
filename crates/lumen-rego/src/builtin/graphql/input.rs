//! Documents that are given as values: what `encoding/json` makes of them in upstream's trees. They have no places.

use std::sync::Arc;

use lumen_value::Value;

use super::output;
use super::parse::NESTING_MAX;
use super::tree::{
    Argument, ArgumentDefinition, Child, Comments, Definition, DefinitionKind, Directive,
    DirectiveDefinition, EnumValue, Field, FieldDefinition, Fragment, Operation, Query, SchemaDefinition,
    SchemaDirective, SchemaDocument, Selection, Type, Value as Literal, Variable,
};
use crate::depth;

type Given<T> = Result<T, String>;

/// How deep we are.
type Level = usize;

fn wrong<T>(what: &Value, of: &str) -> Given<T> {
    Err(format!("json: cannot unmarshal {} into Go value of type {of}", what.kind()))
}

/// A member, by its exact name, or else without regard to case, as Go looks for one.
fn member<'v>(value: &'v Value, name: &str) -> &'v Value {
    const NOTHING: &Value = &Value::Null;
    let Value::Object(object) = value else { return NOTHING };
    object.get(name).unwrap_or_else(|| {
        let found =
            object.fields().find(|(key, _)| key.as_str().is_some_and(|key| key.eq_ignore_ascii_case(name)));
        found.map_or(NOTHING, |(_, value)| value)
    })
}

fn check_object(value: &Value, of: &str) -> Given<()> {
    if matches!(value, Value::Object(_) | Value::Null) { Ok(()) } else { wrong(value, of) }
}

fn text(value: &Value, name: &str) -> Given<String> {
    match member(value, name) {
        Value::Null => Ok(String::new()),
        Value::String(text) => Ok(text.to_text().into_owned()),
        other => wrong(other, "string"),
    }
}

fn flag(value: &Value, name: &str) -> Given<bool> {
    match member(value, name) {
        Value::Null => Ok(false),
        Value::Bool(flag) => Ok(*flag),
        other => wrong(other, "bool"),
    }
}

fn list<T>(value: &Value, name: &str, mut each: impl FnMut(&Value) -> Given<T>) -> Given<Vec<T>> {
    match member(value, name) {
        Value::Null => Ok(Vec::new()),
        Value::Array(items) => items.iter().map(&mut each).collect(),
        other => wrong(other, "[]"),
    }
}

fn texts(value: &Value, name: &str) -> Given<Vec<String>> {
    list(value, name, |item| match item {
        Value::String(text) => Ok(text.to_text().into_owned()),
        Value::Null => Ok(String::new()),
        other => wrong(other, "string"),
    })
}

fn deeper<T>(level: Level, read: impl FnOnce(Level) -> Given<T>) -> Given<T> {
    if level >= NESTING_MAX {
        return Err(format!("nested deeper than {NESTING_MAX} levels"));
    }
    depth::grow(|| read(level + 1))
}

pub(super) fn query(value: &Value) -> Given<Query> {
    Ok(Query {
        operations: list(value, "Operations", operation)?,
        fragments: list(value, "Fragments", fragment)?,
    })
}

fn operation(value: &Value) -> Given<Operation> {
    check_object(value, "ast.OperationDefinition")?;
    Ok(Operation {
        kind: text(value, "Operation")?,
        name: text(value, "Name")?,
        variables: list(value, "VariableDefinitions", variable)?,
        directives: list(value, "Directives", directive)?,
        selections: selections(value, 0)?,
        ..Operation::default()
    })
}

fn fragment(value: &Value) -> Given<Fragment> {
    check_object(value, "ast.FragmentDefinition")?;
    Ok(Fragment {
        name: text(value, "Name")?,
        variables: list(value, "VariableDefinition", variable)?,
        condition: text(value, "TypeCondition")?,
        directives: list(value, "Directives", directive)?,
        selections: selections(value, 0)?,
        ..Fragment::default()
    })
}

fn variable(value: &Value) -> Given<Variable> {
    check_object(value, "ast.VariableDefinition")?;
    Ok(Variable {
        name: text(value, "Variable")?,
        of: type_of(member(value, "Type"), 0)?,
        default: optional(member(value, "DefaultValue"))?,
        directives: list(value, "Directives", directive)?,
        ..Variable::default()
    })
}

/// Upstream tries each selection as a field first, and any object is one. What fits none is left out.
fn selections(value: &Value, level: Level) -> Given<Vec<Selection>> {
    let found = list(value, "SelectionSet", |item| Ok(deeper(level, |level| field(item, level)).ok()))?;
    Ok(found.into_iter().flatten().map(Selection::Field).collect())
}

fn field(value: &Value, level: Level) -> Given<Field> {
    check_object(value, "ast.Field")?;
    Ok(Field {
        alias: text(value, "Alias")?,
        name: text(value, "Name")?,
        arguments: list(value, "Arguments", argument)?,
        directives: list(value, "Directives", directive)?,
        selections: selections(value, level)?,
        ..Field::default()
    })
}

fn argument(value: &Value) -> Given<Argument> {
    check_object(value, "ast.Argument")?;
    Ok(Argument {
        name: text(value, "Name")?,
        value: optional(member(value, "Value"))?.unwrap_or_default(),
        ..Argument::default()
    })
}

fn directive(value: &Value) -> Given<Directive> {
    check_object(value, "ast.Directive")?;
    let arguments = list(value, "Arguments", argument)?;
    Ok(Directive { name: text(value, "Name")?, arguments, at: None })
}

fn optional(value: &Value) -> Given<Option<Literal>> {
    if value.is_null() { Ok(None) } else { literal(value, 0).map(Some) }
}

fn literal(value: &Value, level: Level) -> Given<Literal> {
    check_object(value, "ast.Value")?;
    let kind = match member(value, "Kind") {
        Value::Null => 0,
        other => match other.as_i64().and_then(|kind| usize::try_from(kind).ok()) {
            Some(kind) => kind,
            None => return wrong(other, "ast.ValueKind"),
        },
    };
    let Some(kind) = output::KINDS.get(kind).copied() else {
        return Err(format!("unknown value kind {kind}"));
    };
    let children = list(value, "Children", |item| {
        check_object(item, "ast.ChildValue")?;
        let name = text(item, "Name")?;
        let value = deeper(level, |level| literal(member(item, "Value"), level))?;
        Ok(Child { name, value, ..Child::default() })
    })?;
    Ok(Literal { raw: text(value, "Raw")?, children, kind, ..Literal::default() })
}

fn type_of(value: &Value, level: Level) -> Given<Arc<Type>> {
    check_object(value, "ast.Type")?;
    let item = match member(value, "Elem") {
        Value::Null => None,
        item => Some(deeper(level, |level| type_of(item, level))?),
    };
    let (named, non_null) = (text(value, "NamedType")?, flag(value, "NonNull")?);
    Ok(Arc::new(Type { named, item, non_null, at: None }))
}

pub(super) fn schema(value: &Value) -> Given<SchemaDocument> {
    Ok(SchemaDocument {
        schema: list(value, "Schema", schema_definition)?,
        extensions_of_schema: list(value, "SchemaExtension", schema_definition)?,
        directives: list(value, "Directives", directive_definition)?,
        definitions: list(value, "Definitions", definition)?,
        extensions: list(value, "Extensions", definition)?,
        comment: Comments::new(),
    })
}

fn schema_definition(value: &Value) -> Given<SchemaDefinition> {
    check_object(value, "ast.SchemaDefinition")?;
    Ok(SchemaDefinition {
        description: text(value, "Description")?,
        directives: list(value, "Directives", directive)?,
        operations: list(value, "OperationTypes", |item| {
            Ok((text(item, "Operation")?, text(item, "Type")?, None, Comments::new()))
        })?,
        ..SchemaDefinition::default()
    })
}

fn schema_directives(value: &Value) -> Given<Vec<Arc<SchemaDirective>>> {
    list(value, "Directives", |item| Ok(Arc::new(output::schema_directive(&directive(item)?))))
}

fn definition(value: &Value) -> Given<Definition> {
    check_object(value, "ast.Definition")?;
    let kind = text(value, "Kind")?;
    let Some(kind) = DefinitionKind::ALL.into_iter().find(|known| known.as_str() == kind) else {
        return Err(format!("unknown kind {kind}"));
    };
    Ok(Definition {
        kind,
        description: text(value, "Description")?,
        name: text(value, "Name")?,
        directives: schema_directives(value)?,
        interfaces: texts(value, "Interfaces")?,
        fields: list(value, "Fields", |item| field_definition(item).map(Arc::new))?,
        types: texts(value, "Types")?.into_iter().map(|name| (name, None)).collect(),
        values: list(value, "EnumValues", |item| enum_value(item).map(Arc::new))?,
        builtin: flag(value, "BuiltIn")?,
        ..Definition::default()
    })
}

fn field_definition(value: &Value) -> Given<FieldDefinition> {
    check_object(value, "ast.FieldDefinition")?;
    Ok(FieldDefinition {
        description: text(value, "Description")?,
        name: text(value, "Name")?,
        arguments: list(value, "Arguments", argument_definition)?,
        default: optional(member(value, "DefaultValue"))?.as_ref().map(output::default_value),
        of: type_of(member(value, "Type"), 0)?,
        directives: schema_directives(value)?,
        ..FieldDefinition::default()
    })
}

fn argument_definition(value: &Value) -> Given<ArgumentDefinition> {
    let FieldDefinition { description, name, default, of, directives, .. } = field_definition(value)?;
    Ok(ArgumentDefinition { description, name, default, of, directives, ..ArgumentDefinition::default() })
}

fn enum_value(value: &Value) -> Given<EnumValue> {
    check_object(value, "ast.EnumValueDefinition")?;
    let directives = schema_directives(value)?;
    let (description, name) = (text(value, "Description")?, text(value, "Name")?);
    Ok(EnumValue { description, name, directives, ..EnumValue::default() })
}

fn directive_definition(value: &Value) -> Given<DirectiveDefinition> {
    check_object(value, "ast.DirectiveDefinition")?;
    Ok(DirectiveDefinition {
        description: text(value, "Description")?,
        name: text(value, "Name")?,
        arguments: list(value, "Arguments", argument_definition)?,
        locations: texts(value, "Locations")?,
        is_repeatable: flag(value, "IsRepeatable")?,
        ..DirectiveDefinition::default()
    })
}
