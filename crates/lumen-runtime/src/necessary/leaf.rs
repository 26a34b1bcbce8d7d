//! From a check to what a kernel can ask.

use super::atom::{Atom, RANGES_MAX, Wanted, bounded, joined, others};
use super::choice::{Choice, Text};
use crate::condition::{Check, Operand, Right};
use crate::field::{self, Argument, FieldUse, Kind};
use crate::glob;
use crate::number::{self, Network};
use crate::operator::{Comparison, Modifier, Operator};
use crate::paths;
use crate::test::parse_port;

/// Fields that a kernel has at hand when a call ends.
///
/// A path or an argument is what the call was given or what its descriptor stands for; `proc.name` is `comm`, which has at
/// most fifteen bytes; of `container.id` only whether it is `host`.
const FIELDS: [&str; 63] = [
    "container.id",
    "evt.arg",
    "evt.failed",
    "evt.is_open_create",
    "evt.is_open_exec",
    "evt.is_open_read",
    "evt.is_open_write",
    "evt.rawarg",
    "evt.rawres",
    "evt.res",
    "fd.cip",
    "fd.cnet",
    "fd.connected",
    "fd.cport",
    "fd.cproto",
    "fd.directory",
    "fd.filename",
    "fd.ip",
    "fd.is_server",
    "fd.l4proto",
    "fd.lip",
    "fd.lnet",
    "fd.lport",
    "fd.lproto",
    "fd.name",
    "fd.nameraw",
    "fd.net",
    "fd.num",
    "fd.port",
    "fd.proto",
    "fd.rip",
    "fd.rnet",
    "fd.rport",
    "fd.rproto",
    "fd.sip",
    "fd.snet",
    "fd.sockfamily",
    "fd.sport",
    "fd.sproto",
    "fd.type",
    "fd.typechar",
    "fs.path.name",
    "fs.path.nameraw",
    "fs.path.source",
    "fs.path.sourceraw",
    "fs.path.target",
    "fs.path.targetraw",
    "group.gid",
    "proc.exepath",
    "proc.is_exe_from_memfd",
    "proc.is_exe_lower_layer",
    "proc.is_exe_upper_layer",
    "proc.is_exe_writable",
    "proc.name",
    "proc.pid",
    "proc.pname",
    "proc.ppid",
    "proc.tty",
    "proc.vpid",
    "thread.tid",
    "thread.vtid",
    "user.loginuid",
    "user.uid",
];

/// Fields that have several values at once: both ends of a connection.
const ENDS: [&str; 4] = ["fd.ip", "fd.net", "fd.port", "fd.proto"];

/// What is known of a check.
pub(super) enum Leaf {
    /// Nothing: it may hold.
    Always,
    /// It holds for no event.
    Never,
    /// It holds only where this does.
    Atom(Atom),
}

/// What a kernel can ask where a check holds, or where it does not.
pub(super) fn of(check: &Check, is_negated: bool) -> Leaf {
    let Some(atom) = atom(check, is_negated) else { return Leaf::Always };
    if atom.is_always() {
        Leaf::Always
    } else if atom.is_never() {
        Leaf::Never
    } else {
        Leaf::Atom(atom)
    }
}

fn atom(check: &Check, is_negated: bool) -> Option<Atom> {
    let Operand::Field(name) = &check.left else { return None };
    let field = field::resolve(name).ok()?;
    let known = field.id.field().name;
    FIELDS.binary_search(&known).ok()?;
    // The place of an argument depends on the type of the event.
    if matches!(field.argument, Some(Argument::Index(_))) {
        return None;
    }
    let is_multiple = ENDS.contains(&known);
    let make =
        |wanted, passes_absent| Some(Atom { field: field.clone(), passes_absent, wanted, is_multiple });
    if check.comparison.operator == Operator::Exists {
        return if is_negated { make(Wanted::Nothing, true) } else { make(Wanted::Any, false) };
    }
    let values = match &check.right {
        Right::None | Right::Operand(_) => return None,
        Right::Value(value) => std::slice::from_ref(value),
        Right::List(values) => values.as_slice(),
    };
    let (operator, is_excluding) = simple(check.comparison, values.len(), is_negated)?;
    let wanted = wanted(&field, operator, values, is_excluding)?;
    make(wanted, is_negated)
}

/// A comparison with each of some values, of which one has to hold; or none, where the second is `true`. `None` where it is
/// neither.
fn simple(comparison: Comparison, values: usize, is_negated: bool) -> Option<(Operator, bool)> {
    let Comparison { operator, modifier } = comparison;
    match (operator, modifier) {
        // All differ, or one does not.
        (Operator::NotEqual, None | Some(Modifier::AllOf)) => Some((Operator::Equal, !is_negated)),
        (Operator::NotEqual, Some(_)) if values == 1 => Some((Operator::Equal, !is_negated)),
        (Operator::NotEqual, Some(_)) => None,
        (operator, None | Some(Modifier::AnyOf)) => Some((operator, is_negated)),
        // Where exactly one fits, or all do, one does.
        (operator, Some(_)) => (!is_negated && values > 0).then_some((operator, false)),
    }
}

fn wanted(field: &FieldUse, operator: Operator, values: &[Vec<u8>], is_excluding: bool) -> Option<Wanted> {
    if field.id.field().name == "container.id" {
        return container(operator, values, is_excluding).map(Wanted::Texts);
    }
    match field.kind()? {
        Kind::Text => texts(operator, values, is_excluding).map(Wanted::Texts),
        Kind::Bytes | Kind::Double => None,
        Kind::Bool => truth(values, is_excluding).map(Wanted::Truth),
        Kind::Address => {
            let address =
                |text: &[u8]| number::parse_address(&String::from_utf8_lossy(text)).map(Network::of);
            networks(values, is_excluding, address)
        }
        Kind::Network => {
            networks(values, is_excluding, |text| Network::parse(&String::from_utf8_lossy(text)))
        }
        Kind::Port => {
            numbers(operator, values, is_excluding, |text| parse_port(&String::from_utf8_lossy(text)))
        }
        kind => numbers(operator, values, is_excluding, |text| number::parse(text, kind)),
    }
}

