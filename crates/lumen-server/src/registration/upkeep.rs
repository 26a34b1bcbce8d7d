//! [`run`]: the webhook configuration, kept what follows from the policies.

use std::sync::Arc;
use std::time::Duration;

use lumen_core::admission::PolicySet;
use lumen_value::Value;
use tokio::time::Instant;

use super::{Kinds, Settings, kept_up, webhook_configuration};
use crate::api::{Api, ApiError, Backoff, Event, Ownership, Reflector, Resource, Selection};
use crate::certificate::webhooks;
use crate::names;
use crate::state::{Current, State};

/// As whom rules and conditions are managed.
const RULES_MANAGER: &str = "lumen-rules";

/// How often the newest policies are looked at.
const LOOK: Duration = Duration::from_millis(50);

/// How often the kinds are asked for and the configuration is compared, though no policy changed.
const ROUND: Duration = Duration::from_mins(1);

/// Longest wait after a failure: policies that are new are not sent until it works.
const WAIT_MAX: Duration = Duration::from_secs(5);

/// Keeps the rules and conditions of the configuration that is installed what the policies need, while `leads` says so, until
/// `stop` is done. A configuration that is not there is not made: who removes it means it.
///
/// Before the state is whole nothing is written: rules that are too few would let requests by. Whoever writes other ones is
/// answered at once. The first rules are written only when the Service has somebody who answers.
pub async fn run(
    api: Api,
    settings: Settings,
    current: Arc<Current>,
    leads: impl Fn() -> bool,
    stop: impl Future<Output = ()>,
) {
    let mut stop = std::pin::pin!(stop);
    let mut ticks = tokio::time::interval(LOOK);
    let mut written: Option<(Arc<PolicySet>, Arc<Vec<Resource>>)> = None;
    let mut next_round = Instant::now();
    let mut backoff = Backoff::default();
    let configurations =
        Reflector::new(api.clone(), resource(), Selection::of_name(names::WEBHOOK_CONFIGURATION));
    // One question stays open however often the clock ticks: an API server may take longer than that to answer.
    let mut telling = Box::pin(told(configurations));
    loop {
        tokio::select! {
            () = &mut stop => return,
            _ = ticks.tick() => {}
            (configurations, event) = &mut telling => {
                telling = Box::pin(told(configurations));
                if let Event::Applied(_) = event {
                    next_round = Instant::now();
                }
            }
        }
        let state = current.get();
        let is_new = written.as_ref().is_none_or(|(policies, defined)| {
            !Arc::ptr_eq(policies, &state.policies) || !Arc::ptr_eq(defined, &state.defined)
        });
        if !state.is_complete || !leads() || (!is_new && Instant::now() < next_round) {
            continue;
        }
        match keep_up(&api, &settings, &state).await {
            Ok(Kept::Whole) => {
                backoff.reset();
                written = Some((state.policies.clone(), state.defined.clone()));
                next_round = Instant::now() + ROUND;
            }
            Ok(Kept::Waiting) => written = None,
            Err(error) => {
                tracing::warn!(%error, "the webhook configuration cannot be kept up to date, and it is tried again");
                written = None;
                let wait = error.wait().unwrap_or_default().max(backoff.next_within(WAIT_MAX));
                tokio::select! {
                    () = &mut stop => return,
                    () = tokio::time::sleep(wait) => {}
                }
            }
        }
    }
}

/// The next event, and what tells those after it.
async fn told(mut configurations: Reflector) -> (Reflector, Event) {
    let event = configurations.next().await;
    (configurations, event)
}

fn resource() -> Resource {
    Resource::webhook_configurations()
}

/// What became of the configuration.
enum Kept {
    /// It is what it should be, or there is none.
    Whole,
    /// Nobody would answer yet.
    Waiting,
}

