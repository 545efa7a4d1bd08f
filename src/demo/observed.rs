//! A node that picks a mailserver for each query: none is active, but history is fetched after whatever may have kept
//! messages away. It is a status-backend that comes back logged out, and is logged in.

use std::time::SystemTime;

use super::story::{MESSAGES, Story};
use crate::{exit::Failure, sim::Fault};

/// What happens, in this order.
const CHAPTERS: [Chapter; 5] = [
    Chapter {
        title: "poor mesh",
        event: "the node has peers, but they pass nothing on",
        blow: Blow::PoorMesh,
    },
    Chapter {
        title: "busy",
        event: "the same, and then it asks by itself: it answers us null",
        blow: Blow::Busy,
    },
    Chapter {
        title: "offline",
        event: "the node has no network, and must find a peer by itself then",
        blow: Blow::Offline,
    },
    Chapter {
        title: "all gone",
        event: "all mailservers are killed, and come back",
        blow: Blow::AllGone,
    },
    Chapter {
        title: "crash",
        event: "the node is killed, and comes back logged out",
        blow: Blow::Crash,
    },
];

struct Chapter {
    title: &'static str,
    event: &'static str,
    blow: Blow,
}

#[derive(Clone, Copy, PartialEq)]
enum Blow {
    PoorMesh,
    Busy,
    Offline,
    AllGone,
    Crash,
}

/// Tells the story.
pub(super) async fn tell(story: &mut Story) -> Result<(), Failure> {
    story.publish();
    let first = story.recovery("start", SystemTime::now(), true).await?;
    story.narrator.began(&first)?;
    for one in &CHAPTERS {
        chapter(story, one).await?;
    }
    Ok(())
}

async fn chapter(story: &mut Story, chapter: &Chapter) -> Result<(), Failure> {
    story.narrator.event(chapter.title, chapter.event)?;
    let blow = chapter.blow;
    story.forget();
    strike(story, blow).await?;
    story.second().await;
    let since = SystemTime::now();
    mend(story, blow).await?;
    let announced = !matches!(blow, Blow::PoorMesh | Blow::Busy);
    let recovery = story.recovery(chapter.title, since, announced).await?;
    story.narrator.fetched(&recovery, MESSAGES)
}

async fn strike(story: &mut Story, blow: Blow) -> Result<(), Failure> {
    match blow {
        Blow::PoorMesh | Blow::Busy => story.simulation.set_poor_mesh(true),
        Blow::Offline => story.simulation.node_offline(true),
        Blow::AllGone => return all(story, Fault::Killed),
        Blow::Crash => story.simulation.stop_node().await,
    }
    story.publish();
    story.simulation.sync_under_way(blow == Blow::Busy);
    Ok(())
}

async fn mend(story: &mut Story, blow: Blow) -> Result<(), Failure> {
    match blow {
        Blow::PoorMesh => story.simulation.set_poor_mesh(false),
        Blow::Busy => {
            story.simulation.set_poor_mesh(false);
            story.second().await;
            story.simulation.sync_under_way(false);
        }
        Blow::Offline => story.simulation.node_offline(false),
        Blow::AllGone => {
            all(story, Fault::None)?;
            // What they were sent while they were dead nobody would have.
            story.publish();
        }
        Blow::Crash => story.start_node()?,
    }
    Ok(())
}

fn all(story: &Story, fault: Fault) -> Result<(), Failure> {
    let count = story.simulation.mailservers().len();
    (0..count).try_for_each(|index| story.fault(index, fault))
}
