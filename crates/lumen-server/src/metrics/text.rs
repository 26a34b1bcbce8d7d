//! The two formats of metrics: `OpenMetrics`, and the older one of Prometheus for whoever does not ask for it.

use axum::http::HeaderMap;
use axum::http::header::ACCEPT;

/// The type of `OpenMetrics`.
pub const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// The type of the older format.
pub const PLAIN: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Whether a client takes `OpenMetrics`.
pub fn wants_open_metrics(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(ACCEPT).into_iter().filter_map(|value| value.to_str().ok());
    accepted.into_iter().any(|value| value.contains("application/openmetrics-text"))
}

/// `OpenMetrics` in the older format: counters are called there by the name of their sample, and what describes a program is a gauge.
pub fn plain(open_metrics: &str) -> String {
    let lines: Vec<&str> = open_metrics.lines().collect();
    let mut types = std::collections::BTreeMap::new();
    for line in &lines {
        if let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|rest| rest.split_once(' ')) {
            types.insert(name, kind);
        }
    }
    let mut out = String::with_capacity(open_metrics.len());
    for line in lines {
        let mut words = line.splitn(4, ' ');
        match (words.next(), words.next(), words.next(), words.next()) {
            (Some("#"), Some(what @ ("HELP" | "TYPE")), Some(name), Some(rest)) => {
                let (end, rest) = match types.get(name) {
                    Some(&"counter") => ("_total", rest),
                    Some(&"info") => ("_info", if what == "TYPE" { "gauge" } else { rest }),
                    _ => ("", rest),
                };
                out.extend(["# ", what, " ", name, end, " ", rest, "\n"]);
            }
            (Some("#"), ..) => {}
            _ => out.extend([line, "\n"]),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_older_format_says_the_same() {
        let open = "# HELP a_b Things done.\n# TYPE a_b counter\na_b_total{c=\"# TYPE\"} 1\n# HELP d D.\n# TYPE d info\nd_info{v=\"1\"} 1\n# HELP e E.\n# TYPE e gauge\n# UNIT e seconds\ne 2\n# EOF\n";
        let expected = "# HELP a_b_total Things done.\n# TYPE a_b_total counter\na_b_total{c=\"# TYPE\"} 1\n# HELP d_info D.\n# TYPE d_info gauge\nd_info{v=\"1\"} 1\n# HELP e E.\n# TYPE e gauge\ne 2\n";
        assert_eq!(plain(open), expected);
        let mut headers = HeaderMap::new();
        assert!(!wants_open_metrics(&headers));
        headers.insert(
            ACCEPT,
            "application/openmetrics-text;version=1.0.0,text/plain;q=0.5".parse().expect("a value"),
        );
        assert!(wants_open_metrics(&headers));
    }
}
