//! [`Keeper`]: the certificate that the webhook shows, in a Secret that all replicas share.
//!
//! Whichever replica comes first makes it; the others read it. Any of them renews it in time: each change of the Secret names the
//! `resourceVersion` that it was planned on, so of two that do the same at once one does it, and the other reads what came of it. No
//! leader is needed, and none can be missing. What is to be done is decided by [`plan()`], which knows no clock and no network.
//!
//! Of the webhook configuration only `caBundle` is written, under a field manager of its own.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use jiff::Timestamp;
use lumen_core::object::{annotations, field, items, text};
use lumen_value::{Array, Value};
use tokio::time::Instant;

use crate::api::{Api, ApiError, Backoff, Event, Ownership, Patch, Reflector, Resource, Selection};
use crate::names;
use crate::tls::{Identity, TlsError};

mod issue;
mod plan;
mod x509;

pub use issue::IssueError;
pub use plan::{Published, Step, Terms, plan};
pub use x509::{Certificate, CertificateFault, served};

/// As whom `caBundle` is managed: apart from the rest of the webhook configuration, so that nobody who applies that takes it away.
pub const BUNDLE_MANAGER: &str = "lumen-certificate";

/// The annotation of the Secret that says since when API servers are told of the newest authority, in seconds since 1970.
pub const NOTE: &str = "lumensec.io/authority-published";

/// Whose certificate it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The server's own: it is made, renewed, and trusted by the webhook configuration.
    Own(Terms),
    /// Somebody else's, such as cert-manager's: it is read, and read anew when it changes. Whoever made it fills `caBundle`, too.
    Foreign,
}

/// Where the certificate is, and for whom.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Whose it is.
    pub origin: Origin,
    /// The namespace of the Secret.
    pub namespace: String,
    /// The Secret's name.
    pub secret: String,
    /// The `ValidatingWebhookConfiguration` whose webhooks trust it.
    pub configuration: String,
    /// The names and addresses under which API servers ask for the webhook. The first is the certificate's subject.
    pub names: Vec<String>,
}

impl Settings {
    /// For the server in a namespace, with a certificate of its own.
    pub fn new(namespace: &str) -> Self {
        Self {
            origin: Origin::Own(Terms::default()),
            namespace: namespace.to_owned(),
            secret: names::CERTIFICATE_SECRET.to_owned(),
            configuration: names::WEBHOOK_CONFIGURATION.to_owned(),
            names: service_names(names::SERVICE, namespace),
        }
    }
}

/// The names of a Service, that which API servers use first.
pub fn service_names(service: &str, namespace: &str) -> Vec<String> {
    [".svc", ".svc.cluster.local", ""].iter().map(|end| format!("{service}.{namespace}{end}")).collect()
}

/// What the Secret holds. All texts are PEM; one that is missing is empty.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Kept {
    /// `ca.crt`: the authorities, the newest first.
    pub authorities: String,
    /// `ca.key`: the private key of the newest.
    pub authority_key: String,
    /// `tls.crt`: the serving certificate.
    pub certificate: String,
    /// `tls.key`: its private key.
    pub key: String,
    /// Since when the `caBundle` has the newest authority, in seconds since 1970.
    pub noted: Option<i64>,
}

/// Without the keys.
impl std::fmt::Debug for Kept {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut out = out.debug_struct("Kept");
        out.field("authorities", &self.authorities).field("certificate", &self.certificate);
        out.field("noted", &self.noted).finish_non_exhaustive()
    }
}

