//! Published eggs that an empty panel offers, as their authors wrote them.

/// One egg of the collection, with where it comes from.
#[derive(Clone, Copy, Debug)]
pub struct Starter {
    /// Stable; lower case and `-`.
    pub key: &'static str,
    /// `OWNER/NAME` of the public repository.
    pub repository: &'static str,
    /// Path of the file there.
    pub path: &'static str,
    /// SPDX name of the repository's licence.
    pub licence: &'static str,
    pub licence_text: &'static str,
    /// The file itself.
    pub text: &'static str,
}

macro_rules! starter {
    ($key:literal, $owner:literal, $name:literal, $path:literal) => {
        Starter {
            key: $key,
            repository: concat!($owner, "/", $name),
            path: $path,
            licence: "MIT",
            licence_text: include_str!(concat!("../starter/", $owner, "__", $name, "/LICENSE")),
            text: include_str!(concat!("../starter/", $owner, "__", $name, "/", $path)),
        }
    };
}

/// All of them, the well-known first.
pub fn starters() -> &'static [Starter] {
    STARTERS
}

/// One of them by its key.
pub fn starter(key: &str) -> Option<&'static Starter> {
    STARTERS.iter().find(|starter| starter.key == key)
}

const STARTERS: &[Starter] = &[
    starter!(
        "minecraft-vanilla",
        "pterodactyl",
        "panel",
        "database/Seeders/eggs/minecraft/egg-vanilla-minecraft.json"
    ),
    starter!(
        "minecraft-fabric",
        "pelican-eggs",
        "minecraft",
        "java/fabric/egg-fabric.json"
    ),
    starter!(
        "minecraft-bungeecord",
        "pterodactyl",
        "panel",
        "database/Seeders/eggs/minecraft/egg-bungeecord.json"
    ),
    starter!(
        "minetest",
        "pterodactyl",
        "game-eggs",
        "minetest/egg-minetest.json"
    ),
    starter!(
        "openttd",
        "pterodactyl",
        "game-eggs",
        "openttd/egg-open-t-t-d-server.json"
    ),
    starter!(
        "veloren",
        "pelican-eggs",
        "games-standalone",
        "veloren/egg-veloren.json"
    ),
    starter!(
        "terraria-tshock",
        "pelican-eggs",
        "games-standalone",
        "terraria/tshock/egg-tshock.json"
    ),
    starter!(
        "teeworlds",
        "pterodactyl",
        "game-eggs",
        "teeworlds/egg-teeworlds.json"
    ),
    starter!(
        "dont-starve-together",
        "pterodactyl",
        "game-eggs",
        "dont_starve/egg-don-t-starve-together.json"
    ),
    starter!(
        "garrys-mod",
        "pterodactyl",
        "panel",
        "database/Seeders/eggs/source-engine/egg-garrys-mod.json"
    ),
    starter!(
        "palworld",
        "pelican-eggs",
        "games-steamcmd",
        "palworld/egg-palworld.yaml"
    ),
    starter!(
        "nightingale",
        "pelican-eggs",
        "games-steamcmd",
        "nightingale/egg-nightingale.json"
    ),
    starter!(
        "gta-connected",
        "pterodactyl",
        "game-eggs",
        "gta/gtac/egg-grand-theft-auto-connected.json"
    ),
    starter!(
        "teamspeak3",
        "pterodactyl",
        "panel",
        "database/Seeders/eggs/voice-servers/egg-teamspeak3-server.json"
    ),
    starter!("loki", "parkervcp", "eggs", "monitoring/loki/egg-loki.json"),
];

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn every_starter_can_be_read_and_carries_its_licence() {
        let mut keys = std::collections::BTreeSet::new();
        for starter in starters() {
            crate::parse(starter.text.as_bytes()).unwrap();
            assert!(
                starter.licence_text.starts_with("MIT License")
                    || starter.licence_text.contains("MIT"),
                "{}",
                starter.key
            );
            assert!(keys.insert(starter.key));
        }
        assert_eq!(
            starter("openttd").unwrap().repository,
            "pterodactyl/game-eggs"
        );
    }
}
