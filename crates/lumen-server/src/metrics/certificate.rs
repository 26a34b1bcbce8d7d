//! [`Expiry`]: when the certificate ends that is shown.

use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::gauge::ConstGauge;

use crate::tls::Identity;

/// Says, whenever it is asked, until when the certificate is valid.
#[derive(Debug)]
pub struct Expiry(pub Arc<Identity>);

impl Collector for Expiry {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> std::fmt::Result {
        let Some(not_after) = self.0.not_after() else { return Ok(()) };
        let gauge = ConstGauge::new(not_after);
        let metric = encoder.encode_descriptor(
            "lumen_certificate_expiry_timestamp_seconds",
            "When the certificate ends that the webhook shows, in seconds since 1970",
            None,
            gauge.metric_type(),
        )?;
        gauge.encode(metric)
    }
}
