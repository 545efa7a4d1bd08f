//! The life of a session with a node: wait until somebody is logged in, find out how to drive it, read what
//! it knows, seed the peer table, follow the signals, and start over when the node goes away.

use std::{rc::Rc, time::Duration};

use actors::model::node::{Generation, NodeError, NodeState, Profile};
use tokio::time::{Instant, sleep_until};

use crate::node::{
    detect::{self, Driving},
    inbox::SessionEvent,
    link::Link,
    pause::GrowingPause,
    pin_memory,
    profile::{self, Account, Cluster},
};

/// The pauses between two tries to reach a node.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// How often the settings are read again: no signal tells of a change.
const READING: Duration = Duration::from_secs(60);

/// For how many poll intervals the peer table may stay unheard of while signals arrive. They may be lost,
/// and summaries are not sent by nodes without discovery (recorded on v0.94).
const SILENT_INTERVALS: u32 = 3;

/// The fleet of a node that names none: the default of those since 2024-10, which then do not save it.
const DEFAULT_FLEET: &str = "status.prod";

/// A node says `node.login` shortly after it begins to answer: within this time it is the login that was
/// noticed already.
const LOGIN: Duration = Duration::from_secs(10);

/// The time from when the node can be driven until it goes away, or another account logs in.
struct Session {
    driving: Driving,
    cluster: Cluster,
    account: Option<String>,
    profile: Profile,
    since: Instant,
    /// The node turned out to have a cycle of its own.
    own_cycle: bool,
    /// The signal socket was closed since the session began: signals may have been missed.
    deaf: bool,
}

/// Waits for the node, follows it until it goes away, and starts over, for as long as it is polled.
pub(crate) async fn run(link: Rc<Link>) {
    link.attached.notified().await;
    loop {
        let mut session = wait(&link).await;
        begin(&link, &session).await;
        let error = follow(&link, &mut session).await;
        end(&link, &error).await;
    }
}

/// Waits until the node answers, with growing pauses; each kind of absence is told once.
async fn wait(link: &Link) -> Session {
    let mut pause = GrowingPause::new(FIRST_PAUSE, LONGEST_PAUSE);
    loop {
        let error = match read(link).await {
            Ok(session) => return session,
            Err(error) => error,
        };
        let away = away(&error);
        let known = link.state().is_some_and(|known| same_kind(&known, &away));
        match known {
            true => note_answer(link, &away),
            false => end(link, &error).await,
        }
        let until = Instant::now() + pause.grow();
        if rest(link, until).await.is_some() {
            // It is coming back; what it serves may take a moment.
            pause.reset();
        }
    }
}

/// Waits until it is worth while to read again; what cut the wait short. While we log somebody in it is not: a session
/// would begin before the messenger has started.
async fn rest(link: &Link, until: Instant) -> Option<SessionEvent> {
    let mut cut = None;
    loop {
        let due = async {
            if cut.is_none() {
                sleep_until(until).await;
            }
            link.inbox.logins.until_none().await;
        };
        tokio::select! {
            biased;
            event = link.inbox.next_session_event() => match event {
                SessionEvent::LoggedIn => cut = Some(event),
                SessionEvent::NodeReady | SessionEvent::Opened => cut = cut.or(Some(event)),
                SessionEvent::Closed | SessionEvent::Stopped | SessionEvent::OwnCycle | SessionEvent::Switched => {}
            },
            () = link.attached.notified() => again(link).await,
            () = due => return cut,
        }
    }
}

/// Reads everything about a node.
async fn read(link: &Link) -> Result<Session, NodeError> {
    let account = profile::account(&link.rpc).await?;
    let (driving, cluster, doubt) = detect::settle(&link.rpc, link.config.mode, false).await?;
    let profile = complete(link, driving, &account, &cluster).await?;
    if let Some(reason) = doubt {
        tracing::warn!(mode = ?driving.mode, reason, "the configured mode does not fit");
    }
    Ok(Session {
        driving,
        cluster,
        account: account.key,
        profile,
        since: Instant::now(),
        own_cycle: false,
        deaf: false,
    })
}

async fn complete(
    link: &Link,
    driving: Driving,
    account: &Account,
    cluster: &Cluster,
) -> Result<Profile, NodeError> {
    let named = account.fleet.clone().or_else(|| cluster.fleet.clone());
    let default = (driving.generation == Generation::PerQuery).then(|| DEFAULT_FLEET.to_owned());
    let fleet = named.or(default);
    let in_node = fleet.as_ref().and_then(|fleet| account.pins.get(fleet));
    let ours = fleet.as_ref().and_then(|fleet| link.pins.load(fleet));
    let pinned = pin_memory::user_pin(in_node.map(String::as_str), ours);
    *link.user_pin.borrow_mut() = fleet.clone().zip(pinned.clone());
    Ok(Profile {
        mode: driving.mode,
        generation: driving.generation,
        fleet,
        saved: profile::saved(&link.rpc).await?,
        pinned,
        use_mailservers: account.use_mailservers,
    })
}

/// Seeds the peer table, tells everybody, and only then lets signals in.
async fn begin(link: &Link, session: &Session) {
    link.inbox.begin_session();
    let Profile {
        mode,
        generation,
        fleet,
        use_mailservers,
        ..
    } = &session.profile;
    tracing::info!(?mode, ?generation, fleet, use_mailservers, "node ready");
    let ready = NodeState::Ready {
        profile: session.profile.clone(),
    };
    note_answer(link, &ready);
    link.drive(Some(session.driving));
    link.announce(ready).await;
    if let Some(said) = link.inbox.connectedness() {
        link.tell_connectedness(said).await;
    }
}

