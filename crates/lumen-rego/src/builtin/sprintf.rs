//! `sprintf`: Go's `fmt.Sprintf` on what OPA makes of the operands: numbers without a point or an exponent are integers,
//! other numbers are 64-bit floats, strings are strings, and all else is its Rego text.
//!
//! Source: Go 1.26, `fmt/print.go`, `fmt/format.go`; OPA, `v1/topdown/strings.go`.

mod argument;
mod decoded;
mod float;
mod format;

use lumen_value::{Str, Value};

use super::{Answer, Budget, Context, Entry, Failure, operand};
pub(super) use argument::Argument;
pub(super) use decoded::key_text;
use format::Printer;

/// The family, by name.
pub const TABLE: &[Entry] = &[("sprintf", sprintf)];

/// Widths and precisions beyond this are none.
const NUMBER_MAX: i64 = 1_000_000;

fn sprintf(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    let format = operand::string(operands, 1)?;
    let items = operand::array(operands, 2)?;
    context.budget.values(items.len())?;
    let mut arguments = Vec::with_capacity(items.len());
    for item in items {
        arguments.push(Argument::of(item, context.budget)?);
    }
    let text = formatted(format.as_bytes(), &arguments, context.budget)?;
    Ok(Value::String(Str::from_bytes(&text)))
}

/// A float as `%v` prints it.
pub(super) fn float(value: f64) -> String {
    float::text(value, 'g', None)
}

/// Where the reading of a format is.
struct Directives<'a, 'b> {
    format: &'a [u8],
    at: usize,
    arguments: &'a [Argument],
    next: usize,
    /// An index has been used somewhere.
    is_reordered: bool,
    /// The indexes of this directive are sound.
    is_index_good: bool,
    /// What stands before is an index.
    is_after_index: bool,
    printer: Printer<'b>,
}

/// Prints the arguments as the format says.
pub(super) fn formatted(
    format: &[u8],
    arguments: &[Argument],
    budget: &mut Budget,
) -> Result<Vec<u8>, Failure> {
    let mut directives = Directives {
        format,
        at: 0,
        arguments,
        next: 0,
        is_reordered: false,
        is_index_good: true,
        is_after_index: false,
        printer: Printer::new(budget),
    };
    while directives.at < format.len() {
        let rest = format.get(directives.at..).unwrap_or_default();
        let plain = memchr::memchr(b'%', rest).unwrap_or(rest.len());
        directives.printer.write(rest.get(..plain).unwrap_or_default())?;
        directives.at += plain + 1;
        if plain == rest.len() {
            break;
        }
        directives.directive()?;
    }
    directives.extra()?;
    Ok(directives.printer.into_text())
}

impl Directives<'_, '_> {
    fn peek(&self) -> Option<u8> {
        self.format.get(self.at).copied()
    }

    /// One directive, from behind its `%`.
    fn directive(&mut self) -> Result<(), Failure> {
        self.is_index_good = true;
        self.printer.clear();
        while let Some(byte) = self.peek() {
            let flags = &mut self.printer.flags;
            match byte {
                b'#' => flags.sharp = true,
                b'0' => flags.zero = true,
                b'+' => flags.plus = true,
                b'-' => flags.minus = true,
                b' ' => flags.space = true,
                b'a'..=b'z' => {
                    let Some(argument) = self.arguments.get(self.next) else { break };
                    self.next += 1;
                    self.at += 1;
                    return self.printer.print_as(argument, char::from(byte));
                }
                _ => break,
            }
            self.at += 1;
        }
        self.is_after_index = self.index();
        self.width()?;
        self.precision()?;
        if !self.is_after_index {
            self.is_after_index = self.index();
        }
        self.verb()
    }

    fn width(&mut self) -> Result<(), Failure> {
        if self.peek() == Some(b'*') {
            self.at += 1;
            let width = self.number_of_argument();
            self.printer.flags.width = width.map(|width| usize::try_from(width.unsigned_abs()).unwrap_or(0));
            match width {
                None => self.printer.write(b"%!(BADWIDTH)")?,
                Some(..0) => {
                    self.printer.flags.minus = true;
                    self.printer.flags.zero = false;
                }
                Some(_) => {}
            }
            self.is_after_index = false;
        } else {
            let width = self.number(self.format.len());
            self.printer.flags.width = width;
            if self.is_after_index && width.is_some() {
                self.is_index_good = false;
            }
        }
        Ok(())
    }

    fn precision(&mut self) -> Result<(), Failure> {
        if self.peek() != Some(b'.') || self.at + 1 >= self.format.len() {
            return Ok(());
        }
        self.at += 1;
        if self.is_after_index {
            self.is_index_good = false;
        }
        self.is_after_index = self.index();
        if self.peek() == Some(b'*') {
            self.at += 1;
            let precision = self.number_of_argument().and_then(|precision| usize::try_from(precision).ok());
            self.printer.flags.precision = precision;
            if precision.is_none() {
                self.printer.write(b"%!(BADPREC)")?;
            }
            self.is_after_index = false;
        } else {
            let precision = self.number(self.format.len());
            self.printer.flags.precision = Some(precision.unwrap_or(0));
        }
        Ok(())
    }

