//! Files that hold one secret line, which nobody but their owner may read. Nothing of it is ever quoted.

use std::{
    fs::{self, File, Metadata},
    io::{self, Read as _},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use secrecy::SecretString;
use zeroize::Zeroizing;

/// Why a secret cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The system's text.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// A directory, a device, a pipe.
    #[error("is not a file")]
    NotAFile,
    /// The access of others, as `chmod` writes it, and the file.
    #[error("readable by others (mode {mode:04o}): chmod 600 {}", path.display())]
    Shared {
        /// The permission bits.
        mode: u32,
        /// Where it is.
        path: PathBuf,
    },
    /// There is nothing in it.
    #[error("is empty")]
    Empty,
    /// There is too little in it.
    #[error("is shorter than {0} bytes")]
    TooShort(usize),
    /// There is too much in it.
    #[error("is longer than {0} bytes")]
    TooLong(usize),
    /// It goes on after the first line.
    #[error("has more than one line")]
    SeveralLines,
    /// It is not text.
    #[error("is not UTF-8")]
    NotText,
    /// It has characters that cannot be sent.
    #[error("has a character that is not printable ASCII, or a space")]
    NotPrintable,
}

/// Opens a file, if nobody else can read it. What counts is the file that was opened, whatever the name stands for by
/// now; that it is a file is looked at before as well, since to open a pipe is to wait for who writes to it.
///
/// # Errors
/// It cannot be opened, or others can read it.
pub fn open(path: &Path) -> Result<(File, Metadata), SecretError> {
    if !fs::metadata(path)?.is_file() {
        return Err(SecretError::NotAFile);
    }
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    let mode = metadata.mode() & 0o7777;
    if !metadata.is_file() {
        return Err(SecretError::NotAFile);
    }
    if mode & 0o077 != 0 {
        let path = path.to_owned();
        return Err(SecretError::Shared { mode, path });
    }
    Ok((file, metadata))
}

/// Reads the one line of a file, without its end, and has `made` make a secret of it.
///
/// # Errors
/// It cannot be opened, others can read it, or it is not one line of 1 to `longest` bytes of text.
pub fn read_line<T>(
    path: &Path,
    longest: usize,
    made: impl FnOnce(&str) -> T,
) -> Result<T, SecretError> {
    let (file, _) = open(path)?;
    // With room to spare: a buffer that grows leaves copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(2 * longest));
    file.take(longest as u64 + 3).read_to_end(&mut bytes)?;
    let line = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    match line {
        [] => Err(SecretError::Empty),
        _ if line.len() > longest => Err(SecretError::TooLong(longest)),
        _ if line.contains(&b'\n') => Err(SecretError::SeveralLines),
        _ => str::from_utf8(line)
            .map(made)
            .map_err(|_| SecretError::NotText),
    }
}

/// Without a spare byte: to give one back would leave a copy behind.
#[must_use]
pub fn exactly(text: &str) -> SecretString {
    let mut copy = String::with_capacity(text.len());
    copy.push_str(text);
    copy.into()
}
