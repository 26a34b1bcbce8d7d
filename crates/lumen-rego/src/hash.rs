//! The maps and sets of the parser, the checks and the planner. A module looks up thousands of names of a few bytes each, for which the
//! standard library's hash function costs more than the look-up. This one is seeded anew in each process as well, so that no
//! text is made to fill one bucket.

/// A map.
pub(crate) type HashMap<Key, Value> = std::collections::HashMap<Key, Value, foldhash::fast::RandomState>;

/// A set.
pub(crate) type HashSet<Key> = std::collections::HashSet<Key, foldhash::fast::RandomState>;
