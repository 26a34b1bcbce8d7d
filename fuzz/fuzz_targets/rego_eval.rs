//! Any text as a module and an input, divided by a line `---`: it is evaluated within its budget, and the fast plan answers
//! what the plain one does. So does each rule's plan for the first key of the input.
#![no_main]

use std::time::{Duration, Instant};

use libfuzzer_sys::fuzz_target;
use lumen_rego::ast::Version;
use lumen_rego::builtin::Budget;
use lumen_rego::error::Code;
use lumen_rego::eval::{Data, EvalError, Inputs, Outcome, Scratch, Shared};
use lumen_rego::plan::{Commons, Optimisations};
use lumen_rego::program::{CompileOptions, Program, Source};
use lumen_value::json::parse;
use lumen_value::read::Limits;

/// A step takes well below a microsecond in most programs, and these are built with checks.
const STEPS: u64 = 100_000;
const BYTES: u64 = 32 << 20;
const TIME_MAX: Duration = Duration::from_secs(8);

fn evaluate(source: &Source, input: &[u8], optimisations: Optimisations) -> Option<Result<Outcome, EvalError>> {
    let options = CompileOptions { optimisations, ..CompileOptions::default() };
    let program = Program::compile(std::slice::from_ref(source), &options).ok()?;
    let entry = program.entry(&[]).ok()?;
    let value = parse(input, &Limits::default()).ok().map(|document| document.value);
    let data = Data::new(value.clone().unwrap_or_default());
    let mut inputs = Inputs::new(&data, Budget::new(STEPS, BYTES));
    inputs.input = value;
    inputs.time_ns = 1_700_000_000_000_000_000;
    let started = Instant::now();
    let outcome = program.evaluate(&entry, inputs, &mut Scratch::default());
    assert!(started.elapsed() < TIME_MAX, "{:?} for {STEPS} steps", started.elapsed());
    Some(outcome)
}

/// The code of an error that says something of the program. Which of two plans runs out of its budget first says nothing.
fn code(result: &Result<Outcome, EvalError>) -> Option<Code> {
    match result {
        Ok(_) => None,
        Err(EvalError::Failed(error)) => {
            assert!(!error.message.is_empty());
            Some(error.code)
        }
        Err(EvalError::Pending(_)) => unreachable!("there is no host"),
    }
}

/// Every rule of the module: by its own entry, and by what it is for the first key of the input.
fn specialised(source: &Source, input: &[u8]) {
    let Ok(program) = Program::compile(std::slice::from_ref(source), &CompileOptions::default()) else { return };
    let Ok(document) = parse(input, &Limits::default()) else { return };
    let Some((key, value)) = document.value.as_object().and_then(|input| input.fields().next()) else { return };
    let key = key.to_text();
    let data = Data::new(document.value.clone());
    let fixed: [(&[&str], _); 1] = [(&[&key], value.clone())];
    let (mut commons, mut shared) = (Commons::default(), Shared::default());
    for node in program.plan().nodes.iter().filter(|node| node.rules) {
        let path: Option<Vec<&str>> = node.path.iter().map(|key| key.as_str()).collect();
        let Some(path) = path else { continue };
        let special = program.specialise(&path, &fixed, Budget::new(STEPS, BYTES), &mut commons);
        let (Some(special), Ok(entry)) = (special, program.entry(&path)) else { continue };
        let inputs = || Inputs { input: Some(document.value.clone()), ..Inputs::new(&data, Budget::new(STEPS, BYTES)) };
        let plain = program.evaluate(&entry, inputs(), &mut Scratch::default());
        let inputs = Inputs { shared: Some(&mut shared), ..inputs() };
        let found = program.evaluate(&special, inputs, &mut Scratch::default());
        match (code(&found), code(&plain)) {
            (Some(Code::EvalBudget), _) | (_, Some(Code::EvalBudget)) => {}
            (found, plain) => assert_eq!(found, plain),
        }
        if let (Ok(found), Ok(plain)) = (&found, &plain) {
            assert_eq!(found.solutions, plain.solutions);
        }
    }
}

fuzz_target!(|input: &[u8]| {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let (module, input) = text.split_once("\n---\n").unwrap_or((text, "{}"));
    let version = if module.len() & 1 == 0 { Version::V1 } else { Version::V0 };
    let source = Source { file: "fuzz.rego".into(), text: module.to_owned(), version };
    let Some(fast) = evaluate(&source, input.as_bytes(), Optimisations::default()) else { return };
    let plain = evaluate(&source, input.as_bytes(), Optimisations::NONE).expect("what compiled compiles");
    // Random numbers depend on how often they are asked for.
    if ["rand.", "uuid."].iter().any(|name| module.contains(name)) {
        return;
    }
    specialised(&source, input.as_bytes());
    match (code(&fast), code(&plain)) {
        (Some(Code::EvalBudget), _) | (_, Some(Code::EvalBudget)) => {}
        (fast, plain) => assert_eq!(fast, plain),
    }
    if let (Ok(fast), Ok(plain)) = (&fast, &plain) {
        assert_eq!(fast.solutions, plain.solutions);
    }
});
