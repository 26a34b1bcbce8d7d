//! `crypto.*`: digests, keys and certificates.

mod certificate;
mod der;
pub(super) mod digest;
pub(super) mod encode;
pub(super) mod key;
mod oid;
pub(super) mod pem;
pub(super) mod private;
pub(super) mod show;
mod verify;

use lumen_value::{Str, Value};

use self::certificate::{Certificate, Request};
use self::der::Der;
use self::digest::{Hash, hex};
use self::key::{PrivateKey, PublicKey};
use super::{Answer, Budget, Context, Entry, Failure, operand};

/// The functions.
pub const TABLE: &[Entry] = &[
    ("crypto.hmac.equal", hmac_equal),
    ("crypto.hmac.md5", hmac_md5),
    ("crypto.hmac.sha1", hmac_sha1),
    ("crypto.hmac.sha256", hmac_sha256),
    ("crypto.hmac.sha512", hmac_sha512),
    ("crypto.md5", md5),
    ("crypto.parse_private_keys", parse_private_keys),
    ("crypto.sha1", sha1),
    ("crypto.sha256", sha256),
    ("crypto.x509.parse_and_verify_certificates", parse_and_verify),
    ("crypto.x509.parse_and_verify_certificates_with_options", parse_and_verify_with_options),
    ("crypto.x509.parse_certificate_request", parse_certificate_request),
    ("crypto.x509.parse_certificates", parse_certificates),
    ("crypto.x509.parse_keypair", parse_keypair),
    ("crypto.x509.parse_rsa_private_key", parse_rsa_private_key),
];

/// Names of extended usages, by Go's numbers.
const USAGES: &[&str] = &[
    "KeyUsageAny",
    "KeyUsageServerAuth",
    "KeyUsageClientAuth",
    "KeyUsageCodeSigning",
    "KeyUsageEmailProtection",
    "KeyUsageIPSECEndSystem",
    "KeyUsageIPSECTunnel",
    "KeyUsageIPSECUser",
    "KeyUsageTimeStamping",
    "KeyUsageOCSPSigning",
    "KeyUsageMicrosoftServerGatedCrypto",
    "KeyUsageNetscapeServerGatedCrypto",
    "KeyUsageMicrosoftCommercialCodeSigning",
    "KeyUsageMicrosoftKernelCodeSigning",
];

fn digest(context: &mut Context<'_>, operands: &[Value], hash: Hash) -> Answer {
    let message = operand::string(operands, 1)?.as_bytes();
    context.budget.steps(message.len() as u64 / 16)?;
    Ok(Value::from(hex(&hash.digest(message))))
}

fn hmac(context: &mut Context<'_>, operands: &[Value], hash: Hash) -> Answer {
    let message = operand::string(operands, 1)?.as_bytes();
    let key = operand::string(operands, 2)?.as_bytes();
    context.budget.steps((message.len() + key.len()) as u64 / 16)?;
    Ok(Value::from(hex(&hash.keyed(key, message))))
}

fn md5(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    digest(context, operands, Hash::Md5)
}

fn sha1(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    digest(context, operands, Hash::Sha1)
}

fn sha256(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    digest(context, operands, Hash::Sha256)
}

fn hmac_md5(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    hmac(context, operands, Hash::Md5)
}

fn hmac_sha1(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    hmac(context, operands, Hash::Sha1)
}

fn hmac_sha256(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    hmac(context, operands, Hash::Sha256)
}

fn hmac_sha512(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    hmac(context, operands, Hash::Sha512)
}

fn hmac_equal(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    let (a, b) = (operand::string(operands, 1)?, operand::string(operands, 2)?);
    super::strings::look(context.budget, a.as_bytes().len() + b.as_bytes().len())?;
    Ok(Value::from(digest::equal(a.as_bytes(), b.as_bytes())))
}

/// What reading keys or certificates costs: the text is looked at a few times, numbers are printed in decimal (which takes the
/// square of their length), and what is made is some times as large.
fn charge(budget: &mut Budget, text: &[u8]) -> Result<(), Failure> {
    let length = text.len() as u64;
    budget.steps(64 + length / 4 + (length / 256).saturating_mul(length / 256))?;
    budget.bytes(length.saturating_mul(12))
}

fn refuse(message: impl Into<String>) -> Failure {
    Failure::Builtin(message.into())
}

