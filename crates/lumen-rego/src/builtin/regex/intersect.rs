//! Whether two "globs" (characters, `.`, sets, each with `+` or `*` behind or not) have a text in common.
//!
//! The answer is that of `yashtewari/glob-intersection`, which OPA asks, also where that is not the truth: inside of what
//! a `*` swallows it takes no notice of the flags of the other side.

use crate::builtin::{Budget, Failure};

/// What stands behind a token.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Flag {
    None,
    Plus,
    Star,
}

/// What a token matches: any character, or those in the ranges.
#[derive(Clone, PartialEq, Eq)]
enum Matcher {
    Character(char),
    Any,
    Set(Vec<(u32, u32)>),
}

#[derive(Clone)]
struct Token {
    matcher: Matcher,
    flag: Flag,
}

/// Whether the intersection is not empty.
pub(super) fn non_empty(left: &str, right: &str, budget: &mut Budget) -> Result<bool, Failure> {
    let (left, right) = (glob(left, budget)?, glob(right, budget)?);
    let Some((left, right)) = trimmed(&left, &right) else { return Ok(false) };
    Search::new(left, right, budget)?.run()
}

fn glob(text: &str, budget: &mut Budget) -> Result<Vec<Token>, Failure> {
    budget.text(text.len().saturating_mul(64))?;
    let input: Vec<char> = text.chars().collect();
    let mut reader = Reader { text, input: &input, at: 0 };
    let mut tokens: Vec<Token> = Vec::new();
    while let Some(token) = reader.token()? {
        match tokens.last_mut() {
            // `a+a*` is `a+`.
            Some(last)
                if last.flag != Flag::None && token.flag != Flag::None && last.matcher == token.matcher =>
            {
                if token.flag == Flag::Plus {
                    last.flag = Flag::Plus;
                }
            }
            _ => tokens.push(token),
        }
    }
    Ok(tokens)
}

struct Reader<'a> {
    text: &'a str,
    input: &'a [char],
    at: usize,
}

impl Reader<'_> {
    fn refused<T>(&self, position: usize, why: &str) -> Result<T, Failure> {
        let text = self.text;
        Err(Failure::Builtin(format!("input:{text}, pos:{position}, {why}: the input provided is invalid")))
    }

    /// The next character, and whether it is escaped.
    fn character(&mut self) -> Result<Option<(char, bool)>, Failure> {
        let Some(char) = self.input.get(self.at).copied() else { return Ok(None) };
        if char != '\\' {
            self.at += 1;
            return Ok(Some((char, false)));
        }
        let Some(escaped) = self.input.get(self.at + 1).copied() else {
            return self.refused(self.at, "input ends with a \\ (escape) character");
        };
        self.at += 2;
        Ok(Some((escaped, true)))
    }

    fn token(&mut self) -> Result<Option<Token>, Failure> {
        let Some(next) = self.character()? else { return Ok(None) };
        let matcher = match next {
            ('.', false) => Matcher::Any,
            ('[', false) => Matcher::Set(self.set()?),
            (']', false) => return self.refused(self.at, "set-close ']' with no preceding '['"),
            (flag @ ('+' | '*'), false) => {
                return self.refused(self.at, &format!("flag '{flag}' must be preceded by a non-flag"));
            }
            (char, _) => Matcher::Character(char),
        };
        let start = self.at;
        let flag = match self.character()? {
            Some(('+', false)) => Flag::Plus,
            Some(('*', false)) => Flag::Star,
            _ => {
                self.at = start;
                Flag::None
            }
        };
        Ok(Some(Token { matcher, flag }))
    }

    /// The ranges of a set, sorted and apart.
    fn set(&mut self) -> Result<Vec<(u32, u32)>, Failure> {
        let mut ranges: Vec<(u32, u32)> = Vec::new();
        let mut before: Option<char> = None;
        loop {
            match self.character()? {
                None => return self.refused(self.at, "found [ without matching ]"),
                Some((']', false)) => break,
                Some(('-', false)) => {
                    let Some(first) = before.take() else {
                        return self
                            .refused(self.at, "range character '-' must be preceded by a Unicode character");
                    };
                    if self.at + 1 >= self.input.len() {
                        return self
                            .refused(self.at, "range character '-' must be followed by a Unicode character");
                    }
                    let Some((last, is_escaped)) = self.character()? else { break };
                    if !is_escaped && matches!(last, ']' | '-') {
                        return self
                            .refused(self.at, "range character '-' cannot be followed by a special symbol");
                    }
                    if last < first {
                        let why =
                            format!("range is out of order: '{last}' comes before '{first}' in Unicode");
                        return self.refused(self.at, &why);
                    }
                    ranges.push((u32::from(first), u32::from(last)));
                }
                Some((char, _)) => {
                    ranges.push((u32::from(char), u32::from(char)));
                    before = Some(char);
                }
            }
        }
        ranges.sort_unstable();
        let mut merged: Vec<(u32, u32)> = Vec::new();
        for (first, last) in ranges {
            match merged.last_mut() {
                Some((_, end)) if first <= end.saturating_add(1) => *end = last.max(*end),
                _ => merged.push((first, last)),
            }
        }
        Ok(merged)
    }
}

