//! Types of expressions, as cel-go's checker finds them: what does not fit is refused when it is compiled, whether or not it
//! would be reached. What comes from documents is `dyn`, and fits everything.

mod kind;
mod literal;
mod signature;

pub(crate) use kind::Type;

use kind::{Constructor, Known, closed};

use crate::function;
use crate::parse::Fault;
use crate::syntax::{Fold, Kind, Macro, Node, Root, Step};
use crate::value::Val;

/// The type of an expression, or why it is refused; none where it is too large to be told. `variables` are the types of those
/// before it.
pub(crate) fn check(node: &Node, variables: &[Type]) -> Result<Option<Type>, Fault> {
    let mut checker = Checker { variables, locals: Vec::new(), known: Known::default(), formats: 0 };
    let found = checker.check(node)?;
    let found = closed(&checker.known.resolved(&found));
    Ok(if checker.known.is_exhausted() { None } else { Some(found) })
}

struct Checker<'a> {
    variables: &'a [Type],
    /// The types of the macros' variables.
    locals: Vec<Type>,
    known: Known,
    /// How many calls of `format` are around: within them lists may be of several types.
    formats: usize,
}

type Checked = Result<Type, Fault>;

fn fault<T>(at: usize, message: impl Into<String>) -> Result<T, Fault> {
    Err(Fault { at, message: message.into() })
}

