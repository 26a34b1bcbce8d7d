//! The composer: from events to a value, as `go.yaml.in/yaml/v2` decodes (`decode.go`) and `sigs.k8s.io/yaml` puts
//! into JSON.

use std::collections::HashMap;

use super::Schema;
use super::parse::{Event, Parser, Scalar};
use super::scalar;
use super::token::{Fault, FaultKind};
use crate::build::{Builder, Duplicate};
use crate::read::Limits;
use crate::{Str, Value};

/// Fewer alias steps than this are never excessive.
const ALIAS_STEPS_FREE: u64 = 100;
/// Fewer steps in all than this are never excessive.
const STEPS_FREE: u64 = 1000;
/// Up to so many steps, 99 of 100 may come of aliases.
const RATIO_STEPS_LOW: u64 = 400_000;
/// From so many steps on, 10 of 100 may; between the two, the share falls evenly.
const RATIO_STEPS_HIGH: u64 = 4_000_000;

/// What a text says, and the keys that stand twice in it.
pub(super) struct Composed {
    pub(super) value: Value,
    pub(super) duplicates: Vec<Duplicate>,
    /// Deepest nesting of collections, aliases not followed.
    pub(super) depth: usize,
}

/// A collection that is being read.
struct Open<'t> {
    anchor: Option<&'t str>,
    /// What was counted before it.
    size: Size,
    expects: Expects,
}

/// How much there is to decode.
#[derive(Clone, Copy, Default)]
struct Size {
    /// The steps of upstream's decoder.
    steps: u64,
    /// The bytes of text in scalars.
    bytes: u64,
}

/// What comes next in a collection.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Expects {
    Item,
    Key,
    Value,
    /// The value of a merge key, which stands at this offset.
    Merged(usize),
}

/// What an anchor stands for.
struct Anchored {
    node: Node,
    /// Aliases followed.
    size: Size,
}

/// A node as an alias may use it.
#[derive(Clone)]
enum Node {
    /// It is not read to its end yet.
    Unread,
    Collection(Value),
    /// What it is as a value and as a key; why it cannot be one.
    Scalar(Result<Value, String>, Result<Str, String>),
}

pub(super) struct Composer<'t, 'p> {
    parser: &'p mut Parser<'t>,
    builder: Builder,
    open: Vec<Open<'t>>,
    anchors: HashMap<&'t str, Anchored>,
    /// All that was decoded, aliases followed.
    size: Size,
    /// The steps of it that are in what aliases stand for.
    alias_steps: u64,
    /// See [`Limits::alias_bytes_max`].
    bytes_max: u64,
    schema: Schema,
    /// Whether the key at hand is null, which is told with its value.
    has_null_key: bool,
}

impl<'t, 'p> Composer<'t, 'p> {
    pub(super) fn new(parser: &'p mut Parser<'t>, limits: &Limits) -> Self {
        Self {
            parser,
            builder: Builder::default(),
            open: Vec::new(),
            anchors: HashMap::new(),
            // The document is a step of its own.
            size: Size { steps: 1, bytes: 0 },
            alias_steps: 0,
            bytes_max: limits.alias_bytes_max,
            schema: Schema::Kubernetes,
            has_null_key: false,
        }
    }

    /// Reads null keys and merge keys as the schema has it.
    pub(super) fn with_schema(self, schema: Schema) -> Self {
        let builder = if schema == Schema::Text { self.builder.keeping_first() } else { self.builder };
        Self { builder, schema, ..self }
    }

    /// Whether an anchor was set; later documents of a stream may use those of earlier ones.
    pub(super) fn compose_all(mut self) -> Result<Composed, Fault> {
        let mut value = Value::Null;
        while let Some(root) = self.next()? {
            value = root;
        }
        while self.parser.next_document()? {
            self.skip_document()?;
        }
        Ok(Composed { value, depth: self.builder.depth(), duplicates: Vec::new() })
    }

    /// Reads a document only for what is wrong with it.
    fn skip_document(&mut self) -> Result<(), Fault> {
        loop {
            let anchor = match self.parser.next_event()? {
                (Event::End, _) => return Ok(()),
                (Event::Alias(name), at) if !self.anchors.contains_key(name) => {
                    let message = format!("no anchor `&{name}` stands before this alias");
                    return Err(Fault::syntax(at, message));
                }
                (Event::Scalar(scalar), _) => scalar.anchor,
                (Event::SequenceStart(anchor) | Event::MappingStart(anchor), _) => anchor,
                _ => None,
            };
            if let Some(name) = anchor {
                self.anchors.insert(name, Anchored { node: Node::Unread, size: Size::default() });
            }
        }
    }

