//! Searching finds what is there, in bounded time and memory, and nothing outside.

use std::os::unix::fs::symlink;
use std::time::{Duration, Instant};

use warren_runtime::jail::{Budget, Cut, Denylist, Error, Jail, Looked, Matches, RelPath};

use crate::jail::{Fixture, fixture, path, write};

fn search(f: &Fixture, looked: Looked) -> Matches {
    let mut budget = budget();
    let most = if looked.matches == 0 {
        100
    } else {
        looked.matches
    };
    let looked = Looked {
        matches: most,
        ..looked
    };
    f.jail
        .search(&RelPath::root(), &looked, &mut budget)
        .unwrap()
}

fn budget() -> Budget {
    Budget::new(Instant::now() + Duration::from_secs(60), 10_000).bytes(64 << 20)
}

fn named(name: &str) -> Looked {
    Looked {
        name: name.into(),
        ..Looked::default()
    }
}

fn holding(content: &str) -> Looked {
    Looked {
        content: content.into(),
        ..Looked::default()
    }
}

fn paths(found: &Matches) -> Vec<&str> {
    found.matches.iter().map(|m| m.path.as_str()).collect()
}

#[test]
fn names_are_found_by_a_part_or_a_pattern() {
    let f = fixture();
    for at in [
        "Server.properties",
        "a/server.log",
        "a/b/x.yml",
        "a/b/y.YML",
    ] {
        write(&f.jail, at, b"");
    }
    assert_eq!(
        paths(&search(&f, named("SERVER"))),
        ["Server.properties", "a/server.log"]
    );
    assert_eq!(
        paths(&search(&f, named("*.yml"))),
        ["a/b/x.yml", "a/b/y.YML"]
    );
    assert_eq!(paths(&search(&f, named("?"))), ["a", "a/b"]);
    let exact = Looked {
        case_sensitive: true,
        ..named("*.yml")
    };
    assert_eq!(paths(&search(&f, exact)), ["a/b/x.yml"]);
    assert_eq!(search(&f, named("none")).cut, None);
}

#[test]
fn lines_are_found_by_text_or_expression_with_their_numbers() {
    let f = fixture();
    write(&f.jail, "a.txt", b"one\r\ntwo (x+)\nTHREE two\n");
    write(&f.jail, "b.txt", b"no newline two");
    write(&f.jail, "c.bin", b"two\0two");
    let found = search(&f, holding("two"));
    let lines: Vec<_> = found
        .matches
        .iter()
        .map(|m| (m.path.as_str(), m.line, m.text.as_str()))
        .collect();
    assert_eq!(
        lines,
        [
            ("a.txt", Some(2), "two (x+)"),
            ("a.txt", Some(3), "THREE two"),
            ("b.txt", Some(1), "no newline two"),
        ]
    );
    assert_eq!((found.files, found.skipped), (3, 1));
    assert_eq!(search(&f, holding("(x+)")).matches.len(), 1);
    let regex = |text: &str| Looked {
        regex: true,
        ..holding(text)
    };
    assert_eq!(search(&f, regex("^t.*\\)$")).matches.len(), 1);
    assert_eq!(search(&f, regex("^three")).matches[0].line, Some(3));
    let both = Looked {
        name: "b*".into(),
        ..holding("two")
    };
    assert_eq!(paths(&search(&f, both)), ["b.txt"]);
    for bad in ["(", "a{1000000}", "\\p{X}"] {
        let bad = f.jail.search(&RelPath::root(), &regex(bad), &mut budget());
        assert!(matches!(bad, Err(Error::Unknown(_))));
    }
}

#[test]
fn a_long_line_and_a_hostile_expression_cost_little() {
    let f = fixture();
    let mut long = vec![b'a'; 3 << 20];
    long.extend(b"needle");
    write(&f.jail, "long", &long);
    let found = search(&f, holding("needle"));
    assert_eq!(found.matches.len(), 1);
    assert!(found.matches[0].text.len() <= 200 && found.matches[0].text.contains("needle"));
    let started = Instant::now();
    let evil = Looked {
        regex: true,
        ..holding("(a*)*b(a|aa)+$")
    };
    search(&f, evil);
    assert!(started.elapsed() < Duration::from_secs(30));
}

#[test]
fn what_is_beyond_a_bound_is_said() {
    let f = fixture();
    for n in 0..60 {
        write(&f.jail, &format!("d{n}/file"), &b"hit\n".repeat(100));
    }
    let few = search(
        &f,
        Looked {
            matches: 7,
            ..holding("hit")
        },
    );
    assert_eq!((few.matches.len(), few.cut), (7, Some(Cut::Matches)));
    let looked = Looked {
        matches: 1000,
        ..holding("miss")
    };
    let run = |mut budget: Budget| {
        f.jail
            .search(&RelPath::root(), &looked, &mut budget)
            .unwrap()
    };
    let until = Instant::now() + Duration::from_secs(60);
    assert_eq!(run(Budget::new(until, 10)).cut, Some(Cut::Entries));
    assert_eq!(
        run(Budget::new(until, 1000).bytes(1000)).cut,
        Some(Cut::Bytes)
    );
    assert_eq!(run(Budget::new(Instant::now(), 1000)).cut, Some(Cut::Time));
    let off = budget();
    off.cancelled
        .store(true, std::sync::atomic::Ordering::Relaxed);
    let called_off = f.jail.search(&RelPath::root(), &looked, &mut off.clone());
    assert!(matches!(called_off, Err(Error::Cancelled)));
    let one = f
        .jail
        .search(
            &path("d1"),
            &Looked {
                matches: 1000,
                ..holding("hit")
            },
            &mut budget(),
        )
        .unwrap();
    assert_eq!(
        one.matches.iter().filter(|m| m.path == "d1/file").count(),
        50
    );
}

#[test]
fn nothing_outside_and_nothing_kept_back_is_searched() {
    let f = fixture();
    std::fs::write(f.outside.join("secret"), "needle").unwrap();
    symlink(&f.outside, f.root.join("dir")).unwrap();
    symlink(f.outside.join("secret"), f.root.join("file")).unwrap();
    write(&f.jail, "kept.pem", b"needle");
    write(&f.jail, "open", b"needle");
    let made = std::process::Command::new("mkfifo")
        .arg(f.root.join("pipe"))
        .status();
    assert!(made.unwrap().success());
    let jail = Jail::open(&f.root)
        .unwrap()
        .keeping_back(Denylist::new(&["*.pem".to_owned()]));
    let looked = Looked {
        matches: 100,
        ..holding("needle")
    };
    let found = jail
        .search(&RelPath::root(), &looked, &mut budget())
        .unwrap();
    assert_eq!(paths(&found), ["open"]);
    let names = Looked {
        matches: 100,
        ..named("*")
    };
    let found = jail
        .search(&RelPath::root(), &names, &mut budget())
        .unwrap();
    assert_eq!(paths(&found), ["dir", "file", "open", "pipe"]);
    let through = jail.search(&path("dir"), &names, &mut budget());
    assert!(matches!(through, Err(Error::Outside(_))));
}
