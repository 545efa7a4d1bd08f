//! The client and the commands that use it.

use std::time::{Duration, SystemTime};

use actix_web::http::Method;
use actors::{messages::candidates::RegistryError, model::moment::Moment};
use mailserver_sidecar::{
    cli::{Command, CommandLine, run_remote},
    control::client::{Client, ClientError},
    exit::Exit,
    settings::{Listen, Settings},
};
use serde_json::json;

use crate::{
    server::Server,
    stubs::{Stub, peer},
};

#[actix::test]
async fn the_client_understands_answers_refusals_and_events() {
    let server = Server::start(Stub {
        refuse: Some(RegistryError::Unknown("x".to_owned())),
        ..Stub::default()
    })
    .await;
    let client = Client::new(server.address);
    assert_eq!(
        client
            .request(Method::GET, &["status"], None)
            .await
            .unwrap()["mode"],
        "waku2"
    );
    let refused = client
        .request(Method::PUT, &["pin"], Some(&json!({ "id": "x" })))
        .await
        .unwrap_err();
    assert!(
        matches!(&refused, ClientError::Refused { status: 404, reason } if reason.contains("\"x\"")),
        "{refused}"
    );
    server.publish(peer("one")).await;
    let mut events = client.events(Some(0)).await.unwrap();
    let event = events.next().await.unwrap().unwrap();
    assert_eq!(
        (event.id.as_str(), event.name.as_str()),
        ("1", "peerConnected")
    );
    server.stop().await;
    assert_eq!(events.next().await.unwrap(), None);
    let gone = client
        .request(Method::GET, &["status"], None)
        .await
        .unwrap_err();
    assert!(
        matches!(&gone, ClientError::Unreachable { address, .. } if *address == server.address),
        "{gone}"
    );
}

#[actix::test]
async fn remote_commands_end_with_the_codes_of_the_contract() {
    let server = Server::start(Stub::default()).await;
    for command in [
        "status",
        "status --json",
        "history",
        "history --json --all",
        "history fetch",
        "mailservers",
        "mailservers add mine /x",
        "mailservers remove a/b",
        "pin a",
        "unpin",
    ] {
        remote(command, Listen::At(server.address)).await.unwrap();
    }
    let heard = [
        "history",
        "add mine status.prod",
        "remove a/b",
        "pin a",
        "unpin",
    ];
    assert_eq!(server.heard(), heard);
    let refusing = Server::start(Stub {
        refuse: Some(RegistryError::Unknown("a".to_owned())),
        ..Stub::default()
    })
    .await;
    assert_eq!(
        remote("pin a", Listen::At(refusing.address)).await,
        Err(Exit::Usage)
    );
    refusing.stop().await;
    for command in [
        "status",
        "events",
        "history",
        "mailservers",
        "pin a",
        "unpin",
    ] {
        assert_eq!(
            remote(command, Listen::At(refusing.address)).await,
            Err(Exit::Unreachable),
            "{command}"
        );
    }
    assert_eq!(remote("status", Listen::Off).await, Err(Exit::Usage));
}

#[actix::test]
async fn a_period_can_be_fetched_again_by_command() {
    let server = Server::start(Stub::default()).await;
    let to = Moment::from(SystemTime::now());
    let from = to.before(Duration::from_secs(3600));
    let listen = Listen::At(server.address);
    let text = format!("history fetch --from {from} --to {to}");
    remote(&text, listen).await.unwrap();
    let numbers = format!(
        "history fetch --from {} --to {}",
        from.as_millis(),
        to.as_millis()
    );
    remote(&numbers, listen).await.unwrap();
    let expected = format!("history {from} to {to}");
    assert_eq!(server.heard(), [expected.clone(), expected]);
    let wrong = remote("history fetch --from yesterday", listen).await;
    assert_eq!(wrong, Err(Exit::Usage));
}

async fn remote(command: &str, listen: Listen) -> Result<(), Exit> {
    let arguments = std::iter::once("mailserver-sidecar")
        .chain(command.split(' '))
        .map(Into::into);
    let Command::Remote(command) = CommandLine::read(arguments).unwrap().wanted() else {
        panic!("{command} is not remote")
    };
    let mut settings = Settings::default();
    settings.control.listen = listen;
    run_remote(&command, &settings)
        .await
        .map_err(|failure| failure.exit)
}