    pub(super) fn compose(mut self) -> Result<Composed, Fault> {
        let mut root = Value::Null;
        while let Some(value) = self.next()? {
            root = value;
        }
        Ok(Composed { value: root, depth: self.builder.depth(), duplicates: self.builder.into_duplicates() })
    }

    /// Reads on to where the root is complete, or to the end of the document.
    fn next(&mut self) -> Result<Option<Value>, Fault> {
        loop {
            let (event, at) = self.parser.next_event()?;
            let value = match event {
                Event::End => return Ok(None),
                Event::Alias(name) => self.alias(name, at)?,
                Event::Scalar(scalar) => self.scalar(scalar, at)?,
                Event::SequenceStart(anchor) => self.open(Expects::Item, anchor, at)?,
                Event::MappingStart(anchor) => self.open(Expects::Key, anchor, at)?,
                Event::SequenceEnd | Event::MappingEnd => self.close(at)?,
            };
            if value.is_some() {
                return Ok(value);
            }
        }
    }

    /// Counts a step of decoding, by which the bound on aliases goes.
    fn step(&mut self, at: usize) -> Result<(), Fault> {
        self.size.steps = self.size.steps.saturating_add(1);
        self.check_size(at)
    }

    fn check_size(&self, at: usize) -> Result<(), Fault> {
        if self.alias_steps == 0 {
            return Ok(());
        }
        let is_excessive = self.alias_steps > ALIAS_STEPS_FREE && self.size.steps > STEPS_FREE && {
            #[expect(clippy::cast_precision_loss, reason = "as upstream computes it")]
            let share = self.alias_steps as f64 / self.size.steps as f64;
            share > alias_share_max(self.size.steps)
        };
        if !is_excessive && self.size.bytes <= self.bytes_max {
            return Ok(());
        }
        Err(Fault {
            kind: FaultKind::TooManyAliases,
            at,
            message: "aliases make this document too large".into(),
        })
    }

    fn expects(&self) -> Option<Expects> {
        self.open.last().map(|open| open.expects)
    }

    fn expect(&mut self, expects: Expects) {
        if let Some(open) = self.open.last_mut() {
            open.expects = expects;
        }
    }

    fn set_key(&mut self, name: Str, at: usize) {
        self.builder.key(name, at);
        self.expect(Expects::Value);
    }

    fn scalar(&mut self, scalar: Scalar<'t>, at: usize) -> Result<Option<Value>, Fault> {
        let is_key = self.expects() == Some(Expects::Key);
        let is_merge = is_key && self.schema != Schema::Text && scalar::is_merge(&scalar);
        if let Some(name) = scalar.anchor {
            let node = Node::Scalar(scalar::value(scalar.clone()), scalar::key(scalar.clone()));
            let bytes = scalar.text.len() as u64;
            let size = Size { steps: 1, bytes };
            self.anchors.insert(name, Anchored { node, size });
        }
        self.size.bytes = self.size.bytes.saturating_add(scalar.text.len() as u64);
        if is_merge {
            self.expect(Expects::Merged(at));
            return Ok(None);
        }
        self.step(at)?;
        if is_key && self.schema == Schema::Core && scalar::is_null(&scalar) {
            self.has_null_key = true;
            self.set_key(Str::from(""), at);
            return Ok(None);
        }
        if is_key {
            let name = scalar::key(scalar).map_err(|message| Fault::syntax(at, message))?;
            self.set_key(name, at);
            return Ok(None);
        }
        let value = scalar::value(scalar).map_err(|message| Fault::syntax(at, message))?;
        self.add(value, at, false)
    }

