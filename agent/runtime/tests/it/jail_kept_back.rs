//! What an egg keeps back, where links and trees give it other names.

use std::os::unix::fs::symlink;
use std::time::{Duration, Instant};

use warren_runtime::jail::{
    Budget, Denylist, Error, Existing, Extract, Format, Jail, Limits, ListOptions, Looked, Pack,
    Tally,
};

use crate::jail::{fixture, path, write};
use crate::jail_archive::{file, tar_of};

fn budget() -> Budget {
    Budget::new(Instant::now() + Duration::from_secs(60), 5000)
}

/// A person may make a link to a directory in which something is kept back: by that name it is kept back all the same.
#[test]
fn a_link_gives_what_is_kept_back_no_other_name() {
    let f = fixture();
    for at in ["conf/sub/key", "conf/sub/open", "mine/key", "mine/open"] {
        write(&f.jail, at, b"the secret");
    }
    let jail = Jail::open(&f.root).unwrap();
    let rules = ["/conf/sub/key", "/conf/mine/key"].map(str::to_owned);
    let jail = jail.keeping_back(Denylist::new(&rules));
    jail.symlink(&path("way"), "conf", None).unwrap();
    let copied = jail
        .copy(&path("way/sub"), &path("copied"), None, &mut budget())
        .unwrap();
    assert_eq!((copied.entries, copied.skipped), (2, 1));
    assert!(!f.root.join("copied/key").exists());
    let copied = jail
        .copy(&path("mine"), &path("way/mine"), None, &mut budget())
        .unwrap();
    assert_eq!((copied.entries, copied.skipped), (2, 1));
    assert!(!f.root.join("conf/mine/key").exists());
    std::fs::remove_dir_all(f.root.join("conf/mine")).unwrap();
    let looked = Looked {
        content: "secret".into(),
        matches: 9,
        ..Looked::default()
    };
    let found = jail.search(&path("way/sub"), &looked, &mut budget());
    let found: Vec<_> = found.unwrap().matches.into_iter().map(|m| m.path).collect();
    assert_eq!(found, ["way/sub/open"]);
    let (paths, to) = ([path("way/sub")], path("out.tar"));
    let ask = Pack {
        paths: &paths,
        to: &to,
        format: Format::Tar,
        id: "1",
        owner: None,
    };
    let packed = jail.pack(&ask, &mut budget(), &Tally::default()).unwrap();
    assert_eq!((packed.entries, packed.skipped), (2, 1));
    let denied = |what: &str, done: Result<(), Error>| {
        assert!(matches!(done, Err(Error::Denied(_))), "{what}: {done:?}");
    };
    denied(
        "rename",
        jail.rename(&path("mine"), &path("way/mine"), false),
    );
    denied("carry", jail.rename(&path("way/sub"), &path("sub"), false));
    denied("delete", jail.delete(&path("way/sub")));
    let page = jail.list(&path("way/sub"), ListOptions::default()).unwrap();
    let shown: Vec<_> = page.entries.iter().map(|e| (&*e.name, e.denied)).collect();
    assert_eq!(shown, [("key", true), ("open", false)]);
    // Unpacked through a link that is there already, or that comes while it is unpacked.
    let parts = [
        file("key", "new"),
        file("mine/key", "new"),
        file("ok", "new"),
    ];
    write(&f.jail, "a.tar", &tar_of(&parts));
    for to in ["later", "way/sub"] {
        let (archive, to, mut most) = (path("a.tar"), path(to), budget());
        let ask = Extract {
            archive: &archive,
            to: &to,
            only: &[],
            id: "1",
            limits: Limits::default(),
            owner: None,
        };
        let all = jail.unpack(&ask, &mut most, &Tally::default()).unwrap();
        if !f.root.join("later").exists() {
            symlink("conf/sub", f.root.join("later")).unwrap();
        }
        let done = all.put(&jail, &to, Existing::Overwrite, None).unwrap();
        assert_eq!(done.skipped, 1, "{to}");
        let key = std::fs::read(f.root.join("conf/sub/key")).unwrap();
        assert_eq!(key, b"the secret", "{to}");
        let ok = f.jail.read(&path("conf/sub/ok"), 9).unwrap();
        assert_eq!(ok.bytes, b"new");
    }
}