/// Why there is no certificate, or none that can be shown.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// The API server does not give or take the Secret or the `caBundle`. Whether a retry helps, the error says.
    #[error("the Secret or the webhook configuration: {0}")]
    Api(#[from] ApiError),
    /// Nothing can be issued. A retry does not help.
    #[error(transparent)]
    Issue(#[from] IssueError),
    /// What the Secret holds cannot be shown. A retry helps once it is another.
    #[error("the Secret `{secret}`: {cause}")]
    Unusable {
        /// The Secret.
        secret: String,
        /// Why.
        cause: TlsError,
    },
}

/// Most steps that are taken at once: a whole rotation has six.
const STEPS_MAX: usize = 12;

/// Longest time between two looks at the clock, which may be set meanwhile.
const LOOK_MAX: Duration = Duration::from_hours(1);

/// Most authorities that are kept: those that were added and never came to sign are the first to go.
const AUTHORITIES_MAX: usize = 4;

/// What keeps the certificate.
#[derive(Debug)]
pub struct Keeper<C> {
    api: Api,
    settings: Settings,
    clock: C,
    secrets: Resource,
    configurations: Resource,
}

impl<C: Fn() -> i64> Keeper<C> {
    /// With a clock that gives seconds since 1970, for as long as the API server's own is not known.
    pub fn new(api: Api, settings: Settings, clock: C) -> Self {
        Self {
            api,
            settings,
            clock,
            secrets: Resource::secrets(),
            configurations: Resource::webhook_configurations(),
        }
    }

    /// The certificate to begin with: made if there is none. Tries until there is one, for nothing can be answered without it.
    pub async fn first(&self) -> Identity {
        let mut backoff = Backoff::default();
        loop {
            let error = match self.settle(&Kept::default()).await {
                Ok((kept, _)) => match Identity::of_pem(kept.certificate.as_bytes(), kept.key.as_bytes()) {
                    Ok(identity) => return identity,
                    Err(cause) => self.unusable(cause),
                },
                Err(error) => error,
            };
            tracing::warn!(%error, "there is no certificate yet, and it is tried again");
            tokio::time::sleep(backoff.next()).await;
        }
    }

    /// Keeps what is shown the newest, and renews it, until `stop` is done.
    pub async fn run(self, identity: &Identity, stop: impl Future<Output = ()>) {
        let of_secret = Selection {
            namespace: Some(self.settings.namespace.clone()),
            ..Selection::of_name(&self.settings.secret)
        };
        let of_configuration = Selection::of_name(&self.settings.configuration);
        let mut secrets = Reflector::new(self.api.clone(), self.secrets.clone(), of_secret);
        let mut configurations =
            Reflector::new(self.api.clone(), self.configurations.clone(), of_configuration);
        let mut stop = std::pin::pin!(stop);
        let mut backoff = Backoff::default();
        let mut shown = Kept::default();
        let mut due = Instant::now();
        loop {
            let event = tokio::select! {
                () = &mut stop => return,
                () = tokio::time::sleep_until(due) => None,
                event = secrets.next() => Some(event),
                event = configurations.next(), if self.settings.origin != Origin::Foreign => Some(event),
            };
            match event {
                // A list comes object by object; its end is one event.
                Some(Event::Restarted) => continue,
                Some(Event::Failed(error)) => {
                    tracing::warn!(%error, "the certificate's Secret or its webhook configuration cannot be watched");
                    continue;
                }
                Some(Event::Applied(_) | Event::Deleted(_) | Event::Synced) | None => {}
            }
            match self.settle(&shown).await {
                Ok((kept, wait)) => {
                    self.show(identity, &mut shown, kept);
                    backoff.reset();
                    due = Instant::now() + wait;
                }
                Err(error) => {
                    tracing::warn!(%error, "the certificate cannot be looked after, and it is tried again");
                    due = Instant::now() + backoff.next();
                }
            }
        }
    }

    fn show(&self, identity: &Identity, shown: &mut Kept, kept: Kept) {
        if (&kept.certificate, &kept.key) == (&shown.certificate, &shown.key) {
            *shown = kept;
            return;
        }
        match identity.replace(kept.certificate.as_bytes(), kept.key.as_bytes()) {
            Ok(()) => {
                let ends = Certificate::all_of_pem(kept.certificate.as_bytes())
                    .ok()
                    .and_then(|chain| Timestamp::from_second(chain.first()?.not_after).ok())
                    .map(|end| end.to_string());
                tracing::info!(secret = self.settings.secret, ends, "this certificate is shown from now on");
                *shown = kept;
            }
            Err(cause) => {
                let error = self.unusable(cause);
                tracing::error!(%error, "the certificate before it is shown further on");
            }
        }
    }

    fn unusable(&self, cause: TlsError) -> CertificateError {
        CertificateError::Unusable { secret: self.settings.secret.clone(), cause }
    }

    /// Does what is to be done now; what is kept then, and how long nothing is to be done.
    async fn settle(&self, shown: &Kept) -> Result<(Kept, Duration), CertificateError> {
        let terms = match &self.settings.origin {
            Origin::Foreign => {
                let secret = self.api.get(&self.secret()).await?;
                return Ok((kept(&secret), LOOK_MAX));
            }
            Origin::Own(terms) => terms,
        };
        for _ in 0..STEPS_MAX {
            let secret = match self.api.get(&self.secret()).await {
                Ok(secret) => Some(secret),
                Err(ApiError::NotFound(_)) => None,
                Err(error) => return Err(error.into()),
            };
            let kept = secret.as_ref().map(kept);
            let published = self.published().await?;
            let now = self.now();
            let step = plan(now, kept.as_ref(), &published, &self.settings.names, terms);
            let (step, kept) = match (step, kept) {
                // Whoever deletes the Secret or spoils it gets another authority, and no request fails: what is shown stays
                // trusted until the other one is.
                (Step::Wait(_), kept) => (step, kept.unwrap_or_default()),
                (_, kept) if self.is_better(shown, kept.as_ref(), now) => (Step::AddAuthority, shown.clone()),
                (step, kept) => (step, kept.unwrap_or_default()),
            };
            let done = match (step, &secret, kept) {
                (Step::Wait(until), _, kept) => {
                    let seconds = u64::try_from(until.saturating_sub(now)).unwrap_or_default().max(1);
                    return Ok((kept, Duration::from_secs(seconds).min(LOOK_MAX)));
                }
                (Step::Publish, _, kept) => self.publish(&kept).await,
                (step, secret, kept) => {
                    self.keep(secret.as_ref(), &changed(step, now, kept, &self.settings.names, terms)?).await
                }
            };
            tracing::info!(?step, "the certificate is looked after");
            match done {
                // Another replica was first: what it did is read.
                Ok(()) | Err(ApiError::Conflict(_) | ApiError::AlreadyExists(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        // Others change it as fast as it is read. What is there is used.
        let secret = self.api.get(&self.secret()).await?;
        Ok((kept(&secret), Duration::from_secs(1)))
    }

    /// The API server's own time: no other clock decides on whether it takes a certificate, and replicas whose clocks differ would
    /// otherwise replace each other's.
    fn now(&self) -> i64 {
        self.api.time().unwrap_or_else(|| (self.clock)())
    }

    /// Whether what is shown is of use, and what the Secret holds is not.
    fn is_better(&self, shown: &Kept, kept: Option<&Kept>, now: i64) -> bool {
        let is_usable = |kept: &Kept| plan::is_usable(kept, &self.settings.names, now);
        !kept.is_some_and(is_usable) && is_usable(shown)
    }

    fn secret(&self) -> crate::api::At<'_> {
        self.secrets.at(Some(&self.settings.namespace), &self.settings.secret)
    }

    /// Writes the Secret: anew, or in the place of the one that was read.
    async fn keep(&self, secret: Option<&Value>, kept: &Kept) -> Result<(), ApiError> {
        let before = secret.and_then(|secret| secret.get("metadata"));
        let labels: Value = [(names::MANAGED_BY_LABEL, names::MANAGED_BY.into())].into();
        let note = kept.noted.map(|noted| noted.to_string());
        // Merged into what is there: what others wrote stays, such as labels of their own.
        let annotations: Value = [(NOTE, note.map_or(Value::Null, |note| note.as_str().into()))].into();
        let mut metadata = vec![(Value::from("labels"), labels), ("annotations".into(), annotations)];
        if let Some(version) = before.and_then(|before| before.get("resourceVersion")) {
            metadata.push(("resourceVersion".into(), version.clone()));
        }
        let encoded = |text: &str| Value::from(BASE64.encode(text).as_str());
        let data: Value = [
            ("ca.crt", encoded(&kept.authorities)),
            ("ca.key", encoded(&kept.authority_key)),
            ("tls.crt", encoded(&kept.certificate)),
            ("tls.key", encoded(&kept.key)),
        ]
        .into();
        if secret.is_some() {
            let change: Value = [("metadata", Value::Object(metadata.into())), ("data", data)].into();
            return self.api.patch(&self.secret(), Patch::Merge, &change).await.map(drop);
        }
        metadata.retain(|(key, _)| key.as_str() != Some("annotations"));
        metadata.push(("name".into(), self.settings.secret.as_str().into()));
        metadata.push(("namespace".into(), self.settings.namespace.as_str().into()));
        let secret: Value = [
            ("apiVersion", "v1".into()),
            ("kind", "Secret".into()),
            ("type", "kubernetes.io/tls".into()),
            ("metadata", Value::Object(metadata.into())),
            ("data", data),
        ]
        .into();
        self.api.create(&self.secrets, Some(&self.settings.namespace), &secret).await.map(drop)
    }

    /// What the webhook configuration trusts.
    async fn published(&self) -> Result<Published, ApiError> {
        match self.api.get(&self.configurations.at(None, &self.settings.configuration)).await {
            Ok(configuration) => {
                let bundles: Vec<String> = webhooks(&configuration).map(bundle).collect();
                Ok(if bundles.is_empty() { Published::Nowhere } else { Published::Bundles(bundles) })
            }
            Err(ApiError::NotFound(_)) => Ok(Published::Nowhere),
            Err(error) => Err(error),
        }
    }

    /// Puts the authorities into the `caBundle` of each webhook, and touches nothing else.
    async fn publish(&self, kept: &Kept) -> Result<(), ApiError> {
        let at = self.configurations.at(None, &self.settings.configuration);
        let configuration = self.api.get(&at).await?;
        let bundle = BASE64.encode(&kept.authorities);
        let each = |webhook: &Value| -> Value {
            let config: Value = [("caBundle", bundle.as_str().into())].into();
            [("name", webhook.get("name").cloned().unwrap_or_default()), ("clientConfig", config)].into()
        };
        let webhooks: Array = webhooks(&configuration).map(each).collect();
        let applied: Value = [
            ("apiVersion", "admissionregistration.k8s.io/v1".into()),
            ("kind", "ValidatingWebhookConfiguration".into()),
            ("metadata", [("name", self.settings.configuration.as_str().into())].into()),
            ("webhooks", webhooks.into()),
        ]
        .into();
        self.api.apply_as(&at, &applied, Ownership::Forced, BUNDLE_MANAGER).await.map(drop)
    }
}

/// What a Secret holds.
pub fn kept(secret: &Value) -> Kept {
    let decoded = |key: &str| decoded(text(field(secret, &["data"]), key));
    let note = text(annotations(secret), NOTE);
    Kept {
        authorities: decoded("ca.crt"),
        authority_key: decoded("ca.key"),
        certificate: decoded("tls.crt"),
        key: decoded("tls.key"),
        noted: note.parse().ok(),
    }
}

/// The webhooks of a configuration.
pub fn webhooks(configuration: &Value) -> impl Iterator<Item = &Value> {
    items(configuration, "webhooks")
}

/// The `caBundle` of a webhook, as PEM; empty where there is none or it cannot be read.
pub fn bundle(webhook: &Value) -> String {
    decoded(text(field(webhook, &["clientConfig"]), "caBundle"))
}

/// A text in base 64; empty where it is none.
fn decoded(text: &str) -> String {
    BASE64.decode(text).ok().and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default()
}

/// What is kept after a step.
fn changed(
    step: Step,
    now: i64,
    mut kept: Kept,
    names: &[String],
    terms: &Terms,
) -> Result<Kept, IssueError> {
    match step {
        Step::Make => {
            let authority = issue::authority(now, terms)?;
            let serving = issue::serving(now, terms, names, &authority.key)?;
            return Ok(Kept {
                authorities: authority.certificate,
                authority_key: authority.key,
                certificate: serving.certificate,
                key: serving.key,
                noted: None,
            });
        }
        Step::AddAuthority => {
            let authority = issue::authority(now, terms)?;
            // Those that are not valid go, and what is no certificate.
            let mut authorities = vec![authority.certificate];
            authorities.extend(pieces(&kept.authorities, |each| each.is_valid_at(now)));
            let own = Certificate::all_of_pem(kept.certificate.as_bytes()).unwrap_or_default();
            let signs = |piece: &String| {
                let authority = Certificate::all_of_pem(piece.as_bytes()).unwrap_or_default();
                let pair = own.first().zip(authority.first()).zip(names.first());
                pair.is_some_and(|((own, authority), name)| own.is_signed_by(authority, name))
            };
            while authorities.len() > AUTHORITIES_MAX {
                let idle = authorities.iter().skip(1).position(|piece| !signs(piece));
                authorities.remove(idle.map_or(AUTHORITIES_MAX, |idle| idle + 1));
            }
            kept =
                Kept { authorities: authorities.concat(), authority_key: authority.key, noted: None, ..kept };
        }
        Step::Note => kept.noted = Some(now),
        Step::Issue => {
            let serving = issue::serving(now, terms, names, &kept.authority_key)?;
            (kept.certificate, kept.key) = (serving.certificate, serving.key);
        }
        Step::DropAuthorities => {
            kept.authorities = pieces(&kept.authorities, |_| true).into_iter().take(1).collect();
        }
        Step::Publish | Step::Wait(_) => {}
    }
    Ok(kept)
}

/// The certificates of a PEM text, each as a text of its own.
fn pieces(text: &str, is_kept: impl Fn(&Certificate) -> bool) -> Vec<String> {
    const END: &str = "-----END CERTIFICATE-----";
    text.split_inclusive(END)
        .filter(|piece| Certificate::all_of_pem(piece.as_bytes()).is_ok_and(|all| all.iter().all(&is_kept)))
        .map(|piece| format!("{}\n", piece.trim()))
        .collect()
}
