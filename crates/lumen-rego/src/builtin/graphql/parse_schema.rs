//! The parser of schemas (`schema.go`).

use std::sync::Arc;

use super::lex::Kind;
use super::output;
use super::parse::Parser;
use super::tree::{
    ArgumentDefinition, Around, Comments, DefaultValue, Definition, DefinitionKind, DirectiveDefinition,
    EnumValue, Fault, FieldDefinition, Position, SchemaDefinition, SchemaDirective, SchemaDocument,
};

type Parsed<T> = Result<T, Fault>;

/// Where a directive may stand.
pub(super) const LOCATIONS: [&str; 19] = [
    "QUERY",
    "MUTATION",
    "SUBSCRIPTION",
    "FIELD",
    "FRAGMENT_DEFINITION",
    "FRAGMENT_SPREAD",
    "INLINE_FRAGMENT",
    "VARIABLE_DEFINITION",
    "SCHEMA",
    "SCALAR",
    "OBJECT",
    "FIELD_DEFINITION",
    "ARGUMENT_DEFINITION",
    "INTERFACE",
    "UNION",
    "ENUM",
    "ENUM_VALUE",
    "INPUT_OBJECT",
    "INPUT_FIELD_DEFINITION",
];

/// A description, and the comments before it.
#[derive(Default)]
struct Description {
    text: String,
    comment: Comments,
}

/// Reads a schema; `builtin` marks what it defines as such.
pub(super) fn schema(text: &[u8], builtin: bool) -> Parsed<SchemaDocument> {
    let mut parser = Parser::new(text, builtin);
    let mut document = SchemaDocument::default();
    while parser.peek_kind() != Kind::End {
        let description = parser.description()?;
        let token = parser.peek();
        if token.kind != Kind::Name {
            return parser.unexpected();
        }
        match token.value.as_str() {
            "scalar" | "type" | "interface" | "union" | "enum" | "input" => {
                let comment = parser.expect_word(&token.value)?;
                let kind = kind(&token.value);
                document.definitions.push(parser.definition(kind, description, comment, builtin)?);
            }
            "schema" => {
                let comment = parser.expect_word("schema")?;
                document.schema.push(parser.schema_definition(description, comment)?);
            }
            "directive" => document.directives.push(parser.directive_definition(description)?),
            "extend" => {
                if let Some(token) = parser.last.as_ref().filter(|_| !description.text.is_empty()) {
                    return Parser::unexpected_token(token);
                }
                parser.extension(&mut document, builtin)?;
            }
            _ => return parser.unexpected(),
        }
    }
    document.comment.clone_from(&parser.comment);
    Ok(document)
}

fn kind(word: &str) -> DefinitionKind {
    match word {
        "type" => DefinitionKind::Object,
        "interface" => DefinitionKind::Interface,
        "union" => DefinitionKind::Union,
        "enum" => DefinitionKind::Enum,
        "input" => DefinitionKind::InputObject,
        _ => DefinitionKind::Scalar,
    }
}

