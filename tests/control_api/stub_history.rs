//! The stub in the place of those who see to history.

use actix::{Context, Handler, MessageResult, ResponseFuture};
use actors::{
    messages::{
        audit, gaps,
        history::{QueueCommunity, QueueError, RequestNow},
        journal::{AskFor, GetReport, Report},
    },
    model::{moment::Moment, window::WindowId},
};

use crate::stubs::Stub;

impl Handler<RequestNow> for Stub {
    type Result = ();

    fn handle(&mut self, _: RequestNow, _: &mut Self::Context) {
        self.hear("history".to_owned());
    }
}

impl Handler<AskFor> for Stub {
    type Result = MessageResult<AskFor>;

    fn handle(&mut self, AskFor(period): AskFor, _: &mut Context<Self>) -> Self::Result {
        self.hear(format!("history {} to {}", period.from, period.until));
        MessageResult(WindowId(7))
    }
}

impl Handler<GetReport> for Stub {
    type Result = ResponseFuture<Report>;

    fn handle(&mut self, _: GetReport, _: &mut Context<Self>) -> Self::Result {
        self.tell(self.report.clone())
    }
}

impl Handler<audit::GetStatus> for Stub {
    type Result = MessageResult<audit::GetStatus>;

    fn handle(&mut self, _: audit::GetStatus, _: &mut Context<Self>) -> Self::Result {
        MessageResult(audit::Status {
            audits: 4,
            deaf_since: Some(Moment::from_millis(1)),
            ..audit::Status::default()
        })
    }
}

impl Handler<gaps::GetStatus> for Stub {
    type Result = MessageResult<gaps::GetStatus>;

    fn handle(&mut self, _: gaps::GetStatus, _: &mut Context<Self>) -> Self::Result {
        MessageResult(gaps::Status {
            waiting: 1,
            filled: 2,
            failed: 3,
        })
    }
}

impl Handler<QueueCommunity> for Stub {
    type Result = Result<(), QueueError>;

    fn handle(
        &mut self,
        QueueCommunity(id): QueueCommunity,
        _: &mut Self::Context,
    ) -> Self::Result {
        self.hear(format!("community {id}"));
        match id.as_str() {
            "bad" => Err(QueueError::BadId(id)),
            "full" => Err(QueueError::Full(64)),
            _ => Ok(()),
        }
    }
}
