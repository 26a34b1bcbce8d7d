//! `providers.aws.sign_req`: requests signed as Amazon's services want them (signature version 4).

use std::collections::{BTreeMap, BTreeSet};

use lumen_value::{Object, Set, Str, Value};

use super::crypto::digest::{Hash, hex};
use super::url::Url;
use super::{Answer, Context, Entry, Failure, json, operand, time};

/// The functions.
pub const TABLE: &[Entry] = &[("providers.aws.sign_req", sign_request)];

/// What a request may say, as for `http.send`.
const REQUEST_KEYS: &[&str] = &[
    "body",
    "cache",
    "cache_ignored_headers",
    "caching_mode",
    "enable_redirect",
    "force_cache",
    "force_cache_duration_seconds",
    "force_json_decode",
    "force_yaml_decode",
    "headers",
    "max_retry_attempts",
    "method",
    "raise_error",
    "raw_body",
    "timeout",
    "tls_ca_cert",
    "tls_ca_cert_env_variable",
    "tls_ca_cert_file",
    "tls_client_cert",
    "tls_client_cert_env_variable",
    "tls_client_cert_file",
    "tls_client_key",
    "tls_client_key_env_variable",
    "tls_client_key_file",
    "tls_insecure_skip_verify",
    "tls_server_name",
    "tls_use_system_certs",
    "url",
];

/// What the configuration must say.
const REQUIRED: &[&str] = &["aws_access_key", "aws_region", "aws_secret_access_key", "aws_service"];

/// Headers that a proxy may change; they are not signed.
const UNSIGNED: &[&str] = &["authorization", "user-agent", "x-amzn-trace-id"];

fn names<'a>(names: impl Iterator<Item = &'a Value>) -> Option<String> {
    let set: Set = names.cloned().collect();
    (!set.is_empty()).then(|| crate::term::text(&Value::Set(set)))
}

fn wrong(position: usize, what: &str, names: &str) -> Failure {
    Failure::Type(format!("operand {position} {what}: {names}"))
}

/// The configuration's required texts, in the order of [`REQUIRED`].
fn check_config(config: &Object) -> Result<(), Failure> {
    let values = |fits: fn(Option<&Value>) -> bool| {
        let names_: Vec<Value> =
            REQUIRED.iter().filter(|name| fits(config.get(name))).map(|name| Value::from(*name)).collect();
        names(names_.iter())
    };
    if let Some(missing) = values(|value| value.is_none()) {
        return Err(wrong(2, "missing required AWS config parameters(s)", &missing));
    }
    if let Some(invalid) = values(|value| !matches!(value, Some(Value::String(_)))) {
        return Err(wrong(2, "invalid values for required AWS config parameters(s)", &invalid));
    }
    Ok(())
}

fn check_request(request: &Object) -> Result<(), Failure> {
    let is_unknown = |key: &&Value| !matches!(key.as_str(), Some(key) if REQUEST_KEYS.contains(&key));
    if let Some(invalid) = names(request.iter().map(|(key, _)| key).filter(is_unknown)) {
        return Err(wrong(1, "invalid request parameters(s)", &invalid));
    }
    let required = [Value::from("method"), Value::from("url")];
    if let Some(missing) = names(required.iter().filter(|name| request.get_value(name).is_none())) {
        return Err(wrong(1, "missing required request parameters(s)", &missing));
    }
    Ok(())
}

fn text(value: Option<&Value>) -> Vec<u8> {
    match value {
        Some(Value::String(text)) => text.as_bytes().to_vec(),
        _ => Vec::new(),
    }
}

fn sign_request(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    let request = operand::object(operands, 1)?;
    // OPA says operand 1 of all three.
    let config = match operand::any(operands, 2)? {
        Value::Object(config) => config,
        other => return Err(operand::wrong(1, "object", other)),
    };
    check_config(config)?;
    let ns = match operand::any(operands, 3)? {
        Value::Number(ns) => ns.as_i64(),
        other => return Err(operand::wrong(1, "number", other)),
    };
    let ns = ns.ok_or_else(|| {
        Failure::Type("operand 3 could not convert time_ns value into a unix timestamp".to_owned())
    })?;
    check_request(request)?;
    let empty = Object::default();
    let headers = match request.get("headers") {
        None => &empty,
        Some(Value::Object(headers)) => headers,
        Some(other) => return Err(operand::wrong(0, "object", other)),
    };
    let not_text = |name: &&Value| !matches!(request.get_value(name), Some(Value::String(_)));
    let required = [Value::from("method"), Value::from("url")];
    if let Some(invalid) = names(required.iter().filter(not_text)) {
        return Err(wrong(1, "invalid values for required request parameters(s)", &invalid));
    }
    let url = Url::parse(&text(request.get("url"))).map_err(Failure::Builtin)?;
    let body = match (request.get("raw_body"), request.get("body")) {
        (Some(raw), _) => text(Some(raw)),
        (None, Some(body)) => json::text(context, body)?.into_bytes(),
        (None, None) => Vec::new(),
    };
    let unsigned_body = match config.get("disable_payload_signing") {
        None => false,
        Some(Value::Bool(disabled)) => *disabled,
        Some(_) => {
            let message = "operand 2 invalid value for 'disable_payload_signing' in AWS config";
            return Err(Failure::Type(message.to_owned()));
        }
    };
    let length: usize =
        headers.iter().map(|(key, value)| text(Some(key)).len() + text(Some(value)).len()).sum();
    context.budget.steps((body.len() + 4 * length) as u64 / 16 + 64)?;
    context.budget.bytes((body.len() + 4 * length) as u64 + 4_096)?;
    let method = text(request.get("method"));
    let signing = Signing { method, url, headers, body, unsigned_body, config, ns };
    Ok(Value::Object(request.with("headers", signing.headers())))
}

