//! [`run`]: the webhook configuration, kept what follows from the policies.

use std::sync::Arc;
use std::time::Duration;

use lumen_core::admission::PolicySet;
use lumen_value::Value;
use tokio::time::Instant;

use super::{Settings, kept_up, webhook_configuration};
use crate::api::{Api, ApiError, Discovery, Event, Ownership, Reflector, Resource, Selection};
use crate::certificate::webhooks;
use crate::names;
use crate::state::Current;

/// As whom rules and conditions are managed.
const RULES_MANAGER: &str = "lumen-rules";

/// How often the newest policies are looked at.
const LOOK: Duration = Duration::from_millis(250);

/// How often the kinds are asked for and the configuration is compared, though no policy changed.
const ROUND: Duration = Duration::from_mins(1);

/// Keeps the rules and conditions of the configuration that is installed what the policies need, while `leads` says so, until
/// `stop` is done. A configuration that is not there is not made: who removes it means it.
///
/// Before the state is whole nothing is written: rules that are too few would let requests by. Whoever writes other ones is
/// answered at once.
pub async fn run(
    api: Api,
    settings: Settings,
    current: Arc<Current>,
    leads: impl Fn() -> bool,
    stop: impl Future<Output = ()>,
) {
    let mut stop = std::pin::pin!(stop);
    let mut ticks = tokio::time::interval(LOOK);
    let mut written: Option<Arc<PolicySet>> = None;
    let mut next_round = Instant::now();
    let mut configurations =
        Reflector::new(api.clone(), resource(), Selection::of_name(names::WEBHOOK_CONFIGURATION));
    loop {
        tokio::select! {
            () = &mut stop => return,
            _ = ticks.tick() => {}
            event = configurations.next() => if let Event::Applied(_) = event {
                next_round = Instant::now();
            },
        }
        let state = current.get();
        let is_new = written.as_ref().is_none_or(|written| !Arc::ptr_eq(written, &state.policies));
        if !state.is_complete || !leads() || (!is_new && Instant::now() < next_round) {
            continue;
        }
        match keep_up(&api, &settings, &state.policies).await {
            Ok(()) => {
                written = Some(state.policies.clone());
                next_round = Instant::now() + ROUND;
            }
            Err(error) => {
                tracing::warn!(%error, "the webhook configuration cannot be kept up to date, and it is tried again");
                written = None;
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    }
}

fn resource() -> Resource {
    Resource::new(
        "admissionregistration.k8s.io",
        "v1",
        "ValidatingWebhookConfiguration",
        "validatingwebhookconfigurations",
        false,
    )
}

async fn keep_up(api: &Api, settings: &Settings, policies: &PolicySet) -> Result<(), ApiError> {
    let resource = resource();
    let at = resource.at(None, names::WEBHOOK_CONFIGURATION);
    let installed = match api.get(&at).await {
        Ok(installed) => installed,
        Err(ApiError::NotFound(_)) => return Ok(()),
        Err(error) => return Err(error),
    };
    let discovery = api.discover().await?;
    let wanted = wanted(policies, &discovery, settings, &installed);
    if kept_up(&installed) == wanted {
        return Ok(());
    }
    api.apply_as(&at, &wanted, Ownership::Forced, RULES_MANAGER).await?;
    tracing::info!("the webhook configuration follows the policies");
    Ok(())
}

/// What the webhooks that are installed should say. Those that are not installed are not added.
fn wanted(policies: &PolicySet, discovery: &Discovery, settings: &Settings, installed: &Value) -> Value {
    let wanted = kept_up(&webhook_configuration(policies, discovery, settings));
    let name = |webhook: &Value| webhook.get("name").and_then(Value::as_str).map(str::to_owned);
    let there: Vec<_> = webhooks(installed).filter_map(name).collect();
    let kept: lumen_value::Array = webhooks(&wanted)
        .filter(|webhook| name(webhook).is_some_and(|name| there.contains(&name)))
        .cloned()
        .collect();
    wanted.as_object().cloned().unwrap_or_default().with("webhooks", kept).into()
}
