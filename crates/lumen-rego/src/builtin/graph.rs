//! What hangs together: `graph.*`, and `walk` through a value.

use std::collections::{HashSet, VecDeque};

use lumen_value::{Array, Object, Set, Value};

use super::arrays::bytes_of_items;
use super::operand::{any, object, wrong};
use super::{Answer, Context, Entry, Failure};

/// The family. `walk` is a relation and has functions of its own.
pub const TABLE: &[Entry] = &[("graph.reachable", reachable), ("graph.reachable_paths", reachable_paths)];

/// Most parts of a vertex that are paid for when it is looked up: nothing in memory has more.
const PARTS_MAX: u64 = 1 << 24;

/// The vertices of an array or a set; of anything else, none.
fn vertices(collection: &Value) -> std::slice::Iter<'_, Value> {
    match collection {
        Value::Array(array) => array.iter(),
        Value::Set(set) => set.iter(),
        _ => [].iter(),
    }
}

fn initial(operands: &[Value]) -> Result<std::slice::Iter<'_, Value>, Failure> {
    match any(operands, 2)? {
        collection @ (Value::Array(_) | Value::Set(_)) => Ok(vertices(collection)),
        other => Err(wrong(2, "{array, set}", other)),
    }
}

fn reachable(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    let graph = object(operands, 1)?;
    let mut seen = HashSet::new();
    let mut queue = VecDeque::new();
    for vertex in initial(operands)? {
        context.budget.steps(1)?;
        queue.push_back(vertex);
    }
    let mut reached = Vec::new();
    while let Some(vertex) = queue.pop_front() {
        context.budget.compared(vertex.parts(PARTS_MAX))?;
        if !seen.insert(vertex) {
            continue;
        }
        let Some(edges) = context.budget.field(graph, vertex)? else {
            continue;
        };
        context.budget.bytes(bytes_of_items(1))?;
        reached.push(vertex.clone());
        for neighbour in vertices(edges) {
            context.budget.steps(1)?;
            queue.push_back(neighbour);
        }
    }
    Ok(Value::Set(Set::from(reached)))
}

/// A vertex on the path at hand, and its neighbours that are still to be tried.
struct Step<'v> {
    vertex: &'v Value,
    neighbours: std::slice::Iter<'v, Value>,
    /// It was not on the path before. (A neighbour of the first vertex may be that vertex again.)
    is_new: bool,
}

fn reachable_paths(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    let graph = object(operands, 1)?;
    let mut paths: Vec<Value> = Vec::new();
    for root in initial(operands)? {
        context.budget.steps(1)?;
        paths_from(context, graph, root, &mut paths)?;
    }
    Ok(Value::Set(Set::from(paths)))
}

/// The paths that start at a vertex and end where there is nothing further, or where they would meet themselves.
fn paths_from<'v>(
    context: &mut Context<'_>,
    graph: &'v Object,
    root: &'v Value,
    paths: &mut Vec<Value>,
) -> Result<(), Failure> {
    let Some(edges) = context.budget.field(graph, root)? else {
        return Ok(());
    };
    if vertices(edges).len() == 0 {
        paths.push(Value::from(vec![root.clone()]));
        return Ok(());
    }
    let mut path = vec![Step { vertex: root, neighbours: vertices(edges), is_new: true }];
    let mut on_path = HashSet::from([root]);
    while let Some(step) = path.last_mut() {
        let Some(neighbour) = step.neighbours.next() else {
            if step.is_new {
                on_path.remove(step.vertex);
            }
            path.pop();
            continue;
        };
        context.budget.steps(1)?;
        context.budget.compared(neighbour.parts(PARTS_MAX))?;
        let closes_cycle = path.len() > 1 && on_path.contains(neighbour);
        let Some(edges) = context.budget.field(graph, neighbour)?.filter(|_| !closes_cycle) else {
            commit(context, &path, None, paths)?;
            continue;
        };
        let neighbours = vertices(edges);
        if neighbours.len() == 0 {
            commit(context, &path, Some(neighbour), paths)?;
            continue;
        }
        let is_new = on_path.insert(neighbour);
        path.push(Step { vertex: neighbour, neighbours, is_new });
    }
    Ok(())
}