struct Signing<'a> {
    method: Vec<u8>,
    url: Url,
    headers: &'a Object,
    body: Vec<u8>,
    unsigned_body: bool,
    config: &'a Object,
    ns: i64,
}

type Headers = BTreeMap<Vec<u8>, Vec<u8>>;

impl Signing<'_> {
    /// The request's headers with those of the signature.
    fn headers(&self) -> Object {
        let given = self.headers.iter().map(|(key, value)| (text(Some(key)), text(Some(value))));
        let mut all: Headers = given.collect();
        let added = self.added();
        let authorization = self.authorization(&all, &added);
        all.insert(b"Authorization".to_vec(), authorization);
        all.extend(added);
        let string = |bytes: &[u8]| Value::String(Str::from_bytes(bytes));
        all.iter().map(|(key, value)| (string(key), string(value))).collect()
    }

    fn moment(&self, layout: &str) -> Vec<u8> {
        time::format_layout(layout.as_bytes(), self.ns.div_euclid(1_000_000_000), 0)
    }

    fn body_digest(&self) -> Vec<u8> {
        if self.unsigned_body {
            b"UNSIGNED-PAYLOAD".to_vec()
        } else {
            hex(&Hash::Sha256.digest(&self.body)).into_bytes()
        }
    }

    fn setting(&self, name: &str) -> Vec<u8> {
        text(self.config.get(name))
    }

    /// The headers that belong to the signature.
    fn added(&self) -> Headers {
        let mut added = Headers::from([
            (b"host".to_vec(), self.url.host.clone()),
            (b"x-amz-date".to_vec(), self.moment("20060102T150405Z")),
        ]);
        let service = self.setting("aws_service");
        if service == b"s3" || service == b"glacier" {
            added.insert(b"x-amz-content-sha256".to_vec(), self.body_digest());
        }
        let token = self.setting("aws_session_token");
        if !token.is_empty() {
            added.insert(b"x-amz-security-token".to_vec(), token);
        }
        added
    }

    fn authorization(&self, given: &Headers, added: &Headers) -> Vec<u8> {
        let unsigned: BTreeSet<&[u8]> = UNSIGNED.iter().map(|name| name.as_bytes()).collect();
        let mut signed = added.clone();
        for (key, value) in given {
            let lower = String::from_utf8_lossy(key).to_lowercase().into_bytes();
            if !unsigned.contains(lower.as_slice()) {
                signed.insert(lower, value.clone());
            }
        }
        let list = signed.keys().map(Vec::as_slice).collect::<Vec<_>>().join(&b';');
        let lines: Vec<u8> =
            signed.iter().flat_map(|(key, value)| [key.as_slice(), b":", value, b"\n"].concat()).collect();
        let path = self.url.escaped_path();
        let digest = self.body_digest();
        let canonical = [&self.method, &path, &self.url.raw_query, &lines, &list, &digest]
            .map(Vec::as_slice)
            .join(&b'\n');
        let day = self.moment("20060102");
        let (region, service) = (self.setting("aws_region"), self.setting("aws_service"));
        let scope = [day.as_slice(), &region, &service, b"aws4_request"].join(&b'/');
        let canonical = hex(&Hash::Sha256.digest(&canonical)).into_bytes();
        let moment = self.moment("20060102T150405Z");
        let message = [b"AWS4-HMAC-SHA256".as_slice(), &moment, &scope, &canonical].join(&b'\n');
        let secret = [b"AWS4".as_slice(), &self.setting("aws_secret_access_key")].concat();
        let parts = [day.as_slice(), &region, &service, b"aws4_request"];
        let key = parts.iter().fold(secret, |key, part| Hash::Sha256.keyed(&key, part));
        let signature = hex(&Hash::Sha256.keyed(&key, &message)).into_bytes();
        let access = self.setting("aws_access_key");
        [
            b"AWS4-HMAC-SHA256 Credential=".as_slice(),
            &access,
            b"/",
            &scope,
            b",SignedHeaders=",
            &list,
            b",Signature=",
            &signature,
        ]
        .concat()
    }
}
