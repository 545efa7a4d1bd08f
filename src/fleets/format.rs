//! What a fleet file says, in either of the published schemas.
//!
//! - Classic: `{"meta": …, "fleets": {fleet: {role: {host: address}}}}`. The mailservers of waku1 are
//!   those of the role `mail`; those of waku2 are in the first of [`WAKU2_ROLES`] that is there and not
//!   empty: `status.prod` of 2024 has no store role, and its only role serves history.
//! - Node: `{fleet: {"storeNodes": [{"id", "addr"?, "enr"?}], …}}`, as nodes are built with it since 2024.
//!
//! One file may hold both: fleets of the node schema beside the key `fleets` with classic ones. That is
//! how the built-in file serves nodes of all generations.

use std::{borrow::Cow, collections::BTreeMap, fmt};

use actors::{
    messages::candidates::Fleet,
    model::{
        address::{Address, AddressError},
        mailserver::{Mailserver, Origin},
    },
};
use serde::{Deserialize, Deserializer, de};
use serde_json::value::RawValue;

/// No fleet file is larger, in bytes. The largest published one has 40 thousand.
pub const MAX_BYTES: usize = 4 * 1024 * 1024;

/// The role of mailservers in waku1 fleets.
const WAKU1_ROLE: &str = "mail";

/// The roles whose nodes keep history in waku2 fleets, the most exact first.
const WAKU2_ROLES: [&str; 3] = ["tcp/p2p/waku/store", "tcp/p2p/waku", "waku"];

/// What a fleet file gave.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Loaded {
    /// All fleets, also those without a mailserver.
    pub fleets: BTreeMap<String, Fleet>,
    /// What could not be used, for a warning each. A store node whose multiaddr is bad and whose ENR
    /// is good is in both lists.
    pub skipped: Vec<Skipped>,
}

/// An address of a fleet file that could not be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// The fleet.
    pub fleet: String,
    /// The mailserver, as far as it has a name; empty if it is the fleet itself.
    pub id: String,
    /// Why, for people.
    pub reason: String,
}

/// Why bytes are no fleet file.
#[derive(Debug, thiserror::Error)]
pub enum FormatError {
    /// More than [`MAX_BYTES`].
    #[error("more than the {MAX_BYTES} bytes that a fleet file may have")]
    TooLarge,
    /// Not JSON, or not an object.
    #[error("not a json object: {0}")]
    NotJson(#[source] serde_json::Error),
    /// Nothing in it looks like a fleet.
    #[error("neither a key \"fleets\" nor a fleet with \"storeNodes\" is in it")]
    NeitherSchema,
}

/// Reads a fleet file. An entry that cannot be used is skipped, and the rest is used.
///
/// # Errors
///
/// See [`FormatError`].
pub fn parse(bytes: &[u8]) -> Result<Loaded, FormatError> {
    if bytes.len() > MAX_BYTES {
        return Err(FormatError::TooLarge);
    }
    let file: InOrder<&RawValue> = serde_json::from_slice(bytes).map_err(FormatError::NotJson)?;
    let mut loaded = Loaded::default();
    let mut recognised = false;
    for (key, value) in file.0 {
        match key.as_str() {
            "meta" => {}
            "fleets" => recognised |= read_classic(value, &mut loaded),
            fleet => recognised |= read_node_fleet(fleet, value, &mut loaded),
        }
    }
    if recognised {
        Ok(loaded)
    } else {
        Err(FormatError::NeitherSchema)
    }
}

/// The value of the key `fleets`; false if it is nothing of the kind.
fn read_classic(value: &RawValue, loaded: &mut Loaded) -> bool {
    let Ok(fleets) = as_type::<InOrder<&RawValue>>(value) else {
        return false;
    };
    for (fleet, roles) in fleets.0 {
        match as_type(roles) {
            Ok(roles) => read_roles(&fleet, roles, loaded),
            Err(error) => loaded.skip(&fleet, "", error),
        }
    }
    true
}

fn read_roles(fleet: &str, mut roles: BTreeMap<String, InOrder<&RawValue>>, loaded: &mut Loaded) {
    loaded.fleets.entry(fleet.to_owned()).or_default();
    let waku2 = WAKU2_ROLES
        .into_iter()
        .find(|role| roles.get(*role).is_some_and(|hosts| !hosts.0.is_empty()));
    for role in [Some(WAKU1_ROLE), waku2].into_iter().flatten() {
        for (host, address) in roles.remove(role).unwrap_or_default().0 {
            match as_type::<Cow<'_, str>>(address) {
                Ok(address) => loaded.take(fleet, &host, [Some(address)]),
                Err(error) => loaded.skip(fleet, &host, error),
            }
        }
    }
}

