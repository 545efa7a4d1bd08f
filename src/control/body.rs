//! The bodies of requests: their type, their size, and how long they may take.

use std::time::Duration;

use actix_web::{
    HttpMessage, HttpRequest,
    web::{Bytes, Payload},
};
use serde::de::DeserializeOwned;

use super::error::ApiError;

/// The largest body, but for signals.
const MAX_BODY_BYTES: usize = 64 * 1024;

/// How long a body may take to arrive.
const BODY_LIMIT: Duration = Duration::from_secs(30);

/// A body that has to be there.
pub(super) async fn json<T: DeserializeOwned>(
    request: &HttpRequest,
    payload: Payload,
) -> Result<T, ApiError> {
    parse(&bytes(request, payload, MAX_BODY_BYTES).await?)
}

/// A body that may be left out, and then needs no type.
pub(super) async fn optional_json<T: DeserializeOwned>(
    request: &HttpRequest,
    payload: Payload,
) -> Result<Option<T>, ApiError> {
    let body = read(payload, MAX_BODY_BYTES).await?;
    if body.is_empty() {
        return Ok(None);
    }
    typed(request)?;
    parse(&body).map(Some)
}

/// A body of JSON as it came.
pub(super) async fn bytes(
    request: &HttpRequest,
    payload: Payload,
    limit: usize,
) -> Result<Bytes, ApiError> {
    typed(request)?;
    read(payload, limit).await
}

/// A page can send other types without asking first, so that the type is a second lock beside the Origin.
fn typed(request: &HttpRequest) -> Result<(), ApiError> {
    let told = request.content_type();
    if told.eq_ignore_ascii_case("application/json") {
        Ok(())
    } else {
        Err(ApiError::NotJson)
    }
}

async fn read(payload: Payload, limit: usize) -> Result<Bytes, ApiError> {
    let read = tokio::time::timeout(BODY_LIMIT, payload.to_bytes_limited(limit)).await;
    let read = read.map_err(|_| ApiError::TooSlow(BODY_LIMIT))?;
    let body = read.map_err(|_| ApiError::TooLarge(limit))?;
    body.map_err(|error| ApiError::Invalid(error.to_string()))
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    serde_json::from_slice(body).map_err(|error| ApiError::Invalid(error.to_string()))
}

#[cfg(test)]
mod tests {
    use actix_http::BoxedPayloadStream;
    use actix_web::{FromRequest, dev, test::TestRequest};
    use futures_util::{StreamExt, stream};
    use tokio::time::Instant;

    use super::*;

    #[actix::test]
    async fn a_body_that_dawdles_is_not_waited_for() {
        tokio::time::pause();
        let request = TestRequest::default()
            .insert_header(("content-type", "application/json"))
            .to_http_request();
        let begin = stream::iter([Ok(Bytes::from_static(b"{"))]);
        let endless: BoxedPayloadStream = Box::pin(begin.chain(stream::pending()));
        let mut endless = dev::Payload::from(endless);
        let payload = Payload::from_request(&request, &mut endless).await;
        let begun = Instant::now();
        let read = bytes(&request, payload.unwrap(), MAX_BODY_BYTES).await;
        assert_eq!(read, Err(ApiError::TooSlow(BODY_LIMIT)));
        // Timers are rounded up to a millisecond.
        assert!((begun.elapsed() - BODY_LIMIT).as_millis() <= 1);
    }
}
