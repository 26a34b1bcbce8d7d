//! [`Certificate`]: what has to be known of a certificate, read of its DER (RFC 5280 §4.1), and whether one stands for another.
//!
//! Signatures are checked by rustls. What is read here only says when a certificate ends and whose key it is for.

use std::sync::Arc;
use std::time::Duration;

use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};

/// Most certificates of a bundle that are read.
const CERTIFICATES_MAX: usize = 64;

/// A certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    der: CertificateDer<'static>,
    /// From when on it is valid, in seconds since 1970.
    pub not_before: i64,
    /// The last second in which it is valid, in seconds since 1970.
    pub not_after: i64,
    /// The `SubjectPublicKeyInfo`.
    key: Vec<u8>,
}

/// What is no certificate. A retry with the same bytes does not help.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateFault {
    /// The text is no PEM.
    #[error("it is no PEM: {0}")]
    Pem(String),
    /// There is no certificate in it.
    #[error("there is no certificate in it")]
    Empty,
    /// There are more than are read.
    #[error("there are more than {CERTIFICATES_MAX} certificates in it")]
    TooMany,
    /// A certificate is not as RFC 5280 has it.
    #[error("certificate {0} cannot be read")]
    Malformed(usize),
}

impl Certificate {
    /// The certificates of a PEM text, in its order.
    pub fn all_of_pem(text: &[u8]) -> Result<Vec<Self>, CertificateFault> {
        let mut all = Vec::new();
        for der in CertificateDer::pem_slice_iter(text) {
            let der = der.map_err(|error| CertificateFault::Pem(error.to_string()))?;
            if all.len() == CERTIFICATES_MAX {
                return Err(CertificateFault::TooMany);
            }
            all.push(Self::of_der(der.into_owned()).ok_or(CertificateFault::Malformed(all.len() + 1))?);
        }
        if all.is_empty() { Err(CertificateFault::Empty) } else { Ok(all) }
    }

    pub(crate) fn of_der(der: CertificateDer<'static>) -> Option<Self> {
        let (_, certificate, _) = element(&der, SEQUENCE)?;
        let (_, mut rest, _) = element(certificate, SEQUENCE)?;
        // The version may be left out; serial number, algorithm and issuer come before the validity, the subject after it.
        if let Some((_, _, after)) = element(rest, VERSION) {
            rest = after;
        }
        for tag in [INTEGER, SEQUENCE, SEQUENCE] {
            rest = element(rest, tag)?.2;
        }
        let (_, validity, rest) = element(rest, SEQUENCE)?;
        let (_, _, rest) = element(rest, SEQUENCE)?;
        let (key, _, _) = element(rest, SEQUENCE)?;
        let (not_before, validity) = time(validity)?;
        let (not_after, _) = time(validity)?;
        Some(Self { not_before, not_after, key: key.to_vec(), der })
    }

    /// Whether it is valid at a time in seconds since 1970.
    pub const fn is_valid_at(&self, time: i64) -> bool {
        self.not_before <= time && time <= self.not_after
    }

    /// Whether it is for the key whose public half has these bytes.
    pub(super) fn is_for(&self, public_key: &[u8]) -> bool {
        !public_key.is_empty() && self.key.ends_with(public_key)
    }

    /// Whether an authority signed it for a server of a name, the time aside.
    pub fn is_signed_by(&self, authority: &Self, name: &str) -> bool {
        let both = self.not_before.max(authority.not_before);
        served(std::slice::from_ref(self), std::slice::from_ref(authority), name, both).is_ok()
    }
}

/// Whether a client that trusts some authorities takes a chain, the server's own certificate first, for a server of a name at a
/// time; why not.
pub fn served(
    chain: &[Certificate],
    authorities: &[Certificate],
    name: &str,
    now: i64,
) -> Result<(), String> {
    let mut roots = RootCertStore::empty();
    // rustls looks at no authority's time; API servers do.
    let is_valid = |each: &&Certificate| (each.not_before..=each.not_after).contains(&now);
    for authority in authorities.iter().filter(is_valid) {
        roots.add(authority.der.clone()).map_err(|error| error.to_string())?;
    }
    if roots.is_empty() {
        return Err("no authority is valid now".to_owned());
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider);
    let verifier = verifier.build().map_err(|error| error.to_string())?;
    let Some((own, between)) = chain.split_first() else { return Err("it has no certificate".to_owned()) };
    let between: Vec<_> = between.iter().map(|each| each.der.clone()).collect();
    let name = ServerName::try_from(name).map_err(|error| error.to_string())?;
    let now = UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(now).unwrap_or_default()));
    let verified = verifier.verify_server_cert(&own.der, &between, &name, &[], now);
    verified.map(drop).map_err(|error| error.to_string())
}