    fn verb(&mut self) -> Result<(), Failure> {
        let rest = self.format.get(self.at..).unwrap_or_default();
        let Some(rune) = crate::unicode::runes(rest.get(..rest.len().min(4)).unwrap_or_default()).next()
        else {
            return self.printer.write(b"%!(NOVERB)");
        };
        self.at += rune.bytes.len();
        let verb = rune.char();
        if verb == '%' {
            return self.printer.write(b"%");
        }
        if !self.is_index_good {
            return self.printer.write(format!("%!{verb}(BADINDEX)").as_bytes());
        }
        let Some(argument) = self.arguments.get(self.next) else {
            return self.printer.write(format!("%!{verb}(MISSING)").as_bytes());
        };
        self.next += 1;
        self.printer.print_as(argument, verb)
    }

    /// A decimal number that ends before `end`. Where it is far too large, all up to `end` is skipped.
    fn number(&mut self, end: usize) -> Option<usize> {
        let mut number: Option<i64> = None;
        while self.at < end {
            let Some(digit @ b'0'..=b'9') = self.peek() else { break };
            if number.unwrap_or(0) > NUMBER_MAX {
                self.at = end;
                return None;
            }
            number = Some(number.unwrap_or(0) * 10 + i64::from(digit - b'0'));
            self.at += 1;
        }
        number.and_then(|number| usize::try_from(number).ok())
    }

    /// The next argument as a width or precision.
    fn number_of_argument(&mut self) -> Option<i64> {
        let argument = self.arguments.get(self.next)?;
        self.next += 1;
        match argument {
            Argument::Integer(number) | Argument::Named(_, number)
                if (-NUMBER_MAX..=NUMBER_MAX).contains(number) =>
            {
                Some(*number)
            }
            _ => None,
        }
    }

    /// An index such as `[2]`, where one stands here; whether it has the form of one.
    fn index(&mut self) -> bool {
        if self.peek() != Some(b'[') {
            return false;
        }
        self.is_reordered = true;
        let rest = self.format.get(self.at..).unwrap_or_default();
        let close = if rest.len() < 3 { None } else { memchr::memchr(b']', rest) };
        let Some(close) = close else {
            self.is_index_good = false;
            self.at += 1;
            return false;
        };
        let (start, end) = (self.at, self.at + close);
        self.at += 1;
        let number = self.number(end);
        let is_number = number.is_some() && self.at == end;
        self.at = start + close + 1;
        match number.and_then(|number| number.checked_sub(1)) {
            Some(index) if is_number && index < self.arguments.len() => self.next = index,
            _ => self.is_index_good = false,
        }
        is_number
    }

    /// Reports arguments that no directive has used.
    fn extra(&mut self) -> Result<(), Failure> {
        let left = self.arguments.get(self.next..).unwrap_or_default();
        if self.is_reordered || left.is_empty() {
            return Ok(());
        }
        self.printer.clear();
        self.printer.write(b"%!(EXTRA ")?;
        for (index, argument) in left.iter().enumerate() {
            if index > 0 {
                self.printer.write(b", ")?;
            }
            self.printer.write(argument.type_name().as_bytes())?;
            if matches!(argument, Argument::Decoded(Value::Null)) {
                continue;
            }
            self.printer.write(b"=")?;
            self.printer.print(argument, 'v')?;
        }
        self.printer.write(b")")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(format: &str, arguments: &[Argument]) -> Result<String, Failure> {
        let mut budget = Budget::new(1_000_000, 1_000_000);
        formatted(format.as_bytes(), arguments, &mut budget).map(|text| String::from_utf8(text).unwrap())
    }

    #[test]
    fn widths_are_paid_before_they_are_printed() {
        let one = || Argument::Integer(1);
        assert_eq!(text("%9999999d", &[one()]), Err(Failure::Budget));
        assert_eq!(text("%.9999999f", &[Argument::Float(0.5)]), Err(Failure::Budget));
        assert_eq!(
            text("%*d%*d", &[Argument::Integer(999_999), one(), Argument::Integer(999_999), one()]),
            Err(Failure::Budget)
        );
        assert_eq!(text("%1000000000d", &[one()]), Ok("%!(NOVERB)%!(EXTRA int64=1)".to_owned()));
    }

    #[test]
    fn indexes_are_checked_as_in_go() {
        let two = || [Argument::Integer(1), Argument::Integer(2)];
        for (format, wanted) in [
            ("%[2]d %[1]d", "2 1"),
            ("%[2]d", "2"),
            ("%[3]d", "%!d(BADINDEX)"),
            ("%[0]d", "%!d(BADINDEX)"),
            ("%[x]d", "%!d(BADINDEX)"),
            ("%[2]*[1]d", " 1"),
            ("%[1]2d", "%!d(BADINDEX)"),
            ("%[", "%!(NOVERB)"),
            ("%[1", "%!(NOVERB)"),
            ("%d %d %d", "1 2 %!d(MISSING)"),
            ("%", "%!(NOVERB)%!(EXTRA int64=1, int64=2)"),
        ] {
            assert_eq!(text(format, &two()).as_deref(), Ok(wanted), "{format}");
        }
    }
}
