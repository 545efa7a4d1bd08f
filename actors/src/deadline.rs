//! The one timer of an actor whose core names its next limit, and the limit of a call that is never answered.

use std::time::Duration;

use actix::prelude::*;

use crate::Instant;

/// Every call to an adapter ends by itself, at the limits of the adapter; should one be lost, this ends it.
pub(crate) const LOST_CALL: Duration = Duration::from_secs(300);

/// Armed for the limit that was named last; never kept across a restart, which forgets all timers.
#[derive(Debug, Default)]
pub(crate) struct Deadline(Option<(Instant, SpawnHandle)>);

impl Deadline {
    /// Has `due` called at that time, in place of what was armed before. The deadline must be
    /// [cleared](Self::clear) there.
    pub(crate) fn arm<A>(
        &mut self,
        at: Option<Instant>,
        ctx: &mut Context<A>,
        due: impl FnOnce(&mut A, &mut Context<A>) + 'static,
    ) where
        A: Actor<Context = Context<A>>,
    {
        if self.0.as_ref().map(|(armed, _)| *armed) == at {
            return;
        }
        if let Some((_, handle)) = self.0.take() {
            ctx.cancel_future(handle);
        }
        self.0 = at.map(|at| {
            let pause = at.saturating_duration_since(Instant::now());
            (at, ctx.run_later(pause, due))
        });
    }

    /// Nothing is armed any more.
    pub(crate) fn clear(&mut self) {
        self.0 = None;
    }
}
