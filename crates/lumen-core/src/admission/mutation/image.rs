//! The parts of an image's name that `AssignImage` sets (gatekeeper `pkg/mutation/mutators/assignimage`).

/// What takes the place of an image's domain, path, and tag or digest. What is empty leaves the image's own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ImageParts {
    /// A registry: `host:5000`.
    pub(super) domain: String,
    /// A repository: `library/nginx`.
    pub(super) path: String,
    /// A tag with its colon, or a digest with its `@`.
    pub(super) tag: String,
}

/// Why the parts cannot be set. Each could be taken for another one when the image is mutated again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum ImageError {
    /// There is nothing to set.
    #[error("one of `assignDomain`, `assignPath` and `assignTag` must be set")]
    Empty,
    /// The domain is none.
    #[error("`assignDomain` must be a full domain name or `localhost`, with a port or without")]
    Domain,
    /// The path is none.
    #[error("`assignPath` must be the path of an image")]
    Path,
    /// The tag is none.
    #[error("`assignTag` must be a tag with its `:`, or a digest with its `@`")]
    Tag,
    /// The path begins as a domain does.
    #[error("`assignPath` begins like a domain, so `assignDomain` must be set")]
    PathLikeDomain,
}

impl ImageParts {
    pub(super) fn check(&self) -> Result<(), ImageError> {
        if self.domain.is_empty() && self.path.is_empty() && self.tag.is_empty() {
            Err(ImageError::Empty)
        } else if !self.domain.is_empty() && !is_domain(&self.domain) {
            Err(ImageError::Domain)
        } else if !self.path.is_empty() && !is_path(&self.path) {
            Err(ImageError::Path)
        } else if !self.tag.is_empty() && !is_tag(&self.tag) {
            Err(ImageError::Tag)
        } else if self.domain.is_empty() && !split_domain(&self.path).0.is_empty() {
            Err(ImageError::PathLikeDomain)
        } else {
            Ok(())
        }
    }

    /// The image with these parts in place of its own.
    pub(super) fn apply(&self, image: &str) -> String {
        let (domain, rest) = split_domain(image);
        let at = rest.find([':', '@']).unwrap_or(rest.len());
        let (path, tag) = rest.split_at(at);
        let or = |new: &str, old: &str| if new.is_empty() { old.to_owned() } else { new.to_owned() };
        let domain = or(&self.domain, domain);
        let slash = if domain.is_empty() { "" } else { "/" };
        format!("{domain}{slash}{}{}", or(&self.path, path), or(&self.tag, tag))
    }
}

/// What stands before the first slash is a domain where it has a dot or a colon, or is `localhost`.
fn split_domain(name: &str) -> (&str, &str) {
    match name.split_once('/') {
        Some((domain, rest)) if domain.contains(['.', ':']) || domain == "localhost" => (domain, rest),
        _ => ("", name),
    }
}

fn is_of_word(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || letter == '_'
}

/// A word, dots and dashes with a dot among them, a word at the end; then a port, where there is one.
fn is_domain(domain: &str) -> bool {
    let (host, port) = match domain.split_once(':') {
        None => (domain, None),
        Some((host, port)) => (host, Some(port)),
    };
    let is_port = |port: &str| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    let is_host = host == "localhost"
        || (host.starts_with(is_of_word)
            && host.ends_with(is_of_word)
            && host.contains('.')
            && host.chars().all(|letter| is_of_word(letter) || matches!(letter, '-' | '.')));
    port.is_none_or(is_port) && is_host
}

/// Words of small letters and digits, with one dot, one slash, one or two underscores, or dashes between them.
fn is_path(path: &str) -> bool {
    let is_of_part = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit();
    let ends_well = path.starts_with(is_of_part) && path.ends_with(is_of_part);
    let mut separators = path.split(is_of_part).filter(|separator| !separator.is_empty());
    ends_well
        && separators.all(|separator| {
            matches!(separator, "." | "_" | "/" | "__") || separator.bytes().all(|byte| byte == b'-')
        })
}

/// `:tag` of at most 128 letters, or `@algorithm:digest` of at least 32 digits.
fn is_tag(tag: &str) -> bool {
    if let Some(tag) = tag.strip_prefix(':') {
        let is_of_tag = |letter| is_of_word(letter) || matches!(letter, '.' | '-');
        return tag.starts_with(is_of_word) && tag.len() <= 128 && tag.chars().all(is_of_tag);
    }
    let Some((algorithm, digest)) = tag.strip_prefix('@').and_then(|digest| digest.split_once(':')) else {
        return false;
    };
    let is_name = |name: &str| {
        name.starts_with(|first: char| first.is_ascii_alphabetic())
            && name.chars().all(|letter| letter.is_ascii_alphanumeric())
    };
    algorithm.split(['-', '_', '+', '.']).all(is_name)
        && digest.len() >= 32
        && digest.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(domain: &str, path: &str, tag: &str) -> ImageParts {
        ImageParts { domain: domain.into(), path: path.into(), tag: tag.into() }
    }

    #[test]
    fn parts_take_the_place_of_an_images_own() {
        for (given, image, mutated) in [
            (parts("", "", ":new"), "library/busybox:v1", "library/busybox:new"),
            (parts("", "a/b", ":new"), "", "a/b:new"),
            (parts("my.io", "", ""), "docker.io/library/busybox:v1", "my.io/library/busybox:v1"),
            (parts("my.io", "", ""), "busybox@sha256:1", "my.io/busybox@sha256:1"),
            (parts("localhost:5000", "x", ""), "localhost/a", "localhost:5000/x"),
            (parts("my.io", "a.b/c", ""), "a.b:latest", "my.io/a.b/c:latest"),
        ] {
            assert_eq!(given.check(), Ok(()));
            assert_eq!(given.apply(image), mutated);
            assert_eq!(given.apply(mutated), mutated, "twice is once");
        }
    }

    #[test]
    fn parts_that_could_leak_into_others_are_refused() {
        for (given, error) in [
            (parts("", "", ""), ImageError::Empty),
            (parts("bad", "", ""), ImageError::Domain),
            (parts("a.b:", "", ""), ImageError::Domain),
            (parts("a.b:1:2", "", ""), ImageError::Domain),
            (parts(".a", "", ""), ImageError::Domain),
            (parts("", "x//y", ""), ImageError::Path),
            (parts("", "a___b", ""), ImageError::Path),
            (parts("", "A", ""), ImageError::Path),
            (parts("", "x/", ""), ImageError::Path),
            (parts("", "", "latest"), ImageError::Tag),
            (parts("", "", "@sha256:12"), ImageError::Tag),
            (parts("", "", ":a:b"), ImageError::Tag),
            (parts("", "a.io/b", ""), ImageError::PathLikeDomain),
        ] {
            assert_eq!(given.check(), Err(error), "{given:?}");
        }
        assert_eq!(
            parts("a--b.c_d", "a--b/c__d.e", "@sha256+b64.x:0123456789abcdef0123456789ABCDEF").check(),
            Ok(())
        );
    }
}
