//! A simulated node, the service beside it, and a browser that shows its page.

use std::{
    fs::Permissions, net::SocketAddr, os::unix::fs::PermissionsExt as _, panic::AssertUnwindSafe,
    time::Duration,
};

use actors::model::node::Mode;
use fantoccini::{Locator, elements::Element};
use futures_util::FutureExt as _;
use libtest_mimic::Failed;
use mailserver_sidecar::{
    exit::Failure,
    service::Running,
    settings::{Settings, Sources},
    sim::{self, Fault, Simulation},
};
use tempfile::TempDir;
use tokio::{sync::oneshot, task::JoinHandle};

use crate::browser::Browser;

/// Longer than anything here takes, however busy the machine is.
const LONG: Duration = Duration::from_secs(90);

/// Runs a test, and ends its browser whatever becomes of it.
pub(crate) fn run<T>(test: fn(Page) -> T) -> Result<(), Failed>
where
    T: Future<Output = Page>,
{
    actix_rt::System::new().block_on(async {
        let (browser, _driver) = Browser::open().await;
        let client = browser.client.clone();
        let told = AssertUnwindSafe(async { test(Page::open(browser).await).await.close().await });
        let told = told.catch_unwind().await;
        let _ = client.close().await;
        told.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        Ok(())
    })
}

/// The page of a service beside a simulated node.
pub(crate) struct Page {
    pub(crate) browser: Browser,
    pub(crate) simulation: Simulation,
    service: Service,
    directory: TempDir,
}

struct Service {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    ended: JoinHandle<Result<(), Failure>>,
}

fn simulation(mode: Mode) -> Simulation {
    let settings = sim::Settings {
        mailservers: 5,
        speed: 10.0,
        ..sim::Settings::new(mode)
    };
    Simulation::start(settings).unwrap()
}

async fn serve(
    simulation: &Simulation,
    directory: &TempDir,
    listen: SocketAddr,
    more: &[String],
) -> Service {
    let fleets = directory.path().join("fleets.json");
    std::fs::write(&fleets, simulation.fleet_file_json()).unwrap();
    let mut assignments = vec![
        format!("node.rpc_url={}", simulation.rpc_url()),
        format!("node.signals={}", simulation.signals_url()),
        format!("fleet.file={}", fleets.display()),
        format!("state.dir={}", directory.path().join("state").display()),
        format!("control.listen={listen}"),
        "cycle.tick=300ms".into(),
    ];
    assignments.extend_from_slice(more);
    let sources = Sources {
        assignments,
        ..Sources::default()
    };
    let settings = Settings::load(&sources).unwrap().settings;
    let running = Running::start(&settings, Some(1)).await.unwrap();
    let address = running.address.unwrap();
    let (stop, stopped) = oneshot::channel();
    let ended = actix_rt::spawn(running.until(async { drop(stopped.await) }));
    Service {
        address,
        stop,
        ended,
    }
}

impl Page {
    async fn open(browser: Browser) -> Self {
        let simulation = simulation(Mode::Waku2);
        let directory = TempDir::new().unwrap();
        let anywhere = SocketAddr::from(([127, 0, 0, 1], 0));
        let service = serve(&simulation, &directory, anywhere, &[]).await;
        let page = Self {
            browser,
            simulation,
            service,
            directory,
        };
        page.load().await;
        page.shows("#verdict", "All is well").await;
        page
    }

    async fn load(&self) {
        let address = format!("http://{}/", self.service.address);
        self.browser.client.goto(&address).await.unwrap();
    }

    /// Nothing was complained of, and nothing left the machine.
    pub(crate) async fn is_clean(&self) {
        let complaints = self.browser.complaints().await;
        assert!(complaints.is_empty(), "{complaints:#?}");
        let ours = format!("http://{}/", self.service.address);
        let (requests, _) = self.browser.requests().await;
        assert!(!requests.is_empty());
        // A new browser shows a page of its own first.
        let foreign = |it: &&String| !it.starts_with(&ours) && !it.starts_with("data:");
        let foreign: Vec<_> = requests.iter().filter(foreign).collect();
        assert!(foreign.is_empty(), "{foreign:#?}");
    }

    async fn close(self) {
        let _ = self.service.stop.send(());
        self.service.ended.await.unwrap().unwrap();
    }

    /// Ends the service; its address is free again.
    pub(crate) async fn stop_service(&mut self) {
        let (stop, _) = oneshot::channel();
        let stop = std::mem::replace(&mut self.service.stop, stop);
        let _ = stop.send(());
        let ended = &mut self.service.ended;
        ended.await.unwrap().unwrap();
    }

    /// Starts another one where it was, with a state of its own: the lock of the first is the process's.
    pub(crate) async fn start_service(&mut self) {
        self.start_service_with(&[]).await;
    }

    async fn start_service_with(&mut self, more: &[String]) {
        self.directory = TempDir::new().unwrap();
        let address = self.service.address;
        self.service = serve(&self.simulation, &self.directory, address, more).await;
    }

    /// The same page beside another node.
    pub(crate) async fn beside(mut self, mode: Mode) -> Self {
        self.stop_service().await;
        self.simulation = simulation(mode);
        self.start_service().await;
        self.load().await;
        self
    }

    /// The same page of a service that wants a token.
    pub(crate) async fn behind(mut self, token: &str) -> Self {
        let keys = TempDir::new().unwrap();
        let file = keys.path().join("token");
        std::fs::write(&file, token).unwrap();
        std::fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
        self.stop_service().await;
        let more = [format!("control.token_file={}", file.display())];
        self.start_service_with(&more).await;
        self.load().await;
        self
    }

    /// Waits for an element that is on the page.
    pub(crate) async fn find(&self, xpath: &str) -> Element {
        let wait = self.browser.client.wait().at_most(LONG);
        let found = wait.for_element(Locator::XPath(xpath)).await;
        match found {
            Ok(found) => found,
            Err(error) => {
                let body = self.browser.client.find(Locator::Css("body")).await;
                let text = body.unwrap().text().await.unwrap();
                panic!("{xpath}: {error}; the page: {text}")
            }
        }
    }

    /// Waits until the element with this selector (`#id`) shows a text.
    pub(crate) async fn shows(&self, id: &str, text: &str) -> Element {
        let id = id.trim_start_matches('#');
        let xpath = format!("//*[@id='{id}'][contains(., \"{text}\")]");
        self.find(&xpath).await
    }

    pub(crate) async fn click(&self, xpath: &str) {
        self.find(xpath).await.click().await.unwrap();
    }

    pub(crate) async fn count(&self, selector: &str) -> usize {
        let all = self.browser.client.find_all(Locator::Css(selector)).await;
        all.unwrap().len()
    }

    /// The mailserver that the page shows as the one in use.
    pub(crate) async fn active(&self) -> String {
        let shown = self.shows("#active", "(connected)").await;
        let text = shown.text().await.unwrap();
        text.trim_end_matches(" (connected)").to_owned()
    }

    pub(crate) fn kill(&self, id: &str) {
        let all = self.simulation.mailservers();
        let index = all.iter().position(|it| it.id == id).unwrap();
        self.simulation.set_fault(index, Fault::Killed).unwrap();
    }
}
