//! What a document says: [`Value`], the one value type of the whole program; the readers that make values of
//! text; and what finds afterwards where in the text a value stands.
//!
//! The crate knows nothing of Kubernetes' objects, only of its reading of YAML. It does no I/O.

mod build;

pub mod edit;
pub mod fault;
pub mod json;
pub mod nearest;
pub mod number;
pub mod pointer;
pub mod read;
pub mod span;
pub mod stream;
pub mod string;
pub mod toml;
pub mod value;
pub mod yaml;

pub use number::Number;
pub use pointer::{Pointer, Step};
pub use string::Str;
pub use value::{Array, Object, Set, Value, sort_counted};
