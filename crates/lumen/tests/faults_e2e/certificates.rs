//! Faults of certificates and of the clocks that they are made by.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rcgen::{BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair};
use serde_json::json;

use crate::kubectl::until;
use crate::{Wish, World, counted};

const SECRET: [&str; 4] = ["-n", "lumen-system", "secret", "lumen-webhook-certificate"];
const DAY: i64 = 86_400;

/// What a Secret is replaced by: from when to when authority and certificate are valid, in days from now.
const CASES: &[(&str, [i64; 2], [i64; 2])] = &[
    ("certificate has ended", [-100, 1_000], [-90, -1]),
    ("certificate is not valid yet", [-100, 1_000], [10, 100]),
    ("authority has ended", [-1_000, -1], [-90, 90]),
    ("authority is not valid yet", [10, 1_000], [10, 100]),
];

/// The Secret is replaced by one whose certificates no API server takes.
pub(crate) fn unusable(world: &World) {
    for (what, authority, serving) in CASES {
        let mut took = Duration::ZERO;
        let seen = world.under_load(|load| {
            let secret = secret(*authority, *serving);
            let began = Instant::now();
            world.cluster.must_reading(&secret, &["apply", "--server-side", "--force-conflicts", "-f", "-"]);
            until("the certificate is replaced", || is_valid(world));
            took = began.elapsed();
            load.goes_on();
        });
        assert_eq!(seen.uncalled, 0, "{what}: {}", seen.last_failure);
        println!("{what}: {}, {took:?}", counted(&seen));
        world.row("certificates in the Secret of another time", format!("{what}: {}", counted(&seen)), took);
    }
    is_stable(world);
}

/// A replica whose clock is a hundred days ahead changes nothing, and what it makes is valid.
pub(crate) fn clock_ahead(world: &World) {
    let Some(library) = clock(world.cluster.folder()) else {
        println!("skipped: there is no `cc` to make a clock that is ahead");
        return;
    };
    let ahead = (100 * DAY).to_string();
    let wish = Wish {
        is_aside: true,
        environment: vec![("LD_PRELOAD", library), ("CLOCK_AHEAD", PathBuf::from(ahead))],
        ..Wish::default()
    };
    world.pod("lumen-ahead");
    let before = version(world);
    let replica = world.cluster.replica_with("lumen-ahead", &wish);
    let says = replica.log();
    let year = says.lines().find_map(|line| line.split_once(r#""timestamp":""#)).map(|(_, rest)| rest);
    println!("the clock that is ahead: {year:?}");
    is_stable(world);
    assert_eq!(version(world), before, "it changes nothing");
    let mut took = Duration::ZERO;
    let seen = world.under_load(|load| {
        let began = Instant::now();
        world.cluster.must(&[&["delete"], &SECRET[..2], &SECRET[2..]].concat());
        until("there is a valid certificate again", || is_valid(world));
        took = began.elapsed();
        load.goes_on();
    });
    assert_eq!(seen.uncalled, 0, "{}", seen.last_failure);
    is_stable(world);
    drop(replica);
    world.leave("lumen-ahead");
    world.row(
        "a replica's clock 100 days ahead, certificate made anew",
        format!("it goes by the API server's clock, and replaces nothing; {}", counted(&seen)),
        took,
    );
}

/// The replicas agree: for some seconds nobody writes the Secret.
fn is_stable(world: &World) {
    let mut last = version(world);
    until("nobody writes the Secret", || {
        std::thread::sleep(Duration::from_secs(3));
        let now = version(world);
        std::mem::replace(&mut last, now.clone()) == now
    });
}

fn version(world: &World) -> String {
    world.cluster.get(&SECRET)["metadata"]["resourceVersion"].to_string()
}

/// Whether what the Secret holds is valid now, authority and certificate.
fn is_valid(world: &World) -> bool {
    let secret = world.cluster.get(&SECRET);
    ["ca.crt", "tls.crt"].iter().all(|key| {
        let Some(text) = secret["data"][key].as_str() else { return false };
        let folder = world.cluster.folder();
        std::fs::write(folder.join("certificate.b64"), text).expect("a file");
        let command = "base64 -d certificate.b64 | openssl x509 -noout -startdate -enddate";
        let output = Command::new("sh").args(["-c", command]).current_dir(folder).output().expect("openssl");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let date = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name))?;
            let output = Command::new("date").args(["-u", "-d", line, "+%s"]).output().ok()?;
            String::from_utf8_lossy(&output.stdout).trim().parse::<i64>().ok()
        };
        let (Some(from), Some(to)) = (date("notBefore="), date("notAfter=")) else { return false };
        (from..=to).contains(&now())
    })
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock");
    i64::try_from(since.as_secs()).expect("this millennium")
}

/// A Secret as the server makes it, but for its times.
fn secret(authority: [i64; 2], serving: [i64; 2]) -> String {
    let timed = |params: &mut CertificateParams, [from, to]: [i64; 2]| {
        let at = |days: i64| {
            let seconds = u64::try_from(now() + days * DAY).expect("after 1970");
            rcgen::date_time_ymd(1970, 1, 1) + Duration::from_secs(seconds)
        };
        (params.not_before, params.not_after) = (at(from), at(to));
    };
    let named = |name: &str| {
        let mut subject = DistinguishedName::new();
        subject.push(DnType::CommonName, name);
        subject
    };
    let mut of_authority = CertificateParams::default();
    of_authority.distinguished_name = named("lumen-webhook-authority");
    of_authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    timed(&mut of_authority, authority);
    let authority_key = KeyPair::generate().expect("a key");
    let of_authority_certificate = of_authority.self_signed(&authority_key).expect("a certificate");
    let authority_pem = authority_key.serialize_pem();
    let issuer = Issuer::new(of_authority, authority_key);
    let names = [".svc", ".svc.cluster.local", ""].map(|end| format!("lumen-webhook.lumen-system{end}"));
    let mut of_serving = CertificateParams::new(names.to_vec()).expect("names");
    timed(&mut of_serving, serving);
    let key = KeyPair::generate().expect("a key");
    let certificate = of_serving.signed_by(&key, &issuer).expect("a certificate");
    json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "kubernetes.io/tls",
        "metadata": {"name": "lumen-webhook-certificate", "namespace": "lumen-system"},
        "stringData": {
            "ca.crt": of_authority_certificate.pem(),
            "ca.key": authority_pem,
            "tls.crt": certificate.pem(),
            "tls.key": key.serialize_pem(),
        },
    })
    .to_string()
}

/// A library that puts a program's clock ahead; `None` where it cannot be made.
fn clock(folder: &Path) -> Option<PathBuf> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/faults_e2e/clock.c");
    let library = folder.join("clock.so");
    let mut command = Command::new("cc");
    command.args(["-shared", "-fPIC", "-o"]).arg(&library).arg(source).arg("-ldl");
    command.status().is_ok_and(|status| status.success()).then_some(library)
}
