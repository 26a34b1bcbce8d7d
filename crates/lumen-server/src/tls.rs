//! [`Identity`]: the certificate and key that the server shows, which may change while it runs.

use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert, ServerConfig};
use rustls::sign::CertifiedKey;

use crate::certificate::Certificate;

/// Why a certificate cannot be shown. A retry with the same bytes does not help.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The text is no PEM, or holds no certificate or key.
    #[error("cannot read the {what}: {cause}")]
    Pem {
        /// `certificate` or `key`.
        what: &'static str,
        /// What is wrong with it.
        cause: String,
    },
    /// The key is of a kind that is not known, or is not that of the certificate.
    #[error("cannot use the certificate with the key: {0}")]
    Pair(#[from] rustls::Error),
}

/// A certificate with its key. Both change together: nobody ever sees the one without the other.
#[derive(Debug)]
pub struct Identity(ArcSwap<CertifiedKey>);

impl Identity {
    /// Of PEM texts: a chain of certificates, the server's own first, and its key.
    pub fn of_pem(certificates: &[u8], key: &[u8]) -> Result<Self, TlsError> {
        Ok(Self(ArcSwap::from_pointee(pair(certificates, key)?)))
    }

    /// Shows another from the next handshake on; what is wrong with it leaves the one before in use.
    pub fn replace(&self, certificates: &[u8], key: &[u8]) -> Result<(), TlsError> {
        self.0.store(Arc::new(pair(certificates, key)?));
        Ok(())
    }
}

impl Identity {
    /// The last second in which the certificate is valid, since 1970; `None` where it cannot be read.
    pub fn not_after(&self) -> Option<i64> {
        let shown = self.0.load();
        Some(Certificate::of_der(shown.cert.first()?.clone().into_owned())?.not_after)
    }
}

impl ResolvesServerCert for Identity {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.load_full())
    }
}

/// TLS 1.3 alone, as upstream's default: an API server has had it since 1.12.
pub fn server_config(identity: Arc<Identity>) -> Result<ServerConfig, TlsError> {
    let builder = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_no_client_auth();
    let mut config = builder.with_cert_resolver(identity);
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn pair(certificates: &[u8], key: &[u8]) -> Result<CertifiedKey, TlsError> {
    let unreadable =
        |what| move |cause: rustls::pki_types::pem::Error| TlsError::Pem { what, cause: cause.to_string() };
    let chain: Vec<_> = CertificateDer::pem_slice_iter(certificates)
        .collect::<Result<_, _>>()
        .map_err(unreadable("certificate"))?;
    if chain.is_empty() {
        return Err(TlsError::Pem { what: "certificate", cause: "there is none".to_owned() });
    }
    let key = PrivateKeyDer::from_pem_slice(key).map_err(unreadable("key"))?;
    Ok(CertifiedKey::from_der(chain, key, &provider())?)
}
