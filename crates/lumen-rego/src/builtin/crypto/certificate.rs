//! X.509 certificates and requests, read as strictly as Go's `crypto/x509` reads them (`parser.go`), with its errors.

mod extension;
mod name;

use super::der::{self, Der};
use super::key::PublicKey;
use super::{oid, private};
use crate::builtin::url::Url;

pub(super) use self::extension::{Constraints, domain_name_valid};
pub(super) use self::name::Name;

/// An extension as it stands in the certificate.
#[derive(Clone, Debug)]
pub(super) struct Extension {
    pub(super) id: Vec<u32>,
    pub(super) critical: bool,
    pub(super) value: Vec<u8>,
}

/// A moment with the offset that it was written with, in seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Moment {
    pub(super) seconds: i64,
    pub(super) offset: i64,
}

/// How a certificate is signed: Go's number for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct SignatureAlgorithm(pub(super) u8);

/// Alternative names.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    pub(super) dns: Vec<String>,
    pub(super) emails: Vec<String>,
    pub(super) ips: Vec<Vec<u8>>,
    pub(super) uris: Vec<Url>,
}

/// A number that an extension may give, and which may be 0.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Limit {
    pub(super) value: i64,
    pub(super) is_zero: bool,
}

/// What the known extensions say.
#[derive(Clone, Debug, Default)]
pub(super) struct Extensions {
    pub(super) key_usage: i64,
    pub(super) basic_constraints_valid: bool,
    pub(super) is_ca: bool,
    pub(super) max_path_length: Limit,
    pub(super) subject_key_id: Option<Vec<u8>>,
    pub(super) authority_key_id: Option<Vec<u8>>,
    pub(super) ocsp_servers: Vec<Vec<u8>>,
    pub(super) issuer_urls: Vec<Vec<u8>>,
    pub(super) names: Names,
    pub(super) constraints_critical: bool,
    pub(super) permitted: Constraints,
    pub(super) excluded: Constraints,
    pub(super) crl_points: Vec<Vec<u8>>,
    /// In DER, without header.
    pub(super) policies: Option<Vec<Vec<u8>>>,
    pub(super) policy_mappings: Vec<(Vec<u8>, Vec<u8>)>,
    pub(super) inhibit_any_policy: Limit,
    pub(super) inhibit_policy_mapping: Limit,
    pub(super) require_explicit_policy: Limit,
    pub(super) usages: Vec<i64>,
    pub(super) unknown_usages: Vec<Vec<u32>>,
    pub(super) unhandled_critical: Vec<Vec<u32>>,
}

/// A certificate.
#[derive(Clone, Debug)]
pub(super) struct Certificate {
    pub(super) raw: Vec<u8>,
    pub(super) raw_body: Vec<u8>,
    pub(super) raw_key: Vec<u8>,
    pub(super) raw_subject: Vec<u8>,
    pub(super) raw_issuer: Vec<u8>,
    pub(super) signature: Vec<u8>,
    pub(super) signature_algorithm: SignatureAlgorithm,
    pub(super) key_algorithm: u8,
    pub(super) key: Option<PublicKey>,
    pub(super) version: i64,
    /// Big-endian, never negative.
    pub(super) serial: Vec<u8>,
    pub(super) issuer: Name,
    pub(super) subject: Name,
    pub(super) not_before: Moment,
    pub(super) not_after: Moment,
    pub(super) extensions: Vec<Extension>,
    pub(super) known: Extensions,
}

impl Certificate {
    /// Certificates one after the other.
    pub(super) fn parse_all(mut der: &[u8]) -> Result<Vec<Self>, String> {
        let mut certificates = Vec::new();
        while !der.is_empty() {
            let certificate = Self::parse_first(der)?;
            der = der.get(certificate.raw.len()..).unwrap_or_default();
            certificates.push(certificate);
        }
        Ok(certificates)
    }

    /// One certificate and nothing else.
    pub(super) fn parse(der: &[u8]) -> Result<Self, String> {
        let certificate = Self::parse_first(der)?;
        if certificate.raw.len() == der.len() {
            Ok(certificate)
        } else {
            Err("x509: trailing data".to_owned())
        }
    }

