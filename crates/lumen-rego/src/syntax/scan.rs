//! Text to tokens, as `v1/ast/internal/scanner/scanner.go` makes them: the same tokens at the same rows and columns,
//! and the same errors, which belong to the token that was read when they were found.

use super::token::{Keywords, Token};

/// The first of each ten decimal digits of Unicode beyond ASCII: what Go's `unicode.IsDigit` knows.
#[rustfmt::skip]
const DIGITS: [u32; 63] = [
    0x660, 0x6f0, 0x7c0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66, 0xbe6, 0xc66, 0xce6, 0xd66, 0xde6, 0xe50, 0xed0, 0xf20,
    0x1040, 0x1090, 0x17e0, 0x1810, 0x1946, 0x19d0, 0x1a80, 0x1a90, 0x1b50, 0x1bb0, 0x1c40, 0x1c50, 0xa620, 0xa8d0,
    0xa900, 0xa9d0, 0xa9f0, 0xaa50, 0xabf0, 0xff10, 0x104a0, 0x10d30, 0x11066, 0x110f0, 0x11136, 0x111d0, 0x112f0,
    0x11450, 0x114d0, 0x11650, 0x116c0, 0x11730, 0x118e0, 0x11950, 0x11c50, 0x11d50, 0x11da0, 0x11f50, 0x16a60,
    0x16ac0, 0x16b50, 0x1e140, 0x1e2f0, 0x1e4f0, 0x1e950, 0x1fbf0, 0x1d7ce,
];

/// U+1D7CE starts fifty.
const MATHEMATICAL_DIGITS: std::ops::RangeInclusive<u32> = 0x1d7ce..=0x1d7ff;

const BYTE_ORDER_MARK: char = '\u{feff}';
const NO_BREAK_SPACE: char = '\u{a0}';

/// One token and its place.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scanned {
    pub(super) token: Token,
    pub(super) row: u32,
    pub(super) column: u32,
    /// First byte and one past the last.
    pub(super) start: usize,
    pub(super) end: usize,
}

/// Where the scanner is. A copy is a way back.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scanner<'t> {
    text: &'t str,
    pub(super) keywords: Keywords,
    /// Behind the current character; one past the length of the text at its end.
    offset: usize,
    row: u32,
    column: u32,
    width: usize,
    current: Option<char>,
}

/// What was wrong with the characters of a token.
pub(super) type Faults = Vec<&'static str>;

/// How many faults one token can have; the others say nothing new.
const FAULTS_MAX: usize = 16;

impl<'t> Scanner<'t> {
    pub(super) fn new(text: &'t str, keywords: Keywords, faults: &mut Faults) -> Self {
        let mut scanner = Self { text, keywords, offset: 0, row: 1, column: 0, width: 0, current: None };
        scanner.next(faults);
        if scanner.current == Some(BYTE_ORDER_MARK) {
            scanner.next(faults);
        }
        scanner
    }

    /// The first byte of the current character.
    fn at(&self) -> usize {
        self.offset - self.width
    }

    fn next(&mut self, faults: &mut Faults) {
        let Some(char) = self.text.get(self.offset..).and_then(|rest| rest.chars().next()) else {
            // Upstream keeps the width of the last character, which moves the place of the end.
            self.current = None;
            self.width = 1;
            self.offset = self.text.len() + 1;
            return;
        };
        if char == '\0' {
            fault(faults, "illegal null character");
        } else if char == BYTE_ORDER_MARK && self.offset > 0 {
            fault(faults, "illegal byte-order mark");
        }
        self.current = Some(char);
        self.width = char.len_utf8();
        self.offset += self.width;
        if char == '\n' {
            self.row += 1;
            self.column = 0;
        } else {
            self.column += 1;
        }
    }

    /// Goes on while the characters are such.
    fn skip(&mut self, faults: &mut Faults, is: impl Fn(char) -> bool) -> bool {
        let mut any = false;
        while self.current.is_some_and(&is) {
            self.next(faults);
            any = true;
        }
        any
    }

    /// Takes the current character where it is this one.
    fn eat(&mut self, faults: &mut Faults, char: char) -> bool {
        let found = self.current == Some(char);
        if found {
            self.next(faults);
        }
        found
    }

    /// The next token.
    pub(super) fn scan(&mut self, faults: &mut Faults) -> Scanned {
        self.token(faults, |scanner, faults| match scanner.current {
            Some(' ' | '\t' | '\n' | '\r') => {
                scanner.next(faults);
                Token::Whitespace
            }
            Some(char) if is_letter(char) => scanner.word(faults),
            Some(char) if char.is_ascii_digit() => {
                scanner.number(faults);
                Token::Number
            }
            _ => scanner.sign(faults),
        })
    }

    /// The next part of a template string, behind a `}`.
    pub(super) fn scan_template(&mut self, faults: &mut Faults, raw: bool) -> Scanned {
        self.token(
            faults,
            |scanner, faults| {
                if raw { scanner.raw_template(faults) } else { scanner.template(faults) }
            },
        )
    }

    fn token(&mut self, faults: &mut Faults, read: impl FnOnce(&mut Self, &mut Faults) -> Token) -> Scanned {
        let (start, row, column) = (self.at(), self.row, self.column);
        let token = read(self, faults);
        Scanned { token, row, column, start, end: self.at() }
    }

    fn word(&mut self, faults: &mut Faults) -> Token {
        let start = self.at();
        self.skip(faults, |char| is_letter(char) || is_digit(char));
        if self.width > 1 {
            // Upstream's word has a stray byte of the character behind it, and so is no keyword.
            return Token::Ident;
        }
        self.keywords.token(self.text.get(start..self.at()).unwrap_or_default())
    }

