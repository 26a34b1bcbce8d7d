//! The order of keys: runs of digits count by their value (`sorter.go`).

use lumen_value::Value;

/// Sorts entries by their keys. The order is upstream's and not quite one, so the sort is our own: it ends whatever it is told.
pub(super) fn sorted<'v>(mut entries: Vec<(&'v str, &'v Value)>) -> Vec<(&'v str, &'v Value)> {
    let mut width = 1;
    while width < entries.len() {
        let mut merged = Vec::with_capacity(entries.len());
        for pair in entries.chunks(2 * width) {
            let (left, right) = pair.split_at_checked(width).unwrap_or((pair, &[]));
            let (mut left, mut right) = (left.iter().peekable(), right.iter().peekable());
            while let Some(next) = match (left.peek(), right.peek()) {
                (Some((a, _)), Some((b, _))) if is_less(b, a) => right.next(),
                (Some(_), _) => left.next(),
                (None, _) => right.next(),
            } {
                merged.push(*next);
            }
        }
        entries = merged;
        width *= 2;
    }
    entries
}

fn is_less(a: &str, b: &str) -> bool {
    let mut seen: Vec<char> = Vec::new();
    let (mut left, mut right) = (a.chars(), b.chars());
    let mut after_digit = false;
    loop {
        let (rest_left, rest_right) = (left.clone(), right.clone());
        let (Some(x), Some(y)) = (left.next(), right.next()) else {
            return rest_left.count() < rest_right.count();
        };
        if x == y {
            after_digit = x.is_numeric();
            seen.push(x);
            continue;
        }
        match (x.is_alphabetic(), y.is_alphabetic()) {
            (true, true) => return x < y,
            (false, false) => {}
            (is_letter, _) => return if after_digit { is_letter } else { !is_letter },
        }
        // A zero counts only behind a digit that is not zero.
        let counts_zero = (x == '0' || y == '0')
            && seen.iter().rev().take_while(|char| char.is_numeric()).any(|char| *char != '0');
        let value = |rest: std::str::Chars<'_>| {
            let digits = rest.take_while(|char| char.is_numeric());
            digits.fold((i64::from(counts_zero), 0_usize), |(value, len), digit| {
                let digit = i64::from(u32::from(digit)) - i64::from(u32::from('0'));
                (value.wrapping_mul(10).wrapping_add(digit), len + 1)
            })
        };
        let ((left_value, left_len), (right_value, right_len)) = (value(rest_left), value(rest_right));
        if left_value != right_value {
            return left_value < right_value;
        }
        if left_len != right_len {
            return left_len < right_len;
        }
        return x < y;
    }
}
