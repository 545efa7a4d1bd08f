//! The service as a whole: what it opens, in which order, and how it ends.

use std::{net::SocketAddr, time::Duration};

use actix::Recipient;
use actors::{
    fleet_registry::Discover,
    messages::candidates::{Configured, FleetsLoaded},
    supervisor::BudgetSpent,
};
use secrecy::SecretString;
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
};

use crate::{
    clock,
    control::{self, Gate},
    exit::{Exit, Failure},
    fleets::{FleetSource, FleetWatcher, Loaded},
    network,
    node::RpcClient,
    settings::Settings,
    state::{StateDir, StateError},
    wiring,
};

/// The pause between two looks at the fleet file.
const FLEET_FILE_INTERVAL: Duration = Duration::from_secs(5);

/// For how long requests to the control API may go on after the stop.
const GRACE: Duration = Duration::from_secs(3);

/// A running sidecar.
pub struct Running {
    /// The actors, for whoever runs the sidecar inside their own process.
    pub control: control::Ports,
    /// Who may ask the control API: another token can be set while it runs.
    pub gate: Gate,
    /// Where the control API listens, unless it is off.
    pub address: Option<SocketAddr>,
    /// The registry, for a configuration that was read again.
    pub configured: Recipient<Configured>,
    stop: Option<oneshot::Sender<()>>,
    api: Option<JoinHandle<std::io::Result<()>>>,
    /// The fleet file, the clocks and the network are listened to.
    senses: [JoinHandle<()>; 3],
    spent: mpsc::UnboundedReceiver<BudgetSpent>,
}

impl Running {
    /// Opens what the settings name, then starts the actors. `seed` makes their draws repeatable.
    ///
    /// # Errors
    ///
    /// Nothing was started: 64 for settings that cannot be right, 71 for a port or directory that
    /// cannot be used.
    pub async fn start(settings: &Settings, seed: Option<u64>) -> Result<Self, Failure> {
        Self::start_with(settings, seed, clock::system()).await
    }

    /// As [`Self::start`], beside a simulation that may be broken over the control API.
    ///
    /// # Errors
    ///
    /// The same.
    pub async fn start_playground(
        settings: &Settings,
        seed: u64,
        playground: control::PlaygroundPorts,
    ) -> Result<Self, Failure> {
        Self::open(settings, Some(seed), clock::system(), Some(playground)).await
    }

    /// As [`Self::start`], with other clocks than those of the system.
    ///
    /// # Errors
    ///
    /// The same.
    pub async fn start_with(
        settings: &Settings,
        seed: Option<u64>,
        clock: clock::Source,
    ) -> Result<Self, Failure> {
        Self::open(settings, seed, clock, None).await
    }

    async fn open(
        settings: &Settings,
        seed: Option<u64>,
        clock: clock::Source,
        playground: Option<control::PlaygroundPorts>,
    ) -> Result<Self, Failure> {
        let (watcher, loaded) = open_fleets(settings)?;
        let rpc = RpcClient::new(&settings.node)
            .map_err(|error| Exit::Usage.because(format!("node.rpc_url: {error}")))?;
        check_password(settings)?;
        let gate = Gate::new(control_token(settings)?.as_ref());
        let state = open_state(settings)?;
        let listener = match settings.control.listen.address() {
            Some(address) => Some(control::bind(address).await.map_err(unusable)?),
            None => None,
        };
        let mut service = wiring::start(settings, &rpc, state, seed);
        service.control.playground = playground;
        take_over(&service.fleets, loaded);
        let senses = [
            actix_rt::spawn(watch(watcher, service.fleets.clone())),
            actix_rt::spawn(clock::tell(clock, service.clocks)),
            actix_rt::spawn(network::tell(service.network)),
        ];
        let address = listener.as_ref().and_then(|it| it.local_addr().ok());
        let (stop, stopped) = oneshot::channel();
        let api = listener.map(|listener| {
            let config = control::Config {
                accept_signals: settings.accepts_signals(),
                playground: service.control.playground.is_some(),
                gate: gate.clone(),
            };
            let stopped = async { drop(stopped.await) };
            let ports = service.control.clone();
            actix_rt::spawn(control::serve(listener, config, ports, stopped))
        });
        Ok(Self {
            control: service.control,
            gate,
            address,
            configured: service.configured,
            stop: Some(stop),
            api,
            senses,
            spent: service.spent,
        })
    }

    /// Runs until `shutdown` is done, an actor fails too often, or the control API ends by itself.
    ///
    /// # Errors
    ///
    /// 70 in all cases but the first.
    pub async fn until(mut self, shutdown: impl Future<Output = ()>) -> Result<(), Failure> {
        let ended = tokio::select! {
            () = shutdown => Ok(()),
            Some(spent) = self.spent.recv() => Err(Exit::Internal.because(spent)),
            reason = ended(&mut self.api) => Err(Exit::Internal.because(format!("control API: {reason}"))),
        };
        tracing::info!("stopping");
        self.senses.iter().for_each(JoinHandle::abort);
        drop(self.stop.take());
        if let Some(api) = self.api.take()
            && tokio::time::timeout(GRACE, api).await.is_err()
        {
            tracing::warn!(grace = ?GRACE, "control API cut off");
        }
        ended
    }
}

