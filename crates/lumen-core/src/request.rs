//! The `AdmissionRequest` that the API server would send about an object (`k8s.io/api/admission/v1`), made of its
//! manifest: what layers judge that see requests.
//!
//! Nothing in it is made up: no time, no random number. Fields that say who asks are empty unless they are given.

use lumen_value::{Object, Value};

use crate::object::{ObjectRef, field, text, version_of};
use crate::snapshot::{Entry, Snapshot};

/// What is done with an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation<'a> {
    /// It is made.
    Create,
    /// It takes the place of an older one.
    Update {
        /// The object as it was.
        old: &'a Value,
    },
    /// It is deleted: the manifest is the object that was.
    Delete,
}

impl Operation<'_> {
    /// The word for it in a request, and in a webhook's rules.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "CREATE",
            Self::Update { .. } => "UPDATE",
            Self::Delete => "DELETE",
        }
    }

    const fn options_kind(self) -> &'static str {
        match self {
            Self::Create => "CreateOptions",
            Self::Update { .. } => "UpdateOptions",
            Self::Delete => "DeleteOptions",
        }
    }
}

/// Who asks. By default nobody in particular.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct User {
    /// Name, such as `system:serviceaccount:argocd:controller`; empty where it is not known.
    pub username: String,
    /// Groups, such as `system:authenticated`.
    pub groups: Vec<String>,
}

impl User {
    fn to_value(&self) -> Value {
        let mut fields = Object::default();
        if !self.username.is_empty() {
            fields = fields.with("username", self.username.as_str());
        }
        if !self.groups.is_empty() {
            let groups: Vec<Value> = self.groups.iter().map(|group| group.as_str().into()).collect();
            fields = fields.with("groups", groups);
        }
        fields.into()
    }
}

/// The request that the API server sends to its webhooks about an object. As there:
///
/// - a namespaced object without a namespace has the one that it lands in filled in;
/// - a generated name is not known yet, so that `name` is absent;
/// - the `namespace` of a Namespace is its own name, but for its creation, when there is none yet;
/// - on DELETE the object is null and the old object is the one that goes.
pub fn admission_request(snapshot: &Snapshot, entry: &Entry, operation: Operation<'_>, user: &User) -> Value {
    let object = with_namespace(&entry.value, entry.namespace.as_deref());
    let (object, old) = match operation {
        Operation::Create => (object, Value::Null),
        Operation::Update { old } => (object, with_namespace(old, entry.namespace.as_deref())),
        Operation::Delete => (Value::Null, object),
    };
    let kind = kind_of(&entry.object);
    let resource = resource_of(snapshot, entry);
    let options: Value =
        [("apiVersion", "meta.k8s.io/v1".into()), ("kind", operation.options_kind().into())].into();
    let request: Value = [
        ("uid", "".into()),
        ("kind", kind.clone()),
        ("resource", resource.clone()),
        ("requestKind", kind),
        ("requestResource", resource),
        ("operation", operation.as_str().into()),
        ("userInfo", user.to_value()),
        ("object", object),
        ("oldObject", old),
        ("dryRun", false.into()),
        ("options", options),
    ]
    .into();
    let name = text(field(&entry.value, &["metadata"]), "name");
    let own_name = (entry.is_namespace() && operation != Operation::Create).then_some(name);
    with_names(&request, name, entry.namespace.as_deref().or(own_name))
}

/// The request that Gatekeeper makes up where no API server is asked: in `gator` and in its audit. It knows what the object
/// is and nothing else (`pkg/target/target.go`, `unstructuredToAdmissionRequest`); what is unknown is empty or null, and
/// no namespace is filled in.
pub fn bare_request(entry: &Entry) -> Value {
    bare_request_about(&entry.value)
}

/// The same about a manifest that is no entry of a snapshot, such as that of an object which another would make.
pub fn bare_request_about(manifest: &Value) -> Value {
    let object = ObjectRef::of(manifest);
    let nothing: Value = [("group", "".into()), ("version", "".into()), ("resource", "".into())].into();
    let request: Value = [
        ("uid", "".into()),
        ("kind", kind_of(&object)),
        ("resource", nothing),
        ("operation", "".into()),
        ("userInfo", Object::default().into()),
        ("object", manifest.clone()),
        ("oldObject", Value::Null),
        ("options", Value::Null),
    ]
    .into();
    let name = text(field(manifest, &["metadata"]), "name");
    with_names(&request, name, object.namespace.as_deref())
}

/// A request with the Namespace that its object is in as `namespaceObject`, as Gatekeeper hands it to policies: null
/// where there is none, or none is known.
#[must_use]
pub fn with_namespace_object(request: &Value, namespace: Option<&Value>) -> Value {
    let fields = request.as_object().cloned().unwrap_or_default();
    fields.with("namespaceObject", namespace.cloned().unwrap_or_default()).into()
}

/// `name` and `namespace`, each only where there is one.
fn with_names(request: &Value, name: &str, namespace: Option<&str>) -> Value {
    let mut fields = request.as_object().cloned().unwrap_or_default();
    if !name.is_empty() {
        fields = fields.with("name", name);
    }
    if let Some(namespace) = namespace.filter(|namespace| !namespace.is_empty()) {
        fields = fields.with("namespace", namespace);
    }
    fields.into()
}

fn kind_of(object: &ObjectRef) -> Value {
    [
        ("group", object.group().into()),
        ("version", version_of(&object.api_version).into()),
        ("kind", (&*object.kind).into()),
    ]
    .into()
}

