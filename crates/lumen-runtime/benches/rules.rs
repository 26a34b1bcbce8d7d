//! Rules over one event: wanted is under 150 ns where none matches, under 1 us where one does.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a benchmark"
)]

#[path = "rules/material.rs"]
mod material;

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use lumen_runtime::load::{File, load};
use lumen_runtime::ruleset::{Matching, RuleSet, Scratch};

fn matching(c: &mut Criterion) {
    for times in [1, 4] {
        let rules = material::rules(times);
        let set = RuleSet::compile(&rules);
        let mut scratch = Scratch::default();
        let mut group = c.benchmark_group(format!("rules x{times}"));
        for event in material::events() {
            group.bench_function(&event.name, |bencher| {
                bencher.iter(|| set.matches(black_box(&event), Matching::First, &mut scratch));
            });
        }
        group.finish();
    }
}

fn reload(c: &mut Criterion) {
    let texts: Vec<String> = (0..100).map(|file| material::made(file, 4)).collect();
    let files: Vec<File<'_>> = texts.iter().map(|text| File { text }).collect();
    c.bench_function("reload of 100 files", |bencher| {
        bencher.iter(|| RuleSet::compile(&load(&files).rules));
    });
}

criterion_group!(benches, matching, reload);
criterion_main!(benches);
