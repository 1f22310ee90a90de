//! What is deleted can be had back, and costs a bounded place.

use std::os::unix::fs::symlink;
use std::time::{Duration, Instant, SystemTime};

use warren_runtime::jail::{Budget, Denylist, Error, Item, Jail, Kind, Trash, TrashLimits};

use crate::jail::{Fixture, fixture, path, write};

const LIMITS: TrashLimits = TrashLimits {
    items: 100,
    entries: 1000,
    disk_bytes: 1 << 30,
    age: Duration::from_secs(3600),
};

fn trash(f: &Fixture) -> Trash {
    let dir = f.root.parent().unwrap().join("trash");
    let _ = std::fs::create_dir(&dir);
    Trash::of(Jail::open(&dir).unwrap())
}

fn put(f: &Fixture, trash: &Trash, at: &str, now: SystemTime) -> Result<Item, Error> {
    let budget = Budget::new(Instant::now() + Duration::from_secs(60), 10_000);
    trash.put(&f.jail, &path(at), now, &budget)
}

#[test]
fn what_was_deleted_is_gone_from_sight_and_comes_back_whole() {
    let f = fixture();
    write(&f.jail, "world/region/r.mca", &[7; 9000]);
    symlink("region", f.root.join("world/link")).unwrap();
    let trash = trash(&f);
    let now = SystemTime::now();
    let item = put(&f, &trash, "world", now).unwrap();
    assert!(!f.root.join("world").exists());
    assert_eq!(
        (item.kind, item.entries, item.path.as_str()),
        (Kind::Directory, 4, "world")
    );
    assert!(item.disk_bytes >= 9000);
    assert_eq!(trash.items().unwrap(), std::slice::from_ref(&item));
    let back = trash.restore(&item.id, &f.jail, None, None).unwrap();
    assert_eq!(back.as_str(), "world");
    assert_eq!(
        f.jail.read(&path("world/link/r.mca"), 9000).unwrap().bytes,
        [7; 9000]
    );
    assert!(trash.items().unwrap().is_empty());
    let again = trash.restore(&item.id, &f.jail, None, None);
    assert!(matches!(again, Err(Error::NotFound(_))));
}

#[test]
fn what_has_come_in_the_meantime_is_not_replaced() {
    let f = fixture();
    let trash = trash(&f);
    write(&f.jail, "d/a", b"old");
    let item = put(&f, &trash, "d/a", SystemTime::now()).unwrap();
    f.jail.delete(&path("d")).unwrap();
    write(&f.jail, "d/a", b"new");
    let there = trash.restore(&item.id, &f.jail, None, None);
    assert!(matches!(there, Err(Error::Exists(_))));
    assert_eq!(trash.items().unwrap().len(), 1);
    let to = path("other/place/a");
    trash
        .restore(&item.id, &f.jail, Some(&to), Some((4242, 4242)))
        .unwrap();
    assert_eq!(f.jail.read(&to, 9).unwrap().bytes, b"old");
    assert_eq!(f.jail.stat(&path("other/place")).unwrap().uid, 4242);
    assert_eq!(f.jail.read(&path("d/a"), 9).unwrap().bytes, b"new");
}

#[test]
fn the_oldest_go_first_and_all_bounds_hold() {
    let f = fixture();
    let trash = trash(&f);
    let start = SystemTime::now();
    for n in 0..10u64 {
        write(&f.jail, &format!("f{n}"), &[1; 5000]);
        put(&f, &trash, &format!("f{n}"), start + Duration::from_secs(n)).unwrap();
    }
    let paths = |items: &[Item]| items.iter().map(|i| i.path.to_string()).collect::<Vec<_>>();
    assert!(trash.bound(LIMITS, start).unwrap().is_empty());
    let few = TrashLimits { items: 8, ..LIMITS };
    assert_eq!(paths(&trash.bound(few, start).unwrap()), ["/f1", "/f0"]);
    let small = TrashLimits {
        disk_bytes: 5 * 8192,
        ..LIMITS
    };
    assert_eq!(
        paths(&trash.bound(small, start).unwrap()),
        ["/f4", "/f3", "/f2"]
    );
    let thin = TrashLimits {
        entries: 3,
        ..LIMITS
    };
    assert_eq!(paths(&trash.bound(thin, start).unwrap()), ["/f6", "/f5"]);
    let later = start + LIMITS.age + Duration::from_millis(8500);
    assert_eq!(paths(&trash.bound(LIMITS, later).unwrap()), ["/f8", "/f7"]);
    assert_eq!(paths(&trash.items().unwrap()), ["/f9"]);
    trash.empty().unwrap();
    assert!(trash.items().unwrap().is_empty());
}