    fn number(&mut self, faults: &mut Faults) {
        let is_decimal = |char: char| char.is_ascii_digit();
        self.skip(faults, is_decimal);
        if self.eat(faults, '.') && !self.skip(faults, is_decimal) {
            fault(faults, "expected fraction");
        }
        if matches!(self.current, Some('e' | 'E')) {
            self.next(faults);
            if matches!(self.current, Some('+' | '-')) {
                self.next(faults);
            }
            if !self.skip(faults, is_decimal) {
                fault(faults, "expected exponent");
            }
        }
        if self.current.is_some_and(is_letter) {
            fault(faults, "illegal number format");
            self.skip(faults, |char| is_letter(char) || is_digit(char));
        }
    }

    fn sign(&mut self, faults: &mut Faults) -> Token {
        let Some(char) = self.current else {
            self.next(faults);
            return Token::Eof;
        };
        self.next(faults);
        match char {
            '#' => {
                self.skip(faults, |char| char != '\n');
                Token::Comment
            }
            '"' => self.string(faults),
            '`' => self.raw_string(faults),
            '$' if self.eat(faults, '`') => self.raw_template(faults),
            '$' if self.eat(faults, '"') => self.template(faults),
            '$' => illegal(faults, "illegal $ character"),
            '[' => Token::LeftBracket,
            ']' => Token::RightBracket,
            '{' => Token::LeftBrace,
            '}' => Token::RightBrace,
            '(' => Token::LeftParen,
            ')' => Token::RightParen,
            ',' => Token::Comma,
            ';' => Token::Semicolon,
            '.' => Token::Dot,
            '+' => Token::Add,
            '-' => Token::Sub,
            '*' => Token::Mul,
            '/' => Token::Quo,
            '%' => Token::Rem,
            '&' => Token::And,
            '|' => Token::Or,
            ':' => self.either(faults, Token::Assign, Token::Colon),
            '=' => self.either(faults, Token::Equal, Token::Unify),
            '>' => self.either(faults, Token::Gte, Token::Gt),
            '<' => self.either(faults, Token::Lte, Token::Lt),
            '!' if self.eat(faults, '=') => Token::Neq,
            '!' => illegal(faults, "illegal ! character"),
            NO_BREAK_SPACE => {
                illegal(faults, "illegal non-breaking space character, use a regular space instead")
            }
            _ => Token::Illegal,
        }
    }

    /// A sign that may be followed by `=`.
    fn either(&mut self, faults: &mut Faults, with: Token, without: Token) -> Token {
        if self.eat(faults, '=') { with } else { without }
    }

    fn string(&mut self, faults: &mut Faults) -> Token {
        loop {
            match self.current {
                None | Some('\n') => {
                    fault(faults, "non-terminated string");
                    break;
                }
                Some('"') => {
                    self.next(faults);
                    break;
                }
                Some('\\') => {
                    self.next(faults);
                    self.escape(faults);
                }
                Some(_) => self.next(faults),
            }
        }
        Token::String
    }

    /// What follows a backslash.
    fn escape(&mut self, faults: &mut Faults) {
        match self.current {
            Some('\\' | '"' | '/' | 'b' | 'f' | 'n' | 'r' | 't') => self.next(faults),
            // Four characters, whatever they are: decoding the literal says what is wrong with them.
            Some('u') => (0..4).for_each(|_| self.next(faults)),
            _ => fault(faults, "illegal escape sequence"),
        }
    }

    fn raw_string(&mut self, faults: &mut Faults) -> Token {
        self.skip(faults, |char| char != '`');
        if !self.eat(faults, '`') {
            fault(faults, "non-terminated string");
            self.next(faults);
        }
        Token::String
    }

    fn template(&mut self, faults: &mut Faults) -> Token {
        loop {
            match self.current {
                None | Some('\n') => {
                    fault(faults, "non-terminated string");
                    return Token::TemplatePart;
                }
                Some('"') => {
                    self.next(faults);
                    return Token::TemplateEnd;
                }
                Some('{') => {
                    self.next(faults);
                    return Token::TemplatePart;
                }
                Some('\\') => {
                    self.next(faults);
                    if !self.eat(faults, '{') {
                        self.escape(faults);
                    }
                }
                Some(_) => self.next(faults),
            }
        }
    }

    fn raw_template(&mut self, faults: &mut Faults) -> Token {
        loop {
            match self.current {
                None => {
                    fault(faults, "non-terminated string");
                    return Token::RawTemplatePart;
                }
                Some('`') => {
                    self.next(faults);
                    return Token::RawTemplateEnd;
                }
                Some('{') => {
                    self.next(faults);
                    return Token::RawTemplatePart;
                }
                Some('\\') => {
                    self.next(faults);
                    self.eat(faults, '{');
                }
                Some(_) => self.next(faults),
            }
        }
    }
}

fn fault(faults: &mut Faults, message: &'static str) {
    if faults.len() < FAULTS_MAX {
        faults.push(message);
    }
}

fn illegal(faults: &mut Faults, message: &'static str) -> Token {
    fault(faults, message);
    Token::Illegal
}

fn is_letter(char: char) -> bool {
    char.is_ascii_alphabetic() || char == '_'
}

fn is_digit(char: char) -> bool {
    if char.is_ascii() {
        return char.is_ascii_digit();
    }
    let code = u32::from(char);
    MATHEMATICAL_DIGITS.contains(&code) || DIGITS.iter().any(|first| (*first..*first + 10).contains(&code))
}
