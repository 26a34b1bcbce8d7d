//! [`failure`]: why a server could not be reached, in a few words.

use std::error::Error;
use std::io;

use rustls::CertificateError;

/// Why a server could not be reached, with where it was looked for (empty where that is not known).
pub(super) fn failure(url: &str, error: &(dyn Error + 'static)) -> String {
    let cause = std::iter::successors(Some(error), |error: &&(dyn Error + 'static)| (*error).source())
        .find_map(known);
    match (url, cause) {
        ("", Some(cause)) => format!("it {cause}"),
        ("", None) => chain(error),
        (url, Some(cause)) => format!("{url} {cause}"),
        (url, None) => format!("{url}: {}", chain(error)),
    }
}

/// What the causes that a user can mend are called.
fn known(error: &(dyn Error + 'static)) -> Option<String> {
    let io = error.downcast_ref::<io::Error>();
    if io.is_some_and(|error| error.kind() == io::ErrorKind::ConnectionRefused) {
        return Some("refuses connections".to_owned());
    }
    match innermost(error).downcast_ref::<rustls::Error>()? {
        rustls::Error::InvalidCertificate(
            CertificateError::UnknownIssuer | CertificateError::BadSignature,
        ) => Some("shows a certificate that is not signed by the kubeconfig's authority".to_owned()),
        rustls::Error::InvalidCertificate(why) => {
            Some(format!("shows a certificate that is not valid: {why}"))
        }
        _ => None,
    }
}

/// What an `io::Error` was made of: it is no source of it, and may be an `io::Error` again.
fn innermost<'a>(error: &'a (dyn Error + 'static)) -> &'a (dyn Error + 'static) {
    let inner = |error: &&'a (dyn Error + 'static)| -> Option<&'a (dyn Error + 'static)> {
        (*error).downcast_ref::<io::Error>()?.get_ref().map(|inner| inner as _)
    };
    std::iter::successors(Some(error), inner).last().unwrap_or(error)
}

/// An error with what caused it: the reasons of a connection that fails are below the surface.
pub(super) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let further = cause.to_string();
        if !text.contains(&further) {
            text.push_str(": ");
            text.push_str(&further);
        }
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_that_can_be_mended_are_told_apart() {
        let said = |error: io::Error| failure("https://a:6443/", &error);
        assert_eq!(said(io::ErrorKind::ConnectionRefused.into()), "https://a:6443/ refuses connections");
        let tls = |error| io::Error::other(io::Error::other(rustls::Error::InvalidCertificate(error)));
        assert_eq!(
            said(tls(CertificateError::UnknownIssuer)),
            "https://a:6443/ shows a certificate that is not signed by the kubeconfig's authority"
        );
        assert!(said(tls(CertificateError::Expired)).contains("not valid"));
        assert_eq!(said(io::Error::other("odd")), "https://a:6443/: odd");
    }
}
