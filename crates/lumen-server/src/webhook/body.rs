//! [`Bodies`]: takes the bodies of requests, each within its own bound and all within one.

use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http_body_util::BodyExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout_at;

use super::Refused;

/// What a permit stands for.
const UNIT: usize = 1 << 10;

/// How much is taken.
pub(super) struct Bodies {
    each_max: usize,
    /// What all may take yet, in [`UNIT`]s.
    left: Arc<Semaphore>,
}

/// A body, and the memory that it may take for as long as it lives.
pub(super) struct Received {
    pub(super) bytes: Vec<u8>,
    _memory: Option<OwnedSemaphorePermit>,
}

impl Bodies {
    pub(super) fn new(each_max: usize, all_max: usize) -> Self {
        let units = (all_max.max(each_max) / UNIT).clamp(1, Semaphore::MAX_PERMITS);
        Self { each_max, left: Arc::new(Semaphore::new(units)) }
    }

    /// Takes a body of JSON. Only bytes that have come count: who announces many and sends none keeps nobody out.
    pub(super) async fn receive(
        &self,
        headers: &HeaderMap,
        body: Body,
        deadline: Instant,
    ) -> Result<Received, Refused> {
        let is_json = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).is_some_and(|value| {
            value.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
        });
        if !is_json {
            return Err(Refused::ContentType);
        }
        let length = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
        if length.is_some_and(|length| length > self.each_max) {
            return Err(Refused::TooLong);
        }
        timeout_at(deadline.into(), self.collect(body)).await.unwrap_or(Err(Refused::TooSlow))
    }

    async fn collect(&self, mut body: Body) -> Result<Received, Refused> {
        let mut bytes = Vec::new();
        let mut memory: Option<OwnedSemaphorePermit> = None;
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame.map_err(|_| Refused::BrokeOff)?.into_data() else { continue };
            if data.len() > self.each_max.saturating_sub(bytes.len()) {
                return Err(Refused::TooLong);
            }
            let has = memory.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
            let more = (bytes.len() + data.len()).div_ceil(UNIT).saturating_sub(has);
            if more > 0 {
                let more = u32::try_from(more).unwrap_or(u32::MAX);
                let more = self.left.clone().try_acquire_many_owned(more).map_err(|_| Refused::Overload)?;
                match &mut memory {
                    Some(memory) => memory.merge(more),
                    none => *none = Some(more),
                }
            }
            bytes.extend_from_slice(&data);
        }
        Ok(Received { bytes, _memory: memory })
    }
}