const BEGIN: &[u8] = b"-----BEGIN";

/// Certificates in PEM, in PEM as Base64, or in DER as Base64.
fn certificates(text: &[u8]) -> Result<Vec<Certificate>, String> {
    if text.starts_with(BEGIN) {
        return pem_certificates(text);
    }
    let decoded = encode::decode(text)?;
    if decoded.starts_with(BEGIN) { pem_certificates(&decoded) } else { Certificate::parse_all(&decoded) }
}

fn pem_certificates(text: &[u8]) -> Result<Vec<Certificate>, String> {
    let mut der = Vec::new();
    let mut rest = text;
    while let Some((block, after)) = pem::decode(rest) {
        if block.label != b"CERTIFICATE" {
            let label = String::from_utf8_lossy(&block.label);
            return Err(format!("PEM block type is '{label}', expected CERTIFICATE"));
        }
        der.extend_from_slice(&block.bytes);
        rest = after;
    }
    Certificate::parse_all(&der)
}

fn parse_certificates(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    let text = operand::string(operands, 1)?.as_bytes();
    charge(context.budget, text)?;
    let certificates = certificates(text).map_err(refuse)?;
    let shown = certificates.iter().map(|certificate| show::certificate(certificate, true));
    Ok(Value::from(shown.collect::<Vec<_>>()))
}

fn verified(
    context: &mut Context<'_>,
    text: &[u8],
    options: impl FnOnce(i64) -> Result<verify::Options, Failure>,
    uri_strings: bool,
) -> Answer {
    charge(context.budget, text)?;
    let no = || Value::from(vec![Value::from(false), Value::from(vec![])]);
    let Ok(certificates) = certificates(text) else { return Ok(no()) };
    let options = options(context.time_ns)?;
    let Some(chain) = verify::verify(context.budget, &certificates, &options)? else { return Ok(no()) };
    let shown = chain.into_iter().map(|certificate| show::certificate(certificate, uri_strings));
    Ok(Value::from(vec![Value::from(true), Value::from(shown.collect::<Vec<_>>())]))
}

fn parse_and_verify(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    let text = operand::string(operands, 1)?.as_bytes();
    let options = |time_ns| Ok(verify::Options { dns_name: String::new(), time_ns, usages: Vec::new() });
    verified(context, text, options, true)
}

fn parse_and_verify_with_options(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    let text = operand::string(operands, 1)?.as_bytes();
    let object = operand::object(operands, 2)?;
    verified(context, text, |time_ns| verify_options(object, time_ns), false)
}

fn verify_options(object: &lumen_value::Object, time_ns: i64) -> Result<verify::Options, Failure> {
    let mut options = verify::Options { dns_name: String::new(), time_ns, usages: Vec::new() };
    for (key, value) in object.fields() {
        match (&*key.to_text(), value) {
            ("DNSName", Value::String(name)) => {
                name.to_text().trim_matches('"').clone_into(&mut options.dns_name);
            }
            ("DNSName", _) => return Err(refuse("'DNSName' should be a string")),
            ("CurrentTime", Value::Number(time)) => {
                let message = "'CurrentTime' should be a valid int64 number";
                options.time_ns = time.as_i64().ok_or_else(|| refuse(message))?;
            }
            ("CurrentTime", _) => return Err(refuse("'CurrentTime' should be a number")),
            ("MaxConstraintComparisons", Value::Number(most)) => {
                let message = "'MaxConstraintComparisons' should be a valid number";
                // Go no longer counts them.
                most.as_i64().ok_or_else(|| refuse(message))?;
            }
            ("MaxConstraintComparisons", _) => {
                return Err(refuse("'MaxConstraintComparisons' should be a number"));
            }
            ("KeyUsages", Value::Array(usages)) => options.usages = key_usages(usages.iter())?,
            ("KeyUsages", Value::Set(usages)) => options.usages = key_usages(usages.iter())?,
            ("KeyUsages", _) => return Err(refuse("'KeyUsages' should be an Array or Set")),
            _ => return Err(refuse("invalid key option")),
        }
    }
    Ok(options)
}

