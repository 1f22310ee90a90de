//! What is written to people, in their language: `letters/` holds the words.

use std::{collections::BTreeMap, sync::LazyLock};

use serde::Deserialize;

use crate::{language::Language, text::tame};

/// One message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// One line.
    pub subject: String,
    /// Plain text.
    pub text: String,
}

#[derive(Deserialize)]
struct Words {
    subject: String,
    text: String,
}

type Catalogue = BTreeMap<String, Words>;

const FILES: [(Language, &str); 3] = [
    (Language::En, include_str!("letters/en.toml")),
    (Language::De, include_str!("letters/de.toml")),
    (Language::Fr, include_str!("letters/fr.toml")),
];

/// They are compiled in, and a test reads them all: what can't be read is left out and written in English.
static WORDS: LazyLock<Vec<(Language, Catalogue)>> = LazyLock::new(|| {
    FILES
        .iter()
        .filter_map(|(language, text)| Some((*language, toml::from_str(text).ok()?)))
        .collect()
});

/// The longest value of a placeholder: a user agent, a link.
const MOST: usize = 512;

/// Puts values in, in one pass: what somebody is called is never looked through for placeholders.
fn fill(template: &str, values: &[(&str, &str)]) -> String {
    let mut out = String::with_capacity(template.len() + 64);
    let mut rest = template;
    while let Some(at) = rest.find('{') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let value = rest.find('}').and_then(|end| {
            let found = values.iter().find(|(name, _)| *name == &rest[1..end]);
            found.map(|(_, value)| (end, *value))
        });
        match value {
            Some((end, value)) => {
                out.push_str(&tame(value, MOST));
                rest = &rest[end + 1..];
            }
            None => {
                out.push('{');
                rest = &rest[1..];
            }
        }
    }
    out.push_str(rest);
    out
}

/// Writes to one person.
#[derive(Debug, Clone)]
pub struct Writer {
    /// What the panel is called.
    pub panel: String,
    /// Theirs.
    pub language: Language,
    /// Their log-in name.
    pub name: String,
}

impl Writer {
    fn write(&self, what: &str, values: &[(&str, &str)]) -> Letter {
        let of = |language| {
            let known = WORDS.iter().find(|(known, _)| *known == language);
            known.and_then(|(_, words)| words.get(what))
        };
        let Some(words) = of(self.language).or_else(|| of(Language::En)) else {
            return Letter {
                subject: self.panel.clone(),
                text: String::new(),
            };
        };
        let mut all = vec![("name", &*self.name), ("panel", &*self.panel)];
        all.extend_from_slice(values);
        Letter {
            subject: fill(&words.subject, &all),
            text: fill(&words.text, &all),
        }
    }

    /// Invites somebody who has an account from now on.
    #[must_use]
    pub fn invitation(&self, by: &str, link: &str) -> Letter {
        self.write("invitation", &[("by", by), ("link", link)])
    }

    /// Tells somebody without an account that a server is shared with them.
    #[must_use]
    pub fn shared(&self, by: &str, server: &str, link: &str) -> Letter {
        let values = [("by", by), ("server", server), ("link", link)];
        self.write("shared", &values)
    }

    /// Tells somebody with an account that a server is shared with them.
    #[must_use]
    pub fn shared_too(&self, by: &str, server: &str, link: &str) -> Letter {
        let values = [("by", by), ("server", server), ("link", link)];
        self.write("shared_too", &values)
    }

    /// Lets somebody who asked for an account take it.
    #[must_use]
    pub fn welcome(&self, address: &str, link: &str) -> Letter {
        self.write("welcome", &[("address", address), ("link", link)])
    }

    /// Tells somebody who asked for an account that they have one.
    #[must_use]
    pub fn there(&self, address: &str, link: &str) -> Letter {
        self.write("there", &[("address", address), ("link", link)])
    }

    /// Lets somebody set another password.
    #[must_use]
    pub fn reset(&self, address: &str, link: &str) -> Letter {
        self.write("reset", &[("address", address), ("link", link)])
    }

    /// Says that the password is another one.
    #[must_use]
    pub fn changed(&self, address: &str) -> Letter {
        self.write("changed", &[("address", address)])
    }

    /// Says that the password was set by a link.
    #[must_use]
    pub fn recovered(&self, address: &str) -> Letter {
        self.write("recovered", &[("address", address)])
    }

    /// Asks whether an address is somebody's.
    #[must_use]
    pub fn confirm(&self, address: &str, link: &str) -> Letter {
        self.write("confirm", &[("address", address), ("link", link)])
    }

    /// Tells the address that an account had.
    #[must_use]
    pub fn moved(&self, address: &str) -> Letter {
        self.write("moved", &[("address", address)])
    }

    /// Tells of a log-in from where there was none before.
    #[must_use]
    pub fn logged_in(&self, address: &str, browser: &str, link: &str) -> Letter {
        let values = [("address", address), ("browser", browser), ("link", link)];
        self.write("logged_in", &values)
    }

    /// Shows that mail works.
    #[must_use]
    pub fn test(&self) -> Letter {
        self.write("test", &[])
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn places(text: &str) -> std::collections::BTreeSet<String> {
        let found = regex::Regex::new(r"\{(\w+)\}").unwrap();
        let all = found.captures_iter(text);
        all.map(|c| c[1].to_owned()).collect()
    }

    #[test]
    fn every_letter_is_there_in_every_language_with_the_same_placeholders() {
        let read = |text| toml::from_str::<Catalogue>(text).unwrap();
        let english = read(FILES[0].1);
        assert_eq!(FILES.map(|(language, _)| language), Language::ALL);
        for (language, text) in FILES {
            let words = read(text);
            assert_eq!(
                words.keys().collect::<Vec<_>>(),
                english.keys().collect::<Vec<_>>(),
                "{language:?}"
            );
            for (what, words) in &words {
                let both = |words: &Words| places(&format!("{}{}", words.subject, words.text));
                assert_eq!(both(words), both(&english[what]), "{what} in {language:?}");
                assert!(!words.subject.contains('\n'), "{what} in {language:?}");
                assert!(words.text.ends_with('\n'), "{what} in {language:?}");
            }
        }
    }

    #[test]
    fn no_placeholder_is_left_and_none_is_found_in_a_name() {
        for language in Language::ALL {
            let to = Writer {
                panel: "{link}".into(),
                language,
                name: "{by}\n".into(),
            };
            let letters = [
                to.invitation("b", "l"),
                to.shared("b", "s", "l"),
                to.shared_too("b", "s", "l"),
                to.welcome("a", "l"),
                to.there("a", "l"),
                to.reset("a", "l"),
                to.changed("a"),
                to.recovered("a"),
                to.confirm("a", "l"),
                to.moved("a"),
                to.logged_in("a", "u", "l"),
                to.test(),
            ];
            for letter in letters {
                let both = format!("{}{}", letter.subject, letter.text);
                let left = places(&both.replace("{link}", "").replace("{by}", ""));
                assert!(left.is_empty(), "{language:?}: {both}");
                assert!(!letter.subject.contains('\n'));
            }
        }
    }
}
