//! A login actor among mailboxes, and a node whose answers are set by the test.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    future::pending,
    rc::Rc,
    time::Duration,
};

use ::actors::{
    Instant,
    login::{Config, Login},
    messages::{
        login::{
            Account, GetStatus, LogIn, LoginError, LoginPort, PasswordStamp, ReadAccounts, Stamp,
            Status,
        },
        node::NodeChanged,
    },
    model::node::{Mode, NodeState},
    testing::{profile, settle},
};
use actix::prelude::*;

pub(crate) type Ended = Result<(), LoginError>;

/// What was asked of the node, and when.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Call {
    Accounts,
    Stamp,
    LogIn(String, u64),
}

#[derive(Default)]
struct Node {
    accounts: Option<Result<Vec<Account>, LoginError>>,
    accounts_take: Duration,
    /// How the logins end, each after so long; those without an entry never do.
    logins: VecDeque<(Duration, Ended)>,
    stamp: u64,
    unreadable: bool,
    logged_in: bool,
    calls: Vec<(Instant, Call)>,
    under_way: usize,
}

#[derive(Clone, Default)]
struct Adapter(Rc<RefCell<Node>>);

impl Actor for Adapter {
    type Context = Context<Self>;
}

impl Adapter {
    fn note(&self, call: Call) {
        let mut node = self.0.borrow_mut();
        assert_eq!(node.under_way, 0, "one call at a time: {call:?}");
        node.calls.push((Instant::now(), call));
    }
}

impl Handler<ReadAccounts> for Adapter {
    type Result = ResponseFuture<Result<Vec<Account>, LoginError>>;

    fn handle(&mut self, _: ReadAccounts, _: &mut Context<Self>) -> Self::Result {
        self.note(Call::Accounts);
        let (accounts, take) = {
            let node = self.0.borrow();
            let in_already = node.logged_in.then_some(Err(LoginError::LoggedIn));
            (in_already.or(node.accounts.clone()), node.accounts_take)
        };
        Box::pin(async move {
            if !take.is_zero() {
                tokio::time::sleep(take).await;
            }
            accounts.unwrap_or_else(|| Ok(vec![account('a')]))
        })
    }
}

impl Handler<PasswordStamp> for Adapter {
    type Result = Result<Stamp, LoginError>;

    fn handle(&mut self, _: PasswordStamp, _: &mut Context<Self>) -> Self::Result {
        self.note(Call::Stamp);
        let node = self.0.borrow();
        match node.unreadable {
            true => Err(LoginError::PasswordFile("it is gone".into())),
            false => Ok(Stamp {
                modified: None,
                length: 8,
                inode: node.stamp,
            }),
        }
    }
}

impl Handler<LogIn> for Adapter {
    type Result = ResponseFuture<Ended>;

    fn handle(&mut self, order: LogIn, _: &mut Context<Self>) -> Self::Result {
        self.note(Call::LogIn(order.key_uid, order.kdf_iterations));
        let next = self.0.borrow_mut().logins.pop_front();
        self.0.borrow_mut().under_way += 1;
        let node = self.0.clone();
        Box::pin(async move {
            let Some((after, ended)) = next else {
                return pending().await;
            };
            tokio::time::sleep(after).await;
            node.borrow_mut().under_way -= 1;
            node.borrow_mut().logged_in = ended.is_ok();
            ended
        })
    }
}

/// An account whose key is made of this digit.
pub(crate) fn account(digit: char) -> Account {
    Account {
        key_uid: format!("0x{}", digit.to_string().repeat(64)),
        kdf_iterations: 256_000,
        keycard: false,
    }
}

thread_local! {
    /// Whether the time of this test is held already: a test may have several rigs.
    static HELD: Cell<bool> = const { Cell::new(false) };
}

pub(crate) struct Rig {
    pub(crate) login: Addr<Login>,
    node: Rc<RefCell<Node>>,
}

