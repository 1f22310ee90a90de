//! Dotted keys of JSON, YAML and TOML: `a.b`, `list[0].c`, `servers.*.address`, and `~1` for a dot within a name.

use super::WriteError;
use crate::limits;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// A member; of a list, the item with that number.
    Name(String),
    Index(usize),
    /// Every member or item.
    Every,
}

/// Takes a key apart.
/// # Errors
/// If it is empty or longer than a document may be deep.
pub(super) fn steps(key: &str) -> Result<Vec<Step>, WriteError> {
    let mut steps = Vec::new();
    for part in key.trim_matches('.').split('.') {
        let (name, indexes) = indexes(part);
        match name {
            "*" => steps.push(Step::Every),
            "" if !indexes.is_empty() => {}
            name => steps.push(Step::Name(name.replace("~1", ".").replace("~0", "~"))),
        }
        steps.extend(indexes);
    }
    if key.trim_matches('.').is_empty() || steps.len() > limits::DEPTH / 2 {
        return Err(WriteError::Key {
            key: key.chars().take(200).collect(),
            message: "it is empty or has too many parts".into(),
        });
    }
    Ok(steps)
}

/// Splits the `[0][1]` off the end of a name. Anything else in brackets is part of the name.
fn indexes(part: &str) -> (&str, Vec<Step>) {
    let mut name = part;
    let mut steps = Vec::new();
    while let Some((before, number)) = name
        .strip_suffix(']')
        .and_then(|rest| rest.rsplit_once('['))
    {
        let Ok(index) = number.parse() else { break };
        steps.push(Step::Index(index));
        name = before;
    }
    steps.reverse();
    (name, steps)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    fn name(text: &str) -> Step {
        Step::Name(text.into())
    }

    #[test]
    fn keys_are_taken_apart() {
        assert_eq!(steps("a.b").unwrap(), [name("a"), name("b")]);
        assert_eq!(
            steps("list[0].host").unwrap(),
            [name("list"), Step::Index(0), name("host")]
        );
        assert_eq!(
            steps("m[1][2]").unwrap(),
            [name("m"), Step::Index(1), Step::Index(2)]
        );
        assert_eq!(
            steps("servers.*.address").unwrap(),
            [name("servers"), Step::Every, name("address")]
        );
        assert_eq!(steps("a~1b.c~0d").unwrap(), [name("a.b"), name("c~d")]);
        assert_eq!(steps("a[x]").unwrap(), [name("a[x]")]);
        assert_eq!(steps("[0].a").unwrap(), [Step::Index(0), name("a")]);
        assert!(steps("").is_err() && steps("..").is_err() && steps(&"a.".repeat(100)).is_err());
    }
}
