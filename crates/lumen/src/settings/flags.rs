//! The settings as flags of the command line.

use std::collections::BTreeMap;

use clap::builder::PossibleValuesParser;
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command, ValueHint};

use super::{Entry, Kind, OUTPUT, Origin, SETTINGS, Setting};

/// The settings that stand on the command line.
#[derive(Clone, Debug, Default)]
pub struct Flags(BTreeMap<&'static str, Vec<String>>);

impl Flags {
    pub(super) fn entry(&self, setting: &'static Setting) -> Option<Entry> {
        let values = self.0.get(setting.key)?.clone();
        Some(Entry { values, origin: Origin::Flag(setting.key) })
    }
}

fn argument(setting: &'static Setting) -> Arg {
    let name_of_default = match setting.default {
        "" | "false" => String::new(),
        default => format!(" [default: {default}]"),
    };
    let argument = Arg::new(setting.key)
        .long(setting.key)
        .help(format!("{}{name_of_default}", setting.doc))
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

/// The settings without how to write what was found: for commands that have outputs of their own.
#[derive(Clone, Debug, Default)]
pub struct FlagsButOutputs(pub Flags);

fn but_outputs() -> impl Iterator<Item = &'static Setting> {
    SETTINGS.iter().filter(|setting| setting.key != OUTPUT.key)
}

impl clap::Args for FlagsButOutputs {
    fn augment_args(command: Command) -> Command {
        command.args(but_outputs().map(argument))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl clap::FromArgMatches for FlagsButOutputs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        Ok(Self(Flags::given(matches, but_outputs())))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}
