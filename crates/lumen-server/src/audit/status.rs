//! [`write()`]: tells each constraint what an audit found of it.

use lumen_core::admission::Constraint;
use lumen_value::Value;
use tokio::task::JoinSet;

use super::sweep::Swept;
use crate::api::{Api, ApiError, Patch, Resource, tried};
use crate::state::State;

/// How many requests are under way at once.
const AT_ONCE: usize = 8;

/// Writes the status of every constraint; how many could not be written. Of those about a kind that could not be listed for the
/// moment less was found than there is: they keep what the audit before has told. Dropped, it writes no more.
pub(super) async fn write(api: &Api, state: &State, swept: &Swept, timestamp: &str) -> usize {
    let is_known = |constraint: &Constraint| {
        !swept.failed.iter().any(|(group, kind)| state.policies.is_audited_by(constraint, group, kind))
    };
    let mut failed = 0;
    let mut tasks: JoinSet<bool> = JoinSet::new();
    for constraint in state.policies.constraints().iter().filter(|constraint| is_known(constraint)) {
        if tasks.len() >= AT_ONCE && tasks.join_next().await.is_some_and(|result| !result.unwrap_or_default())
        {
            failed += 1;
        }
        let (kind, name) = (constraint.kind().clone(), constraint.name().clone());
        let status = swept.tally.status(&kind, &name, timestamp);
        let mut change: Vec<(Value, Value)> = vec![("status".into(), status)];
        if let Some(uid) = constraint.uid() {
            // Another constraint that has its name meanwhile was not audited.
            change.push(("metadata".into(), [("uid", uid.into())].into()));
        }
        let change = Value::Object(change.into());
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
    let resource = Resource::constraints(kind);
    let at = resource.at(None, name).status();
    match tried(|| api.patch(&at, Patch::Merge, change)).await {
        Ok(_) | Err(ApiError::NotFound(_)) => true,
        Err(error) if is_another(&error) => true,
        Err(error) => {
            tracing::warn!(kind, name, %error, "the constraint's status cannot be written");
            false
        }
    }
}

/// Whether an error says that another object has the name.
fn is_another(error: &ApiError) -> bool {
    match error {
        ApiError::Invalid(message) => message.contains("metadata.uid"),
        ApiError::Conflict(message) => message.contains("UID in precondition"),
        _ => false,
    }
}
