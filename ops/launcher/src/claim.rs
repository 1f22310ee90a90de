//! What an instance takes of the machine's shared name spaces, so that no two ever overlap.

use std::fs::{self, File};
use std::path::Path;

use anyhow::{Context, Result};
use nix::fcntl::{Flock, FlockArg};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Uids per instance: one per server.
const UIDS: u32 = 10_000;
/// First uid given to servers; below lie people, Debian's `nobody` and the usual subuid ranges.
const FIRST_UID: u32 = 100_000_000;
/// Number of uid ranges.
const UID_RANGES: u32 = 150_000;
/// /24 networks in 10.64.0.0/10.
const NETS: u32 = 1 << 14;

/// The claim of one instance, kept in its data folder and, while it is up, under `/run`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// Six characters of `[a-z0-9]` in the name of every host object.
    pub tag: String,
    /// The bridge's network, `10.x.y.0/24`.
    pub subnet: String,
    /// First uid of its servers.
    pub uid_base: u32,
}

impl Claim {
    /// The `step`th candidate for the data folder at `path`: a pure function of both.
    fn candidate(path: &Path, step: u32) -> Self {
        let mut hash = Sha256::new();
        hash.update(path.as_os_str().as_encoded_bytes());
        hash.update(step.to_le_bytes());
        let hash = hash.finalize();
        let word =
            |at: usize| u32::from_le_bytes([hash[at], hash[at + 1], hash[at + 2], hash[at + 3]]);
        let net = word(8) % NETS;
        Self {
            tag: format!(
                "w{}",
                base36(u64::from(word(0)) | (u64::from(word(4)) << 32), 5)
            ),
            subnet: format!("10.{}.{}.0/24", 64 + net / 256, net % 256),
            uid_base: FIRST_UID + (word(12) % UID_RANGES) * UIDS,
        }
    }

    fn overlaps(&self, other: &Self) -> bool {
        self.tag == other.tag || self.subnet == other.subnet || self.uid_base == other.uid_base
    }

    /// Reads the claim of the data folder, or makes one that no other instance of the machine and
    /// no network of the machine overlaps.
    ///
    /// # Errors
    /// When the folder cannot be read or written.
    pub fn of(data: &Path) -> Result<Self> {
        let file = data.join("instance.json");
        if let Ok(text) = fs::read_to_string(&file) {
            return serde_json::from_str(&text)
                .with_context(|| format!("{} is damaged", file.display()));
        }
        let _lock = machine_lock()?;
        let taken = claims_of_others();
        let networks = networks_in_use();
        let free = |claim: &Self| {
            let prefix = claim.subnet.trim_end_matches("0/24");
            !taken.iter().any(|other| claim.overlaps(other)) && !networks.contains(prefix)
        };
        let claim = (0..1000).map(|step| Self::candidate(data, step)).find(free);
        let claim = claim.context("found no free tag, network and uid range for this instance")?;
        claim.publish()?;
        let text = serde_json::to_string_pretty(&claim).context("write the claim")?;
        fs::write(&file, text).with_context(|| format!("write {}", file.display()))?;
        Ok(claim)
    }

    /// Writes the claim where other instances look.
    ///
    /// # Errors
    /// When `/run` cannot be written.
    pub fn publish(&self) -> Result<()> {
        let dir = Path::new("/run").join(format!("warren-{}", self.tag));
        fs::create_dir_all(&dir).with_context(|| format!("make {}", dir.display()))?;
        let text = serde_json::to_string(self).context("write the claim")?;
        fs::write(dir.join("claim.json"), text).context("write the claim")
    }
}

fn base36(mut number: u64, length: usize) -> String {
    const DIGITS: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";
    let digit = |_| {
        let digit = DIGITS[(number % 36) as usize];
        number /= 36;
        char::from(digit)
    };
    (0..length).map(digit).collect()
}

fn machine_lock() -> Result<Flock<File>> {
    let file = File::create("/run/warren-claims.lock").context("open /run/warren-claims.lock")?;
    Flock::lock(file, FlockArg::LockExclusive)
        .map_err(|(_, errno)| errno)
        .context("lock /run/warren-claims.lock")
}

fn claims_of_others() -> Vec<Claim> {
    let Ok(entries) = fs::read_dir("/run") else {
        return Vec::new();
    };
    let ours = entries
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().starts_with("warren-"));
    let texts = ours.filter_map(|entry| fs::read_to_string(entry.path().join("claim.json")).ok());
    texts
        .filter_map(|text| serde_json::from_str(&text).ok())
        .collect()
}

/// The machine's routes as text: a network that is reachable by one of them is not ours to take.
fn networks_in_use() -> String {
    let output = std::process::Command::new("ip")
        .args(["-4", "route"])
        .output();
    output
        .map(|output| String::from_utf8_lossy(&output.stdout).into_owned())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn two_folders_get_different_claims_and_one_folder_always_the_same() {
        let one = Claim::candidate(Path::new("/a/.warren"), 0);
        let two = Claim::candidate(Path::new("/b/.warren"), 0);
        assert!(!one.overlaps(&two));
        assert_eq!(one, Claim::candidate(Path::new("/a/.warren"), 0));
        assert!(!one.overlaps(&Claim::candidate(Path::new("/a/.warren"), 1)));
    }

    #[test]
    fn a_tag_fits_into_the_name_of_a_network_interface() {
        for step in 0..200 {
            let claim = Claim::candidate(Path::new("/data"), step);
            assert_eq!(claim.tag.len(), 6);
            assert!(
                claim
                    .tag
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
            );
            assert!(claim.uid_base >= FIRST_UID && claim.uid_base < 2_000_000_000);
        }
    }
}
