//! The arguments of an event, as rules see them (`sinsp_evt::get_param_as_str`).

use std::borrow::Cow;

use super::bytes::{Order, until_zero};
use super::event::Event;
use super::socket;
use super::state::State;
use super::table::{Kind, Names, call};
use crate::record::{ArgumentValue, NamedArgument};

/// Where names of descriptors, processes and users are looked up.
pub(super) struct Surroundings<'a> {
    pub(super) state: &'a State,
    /// The thread, where it is known.
    pub(super) tid: Option<i64>,
}

/// The arguments, in order.
pub(super) fn arguments(event: &Event<'_>, surroundings: &Surroundings<'_>) -> Vec<NamedArgument> {
    let parameters = event.row.parameters.iter().enumerate().take(event.parameters.count());
    let argument = |(place, (name, kind)): (usize, &(&'static str, Kind))| {
        let bytes = event.at(place);
        let value = match (bytes, kind) {
            (Some(bytes), _) => value(*kind, bytes, event, surroundings).unwrap_or(ArgumentValue::Absent),
            // The reference prints these as `NULL` where there is nothing.
            (None, Kind::Buffer | Kind::Ends | Kind::Descriptors | Kind::Varying(_)) => {
                ArgumentValue::Buffer(Vec::new())
            }
            (None, _) => ArgumentValue::Absent,
        };
        NamedArgument { name: Cow::Borrowed(*name), value }
    };
    parameters.map(argument).collect()
}

fn value(kind: Kind, bytes: &[u8], event: &Event<'_>, around: &Surroundings<'_>) -> Option<ArgumentValue> {
    let order = event.order;
    Some(match kind {
        Kind::Varying(kinds) => {
            let (first, rest) = bytes.split_first()?;
            return match kinds.get(usize::from(*first))? {
                Kind::Varying(_) => None,
                kind => value(*kind, rest, event, around),
            };
        }
        Kind::Text => ArgumentValue::Text(until_zero(bytes).to_vec()),
        Kind::Buffer => ArgumentValue::Buffer(bytes.to_vec()),
        Kind::Address => ArgumentValue::Text(socket::address(bytes, order)?.print()),
        Kind::Ends => ArgumentValue::Text(socket::ends(bytes, order)?.print()),
        Kind::Path => path(until_zero(bytes), None, around),
        Kind::PathIn(folder) => {
            let number = event.at(usize::from(folder)).map(|bytes| order.signed(bytes));
            path(until_zero(bytes), number, around)
        }
        Kind::Descriptors => ArgumentValue::Text(descriptors(bytes, order, around)),
        kind => number(kind, bytes, order, around),
    })
}

fn path(path: &[u8], folder: Option<i64>, around: &Surroundings<'_>) -> ArgumentValue {
    let is_relative = !path.is_empty() && !path.starts_with(b"/") && path != b"<NA>";
    match around.tid.filter(|_| is_relative) {
        Some(tid) => ArgumentValue::Text(around.state.path(tid, folder, path)),
        None => ArgumentValue::Text(path.to_vec()),
    }
}

fn number(kind: Kind, bytes: &[u8], order: Order, around: &Surroundings<'_>) -> ArgumentValue {
    let (unsigned, signed) = (order.number(bytes), order.signed(bytes));
    let id = u32::try_from(unsigned & u64::from(u32::MAX)).unwrap_or(u32::MAX);
    match kind {
        Kind::Signed(_) => ArgumentValue::Signed(signed),
        Kind::Hexadecimal(_) => ArgumentValue::Hexadecimal(unsigned),
        Kind::Octal(_) => ArgumentValue::Octal(unsigned),
        Kind::Outcome => ArgumentValue::Outcome(signed),
        Kind::Descriptor(_) => {
            let known = around.tid.and_then(|tid| around.state.name_of_descriptor(tid, signed));
            let (letter, name) = known.map_or((0, Vec::new()), |(letter, name)| (letter, name.to_vec()));
            ArgumentValue::Descriptor { number: signed, letter, name }
        }
        Kind::Process(_) => {
            let name = around.state.name_of(signed).unwrap_or_default().to_vec();
            ArgumentValue::Process { pid: signed, name }
        }
        Kind::User => {
            let name = around.state.user(id).and_then(|user| user.name.clone()).unwrap_or_default();
            ArgumentValue::Account { id, name }
        }
        Kind::Group => {
            let name = around.state.group(id).and_then(|group| group.name.clone()).unwrap_or_default();
            ArgumentValue::Account { id, name }
        }
        Kind::Bits(_, names) => named(unsigned, &bits(id, names)),
        Kind::OneOf(_, names) => {
            let matching = names.iter().filter(|(_, number)| *number == id).map(|(name, _)| *name);
            named(unsigned, &matching.collect::<Vec<_>>())
        }
        Kind::Mode(names) => match bits(id, names) {
            names if names.is_empty() => ArgumentValue::Octal(unsigned),
            names => named(unsigned, &names),
        },
        Kind::Call => named(unsigned, call(unsigned).as_slice()),
        Kind::Signal => named(unsigned, signal(unsigned).as_slice()),
        Kind::Duration if unsigned == u64::MAX => ArgumentValue::Text(b"none".to_vec()),
        Kind::Duration => ArgumentValue::Named { bits: unsigned, text: seconds(unsigned).into_bytes() },
        _ => ArgumentValue::Unsigned(unsigned),
    }
}

fn named(bits: u64, names: &[&str]) -> ArgumentValue {
    if names.is_empty() {
        ArgumentValue::Unsigned(bits)
    } else {
        ArgumentValue::Named { bits, text: names.join("|").into_bytes() }
    }
}

/// The names of bits. One that has several bits counts where it has all of them, and they are not counted again.
fn bits(number: u32, names: Names) -> Vec<&'static str> {
    let mut rest = number;
    let mut found = Vec::new();
    for (name, bits) in names {
        let is_it = if *bits == 0 { number == 0 } else { rest & bits == *bits };
        if is_it {
            found.push(*name);
            rest &= !bits;
            if *bits == number {
                break;
            }
        }
    }
    found
}

