//! Values in classes: of all values in a class, the tests of a subject say the same, as far as they are about equality,
//! beginnings and the order of numbers; and that no text is in them that others look for. A rule set looks up the class of
//! a value once, and knows of all rules at once which can hold for it.

use std::collections::{BTreeSet, HashMap};
use std::net::{IpAddr, Ipv4Addr};

use foldhash::fast::FixedState;

use super::bits::Bits;
use crate::field::FieldUse;
use crate::term::Event;
use crate::test::{Asks, Test, number_of};
use crate::value::Value;
use texts::{Texts, literals};

mod prefixes;
mod sieve;
mod texts;

/// No value.
const ABSENT: u16 = 0;
/// A value of which nothing is known: a list, or one of another type.
const UNKNOWN: u16 = 1;

/// Most classes of a subject's values.
const CLASSES_MAX: usize = 8192;
/// Most questions that are asked to find out what tests say of classes.
const QUESTIONS_MAX: usize = 1 << 22;

type Map<Key> = HashMap<Key, u16, FixedState>;

/// The classes of a subject's values.
#[derive(Clone, Debug)]
pub(super) struct Classes {
    kind: Kind,
}

#[derive(Clone, Debug)]
enum Kind {
    Texts(Texts),
    Addresses {
        exact: Map<IpAddr>,
        other: u16,
    },
    /// Two classes a point: below it, and the point itself; and one above all.
    Numbers {
        points: Box<[i128]>,
        first: u16,
    },
    Flags {
        no: u16,
        yes: u16,
    },
}

/// What a test, or a condition, may say, by classes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Verdicts {
    pub(super) may_hold: Bits,
    pub(super) may_fail: Bits,
}

/// What is known of a class while classes are made.
#[derive(Default)]
struct Class {
    /// A value of the class; none where none could be found.
    example: Option<Value<'static>>,
    /// Whether all its values are the same to all tests.
    is_exact: bool,
    /// Whether nothing that other tests look for is in its values.
    is_plain: bool,
    /// Whether most values are of this class.
    is_usual: bool,
}

/// What is found of a subject.
pub(super) struct Found {
    pub(super) classes: Classes,
    /// What each test says, in the order of the tests.
    pub(super) verdicts: Vec<Verdicts>,
    /// How many classes there are.
    pub(super) count: usize,
    /// The class of most values, where there is one.
    pub(super) usual: Option<usize>,
}

impl Classes {
    /// The class of a value.
    pub(super) fn of(&self, value: Option<&Value<'_>>) -> u16 {
        let Some(value) = value else { return ABSENT };
        match (&self.kind, value) {
            (Kind::Texts(texts), Value::Bytes(bytes)) => texts.of(bytes),
            (Kind::Addresses { exact, other }, Value::Address(address)) => {
                exact.get(address).copied().unwrap_or(*other)
            }
            (Kind::Flags { yes, .. }, Value::Bool(true)) => *yes,
            (Kind::Flags { no, .. }, Value::Bool(false)) => *no,
            (Kind::Numbers { points, first }, value) => number_of(value).map_or(UNKNOWN, |number| {
                let below = points.partition_point(|point| *point < number);
                let is_point = points.get(below) == Some(&number);
                u16::try_from(2 * below + usize::from(is_point)).map_or(UNKNOWN, |place| first + place)
            }),
            _ => UNKNOWN,
        }
    }

    /// The classes that the tests of a subject make; `None` where they make none, or too many.
    pub(super) fn find(tests: &[&Test]) -> Option<Found> {
        let asks: Vec<Asks<'_>> = tests.iter().map(|test| test.asks()).collect();
        let mut made = vec![Class::default(), Class::default()];
        let decisive = tests.iter().zip(&asks).find_map(|(test, asks)| match asks {
            Asks::Anything | Asks::Event => None,
            Asks::Value if literals(test).is_empty() => None,
            asks => Some(asks),
        })?;
        let kind = match decisive {
            Asks::Texts(_) | Asks::Beginnings(_) | Asks::Value => {
                Kind::Texts(Texts::find(tests, &asks, &mut made)?)
            }
            Asks::Addresses(_) => addresses(&asks, &mut made)?,
            Asks::Numbers(_) => numbers(&asks, &mut made)?,
            Asks::Flag => Kind::Flags {
                no: Class::exact(Value::Bool(false)).add(&mut made)?,
                yes: Class::exact(Value::Bool(true)).add(&mut made)?,
            },
            Asks::Anything | Asks::Event => return None,
        };
        if made.len() * tests.len() > QUESTIONS_MAX {
            return None;
        }
        let verdicts = tests.iter().zip(&asks).map(|(test, asks)| verdicts(test, asks, &made)).collect();
        let usual = made.iter().position(|class| class.is_usual);
        Some(Found { classes: Self { kind }, verdicts, count: made.len(), usual })
    }
}

