//! What a writer may have meant: names that are like the one given (`core/helpers.go`).

use super::super::{Context, Failure};

/// Names in quotes, at most five: `"A", "B", or "C"`.
pub(super) fn quoted_list(items: &[String]) -> String {
    let quoted: Vec<String> = items.iter().map(|item| format!("\"{item}\"")).collect();
    plain_list(&quoted)
}

/// The same without quotes.
pub(super) fn plain_list(items: &[String]) -> String {
    let items = items.get(..5).unwrap_or(items);
    match items {
        [first, second] => format!("{first} or {second}"),
        [before @ .., last] if !before.is_empty() => format!("{}, or {last}", before.join(", ")),
        [only] => only.clone(),
        _ => String::new(),
    }
}

/// The names that are like the given one, the most alike first.
pub(super) fn similar<'n>(
    context: &mut Context<'_>,
    given: &str,
    names: impl Iterator<Item = &'n str>,
) -> Result<Vec<String>, Failure> {
    // A name may differ in two of five characters, and one more.
    let most = given.len() * 2 / 5 + 1;
    let mut found: Vec<(usize, String)> = Vec::new();
    for name in names {
        context.budget.steps((given.len() as u64 + 1) * (name.len() as u64 + 1) / 16 + 1)?;
        let distance = distance(given, name);
        if distance <= most {
            found.push((distance, name.to_owned()));
        }
    }
    found.sort_by_key(|(distance, _)| *distance);
    Ok(found.into_iter().map(|(_, name)| name).collect())
}

/// How many characters must be put in, taken out or changed; one where only the case differs.
fn distance(first: &str, second: &str) -> usize {
    if first == second {
        return 0;
    }
    let (first, second) = (first.to_lowercase(), second.to_lowercase());
    if first == second {
        return 1;
    }
    let second: Vec<char> = second.chars().collect();
    let mut row: Vec<usize> = (0..=second.len()).collect();
    for (index, char) in first.chars().enumerate() {
        let mut diagonal = index;
        let mut left = index + 1;
        let mut next = vec![left];
        for (other, above) in second.iter().zip(row.iter().skip(1)) {
            let changed = diagonal + usize::from(char != *other);
            left = changed.min(left + 1).min(above + 1);
            diagonal = *above;
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_count_edits() {
        for (first, second, edits) in
            [("a", "A", 1), ("kitten", "sitting", 3), ("", "abc", 3), ("abc", "abc", 0)]
        {
            assert_eq!(distance(first, second), edits, "{first} {second}");
        }
    }
}
