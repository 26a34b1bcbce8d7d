//! Documents as values: the fields of upstream's trees as Go puts them into JSON, without places and without what is empty.

use lumen_value::{Object, Value};

use super::tree::{
    Argument, ArgumentDefinition, Around, Child, Comments, DefaultValue, Definition, Directive,
    DirectiveDefinition, EnumValue, Field, FieldDefinition, Fragment, Inline, Operation, Query,
    SchemaDefinition, SchemaDirective, SchemaDocument, Selection, Spread, Type, Value as Literal, ValueKind,
    Variable,
};
use crate::depth;

/// An object of the entries that are not empty.
fn object<const N: usize>(entries: [(&str, Value); N]) -> Value {
    let is_empty = |value: &Value| match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(object) => object.is_empty(),
        _ => false,
    };
    let entries = entries.into_iter().filter(|(_, value)| !is_empty(value));
    Value::Object(entries.map(|(key, value)| (Value::from(key), value)).collect::<Object>())
}

fn list<T>(items: &[T], each: impl Fn(&T) -> Value) -> Value {
    Value::from(items.iter().map(each).collect::<Vec<_>>())
}

fn text(text: &str) -> Value {
    Value::from(text)
}

fn comments(comments: &Comments) -> Value {
    let lines = list(comments, |line| object([("Value", text(line))]));
    object([("List", lines)])
}

pub(super) fn query(query: &Query) -> Value {
    object([
        ("Operations", list(&query.operations, operation)),
        ("Fragments", list(&query.fragments, fragment)),
    ])
}

fn operation(operation: &Operation) -> Value {
    object([
        ("Operation", text(&operation.kind)),
        ("Name", text(&operation.name)),
        ("VariableDefinitions", list(&operation.variables, variable)),
        ("Directives", list(&operation.directives, directive)),
        ("SelectionSet", list(&operation.selections, selection)),
        ("Comment", comments(&operation.comment)),
    ])
}

fn fragment(fragment: &Fragment) -> Value {
    object([
        ("Name", text(&fragment.name)),
        ("VariableDefinition", list(&fragment.variables, variable)),
        ("TypeCondition", text(&fragment.condition)),
        ("Directives", list(&fragment.directives, directive)),
        ("SelectionSet", list(&fragment.selections, selection)),
        ("Comment", comments(&fragment.comment)),
    ])
}

fn variable(variable: &Variable) -> Value {
    object([
        ("Variable", text(&variable.name)),
        ("Type", type_of(&variable.of)),
        ("DefaultValue", variable.default.as_ref().map_or(Value::Null, literal)),
        ("Directives", list(&variable.directives, directive)),
        ("Comment", comments(&variable.comment)),
        ("Used", Value::from(false)),
    ])
}

fn selection(selection: &Selection) -> Value {
    depth::grow(|| match selection {
        Selection::Field(found) => field(found),
        Selection::Inline(found) => inline(found),
        Selection::Spread(found) => spread(found),
    })
}

fn field(field: &Field) -> Value {
    object([
        ("Alias", text(&field.alias)),
        ("Name", text(&field.name)),
        ("Arguments", list(&field.arguments, argument)),
        ("Directives", list(&field.directives, directive)),
        ("SelectionSet", list(&field.selections, selection)),
        ("Comment", comments(&field.comment)),
    ])
}

fn inline(inline: &Inline) -> Value {
    object([
        ("TypeCondition", text(&inline.condition)),
        ("Directives", list(&inline.directives, directive)),
        ("SelectionSet", list(&inline.selections, selection)),
        ("Comment", comments(&inline.comment)),
    ])
}

fn spread(spread: &Spread) -> Value {
    object([
        ("Name", text(&spread.name)),
        ("Directives", list(&spread.directives, directive)),
        ("Comment", comments(&spread.comment)),
    ])
}

fn argument(argument: &Argument) -> Value {
    object([
        ("Name", text(&argument.name)),
        ("Value", literal(&argument.value)),
        ("Comment", comments(&argument.comment)),
    ])
}

fn directive(directive: &Directive) -> Value {
    object([
        ("Name", text(&directive.name)),
        ("Arguments", list(&directive.arguments, argument)),
        ("Location", text("")),
    ])
}

/// A directive as a schema keeps it.
pub(super) fn schema_directive(found: &Directive) -> SchemaDirective {
    let argument =
        |argument: &Argument| (argument.name.clone(), argument.value.kind == ValueKind::Null, argument.at);
    SchemaDirective {
        name: found.name.clone(),
        arguments: found.arguments.iter().map(argument).collect(),
        at: found.at,
        shown: directive(found),
    }
}

/// A default as a schema keeps it.
pub(super) fn default_value(value: &Literal) -> DefaultValue {
    DefaultValue { is_null: value.kind == ValueKind::Null, shown: literal(value) }
}

/// Upstream's numbers of the kinds.
pub(super) const KINDS: [ValueKind; 10] = [
    ValueKind::Variable,
    ValueKind::Int,
    ValueKind::Float,
    ValueKind::String,
    ValueKind::Block,
    ValueKind::Boolean,
    ValueKind::Null,
    ValueKind::Enum,
    ValueKind::List,
    ValueKind::Object,
];

