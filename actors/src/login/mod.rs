//! The login of a node that came back logged out, if people want that.
//!
//! A node that was restarted waits for a person to log in. With the account and a password file the sidecar does it, in
//! the order of the apps; how is the adapter's business, when and how often is decided in `plan`. Nothing here knows
//! the password.
//!
//! | part | what it is |
//! |---|---|
//! | `plan` | the decisions: what is tried when, and when it is given up |
//! | `choice` | which account |
//! | `outcome` | what people are told |

mod choice;
mod outcome;
mod plan;

use std::time::Duration;

use actix::prelude::*;
use rand::{SeedableRng, rngs::StdRng};

use crate::{
    Instant,
    deadline::Deadline,
    messages::{
        login::{GetStatus, LoginError, LoginPort, PasswordStamp, ReadAccounts},
        node::NodeChanged,
    },
    model::node::NodeState,
};
use plan::{Command, Plan};
pub use plan::{Config, MOST_TRIES, SLOW};

/// Every call ends by itself, at the limits of the adapter; should one be lost, this ends it.
const LOST: Duration = Duration::from_secs(900);

/// The actor: it executes what the plan decides.
pub struct Login {
    plan: Plan,
    port: LoginPort,
    deadline: Deadline,
}

impl Login {
    /// A login that has heard of no node yet. `seed` makes its draws repeatable.
    #[must_use]
    pub fn new(config: Config, seed: Option<u64>, port: LoginPort) -> Self {
        let random = seed.map_or_else(rand::make_rng, StdRng::seed_from_u64);
        Self {
            plan: Plan::new(config, random),
            port,
            deadline: Deadline::default(),
        }
    }

    fn run(&mut self, ctx: &mut Context<Self>, input: impl FnOnce(&mut Plan, Instant)) {
        input(&mut self.plan, Instant::now());
        while let Some(command) = self.plan.poll_command() {
            self.execute(command, ctx);
        }
        let at = self.plan.poll_timeout();
        self.deadline.arm(at, ctx, |login, ctx| {
            login.deadline.clear();
            login.run(ctx, Plan::handle_timeout);
        });
    }

    fn execute(&mut self, command: Command, ctx: &mut Context<Self>) {
        match command {
            Command::ReadAccounts => {
                let port = &self.port.read_accounts;
                self.ask(ctx, port.send(ReadAccounts), Plan::handle_accounts);
            }
            Command::LookAtPassword => {
                let port = &self.port.password_stamp;
                self.ask(ctx, port.send(PasswordStamp), Plan::handle_stamp);
            }
            Command::LogIn(order) => {
                let port = &self.port.log_in;
                self.ask(ctx, port.send(order), Plan::handle_login);
            }
            Command::Tell(outcome) => outcome.log(),
        }
    }

    /// Sends a call; the plan is told the answer.
    fn ask<M, T: 'static>(
        &self,
        ctx: &mut Context<Self>,
        call: RecipientRequest<M>,
        told: fn(&mut Plan, Result<T, LoginError>, Instant),
    ) where
        M: Message<Result = Result<T, LoginError>> + Send + 'static,
        M::Result: Send,
    {
        let answer = call.timeout(LOST).into_actor(self);
        ctx.spawn(answer.map(move |answer, login, ctx| {
            let answer = answer.unwrap_or_else(|lost| Err(lost.into()));
            login.run(ctx, |plan, now| told(plan, answer, now));
        }));
    }
}

impl Actor for Login {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.run(ctx, Plan::handle_timeout);
    }
}

impl Supervised for Login {
    fn restarting(&mut self, _: &mut Context<Self>) {
        self.deadline.clear();
        self.plan.reset(Instant::now());
    }
}

impl Handler<NodeChanged> for Login {
    type Result = ();

    fn handle(&mut self, NodeChanged(state): NodeChanged, ctx: &mut Context<Self>) {
        self.run(ctx, |plan, now| match state {
            NodeState::LoggedOut => plan.handle_logged_out(now),
            NodeState::Unreachable { .. } => plan.handle_not_wanted(false),
            NodeState::Ready { .. } => plan.handle_not_wanted(true),
        });
    }
}

impl Handler<GetStatus> for Login {
    type Result = MessageResult<GetStatus>;

    fn handle(&mut self, _: GetStatus, _: &mut Context<Self>) -> Self::Result {
        MessageResult(self.plan.status())
    }
}
