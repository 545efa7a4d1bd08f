//! The actor that answers the port to the node, in whichever mode the node is driven.

use std::{rc::Rc, time::Duration};

use actix::{
    Actor, Addr, AsyncContext as _, Context, Handler, Message, MessageResult, ResponseFuture,
    Supervised, WrapFuture as _,
};
use actors::{
    messages::login::{Account, LogIn, LoginError, LoginPort, PasswordStamp, ReadAccounts, Stamp},
    messages::node::{
        Connect, DropPeer, GetTraffic, Introduce, NodePort, PushSignals, RefreshPeers, Traffic,
    },
    model::{
        address::Network,
        node::{Blame, Connection, Mode, NodeError},
    },
};

use crate::node::{
    Signals,
    config::Config,
    detect::Driving,
    link::{Link, Listeners},
    login::{self, LoginConfig},
    observe, pin,
    pin_memory::PinMemory,
    rpc::RpcClient,
    session, signal_dispatch, socket, waku1, waku2,
};

/// Whom the driver tells about the node. It begins with the first one; a later one is told the state anew.
#[derive(Message, Clone)]
#[rtype(result = "()")]
pub struct Attach(pub Listeners);

/// The actor that answers what other actors ask of the node.
pub struct Driver {
    rpc: RpcClient,
    config: Config,
    history_timeout: Duration,
    pins: Rc<dyn PinMemory>,
    link: Rc<Link>,
    login: Option<Rc<LoginConfig>>,
}

impl Driver {
    /// A driver that begins when it is given [`Listeners`]. A history request may take `history_timeout`.
    #[must_use]
    pub fn new(
        config: Config,
        rpc: RpcClient,
        pins: Rc<dyn PinMemory>,
        history_timeout: Duration,
    ) -> Self {
        let link = Rc::new(Link::new(
            rpc.clone(),
            config.clone(),
            history_timeout,
            pins.clone(),
        ));
        Self {
            rpc,
            config,
            history_timeout,
            pins,
            link,
            login: None,
        }
    }

    /// And it logs an account in when it is told to. Without this nobody is ever logged in.
    #[must_use]
    pub fn with_login(self, config: LoginConfig) -> Self {
        Self {
            login: Some(Rc::new(config)),
            ..self
        }
    }

    /// The port that this actor answers.
    #[must_use]
    pub fn port(driver: &Addr<Self>) -> NodePort {
        NodePort {
            connect: driver.clone().recipient(),
            introduce: driver.clone().recipient(),
            drop_peer: driver.clone().recipient(),
            refresh_peers: driver.clone().recipient(),
            request_history: driver.clone().recipient(),
            read_topics: driver.clone().recipient(),
            request_community: driver.clone().recipient(),
        }
    }

    /// The port for logins that this actor answers.
    #[must_use]
    pub fn login_port(driver: &Addr<Self>) -> LoginPort {
        LoginPort {
            read_accounts: driver.clone().recipient(),
            log_in: driver.clone().recipient(),
            password_stamp: driver.clone().recipient(),
        }
    }

    /// How an account is logged in.
    fn login(&self) -> Result<Rc<LoginConfig>, LoginError> {
        let off = || LoginError::Failed("login.password_file is not set".into());
        self.login.clone().ok_or_else(off)
    }

    /// Answers from outside the actor, so that a call that hangs holds nobody up.
    pub(crate) fn answer<T: 'static, F>(
        &self,
        call: impl FnOnce(Rc<Link>, Driving) -> F,
    ) -> ResponseFuture<Result<T, NodeError>>
    where
        F: Future<Output = Result<T, NodeError>> + 'static,
    {
        let link = self.link.clone();
        match link.driving() {
            Err(error) => Box::pin(std::future::ready(Err(error))),
            Ok(driving) => {
                let call = call(link.clone(), driving);
                Box::pin(async move { link.watch(call.await) })
            }
        }
    }
}

impl Actor for Driver {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        let link = &self.link;
        if let Signals::Socket(url) = &self.config.signals {
            ctx.spawn(socket::read_signals(link.clone(), url.clone()).into_actor(self));
        }
        ctx.spawn(signal_dispatch::dispatch(link.clone()).into_actor(self));
        ctx.spawn(session::run(link.clone()).into_actor(self));
    }
}

impl Supervised for Driver {
    /// What was spawned is gone: begins anew, with the same listeners, as if the process had started.
    fn restarting(&mut self, _ctx: &mut Self::Context) {
        let listeners = self.link.listeners();
        let (rpc, config) = (self.rpc.clone(), self.config.clone());
        self.link = Rc::new(Link::new(
            rpc,
            config,
            self.history_timeout,
            self.pins.clone(),
        ));
        if let Some(listeners) = listeners {
            self.link.attach(listeners);
        }
    }
}

