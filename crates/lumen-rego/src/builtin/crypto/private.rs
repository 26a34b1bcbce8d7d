//! Private keys in DER: PKCS #1, PKCS #8 and SEC 1, told apart as Go's `crypto/x509` does.

use super::der::{self, Der};
use super::key::{Curve, PrivateKey, PublicKey, RsaNumbers, ed25519_public, pad, trim};
use super::oid;

/// Longest number of an RSA key that is looked at, in bytes: 16,384 bits.
const NUMBER_BYTES_MAX: usize = 2_048;

/// A PKCS #1 key.
pub(in crate::builtin) fn pkcs1(der: &[u8]) -> Result<PrivateKey, String> {
    let Some((version, numbers)) = pkcs1_numbers(der) else {
        return Err(other_format(der, &["ParsePKCS8PrivateKey", "ParseECPrivateKey"]));
    };
    if version > 1 {
        return Err("x509: unsupported private key version".to_owned());
    }
    if numbers.modulus.is_empty() || numbers.secret.is_empty() || numbers.primes.iter().any(Vec::is_empty) {
        return Err("x509: private key contains zero or negative value".to_owned());
    }
    if !numbers.is_consistent() {
        return Err("crypto/rsa: invalid private key".to_owned());
    }
    numbers.with_remainders().map(PrivateKey::Rsa).ok_or_else(|| "crypto/rsa: invalid prime".to_owned())
}

fn pkcs1_numbers(der: &[u8]) -> Option<(i64, RsaNumbers)> {
    let mut outer = Der(der);
    let mut key = outer.read(der::SEQUENCE).filter(|_| outer.is_empty())?;
    let version = key.small_integer()?;
    let mut number = || key.natural().filter(|bytes| bytes.len() <= NUMBER_BYTES_MAX).map(<[u8]>::to_vec);
    let modulus = number()?;
    let exponent = number()?;
    let (secret, p, q) = (number()?, number()?, number()?);
    let exponent = exponent.iter().try_fold(0_u64, |value, byte| {
        value.checked_mul(256).map(|value| value | u64::from(*byte)).filter(|value| *value < 1 << 63)
    })?;
    Some((version, RsaNumbers { modulus, exponent, secret, primes: [p, q], remainders: Default::default() }))
}

/// A SEC 1 key.
pub(in crate::builtin) fn sec1(der: &[u8]) -> Result<PrivateKey, String> {
    ec(der, None)
}

fn ec(der: &[u8], curve: Option<Curve>) -> Result<PrivateKey, String> {
    let Some((version, secret, named)) = ec_parts(der) else {
        return Err(other_format(der, &["ParsePKCS8PrivateKey", "ParsePKCS1PrivateKey"]));
    };
    if version != 1 {
        return Err(format!("x509: unknown EC private key version {version}"));
    }
    let curve = curve.or_else(|| Curve::of(&named)).ok_or("x509: unknown elliptic curve")?;
    let secret = pad(&secret, curve.bytes()).ok_or("x509: invalid private key length")?;
    let point = curve.point(&secret).ok_or("ecdsa: private key scalar out of range")?;
    Ok(PrivateKey::Ec { curve, secret, point })
}

fn ec_parts(der: &[u8]) -> Option<(i64, Vec<u8>, Vec<u32>)> {
    let mut key = Der(der).read(der::SEQUENCE)?;
    let version = key.small_integer()?;
    let secret = key.read(der::OCTET_STRING)?.0.to_vec();
    let named = match key.optional(der::context_constructed(0))? {
        Some(mut explicit) => explicit.oid()?,
        None => Vec::new(),
    };
    Some((version, secret, named))
}

struct Pkcs8<'a> {
    algorithm: Vec<u32>,
    parameters: &'a [u8],
    key: &'a [u8],
}

fn pkcs8_parts(der: &[u8]) -> Option<Pkcs8<'_>> {
    let mut outer = Der(der).read(der::SEQUENCE)?;
    outer.small_integer()?;
    let mut identifier = outer.read(der::SEQUENCE)?;
    let algorithm = identifier.oid()?;
    let parameters = identifier.0;
    let key = outer.read(der::OCTET_STRING)?.0;
    Some(Pkcs8 { algorithm, parameters, key })
}

/// A PKCS #8 key.
pub(in crate::builtin) fn pkcs8(der: &[u8]) -> Result<PrivateKey, String> {
    let Some(parts) = pkcs8_parts(der) else {
        return Err(other_format(der, &["ParseECPrivateKey", "ParsePKCS1PrivateKey"]));
    };
    let embedded = |kind: &str, error: String| {
        format!("x509: failed to parse {kind} private key embedded in PKCS#8: {error}")
    };
    match parts.algorithm.as_slice() {
        oid::RSA => pkcs1(parts.key).map_err(|error| embedded("RSA", error)),
        oid::EC => {
            let curve = Der(parts.parameters).oid();
            match curve.as_deref().map(Curve::of) {
                Some(None) => Err(embedded("EC", "x509: unknown elliptic curve".to_owned())),
                curve => ec(parts.key, curve.flatten()).map_err(|error| embedded("EC", error)),
            }
        }
        oid::ED25519 => {
            let seed = curve_secret(&parts, "Ed25519")?;
            Ok(PrivateKey::Ed25519 { seed, public: ed25519_public(&seed) })
        }
        oid::X25519 => Ok(PrivateKey::X25519 { secret: curve_secret(&parts, "X25519")? }),
        other => Err(format!(
            "x509: PKCS#8 wrapping contained private key with unknown algorithm: {}",
            der::dotted(other)
        )),
    }
}

