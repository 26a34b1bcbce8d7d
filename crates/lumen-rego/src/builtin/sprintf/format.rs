//! [`Printer`]: flags, widths and verbs.

use num_bigint::{BigInt, Sign};

use super::super::{Budget, Failure};
use super::argument::Argument;
use super::float;
use crate::unicode;

/// What stands between `%` and the verb.
#[derive(Clone, Copy, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is one character of the format")]
pub(super) struct Flags {
    pub(super) sharp: bool,
    pub(super) zero: bool,
    pub(super) plus: bool,
    pub(super) minus: bool,
    pub(super) space: bool,
    /// `#` of `%#v`, which has a meaning of its own.
    pub(super) sharp_v: bool,
    /// `+` of `%+v`.
    plus_v: bool,
    pub(super) width: Option<usize>,
    pub(super) precision: Option<usize>,
}

/// What is printed so far, and how the next is to be.
pub(super) struct Printer<'b> {
    out: Vec<u8>,
    budget: &'b mut Budget,
    pub(super) flags: Flags,
    /// What the type of the argument is called, where not as its kind.
    name: Option<&'static str>,
}

impl<'b> Printer<'b> {
    pub(super) fn new(budget: &'b mut Budget) -> Self {
        Self { out: Vec::new(), budget, flags: Flags::default(), name: None }
    }

    pub(super) fn into_text(self) -> Vec<u8> {
        self.out
    }

    pub(super) fn clear(&mut self) {
        self.flags = Flags::default();
    }

    pub(super) fn write(&mut self, text: &[u8]) -> Result<(), Failure> {
        self.budget.text(text.len())?;
        self.out.extend_from_slice(text);
        Ok(())
    }

    /// For a part of an argument.
    pub(super) fn charge(&mut self) -> Result<(), Failure> {
        self.budget.steps(1)
    }

    fn fill(&mut self, byte: u8, count: usize) -> Result<(), Failure> {
        self.budget.text(count)?;
        self.out.resize(self.out.len() + count, byte);
        Ok(())
    }

    fn padding(&mut self, count: usize) -> Result<(), Failure> {
        // Only on the left are zeros no change of the value.
        let byte = if self.flags.zero && !self.flags.minus { b'0' } else { b' ' };
        self.fill(byte, count)
    }

    pub(super) fn pad(&mut self, text: &[u8]) -> Result<(), Failure> {
        let missing = self.flags.width.unwrap_or(0).saturating_sub(unicode::rune_count(text));
        if self.flags.minus {
            self.write(text)?;
            return self.padding(missing);
        }
        self.padding(missing)?;
        self.write(text)
    }

    fn pad_with_spaces(&mut self, text: &[u8]) -> Result<(), Failure> {
        let zero = std::mem::take(&mut self.flags.zero);
        let padded = self.pad(text);
        self.flags.zero = zero;
        padded
    }

    /// Prints an argument with the flags that are set.
    pub(super) fn print_as(&mut self, argument: &Argument, verb: char) -> Result<(), Failure> {
        if matches!(verb, 'v' | 'w') {
            self.flags.sharp_v = std::mem::take(&mut self.flags.sharp);
            self.flags.plus_v = std::mem::take(&mut self.flags.plus);
        }
        self.print(argument, verb)
    }

    /// The same, the flags being those of the verb already.
    pub(super) fn print(&mut self, argument: &Argument, verb: char) -> Result<(), Failure> {
        if verb == 'T' {
            return self.text(argument.type_name().as_bytes());
        }
        match (argument, verb) {
            (Argument::Integer(value), _) => self.integer(*value, verb),
            (Argument::Big(value), 'w') => self.inside(value),
            (Argument::Big(value), _) => self.big(value, verb),
            (Argument::Float(value), _) => self.float(*value, verb),
            (Argument::Text(text), _) => self.string(text, verb),
            (Argument::Decoded(value), _) => self.decoded(value, verb),
            (Argument::Named(name, value), _) => {
                self.name = Some(name);
                let printed = self.integer(*value, verb);
                self.name = None;
                printed
            }
        }
    }

