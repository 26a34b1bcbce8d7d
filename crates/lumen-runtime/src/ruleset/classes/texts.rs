//! Classes of texts.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use foldhash::fast::FixedState;

use super::prefixes::Prefixes;
use super::sieve::Sieve;
use super::{Class, Map, Nothing, QUESTIONS_MAX};
use crate::test::{Asks, Test};
use crate::value::Value;

/// Texts in classes: those that are named are in a class with those that stand in the same lists and begin alike; all
/// others are in one by the longest beginning that is named.
#[derive(Clone, Debug)]
pub(super) struct Texts {
    exact: Map<Box<[u8]>>,
    prefixes: Prefixes,
    other: u16,
    /// Finds texts that tests look for; where there are any, each class of texts that are not named is followed by one for
    /// those in which none is found.
    literals: Option<Sieve>,
}

/// What texts of one class share: the tests that name them, their longest beginning, and what other tests say of them.
type Alike = (Vec<usize>, Option<u16>, Vec<bool>);

/// What tests name.
#[derive(Default)]
struct Named<'t> {
    /// Whole texts, and the tests that name them.
    texts: BTreeMap<&'t [u8], Vec<usize>>,
    beginnings: BTreeSet<&'t [u8]>,
    /// The tests that look at a text in another way.
    others: Vec<&'t Test>,
}

/// What a test looks for, where a sieve can tell that it is not there; nothing where it cannot.
pub(super) fn literals(test: &Test) -> Vec<&[u8]> {
    let literals = test.literals();
    if literals.iter().any(|literal| literal.len() < Sieve::LITERAL_BYTES_MIN) {
        Vec::new()
    } else {
        literals
    }
}

impl Texts {
    /// The class of a text.
    pub(super) fn of(&self, text: &[u8]) -> u16 {
        if let Some(exact) = self.exact.get(text) {
            return *exact;
        }
        let class = self.prefixes.longest(text).unwrap_or(self.other);
        match &self.literals {
            Some(literals) if !literals.finds(text) => class + 1,
            _ => class,
        }
    }

    /// Makes classes; `None` where there would be too many.
    pub(super) fn find(tests: &[&Test], asks: &[Asks<'_>], made: &mut Vec<Class>) -> Option<Self> {
        let named = Named::of(tests, asks);
        let beginnings = named.beginnings.len() + 1;
        if beginnings.saturating_mul(named.texts.len() + beginnings) > QUESTIONS_MAX {
            return None;
        }
        let literals = named.literals();
        let add = |prefix: &[u8], made: &mut Vec<Class>| {
            let is_usual = prefix.is_empty();
            let example = named.free(prefix);
            let has_plain = literals.is_some();
            let class =
                Class { example: example.clone(), is_usual: is_usual && !has_plain, ..Class::default() };
            let place = class.add(made)?;
            if has_plain {
                Class { example, is_plain: true, is_usual, ..Class::default() }.add(made)?;
            }
            Some(place)
        };
        let other = add(b"", made)?;
        let mut of_beginnings = Vec::new();
        for prefix in &named.beginnings {
            of_beginnings.push((*prefix, add(prefix, made)?));
        }
        let prefixes = Prefixes::new(&of_beginnings);
        let exact = named.exact(&prefixes, made)?;
        Some(Self { exact, prefixes, other, literals })
    }
}

impl<'t> Named<'t> {
    fn of(tests: &[&'t Test], asks: &[Asks<'t>]) -> Self {
        let mut named = Self::default();
        for (place, (test, asks)) in tests.iter().zip(asks).enumerate() {
            match asks {
                Asks::Texts(texts) => {
                    for text in texts {
                        named.texts.entry(text).or_default().push(place);
                    }
                }
                Asks::Beginnings(texts) => named.beginnings.extend(texts.iter().map(Vec::as_slice)),
                Asks::Value => named.others.push(test),
                _ => {}
            }
        }
        named
    }

    /// Finds what other tests look for.
    fn literals(&self) -> Option<Sieve> {
        let literals: BTreeSet<&[u8]> = self.others.iter().flat_map(|test| literals(test)).collect();
        Sieve::new(literals)
    }

    /// A text that begins so, is not named, and has no longer beginning that is.
    fn free(&self, prefix: &[u8]) -> Option<Value<'static>> {
        let mut is_used = [false; 256];
        let texts = self.texts.range::<&[u8], _>(prefix..).map_while(|(text, _)| text.strip_prefix(prefix));
        let beginnings = self.beginnings.range::<&[u8], _>(prefix..);
        let beginnings = beginnings.map_while(|text| text.strip_prefix(prefix));
        for next in texts.chain(beginnings).filter_map(<[u8]>::first) {
            if let Some(is_used) = is_used.get_mut(usize::from(*next)) {
                *is_used = true;
            }
        }
        let byte = u8::try_from(is_used.iter().position(|is_used| !is_used)?).ok()?;
        Some(Value::Bytes([prefix, &[byte]].concat().into()))
    }

    /// The classes of texts that are named.
    fn exact(&self, prefixes: &Prefixes, made: &mut Vec<Class>) -> Option<Map<Box<[u8]>>> {
        // What other tests say of a text is known if they are asked of each.
        let is_exact = self.texts.len().saturating_mul(self.others.len()) <= QUESTIONS_MAX;
        let mut alike: HashMap<Alike, u16, FixedState> = HashMap::default();
        let mut exact = Map::default();
        for (text, lists) in &self.texts {
            let value = Value::Bytes(text.to_vec().into());
            let asked = self.others.iter().filter(|_| is_exact);
            let said = asked.map(|test| test.holds_of(&value, &Nothing)).collect();
            let key = (lists.clone(), prefixes.longest(text), said);
            let class = if let Some(class) = alike.get(&key) {
                *class
            } else {
                let class = Class { example: Some(value), is_exact, ..Class::default() };
                *alike.entry(key).or_insert(class.add(made)?)
            };
            exact.insert(Box::from(*text), class);
        }
        Some(exact)
    }
}
