//! The part of the port to the node that is about history: what was missed, gaps, chats, topics, communities.

use actix::{Handler, ResponseFuture};
use actors::{
    messages::node::{
        ExtendChat, FillGaps, ReadChats, ReadTopics, RequestCommunity, RequestHistory,
    },
    model::{
        gap::Chat,
        moment::Moment,
        node::{CommunityAnswer, HistoryAnswer, NodeError},
        topic::MarkedTopic,
    },
};

use crate::node::{chats, communities, driver::Driver, history, topics};

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

impl Handler<ReadTopics> for Driver {
    type Result = ResponseFuture<Result<Vec<MarkedTopic>, NodeError>>;

    fn handle(&mut self, _: ReadTopics, _ctx: &mut Self::Context) -> Self::Result {
        self.answer(|link, driving| async move { topics::read(&link, driving).await })
    }
}

impl Handler<FillGaps> for Driver {
    type Result = ResponseFuture<Result<(), NodeError>>;

    fn handle(&mut self, order: FillGaps, _ctx: &mut Self::Context) -> Self::Result {
        self.answer(
            |link, _| async move { chats::fill_gaps(&link, &order.chat, &order.messages).await },
        )
    }
}

impl Handler<ReadChats> for Driver {
    type Result = ResponseFuture<Result<Vec<Chat>, NodeError>>;

    fn handle(&mut self, _: ReadChats, _ctx: &mut Self::Context) -> Self::Result {
        self.answer(|link, _| async move { chats::read(&link).await })
    }
}

impl Handler<ExtendChat> for Driver {
    type Result = ResponseFuture<Result<Option<Moment>, NodeError>>;

    fn handle(&mut self, ExtendChat(chat): ExtendChat, _ctx: &mut Self::Context) -> Self::Result {
        self.answer(|link, _| async move { chats::extend(&link, &chat).await })
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
