//! Signatures of tokens.

use std::sync::Arc;

use lumen_value::{Str, Value};

use super::super::crypto::digest::{Hash, equal};
use super::super::crypto::key::{Padding, PublicKey, verify_ec, verify_ed25519, verify_rsa};
use super::super::crypto::{certificate_key, pem, public_key};
use super::super::{Answer, Budget, Context, Failure, operand};
use super::jwk::{Key, keys_of_set};
use super::{Header, Token, refuse};

/// How a token is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scheme {
    Hs(Hash),
    Rs(Hash),
    Ps(Hash),
    Es(Hash),
    Ed25519,
}

/// Names of the algorithms.
const SCHEMES: &[(&str, Scheme)] = &[
    ("ES256", Scheme::Es(Hash::Sha256)),
    ("ES384", Scheme::Es(Hash::Sha384)),
    ("ES512", Scheme::Es(Hash::Sha512)),
    ("EdDSA", Scheme::Ed25519),
    ("HS256", Scheme::Hs(Hash::Sha256)),
    ("HS384", Scheme::Hs(Hash::Sha384)),
    ("HS512", Scheme::Hs(Hash::Sha512)),
    ("PS256", Scheme::Ps(Hash::Sha256)),
    ("PS384", Scheme::Ps(Hash::Sha384)),
    ("PS512", Scheme::Ps(Hash::Sha512)),
    ("RS256", Scheme::Rs(Hash::Sha256)),
    ("RS384", Scheme::Rs(Hash::Sha384)),
    ("RS512", Scheme::Rs(Hash::Sha512)),
];

impl Scheme {
    /// The algorithm of a name.
    pub(super) fn of(name: &str) -> Option<Self> {
        SCHEMES.iter().find(|(known, _)| *known == name).map(|(_, scheme)| *scheme)
    }
}

/// A key to verify with.
#[derive(Clone, Debug)]
pub(super) struct Trusted {
    /// The algorithm that it is for; empty: any.
    pub(super) algorithm: String,
    pub(super) id: String,
    pub(super) key: Key,
}

/// The keys of a certificate or public key in PEM, or of a JWK or a set of them.
pub(super) fn keys(context: &mut Context<'_>, text: &Str) -> Result<Arc<Vec<Trusted>>, Failure> {
    let bytes = text.as_bytes();
    context.budget.steps(bytes.len() as u64 / 4)?;
    context.budget.bytes(bytes.len() as u64 * 4)?;
    let Context { cache, budget, time_ns, random, span } = context;
    cache.get("io.jwt.keys", text, || {
        let mut inner = Context {
            budget,
            time_ns: *time_ns,
            random: *random,
            cache: &mut super::super::cache::Cache::default(),
            span: *span,
        };
        parse_keys(&mut inner, bytes)
    })
}

fn parse_keys(context: &mut Context<'_>, text: &[u8]) -> Result<Vec<Trusted>, Failure> {
    let Some((block, rest)) = pem::decode(text) else {
        return keys_of_set(context, text)?.map_err(|error| {
            refuse(format!(
                "failed to parse a JWK key (set): jwk.ParseString: failed to parse string: {error}"
            ))
        });
    };
    if !rest.is_empty() {
        return Err(refuse("extra data after a PEM certificate block"));
    }
    let key = match block.label.as_slice() {
        b"CERTIFICATE" => certificate_key(&block.bytes)
            .map_err(|error| refuse(format!("failed to parse a PEM certificate: {error}")))?,
        b"PUBLIC KEY" => Some(
            public_key(&block.bytes)
                .map_err(|error| refuse(format!("failed to parse a PEM public key: {error}")))?,
        ),
        _ => return Err(refuse("failed to extract a Key from the PEM certificate")),
    };
    let key = key.map_or(Key::Other, Key::Public);
    Ok(vec![Trusted { algorithm: String::new(), id: String::new(), key }])
}

/// Whether a signature is good.
pub(super) fn is_good(
    budget: &mut Budget,
    scheme: Scheme,
    key: &PublicKey,
    message: &[u8],
    signature: &[u8],
) -> Result<bool, Failure> {
    budget.steps(message.len() as u64 / 16)?;
    match scheme {
        Scheme::Hs(_) => Ok(false),
        Scheme::Rs(hash) => verify_rsa(budget, key, hash, Padding::Pkcs1, &hash.digest(message), signature),
        Scheme::Ps(hash) => {
            verify_rsa(budget, key, hash, Padding::Pss { any_salt: true }, &hash.digest(message), signature)
        }
        Scheme::Es(hash) => {
            let half = signature.len() / 2;
            let (r, s) = signature.split_at_checked(half).unwrap_or_default();
            verify_ec(budget, key, &hash.digest(message), r, s)
        }
        Scheme::Ed25519 => verify_ed25519(budget, key, message, signature),
    }
}

/// `io.jwt.verify_*` with public keys: the key that the token names, or any that fits.
pub(super) fn by_key(context: &mut Context<'_>, operands: &[Value], scheme: Scheme) -> Answer {
    let token = Token::split(context, operand::any(operands, 1)?)?;
    let trusted = keys(context, operand::string(operands, 2)?)?;
    let signature = token.signature()?;
    let header = Header::of(&token.header(context)?)?;
    let message = token.message();
    let mut verifies = |trusted: &Trusted| match &trusted.key {
        Key::Public(key) => is_good(context.budget, scheme, key, &message, &signature),
        Key::Private(_) | Key::Secret(_) | Key::Other => Ok(false),
    };
    if let Some(named) = named(&trusted, &header.key_id) {
        return verifies(named).map(Value::from);
    }
    for candidate in trusted.iter() {
        if (candidate.algorithm.is_empty() || candidate.algorithm == header.algorithm) && verifies(candidate)?
        {
            return Ok(Value::from(true));
        }
    }
    Ok(Value::from(false))
}

/// The key with an id.
pub(super) fn named<'a>(trusted: &'a [Trusted], id: &str) -> Option<&'a Trusted> {
    trusted.iter().find(|trusted| !id.is_empty() && trusted.id == id)
}

/// Whether a key of any kind verifies, the algorithm being the token's. Private keys verify with their public half.
pub(super) fn by_algorithm(
    budget: &mut Budget,
    name: &str,
    key: &Key,
    message: &[u8],
    signature: &[u8],
) -> Result<bool, Failure> {
    match (Scheme::of(name), key) {
        (Some(Scheme::Hs(hash)), Key::Secret(secret)) => by_secret(budget, hash, secret, message, signature),
        (Some(Scheme::Es(_)), Key::Public(PublicKey::Ec { curve, .. }))
            if signature.len() != 2 * curve.bytes() =>
        {
            Ok(false)
        }
        (Some(Scheme::Hs(_)) | None, _) | (_, Key::Secret(_) | Key::Other) => Ok(false),
        (Some(scheme), Key::Public(key)) => is_good(budget, scheme, key, message, signature),
        (Some(scheme), Key::Private(key)) => is_good(budget, scheme, &key.public(), message, signature),
    }
}

/// Whether a keyed digest is good.
pub(super) fn by_secret(
    budget: &mut Budget,
    hash: Hash,
    secret: &[u8],
    message: &[u8],
    signature: &[u8],
) -> Result<bool, Failure> {
    budget.steps(message.len() as u64 / 16)?;
    // The library that OPA uses takes no empty secrets.
    Ok(!secret.is_empty() && equal(&hash.keyed(secret, message), signature))
}
