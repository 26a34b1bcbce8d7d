//! The `lumen` binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    lumen::command::main().into()
}