impl Checker<'_> {
    /// The parser bounded how deep a tree is; the stack grows where the thread has too little.
    fn check(&mut self, node: &Node) -> Checked {
        stacker::maybe_grow(64 * 1024, 1024 * 1024, || self.check_kind(node))
    }

    fn check_all(&mut self, nodes: &[Node]) -> Result<Vec<Type>, Fault> {
        nodes.iter().map(|node| self.check(node)).collect()
    }

    fn check_kind(&mut self, node: &Node) -> Checked {
        let at = node.at;
        match &node.kind {
            Kind::Literal(value) => Ok(of_value(value)),
            Kind::Root(root) => Ok(self.root(*root)),
            Kind::Chain(first, rest) => {
                let mut left = self.check(first)?;
                for (operator, operand) in rest {
                    let right = self.check(operand)?;
                    left = self.resolve(at, operator.name(), false, &[left, right])?;
                }
                Ok(left)
            }
            Kind::And(nodes) | Kind::Or(nodes) => {
                for operand in nodes {
                    self.condition(operand)?;
                }
                Ok(Type::Bool)
            }
            Kind::Not(operand) => {
                let operand = self.check(operand)?;
                self.resolve(at, "!_", false, &[operand])
            }
            Kind::Negate(operand) => {
                let operand = self.check(operand)?;
                self.resolve(at, "-_", false, &[operand])
            }
            Kind::Choose(cases, otherwise) => {
                let mut chosen = self.check(otherwise)?;
                for (condition, value) in cases.iter().rev() {
                    let types = [self.check(condition)?, self.check(value)?, chosen];
                    chosen = self.resolve(at, "_?_:_", false, &types)?;
                }
                Ok(chosen)
            }
            Kind::Path(base, steps) => {
                // What a call of `format` is called on may be such a list too.
                let formats = steps.iter().filter(|step| is_format(step)).count();
                self.formats += formats;
                let found = self.path(base, steps);
                self.formats -= formats;
                found
            }
            Kind::List(items) => self.list(items),
            Kind::Map(entries) => self.map(entries),
            Kind::Call(function, operands) => {
                let types = self.check_all(operands)?;
                let name = function::name(*function);
                literal::check_call(at, name, operands.first())?;
                self.resolve(at, name, false, &types)
            }
            Kind::Has(base, name) => {
                let base = self.check(base)?;
                self.select(at, &base, &name.to_text(), false)?;
                Ok(Type::Bool)
            }
        }
    }

    fn root(&self, root: Root) -> Type {
        match root {
            Root::Request => Type::Named(signature::REQUEST),
            Root::NamespaceObject => Type::Named(signature::NAMESPACE),
            Root::Variables => Type::Named("kubernetes.variables"),
            Root::Variable(index) => self.variables.get(index).cloned().unwrap_or(Type::Dyn),
            Root::Local(index) => self.locals.get(index).cloned().unwrap_or(Type::Dyn),
            Root::Object | Root::OldObject | Root::Params => Type::Dyn,
        }
    }

    /// What a function gives for operands of these types.
    fn resolve(&mut self, at: usize, name: &str, is_member: bool, operands: &[Type]) -> Checked {
        if let Some(result) = signature::result(&mut self.known, name, is_member, operands) {
            return Ok(result);
        }
        let shown: Vec<String> = operands.iter().map(|of| closed(&self.known.resolved(of)).shown()).collect();
        let applied = match shown.split_first() {
            Some((on, rest)) if is_member => format!("{on}.({})", rest.join(", ")),
            _ => format!("({})", shown.join(", ")),
        };
        fault(at, format!("found no matching overload for '{name}' applied to '{applied}'"))
    }

    /// What must be a boolean.
    fn condition(&mut self, node: &Node) -> Result<(), Fault> {
        let found = self.check(node)?;
        if self.known.fits(&found, &Type::Bool) {
            return Ok(());
        }
        let found = closed(&self.known.resolved(&found)).shown();
        fault(node.at, format!("expected type 'bool' but found '{found}'"))
    }

    fn path(&mut self, base: &Node, steps: &[Step]) -> Checked {
        let at = base.at;
        let mut on = self.check(base)?;
        for (index, step) in steps.iter().enumerate() {
            let before = if index == 0 { Some(base) } else { None };
            on = match step {
                Step::Select { name, optional } => self.select(at, &on, &name.to_text(), *optional)?,
                Step::Index { key, optional } => {
                    let key = self.check(key)?;
                    self.resolve(at, if *optional { "_[?_]" } else { "_[_]" }, false, &[on, key])?
                }
                Step::Call { function, operands } => {
                    let name = function::name(*function);
                    let mut types = vec![on];
                    types.extend(self.check_all(operands)?);
                    literal::check_member_call(at, name, before, operands)?;
                    self.resolve(at, name, true, &types)?
                }
                Step::Macro(folded) => self.fold(at, &on, folded)?,
            };
        }
        Ok(on)
    }

    /// The type of a field.
    fn select(&mut self, at: usize, on: &Type, name: &str, optional: bool) -> Checked {
        let on = self.known.resolved(on);
        let inner = on.parameters(Constructor::Optional).and_then(<[Type]>::first);
        let of = inner.unwrap_or(&on);
        let found = match of {
            Type::Dyn => Type::Dyn,
            Type::Variable(_) => {
                self.known.fits(&Type::Dyn, of);
                Type::Dyn
            }
            Type::Named(object) if signature::has_fields(object) => match signature::field(object, name) {
                Some(found) => found,
                None => return fault(at, format!("undefined field '{name}'")),
            },
            _ => match of.parameters(Constructor::Map) {
                Some([_, value]) => value.clone(),
                _ => return fault(at, format!("type '{}' does not support field selection", of.shown())),
            },
        };
        Ok(if optional || inner.is_some() { Type::optional(found) } else { found })
    }

    fn list(&mut self, items: &[(bool, Node)]) -> Checked {
        let mut types = Vec::with_capacity(items.len());
        for (optional, item) in items {
            let found = self.check(item)?;
            types.push((self.element(item, found, *optional)?, item.at));
        }
        let element = self.common(&types)?;
        Ok(Type::list(element))
    }

    fn map(&mut self, entries: &[(bool, Node, Node)]) -> Checked {
        let (mut keys, mut values) = (Vec::new(), Vec::new());
        for (optional, key, value) in entries {
            keys.push((self.check(key)?, key.at));
            let found = self.check(value)?;
            values.push((self.element(value, found, *optional)?, value.at));
        }
        Ok(Type::map(self.common(&keys)?, self.common(&values)?))
    }

    /// What an element adds: where it is marked, what the optional holds.
    fn element(&mut self, node: &Node, found: Type, optional: bool) -> Checked {
        if !optional {
            return Ok(found);
        }
        let found = self.known.resolved(&found);
        if let Some([inner]) = found.parameters(Constructor::Optional) {
            return Ok(inner.clone());
        }
        if found == Type::Dyn {
            return Ok(found);
        }
        let shown = found.shown();
        fault(node.at, format!("expected type 'optional_type({shown})' but found '{shown}'"))
    }

    /// The one type of elements. Only within `format` may there be several.
    fn common(&mut self, types: &[(Type, usize)]) -> Checked {
        let Some(((first, _), rest)) = types.split_first() else { return Ok(self.known.fresh()) };
        let mut common = first.clone();
        for (found, _) in rest {
            common = self.known.joined(&common, found);
        }
        if self.formats > 0 {
            return Ok(common);
        }
        let first = closed(&self.known.resolved(first));
        for (found, at) in rest {
            let found = closed(&self.known.resolved(found));
            if found != first {
                let message = format!("expected type '{}' but found '{}'", first.shown(), found.shown());
                return fault(*at, message);
            }
        }
        Ok(common)
    }

    /// The types of a macro's variables: of the element, or of index or key and value.
    fn variables_of(&mut self, at: usize, range: &Type, folded: &Macro) -> Result<Vec<Type>, Fault> {
        if matches!(folded.fold, Fold::OptionalMap | Fold::OptionalFlatMap) {
            return Ok(vec![self.resolve(at, "value", true, std::slice::from_ref(range))?]);
        }
        if let Some([element]) = range.parameters(Constructor::List) {
            let mut types = vec![Type::Int, element.clone()];
            return Ok(types.split_off(2 - folded.variables.min(2)));
        }
        if let Some([key, value]) = range.parameters(Constructor::Map) {
            let mut types = vec![key.clone(), value.clone()];
            types.truncate(folded.variables);
            return Ok(types);
        }
        match range {
            Type::Dyn | Type::Variable(_) => {
                self.known.fits(&Type::Dyn, range);
                Ok(vec![Type::Dyn; folded.variables])
            }
            other => fault(
                at,
                format!(
                    "expression of type '{}' cannot be range of a comprehension (must be list, map, or dynamic)",
                    other.shown()
                ),
            ),
        }
    }

    fn fold(&mut self, at: usize, range: &Type, folded: &Macro) -> Checked {
        let range = self.known.resolved(range);
        let types = self.variables_of(at, &range, folded)?;
        let first = types.first().cloned().unwrap_or(Type::Dyn);
        let depth = self.locals.len();
        self.locals.extend(types);
        let found = self.folded(at, first, folded);
        self.locals.truncate(depth);
        found
    }

    fn folded(&mut self, at: usize, first: Type, folded: &Macro) -> Checked {
        if let Some(filter) = &folded.filter {
            self.condition(filter)?;
        }
        if matches!(folded.fold, Fold::All | Fold::Exists | Fold::ExistsOne | Fold::Filter) {
            self.condition(&folded.body)?;
            return Ok(if folded.fold == Fold::Filter { Type::list(first) } else { Type::Bool });
        }
        let body = self.check(&folded.body)?;
        Ok(match folded.fold {
            Fold::MapValues => Type::map(first, body),
            Fold::MapEntries => {
                let wanted = Type::map(self.known.fresh(), self.known.fresh());
                if !self.known.fits(&body, &wanted) {
                    let shown = closed(&self.known.resolved(&body)).shown();
                    let message = format!(
                        "found no matching overload for 'cel.@mapInsert' applied to '(map(dyn, dyn), {shown})'"
                    );
                    return fault(at, message);
                }
                self.known.resolved(&wanted)
            }
            Fold::OptionalMap => Type::optional(body),
            Fold::OptionalFlatMap => {
                let wanted = Type::optional(self.known.fresh());
                self.resolve(at, "_?_:_", false, &[Type::Bool, body, wanted])?
            }
            Fold::SortBy => {
                self.resolve(at, "sortBy", true, &[Type::list(body)])?;
                Type::list(first)
            }
            _ => Type::list(body),
        })
    }
}

fn is_format(step: &Step) -> bool {
    matches!(step, Step::Call { function, .. } if function::name(*function) == "format")
}

fn of_value(value: &Val) -> Type {
    match value {
        Val::Null => Type::Null,
        Val::Bool(_) => Type::Bool,
        Val::Int(_) => Type::Int,
        Val::Uint(_) => Type::Uint,
        Val::Double(_) => Type::Double,
        Val::Text(_) => Type::Text,
        Val::Bytes(_) => Type::Bytes,
        Val::Type(name) => Type::of(Constructor::Type, vec![signature::named(name)]),
        _ => Type::Dyn,
    }
}