    fn parse_first(der: &[u8]) -> Result<Self, String> {
        let whole =
            Der(der).any().filter(|whole| whole.tag == der::SEQUENCE).ok_or("x509: malformed certificate")?;
        let mut outer = Der(whole.content);
        let body =
            outer.any().filter(|body| body.tag == der::SEQUENCE).ok_or("x509: malformed tbs certificate")?;
        let mut tbs = Der(body.content);
        let version = version(&mut tbs)?;
        let serial = tbs.integer().ok_or("x509: malformed serial number")?;
        if serial.first().is_some_and(|first| first & 0x80 != 0) {
            return Err("x509: negative serial number".to_owned());
        }
        let inner = tbs.read(der::SEQUENCE).ok_or("x509: malformed signature algorithm identifier")?;
        let identifier = outer.read(der::SEQUENCE).ok_or("x509: malformed algorithm identifier")?;
        if inner.0 != identifier.0 {
            return Err("x509: inner and outer signature algorithm identifiers don't match".to_owned());
        }
        let signature_algorithm = signature_algorithm(identifier)?;
        let raw_issuer = tbs.element(der::SEQUENCE).ok_or("x509: malformed issuer")?;
        let issuer = Name::parse(raw_issuer)?;
        let mut validity = tbs.read(der::SEQUENCE).ok_or("x509: malformed validity")?;
        let (not_before, not_after) = (moment(&mut validity)?, moment(&mut validity)?);
        let raw_subject = tbs.element(der::SEQUENCE).ok_or("x509: malformed issuer")?;
        let subject = Name::parse(raw_subject)?;
        let info = tbs.any().filter(|info| info.tag == der::SEQUENCE).ok_or("x509: malformed spki")?;
        let (key_algorithm, key) = private::public(&mut Der(info.content))?;
        let extensions = if version > 1 { extensions(&mut tbs, version)? } else { Vec::new() };
        let known = Extensions::of(&extensions)?;
        let signature = outer.bits().ok_or("x509: malformed signature")?.right_aligned();
        Ok(Self {
            raw: whole.whole.to_vec(),
            raw_body: body.whole.to_vec(),
            raw_key: info.whole.to_vec(),
            raw_subject: raw_subject.to_vec(),
            raw_issuer: raw_issuer.to_vec(),
            signature,
            signature_algorithm,
            key_algorithm,
            key,
            version,
            serial: serial.to_vec(),
            issuer,
            subject,
            not_before,
            not_after,
            extensions,
            known,
        })
    }

    /// The extension with alternative names.
    pub(super) fn alternative_names(&self) -> Option<&[u8]> {
        let found = self.extensions.iter().find(|extension| extension.id == [2, 5, 29, 17]);
        found.map(|extension| extension.value.as_slice())
    }

    /// Whether it constrains names.
    pub(super) fn has_name_constraints(&self) -> bool {
        self.extensions.iter().any(|extension| extension.id == [2, 5, 29, 30])
    }
}

fn version(tbs: &mut Der<'_>) -> Result<i64, String> {
    let malformed = || "x509: malformed version".to_owned();
    let version = match tbs.optional(der::context_constructed(0)).ok_or_else(malformed)? {
        Some(mut explicit) => {
            let version = explicit.small_integer().filter(|version| *version >= 0).ok_or_else(malformed)?;
            if !explicit.is_empty() {
                return Err(malformed());
            }
            version.saturating_add(1)
        }
        None => 1,
    };
    if version > 3 { Err("x509: invalid version".to_owned()) } else { Ok(version) }
}

fn extensions(tbs: &mut Der<'_>, version: i64) -> Result<Vec<Extension>, String> {
    tbs.optional(der::context(1)).ok_or("x509: malformed issuerUniqueID")?;
    tbs.optional(der::context(2)).ok_or("x509: malformed subjectUniqueID")?;
    if version != 3 {
        return Ok(Vec::new());
    }
    let Some(mut explicit) = tbs.optional(der::context_constructed(3)).ok_or("x509: malformed extensions")?
    else {
        return Ok(Vec::new());
    };
    let mut list = explicit.read(der::SEQUENCE).ok_or("x509: malformed extensions")?;
    let mut extensions = Vec::new();
    let mut seen = std::collections::BTreeSet::new();
    while !list.is_empty() {
        let extension = extension(list.read(der::SEQUENCE).ok_or("x509: malformed extension")?)?;
        if !seen.insert(extension.id.clone()) {
            let id = der::dotted(&extension.id);
            return Err(format!("x509: certificate contains duplicate extension with OID \"{id}\""));
        }
        extensions.push(extension);
    }
    Ok(extensions)
}

