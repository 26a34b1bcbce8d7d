//! Asking the API server, by `curl`.

use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::cluster::ApiServer;
use crate::workspace::command;

/// What the server says to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    /// Whether it did what was asked, or would have.
    pub(crate) admitted: bool,
    /// The status' message, where it refuses.
    pub(crate) message: Option<String>,
    /// The warnings, in their order.
    pub(crate) warnings: Vec<String>,
    /// The object as the server would keep it, where it does not refuse: with its defaults.
    pub(crate) object: Option<Value>,
}

/// Requests of the cluster's administrator.
#[derive(Debug)]
pub(crate) struct Requests<'server> {
    server: &'server ApiServer,
    address: String,
}

impl<'server> Requests<'server> {
    pub(crate) fn to(server: &'server ApiServer) -> Result<Self> {
        let address = server.address()?;
        Ok(Self { server, address })
    }

    /// Sends an object to be created at a path such as `/api/v1/namespaces/x/pods?dryRun=All`.
    pub(crate) fn create(&self, path: &str, media_type: &str, text: &str) -> Result<Answer> {
        self.send("POST", path, media_type, text)
    }

    /// Sends an object to take the place of the one at a path such as `/api/v1/namespaces/x`.
    pub(crate) fn replace(&self, path: &str, media_type: &str, text: &str) -> Result<Answer> {
        self.send("PUT", path, media_type, text)
    }

    /// What is at a path.
    pub(crate) fn get(&self, path: &str) -> Result<String> {
        output(self.curl(path).arg("--fail"))
    }

    fn send(&self, method: &str, path: &str, media_type: &str, text: &str) -> Result<Answer> {
        let mut curl = self.curl(path);
        curl.args(["--request", method, "--dump-header", "-", "--data-binary", text])
            .args(["--header", &format!("Content-Type: {media_type}")])
            .args(["--header", "Accept: application/json", "--header", "Expect:"]);
        answer(&output(&mut curl)?)
    }

    fn curl(&self, path: &str) -> Command {
        let mut curl = command("curl");
        curl.args(["--silent", "--show-error", "--http1.1", "--max-time", "20"])
            .arg("--cacert")
            .arg(self.server.key("ca.crt"))
            .arg("--cert")
            .arg(self.server.key("admin.crt"))
            .arg("--key")
            .arg(self.server.key("admin.key"))
            .arg(format!("{}{path}", self.address));
        curl
    }
}

fn output(curl: &mut Command) -> Result<String> {
    let output = curl.output().context("cannot start `curl`")?;
    if !output.status.success() {
        bail!("`curl` failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    String::from_utf8(output.stdout).context("the server's answer is no UTF-8")
}

/// Takes the head and the body of an answer apart.
fn answer(text: &str) -> Result<Answer> {
    let (head, body) = text.split_once("\r\n\r\n").context("the server's answer has no head")?;
    let admitted = head.split_whitespace().nth(1).is_some_and(|code| code.starts_with('2'));
    // A path that the server does not serve is answered in plain text.
    let body_value: Option<Value> = serde_json::from_str(body).ok();
    let message =
        body_value.as_ref().and_then(|status| status.get("message")?.as_str()).unwrap_or(body.trim());
    Ok(Answer {
        admitted,
        message: (!admitted).then(|| message.to_owned()),
        warnings: head.lines().filter_map(warning).collect(),
        object: if admitted { body_value } else { None },
    })
}

/// The text of a `Warning: 299 - "text"` header.
fn warning(line: &str) -> Option<String> {
    let (name, value) = line.split_once(':')?;
    if !name.eq_ignore_ascii_case("warning") {
        return None;
    }
    let quoted = value.trim().strip_prefix("299 - \"")?.strip_suffix('"')?;
    let mut text = String::new();
    let mut escaped = false;
    for character in quoted.chars() {
        escaped = !escaped && character == '\\';
        if !escaped {
            text.push(character);
        }
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::answer;

    #[test]
    fn answers_are_taken_apart() {
        let refused = answer(
            "HTTP/1.1 403 Forbidden\r\nWarning: 299 - \"say \\\"a\\\\b\\\"\"\r\n\r\n{\"message\":\"no\"}",
        )
        .unwrap();
        assert!(!refused.admitted);
        assert_eq!(refused.message.as_deref(), Some("no"));
        assert_eq!(refused.warnings, [r#"say "a\b""#]);
        let unserved = answer("HTTP/1.1 404 Not Found\r\n\r\n404 page not found\n").unwrap();
        assert_eq!(unserved.message.as_deref(), Some("404 page not found"));
        let admitted = answer("HTTP/1.1 201 Created\r\nX: y\r\n\r\n{}").unwrap();
        assert!(admitted.admitted && admitted.message.is_none() && admitted.warnings.is_empty());
    }
}
