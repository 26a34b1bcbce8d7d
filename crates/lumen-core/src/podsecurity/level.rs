//! [`Level`], [`Version`] and [`LevelVersion`]: which edition of the standards is meant.

use std::fmt;

/// How strict: each level demands all that the one before it does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Anything goes.
    #[default]
    Privileged,
    /// Keeps a pod from taking over its node by known means.
    Baseline,
    /// Hardened as far as is reasonable for any program.
    Restricted,
}

impl Level {
    /// Every level, the least strict first.
    pub const ALL: &[Self] = &[Self::Privileged, Self::Baseline, Self::Restricted];

    /// The word for it in labels and messages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Privileged => "privileged",
            Self::Baseline => "baseline",
            Self::Restricted => "restricted",
        }
    }

    /// Reads the word; `None` where it is none of the three.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|level| level.as_str() == text)
    }
}

impl fmt::Display for Level {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(self.as_str())
    }
}

/// What upstream answers to a word that is no level (`api/helpers.go`, `ParseLevel`).
pub const LEVEL_EXPECTED: &str = "must be one of privileged, baseline, restricted";

/// What upstream answers to a text that is no version (`api/helpers.go`, `ParseVersion`).
pub const VERSION_EXPECTED: &str = r#"must be "latest" or "v1.x""#;

/// The newest minor version of Kubernetes whose standards are known. Later versions mean these.
pub const NEWEST_MINOR: u64 = 37;

/// The version of Kubernetes whose edition of the standards is meant. Ordered by age, `latest` last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    /// `v1.N`, be it known, long gone or still to come.
    Minor(u64),
    /// Whatever the cluster's version is.
    #[default]
    Latest,
}

impl Version {
    /// Reads `latest` or `v1.N`; `None` for anything else. `N` is a decimal number without leading zeros below
    /// 2^63, as upstream has it.
    pub fn parse(text: &str) -> Option<Self> {
        if text == "latest" {
            return Some(Self::Latest);
        }
        let digits = text.strip_prefix("v1.")?;
        let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
        if !plain || (digits.len() > 1 && digits.starts_with('0')) {
            return None;
        }
        let minor: i64 = digits.parse().ok()?;
        Some(Self::Minor(u64::try_from(minor).ok()?))
    }

    /// The minor version whose checks apply in a cluster of a minor version, of which [`NEWEST_MINOR`] is the newest
    /// that is known: what is later than the cluster means the cluster's own.
    pub fn effective_minor(self, cluster_minor: u64) -> u64 {
        let newest = cluster_minor.min(NEWEST_MINOR);
        match self {
            Self::Minor(minor) => minor.min(newest),
            Self::Latest => newest,
        }
    }
}

/// `v1.30` or `latest`.
impl fmt::Display for Version {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Minor(minor) => write!(out, "v1.{minor}"),
            Self::Latest => out.pad("latest"),
        }
    }
}

/// A level of an edition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct LevelVersion {
    /// The level.
    pub level: Level,
    /// The edition.
    pub version: Version,
}

impl LevelVersion {
    /// A level of an edition.
    pub const fn new(level: Level, version: Version) -> Self {
        Self { level, version }
    }

    /// A level of the cluster's own edition.
    pub const fn latest(level: Level) -> Self {
        Self::new(level, Version::Latest)
    }

    /// Whether both mean the same: `privileged` is the same in every edition.
    pub fn is_equivalent(self, other: Self) -> bool {
        self == other || (self.level == Level::Privileged && other.level == Level::Privileged)
    }
}

/// `restricted:v1.30`.
impl fmt::Display for LevelVersion {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}", self.level, self.version)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_upstream_reads_them() {
        for (text, minor) in [("v1.0", 0), ("v1.9", 9), ("v1.37", 37), ("v1.9999", 9999)] {
            let version = Version::parse(text).expect(text);
            assert_eq!(version, Version::Minor(minor));
            assert_eq!(version.to_string(), text);
        }
        assert_eq!(Version::parse("latest"), Some(Version::Latest));
        for text in [
            "",
            "v1.",
            "v1.01",
            "v1.00",
            "v2.0",
            "1.30",
            "v1.30.1",
            "v1.-1",
            "v1.+1",
            "Latest",
            " v1.1",
            "v1.9223372036854775808",
            "v1.٣",
        ] {
            assert_eq!(Version::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_version_still_to_come_means_the_newest_known() {
        assert_eq!(Version::Minor(99).effective_minor(99), NEWEST_MINOR);
        assert_eq!(Version::Latest.effective_minor(99), NEWEST_MINOR);
        assert_eq!(Version::Minor(12).effective_minor(NEWEST_MINOR), 12);
        assert_eq!(Version::Latest.effective_minor(34), 34);
        assert_eq!(Version::Minor(35).effective_minor(34), 34);
        assert!(Version::Minor(99) < Version::Latest);
    }

    #[test]
    fn privileged_is_the_same_in_every_edition() {
        let old = |level| LevelVersion::new(level, Version::Minor(1));
        assert!(old(Level::Privileged).is_equivalent(LevelVersion::latest(Level::Privileged)));
        assert!(!old(Level::Baseline).is_equivalent(LevelVersion::latest(Level::Baseline)));
        assert_eq!(old(Level::Restricted).to_string(), "restricted:v1.1");
    }
}
