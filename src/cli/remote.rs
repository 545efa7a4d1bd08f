//! The commands for a running sidecar: each is one call of its control API.

use actix_web::http::Method;
use clap::Subcommand;
use serde_json::{Value, json};

use super::{
    events, history,
    output::{Output, print, print_page},
    status,
};
use crate::{
    control::client::{Client, ClientError},
    exit::{Exit, Failure},
    service::control_token,
    settings::Settings,
};

/// A command for a running sidecar.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum Remote {
    /// Show what a running sidecar does, and why
    Status(Output),
    /// Follow the events of a running sidecar
    Events {
        /// First print those kept after this number; 0: all
        #[arg(long, value_name = "NUMBER")]
        after: Option<u64>,
        /// How to print.
        #[command(flatten)]
        output: Output,
    },
    /// Show up to when history is complete, and what is not; have it fetched
    History {
        /// What to do about it.
        #[command(subcommand)]
        action: Option<HistoryAction>,
        /// Show all closed windows that the sidecar tells of
        #[arg(long)]
        all: bool,
        /// Print JSON
        #[arg(long, global = true)]
        json: bool,
    },
    /// List, add and remove mailservers
    Mailservers {
        /// What to do with them.
        #[command(subcommand)]
        action: Option<MailserversAction>,
        /// Print JSON
        #[arg(long, global = true)]
        json: bool,
    },
    /// Use one mailserver
    Pin {
        /// An id, a peer id, an enode or a multiaddr
        id: String,
        /// How to print.
        #[command(flatten)]
        output: Output,
    },
    /// Use any mailserver again
    Unpin(Output),
}

/// What to do about history.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum HistoryAction {
    /// Have it fetched now: what is missing, or a period again
    Fetch {
        /// The begin, as 2026-11-27T10:40:00Z or in milliseconds since 1970
        #[arg(long, value_name = "TIME")]
        from: Option<String>,
        /// The end; now if left out
        #[arg(long, value_name = "TIME", requires = "from")]
        to: Option<String>,
    },
}

/// What to do with the mailservers.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum MailserversAction {
    /// List those that may be chosen (the default)
    List,
    /// Add one of your own
    Add {
        /// A unique id
        id: String,
        /// An enode, a multiaddr or an ENR
        address: String,
        /// For people
        #[arg(long, default_value = "", hide_default_value = true)]
        name: String,
        /// The fleet it is used for; the current one if left out
        #[arg(long, default_value = "", hide_default_value = true)]
        fleet: String,
    },
    /// Remove one that was added
    Remove {
        /// Its id
        id: String,
    },
}

/// Runs a command against the sidecar at `control.listen`.
///
/// # Errors
///
/// Exit code 69 if no sidecar answers there, 64 if it refuses what was asked, 70 if it failed.
pub async fn run(command: &Remote, settings: &Settings) -> Result<(), Failure> {
    let client = client(settings)?;
    let (answer, text, json) = match command {
        Remote::Events { after, output } => return follow(&client, *after, output.json).await,
        Remote::Status(output) => {
            let report = call(&client, Method::GET, &["status"], None).await?;
            let text = status::page(&report);
            (report, text, output.json)
        }
        Remote::History { action, all, json } => {
            let (answer, text) = ask_history(&client, action.as_ref(), *all).await?;
            (answer, text, *json)
        }
        Remote::Mailservers { action, json } => {
            let action = action.as_ref().unwrap_or(&MailserversAction::List);
            let (answer, text) = mailservers(&client, action).await?;
            (answer, text, *json)
        }
        Remote::Pin { id, output } => {
            let pinned = call(&client, Method::PUT, &["pin"], Some(json!({ "id": id }))).await?;
            let text = format!("pinned\n{}", status::mailserver(&pinned));
            (pinned, text, output.json)
        }
        Remote::Unpin(output) => (
            call(&client, Method::DELETE, &["pin"], None).await?,
            "unpinned\n".to_owned(),
            output.json,
        ),
    };
    match json {
        true => print(&format!("{answer:#}\n"))?,
        false => print_page(&text)?,
    };
    Ok(())
}

