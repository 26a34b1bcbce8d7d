//! `lumen rego deps`: what modules read, and what they call.

use std::collections::BTreeSet;

use lumen_rego::ast::walk::{Part, walk_rule};
use lumen_rego::ast::{ExprKind, Node, Term};
use lumen_rego::builtin::signature;
use lumen_rego::error::Span;
use lumen_rego::program::Program;
use lumen_rego::syntax::print;
use lumen_value::Value;

/// A path below `input` or `data`: its constant keys.
type Path = Vec<Value>;

/// What modules need.
#[derive(Default)]
struct Needs {
    builtins: BTreeSet<&'static str>,
    input: BTreeSet<Path>,
    data: BTreeSet<Path>,
}

/// The needs of all rules of a program, a line each. What is read of `data` is a rule where one stands at the path, above or
/// below it, as in `opa deps`, and else a base document.
pub(super) fn listed(program: &Program) -> String {
    let mut needs = Needs::default();
    for rule in program.checked().modules.iter().flat_map(|module| &module.rules) {
        walk_rule(rule, &mut |part| {
            needs.note(part);
            true
        });
    }
    let nodes = program.plan().nodes.iter().filter(|node| node.rules);
    let all: BTreeSet<Path> = nodes.map(|node| node.path.clone()).collect();
    let mut base = BTreeSet::new();
    let mut rules = BTreeSet::new();
    for path in &needs.data {
        let above = (0..path.len()).filter_map(|length| all.get(path.get(..length)?));
        let below = all.range::<Path, _>(path..).take_while(|rule| rule.starts_with(path));
        let found: Vec<&Path> = above.chain(below).collect();
        if found.is_empty() {
            base.insert(path);
        }
        rules.extend(found);
    }
    let texts = |root, paths: &BTreeSet<&Path>| paths.iter().map(|path| shown(root, path)).collect();
    let lines: [(&str, BTreeSet<String>); 4] = [
        ("built-in", needs.builtins.into_iter().map(str::to_owned).collect()),
        ("data", texts("data", &base)),
        ("input", texts("input", &needs.input.iter().collect())),
        ("rule", texts("data", &rules)),
    ];
    lines
        .iter()
        .flat_map(|(kind, names)| names.iter().map(move |name| format!("{kind:9} {name}\n")))
        .collect()
}

fn shown(root: &str, path: &Path) -> String {
    let span = Span::default();
    let keys = path.iter().map(|key| Term { node: Node::Value(key.clone()), span });
    let root = Term { node: Node::Var(root.into()), span };
    print::reference(&std::iter::once(root).chain(keys).collect::<Vec<_>>())
}

impl Needs {
    fn note(&mut self, part: Part<'_>) {
        match part {
            Part::Expr(expr) => {
                if let ExprKind::Call(terms) = &expr.kind
                    && let Some(Term { node: Node::Ref(name), .. }) = terms.first()
                {
                    let name = print::reference(name);
                    let row =
                        signature(&name).filter(|row| row.infix.is_empty() && !name.starts_with("internal."));
                    self.builtins.extend(row.map(|row| row.name));
                }
            }
            Part::Term(Term { node: Node::Ref(terms), .. }) => {
                let Some((Term { node: Node::Var(root), .. }, keys)) = terms.split_first() else { return };
                let paths = match &*root.to_text() {
                    "input" => &mut self.input,
                    "data" => &mut self.data,
                    _ => return,
                };
                let key = |term: &Term| match &term.node {
                    Node::Value(key) => Some(key.clone()),
                    _ => None,
                };
                paths.insert(keys.iter().map_while(key).collect());
            }
            _ => {}
        }
    }
}
