//! Trees of GraphQL documents, with the fields that `gqlparser` has.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

/// A place in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Position {
    pub(super) line: i64,
    pub(super) column: i64,
    /// It is in what every schema has, not in a text that was given.
    pub(super) builtin: bool,
}

/// Something that is wrong, and where.
#[derive(Clone, Debug)]
pub(super) struct Fault {
    pub(super) at: Option<Position>,
    pub(super) message: String,
}

/// Lines of comment before something.
pub(super) type Comments = Vec<String>;

#[derive(Debug, Default)]
pub(super) struct Query {
    pub(super) operations: Vec<Operation>,
    pub(super) fragments: Vec<Fragment>,
}

#[derive(Debug, Default)]
pub(super) struct Operation {
    /// `query`, `mutation` or `subscription`.
    pub(super) kind: String,
    pub(super) name: String,
    pub(super) variables: Vec<Variable>,
    pub(super) directives: Vec<Directive>,
    pub(super) selections: Vec<Selection>,
    pub(super) at: Option<Position>,
    pub(super) comment: Comments,
}

#[derive(Debug, Default)]
pub(super) struct Variable {
    pub(super) name: String,
    pub(super) of: Arc<Type>,
    pub(super) default: Option<Value>,
    pub(super) directives: Vec<Directive>,
    pub(super) at: Option<Position>,
    pub(super) comment: Comments,
    pub(super) used: Cell<bool>,
    pub(super) definition: RefCell<Option<Arc<Definition>>>,
}

#[derive(Debug, Default)]
pub(super) struct Fragment {
    pub(super) name: String,
    pub(super) variables: Vec<Variable>,
    pub(super) condition: String,
    pub(super) directives: Vec<Directive>,
    pub(super) selections: Vec<Selection>,
    pub(super) at: Option<Position>,
    pub(super) comment: Comments,
}

#[derive(Debug)]
pub(super) enum Selection {
    Field(Field),
    Inline(Inline),
    Spread(Spread),
}

#[derive(Debug, Default)]
pub(super) struct Field {
    pub(super) alias: String,
    pub(super) name: String,
    pub(super) arguments: Vec<Argument>,
    pub(super) directives: Vec<Directive>,
    pub(super) selections: Vec<Selection>,
    pub(super) at: Option<Position>,
    pub(super) comment: Comments,
    /// What the walk found it to be, and of what type.
    pub(super) definition: RefCell<Option<Arc<FieldDefinition>>>,
    pub(super) parent: RefCell<Option<Arc<Definition>>>,
}

#[derive(Debug, Default)]
pub(super) struct Inline {
    pub(super) condition: String,
    pub(super) directives: Vec<Directive>,
    pub(super) selections: Vec<Selection>,
    pub(super) at: Option<Position>,
    pub(super) comment: Comments,
    pub(super) parent: RefCell<Option<Arc<Definition>>>,
}

#[derive(Debug, Default)]
pub(super) struct Spread {
    pub(super) name: String,
    pub(super) directives: Vec<Directive>,
    pub(super) at: Option<Position>,
    pub(super) comment: Comments,
    /// The fragment, by its place in the query.
    pub(super) fragment: Cell<Option<usize>>,
    pub(super) parent: RefCell<Option<Arc<Definition>>>,
}

#[derive(Debug, Default)]
pub(super) struct Argument {
    pub(super) name: String,
    pub(super) value: Value,
    pub(super) at: Option<Position>,
    pub(super) comment: Comments,
}

