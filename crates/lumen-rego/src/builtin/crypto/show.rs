//! Certificates and keys in the shape that Go's `encoding/json` gives to its structs; OPA shows them so.

use std::net::{Ipv4Addr, Ipv6Addr};

use lumen_value::{Array, Number, Object, Str, Value};
use num_bigint::BigUint;

use super::certificate::{Certificate, Constraints, Extension, Limit, Moment, Name, Names, Request};
use super::key::{PrivateKey, PublicKey, pad};
use super::{der, encode};
use crate::builtin::time;
use crate::builtin::url::Url;

/// Bytes as Base64.
pub(super) fn bytes(bytes: &[u8]) -> Value {
    Value::from(encode::encode(bytes))
}

fn optional_bytes(value: Option<&Vec<u8>>) -> Value {
    value.map_or(Value::Null, |value| bytes(value))
}

/// A list, or null where it is empty: Go's nil.
fn list(items: impl Iterator<Item = Value>) -> Value {
    let items: Vec<Value> = items.collect();
    if items.is_empty() { Value::Null } else { Value::from(items) }
}

fn strings<'a>(items: impl Iterator<Item = &'a str>) -> Value {
    list(items.map(Value::from))
}

fn text(bytes: &[u8]) -> Value {
    Value::String(Str::from(&*Str::from_bytes(bytes).to_text()))
}

/// A big-endian number.
pub(super) fn number(bytes: &[u8]) -> Value {
    let decimal = BigUint::from_bytes_be(bytes).to_string();
    Number::parse(&decimal).map_or(Value::Null, Value::Number)
}

fn integer(value: impl Into<i64>) -> Value {
    Value::from(value.into())
}

fn oid(numbers: &[u32]) -> Value {
    Value::Array(numbers.iter().map(|number| integer(*number)).collect::<Array>())
}

fn moment(moment: Moment) -> Value {
    Value::from(time::show(moment.seconds, moment.offset))
}

fn pair(id: &[u32], value: Value) -> Value {
    Value::from([("Type", oid(id)), ("Value", value)])
}

fn name(name: &Name) -> Value {
    let all = |number| strings(name.values(number));
    let last = |number| Value::from(name.values(number).last().unwrap_or_default());
    Value::from([
        ("CommonName", last(3)),
        ("Country", all(6)),
        ("ExtraNames", Value::Null),
        ("Locality", all(7)),
        ("Names", list(name.attributes.iter().map(|(id, value)| pair(id, Value::from(value.as_str()))))),
        ("Organization", all(10)),
        ("OrganizationalUnit", all(11)),
        ("PostalCode", all(17)),
        ("Province", all(8)),
        ("SerialNumber", last(5)),
        ("StreetAddress", all(9)),
    ])
}

fn extension(extension: &Extension) -> Value {
    Value::from([
        ("Critical", Value::from(extension.critical)),
        ("Id", oid(&extension.id)),
        ("Value", bytes(&extension.value)),
    ])
}

fn ip(address: &[u8]) -> Value {
    if let Ok(four) = <[u8; 4]>::try_from(address) {
        return Value::from(Ipv4Addr::from(four).to_string());
    }
    let Ok(sixteen) = <[u8; 16]>::try_from(address) else { return Value::Null };
    let address = Ipv6Addr::from(sixteen);
    Value::from(address.to_ipv4_mapped().map_or_else(|| address.to_string(), |four| four.to_string()))
}

fn uri(uri: &Url) -> Value {
    Value::from([
        ("ForceQuery", Value::from(uri.force_query)),
        ("Fragment", text(&uri.fragment)),
        ("Host", text(&uri.host)),
        ("OmitHost", Value::from(uri.omit_host)),
        ("Opaque", text(&uri.opaque)),
        ("Path", text(&uri.path)),
        ("RawFragment", text(&uri.raw_fragment)),
        ("RawPath", text(&uri.raw_path)),
        ("RawQuery", text(&uri.raw_query)),
        ("Scheme", text(&uri.scheme)),
        ("User", if uri.user.is_some() { empty() } else { Value::Null }),
    ])
}

