//! How it looks, to eyes and to screen readers: on a phone and on a desk, light and dark.

use serde_json::{Value, json};

use crate::rig::Page;

/// axe-core 4.14 (MPL-2.0), as published.
const AXE: &str = include_str!("axe-core/axe.min.js");

/// All rules, best practices too; an answer of a text, for a promise is awaited by the driver.
const RUN_AXE: &str = "\
    const done = arguments[arguments.length - 1];
    axe.run({ resultTypes: ['violations'] }).then((found) => done(found.violations.map((it) =>
        `${it.id}: ${it.help}; ${it.nodes.map((node) => node.target.join(' ')).join(', ')}`)));";

/// The largest page load, in bytes on the wire.
const MOST_BYTES: u64 = 100_000;

pub(crate) async fn an_accessibility_check_finds_nothing(page: Page) -> Page {
    let (_, bytes) = page.browser.requests().await;
    assert!(bytes > 10_000, "measured: {bytes}");
    assert!(bytes <= MOST_BYTES, "{bytes} bytes");
    let lost = page.active().await;
    page.kill(&lost);
    page.shows("#timeline", "closed").await;
    for summary in ["Add a mailserver", "Fetch a time again"] {
        page.click(&format!("//summary[.='{summary}']")).await;
    }
    page.browser.client.execute(AXE, Vec::new()).await.unwrap();
    for (device, width, height) in [("desktop", 1280, 1500), ("phone", 390, 3000)] {
        for scheme in ["light", "dark"] {
            look(&page, width, height, scheme).await;
            let found = page.browser.client.execute_async(RUN_AXE, Vec::new()).await;
            assert_eq!(found.unwrap(), json!([]), "{device}, {scheme}");
            keep(&page, device, scheme).await;
        }
    }
    page.is_clean().await;
    page
}

async fn look(page: &Page, width: u32, height: u32, scheme: &str) {
    let metrics =
        json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
    let browser = &page.browser;
    browser
        .command("Emulation.setDeviceMetricsOverride", metrics)
        .await;
    let media = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
    browser.command("Emulation.setEmulatedMedia", media).await;
    let top = "window.scrollTo(0, 0)";
    browser.client.execute(top, Vec::new()).await.unwrap();
    let wide = "return document.documentElement.scrollWidth";
    let wide = browser.client.execute(wide, Vec::new()).await.unwrap();
    let fits = matches!(&wide, Value::Number(it) if it.as_u64() <= Some(width.into()));
    assert!(fits, "{wide} of {width}: it scrolls sideways");
}

async fn keep(page: &Page, device: &str, scheme: &str) {
    let Some(folder) = std::env::var_os("SCREENSHOTS") else {
        return;
    };
    let picture = page.browser.client.screenshot().await.unwrap();
    let path = std::path::Path::new(&folder).join(format!("{device}-{scheme}.png"));
    std::fs::write(path, picture).unwrap();
}
