//! `io.jwt.decode_verify`: a token, verified, with what it must say.

use std::sync::Arc;

use lumen_value::{Number, Object, Str, Value};

use super::super::{Answer, Context, Failure, operand};
use super::verify::{Scheme, Trusted, by_algorithm, by_secret, keys, named};
use super::{Header, NESTING_MAX, Token, object, refuse};

/// What a token must be.
struct Constraints {
    keys: Option<Arc<Vec<Trusted>>>,
    secret: Str,
    /// Empty: any. So are the next ones.
    algorithm: String,
    issuer: Str,
    audience: Str,
    /// Nanoseconds since 1970.
    time_ns: f64,
}

impl Constraints {
    fn of(context: &mut Context<'_>, object: &Object) -> Result<Self, Failure> {
        let empty = || Str::from("");
        let mut constraints = Self {
            keys: None,
            secret: empty(),
            algorithm: String::new(),
            issuer: empty(),
            audience: empty(),
            time_ns: 0.0,
        };
        let mut time = None;
        for (key, value) in object.fields() {
            let name = key.to_text();
            let text = || match value {
                Value::String(text) => Ok(text.clone()),
                _ => Err(refuse(format!("{name} constraint: must be a string"))),
            };
            match &*name {
                "cert" => constraints.keys = Some(keys(context, &text()?)?),
                "secret" => constraints.secret = text()?,
                "alg" => constraints.algorithm = text()?.to_text().into_owned(),
                "iss" => constraints.issuer = text()?,
                "aud" => constraints.audience = text()?,
                "time" => time = Some(time_of(value)?),
                _ => return Err(refuse(format!("unknown token validation constraint: {name}"))),
            }
        }
        constraints.time_ns = match time {
            Some(time) => time,
            None => time_of(&Value::from(context.time_ns))?,
        };
        match (constraints.keys.is_some(), !constraints.secret.is_empty()) {
            (true, true) => Err(refuse("duplicate key constraints")),
            (false, false) => Err(refuse("no key constraint")),
            _ => Ok(constraints),
        }
    }

    /// Whether the signature is of one that is trusted.
    fn verify(&self, context: &mut Context<'_>, header: &Header, token: &Token) -> Result<bool, Failure> {
        let signature = token.signature()?;
        let message = token.message();
        let Some(trusted) = &self.keys else {
            let Some(Scheme::Hs(hash)) = Scheme::of(&header.algorithm) else { return Ok(false) };
            return by_secret(context.budget, hash, self.secret.as_bytes(), &message, &signature);
        };
        let mut verifies = |trusted: &Trusted| {
            by_algorithm(context.budget, &header.algorithm, &trusted.key, &message, &signature)
        };
        if let Some(named) = named(trusted, &header.key_id) {
            return verifies(named);
        }
        for candidate in trusted.iter() {
            if (candidate.algorithm.is_empty() || candidate.algorithm == header.algorithm)
                && verifies(candidate)?
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn accepts_audience(&self, audience: Option<&Value>) -> bool {
        let is_it = |value: &Value| matches!(value, Value::String(text) if *text == self.audience);
        match audience {
            None => self.audience.is_empty(),
            Some(Value::Array(all)) => all.iter().any(is_it),
            Some(one) => is_it(one),
        }
    }

    /// Whether the claims are as they must be.
    fn accept(&self, payload: &Object) -> Result<bool, Failure> {
        if !self.issuer.is_empty() {
            match payload.get("iss") {
                Some(Value::String(issuer)) if *issuer == self.issuer => {}
                Some(Value::String(_)) | None => return Ok(false),
                Some(_) => return Err(refuse("iss value must be a string")),
            }
        }
        if !self.accepts_audience(payload.get("aud")) {
            return Ok(false);
        }
        let now = seconds(self.time_ns);
        match payload.get("exp") {
            None => {}
            Some(Value::Number(expires)) if now < *expires => {}
            Some(Value::Number(_)) => return Ok(false),
            Some(_) => return Err(refuse("exp value must be a number")),
        }
        match payload.get("nbf") {
            None => Ok(true),
            Some(Value::Number(from)) => Ok(now >= *from),
            Some(_) => Err(refuse("nbf value must be a number")),
        }
    }
}

/// Seconds of nanoseconds, in the shortest decimal text of the binary number.
fn seconds(time_ns: f64) -> Number {
    Number::parse(&format!("{}", time_ns / 1e9)).unwrap_or_else(|| Number::from(0))
}

fn time_of(value: &Value) -> Result<f64, Failure> {
    let Value::Number(time) = value else {
        return Err(refuse("token time constraint: must be a number"));
    };
    let time = time.as_f64();
    if !time.is_finite() {
        return Err(refuse("token time constraint: unvalid float64"));
    }
    if time < 0.0 {
        return Err(refuse("token time constraint: must not be negative"));
    }
    Ok(time)
}

pub(super) fn decode_verify(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    let object_ = operand::object(operands, 2)?;
    let empty = || Value::Object(Object::default());
    let unverified = || Value::from(vec![Value::from(false), empty(), empty()]);
    let constraints = Constraints::of(context, object_)?;
    let mut encoded = operand::any(operands, 1)?.clone();
    for _ in 0..NESTING_MAX {
        let token = Token::split(context, &encoded)?;
        let decoded = token.header(context)?;
        let header = Header::of(&decoded)?;
        let fits = constraints.algorithm.is_empty() || constraints.algorithm == header.algorithm;
        if !header.is_valid() || !fits || !constraints.verify(context, &header, &token)? {
            return Ok(unverified());
        }
        let payload = token.payload()?;
        if header.content_type.eq_ignore_ascii_case("JWT") {
            encoded = Value::String(Str::from_bytes(&payload));
            continue;
        }
        let payload = object(context, &payload)?.map_err(refuse)?;
        if !constraints.accept(&payload)? {
            return Ok(unverified());
        }
        return Ok(Value::from(vec![Value::from(true), Value::Object(decoded), Value::Object(payload)]));
    }
    Err(refuse(format!("tokens are nested more than {NESTING_MAX} deep")))
}
