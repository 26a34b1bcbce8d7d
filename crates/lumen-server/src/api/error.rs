//! [`ApiError`]: what an API server says instead of an answer.

use std::time::Duration;

use axum::http::HeaderMap;
use axum::http::header::RETRY_AFTER;
use lumen_value::Value;

/// Why a request to the API server failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApiError {
    /// There is no such object, or no such kind. A retry helps once somebody makes it.
    #[error("not found: {0}")]
    NotFound(String),
    /// There is an object of that name. A retry does not help.
    #[error("already exists: {0}")]
    AlreadyExists(String),
    /// Another changed the object meanwhile, or owns the field. A retry helps with the object read anew.
    #[error("conflict: {0}")]
    Conflict(String),
    /// A `resourceVersion` or a place in a list is too old (410). A retry helps from the beginning.
    #[error("expired: {0}")]
    Gone(String),
    /// Who asks is not allowed to. A retry helps once the rights are given.
    #[error("forbidden: {0}")]
    Forbidden(String),
    /// Who asks is not known (401). A retry helps with other credentials.
    #[error("the API server does not accept the credentials (401): {0}")]
    Unauthorized(String),
    /// The object is not valid, or a webhook denies it. A retry with the same object does not help.
    #[error("refused: {0}")]
    Invalid(String),
    /// The server is asked too much, and may say when to come again. A retry helps.
    #[error("too many requests: {message}")]
    TooManyRequests {
        /// What the server says.
        message: String,
        /// How long to wait, where the server says so.
        wait: Option<Duration>,
    },
    /// The server cannot be reached, or failed. A retry helps.
    #[error("the API server cannot be reached: {0}")]
    Unavailable(String),
    /// The answer did not come in time. A retry may help; what was asked may have been done.
    #[error("the API server did not answer in time")]
    Timeout,
    /// The answer, or one event, has more bytes than are taken. A retry does not help.
    #[error("the API server's answer has more than {0} bytes")]
    TooLarge(usize),
    /// The answer is no JSON, or not what it must be. A retry does not help.
    #[error("the API server's answer cannot be read: {0}")]
    Malformed(String),
    /// The request cannot be made: a name is empty, say. A retry does not help.
    #[error("no request can be made: {0}")]
    Request(String),
    /// Something else. A retry does not help.
    #[error("the API server answers {code}: {message}")]
    Other {
        /// The HTTP status.
        code: u16,
        /// What the server says.
        message: String,
    },
}

impl ApiError {
    /// Whether the same request may succeed later without anybody else doing anything.
    pub const fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::Conflict(_)
                | Self::Gone(_)
                | Self::TooManyRequests { .. }
                | Self::Unavailable(_)
                | Self::Timeout
        )
    }

    /// How long the server asks to wait.
    pub const fn wait(&self) -> Option<Duration> {
        match self {
            Self::TooManyRequests { wait, .. } => *wait,
            _ => None,
        }
    }

    /// The same error with where the server is, where that helps. It says itself no more than that it does not know who asks.
    pub(super) fn of_server(mut self, url: &str) -> Self {
        if let Self::Unauthorized(message) = &mut self
            && !url.is_empty()
        {
            url.clone_into(message);
        }
        self
    }

    /// The same error with what the head of the answer says of when to come again, where its body says nothing.
    pub(super) fn asked_to_wait(mut self, asked: Option<Duration>) -> Self {
        if let Self::TooManyRequests { wait, .. } = &mut self {
            *wait = wait.or(asked).map(|wait| wait.min(ASKED_WAIT_MAX));
        }
        self
    }
}

/// Longest wait that a server may ask for.
const ASKED_WAIT_MAX: Duration = Duration::from_secs(30);

/// How many seconds a server asks to wait: one that has too much to do says so in the head of its answer alone.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    headers.get(RETRY_AFTER)?.to_str().ok()?.parse().ok().map(Duration::from_secs)
}

