//! A node with an active mailserver, which is killed, hung and cut off in turn; then the node itself goes away.

use std::time::{Duration, SystemTime};

use actors::model::mailserver::MailserverRef;

use super::{
    narrator::Recovery,
    story::{MESSAGES, Story},
};
use crate::{
    exit::{Exit, Failure},
    sim::{Fault, MailserverInfo},
};

/// What happens, in this order.
const CHAPTERS: [Chapter; 4] = [
    Chapter {
        title: "killed",
        event: "its process is killed",
        blow: Blow::Fault(Fault::Killed),
    },
    Chapter {
        title: "hung",
        event: "it is stopped, and answers nothing",
        blow: Blow::Fault(Fault::Hung),
    },
    Chapter {
        title: "isolated",
        event: "its network is cut: packets vanish",
        blow: Blow::Fault(Fault::Isolated),
    },
    Chapter {
        title: "restart",
        event: "the node itself is restarted",
        blow: Blow::NodeRestart,
    },
];

struct Chapter {
    title: &'static str,
    event: &'static str,
    blow: Blow,
}

enum Blow {
    Fault(Fault),
    NodeRestart,
}

/// Tells the story.
pub(super) async fn tell(story: &mut Story) -> Result<(), Failure> {
    story.publish();
    let first = story.recovery("start", SystemTime::now(), true).await?;
    let mut active = used(&first)?;
    let decision = story.decision.take();
    story.narrator.started(&first, decision.as_ref())?;
    for one in &CHAPTERS {
        active = chapter(story, one, &active).await?;
    }
    Ok(())
}

/// One chapter; the mailserver that is active at its end.
async fn chapter(
    story: &mut Story,
    chapter: &Chapter,
    active: &MailserverRef,
) -> Result<MailserverRef, Failure> {
    story
        .narrator
        .blow(chapter.title, &active.id, chapter.event)?;
    let position = |it: &MailserverInfo| it.id == active.id;
    let index = story.simulation.mailservers().iter().position(position);
    let index = index.ok_or_else(|| Exit::Internal.because("a mailserver of nobody"))?;
    let since = SystemTime::now();
    match chapter.blow {
        Blow::Fault(fault) => story.fault(index, fault)?,
        Blow::NodeRestart => story.simulation.stop_node().await,
    }
    story.publish();
    if matches!(chapter.blow, Blow::NodeRestart) {
        tokio::time::sleep(Duration::from_secs(1)).await;
        story.start_node()?;
    }
    let recovery = story.recovery(chapter.title, since, true).await?;
    story.fault(index, Fault::None)?;
    let decision = story.decision.take();
    story
        .narrator
        .recovered(active, &recovery, decision.as_ref(), MESSAGES)?;
    used(&recovery)
}

fn used(recovery: &Recovery) -> Result<MailserverRef, Failure> {
    let available = recovery.available.as_ref().map(|(used, _)| used.clone());
    available.ok_or_else(|| Exit::Internal.because("nobody is used"))
}
