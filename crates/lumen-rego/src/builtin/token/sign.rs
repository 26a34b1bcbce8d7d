//! `io.jwt.encode_sign` and `io.jwt.encode_sign_raw`.

use lumen_value::Value;

use super::super::crypto::encode::encode_url;
use super::super::crypto::key::{Padding, PrivateKey, PublicKey};
use super::super::{Answer, Context, Failure, json, operand};
use super::jwk::{self, Key};
use super::refuse;
use super::verify::Scheme;

pub(super) fn encode_sign(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    let mut text = |position: usize, part: &str| {
        json::text(context, operand::any(operands, position)?)
            .map_err(|failure| failure.said_of(&format!("failed to marshal JWT {part}")))
    };
    let (header, payload, key) = (text(1, "headers")?, text(2, "payload")?, text(3, "signature")?);
    sign(context, header.as_bytes(), payload.as_bytes(), key.as_bytes())
}

pub(super) fn encode_sign_raw(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    let key = operand::string(operands, 3)?;
    let header = operand::string(operands, 1)?;
    let payload = operand::string(operands, 2)?;
    sign(context, header.as_bytes(), payload.as_bytes(), key.as_bytes())
}

/// What the library takes a header for: it takes anything for a number that only has a number's characters.
fn header_of(context: &mut Context<'_>, text: &[u8]) -> Result<Result<Value, String>, Failure> {
    if text.is_empty() {
        return Ok(Err("cannot parse empty string; unparsed tail: \"\"".to_owned()));
    }
    let read = json::read_whole(context, text)?;
    let is_number = text.iter().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(byte));
    Ok(if read.is_err() && is_number { Ok(Value::Null) } else { read })
}

/// A text field of the header. The inner error says why there is none.
fn text(header: &Result<Value, String>, name: &str) -> Result<String, String> {
    let header = header.as_ref().map_err(|error| format!("cannot parse JSON: {error}"))?;
    match header.get(name) {
        Some(Value::String(text)) => Ok(text.to_text().into_owned()),
        Some(other) => Err(format!("value doesn't contain string; it contains {}", other.kind())),
        None => Err(format!("jwsbb: header \"{name}\" not found")),
    }
}

fn sign(context: &mut Context<'_>, header: &[u8], payload: &[u8], key: &[u8]) -> Answer {
    let keys = jwk::parse(context, key)?.map_err(refuse)?;
    let Some(key) = keys.into_iter().next() else { return Err(refuse("no keys found in JWK set")) };
    let fields = header_of(context, header)?;
    let algorithm =
        text(&fields, "alg").map_err(|error| refuse(format!("missing or invalid 'alg' header: {error}")))?;
    let scheme =
        Scheme::of(&algorithm).ok_or_else(|| refuse(format!("unknown JWS algorithm: {algorithm}")))?;
    let is_token = text(&fields, "typ").map_or(true, |kind| kind == "JWT");
    if is_token && json::read_whole(context, payload)?.is_err() {
        return Err(refuse("type is JWT but payload is not JSON"));
    }
    context.budget.bytes(2 * (header.len() + payload.len()) as u64 + 2_048)?;
    let message = format!("{}.{}", encode_url(header), encode_url(payload));
    let signature = signature(context, scheme, &key.key, message.as_bytes())?;
    Ok(Value::from(format!("{message}.{}", encode_url(&signature))))
}

fn signature(
    context: &mut Context<'_>,
    scheme: Scheme,
    key: &Key,
    message: &[u8],
) -> Result<Vec<u8>, Failure> {
    context.budget.steps(message.len() as u64 / 16)?;
    let signed = match (scheme, key) {
        (Scheme::Hs(hash), Key::Secret(secret)) => Some(hash.keyed(secret, message)),
        // The library takes the 64 bytes of such a key for a secret.
        (Scheme::Hs(hash), Key::Private(PrivateKey::Ed25519 { seed, public })) => {
            Some(hash.keyed(&[*seed, *public].concat(), message))
        }
        (Scheme::Rs(hash), Key::Private(key @ PrivateKey::Rsa(_))) => {
            key.sign_rsa(context.budget, context.random, hash, Padding::Pkcs1, &hash.digest(message))?
        }
        (Scheme::Ps(hash), Key::Private(key @ PrivateKey::Rsa(_))) => {
            let padding = Padding::Pss { any_salt: false };
            key.sign_rsa(context.budget, context.random, hash, padding, &hash.digest(message))?
        }
        (Scheme::Es(hash), Key::Private(key @ PrivateKey::Ec { .. })) => {
            key.sign_ec(context.budget, context.random, &hash.digest(message))?
        }
        (Scheme::Ed25519, Key::Private(key @ PrivateKey::Ed25519 { .. })) => {
            key.sign_ed25519(context.budget, message)?
        }
        _ => return Err(refuse(wrong_key(scheme, key))),
    };
    signed.ok_or_else(|| refuse("jwsbb.Sign: the key cannot be used"))
}

/// What the library says of a key that is not for the algorithm.
fn wrong_key(scheme: Scheme, key: &Key) -> String {
    let (wanted, produced) = match scheme {
        Scheme::Hs(_) => ("[]byte", "keyconv: failed to produce []byte"),
        Scheme::Rs(_) | Scheme::Ps(_) => ("*rsa.PrivateKey", "failed to produce rsa.PrivateKey"),
        Scheme::Es(_) => ("*ecdsa.PrivateKey", "keyconv: failed to produce ecdsa.PrivateKey"),
        Scheme::Ed25519 => ("ed25519.PrivateKey", "failed to produce ed25519.PrivateKey"),
    };
    let given = match key {
        Key::Public(PublicKey::Rsa { .. }) => "*jwk.rsaPublicKey",
        Key::Public(PublicKey::Ec { .. }) => "*jwk.ecdsaPublicKey",
        Key::Private(PrivateKey::Rsa(_)) => "*jwk.rsaPrivateKey",
        Key::Private(PrivateKey::Ec { .. }) => "*jwk.ecdsaPrivateKey",
        Key::Private(_) => "*jwk.okpPrivateKey",
        Key::Secret(_) => "*jwk.symmetricKey",
        Key::Public(_) | Key::Other => "*jwk.okpPublicKey",
    };
    let why = match key {
        Key::Private(PrivateKey::Ed25519 { .. }) => format!(
            "failed to assign key: argument to AssignIfCompatible() must be compatible with ed25519.PrivateKey (was {wanted})"
        ),
        _ => format!("no suitable exporter found for key type '{given}'"),
    };
    format!(
        "jwsbb.Sign: invalid key type {given}. {wanted} is required: {produced} from {given}: jwk.Export: {why}"
    )
}
