//! [`PodView`]: a pod, or the template of one, wherever it stands.

use lumen_value::{Pointer, Value};

/// The metadata and spec of a pod or of a pod template: what Pod Security looks at.
#[derive(Clone, Debug)]
pub struct PodView<'a> {
    /// Labels and annotations; null where there are none.
    pub metadata: &'a Value,
    /// The pod's spec.
    pub spec: &'a Value,
    /// Where the pod or the template stands in its document: the value that holds `metadata` and `spec`.
    pub at: Pointer,
}
