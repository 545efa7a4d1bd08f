//! `simulate break`, `revive` and `show`: what is done to a playground that runs, over its control API.

use actix_web::http::Method;
use clap::{
    Subcommand, ValueEnum,
    builder::{PossibleValue, PossibleValuesParser},
};
use serde_json::{Value, json};

use super::{
    layout::{LABEL, push_line},
    output::{Output, print, print_page},
    remote::{self, client},
};
use crate::{
    control::client::ClientError,
    exit::{Exit, Failure},
    settings::Settings,
    sim::{Ailment, NodeAilment},
};

/// What to do with a playground.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum SimulateAction {
    /// Break a mailserver of the playground that runs, or its node
    Break {
        /// A mailserver, as store-03, or the word node
        target: String,
        /// What is wrong with it; the last three are for the node
        #[arg(value_parser = PossibleValuesParser::new(words()))]
        fault: String,
        /// How to print.
        #[command(flatten)]
        output: Output,
    },
    /// Make a mailserver of the playground well again, or its node
    Revive {
        /// A mailserver, as store-03, or the word node
        target: String,
        /// How to print.
        #[command(flatten)]
        output: Output,
    },
    /// Show what is wrong with whom
    Show(Output),
}

/// What is named when the node is meant.
const NODE: &str = "node";

/// All that can be wrong: first with a mailserver, then with the node.
fn words() -> impl Iterator<Item = PossibleValue> {
    words_of::<Ailment>().chain(words_of::<NodeAilment>())
}

fn words_of<T: ValueEnum + 'static>() -> impl Iterator<Item = PossibleValue> {
    let all = T::value_variants().iter();
    all.filter_map(T::to_possible_value)
}

/// Refuses what cannot be wrong with that one.
fn check(target: &str, fault: &str) -> Result<(), Failure> {
    let (whom, words): (_, Vec<_>) = match target {
        NODE => ("the node", words_of::<NodeAilment>().collect()),
        _ => ("a mailserver", words_of::<Ailment>().collect()),
    };
    if words.iter().any(|it| it.matches(fault, false)) {
        return Ok(());
    }
    let words: Vec<_> = words.iter().map(PossibleValue::get_name).collect();
    let words = words.join(", ");
    Err(Exit::Usage.because(format!("{whom} cannot be {fault}, but: {words}")))
}

/// Does it to the playground at `control.listen`.
///
/// # Errors
///
/// Exit code 69 if no sidecar answers there, 64 if it is no playground or refuses what was asked, 70 if it failed.
pub async fn run(action: &SimulateAction, settings: &Settings) -> Result<(), Failure> {
    let (method, path, body, output) = match action {
        SimulateAction::Break {
            target,
            fault,
            output,
        } => {
            check(target, fault)?;
            let body = json!({ "fault": fault });
            (Method::PUT, path(target), Some(body), output)
        }
        SimulateAction::Revive { target, output } => (Method::DELETE, path(target), None, output),
        SimulateAction::Show(output) => (Method::GET, vec!["playground"], None, output),
    };
    let client = client(settings)?;
    let answer = client.request(method, &path, body.as_ref()).await;
    let answer = answer.map_err(failure)?;
    match output.json {
        true => print(&format!("{answer:#}\n"))?,
        false => print_page(&page(&answer))?,
    };
    Ok(())
}

fn path(target: &str) -> Vec<&str> {
    match target {
        NODE => vec!["playground", NODE],
        id => vec!["playground", "mailservers", id],
    }
}

fn failure(error: ClientError) -> Failure {
    match error {
        ClientError::Unreachable { .. } => Exit::Unreachable.because(format_args!(
            "{error}\n\
             Is the playground running? `mailserver-sidecar simulate` starts one; one that listens elsewhere is\n\
             asked with --set control.listen=ADDRESS:PORT, as it says when it starts."
        )),
        error => remote::failure(error),
    }
}

/// The whole playground, a mailserver of it, or its node.
fn page(answer: &Value) -> String {
    let mut out = String::new();
    let Some(mailservers) = answer["mailservers"].as_array() else {
        let name = answer["name"].as_str().unwrap_or(NODE);
        push_line(&mut out, &format!("{name:<LABEL$}{}", state(answer)));
        return out;
    };
    let (node, mode) = (&answer["node"], answer["mode"].as_str());
    let peers = node["peers"].as_u64().unwrap_or(0);
    let mode = mode.unwrap_or_default();
    let plural = if peers == 1 { "" } else { "s" };
    let line = format!(
        "{NODE:<LABEL$}{}, {mode}, {peers} peer{plural}",
        state(node)
    );
    push_line(&mut out, &line);
    push_line(&mut out, &messages(&answer["messages"]));
    for one in mailservers {
        let name = one["name"].as_str().unwrap_or_default();
        let used = match one["id"] == node["mailserver"] {
            true => ", used by the node",
            false => "",
        };
        push_line(&mut out, &format!("{name:<LABEL$}{}{used}", state(one)));
    }
    out
}

fn messages(told: &Value) -> String {
    let count = |name: &str| told[name].as_u64().unwrap_or(0);
    let (sent, missing) = (count("sent"), count("missing"));
    let nobody = match count("out_of_reach") {
        0 => String::new(),
        some => format!(", {some} of them out of reach"),
    };
    format!(
        "{:<LABEL$}{sent} sent, {missing} missing{nobody}",
        "messages"
    )
}

fn state(one: &Value) -> &str {
    one["fault"].as_str().unwrap_or("well")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_says_what_is_wrong_with_whom_and_which_one_is_used() {
        let one = |name: &str, fault: Value| json!({ "id": format!("{name}.x"), "name": name, "fault": fault });
        let all = json!({
            "mode": "waku2",
            "node": { "fault": null, "mailserver": "store-01.x", "peers": 3 },
            "messages": { "sent": 9, "missing": 3, "out_of_reach": 1 },
            "mailservers": [one("store-01", Value::Null), one("store-02", "hung".into())],
        });
        let expected = "\
node       well, waku2, 3 peers
messages   9 sent, 3 missing, 1 of them out of reach
store-01   well, used by the node
store-02   hung
";
        assert_eq!(page(&all), expected);
        assert_eq!(page(&one("store-02", "hung".into())), "store-02   hung\n");
        assert_eq!(
            page(&json!({ "fault": "logged-out", "mailserver": null, "peers": 0 })),
            "node       logged-out\n"
        );
    }
}
