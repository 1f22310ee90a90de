//! Console lines that deserve a prompt, per feature that an egg names. The texts are those that panels look for.

use serde::Serialize;

/// One feature and what gives it away in a console line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Feature {
    /// As eggs name it.
    pub name: &'static str,
    /// Lower case; a line matches if it contains one of them when lower-cased.
    pub needles: &'static [&'static str],
    pub remedy: Remedy,
}

/// What can be offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Remedy {
    /// Write `eula=true` to `eula.txt` and start again.
    WriteEula,
    /// Choose another of the egg's images.
    ChooseImage,
    /// Say that the limit of processes was hit.
    ExplainPids,
    /// Say that the disk is full or its limit too low.
    ExplainDisk,
    /// Ask for a Steam game server token and put it into the variable `STEAM_ACC`.
    AskSteamToken,
}

/// Every feature that public eggs name.
pub const FEATURES: &[Feature] = &[
    Feature {
        name: "eula",
        needles: &["you need to agree to the eula in order to run the server"],
        remedy: Remedy::WriteEula,
    },
    Feature {
        name: "java_version",
        needles: &[
            "java.lang.unsupportedclassversionerror",
            "unsupported major.minor version",
            "has been compiled by a more recent version of the java runtime",
            "minecraft 1.17 requires running the server with java 16 or above",
            "minecraft 1.18 requires running the server with java 17 or above",
            "minecraft 1.19 requires running the server with java 17 or above",
        ],
        remedy: Remedy::ChooseImage,
    },
    Feature {
        name: "pid_limit",
        needles: &[
            "pthread_create failed",
            "failed to create thread",
            "unable to create thread",
            "unable to create native thread",
            "unable to create new native thread",
            "exception in thread \"craft async scheduler management thread\"",
        ],
        remedy: Remedy::ExplainPids,
    },
    Feature {
        name: "steam_disk_space",
        needles: &[
            "steamcmd needs 250mb of free disk space to update",
            "0x202 after update job",
        ],
        remedy: Remedy::ExplainDisk,
    },
    Feature {
        name: "gsl_token",
        needles: &["(gsl token expired)", "(account not found)"],
        remedy: Remedy::AskSteamToken,
    },
];

/// A feature by the name that eggs use.
pub fn feature(name: &str) -> Option<&'static Feature> {
    FEATURES.iter().find(|feature| feature.name == name)
}

impl Feature {
    /// True if the line, without ANSI sequences, asks for this prompt.
    pub fn matches(&self, line: &str) -> bool {
        let line = line.to_lowercase();
        self.needles.iter().any(|needle| line.contains(needle))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn minecrafts_eula_line_is_recognised() {
        let line = "[12:00:00 INFO]: You need to agree to the EULA in order to run the server. Go to eula.txt for more info.";
        assert!(feature("eula").unwrap().matches(line));
        assert!(!feature("java_version").unwrap().matches(line));
    }

    #[test]
    fn needles_are_lower_case() {
        for feature in FEATURES {
            for needle in feature.needles {
                assert_eq!(*needle, needle.to_lowercase());
            }
        }
        assert!(feature("fastdl").is_none());
    }
}
