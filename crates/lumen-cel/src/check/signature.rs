//! What the functions and operators take and give: a table, as cel-go and Kubernetes declare them.

use super::kind::{Constructor, Known, Type};

/// A function by its name, whether it is called on something, what it takes (what it is called on first), and what it gives.
/// Letters stand for any type.
type Signature = (&'static str, bool, &'static str, &'static str);

const MEMBER: bool = true;
const GLOBAL: bool = false;

/// Operands that are compared.
const COMPARED: &[&str] = &[
    "bool bool",
    "int int",
    "int double",
    "int uint",
    "uint uint",
    "uint double",
    "uint int",
    "double double",
    "double int",
    "double uint",
    "string string",
    "bytes bytes",
    "timestamp timestamp",
    "duration duration",
];

/// Operators whose operands are those of [`COMPARED`].
const COMPARISONS: &[&str] = &["_<_", "_<=_", "_>_", "_>=_"];

const SIGNATURES: &[Signature] = &[
    ("_?_:_", GLOBAL, "bool A A", "A"),
    ("!_", GLOBAL, "bool", "bool"),
    ("-_", GLOBAL, "double", "double"),
    ("-_", GLOBAL, "int", "int"),
    ("_==_", GLOBAL, "A A", "bool"),
    ("_!=_", GLOBAL, "A A", "bool"),
    ("_+_", GLOBAL, "bytes bytes", "bytes"),
    ("_+_", GLOBAL, "double double", "double"),
    ("_+_", GLOBAL, "duration duration", "duration"),
    ("_+_", GLOBAL, "duration timestamp", "timestamp"),
    ("_+_", GLOBAL, "timestamp duration", "timestamp"),
    ("_+_", GLOBAL, "int int", "int"),
    ("_+_", GLOBAL, "list<A> list<A>", "list<A>"),
    ("_+_", GLOBAL, "string string", "string"),
    ("_+_", GLOBAL, "uint uint", "uint"),
    ("_-_", GLOBAL, "double double", "double"),
    ("_-_", GLOBAL, "duration duration", "duration"),
    ("_-_", GLOBAL, "int int", "int"),
    ("_-_", GLOBAL, "timestamp duration", "timestamp"),
    ("_-_", GLOBAL, "timestamp timestamp", "duration"),
    ("_-_", GLOBAL, "uint uint", "uint"),
    ("_*_", GLOBAL, "double double", "double"),
    ("_*_", GLOBAL, "int int", "int"),
    ("_*_", GLOBAL, "uint uint", "uint"),
    ("_/_", GLOBAL, "double double", "double"),
    ("_/_", GLOBAL, "int int", "int"),
    ("_/_", GLOBAL, "uint uint", "uint"),
    ("_%_", GLOBAL, "int int", "int"),
    ("_%_", GLOBAL, "uint uint", "uint"),
    ("@in", GLOBAL, "A list<A>", "bool"),
    ("@in", GLOBAL, "A map<A,B>", "bool"),
    ("_[_]", GLOBAL, "list<A> int", "A"),
    ("_[_]", GLOBAL, "map<A,B> A", "B"),
    ("_[_]", GLOBAL, "optional<list<A>> int", "optional<A>"),
    ("_[_]", GLOBAL, "optional<map<A,B>> A", "optional<B>"),
    ("_[?_]", GLOBAL, "list<A> int", "optional<A>"),
    ("_[?_]", GLOBAL, "optional<list<A>> int", "optional<A>"),
    ("_[?_]", GLOBAL, "map<A,B> A", "optional<B>"),
    ("_[?_]", GLOBAL, "optional<map<A,B>> A", "optional<B>"),
    ("size", GLOBAL, "bytes", "int"),
    ("size", GLOBAL, "list<A>", "int"),
    ("size", GLOBAL, "map<A,B>", "int"),
    ("size", GLOBAL, "string", "int"),
    ("size", MEMBER, "bytes", "int"),
    ("size", MEMBER, "list<A>", "int"),
    ("size", MEMBER, "map<A,B>", "int"),
    ("size", MEMBER, "string", "int"),
    ("type", GLOBAL, "A", "type<A>"),
    ("bool", GLOBAL, "bool", "bool"),
    ("bool", GLOBAL, "string", "bool"),
    ("bytes", GLOBAL, "bytes", "bytes"),
    ("bytes", GLOBAL, "string", "bytes"),
    ("double", GLOBAL, "double", "double"),
    ("double", GLOBAL, "int", "double"),
    ("double", GLOBAL, "string", "double"),
    ("double", GLOBAL, "uint", "double"),
    ("duration", GLOBAL, "duration", "duration"),
    ("duration", GLOBAL, "string", "duration"),
    ("dyn", GLOBAL, "A", "dyn"),
    ("int", GLOBAL, "int", "int"),
    ("int", GLOBAL, "double", "int"),
    ("int", GLOBAL, "duration", "int"),
    ("int", GLOBAL, "string", "int"),
    ("int", GLOBAL, "timestamp", "int"),
    ("int", GLOBAL, "uint", "int"),
    ("string", GLOBAL, "string", "string"),
    ("string", GLOBAL, "bool", "string"),
    ("string", GLOBAL, "bytes", "string"),
    ("string", GLOBAL, "double", "string"),
    ("string", GLOBAL, "duration", "string"),
    ("string", GLOBAL, "int", "string"),
    ("string", GLOBAL, "timestamp", "string"),
    ("string", GLOBAL, "uint", "string"),
    ("string", GLOBAL, "net.IP", "string"),
    ("string", GLOBAL, "net.CIDR", "string"),
    ("timestamp", GLOBAL, "timestamp", "timestamp"),
    ("timestamp", GLOBAL, "int", "timestamp"),
    ("timestamp", GLOBAL, "string", "timestamp"),
    ("uint", GLOBAL, "uint", "uint"),
    ("uint", GLOBAL, "double", "uint"),
    ("uint", GLOBAL, "int", "uint"),
    ("uint", GLOBAL, "string", "uint"),
    ("contains", MEMBER, "string string", "bool"),
    ("endsWith", MEMBER, "string string", "bool"),
    ("startsWith", MEMBER, "string string", "bool"),
    ("matches", GLOBAL, "string string", "bool"),
    ("matches", MEMBER, "string string", "bool"),
    ("charAt", MEMBER, "string int", "string"),
    ("find", MEMBER, "string string", "string"),
    ("findAll", MEMBER, "string string", "list<string>"),
    ("findAll", MEMBER, "string string int", "list<string>"),
    ("format", MEMBER, "string list<dyn>", "string"),
    ("indexOf", MEMBER, "string string", "int"),
    ("indexOf", MEMBER, "string string int", "int"),
    ("indexOf", MEMBER, "list<A> A", "int"),
    ("join", MEMBER, "list<string>", "string"),
    ("join", MEMBER, "list<string> string", "string"),
    ("lastIndexOf", MEMBER, "string string", "int"),
    ("lastIndexOf", MEMBER, "string string int", "int"),
    ("lastIndexOf", MEMBER, "list<A> A", "int"),
    ("lowerAscii", MEMBER, "string", "string"),
    ("replace", MEMBER, "string string string", "string"),
    ("replace", MEMBER, "string string string int", "string"),
    ("split", MEMBER, "string string", "list<string>"),
    ("split", MEMBER, "string string int", "list<string>"),
    ("strings.quote", GLOBAL, "string", "string"),
    ("substring", MEMBER, "string int", "string"),
    ("substring", MEMBER, "string int int", "string"),
    ("trim", MEMBER, "string", "string"),
    ("upperAscii", MEMBER, "string", "string"),
    ("getDate", MEMBER, "timestamp", "int"),
    ("getDate", MEMBER, "timestamp string", "int"),
    ("getDayOfMonth", MEMBER, "timestamp", "int"),
    ("getDayOfMonth", MEMBER, "timestamp string", "int"),
    ("getDayOfWeek", MEMBER, "timestamp", "int"),
    ("getDayOfWeek", MEMBER, "timestamp string", "int"),
    ("getDayOfYear", MEMBER, "timestamp", "int"),
    ("getDayOfYear", MEMBER, "timestamp string", "int"),
    ("getFullYear", MEMBER, "timestamp", "int"),
    ("getFullYear", MEMBER, "timestamp string", "int"),
    ("getMonth", MEMBER, "timestamp", "int"),
    ("getMonth", MEMBER, "timestamp string", "int"),
    ("getHours", MEMBER, "timestamp", "int"),
    ("getHours", MEMBER, "timestamp string", "int"),
    ("getHours", MEMBER, "duration", "int"),
    ("getMinutes", MEMBER, "timestamp", "int"),
    ("getMinutes", MEMBER, "timestamp string", "int"),
    ("getMinutes", MEMBER, "duration", "int"),
    ("getSeconds", MEMBER, "timestamp", "int"),
    ("getSeconds", MEMBER, "timestamp string", "int"),
    ("getSeconds", MEMBER, "duration", "int"),
    ("getMilliseconds", MEMBER, "timestamp", "int"),
    ("getMilliseconds", MEMBER, "timestamp string", "int"),
    ("getMilliseconds", MEMBER, "duration", "int"),
    ("distinct", MEMBER, "list<A>", "list<A>"),
    ("first", MEMBER, "list<A>", "optional<A>"),
    ("flatten", MEMBER, "list<list<A>>", "list<A>"),
    ("flatten", MEMBER, "list<dyn> int", "list<dyn>"),
    ("last", MEMBER, "list<A>", "optional<A>"),
    ("lists.range", GLOBAL, "int", "list<int>"),
    ("reverse", MEMBER, "list<A>", "list<A>"),
    ("slice", MEMBER, "list<A> int int", "list<A>"),
    ("sets.contains", GLOBAL, "list<A> list<A>", "bool"),
    ("sets.equivalent", GLOBAL, "list<A> list<A>", "bool"),
    ("sets.intersects", GLOBAL, "list<A> list<A>", "bool"),
    ("sum", MEMBER, "list<int>", "int"),
    ("sum", MEMBER, "list<uint>", "uint"),
    ("sum", MEMBER, "list<double>", "double"),
    ("sum", MEMBER, "list<duration>", "duration"),
    ("hasValue", MEMBER, "optional<A>", "bool"),
    ("optional.none", GLOBAL, "", "optional<A>"),
    ("optional.of", GLOBAL, "A", "optional<A>"),
    ("optional.ofNonZeroValue", GLOBAL, "A", "optional<A>"),
    ("optional.unwrap", GLOBAL, "list<optional<A>>", "list<A>"),
    ("or", MEMBER, "optional<A> optional<A>", "optional<A>"),
    ("orValue", MEMBER, "optional<A> A", "A"),
    ("unwrapOpt", MEMBER, "list<optional<A>>", "list<A>"),
    ("value", MEMBER, "optional<A>", "A"),
    ("quantity", GLOBAL, "string", "kubernetes.Quantity"),
    ("isQuantity", GLOBAL, "string", "bool"),
    ("sign", GLOBAL, "kubernetes.Quantity", "int"),
    ("add", MEMBER, "kubernetes.Quantity kubernetes.Quantity", "kubernetes.Quantity"),
    ("add", MEMBER, "kubernetes.Quantity int", "kubernetes.Quantity"),
    ("sub", MEMBER, "kubernetes.Quantity kubernetes.Quantity", "kubernetes.Quantity"),
    ("sub", MEMBER, "kubernetes.Quantity int", "kubernetes.Quantity"),
    ("asApproximateFloat", MEMBER, "kubernetes.Quantity", "double"),
    ("asInteger", MEMBER, "kubernetes.Quantity", "int"),
    ("isInteger", MEMBER, "kubernetes.Quantity", "bool"),
    ("compareTo", MEMBER, "kubernetes.Quantity kubernetes.Quantity", "int"),
    ("compareTo", MEMBER, "kubernetes.Semver kubernetes.Semver", "int"),
    ("isGreaterThan", MEMBER, "kubernetes.Quantity kubernetes.Quantity", "bool"),
    ("isGreaterThan", MEMBER, "kubernetes.Semver kubernetes.Semver", "bool"),
    ("isLessThan", MEMBER, "kubernetes.Quantity kubernetes.Quantity", "bool"),
    ("isLessThan", MEMBER, "kubernetes.Semver kubernetes.Semver", "bool"),
    ("cidr", GLOBAL, "string", "net.CIDR"),
    ("containsCIDR", MEMBER, "net.CIDR string", "bool"),
    ("containsCIDR", MEMBER, "net.CIDR net.CIDR", "bool"),
    ("containsIP", MEMBER, "net.CIDR string", "bool"),
    ("containsIP", MEMBER, "net.CIDR net.IP", "bool"),
    ("family", MEMBER, "net.IP", "int"),
    ("ip", GLOBAL, "string", "net.IP"),
    ("ip", MEMBER, "net.CIDR", "net.IP"),
    ("ip.isCanonical", GLOBAL, "string", "bool"),
    ("isCIDR", GLOBAL, "string", "bool"),
    ("isGlobalUnicast", MEMBER, "net.IP", "bool"),
    ("isIP", GLOBAL, "string", "bool"),
    ("isLinkLocalMulticast", MEMBER, "net.IP", "bool"),
    ("isLinkLocalUnicast", MEMBER, "net.IP", "bool"),
    ("isLoopback", MEMBER, "net.IP", "bool"),
    ("isUnspecified", MEMBER, "net.IP", "bool"),
    ("masked", MEMBER, "net.CIDR", "net.CIDR"),
    ("prefixLength", MEMBER, "net.CIDR", "int"),
    ("getEscapedPath", MEMBER, "kubernetes.URL", "string"),
    ("getHost", MEMBER, "kubernetes.URL", "string"),
    ("getHostname", MEMBER, "kubernetes.URL", "string"),
    ("getPort", MEMBER, "kubernetes.URL", "string"),
    ("getQuery", MEMBER, "kubernetes.URL", "map<string,list<string>>"),
    ("getScheme", MEMBER, "kubernetes.URL", "string"),
    ("isURL", GLOBAL, "string", "bool"),
    ("url", GLOBAL, "string", "kubernetes.URL"),
    ("isSemver", GLOBAL, "string", "bool"),
    ("isSemver", GLOBAL, "string bool", "bool"),
    ("major", MEMBER, "kubernetes.Semver", "int"),
    ("minor", MEMBER, "kubernetes.Semver", "int"),
    ("patch", MEMBER, "kubernetes.Semver", "int"),
    ("semver", GLOBAL, "string", "kubernetes.Semver"),
    ("semver", GLOBAL, "string bool", "kubernetes.Semver"),
    ("format.named", GLOBAL, "string", "optional<kubernetes.NamedFormat>"),
    ("validate", MEMBER, "kubernetes.NamedFormat string", "optional<list<string>>"),
];

/// What has an order: elements of lists that are sorted, or whose least or greatest is asked for.
const ORDERED: &[&str] = &["int", "uint", "double", "bool", "duration", "timestamp", "string", "bytes"];

/// Functions of lists of what has an order, and whether they give an element, a list, or a boolean.
const OF_ORDERED: &[(&str, &str)] =
    &[("isSorted", "bool"), ("max", "A"), ("min", "A"), ("sort", "list<A>"), ("sortBy", "bool")];

/// Types of one word.
const WORDS: &[(&str, Type)] = &[
    ("bool", Type::Bool),
    ("bytes", Type::Bytes),
    ("double", Type::Double),
    ("duration", Type::Duration),
    ("dyn", Type::Dyn),
    ("int", Type::Int),
    ("kubernetes.NamedFormat", Type::Named("kubernetes.NamedFormat")),
    ("kubernetes.Quantity", Type::Named("kubernetes.Quantity")),
    ("kubernetes.Semver", Type::Named("kubernetes.Semver")),
    ("kubernetes.URL", Type::Named("kubernetes.URL")),
    ("net.CIDR", Type::Named("net.CIDR")),
    ("net.IP", Type::Named("net.IP")),
    ("null_type", Type::Null),
    ("string", Type::Text),
    ("timestamp", Type::Timestamp),
    ("uint", Type::Uint),
];

/// What takes types, by its word.
const CONSTRUCTORS: &[(&str, Constructor)] = &[
    ("list", Constructor::List),
    ("map", Constructor::Map),
    ("optional", Constructor::Optional),
    ("type", Constructor::Type),
];

/// Names of types, as values; a list and a map of anything.
pub(super) fn named(name: &str) -> Type {
    match name {
        "list" => Type::list(Type::Dyn),
        "map" => Type::map(Type::Dyn, Type::Dyn),
        "google.protobuf.Duration" => Type::Duration,
        "google.protobuf.Timestamp" => Type::Timestamp,
        _ => WORDS.iter().find(|(word, _)| *word == name).map_or(Type::Dyn, |(_, of)| of.clone()),
    }
}

/// What a function gives for operands of these types; `None` where it does not take them.
pub(super) fn result(known: &mut Known, name: &str, is_member: bool, operands: &[Type]) -> Option<Type> {
    let mut given: Option<Type> = None;
    let mut take = |known: &mut Known, takes: &str, gives: &str, element: Option<&str>| {
        let mut letters = Vec::new();
        if let Some(element) = element {
            letters.push((b'A', read(known, &mut Vec::new(), element)));
        }
        let wanted: Vec<Type> =
            takes.split_ascii_whitespace().map(|text| read(known, &mut letters, text)).collect();
        if !known.fits_all(operands, &wanted) {
            return;
        }
        let result = read(known, &mut letters, gives);
        let result = known.resolved(&result);
        given = Some(match given.take() {
            None => result,
            Some(before) if before == result => before,
            Some(_) => Type::Dyn,
        });
    };
    if COMPARISONS.contains(&name) {
        for takes in COMPARED {
            take(known, takes, "bool", None);
        }
    }
    if let Some((_, gives)) = OF_ORDERED.iter().find(|(of, _)| *of == name) {
        for element in ORDERED {
            take(known, "list<A>", gives, Some(element));
        }
    }
    if let Some("format.") = name.get(..7).filter(|_| operands.is_empty()) {
        return Some(Type::Named("kubernetes.NamedFormat"));
    }
    for (_, _, takes, gives) in SIGNATURES.iter().filter(|row| row.0 == name && row.1 == is_member) {
        take(known, takes, gives, None);
    }
    given
}

/// A type of the table; letters stand for the same type wherever they are.
fn read(known: &mut Known, letters: &mut Vec<(u8, Type)>, text: &str) -> Type {
    if let &[letter @ b'A'..=b'Z'] = text.as_bytes() {
        if let Some((_, of)) = letters.iter().find(|(seen, _)| *seen == letter) {
            return of.clone();
        }
        let fresh = known.fresh();
        letters.push((letter, fresh.clone()));
        return fresh;
    }
    let Some((word, inner)) = text.strip_suffix('>').and_then(|text| text.split_once('<')) else {
        return named(text);
    };
    // Only the last of several types has parts.
    let mut types = Vec::new();
    let mut rest = inner;
    while let Some((first, after)) = rest.split_once(',').filter(|(first, _)| !first.contains('<')) {
        types.push(read(known, letters, first));
        rest = after;
    }
    types.push(read(known, letters, rest));
    let constructor = CONSTRUCTORS.iter().find(|(known, _)| *known == word);
    constructor.map_or(Type::Dyn, |(_, constructor)| Type::of(*constructor, types))
}

/// The fields of Kubernetes' objects: object, field, and its type
/// (`apiserver/pkg/admission/plugin/cel/compile.go`).
const FIELDS: &[(&str, &str, &str)] = &[
    (REQUEST, "kind", "kubernetes.GroupVersionKind"),
    (REQUEST, "resource", "kubernetes.GroupVersionResource"),
    (REQUEST, "subResource", "string"),
    (REQUEST, "requestKind", "kubernetes.GroupVersionKind"),
    (REQUEST, "requestResource", "kubernetes.GroupVersionResource"),
    (REQUEST, "requestSubResource", "string"),
    (REQUEST, "name", "string"),
    (REQUEST, "namespace", "string"),
    (REQUEST, "operation", "string"),
    (REQUEST, "userInfo", "kubernetes.UserInfo"),
    (REQUEST, "dryRun", "bool"),
    (REQUEST, "options", "dyn"),
    ("kubernetes.GroupVersionKind", "group", "string"),
    ("kubernetes.GroupVersionKind", "version", "string"),
    ("kubernetes.GroupVersionKind", "kind", "string"),
    ("kubernetes.GroupVersionResource", "group", "string"),
    ("kubernetes.GroupVersionResource", "version", "string"),
    ("kubernetes.GroupVersionResource", "resource", "string"),
    ("kubernetes.UserInfo", "username", "string"),
    ("kubernetes.UserInfo", "uid", "string"),
    ("kubernetes.UserInfo", "groups", "list<string>"),
    ("kubernetes.UserInfo", "extra", "map<string,list<string>>"),
    (NAMESPACE, "metadata", "kubernetes.NamespaceMetadata"),
    (NAMESPACE, "spec", "kubernetes.NamespaceSpec"),
    (NAMESPACE, "status", "kubernetes.NamespaceStatus"),
    ("kubernetes.NamespaceSpec", "finalizers", "list<string>"),
    ("kubernetes.NamespaceStatus", "conditions", "list<dyn>"),
    ("kubernetes.NamespaceStatus", "phase", "string"),
    ("kubernetes.NamespaceMetadata", "name", "string"),
    ("kubernetes.NamespaceMetadata", "generateName", "string"),
    ("kubernetes.NamespaceMetadata", "namespace", "string"),
    ("kubernetes.NamespaceMetadata", "labels", "map<string,string>"),
    ("kubernetes.NamespaceMetadata", "annotations", "map<string,string>"),
    ("kubernetes.NamespaceMetadata", "UID", "string"),
    ("kubernetes.NamespaceMetadata", "creationTimestamp", "timestamp"),
    ("kubernetes.NamespaceMetadata", "deletionGracePeriodSeconds", "int"),
    ("kubernetes.NamespaceMetadata", "deletionTimestamp", "timestamp"),
    ("kubernetes.NamespaceMetadata", "generation", "int"),
    ("kubernetes.NamespaceMetadata", "resourceVersion", "string"),
    ("kubernetes.NamespaceMetadata", "finalizers", "list<string>"),
];

/// The type of `request`.
pub(super) const REQUEST: &str = "kubernetes.AdmissionRequest";
/// The type of `namespaceObject`.
pub(super) const NAMESPACE: &str = "kubernetes.Namespace";

/// The type of a field of one of Kubernetes' objects; `None` where it has no such field. Values such as quantities have none.
pub(super) fn field(object: &str, name: &str) -> Option<Type> {
    let (_, _, of) = FIELDS.iter().find(|(owner, field, _)| *owner == object && *field == name)?;
    Some(match FIELDS.iter().find(|(owner, ..)| owner == of) {
        Some((owner, ..)) => Type::Named(owner),
        None => read(&mut Known::default(), &mut Vec::new(), of),
    })
}

/// Whether a type of Kubernetes has fields.
pub(super) fn has_fields(object: &str) -> bool {
    FIELDS.iter().any(|(owner, ..)| *owner == object)
}