    fn alias(&mut self, name: &'t str, at: usize) -> Result<Option<Value>, Fault> {
        let fault = |message: String| Fault::syntax(at, message);
        self.step(at)?;
        let Some(anchored) = self.anchors.get(name) else {
            return Err(fault(format!("no anchor `&{name}` stands before this alias")));
        };
        let node = anchored.node.clone();
        let Size { steps, bytes } = anchored.size;
        self.size.steps = self.size.steps.saturating_add(steps);
        self.size.bytes = self.size.bytes.saturating_add(bytes);
        self.alias_steps = self.alias_steps.saturating_add(steps);
        self.check_size(at)?;
        let is_key = self.expects() == Some(Expects::Key);
        match node {
            Node::Unread => Err(fault(format!("the alias stands inside what `&{name}` names"))),
            Node::Collection(_) if is_key => Err(fault("a key cannot be a list or a mapping".to_owned())),
            Node::Collection(value) => self.add(value, at, true),
            Node::Scalar(_, key) if is_key => {
                self.set_key(key.map_err(fault)?, at);
                Ok(None)
            }
            Node::Scalar(value, _) => self.add(value.map_err(fault)?, at, true),
        }
    }

    fn open(&mut self, expects: Expects, anchor: Option<&'t str>, at: usize) -> Result<Option<Value>, Fault> {
        let outer = self.expects();
        if outer == Some(Expects::Key) {
            return Err(Fault::syntax(at, "a key cannot be a list or a mapping"));
        }
        let size = self.size;
        // Upstream does not count the list of the mappings to merge.
        if !(matches!(outer, Some(Expects::Merged(_))) && expects == Expects::Item) {
            self.step(at)?;
        }
        if let Some(name) = anchor {
            let node = Node::Unread;
            let size = Size::default();
            self.anchors.insert(name, Anchored { node, size });
        }
        match expects {
            Expects::Item => self.builder.open_array(),
            _ => self.builder.open_object(),
        }
        self.open.push(Open { anchor, size, expects });
        Ok(None)
    }

    fn close(&mut self, at: usize) -> Result<Option<Value>, Fault> {
        let value = self.builder.close();
        let Some(open) = self.open.pop() else {
            return Ok(Some(value));
        };
        // An anchor of the same name that stands inside is the later one and stays.
        if let Some(name) = open.anchor
            && let Some(anchored) = self.anchors.get_mut(name)
            && matches!(anchored.node, Node::Unread)
        {
            anchored.node = Node::Collection(value.clone());
            anchored.size = Size {
                steps: self.size.steps.saturating_sub(open.size.steps),
                bytes: self.size.bytes.saturating_sub(open.size.bytes),
            };
        }
        self.add(value, at, false)
    }

    /// Puts a value where it belongs; gives it back where it is the root.
    fn add(&mut self, value: Value, at: usize, is_alias: bool) -> Result<Option<Value>, Fault> {
        match self.expects() {
            Some(Expects::Merged(key_at)) => {
                self.expect(Expects::Key);
                self.merge(&value, key_at, is_alias).ok_or_else(|| {
                    Fault::syntax(at, "only a mapping, or a list of mappings, can be merged")
                })?;
                return Ok(None);
            }
            Some(Expects::Value) => {
                if std::mem::take(&mut self.has_null_key) {
                    let message =
                        format!("unsupported map key of type: %!s(<nil>), key: <nil>, value: {value}");
                    return Err(Fault::syntax(at, message));
                }
                self.expect(Expects::Key);
            }
            Some(Expects::Item | Expects::Key) | None => {}
        }
        Ok(self.builder.add(value))
    }

    /// Adds the entries of a mapping, or of a list of mappings, to the mapping at hand. `None` where it is neither.
    fn merge(&mut self, value: &Value, at: usize, is_alias: bool) -> Option<()> {
        match value {
            Value::Object(object) if self.schema == Schema::Core => self.builder.merge_under(object, at),
            Value::Object(object) => self.builder.merge(object, at),
            Value::Array(array) if self.schema == Schema::Core && !is_alias => {
                for item in array {
                    self.builder.merge_under(item.as_object()?, at);
                }
            }
            Value::Array(array) if !is_alias => {
                // Of several the first counts, so it is added last.
                for item in array.iter().rev() {
                    self.builder.merge(item.as_object()?, at);
                }
            }
            _ => return None,
        }
        Some(())
    }
}

/// The share of the steps that aliases may make.
fn alias_share_max(steps: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "all are small")]
    let (above_low, range) =
        (steps.saturating_sub(RATIO_STEPS_LOW) as f64, (RATIO_STEPS_HIGH - RATIO_STEPS_LOW) as f64);
    match steps {
        ..=RATIO_STEPS_LOW => 0.99,
        RATIO_STEPS_HIGH.. => 0.10,
        _ => 0.99 - 0.89 * (above_low / range),
    }
}
