//! `lumen schema`.

use crate::cli::Schema;
use crate::exit::Exit;

pub(super) fn run(arguments: &Schema) -> anyhow::Result<Exit> {
    drop(arguments.name.as_ref());
    Ok(Exit::Clean)
}
