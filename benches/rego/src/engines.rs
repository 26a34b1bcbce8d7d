//! The engines: each is given a [`Question`] and answers how many results it has.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, anyhow, bail};
use lumen_rego::ast::Version;
use lumen_rego::builtin::Budget;
use lumen_rego::eval::{Data, Inputs, Scratch};
use lumen_rego::program::{CompileOptions, Entry, Program, Source};
use lumen_value::Value;
use lumen_value::read::Limits;

/// Modules (name and text, in v0), base documents and input in JSON. What is asked is `data.bench.found`.
pub(crate) struct Question {
    pub(crate) modules: Vec<(String, String)>,
    pub(crate) data: String,
    pub(crate) input: String,
}

pub(crate) struct Lumen {
    program: Program,
    entry: Entry,
    data: Data,
    input: Value,
    scratch: Scratch,
}

fn json(text: &str) -> Result<Value> {
    lumen_value::json::parse(text.as_bytes(), &Limits::default())
        .map(|parsed| parsed.value)
        .map_err(|error| anyhow!("{error:?}"))
}

impl Lumen {
    pub(crate) fn new(question: &Question) -> Result<Self> {
        let source = |(name, text): &(String, String)| Source {
            file: name.as_str().into(),
            text: text.clone(),
            version: Version::V0,
        };
        let sources: Vec<Source> = question.modules.iter().map(source).collect();
        let program =
            Program::compile(&sources, &CompileOptions::default()).map_err(|error| anyhow!("{error}"))?;
        let entry = program.entry(&["bench", "found"]).map_err(|error| anyhow!("{error}"))?;
        let (data, input) = (Data::new(json(&question.data)?), json(&question.input)?);
        Ok(Self { program, entry, data, input, scratch: Scratch::default() })
    }

    pub(crate) fn ask(&mut self) -> Result<usize> {
        let mut inputs = Inputs::new(&self.data, Budget::new(u64::MAX, 1 << 30));
        inputs.input = Some(self.input.clone());
        let outcome = self.program.evaluate(&self.entry, inputs, &mut self.scratch);
        let outcome = outcome.map_err(|error| anyhow!("{error}"))?;
        match outcome.value() {
            Some(Value::Set(found)) => Ok(found.iter().count()),
            _ => Ok(0),
        }
    }
}

pub(crate) struct Regorus {
    engine: regorus::Engine,
    input: regorus::Value,
}

impl Regorus {
    pub(crate) fn new(question: &Question) -> Result<Self> {
        let mut engine = regorus::Engine::new();
        engine.set_rego_v0(true);
        for (name, text) in &question.modules {
            engine.add_policy(name.clone(), text.clone())?;
        }
        engine.add_data_json(&question.data)?;
        Ok(Self { engine, input: regorus::Value::from_json_str(&question.input)? })
    }

    pub(crate) fn ask(&mut self) -> Result<usize> {
        self.engine.set_input(self.input.clone());
        match self.engine.eval_rule("data.bench.found".to_owned())? {
            regorus::Value::Set(found) => Ok(found.len()),
            _ => Ok(0),
        }
    }
}

/// Nanoseconds of one evaluation, as `opa bench` says.
pub(crate) fn opa(program: &Path, question: &Question, folder: &Path) -> Result<f64> {
    let modules = folder.join("modules");
    if modules.exists() {
        std::fs::remove_dir_all(&modules)?;
    }
    std::fs::create_dir_all(&modules)?;
    for (index, (_, text)) in question.modules.iter().enumerate() {
        std::fs::write(modules.join(format!("m{index}.rego")), text)?;
    }
    std::fs::write(modules.join("data.json"), &question.data)?;
    let input = folder.join("input.json");
    std::fs::write(&input, &question.input)?;
    let output = Command::new(program)
        .args(["bench", "--v0-compatible", "--format", "gobench", "--data"])
        .arg(&modules)
        .arg("--input")
        .arg(&input)
        .arg("data.bench.found")
        .output()
        .with_context(|| format!("cannot start `{}`", program.display()))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let words: Vec<&str> = text.split_whitespace().collect();
    let Some([number, _]) = words.windows(2).find(|pair| pair[1] == "ns/op") else {
        bail!("`opa bench` said: {text}{}", String::from_utf8_lossy(&output.stderr));
    };
    Ok(number.parse()?)
}