/// `3:f1 4:p4`: numbers, letters, what is waited for.
fn descriptors(bytes: &[u8], order: Order, around: &Surroundings<'_>) -> Vec<u8> {
    let count = usize::try_from(order.number(bytes.get(..2).unwrap_or_default())).unwrap_or_default();
    let entries = bytes.get(2..).unwrap_or_default().chunks_exact(10).take(count);
    let mut text = Vec::new();
    for entry in entries {
        let (number, waits) = entry.split_at_checked(8).unwrap_or_default();
        let number = order.signed(number);
        let known = around.tid.and_then(|tid| around.state.name_of_descriptor(tid, number));
        if !text.is_empty() {
            text.push(b' ');
        }
        let letter = char::from(known.map_or(b'?', |(letter, _)| letter));
        text.extend_from_slice(format!("{number}:{letter}{:x}", order.number(waits)).as_bytes());
    }
    text
}

/// Seconds with six digits that count, as `%g` prints them.
fn seconds(nanoseconds: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "six digits are printed")]
    let seconds = nanoseconds as f64 / 1e9;
    let scientific = format!("{seconds:.5e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    let trim = |text: &str| {
        if text.contains('.') {
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        } else {
            text.to_owned()
        }
    };
    if (-4..6).contains(&exponent) {
        let places = usize::try_from(5 - exponent).unwrap_or_default();
        format!("{}s", trim(&format!("{seconds:.places$}")))
    } else {
        let sign = if exponent < 0 { '-' } else { '+' };
        format!("{}e{sign}{:02}s", trim(digits), exponent.abs())
    }
}

/// The name of a signal.
fn signal(number: u64) -> Option<&'static str> {
    #[rustfmt::skip]
    const NAMES: [&str; 31] = [
        "SIGHUP", "SIGINT", "SIGQUIT", "SIGILL", "SIGTRAP", "SIGABRT", "SIGBUS", "SIGFPE", "SIGKILL", "SIGUSR1",
        "SIGSEGV", "SIGUSR2", "SIGPIPE", "SIGALRM", "SIGTERM", "SIGSTKFLT", "SIGCHLD", "SIGCONT", "SIGSTOP", "SIGTSTP",
        "SIGTTIN", "SIGTTOU", "SIGURG", "SIGXCPU", "SIGXFSZ", "SIGVTALRM", "SIGPROF", "SIGWINCH", "SIGIO", "SIGPWR",
        "SIGSYS",
    ];
    NAMES.get(usize::try_from(number).ok()?.checked_sub(1)?).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_have_their_names() {
        let names: Names = &[("O_CREAT", 4), ("O_RDWR", 3), ("O_WRONLY", 2), ("O_RDONLY", 1), ("O_NONE", 0)];
        assert_eq!(bits(1, names), ["O_RDONLY"]);
        assert_eq!(bits(7, names), ["O_CREAT", "O_RDWR"]);
        assert_eq!(bits(0, names), ["O_NONE"]);
        assert_eq!(bits(8, names), [""; 0]);
    }

    #[test]
    fn durations_are_seconds_with_six_digits() {
        let cases = [
            (0, "0s"),
            (1, "1e-09s"),
            (500_000_000, "0.5s"),
            (1_000_000_000, "1s"),
            (1_234_567_891, "1.23457s"),
            (u64::MAX - 1, "1.84467e+10s"),
        ];
        for (nanoseconds, text) in cases {
            assert_eq!(seconds(nanoseconds), text, "{nanoseconds}");
        }
    }
}