fn curve_secret(parts: &Pkcs8<'_>, curve: &str) -> Result<[u8; 32], String> {
    if !parts.parameters.is_empty() {
        return Err(format!("x509: invalid {curve} private key parameters"));
    }
    let secret = Der(parts.key)
        .read(der::OCTET_STRING)
        .ok_or_else(|| format!("x509: invalid {curve} private key: asn1: syntax error: data truncated"))?;
    <[u8; 32]>::try_from(secret.0)
        .map_err(|_| format!("x509: invalid {curve} private key length: {}", secret.0.len()))
}

/// The error for a key that is not in this format; it may be in another.
fn other_format(der: &[u8], others: &[&str]) -> String {
    for other in others {
        let fits = match *other {
            "ParsePKCS8PrivateKey" => pkcs8_parts(der).is_some(),
            "ParseECPrivateKey" => ec_parts(der).is_some(),
            _ => pkcs1_numbers(der).is_some(),
        };
        if fits {
            return format!("x509: failed to parse private key (use {other} instead for this key format)");
        }
    }
    if der.is_empty() {
        return "asn1: syntax error: sequence truncated".to_owned();
    }
    "asn1: structure error: tags don't match".to_owned()
}

/// The key of a TLS certificate: any of the three formats.
pub(in crate::builtin) fn any(der: &[u8]) -> Result<PrivateKey, String> {
    if let Ok(key) = pkcs1(der) {
        return Ok(key);
    }
    match pkcs8(der) {
        Ok(PrivateKey::X25519 { .. }) => {
            return Err("tls: found unknown private key type in PKCS#8 wrapping".to_owned());
        }
        Ok(key) => return Ok(key),
        Err(_) => {}
    }
    sec1(der).map_err(|_| "tls: failed to parse private key".to_owned())
}

/// A public key in the form of a certificate's `SubjectPublicKeyInfo`; `Ok(None)` where its algorithm is not known.
pub(in crate::builtin) fn public(info: &mut Der<'_>) -> Result<(u8, Option<PublicKey>), String> {
    let mut identifier = info.read(der::SEQUENCE).ok_or("x509: malformed public key algorithm identifier")?;
    let algorithm = identifier.oid().ok_or("x509: malformed OID")?;
    let parameters = if identifier.is_empty() {
        &[][..]
    } else {
        identifier.any().ok_or("x509: malformed parameters")?.whole
    };
    let bits = info.bits().ok_or("x509: malformed subjectPublicKey")?;
    let data = bits.right_aligned();
    match algorithm.as_slice() {
        oid::RSA => rsa_public(parameters, &data).map(|key| (1, Some(key))),
        oid::DSA => dsa_public(parameters, &data).map(|key| (2, Some(key))),
        oid::EC => {
            let curve = Der(parameters).oid().ok_or("x509: invalid ECDSA parameters")?;
            let curve = Curve::of(&curve).ok_or("x509: unsupported elliptic curve")?;
            if data.first() != Some(&4) {
                return Err("ecdsa: invalid uncompressed public key".to_owned());
            }
            if !curve.has(&data) {
                return Err(format!("invalid {} point encoding", curve.name().replace('-', "")));
            }
            Ok((3, Some(PublicKey::Ec { curve, point: data })))
        }
        oid::ED25519 => {
            if !parameters.is_empty() {
                return Err("x509: Ed25519 key encoded with illegal parameters".to_owned());
            }
            let key = <[u8; 32]>::try_from(data).map_err(|_| "x509: wrong Ed25519 public key size")?;
            Ok((4, Some(PublicKey::Ed25519(key))))
        }
        _ => Ok((0, None)),
    }
}

fn rsa_public(parameters: &[u8], data: &[u8]) -> Result<PublicKey, String> {
    if parameters != [5, 0] {
        return Err("x509: RSA key missing NULL parameters".to_owned());
    }
    let mut key = Der(data).read(der::SEQUENCE).ok_or("x509: invalid RSA public key")?;
    let modulus = key.integer().ok_or("x509: invalid RSA modulus")?;
    let exponent = key.small_integer().ok_or("x509: invalid RSA public exponent")?;
    if modulus == [0] || modulus.first().is_some_and(|first| first & 0x80 != 0) {
        return Err("x509: RSA modulus is not a positive number".to_owned());
    }
    let exponent = u64::try_from(exponent)
        .ok()
        .filter(|exponent| *exponent > 0)
        .ok_or("x509: RSA public exponent is not a positive number")?;
    Ok(PublicKey::Rsa { modulus: trim(modulus).to_vec(), exponent })
}

fn dsa_public(parameters: &[u8], data: &[u8]) -> Result<PublicKey, String> {
    let y = Der(data).integer().ok_or("x509: invalid DSA public key")?;
    let mut inner = Der(parameters).read(der::SEQUENCE).ok_or("x509: invalid DSA parameters")?;
    let mut number = || inner.integer().ok_or("x509: invalid DSA parameters");
    let numbers = [number()?, number()?, number()?, y];
    if numbers.iter().any(|number| *number == [0] || number.first().is_some_and(|first| first & 0x80 != 0)) {
        return Err("x509: zero or negative DSA parameter".to_owned());
    }
    Ok(PublicKey::Dsa(numbers.map(|number| trim(number).to_vec())))
}
