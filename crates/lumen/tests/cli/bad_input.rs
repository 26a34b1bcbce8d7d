//! Any bytes: a finding in layer `input` with place and cause, status 2, and everything else is still checked.

use std::process::Command;

use crate::support::{Folder, PRIVILEGED, clean, run};

/// Checks that one bad file among good ones is named, and that the good one is judged all the same.
#[track_caller]
fn bad(name: &str, text: impl AsRef<[u8]>, rule: &str) {
    let folder = Folder::new(&[("good.yaml", PRIVILEGED)]);
    folder.write(name, text);
    let outcome = folder.run("check -o concise .");
    outcome.expect(2).expect_line(&[name, rule]).expect_line(&["good.yaml:10", "pod-security/privileged"]);
    assert!(!outcome.stderr.contains("panicked"), "{outcome:#?}");
}

#[test]
fn truncated() {
    bad("bad.yaml", "apiVersion: v1\nkind: \"Po", "input/syntax");
    bad("bad.json", "{\"apiVersion\": \"v1\", \"kind\": ", "input/syntax");
}

#[test]
fn binary() {
    let bytes: Vec<u8> =
        (0..4096_u32).map(|number| (number.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    bad("bad.yaml", bytes, "input/");
}

#[test]
fn invalid_utf8() {
    bad("bad.yaml", b"kind: Pod\nname: \xff\xfe\xfd\n", "input/encoding");
}

#[test]
fn nul() {
    bad("bad.yaml", b"apiVersion: v1\nkind: Pod\0\n", "input/");
}

#[test]
fn levels_one_more_than_the_bound() {
    bad("bad.yaml", "[".repeat(10_001) + &"]".repeat(10_001), "input/too-deep");
    bad("bad.json", "[".repeat(10_001) + &"]".repeat(10_001), "input/");
}

#[test]
fn levels_ten_million() {
    bad("bad.yaml", "[".repeat(10_000_000), "input/");
    bad("bad.json", "{\"a\":".repeat(2_000_000), "input/");
}

#[test]
fn aliases_that_explode() {
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let before = format!("*a{}", level - 1);
        text.push_str(
            &["a", &level.to_string(), ": &a", &level.to_string(), " [", &vec![before; 10].join(", "), "]\n"]
                .concat(),
        );
    }
    bad("bad.yaml", text, "input/too-many-aliases");
}

#[test]
fn a_huge_file_is_not_read() {
    let folder = Folder::new(&[("good.yaml", PRIVILEGED)]);
    let file = std::fs::File::create(folder.path("huge.yaml")).expect("is made");
    file.set_len(200 << 20).expect("it is sparse");
    let outcome = folder.run("check -o concise .");
    outcome
        .expect(2)
        .expect_line(&["huge.yaml", "input/too-large"])
        .expect_line(&["good.yaml", "privileged"]);
}

#[test]
fn a_stream_that_never_ends_is_cut_off() {
    let folder = Folder::new(&[]);
    let outcome =
        folder.run_with("check -o concise --max-file-size 1000 -", &[], &b"# again\n".repeat(100_000));
    outcome.expect(2).expect_line(&["<stdin>", "input/too-large"]);
}

#[cfg(unix)]
#[test]
fn a_fifo_is_not_waited_for() {
    let folder = Folder::new(&[("good.yaml", PRIVILEGED)]);
    let made = Command::new("mkfifo").arg(folder.path("pipe.yaml")).status().expect("mkfifo runs");
    assert!(made.success());
    for line in ["check -o concise .", "check -o concise pipe.yaml good.yaml"] {
        let outcome = folder.run(line);
        outcome
            .expect(2)
            .expect_line(&["pipe.yaml", "input/not-a-file", "a FIFO"])
            .expect_line(&["good.yaml", "privileged"]);
    }
}

#[cfg(unix)]
#[test]
fn devices_and_sockets_are_refused() {
    let folder = Folder::new(&[]);
    folder.run("check -o concise /dev/zero").expect(2).expect_line(&[
        "/dev/zero",
        "input/not-a-file",
        "a device",
    ]);
    let _socket = std::os::unix::net::UnixListener::bind(folder.path("s.yaml")).expect("a socket");
    folder.run("check -o concise .").expect(2).expect_line(&["s.yaml", "input/not-a-file", "a socket"]);
}

#[cfg(unix)]
#[test]
fn links_that_go_round_in_a_circle() {
    use std::os::unix::fs::symlink;
    let folder = Folder::new(&[("sub/good.yaml", PRIVILEGED)]);
    symlink("..", folder.path("sub/up")).expect("a link");
    symlink("self.yaml", folder.path("self.yaml")).expect("a link");
    symlink("nowhere", folder.path("dangling.yaml")).expect("a link");
    symlink("nowhere", folder.path("dangling")).expect("a link");
    let outcome = folder.run("check -o concise .");
    outcome
        .expect(2)
        .expect_line(&["sub/up", "input/symlink-loop"])
        .expect_line(&["self.yaml", "input/symlink-loop"])
        .expect_line(&["dangling.yaml", "input/unreadable"])
        .expect_line(&["sub/good.yaml", "privileged"]);
    let of_good = outcome
        .stdout
        .lines()
        .filter(|line| line.contains("pod-security/privileged") && line.contains("good.yaml"))
        .count();
    assert_eq!(of_good, 1, "no file is read twice: {outcome:#?}");
}

#[cfg(unix)]
#[test]
fn unreadable() {
    use std::os::unix::fs::PermissionsExt;
    let folder =
        Folder::new(&[("good.yaml", PRIVILEGED), ("secret.yaml", PRIVILEGED), ("closed/a.yaml", PRIVILEGED)]);
    let forbid = |name: &str| {
        let nothing = std::fs::Permissions::from_mode(0o000);
        std::fs::set_permissions(folder.path(name), nothing).expect("permissions are set");
    };
    forbid("secret.yaml");
    forbid("closed");
    let everybody = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(folder.root(), everybody).expect("permissions are set");
    let outcome = if std::fs::read(folder.path("secret.yaml")).is_ok() {
        // Root reads everything, so somebody else has to try: with a copy of the program where anybody may run it.
        let program = folder.path("lumen");
        std::fs::copy(env!("CARGO_BIN_EXE_lumen"), &program).expect("a copy");
        let mut command = Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
        command.arg(&program).args(["check", "-o", "concise", "."]).current_dir(folder.root());
        clean(&mut command);
        if Command::new("setpriv").arg("--version").output().is_err() {
            assert!(
                std::env::var("CI").as_deref() != Ok("true"),
                "setpriv is needed to run as somebody else"
            );
            println!("skipped: root reads everything, and there is no setpriv to run as somebody else");
            return;
        }
        run(&mut command, b"")
    } else {
        folder.run("check -o concise .")
    };
    std::fs::set_permissions(folder.path("closed"), std::fs::Permissions::from_mode(0o755))
        .expect("for the clean-up");
    outcome
        .expect(2)
        .expect_line(&["secret.yaml", "input/unreadable", "no permission"])
        .expect_line(&["closed", "input/unreadable", "no permission"])
        .expect_line(&["good.yaml", "privileged"]);
}

#[test]
fn a_folder_of_a_hundred_thousand_entries() {
    let folder = Folder::new(&[("good.yaml", PRIVILEGED)]);
    for number in 0..100_000 {
        std::fs::File::create(folder.path(&format!("{number}.yaml"))).expect("is made");
    }
    let outcome = folder.run("check -o concise .");
    outcome.expect(1).expect_line(&["good.yaml", "privileged"]);
    let outcome = folder.run("check -o concise --max-files 1000 .");
    outcome.expect(2).expect_line(&["input/too-many-files", "more files than 1000"]);
}

#[test]
fn missing_and_nameless() {
    let folder = Folder::new(&[("good.yaml", PRIVILEGED)]);
    let outcome = folder.run("check -o concise no-such.yaml good.yaml");
    outcome
        .expect(2)
        .expect_line(&["no-such.yaml", "input/unreadable"])
        .expect_line(&["good.yaml", "privileged"]);
    let outcome = folder.run("check https://example.com/a.yaml");
    outcome.expect(2).expect_note("nothing here reaches for the network; download it first");
    assert_eq!(outcome.stdout, "");
}

#[test]
fn an_object_of_the_wrong_shape_is_read_and_would_be_refused() {
    let folder =
        Folder::new(&[("pod.yaml", &PRIVILEGED.replace("privileged: true", "privileged: \"true\""))]);
    folder.run("check -o concise --fail-on deny .").expect(1).expect_line(&[
        "pod.yaml:10",
        "input/malformed-object",
        "deny",
    ]);
    folder.run("check --fail-on never .").expect(0);
}

#[test]
fn good_documents_around_a_bad_one_are_checked() {
    let text = format!("{PRIVILEGED}---\na: [\n---\n{}", PRIVILEGED.replace("agent", "other"));
    let folder = Folder::new(&[("all.yaml", &text)]);
    let outcome = folder.run("check -o concise all.yaml");
    outcome
        .expect(2)
        .expect_line(&["all.yaml:10", "privileged"])
        .expect_line(&["container `other` runs privileged"]);
}

#[cfg(target_os = "linux")]
#[test]
fn names_that_are_no_utf8_are_shown_as_they_can_be() {
    use std::os::unix::ffi::OsStrExt;
    let folder = Folder::new(&[]);
    for name in [&b"a\xff.yaml"[..], b"a\xfe.yaml"] {
        let path = folder.root().join(std::ffi::OsStr::from_bytes(name));
        std::fs::write(path, PRIVILEGED).expect("is written");
    }
    let outcome = folder.run("check -o concise .");
    outcome
        .expect(1)
        .expect_line(&["a\u{fffd}.yaml:10", "privileged"])
        .expect_line(&["a\u{fffd}.yaml (2):10", "privileged"]);
}
