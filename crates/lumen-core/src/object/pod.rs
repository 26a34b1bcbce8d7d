//! [`PodView`]: a pod, or the template of one, wherever it stands.

use std::fmt;

use lumen_value::{Pointer, Step, Value};

use super::{NULL, field, text};

/// The metadata and spec of a pod or of a pod template: what Pod Security looks at.
#[derive(Clone, Debug)]
pub struct PodView<'a> {
    /// Labels and annotations; null where there are none.
    pub metadata: &'a Value,
    /// The pod's spec.
    pub spec: &'a Value,
    /// Where the pod or the template stands in its document: the value that holds `metadata` and `spec`.
    pub at: Pointer,
    /// The claim templates of a `StatefulSet`; null elsewhere. In its pods a claim stands in the place of the template's
    /// volume of the same name.
    pub claims: &'a Value,
}

impl<'a> PodView<'a> {
    /// The view of the value that holds `metadata` and `spec`, and where that value stands.
    pub fn of(holder: &'a Value, at: Pointer) -> Self {
        Self {
            metadata: holder.get("metadata").unwrap_or(&NULL),
            spec: holder.get("spec").unwrap_or(&NULL),
            at,
            claims: &NULL,
        }
    }

    /// The labels that the pods have; null where there are none.
    pub fn labels(&self) -> &'a Value {
        field(self.metadata, &["labels"])
    }

    /// The annotations that the pods have; null where there are none.
    pub fn annotations(&self) -> &'a Value {
        field(self.metadata, &["annotations"])
    }

    /// The containers: init containers, then regular ones, then ephemeral ones, each in their order. Entries that
    /// are no objects are among them, so that their numbers stay right; they have no fields.
    pub fn containers(&self) -> impl Iterator<Item = Container<'a>> + use<'a> {
        let spec = self.spec;
        ContainerKind::ALL.iter().flat_map(move |kind| {
            let list = spec.get(kind.list()).and_then(Value::as_array);
            list.into_iter().flatten().enumerate().map(|(index, value)| Container {
                kind: *kind,
                index,
                value,
            })
        })
    }

    /// Where a field of the pod stands in its document, given the way from the value that holds `spec`.
    pub fn locate(&self, further: &Pointer) -> Pointer {
        self.at.join(further)
    }
}

/// Which of a pod's three lists a container is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ContainerKind {
    /// Runs before the others; with `restartPolicy: Always` beside them.
    Init,
    /// An ordinary one.
    Regular,
    /// Put into a running pod by `kubectl debug`.
    Ephemeral,
}

impl ContainerKind {
    /// All, in the order in which Pod Security visits them.
    pub const ALL: &[Self] = &[Self::Init, Self::Regular, Self::Ephemeral];

    /// The field of the pod's spec that holds the list.
    pub const fn list(self) -> &'static str {
        match self {
            Self::Init => "initContainers",
            Self::Regular => "containers",
            Self::Ephemeral => "ephemeralContainers",
        }
    }
}

/// `init container`, `container` or `ephemeral container`.
impl fmt::Display for ContainerKind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(match self {
            Self::Init => "init container",
            Self::Regular => "container",
            Self::Ephemeral => "ephemeral container",
        })
    }
}

/// One container of a pod.
#[derive(Clone, Copy, Debug)]
pub struct Container<'a> {
    /// Which list it is in.
    pub kind: ContainerKind,
    /// Its number in that list, from zero.
    pub index: usize,
    /// What its entry says.
    pub value: &'a Value,
}

impl<'a> Container<'a> {
    /// Its name; empty where it has none.
    pub fn name(&self) -> &'a str {
        text(self.value, "name")
    }

    /// Its image as written; empty where it has none.
    pub fn image(&self) -> &'a str {
        text(self.value, "image")
    }

    /// A field of it; null where it is missing.
    pub fn field(&self, key: &str) -> &'a Value {
        field(self.value, &[key])
    }

    /// Where it stands, from the value that holds the pod's `spec`: see [`PodView::at`].
    pub fn pointer(&self) -> Pointer {
        [Step::from("spec"), Step::from(self.kind.list()), Step::from(self.index)].into_iter().collect()
    }
}
