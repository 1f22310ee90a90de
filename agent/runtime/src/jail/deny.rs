//! What an egg keeps back from people: patterns as in a `.gitignore`.

use globset::{GlobBuilder, GlobMatcher};

/// Rules and bytes of a rule that are looked at; more is no list that somebody wrote.
const MAX_RULES: usize = 500;
const MAX_RULE: usize = 500;

/// See the module. A rule without a slash names an entry anywhere, one with a slash a path from the root; `*` and `?`
/// stop at slashes, `**` does not; `!` takes back what an earlier rule said; the last that fits counts. What is below a
/// directory that is kept back is kept back, whatever later rules say of it.
#[derive(Debug, Clone, Default)]
pub struct Denylist {
    text: Vec<String>,
    rules: Vec<(GlobMatcher, bool)>,
}

impl Denylist {
    /// Rules that can't be patterns deny nothing, like all that names no path below the root.
    pub fn new(rules: &[String]) -> Self {
        let parsed = rules.iter().take(MAX_RULES).filter_map(|rule| parse(rule));
        Self {
            rules: parsed.collect(),
            text: rules.to_vec(),
        }
    }

    /// Whether it was made of exactly these rules.
    pub fn is_of(&self, rules: &[String]) -> bool {
        self.text == rules
    }

    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// Whether `path`, below the root and without slashes at its ends, is kept back.
    pub fn denies(&self, path: &str) -> bool {
        if self.is_empty() || path.is_empty() {
            return false;
        }
        let ends = path.match_indices('/').map(|(at, _)| at);
        ends.chain([path.len()]).any(|end| self.names(&path[..end]))
    }

    fn names(&self, path: &str) -> bool {
        let last = self
            .rules
            .iter()
            .rev()
            .find(|(glob, _)| glob.is_match(path));
        last.is_some_and(|(_, denies)| *denies)
    }
}

fn parse(line: &str) -> Option<(GlobMatcher, bool)> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') || line.len() > MAX_RULE {
        return None;
    }
    let (line, denies) = match line.strip_prefix('!') {
        Some(rest) => (rest, false),
        None => (line, true),
    };
    let bare = line.trim_end_matches('/');
    let text = bare.trim_start_matches("./").trim_start_matches('/');
    if text.is_empty() {
        return None;
    }
    let text = match bare.contains('/') {
        true => text.to_owned(),
        false => format!("**/{text}"),
    };
    let glob = GlobBuilder::new(&text)
        .literal_separator(true)
        .backslash_escape(true)
        .build()
        .ok()?;
    Some((glob.compile_matcher(), denies))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn denies(rules: &[&str], path: &str) -> bool {
        let rules: Vec<_> = rules.iter().map(|r| (*r).to_owned()).collect();
        Denylist::new(&rules).denies(path)
    }

    #[test]
    fn a_rule_keeps_back_names_and_paths() {
        assert!(denies(&["*.pem"], "keys/a.pem"));
        assert!(denies(&["secret"], "a/secret/b"));
        assert!(denies(&["secret/"], "a/secret/b"));
        assert!(denies(&["/config/*.yml"], "config/a.yml"));
        assert!(denies(&["config/private"], "config/private/deep/x"));
        assert!(denies(&["a/**/z"], "a/b/c/z"));
        assert!(denies(&["[ab].txt"], "x/a.txt"));
        assert!(denies(&["***"], "anything"));
        assert!(!denies(&["/config/*.yml"], "config/a/b.yml"));
        assert!(!denies(&["/eula"], "x/eula"));
        assert!(!denies(&["*.pem"], "a.pem.txt"));
        assert!(!denies(&["", "#x", "/", "!", "["], "#x"));
        assert!(!denies(&["*"], ""));
    }

    #[test]
    fn the_last_rule_counts_and_nothing_returns_from_a_directory_that_is_kept_back() {
        let rules = ["*.jar", "!mods.jar"];
        assert!(denies(&rules, "x.jar") && !denies(&rules, "mods.jar"));
        assert!(denies(&["lib", "!lib/open"], "lib/open"));
    }

    #[test]
    fn a_hostile_list_costs_little() {
        let rule = "*a".repeat(MAX_RULE / 2);
        let path = "a".repeat(4000);
        let started = std::time::Instant::now();
        assert!(!denies(&[&format!("{}b", &rule[..MAX_RULE - 1])], &path));
        assert!(started.elapsed().as_secs() < 2);
    }
}
