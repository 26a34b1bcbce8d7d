//! Events of old captures in the form that sensors write now (`libscap/engine/savefile/converter`).
//!
//! Once a call was two events: what it was given at its beginning, what it gave back at its end. Now its end has both. So
//! the beginning is kept until the end comes, which takes from it what it lacks.

mod table;

use std::borrow::Cow;

use super::beginnings::Beginnings;
use super::bytes::until_zero;
use super::event::Event;
use super::table::{CONVERTED, Kind, OLD, UNUSED, find};
use table::STEPS;

/// What is done with an event.
#[derive(Clone, Copy, Debug)]
enum Action {
    /// It is kept until the end of the call, and is no event of its own.
    Store,
    /// It is an event.
    Pass,
    /// Both.
    StoreAndPass,
    /// Arguments come behind those it has.
    Add(&'static [Step]),
    /// It becomes one of another type.
    Become(u16, &'static [Step]),
}

/// Where an argument comes from.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// From the same event.
    Old(u8),
    /// From the beginning of the call; zero, or what stands for nobody, where that is not there.
    Enter(u8),
    /// From the beginning of the call; not known where that is not there.
    EnterOrNone(u8),
    /// Zero, or what stands for nobody.
    Default,
    /// It is not known.
    Empty,
    /// A description of the container, of the four arguments that once were there.
    Container,
}

/// The longest way from an old form to the newest.
const CONVERSIONS: usize = 50;

/// Beginnings of calls, by thread.
#[derive(Default)]
pub(super) struct Converter {
    beginnings: Beginnings,
}

impl Converter {
    /// The event in its newest form; nothing where it is no event of its own.
    ///
    /// # Errors
    ///
    /// Says what is wrong where there is no way to the newest form.
    pub(super) fn convert<'a>(&mut self, mut event: Event<'a>) -> Result<Option<Event<'a>>, &'static str> {
        for _ in 0..CONVERSIONS {
            if event.row.is(UNUSED) {
                return Ok(None);
            }
            if !event.row.is(CONVERTED) {
                return Ok((!event.row.is(OLD)).then_some(event));
            }
            let (count, expected) = (event.parameters.len(), event.row.parameters.len());
            if !event.is_beginning() {
                if count > expected {
                    return Err("the event has more arguments than its type");
                }
                if !event.row.is(OLD) && count == expected {
                    return Ok(Some(event));
                }
            }
            let key = (event.number, u32::try_from(count).unwrap_or(u32::MAX));
            let action =
                STEPS.binary_search_by_key(&key, |(key, _)| *key).ok().and_then(|place| STEPS.get(place));
            let (_, action) =
                action.ok_or("there is no way from this old form of the event to the newest")?;
            event = match *action {
                Action::Store => {
                    self.beginnings.keep(event);
                    return Ok(None);
                }
                Action::Pass => return Ok(Some(event)),
                Action::StoreAndPass => {
                    self.beginnings.keep(event.clone());
                    return Ok(Some(event));
                }
                Action::Add(steps) => self.take_steps(&event, None, steps)?,
                Action::Become(number, steps) => self.take_steps(&event, Some(number), steps)?,
            };
        }
        Err("the event has too many old forms")
    }

