//! `--run`: which tests and cases are run, as gator's `--run` chooses.

use regex::Regex;

/// Compiles a pattern of a suite or of `--run`: in Go's syntax, since gator reads them, too.
pub fn pattern(text: &str) -> Result<Regex, String> {
    lumen_regex::compile(text, lumen_regex::PROGRAM_BYTES_MAX)
}

/// The choice.
#[derive(Clone, Debug, Default)]
pub enum Filter {
    /// Everything.
    #[default]
    All,
    /// Cases whose name, or whose test's name, matches.
    Either(Regex),
    /// Cases whose name matches the second in tests whose name matches the first.
    Both(Regex, Regex),
}

impl Filter {
    /// `CASE-OR-TEST` or `TEST//CASE`, regular expressions.
    pub fn parse(text: &str) -> Result<Self, String> {
        let pattern = |part: &str| pattern(part).map_err(|error| format!("`{part}`: {error}"));
        let parts: Vec<&str> = text.split("//").collect();
        match parts.as_slice() {
            [""] => Ok(Self::All),
            [one] => Ok(Self::Either(pattern(one)?)),
            [test, case] => Ok(Self::Both(pattern(test)?, pattern(case)?)),
            _ => Err("there may be one `//` between test and case".to_owned()),
        }
    }

    /// Whether a case is run.
    pub fn takes(&self, test: &str, case: &str) -> bool {
        match self {
            Self::All => true,
            Self::Either(pattern) => pattern.is_match(test) || pattern.is_match(case),
            Self::Both(tests, cases) => tests.is_match(test) && cases.is_match(case),
        }
    }

    /// Whether a test is run that has these cases.
    pub fn takes_test<'a>(&self, test: &str, cases: impl IntoIterator<Item = &'a str>) -> bool {
        match self {
            Self::All => true,
            Self::Either(pattern) => {
                pattern.is_match(test) || cases.into_iter().any(|case| pattern.is_match(case))
            }
            Self::Both(tests, _) => tests.is_match(test),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_pattern_is_for_either_and_two_are_for_both() {
        let either = Filter::parse("labels").unwrap();
        assert!(
            either.takes("require-labels", "x") && either.takes("x", "no-labels") && !either.takes("x", "y")
        );
        let both = Filter::parse("^labels$//none").unwrap();
        assert!(
            both.takes("labels", "with-none")
                && !both.takes("labels", "x")
                && !both.takes("no-labels", "none")
        );
        assert!(
            both.takes_test("labels", [])
                && !either.takes_test("x", ["y"])
                && either.takes_test("x", ["labels"])
        );
        assert!(Filter::parse("//none").unwrap().takes("any", "none"));
        assert!(Filter::parse("a//b//c").is_err() && Filter::parse("(").is_err());
    }

    #[test]
    fn patterns_are_those_of_go() {
        let digit = pattern(r"^\d$").expect("Go reads it");
        assert!(digit.is_match("7") && !digit.is_match("\u{663}"));
        assert!(pattern("a{,2}").expect("a text to Go").is_match("a{,2}"));
        assert!(pattern("a**").is_err() && pattern("[a-z&&[^b]]").is_ok_and(|set| set.is_match("&]")));
    }
}
