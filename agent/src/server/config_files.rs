//! The egg's config files, written through the jail before each start.

use tracing::debug;
use warren_egg::{FilledValue, FindValue, NodeFacts, Parser};
use warren_proto::wire;
use warren_runtime::jail::{ETag, Error, Jail, RelPath, WriteOptions};

use super::start::Failure;

/// Writes each file as control wants it; gives lines for the console about what was odd. A file that
/// can't be edited is left as it is: the game says better than we what it misses.
/// # Errors
/// Only what would meet every file: a full disk, a kernel without the jail.
pub fn write(
    jail: &Jail,
    files: &[wire::ConfigFile],
    bridge_address: &str,
    uid: u32,
) -> Result<Vec<String>, Failure> {
    let facts = NodeFacts {
        interface: bridge_address.to_owned(),
    };
    let mut said = Vec::new();
    for file in files {
        match write_one(jail, file, &facts, uid) {
            Ok(()) => {}
            Err(Odd::Jail(e @ (Error::NoSpace | Error::NoOpenat2))) => return Err(e.into()),
            Err(Odd::Jail(e)) => said.push(format!("{} was not written: {e}", file.path)),
            Err(Odd::Text(text)) => said.push(format!("{} was not written: {text}", file.path)),
        }
    }
    Ok(said)
}

enum Odd {
    Jail(Error),
    Text(String),
}

impl From<Error> for Odd {
    fn from(e: Error) -> Self {
        Self::Jail(e)
    }
}

fn write_one(jail: &Jail, file: &wire::ConfigFile, facts: &NodeFacts, uid: u32) -> Result<(), Odd> {
    let parser = Parser::from_name(&file.parser);
    let path: RelPath = file.path.trim_start_matches('/').parse()?;
    let finds = file.find.iter().map(|f| find(f, facts));
    let finds = finds.collect::<Result<Vec<_>, _>>()?;
    let before = match jail.read(&path, warren_egg::limits::CONFIG_BYTES as u64) {
        Ok(range) => Some(range),
        Err(Error::NotFound(_)) => None,
        Err(e) => return Err(e.into()),
    };
    if before.is_none() && file.keep_absent {
        return Ok(());
    }
    let original = before
        .as_ref()
        .map(|r| r.bytes.as_slice())
        .unwrap_or_default();
    let bytes = warren_egg::write::apply(&parser, original, &finds);
    let bytes = bytes.map_err(|e| Odd::Text(e.to_string()))?;
    // An absent one is made even if nothing is to stand in it: games look for the file, as on Wings.
    if before.is_none() || bytes != original {
        debug!("writing {path}");
        put(jail, &path, &bytes, before.map(|r| r.etag), uid)?;
    }
    match parser {
        Parser::Other(name) => Err(Odd::Text(format!("this agent knows no format {name:?}"))),
        _ => Ok(()),
    }
}

fn put(jail: &Jail, path: &RelPath, bytes: &[u8], seen: Option<ETag>, uid: u32) -> Result<(), Odd> {
    let options = WriteOptions {
        // Somebody may be editing it this very moment: then theirs stands.
        if_absent: seen.is_none(),
        if_match: seen,
        parents: true,
        owner: Some((uid, uid)),
        ..WriteOptions::default()
    };
    jail.write(path, bytes, options)?;
    Ok(())
}

fn find(find: &wire::ConfigFind, facts: &NodeFacts) -> Result<(String, FindValue), Odd> {
    let value = serde_json::from_str(&find.value_json).ok();
    let value = value.as_ref().and_then(FilledValue::from_json);
    let value = value.ok_or_else(|| Odd::Text(format!("the value of {:?} is none", find.key)))?;
    Ok((find.key.clone(), value.settle(facts)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn file(path: &str, key: &str, value_json: &str) -> wire::ConfigFile {
        wire::ConfigFile {
            path: path.into(),
            parser: "properties".into(),
            find: vec![wire::ConfigFind {
                key: key.into(),
                value_json: value_json.into(),
            }],
            keep_absent: false,
        }
    }

    #[test]
    fn files_are_edited_in_place_and_made_where_missing() {
        let dir = tempfile::tempdir().unwrap();
        let jail = Jail::open(dir.path()).unwrap();
        std::fs::write(dir.path().join("a.properties"), "# mine\nport=1\n").unwrap();
        let uid = rustix::process::getuid().as_raw();
        let files = [
            file("a.properties", "port", "25565"),
            file("/sub/b.properties", "ip", "[{\"node\":\"interface\"}]"),
        ];
        let said = write(&jail, &files[..1], "10.0.0.1", uid).unwrap();
        assert!(said.is_empty(), "{said:?}");
        let text = std::fs::read_to_string(dir.path().join("a.properties")).unwrap();
        assert!(
            text.contains("# mine") && text.contains("port=25565"),
            "{text}"
        );
        write(&jail, &files[1..], "10.0.0.1", uid).unwrap();
        assert!(dir.path().join("sub/b.properties").exists());
    }

    #[test]
    fn an_absent_file_is_made_or_stays_absent_as_the_egg_says() {
        let dir = tempfile::tempdir().unwrap();
        let jail = Jail::open(dir.path()).unwrap();
        let uid = rustix::process::getuid().as_raw();
        let mut kept = file("sub/kept.properties", "a", "1");
        kept.keep_absent = true;
        let mut empty = file("empty.txt", "no such line", "\"x\"");
        empty.parser = "file".into();
        let mut strange = file("strange.cfg", "a", "1");
        strange.parser = "vdf".into();
        let files = [kept.clone(), empty, strange];
        let said = write(&jail, &files, "", uid).unwrap();
        assert_eq!(said.len(), 1, "{said:?}");
        assert!(said[0].contains("\"vdf\""), "{said:?}");
        assert!(!dir.path().join("sub").exists(), "nor its directory");
        assert!(dir.path().join("empty.txt").exists() && dir.path().join("strange.cfg").exists());
        // Once it is there it is edited like any other.
        std::fs::create_dir(dir.path().join("sub")).unwrap();
        std::fs::write(dir.path().join("sub/kept.properties"), "").unwrap();
        write(&jail, &[kept], "", uid).unwrap();
        let text = std::fs::read_to_string(dir.path().join("sub/kept.properties")).unwrap();
        assert!(text.contains("a=1"), "{text}");
    }

    #[test]
    fn what_leads_outside_is_said_and_not_written() {
        let dir = tempfile::tempdir().unwrap();
        let jail = Jail::open(dir.path()).unwrap();
        let uid = rustix::process::getuid().as_raw();
        let files = [file("../x", "a", "1"), file("y", "a", "not json")];
        assert_eq!(write(&jail, &files, "", uid).unwrap().len(), 2);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
