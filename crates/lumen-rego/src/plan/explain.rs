//! A plan as text, for people.

use std::fmt;

use super::{Document, Op, Operand, Plan, Root, Slot};

impl fmt::Display for Slot {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.wanted() { write!(out, "s{}", self.0) } else { out.write_str("_") }
    }
}

/// An operand in a plan.
struct Shown<'p>(&'p Plan, Operand);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.1.as_constant() {
            Err(slot) => write!(out, "{slot}"),
            Ok(at) => match self.0.constants.get(at as usize) {
                Some(value) => out.write_str(&crate::term::text(value)),
                None => write!(out, "?{at}"),
            },
        }
    }
}

/// What an index is about.
impl fmt::Display for super::Pattern {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let show = |steps: &super::Steps| {
            let key = |step: &Option<lumen_value::Value>| {
                step.as_ref().map_or_else(|| "[_]".to_owned(), |key| format!("[{}]", crate::term::text(key)))
            };
            steps.iter().map(key).collect::<String>()
        };
        let root = self.root.iter().cloned().map(Some).collect();
        write!(out, "index of data{}{} by {}", show(&root), show(&self.base), show(&self.inner))
    }
}

/// All documents with their code, one operation a line.
impl fmt::Display for Plan {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut starts: Vec<(u32, String)> = Vec::new();
        for document in &self.documents {
            starts.push((document.entry, self.title(document)));
            for (keyed, keys) in document.keyed.iter().zip(1..) {
                starts.push((*keyed, format!("{} with {keys} of its keys", document.name)));
            }
        }
        starts.sort();
        let mut starts = starts.into_iter().peekable();
        for (place, op) in (0..).zip(&self.ops) {
            while let Some((_, title)) = starts.next_if(|(start, _)| *start <= place) {
                writeln!(out, "{title}")?;
            }
            write!(out, "{place:>6}  ")?;
            self.write_op(op, out)?;
            let row = self.spans.get(place as usize).map_or(0, |span| span.row);
            if row > 0 { writeln!(out, "  ; row {row}")? } else { writeln!(out)? }
        }
        Ok(())
    }
}

impl Plan {
    fn title(&self, document: &Document) -> String {
        let file = self.files.get(document.span.module as usize).map_or("", |file| file);
        let memo = if document.memo { ", kept" } else { "" };
        let place =
            if document.span.row > 0 { format!(" ({file}:{})", document.span.row) } else { String::new() };
        format!("{} {:?}, {} slots{memo}{place}", document.name, document.kind, document.slots)
    }

    fn list(&self, list: u32) -> String {
        let operands = self.lists.get(list as usize).into_iter().flatten();
        operands.map(|operand| Shown(self, *operand).to_string()).collect::<Vec<_>>().join(", ")
    }

    fn write_op(&self, op: &Op, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let show = |operand: &Operand| Shown(self, *operand);
        let name =
            |document: &u32| self.documents.get(*document as usize).map_or("?", |document| &document.name);
        match op {
            Op::Copy { to, from } => write!(out, "{to} = {}", show(from)),
            Op::Test { comparison, left, right } => {
                write!(out, "test {} {comparison:?} {}", show(left), show(right))
            }
            Op::Truthy { value } => write!(out, "holds {}", show(value)),
            Op::Path { to, root, path } => {
                let keys = self.paths.get(*path as usize).into_iter().flatten();
                let keys: Vec<String> = keys.map(crate::term::text).collect();
                let keys = if keys.is_empty() { String::new() } else { format!("[{}]", keys.join("][")) };
                match root {
                    Root::Input => write!(out, "{to} = input{keys}"),
                    Root::Data | Root::Below => write!(out, "{to} = data{keys}"),
                    Root::Operand(from) => write!(out, "{to} = {}{keys}", show(from)),
                }
            }
            Op::Get { to, from, key } => write!(out, "{to} = {}[{}]", show(from), show(key)),
            Op::Iterate { from, key, value } => write!(out, "{key}, {value} in {}", show(from)),
            Op::Join { join } => match self.joins.get(*join as usize) {
                Some(join) => {
                    write!(out, "{} = ", join.pattern)?;
                    match join.wanted {
                        Root::Operand(from) => write!(out, "{}", show(&from))?,
                        Root::Input | Root::Data | Root::Below => out.write_str("input")?,
                    }
                    join.wanted_path.iter().try_for_each(|key| write!(out, "[{}]", crate::term::text(key)))
                }
                None => out.write_str("?"),
            },
            Op::MakeArray { to, list } => write!(out, "{to} = array {}", self.list(*list)),
            Op::MakeSet { to, list } => write!(out, "{to} = set {}", self.list(*list)),
            Op::MakeObject { to, list } => write!(out, "{to} = object {}", self.list(*list)),
            Op::Builtin { to, builtin, list } => {
                let name = self.builtins.get(*builtin as usize).map_or("?", |builtin| &builtin.name);
                write!(out, "{to} = {name}({})", self.list(*list))
            }
            Op::Call { to, document, list } => {
                write!(out, "{to} = {}({})", name(document), self.list(*list))
            }
            Op::Document { to, document } => write!(out, "{to} = {}", name(document)),
            Op::Keyed { to, document, list } => {
                write!(out, "{to} = {} at {}", name(document), self.list(*list))
            }
            Op::Select { select } => match self.selects.get(*select as usize) {
                Some(select) => {
                    match select.subject.argument {
                        Some(argument) => write!(out, "next rule by s{argument}")?,
                        None => out.write_str("next rule by input")?,
                    }
                    select.subject.path.iter().try_for_each(|key| write!(out, "[{}]", crate::term::text(key)))
                }
                None => out.write_str("?"),
            },
            Op::Result { head, value, .. } => write!(out, "result {} (head {head})", show(value)),
            Op::Add { value } => write!(out, "add {}", show(value)),
            Op::AddEntry { key, value } => write!(out, "add {}: {}", show(key), show(value)),
            Op::SetResult { value } => write!(out, "result {}", show(value)),
            other => write!(out, "{other:?}"),
        }
    }
}
