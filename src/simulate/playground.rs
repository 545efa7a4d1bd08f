//! The node with a sidecar beside it, both to be looked at, and broken over the control API.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    rc::Rc,
};

use actix::Actor as _;

use crate::{
    cli::{self, SimulateOptions},
    control::{self, PlaygroundPorts},
    exit::{Exit, Failure},
    service::Running,
    settings::{Listen, Loaded, Settings, Sources},
    shutdown,
    sim::{self, Simulation, playground::Playground},
    simulated,
};

pub(super) async fn run(options: &SimulateOptions, sources: &Sources) -> Result<(), Failure> {
    let seed = simulated::seed(options.seed);
    let node = sim::Settings {
        mailservers: options.mailservers.into(),
        // As different as those of the world are.
        latencies: simulated::latencies(seed, options.mailservers, 20..200),
        seed,
        login_lost_at_restart: simulated::logs_in(options.mode),
        ..sim::Settings::new(options.mode.into())
    };
    let simulation = Rc::new(simulated::start(node)?);
    let directory = simulated::directory()?;
    let mut own = simulated::settings(&simulation, directory.path())?.to_vec();
    match simulated::logs_in(options.mode) {
        true => own.extend(simulated::login(directory.path())?),
        // A password of the user's is none of its business.
        false => own.push("login.password_file=".into()),
    }
    let settings = settings(sources, own).await?;
    let playground = Playground::new(simulation.clone()).start();
    let ports = PlaygroundPorts {
        look: playground.clone().recipient(),
        treat: playground.clone().recipient(),
        treat_node: playground.recipient(),
    };
    let running = Running::start_playground(&settings, seed, ports).await?;
    if let Some(address) = running.address {
        cli::print(&introduction(&simulation, address))?;
    }
    running.until(shutdown::requested()).await
}

/// All layers, these over those of the user, and a port for the control API.
async fn settings(sources: &Sources, own: Vec<String>) -> Result<Settings, Failure> {
    let mut sources = sources.clone();
    sources.assignments.extend(own);
    let loaded = Settings::load(&sources).map_err(|error| Exit::Usage.because(error))?;
    let named = is_named(&loaded);
    let mut settings = loaded.settings;
    let Listen::At(address) = settings.control.listen else {
        return Err(Exit::Usage.because(
            "control.listen = \"off\": a playground is looked at over the control API; `simulate --alone` has none",
        ));
    };
    if !named && is_in_use(address).await {
        settings.control.listen = Listen::At((Ipv4Addr::LOCALHOST, 0).into());
    }
    Ok(settings)
}

/// Whether the user said where the control API listens.
fn is_named(loaded: &Loaded) -> bool {
    let mut all = loaded.provenance.iter();
    all.any(|it| it.key == "control.listen" && it.origin != "default")
}

async fn is_in_use(address: SocketAddr) -> bool {
    let bound = control::bind(address).await;
    bound.is_err_and(|it| it.error.kind() == io::ErrorKind::AddrInUse)
}

/// What a newcomer needs.
fn introduction(simulation: &Simulation, address: SocketAddr) -> String {
    let mailservers = simulation.mailservers();
    let one = &mailservers[mailservers.len().min(3) - 1];
    let one = one.id.split('.').next().unwrap_or(&one.id);
    let plural = if mailservers.len() == 1 { "" } else { "s" };
    let usual = Settings::default().control.listen == Listen::At(address);
    let elsewhere = match usual {
        true => String::new(),
        false => format!(" \\\n      --set control.listen={address}"),
    };
    let tries = [
        ("what it does, and why", "status"),
        ("what happens, as it does", "events"),
        (
            "who is broken, who is used, and what is missing",
            "simulate show",
        ),
        (
            "stop one, and look on",
            &format!("simulate break {one} hung"),
        ),
        ("make it well again", &format!("simulate revive {one}")),
    ];
    let tries = tries
        .map(|(what, command)| format!("  # {what}\n  mailserver-sidecar {command}{elsewhere}\n"));
    format!(
        "A simulated node with {} mailserver{plural}, and a sidecar beside it:\n\n  http://{address}/\n\n\
         A message is sent every few seconds: the node is to have them all.\n\n\
         Try, in another terminal:\n\n{}\n\
         A mailserver can be killed, hung, isolated, deaf or slowed, the node offline,\n\
         stopped or logged-out. Ctrl-C ends it.\n",
        mailservers.len(),
        tries.concat(),
    )
}