fn empty() -> Value {
    Value::Object(Object::default())
}

/// A public key.
pub(super) fn public_key(key: &PublicKey) -> Value {
    match key {
        PublicKey::Rsa { modulus, exponent } => Value::from([
            ("E", integer(i64::try_from(*exponent).unwrap_or(i64::MAX))),
            ("N", number(modulus)),
        ]),
        PublicKey::Ec { point, .. } => {
            let [x, y] = coordinates(point);
            Value::from([("Curve", empty()), ("X", number(x)), ("Y", number(y))])
        }
        PublicKey::Ed25519(key) => bytes(key),
        PublicKey::X25519 => empty(),
        PublicKey::Dsa([p, q, g, y]) => {
            Value::from([("G", number(g)), ("P", number(p)), ("Q", number(q)), ("Y", number(y))])
        }
    }
}

/// The two coordinates of an uncompressed point.
pub(in crate::builtin) fn coordinates(point: &[u8]) -> [&[u8]; 2] {
    let both = point.get(1..).unwrap_or_default();
    let (x, y) = both.split_at_checked(both.len() / 2).unwrap_or((both, b""));
    [x, y]
}

/// A private key.
pub(super) fn private_key(key: &PrivateKey) -> Value {
    match key {
        PrivateKey::Rsa(numbers) => {
            let [dp, dq, inverse] = &numbers.remainders;
            let remainders = Value::from([
                ("CRTValues", Value::from(vec![])),
                ("Dp", number(dp)),
                ("Dq", number(dq)),
                ("Qinv", number(inverse)),
            ]);
            Value::from([
                ("D", number(&numbers.secret)),
                ("E", integer(i64::try_from(numbers.exponent).unwrap_or(i64::MAX))),
                ("N", number(&numbers.modulus)),
                ("Precomputed", remainders),
                ("Primes", list(numbers.primes.iter().map(|prime| number(prime)))),
            ])
        }
        PrivateKey::Ec { secret, point, .. } => {
            let [x, y] = coordinates(point);
            Value::from([("Curve", empty()), ("D", number(secret)), ("X", number(x)), ("Y", number(y))])
        }
        PrivateKey::Ed25519 { seed, public } => bytes(&[*seed, *public].concat()),
        PrivateKey::X25519 { .. } => empty(),
    }
}

/// A private key as a JWK.
pub(super) fn jwk(key: &PrivateKey) -> Value {
    let url = |bytes: &[u8]| Value::from(encode::encode_url(bytes));
    match key {
        PrivateKey::Rsa(numbers) => {
            let [dp, dq, inverse] = &numbers.remainders;
            let [p, q] = &numbers.primes;
            let exponent = numbers.exponent.to_be_bytes();
            Value::from([
                ("d", url(&numbers.secret)),
                ("dp", url(dp)),
                ("dq", url(dq)),
                ("e", url(super::key::trim(&exponent))),
                ("kty", Value::from("RSA")),
                ("n", url(&numbers.modulus)),
                ("p", url(p)),
                ("q", url(q)),
                ("qi", url(inverse)),
            ])
        }
        PrivateKey::Ec { curve, secret, point } => {
            let [x, y] = coordinates(point).map(|part| pad(part, curve.bytes()).unwrap_or_default());
            Value::from([
                ("crv", Value::from(curve.name())),
                ("d", url(&pad(secret, curve.bytes()).unwrap_or_default())),
                ("kty", Value::from("EC")),
                ("x", url(&x)),
                ("y", url(&y)),
            ])
        }
        PrivateKey::Ed25519 { seed, public } => Value::from([
            ("crv", Value::from("Ed25519")),
            ("d", url(seed)),
            ("kty", Value::from("OKP")),
            ("x", url(public)),
        ]),
        PrivateKey::X25519 { secret } => {
            Value::from([("crv", Value::from("X25519")), ("d", url(secret)), ("kty", Value::from("OKP"))])
        }
    }
}

