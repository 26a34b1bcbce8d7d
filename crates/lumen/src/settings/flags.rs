//! The settings as flags of the command line.

use std::collections::BTreeMap;

use clap::builder::PossibleValuesParser;
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command, ValueHint};

use super::{Entry, Kind, NAMESPACE, OUTPUT, Origin, SETTINGS, Setting};

/// The settings that stand on the command line.
#[derive(Clone, Debug, Default)]
pub struct Flags(BTreeMap<&'static str, Vec<String>>);

impl Flags {
    pub(super) fn entry(&self, setting: &'static Setting) -> Option<Entry> {
        let values = self.0.get(setting.key)?.clone();
        Some(Entry { values, origin: Origin::Flag(setting.key) })
    }
}

/// What settings mean to `lumen scan`, where that is not what they mean to a check.
const OF_SCAN: &[(&str, &str)] = &[
    (
        "policy",
        "Apply the ConstraintTemplates and constraints of this file or folder, too, besides those of the cluster; \
         `builtin` for the policies that come with lumen, `builtin:NAME` for one of them; repeatable",
    ),
    (
        "kubernetes-version",
        "The cluster's version, such as `v1.34`: what `latest` means in a label; that of the API server where not given",
    ),
    ("strict", "Make it an error when a kind of object cannot be read"),
];

fn argument_of_scan(setting: &'static Setting) -> Arg {
    let argument = argument(setting);
    match OF_SCAN.iter().find(|(key, _)| *key == setting.key) {
        Some((_, doc)) => argument.help(with_default(setting, doc)),
        None => argument,
    }
}

fn with_default(setting: &Setting, doc: &str) -> String {
    match setting.default {
        "" | "false" => doc.to_owned(),
        default => format!("{doc} [default: {default}]"),
    }
}

fn argument(setting: &'static Setting) -> Arg {
    let argument = Arg::new(setting.key)
        .long(setting.key)
        .help(with_default(setting, setting.doc))
        .help_heading("Settings (also in lumen.yaml, and in LUMEN_* environment variables)")
        .hide_possible_values(setting.kind == Kind::Switch);
    let argument = match setting.short {
        Some(short) => argument.short(short),
        None => argument,
    };
    let argument = match setting.kind {
        Kind::Outputs | Kind::Globs | Kind::Paths => argument.action(ArgAction::Append),
        _ => argument.action(ArgAction::Set),
    };
    match setting.kind {
        Kind::Switch => argument
            .num_args(0..=1)
            .require_equals(true)
            .default_missing_value("true")
            .value_name("BOOL")
            .hide_possible_values(true)
            .value_parser(PossibleValuesParser::new(["true", "false"])),
        Kind::Choice(words) => argument
            .value_name(setting.placeholder)
            .value_parser(PossibleValuesParser::new(words.iter().copied())),
        Kind::File => argument.value_name(setting.placeholder).value_hint(ValueHint::FilePath),
        Kind::Paths => argument.value_name(setting.placeholder).value_hint(ValueHint::AnyPath),
        kind => argument
            .value_name(setting.placeholder)
            .value_parser(move |text: &str| kind.check(text).map(|()| text.to_owned())),
    }
}

impl clap::Args for Flags {
    fn augment_args(command: Command) -> Command {
        command.args(SETTINGS.iter().map(argument))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl clap::FromArgMatches for Flags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        Ok(Self::given(matches, SETTINGS.iter()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Flags {
    fn given(matches: &ArgMatches, settings: impl Iterator<Item = &'static Setting>) -> Self {
        let given = settings.filter_map(|setting| {
            if matches.value_source(setting.key) != Some(ValueSource::CommandLine) {
                return None;
            }
            let values = matches.get_many::<String>(setting.key)?;
            Some((setting.key, values.cloned().collect()))
        });
        Self(given.collect())
    }
}

/// Settings but one: for commands to which it means nothing, or something else.
macro_rules! all_but {
    ($(#[$doc:meta])* $name:ident, $left_out:ident, $argument:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default)]
        pub struct $name(pub Flags);

        impl $name {
            fn settings() -> impl Iterator<Item = &'static Setting> {
                SETTINGS.iter().filter(|setting| setting.key != $left_out.key)
            }
        }

        impl clap::Args for $name {
            fn augment_args(command: Command) -> Command {
                command.args(Self::settings().map($argument))
            }

            fn augment_args_for_update(command: Command) -> Command {
                Self::augment_args(command)
            }
        }

        impl clap::FromArgMatches for $name {
            fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
                Ok(Self(Flags::given(matches, Self::settings())))
            }

            fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
                *self = Self::from_arg_matches(matches)?;
                Ok(())
            }
        }
    };
}

all_but! {
    /// The settings without how to write what was found: for commands that have outputs of their own.
    FlagsButOutputs, OUTPUT, argument
}
all_but! {
    /// The settings without the namespace of manifests that name none, to which `-n` is a choice: of `lumen scan`.
    FlagsButNamespace, NAMESPACE, argument_of_scan
}
