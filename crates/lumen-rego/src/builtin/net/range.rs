//! Ranges of addresses: merged where they touch, and cut into networks again.

use super::{Address, MAPPED, Network, mask};

/// Addresses from a first to a last; still the network that it was, if it was merged with none.
#[derive(Clone, Copy)]
struct Range {
    first: Address,
    last: Address,
    network: Option<Network>,
}

/// The networks that hold the same addresses as those given, as few as can be. Those that touch no other stay as they are.
pub(super) fn merge(networks: &[Network]) -> Vec<Network> {
    let range = |network: &Network| Range {
        first: Address(network.first.0 & mask(network.fixed)),
        last: network.last(),
        network: Some(*network),
    };
    let mut ranges: Vec<Range> = networks.iter().map(range).collect();
    ranges.sort_by_key(|range| (range.last, range.first));
    // From the highest down: a range that touches the one below grows into it.
    let mut merged: Vec<Range> = Vec::with_capacity(ranges.len());
    for below in ranges.into_iter().rev() {
        match merged.last_mut() {
            Some(above) if previous(above.first) <= below.last => {
                *above = Range { first: above.first.min(below.first), last: above.last, network: None };
            }
            _ => merged.push(below),
        }
    }
    merged
        .iter()
        .flat_map(|range| {
            range.network.map_or_else(|| cover(range.first, range.last), |network| vec![network])
        })
        .collect()
}

/// The address before; the lowest of each family has none and stays.
fn previous(address: Address) -> Address {
    if address.0 == 0 || address.0 == MAPPED { address } else { Address(address.0 - 1) }
}

/// The networks that a range consists of, from the lowest up.
fn cover(first: Address, last: Address) -> Vec<Network> {
    let is_short = first.is_v4() && last.is_v4();
    let mut networks = Vec::new();
    let mut next = first.0;
    loop {
        // The largest network that starts here and ends within the range.
        let aligned = if next == 0 { 128 } else { next.trailing_zeros() };
        let left = last.0 - next;
        let fits = match left.checked_add(1) {
            Some(count) => count.ilog2(),
            None => 128,
        };
        let free = aligned.min(fits).min(if is_short { 32 } else { 128 });
        networks.push(Network { first: Address(next), fixed: 128 - free, is_short });
        let end = next | !mask(128 - free);
        if end >= last.0 {
            return networks;
        }
        next = end + 1;
    }
}
