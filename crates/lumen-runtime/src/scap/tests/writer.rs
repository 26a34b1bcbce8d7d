//! Writes captures.

use super::super::bytes::Order;
use super::super::table;
use super::super::{Item, Problem, Reader};
use crate::record::{Recorded, Thread};

/// The tests' process.
pub(super) const PID: u64 = 100;

/// A capture that is being written.
pub(super) struct Writer {
    pub(super) bytes: Vec<u8>,
    order: Order,
    time: u64,
    tid: u64,
}

/// An argument of an event.
pub(super) enum Given<'a> {
    N1(u64),
    N2(u64),
    N4(u64),
    N8(i64),
    Text(&'a str),
    Bytes(&'a [u8]),
    None,
}

pub(super) fn number(order: Order, number: u64, width: usize) -> Vec<u8> {
    match order {
        Order::Little => number.to_le_bytes()[..width].to_vec(),
        Order::Big => number.to_be_bytes()[8 - width..].to_vec(),
    }
}

impl Writer {
    /// A capture with its section alone.
    pub(super) fn new(order: Order) -> Self {
        let mut writer = Self { bytes: Vec::new(), order, time: 1_000, tid: PID };
        let mut body = writer.number(0x1a2b_3c4d, 4);
        body.extend(writer.number(1, 2));
        body.extend(writer.number(2, 2));
        body.extend([0xff; 8]);
        writer.block(0x0a0d_0d0a, &body);
        writer
    }

    /// The same, with a process in a folder.
    pub(super) fn with_process(order: Order) -> Self {
        let mut writer = Self::new(order);
        let entry = writer.process(PID, 1, "web", "/srv");
        let parent = writer.process(1, 0, "init", "/");
        writer.block(0x211, &[parent, entry].concat());
        writer
    }

    pub(super) fn number(&self, value: u64, width: usize) -> Vec<u8> {
        number(self.order, value, width)
    }

    pub(super) fn text(&self, text: &str) -> Vec<u8> {
        [self.number(text.len() as u64, 2), text.as_bytes().to_vec()].concat()
    }

    pub(super) fn block(&mut self, kind: u64, body: &[u8]) {
        let padding = body.len().next_multiple_of(4) - body.len();
        let length = self.number((body.len() + padding + 12) as u64, 4);
        let kind = self.number(kind, 4);
        self.bytes.extend([kind.as_slice(), &length, body, &vec![0; padding], &length].concat());
    }

    /// An entry of the fifth list of processes.
    pub(super) fn process(&self, pid: u64, ppid: u64, name: &str, cwd: &str) -> Vec<u8> {
        let numbers = |numbers: &[(u64, usize)]| -> Vec<u8> {
            numbers.iter().flat_map(|(value, width)| self.number(*value, *width)).collect()
        };
        [
            numbers(&[(pid, 8), (pid, 8), (ppid, 8)]),
            self.text(name),
            self.text(name),
            self.text("-v\0"),
            self.text(cwd),
            numbers(&[(1024, 8), (0, 4), (0, 4), (0, 4), (10, 4), (5, 4), (0, 4), (1, 8), (2, 8)]),
            self.text("HOME=/root\0"),
            numbers(&[(pid, 8), (pid, 8)]),
            self.text("cpu=/\0"),
            self.text("/"),
        ]
        .concat()
    }

    pub(super) fn as_thread(&mut self, tid: u64) -> &mut Self {
        self.tid = tid;
        self
    }

    /// An event in a block of the second form.
    pub(super) fn event(&mut self, kind: u16, arguments: &[Given<'_>]) -> &mut Self {
        let body = self.event_body(kind, arguments, true);
        self.block(0x216, &[self.number(3, 2), body].concat());
        self
    }

    pub(super) fn event_body(&mut self, kind: u16, arguments: &[Given<'_>], has_count: bool) -> Vec<u8> {
        let width = if table::find(kind).is_some_and(|row| row.is(table::LARGE)) { 4 } else { 2 };
        let bytes = |argument: &Given<'_>| match argument {
            Given::N1(value) => self.number(*value, 1),
            Given::N2(value) => self.number(*value, 2),
            Given::N4(value) => self.number(*value, 4),
            Given::N8(value) => self.number(value.cast_unsigned(), 8),
            Given::Text(text) => [text.as_bytes(), &[0]].concat(),
            Given::Bytes(bytes) => bytes.to_vec(),
            Given::None => Vec::new(),
        };
        let values: Vec<Vec<u8>> = arguments.iter().map(bytes).collect();
        let lengths: Vec<u8> =
            values.iter().flat_map(|value| self.number(value.len() as u64, width)).collect();
        let rest = [lengths, values.concat()].concat();
        let head = if has_count { 26 } else { 22 };
        self.time += 1_000;
        let mut body = [
            self.number(self.time, 8),
            self.number(self.tid, 8),
            self.number((head + rest.len()) as u64, 4),
            self.number(u64::from(kind), 2),
        ]
        .concat();
        if has_count {
            body.extend(self.number(arguments.len() as u64, 4));
        }
        [body, rest].concat()
    }

    pub(super) fn read(&self) -> (Vec<Recorded>, Vec<Problem>) {
        read(&self.bytes)
    }

    /// The events, where all is sound.
    pub(super) fn events(&self) -> Vec<Recorded> {
        let (events, problems) = self.read();
        assert_eq!(problems, []);
        events
    }

    pub(super) fn last(&self) -> Recorded {
        self.events().pop().unwrap()
    }
}

pub(super) fn read(bytes: &[u8]) -> (Vec<Recorded>, Vec<Problem>) {
    let mut reader = Reader::new();
    let (mut events, mut problems) = (Vec::new(), Vec::new());
    for chunk in bytes.chunks(1_000) {
        reader.feed(chunk);
        while let Some(item) = reader.next() {
            match item {
                Item::Event(event) => events.push(*event),
                Item::Passed(passed) => panic!("{passed:?}"),
                Item::Problem(problem) => problems.push(problem),
            }
        }
    }
    problems.extend(reader.finish());
    (events, problems)
}

/// The number of the type of the ends of a call in its newest form.
pub(super) fn end(name: &str) -> u16 {
    let newest = |number: &u16| {
        table::find(*number).is_some_and(|row| row.name == name && !row.is(table::OLD | table::UNUSED))
    };
    (0..500).rev().filter(|number| number % 2 == 1).find(newest).unwrap()
}

/// The name of what the event is about.
pub(super) fn name(event: &Recorded) -> String {
    let name = event.descriptor.as_ref().and_then(|descriptor| descriptor.name.clone());
    String::from_utf8(name.unwrap_or_default()).unwrap()
}

pub(super) fn thread(event: &Recorded) -> &Thread {
    event.thread.as_ref().unwrap()
}

pub(super) fn text(bytes: Option<&Vec<u8>>) -> String {
    bytes.map(|bytes| String::from_utf8_lossy(bytes).into_owned()).unwrap_or_default()
}
