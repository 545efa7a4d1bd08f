//! Where the state directory is.

use std::{ffi::OsString, path::PathBuf};

/// The directory that the setting means; `auto` is what the environment names first.
pub(super) fn find(setting: &str, env: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    match setting {
        "auto" => directory_of(env),
        "" => None,
        setting => Some(PathBuf::from(setting)),
    }
}

fn directory_of(env: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    // Relative paths are ignored: the XDG base directory specification calls them invalid.
    let absolute = |path: PathBuf| path.is_absolute().then_some(path);
    // systemd separates several directories by colons.
    let from_systemd = env("STATE_DIRECTORY").and_then(|list| std::env::split_paths(&list).next());
    from_systemd.and_then(absolute).or_else(|| {
        let from = |name: &str| env(name).map(PathBuf::from).and_then(absolute);
        let from_home = || Some(from("HOME")?.join(".local/state"));
        let state = from("XDG_STATE_HOME").or_else(from_home)?;
        Some(state.join("mailserver-sidecar"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auto_follows_the_environment_in_order() {
        let found = |variables: &[(&str, &str)]| {
            find("auto", |name| {
                let (_, value) = variables.iter().find(|(known, _)| *known == name)?;
                Some(OsString::from(value))
            })
        };
        let path = |text: &str| Some(PathBuf::from(text));
        let home = ("HOME", "/home/me");
        let xdg = ("XDG_STATE_HOME", "/xdg");
        assert_eq!(
            found(&[("STATE_DIRECTORY", "/var/lib/a:/var/lib/b"), xdg, home]),
            path("/var/lib/a")
        );
        assert_eq!(found(&[xdg, home]), path("/xdg/mailserver-sidecar"));
        assert_eq!(
            found(&[home]),
            path("/home/me/.local/state/mailserver-sidecar")
        );
        let unusable = [
            ("STATE_DIRECTORY", ""),
            ("XDG_STATE_HOME", "relative"),
            home,
        ];
        assert_eq!(
            found(&unusable),
            path("/home/me/.local/state/mailserver-sidecar")
        );
        assert_eq!(found(&[]), None);
        assert_eq!(find("auto", |_| None), None);
    }
}