const INTEGER: u8 = 0x02;
const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// The element at the head of some DER, if it has a tag: all of it, what is in it, and what comes after.
fn element(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8], &[u8])> {
    let (found, rest) = bytes.split_first()?;
    if *found != tag {
        return None;
    }
    let (first, rest) = rest.split_first()?;
    let (length, rest) = match usize::from(*first) {
        short @ 0..=0x7f => (short, rest),
        // Up to three bytes of length: 16 MiB.
        long @ 0x81..=0x83 => {
            let (digits, rest) = rest.split_at_checked(long - 0x80)?;
            (digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit)), rest)
        }
        _ => return None,
    };
    let (inner, after) = rest.split_at_checked(length)?;
    Some((bytes.get(..bytes.len() - after.len())?, inner, after))
}

/// The time at the head of some DER, in seconds since 1970, and what comes after: `YYMMDDhhmmssZ` or `YYYYMMDDhhmmssZ`.
fn time(bytes: &[u8]) -> Option<(i64, &[u8])> {
    let (text, after, century) = if let Some((_, text, after)) = element(bytes, UTC_TIME) {
        (text, after, None)
    } else {
        let (_, text, after) = element(bytes, GENERALIZED_TIME)?;
        let (century, text) = text.split_at_checked(2)?;
        (text, after, Some(number(century)?))
    };
    let text = text.strip_suffix(b"Z").filter(|text| text.len() == 12)?;
    let mut pairs = text.chunks_exact(2).map(number);
    let mut next = || pairs.next().flatten();
    let short = next()?;
    let century = century.unwrap_or(if short < 50 { 20 } else { 19 });
    let (month, day) = (next()?, next()?);
    let (hour, minute, second) = (next()?, next()?, next()?);
    let is_real = (1..=12).contains(&month) && (1..=31).contains(&day) && hour < 24 && minute < 60;
    let days = days_of(century * 100 + short, month, day);
    is_real.then_some((days * 86_400 + hour * 3_600 + minute * 60 + second, after))
}

fn number(digits: &[u8]) -> Option<i64> {
    digits
        .iter()
        .try_fold(0, |number, digit| digit.is_ascii_digit().then(|| number * 10 + i64::from(digit - b'0')))
}

/// Days since 1970 of a date of the Gregorian calendar (Howard Hinnant, "chrono-compatible low-level date algorithms").
fn days_of(year: i64, month: i64, day: i64) -> i64 {
    // Years begin with March: the leap day is their last.
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_counted_from_1970() {
        for (date, days) in
            [((1970, 1, 1), 0), ((1970, 3, 1), 59), ((2000, 2, 29), 11_016), ((2026, 11, 26), 20_783)]
        {
            assert_eq!(days_of(date.0, date.1, date.2), days, "{date:?}");
        }
    }

    #[test]
    fn both_forms_of_time_are_read() {
        assert_eq!(time(b"\x17\x0d700101000001Z").map(|(time, _)| time), Some(1));
        assert_eq!(time(b"\x18\x0f20500101000000Z").map(|(time, _)| time), Some(2_524_608_000));
        assert_eq!(time(b"\x17\x0d701301000001Z"), None);
        assert_eq!(time(b"\x17\x0d7001010000"), None);
    }

    #[test]
    fn no_bytes_make_the_reading_fail() {
        let whole = [0x30, 0x82, 0x01, 0x00, 0x30, 0x03, 0xa0, 0x01, 0x00, 0x30];
        for end in 0..whole.len() {
            let der = CertificateDer::from(whole[..end].to_vec());
            assert_eq!(Certificate::of_der(der), None);
        }
        assert_eq!(Certificate::all_of_pem(b"nothing"), Err(CertificateFault::Empty));
    }
}
