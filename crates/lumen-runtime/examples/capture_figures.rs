//! How long a capture takes to be read, judged and written: `cargo run --release -p lumen-runtime --example capture_figures -- CAPTURE [RULES..]`.
//!
//! With `LUMEN_ONLY=read`, `judge` or `write`, that alone is done once: for tools that count instructions. Rules files are
//! loaded one behind the other; without any, made ones are asked.
#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    reason = "an example, for people to look at"
)]

#[path = "../benches/rules/material.rs"]
mod material;

use std::time::Instant;

use lumen_runtime::load::{File, Rule, load};
use lumen_runtime::record::{Encoded, Recorder};
use lumen_runtime::ruleset::{Matching, RuleSet, Scratch};
use lumen_runtime::scap::{Item, Reader};

/// How many bytes are read at once.
const PIECE_BYTES: usize = 1 << 20;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let capture = std::fs::read(arguments.next().expect("a capture")).expect("a capture");
    let set = RuleSet::compile(&rules(&arguments.collect::<Vec<_>>()));
    let only = std::env::var("LUMEN_ONLY").unwrap_or_default();
    for (name, run) in [("read", read as fn(&[u8], &RuleSet) -> Figures), ("judge", judge), ("write", write)]
    {
        if only.is_empty() || only == name {
            let start = Instant::now();
            let figures = run(&capture, &set);
            let seconds = start.elapsed().as_secs_f64();
            let Figures { events, found, bytes } = figures;
            println!(
                "{name:5} {events} events, {found} alerts, {bytes} bytes: {seconds:.3} s, {:.0} ns an event",
                seconds * 1e9 / events as f64
            );
        }
    }
}

fn rules(paths: &[String]) -> Vec<Rule> {
    if paths.is_empty() {
        return material::rules(1);
    }
    let texts: Vec<String> =
        paths.iter().map(|path| std::fs::read_to_string(path).expect("a rules file")).collect();
    let files: Vec<File<'_>> = texts.iter().map(|text| File { text }).collect();
    load(&files).rules
}

#[derive(Default)]
struct Figures {
    events: u64,
    found: usize,
    bytes: usize,
}

fn items(mut reader: Reader, capture: &[u8], mut each: impl FnMut(Item)) {
    for piece in capture.chunks(PIECE_BYTES) {
        reader.feed(piece);
        while let Some(item) = reader.next() {
            each(item);
        }
    }
}

fn read(capture: &[u8], _: &RuleSet) -> Figures {
    let mut figures = Figures::default();
    items(Reader::new(), capture, |_| figures.events += 1);
    figures
}

fn judge(capture: &[u8], set: &RuleSet) -> Figures {
    let (mut encoded, mut scratch) = (Encoded::default(), Scratch::default());
    let mut figures = Figures::default();
    items(Reader::looking_at(|event_type| set.looks_at(event_type)), capture, |item| {
        figures.events += 1;
        match item {
            Item::Event(event) => {
                if let Some(record) = encoded.view(&event) {
                    figures.found += set.matches(&record, Matching::First, &mut scratch).len();
                }
            }
            Item::Passed(passed) => encoded.pass(passed.event_type, passed.time_ns),
            Item::Problem(_) => {}
        }
    });
    figures
}

fn write(capture: &[u8], _: &RuleSet) -> Figures {
    let (mut recorder, mut bytes) = (Recorder::default(), Vec::new());
    let mut figures = Figures::default();
    items(Reader::new(), capture, |item| {
        let Item::Event(event) = item else { return };
        bytes.clear();
        recorder.event(&event, &mut bytes);
        figures.events += 1;
        figures.bytes += bytes.len();
    });
    figures
}
