//! The file that holds the password of the account, read when it is needed and not kept.

use std::{
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use actors::messages::login::Stamp;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use sha3::{Digest as _, Keccak256};
use zeroize::{Zeroize as _, Zeroizing};

use crate::secret_file::{self, SecretError, exactly, read_line};

/// No password is longer, in bytes.
pub(super) const LONGEST_PASSWORD: usize = 4096;

/// In which form the node knows the password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PasswordHash {
    /// As it is: accounts that were made over status-backend itself.
    Plain,
    /// `0x` and its keccak256: accounts that were made with an app, which sends it so. The node does not hash.
    Keccak,
}

/// The file that holds a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PasswordFile {
    path: PathBuf,
    hash: PasswordHash,
}

impl PasswordFile {
    /// The file at `path`; it is not looked at yet.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>, hash: PasswordHash) -> Self {
        Self {
            path: path.into(),
            hash,
        }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether its password can be used; it is read for that, and forgotten.
    ///
    /// # Errors
    /// It cannot.
    pub fn check(&self) -> Result<(), SecretError> {
        self.read().map(drop)
    }

    /// Which content it has.
    ///
    /// # Errors
    /// It cannot be opened, or others can read it.
    pub fn stamp(&self) -> Result<Stamp, SecretError> {
        let (_, metadata) = secret_file::open(&self.path)?;
        Ok(Stamp {
            modified: metadata.modified().ok(),
            length: metadata.len(),
            inode: metadata.ino(),
        })
    }

    /// Reads the password, in the form in which the node wants it.
    ///
    /// # Errors
    /// It cannot be used.
    pub(crate) fn read(&self) -> Result<SecretString, SecretError> {
        read_line(&self.path, LONGEST_PASSWORD, |password| {
            self.hash.apply(password)
        })
    }
}

impl PasswordHash {
    fn apply(self, password: &str) -> SecretString {
        match self {
            Self::Plain => exactly(password),
            Self::Keccak => {
                let mut hash = Keccak256::digest(password.as_bytes());
                let digits = Zeroizing::new(hexadecimal(&hash));
                hash.zeroize();
                exactly(&digits)
            }
        }
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(2 + 2 * bytes.len());
    text.push_str("0x");
    for byte in bytes {
        for half in [byte >> 4, byte & 0xf] {
            text.push(char::from(DIGITS[usize::from(half)]));
        }
    }
    text
}

/// A text without the password, also as JSON writes it: who receives a request may repeat it.
pub(crate) fn redact(text: &str, password: &SecretString) -> String {
    let password = password.expose_secret();
    let mut json = Zeroizing::new(Vec::with_capacity(6 * password.len() + 2));
    let written = serde_json::to_writer(&mut *json, password);
    let quoted = str::from_utf8(&json).unwrap_or_default();
    let inside = quoted.get(1..quoted.len().saturating_sub(1));
    let text = text.replace(password, "***");
    match (written, inside) {
        (Ok(()), Some(inside)) => text.replace(inside, "***"),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt as _};

    use tempfile::TempDir;

    use super::*;

    fn file(content: &[u8], mode: u32, hash: PasswordHash) -> (TempDir, PasswordFile) {
        let directory = TempDir::new().unwrap();
        let path = directory.path().join("password");
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        (directory, PasswordFile::new(path, hash))
    }

    fn read(content: &[u8]) -> Result<String, String> {
        let (_directory, file) = file(content, 0o600, PasswordHash::Plain);
        let password = file.read().map_err(|error| error.to_string())?;
        Ok(password.expose_secret().to_owned())
    }

    #[test]
    fn the_password_is_the_one_line_of_the_file() {
        assert_eq!(read(b"secret"), Ok("secret".into()));
        assert_eq!(read(b"secret\n"), Ok("secret".into()));
        assert_eq!(read(b"secret\r\n"), Ok("secret".into()));
        assert_eq!(read(" sécret \"\\ ".as_bytes()), Ok(" sécret \"\\ ".into()));
        let longest = "x".repeat(LONGEST_PASSWORD);
        assert_eq!(read(format!("{longest}\n").as_bytes()), Ok(longest.clone()));
        let refused = |content: &[u8]| read(content).unwrap_err();
        assert_eq!(refused(b""), "is empty");
        assert_eq!(refused(b"\n"), "is empty");
        assert_eq!(refused(b"secret\n\n"), "has more than one line");
        assert_eq!(refused(b"secret\xff"), "is not UTF-8");
        let longer = format!("{longest}x\n");
        assert_eq!(refused(longer.as_bytes()), "is longer than 4096 bytes");
    }

    #[test]
    fn a_file_that_others_can_read_is_refused_and_so_is_what_is_no_file() {
        for mode in [0o644, 0o640, 0o604, 0o660, 0o601] {
            let (_directory, file) = file(b"secret", mode, PasswordHash::Plain);
            let reason = file.check().unwrap_err().to_string();
            let path = file.path().display();
            let expected = format!("readable by others (mode {mode:04o}): chmod 600 {path}");
            assert_eq!(reason, expected);
            assert!(file.stamp().is_err());
        }
        for mode in [0o600, 0o400] {
            let (_directory, file) = file(b"secret", mode, PasswordHash::Plain);
            assert!(file.check().is_ok() && file.stamp().is_ok(), "{mode:o}");
        }
        let directory = TempDir::new().unwrap();
        let folder = PasswordFile::new(directory.path(), PasswordHash::Plain);
        assert_eq!(folder.check().unwrap_err().to_string(), "is not a file");
        let nothing = PasswordFile::new(directory.path().join("x"), PasswordHash::Plain);
        let reason = nothing.check().unwrap_err().to_string();
        assert!(reason.contains("No such file"), "{reason}");
    }

    #[test]
    fn the_apps_send_a_hash() {
        let (_directory, file) = file(b"password\n", 0o600, PasswordHash::Keccak);
        // keccak256("password"), as status-desktop has it.
        let expected = "0xb68fe43f0d1a0d7aef123722670be50268e15365401c442f8806ef83b612976b";
        assert_eq!(file.read().unwrap().expose_secret(), expected);
    }

    #[test]
    fn another_content_has_another_stamp() {
        let (_directory, file) = file(b"secret", 0o600, PasswordHash::Plain);
        let before = file.stamp().unwrap();
        assert_eq!(file.stamp().unwrap(), before);
        fs::write(file.path(), b"another").unwrap();
        assert_ne!(file.stamp().unwrap(), before);
    }

    #[test]
    fn nothing_shows_the_password() {
        let (_directory, file) = file(b"secret", 0o600, PasswordHash::Plain);
        let password = file.read().unwrap();
        assert!(!format!("{password:?} {file:?}").contains("secret\""));
        assert!(
            !format!("{password:?}").contains("secret\")"),
            "{password:?}"
        );
        assert_eq!(redact("no secret here", &password), "no *** here");
        let (_directory, file) = self::file(br#"se"cret"#, 0o600, PasswordHash::Plain);
        let password = file.read().unwrap();
        let repeated = r#"se"cret, {"password":"se\"cret"}"#;
        assert_eq!(redact(repeated, &password), r#"***, {"password":"***"}"#);
    }
}
