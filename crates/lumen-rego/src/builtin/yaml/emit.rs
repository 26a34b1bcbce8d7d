//! YAML as `go.yaml.in/yaml/v3` writes it, in block style, two spaces a level (`encode.go`, `emitterc.go`, `sorter.go`).

use lumen_value::{Number, Value, yaml};

use super::super::{Context, Failure};

mod order;
mod scalar;

use scalar::Style;

/// A collection that is being written.
enum Open<'v> {
    Sequence { items: std::slice::Iter<'v, Value>, indent: usize },
    Mapping { entries: std::vec::IntoIter<(&'v str, &'v Value)>, indent: usize },
}

/// What was written, and what the place behind it is like.
#[derive(Default)]
pub(super) struct Writer {
    out: String,
    column: usize,
    /// White space, or nothing, stands before this place.
    after_space: bool,
    /// Nothing but indentation and indicators stands before it on its line.
    in_indent: bool,
    /// The last scalar keeps all breaks behind it, so that the end of the document has to be marked.
    open_ended: bool,
}

impl Writer {
    fn push(&mut self, char: char) {
        self.out.push(char);
        self.column += 1;
    }

    fn line_break(&mut self) {
        self.out.push('\n');
        self.column = 0;
        self.in_indent = true;
    }

    fn indicator(&mut self, text: &str, is_space: bool, is_indent: bool) {
        if !self.after_space {
            self.push(' ');
        }
        self.bare_indicator(text);
        self.after_space = is_space;
        self.in_indent = self.in_indent && is_indent;
    }

    /// An indicator that follows what is before it directly.
    fn bare_indicator(&mut self, text: &str) {
        text.chars().for_each(|char| self.push(char));
        self.after_space = false;
        self.in_indent = false;
        self.open_ended = false;
    }

    fn indent(&mut self, to: usize) {
        if !self.in_indent || self.column > to || (self.column == to && !self.after_space) {
            self.line_break();
        }
        while self.column < to {
            self.push(' ');
        }
        self.after_space = true;
    }
}

/// The YAML of a JSON document. The indentation is paid for as it is written.
pub(super) fn emit(context: &mut Context<'_>, document: &Value) -> Result<String, Failure> {
    let mut writer = Writer { after_space: true, in_indent: true, ..Writer::default() };
    let mut stack: Vec<Open<'_>> = Vec::new();
    node(&mut writer, document, None, &mut stack)?;
    while let Some(open) = stack.last_mut() {
        match open {
            Open::Sequence { items, indent } => {
                let indent = *indent;
                let Some(item) = items.next() else {
                    stack.pop();
                    continue;
                };
                context.budget.steps(1)?;
                context.budget.bytes(indent as u64 + 2)?;
                writer.indent(indent);
                writer.in_indent = true;
                dash(&mut writer, "-");
                node(&mut writer, item, Some(indent), &mut stack)?;
            }
            Open::Mapping { entries, indent } => {
                let indent = *indent;
                let Some((key, value)) = entries.next() else {
                    stack.pop();
                    continue;
                };
                context.budget.steps(1)?;
                context.budget.bytes(indent as u64 + 2)?;
                writer.indent(indent);
                mapping_key(&mut writer, key, indent)?;
                node(&mut writer, value, Some(indent), &mut stack)?;
            }
        }
    }
    writer.indent(0);
    if writer.open_ended {
        writer.indicator("...", false, false);
        writer.indent(0);
    }
    Ok(writer.out)
}

/// An indicator that what follows may stand behind on the same line.
fn dash(writer: &mut Writer, text: &str) {
    if !writer.after_space {
        writer.push(' ');
    }
    text.chars().for_each(|char| writer.push(char));
    writer.after_space = false;
    writer.open_ended = false;
}

/// A key; one that is long or has several lines stands behind a `?`.
fn mapping_key(writer: &mut Writer, key: &str, indent: usize) -> Result<(), Failure> {
    const SIMPLE_KEY_BYTES_MAX: usize = 128;
    let is_simple = key.len() <= SIMPLE_KEY_BYTES_MAX && !scalar::has_breaks(key);
    if is_simple {
        string(writer, key, indent + 2, true)?;
        writer.bare_indicator(":");
        return Ok(());
    }
    writer.in_indent = true;
    dash(writer, "?");
    string(writer, key, indent + 2, false)?;
    writer.indent(indent);
    writer.in_indent = true;
    dash(writer, ":");
    Ok(())
}

