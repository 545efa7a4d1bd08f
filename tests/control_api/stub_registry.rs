//! The stub in the place of the registry.

use actix::{Handler, ResponseFuture};
use actors::{
    messages::candidates::{
        AddCustom, Candidates, CandidatesChanged, Changed, Expected, Listed, Pin, RegistryError,
        RemoveCustom, Unpin,
    },
    model::mailserver::Mailserver,
};

use crate::stubs::{Stub, store};

impl Stub {
    /// As the registry does: a change that expects another revision is refused, and each one makes a new one.
    fn change<T>(
        &mut self,
        what: String,
        expected: &Expected,
        answer: T,
    ) -> Result<Changed<T>, RegistryError> {
        if !expected.allows(self.revision) {
            return Err(RegistryError::Outdated);
        }
        if let Some(error) = &self.refuse {
            return Err(error.clone());
        }
        self.hear(what);
        self.revision.0 += 1;
        let revision = self.revision;
        Ok(Changed { answer, revision })
    }
}

impl Handler<Candidates> for Stub {
    type Result = ResponseFuture<Listed>;

    fn handle(&mut self, _: Candidates, _: &mut Self::Context) -> Self::Result {
        let mailserver = store("store-1");
        let list = CandidatesChanged {
            fleet: Some("status.prod".to_owned()),
            pinned: Some(mailserver.identity.clone()),
            candidates: vec![mailserver],
        };
        let revision = self.revision;
        self.tell(Listed { list, revision })
    }
}

impl Handler<AddCustom> for Stub {
    type Result = Result<Changed<Mailserver>, RegistryError>;

    fn handle(&mut self, message: AddCustom, _: &mut Self::Context) -> Self::Result {
        let added = message.mailserver;
        let what = format!("add {} {}", added.id, added.fleet);
        self.change(what, &message.expected, store(&added.id))
    }
}

impl Handler<RemoveCustom> for Stub {
    type Result = Result<Changed<()>, RegistryError>;

    fn handle(&mut self, message: RemoveCustom, _: &mut Self::Context) -> Self::Result {
        self.change(format!("remove {}", message.id), &message.expected, ())
    }
}

impl Handler<Pin> for Stub {
    type Result = Result<Changed<Mailserver>, RegistryError>;

    fn handle(&mut self, Pin { name, expected }: Pin, _: &mut Self::Context) -> Self::Result {
        self.change(format!("pin {name}"), &expected, store(&name))
    }
}

impl Handler<Unpin> for Stub {
    type Result = Result<Changed<()>, RegistryError>;

    fn handle(&mut self, Unpin { expected }: Unpin, _: &mut Self::Context) -> Self::Result {
        self.change("unpin".to_owned(), &expected, ())
    }
}
