//! The dashboard: a page that shows the state and changes it, in the browser of the same machine.
//!
//! It has no build step and loads nothing from elsewhere: what is in `assets` is in the binary, and goes out as it is.
//! uPlot (MIT) draws the charts; all else is written for this page, in modules that a browser reads by itself.

use std::io::Write;

use actix_web::{
    HttpRequest, HttpResponse, ResponseError,
    http::{
        StatusCode,
        header::{
            ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, HeaderName,
            REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS,
        },
    },
    web::{Data, Path},
};
use flate2::{Compression, write::GzEncoder};

use super::{
    error::{ApiError, Kind},
    openapi::Operation,
    ports::Config,
};

/// Nothing but what this service serves itself, no script or style in the page, and no text that is read as HTML.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

const PERMISSIONS_POLICY: HeaderName = HeaderName::from_static("permissions-policy");

struct Asset {
    name: &'static str,
    content_type: &'static str,
    text: &'static str,
}

macro_rules! asset {
    ($name:literal, $content_type:expr) => {
        Asset {
            name: $name,
            content_type: $content_type,
            text: include_str!(concat!("assets/", $name)),
        }
    };
}

const HTML: &str = "text/html; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

const PAGE: &str = include_str!("assets/index.html");

/// Where the page of a playground loads one script more.
const PLACE: &str = "<!-- playground -->";
const PLAYGROUND: &str = r#"<script src="/assets/playground.js" type="module"></script>"#;

/// What the page loads.
const ASSETS: [Asset; 14] = [
    asset!("api.js", SCRIPT),
    asset!("candidates.js", SCRIPT),
    asset!("chart.js", SCRIPT),
    asset!("dashboard.css", STYLE),
    asset!("dom.js", SCRIPT),
    asset!("icon.svg", "image/svg+xml"),
    asset!("main.js", SCRIPT),
    asset!("overview.js", SCRIPT),
    asset!("playground.js", SCRIPT),
    asset!("timeline.js", SCRIPT),
    asset!("uplot.css", STYLE),
    asset!("uplot.js", SCRIPT),
    asset!("windows.js", SCRIPT),
    asset!("words.js", SCRIPT),
];

pub(super) fn page() -> Operation {
    Operation::read("/", "getPage", get_page)
        .says("The dashboard", "For people, in a browser.")
        .answers_text(StatusCode::OK, "The page.", "text/html")
}

pub(super) fn asset() -> Operation {
    Operation::read("/assets/{name}", "getAsset", get_asset)
        .says("A file of the dashboard", "A script, a style or a picture.")
        .in_path("name", "The name of the file.")
        .answers_text(
            StatusCode::OK,
            "A script; styles and pictures have types of their own.",
            "text/javascript",
        )
        .refuses(&[Kind::NotFound])
}

async fn get_page(request: HttpRequest, config: Data<Config>) -> HttpResponse {
    let script = if config.playground { PLAYGROUND } else { "" };
    answer(&request, HTML, &PAGE.replacen(PLACE, script, 1))
}

async fn get_asset(request: HttpRequest, name: Path<String>) -> HttpResponse {
    match ASSETS.iter().find(|it| it.name == *name) {
        Some(asset) => answer(&request, asset.content_type, asset.text),
        None => ApiError::NotFound(request.path().to_owned()).error_response(),
    }
}

fn answer(request: &HttpRequest, content_type: &str, text: &str) -> HttpResponse {
    let mut answer = HttpResponse::Ok();
    answer
        .content_type(content_type)
        .insert_header((CONTENT_SECURITY_POLICY, POLICY))
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((REFERRER_POLICY, "no-referrer"))
        .insert_header((
            PERMISSIONS_POLICY,
            "camera=(), geolocation=(), microphone=()",
        ))
        // Another version of the sidecar has another page.
        .insert_header((CACHE_CONTROL, "no-cache"))
        .insert_header((VARY, "accept-encoding"));
    match takes_gzip(request).then(|| compressed(text)) {
        Some(Ok(body)) => answer.insert_header((CONTENT_ENCODING, "gzip")).body(body),
        Some(Err(_)) | None => answer.body(text.to_owned()),
    }
}

fn takes_gzip(request: &HttpRequest) -> bool {
    let told = request.headers().get(ACCEPT_ENCODING);
    let told = told.and_then(|it| it.to_str().ok()).unwrap_or_default();
    told.split(',').any(|it| it.trim() == "gzip")
}

fn compressed(text: &str) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_bytes())?;
    encoder.finish()
}