#[test]
fn a_crash_between_two_steps_loses_nothing() {
    let f = fixture();
    let trash = trash(&f);
    write(&f.jail, "a", b"precious");
    let item = put(&f, &trash, "a", SystemTime::now()).unwrap();
    let dir = f.root.parent().unwrap().join("trash");
    // Before the move: a note that speaks of what is still in its place.
    std::fs::create_dir(dir.join("0".repeat(29))).unwrap();
    std::fs::copy(
        dir.join(&item.id).join("note"),
        dir.join("0".repeat(29)).join("note"),
    )
    .unwrap();
    assert_eq!(trash.items().unwrap().len(), 1);
    // After the move, with a note that the disk has lost.
    std::fs::write(dir.join(&item.id).join("note"), "").unwrap();
    let items = trash.items().unwrap();
    assert_eq!(items[0].path.as_str(), item.id);
    trash
        .restore(&item.id, &f.jail, Some(&path("a")), None)
        .unwrap();
    assert_eq!(f.jail.read(&path("a"), 99).unwrap().bytes, b"precious");
    // After the move back, before the note went.
    std::fs::create_dir(dir.join(&item.id)).unwrap();
    std::fs::write(dir.join(&item.id).join("note"), "{}").unwrap();
    assert!(trash.items().unwrap().is_empty());
    assert!(matches!(
        trash.restore(&item.id, &f.jail, None, None),
        Err(Error::NotFound(_))
    ));
}

#[test]
fn nothing_escapes_by_way_of_the_trash() {
    let f = fixture();
    let trash = trash(&f);
    std::fs::write(f.outside.join("theirs"), "x").unwrap();
    symlink(&f.outside, f.root.join("out")).unwrap();
    assert!(matches!(
        put(&f, &trash, "out/theirs", SystemTime::now()),
        Err(Error::Outside(_))
    ));
    assert!(trash.items().unwrap().is_empty());
    let item = put(&f, &trash, "out", SystemTime::now()).unwrap();
    assert!(f.outside.join("theirs").exists());
    assert_eq!(item.kind, Kind::Symlink);
    let to = path("d/x");
    write(&f.jail, "d/y", b"");
    std::fs::rename(f.root.join("d"), f.root.join("e")).unwrap();
    symlink(&f.outside, f.root.join("d")).unwrap();
    assert!(matches!(
        trash.restore(&item.id, &f.jail, Some(&to), None),
        Err(Error::Outside(_) | Error::Exists(_))
    ));
    for id in ["..", "../root", "", ".", "x", "/", &"A".repeat(29)] {
        assert!(
            matches!(
                trash.restore(id, &f.jail, None, None),
                Err(Error::NotFound(_))
            ),
            "{id}"
        );
        assert!(matches!(trash.remove(id), Err(Error::NotFound(_))), "{id}");
    }
    trash.remove(&item.id).unwrap();
    assert!(f.outside.join("theirs").exists() && f.root.join("e/y").exists());
}

#[test]
fn what_is_kept_back_is_neither_thrown_away_nor_brought() {
    let f = fixture();
    let trash = trash(&f);
    write(&f.jail, "conf/key.pem", b"x");
    write(&f.jail, "mine/key.pem", b"y");
    let free = put(&f, &trash, "mine", SystemTime::now()).unwrap();
    let jail = Jail::open(&f.root)
        .unwrap()
        .keeping_back(Denylist::new(&["/conf/*.pem".to_owned()]));
    let budget = Budget::new(Instant::now() + Duration::from_secs(60), 10_000);
    for at in ["conf", "conf/key.pem"] {
        let put = trash.put(&jail, &path(at), SystemTime::now(), &budget);
        assert!(matches!(put, Err(Error::Denied(_))), "{at}");
    }
    f.jail.rename(&path("conf"), &path("else"), false).unwrap();
    let into = trash.restore(&free.id, &jail, Some(&path("conf")), None);
    assert!(matches!(into, Err(Error::Denied(_))), "{into:?}");
    assert_eq!(trash.items().unwrap().len(), 1);
}