fn policy(der: &[u8]) -> String {
    der::oid(der).map_or_else(String::new, |numbers| der::dotted(&numbers))
}

type Fields = Vec<(&'static str, Value)>;

fn names(fields: &mut Fields, names: &Names) {
    fields.extend([
        ("DNSNames", strings(names.dns.iter().map(String::as_str))),
        ("EmailAddresses", strings(names.emails.iter().map(String::as_str))),
        ("IPAddresses", list(names.ips.iter().map(|address| ip(address)))),
        ("URIs", list(names.uris.iter().map(uri))),
    ]);
}

fn networks(networks: &[(Vec<u8>, Vec<u8>)]) -> Value {
    list(networks.iter().map(|(address, mask)| Value::from([("IP", ip(address)), ("Mask", bytes(mask))])))
}

fn constraints(fields: &mut Fields, keys: [&'static str; 4], constraints: &Constraints) {
    let [dns, emails, ips, uris] = keys;
    fields.extend([
        (dns, strings(constraints.dns.iter().map(String::as_str))),
        (emails, strings(constraints.emails.iter().map(String::as_str))),
        (ips, networks(&constraints.ips)),
        (uris, strings(constraints.uris.iter().map(String::as_str))),
    ]);
}

/// A certificate; with `uri_strings` its URIs are also given as text.
pub(super) fn certificate(certificate: &Certificate, uri_strings: bool) -> Value {
    let known = &certificate.known;
    let texts = |list_: &[Vec<u8>]| list(list_.iter().map(|item| text(item)));
    let oids = |list_: &[Vec<u32>]| list(list_.iter().map(|id| oid(id)));
    let mut fields: Fields = vec![
        ("AuthorityKeyId", optional_bytes(known.authority_key_id.as_ref())),
        ("BasicConstraintsValid", Value::from(known.basic_constraints_valid)),
        ("CRLDistributionPoints", texts(&known.crl_points)),
        ("ExtKeyUsage", list(known.usages.iter().map(|usage| integer(*usage)))),
        ("Extensions", list(certificate.extensions.iter().map(extension))),
        ("ExtraExtensions", Value::Null),
        ("IsCA", Value::from(known.is_ca)),
        ("Issuer", name(&certificate.issuer)),
        ("IssuingCertificateURL", texts(&known.issuer_urls)),
        ("KeyUsage", integer(known.key_usage)),
        ("NotAfter", moment(certificate.not_after)),
        ("NotBefore", moment(certificate.not_before)),
        ("OCSPServer", texts(&known.ocsp_servers)),
        ("PermittedDNSDomainsCritical", Value::from(known.constraints_critical)),
        (
            "Policies",
            known
                .policies
                .as_ref()
                .map_or(Value::Null, |all| list(all.iter().map(|der| Value::from(policy(der))))),
        ),
        (
            "PolicyIdentifiers",
            known.policies.as_ref().map_or(Value::Null, |all| {
                Value::from(all.iter().filter_map(|der| der::oid(der)).map(|id| oid(&id)).collect::<Vec<_>>())
            }),
        ),
        (
            "PolicyMappings",
            list(known.policy_mappings.iter().map(|(issuer, subject)| {
                Value::from([
                    ("IssuerDomainPolicy", Value::from(policy(issuer))),
                    ("SubjectDomainPolicy", Value::from(policy(subject))),
                ])
            })),
        ),
        ("PublicKey", certificate.key.as_ref().map_or(Value::Null, public_key)),
        ("PublicKeyAlgorithm", integer(certificate.key_algorithm)),
        ("Raw", bytes(&certificate.raw)),
        ("RawIssuer", bytes(&certificate.raw_issuer)),
        ("RawSubject", bytes(&certificate.raw_subject)),
        ("RawSubjectPublicKeyInfo", bytes(&certificate.raw_key)),
        ("RawTBSCertificate", bytes(&certificate.raw_body)),
        ("SerialNumber", number(&certificate.serial)),
        ("Signature", bytes(&certificate.signature)),
        ("SignatureAlgorithm", integer(certificate.signature_algorithm.0)),
        ("Subject", name(&certificate.subject)),
        ("SubjectKeyId", optional_bytes(known.subject_key_id.as_ref())),
        ("UnhandledCriticalExtensions", oids(&known.unhandled_critical)),
        ("UnknownExtKeyUsage", oids(&known.unknown_usages)),
        ("Version", integer(certificate.version)),
    ];
    names(&mut fields, &known.names);
    let permitted =
        ["PermittedDNSDomains", "PermittedEmailAddresses", "PermittedIPRanges", "PermittedURIDomains"];
    let excluded = ["ExcludedDNSDomains", "ExcludedEmailAddresses", "ExcludedIPRanges", "ExcludedURIDomains"];
    constraints(&mut fields, permitted, &known.permitted);
    constraints(&mut fields, excluded, &known.excluded);
    let limits: [(&str, &str, Limit); 4] = [
        ("InhibitAnyPolicy", "InhibitAnyPolicyZero", known.inhibit_any_policy),
        ("InhibitPolicyMapping", "InhibitPolicyMappingZero", known.inhibit_policy_mapping),
        ("MaxPathLen", "MaxPathLenZero", known.max_path_length),
        ("RequireExplicitPolicy", "RequireExplicitPolicyZero", known.require_explicit_policy),
    ];
    for (key, zero, limit) in limits {
        fields.extend([(key, integer(limit.value)), (zero, Value::from(limit.is_zero))]);
    }
    if uri_strings {
        fields.push(("URIStrings", list(known.names.uris.iter().map(|uri| text(&uri.to_bytes())))));
    }
    object(fields)
}

fn object(fields: Fields) -> Value {
    Value::Object(fields.into_iter().map(|(key, value)| (Value::from(key), value)).collect())
}

/// A request for a certificate.
pub(super) fn request(request: &Request) -> Value {
    let attributes = list(request.attributes.iter().map(|(id, values)| {
        let values = values.iter().map(|entries| {
            Value::from(entries.iter().map(|(id, value)| pair(id, value.clone())).collect::<Vec<_>>())
        });
        pair(id, Value::from(values.collect::<Vec<_>>()))
    }));
    let mut fields: Fields = vec![
        ("Attributes", attributes),
        ("Extensions", list(request.extensions.iter().map(extension))),
        ("ExtraExtensions", Value::Null),
        ("PublicKey", request.key.as_ref().map_or(Value::Null, public_key)),
        ("PublicKeyAlgorithm", integer(request.key_algorithm)),
        ("Raw", bytes(&request.raw)),
        ("RawSubject", bytes(&request.raw_subject)),
        ("RawSubjectPublicKeyInfo", bytes(&request.raw_key)),
        ("RawTBSCertificateRequest", bytes(&request.raw_body)),
        ("Signature", bytes(&request.signature)),
        ("SignatureAlgorithm", integer(request.signature_algorithm.0)),
        ("Subject", name(&request.subject)),
        ("Version", integer(request.version)),
    ];
    names(&mut fields, &request.names);
    object(fields)
}

/// A certificate with its key, as Go's `tls.Certificate`.
pub(super) fn key_pair(chain: &[Vec<u8>], leaf: &Certificate, key: &PrivateKey) -> Value {
    Value::from([
        ("Certificate", list(chain.iter().map(|der| bytes(der)))),
        ("Leaf", certificate(leaf, false)),
        ("OCSPStaple", Value::Null),
        ("PrivateKey", private_key(key)),
        ("SignedCertificateTimestamps", Value::Null),
        ("SupportedSignatureAlgorithms", Value::Null),
    ])
}
