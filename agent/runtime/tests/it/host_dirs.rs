//! Directories of the machine inside a container: the very ones that were opened, and as read-only as they are to be.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use warren_runtime::host_dir::HostDir;
use warren_runtime::runtime::{HostMount, Runtime};

use crate::machine::{MIB, Machine};

fn open_to_all(path: &Path) {
    fs::create_dir_all(path).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o777)).unwrap();
}

fn mount(source: &Path, target: &str, read_only: bool) -> HostMount {
    HostMount {
        dir: HostDir::open(source).unwrap(),
        target: target.into(),
        read_only,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_read_only_is_so_with_all_that_is_mounted_below() {
    let machine = Machine::with_game().await;
    let root = machine.dir().join("shared");
    open_to_all(&root);
    warren_harness::mount_disk(&root.join("disk"), MIB).unwrap();
    open_to_all(&root.join("disk"));
    fs::write(root.join("disk/map"), "the map").unwrap();
    let script = "for at in /mnt/ro /mnt/ro/disk; do echo x >$at/made && echo WROTE $at; done; \
        for at in /mnt/rw /mnt/rw/disk; do echo x >$at/made && echo wrote $at; done; cat /mnt/ro/disk/map; \
        grep ' /mnt/' /proc/self/mountinfo";
    let mut spec = machine.shell("mounts", script);
    spec.host_dirs = vec![
        mount(&root, "/mnt/ro", true),
        mount(&root, "/mnt/rw", false),
    ];
    let (exit, text) = machine.run_spec(spec).await;
    assert_eq!(exit.code, 0, "{text}");
    for wanted in ["wrote /mnt/rw\n", "wrote /mnt/rw/disk\n", "the map"] {
        assert!(text.contains(wanted), "no {wanted:?} in {text}");
    }
    assert!(!text.contains("WROTE"), "{text}");
    let mounts: Vec<&str> = text.lines().filter(|line| line.contains(" - ")).collect();
    assert_eq!(mounts.len(), 4, "{text}");
    for line in mounts {
        assert!(line.contains("nosuid") && line.contains("nodev"), "{line}");
    }
    assert!(root.join("made").exists() && root.join("disk/made").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_that_is_gone_or_exchanged_is_not_mounted() {
    let machine = Machine::with_game().await;
    let path = machine.dir().join("maps");
    let refused = async |change: &dyn Fn()| {
        fs::create_dir(&path).unwrap();
        let mut spec = machine.shell("mounts", "echo RAN");
        spec.host_dirs = vec![mount(&path, "/mnt/maps", true)];
        change();
        let out = spec.console.stdout.clone();
        let error = machine.runtime.create_and_start(spec.clone()).await;
        let error = error.unwrap_err();
        assert!(
            !error.retryable() && error.to_string().contains("maps"),
            "{error}"
        );
        assert!(machine.runtime.find(&spec.id).await.unwrap().is_none());
        assert_eq!(fs::read_to_string(out).unwrap(), "");
        let _ = fs::remove_dir(&path).or_else(|_| fs::remove_file(&path));
        error.code()
    };
    let aside = machine.dir().join("aside");
    assert_eq!(
        refused(&|| fs::remove_dir(&path).unwrap()).await,
        "mount_missing"
    );
    let link = || {
        fs::remove_dir(&path).unwrap();
        symlink("/etc", &path).unwrap();
    };
    assert_eq!(refused(&link).await, "mount_symlink");
    let other = || {
        fs::rename(&path, &aside).unwrap();
        fs::create_dir(&path).unwrap();
    };
    assert_eq!(refused(&other).await, "mount_exchanged");
    let file = || {
        fs::remove_dir(&path).unwrap();
        fs::write(&path, "x").unwrap();
    };
    assert_eq!(refused(&file).await, "mount_not_a_directory");
}

/// Whoever may write where a mount lies can exchange it for a symlink between any look at it and the engine's own.
#[tokio::test(flavor = "multi_thread")]
async fn a_symlink_that_takes_its_place_at_the_worst_moment_shows_nothing() {
    let machine = Machine::with_game().await;
    let (path, link) = (machine.dir().join("maps"), machine.dir().join("link"));
    let secret = machine.dir().join("secret");
    for (dir, text) in [(&path, "allowed"), (&secret, "SECRET")] {
        open_to_all(dir);
        fs::write(dir.join("marker"), text).unwrap();
    }
    symlink(&secret, &link).unwrap();
    let held = HostDir::open(&path).unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let (ends, from, to) = (stop.clone(), path.clone(), link.clone());
    let flips = std::thread::spawn(move || {
        let mut flipped = 0u64;
        while !ends.load(Ordering::Relaxed) {
            renameat_with(CWD, &from, CWD, &to, RenameFlags::EXCHANGE).unwrap();
            flipped += 1;
            std::thread::yield_now();
        }
        flipped
    });
    let (mut started, mut caught) = (0, 0);
    // Each way comes in about a quarter of the tries.
    for n in 0..100 {
        let mut spec = machine.shell("mounts", "cat /mnt/maps/marker");
        spec.run = format!("run-{n}");
        spec.host_dirs = vec![HostMount {
            dir: held.clone(),
            target: "/mnt/maps".into(),
            read_only: true,
        }];
        let (out, id) = (spec.console.stdout.clone(), spec.id.clone());
        let mut events = machine.runtime.events();
        match machine.runtime.create_and_start(spec).await {
            Ok(_) => {
                crate::machine::exit_of(&mut events, &id).await;
                machine.runtime.delete(&id).await.unwrap();
                assert_eq!(fs::read_to_string(out).unwrap(), "allowed");
                started += 1;
            }
            Err(error) => {
                assert_eq!(fs::read_to_string(out).unwrap(), "");
                caught += usize::from(error.code() == "mount_exchanged");
            }
        }
        if started >= 2 && caught >= 2 {
            break;
        }
    }
    stop.store(true, Ordering::Relaxed);
    let flipped = flips.join().unwrap();
    assert!(started >= 2 && caught >= 2, "{started} {caught} {flipped}");
}
