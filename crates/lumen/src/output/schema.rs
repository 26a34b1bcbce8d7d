//! The JSON schemas of what lumen writes: they are committed in `schemas/`, and `lumen schema` prints them.

use schemars::generate::SchemaSettings;

use crate::layers::json::{Document as Layers, LAYERS_SCHEMA};
use crate::network::answer::{WHY_SCHEMA, Why};
use crate::network::difference::{DIFF_SCHEMA, Diff};
use crate::network::listing::{LIST_SCHEMA, List};
use crate::network::matrix::{MATRIX_SCHEMA, Shape as Matrix};
use crate::network::suggestion::{SUGGEST_SCHEMA, Suggest};
use crate::output::json::{FINDING_SCHEMA, Finding, REPORT_SCHEMA, Report};
use crate::rules::documents::{
    FIELD_SCHEMA, FieldDocument, PROBLEM_SCHEMA, ProblemDocument, RULE_SCHEMA, RuleDocument,
};
use crate::test::output::{TEST_SCHEMA, Tests};

/// The schemas with their names, such as `lumen.report/v1`: JSON Schema 2020-12.
pub fn schemas() -> Vec<(&'static str, schemars::Schema)> {
    // What serialisation leaves out is not required.
    let settings = SchemaSettings::draft2020_12().for_serialize();
    vec![
        (FIELD_SCHEMA, settings.clone().into_generator().into_root_schema_for::<FieldDocument>()),
        (FINDING_SCHEMA, settings.clone().into_generator().into_root_schema_for::<Finding<'_>>()),
        (LAYERS_SCHEMA, settings.clone().into_generator().into_root_schema_for::<Layers<'_>>()),
        (DIFF_SCHEMA, settings.clone().into_generator().into_root_schema_for::<Diff>()),
        (LIST_SCHEMA, settings.clone().into_generator().into_root_schema_for::<List>()),
        (MATRIX_SCHEMA, settings.clone().into_generator().into_root_schema_for::<Matrix<'_>>()),
        (SUGGEST_SCHEMA, settings.clone().into_generator().into_root_schema_for::<Suggest>()),
        (WHY_SCHEMA, settings.clone().into_generator().into_root_schema_for::<Why>()),
        (RULE_SCHEMA, settings.clone().into_generator().into_root_schema_for::<RuleDocument<'_>>()),
        (PROBLEM_SCHEMA, settings.clone().into_generator().into_root_schema_for::<ProblemDocument<'_>>()),
        (TEST_SCHEMA, settings.clone().into_generator().into_root_schema_for::<Tests<'_>>()),
        (REPORT_SCHEMA, settings.into_generator().into_root_schema_for::<Report<'_>>()),
    ]
}