/// Longest message of the server that is kept, in bytes.
const MESSAGE_BYTES_MAX: usize = 2048;

/// The error of an answer: its body is a `Status`, or a plain text.
pub(super) fn of_status(code: u16, status: Option<&Value>, body: &[u8]) -> ApiError {
    let field = |name: &str| status.and_then(|status| status.get(name)).and_then(Value::as_str);
    let reason = field("reason").unwrap_or_default();
    let message = match field("message") {
        Some(message) => cut(message),
        None => cut(String::from_utf8_lossy(body).trim()),
    };
    let seconds = status.and_then(|status| status.get("details")?.get("retryAfterSeconds")?.as_i64());
    match (code, reason) {
        (404, _) => ApiError::NotFound(message),
        (409, "AlreadyExists") => ApiError::AlreadyExists(message),
        (409, _) => ApiError::Conflict(message),
        (410, _) | (_, "Expired" | "Gone") => ApiError::Gone(message),
        (401, _) => ApiError::Unauthorized(message),
        (403, _) => ApiError::Forbidden(message),
        (429, _) => {
            let wait = seconds.and_then(|seconds| u64::try_from(seconds).ok()).map(Duration::from_secs);
            ApiError::TooManyRequests { message, wait }
        }
        (408, _) => ApiError::Timeout,
        (500..=599, _) => ApiError::Unavailable(message),
        (400 | 413 | 415 | 422, _) => ApiError::Invalid(message),
        _ => ApiError::Other { code, message },
    }
}

fn cut(message: &str) -> String {
    let mut text: String = message.chars().take(MESSAGE_BYTES_MAX).collect();
    if text.len() < message.len() {
        text.push_str("..");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(reason: &str) -> Value {
        [("kind", "Status".into()), ("reason", reason.into()), ("message", "m".into())].into()
    }

    #[test]
    fn an_answer_says_what_a_retry_would_do() {
        let error = |code, reason: &str| of_status(code, Some(&status(reason)), b"");
        assert_eq!(error(409, "AlreadyExists"), ApiError::AlreadyExists("m".into()));
        assert!(error(409, "Conflict").is_transient());
        assert_eq!(error(410, "Expired"), ApiError::Gone("m".into()));
        assert!(!error(403, "Forbidden").is_transient());
        let unknown = error(401, "Unauthorized").of_server("https://a/").to_string();
        assert_eq!(unknown, "the API server does not accept the credentials (401): https://a/");
        assert!(!error(404, "NotFound").is_transient());
        assert!(error(503, "").is_transient());
        assert!(!error(422, "Invalid").is_transient());
    }

    #[test]
    fn a_plain_text_is_a_message_too() {
        let error = of_status(404, None, b"404 page not found\n");
        assert_eq!(error, ApiError::NotFound("404 page not found".into()));
        let ApiError::Other { message, .. } = of_status(418, None, &[b'x'; 5000]) else {
            panic!("another error");
        };
        assert_eq!(message.len(), MESSAGE_BYTES_MAX + 2);
    }

    #[test]
    fn the_server_says_how_long_to_wait() {
        let headers =
            |seconds: &str| HeaderMap::from_iter([(RETRY_AFTER, seconds.parse().expect("a value"))]);
        let waits = |seconds: &str| {
            of_status(429, None, b"Too many requests").asked_to_wait(retry_after(&headers(seconds))).wait()
        };
        assert_eq!(waits("1"), Some(Duration::from_secs(1)));
        assert_eq!(waits("soon"), None);
        // Nobody is kept from the cluster for days.
        assert_eq!(waits("1000000"), Some(ASKED_WAIT_MAX));
        let details: Value = [("retryAfterSeconds", 3.into())].into();
        let status: Value = [("details", details), ("message", "slow down".into())].into();
        assert_eq!(of_status(429, Some(&status), b"").wait(), Some(Duration::from_secs(3)));
    }
}
