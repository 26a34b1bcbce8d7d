//! Paths, put together and made plain.

/// The longest path that is made.
const LONGEST: usize = 1_024;

/// A path as seen from a folder whose own path ends with a slash, without `.` and `..` and double slashes.
pub(super) fn join(folder: &[u8], path: &[u8]) -> Vec<u8> {
    if path.is_empty() {
        return Vec::new();
    }
    if folder.len() + path.len() >= LONGEST {
        return b"/DIR_TOO_LONG/FILENAME_TOO_LONG".to_vec();
    }
    let folder = if path.starts_with(b"/") { &[] } else { folder };
    let mut joined = Vec::with_capacity(folder.len() + path.len() + 2);
    if folder.first().or(path.first()) == Some(&b'/') {
        joined.push(b'/');
    }
    let root = joined.len();
    for part in folder.split(|byte| *byte == b'/').chain(path.split(|byte| *byte == b'/')) {
        match part {
            b"" | b"." => {}
            b".." => {
                let below = joined.get(root..).unwrap_or_default();
                let parent = below.iter().rposition(|byte| *byte == b'/').unwrap_or(0);
                joined.truncate(root + parent);
            }
            part => {
                if joined.len() > root {
                    joined.push(b'/');
                }
                joined.extend_from_slice(part);
            }
        }
    }
    joined
}

/// The same, with a slash behind it.
pub(super) fn folder(from: &[u8], path: &[u8]) -> Vec<u8> {
    let mut joined = join(from, path);
    if !joined.ends_with(b"/") {
        joined.push(b'/');
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_plain() {
        let cases: [(&str, &str, &str); 11] = [
            ("/root/", "a", "/root/a"),
            ("/root/", "../a/./b//c/", "/a/b/c"),
            ("/root/", "/etc//shadow", "/etc/shadow"),
            ("/", "../../..", "/"),
            ("", "", ""),
            ("/root/", "..", "/"),
            ("/root/", "...", "/root/..."),
            ("", "/foo", "/foo"),
            ("foo/", "../a", "a"),
            ("foo/", "bar/../../../b", "b"),
            ("/root/", "a/../..", "/"),
        ];
        for (from, path, joined) in cases {
            assert_eq!(
                String::from_utf8_lossy(&join(from.as_bytes(), path.as_bytes())),
                joined,
                "{from} {path}"
            );
        }
        assert_eq!(folder(b"/root/", b"x"), b"/root/x/");
        assert_eq!(folder(b"/root/", b"/"), b"/");
        assert_eq!(join(b"/", &[b'a'; 2_000]), b"/DIR_TOO_LONG/FILENAME_TOO_LONG");
    }
}
