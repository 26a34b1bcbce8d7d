//! `image`: Lumen's OCI image, made without a container engine: one layer with one static file.
//!
//! The archive is an OCI image layout that `docker load` reads, too. `ctr -n k8s.io images import` takes it, K3s imports it from
//! `/var/lib/rancher/k3s/agent/images/`. The same binary gives the same bytes, on every machine.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use clap::Args;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::workspace::{build_quick_static, build_static, target};

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The image's name and tag; may be repeated, for an image with several names
    #[arg(long = "name", default_value = concat!("localhost:5000/lumen:", env!("CARGO_PKG_VERSION")))]
    names: Vec<String>,
    /// Where to write the archive; `target/lumen-image.tar` if it is not named
    #[arg(long)]
    output: Option<PathBuf>,
    /// A static binary that is built already
    #[arg(long, conflicts_with = "quick")]
    binary: Option<PathBuf>,
    /// Build for tests: in a fraction of the time, and not optimised
    #[arg(long)]
    quick: bool,
    /// The processor that the binary is for, in Go's words
    #[arg(long, default_value = "amd64")]
    architecture: String,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let binary = match &options.binary {
        Some(binary) => binary.clone(),
        None if options.quick => build_quick_static()?,
        None => build_static()?,
    };
    let output = options.output.clone().unwrap_or_else(|| target().join("lumen-image.tar"));
    write(&binary, &options.names, &options.architecture, &output)
}

/// An image for tests, of these names, at `output`.
pub(crate) fn quick(names: &[String], output: &Path) -> Result<()> {
    write(&build_quick_static()?, names, "amd64", output)
}

fn write(binary: &Path, names: &[String], architecture: &str, output: &Path) -> Result<()> {
    warn_if_dynamic(binary);
    let program = std::fs::read(binary).with_context(|| format!("cannot read `{}`", binary.display()))?;
    let archive = archive(&program, names, architecture)?;
    std::fs::write(output, &archive).with_context(|| format!("cannot write `{}`", output.display()))?;
    println!("{} ({} bytes, {})", output.display(), archive.len(), names.join(", "));
    Ok(())
}

fn warn_if_dynamic(binary: &Path) {
    let output = Command::new("ldd").arg(binary).output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    if text.contains("=>") {
        eprintln!("`{}` is not static: it will not run in an empty image", binary.display());
    }
}

/// The whole archive.
fn archive(program: &[u8], names: &[String], architecture: &str) -> Result<Vec<u8>> {
    let mut layer = Vec::new();
    entry(&mut layer, "lumen", 0o755, program)?;
    end(&mut layer);
    let layer_digest = hex(&layer);
    let config = json!({
        "architecture": architecture,
        "os": "linux",
        "created": "1970-01-01T00:00:00Z",
        "config": {
            "User": "65533",
            "Entrypoint": ["/lumen"],
            "WorkingDir": "/",
            "Labels": {"org.opencontainers.image.title": "lumen", "org.opencontainers.image.licenses": "Apache-2.0"},
        },
        "rootfs": {"type": "layers", "diff_ids": [format!("sha256:{layer_digest}")]},
        "history": [{"created": "1970-01-01T00:00:00Z", "created_by": "cargo xtask image"}],
    })
    .to_string()
    .into_bytes();
    let descriptor = |kind: &str, bytes: &[u8]| json!({"mediaType": kind, "digest": format!("sha256:{}", hex(bytes)), "size": bytes.len()});
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": descriptor("application/vnd.oci.image.config.v1+json", &config),
        "layers": [descriptor("application/vnd.oci.image.layer.v1.tar", &layer)],
    })
    .to_string()
    .into_bytes();
    // The same manifest once for each name.
    let named = |name: &String| {
        let tag = name.rsplit_once(':').map_or("latest", |(_, tag)| tag);
        let mut of_manifest = descriptor(MANIFEST, &manifest);
        if let Some(fields) = of_manifest.as_object_mut() {
            let names = json!({"io.containerd.image.name": name, "org.opencontainers.image.ref.name": tag});
            fields.insert("annotations".into(), names);
            fields.insert("platform".into(), json!({"architecture": architecture, "os": "linux"}));
        }
        of_manifest
    };
    let manifests: Vec<Value> = names.iter().map(named).collect();
    let index = json!({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": manifests});
    let blob = |bytes: &[u8]| format!("blobs/sha256/{}", hex(bytes));
    let docker: Value = json!([{"Config": blob(&config), "RepoTags": names, "Layers": [blob(&layer)]}]);
    let mut out = Vec::new();
    for (path, bytes) in [
        ("oci-layout".to_owned(), br#"{"imageLayoutVersion":"1.0.0"}"#.as_slice()),
        ("index.json".to_owned(), index.to_string().as_bytes()),
        ("manifest.json".to_owned(), docker.to_string().as_bytes()),
        (blob(&config), &config),
        (blob(&manifest), &manifest),
        (blob(&layer), &layer),
    ] {
        entry(&mut out, &path, 0o644, bytes)?;
    }
    end(&mut out);
    Ok(out)
}

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

fn hex(bytes: &[u8]) -> String {
    let digits: Vec<String> = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    digits.concat()
}

/// Bytes of a block of a tar archive.
const BLOCK: usize = 512;

/// Appends a file to a tar archive (POSIX ustar): of root, of 1970.
fn entry(out: &mut Vec<u8>, path: &str, mode: u32, bytes: &[u8]) -> Result<()> {
    let size = u64::try_from(bytes.len())?;
    anyhow::ensure!(path.len() < 100 && size < 1 << 33, "`{path}` does not fit into a tar archive");
    let mut header = Vec::with_capacity(BLOCK);
    let mut field = |text: String, width: usize| {
        header.extend_from_slice(text.as_bytes());
        header.resize(header.len() + width - text.len(), 0);
    };
    field(path.to_owned(), 100);
    field(format!("{mode:07o}"), 8);
    field(format!("{:07o}", 0), 8);
    field(format!("{:07o}", 0), 8);
    field(format!("{size:011o}"), 12);
    field(format!("{:011o}", 0), 12);
    // The sum counts its own field as spaces.
    field(" ".repeat(8), 8);
    field("0".to_owned(), 1);
    field(String::new(), 100);
    field("ustar".to_owned(), 6);
    field("00".to_owned(), 2);
    header.resize(BLOCK, 0);
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header.splice(148..156, format!("{sum:06o}\0 ").into_bytes());
    out.extend_from_slice(&header);
    out.extend_from_slice(bytes);
    out.resize(out.len().next_multiple_of(BLOCK), 0);
    Ok(())
}

fn end(out: &mut Vec<u8>) {
    out.resize(out.len() + 2 * BLOCK, 0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_binary_gives_the_same_bytes() {
        let names = ["localhost/lumen:1".to_owned(), "localhost/lumen:2".to_owned()];
        let make = || archive(b"program", &names, "amd64").expect("an archive");
        let bytes = make();
        assert_eq!(bytes, make());
        assert_eq!(bytes.len() % BLOCK, 0);
        let text = String::from_utf8_lossy(&bytes);
        assert!(
            text.contains(r#""User":"65533""#)
                && text.contains(r#""RepoTags":["localhost/lumen:1","localhost/lumen:2"]"#)
        );
    }
}
