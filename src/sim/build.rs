//! Makes a node of its settings, with the mailservers behind it.

use std::{
    cell::{Cell, RefCell},
    io,
    rc::Rc,
    time::Duration,
};

use actors::model::node::Mode;
use rand::{SeedableRng, rngs::StdRng};

use super::{
    accounts::Accounts,
    identity::Identity,
    login::{Login, Process},
    mailserver::Mailserver,
    node::{Node, State},
    settings::Settings,
    signals::Signals,
};

/// A node since mid-2026 closes a signal socket that takes no frame for so long.
const WRITE_LIMIT: Duration = Duration::from_secs(5);

/// However fast the clocks run: a busy machine is no deaf client.
const SHORTEST_WRITE_LIMIT: Duration = Duration::from_secs(1);

/// Starts the mailservers and makes the node.
pub(crate) fn build(setup: Settings) -> io::Result<Rc<Node>> {
    if !(setup.speed.is_finite() && setup.speed > 0.0) {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "the speed must be positive",
        ));
    }
    let mut random = StdRng::seed_from_u64(setup.seed);
    let mailservers = start_mailservers(&setup, &mut random)?;
    let accounts = Accounts::new(&setup.accounts);
    let key_uid = accounts.newest().map(|it| it.settings.key_uid.clone());
    let (mut login, mut process) = (Login::Out, Process::default());
    if setup.logged_in {
        login = Login::In { key_uid };
        process.initialize(&setup.data_dir);
    }
    let state = State {
        login,
        process,
        accounts,
        network: true,
        fleet: setup.fleet.clone(),
        ..State::default()
    };
    let limit = WRITE_LIMIT.div_f64(setup.speed).max(SHORTEST_WRITE_LIMIT);
    let limit = (setup.mode == Mode::Observe).then_some(limit);
    Ok(Rc::new(Node {
        setup,
        mailservers,
        now: Cell::default(),
        clock: Default::default(),
        ledger: Default::default(),
        random: RefCell::new(random),
        state: RefCell::new(state),
        signals: Signals::new(limit),
        journal: Default::default(),
        tasks: Default::default(),
        session: Default::default(),
    }))
}

fn start_mailservers(setup: &Settings, random: &mut StdRng) -> io::Result<Vec<Rc<Mailserver>>> {
    let role = match setup.mode {
        Mode::Waku1 => "mail",
        _ => "store",
    };
    let mut mailservers = Vec::new();
    let own = (setup.fleet.clone(), setup.mailservers);
    for (fleet, count) in [own].into_iter().chain(setup.more_fleets.iter().cloned()) {
        for number in 1..=count {
            let id = format!("{role}-{number:02}.{fleet}");
            let identities = [Identity::generate(random), Identity::generate(random)];
            let latency = latency(setup, mailservers.len());
            mailservers.push(Mailserver::start(id, fleet.clone(), identities, latency)?);
        }
    }
    Ok(mailservers)
}

fn latency(setup: &Settings, index: usize) -> Duration {
    let latency = setup.latencies.get(index).or(setup.latencies.last());
    latency.copied().unwrap_or(Duration::from_millis(1))
}