fn extension(mut der: Der<'_>) -> Result<Extension, String> {
    let id = der.oid().ok_or("x509: malformed extension OID field")?;
    let critical = if der.peek(der::BOOLEAN) {
        der.boolean().ok_or("x509: malformed extension critical field")?
    } else {
        false
    };
    let value = der.read(der::OCTET_STRING).ok_or("x509: malformed extension value field")?;
    Ok(Extension { id, critical, value: value.0.to_vec() })
}

/// Identifiers of the algorithms that are known by them alone.
const SIGNATURE_ALGORITHMS: &[(&[u32], u8)] = &[
    (&[1, 2, 840, 113_549, 1, 1, 4], 2),
    (&[1, 2, 840, 113_549, 1, 1, 5], 3),
    (&[1, 3, 14, 3, 2, 29], 3),
    (&[1, 2, 840, 113_549, 1, 1, 11], 4),
    (&[1, 2, 840, 113_549, 1, 1, 12], 5),
    (&[1, 2, 840, 113_549, 1, 1, 13], 6),
    (&[1, 2, 840, 10_040, 4, 3], 7),
    (&[2, 16, 840, 1, 101, 3, 4, 3, 2], 8),
    (&[1, 2, 840, 10_045, 4, 1], 9),
    (&[1, 2, 840, 10_045, 4, 3, 2], 10),
    (&[1, 2, 840, 10_045, 4, 3, 3], 11),
    (&[1, 2, 840, 10_045, 4, 3, 4], 12),
    (oid::ED25519, 16),
];

/// Digest, salt and number of the PSS algorithms.
const PSS_ALGORITHMS: &[(&[u32], i64, u8)] = &[
    (&[2, 16, 840, 1, 101, 3, 4, 2, 1], 32, 13),
    (&[2, 16, 840, 1, 101, 3, 4, 2, 2], 48, 14),
    (&[2, 16, 840, 1, 101, 3, 4, 2, 3], 64, 15),
];

fn signature_algorithm(mut identifier: Der<'_>) -> Result<SignatureAlgorithm, String> {
    let algorithm = identifier.oid().ok_or("x509: malformed OID")?;
    let parameters = if identifier.is_empty() {
        None
    } else {
        Some(identifier.any().ok_or("x509: malformed parameters")?)
    };
    if algorithm == oid::RSA_PSS {
        let parameters = parameters.filter(|parameters| parameters.tag == der::SEQUENCE);
        let number = parameters.and_then(|parameters| pss(Der(parameters.content)));
        return Ok(SignatureAlgorithm(number.unwrap_or(0)));
    }
    if algorithm == oid::ED25519 && parameters.is_some() {
        return Ok(SignatureAlgorithm(0));
    }
    let found = SIGNATURE_ALGORITHMS.iter().find(|(known, _)| algorithm == *known);
    Ok(SignatureAlgorithm(found.map_or(0, |(_, number)| *number)))
}

/// The PSS algorithm whose digest is its mask's and whose salt has the digest's length.
fn pss(mut parameters: Der<'_>) -> Option<u8> {
    let hash_of = |mut identifier: Der<'_>| -> Option<Vec<u32>> {
        let hash = identifier.oid()?;
        (identifier.is_empty() || identifier.0 == [5, 0]).then_some(hash)
    };
    let hash = hash_of(parameters.read(der::context_constructed(0))?.read(der::SEQUENCE)?)?;
    let mut mask = parameters.read(der::context_constructed(1))?.read(der::SEQUENCE)?;
    if mask.oid()? != oid::MGF1 || hash_of(mask.read(der::SEQUENCE)?)? != hash {
        return None;
    }
    let salt = parameters.read(der::context_constructed(2))?.small_integer()?;
    if let Some(mut trailer) = parameters.optional(der::context_constructed(3))?
        && trailer.small_integer()? != 1
    {
        return None;
    }
    let found = PSS_ALGORITHMS.iter().find(|(known, length, _)| hash == *known && salt == *length);
    found.map(|(_, _, number)| *number)
}