fn resource_of(snapshot: &Snapshot, entry: &Entry) -> Value {
    let resource = snapshot.kinds().resource(entry.object.group(), &entry.object.kind);
    [
        ("group", entry.object.group().into()),
        ("version", version_of(&entry.object.api_version).into()),
        ("resource", (&*resource.plural).into()),
    ]
    .into()
}

/// A manifest with the namespace that its object lands in, where it leaves that out.
pub(crate) fn with_namespace(manifest: &Value, namespace: Option<&str>) -> Value {
    let metadata = field(manifest, &["metadata"]);
    match (manifest, namespace) {
        (Value::Object(fields), Some(namespace)) if text(metadata, "namespace").is_empty() => {
            let metadata = metadata.as_object().cloned().unwrap_or_default();
            fields.with("metadata", metadata.with("namespace", namespace)).into()
        }
        _ => manifest.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::{Options, SourceDocument};

    fn snapshot(manifest: Value) -> Snapshot {
        let document = SourceDocument { source: "a.yaml".into(), index: 0, value: manifest };
        Snapshot::build([document], &Options::default()).0
    }

    fn manifest(api_version: &str, kind: &str, metadata: Value) -> Value {
        [("apiVersion", api_version.into()), ("kind", kind.into()), ("metadata", metadata)].into()
    }

    fn request(manifest: Value, operation: Operation<'_>) -> String {
        let snapshot = snapshot(manifest);
        admission_request(&snapshot, &snapshot.entries()[0], operation, &User::default()).to_json()
    }

    #[test]
    fn a_creation_is_as_the_server_sends_it() {
        let policy = manifest("networking.k8s.io/v1", "NetworkPolicy", [("name", "a".into())].into());
        assert_eq!(
            request(policy, Operation::Create),
            r#"{"dryRun":false,"kind":{"group":"networking.k8s.io","kind":"NetworkPolicy","version":"v1"},"name":"a","namespace":"default","object":{"apiVersion":"networking.k8s.io/v1","kind":"NetworkPolicy","metadata":{"name":"a","namespace":"default"}},"oldObject":null,"operation":"CREATE","options":{"apiVersion":"meta.k8s.io/v1","kind":"CreateOptions"},"requestKind":{"group":"networking.k8s.io","kind":"NetworkPolicy","version":"v1"},"requestResource":{"group":"networking.k8s.io","resource":"networkpolicies","version":"v1"},"resource":{"group":"networking.k8s.io","resource":"networkpolicies","version":"v1"},"uid":"","userInfo":{}}"#
        );
    }

    #[test]
    fn a_generated_name_is_absent() {
        let pod = manifest("v1", "Pod", [("generateName", "a-".into()), ("namespace", "n".into())].into());
        let snapshot = snapshot(pod);
        let request =
            admission_request(&snapshot, &snapshot.entries()[0], Operation::Create, &User::default());
        assert_eq!(request.get("name"), None);
        assert_eq!(request.get("namespace"), Some(&"n".into()));
    }

    #[test]
    fn a_deletion_has_only_the_old_object_and_an_update_has_both() {
        let role = || manifest("rbac.authorization.k8s.io/v1", "ClusterRole", [("name", "a".into())].into());
        let snapshot = snapshot(role());
        let entry = &snapshot.entries()[0];
        let user = User { username: "alice".to_owned(), groups: vec!["developers".to_owned()] };
        let deletion = admission_request(&snapshot, entry, Operation::Delete, &user);
        assert_eq!(deletion.get("object"), Some(&Value::Null));
        assert_eq!(deletion.get("oldObject"), Some(&role()));
        assert_eq!(deletion.get("namespace"), None);
        let user: Value = [("groups", vec!["developers".into()].into()), ("username", "alice".into())].into();
        assert_eq!(deletion.get("userInfo"), Some(&user));
        let old = manifest("rbac.authorization.k8s.io/v1", "ClusterRole", [("name", "b".into())].into());
        let update = admission_request(&snapshot, entry, Operation::Update { old: &old }, &User::default());
        assert_eq!((update.get("object"), update.get("oldObject")), (Some(&role()), Some(&old)));
        assert_eq!(update.get("operation"), Some(&"UPDATE".into()));
    }

    #[test]
    fn a_namespace_is_in_itself_once_it_exists() {
        let shop = || manifest("v1", "Namespace", [("name", "shop".into())].into());
        let snapshot = snapshot(shop());
        let entry = &snapshot.entries()[0];
        let namespace = |operation| {
            let request = admission_request(&snapshot, entry, operation, &User::default());
            request.get("namespace").cloned()
        };
        assert_eq!(namespace(Operation::Create), None);
        assert_eq!(namespace(Operation::Delete), Some("shop".into()));
    }

    #[test]
    fn a_bare_request_fills_nothing_in() {
        let snapshot = snapshot(manifest("apps/v1", "Deployment", [("name", "a".into())].into()));
        let request = bare_request(&snapshot.entries()[0]);
        assert_eq!(
            request.to_json(),
            r#"{"kind":{"group":"apps","kind":"Deployment","version":"v1"},"name":"a","object":{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"a"}},"oldObject":null,"operation":"","options":null,"resource":{"group":"","resource":"","version":""},"uid":"","userInfo":{}}"#
        );
        let shop = manifest("v1", "Namespace", [("name", "shop".into())].into());
        assert_eq!(with_namespace_object(&request, Some(&shop)).get("namespaceObject"), Some(&shop));
        assert_eq!(with_namespace_object(&request, None).get("namespaceObject"), Some(&Value::Null));
    }
}
