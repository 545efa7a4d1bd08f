//! The token that clients show, and what is kept of it to know it again.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use secrecy::SecretString;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::secret_file::{SecretError, exactly, read_line};

/// No token is longer, in bytes.
const LONGEST: usize = 1024;

/// A shorter token could be found by trying, in bytes.
const SHORTEST: usize = 16;

/// The file that holds the token; it is read when it is needed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenFile(PathBuf);

impl TokenFile {
    /// The file at `path`; it is not looked at yet.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Reads the token.
    ///
    /// # Errors
    /// It is not one line of 16 to 1,024 printable characters that its owner alone can read.
    pub fn read(&self) -> Result<SecretString, SecretError> {
        read_line(&self.0, LONGEST, |line| {
            if line.len() < SHORTEST {
                return Err(SecretError::TooShort(SHORTEST));
            }
            // It travels in a header.
            if !line.bytes().all(|byte| byte.is_ascii_graphic()) {
                return Err(SecretError::NotPrintable);
            }
            Ok(exactly(line))
        })?
    }
}

/// What is kept of a secret: enough to know it again, too little to show it.
#[derive(Clone)]
pub(super) struct Fingerprint([u8; 32]);

impl Fingerprint {
    pub(super) fn of(secret: &[u8]) -> Self {
        Self(Sha256::digest(secret).into())
    }

    /// Whether both are of the same secret. How long it takes tells nothing of either, not even of a length.
    pub(super) fn matches(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fingerprint")
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt as _};

    use secrecy::ExposeSecret as _;
    use tempfile::TempDir;

    use super::*;

    fn read(content: &str, mode: u32) -> Result<String, String> {
        let directory = TempDir::new().unwrap();
        let path = directory.path().join("token");
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let token = TokenFile::new(path).read();
        let token = token.map_err(|error| error.to_string())?;
        Ok(token.expose_secret().to_owned())
    }

    #[test]
    fn a_token_is_one_long_line_that_only_its_owner_can_read() {
        let shortest = "0123456789abcdef";
        assert_eq!(read(shortest, 0o600), Ok(shortest.into()));
        assert_eq!(read(&format!("{shortest}\n"), 0o400), Ok(shortest.into()));
        let longest = "x".repeat(1024);
        assert_eq!(read(&longest, 0o600), Ok(longest.clone()));
        let longer = format!("{longest}x");
        let spaced = format!("{shortest} b");
        let second = format!("{shortest}\n{shortest}\n");
        for (content, told) in [
            ("", "is empty"),
            (&shortest[1..], "is shorter than 16 bytes"),
            (&longer, "is longer than 1024 bytes"),
            (&spaced, "has a character that is not printable"),
            (&second, "has more than one line"),
        ] {
            let reason = read(content, 0o600).unwrap_err();
            assert!(reason.starts_with(told), "{reason}");
            assert!(!reason.contains("0123"), "{reason}");
        }
        let reason = read(shortest, 0o640).unwrap_err();
        assert!(reason.starts_with("readable by others (mode 0640)"));
    }

    #[test]
    fn a_fingerprint_knows_its_secret_and_shows_nothing() {
        let one = Fingerprint::of(b"secret");
        assert!(one.matches(&Fingerprint::of(b"secret")));
        assert!(!one.matches(&Fingerprint::of(b"secret2")));
        assert_eq!(format!("{one:?}"), "Fingerprint");
    }
}
