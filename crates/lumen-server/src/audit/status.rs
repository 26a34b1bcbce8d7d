//! [`write()`]: tells each constraint what an audit found of it.

use lumen_core::admission::audit::Tally;
use lumen_value::Value;
use tokio::task::JoinSet;

use crate::api::{Api, ApiError, Backoff, Patch, Resource};
use crate::state::State;

/// How many requests are under way at once.
const AT_ONCE: usize = 8;

/// How often one status is tried.
const TRIES_MAX: u32 = 5;

/// Writes the status of every constraint; how many could not be written. It stops where it is no longer to go on.
pub(super) async fn write(
    api: &Api,
    state: &State,
    tally: &Tally,
    timestamp: &str,
    goes_on: impl Fn() -> bool,
) -> usize {
    let mut failed = 0;
    let mut tasks: JoinSet<bool> = JoinSet::new();
    for constraint in state.policies.constraints() {
        if tasks.len() >= AT_ONCE && tasks.join_next().await.is_some_and(|result| !result.unwrap_or_default())
        {
            failed += 1;
        }
        if !goes_on() {
            break;
        }
        let (kind, name) = (constraint.kind().clone(), constraint.name().clone());
        let change: Value = [("status", tally.status(&kind, &name, timestamp))].into();
        let api = api.clone();
        tasks.spawn(async move { write_one(&api, &kind, &name, &change).await });
    }
    while let Some(result) = tasks.join_next().await {
        failed += usize::from(!result.unwrap_or_default());
    }
    failed
}

/// Whether it was written, or nobody is there any more to be told.
async fn write_one(api: &Api, kind: &str, name: &str, change: &Value) -> bool {
    let plural = kind.to_lowercase();
    let resource = Resource::new("constraints.gatekeeper.sh", "v1beta1", kind, &plural, false);
    let mut backoff = Backoff::default();
    for _ in 0..TRIES_MAX {
        match api.patch(&resource.at(None, name).status(), Patch::Merge, change).await {
            Ok(_) | Err(ApiError::NotFound(_)) => return true,
            Err(error) if error.is_transient() => {
                tokio::time::sleep(error.wait().unwrap_or_default().max(backoff.next())).await;
            }
            Err(error) => {
                tracing::warn!(kind, name, %error, "the constraint's status cannot be written");
                return false;
            }
        }
    }
    tracing::warn!(kind, name, "the constraint's status could not be written");
    false
}
