//! HTTP and WebSocket, as far as a server needs them.

/// The value of a header.
pub(crate) fn header(head: &str, name: &str) -> Option<String> {
    let mut lines = head.lines().filter_map(|line| line.split_once(':'));
    lines
        .find(|(key, _)| key.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.trim().to_owned())
}

/// A WebSocket frame of a server.
pub(crate) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    match payload.len() {
        length @ ..126 => bytes.push(length as u8),
        length @ ..65536 => bytes.extend([&[126][..], &(length as u16).to_be_bytes()].concat()),
        length => bytes.extend([&[127][..], &(length as u64).to_be_bytes()].concat()),
    }
    bytes.extend(payload);
    bytes
}
