//! What is known of names: rules by their path, variables, and what `with` puts in their place.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use lumen_value::Value;

use super::{ObjectType, Type, compare, or};
use crate::ast::{Name, Node, Term};
use crate::builtin::signature;
use crate::depth::roomy;
use crate::hash::HashMap;

/// Types by path.
#[derive(Clone, Debug, Default)]
pub(crate) struct TypeTree {
    pub(super) of: Option<Type>,
    pub(super) below: BTreeMap<Value, TypeTree>,
}

impl TypeTree {
    pub(super) fn put(&mut self, path: &[Value], of: Type) {
        let mut at = self;
        for key in path {
            at = at.below.entry(key.clone()).or_default();
        }
        at.of = Some(of);
    }

    /// Puts a rule's type at its path, merged with what stands there, above and below.
    pub(super) fn insert(&mut self, path: &[Value], of: Type) {
        let mut at = self;
        for (index, key) in path.iter().enumerate() {
            at = at.below.entry(key.clone()).or_default();
            if let (Some(rest), Some(Type::Object(object))) = (path.get(index + 1..), &at.of)
                && !rest.is_empty()
            {
                at.of = Some(inserted(object, rest, &of));
            }
        }
        let is_object = matches!(of, Type::Object(_));
        at.of = merged(at.of.take(), Some(of));
        if is_object && !at.below.is_empty() {
            let mut leaves = Vec::new();
            at.leaves(&mut Vec::new(), &mut leaves);
            for (path, leaf) in leaves {
                if let Some(Type::Object(object)) = &at.of {
                    at.of = Some(inserted(object, &path, &leaf));
                }
            }
        }
    }

    /// The tree in which anything may stand at each of the paths.
    pub(crate) fn anything_at(paths: &[Vec<Value>]) -> Self {
        let mut tree = Self::default();
        for path in paths {
            tree.put(path, Type::any());
        }
        tree
    }

    fn leaves(&self, path: &mut Vec<Value>, found: &mut Vec<(Vec<Value>, Type)>) {
        for (key, child) in &self.below {
            path.push(key.clone());
            match &child.of {
                Some(of) => found.push((path.clone(), of.clone())),
                None => child.leaves(path, found),
            }
            path.pop();
        }
    }
}

/// The nodes of several trees at one path; what an earlier one says counts.
pub(super) type Layers<'t> = Vec<&'t TypeTree>;

/// What stands at the nodes themselves.
pub(super) fn here(layers: &Layers<'_>) -> Option<Type> {
    layers.iter().find_map(|node| node.of.clone())
}

/// The nodes below under a key.
pub(super) fn below<'t>(layers: &Layers<'t>, key: &Value) -> Option<Layers<'t>> {
    let found: Layers<'t> = layers.iter().filter_map(|node| node.below.get(key)).collect();
    (!found.is_empty()).then_some(found)
}

/// The nodes below, by key.
pub(super) fn children<'t>(layers: &Layers<'t>) -> BTreeMap<&'t Value, Layers<'t>> {
    let mut children: BTreeMap<&Value, Layers<'_>> = BTreeMap::new();
    for (key, child) in layers.iter().flat_map(|node| &node.below) {
        children.entry(key).or_default().push(child);
    }
    children
}

/// All that stands at the nodes and below, as one type.
pub(super) fn extent(layers: &Layers<'_>) -> Type {
    if let Some(of) = here(layers) {
        return of;
    }
    let scalar = |key: &Value| matches!(key, Value::String(_) | Value::Number(_) | Value::Bool(_));
    let children = children(layers).into_iter().filter(|(key, _)| scalar(key));
    Type::Object(Arc::new(ObjectType {
        known: children.map(|(key, nodes)| (key.clone(), Some(extent(&nodes)))).collect(),
        // What the caller's data holds beside the rules is not known.
        other: Some((Some(Type::String), Some(Type::any()))),
    }))
    .bounded()
}

/// An object type with a value of a type below a path.
fn inserted(object: &ObjectType, path: &[Value], of: &Type) -> Type {
    let Some((first, rest)) = path.split_first() else {
        return Type::Object(Arc::new(object.clone()));
    };
    let value = if rest.is_empty() { of.clone() } else { inserted(&ObjectType::default(), rest, of) };
    let (key, known) = match &object.other {
        Some((key, known)) => (key.clone(), known.clone()),
        None => (None, None),
    };
    let other = Some((or(key, Some(Type::of(first))), or(known, Some(value))));
    Type::Object(Arc::new(ObjectType { known: object.known.clone(), other })).bounded()
}

/// The type of a document that several rules make together.
pub(super) fn merged(a: Option<Type>, b: Option<Type>) -> Option<Type> {
    match (&a, &b) {
        (None, _) => return b,
        (_, None) => return a,
        (Some(Type::Object(left)), Some(Type::Object(right)))
            if left.known.is_empty() && right.known.is_empty() =>
        {
            return Some(match (&left.other, &right.other) {
                (None, _) => Type::Object(right.clone()),
                (_, None) => Type::Object(left.clone()),
                (Some((left_key, left_value)), Some((right_key, right_value))) => Type::dictionary(
                    or(left_key.clone(), right_key.clone()),
                    merged(left_value.clone(), right_value.clone()),
                ),
            });
        }
        (Some(Type::Object(object)), Some(Type::Any(several)))
        | (Some(Type::Any(several)), Some(Type::Object(object)))
            if object.known.is_empty() && object.other.is_some() =>
        {
            if let Some(merged) = merged_into(several, object) {
                return Some(merged);
            }
        }
        (Some(Type::Set(left)), Some(Type::Set(right))) => {
            let of = or(left.as_deref().cloned(), right.as_deref().cloned());
            return Some(Type::Set(of.map(Arc::new)));
        }
        _ => {}
    }
    or(a, b)
}

