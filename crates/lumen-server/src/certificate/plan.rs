//! [`plan`]: what is to be done next about the certificate, as a function of what is kept, what the API server trusts, and the time.
//!
//! A serving certificate is never shown before the API servers trust its authority: a new authority is added to the `caBundle`
//! beside the old one, time goes by in which every API server hears of it, and only then does it sign. The old one leaves when
//! no replica can still show what it signed.

use super::x509::Certificate;
use super::{Kept, issue};

/// How long things last, all in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// How long an authority is valid.
    pub authority_life: i64,
    /// How long a serving certificate is valid. It is renewed when a third of that is left.
    pub serving_life: i64,
    /// How long before its making a certificate is already valid, for API servers whose clocks are behind.
    pub skew: i64,
    /// How long API servers may take to hear of a `caBundle`.
    pub propagation: i64,
    /// How long an authority stays trusted after it has signed the certificate last shown.
    pub afterlife: i64,
}

impl Default for Terms {
    fn default() -> Self {
        const DAY: i64 = 86_400;
        Self {
            authority_life: 1_826 * DAY,
            serving_life: 90 * DAY,
            skew: 3_600,
            propagation: 60,
            afterlife: DAY,
        }
    }
}

/// What the webhook configuration trusts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Published {
    /// There is no webhook configuration, or none of its webhooks is this server's.
    Nowhere,
    /// The `caBundle` of each of its webhooks, as PEM; empty where there is none.
    Bundles(Vec<String>),
}

/// What is to be done next. All but [`Step::Wait`] change something, after which the plan is made anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Make an authority and a serving certificate: nothing usable is kept.
    Make,
    /// Add a new authority before those that there are. It signs nothing yet.
    AddAuthority,
    /// Put the authorities into the `caBundle`.
    Publish,
    /// Write down that the `caBundle` has the newest authority from now on.
    Note,
    /// Make a new serving certificate, signed by the newest authority.
    Issue,
    /// Forget all authorities but the newest.
    DropAuthorities,
    /// Nothing, up to a time in seconds since 1970.
    Wait(i64),
}

/// What is known of what is kept.
struct Facts {
    /// The newest first.
    authorities: Vec<Certificate>,
    has_authority_key: bool,
    serving: Option<Serving>,
    noted: Option<i64>,
}

/// A serving certificate that fits its key, has the names, and is valid, as its authority is.
struct Serving {
    certificate: Certificate,
    /// Whether the newest authority signed it.
    by_newest: bool,
}

impl Facts {
    fn of(kept: &Kept, names: &[String], now: i64) -> Self {
        let authorities = Certificate::all_of_pem(kept.authorities.as_bytes()).unwrap_or_default();
        let key = issue::public_key(&kept.authority_key);
        let has_authority_key =
            key.is_some_and(|key| authorities.first().is_some_and(|newest| newest.is_for(&key)));
        let serving = Certificate::all_of_pem(kept.certificate.as_bytes()).ok();
        let serving = serving.and_then(|chain| chain.into_iter().next()).and_then(|certificate| {
            issue::public_key(&kept.key)
                .filter(|key| certificate.is_for(key) && certificate.is_valid_at(now))?;
            let signer = authorities.iter().position(|authority| {
                authority.is_valid_at(now)
                    && names.iter().all(|name| certificate.is_signed_by(authority, name))
            })?;
            Some(Serving { certificate, by_newest: signer == 0 })
        });
        Self { authorities, has_authority_key, serving, noted: kept.noted }
    }
}

/// What is to be done next, at a time in seconds since 1970.
pub fn plan(now: i64, kept: Option<&Kept>, published: &Published, names: &[String], terms: &Terms) -> Step {
    let Some(kept) = kept else { return Step::Make };
    let facts = Facts::of(kept, names, now);
    let Some(newest) = facts.authorities.first() else { return Step::Make };
    // What an authority signs must not outlive it.
    let authority_ends = newest.not_after - terms.serving_life;
    if !facts.has_authority_key || now >= authority_ends || !newest.is_valid_at(now) {
        return Step::AddAuthority;
    }
    if let Published::Bundles(bundles) = published {
        if bundles.iter().any(|bundle| !is_same(bundle, &kept.authorities)) {
            return Step::Publish;
        }
        if facts.noted.is_none() {
            return Step::Note;
        }
    }
    // What cannot be shown any more is replaced at once: nothing can get worse.
    let Some(serving) = facts.serving else { return Step::Issue };
    let life = serving.certificate.not_after - serving.certificate.not_before;
    let renewal = serving.certificate.not_after - life / 3;
    if !serving.by_newest {
        return match facts.noted.map(|noted| noted + terms.propagation) {
            Some(known) if now >= known => Step::Issue,
            Some(known) => Step::Wait(known.min(serving.certificate.not_after + 1)),
            None => Step::Wait(serving.certificate.not_after + 1),
        };
    }
    if now >= renewal {
        return Step::Issue;
    }
    let next = renewal.min(authority_ends);
    if facts.authorities.len() == 1 {
        return Step::Wait(next);
    }
    let forgotten = serving.certificate.not_before + terms.skew + terms.afterlife;
    if now >= forgotten { Step::DropAuthorities } else { Step::Wait(next.min(forgotten)) }
}

/// Whether clients that trust what is kept take what is shown of it, at a time in seconds since 1970.
pub(super) fn is_usable(kept: &Kept, names: &[String], now: i64) -> bool {
    Facts::of(kept, names, now).serving.is_some()
}

/// Whether two PEM texts have the same certificates, in whatever order. What cannot be read is the same as nothing.
fn is_same(bundle: &str, authorities: &str) -> bool {
    let read = |text: &str| Certificate::all_of_pem(text.as_bytes()).ok();
    match (read(bundle), read(authorities)) {
        (Some(bundle), Some(authorities)) => {
            bundle.len() == authorities.len() && authorities.iter().all(|each| bundle.contains(each))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests;
