//! The versions that rules ask for: of the engine, and of plugins, whose fields are built in.

use std::fmt;

use super::problem::Code;

/// A version: three numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// Changes what rules mean.
    pub major: u32,
    /// Adds to it.
    pub minor: u32,
    /// Changes neither.
    pub patch: u32,
}

/// The version of Falco's engine that the rules are read as: that of Falco 0.44.
pub const ENGINE: Version = Version { major: 0, minor: 62, patch: 0 };

/// The plugins whose fields are built in, with the versions that have these fields.
pub const PLUGINS: [(&str, Version); 2] = [
    ("container", Version { major: 0, minor: 7, patch: 3 }),
    ("k8smeta", Version { major: 0, minor: 4, patch: 2 }),
];

impl Version {
    /// Reads `x.y.z`; what stands behind it, as in `x.y.z-rc1`, is not looked at.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.splitn(3, '.');
        let (major, minor, rest) = (parts.next()?, parts.next()?, parts.next()?);
        let digits = rest.len() - rest.trim_start_matches(|letter: char| letter.is_ascii_digit()).len();
        let patch = unsigned(rest.get(..digits)?)?;
        Some(Self { major: unsigned(major)?, minor: unsigned(minor)?, patch })
    }

    /// Whether who asks for a version can make do with this one.
    pub fn satisfies(self, wanted: Self) -> bool {
        self.major == wanted.major && (self.minor, self.patch) >= (wanted.minor, wanted.patch)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

/// A number of digits alone.
pub(super) fn unsigned(text: &str) -> Option<u32> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

/// Checks that one of several plugins is built in, in the version that is asked for.
pub(super) fn check_plugins(wanted: &[(String, String)]) -> Result<(), (Code, String)> {
    let mut names: Vec<&str> = Vec::new();
    let mut is_there = false;
    for (name, text) in wanted {
        let version = Version::parse(text).ok_or_else(|| {
            (Code::Validate, format!("Invalid required version '{text}' for plugin '{name}'"))
        })?;
        if names.contains(&name.as_str()) {
            let message = format!("Defined multiple alternative version requirements for plugin '{name}'");
            return Err((Code::Validate, message));
        }
        names.push(name);
        is_there |= PLUGINS.iter().any(|(known, built_in)| known == name && built_in.satisfies(version));
    }
    if is_there {
        return Ok(());
    }
    let wanted: Vec<String> = wanted.iter().map(|(name, version)| format!("{name} {version}")).collect();
    let built_in: Vec<String> = PLUGINS.iter().map(|(name, version)| format!("{name} {version}")).collect();
    let message = format!(
        "the rules need the plugin {}; plugins are not loaded, built in are the fields of {}",
        wanted.join(" or "),
        built_in.join(" and ")
    );
    Err((Code::MissingPlugin, message))
}
