//! Names that are nearly others: what was meant by a typing mistake.

/// The nearest of several names, as the end of a sentence; empty where none is near.
pub(crate) fn hint<'n>(name: &str, known: impl IntoIterator<Item = &'n str>) -> String {
    let most = 1 + name.len() / 5;
    let near = known.into_iter().map(|known| (distance(name, known, most), known)).min();
    match near {
        Some((distance, near)) if distance <= most => format!("; is `{near}` meant?"),
        _ => String::new(),
    }
}

/// How many letters have to be changed to make one name of another; more than `most` where it is more.
fn distance(left: &str, right: &str, most: usize) -> usize {
    if left.len().abs_diff(right.len()) > most || left.len() > 64 {
        return most + 1;
    }
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (line, letter) in left.bytes().enumerate() {
        let mut diagonal = line;
        let mut before = line + 1;
        for (cell, other) in row.iter_mut().zip(std::iter::once(None).chain(right.bytes().map(Some))) {
            let Some(other) = other else {
                *cell = line + 1;
                continue;
            };
            let changed = diagonal + usize::from(letter != other);
            diagonal = *cell;
            *cell = changed.min(diagonal + 1).min(before + 1);
            before = *cell;
        }
    }
    row.last().copied().unwrap_or(most + 1)
}