async fn keep_up(api: &Api, settings: &Settings, state: &State) -> Result<Kept, ApiError> {
    let resource = resource();
    let at = resource.at(None, names::WEBHOOK_CONFIGURATION);
    let installed = match api.get(&at).await {
        Ok(installed) => installed,
        Err(ApiError::NotFound(_)) => return Ok(Kept::Whole),
        Err(error) => return Err(error),
    };
    // A replica that is ready is known to the API server a little later. With rules that are there already, nothing is to be gained.
    if !has_rules(&installed) && !has_endpoint(api, settings).await? {
        return Ok(Kept::Waiting);
    }
    let discovery = api.discover().await?;
    let kinds = Kinds { discovery: &discovery, defined: &state.defined };
    let wanted = wanted(&state.policies, kinds, settings, &installed);
    if kept_up(&installed) == wanted {
        return Ok(Kept::Whole);
    }
    api.apply_as(&at, &wanted, Ownership::Forced, RULES_MANAGER).await?;
    tracing::info!("the webhook configuration follows the policies");
    Ok(Kept::Whole)
}

/// Whether the webhook that judges is asked about anything.
fn has_rules(installed: &Value) -> bool {
    let is_it =
        |webhook: &&Value| webhook.get("name").and_then(Value::as_str) == Some(names::VALIDATION_WEBHOOK);
    let rules = webhooks(installed).find(is_it).and_then(|webhook| webhook.get("rules")?.as_array());
    rules.is_some_and(|rules| !rules.is_empty())
}

/// Whether the Service has an endpoint that is ready.
async fn has_endpoint(api: &Api, settings: &Settings) -> Result<bool, ApiError> {
    let slices = Resource::new("discovery.k8s.io", "v1", "EndpointSlice", "endpointslices", true);
    let selection = Selection {
        namespace: Some(settings.namespace.clone()),
        labels: format!("kubernetes.io/service-name={}", names::SERVICE),
        ..Selection::default()
    };
    let slices = api.list_all(&slices, &selection).await?;
    Ok(slices.iter().any(has_ready))
}

/// Whether an `EndpointSlice` has an endpoint that is ready; one that does not say so is.
fn has_ready(slice: &Value) -> bool {
    let mut endpoints =
        slice.get("endpoints").and_then(Value::as_array).into_iter().flat_map(lumen_value::Array::iter);
    endpoints.any(|endpoint| {
        let ready = endpoint.get("conditions").and_then(|conditions| conditions.get("ready"));
        ready.is_none_or(|ready| ready.as_bool() != Some(false))
    })
}

/// What the webhooks that are installed should say. Those that are not installed are not added.
fn wanted(policies: &PolicySet, kinds: Kinds<'_>, settings: &Settings, installed: &Value) -> Value {
    let wanted = kept_up(&webhook_configuration(policies, kinds, settings));
    let name = |webhook: &Value| webhook.get("name").and_then(Value::as_str).map(str::to_owned);
    let there: Vec<_> = webhooks(installed).filter_map(name).collect();
    let kept: lumen_value::Array = webhooks(&wanted)
        .filter(|webhook| name(webhook).is_some_and(|name| there.contains(&name)))
        .cloned()
        .collect();
    wanted.as_object().cloned().unwrap_or_default().with("webhooks", kept).into()
}

#[cfg(test)]
mod tests {
    use lumen_value::read::Limits;

    use super::*;

    #[test]
    fn an_endpoint_is_ready_unless_it_says_otherwise() {
        let table = [
            (r#"{"endpoints":[]}"#, false),
            (r#"{"endpoints":null}"#, false),
            (r#"{"endpoints":[{"conditions":{"ready":false}}]}"#, false),
            (r#"{"endpoints":[{"conditions":{"ready":false}},{"conditions":{"ready":true}}]}"#, true),
            (r#"{"endpoints":[{"conditions":{}}]}"#, true),
        ];
        for (text, expected) in table {
            let slice = lumen_value::json::parse(text.as_bytes(), &Limits::default()).expect("JSON").value;
            assert_eq!(has_ready(&slice), expected, "{text}");
        }
    }
}
