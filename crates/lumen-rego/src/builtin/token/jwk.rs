//! JSON Web Keys, alone and in sets, as the library behind OPA reads them (`lestrrat-go/jwx/v3`).

use lumen_value::{Object, Value};

use super::super::crypto::encode::decode_url;
use super::super::crypto::key::{Curve, PrivateKey, PublicKey, RsaNumbers, ed25519_public, pad, trim};
use super::super::{Context, Failure, json};
use super::verify::{Scheme, Trusted};

/// A key of any kind.
#[derive(Clone, Debug)]
pub(super) enum Key {
    Public(PublicKey),
    Private(PrivateKey),
    Secret(Vec<u8>),
    /// One that nothing is done with.
    Other,
}

/// Most keys of a set.
const KEYS_MAX: usize = 1_000;

/// The keys that may verify: those whose algorithm is known or not given.
pub(super) fn keys_of_set(
    context: &mut Context<'_>,
    text: &[u8],
) -> Result<Result<Vec<Trusted>, String>, Failure> {
    Ok(parse(context, text)?.map(|keys| {
        let known =
            |trusted: &Trusted| trusted.algorithm.is_empty() || Scheme::of(&trusted.algorithm).is_some();
        keys.into_iter().filter(known).collect()
    }))
}

/// All keys of a JWK or of a set. The inner error is the library's text.
pub(super) fn parse(context: &mut Context<'_>, text: &[u8]) -> Result<Result<Vec<Trusted>, String>, Failure> {
    let sole = |error: String| format!("jwk.Parse: failed to parse sole key: jwk.ParseKey: {error}");
    let value = match json::read_whole(context, text)? {
        Ok(value) => value,
        Err(error) => {
            let probe = "jwk.Parse: failed to probe data: probe: failed to unmarshal data: ";
            return Ok(Err(sole(format!("{probe}{error}"))));
        }
    };
    let Value::Object(object) = &value else {
        return Ok(Err(sole("jwk.Parse: failed to probe data: probe: failed to unmarshal data".to_owned())));
    };
    if let Some(Value::Array(keys)) = object.get("keys") {
        if keys.len() > KEYS_MAX {
            return Ok(Err(format!("jwk.Parse: too many keys in the set: {}", keys.len())));
        }
        let mut parsed = Vec::with_capacity(keys.len());
        for (index, key) in keys.iter().enumerate() {
            let object = match key {
                Value::Object(object) => Ok(object),
                _ => Err("jwk.ParseKey: jwk.Parse: failed to probe data".to_owned()),
            };
            match object.and_then(trusted) {
                Ok(key) => parsed.push(key),
                Err(error) => {
                    return Ok(Err(format!("jwk.Parse: failed to decode element {index} in keys: {error}")));
                }
            }
        }
        return Ok(Ok(parsed));
    }
    Ok(trusted(object).map(|key| vec![key]).map_err(sole))
}

fn trusted(object: &Object) -> Result<Trusted, String> {
    let text = |name: &str| match object.get(name) {
        Some(Value::String(text)) => Ok(text.to_text().into_owned()),
        None => Ok(String::new()),
        Some(_) => Err(format!("failed to decode value for key {name}")),
    };
    Ok(Trusted { algorithm: text("alg")?, id: text("kid")?, key: key(object)? })
}

/// Bytes in Base64 for URLs; `None` where the field is missing.
fn field(object: &Object, name: &str) -> Result<Option<Vec<u8>>, String> {
    match object.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => {
            let text = text.as_bytes();
            let decoded = decode_url(text);
            decoded.map(Some).map_err(|_| format!("failed to decode value for key {name}"))
        }
        Some(_) => Err(format!("failed to decode value for key {name}")),
    }
}

fn required(object: &Object, name: &str) -> Result<Vec<u8>, String> {
    field(object, name)?.ok_or_else(|| format!("required field {name} is missing"))
}

fn key(object: &Object) -> Result<Key, String> {
    let kind = match object.get("kty") {
        Some(Value::String(kind)) => kind.to_text().into_owned(),
        _ => return Err("jwk.Parse: failed to get \"kty\" hint: field Kty not found".to_owned()),
    };
    let is_private = object.get("d").is_some();
    match kind.as_str() {
        "oct" => {
            let secret = required(object, "k")?;
            if secret.is_empty() {
                return Err("jwk.Parse: key validation failed: required field k is missing".to_owned());
            }
            Ok(Key::Secret(secret))
        }
        "RSA" => rsa(object, is_private),
        "EC" => ec(object, is_private),
        "OKP" => okp(object, is_private),
        kind => Err(format!("invalid key type from JSON ({kind})")),
    }
}

fn rsa(object: &Object, is_private: bool) -> Result<Key, String> {
    let modulus = trim(&required(object, "n")?).to_vec();
    let exponent = trim(&required(object, "e")?).iter().try_fold(0_u64, |value, byte| {
        value.checked_mul(256).map(|value| value | u64::from(*byte)).filter(|value| *value < 1 << 63)
    });
    let exponent = exponent.ok_or("RSA exponent is too large")?;
    if modulus.is_empty() || exponent == 0 {
        return Err("jwk.Parse: key validation failed: RSA modulus or exponent is zero".to_owned());
    }
    if !is_private {
        return Ok(Key::Public(PublicKey::Rsa { modulus, exponent }));
    }
    let secret = trim(&required(object, "d")?).to_vec();
    let primes = [required(object, "p")?, required(object, "q")?].map(|prime| trim(&prime).to_vec());
    let numbers = RsaNumbers { modulus, exponent, secret, primes, remainders: Default::default() };
    Ok(Key::Private(PrivateKey::Rsa(numbers)))
}

fn ec(object: &Object, is_private: bool) -> Result<Key, String> {
    let name = match object.get("crv") {
        Some(Value::String(name)) => name.to_text().into_owned(),
        _ => return Err("required field crv is missing".to_owned()),
    };
    let curve = match name.as_str() {
        "P-256" => Curve::P256,
        "P-384" => Curve::P384,
        "P-521" => Curve::P521,
        _ => return Err(format!("unknown curve {name}")),
    };
    let coordinate = |name: &str| {
        let bytes = required(object, name)?;
        pad(&bytes, curve.bytes()).ok_or_else(|| format!("{name} is too long for the curve"))
    };
    let point = [vec![4], coordinate("x")?, coordinate("y")?].concat();
    if !curve.has(&point) {
        return Err("the point is not on the curve".to_owned());
    }
    if !is_private {
        return Ok(Key::Public(PublicKey::Ec { curve, point }));
    }
    let secret = coordinate("d")?;
    Ok(Key::Private(PrivateKey::Ec { curve, secret, point }))
}

fn okp(object: &Object, is_private: bool) -> Result<Key, String> {
    let name = match object.get("crv") {
        Some(Value::String(name)) => name.to_text().into_owned(),
        _ => return Err("required field crv is missing".to_owned()),
    };
    let array = |name: &str| {
        <[u8; 32]>::try_from(required(object, name)?).map_err(|_| format!("{name} has the wrong length"))
    };
    match name.as_str() {
        "Ed25519" if is_private => {
            let (seed, public) = (array("d")?, array("x")?);
            if ed25519_public(&seed) != public {
                return Err("invalid x value given d value".to_owned());
            }
            Ok(Key::Private(PrivateKey::Ed25519 { seed, public }))
        }
        "Ed25519" => Ok(Key::Public(PublicKey::Ed25519(array("x")?))),
        "X25519" => Ok(Key::Other),
        _ => Err(format!("invalid curve algorithm {name}")),
    }
}