async fn end(link: &Link, error: &NodeError) {
    tracing::warn!(%error, "node not ready");
    let away = away(error);
    note_answer(link, &away);
    link.drive(None);
    link.announce(away).await;
}

/// One that has nobody logged in answers too.
fn note_answer(link: &Link, state: &NodeState) {
    let answers = !matches!(state, NodeState::Unreachable { .. });
    link.answers
        .send_if_modified(|before| std::mem::replace(before, answers) != answers);
}

/// Tells newly attached listeners what the others know.
async fn again(link: &Link) {
    if let Some(state) = link.state() {
        link.announce(state).await;
    }
}

fn away(error: &NodeError) -> NodeState {
    match error {
        NodeError::NotLoggedIn => NodeState::LoggedOut,
        error => NodeState::Unreachable {
            reason: error.to_string(),
        },
    }
}

fn same_kind(one: &NodeState, other: &NodeState) -> bool {
    std::mem::discriminant(one) == std::mem::discriminant(other)
}

/// Follows the node until it goes away; why it is thought to have.
async fn follow(link: &Link, session: &mut Session) -> NodeError {
    let mut reading = Instant::now() + READING;
    let mut looking = Instant::now() + silence(link);
    let mut heard = link.snapshots();
    loop {
        let outcome = tokio::select! {
            event = link.inbox.next_session_event() => {
                looking = Instant::now() + silence(link);
                act(link, session, event).await
            }
            () = link.alarm.notified() => check(link, session).await,
            () = link.attached.notified() => { again(link).await; Ok(()) }
            () = sleep_until(reading) => {
                reading = Instant::now() + READING;
                check(link, session).await
            }
            () = sleep_until(looking) => {
                let silent = std::mem::replace(&mut heard, link.snapshots()) == link.snapshots() || !link.hears();
                let outcome = if silent { look(link, session).await } else { Ok(()) };
                looking = Instant::now() + silence(link);
                outcome
            }
        };
        if let Err(error) = outcome {
            return error;
        }
    }
}

/// How long the peer table may stay unheard of.
fn silence(link: &Link) -> Duration {
    let interval = link.config.poll_interval;
    if link.hears() {
        interval * SILENT_INTERVALS
    } else {
        interval
    }
}

/// Asks for the peers: the answer is the sign of life.
async fn look(link: &Link, session: &Session) -> Result<(), NodeError> {
    survivable(link.refresh(session.driving.network).await)
}

/// Only what means that the node cannot be used ends a session.
fn survivable<T: Default>(outcome: Result<T, NodeError>) -> Result<T, NodeError> {
    match outcome {
        Err(error) if error.is_absence() => Err(error),
        Err(error) => {
            tracing::debug!(%error, "not refreshed");
            Ok(T::default())
        }
        outcome => outcome,
    }
}

async fn act(link: &Link, session: &mut Session, event: SessionEvent) -> Result<(), NodeError> {
    match event {
        // The node may have been restarted meanwhile: then it has forgotten what it was told, and its
        // history is owed, though it lists the same peers as before.
        SessionEvent::Opened if session.deaf => {
            Err(NodeError::Transport("signals were missed".into()))
        }
        // Signals may have been missed.
        SessionEvent::Opened => {
            check(link, session).await?;
            look(link, session).await
        }
        SessionEvent::Closed => {
            session.deaf = true;
            check(link, session).await
        }
        SessionEvent::Stopped | SessionEvent::Switched => check(link, session).await,
        // The login itself follows.
        SessionEvent::NodeReady => Ok(()),
        SessionEvent::LoggedIn if session.since.elapsed() < LOGIN => compare(link, session).await,
        // Whatever the node was told before is forgotten with the login.
        SessionEvent::LoggedIn => Err(NodeError::NotLoggedIn),
        SessionEvent::OwnCycle => yield_to_own_cycle(link, session).await,
    }
}

/// Reads everything again after a login that may be the one that was noticed already. Of another account
/// also the configuration is another one: the fleet is there until it is saved in the settings.
async fn compare(link: &Link, session: &Session) -> Result<(), NodeError> {
    let now = read(link).await?;
    let same = now.account == session.account
        && now.cluster == session.cluster
        && now.profile.fleet == session.profile.fleet;
    match same {
        true => look(link, session).await,
        false => Err(NodeError::NotLoggedIn),
    }
}

/// Reads the settings again: the proof that the session is alive, and changes are told.
async fn check(link: &Link, session: &mut Session) -> Result<(), NodeError> {
    let account = profile::account(&link.rpc).await?;
    if account.key != session.account {
        return Err(NodeError::NotLoggedIn);
    }
    let profile = complete(link, session.driving, &account, &session.cluster).await?;
    if profile != session.profile {
        let Profile {
            fleet,
            pinned,
            use_mailservers,
            ..
        } = &profile;
        tracing::info!(fleet, pinned, use_mailservers, "node settings changed");
        session.profile = profile.clone();
        link.announce(NodeState::Ready { profile }).await;
    }
    Ok(())
}

/// Stops driving a classic node that drives itself: the two would take each other's mailservers away.
async fn yield_to_own_cycle(link: &Link, session: &mut Session) -> Result<(), NodeError> {
    if session.own_cycle {
        return Ok(());
    }
    session.own_cycle = true;
    let driving = detect::detect(&link.rpc, &session.cluster, true).await?;
    tracing::warn!(mode = ?driving.mode, "the node's own mailserver cycle is switched on: mode changed");
    session.driving = driving;
    session.profile.mode = driving.mode;
    session.profile.generation = driving.generation;
    link.drive(Some(driving));
    link.announce(NodeState::Ready {
        profile: session.profile.clone(),
    })
    .await;
    Ok(())
}
