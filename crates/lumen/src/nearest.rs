//! What somebody may have meant by a name that nothing has.

use lumen_core::catalog;

/// Most names that are offered.
const OFFERED_MAX: usize = 3;

/// How like a name must be to be offered, of 1 for the same.
const LIKENESS_MIN: f64 = 0.55;

/// What is this much less like than the best is not offered beside it: it only distracts.
const BESIDE_THE_BEST: f64 = 0.1;

/// How like two names are: by the letters that were mistyped, or by the pairs of letters that they share where words were
/// left out or stand in another order.
fn likeness(a: &str, b: &str) -> f64 {
    strsim::normalized_damerau_levenshtein(a, b).max(strsim::sorensen_dice(a, b))
}

/// The names that are most like one, the nearest first; none where nothing is like it.
pub fn nearest<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut near: Vec<_> = names.map(|each| (likeness(name, each), each)).collect();
    near.retain(|(likeness, _)| *likeness > LIKENESS_MIN);
    near.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(b.1)));
    let best = near.first().map_or(0.0, |(likeness, _)| *likeness);
    near.retain(|(likeness, _)| *likeness > best - BESIDE_THE_BEST);
    near.into_iter().take(OFFERED_MAX).map(|(_, name)| name).collect()
}

/// The ids of the built-in rules that are most like a text: a whole id, or its end alone.
pub fn nearest_rules(text: &str) -> Vec<String> {
    let ids: Vec<String> = catalog::rules().map(|rule| rule.id().to_string()).collect();
    if text.contains('/') {
        return nearest(text, ids.iter().map(String::as_str)).into_iter().map(str::to_owned).collect();
    }
    let near = nearest(text, catalog::rules().map(|rule| rule.name));
    let ids_of = |name| catalog::rules().filter(move |rule| rule.name == name);
    near.into_iter().flat_map(ids_of).map(|rule| rule.id().to_string()).collect()
}

/// What goes behind a sentence about a name that is wrong; nothing where no other is like it.
pub fn did_you_mean<T: AsRef<str>>(near: &[T]) -> String {
    if near.is_empty() {
        return String::new();
    }
    let quoted: Vec<_> = near.iter().map(|name| format!("`{}`", name.as_ref())).collect();
    format!(", did you mean {}?", quoted.join(" or "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_mistyped_or_out_of_order_is_found() {
        let names = ["json", "jsonl", "block-latest-tag", "require-probes"];
        let near = |name| nearest(name, names.into_iter());
        assert_eq!(near("jsno"), ["json"]);
        assert_eq!(near("block-latest"), ["block-latest-tag"]);
        assert_eq!(near("latest-tag-block"), ["block-latest-tag"]);
        assert!(near("").is_empty() && near("sarif").is_empty());
    }

    #[test]
    fn a_rule_is_found_by_its_id_and_by_its_end() {
        assert_eq!(
            nearest_rules("input/duplicate-objekt").first().map(String::as_str),
            Some("input/duplicate-object")
        );
        assert_eq!(nearest_rules("too-deap").first().map(String::as_str), Some("input/too-deep"));
        assert!(nearest_rules("").is_empty());
    }

    #[test]
    fn the_sentence_names_all_that_are_near() {
        assert_eq!(did_you_mean::<&str>(&[]), "");
        assert_eq!(did_you_mean(&["a"]), ", did you mean `a`?");
        assert_eq!(did_you_mean(&["a", "b"]), ", did you mean `a` or `b`?");
    }
}
