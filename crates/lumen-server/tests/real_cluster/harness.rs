//! A real API server for tests, and questions to it.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use lumen_core::admission::webhook::{Answer, Webhook};
use lumen_server::api::{Api, ApiError, Ownership, Resource};
use lumen_server::state::{Current, State};
use lumen_value::Value;
use lumen_value::read::{Limits, read};

#[path = "../../../../tests/e2e/programs.rs"]
mod programs;

use programs::{cache, has_ended, is_bounded, missing_programs, script};

/// etcd and an API server, until it is dropped. One at a time: together they would be slow.
pub(crate) struct ApiServer {
    run: PathBuf,
    has_controllers: bool,
    /// What up.sh is told besides.
    variables: Vec<(&'static str, OsString)>,
    _alone: MutexGuard<'static, ()>,
}

static ALONE: Mutex<()> = Mutex::new(());

impl ApiServer {
    /// Starts them; `None`, and the reason on the screen, where the programs are not there.
    pub(crate) fn start(name: &str) -> Option<Self> {
        Self::with(name, &["etcd", "kube-apiserver"], Vec::new())
    }

    /// The same, with variables for up.sh.
    pub(crate) fn start_with_variables(name: &str, variables: Vec<(&'static str, OsString)>) -> Option<Self> {
        Self::with(name, &["etcd", "kube-apiserver"], variables)
    }

    /// The same with the controllers that clean up, among others.
    pub(crate) fn start_with_controllers(name: &str) -> Option<Self> {
        let programs = ["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl"];
        Self::with(name, &programs, Vec::new())
    }

    fn with(name: &str, programs: &[&str], variables: Vec<(&'static str, OsString)>) -> Option<Self> {
        let filter = tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "off".into());
        // `RUST_LOG=lumen_server=debug` shows what the server says.
        let _is_first = tracing_subscriber::fmt().with_env_filter(filter).with_test_writer().try_init();
        if let Some(missing) = missing_programs(programs) {
            println!("skipped: {missing}");
            return None;
        }
        if is_bounded() {
            println!("skipped: etcd needs an address space without a bound (`ulimit -v`)");
            return None;
        }
        let run = std::env::temp_dir().join(format!("lumen-{name}-{}", std::process::id()));
        let has_controllers = programs.len() > 2;
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let server = Self { run, has_controllers, variables, _alone: alone };
        server.up();
        Some(server)
    }

    /// Starts what is not running.
    pub(crate) fn up(&self) {
        let mut command = Command::new(script("up.sh"));
        command.arg(cache()).arg(&self.run).env("API_SERVER_ALONE", (!self.has_controllers).to_string());
        command.envs(self.variables.iter().map(|(name, value)| (*name, value)));
        assert!(command.status().expect("up.sh").success(), "the API server does not start");
    }

    /// Ends the API server in order, and starts it again.
    pub(crate) fn restart(&self) {
        let file = self.run.join("pid/kube-apiserver");
        let text = std::fs::read_to_string(&file).expect("a process");
        let id = text.split_whitespace().next().expect("a number").to_owned();
        assert!(Command::new("kill").args(["-TERM", &id]).status().expect("kill").success());
        // It waits for open watches as long as a request may take, a minute.
        let end = Instant::now() + Duration::from_secs(3);
        while !has_ended(&id) {
            if Instant::now() > end {
                // It may have ended by itself this very moment.
                let _is_killed = Command::new("kill").args(["-KILL", &id]).status();
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        self.up();
    }

    /// Forgets what was before the newest revision, as etcd does from time to time.
    pub(crate) fn compact(&self) {
        let settings = std::fs::read_to_string(self.run.join("settings")).expect("settings");
        let port = settings.lines().find_map(|line| line.strip_prefix("port_etcd=")).expect("a port");
        let post = |path: &str, body: &str| {
            let url = format!("http://127.0.0.1:{port}/v3/kv/{path}");
            let output =
                Command::new("curl").args(["-sS", "-X", "POST", "-d", body, &url]).output().expect("curl");
            String::from_utf8_lossy(&output.stdout).into_owned()
        };
        let answer = post("range", r#"{"key":"YQ=="}"#);
        let revision = answer.split(r#""revision":""#).nth(1).and_then(|rest| rest.split('"').next());
        let revision = revision.unwrap_or_else(|| panic!("no revision in {answer}"));
        post("compaction", &format!(r#"{{"revision":"{revision}","physical":true}}"#));
    }

    /// An administrator's way to it.
    pub(crate) async fn api(&self) -> Api {
        self.api_as(None).await
    }

    /// The same as another user, of some groups.
    pub(crate) async fn api_as_one_of(&self, user: &str, groups: &[&str]) -> Api {
        self.api_of(Some(user), groups).await
    }

    /// The same as another user, who may do what that one may.
    pub(crate) async fn api_as(&self, user: Option<&str>) -> Api {
        self.api_of(user, &[]).await
    }

    async fn api_of(&self, user: Option<&str>, groups: &[&str]) -> Api {
        Api::new(self.client_of(user, groups).await)
    }

    /// A log of its own.
    pub(crate) fn log(&self, name: &str) -> PathBuf {
        self.run.join("log").join(name)
    }

    /// The client under it.
    pub(crate) async fn client(&self, user: Option<&str>) -> kube::Client {
        self.client_of(user, &[]).await
    }

    async fn client_of(&self, user: Option<&str>, groups: &[&str]) -> kube::Client {
        // Whoever comes second finds it installed.
        let _is_first = rustls::crypto::ring::default_provider().install_default();
        let file = kube::config::Kubeconfig::read_from(self.run.join("kubeconfig")).expect("a kubeconfig");
        let options = kube::config::KubeConfigOptions::default();
        let mut config = kube::Config::from_custom_kubeconfig(file, &options).await.expect("a configuration");
        config.auth_info.impersonate = user.map(str::to_owned);
        let groups: Vec<String> = groups.iter().map(|group| (*group).to_owned()).collect();
        config.auth_info.impersonate_groups = Some(groups).filter(|groups| !groups.is_empty());
        kube::Client::try_from(config).expect("a client")
    }
}

impl Drop for ApiServer {
    fn drop(&mut self) {
        let is_down =
            Command::new(script("down.sh")).arg(&self.run).status().is_ok_and(|status| status.success());
        if is_down {
            // A folder that stays does no harm.
            let _is_removed = std::fs::remove_dir_all(&self.run);
        }
    }
}

pub(crate) fn yaml(text: &str) -> Value {
    let reading = read(text.as_bytes(), &Limits::default());
    assert!(reading.errors.is_empty(), "{:?} in {text}", reading.errors);
    reading.documents.into_iter().next().expect("a document").value
}

pub(crate) fn text<'a>(value: &'a Value, path: &[&str]) -> &'a str {
    let found = path.iter().try_fold(value, |value, key| value.get(key));
    found.and_then(Value::as_str).unwrap_or_default()
}

/// Applies an object; its kind may have been defined a moment ago.
pub(crate) async fn apply(api: &Api, resource: &Resource, object: &Value) -> Value {
    let namespace = text(object, &["metadata", "namespace"]);
    let at =
        resource.at(Some(namespace).filter(|name| !name.is_empty()), text(object, &["metadata", "name"]));
    let end = Instant::now() + Duration::from_secs(30);
    loop {
        match api.apply_as(&at, object, Ownership::Forced, "test").await {
            Ok(applied) => return applied,
            Err(error @ (ApiError::NotFound(_) | ApiError::Unavailable(_))) if Instant::now() < end => {
                let _ = error;
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            Err(error) => panic!("{} cannot be applied: {error}", object.to_json()),
        }
    }
}

/// Waits until something holds of the newest state; how long that took.
pub(crate) async fn until(current: &Current, what: &str, holds: impl Fn(&State) -> bool) -> Duration {
    let began = Instant::now();
    while !holds(&current.get()) {
        let waited = began.elapsed();
        assert!(
            waited < Duration::from_mins(1),
            "not within {waited:?}: {what}; {:?}",
            current.get().degraded
        );
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    began.elapsed()
}

/// Waits until something holds of an object as the API server has it.
pub(crate) async fn until_object(
    api: &Api,
    resource: Resource,
    name: &str,
    what: &str,
    holds: impl Fn(&Value) -> bool,
) -> Value {
    let began = Instant::now();
    let mut last = Value::Null;
    while began.elapsed() < Duration::from_mins(1) {
        if let Ok(object) = api.get(&resource.at(None, name)).await {
            if holds(&object) {
                return object;
            }
            last = object;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("not within a minute: {what}; {}", last.to_json())
}

/// What the webhook says of a new object in a namespace.
pub(crate) fn ask(state: &State, namespace: &str, object: &Value) -> Answer {
    let (api_version, kind) = (text(object, &["apiVersion"]), text(object, &["kind"]));
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    let gvk: Value = [("group", group.into()), ("version", version.into()), ("kind", kind.into())].into();
    let request: Value = [
        ("uid", "u".into()),
        ("kind", gvk),
        ("name", text(object, &["metadata", "name"]).into()),
        ("namespace", namespace.into()),
        ("operation", "CREATE".into()),
        ("userInfo", [("username", "somebody".into())].into()),
        ("object", object.clone()),
        ("oldObject", Value::Null),
    ]
    .into();
    let webhook = Webhook {
        policies: &state.policies,
        inventory: &state.inventory,
        namespaces: state,
        own_user: "nobody",
        time_ns: 0,
    };
    webhook.answer(&request)
}

pub(crate) fn denies(state: &State, namespace: &str, object: &Value) -> bool {
    ask(state, namespace, object).code == 403
}

/// A writer of a state that runs until it is dropped.
pub(crate) struct Running {
    pub(crate) current: Arc<Current>,
    task: tokio::task::JoinHandle<()>,
}

impl Running {
    pub(crate) fn start(api: Api, settings: lumen_server::cluster::Settings) -> Self {
        let current = Arc::new(Current::default());
        let metrics = lumen_server::cluster::metrics::ClusterMetrics::registered(
            &mut prometheus_client::registry::Registry::default(),
        );
        let task = tokio::spawn(lumen_server::cluster::run(
            api,
            settings,
            current.clone(),
            metrics,
            std::future::pending(),
        ));
        Self { current, task }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}