fn commit(
    context: &mut Context<'_>,
    path: &[Step<'_>],
    last: Option<&Value>,
    paths: &mut Vec<Value>,
) -> Result<(), Failure> {
    context.budget.steps(path.len() as u64)?;
    context.budget.bytes(bytes_of_items(path.len() + 2))?;
    let items = path.iter().map(|step| step.vertex).chain(last);
    paths.push(Value::Array(items.cloned().collect()));
    Ok(())
}

/// `walk`: a value, and all that is in it, each with its path; a collection before what it holds, in the order of its keys.
///
/// It makes one pair at a time, and takes for it from the budget.
struct Walk {
    /// What is at the end of the path and was not given yet.
    entered: Option<Value>,
    /// The collections on the path, and which of their members come next.
    open: Vec<(Value, usize)>,
    path: Vec<Value>,
}

impl Walk {
    fn new(value: Value) -> Self {
        Self { entered: Some(value), open: Vec::new(), path: Vec::new() }
    }

    /// The next path and value; nothing at the end.
    fn next(&mut self, context: &mut Context<'_>) -> Result<Option<(Array, Value)>, Failure> {
        loop {
            if let Some(value) = self.entered.take() {
                self.open.push((value.clone(), 0));
                return self.give(context, value).map(Some);
            }
            let depth = self.open.len().saturating_sub(1);
            let Some((value, index)) = self.open.last_mut() else {
                return Ok(None);
            };
            context.budget.steps(1)?;
            let child = nth(value, *index);
            *index += 1;
            self.path.truncate(depth);
            match child {
                Some((key, child)) => {
                    self.path.push(key);
                    self.entered = Some(child);
                }
                None => {
                    self.open.pop();
                }
            }
        }
    }

    fn give(&self, context: &mut Context<'_>, value: Value) -> Result<(Array, Value), Failure> {
        context.budget.steps(self.path.len() as u64)?;
        context.budget.bytes(bytes_of_items(self.path.len() + 2))?;
        Ok((self.path.iter().cloned().collect(), value))
    }
}

/// A member of a collection and its key, by its place.
fn nth(collection: &Value, index: usize) -> Option<(Value, Value)> {
    match collection {
        Value::Array(array) => {
            let key = Value::from(i64::try_from(index).ok()?);
            array.get(index).map(|item| (key, item.clone()))
        }
        Value::Object(object) => object.entry(index).map(|(key, value)| (key.clone(), value.clone())),
        Value::Set(set) => set.at(index).map(|item| (item.clone(), item.clone())),
        _ => None,
    }
}

/// All that `walk(x, output)` gives: arrays of a path and a value.
pub fn walk(context: &mut Context<'_>, operands: &[Value]) -> Result<Vec<Value>, Failure> {
    let mut walk = Walk::new(any(operands, 1)?.clone());
    let mut pairs = Vec::new();
    while let Some((path, value)) = walk.next(context)? {
        pairs.push(Value::from(vec![Value::Array(path), value]));
    }
    Ok(pairs)
}

#[cfg(test)]
mod tests {
    use super::super::exercise::{call, value, with_context};
    use super::*;

    #[test]
    fn a_path_ends_where_it_would_meet_itself() {
        for (graph, start, paths) in [
            (
                r#"{"a": ["b", "c"], "b": ["d"], "c": ["d"], "d": []}"#,
                r#"["a"]"#,
                r#"[["a","b","d"],["a","c","d"]]"#,
            ),
            (r#"{"a": ["b"], "b": ["a"]}"#, r#"["a"]"#, r#"[["a","b"]]"#),
            (r#"{"a": ["a"]}"#, r#"["a"]"#, r#"[["a","a"]]"#),
            (r#"{"a": ["b"]}"#, r#"["a", "zz"]"#, r#"[["a"]]"#),
            (r#"{"a": ["a", "b"], "b": ["a"]}"#, r#"["a"]"#, r#"[["a","a"],["a","a","b"],["a","b"]]"#),
        ] {
            assert_eq!(call("graph.reachable_paths", &[graph, start]), Ok(paths.to_owned()), "{graph}");
        }
    }

    #[test]
    fn what_can_be_reached_is_in_the_graph() {
        let graph = r#"{"a": ["b", "x"], "b": ["a"], "c": []}"#;
        assert_eq!(call("graph.reachable", &[graph, r#"["a", "a"]"#]), Ok(r#"["a","b"]"#.to_owned()));
    }

    #[test]
    fn a_walk_gives_a_collection_before_its_members() {
        let deep = value(r#"{"a": [1, {"b": 2}], "c": 3}"#);
        let pairs = with_context(|context| walk(context, std::slice::from_ref(&deep)));
        let json = pairs.map(|pairs| Value::from(pairs).to_json());
        let expected = r#"[[[],{"a":[1,{"b":2}],"c":3}],[["a"],[1,{"b":2}]],[["a",0],1],[["a",1],{"b":2}],[["a",1,"b"],2],[["c"],3]]"#;
        assert_eq!(json, Ok(expected.to_owned()));
    }
}
