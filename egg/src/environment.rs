//! The environment that every container of a server gets, and the facts it is made of.

/// What is known of a server when its environment and config files are made.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ServerFacts {
    /// Shown to the game as `P_SERVER_UUID`.
    pub uuid: String,
    /// The start command, raw: the image's entrypoint replaces what is in `{{ }}`.
    pub startup: String,
    pub image: String,
    /// Id of the egg.
    pub egg: String,
    /// Short name of where the node stands; empty: not told.
    pub location: String,
    /// IANA name.
    pub timezone: String,
    /// Address of the primary allocation as the game shall see it. A loopback address means nothing in the
    /// server's own network namespace, so it becomes `0.0.0.0`.
    pub ip: String,
    /// Port of the primary allocation; absent: the server has none.
    pub port: Option<u16>,
    /// In MB as set, without the head-room on top; 0: no limit.
    pub memory_mb: u64,
    /// In MB; -1: no limit.
    pub swap_mb: i64,
    /// In MB; 0: no limit.
    pub disk_mb: u64,
    /// 100 = one core; 0: no limit.
    pub cpu_percent: u64,
    pub io_weight: u32,
    /// Cpuset such as `0-1,3`; empty: all.
    pub threads: String,
    pub oom_disabled: bool,
    pub suspended: bool,
    pub allocation_limit: u32,
    /// Each of the egg's variables with its value, hidden ones included, spelled as the egg does.
    pub variables: Vec<(String, String)>,
}

impl ServerFacts {
    /// A variable's value: the exact spelling first, then any other case of it.
    pub fn variable(&self, env: &str) -> Option<&str> {
        let exact = self.variables.iter().rfind(|(name, _)| name == env);
        let found = exact.or_else(|| {
            self.variables
                .iter()
                .rfind(|(name, _)| name.eq_ignore_ascii_case(env))
        });
        found.map(|(_, value)| value.as_str())
    }

    pub(crate) fn ip_inside(&self) -> &str {
        let loopback = self.ip.starts_with("127.") || self.ip == "::1" || self.ip == "localhost";
        if loopback || self.ip.is_empty() {
            "0.0.0.0"
        } else {
            &self.ip
        }
    }

    pub(crate) fn port_text(&self) -> String {
        self.port.map_or_else(String::new, |port| port.to_string())
    }
}

/// What a variable of an egg can't be: the platform's own names and those that the image sets. `HOSTNAME`, `LANG`
/// and `TIMEZONE` are free, since public eggs use them for settings of the game.
const RESERVED: &[&str] = &[
    "TZ",
    "STARTUP",
    "MODIFIED_STARTUP",
    "SERVER_MEMORY",
    "SERVER_IP",
    "SERVER_PORT",
    "SERVER_UUID",
    "UUID",
    "P_SERVER_UUID",
    "P_SERVER_LOCATION",
    "P_SERVER_ALLOCATION_LIMIT",
    "INTERNAL_IP",
    "ENV",
    "HOME",
    "USER",
    "PWD",
    "PATH",
    "TERM",
];

/// True for a name that no variable can set, in any case.
pub fn is_reserved(env: &str) -> bool {
    RESERVED.iter().any(|name| name.eq_ignore_ascii_case(env))
}

