//! Mailservers that hold messages, on a thread of their own: what they compute is not the sidecar's time.

use std::{sync::mpsc, thread};

use actors::model::{mailserver::Mailserver, node::Mode, topic::Topic};
use mailserver_sidecar::sim::{MailserverInfo, Settings, Simulation};
use tokio::sync::oneshot;

pub(crate) const MAILSERVERS: usize = 3;
pub(crate) const MESSAGES: usize = 10_000;

/// As many topics as one query may have.
const TOPICS: usize = 10;

/// Mailservers with their messages; they end with this.
pub(crate) struct Shelves {
    pub(crate) mailservers: Vec<Mailserver>,
    /// Where their node answers.
    pub(crate) rpc_url: String,
    stop: oneshot::Sender<()>,
    thread: thread::JoinHandle<usize>,
}

impl Shelves {
    pub(crate) fn start() -> Self {
        let (tell, told) = mpsc::channel();
        let (stop, stopped) = oneshot::channel();
        let thread = thread::spawn(move || {
            actix::System::new().block_on(async {
                let simulation = serve();
                let started = (simulation.mailservers(), simulation.rpc_url());
                tell.send(started).expect("somebody waits for it");
                // Dropped is as good as told.
                let _ = stopped.await;
                simulation.journal().len()
            })
        });
        let (mailservers, rpc_url) = told.recv().expect("they start");
        Self {
            mailservers: mailservers.iter().map(MailserverInfo::mailserver).collect(),
            rpc_url,
            stop,
            thread,
        }
    }

    /// Ends them; how many calls came to their node.
    pub(crate) fn calls(self) -> usize {
        drop(self.stop);
        self.thread.join().expect("they end by themselves")
    }
}

pub(crate) fn topics() -> Vec<Topic> {
    let topic = |number| Topic {
        pubsub: "/waku/2/rs/16/32".into(),
        content: format!("/waku/1/{number:#010x}/rfc26"),
    };
    (0..TOPICS).map(topic).collect()
}

fn serve() -> Simulation {
    let settings = Settings {
        mailservers: MAILSERVERS,
        topics: topics(),
        ..Settings::new(Mode::Waku2)
    };
    let simulation = Simulation::start(settings).expect("there are free ports");
    for number in 0..MESSAGES {
        simulation.publish_to(number % TOPICS, &format!("message {number}"));
    }
    simulation
}
