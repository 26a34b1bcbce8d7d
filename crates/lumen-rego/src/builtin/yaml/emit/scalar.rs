//! Strings: which style they get, and how each is written.

use std::fmt::Write;

use super::{Writer, is_ambiguous};

/// How a string is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    Plain,
    Single,
    Double,
    Literal,
}

/// A character that may not stand in a YAML text, not even in quotes.
pub(super) fn is_unreadable(char: char) -> bool {
    matches!(char, '\u{7f}'..='\u{84}' | '\u{86}'..='\u{9f}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}

fn is_break(char: char) -> bool {
    matches!(char, '\r' | '\n' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

pub(super) fn has_breaks(text: &str) -> bool {
    text.contains(is_break)
}

/// A text after YAML has read its JSON: U+0085 is a line break there, and folded with the blanks around it.
pub(super) fn folded(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once('\u{85}') {
        out.push_str(before.trim_end_matches([' ']));
        let (mut behind, mut breaks) = (behind.trim_start_matches(' '), 1);
        while let Some(next) = behind.strip_prefix('\u{85}') {
            behind = next.trim_start_matches(' ');
            breaks += 1;
        }
        if breaks == 1 {
            out.push(' ');
        } else {
            out.extend(std::iter::repeat_n('\n', breaks - 1));
        }
        rest = behind;
    }
    out + rest
}

/// What upstream writes as it is. It takes what needs four bytes for unprintable.
fn is_printable(char: char) -> bool {
    matches!(char, '\n' | ' '..='~' | '\u{a0}'..='\u{fefe}' | '\u{ff00}'..='\u{fffd}')
}

/// What upstream finds out about a text before it chooses.
struct Analysis {
    plain: bool,
    single: bool,
    literal: bool,
}

fn analyze(text: &str) -> Analysis {
    let mut indicators = text.starts_with("---") || text.starts_with("...");
    let (mut breaks, mut special, mut tabs) = (false, false, false);
    let (mut break_space, mut space_break) = (false, false);
    let (mut after_space, mut after_break, mut after_blank) = (false, false, true);
    let mut chars = text.chars().peekable();
    let mut is_first = true;
    while let Some(char) = chars.next() {
        let before_blank = chars.peek().is_none_or(|next| matches!(next, ' ' | '\t'));
        indicators |= match char {
            '#' | ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%' | '@'
            | '`'
                if is_first =>
            {
                true
            }
            '?' | '-' if is_first => before_blank,
            ':' => before_blank,
            '#' => after_blank,
            _ => false,
        };
        if char == '\t' {
            tabs = true;
        } else if !is_printable(char) {
            special = true;
        }
        break_space |= char == ' ' && after_break;
        space_break |= is_break(char) && after_space;
        breaks |= is_break(char);
        (after_space, after_break) = (char == ' ', is_break(char));
        after_blank = matches!(char, ' ' | '\t' | '\0') || is_break(char);
        is_first = false;
    }
    let edge = |char: char| char == ' ' || is_break(char);
    let has_edges = text.starts_with(edge) || text.ends_with(edge);
    Analysis {
        plain: !(indicators || breaks || special || tabs || break_space || space_break || has_edges),
        single: !(break_space || space_break || tabs || special),
        literal: !(text.is_empty() || text.ends_with(' ') || space_break || special),
    }
}

pub(super) fn style(text: &str, is_key: bool) -> Style {
    let analysis = analyze(text);
    if text.contains('\n') {
        return if analysis.literal && !is_key { Style::Literal } else { Style::Double };
    }
    if is_ambiguous(text) || (is_key && has_breaks(text)) {
        return Style::Double;
    }
    match analysis {
        Analysis { plain: true, .. } => Style::Plain,
        Analysis { single: true, .. } => Style::Single,
        _ => Style::Double,
    }
}

/// A break as it is: all but `\n` are kept.
fn write_break(writer: &mut Writer, char: char) {
    if char == '\n' {
        writer.line_break();
    } else {
        writer.push(char);
        writer.column = 0;
        writer.in_indent = true;
    }
}

pub(super) fn single(writer: &mut Writer, text: &str, indent: usize) {
    writer.indicator("'", false, false);
    let mut after_break = false;
    for char in text.chars() {
        if is_break(char) {
            if !after_break && char == '\n' {
                writer.line_break();
            }
            write_break(writer, char);
            after_break = true;
            continue;
        }
        if after_break {
            writer.indent(indent);
        }
        if char == '\'' {
            writer.push('\'');
        }
        writer.push(char);
        after_break = false;
        writer.in_indent = false;
    }
    writer.bare_indicator("'");
}

pub(super) fn double(writer: &mut Writer, text: &str) {
    writer.indicator("\"", false, false);
    for char in text.chars() {
        if is_printable(char) && !is_break(char) && !matches!(char, '"' | '\\' | '\u{feff}') {
            writer.push(char);
            continue;
        }
        writer.push('\\');
        let code = u32::from(char);
        let name = match char {
            '\0' => '0',
            '\u{7}' => 'a',
            '\u{8}' => 'b',
            '\t' => 't',
            '\n' => 'n',
            '\u{b}' => 'v',
            '\u{c}' => 'f',
            '\r' => 'r',
            '\u{1b}' => 'e',
            '"' => '"',
            '\\' => '\\',
            '\u{85}' => 'N',
            '\u{a0}' => '_',
            '\u{2028}' => 'L',
            '\u{2029}' => 'P',
            _ => {
                let mut escape = String::new();
                match code {
                    0..=0xff => write!(escape, "x{code:02X}"),
                    0x100..=0xffff => write!(escape, "u{code:04X}"),
                    _ => write!(escape, "U{code:08X}"),
                }
                .unwrap_or_default();
                escape.chars().for_each(|char| writer.push(char));
                continue;
            }
        };
        writer.push(name);
    }
    writer.bare_indicator("\"");
}

pub(super) fn literal(writer: &mut Writer, text: &str, indent: usize) {
    writer.indicator("|", false, false);
    if text.starts_with(|char| char == ' ' || is_break(char)) {
        writer.bare_indicator("2");
    }
    writer.open_ended = false;
    let mut ends = text.chars().rev();
    match (ends.next().is_some_and(is_break), ends.next()) {
        (false, _) => writer.bare_indicator("-"),
        (true, before) if before.is_none_or(is_break) => {
            writer.bare_indicator("+");
            writer.open_ended = true;
        }
        _ => {}
    }
    let is_open_ended = writer.open_ended;
    writer.line_break();
    writer.after_space = true;
    let mut after_break = true;
    for char in text.chars() {
        if is_break(char) {
            write_break(writer, char);
            after_break = true;
            continue;
        }
        if after_break {
            writer.indent(indent);
        }
        writer.push(char);
        writer.in_indent = false;
        after_break = false;
    }
    writer.open_ended = is_open_ended;
}