/// A fleet of the node schema, as far as it matters here.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", expecting = "a fleet")]
struct NodeFleet<'a> {
    #[serde(borrow)]
    store_nodes: Vec<&'a RawValue>,
}

/// An entry of `storeNodes`.
#[derive(Deserialize)]
struct StoreNode<'a> {
    id: String,
    #[serde(borrow, default)]
    addr: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    enr: Option<Cow<'a, str>>,
}

/// A key that is no fleet is no reason to refuse the others; false in that case.
fn read_node_fleet(fleet: &str, value: &RawValue, loaded: &mut Loaded) -> bool {
    let stores = match as_type::<NodeFleet<'_>>(value) {
        Ok(node_fleet) => node_fleet.store_nodes,
        Err(error) => {
            loaded.skip(fleet, "", error);
            return false;
        }
    };
    loaded.fleets.entry(fleet.to_owned()).or_default();
    for store in stores {
        match as_type::<StoreNode<'_>>(store) {
            // The multiaddr first: it names the host by its name, which outlives its IP address.
            Ok(store) => loaded.take(fleet, &store.id, [store.addr, store.enr]),
            Err(error) => loaded.skip(fleet, "", error),
        }
    }
    true
}

fn as_type<'a, T: Deserialize<'a>>(value: &'a RawValue) -> Result<T, String> {
    // Without line and column, which count from the start of this value and mislead.
    serde_json::from_str(value.get()).map_err(|error| {
        let text = error.to_string();
        text.split(" at line ").next().unwrap_or(&text).to_owned()
    })
}

impl Loaded {
    /// Adds a mailserver with the first of its addresses that is one.
    fn take<'a>(
        &mut self,
        fleet: &str,
        id: &str,
        addresses: impl IntoIterator<Item = Option<Cow<'a, str>>>,
    ) {
        if id.is_empty() {
            return self.skip(fleet, id, "id missing");
        }
        let mut named = false;
        for text in addresses
            .into_iter()
            .flatten()
            .filter(|text| !text.is_empty())
        {
            named = true;
            match text.parse() {
                Ok(address) => return self.add(fleet, id, address),
                Err(error) => self.skip::<AddressError>(fleet, id, error),
            }
        }
        if !named {
            self.skip(fleet, id, "address missing");
        }
    }

    fn add(&mut self, fleet: &str, id: &str, address: Address) {
        self.fleets
            .entry(fleet.to_owned())
            .or_default()
            .mailservers
            .push(Mailserver {
                identity: address.identity().clone(),
                id: id.to_owned(),
                name: id.to_owned(),
                address,
                fleet: fleet.to_owned(),
                origin: Origin::Fleet,
            });
    }

    fn skip<R: fmt::Display>(&mut self, fleet: &str, id: &str, reason: R) {
        self.skipped.push(Skipped {
            fleet: fleet.to_owned(),
            id: id.to_owned(),
            reason: reason.to_string(),
        });
    }
}

/// `fleet status.prod, store-1: peer id missing …`
impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "fleet {}", self.fleet)?;
        if !self.id.is_empty() {
            write!(f, ", {}", self.id)?;
        }
        write!(f, ": {}", self.reason)
    }
}

/// A JSON object in the order of the file, which is the order that people gave it.
struct InOrder<T>(Vec<(String, T)>);

impl<T> Default for InOrder<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for InOrder<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries<T>(std::marker::PhantomData<T>);

        impl<'de, T: Deserialize<'de>> de::Visitor<'de> for Entries<T> {
            type Value = InOrder<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(InOrder(entries))
            }
        }

        deserializer.deserialize_map(Entries(std::marker::PhantomData))
    }
}