fn moment(der: &mut Der<'_>) -> Result<Moment, String> {
    let element = der.any().ok_or("x509: unsupported time format")?;
    match element.tag {
        der::UTC_TIME => name::utc_time(element.content).ok_or("x509: malformed UTCTime".to_owned()),
        der::GENERALIZED_TIME => {
            name::generalized_time(element.content).ok_or("x509: malformed GeneralizedTime".to_owned())
        }
        _ => Err("x509: unsupported time format".to_owned()),
    }
}

/// What Go's `encoding/asn1` says of a request that is no sequence.
fn other_tag(first: u8, length: u8) -> String {
    let (class, tag, is_compound) = (first >> 6, first & 0x1f, first & 0x20 != 0);
    let parameters = "{optional:false explicit:false application:false private:false defaultValue:<nil> tag:<nil> stringType:0 timeType:0 set:false omitEmpty:false}";
    format!(
        "asn1: structure error: tags don't match (16 vs {{class:{class} tag:{tag} length:{length} isCompound:{is_compound}}}) {parameters} certificateRequest @2"
    )
}

/// A request for a certificate.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) raw: Vec<u8>,
    pub(super) raw_body: Vec<u8>,
    pub(super) raw_key: Vec<u8>,
    pub(super) raw_subject: Vec<u8>,
    pub(super) version: i64,
    pub(super) signature: Vec<u8>,
    pub(super) signature_algorithm: SignatureAlgorithm,
    pub(super) key_algorithm: u8,
    pub(super) key: Option<PublicKey>,
    pub(super) subject: Name,
    /// Type and values of the attributes whose values are sets of attributes.
    pub(super) attributes: Vec<Attribute>,
    pub(super) extensions: Vec<Extension>,
    pub(super) names: Names,
}

/// An attribute of a request: its type, and lists of type and value.
pub(super) type Attribute = (Vec<u32>, Vec<Vec<(Vec<u32>, lumen_value::Value)>>);

impl Request {
    /// One request and nothing else.
    pub(super) fn parse(der: &[u8]) -> Result<Self, String> {
        let mismatch = || "asn1: structure error: tags don't match".to_owned();
        if let [first, length, ..] = der
            && *first != der::SEQUENCE
        {
            return Err(other_tag(*first, *length));
        }
        let mut input = Der(der);
        let whole = match input.any() {
            Some(whole) if whole.tag == der::SEQUENCE => whole,
            Some(_) => return Err(mismatch()),
            None => return Err("asn1: syntax error: data truncated".to_owned()),
        };
        if !input.is_empty() {
            return Err("asn1: syntax error: trailing data".to_owned());
        }
        let mut outer = Der(whole.content);
        let body = outer.any().filter(|body| body.tag == der::SEQUENCE).ok_or_else(mismatch)?;
        let mut tbs = Der(body.content);
        let version = tbs.small_integer().ok_or_else(mismatch)?;
        let raw_subject = tbs.element(der::SEQUENCE).ok_or_else(mismatch)?;
        let info = tbs.any().filter(|info| info.tag == der::SEQUENCE).ok_or_else(mismatch)?;
        let attributes = tbs.optional(der::context_constructed(0)).ok_or_else(mismatch)?;
        let identifier = outer.read(der::SEQUENCE).ok_or_else(mismatch)?;
        let signature = outer.bits().ok_or_else(mismatch)?.right_aligned();
        let (key_algorithm, key) = private::public(&mut Der(info.content))?;
        let subject = Name::parse(raw_subject)?;
        let mut raw_attributes = Vec::new();
        let mut list = attributes.unwrap_or(Der(&[]));
        while !list.is_empty() {
            raw_attributes.push(list.any().ok_or_else(mismatch)?.whole);
        }
        let extensions = name::requested_extensions(&raw_attributes)?;
        let names = match extensions.iter().find(|extension| extension.id == [2, 5, 29, 17]) {
            Some(extension) => Names::parse(&extension.value)?,
            None => Names::default(),
        };
        Ok(Self {
            raw: whole.whole.to_vec(),
            raw_body: body.whole.to_vec(),
            raw_key: info.whole.to_vec(),
            raw_subject: raw_subject.to_vec(),
            version,
            signature,
            signature_algorithm: signature_algorithm(identifier)?,
            key_algorithm,
            key,
            subject,
            attributes: raw_attributes.iter().filter_map(|raw| name::attribute(raw)).collect(),
            extensions,
            names,
        })
    }
}
