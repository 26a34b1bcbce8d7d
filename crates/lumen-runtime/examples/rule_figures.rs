//! How long rules take for an event, and what they take of memory: `cargo run --release -p lumen-runtime --example rule_figures`.
//!
//! With `LUMEN_FALCO_RULES_DIR`, for the rules files of that folder; with a word, for the events that have it in their names.
//! With `LUMEN_RECORDING`, for the events of that recording. With a number behind the word, records with the word in their
//! names are asked so often, and nothing is timed: for tools that count instructions.
#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "an example, for people to look at"
)]

#[path = "../benches/rules/material.rs"]
mod material;

use std::hint::black_box;
use std::time::{Duration, Instant};

use lumen_runtime::field::{FieldUse, NumberFormat};
use lumen_runtime::load::{File, load};
use lumen_runtime::record::{Encoded, Reader, Record};
use lumen_runtime::ruleset::{Matching, Plain, RuleSet, Scratch};
use lumen_runtime::value::Value;
use lumen_runtime::{Event, ThreadKey};

fn main() {
    let word = std::env::args().nth(1).unwrap_or_default();
    if let Some(rounds) = std::env::args().nth(2) {
        counted(&word, rounds.parse().expect("how often"));
        return;
    }
    if let Some(path) = std::env::var_os("LUMEN_RECORDING") {
        recorded(&std::fs::read(path).expect("a recording"));
        return;
    }
    for times in [1, 4] {
        let rules = material::rules(times);
        let before = resident_kib();
        let set = RuleSet::compile(&rules);
        println!("{} rules: {} KiB", rules.len(), resident_kib().saturating_sub(before));
        let plain = Plain::compile(&rules);
        let mut scratch = Scratch::default();
        for event in material::events().iter().filter(|event| event.name.contains(&word)) {
            let found = set.matches(event, Matching::All, &mut scratch);
            assert_eq!(found, plain.matches(event, Matching::All), "{}", event.name);
            let first =
                least_ns(|| drop(black_box(set.matches(black_box(event), Matching::First, &mut scratch))));
            let all =
                least_ns(|| drop(black_box(set.matches(black_box(event), Matching::All, &mut scratch))));
            let linear = least_ns(|| drop(black_box(plain.matches(black_box(event), Matching::All))));
            println!(
                "  {:48} {:2} match {first:7.0} ns first {all:7.0} ns all {linear:8.0} ns one by one: 1/{:.0}",
                event.name,
                found.len(),
                linear / all
            );
        }
    }
    records();
    reload();
}

/// A record whose call is never known.
struct New<'r>(&'r Record<'r>);

impl Event for New<'_> {
    fn value(&self, field: &FieldUse) -> Option<Value<'_>> {
        self.0.value(field)
    }

    fn number_format(&self, field: &FieldUse) -> NumberFormat {
        self.0.number_format(field)
    }

    fn event_type(&self) -> Option<usize> {
        self.0.event_type()
    }

    fn thread_key(&self) -> Option<ThreadKey<'_>> {
        self.0.thread_key()
    }
}

/// Asks records so often, as if each call were new.
fn counted(word: &str, rounds: usize) {
    let set = RuleSet::compile(&material::rules(1));
    let (mut scratch, mut encoded) = (Scratch::default(), Encoded::default());
    for (_, event) in material::records().iter().filter(|(name, _)| name.contains(word)) {
        let record = encoded.view(event).expect("a record");
        for _ in 0..rounds {
            drop(black_box(set.matches(black_box(&New(&record)), Matching::First, &mut scratch)));
        }
    }
}

