//! [`RIGHTS`]: what the server must be allowed to do to read the cluster and to tell it of its policies, as a table for the roles
//! that an installation makes.

/// One rule of a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Right {
    /// API groups.
    pub groups: &'static [&'static str],
    /// Resources, with a subresource behind a `/`.
    pub resources: &'static [&'static str],
    /// Verbs.
    pub verbs: &'static [&'static str],
    /// Whether it is needed in the server's own namespace alone.
    pub is_local: bool,
    /// Whether it is not needed beside a running Gatekeeper, where nothing that is upstream's is written.
    pub writes_upstream: bool,
}

const READ: &[&str] = &["get", "list", "watch"];

const fn read(groups: &'static [&'static str], resources: &'static [&'static str]) -> Right {
    Right { groups, resources, verbs: READ, is_local: false, writes_upstream: false }
}

const fn write(
    groups: &'static [&'static str],
    resources: &'static [&'static str],
    verbs: &'static [&'static str],
) -> Right {
    Right { groups, resources, verbs, is_local: false, writes_upstream: true }
}

/// What [`run`](super::run) does. The kinds that are to be synced come on top: whatever a `SyncSet` or a `Config` names must be
/// readable.
pub const RIGHTS: [Right; 11] = [
    read(&["apiextensions.k8s.io"], &["customresourcedefinitions"]),
    write(&["apiextensions.k8s.io"], &["customresourcedefinitions"], &["create", "update"]),
    read(&[""], &["namespaces"]),
    Right { is_local: true, ..read(&[""], &["pods"]) },
    read(&["templates.gatekeeper.sh"], &["constrainttemplates"]),
    write(&["templates.gatekeeper.sh"], &["constrainttemplates/status"], &["patch"]),
    // The constraints' kinds are not known beforehand.
    read(&["constraints.gatekeeper.sh"], &["*"]),
    write(&["constraints.gatekeeper.sh"], &["*/status"], &["patch"]),
    read(&["mutations.gatekeeper.sh"], &["assign", "assignmetadata", "assignimage", "modifyset"]),
    read(
        &["config.gatekeeper.sh", "syncset.gatekeeper.sh", "expansion.gatekeeper.sh"],
        &["configs", "syncsets", "expansiontemplate"],
    ),
    read(&[crate::names::GROUP], &["exemptions", "lumenconfigs"]),
];
