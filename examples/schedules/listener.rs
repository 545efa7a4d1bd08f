//! Who listens in the place of people.

use std::rc::Rc;

use actix::{Actor, Context, Handler, Supervised};
use actors::messages::{
    events::Publish,
    journal::{RequestBegan, RequestEnded},
};

use crate::sidecar::Surroundings;

/// Takes what is published.
pub(crate) struct Listener(pub(crate) Rc<Surroundings>);

impl Actor for Listener {
    type Context = Context<Self>;
}

impl Supervised for Listener {}

impl Handler<Publish> for Listener {
    type Result = ();

    fn handle(&mut self, Publish(event): Publish, _: &mut Context<Self>) {
        self.0.told.borrow_mut().push(event);
    }
}

/// Where there is no journal.
impl Handler<RequestBegan> for Listener {
    type Result = ();

    fn handle(&mut self, _: RequestBegan, _: &mut Context<Self>) {}
}

/// Where there is no journal.
impl Handler<RequestEnded> for Listener {
    type Result = ();

    fn handle(&mut self, _: RequestEnded, _: &mut Context<Self>) {}
}
