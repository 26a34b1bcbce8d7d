//! `io.jwt.*`: JSON Web Tokens.

mod constraint;
mod jwk;
mod sign;
mod verify;

use lumen_value::{Object, Str, Value};

use super::crypto::digest::{Hash, equal, hex};
use super::crypto::encode::decode_url;
use super::{Answer, Context, Entry, Failure, json, operand};

use self::verify::Scheme;

/// The functions.
pub const TABLE: &[Entry] = &[
    ("io.jwt.decode", decode),
    ("io.jwt.decode_verify", constraint::decode_verify),
    ("io.jwt.encode_sign", sign::encode_sign),
    ("io.jwt.encode_sign_raw", sign::encode_sign_raw),
    ("io.jwt.verify_eddsa", |context, operands| verify::by_key(context, operands, Scheme::Ed25519)),
    ("io.jwt.verify_es256", |context, operands| verify::by_key(context, operands, Scheme::Es(Hash::Sha256))),
    ("io.jwt.verify_es384", |context, operands| verify::by_key(context, operands, Scheme::Es(Hash::Sha384))),
    ("io.jwt.verify_es512", |context, operands| verify::by_key(context, operands, Scheme::Es(Hash::Sha512))),
    ("io.jwt.verify_hs256", |context, operands| verify_secret(context, operands, Hash::Sha256)),
    ("io.jwt.verify_hs384", |context, operands| verify_secret(context, operands, Hash::Sha384)),
    ("io.jwt.verify_hs512", |context, operands| verify_secret(context, operands, Hash::Sha512)),
    ("io.jwt.verify_ps256", |context, operands| verify::by_key(context, operands, Scheme::Ps(Hash::Sha256))),
    ("io.jwt.verify_ps384", |context, operands| verify::by_key(context, operands, Scheme::Ps(Hash::Sha384))),
    ("io.jwt.verify_ps512", |context, operands| verify::by_key(context, operands, Scheme::Ps(Hash::Sha512))),
    ("io.jwt.verify_rs256", |context, operands| verify::by_key(context, operands, Scheme::Rs(Hash::Sha256))),
    ("io.jwt.verify_rs384", |context, operands| verify::by_key(context, operands, Scheme::Rs(Hash::Sha384))),
    ("io.jwt.verify_rs512", |context, operands| verify::by_key(context, operands, Scheme::Rs(Hash::Sha512))),
];

/// How often a token may hold a token. OPA has no bound.
const NESTING_MAX: usize = 100;

fn refuse(message: impl Into<String>) -> Failure {
    Failure::Builtin(message.into())
}

/// The three parts of a token, encoded.
struct Token {
    header: Vec<u8>,
    payload: Vec<u8>,
    signature: Vec<u8>,
}

/// What a token's header says that is looked at.
#[derive(Default)]
struct Header {
    algorithm: String,
    key_id: String,
    content_type: String,
    /// It says that something must be understood which is not.
    is_critical: bool,
}

impl Token {
    /// Splits operand 1.
    fn split(context: &mut Context<'_>, operand: &Value) -> Result<Self, Failure> {
        let Value::String(text) = operand else { return Err(operand::wrong(1, "string", operand)) };
        let text = text.as_bytes();
        context.budget.steps(text.len() as u64 / 4)?;
        context.budget.bytes(text.len() as u64 * 2)?;
        let mut parts = text.split(|byte| *byte == b'.');
        let count = text.split(|byte| *byte == b'.').count();
        if count == 1 {
            return Err(refuse("encoded JWT had no period separators"));
        }
        match (parts.next(), parts.next(), parts.next(), count) {
            (Some(header), Some(payload), Some(signature), 3) => {
                Ok(Self { header: header.to_vec(), payload: payload.to_vec(), signature: signature.to_vec() })
            }
            _ => Err(refuse(format!("encoded JWT must have 3 sections, found {count}"))),
        }
    }

    /// The decoded header.
    fn header(&self, context: &mut Context<'_>) -> Result<Object, Failure> {
        let decoded = decode_url(&self.header)
            .map_err(|error| refuse(format!("JWT header had invalid encoding: {error}")))?;
        let header =
            object(context, &decoded)?.map_err(|error| refuse(format!("bad JWT header: {error}")))?;
        if header.get("enc").is_some() {
            return Err(refuse("JWT is a JWE object, which is not supported"));
        }
        Ok(header)
    }

    fn payload(&self) -> Result<Vec<u8>, Failure> {
        decode_url(&self.payload)
            .map_err(|error| refuse(format!("JWT payload had invalid encoding: {error}")))
    }

    fn signature(&self) -> Result<Vec<u8>, Failure> {
        decode_url(&self.signature).map_err(refuse)
    }

    /// What is signed.
    fn message(&self) -> Vec<u8> {
        [self.header.as_slice(), b".", self.payload.as_slice()].concat()
    }
}