/// A scalar, or the opening of a collection that stands in another one at this indentation.
fn node<'v>(
    writer: &mut Writer,
    value: &'v Value,
    around: Option<usize>,
    stack: &mut Vec<Open<'v>>,
) -> Result<(), Failure> {
    let indent = around.map_or(0, |around| around + 2);
    match value {
        Value::Null => plain(writer, "null"),
        Value::Bool(value) => plain(writer, if *value { "true" } else { "false" }),
        Value::Number(number) => plain(writer, &number_text(number)),
        Value::String(text) => string(writer, &text.to_text(), around.map_or(2, |around| around + 2), false)?,
        Value::Array(items) if items.is_empty() => writer.indicator("[]", false, false),
        Value::Object(entries) if entries.is_empty() => writer.indicator("{}", false, false),
        Value::Array(items) => stack.push(Open::Sequence { items: items.iter(), indent }),
        Value::Set(items) => stack.push(Open::Sequence { items: items.iter(), indent }),
        Value::Object(entries) => {
            let entries = entries.fields().map(|(key, value)| (key.as_str().unwrap_or_default(), value));
            let entries = order::sorted(entries.collect()).into_iter();
            stack.push(Open::Mapping { entries, indent });
        }
    }
    Ok(())
}

fn plain(writer: &mut Writer, text: &str) {
    if !text.is_empty() && !writer.after_space {
        writer.push(' ');
    }
    text.chars().for_each(|char| writer.push(char));
    writer.after_space = false;
    writer.in_indent = false;
}

/// A number as it is after YAML has read its JSON text: integers of 64 bits as such, all else as floats, and what is too large for
/// these as text.
fn number_text(number: &Number) -> String {
    let text = number.to_string();
    if let Ok(int) = text.parse::<i64>() {
        return int.to_string();
    }
    if let Ok(int) = text.parse::<u64>() {
        return int.to_string();
    }
    match text.parse::<f64>() {
        Ok(float) if float.is_finite() => float_text(float),
        _ => text,
    }
}

/// `strconv.FormatFloat(float, 'g', -1, 64)`.
fn float_text(float: f64) -> String {
    let scientific = format!("{float:e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    match exponent.parse::<i32>() {
        Ok(-4..=5) => format!("{float}"),
        Ok(exponent) => format!("{mantissa}e{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.abs()),
        Err(_) => scientific,
    }
}

/// A string in the style that upstream chooses.
fn string(writer: &mut Writer, text: &str, indent: usize, is_key: bool) -> Result<(), Failure> {
    let folded = if text.contains('\u{85}') { scalar::folded(text) } else { text.to_owned() };
    let text = folded.as_str();
    if text.chars().any(scalar::is_unreadable) {
        // Upstream reads its own JSON as YAML, where these may not stand.
        return Err(Failure::Builtin("yaml: control characters are not allowed".to_owned()));
    }
    match scalar::style(text, is_key) {
        Style::Plain => plain(writer, text),
        Style::Single => scalar::single(writer, text, indent),
        Style::Double => scalar::double(writer, text),
        Style::Literal => scalar::literal(writer, text, indent),
    }
    Ok(())
}

/// Whether a plain scalar with this text would be read as something else by someone.
fn is_ambiguous(text: &str) -> bool {
    const OLD_BOOLEANS: [&str; 16] =
        ["y", "Y", "yes", "Yes", "YES", "on", "On", "ON", "n", "N", "no", "No", "NO", "off", "Off", "OFF"];
    text.is_empty() || !yaml::is_text_core(text) || OLD_BOOLEANS.contains(&text) || is_sexagesimal(text)
}

/// A number in base 60, as YAML 1.1 has them: `1:30`, `190:20:30.15`.
fn is_sexagesimal(text: &str) -> bool {
    let text = text.strip_prefix(['-', '+']).unwrap_or(text);
    let mut parts = text.split(':');
    let is_first = |part: &str| {
        part.starts_with(|char: char| char.is_ascii_digit())
            && part.chars().all(|char| char.is_ascii_digit() || char == '_')
    };
    let is_digit_pair = |part: &str| matches!(part.as_bytes(), [b'0'..=b'9'] | [b'0'..=b'5', b'0'..=b'9']);
    if !parts.next().is_some_and(is_first) {
        return false;
    }
    let rest: Vec<&str> = parts.collect();
    let Some((last, middle)) = rest.split_last() else {
        return false;
    };
    let (last, fraction) = last.split_once('.').unwrap_or((last, ""));
    middle.iter().all(|part| is_digit_pair(part))
        && is_digit_pair(last)
        && fraction.chars().all(|char| char.is_ascii_digit() || char == '_')
}