/// Whether two tokens have a character in common.
fn meet(a: &Token, b: &Token) -> bool {
    let holds = |ranges: &[(u32, u32)], code: u32| {
        ranges.iter().any(|(first, last)| (*first..=*last).contains(&code))
    };
    match (&a.matcher, &b.matcher) {
        (Matcher::Any, _) | (_, Matcher::Any) => true,
        (Matcher::Character(a), Matcher::Character(b)) => a == b,
        (Matcher::Character(char), Matcher::Set(set)) | (Matcher::Set(set), Matcher::Character(char)) => {
            holds(set, u32::from(*char))
        }
        (Matcher::Set(a), Matcher::Set(b)) => {
            a.iter().any(|(first, last)| b.iter().any(|(start, end)| first <= end && start <= last))
        }
    }
}

/// Both without the tokens without flags that they begin and end with, but for one; `None` where these do not meet.
fn trimmed<'a>(a: &'a [Token], b: &'a [Token]) -> Option<(&'a [Token], &'a [Token])> {
    let are_plain = |a: &Token, b: &Token| a.flag == Flag::None && b.flag == Flag::None;
    let mut start = 0;
    while let (Some(x), Some(y)) = (a.get(start), b.get(start)) {
        if !are_plain(x, y) {
            break;
        }
        if !meet(x, y) {
            return None;
        }
        start += 1;
    }
    start = start.saturating_sub(1);
    let (mut a, mut b) = (a.get(start..)?, b.get(start..)?);
    let (mut short_a, mut short_b) = (a, b);
    while let (Some((x, rest_a)), Some((y, rest_b))) = (short_a.split_last(), short_b.split_last()) {
        if !are_plain(x, y) {
            break;
        }
        if !meet(x, y) {
            return None;
        }
        // The last of those that meet stays.
        (a, b) = (short_a, short_b);
        (short_a, short_b) = (rest_a, rest_b);
    }
    Some((a, b))
}

/// The search, from the ends to the beginnings: for each pair of places, and for both orders of the sides, whether the
/// rests meet.
struct Search<'a, 'b> {
    sides: [&'a [Token]; 2],
    /// `meets[(i * width + j) * 2 + order]`
    meets: Vec<bool>,
    width: usize,
    budget: &'b mut Budget,
}

impl<'a, 'b> Search<'a, 'b> {
    fn new(a: &'a [Token], b: &'a [Token], budget: &'b mut Budget) -> Result<Self, Failure> {
        let width = b.len() + 1;
        let states = (a.len() + 1).saturating_mul(width).saturating_mul(2);
        budget.text(states)?;
        budget.steps(u64::try_from(states).unwrap_or(u64::MAX))?;
        Ok(Self { sides: [a, b], meets: vec![false; states], width, budget })
    }

    fn run(mut self) -> Result<bool, Failure> {
        for i in (0..=self.sides[0].len()).rev() {
            for j in (0..self.width).rev() {
                for first in [0, 1] {
                    let meets = self.normal(i, j, first)?;
                    let index = self.index(i, j, first);
                    if let Some(slot) = self.meets.get_mut(index) {
                        *slot = meets;
                    }
                }
            }
        }
        Ok(self.known(0, 0, 0))
    }

    fn index(&self, i: usize, j: usize, first: usize) -> usize {
        (i * self.width + j) * 2 + first
    }

    fn known(&self, i: usize, j: usize, first: usize) -> bool {
        self.meets.get(self.index(i, j, first)).copied().unwrap_or(false)
    }

    /// What is known of the rests, the side `first` standing first.
    fn rests(&self, first: usize, of_first: usize, of_second: usize) -> bool {
        if first == 0 { self.known(of_first, of_second, 0) } else { self.known(of_second, of_first, 1) }
    }

    fn token(&self, side: usize, at: usize) -> Option<&'a Token> {
        self.sides.get(side).and_then(|tokens| tokens.get(at))
    }

    fn normal(&mut self, i: usize, j: usize, first: usize) -> Result<bool, Failure> {
        let (Some(a), Some(b)) = (self.token(0, i), self.token(1, j)) else {
            return Ok(self.token(0, i).is_none() && self.token(1, j).is_none());
        };
        if a.flag == Flag::None && b.flag == Flag::None {
            return Ok(meet(a, b) && self.known(i + 1, j + 1, first));
        }
        let places = [i, j];
        let at = |side: usize| places.get(side).copied().unwrap_or_default();
        let first_has_flag = self.token(first, at(first)).is_some_and(|token| token.flag != Flag::None);
        let flagged = if first_has_flag { first } else { 1 - first };
        let other = 1 - flagged;
        let (from, to) = (at(flagged), at(other));
        let (Some(token), Some(opposite)) = (self.token(flagged, from), self.token(other, to)) else {
            return Ok(false);
        };
        if token.flag == Flag::Star {
            return self.star(flagged, from, to);
        }
        if !meet(token, opposite) {
            return Ok(false);
        }
        if self.star(flagged, from, to + 1)? {
            return Ok(true);
        }
        Ok(opposite.flag != Flag::None && self.rests(flagged, from + 1, to))
    }

    /// The token at `from` swallows tokens of the other side from `to` on.
    fn star(&mut self, side: usize, from: usize, to: usize) -> Result<bool, Failure> {
        let other = 1 - side;
        let Some(star) = self.token(side, from) else { return Ok(false) };
        let next = self.token(side, from + 1);
        let mut at = to;
        while let Some(token) = self.token(other, at) {
            self.budget.steps(1)?;
            if next.is_some_and(|next| meet(token, next)) && self.rests(side, from + 1, at) {
                return Ok(true);
            }
            if !meet(token, star) {
                return Ok(false);
            }
            at += 1;
        }
        Ok(next.is_none())
    }
}
