//! `/api/v1/session`: how a page comes to be let in.
//!
//! A page cannot send a header with an event stream, and a secret in an address ends up in logs. So a page shows the
//! token once, and gets a cookie that no script can read and no foreign site can send.

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{CACHE_CONTROL, SET_COOKIE},
    web::{self, Data},
};

use super::{error::ApiError, gate::cookie_name, guard::Guard, sessions::LASTS};

pub(super) fn register(routes: &mut web::ServiceConfig) {
    routes
        .route("/api/v1/session", web::post().to(open))
        .route("/api/v1/session", web::delete().to(end));
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