/// A union in which the one dictionary takes in another.
fn merged_into(several: &Arc<[Type]>, object: &ObjectType) -> Option<Type> {
    let (key, value) = object.other.as_ref()?;
    let mut all = several.to_vec();
    for each in &mut all {
        if let Type::Object(inner) = each
            && inner.known.is_empty()
            && let Some((inner_key, inner_value)) = &inner.other
        {
            *each =
                Type::dictionary(or(inner_key.clone(), key.clone()), or(inner_value.clone(), value.clone()));
            all.sort_by(|a, b| compare(Some(a), Some(b)));
            return Some(Type::Any(all.into()));
        }
    }
    None
}

impl Drop for Environment {
    fn drop(&mut self) {
        let data = std::mem::take(&mut self.data);
        roomy(|| drop(data));
    }
}

/// What is known of rules, and of the functions of the host.
#[derive(Clone, Debug, Default)]
pub(crate) struct Environment {
    /// Below `data`.
    pub(super) data: TypeTree,
    /// Functions of the host by name.
    pub(super) host: HashMap<String, Type>,
}

/// What `with` changes.
#[derive(Default)]
pub(super) struct Overlay {
    /// What is put in place of what.
    pub(super) replaced: TypeTree,
    /// The rules that need what is replaced, a tree for each target: they may be anything now. Kept between expressions.
    pub(super) dependents: Vec<Rc<TypeTree>>,
}

impl Overlay {
    /// What is known below a root: a document's, or a function's name.
    pub(super) fn below(&self, key: &Value) -> Option<Layers<'_>> {
        below(
            &std::iter::once(&self.replaced).chain(self.dependents.iter().map(|tree| &**tree)).collect(),
            key,
        )
    }
}

/// A scope of variables, or what `with` changes for one expression.
#[derive(Default)]
pub(super) struct Frame {
    /// Variables.
    pub(super) variables: HashMap<Name, Type>,
    /// Types of documents in place of those below: paths that start at `data` or `input`, or at a function's name.
    pub(super) overlay: Option<Rc<Overlay>>,
    /// Types of comprehensions that were found in this scope, by the address of the term.
    pub(super) comprehensions: HashMap<usize, Option<Type>>,
}

/// Scopes over an environment.
pub(super) struct Scopes<'e> {
    pub(super) environment: &'e Environment,
    pub(super) frames: Vec<Frame>,
}

impl<'e> Scopes<'e> {
    pub(super) fn new(environment: &'e Environment) -> Self {
        Self { environment, frames: vec![Frame::default()] }
    }

    pub(super) fn variable(&self, name: &Name) -> Option<Type> {
        self.frames.iter().rev().find_map(|frame| frame.variables.get(name)).cloned()
    }

    /// Says what a variable is: in the scope around, where this is one expression with `with`.
    pub(super) fn put(&mut self, name: &Name, of: Type) {
        if let Some(frame) = self.frames.iter_mut().rev().find(|frame| frame.overlay.is_none()) {
            frame.variables.insert(name.clone(), of);
        }
    }

    /// The type of a built-in or of a function of the host.
    pub(super) fn function(&self, name: &str) -> Option<Type> {
        self.environment.host.get(name).cloned().or_else(|| signature(name).map(|row| row.to_type()))
    }

    /// The overlays, the innermost first.
    pub(super) fn overlays(&self) -> impl Iterator<Item = &Rc<Overlay>> {
        self.frames.iter().rev().filter_map(|frame| frame.overlay.as_ref())
    }

    /// What a reference refers to.
    pub(super) fn reference(&self, terms: &[Term]) -> Option<Type> {
        let (head, tail) = terms.split_first()?;
        let Node::Var(root) = &head.node else { return None };
        if *root == "data" || *root == "input" {
            let start = Value::String(root.clone());
            for overlay in self.overlays() {
                if let Some(nodes) = overlay.below(&start)
                    && let Ok(found) = descend(&nodes, tail)
                {
                    return found;
                }
            }
            if *root == "data"
                && let Ok(found) = descend(&vec![&self.environment.data], tail)
            {
                return found;
            }
            return Some(Type::any());
        }
        if let Some(of) = self.variable(root) {
            return select(Some(of), tail);
        }
        let name = crate::check::dotted(terms)?;
        let key = Value::from(&*name);
        if let Some(of) = self.overlays().find_map(|overlay| here(&overlay.below(&key)?)) {
            return Some(of);
        }
        self.function(&name)
    }
}

/// This tree does not know the way: the next one may.
pub(super) struct Elsewhere;

/// The type at the end of a way through trees.
fn descend(layers: &Layers<'_>, tail: &[Term]) -> Result<Option<Type>, Elsewhere> {
    let mut layers = layers.clone();
    let mut tail = tail;
    while let Some((first, rest)) = tail.split_first() {
        let constant = crate::check::constant(first);
        let child = constant.as_ref().and_then(|key| below(&layers, key));
        match (here(&layers), constant, child) {
            (_, Some(_), Some(child)) => layers = child,
            (Some(of), ..) => return Ok(select(Some(of), tail)),
            (None, None, _) => return Ok(select(Some(extent(&layers)), tail)),
            (None, Some(_), None) => return Err(Elsewhere),
        }
        tail = rest;
    }
    Ok(Some(extent(&layers)))
}

/// What stands below a type.
pub(super) fn select(of: Option<Type>, tail: &[Term]) -> Option<Type> {
    let mut at = of?;
    for term in tail {
        at = match crate::check::constant(term) {
            Some(key) => at.select(&key)?,
            None if at.is_empty_collection() => Type::any(),
            None => at.values()?,
        };
    }
    Some(at)
}
