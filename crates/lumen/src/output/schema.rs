//! The JSON schemas of what lumen writes: they are committed in `schemas/`, and `lumen schema` prints them.

use schemars::generate::SchemaSettings;

use crate::output::json::{FINDING_SCHEMA, Finding, REPORT_SCHEMA, Report};

/// The schemas with their names, such as `lumen.report/v1`: JSON Schema 2020-12.
pub fn schemas() -> Vec<(&'static str, schemars::Schema)> {
    // What serialisation leaves out is not required.
    let settings = SchemaSettings::draft2020_12().for_serialize();
    vec![
        (FINDING_SCHEMA, settings.clone().into_generator().into_root_schema_for::<Finding<'_>>()),
        (REPORT_SCHEMA, settings.into_generator().into_root_schema_for::<Report<'_>>()),
    ]
}