/// The environment of a server's container and of its installer, in Wings' order, each name once.
/// Variables come in upper case; a reserved name is left out. Pelican's `SERVER_TIMEZONE` sets `TZ`.
pub fn environment(facts: &ServerFacts) -> Vec<(String, String)> {
    let timezone = match facts.variable("SERVER_TIMEZONE") {
        Some(zone) if is_timezone(zone) => zone,
        _ => &facts.timezone,
    };
    let mut env: Vec<(String, String)> = [
        ("TZ", timezone.to_owned()),
        ("STARTUP", facts.startup.clone()),
        ("SERVER_MEMORY", facts.memory_mb.to_string()),
        ("SERVER_IP", facts.ip_inside().to_owned()),
        ("SERVER_PORT", facts.port_text()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into();
    for (name, value) in &facts.variables {
        if is_reserved(name) || name.is_empty() || name.contains(['=', '\0']) {
            continue;
        }
        let name = name.to_ascii_uppercase();
        // A process's environment ends a value at NUL.
        let value = value.replace('\0', "");
        match env.iter_mut().find(|(known, _)| *known == name) {
            Some(known) => known.1 = value,
            None => env.push((name, value)),
        }
    }
    env.push(("P_SERVER_LOCATION".into(), facts.location.clone()));
    env.push(("P_SERVER_UUID".into(), facts.uuid.clone()));
    env.push((
        "P_SERVER_ALLOCATION_LIMIT".into(),
        facts.allocation_limit.to_string(),
    ));
    env
}

/// Shaped like `Europe/Berlin` or `Etc/GMT+1`: what people type must not become a path for the C library.
fn is_timezone(zone: &str) -> bool {
    (1..=64).contains(&zone.len())
        && zone.starts_with(|first: char| first.is_ascii_alphabetic())
        && zone
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"/_+-".contains(&byte))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    fn facts() -> ServerFacts {
        ServerFacts {
            uuid: "u-1".into(),
            startup: "./run {{SERVER_PORT}}".into(),
            location: "lab".into(),
            timezone: "Europe/Berlin".into(),
            ip: "10.1.2.3".into(),
            port: Some(25_565),
            memory_mb: 1024,
            ..ServerFacts::default()
        }
    }

    fn get<'a>(env: &'a [(String, String)], name: &str) -> Option<&'a str> {
        env.iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    #[test]
    fn the_platforms_names_come_in_wings_order() {
        let mut facts = facts();
        facts.variables = vec![("srv_name".into(), "Fun".into()), ("B".into(), "2".into())];
        let names: Vec<_> = environment(&facts)
            .into_iter()
            .map(|(name, _)| name)
            .collect();
        assert_eq!(
            names,
            [
                "TZ",
                "STARTUP",
                "SERVER_MEMORY",
                "SERVER_IP",
                "SERVER_PORT",
                "SRV_NAME",
                "B",
                "P_SERVER_LOCATION",
                "P_SERVER_UUID",
                "P_SERVER_ALLOCATION_LIMIT"
            ]
        );
        assert_eq!(
            get(&environment(&facts), "STARTUP"),
            Some("./run {{SERVER_PORT}}")
        );
    }

    #[test]
    fn a_variable_cannot_take_a_reserved_name() {
        let mut facts = facts();
        facts.variables = [
            "server_port",
            "STARTUP",
            "P_SERVER_UUID",
            "home",
            "Tz",
            "PATH",
        ]
        .map(|name| (name.into(), "stolen".into()))
        .into();
        let env = environment(&facts);
        assert!(env.iter().all(|(_, value)| value != "stolen"), "{env:?}");
        assert_eq!(get(&env, "SERVER_PORT"), Some("25565"));
    }

    #[test]
    fn loopback_means_nothing_inside_and_a_missing_port_is_empty() {
        let mut facts = facts();
        facts.ip = "127.0.0.1".into();
        facts.port = None;
        let env = environment(&facts);
        assert_eq!(get(&env, "SERVER_IP"), Some("0.0.0.0"));
        assert_eq!(get(&env, "SERVER_PORT"), Some(""));
    }

    #[test]
    fn a_server_may_choose_its_timezone_but_no_path() {
        let mut facts = facts();
        facts.variables = vec![("SERVER_TIMEZONE".into(), "Asia/Tokyo".into())];
        assert_eq!(get(&environment(&facts), "TZ"), Some("Asia/Tokyo"));
        facts.variables = vec![("SERVER_TIMEZONE".into(), "../../etc/shadow".into())];
        assert_eq!(get(&environment(&facts), "TZ"), Some("Europe/Berlin"));
    }

    #[test]
    fn names_that_differ_in_case_alone_come_once() {
        let mut facts = facts();
        facts.variables = vec![("map".into(), "a".into()), ("MAP".into(), "b".into())];
        let env = environment(&facts);
        assert_eq!(env.iter().filter(|(name, _)| name == "MAP").count(), 1);
        assert_eq!(get(&env, "MAP"), Some("b"));
        assert_eq!(facts.variable("map"), Some("a"));
    }
}
