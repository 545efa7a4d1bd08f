//! Results on stdout, and how they are printed.

use std::io::{self, Write};

use clap::Args;

use super::colour::paint;
use crate::exit::{Exit, Failure};

/// How a result is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Args)]
pub struct Output {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Prints a result.
///
/// # Errors
///
/// If stdout cannot be written (a full disk). A reader that has seen enough (`| head`) is no error: the
/// answer is then `false`, and nothing more need be printed.
pub fn print(text: &str) -> Result<bool, Failure> {
    write(io::stdout().lock(), text)
}

/// As [`print`], a page for people: in colours on a terminal, unless `NO_COLOR` is set.
///
/// # Errors
///
/// As for [`print`].
pub(super) fn print_page(page: &str) -> Result<bool, Failure> {
    write(anstream::stdout().lock(), &paint(page))
}

fn write(mut stdout: impl Write, text: &str) -> Result<bool, Failure> {
    let outcome = stdout.write_all(text.as_bytes());
    written(outcome.and_then(|()| stdout.flush()))
}

fn written(outcome: io::Result<()>) -> Result<bool, Failure> {
    match outcome {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(Exit::Internal.because(format_args!("stdout: {error}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_that_has_seen_enough_is_no_error() {
        assert_eq!(written(Ok(())), Ok(true));
        assert_eq!(written(Err(io::ErrorKind::BrokenPipe.into())), Ok(false));
        assert!(written(Err(io::ErrorKind::StorageFull.into())).is_err());
    }
}
