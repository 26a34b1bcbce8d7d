//! [`Connections`]: connections to the server, used as Go's client does: with HTTP/2 all requests share one, and another is opened
//! only where it has no place for more; with HTTP/1.1 each request has one for itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::{http1, http2};
use hyper::header::{CONTENT_TYPE, HOST, USER_AGENT};
use hyper::{Request, Response, StatusCode, Version, body::Incoming};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio_rustls::TlsConnector;

/// Requests that one connection of HTTP/2 takes at once; the server takes 250.
const STREAMS_MAX: usize = 240;

/// Which protocol is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    Http1,
    Http2,
}

/// Where requests go.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    /// `HOST:PORT`.
    pub(crate) address: String,
    /// What comes behind it.
    pub(crate) path: String,
    pub(crate) protocol: Protocol,
    /// The certificate that it must have, PEM.
    pub(crate) certificate: Vec<u8>,
}

/// What came back.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Bytes,
}

pub(crate) struct Connections {
    server: Server,
    tls: TlsConnector,
    http1: Mutex<Vec<http1::SendRequest<Full<Bytes>>>>,
    http2: Mutex<Vec<Shared>>,
    opened: AtomicUsize,
}

#[derive(Clone)]
struct Shared {
    sender: http2::SendRequest<Full<Bytes>>,
    in_flight: Arc<AtomicUsize>,
}

/// Gives a stream's place back.
struct Place(Arc<AtomicUsize>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Connections {
    pub(crate) fn to(server: Server) -> Result<Self> {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(&server.certificate) {
            roots.add(certificate.context("the certificate cannot be read")?)?;
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![match server.protocol {
            Protocol::Http1 => b"http/1.1".to_vec(),
            Protocol::Http2 => b"h2".to_vec(),
        }];
        Ok(Self {
            server,
            tls: TlsConnector::from(Arc::new(config)),
            http1: Mutex::default(),
            http2: Mutex::default(),
            opened: AtomicUsize::new(0),
        })
    }

    /// How many were opened.
    pub(crate) fn opened(&self) -> usize {
        self.opened.load(Ordering::Relaxed)
    }

    pub(crate) async fn ask(&self, body: Bytes) -> Result<Answer> {
        let protocol = self.server.protocol;
        let request = Request::post(match protocol {
            Protocol::Http1 => self.server.path.clone(),
            Protocol::Http2 => format!("https://{}{}", self.server.address, self.server.path),
        })
        .version(if protocol == Protocol::Http1 { Version::HTTP_11 } else { Version::HTTP_2 })
        .header(CONTENT_TYPE, "application/json")
        .header(USER_AGENT, "kube-apiserver-admission");
        let request = match protocol {
            Protocol::Http1 => request.header(HOST, &self.server.address),
            Protocol::Http2 => request,
        };
        let request = request.body(Full::new(body))?;
        match protocol {
            Protocol::Http1 => {
                let idle = self.http1.lock().await.pop();
                let mut sender = match idle {
                    Some(sender) if sender.is_ready() => sender,
                    _ => self.dial1().await?,
                };
                let answer = whole(sender.send_request(request).await?).await?;
                if sender.is_ready() {
                    self.http1.lock().await.push(sender);
                }
                Ok(answer)
            }
            Protocol::Http2 => {
                let (mut sender, _place) = self.shared().await?;
                whole(sender.send_request(request).await?).await
            }
        }
    }

    async fn shared(&self) -> Result<(http2::SendRequest<Full<Bytes>>, Place)> {
        let mut all = self.http2.lock().await;
        all.retain(|shared| !shared.sender.is_closed());
        let free = all.iter().find(|shared| shared.in_flight.load(Ordering::Relaxed) < STREAMS_MAX);
        let shared = match free {
            Some(shared) => shared.clone(),
            None => {
                let stream = self.dial().await?;
                let (sender, connection) = http2::handshake(TokioExecutor::new(), stream).await?;
                tokio::spawn(connection);
                let shared = Shared { sender, in_flight: Arc::default() };
                all.push(shared.clone());
                shared
            }
        };
        shared.in_flight.fetch_add(1, Ordering::Relaxed);
        Ok((shared.sender, Place(shared.in_flight)))
    }

    async fn dial1(&self) -> Result<http1::SendRequest<Full<Bytes>>> {
        let stream = self.dial().await?;
        let (sender, connection) = http1::handshake(stream).await?;
        tokio::spawn(connection);
        Ok(sender)
    }

    async fn dial(&self) -> Result<TokioIo<tokio_rustls::client::TlsStream<TcpStream>>> {
        let host = self.server.address.rsplit_once(':').map_or("", |(host, _)| host);
        let name = ServerName::try_from(host.to_owned())?;
        let stream = TcpStream::connect(&self.server.address).await?;
        stream.set_nodelay(true)?;
        let stream = self.tls.connect(name, stream).await?;
        let spoken = stream.get_ref().1.alpn_protocol();
        if self.server.protocol == Protocol::Http2 && spoken != Some(b"h2") {
            bail!("the server does not speak HTTP/2");
        }
        self.opened.fetch_add(1, Ordering::Relaxed);
        Ok(TokioIo::new(stream))
    }
}

async fn whole(response: Response<Incoming>) -> Result<Answer> {
    let status = response.status();
    let body = response.into_body().collect().await?.to_bytes();
    Ok(Answer { status, body })
}