/// What a container's id may be, as far as a kernel knows it: `host`, or something else.
fn container(operator: Operator, values: &[Vec<u8>], is_excluding: bool) -> Option<Choice<Text>> {
    if !matches!(operator, Operator::Equal | Operator::DoubleEqual | Operator::In) {
        return None;
    }
    let host = || [Text::Exact(b"host".to_vec())];
    let hosts = values.iter().filter(|value| value.as_slice() == b"host").count();
    match (is_excluding, hosts) {
        (true, 0) => None,
        (true, _) | (false, 0) => Some(Choice::except(host())),
        (false, hosts) => (hosts == values.len()).then(|| Choice::of(host())),
    }
}

fn texts(operator: Operator, values: &[Vec<u8>], is_excluding: bool) -> Option<Choice<Text>> {
    let plain: fn(Vec<u8>) -> Text = match operator {
        Operator::Equal | Operator::DoubleEqual | Operator::In | Operator::Intersects => Text::Exact,
        Operator::StartsWith => Text::Prefix,
        Operator::EndsWith => Text::Suffix,
        Operator::Contains => Text::Contains,
        // What is told of these is more than they say: nothing of what they do not say.
        Operator::Glob if !is_excluding => {
            return values
                .iter()
                .map(|value| shell_pattern(value))
                .collect::<Option<Vec<Text>>>()
                .map(Choice::of);
        }
        Operator::PathMatch if !is_excluding => {
            return values.iter().map(|value| below(value)).collect::<Option<Vec<Text>>>().map(Choice::of);
        }
        _ => return None,
    };
    let parts = values.iter().cloned().map(plain);
    Some(if is_excluding { Choice::except(parts) } else { Choice::of(parts) })
}

/// What every text of a shell's pattern begins or ends with.
fn shell_pattern(pattern: &[u8]) -> Option<Text> {
    let is_special = |byte: &u8| matches!(byte, b'?' | b'*' | b'[' | b'\\');
    let start = pattern.iter().take_while(|byte| !is_special(byte)).count();
    if start == pattern.len() {
        return Some(Text::Exact(pattern.to_vec()));
    }
    if start > 0 {
        return pattern.get(..start).map(|text| Text::Prefix(text.to_vec()));
    }
    if pattern.iter().any(|byte| matches!(byte, b'[' | b'\\')) {
        return None;
    }
    let end = pattern.iter().rev().take_while(|byte| !is_special(byte)).count();
    pattern.get(pattern.len() - end..).filter(|text| !text.is_empty()).map(|text| Text::Suffix(text.to_vec()))
}

/// The folder in which every path is that a path of a list matches.
fn below(path: &[u8]) -> Option<Text> {
    let mut folder = Vec::new();
    let plain = paths::parts(path).take(paths::PARTS_MAX).take_while(|part| !glob::is_pattern(part));
    for part in plain {
        folder.push(b'/');
        folder.extend_from_slice(part);
    }
    (!folder.is_empty()).then_some(Text::Below(folder))
}

fn truth(values: &[Vec<u8>], is_excluding: bool) -> Option<[bool; 2]> {
    let mut wanted = [false, false];
    for value in values {
        match value.as_slice() {
            b"false" => wanted[0] = true,
            b"true" => wanted[1] = true,
            _ => return None,
        }
    }
    Some(wanted.map(|wanted| wanted != is_excluding))
}

fn networks(
    values: &[Vec<u8>],
    is_excluding: bool,
    read: impl Fn(&[u8]) -> Result<Network, String>,
) -> Option<Wanted> {
    let networks: Vec<Network> = values.iter().map(|value| read(value)).collect::<Result<_, _>>().ok()?;
    Some(Wanted::Networks(if is_excluding { Choice::except(networks) } else { Choice::of(networks) }))
}

fn numbers(
    operator: Operator,
    values: &[Vec<u8>],
    is_excluding: bool,
    read: impl Fn(&[u8]) -> Result<i128, String>,
) -> Option<Wanted> {
    let mut ranges = Vec::new();
    for value in values {
        let number = read(value).ok()?;
        ranges.push(match operator {
            Operator::Equal | Operator::DoubleEqual | Operator::In | Operator::Intersects => (number, number),
            Operator::Less => (i128::MIN, number - 1),
            Operator::LessOrEqual => (i128::MIN, number),
            Operator::Greater => (number + 1, i128::MAX),
            Operator::GreaterOrEqual => (number, i128::MAX),
            _ => return None,
        });
    }
    let ranges = joined(ranges);
    if !is_excluding {
        return Some(Wanted::Numbers(bounded(ranges)));
    }
    // With fewer ranges more numbers would be wanted, and fewer of the others.
    (ranges.len() < RANGES_MAX).then(|| Wanted::Numbers(others(&ranges)))
}

#[cfg(test)]
mod tests {
    use super::FIELDS;
    use crate::field;

    #[test]
    fn fields_are_known_and_in_order() {
        assert!(FIELDS.is_sorted());
        let unknown: Vec<_> = FIELDS.iter().filter(|name| field::find(name).is_none()).collect();
        assert!(unknown.is_empty(), "{unknown:?}");
    }
}