fn key_usages<'a>(values: impl Iterator<Item = &'a Value>) -> Result<Vec<i64>, Failure> {
    let (mut usages, mut unknown) = (Vec::new(), Vec::new());
    for value in values {
        let Value::String(text) = value else { continue };
        let text = text.to_text();
        let name = text.trim_matches('"');
        match (0..).zip(USAGES).find(|(_, usage)| **usage == name) {
            Some((number, _)) => usages.push(number),
            None => unknown.push(name.to_owned()),
        }
    }
    if unknown.is_empty() {
        return Ok(usages);
    }
    Err(refuse(format!("invalid entries for 'KeyUsages' found: [{}]", unknown.join(" "))))
}

fn parse_certificate_request(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    const LABEL: &[u8] = b"CERTIFICATE REQUEST";
    let text = operand::string(operands, 1)?.as_bytes();
    charge(context.budget, text)?;
    let mut bytes = if text.starts_with(b"-----BEGIN CERTIFICATE REQUEST-----") {
        text.to_vec()
    } else {
        encode::decode(text).map_err(refuse)?
    };
    if let Some((block, _)) = pem::decode(&bytes) {
        if block.label != LABEL {
            return Err(refuse("invalid PEM-encoded certificate signing request"));
        }
        bytes = block.bytes;
    }
    Ok(show::request(&Request::parse(&bytes).map_err(refuse)?))
}

/// The private keys among the PEM blocks of a text, which may be Base64 as a whole.
fn private_keys(text: &[u8]) -> Result<Vec<PrivateKey>, String> {
    let decoded = encode::decode(text);
    let mut rest = decoded.as_deref().unwrap_or(text);
    let mut keys = Vec::new();
    while let Some((block, after)) = pem::decode(rest) {
        rest = after;
        match block.label.as_slice() {
            b"RSA PRIVATE KEY" => keys.push(private::pkcs1(&block.bytes)?),
            b"PRIVATE KEY" => keys.push(private::pkcs8(&block.bytes)?),
            b"EC PRIVATE KEY" => keys.push(private::sec1(&block.bytes)?),
            _ => {}
        }
    }
    Ok(keys)
}

fn parse_private_keys(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    let text = operand::string(operands, 1)?.as_bytes();
    charge(context.budget, text)?;
    if text.is_empty() {
        return Ok(Value::Null);
    }
    let keys = private_keys(text).map_err(refuse)?;
    Ok(Value::from(keys.iter().map(show::private_key).collect::<Vec<_>>()))
}

fn parse_rsa_private_key(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    let text = operand::string(operands, 1)?.as_bytes();
    charge(context.budget, text)?;
    if text.is_empty() {
        return Err(refuse("input PEM data was empty"));
    }
    let decoded =
        if text.starts_with(BEGIN) { text.to_vec() } else { encode::decode(text).map_err(refuse)? };
    let keys = private_keys(&decoded).map_err(refuse)?;
    Ok(keys.first().map_or(Value::Null, show::jwk))
}

/// PEM as it stands, or the bytes of Base64; DER becomes a block with this label.
fn blocks(text: &[u8], label: &[u8]) -> Result<Vec<pem::Block>, String> {
    const BEGIN_SPACE: &[u8] = b"-----BEGIN ";
    let decoded;
    let text = if text.starts_with(BEGIN_SPACE) {
        text
    } else {
        decoded = encode::decode(text)?;
        if !decoded.starts_with(BEGIN_SPACE) {
            return Ok(vec![pem::Block { label: label.to_vec(), bytes: decoded }]);
        }
        &decoded
    };
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((block, after)) = pem::decode(rest) {
        found.push(block);
        rest = after;
    }
    Ok(found)
}

fn parse_keypair(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    let certificate = operand::string(operands, 1)?;
    // OPA says operand 1 of both.
    let key = match operand::any(operands, 2)? {
        Value::String(key) => key,
        other => return Err(operand::wrong(1, "string", other)),
    };
    charge(context.budget, certificate.as_bytes())?;
    charge(context.budget, key.as_bytes())?;
    key_pair(certificate, key).map_err(refuse)
}

fn labels(blocks: &[pem::Block]) -> String {
    let labels: Vec<_> = blocks.iter().map(|block| String::from_utf8_lossy(&block.label)).collect();
    format!("[{}]", labels.join(" "))
}