    fn bad_verb(&mut self, argument: &Argument, verb: char) -> Result<(), Failure> {
        let name = self.name.unwrap_or_else(|| argument.type_name());
        self.write(format!("%!{verb}({name}=").as_bytes())?;
        self.print(argument, 'v')?;
        self.write(b")")
    }

    fn integer(&mut self, value: i64, verb: char) -> Result<(), Failure> {
        let magnitude = value.unsigned_abs();
        let digits = match verb {
            'v' | 'd' => magnitude.to_string(),
            'b' => format!("{magnitude:b}"),
            'o' | 'O' => format!("{magnitude:o}"),
            'x' => format!("{magnitude:x}"),
            'X' => format!("{magnitude:X}"),
            'c' => return self.pad(character(value).encode_utf8(&mut [0; 4]).as_bytes()),
            'q' => {
                let mut quoted = vec![b'\''];
                unicode::escape(character(value), '\'', self.flags.plus, &mut quoted);
                quoted.push(b'\'');
                return self.pad(&quoted);
            }
            'U' => return self.code_point(value),
            _ => return self.bad_verb(&Argument::Integer(value), verb),
        };
        self.digits(value < 0, &digits, verb)
    }

    fn digits(&mut self, negative: bool, digits: &str, verb: char) -> Result<(), Failure> {
        let flags = self.flags;
        let has_sign = negative || flags.plus || flags.space;
        let least = match (flags.precision, flags.width) {
            (Some(0), width) if digits == "0" => {
                return self.fill(b' ', width.unwrap_or(0));
            }
            (Some(precision), _) => precision,
            (None, Some(width)) if flags.zero && !flags.minus => width.saturating_sub(usize::from(has_sign)),
            (None, _) => 0,
        };
        let zeros = least.saturating_sub(digits.len());
        self.budget.text(zeros)?;
        let mut text = String::new();
        if negative {
            text.push('-');
        } else if flags.plus {
            text.push('+');
        } else if flags.space {
            text.push(' ');
        }
        match verb {
            'O' => text.push_str("0o"),
            'b' if flags.sharp => text.push_str("0b"),
            'x' if flags.sharp => text.push_str("0x"),
            'X' if flags.sharp => text.push_str("0X"),
            _ => {}
        }
        if matches!(verb, 'o' | 'O') && flags.sharp && zeros == 0 && !digits.starts_with('0') {
            text.push('0');
        }
        text.extend(std::iter::repeat_n('0', zeros));
        text.push_str(digits);
        self.pad_with_spaces(text.as_bytes())
    }

    /// `U+0078`, with `#` also the character.
    fn code_point(&mut self, value: i64) -> Result<(), Failure> {
        let code = value.cast_unsigned();
        let least = self.flags.precision.unwrap_or(0).max(4);
        let digits = format!("{code:X}");
        let zeros = least.saturating_sub(digits.len());
        self.budget.text(zeros)?;
        let mut text = "U+".to_owned();
        text.extend(std::iter::repeat_n('0', zeros));
        text.push_str(&digits);
        let char =
            u32::try_from(code).ok().and_then(char::from_u32).filter(|char| unicode::is_printable(*char));
        if let (true, Some(char)) = (self.flags.sharp, char) {
            text.extend([' ', '\'', char, '\'']);
        }
        self.pad_with_spaces(text.as_bytes())
    }

