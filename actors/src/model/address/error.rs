//! Why a text is refused as an address.

/// No address is longer, in bytes. The longest published one (an ENR) has 400.
pub const MAX_LENGTH: usize = 2048;

/// Why a text is not the address of a mailserver.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Nothing but white space.
    #[error("empty address")]
    Empty,
    /// Longer than [`MAX_LENGTH`].
    #[error("{0} bytes, more than the {MAX_LENGTH} that an address may have")]
    TooLong(usize),
    /// None of the three forms.
    #[error("neither enode://…, a multiaddr (/…) nor enr:…")]
    UnknownForm,
    /// An enode whose key is not 64 bytes.
    #[error("public key of {0} digits instead of 128")]
    KeyLength(usize),
    /// An enode whose key has other characters than hex digits.
    #[error("public key is not hexadecimal")]
    KeyNotHex,
    /// An enode without `@host:port`, or an empty host.
    #[error("host missing")]
    HostMissing,
    /// Neither an IP address nor a name.
    #[error("bad host {0:?}")]
    BadHost(String),
    /// No port is named.
    #[error("port missing")]
    PortMissing,
    /// Not a number from 1 to 65535.
    #[error("bad port {0:?}")]
    BadPort(String),
    /// `?discport=` of an enode is not a number from 0 to 65535.
    #[error("bad discovery port {0:?}")]
    BadDiscoveryPort(String),
    /// A multiaddr without `/p2p/<peer id>`: nothing tells who is there.
    #[error("peer id missing (…/p2p/<peer id>)")]
    PeerIdMissing,
    /// `/p2p/` is followed by something else than a whole peer id in base58.
    #[error("bad peer id {0:?}")]
    BadPeerId(String),
    /// A multiaddr that goes on after the peer id.
    #[error("the peer id is not at the end")]
    PeerIdNotLast,
    /// A multiaddr with a syntax error or an unknown protocol.
    #[error("multiaddr: {0}")]
    Syntax(String),
    /// The mailserver is reached over UDP only (also QUIC, WebTransport), which no probe and not
    /// every node can.
    #[error("udp only: no tcp endpoint")]
    UdpOnly,
    /// A multiaddr of another shape than host, tcp port, optional WebSocket.
    #[error("unsupported multiaddr {0:?}")]
    Unsupported(String),
    /// An ENR that cannot be decoded.
    #[error("enr: {0}")]
    Record(String),
    /// An ENR that somebody else has signed or changed.
    #[error("enr: bad signature")]
    Signature,
    /// An ENR that names no endpoint at all.
    #[error("enr: no endpoint")]
    NoEndpoint,
}
