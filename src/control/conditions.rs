//! Requests that depend on what their sender knows (RFC 9110, 13): the entity tag of the list of mailservers, which is
//! its revision.

use actix_web::{
    HttpRequest,
    http::header::{EntityTag, Header, IF_MATCH, IF_NONE_MATCH, IfMatch, IfNoneMatch},
};
use actors::messages::candidates::{Expected, Revision};

/// The strong tag of a revision.
pub(super) fn tag(revision: Revision) -> EntityTag {
    EntityTag::new_strong(revision.to_string())
}

/// What the sender of a change expects. `*` is always met, since there always is a list.
pub(super) fn expected(request: &HttpRequest) -> Expected {
    if !request.headers().contains_key(IF_MATCH) {
        return Expected::Anything;
    }
    match IfMatch::parse(request) {
        Ok(IfMatch::Any) => Expected::Anything,
        Ok(IfMatch::Items(tags)) => Expected::OneOf(tags.iter().filter_map(revision).collect()),
        // Whatever is meant by it, it is no revision of ours.
        Err(_) => Expected::OneOf(Vec::new()),
    }
}

/// The revision that a tag stands for. A weak one never matches here, nor does one in another form than our own.
fn revision(tag: &EntityTag) -> Option<Revision> {
    let number = u64::from_str_radix(tag.tag(), 16).ok()?;
    let revision = Revision(number);
    tag.strong_eq(&self::tag(revision)).then_some(revision)
}

/// Whether the sender has what it asks for already.
pub(super) fn is_known(request: &HttpRequest, revision: Revision) -> bool {
    if !request.headers().contains_key(IF_NONE_MATCH) {
        return false;
    }
    match IfNoneMatch::parse(request) {
        Ok(IfNoneMatch::Any) => true,
        Ok(IfNoneMatch::Items(tags)) => tags.iter().any(|it| it.weak_eq(&tag(revision))),
        Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    const REVISION: Revision = Revision(0xab);

    #[test]
    fn a_change_expects_any_of_the_strong_tags_that_are_named() {
        let of = |lines: &[&str]| {
            let request = TestRequest::default();
            let named = lines
                .iter()
                .fold(request, |it, line| it.append_header((IF_MATCH, *line)));
            expected(&named.to_http_request())
        };
        assert_eq!(of(&[]), Expected::Anything);
        assert_eq!(of(&[" * "]), Expected::Anything);
        let ours = "\"00000000000000ab\"";
        for lines in [
            &[ours][..],
            &["\"x\", \"00000000000000ab\" ,,"],
            &["\"x\"", ours],
        ] {
            assert_eq!(of(lines), Expected::OneOf(vec![REVISION]), "{lines:?}");
        }
        for other in [
            "",
            "W/\"00000000000000ab\"",
            "\"ab\"",
            "\"00000000000000AB\"",
            "00000000000000ab",
            "\u{e9}",
        ] {
            assert_eq!(of(&[other]), Expected::OneOf(vec![]), "{other}");
        }
    }

    #[test]
    fn what_is_known_may_be_named_by_a_weak_tag_too() {
        for (line, known) in [
            ("\"00000000000000ab\"", true),
            ("W/\"00000000000000ab\"", true),
            ("\"x\", \"00000000000000ab\"", true),
            ("*", true),
            ("\"x\"", false),
            ("", false),
        ] {
            let request = TestRequest::default().insert_header((IF_NONE_MATCH, line));
            assert_eq!(
                is_known(&request.to_http_request(), REVISION),
                known,
                "{line}"
            );
        }
        assert!(!is_known(
            &TestRequest::default().to_http_request(),
            REVISION
        ));
    }
}