impl Handler<Attach> for Driver {
    type Result = ();

    fn handle(&mut self, Attach(listeners): Attach, _ctx: &mut Self::Context) {
        self.link.attach(listeners);
    }
}

impl Handler<Connect> for Driver {
    type Result = ResponseFuture<Result<Connection, NodeError>>;

    fn handle(&mut self, connect: Connect, _ctx: &mut Self::Context) -> Self::Result {
        let attempt = self.link.begin_attempt();
        self.answer(move |link, driving| async move {
            let Connect {
                mailserver,
                standby,
            } = connect;
            let outcome = match driving.mode {
                Mode::Waku1 => waku1::connect(&link, attempt, &mailserver, standby.as_ref()).await,
                Mode::Waku2 => waku2::connect(&link, attempt, &mailserver).await,
                Mode::Pin => pin::connect(&link, attempt, &mailserver).await,
                Mode::Observe => Err(NodeError::NotPossible),
            };
            match outcome {
                // Nobody waits for that mailserver any more, and the node may have been told to leave it.
                Err(error) if error.blame() != Blame::Node && link.is_overtaken(attempt) => {
                    Err(NodeError::Superseded)
                }
                outcome => outcome,
            }
        })
    }
}

impl Handler<Introduce> for Driver {
    type Result = ResponseFuture<Result<Connection, NodeError>>;

    fn handle(
        &mut self,
        Introduce(mailserver): Introduce,
        _ctx: &mut Self::Context,
    ) -> Self::Result {
        self.answer(|link, driving| async move {
            match driving.mode {
                Mode::Waku1 => waku1::introduce(&link, &mailserver).await,
                Mode::Waku2 | Mode::Pin => waku2::introduce(&link, &mailserver).await,
                // Brought online are waku2 nodes only.
                Mode::Observe if mailserver.address.network() == Network::Waku1 => {
                    Err(NodeError::NotPossible)
                }
                Mode::Observe => observe::introduce(&link, &mailserver).await,
            }
        })
    }
}

impl Handler<DropPeer> for Driver {
    type Result = ResponseFuture<Result<(), NodeError>>;

    fn handle(&mut self, DropPeer(mailserver): DropPeer, _ctx: &mut Self::Context) -> Self::Result {
        self.answer(|link, driving| async move {
            match driving.mode {
                Mode::Waku1 => waku1::drop_peer(&link, &mailserver).await,
                Mode::Waku2 => waku2::drop_peer(&link, &mailserver).await,
                // The next pin is the drop.
                Mode::Pin => Ok(()),
                Mode::Observe => Err(NodeError::NotPossible),
            }
        })
    }
}

impl Handler<RefreshPeers> for Driver {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, _: RefreshPeers, _ctx: &mut Self::Context) -> Self::Result {
        let link = self.link.clone();
        Box::pin(async move {
            let Ok(driving) = link.driving() else { return };
            if let Err(error) = link.watch(link.refresh(driving.network).await) {
                tracing::debug!(%error, "peers not refreshed");
            }
        })
    }
}

impl Handler<ReadAccounts> for Driver {
    type Result = ResponseFuture<Result<Vec<Account>, LoginError>>;

    fn handle(&mut self, _: ReadAccounts, _ctx: &mut Self::Context) -> Self::Result {
        let (link, config) = (self.link.clone(), self.login());
        Box::pin(async move { login::read_accounts(&link, &*config?).await })
    }
}

impl Handler<LogIn> for Driver {
    type Result = ResponseFuture<Result<(), LoginError>>;

    fn handle(&mut self, order: LogIn, _ctx: &mut Self::Context) -> Self::Result {
        let (link, config) = (self.link.clone(), self.login());
        Box::pin(async move { login::log_in(&link, &*config?, &order).await })
    }
}

impl Handler<PasswordStamp> for Driver {
    type Result = Result<Stamp, LoginError>;

    fn handle(&mut self, _: PasswordStamp, _ctx: &mut Self::Context) -> Self::Result {
        login::stamp(&*self.login()?)
    }
}

impl Handler<PushSignals> for Driver {
    type Result = ();

    fn handle(&mut self, PushSignals(signals): PushSignals, _ctx: &mut Self::Context) {
        for signal in signals {
            self.link.inbox.push(signal);
        }
    }
}

impl Handler<GetTraffic> for Driver {
    type Result = MessageResult<GetTraffic>;

    fn handle(&mut self, _: GetTraffic, _ctx: &mut Self::Context) -> Self::Result {
        let traffic: Traffic = self.rpc.counters().traffic();
        MessageResult(traffic)
    }
}