impl Class {
    /// A class of one value.
    fn exact(example: Value<'static>) -> Self {
        Self { example: Some(example), is_exact: true, ..Self::default() }
    }

    /// Adds a class; its number, where there may be so many.
    fn add(self, made: &mut Vec<Self>) -> Option<u16> {
        let place = u16::try_from(made.len()).ok().filter(|_| made.len() < CLASSES_MAX)?;
        made.push(self);
        Some(place)
    }
}

fn addresses(asks: &[Asks<'_>], made: &mut Vec<Class>) -> Option<Kind> {
    let named = asks.iter().flat_map(|asks| match asks {
        Asks::Addresses(addresses) => *addresses,
        _ => &[],
    });
    let named: BTreeSet<IpAddr> = named.copied().collect();
    let mut exact = Map::default();
    for address in &named {
        exact.insert(*address, Class::exact(Value::Address(*address)).add(made)?);
    }
    let mut free = (0..=u32::MAX).map(|bits| IpAddr::V4(Ipv4Addr::from(bits)));
    let free = free.find(|address| !named.contains(address)).map(Value::Address);
    let other = Class { example: free, is_usual: true, ..Class::default() }.add(made)?;
    Some(Kind::Addresses { exact, other })
}

fn numbers(asks: &[Asks<'_>], made: &mut Vec<Class>) -> Option<Kind> {
    let points = asks.iter().flat_map(|asks| match asks {
        Asks::Numbers(numbers) => *numbers,
        _ => &[],
    });
    let points: BTreeSet<i128> = points.copied().collect();
    let first = u16::try_from(made.len()).ok()?;
    let value = |number: i128| match (i64::try_from(number), u64::try_from(number)) {
        (Ok(number), _) => Some(Value::Signed(number)),
        (_, Ok(number)) => Some(Value::Unsigned(number)),
        _ => None,
    };
    let mut above = points.first().map_or(0, |point| point - 1);
    for point in &points {
        // Where no number is between two points, the class stays empty, whatever is said of it.
        Class { example: value(above), ..Class::default() }.add(made)?;
        Class { example: value(*point), is_exact: true, ..Class::default() }.add(made)?;
        above = point + 1;
    }
    Class { example: value(above), ..Class::default() }.add(made)?;
    Some(Kind::Numbers { points: points.into_iter().collect(), first })
}

fn verdicts(test: &Test, asks: &Asks<'_>, made: &[Class]) -> Verdicts {
    let has_literals = !literals(test).is_empty();
    let mut verdicts = Verdicts { may_hold: Bits::none(made.len()), may_fail: Bits::none(made.len()) };
    for (place, class) in made.iter().enumerate() {
        let says = match (asks, &class.example) {
            _ if place == usize::from(ABSENT) => Some(false),
            (Asks::Anything, _) => Some(true),
            (Asks::Event, _) | (_, None) => None,
            (Asks::Value, Some(_)) if class.is_plain && has_literals => Some(false),
            (Asks::Value, Some(_)) if !class.is_exact => None,
            (_, Some(example)) => Some(test.holds_of(example, &Nothing)),
        };
        if says != Some(false) {
            verdicts.may_hold.insert(place);
        }
        if says != Some(true) {
            verdicts.may_fail.insert(place);
        }
    }
    verdicts
}

/// An event without any value: what a test is asked with that looks at one value alone.
struct Nothing;

impl Event for Nothing {
    fn value(&self, _: &FieldUse) -> Option<Value<'_>> {
        None
    }

    fn event_type(&self) -> Option<usize> {
        None
    }
}
