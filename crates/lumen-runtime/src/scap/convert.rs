//! Events of old captures in the form that sensors write now (`libscap/engine/savefile/converter`).
//!
//! Once a call was two events: what it was given at its beginning, what it gave back at its end. Now its end has both. So
//! the beginning is kept until the end comes, which takes from it what it lacks.

mod table;

use super::beginnings::Beginnings;
use super::bytes::until_zero;
use super::event::Event;
use super::parameters::Places;
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
pub(super) struct Converter {
    beginnings: Beginnings,
    /// By the numbers of types, where the steps of each begin; one more than there are types.
    starts: Vec<usize>,
}

impl Default for Converter {
    fn default() -> Self {
        let numbers = (0..=u16::MAX).take_while(|number| *number == 0 || find(*number - 1).is_some());
        let start = |number: u16| STEPS.partition_point(|((of, _), _)| *of < number);
        Self { beginnings: Beginnings::default(), starts: numbers.map(start).collect() }
    }
}

impl Converter {
    /// Brings an event to its newest form; whether it is an event of its own.
    ///
    /// # Errors
    ///
    /// Says what is wrong where there is no way to the newest form.
    pub(super) fn convert(&mut self, event: &mut Event<'_>) -> Result<bool, &'static str> {
        for _ in 0..CONVERSIONS {
            if event.row.is(UNUSED) {
                return Ok(false);
            }
            if !event.row.is(CONVERTED) {
                return Ok(!event.row.is(OLD));
            }
            let (count, expected) = (event.parameters.count(), event.row.parameters.len());
            if !event.is_beginning() {
                if count > expected {
                    return Err("the event has more arguments than its type");
                }
                if !event.row.is(OLD) && count == expected {
                    return Ok(true);
                }
            }
            let action = self
                .action(event.number, count)
                .ok_or("there is no way from this old form of the event to the newest")?;
            match action {
                Action::Store => {
                    self.beginnings.keep(event);
                    return Ok(false);
                }
                Action::Pass => return Ok(true),
                Action::StoreAndPass => {
                    self.beginnings.keep(event);
                    return Ok(true);
                }
                Action::Add(steps) => self.take_steps(event, None, steps)?,
                Action::Become(number, steps) => self.take_steps(event, Some(number), steps)?,
            }
        }
        Err("the event has too many old forms")
    }

    /// What is done with an event of a type and so many arguments.
    fn action(&self, number: u16, count: usize) -> Option<Action> {
        let place = usize::from(number);
        let steps = STEPS.get(*self.starts.get(place)?..*self.starts.get(place + 1)?)?;
        let found = steps.iter().find(|((_, known), _)| usize::try_from(*known).ok() == Some(count));
        found.map(|(_, action)| *action)
    }

    fn take_steps(
        &mut self,
        event: &mut Event<'_>,
        becomes: Option<u16>,
        steps: &[Step],
    ) -> Result<(), &'static str> {
        let number = becomes.unwrap_or(event.number);
        let row = find(number).ok_or("there is no such type of events")?;
        let container = steps.iter().any(|step| matches!(step, Step::Container)).then(|| container(event));
        let former = if becomes.is_some() { event.parameters.take_places() } else { Places::default() };
        let beginning = self.beginnings.get(event.tid);
        let mut is_used = false;
        for step in steps {
            let kind = row.parameters.get(event.parameters.count()).map(|(_, kind)| *kind);
            let bytes = match *step {
                Step::Old(place) => {
                    if !event.parameters.push_former(&former, usize::from(place)) {
                        return Err("the event has fewer arguments than its form");
                    }
                    continue;
                }
                Step::Enter(place) | Step::EnterOrNone(place) => match beginning {
                    Some(beginning) if u32::from(beginning.number) + 1 == u32::from(event.number) => {
                        is_used = true;
                        beginning
                            .get(usize::from(place))
                            .ok_or("the beginning of the call has fewer arguments than its form")?
                    }
                    Some(_) => return Err("the beginning of the call is one of another call"),
                    None if matches!(step, Step::Enter(_)) => default(kind),
                    None => &[],
                },
                Step::Default => default(kind),
                Step::Empty => &[],
                Step::Container => container.as_deref().unwrap_or_default(),
            };
            event.parameters.push(bytes);
        }
        if is_used {
            self.beginnings.forget(event.tid);
        }
        (event.number, event.row) = (number, row);
        Ok(())
    }
}

/// What stands for no value: for users and groups the greatest number, for numbers zero, for the rest nothing.
fn default(kind: Option<Kind>) -> &'static [u8] {
    const ZEROES: [u8; 8] = [0; 8];
    match kind {
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
    }
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
    use crate::scap::parameters::{KNOWN, Parameters, Room};
    use crate::scap::table;

    fn row(number: u16) -> &'static table::Row {
        find(number).expect("a type of the table")
    }

    fn event(number: u16, count: usize, room: &mut Room) -> Event<'_> {
        let row = row(number);
        let mut parameters = Parameters::new(&[], room);
        for _ in 0..count {
            parameters.push(&[]);
        }
        Event { time_ns: 0, tid: 1, cpu: 0, number, row, order: Order::Little, parameters }
    }

    /// The numbers of all types that are used.
    fn numbers() -> impl Iterator<Item = u16> {
        (0..u16::MAX).take_while(|number| find(*number).is_some()).filter(|number| !row(*number).is(UNUSED))
    }

    #[test]
    fn every_form_has_a_way_to_the_newest() {
        assert!(STEPS.is_sorted_by_key(|(key, _)| *key), "they are found by their places");
        let steps = STEPS.iter().map(|((number, count), _)| (*number, *count as usize));
        let whole = numbers().map(|number| (number, row(number).parameters.len()));
        for (number, count) in steps.chain(whole) {
            let name = row(number).name;
            let mut room = Room::default();
            let mut newest = event(number, count, &mut room);
            match Converter::default().convert(&mut newest) {
                Ok(false) => assert!(table::is_beginning(number), "{name} {number}"),
                Ok(true) => {
                    // Beginnings are kept for what they say of paths.
                    let is_newest =
                        !newest.row.is(OLD) && newest.parameters.count() == newest.row.parameters.len();
                    assert!(is_newest || newest.is_beginning(), "{name} {number}");
                }
                Err(what) => panic!("{name} {number} with {count} arguments: {what}"),
            }
        }
        assert!(numbers().count() > 400);
    }

    #[test]
    fn no_type_has_more_arguments_than_are_kept() {
        let most = numbers().map(|number| row(number).parameters.len()).max();
        assert!(most.is_some_and(|most| most <= KNOWN), "{most:?}");
    }
}