/// A client of the sidecar at `control.listen`.
pub(super) fn client(settings: &Settings) -> Result<Client, Failure> {
    let Some(listen) = settings.control.listen.address() else {
        return Err(Exit::Usage
            .because("control.listen = \"off\": a sidecar without a control API cannot be asked"));
    };
    let client = Client::new(listen);
    Ok(match control_token(settings)? {
        Some(token) => client.showing(&token),
        None => client,
    })
}

async fn ask_history(
    client: &Client,
    action: Option<&HistoryAction>,
    all: bool,
) -> Result<(Value, String), Failure> {
    let Some(HistoryAction::Fetch { from, to }) = action else {
        let report = call(client, Method::GET, &["history"], None).await?;
        let text = history::page(&report, all);
        return Ok((report, text));
    };
    // A number is told as one: the sidecar reads both.
    let time = |text: &String| {
        text.parse::<u64>()
            .map_or_else(|_| json!(text), |it| json!(it))
    };
    let (from, to) = (from.as_ref().map(time), to.as_ref().map(time));
    let body = from.map(|from| json!({ "from": from, "to": to }));
    let answer = call(client, Method::POST, &["history"], body).await?;
    let text = history::accepted(&answer);
    Ok((answer, text))
}

async fn mailservers(
    client: &Client,
    action: &MailserversAction,
) -> Result<(Value, String), Failure> {
    match action {
        MailserversAction::List => {
            let list = call(client, Method::GET, &["mailservers"], None).await?;
            let text = status::mailservers(&list);
            Ok((list, text))
        }
        MailserversAction::Add {
            id,
            address,
            name,
            fleet,
        } => {
            let body = json!({ "id": id, "address": address, "name": name, "fleet": fleet });
            let added = call(client, Method::POST, &["mailservers"], Some(body)).await?;
            let text = format!("added\n{}", status::mailserver(&added));
            Ok((added, text))
        }
        MailserversAction::Remove { id } => {
            let answer = call(client, Method::DELETE, &["mailservers", id], None).await?;
            Ok((answer, "removed\n".to_owned()))
        }
    }
}

async fn follow(client: &Client, after: Option<u64>, json: bool) -> Result<(), Failure> {
    let mut stream = client.events(after).await.map_err(failure)?;
    while let Some(event) = stream.next().await.map_err(failure)? {
        let line = events::line(&event, json);
        let wanted = if json {
            print(&line)
        } else {
            print_page(&line)
        };
        if !wanted? {
            break;
        }
    }
    Ok(())
}

async fn call(
    client: &Client,
    method: Method,
    path: &[&str],
    body: Option<Value>,
) -> Result<Value, Failure> {
    client
        .request(method, path, body.as_ref())
        .await
        .map_err(failure)
}

/// The exit code for it, and the next step.
pub(super) fn failure(error: ClientError) -> Failure {
    let exit = match &error {
        ClientError::Unreachable { .. }
        | ClientError::Foreign { .. }
        | ClientError::Refused {
            status: 401 | 503, ..
        } => Exit::Unreachable,
        ClientError::Refused {
            status: 400..=499, ..
        } => Exit::Usage,
        ClientError::Refused { .. } => Exit::Internal,
    };
    match next_step(&error) {
        Some(step) => exit.because(format_args!("{error}\n{step}")),
        None => exit.because(error),
    }
}

/// What a person can do about it.
fn next_step(error: &ClientError) -> Option<&'static str> {
    match error {
        ClientError::Unreachable { .. } => Some(
            "Is the sidecar running? `mailserver-sidecar run` starts one; one that listens elsewhere is asked with\n\
             --set control.listen=ADDRESS:PORT, or with the --config that it was started with.",
        ),
        ClientError::Foreign { .. } => Some(
            "Another program has that port: --set control.listen=ADDRESS:PORT names the one of the sidecar.",
        ),
        ClientError::Refused { status: 401, .. } => Some(
            "--set control.token_file=FILE names the file with the token that the sidecar was started with; the\n\
             --config that it was started with does so as well.",
        ),
        ClientError::Refused { .. } => None,
    }
}