impl Parser<'_> {
    fn description(&mut self) -> Parsed<Description> {
        if !matches!(self.peek_kind(), Kind::String | Kind::BlockString) {
            return Ok(Description::default());
        }
        let comment = std::mem::take(&mut self.comment);
        Ok(Description { text: self.next()?.value, comment })
    }

    /// A description of a part of a type: comments before an empty one are dropped.
    fn part_description(&mut self) -> Parsed<(String, Around, Option<Position>)> {
        let description = self.description()?;
        let before = if description.text.is_empty() { Vec::new() } else { description.comment };
        let at = self.at();
        let comments = Around { before, after: self.comment.clone(), end: Vec::new() };
        Ok((description.text, comments, at))
    }

    fn schema_directives(&mut self, is_constant: bool) -> Parsed<Vec<Arc<SchemaDirective>>> {
        let directives = self.directives(is_constant)?;
        Ok(directives.iter().map(|directive| Arc::new(output::schema_directive(directive))).collect())
    }

    fn default_value(&mut self) -> Parsed<Option<DefaultValue>> {
        if !self.skip(Kind::Equals)? {
            return Ok(None);
        }
        Ok(Some(output::default_value(&self.value(true)?)))
    }

    fn schema_definition(&mut self, description: Description, comment: Comments) -> Parsed<SchemaDefinition> {
        let at = self.at();
        let comments = Around { before: description.comment, after: comment, end: Vec::new() };
        let directives = self.directives(true)?;
        let mut definition = SchemaDefinition {
            description: description.text,
            directives,
            at,
            comments,
            ..SchemaDefinition::default()
        };
        let mut operations = Vec::new();
        definition.comments.end = self.some(Kind::BraceLeft, Kind::BraceRight, |parser| {
            let at = parser.at();
            let comment = parser.comment.clone();
            let operation = parser.operation_type()?;
            parser.expect(Kind::Colon)?;
            operations.push((operation, parser.name()?, at, comment));
            Ok(())
        })?;
        definition.operations = operations;
        Ok(definition)
    }

    /// A type, behind the word that says of which kind.
    fn definition(
        &mut self,
        kind: DefinitionKind,
        description: Description,
        comment: Comments,
        builtin: bool,
    ) -> Parsed<Definition> {
        let at = self.at();
        let comments = Around { before: description.comment, after: comment, end: Vec::new() };
        let mut definition = Definition {
            kind,
            description: description.text,
            name: self.name()?,
            at,
            builtin,
            comments,
            ..Definition::default()
        };
        if matches!(kind, DefinitionKind::Object | DefinitionKind::Interface) {
            definition.interfaces = self.interfaces()?;
        }
        definition.directives = self.schema_directives(true)?;
        self.content(&mut definition)?;
        Ok(definition)
    }

    fn content(&mut self, definition: &mut Definition) -> Parsed<()> {
        match definition.kind {
            DefinitionKind::Scalar => {}
            DefinitionKind::Object | DefinitionKind::Interface => {
                let mut fields = Vec::new();
                definition.comments.end = self.some(Kind::BraceLeft, Kind::BraceRight, |parser| {
                    fields.push(Arc::new(parser.field_definition()?));
                    Ok(())
                })?;
                definition.fields = fields;
            }
            DefinitionKind::InputObject => {
                let mut fields = Vec::new();
                definition.comments.end = self.some(Kind::BraceLeft, Kind::BraceRight, |parser| {
                    fields.push(Arc::new(parser.input_field()?));
                    Ok(())
                })?;
                definition.fields = fields;
            }
            DefinitionKind::Union => definition.types = self.union_members()?,
            DefinitionKind::Enum => {
                let mut values = Vec::new();
                definition.comments.end = self.some(Kind::BraceLeft, Kind::BraceRight, |parser| {
                    let (description, comments, at) = parser.part_description()?;
                    let name = parser.name()?;
                    let directives = parser.schema_directives(true)?;
                    values.push(Arc::new(EnumValue { description, name, directives, at, comments }));
                    Ok(())
                })?;
                definition.values = values;
            }
        }
        Ok(())
    }

    fn interfaces(&mut self) -> Parsed<Vec<String>> {
        let mut names = Vec::new();
        if self.is_word("implements") {
            self.next()?;
            self.skip(Kind::Amp)?;
            names.push(self.name()?);
            while self.skip(Kind::Amp)? {
                names.push(self.name()?);
            }
        }
        Ok(names)
    }

    fn union_members(&mut self) -> Parsed<Vec<(String, Option<Position>)>> {
        let mut members = Vec::new();
        if self.skip(Kind::Equals)? {
            self.skip(Kind::Pipe)?;
            loop {
                let at = self.at();
                members.push((self.name()?, at));
                if !self.skip(Kind::Pipe)? {
                    break;
                }
            }
        }
        Ok(members)
    }

    fn field_definition(&mut self) -> Parsed<FieldDefinition> {
        let (description, comments, at) = self.part_description()?;
        let name = self.name()?;
        let arguments = self.argument_definitions()?;
        self.expect(Kind::Colon)?;
        let of = self.type_reference()?;
        let directives = self.schema_directives(true)?;
        Ok(FieldDefinition { description, name, arguments, of, directives, at, comments, default: None })
    }

    fn input_field(&mut self) -> Parsed<FieldDefinition> {
        let (description, comments, at) = self.part_description()?;
        let name = self.name()?;
        self.expect(Kind::Colon)?;
        let of = self.type_reference()?;
        let default = self.default_value()?;
        let directives = self.schema_directives(true)?;
        Ok(FieldDefinition {
            description,
            name,
            arguments: Vec::new(),
            of,
            directives,
            at,
            comments,
            default,
        })
    }

    fn argument_definitions(&mut self) -> Parsed<Vec<ArgumentDefinition>> {
        let mut arguments = Vec::new();
        self.some(Kind::ParenLeft, Kind::ParenRight, |parser| {
            let field = parser.input_field()?;
            arguments.push(ArgumentDefinition {
                description: field.description,
                name: field.name,
                default: field.default,
                of: field.of,
                directives: field.directives,
                at: field.at,
                comments: field.comments,
            });
            Ok(())
        })?;
        Ok(arguments)
    }

    fn directive_definition(&mut self, description: Description) -> Parsed<DirectiveDefinition> {
        let comment = self.expect_word("directive")?;
        self.expect(Kind::At)?;
        let at = self.at();
        let comments = Around { before: description.comment, after: comment, end: Vec::new() };
        let name = self.name()?;
        let arguments = self.argument_definitions()?;
        let is_repeatable = self.is_word("repeatable") && self.peek_kind() == Kind::Name;
        if is_repeatable {
            self.next()?;
        }
        self.expect_word("on")?;
        self.skip(Kind::Pipe)?;
        let mut locations = Vec::new();
        loop {
            let (token, _) = self.expect(Kind::Name)?;
            if !LOCATIONS.contains(&token.value.as_str()) {
                return Self::unexpected_token(&token);
            }
            locations.push(token.value);
            if !self.skip(Kind::Pipe)? {
                break;
            }
        }
        let description = description.text;
        Ok(DirectiveDefinition { description, name, arguments, locations, is_repeatable, at, comments })
    }

    fn extension(&mut self, document: &mut SchemaDocument, builtin: bool) -> Parsed<()> {
        let comment = self.expect_word("extend")?;
        let word = self.peek().value;
        match word.as_str() {
            "schema" => {
                self.expect_word("schema")?;
                let extension = self.schema_definition(Description::default(), comment)?;
                if extension.directives.is_empty() && extension.operations.is_empty() {
                    return self.unexpected();
                }
                document.extensions_of_schema.push(extension);
            }
            "scalar" | "type" | "interface" | "union" | "enum" | "input" => {
                self.expect_word(&word)?;
                let extension = self.extension_of(kind(&word), comment, builtin)?;
                document.extensions.push(extension);
            }
            _ => return self.unexpected(),
        }
        Ok(())
    }

    fn extension_of(&mut self, kind: DefinitionKind, comment: Comments, builtin: bool) -> Parsed<Definition> {
        let at = self.at();
        let comments = Around { after: comment, ..Around::default() };
        let name = self.name()?;
        let mut definition = Definition { kind, name, at, builtin, comments, ..Definition::default() };
        if kind == DefinitionKind::Object {
            definition.interfaces = self.interfaces()?;
        }
        definition.directives = self.schema_directives(kind != DefinitionKind::InputObject)?;
        self.content(&mut definition)?;
        let is_empty = definition.interfaces.is_empty()
            && definition.directives.is_empty()
            && definition.fields.is_empty()
            && definition.types.is_empty()
            && definition.values.is_empty();
        if is_empty { self.unexpected() } else { Ok(definition) }
    }
}
