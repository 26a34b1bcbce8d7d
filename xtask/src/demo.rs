//! `demo`: the main job on `examples/`, with nothing but cargo.

use anyhow::{Context, Result, bail};

use crate::workspace::{build_lumen, command};

/// A call of lumen, and what it shows.
struct Scene {
    says: &'static str,
    arguments: &'static [&'static str],
    /// The exit code that it must have.
    code: i32,
    /// What the code means, where it is not zero.
    meaning: &'static str,
}

const SCENES: &[Scene] = &[
    Scene {
        says: "The shop: an application in several tiers whose manifests are as they should be.",
        arguments: &["check", "examples/shop"],
        code: 0,
        meaning: "",
    },
    Scene {
        says: "The attacks, a line for each finding: what the cluster would refuse, and what it would let in.",
        arguments: &["check", "--output", "concise", "examples/attacks"],
        code: 1,
        meaning: "as it should be: some of these the cluster refuses",
    },
    Scene {
        says: "One of them in full: the place, the reason, and how to mend it.",
        arguments: &["check", "examples/attacks/namespaces.yaml", "examples/attacks/2.1-privileged.yaml"],
        code: 1,
        meaning: "as it should be: the cluster refuses this pod",
    },
    Scene {
        says: "The rule behind it.",
        arguments: &["explain", "pod-security/privileged"],
        code: 0,
        meaning: "",
    },
    Scene {
        says: "Who reaches whom in the shop.",
        arguments: &["net", "list", "examples/shop"],
        code: 0,
        meaning: "",
    },
    Scene {
        says: "Why redis does not reach the api: what isolates them, and the rules that come nearest.",
        arguments: &["net", "why", "shop/redis", "shop/api", "8080", "-f", "examples/shop"],
        code: 1,
        meaning: "as it should be: the connection is denied",
    },
];

pub(crate) fn run() -> Result<()> {
    let lumen = build_lumen()?;
    for scene in SCENES {
        println!("\n# {}", scene.says);
        println!("$ lumen {}", scene.arguments.join(" "));
        let status = command(&lumen)
            .args(scene.arguments)
            .status()
            .with_context(|| format!("cannot start `{}`", lumen.display()))?;
        if status.code() != Some(scene.code) {
            bail!("`lumen {}` ended with {status} instead of {}", scene.arguments.join(" "), scene.code);
        }
        if scene.code != 0 {
            println!("(exit code {}, {})", scene.code, scene.meaning);
        }
    }
    println!("\nThe binary is {}; try `lumen check --help`.", lumen.display());
    Ok(())
}