    fn take_steps<'a>(
        &mut self,
        event: &Event<'a>,
        becomes: Option<u16>,
        steps: &[Step],
    ) -> Result<Event<'a>, &'static str> {
        let number = becomes.unwrap_or(event.number);
        let row = find(number).ok_or("there is no such type of events")?;
        let mut parameters =
            if becomes.is_some() { Vec::with_capacity(steps.len()) } else { event.parameters.clone() };
        let beginning = self.beginnings.get(event.tid);
        let mut is_used = false;
        for step in steps {
            let kind = row.parameters.get(parameters.len()).map(|(_, kind)| *kind);
            parameters.push(match *step {
                Step::Old(place) => event
                    .parameters
                    .get(usize::from(place))
                    .cloned()
                    .ok_or("the event has fewer arguments than its form")?,
                Step::Enter(place) | Step::EnterOrNone(place) => match beginning {
                    Some(beginning) if u32::from(beginning.number) + 1 == u32::from(event.number) => {
                        is_used = true;
                        let bytes = beginning.parameters.get(usize::from(place));
                        Cow::Owned(
                            bytes
                                .ok_or("the beginning of the call has fewer arguments than its form")?
                                .to_vec(),
                        )
                    }
                    Some(_) => return Err("the beginning of the call is one of another call"),
                    None if matches!(step, Step::Enter(_)) => default(kind),
                    None => Cow::Borrowed(&[]),
                },
                Step::Default => default(kind),
                Step::Empty => Cow::Borrowed(&[]),
                Step::Container => Cow::Owned(container(event)),
            });
        }
        if is_used {
            self.beginnings.forget(event.tid);
        }
        Ok(Event {
            number,
            row,
            parameters,
            time_ns: event.time_ns,
            tid: event.tid,
            cpu: event.cpu,
            order: event.order,
        })
    }
}

/// What stands for no value: for users and groups the greatest number, for numbers zero, for the rest nothing.
fn default(kind: Option<Kind>) -> Cow<'static, [u8]> {
    const ZEROES: [u8; 8] = [0; 8];
    Cow::Borrowed(match kind {
        Some(Kind::User | Kind::Group) => &[0xff; 4],
        Some(
            Kind::Signed(width)
            | Kind::Unsigned(width)
            | Kind::Hexadecimal(width)
            | Kind::Octal(width)
            | Kind::Bits(width, _)
            | Kind::OneOf(width, _)
            | Kind::Descriptor(width)
            | Kind::Process(width),
        ) => ZEROES.get(..usize::from(width)).unwrap_or_default(),
        Some(Kind::Mode(_)) => &[0; 4],
        Some(Kind::Outcome | Kind::Duration | Kind::Time) => &ZEROES,
        Some(Kind::Call) => &[0; 2],
        Some(Kind::Signal) => &[0],
        _ => &[],
    })
}

/// Once a container was told of by its id, the number of its runtime, its name and its image.
fn container(event: &Event<'_>) -> Vec<u8> {
    let text = |place| {
        lumen_value::Value::from(
            String::from_utf8_lossy(until_zero(event.at(place).unwrap_or_default())).as_ref(),
        )
    };
    let runtime = event.at(1).map_or(0, |bytes| event.order.number(bytes));
    let (id, name, image) = (text(0), text(2), text(3));
    format!(r#"{{"container":{{"id":{id},"type":{runtime},"name":{name},"image":{image}}}}}"#).into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scap::bytes::Order;
    use crate::scap::table;

    fn event(number: u16, count: usize) -> Event<'static> {
        let row = find(number).expect("a type of the table");
        let parameters = vec![Cow::Borrowed::<[u8]>(&[]); count];
        Event { time_ns: 0, tid: 1, cpu: 0, number, row, order: Order::Little, parameters }
    }

    /// The numbers of all types that are used.
    fn numbers() -> impl Iterator<Item = u16> {
        (0..u16::MAX)
            .take_while(|number| find(*number).is_some())
            .filter(|number| !event(*number, 0).row.is(UNUSED))
    }

    #[test]
    fn every_form_has_a_way_to_the_newest() {
        assert!(STEPS.is_sorted_by_key(|(key, _)| *key), "they are searched by halves");
        let steps = STEPS.iter().map(|((number, count), _)| (*number, *count as usize));
        let whole = numbers().map(|number| (number, event(number, 0).row.parameters.len()));
        for (number, count) in steps.chain(whole) {
            let name = event(number, 0).row.name;
            match Converter::default().convert(event(number, count)) {
                Ok(None) => assert!(table::is_beginning(number), "{name} {number}"),
                Ok(Some(newest)) => {
                    // Beginnings are kept for what they say of paths.
                    let is_newest =
                        !newest.row.is(OLD) && newest.parameters.len() == newest.row.parameters.len();
                    assert!(is_newest || newest.is_beginning(), "{name} {number}");
                }
                Err(what) => panic!("{name} {number} with {count} arguments: {what}"),
            }
        }
        assert!(numbers().count() > 400);
    }
}
