//! The same Rego in Lumen's engine, in regorus and in OPA, one after the other in one run.
//!
//! Called by `cargo xtask bench` with the folder of exported policies and one to write to; `OPA` may name OPA's binary.
//! Each engine is given the same modules: the policies, and one rule a constraint that asks its policy with the review and
//! the constraint's parameters, as Gatekeeper does.

mod engines;
mod sample;

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use engines::Question;
use sample::Policy;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [policies, folder] = arguments.as_slice() else { bail!("usage: compare-rego POLICIES FOLDER") };
    let policies = sample::policies(Path::new(policies))?;
    println!("{:>10} {:>10} {:>6}  engine, question", "median us", "least us", "found");
    let pod = sample::pod();
    let of_pods: Vec<&Policy> = policies.iter().filter(|policy| policy.is_for("Pod")).collect();
    // Each policy by two constraints: some thirty.
    let twice: Vec<&Policy> = of_pods.iter().chain(&of_pods).copied().collect();
    let name = format!("a Pod of {} bytes, {} constraints", pod.len(), twice.len());
    compare(&name, &sample::question(&twice, &sample::review("Pod", &pod), "{}"), folder)?;
    let unique: Vec<&Policy> =
        policies.iter().filter(|policy| policy.package == "k8suniqueingresshost").collect();
    let inventory = sample::inventory(10_000);
    let ingress = sample::ingress(10_001, "h77.example.com");
    let question = sample::question(&unique, &sample::review("Ingress", &ingress), &inventory);
    compare("an Ingress whose host is taken, among 10,000", &question, folder)?;
    loading(&policies)
}

fn compare(name: &str, question: &Question, folder: &str) -> Result<()> {
    let mut lumen = engines::Lumen::new(question)?;
    report(&format!("lumen, {name}"), || lumen.ask())?;
    let mut regorus = engines::Regorus::new(question)?;
    report(&format!("regorus, {name}"), || regorus.ask())?;
    if let Some(opa) = std::env::var_os("OPA") {
        let nanoseconds = engines::opa(Path::new(&opa), question, Path::new(folder))?;
        println!("{:>10.1} {:>10} {:>6}  opa, {name} (`opa bench`: a mean)", nanoseconds / 1e3, "-", "-");
    }
    Ok(())
}

/// Every policy compiled on its own, as in admission, and all of them twice.
fn loading(policies: &[Policy]) -> Result<()> {
    let alone: Vec<Question> =
        policies.iter().map(|policy| sample::question(&[policy], "{}", "{}")).collect();
    let alone: Vec<&Question> = alone.iter().chain(&alone).collect();
    let name = format!("{} policies compiled", alone.len());
    report(&format!("lumen, {name}"), || {
        alone.iter().try_for_each(|question| engines::Lumen::new(question).map(drop)).map(|()| 0)
    })?;
    // regorus compiles what is asked when it is first asked.
    report(&format!("regorus, {name} and asked of nothing"), || {
        alone.iter().try_for_each(|question| engines::Regorus::new(question)?.ask().map(drop)).map(|()| 0)
    })
}

/// Once unmeasured, then for a second at least ten times; the answer's size is shown.
fn report(name: &str, mut ask: impl FnMut() -> Result<usize>) -> Result<()> {
    let found = ask().with_context(|| name.to_owned())?;
    let mut times: Vec<Duration> = Vec::new();
    let start = Instant::now();
    while times.len() < 10 || start.elapsed() < Duration::from_secs(1) {
        let start = Instant::now();
        ask()?;
        times.push(start.elapsed());
    }
    times.sort_unstable();
    let microseconds = |time: Option<&Duration>| time.copied().unwrap_or_default().as_secs_f64() * 1e6;
    let (median, least) = (microseconds(times.get(times.len() / 2)), microseconds(times.first()));
    println!("{median:>10.1} {least:>10.1} {found:>6}  {name}");
    Ok(())
}
