//! [`configuration`]: which API server is meant, and what keeps one from being known.

use std::io;
use std::path::{Path, PathBuf};

use kube::Config;
use kube::config::{KubeConfigOptions, Kubeconfig, KubeconfigError};

/// Why it is not known which API server is meant. Each is one short line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigurationError {
    /// Nothing names a cluster.
    #[error(
        "no cluster is configured: neither KUBECONFIG nor ~/.kube/config is there, and this is no pod; {0}"
    )]
    Missing(&'static str),
    /// A file cannot be read.
    #[error("cannot read `{}`{by}: {reason}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What names it, as a clause.
        by: &'static str,
        /// What the system says.
        reason: String,
    },
    /// There is no context of a name.
    #[error("the kubeconfig has no context `{name}`; it has: {has}")]
    NoContext {
        /// The name.
        name: String,
        /// Those that there are.
        has: String,
    },
    /// Something else is wrong with the kubeconfig.
    #[error("the kubeconfig cannot be used: {0}")]
    Unusable(String),
}

/// As the file and the context say that are given; else as `KUBECONFIG` does, `~/.kube/config`, or the pod that this is. What to do
/// where there is none of them is told by a remedy.
pub async fn configuration(
    file: Option<&Path>,
    context: Option<&str>,
    remedy: &'static str,
) -> Result<Config, ConfigurationError> {
    let is_open = file.is_none() && context.is_none();
    let kubeconfig = match file {
        Some(path) => {
            Kubeconfig::read_from(path).map_err(|error| unreadable(&error, ", which `--kubeconfig` names"))?
        }
        None => {
            match Kubeconfig::from_env().map_err(|error| unreadable(&error, ", which KUBECONFIG names"))? {
                Some(kubeconfig) => kubeconfig,
                None => match Kubeconfig::read() {
                    Ok(kubeconfig) => kubeconfig,
                    Err(error) if is_missing(&error) => {
                        let pod = is_open.then(|| Config::incluster().ok()).flatten();
                        return pod.ok_or(ConfigurationError::Missing(remedy));
                    }
                    Err(error) => return Err(unreadable(&error, "")),
                },
            }
        }
    };
    match chosen(kubeconfig, context).await {
        // A file that a pod does not need may be any.
        Err(error) if is_open => Config::incluster().map_err(|_| error),
        chosen => chosen,
    }
}

async fn chosen(kubeconfig: Kubeconfig, context: Option<&str>) -> Result<Config, ConfigurationError> {
    let has: Vec<_> = kubeconfig.contexts.iter().map(|each| each.name.as_str()).collect();
    if let Some(name) = context.or(kubeconfig.current_context.as_deref())
        && !has.contains(&name)
    {
        let has = if has.is_empty() { "none".to_owned() } else { has.join(", ") };
        return Err(ConfigurationError::NoContext { name: name.to_owned(), has });
    }
    let options = KubeConfigOptions { context: context.map(str::to_owned), ..KubeConfigOptions::default() };
    let config = Config::from_custom_kubeconfig(kubeconfig, &options).await;
    config.map_err(|error| ConfigurationError::Unusable(error.to_string()))
}

fn is_missing(error: &KubeconfigError) -> bool {
    match error {
        KubeconfigError::FindPath => true,
        KubeconfigError::ReadConfig(error, _) => error.kind() == io::ErrorKind::NotFound,
        _ => false,
    }
}

fn unreadable(error: &KubeconfigError, by: &'static str) -> ConfigurationError {
    match error {
        KubeconfigError::ReadConfig(reason, path) => ConfigurationError::Unreadable {
            path: path.clone(),
            by,
            reason: match reason.kind() {
                io::ErrorKind::NotFound => "there is no such file".to_owned(),
                _ => reason.to_string(),
            },
        },
        other => ConfigurationError::Unusable(other.to_string()),
    }
}
