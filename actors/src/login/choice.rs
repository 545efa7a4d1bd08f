//! Which account is logged in.

use crate::messages::login::{Account, LoginError};

/// So many accounts are named to people.
const MOST_NAMED: usize = 16;

/// The account that was named, else the only one there is.
///
/// # Errors
/// There is no such account, or no password opens it.
pub(super) fn choose(all: &[Account], wanted: Option<&str>) -> Result<Account, LoginError> {
    let named = || {
        let keys = all.iter().take(MOST_NAMED).map(|it| it.key_uid.clone());
        keys.collect::<Vec<_>>()
    };
    let is_wanted = |it: &&Account| wanted.is_some_and(|key| it.key_uid.eq_ignore_ascii_case(key));
    let account = match (all, wanted) {
        ([], _) => return Err(LoginError::NoAccount),
        (_, Some(_)) => all
            .iter()
            .find(is_wanted)
            .ok_or_else(|| LoginError::UnknownAccount(named()))?,
        ([only], None) => only,
        (_, None) => return Err(LoginError::SeveralAccounts(named())),
    };
    match account.keycard {
        true => Err(LoginError::Keycard),
        false => Ok(account.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(digit: char, keycard: bool) -> Account {
        Account {
            key_uid: format!("0x{}", digit.to_string().repeat(64)),
            kdf_iterations: 256_000,
            keycard,
        }
    }

    #[test]
    fn the_named_one_or_the_only_one_and_no_other() {
        let (a, b, card) = (account('a', false), account('b', false), account('c', true));
        let key = |it: &Account| it.key_uid.clone();
        assert_eq!(choose(&[], None), Err(LoginError::NoAccount));
        assert_eq!(choose(&[], Some(&a.key_uid)), Err(LoginError::NoAccount));
        assert_eq!(choose(std::slice::from_ref(&a), None), Ok(a.clone()));
        let several = [a.clone(), b.clone()];
        let all = vec![key(&a), key(&b)];
        assert_eq!(
            choose(&several, None),
            Err(LoginError::SeveralAccounts(all.clone()))
        );
        assert_eq!(
            choose(
                &several,
                Some(&b.key_uid.to_uppercase().replace("0X", "0x"))
            ),
            Ok(b)
        );
        assert_eq!(
            choose(&several, Some(&card.key_uid)),
            Err(LoginError::UnknownAccount(all))
        );
        assert_eq!(choose(&[card], None), Err(LoginError::Keycard));
    }
}