fn key_pair(certificate: &Str, key: &Str) -> Result<Value, String> {
    let certificate_blocks = blocks(certificate.as_bytes(), b"CERTIFICATE")?;
    let key_blocks = blocks(key.as_bytes(), b"PRIVATE KEY")?;
    let (chain, skipped): (Vec<_>, Vec<_>) =
        certificate_blocks.into_iter().partition(|block| block.label == b"CERTIFICATE");
    let chain: Vec<Vec<u8>> = chain.into_iter().map(|block| block.bytes).collect();
    let Some(first) = chain.first() else {
        return Err(match skipped.as_slice() {
            [] => "tls: failed to find any PEM data in certificate input".to_owned(),
            [one] if one.label.ends_with(b"PRIVATE KEY") => "tls: failed to find certificate PEM data in certificate input, but did find a private key; PEM inputs may have been switched".to_owned(),
            skipped => format!("tls: failed to find \"CERTIFICATE\" PEM block in certificate input after skipping PEM blocks of the following types: {}", labels(skipped)),
        });
    };
    let is_key = |block: &pem::Block| block.label == b"PRIVATE KEY" || block.label.ends_with(b" PRIVATE KEY");
    let Some(found) = key_blocks.iter().find(|block| is_key(block)) else {
        return Err(match key_blocks.as_slice() {
            [] => "tls: failed to find any PEM data in key input".to_owned(),
            [one] if one.label == b"CERTIFICATE" => {
                "tls: found a certificate rather than a key in the PEM for the private key".to_owned()
            }
            skipped => format!(
                "tls: failed to find PEM block with type ending in \"PRIVATE KEY\" in key input after skipping PEM blocks of the following types: {}",
                labels(skipped)
            ),
        });
    };
    let leaf = Certificate::parse(first)?;
    let private = private::any(&found.bytes)?;
    let Some(public @ (PublicKey::Rsa { .. } | PublicKey::Ec { .. } | PublicKey::Ed25519(_))) = &leaf.key
    else {
        return Err("tls: unknown public key algorithm".to_owned());
    };
    let own = private.public();
    if std::mem::discriminant(public) != std::mem::discriminant(&own) {
        return Err("tls: private key type does not match public key type".to_owned());
    }
    if *public != own {
        return Err("tls: private key does not match public key".to_owned());
    }
    Ok(show::key_pair(&chain, &leaf, &private))
}

/// The key of one certificate in DER.
pub(super) fn certificate_key(der: &[u8]) -> Result<Option<PublicKey>, String> {
    Certificate::parse(der).map(|certificate| certificate.key)
}

/// A public key in DER (`SubjectPublicKeyInfo`).
pub(super) fn public_key(der: &[u8]) -> Result<PublicKey, String> {
    let mut outer = Der(der);
    let mut info = outer.read(der::SEQUENCE).ok_or("asn1: structure error: tags don't match")?;
    if !outer.is_empty() {
        return Err("x509: trailing data after ASN.1 of public-key".to_owned());
    }
    let (_, key) = private::public(&mut info)?;
    key.ok_or_else(|| "x509: unknown public key algorithm".to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::exercise::call;

    #[test]
    fn keys_of_any_length_make_keyed_digests() {
        let long = format!("\"{}\"", "k".repeat(1_000));
        for key in [r#""""#, r#""key""#, &long] {
            for name in ["crypto.hmac.md5", "crypto.hmac.sha1", "crypto.hmac.sha256", "crypto.hmac.sha512"] {
                assert!(call(name, &[r#""message""#, key]).is_ok(), "{name}");
            }
        }
        let known = "\"6e9ef29b75fffc5b7abae527d58fdadb2fe42e7219011976917343065f58ed4a\"";
        assert_eq!(call("crypto.hmac.sha256", &[r#""message""#, r#""key""#]), Ok(known.to_owned()));
    }

    #[test]
    fn what_is_no_certificate_is_an_error_and_never_verified() {
        for text in ["", "-----BEGIN CERTIFICATE-----\\n-----END CERTIFICATE-----\\n", "AAAA", "MAA="] {
            let text = format!("\"{text}\"");
            assert_eq!(
                call("crypto.x509.parse_and_verify_certificates", &[&text]),
                Ok("[false,[]]".to_owned())
            );
        }
        let refused = call("crypto.x509.parse_certificates", &[r#""MAA=""#]);
        assert_eq!(refused, Err("x509: malformed tbs certificate".to_owned()));
    }
}
