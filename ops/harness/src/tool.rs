//! Finding the programs that the harness starts.

use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow};

/// Folders searched after `PATH`: Debian keeps daemons in sbin, which a user's PATH may lack.
const MORE: [&str; 3] = ["/usr/local/sbin", "/usr/sbin", "/sbin"];

/// Path of `program`, taken from `WARREN_<PROGRAM>` (dashes as underscores) or from `PATH`.
///
/// # Errors
/// Names the Debian package to install when the program is nowhere.
pub fn tool(program: &str, package: &str) -> Result<PathBuf> {
    let variable = format!("WARREN_{}", program.to_uppercase().replace('-', "_"));
    if let Some(path) = std::env::var_os(&variable) {
        let path = PathBuf::from(path);
        return path
            .is_file()
            .then_some(path.clone())
            .ok_or_else(|| anyhow!("{variable} names {}, which is no file", path.display()));
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(MORE.iter().map(PathBuf::from))
        .map(|dir| dir.join(program))
        .find(|candidate| is_executable(candidate))
        .ok_or_else(|| {
            anyhow!("{program} is not installed: apt-get install --no-install-recommends {package}")
        })
}

fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata()
        .is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}
