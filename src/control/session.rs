//! `/api/v1/session`: how a page comes to be let in.
//!
//! A page cannot send a header with an event stream, and a secret in an address ends up in logs. So a page shows the
//! token once, and gets a cookie that no script can read and no foreign site can send.

use actix_web::{
    HttpRequest, HttpResponse,
    http::{
        Method, StatusCode,
        header::{CACHE_CONTROL, SET_COOKIE},
    },
    web::Data,
};

use super::{
    error::{ApiError, Kind},
    gate::cookie_name,
    guard::Guard,
    openapi::Operation,
    sessions::LASTS,
};

/// Where both are asked for.
const PATH: &str = "/api/v1/session";

pub(super) fn operations() -> [Operation; 2] {
    let opening = Operation::of(Method::POST, PATH, "openSession", open)
        .says(
            "Open a session",
            "For a page, which cannot send its token with an event stream: it is sent once, and the cookie of the \
             answer is as good for 12 hours.",
        )
        .answers_nothing(StatusCode::NO_CONTENT, "The cookie is set.")
        .refuses(&[Kind::Conflict]);
    let ending = Operation::of(Method::DELETE, PATH, "endSession", end)
        .says("End the session", "The cookie is worth nothing any more.")
        .answers_nothing(StatusCode::NO_CONTENT, "It is ended.");
    [opening, ending]
}

/// `POST`: who comes here has shown the token, or another session.
async fn open(guard: Data<Guard>) -> Result<HttpResponse, ApiError> {
    let secret = guard.gate().open_session()?;
    Ok(with_cookie(&guard, &secret, LASTS.as_secs()))
}

/// `DELETE`: the session of the cookie ends.
async fn end(request: HttpRequest, guard: Data<Guard>) -> HttpResponse {
    guard.gate().end_session(request.head(), guard.port());
    with_cookie(&guard, "", 0)
}

fn with_cookie(guard: &Guard, secret: &str, seconds: u64) -> HttpResponse {
    let name = cookie_name(guard.port());
    let cookie =
        format!("{name}={secret}; Path=/api/; Max-Age={seconds}; HttpOnly; SameSite=Strict");
    HttpResponse::NoContent()
        .insert_header((SET_COOKIE, cookie))
        .insert_header((CACHE_CONTROL, "no-store"))
        .finish()
}