/// What events of a recording take, each asked many times; and what they take one behind the other.
fn recorded(bytes: &[u8]) {
    for times in [1, 4] {
        let rules = material::rules(times);
        let set = RuleSet::compile(&rules);
        let mut scratch = Scratch::default();
        let (mut without, mut with, mut new) = (Vec::new(), Vec::new(), Vec::new());
        let each = |ask: &mut dyn FnMut(&Record<'_>)| {
            let (mut reader, mut input) = (Reader::new(), bytes);
            let mut events = 0;
            while let Some(record) = reader.next(&mut input) {
                ask(&record.expect("a whole recording"));
                events += 1;
            }
            events
        };
        each(&mut |record| {
            let is_match = !set.matches(record, Matching::First, &mut scratch).is_empty();
            let start = Instant::now();
            for _ in 0..100 {
                drop(black_box(set.matches(black_box(record), Matching::First, &mut scratch)));
            }
            let ns = start.elapsed().as_secs_f64() * 1e7;
            if is_match {
                with.push(ns);
            } else {
                without.push(ns);
            }
            let start = Instant::now();
            for _ in 0..10 {
                drop(black_box(set.matches(black_box(&New(record)), Matching::First, &mut scratch)));
            }
            new.push(start.elapsed().as_secs_f64() * 1e8);
        });
        let start = Instant::now();
        each(&mut |record| {
            black_box(record);
        });
        let read = start.elapsed();
        let start = Instant::now();
        let events = each(&mut |record| drop(black_box(set.matches(record, Matching::First, &mut scratch))));
        let asked = start.elapsed().saturating_sub(read);
        let (mut once, mut scratch) = (Vec::new(), Scratch::default());
        each(&mut |record| {
            let start = Instant::now();
            let found = black_box(set.matches(black_box(record), Matching::First, &mut scratch));
            let ns = start.elapsed().as_secs_f64() * 1e9;
            if found.is_empty() {
                once.push(ns);
            }
        });
        println!("{} rules, {events} events: {:?} an event in their order", rules.len(), asked / events);
        for (name, mut times) in [
            ("without a match, once", once),
            ("without a match, again", without),
            ("with a match, again", with),
            ("any, as a new call", new),
        ] {
            times.sort_by(f64::total_cmp);
            let at = |part: f64| times.get((times.len() as f64 * part) as usize).copied().unwrap_or_default();
            println!(
                "  {:7} {name:22} {:5.0} ns in the middle, {:5.0} ns for 99 of 100",
                times.len(),
                at(0.5),
                at(0.99)
            );
        }
    }
}

/// The same of events in their bytes, whose fields are made when they are asked for.
fn records() {
    let rules = material::rules(1);
    let (set, plain, mut scratch) = (RuleSet::compile(&rules), Plain::compile(&rules), Scratch::default());
    let mut encoded = Encoded::default();
    println!("{} rules, of records", rules.len());
    for (name, event) in material::records() {
        let record = encoded.view(&event).expect("a record");
        let found = set.matches(&record, Matching::All, &mut scratch);
        assert_eq!(found, plain.matches(&record, Matching::All), "{name}");
        let first =
            least_ns(|| drop(black_box(set.matches(black_box(&record), Matching::First, &mut scratch))));
        let new = least_ns(|| {
            drop(black_box(set.matches(black_box(&New(&record)), Matching::First, &mut scratch)));
        });
        let linear = least_ns(|| drop(black_box(plain.matches(black_box(&record), Matching::All))));
        println!(
            "  {name:48} {:2} match {first:7.0} ns first {new:7.0} ns as a new call {linear:8.0} ns one by one",
            found.len()
        );
    }
}

/// The time of 100 files, from their texts to rules that are ready.
fn reload() {
    let texts: Vec<String> = (0..100).map(|file| material::made(file, 4)).collect();
    let files: Vec<File<'_>> = texts.iter().map(|text| File { text }).collect();
    let bytes: usize = texts.iter().map(String::len).sum();
    let mut times: Vec<(Duration, Duration)> = (0..7)
        .map(|_| {
            let start = Instant::now();
            let loaded = load(&files);
            let read = start.elapsed();
            let set = RuleSet::compile(&loaded.rules);
            black_box(&set);
            (start.elapsed(), read)
        })
        .collect();
    times.sort();
    println!("100 files of {bytes} bytes: {:?}, of which reading {:?}", times[3].0, times[3].1);
}

fn least_ns(mut run: impl FnMut()) -> f64 {
    let mut rounds: Vec<f64> = (0..31)
        .map(|_| {
            let start = Instant::now();
            for _ in 0..1000 {
                run();
            }
            start.elapsed().as_secs_f64() * 1e6
        })
        .collect();
    rounds.sort_by(f64::total_cmp);
    rounds[0]
}

fn resident_kib() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    text.split_whitespace().nth(1).and_then(|pages| pages.parse::<u64>().ok()).map_or(0, |pages| pages * 4)
}
