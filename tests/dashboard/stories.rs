//! What a person sees and does.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
};

use actors::model::node::Mode;
use fantoccini::Locator;

use crate::rig::Page;

pub(crate) async fn a_lost_mailserver_is_seen(page: Page) -> Page {
    let lost = page.active().await;
    page.kill(&lost);
    let another =
        format!("//*[@id='active'][contains(., '(connected)') and not(contains(., '{lost}'))]");
    page.find(&another).await;
    page.shows("#verdict", "All is well").await;
    let next = page.active().await;
    assert_ne!(next, lost);
    let told = format!(
        "//ol[@id='timeline']/li[@data-event='mailserver:changed'][contains(., '{next} is used')]"
    );
    page.find(&told).await;
    page.find(&format!(
        "//tr[contains(@class, 'active')][contains(., '{next}')]"
    ))
    .await;
    page.is_clean().await;
    page
}

pub(crate) async fn a_pin_from_the_page_moves_the_node(page: Page) -> Page {
    let used = page.active().await;
    let all = page.simulation.mailservers();
    let other = all.iter().find(|it| it.id != used).unwrap().id.clone();
    page.click(&format!("//button[@aria-label='Pin {other}']"))
        .await;
    // It interrupts what works: nothing is done before the answer.
    page.shows("#confirm-question", &used).await;
    page.click("//dialog[@id='confirm']//button[@value='no']")
        .await;
    assert_eq!(page.active().await, used);
    page.click(&format!("//button[@aria-label='Pin {other}']"))
        .await;
    page.click("//button[@id='confirm-yes']").await;
    page.shows("#active", &format!("{other} (connected)")).await;
    page.shows("#pin", &other).await;
    let node = page.simulation.used_mailserver();
    assert_eq!(node.as_deref(), Some(other.as_str()));
    page.click("//button[@id='unpin']").await;
    page.shows("#answers", "Unpinned").await;
    page.shows("#pin", "none").await;
    page.is_clean().await;
    page
}

pub(crate) async fn a_refusal_is_told_in_the_words_of_the_service(page: Page) -> Page {
    fill_in(&page, "nowhere").await;
    page.shows("#answers", "address: ").await;
    let kept = page.find("//form[@id='add']//input[@name='address']").await;
    let kept = kept.prop("value").await.unwrap();
    assert_eq!(kept.as_deref(), Some("nowhere"), "it can be mended");
    page
}

pub(crate) async fn a_mailserver_is_added_and_removed(page: Page) -> Page {
    let address = "/ip4/127.0.0.1/tcp/1/p2p/16Uiu2HAmRUBhDKZTTx1LAZnkEHrVcxvQEUTNSrt15B3wUATo7TvM";
    fill_in(&page, address).await;
    page.shows("#answers", "mine is added").await;
    page.shows("#candidates", "mine").await;
    page.click("//button[@aria-label='Remove mine']").await;
    page.shows("#answers", "mine is removed").await;
    page.find("//tbody[@id='candidates'][not(contains(., 'mine'))]")
        .await;
    page.is_clean().await;
    page
}

async fn fill_in(page: &Page, address: &str) {
    page.click("//summary[.='Add a mailserver']").await;
    for (name, value) in [("id", "mine"), ("address", address)] {
        let field = page
            .find(&format!("//form[@id='add']//input[@name='{name}']"))
            .await;
        field.send_keys(value).await.unwrap();
    }
    page.click("//form[@id='add']//button").await;
}

pub(crate) async fn the_timeline_is_filtered_and_searched(page: Page) -> Page {
    page.find("//ol[@id='timeline']/li[@data-event='decision']")
        .await;
    page.click("//fieldset[@id='groups']/label[.='Choices']")
        .await;
    assert_eq!(page.count("#timeline li[data-event='decision']").await, 0);
    assert_ne!(page.count("#timeline li").await, 0);
    let search = page.browser.client.find(Locator::Id("search")).await;
    search.unwrap().send_keys("no such thing").await.unwrap();
    page.shows("#timeline-note", "Nothing matches").await;
    assert_eq!(page.count("#timeline li").await, 0);
    page
}

pub(crate) async fn it_says_when_it_is_stale_and_comes_back_by_itself(mut page: Page) -> Page {
    page.shows("#connection", "Live").await;
    page.stop_service().await;
    page.shows("#connection", "What you see is from").await;
    page.start_service().await;
    page.find("//*[@id='connection'][.='Live']").await;
    page.shows("#verdict", "All is well").await;
    page.shows("#timeline", "the sidecar was started again")
        .await;
    page
}

pub(crate) async fn a_node_that_picks_by_itself_is_shown_as_such(page: Page) -> Page {
    let page = page.beside(Mode::Observe).await;
    page.shows("#verdict-detail", "History can be fetched")
        .await;
    page.shows("#active-label", "Answers").await;
    page.shows("#candidates-note", "picks one of these for each query")
        .await;
    let pins = "//button[starts-with(@aria-label, 'Pin ')]";
    let pins = page.browser.client.find_all(Locator::XPath(pins)).await;
    for pin in pins.unwrap() {
        assert!(!pin.is_displayed().await.unwrap());
    }
    page
}

pub(crate) async fn a_page_signs_in_where_a_token_is_wanted(page: Page) -> Page {
    let page = page.behind("a-token-of-twenty-signs").await;
    let sign_in = async |token: &str| {
        let field = page.find("//form[@id='sign-in-form']//input").await;
        field.clear().await.unwrap();
        field.send_keys(token).await.unwrap();
        page.click("//form[@id='sign-in-form']//button").await;
    };
    page.find("//dialog[@id='sign-in'][@open]").await;
    sign_in("another-token-of-twenty").await;
    page.shows("#sign-in-note", "That is not the token").await;
    sign_in("a-token-of-twenty-signs").await;
    page.shows("#verdict", "All is well").await;
    page.find("//*[@id='connection'][.='Live']").await;
    page
}

pub(crate) async fn a_playground_is_broken_from_its_panel(page: Page) -> Page {
    assert_eq!(
        page.count("#playground").await,
        0,
        "no other sidecar has it"
    );
    let playground = Playground::start();
    let address = playground.address.as_str();
    page.browser.client.goto(address).await.unwrap();
    let broken = page.active().await;
    let choice = format!("//section[@id='playground']//label[contains(., '{broken}')]/select");
    page.find(&choice)
        .await
        .select_by_value("killed")
        .await
        .unwrap();
    page.shows("#answers", &format!("{broken} is killed")).await;
    let another =
        format!("//*[@id='active'][contains(., '(connected)') and not(contains(., '{broken}'))]");
    page.find(&another).await;
    page.find(&choice).await.select_by_value("").await.unwrap();
    page.shows("#answers", &format!("{broken} is well again"))
        .await;
    page.find("//ul[@class='playground'][not(li[@class='broken'])]")
        .await;
    page.shows("#playground", "the node lacks 0 of them").await;
    page
}

/// `simulate`, as a newcomer starts it; it ends when this is dropped.
struct Playground {
    process: Child,
    address: String,
}

impl Playground {
    fn start() -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_mailserver-sidecar"))
            .args([
                "simulate",
                "--mailservers",
                "4",
                "--set",
                "control.listen=127.0.0.1:0",
            ])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let told = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut told = told.map_while(Result::ok);
        let address = told.find(|it| it.trim().starts_with("http://")).unwrap();
        let address = address.trim().to_owned();
        Self { process, address }
    }
}

impl Drop for Playground {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
