//! The accounts in the data directory of a status-backend, and how they are listed.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value, json};

use super::settings::AccountSettings;

/// When the accounts logged in last, before the simulation began: the first one a second after the next.
const BEFORE: u64 = 1_760_000_000;

/// Twelve words that lead to an account: nobody must ever write them down.
const MNEMONIC: &str =
    "abandon ability able about above absent absorb abstract absurd abuse access accident";

/// One account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) settings: AccountSettings,
    /// When it last logged in, seconds since 1970.
    timestamp: u64,
}

impl Account {
    /// As `InitializeApplication` and `node.login` show it (recorded on 2024-10).
    pub(crate) fn shown(&self) -> Value {
        let mut shown = json!({
            "name": "simulated user",
            "timestamp": self.timestamp,
            "identicon": "",
            "colorHash": [[1, 6], [2, 25], [3, 4]],
            "colorId": 10,
            "customizationColor": "primary",
            "keycard-pairing": "",
            "key-uid": self.settings.key_uid,
            "images": null,
            "hasAcceptedTerms": true,
        });
        if self.settings.kdf_iterations > 0 {
            shown["kdfIterations"] = self.settings.kdf_iterations.into();
        }
        shown
    }
}

/// The accounts, the newest login first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Accounts(Vec<Account>);

impl Accounts {
    /// Those of the settings, in that order.
    pub(crate) fn new(accounts: &[AccountSettings]) -> Self {
        let mut timestamp = BEFORE;
        let accounts = accounts.iter().map(|settings| {
            timestamp -= 1;
            Account {
                settings: settings.clone(),
                timestamp,
            }
        });
        Self(accounts.collect())
    }

    /// The one that logged in last.
    pub(crate) fn newest(&self) -> Option<&Account> {
        self.0.first()
    }

    /// The one of this key uid.
    pub(crate) fn find(&self, key_uid: &str) -> Option<&Account> {
        let mut all = self.0.iter();
        all.find(|account| account.settings.key_uid == key_uid)
    }

    /// One logged in.
    pub(crate) fn logged_in(&mut self, key_uid: &str) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let is_it = |account: &Account| account.settings.key_uid == key_uid;
        if let Some(position) = self.0.iter().position(is_it) {
            self.0[..=position].rotate_right(1);
            self.0[0].timestamp = now.unwrap_or_default().as_secs();
        }
    }

    /// The list, null if there are none (recorded on 2024-10).
    pub(crate) fn shown(&self) -> Value {
        match self.0.is_empty() {
            true => Value::Null,
            false => self.0.iter().map(Account::shown).collect(),
        }
    }
}

/// What an account's settings say of it, its mnemonic included (recorded on 2024-10).
pub(crate) fn identifying_settings(key_uid: &str) -> Map<String, Value> {
    let digits = key_uid.trim_start_matches("0x");
    let mut settings = Map::new();
    settings.insert("key-uid".into(), key_uid.into());
    // Of 65 bytes, as an uncompressed key.
    let public_key = format!("0x04{digits:0>64}{digits:0>64}");
    settings.insert("public-key".into(), public_key.into());
    settings.insert("mnemonic".into(), MNEMONIC.into());
    settings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_login_comes_first() {
        let settings = |key_uid: &str| AccountSettings {
            key_uid: key_uid.into(),
            ..AccountSettings::default()
        };
        let mut accounts = Accounts::new(&[settings("0xa"), settings("0xb"), settings("0xc")]);
        accounts.logged_in("0xb");
        let shown = accounts.shown();
        let key_uids: Vec<_> = (0..3).map(|index| &shown[index]["key-uid"]).collect();
        assert_eq!(key_uids, ["0xb", "0xa", "0xc"]);
        let timestamps: Vec<_> = (0..3)
            .map(|index| shown[index]["timestamp"].as_u64())
            .collect();
        assert!(timestamps.is_sorted_by(|a, b| a > b), "{timestamps:?}");
    }
}
