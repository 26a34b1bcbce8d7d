//! [`Inner::judge`]: from the bytes of a request to those of its answer, on a thread of its own.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use lumen_core::admission::webhook::{Answer, Namespaces, Webhook, is_about_namespace};
use lumen_core::decision::{Decision, Judge, is_vital, lets_go};
use lumen_value::Value;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::envelope::Envelope;
use super::lookup::Lookup;
use super::{Inner, log};
use crate::metrics::About as PodSecurityAbout;
use crate::state::{State, nanoseconds};

/// What came of a request.
pub(super) enum Outcome {
    Judged(Judged),
    /// Its body is no `AdmissionReview`.
    Malformed,
    /// It cannot be judged before this is known.
    Lacks(Lack),
}

/// An answer.
pub(super) struct Judged {
    /// `allow`, `deny` or `error`.
    pub(super) status: &'static str,
    pub(super) is_dry_run: bool,
    pub(super) body: String,
}

/// What the state does not have.
pub(super) enum Lack {
    /// The Namespace of a name.
    Namespace(String),
    /// The pods of the Namespace of a name.
    Pods(String),
}

/// What was looked up for a request.
#[derive(Clone, Default)]
pub(super) struct Given {
    namespace: Option<(String, Option<Value>)>,
    /// Also where nobody could say them: then there are none to speak of.
    pods: Option<Arc<Pods>>,
}

/// Longest time for the pods of a Namespace: upstream's (`k8s.io/pod-security-admission/admission`).
const PODS_TIME_MAX: Duration = Duration::from_secs(1);

/// The pods of a Namespace.
#[derive(Default)]
struct Pods {
    all: Vec<Value>,
    /// The turn lasts as long as they are in memory.
    _turn: Option<OwnedSemaphorePermit>,
}

impl Given {
    /// Looks up what lacks, until a deadline. Pods, which are many, are looked up for one request at a time, and not for as long as
    /// it may take: who is warned of none is no worse off than who is refused for want of an answer.
    pub(super) async fn fill(
        &mut self,
        lack: Lack,
        lookup: Option<&dyn Lookup>,
        turns: &Arc<Semaphore>,
        deadline: Instant,
    ) {
        match lack {
            Lack::Namespace(name) => {
                let found = match lookup {
                    Some(lookup) => lookup.namespace(&name).await,
                    None => None,
                };
                self.namespace = Some((name, found));
            }
            Lack::Pods(namespace) => {
                let pods = match (lookup, turns.clone().try_acquire_owned()) {
                    (Some(lookup), Ok(turn)) => {
                        let most = PODS_TIME_MAX.min(deadline.saturating_duration_since(Instant::now()) / 2);
                        let all = timeout(most, lookup.pods(&namespace)).await.ok().flatten();
                        Pods { all: all.unwrap_or_default(), _turn: Some(turn) }
                    }
                    _ => Pods::default(),
                };
                self.pods = Some(Arc::new(pods));
            }
        }
    }
}

/// The Namespaces of the state, and the one that was looked up.
struct Known<'a> {
    state: &'a State,
    given: &'a Given,
}

impl Namespaces for Known<'_> {
    fn namespace(&self, name: &str) -> Option<Value> {
        self.state.namespace(name).or_else(|| {
            let (given, namespace) = self.given.namespace.as_ref()?;
            namespace.clone().filter(|_| given == name)
        })
    }
}

