//! [`sharded`]: results in parts of bounded size, such that one more or one less changes one part.
//!
//! What part a result is in follows from its digest. A part that becomes too large is split by the next bit; no other changes. The
//! parts follow from the results alone, not from what they were before.

use lumen_value::Value;

/// Most results of a part.
pub(super) const RESULTS_MAX: usize = 100;
/// Most bytes of a part's results as JSON, where it has more than one. etcd takes objects of 1.5 MiB.
const BYTES_MAX: usize = 256 << 10;
/// Most bits that a part is named by.
const BITS_MAX: u32 = 64;

/// A result, and where it belongs.
#[derive(Clone, Debug)]
pub(super) struct Placed {
    /// The digest that decides about the part.
    pub(super) digest: u64,
    /// How long the result is as JSON.
    pub(super) bytes: usize,
    pub(super) result: Value,
}

/// A part.
#[derive(Clone, Debug)]
pub(super) struct Shard {
    /// The bits that the digests of its results begin with: `0` and `1`, empty where there is one part.
    pub(super) bits: String,
    /// The results, in the order that they were given in.
    pub(super) results: Vec<Value>,
}

/// The parts of results; none where there are none.
pub(super) fn sharded(results: Vec<Placed>) -> Vec<Shard> {
    let mut shards = Vec::new();
    let mut waiting = vec![(String::new(), results)];
    while let Some((bits, results)) = waiting.pop() {
        let depth = u32::try_from(bits.len()).unwrap_or(u32::MAX);
        let bytes: usize = results.iter().map(|placed| placed.bytes).sum();
        let fits = results.len() <= RESULTS_MAX && (bytes <= BYTES_MAX || results.len() <= 1);
        if !fits && depth < BITS_MAX {
            let (ones, zeros) =
                results.into_iter().partition(|placed| (placed.digest << depth) >> (BITS_MAX - 1) == 1);
            waiting.push((format!("{bits}1"), ones));
            waiting.push((format!("{bits}0"), zeros));
        } else if !results.is_empty() {
            let results = results.into_iter().map(|placed| placed.result).collect();
            shards.push(Shard { bits, results });
        }
    }
    shards
}
