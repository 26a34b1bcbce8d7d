//! `lumen explain`: what a rule demands, why, how to mend a violation and how to exempt a workload.

#![expect(
    clippy::format_push_string,
    reason = "the texts are short: a copy costs less than errors that cannot happen"
)]

use lumen_core::finding::{Layer, Severity};
use lumen_core::rule::Rule;

use crate::output::Style;
use crate::policies::BuiltIn;

mod runtime;

pub use runtime::runtime;

/// The text about a rule, with a line feed at its end.
pub fn rule(rule: &Rule, style: &Style) -> String {
    let paint = Paint(style.color);
    let width = style.width.clamp(40, 100);
    let id = rule.id();
    let mut text = format!("{}\n", paint.bold(&id.to_string()));
    text.push_str(&wrapped(&sentence(rule.summary), "", width));
    text.push_str(&format!(
        "\n{} {}\n{} {}\n",
        paint.bold("severity"),
        paint.severity(rule.severity),
        paint.bold("layer   "),
        layer(rule.layer)
    ));
    text.push_str(&format!("\n{}\n", paint.bold("Why")));
    text.push_str(&paragraphs(rule.rationale, width));
    text.push_str(&format!("\n{}\n", paint.bold("How to mend it")));
    text.push_str(&paragraphs(rule.remedy, width));
    text.push_str(&format!("\n{}\n", paint.bold("How to exempt a workload")));
    text.push_str(&exemption(rule.layer, &id.to_string(), width));
    if !rule.references.is_empty() {
        text.push_str(&format!("\n{}\n", paint.bold("Where it is specified")));
        for reference in rule.references {
            text.push_str(&format!("  {reference}\n"));
        }
    }
    text
}

/// The text about a policy that is built in, with a line feed at its end.
pub fn policy(policy: &BuiltIn, style: &Style) -> String {
    let paint = Paint(style.color);
    let width = style.width.clamp(40, 100);
    let about = policy.about();
    let id = format!("{}/{}/{}", Layer::Admission, about.kind, policy.name);
    let mut text = format!("{}\n", paint.bold(&id));
    text.push_str(&wrapped(&sentence(&about.title), "", width));
    let severity = about.severity.parse().unwrap_or(Severity::Medium);
    text.push_str(&format!(
        "\n{} {}\n{} {}\n{} built in: `--policy builtin:{}`\n",
        paint.bold("severity"),
        paint.severity(severity),
        paint.bold("layer   "),
        layer(Layer::Admission),
        paint.bold("policy  "),
        policy.name
    ));
    for (title, said) in [("Why", &about.rationale), ("How to mend it", &about.fix)] {
        text.push_str(&format!("\n{}\n", paint.bold(title)));
        text.push_str(&paragraphs(said, width));
    }
    if !about.parameters.is_empty() {
        text.push_str(&format!("\n{}\n", paint.bold("Parameters")));
    }
    for parameter in &about.parameters {
        let default = parameter.default.as_ref().map(|default| format!(", default {default}"));
        let said = format!(
            "`{}` ({}{}): {}",
            parameter.name,
            parameter.kind,
            default.unwrap_or_default(),
            sentence(&parameter.description)
        );
        text.push_str(&paragraphs(&said, width));
    }
    text.push_str(&format!("\n{}\n", paint.bold("How to exempt a workload")));
    text.push_str(&exemption(Layer::Admission, &id, width));
    text
}

/// The text about a constraint that is not built in.
pub fn constraint(kind: &str, name: &str, style: &Style) -> String {
    let paint = Paint(style.color);
    let width = style.width.clamp(40, 100);
    let id = format!("{}/{kind}/{name}", Layer::Admission);
    let said = format!(
        "This is the constraint `{name}` of kind `{kind}`: a policy of yours, not one of lumen's. It stands in a manifest with \
         `kind: {kind}`, among the inputs or in a `--policy PATH`, and its rule in the ConstraintTemplate `{}` there. \
         `lumen check --trace` shows for each violation which rows of the rule held, and with which values.",
        kind.to_lowercase()
    );
    let mut text = format!("{}\n", paint.bold(&id));
    text.push_str(&wrapped(&said, "", width));
    text.push_str(&format!("\n{}\n", paint.bold("How to exempt a workload")));
    text.push_str(&exemption(Layer::Admission, &id, width));
    text
}

/// All rules, and the built-in policies, as a table, a line each, in the order of their ids.
pub fn list<'a>(
    rules: impl IntoIterator<Item = &'a Rule>,
    policies: impl IntoIterator<Item = &'a BuiltIn>,
    style: &Style,
) -> String {
    let paint = Paint(style.color);
    let mut rules: Vec<&Rule> = rules.into_iter().collect();
    rules.sort_by_key(|rule| (rule.layer, rule.name));
    let mut rows: Vec<(Layer, String, Severity, String)> = rules
        .iter()
        .map(|rule| (rule.layer, rule.id().to_string(), rule.severity, rule.summary.to_owned()))
        .collect();
    for policy in policies {
        let about = policy.about();
        let id = format!("{}/{}/{}", Layer::Admission, about.kind, policy.name);
        let severity = about.severity.parse().unwrap_or(Severity::Medium);
        rows.push((Layer::Admission, id, severity, about.title));
    }
    // A rule stays where its name puts it.
    rows.sort_by_key(|row| row.0);
    let width = rows.iter().map(|(_, id, ..)| id.len()).max().unwrap_or(0);
    let mut text = String::new();
    for (_, id, severity, summary) in rows {
        text.push_str(&format!(
            "{}{:padding$}  {}  {summary}\n",
            paint.bold(&id),
            "",
            paint.severity_padded(severity),
            padding = width - id.len()
        ));
    }
    text
}

