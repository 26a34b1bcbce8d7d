//! Who asks ([`User`]) and who is bound ([`Subject`]).

use std::fmt;
use std::sync::Arc;

use lumen_value::Value;

use crate::object::text;

/// What the names of service accounts start with, as users.
const ACCOUNT_PREFIX: &str = "system:serviceaccount:";

/// The group of all service accounts; with `:NAMESPACE` behind it, of those in a namespace.
const ACCOUNTS: &str = "system:serviceaccounts";

/// The group of whoever has proved who they are.
pub const AUTHENTICATED: &str = "system:authenticated";

/// The group of whoever has not.
pub const UNAUTHENTICATED: &str = "system:unauthenticated";

/// Whom a binding gives rights.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// A user by name.
    User(Arc<str>),
    /// All members of a group.
    Group(Arc<str>),
    /// A service account.
    ServiceAccount {
        /// Its namespace.
        namespace: Arc<str>,
        /// Its name.
        name: Arc<str>,
    },
}

/// `User alice`, `Group system:masters`, `ServiceAccount shop/api`.
impl fmt::Display for Subject {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(name) => write!(out, "User {name}"),
            Self::Group(name) => write!(out, "Group {name}"),
            Self::ServiceAccount { namespace, name } => write!(out, "ServiceAccount {namespace}/{name}"),
        }
    }
}

/// By what a subject is found: a service account is the user of its name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Key {
    User(String),
    Group(String),
}

impl Subject {
    /// Reads a subject of a binding in a namespace; `None` for what no user is: an unknown kind, and a service account
    /// without a namespace in a `ClusterRoleBinding`.
    pub fn decode(value: &Value, binding_namespace: Option<&str>) -> Option<Self> {
        let name = text(value, "name");
        match text(value, "kind") {
            "User" => Some(Self::User(name.into())),
            "Group" => Some(Self::Group(name.into())),
            "ServiceAccount" => {
                let own = Some(text(value, "namespace")).filter(|namespace| !namespace.is_empty());
                let namespace = own.or(binding_namespace)?;
                Some(Self::ServiceAccount { namespace: namespace.into(), name: name.into() })
            }
            _ => None,
        }
    }

    /// Someone who has no more than what makes this subject: a user of the name, a member of the group.
    pub fn as_user(&self) -> User {
        match self {
            Self::User(name) => User { name: name.to_string(), groups: vec![AUTHENTICATED.to_owned()] },
            Self::Group(group) => {
                let mut groups = vec![group.to_string()];
                if !matches!(&**group, AUTHENTICATED | UNAUTHENTICATED) {
                    groups.push(AUTHENTICATED.to_owned());
                }
                User { name: String::new(), groups }
            }
            Self::ServiceAccount { namespace, name } => User::service_account(namespace, name),
        }
    }

    pub(super) fn key(&self) -> Key {
        match self {
            Self::User(name) => Key::User(name.to_string()),
            Self::Group(name) => Key::Group(name.to_string()),
            Self::ServiceAccount { namespace, name } => Key::User(account_user(namespace, name)),
        }
    }
}

fn account_user(namespace: &str, name: &str) -> String {
    format!("{ACCOUNT_PREFIX}{namespace}:{name}")
}

/// Who asks: a name and groups, as authentication gives them.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct User {
    /// Name; empty where only the groups matter.
    pub name: String,
    /// Groups.
    pub groups: Vec<String>,
}

impl User {
    /// A service account with the groups that it always has.
    pub fn service_account(namespace: &str, name: &str) -> Self {
        Self {
            name: account_user(namespace, name),
            groups: vec![ACCOUNTS.to_owned(), format!("{ACCOUNTS}:{namespace}"), AUTHENTICATED.to_owned()],
        }
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = Key> {
        let name = (!self.name.is_empty()).then(|| Key::User(self.name.clone()));
        name.into_iter().chain(self.groups.iter().map(|group| Key::Group(group.clone())))
    }
}
