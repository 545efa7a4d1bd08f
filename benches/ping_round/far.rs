//! Mailservers that are pinged, on a thread of their own: what they compute is not the pinger's time.

use std::{sync::mpsc, thread, time::Duration};

use actors::model::{mailserver::Mailserver, node::Mode};
use mailserver_sidecar::sim::{self, Fault, MailserverInfo, Simulation};
use tokio::sync::oneshot;

/// Mailservers far away; they end with this.
pub(crate) struct Far {
    pub(crate) targets: Vec<Mailserver>,
    /// Where their node answers.
    pub(crate) rpc_url: String,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Far {
    /// As many as there are latencies; every fourth has this fault.
    pub(crate) fn start(latencies: Vec<Duration>, fault: Fault) -> Self {
        let (tell, told) = mpsc::channel();
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = thread::spawn(move || {
            actix::System::new().block_on(async {
                let simulation = serve(latencies, fault);
                let started = (simulation.mailservers(), simulation.rpc_url());
                tell.send(started).expect("somebody waits for it");
                // Dropped is as good as told.
                let _ = stopped.await;
            });
        });
        let (mailservers, rpc_url) = told.recv().expect("they start");
        Self {
            targets: mailservers.iter().map(MailserverInfo::mailserver).collect(),
            rpc_url,
            stop: Some(stop),
            thread: Some(thread),
        }
    }
}

impl Drop for Far {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // It fails only where the bench has failed already.
            let _ = thread.join();
        }
    }
}

fn serve(latencies: Vec<Duration>, fault: Fault) -> Simulation {
    let settings = sim::Settings {
        mailservers: latencies.len(),
        latencies,
        ..sim::Settings::new(Mode::Waku2)
    };
    let count = settings.mailservers;
    let simulation = Simulation::start(settings).expect("there are free ports");
    for index in (3..count).step_by(4) {
        let set = simulation.set_fault(index, fault);
        set.expect("a mailserver can be broken");
    }
    simulation
}