/// A text of the catalog as a sentence: with a capital, and a period where it ends without any sign.
pub(crate) fn sentence(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters.next();
    let mut out: String = first.into_iter().flat_map(char::to_uppercase).collect();
    out.push_str(characters.as_str());
    if out.ends_with(|last: char| last.is_alphanumeric() || matches!(last, '`' | ')' | '"')) {
        out.push('.');
    }
    out
}

/// The remedy with its lines of YAML fenced.
pub(crate) fn remedy_as_markdown(rule: &Rule) -> String {
    let blocks: Vec<_> = rule
        .remedy
        .split("\n\n")
        .map(|block| if is_layout(block) { format!("```yaml\n{block}\n```") } else { sentence(block) })
        .collect();
    blocks.join("\n\n")
}

/// How to live with a denial of policies that Lumen itself enforces.
const DENIED_BY_POLICY: &str = "A denial is not silenced so, for the cluster would not heed it: add an `Exemption` with an \
                                owner, a reason and an expiry to the inputs.";
/// How to live with a denial that only the API server can take back.
const DENIED_BY_THE_API_SERVER: &str = "A denial is not silenced so, for the cluster would not heed it: label the namespace \
                                        with another level, or exempt it in the API server's `PodSecurityConfiguration`. An \
                                        `Exemption` among the inputs silences it in this report; the API server does not \
                                        read it.";

fn layer(layer: Layer) -> &'static str {
    match layer {
        Layer::Admission => "admission: Gatekeeper's constraints (layer 1)",
        Layer::PodSecurity => "pod-security: the Pod Security Standards (layer 2)",
        Layer::Network => "network: NetworkPolicies (layer 3)",
        Layer::Runtime => "runtime: rules on what processes do (layer 4)",
        Layer::SupplyChain => "supply-chain: signatures and bundles (layer 5)",
        Layer::Posture => "posture: the layers together",
        Layer::Input => "input: what cannot be read is not checked",
    }
}

fn exemption(layer: Layer, id: &str, width: usize) -> String {
    if layer == Layer::Input {
        return paragraphs(
            "What cannot be read cannot be judged, so nothing exempts from that. An `Exemption` among the inputs silences what was read and only looks wrong.",
            width,
        );
    }
    let mut text = paragraphs("Advice is silenced where it stands, by a comment or by an annotation:", width);
    text.push_str(&format!(
        "\n    # lumen: ignore[{id}] the reason\n    lumensec.io/ignore: \"{id}: the reason\"\n\n"
    ));
    text.push_str(&paragraphs(
        match layer {
            Layer::PodSecurity => DENIED_BY_THE_API_SERVER,
            _ => DENIED_BY_POLICY,
        },
        width,
    ));
    text
}

/// Whether a block's lines are to stay as they are.
fn is_layout(block: &str) -> bool {
    block.contains('\n')
}

/// Blocks between empty lines: those of several lines stay as they are, others are wrapped.
fn paragraphs(text: &str, width: usize) -> String {
    let mut out = String::new();
    for (index, block) in text.split("\n\n").enumerate() {
        if index > 0 {
            out.push('\n');
        }
        if is_layout(block) {
            for line in block.lines() {
                out.push_str(&format!("    {line}\n"));
            }
        } else {
            out.push_str(&wrapped(&sentence(block), "  ", width));
        }
    }
    out
}

/// The text in lines of a width, in characters, each with an indent.
fn wrapped(text: &str, indent: &str, width: usize) -> String {
    let mut out = String::new();
    let mut column = 0;
    for word in text.split_whitespace() {
        let length = word.chars().count();
        if column > 0 && column + 1 + length > width {
            out.push('\n');
            column = 0;
        }
        if column == 0 {
            out.push_str(indent);
            column = indent.len();
        } else {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += length;
    }
    out.push('\n');
    out
}

/// Colours, or none.
struct Paint(bool);

impl Paint {
    fn bold(&self, text: &str) -> String {
        self.with("1", text)
    }

    fn severity(&self, severity: Severity) -> String {
        self.with(Self::code(severity), severity.as_str())
    }

    fn severity_padded(&self, severity: Severity) -> String {
        self.with(Self::code(severity), &format!("{severity:8}"))
    }

    fn code(severity: Severity) -> &'static str {
        match severity {
            Severity::Critical | Severity::High => "1;91",
            Severity::Medium => "1;33",
            Severity::Low | Severity::Info => "1;94",
        }
    }

    fn with(&self, code: &str, text: &str) -> String {
        if self.0 { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}
