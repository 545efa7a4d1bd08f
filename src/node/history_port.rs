//! The part of the port to the node that is about history: what was missed, communities.

use actix::{Handler, ResponseFuture};
use actors::{
    messages::node::{RequestCommunity, RequestHistory},
    model::node::{CommunityAnswer, HistoryAnswer, NodeError},
};

use crate::node::{communities, driver::Driver, history};

impl Handler<RequestHistory> for Driver {
    type Result = ResponseFuture<Result<HistoryAnswer, NodeError>>;

    fn handle(
        &mut self,
        RequestHistory { since }: RequestHistory,
        _ctx: &mut Self::Context,
    ) -> Self::Result {
        self.answer(move |link, driving| async move {
            history::request(&link, driving.generation, since).await
        })
    }
}

impl Handler<RequestCommunity> for Driver {
    type Result = ResponseFuture<Result<CommunityAnswer, NodeError>>;

    fn handle(
        &mut self,
        RequestCommunity(id): RequestCommunity,
        _ctx: &mut Self::Context,
    ) -> Self::Result {
        self.answer(|link, driving| async move { communities::request(&link, driving, &id).await })
    }
}
