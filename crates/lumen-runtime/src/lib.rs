//! Layer 4: what happens on a node, judged by rules in Falco's language.
//!
//! Rules are loaded from files ([`load`]), their conditions ([`condition`]) are checked against the fields of events
//! ([`field`]) and made ready to be asked of events ([`ruleset`]); what a rule says of a match is an [`output`]. What the
//! rules of Falco 0.44 (engine 0.62) mean, they mean here, but for this:
//!
//! - what is wrong leaves out its rule, list or macro, and not all rules;
//! - a key that stands twice in an item is told; the first counts, as there;
//! - values of more than 255 bytes can be compared;
//! - `fd.net in (..)` looks at the whole list, and so does each pattern of `pmatch`;
//! - `fd.*ip.name` asks no server of names: without an entry that is known here, such a field has no value;
//! - `fs.path.*` of a relative path is the whole one also where the call failed or the folder is an open descriptor: there the
//!   reference says `<UNKNOWN>`;
//! - `proc.ppid.duration` has no value where it is not known when the parent began: there the reference says how many
//!   descriptors are open;
//! - `not syscall.type ..` holds of what is no call;
//! - `evt.latency*` is what was measured, where it was, `evt.deltatime*` is counted from the event before in the recording, and
//!   times of day are in UTC;
//! - `container.mount*[..]` takes a pattern of a shell, and not a regular expression that is searched;
//! - services of ports are those of a table here, and not those of `/etc/services`.

pub mod alert;
pub mod analysis;
pub mod check;
pub mod condition;
pub mod container_id;
pub mod coverage;
pub mod event_types;
pub mod explain;
pub mod field;
mod glob;
mod identity;
pub mod load;
pub mod necessary;
mod number;
pub mod operator;
pub mod output;
mod paths;
mod pattern;
pub mod printed;
pub mod record;
pub mod rule_test;
pub mod ruleset;
pub mod scap;
pub mod selection;
mod term;
mod test;
pub mod value;

pub use identity::Identity;
pub use number::Network;
pub use term::{CallKey, Event, ThreadKey};