#[derive(Debug, Default)]
pub(super) struct Directive {
    pub(super) name: String,
    pub(super) arguments: Vec<Argument>,
    pub(super) at: Option<Position>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum ValueKind {
    #[default]
    Variable,
    Int,
    Float,
    String,
    Block,
    Boolean,
    Null,
    Enum,
    List,
    Object,
}

#[derive(Debug, Default)]
pub(super) struct Value {
    pub(super) raw: String,
    pub(super) children: Vec<Child>,
    pub(super) kind: ValueKind,
    pub(super) at: Option<Position>,
    pub(super) comment: Comments,
    /// What the walk expects here.
    pub(super) definition: RefCell<Option<Arc<Definition>>>,
    pub(super) expected: RefCell<Option<Arc<Type>>>,
    pub(super) has_default: Cell<bool>,
    /// The variable, by its place in the operation at hand.
    pub(super) variable: Cell<Option<usize>>,
}

#[derive(Debug, Default)]
pub(super) struct Child {
    pub(super) name: String,
    pub(super) value: Value,
    pub(super) at: Option<Position>,
    pub(super) comment: Comments,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Type {
    /// Empty for a list.
    pub(super) named: String,
    pub(super) item: Option<Arc<Type>>,
    pub(super) non_null: bool,
    pub(super) at: Option<Position>,
}

impl Type {
    /// A type with a name.
    pub(super) fn named(name: &str, non_null: bool) -> Arc<Self> {
        Arc::new(Self { named: name.to_owned(), item: None, non_null, at: None })
    }

    /// The name of the type, or of what its lists hold.
    pub(super) fn name(&self) -> &str {
        let mut of = self;
        while of.named.is_empty()
            && let Some(item) = &of.item
        {
            of = item;
        }
        &of.named
    }

    /// Whether a value of this type can stand where the other is expected.
    pub(super) fn is_compatible(&self, other: &Self) -> bool {
        let (mut this, mut other) = (self, other);
        loop {
            if this.named != other.named || (other.non_null && !this.non_null) {
                return false;
            }
            match (&this.item, &other.item) {
                (None, _) => return true,
                (Some(_), None) => return false,
                (Some(left), Some(right)) => (this, other) = (left, right),
            }
        }
    }
}

impl std::fmt::Display for Type {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut lists = Vec::new();
        let mut of = self;
        while of.named.is_empty()
            && let Some(item) = &of.item
        {
            lists.push(of.non_null);
            out.write_str("[")?;
            of = item;
        }
        out.write_str(&of.named)?;
        out.write_str(if of.non_null { "!" } else { "" })?;
        lists.iter().rev().try_for_each(|non_null| out.write_str(if *non_null { "]!" } else { "]" }))
    }
}

/// A document that describes types.
#[derive(Debug, Default)]
pub(super) struct SchemaDocument {
    pub(super) schema: Vec<SchemaDefinition>,
    pub(super) extensions_of_schema: Vec<SchemaDefinition>,
    pub(super) directives: Vec<DirectiveDefinition>,
    pub(super) definitions: Vec<Definition>,
    pub(super) extensions: Vec<Definition>,
    pub(super) comment: Comments,
}

#[derive(Debug, Default)]
pub(super) struct SchemaDefinition {
    pub(super) description: String,
    pub(super) directives: Vec<Directive>,
    /// Operation, type, place, comment.
    pub(super) operations: Vec<(String, String, Option<Position>, Comments)>,
    pub(super) at: Option<Position>,
    pub(super) comments: Around,
}

/// Comments around a description.
#[derive(Debug, Default)]
pub(super) struct Around {
    pub(super) before: Comments,
    pub(super) after: Comments,
    pub(super) end: Comments,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum DefinitionKind {
    #[default]
    Scalar,
    Object,
    Interface,
    Union,
    Enum,
    InputObject,
}

impl DefinitionKind {
    pub(super) const ALL: [Self; 6] =
        [Self::Scalar, Self::Object, Self::Interface, Self::Union, Self::Enum, Self::InputObject];

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Scalar => "SCALAR",
            Self::Object => "OBJECT",
            Self::Interface => "INTERFACE",
            Self::Union => "UNION",
            Self::Enum => "ENUM",
            Self::InputObject => "INPUT_OBJECT",
        }
    }
}

