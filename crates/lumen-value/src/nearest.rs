//! What somebody may have meant by a name that nothing has: one measure, one set of bounds and one sentence, for names of
//! any kind.

/// Most names that are offered.
const OFFERED_MAX: usize = 3;

/// How like a name must be to be offered, of 1 for the same: about one letter in three may be wrong.
const LIKENESS_MIN: f64 = 0.65;

/// What is this much less like than the best is not offered beside it: it only distracts.
const BESIDE_THE_BEST: f64 = 0.1;

/// Most bytes of a name that is compared: the time grows with their square.
const NAME_BYTES_MAX: usize = 128;

/// Most names that one is compared with.
const NAMES_MAX: usize = 10_000;

/// The names that are most like one, the nearest first; none where nothing is like it. A name of parts, `shop/api`, is
/// also found by its last part alone.
///
/// At most 10,000 names are looked at, and none that is longer than 128 bytes.
pub fn nearest<'n>(name: &str, names: impl IntoIterator<Item = &'n str>) -> Vec<&'n str> {
    let wanted = Wanted::new(name);
    let mut near: Vec<_> =
        names.into_iter().take(NAMES_MAX).map(|each| (wanted.likeness(each), each)).collect();
    near.retain(|(likeness, _)| *likeness > LIKENESS_MIN);
    near.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(b.1)));
    let best = near.first().map_or(0.0, |(likeness, _)| *likeness);
    near.retain(|(likeness, _)| *likeness > best - BESIDE_THE_BEST);
    near.into_iter().take(OFFERED_MAX).map(|(_, name)| name).collect()
}

/// Whether one name may be a slip of another: what [`nearest`] would offer.
pub fn is_near(name: &str, other: &str) -> bool {
    Wanted::new(name).likeness(other) > LIKENESS_MIN
}

/// What goes behind a sentence about a name that is wrong: ``, did you mean `a` or `b`?``; nothing where no other is
/// like it.
pub fn did_you_mean<T: AsRef<str>>(near: &[T]) -> String {
    if near.is_empty() {
        return String::new();
    }
    format!(", did you mean {}?", one_of(near))
}

/// Names to choose from, in a sentence: `` `a` or `b` ``.
pub fn one_of<T: AsRef<str>>(names: &[T]) -> String {
    let quoted: Vec<_> = names.iter().map(|name| format!("`{}`", name.as_ref())).collect();
    quoted.join(" or ")
}

/// A name that is looked for.
struct Wanted<'a> {
    name: &'a str,
    /// How often it has each byte.
    bytes: [u8; 256],
}

impl<'a> Wanted<'a> {
    fn new(name: &'a str) -> Self {
        let mut bytes = [0; 256];
        for byte in name.bytes().take(NAME_BYTES_MAX) {
            if let Some(count) = bytes.get_mut(usize::from(byte)) {
                *count += 1;
            }
        }
        Self { name, bytes }
    }

    fn likeness(&self, other: &str) -> f64 {
        let whole = self.likeness_of_part(other);
        match other.rsplit_once('/') {
            Some((_, end)) if !self.name.contains('/') => whole.max(self.likeness_of_part(end)),
            _ => whole,
        }
    }

    /// How like two names are: by the letters that were mistyped, or by the pairs of letters that they share where words
    /// were left out or stand in another order.
    fn likeness_of_part(&self, other: &str) -> f64 {
        if self.name.len().max(other.len()) > NAME_BYTES_MAX || self.shared(other) <= LIKENESS_MIN {
            return 0.0;
        }
        let letters = self.name.chars().count().max(other.chars().count());
        let mistyped = ratio(strsim::osa_distance(self.name, other), letters);
        (1.0 - mistyped).max(strsim::sorensen_dice(self.name, other))
    }

    /// How much of two names is the same bytes, in any order. Both measures are hardly ever more, and this takes a small
    /// part of their time: most names of a long list are told apart by it.
    fn shared(&self, other: &str) -> f64 {
        let mut left = self.bytes;
        let is_shared = |byte: &u8| match left.get_mut(usize::from(*byte)) {
            Some(count) if *count > 0 => {
                *count -= 1;
                true
            }
            _ => false,
        };
        let shared = other.bytes().filter(is_shared).count();
        ratio(2 * shared, self.name.len() + other.len())
    }
}

/// A part of a whole; nothing of nothing.
fn ratio(part: usize, whole: usize) -> f64 {
    match (u32::try_from(part), u32::try_from(whole)) {
        (Ok(part), Ok(whole)) if whole > 0 => f64::from(part) / f64::from(whole),
        _ => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_mistyped_or_out_of_order_is_found() {
        let near = |name| nearest(name, ["json", "jsonl", "block-latest-tag", "require-probes"]);
        assert_eq!(near("jsno"), ["json"]);
        assert_eq!(near("block-latest"), ["block-latest-tag"]);
        assert_eq!(near("latest-tag-block"), ["block-latest-tag"]);
        assert!(near("").is_empty() && near("sarif").is_empty() && near(&"json".repeat(64)).is_empty());
        assert!(is_near("jsno", "json") && !is_near("sarif", "json") && !is_near("", ""));
    }

    #[test]
    fn a_name_of_parts_is_found_by_its_last() {
        let near = |name| nearest(name, ["input/too-deep", "shop/api", "shop/web"]);
        assert_eq!(near("too-deap"), ["input/too-deep"]);
        assert_eq!(near("shop/apy"), ["shop/api"]);
        assert_eq!(near("apii"), ["shop/api"]);
        assert!(near("net/apii").is_empty());
    }

    #[test]
    fn the_sentence_names_all_that_are_near() {
        assert_eq!(did_you_mean::<&str>(&[]), "");
        assert_eq!(did_you_mean(&["a"]), ", did you mean `a`?");
        assert_eq!(did_you_mean(&["a", "b"]), ", did you mean `a` or `b`?");
    }
}
