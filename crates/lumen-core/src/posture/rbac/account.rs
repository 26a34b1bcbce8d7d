//! [`Account`]: as whom a pod speaks to the API server, and whether it holds the token for that.

use std::fmt;
use std::sync::Arc;

use lumen_value::{Pointer, Value, pointer};

use super::User;
use crate::finding::Location;
use crate::object::pod::PodView;
use crate::object::{Identity, field, text};
use crate::snapshot::{Entry, Snapshot};

/// The service account of a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Its namespace: the pod's.
    pub namespace: Arc<str>,
    /// Its name; `default` where the pod names none.
    pub name: Arc<str>,
    /// Whether its token is in the pod, and why.
    pub token: Token,
    /// Where that is decided; `None` where nothing among the inputs decides it.
    pub decided: Option<Location>,
}

/// Whether a token for the API server is in a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Token {
    /// The pod says `automountServiceAccountToken: false`, and projects no token.
    RefusedByPod,
    /// The account says so, and the pod says nothing.
    RefusedByAccount,
    /// A volume of the pod projects a token, or holds the Secret of one.
    InVolume,
    /// The pod asks for it.
    AskedByPod,
    /// The account asks for it, and the pod says nothing.
    AskedByAccount,
    /// Nobody says anything, so it is there.
    Default,
}

impl Token {
    /// Whether the token is in the pod.
    pub const fn is_there(self) -> bool {
        !matches!(self, Self::RefusedByPod | Self::RefusedByAccount)
    }
}

impl fmt::Display for Token {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(match self {
            Self::RefusedByPod => "no token: the pod says `automountServiceAccountToken: false`",
            Self::RefusedByAccount => "no token: the account says `automountServiceAccountToken: false`",
            Self::InVolume => "a volume holds a token",
            Self::AskedByPod => "the pod asks for the token",
            Self::AskedByAccount => "the account asks for the token",
            Self::Default => "the token is mounted, for nobody says otherwise",
        })
    }
}

impl Account {
    /// The account of a pod, given the object that has the pod and the namespace that it lands in
    /// (`plugin/pkg/admission/serviceaccount`). Where manifests of the account disagree, the token counts as mounted.
    pub fn of(snapshot: &Snapshot, entry: &Entry, pod: &PodView<'_>, namespace: &Arc<str>) -> Self {
        let name = match (text(pod.spec, "serviceAccountName"), text(pod.spec, "serviceAccount")) {
            ("", "") => "default",
            ("", deprecated) => deprecated,
            (name, _) => name,
        };
        let at = |way: &Pointer| Some(entry.locate(&pod.locate(way)));
        let (token, decided) = if let Some(way) = projected(pod.spec) {
            (Token::InVolume, at(&way))
        } else {
            let way = pointer!["spec", "automountServiceAccountToken"];
            match pod.spec.get("automountServiceAccountToken").and_then(Value::as_bool) {
                Some(true) => (Token::AskedByPod, at(&way)),
                Some(false) => (Token::RefusedByPod, at(&way)),
                None => of_account(snapshot, namespace, name),
            }
        };
        Self { namespace: namespace.clone(), name: name.into(), token, decided }
    }

    /// The user that it is to the API server.
    pub fn user(&self) -> User {
        User::service_account(&self.namespace, &self.name)
    }
}

/// `ServiceAccount shop/api`.
impl fmt::Display for Account {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "ServiceAccount {}/{}", self.namespace, self.name)
    }
}

fn of_account(snapshot: &Snapshot, namespace: &str, name: &str) -> (Token, Option<Location>) {
    let identity = Identity {
        group: "".into(),
        kind: "ServiceAccount".into(),
        namespace: Some(namespace.into()),
        name: name.into(),
    };
    let accounts = snapshot.of_identity(&identity).iter();
    let said = accounts.map(|entry| {
        let location = entry.locate(&pointer!["automountServiceAccountToken"]);
        match entry.value.get("automountServiceAccountToken").and_then(Value::as_bool) {
            Some(false) => (Token::RefusedByAccount, Some(location)),
            Some(true) => (Token::AskedByAccount, Some(location)),
            None => (Token::Default, None),
        }
    });
    // The order of the words is from "no token" on.
    said.max_by_key(|(token, _)| *token).unwrap_or((Token::Default, None))
}

/// The way to the first volume that projects a token for the API server itself; one with an audience is for others.
fn projected(spec: &Value) -> Option<Pointer> {
    let volumes = spec.get("volumes").and_then(Value::as_array);
    for (number, volume) in volumes.into_iter().flatten().enumerate() {
        let sources = field(volume, &["projected", "sources"]).as_array();
        for (of_source, source) in sources.into_iter().flatten().enumerate() {
            let token = source.get("serviceAccountToken").filter(|token| !token.is_null());
            if token.is_some_and(|token| text(token, "audience").is_empty()) {
                return Some(pointer!["spec", "volumes", number, "projected", "sources", of_source]);
            }
        }
    }
    None
}