/// A login whose node has one account, and ends the logins like this.
pub(crate) fn rig(logins: &[(u64, Ended)]) -> Rig {
    rig_for(None, logins)
}

/// As [`rig`], of an account that was named.
pub(crate) fn rig_for(key_uid: Option<String>, logins: &[(u64, Ended)]) -> Rig {
    HELD.with(|held| {
        if !held.replace(true) {
            tokio::time::pause();
        }
    });
    let node = Rc::<RefCell<Node>>::default();
    for (seconds, ended) in logins {
        let after = Duration::from_secs(*seconds);
        node.borrow_mut().logins.push_back((after, ended.clone()));
    }
    let adapter = Adapter(node.clone()).start();
    let port = LoginPort {
        read_accounts: adapter.clone().recipient(),
        log_in: adapter.clone().recipient(),
        password_stamp: adapter.recipient(),
    };
    let login = Login::new(Config { key_uid }, Some(7), port);
    let login = Supervisor::start(|_| login);
    Rig { login, node }
}

impl Rig {
    async fn tell(&self, state: NodeState) {
        self.login.send(NodeChanged(state)).await.expect("it runs");
        settle().await;
    }

    pub(crate) async fn logged_out(&self) {
        self.crash();
        self.tell(NodeState::LoggedOut).await;
    }

    pub(crate) async fn ready(&self) {
        let profile = profile(Mode::Pin);
        self.tell(NodeState::Ready { profile }).await;
    }

    pub(crate) async fn away(&self) {
        let reason = "killed".into();
        self.tell(NodeState::Unreachable { reason }).await;
    }

    /// Nobody is logged in any more, and nobody has noticed.
    pub(crate) fn crash(&self) {
        self.node.borrow_mut().logged_in = false;
    }

    /// Restarted: away, and back logged out.
    pub(crate) async fn restarted(&self) {
        self.away().await;
        self.logged_out().await;
    }

    pub(crate) fn accounts(&self, accounts: Result<Vec<Account>, LoginError>) {
        self.node.borrow_mut().accounts = Some(accounts);
    }

    /// The node lists its accounts only after so long.
    pub(crate) fn accounts_take(&self, seconds: u64) {
        self.node.borrow_mut().accounts_take = Duration::from_secs(seconds);
    }

    pub(crate) fn then(&self, seconds: u64, ended: Ended) {
        let after = Duration::from_secs(seconds);
        self.node.borrow_mut().logins.push_back((after, ended));
    }

    /// Another password is written to the file.
    pub(crate) fn change_password(&self) {
        self.node.borrow_mut().stamp += 1;
    }

    pub(crate) fn password_readable(&self, readable: bool) {
        self.node.borrow_mut().unreadable = !readable;
    }

    /// The calls since the last time.
    pub(crate) async fn calls(&self) -> Vec<Call> {
        settle().await;
        let calls = std::mem::take(&mut self.node.borrow_mut().calls);
        calls.into_iter().map(|(_, call)| call).collect()
    }

    /// How many logins since the last time.
    pub(crate) async fn logins(&self) -> usize {
        let calls = self.calls().await;
        let is_login = |it: &&Call| matches!(it, Call::LogIn(..));
        calls.iter().filter(is_login).count()
    }

    /// The pauses between the calls of this kind since the last time, in seconds.
    pub(crate) fn pauses(&self, wanted: impl Fn(&Call) -> bool) -> Vec<f64> {
        let calls = std::mem::take(&mut self.node.borrow_mut().calls);
        let times = calls.iter().filter(|(_, call)| wanted(call));
        let times: Vec<Instant> = times.map(|(at, _)| *at).collect();
        let pause = |pair: &[Instant]| (pair[1] - pair[0]).as_secs_f64();
        times.windows(2).map(pause).collect()
    }

    pub(crate) async fn status(&self) -> Status {
        self.login.send(GetStatus).await.expect("it runs")
    }
}

pub(crate) async fn pass(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    settle().await;
}
