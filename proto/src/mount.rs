//! What paths of mounts may be. Control asks it of what an admin types, and a node again of what control says: a node
//! believes nobody in what of its disk a container may see.

/// Bytes of a path.
pub const MOST_PATH: usize = 512;
/// Mounts of one server.
pub const MOST: usize = 16;

/// Never a source, nor anything below or above: programs, settings, keys, the kernel, sockets, and the files of other
/// containers.
const NO_SOURCE: &[&str] = &[
    "/bin",
    "/boot",
    "/dev",
    "/etc",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/proc",
    "/root",
    "/run",
    "/sbin",
    "/sys",
    "/usr",
    "/var/cache",
    "/var/lib/containerd",
    "/var/lib/docker",
    "/var/lib/warren",
    "/var/log",
    "/var/run",
    "/var/spool",
];

/// Never a target, nor anything below or above: a game's programs, what the kernel and Warren put there, and its files.
/// Below its files neither: what lies there is the game's to change, so that a symlink of its making would choose where
/// the mount goes; and the file manager and backups would show an empty directory there.
const NO_TARGET: &[&str] = &[
    "/bin",
    "/boot",
    "/dev",
    "/etc",
    "/home/container",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/proc",
    "/root",
    "/run",
    "/sbin",
    "/sys",
    "/tmp",
    "/usr",
    "/var/run",
];

/// Why a path can't be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadPath {
    /// Not absolute, or spelled otherwise than the kernel does.
    #[error("is an absolute path without `.`, `..`, `//` or a slash at its end")]
    NotPlain,
    /// Longer than [`MOST_PATH`].
    #[error("has at most {MOST_PATH} bytes")]
    TooLong,
    /// Would make one path look like another.
    #[error("holds a control or invisible direction character; remove it")]
    Hidden,
    /// One of those that are never mounted.
    #[error("must be neither {0} nor above or below it")]
    Reserved(&'static str),
    /// All of it.
    #[error("must not be the root of the file system")]
    Root,
}

impl BadPath {
    /// Stable word.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotPlain => "invalid",
            Self::TooLong => "too_long",
            Self::Hidden => "control_character",
            Self::Reserved(_) | Self::Root => "reserved",
        }
    }
}

/// Whether `path` is `above` or lies below it. Both are plain.
#[must_use]
pub fn covers(above: &str, path: &str) -> bool {
    path.strip_prefix(above)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || above == "/")
}

/// Whether one of two plain paths is the other or lies in it.
#[must_use]
pub fn overlap(one: &str, other: &str) -> bool {
    covers(one, other) || covers(other, one)
}

/// The node's own root under which a source may lie, if there is one.
#[must_use]
pub fn allowed_by<'a>(roots: &'a [String], source: &str) -> Option<&'a str> {
    roots
        .iter()
        .map(String::as_str)
        .find(|root| covers(root, source))
}

fn plain(path: &str) -> Result<(), BadPath> {
    if path.len() > MOST_PATH {
        return Err(BadPath::TooLong);
    }
    let hidden = |c: char| {
        c.is_control()
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
    };
    if path.chars().any(hidden) {
        return Err(BadPath::Hidden);
    }
    if path == "/" {
        return Err(BadPath::Root);
    }
    let parts = path.strip_prefix('/').ok_or(BadPath::NotPlain)?;
    let good = |part: &str| !part.is_empty() && part != "." && part != ".." && part.len() <= 255;
    match parts.split('/').all(good) {
        true => Ok(()),
        false => Err(BadPath::NotPlain),
    }
}

fn free(path: &str, reserved: &[&'static str]) -> Result<(), BadPath> {
    plain(path)?;
    match reserved.iter().find(|no| overlap(no, path)) {
        Some(no) => Err(BadPath::Reserved(no)),
        None => Ok(()),
    }
}

/// Whether a directory of a node may be mounted, as far as its path says.
/// # Errors
/// Why not.
pub fn source(path: &str) -> Result<(), BadPath> {
    free(path, NO_SOURCE)
}

/// Whether something may be mounted there in a container.
/// # Errors
/// Why not.
pub fn target(path: &str) -> Result<(), BadPath> {
    free(path, NO_TARGET)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_spelled_as_the_kernel_spells_it() {
        for good in ["/srv/maps", "/mnt/a b/ü", "/srv/..a/b..", "/srv/.hidden"] {
            assert_eq!(source(good), Ok(()), "{good}");
        }
        for bad in [
            "",
            "srv",
            "./srv",
            "/srv/",
            "//srv",
            "/srv//a",
            "/srv/.",
            "/srv/../etc",
            "/..",
        ] {
            assert_eq!(source(bad), Err(BadPath::NotPlain), "{bad}");
        }
        assert_eq!(source("/srv/\u{202e}a"), Err(BadPath::Hidden));
        assert_eq!(source("/srv/a\nb"), Err(BadPath::Hidden));
        assert_eq!(source("/srv/a\0b"), Err(BadPath::Hidden));
        assert_eq!(
            source(&format!("/srv/{}", "a".repeat(256))),
            Err(BadPath::NotPlain)
        );
        assert_eq!(source(&"/a".repeat(257)), Err(BadPath::TooLong));
    }

    #[test]
    fn what_is_reserved_is_so_with_all_above_and_below() {
        let no = [
            "/",
            "/etc",
            "/etc/x",
            "/proc/self",
            "/var",
            "/var/lib",
            "/var/lib/warren/servers",
            "/run/x",
            "/root",
        ];
        for bad in no {
            assert!(source(bad).is_err(), "{bad}");
        }
        for good in [
            "/etcetera",
            "/srv",
            "/var/lib/games",
            "/home/ann/maps",
            "/tmp/x",
        ] {
            assert_eq!(source(good), Ok(()), "{good}");
        }
        let no = [
            "/",
            "/home",
            "/home/container",
            "/home/container/plugins",
            "/tmp",
            "/usr/share",
            "/proc",
            "/bin",
        ];
        for bad in no {
            assert!(target(bad).is_err(), "{bad}");
        }
        for good in [
            "/mnt/maps",
            "/srv",
            "/home/shared",
            "/var/lib/maps",
            "/opt/content",
        ] {
            assert_eq!(target(good), Ok(()), "{good}");
        }
    }

    #[test]
    fn a_path_covers_itself_and_what_is_below_by_whole_names() {
        assert!(covers("/srv", "/srv") && covers("/srv", "/srv/a") && covers("/", "/srv"));
        assert!(!covers("/srv", "/srva") && !covers("/srv/a", "/srv"));
        assert!(overlap("/srv/a", "/srv") && !overlap("/srv/a", "/srv/ab"));
        let roots = ["/data".to_owned(), "/srv/games".to_owned()];
        assert_eq!(allowed_by(&roots, "/srv/games/maps"), Some("/srv/games"));
        assert_eq!(allowed_by(&roots, "/srv/gamesx"), None);
        assert_eq!(allowed_by(&[], "/srv"), None);
    }
}
