//! New authorities and serving certificates: ECDSA on P-256, which every API server takes.

use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, date_time_ymd,
};

use super::plan::Terms;

/// Why nothing can be issued. A retry does not help: the key that is kept is none, or a name cannot stand in a certificate.
#[derive(Debug, thiserror::Error)]
#[error("no certificate can be made: {0}")]
pub struct IssueError(#[from] rcgen::Error);

/// A certificate and its private key, both as PEM.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Pair {
    pub(super) certificate: String,
    pub(super) key: String,
}

/// Without the key.
impl std::fmt::Debug for Pair {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Pair").field("certificate", &self.certificate).finish_non_exhaustive()
    }
}

/// A new authority.
pub(super) fn authority(now: i64, terms: &Terms) -> Result<Pair, IssueError> {
    let key = KeyPair::generate()?;
    let mut params = authority_params();
    limit(&mut params, now - terms.skew, now + terms.authority_life);
    Ok(Pair { certificate: params.self_signed(&key)?.pem(), key: key.serialize_pem() })
}

/// A new serving certificate for some names, the first of which is its subject, signed with an authority's key.
pub(super) fn serving(
    now: i64,
    terms: &Terms,
    names: &[String],
    authority_key: &str,
) -> Result<Pair, IssueError> {
    // The issuer is known by its subject and its key, which are those of the authority's certificate.
    let issuer = Issuer::new(authority_params(), KeyPair::from_pem(authority_key)?);
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new(names.to_vec())?;
    params.distinguished_name = named(names.first().map_or("lumen", String::as_str));
    limit(&mut params, now - terms.skew, now + terms.serving_life);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    Ok(Pair { certificate: params.signed_by(&key, &issuer)?.pem(), key: key.serialize_pem() })
}

/// The public half of a private key.
pub(super) fn public_key(key: &str) -> Option<Vec<u8>> {
    KeyPair::from_pem(key).ok().map(|key| key.public_key_raw().to_vec())
}

fn authority_params() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = named("lumen-webhook-authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

/// A subject of one name, within the 64 characters that X.520 allows it.
fn named(name: &str) -> DistinguishedName {
    let mut subject = DistinguishedName::new();
    subject.push(DnType::CommonName, name.chars().take(64).collect::<String>());
    subject
}

/// When it is valid, both in seconds since 1970; what is before 1970 counts as 1970.
fn limit(params: &mut CertificateParams, not_before: i64, not_after: i64) {
    let moment = |seconds: i64| {
        date_time_ymd(1970, 1, 1)
            + Duration::from_secs(u64::try_from(seconds).unwrap_or_default().min(TIME_MAX))
    };
    (params.not_before, params.not_after) = (moment(not_before), moment(not_after));
}

/// The end of the year 9999, the last that a certificate can name.
const TIME_MAX: u64 = 253_402_300_799;