fn literal(value: &Literal) -> Value {
    let kind = KINDS.iter().position(|kind| *kind == value.kind).unwrap_or_default();
    depth::grow(|| {
        object([
            ("Raw", text(&value.raw)),
            ("Children", list(&value.children, child)),
            ("Kind", Value::from(i64::try_from(kind).unwrap_or_default())),
            ("Comment", comments(&value.comment)),
            ("ExpectedTypeHasDefault", Value::from(false)),
        ])
    })
}

fn child(child: &Child) -> Value {
    object([
        ("Name", text(&child.name)),
        ("Value", literal(&child.value)),
        ("Comment", comments(&child.comment)),
    ])
}

fn type_of(of: &Type) -> Value {
    depth::grow(|| {
        object([
            ("NamedType", text(&of.named)),
            ("Elem", of.item.as_deref().map_or(Value::Null, type_of)),
            ("NonNull", Value::from(of.non_null)),
        ])
    })
}

pub(super) fn schema(document: &SchemaDocument) -> Value {
    object([
        ("Schema", list(&document.schema, schema_definition)),
        ("SchemaExtension", list(&document.extensions_of_schema, schema_definition)),
        ("Directives", list(&document.directives, directive_definition)),
        ("Definitions", list(&document.definitions, definition)),
        ("Extensions", list(&document.extensions, definition)),
        ("Comment", comments(&document.comment)),
    ])
}

fn schema_definition(definition: &SchemaDefinition) -> Value {
    let operations = list(&definition.operations, |(operation, of, _, comment)| {
        object([("Operation", text(operation)), ("Type", text(of)), ("Comment", comments(comment))])
    });
    let Around { before, after, end } = &definition.comments;
    object([
        ("Description", text(&definition.description)),
        ("Directives", list(&definition.directives, directive)),
        ("OperationTypes", operations),
        ("BeforeDescriptionComment", comments(before)),
        ("AfterDescriptionComment", comments(after)),
        ("EndOfDefinitionComment", comments(end)),
    ])
}

fn directives(directives: &[std::sync::Arc<SchemaDirective>]) -> Value {
    list(directives, |directive| directive.shown.clone())
}

fn definition(definition: &Definition) -> Value {
    let Around { before, after, end } = &definition.comments;
    object([
        ("Kind", text(definition.kind.as_str())),
        ("Description", text(&definition.description)),
        ("Name", text(&definition.name)),
        ("Directives", directives(&definition.directives)),
        ("Interfaces", list(&definition.interfaces, |name| text(name))),
        ("Fields", list(&definition.fields, |field| field_definition(field))),
        ("Types", list(&definition.types, |(name, _)| text(name))),
        ("EnumValues", list(&definition.values, |value| enum_value(value))),
        ("BuiltIn", Value::from(definition.builtin)),
        ("BeforeDescriptionComment", comments(before)),
        ("AfterDescriptionComment", comments(after)),
        ("EndOfDefinitionComment", comments(end)),
    ])
}

fn shown_default(default: Option<&DefaultValue>) -> Value {
    default.map_or(Value::Null, |default| default.shown.clone())
}

fn field_definition(field: &FieldDefinition) -> Value {
    object([
        ("Description", text(&field.description)),
        ("Name", text(&field.name)),
        ("Arguments", list(&field.arguments, argument_definition)),
        ("DefaultValue", shown_default(field.default.as_ref())),
        ("Type", type_of(&field.of)),
        ("Directives", directives(&field.directives)),
        ("BeforeDescriptionComment", comments(&field.comments.before)),
        ("AfterDescriptionComment", comments(&field.comments.after)),
    ])
}

fn argument_definition(argument: &ArgumentDefinition) -> Value {
    object([
        ("Description", text(&argument.description)),
        ("Name", text(&argument.name)),
        ("DefaultValue", shown_default(argument.default.as_ref())),
        ("Type", type_of(&argument.of)),
        ("Directives", directives(&argument.directives)),
        ("BeforeDescriptionComment", comments(&argument.comments.before)),
        ("AfterDescriptionComment", comments(&argument.comments.after)),
    ])
}

fn enum_value(value: &EnumValue) -> Value {
    object([
        ("Description", text(&value.description)),
        ("Name", text(&value.name)),
        ("Directives", directives(&value.directives)),
        ("BeforeDescriptionComment", comments(&value.comments.before)),
        ("AfterDescriptionComment", comments(&value.comments.after)),
    ])
}

fn directive_definition(definition: &DirectiveDefinition) -> Value {
    object([
        ("Description", text(&definition.description)),
        ("Name", text(&definition.name)),
        ("Arguments", list(&definition.arguments, argument_definition)),
        ("Locations", list(&definition.locations, |location| text(location))),
        ("IsRepeatable", Value::from(definition.is_repeatable)),
        ("BeforeDescriptionComment", comments(&definition.comments.before)),
        ("AfterDescriptionComment", comments(&definition.comments.after)),
    ])
}