impl Header {
    fn of(header: &Object) -> Result<Self, Failure> {
        let mut read = Self::default();
        let mut unknown: Vec<&Str> = Vec::new();
        let mut critical: Vec<&Value> = Vec::new();
        for (key, value) in header.fields() {
            let name = key.to_text();
            let text = || match value {
                Value::String(text) => Ok(text.to_text().into_owned()),
                _ => Err(refuse(format!("{name}: must be a string"))),
            };
            match &*name {
                "alg" => read.algorithm = text()?,
                "kid" => read.key_id = text()?,
                "typ" => drop(text()?),
                "cty" => read.content_type = text()?,
                "crit" => {
                    let Value::Array(names) = value else { return Err(refuse("crit: must be a list")) };
                    // OPA stops at the first that is no string, and takes those before.
                    critical = names.iter().take_while(|name| matches!(name, Value::String(_))).collect();
                    if critical.is_empty() {
                        return Err(refuse("crit: must be a nonempty list"));
                    }
                }
                _ => unknown.push(key),
            }
        }
        let is_unknown =
            |value: &&Value| matches!(value, Value::String(text) if unknown.binary_search(&text).is_ok());
        read.is_critical = critical.iter().any(is_unknown);
        Ok(read)
    }

    /// Whether the token may be looked at further.
    fn is_valid(&self) -> bool {
        !self.algorithm.is_empty() && !self.is_critical
    }
}

/// A JSON object. The inner error is OPA's text.
fn object(context: &mut Context<'_>, text: &[u8]) -> Result<Result<Object, String>, Failure> {
    Ok(match json::read_whole(context, text)? {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err("decoded JSON type was not an Object".to_owned()),
        Err(error) => Err(format!("invalid JSON: {error}")),
    })
}

fn decode(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    let mut encoded = operand::any(operands, 1)?.clone();
    for _ in 0..NESTING_MAX {
        let token = Token::split(context, &encoded)?;
        let header = token.header(context)?;
        let payload = token.payload()?;
        match header.get("cty") {
            // What holds a token holds it in quotes.
            Some(Value::String(kind)) if *kind == *"JWT" => {
                encoded = Value::String(Str::from_bytes(unquoted(&payload)));
                continue;
            }
            None | Some(Value::String(_)) => {}
            Some(_) => return Err(refuse("cty: must be a string")),
        }
        let payload = object(context, &payload)?.map_err(refuse)?;
        let signature = decode_url(&token.signature)
            .map_err(|error| refuse(format!("JWT signature had invalid encoding: {error}")))?;
        let parts = vec![Value::Object(header), Value::Object(payload), Value::from(hex(&signature))];
        return Ok(Value::from(parts));
    }
    Err(refuse(format!("tokens are nested more than {NESTING_MAX} deep")))
}

fn unquoted(text: &[u8]) -> &[u8] {
    let is_quote = |byte: &u8| matches!(byte, b'"' | b'\'');
    let start = text.iter().take_while(|byte| is_quote(byte)).count();
    let text = text.get(start..).unwrap_or_default();
    let end = text.iter().rposition(|byte| !is_quote(byte)).map_or(0, |last| last + 1);
    text.get(..end).unwrap_or_default()
}

fn verify_secret(context: &mut Context<'_>, operands: &[Value], hash: Hash) -> Answer {
    operand::string(operands, 1)?;
    let secret = operand::string(operands, 2)?;
    let token = Token::split(context, operand::any(operands, 1)?)?;
    let mac = hash.keyed(secret.as_bytes(), &token.message());
    Ok(Value::from(equal(&token.signature()?, &mac)))
}

#[cfg(test)]
mod tests {
    use super::super::exercise::call;

    /// A token without a signature, whatever its header says.
    const NONE: &str = r#""eyJhbGciOiJub25lIn0.e30.""#;

    #[test]
    fn a_token_that_nobody_signed_is_not_verified() {
        let verified = call("io.jwt.decode_verify", &[NONE, r#"{"secret": "s"}"#]);
        assert_eq!(verified, Ok("[false,{},{}]".to_owned()));
        let decoded = call("io.jwt.decode", &[NONE]);
        assert_eq!(decoded, Ok(r#"[{"alg":"none"},{},""]"#.to_owned()));
    }

    #[test]
    fn a_token_verifies_with_its_secret_alone() {
        let key = r#"{"kty": "oct", "k": "c2VjcmV0"}"#;
        let token = call("io.jwt.encode_sign", &[r#"{"alg": "HS256"}"#, r#"{"exp": 1}"#, key]).unwrap();
        assert_eq!(call("io.jwt.verify_hs256", &[&token, r#""secret""#]), Ok("true".to_owned()));
        assert_eq!(call("io.jwt.verify_hs256", &[&token, r#""other""#]), Ok("false".to_owned()));
        let at = |time: &str| {
            let constraints = format!(r#"{{"secret": "secret", "time": {time}}}"#);
            call("io.jwt.decode_verify", &[&token, &constraints]).unwrap().starts_with("[true")
        };
        assert!(at("999999999") && !at("1000000000"));
    }
}