    /// A `big.Int` formats itself, much as other integers do.
    fn big(&mut self, value: &BigInt, verb: char) -> Result<(), Failure> {
        let base = match verb {
            'b' => 2,
            'o' | 'O' => 8,
            'd' | 's' | 'v' => 10,
            'x' | 'X' => 16,
            _ => return self.write(format!("%!{verb}(big.Int={value})").as_bytes()),
        };
        self.budget.bytes(value.bits())?;
        let mut digits = value.magnitude().to_str_radix(base);
        if verb == 'X' {
            digits.make_ascii_uppercase();
        }
        let flags = self.flags;
        let sign = match value.sign() {
            Sign::Minus => "-",
            _ if flags.plus || flags.plus_v => "+",
            _ if flags.space => " ",
            _ => "",
        };
        let prefix = match verb {
            'O' => "0o",
            'b' if flags.sharp => "0b",
            'o' if flags.sharp => "0",
            'x' if flags.sharp => "0x",
            'X' if flags.sharp => "0X",
            _ => "",
        };
        let mut zeros = flags.precision.unwrap_or(0).saturating_sub(digits.len());
        let length = sign.len() + prefix.len() + zeros + digits.len();
        let missing = flags.width.unwrap_or(0).saturating_sub(length);
        let (mut left, mut right) = (0, 0);
        if flags.minus {
            right = missing;
        } else if flags.zero && flags.precision.is_none() {
            zeros = missing;
        } else {
            left = missing;
        }
        self.fill(b' ', left)?;
        self.write(sign.as_bytes())?;
        self.write(prefix.as_bytes())?;
        self.fill(b'0', zeros)?;
        self.write(digits.as_bytes())?;
        self.fill(b' ', right)
    }

    /// `%w` is for errors. Of a `big.Int` that is none Go shows the fields, each with the flags.
    fn inside(&mut self, value: &BigInt) -> Result<(), Failure> {
        let flags = self.flags;
        let (start, between, separator, end): (&str, _, _, _) = match (flags.sharp_v, flags.plus_v) {
            (true, _) => ("%!w(*big.Int=&big.Int{neg:", ", abs:big.nat{", ", ", "}})"),
            (false, true) => ("%!w(*big.Int=&{neg:", " abs:[", " ", "]})"),
            (false, false) => ("%!w(*big.Int=&{", " [", " ", "]})"),
        };
        self.write(start.as_bytes())?;
        self.pad(if value.sign() == Sign::Minus { b"true" } else { b"false" })?;
        self.write(between.as_bytes())?;
        for (index, word) in value.iter_u64_digits().enumerate() {
            if index > 0 {
                self.write(separator.as_bytes())?;
            }
            if flags.sharp_v {
                self.flags.sharp = true;
                self.digits(false, &format!("{word:x}"), 'x')?;
                self.flags.sharp = false;
            } else {
                self.digits(false, &word.to_string(), 'v')?;
            }
        }
        self.write(end.as_bytes())
    }

    fn float(&mut self, value: f64, verb: char) -> Result<(), Failure> {
        let (format, precision) = match verb {
            'v' => ('g', None),
            'b' | 'g' | 'G' | 'x' | 'X' => (verb, None),
            'f' | 'F' => ('f', Some(6)),
            'e' | 'E' => (verb, Some(6)),
            _ => return self.bad_verb(&Argument::Float(value), verb),
        };
        let precision = self.flags.precision.or(precision);
        self.budget.text(precision.unwrap_or(0))?;
        let mut text = float::text(value, format, precision);
        if !text.starts_with('-') {
            text.insert(0, if self.flags.space && !self.flags.plus { ' ' } else { '+' });
        }
        if self.flags.sharp && format != 'b' {
            text = self.with_point(text, format, precision)?;
        }
        let Some((sign, unsigned)) = text.split_at_checked(1) else { return Ok(()) };
        if !self.flags.plus && sign == "+" {
            return self.pad(unsigned.as_bytes());
        }
        let width = self.flags.width.unwrap_or(0);
        if self.flags.zero && !self.flags.minus && width > text.len() {
            self.write(sign.as_bytes())?;
            self.padding(width - text.len())?;
            return self.write(unsigned.as_bytes());
        }
        self.pad(text.as_bytes())
    }

