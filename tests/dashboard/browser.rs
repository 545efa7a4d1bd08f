//! Chromium without a window, driven over WebDriver.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
};

use fantoccini::{Client, ClientBuilder, wd::WebDriverCompatibleCommand};
use http::Method;
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use url::{ParseError, Url};

const DRIVER: &str = "chromedriver";

/// No request of the browser's own leaves the machine, and none is tried.
const FLAGS: [&str; 9] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
];

/// What is missing for a browser test.
pub(crate) fn missing() -> Option<String> {
    let told = Command::new(DRIVER).arg("--version").output();
    match told {
        Ok(output) if output.status.success() => None,
        Ok(output) => Some(format!("{DRIVER} --version ended with {}", output.status)),
        Err(error) => Some(format!("{DRIVER}: {error} (Debian: chromium-driver)")),
    }
}

/// A browser with one page. Its client has to be closed: the driver alone would leave it behind.
pub(crate) struct Browser {
    pub(crate) client: Client,
}

/// What drives it; it ends when this is dropped.
pub(crate) struct Driver(Child);

impl Drop for Driver {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Browser {
    pub(crate) async fn open() -> (Self, Driver) {
        let driver = Command::new(DRIVER)
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut driver = Driver(driver);
        let port = port(&mut driver.0);
        let capabilities = json!({
            "goog:chromeOptions": { "args": FLAGS },
            "goog:loggingPrefs": { "browser": "ALL", "performance": "ALL" },
        });
        let Value::Object(capabilities) = capabilities else {
            unreachable!("written as an object")
        };
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities)
            .connect(&format!("http://127.0.0.1:{port}"))
            .await
            .unwrap();
        (Self { client }, driver)
    }

    /// What came to the log since it was read last.
    async fn log(&self, kind: &'static str) -> Vec<Value> {
        let told = self.client.issue_cmd(Log(kind)).await.unwrap();
        told.as_array().unwrap().clone()
    }

    /// What the page complained of: errors and warnings, those of the security policy too.
    pub(crate) async fn complaints(&self) -> Vec<String> {
        let entries = self.log("browser").await;
        let complaint = |it: &Value| {
            let level = it["level"].as_str()?;
            let text = it["message"].as_str()?;
            (level != "INFO").then(|| format!("{level}: {text}"))
        };
        entries.iter().filter_map(complaint).collect()
    }

    /// What was requested since the last time: every address, and how many bytes came over the wire.
    pub(crate) async fn requests(&self) -> (Vec<String>, u64) {
        let (mut addresses, mut bytes) = (Vec::new(), 0);
        for entry in self.log("performance").await {
            let event: Value = serde_json::from_str(entry["message"].as_str().unwrap()).unwrap();
            let (method, parameters) = (&event["message"]["method"], &event["message"]["params"]);
            match method.as_str() {
                Some("Network.requestWillBeSent") => {
                    let address = parameters["request"]["url"].as_str();
                    addresses.push(address.unwrap().to_owned());
                }
                Some("Network.loadingFinished") => {
                    bytes += parameters["encodedDataLength"].as_f64().unwrap_or_default() as u64;
                }
                _ => {}
            }
        }
        (addresses, bytes)
    }

    /// A command of the browser's own protocol.
    pub(crate) async fn command(&self, name: &'static str, parameters: Value) {
        let command = Devtools(name, parameters);
        self.client.issue_cmd(command).await.unwrap();
    }
}

/// The port that the driver took.
fn port(driver: &mut Child) -> u16 {
    let lines = BufReader::new(driver.stdout.take().unwrap()).lines();
    let port = |line: String| {
        let told = line.strip_prefix("ChromeDriver was started successfully on port ")?;
        told.trim_end_matches('.').parse().ok()
    };
    let mut ports = lines.map_while(Result::ok).filter_map(port);
    ports.next().expect("the driver tells its port")
}

#[derive(Debug)]
struct Log(&'static str);

impl WebDriverCompatibleCommand for Log {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, ParseError> {
        base.join(&format!("session/{}/se/log", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        (Method::POST, Some(json!({ "type": self.0 }).to_string()))
    }
}

#[derive(Debug)]
struct Devtools(&'static str, Value);

impl WebDriverCompatibleCommand for Devtools {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, ParseError> {
        let session = session.unwrap_or_default();
        base.join(&format!("session/{session}/goog/cdp/execute"))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        let body = json!({ "cmd": self.0, "params": self.1 });
        (Method::POST, Some(body.to_string()))
    }
}