/// What is known of a type.
#[derive(Debug, Default)]
pub(super) struct Definition {
    pub(super) kind: DefinitionKind,
    pub(super) description: String,
    pub(super) name: String,
    pub(super) directives: Vec<Arc<SchemaDirective>>,
    pub(super) interfaces: Vec<String>,
    pub(super) fields: Vec<Arc<FieldDefinition>>,
    /// The members of a union, and where each stands.
    pub(super) types: Vec<(String, Option<Position>)>,
    pub(super) values: Vec<Arc<EnumValue>>,
    pub(super) at: Option<Position>,
    pub(super) builtin: bool,
    pub(super) comments: Around,
}

/// A directive in a schema. Of the values of its arguments only what they are matters later.
#[derive(Debug, Default)]
pub(super) struct SchemaDirective {
    pub(super) name: String,
    /// Name, whether it is null, place.
    pub(super) arguments: Vec<(String, bool, Option<Position>)>,
    pub(super) at: Option<Position>,
    /// As a value.
    pub(super) shown: lumen_value::Value,
}

#[derive(Debug, Default)]
pub(super) struct FieldDefinition {
    pub(super) description: String,
    pub(super) name: String,
    pub(super) arguments: Vec<ArgumentDefinition>,
    /// Whether there is a default, and whether it is not null; and it as a value.
    pub(super) default: Option<DefaultValue>,
    pub(super) of: Arc<Type>,
    pub(super) directives: Vec<Arc<SchemaDirective>>,
    pub(super) at: Option<Position>,
    pub(super) comments: Around,
}

/// The default of a field or an argument.
#[derive(Debug)]
pub(super) struct DefaultValue {
    pub(super) is_null: bool,
    pub(super) shown: lumen_value::Value,
}

#[derive(Debug, Default)]
pub(super) struct ArgumentDefinition {
    pub(super) description: String,
    pub(super) name: String,
    pub(super) default: Option<DefaultValue>,
    pub(super) of: Arc<Type>,
    pub(super) directives: Vec<Arc<SchemaDirective>>,
    pub(super) at: Option<Position>,
    pub(super) comments: Around,
}

#[derive(Debug, Default)]
pub(super) struct EnumValue {
    pub(super) description: String,
    pub(super) name: String,
    pub(super) directives: Vec<Arc<SchemaDirective>>,
    pub(super) at: Option<Position>,
    pub(super) comments: Around,
}

#[derive(Debug, Default)]
pub(super) struct DirectiveDefinition {
    pub(super) description: String,
    pub(super) name: String,
    pub(super) arguments: Vec<ArgumentDefinition>,
    pub(super) locations: Vec<String>,
    pub(super) is_repeatable: bool,
    pub(super) at: Option<Position>,
    pub(super) comments: Around,
}

impl Definition {
    pub(super) fn is_leaf(&self) -> bool {
        matches!(self.kind, DefinitionKind::Enum | DefinitionKind::Scalar)
    }

    pub(super) fn is_composite(&self) -> bool {
        matches!(self.kind, DefinitionKind::Object | DefinitionKind::Interface | DefinitionKind::Union)
    }

    pub(super) fn is_abstract(&self) -> bool {
        matches!(self.kind, DefinitionKind::Interface | DefinitionKind::Union)
    }

    pub(super) fn is_input(&self) -> bool {
        matches!(self.kind, DefinitionKind::Scalar | DefinitionKind::Enum | DefinitionKind::InputObject)
    }

    pub(super) fn field(&self, name: &str) -> Option<&Arc<FieldDefinition>> {
        self.fields.iter().find(|field| field.name == name)
    }

    pub(super) fn has_directive(&self, name: &str) -> bool {
        self.directives.iter().any(|directive| directive.name == name)
    }
}

pub(super) fn argument<'a>(
    arguments: &'a [ArgumentDefinition],
    name: &str,
) -> Option<&'a ArgumentDefinition> {
    arguments.iter().find(|argument| argument.name == name)
}