impl Inner {
    pub(super) fn judge(&self, bytes: &[u8], given: &Given) -> Outcome {
        let envelope = match Envelope::read(bytes) {
            Ok(envelope) => envelope,
            Err(error) => {
                tracing::warn!(error, "a request is no AdmissionReview");
                return Outcome::Malformed;
            }
        };
        let state = self.current.get();
        let request = &envelope.request;
        let now = Timestamp::now();
        let pod_security = self.settings.pod_security.as_ref().map(|admission| state.pod_security(admission));
        let judge = Judge {
            webhook: Webhook {
                policies: &state.policies,
                inventory: &state.inventory,
                namespaces: &Known { state: &state, given },
                own_user: &self.settings.own_user,
                time_ns: nanoseconds(now),
            },
            pod_security: pod_security.as_ref(),
            pods: given.pods.as_ref().map(|pods| pods.all.as_slice()),
            exemptions: &state.exemptions,
            now,
            deletions_opt_in: self.settings.deletions_opt_in,
        };
        if let Some(lack) = self.lack(&judge, request, given) {
            return Outcome::Lacks(lack);
        }
        let decision = judge.decide(envelope.sent());
        let decision = self.lenient(decision, request, &state);
        log::tell(&decision, request, &self.metrics);
        self.tell_events(&decision, request, &state);
        if let Some(pod_security) = &pod_security {
            let about = PodSecurityAbout::of(request);
            self.metrics.pod_security().count(&decision.noted, about, pod_security.cluster_minor);
        }
        let mut answer = decision.answer;
        if self.settings.is_shadow {
            // Gatekeeper answers: what would have been said is in the log.
            answer = Answer { audit_annotations: answer.audit_annotations, ..Answer::allowed("") };
        }
        let status = match (answer.is_allowed, answer.code) {
            (true, _) => "allow",
            (false, 403) => "deny",
            (false, _) => "error",
        };
        Outcome::Judged(Judged {
            status,
            is_dry_run: envelope.is_dry_run(),
            body: envelope.address().answered(&answer),
        })
    }

    /// Makes Events of what a request was found to violate. A dry run leaves none.
    fn tell_events(&self, decision: &Decision, request: &Value, state: &State) {
        let configured = &state.config.webhook;
        let emission =
            self.settings.emission.configured(configured.emit_events, configured.events_involved_namespace);
        if let Some(events) = &self.settings.events
            && emission.is_on
            && request.get("dryRun") != Some(&Value::Bool(true))
        {
            log::tell_events(decision, request, events, emission);
        }
    }

    /// What has to be looked up first, where anybody can be asked.
    fn lack(&self, judge: &Judge<'_>, request: &Value, given: &Given) -> Option<Lack> {
        self.lookup.as_ref()?;
        let missing = judge.missing_namespace(request).filter(|_| given.namespace.is_none());
        let pods = || judge.wanted_pods(request).filter(|_| given.pods.is_none());
        missing
            .map(|name| Lack::Namespace(name.to_owned()))
            .or_else(|| pods().map(|name| Lack::Pods(name.to_owned())))
    }

    /// Lets a request go on that must not be held up.
    fn lenient(&self, decision: Decision, request: &Value, state: &State) -> Decision {
        if decision.answer.is_allowed {
            return decision;
        }
        let text = |name: &str| request.get(name).and_then(Value::as_str).unwrap_or_default();
        let namespace = if is_about_namespace(request) { text("name") } else { text("namespace") };
        let (word, why) = if self.settings.is_shadow {
            ("shadow", "shadow mode".to_owned())
        } else if let Some(group) = self.break_glass_group(request, state) {
            ("break-glass", format!("the user is in the group {group}"))
        } else if self.settings.spares_vital && is_vital(request) {
            ("vital", "the cluster lives on it".to_owned())
        } else if self.settings.spares_vital && lets_go(request) {
            ("deletion", "it only lets go of what is to be deleted".to_owned())
        } else if !namespace.is_empty() && self.settings.is_never_blocked(namespace) {
            ("namespace", format!("nothing is held up in the namespace {namespace}"))
        } else {
            return decision;
        };
        self.metrics.let_through(word);
        decision.let_through(&why)
    }

    /// The group by which the user may do what policies forbid.
    fn break_glass_group(&self, request: &Value, state: &State) -> Option<String> {
        let configured = &state.config.webhook.break_glass_groups;
        let groups = if configured.is_empty() { &self.settings.break_glass_groups } else { configured };
        let of_user = request.get("userInfo")?.get("groups")?.as_array()?;
        groups.iter().find(|group| of_user.iter().any(|each| each.as_str() == Some(group))).cloned()
    }
}