    /// With a point, and with the zeros that `%g` has cut off.
    fn with_point(
        &mut self,
        text: String,
        format: char,
        precision: Option<usize>,
    ) -> Result<String, Failure> {
        let mut missing = match format {
            'g' | 'G' | 'x' => i64::try_from(precision.unwrap_or(6)).unwrap_or(i64::MAX),
            _ => 0,
        };
        let marks: &[char] = if matches!(format, 'x' | 'X') { &['p', 'P'] } else { &['p', 'P', 'e', 'E'] };
        let (mut number, tail) = match text.find(marks).and_then(|at| text.split_at_checked(at)) {
            Some((number, tail)) => (number.to_owned(), tail.to_owned()),
            None => (text, String::new()),
        };
        let digits = number.chars().skip(1).filter(|char| *char != '.');
        let significant = digits.skip_while(|char| *char == '0').count();
        missing -= i64::try_from(significant).unwrap_or(i64::MAX);
        if !number.contains('.') {
            if number.len() == 2 && number.ends_with('0') {
                missing -= 1;
            }
            number.push('.');
        }
        let missing = usize::try_from(missing).unwrap_or(0);
        self.budget.text(missing)?;
        number.extend(std::iter::repeat_n('0', missing));
        number.push_str(&tail);
        Ok(number)
    }

    pub(super) fn string(&mut self, text: &[u8], verb: char) -> Result<(), Failure> {
        match verb {
            'v' if self.flags.sharp_v => self.quoted(text),
            'v' | 's' => self.text(text),
            'x' => self.hexadecimal(text, b"0123456789abcdefx"),
            'X' => self.hexadecimal(text, b"0123456789ABCDEFX"),
            'q' => self.quoted(text),
            _ => self.bad_verb(&Argument::Text(text.to_vec()), verb),
        }
    }

    fn text(&mut self, text: &[u8]) -> Result<(), Failure> {
        self.pad(self.truncated(text))
    }

    /// The first characters, as many as the precision says.
    fn truncated<'t>(&self, text: &'t [u8]) -> &'t [u8] {
        let Some(precision) = self.flags.precision.filter(|precision| *precision < text.len()) else {
            return text;
        };
        match unicode::runes(text).nth(precision) {
            Some(rune) => text.get(..rune.at).unwrap_or(text),
            None => text,
        }
    }

    fn quoted(&mut self, text: &[u8]) -> Result<(), Failure> {
        let text = self.truncated(text);
        self.budget.text(text.len().saturating_mul(4))?;
        let mut quoted = Vec::new();
        if self.flags.sharp && can_backquote(text) {
            quoted.push(b'`');
            quoted.extend_from_slice(text);
            quoted.push(b'`');
        } else {
            unicode::quote(text, self.flags.plus, &mut quoted);
        }
        self.pad(&quoted)
    }

    /// The bytes, each in two digits.
    fn hexadecimal(&mut self, text: &[u8], digits: &[u8; 17]) -> Result<(), Failure> {
        let flags = self.flags;
        let length = flags.precision.unwrap_or(text.len()).min(text.len());
        if length == 0 {
            return self.padding(flags.width.unwrap_or(0));
        }
        let prefixes = match (flags.sharp, flags.space) {
            (false, _) => 0,
            (true, false) => 1,
            (true, true) => length,
        };
        let width = 2 * length + 2 * prefixes + if flags.space { length - 1 } else { 0 };
        let missing = flags.width.unwrap_or(0).saturating_sub(width);
        if !flags.minus {
            self.padding(missing)?;
        }
        self.budget.text(width)?;
        let digit = |index: u8| digits.get(usize::from(index)).copied().unwrap_or_default();
        for (index, byte) in text.iter().take(length).enumerate() {
            if flags.space && index > 0 {
                self.out.push(b' ');
            }
            if flags.sharp && (flags.space || index == 0) {
                self.out.extend([b'0', digit(16)]);
            }
            self.out.extend([digit(byte >> 4), digit(byte & 15)]);
        }
        if flags.minus {
            self.padding(missing)?;
        }
        Ok(())
    }
}

/// The character with a code; U+FFFD where there is none.
fn character(code: i64) -> char {
    u32::try_from(code).ok().and_then(char::from_u32).unwrap_or(char::REPLACEMENT_CHARACTER)
}

/// Whether the text can stand between backquotes.
fn can_backquote(text: &[u8]) -> bool {
    let is_fine =
        |char: char| !matches!(char, '\u{feff}' | '`' | '\u{7f}' | '\0'..='\u{8}' | '\u{a}'..='\u{1f}');
    std::str::from_utf8(text).is_ok_and(|text| text.chars().all(is_fine))
}
