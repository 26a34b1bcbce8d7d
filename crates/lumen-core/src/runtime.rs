//! Layer 4: what happens on a node, judged by rules in Falco's language.
//!
//! Rules are loaded from files ([`load`]), their conditions ([`condition`]) are checked against the fields of events
//! ([`field`]) and made ready to be asked of events ([`ruleset`]); what a rule says of a match is an [`output`]. What the
//! rules of Falco 0.44 (engine 0.62) mean, they mean here, but for this:
//!
//! - what is wrong leaves out its rule, list or macro, and not all rules;
//! - of a key that stands twice in an item the last counts, and it is told;
//! - values of more than 255 bytes can be compared;
//! - `fd.net in (..)` looks at the whole list, and so does each pattern of `pmatch`;
//! - `fd.*ip.name` asks no server of names: without an entry that is known here, such a field has no value;
//! - services of ports are those of a table here, and not those of `/etc/services`.

pub mod check;
pub mod condition;
pub mod event_types;
pub mod field;
mod glob;
pub mod load;
mod number;
pub mod operator;
pub mod output;
mod paths;
pub mod ruleset;
mod term;
mod test;
pub mod value;

pub use term::Event;