/// Why the control API ended; there is none any more then.
async fn ended(api: &mut Option<JoinHandle<std::io::Result<()>>>) -> String {
    let Some(serving) = api else {
        return std::future::pending().await;
    };
    let ended = serving.await;
    *api = None;
    match ended {
        Ok(Ok(())) => "it ended".to_owned(),
        Ok(Err(error)) => error.to_string(),
        Err(panic) => panic.to_string(),
    }
}

/// Reads the fleet file, and checks that the configured fleet is in it.
///
/// # Errors
///
/// 64 if either cannot be right.
pub fn open_fleets(settings: &Settings) -> Result<(FleetWatcher, Loaded), Failure> {
    let source = FleetSource::resolve(&settings.fleet.file);
    let opened = FleetWatcher::open(source)
        .map_err(|error| Exit::Usage.because(format!("fleet.file: {error}")))?;
    check_fleet(settings, &opened.1)?;
    Ok(opened)
}

/// Checks that the password of the node can be used, where one is configured.
///
/// # Errors
///
/// 64 if it cannot: the file and the reason, and nothing of its content.
pub fn check_password(settings: &Settings) -> Result<(), Failure> {
    let Some(password) = settings.login.password() else {
        return Ok(());
    };
    let path = password.path().display();
    let refused = |error| Exit::Usage.because(format!("login.password_file = {path}: {error}"));
    password.check().map_err(refused)
}

/// Reads the token of the control API; `None` if none is configured.
///
/// # Errors
///
/// 64 if it cannot be used: the file and the reason, and nothing of its content.
pub fn control_token(settings: &Settings) -> Result<Option<SecretString>, Failure> {
    let Some(file) = settings.control.token() else {
        return Ok(None);
    };
    let path = file.path().display();
    let refused = |error| Exit::Usage.because(format!("control.token_file = {path}: {error}"));
    file.read().map(Some).map_err(refused)
}

fn unusable(error: impl std::fmt::Display) -> Failure {
    Exit::Unusable.because(error)
}

fn open_state(settings: &Settings) -> Result<StateDir, Failure> {
    StateDir::open(&settings.state.dir, |name| std::env::var_os(name)).map_err(|error| {
        let exit = match error {
            StateError::NoDirectory => Exit::Usage,
            _ => Exit::Unusable,
        };
        exit.because(format!("state.dir: {error}"))
    })
}

/// A fleet that the configuration names must exist and have mailservers; that of a node is its own
/// business, and may change.
fn check_fleet(settings: &Settings, loaded: &Loaded) -> Result<(), Failure> {
    let Some(name) = settings.fleet.named() else {
        return Ok(());
    };
    let custom = settings.mailservers.iter().any(|it| it.fleet == name);
    if custom || settings.fleet.discover == Discover::On {
        return Ok(());
    }
    let problem = match loaded.fleets.get(name) {
        Some(fleet) if !fleet.mailservers.is_empty() => return Ok(()),
        Some(_) => "has no mailservers",
        None => "is not in the fleet file",
    };
    let known: Vec<&str> = loaded.fleets.keys().map(String::as_str).collect();
    let known = known.join(", ");
    Err(Exit::Usage.because(format!(
        "fleet.name = {name:?}: {problem} ({}); known fleets: {known}",
        settings.fleet.file.display()
    )))
}

fn take_over(fleets: &Recipient<FleetsLoaded>, loaded: Loaded) {
    for skipped in &loaded.skipped {
        tracing::warn!(%skipped, "fleet file");
    }
    fleets.do_send(FleetsLoaded(loaded.fleets));
}

/// Takes over a fleet file that changed; one that broke leaves the old list in place.
async fn watch(mut watcher: FleetWatcher, fleets: Recipient<FleetsLoaded>) {
    loop {
        tokio::time::sleep(FLEET_FILE_INTERVAL).await;
        match watcher.changed() {
            None => {}
            Some(Ok(loaded)) => {
                tracing::info!(fleets = loaded.fleets.len(), "fleet file read again");
                take_over(&fleets, loaded);
            }
            Some(Err(error)) => tracing::warn!(%error, "fleet file: the old list stays"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[actix::test]
    async fn an_api_that_ended_by_itself_is_noticed_once() {
        let failed = actix_rt::spawn(async { Err(std::io::Error::other("no more files")) });
        let mut api = Some(failed);
        assert_eq!(ended(&mut api).await, "no more files");
        assert!(api.is_none());
        let again = ended(&mut api);
        let again = tokio::time::timeout(Duration::ZERO, again).await;
        assert!(again.is_err(), "there is nothing to wait for");
    }
}
