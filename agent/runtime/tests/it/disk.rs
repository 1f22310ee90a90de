//! A disk of containerd's that is full, or nearly so. Nothing half done stays, and all works again once there is room.

use std::path::PathBuf;

use warren_harness::{Compression, FakeGame, Image, ImageBuilder, eventually};
use warren_runtime::console::free_bytes;
use warren_runtime::runtime::{Error, PullRequest, Runtime};

use crate::machine::{LIMIT, MIB, Machine, printed};

/// Does not shrink.
fn noise(mib: u64) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let word = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    std::iter::repeat_with(word)
        .take(usize::try_from(mib * MIB / 8).unwrap())
        .flatten()
        .collect()
}

fn large(mib: u64) -> Image {
    let image = ImageBuilder::busybox().unwrap();
    let image = image.compression(Compression::None);
    image
        .file("noise", 0o644, noise(mib))
        .unwrap()
        .build()
        .unwrap()
}

fn disk(machine: &Machine) -> PathBuf {
    machine.dir().join("root")
}

fn ctr(machine: &Machine, args: &[&str]) -> String {
    let out = machine
        .containerd
        .ctr()
        .unwrap()
        .args(args)
        .output()
        .unwrap();
    String::from_utf8_lossy(&out.stdout).into_owned()
}

/// Nothing of a pull is left, and the disk is as free as before.
async fn nothing_left(machine: &Machine, reference: &str, before: u64) {
    let image = reference.parse().unwrap();
    assert_eq!(machine.runtime.image_present(&image).await.unwrap(), None);
    eventually("what was fetched is collected", LIMIT, || {
        // containerd looks for garbage after a change; its look on a full disk can fail, and comes with the next.
        ctr(machine, &["leases", "create", "--id", "nudge"]);
        ctr(machine, &["leases", "delete", "--sync", "nudge"]);
        let active = ctr(machine, &["content", "active"]);
        let free = free_bytes(&disk(machine)).unwrap();
        (active.lines().count() <= 1 && free + MIB >= before).then_some(())
    })
    .unwrap_or_else(|e| {
        let free = free_bytes(&disk(machine)).unwrap();
        panic!(
            "{e}: {free} of {before} free, {}",
            ctr(machine, &["content", "active"])
        )
    });
    assert!(!ctr(machine, &["snapshots", "ls"]).contains("unpack"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_that_fills_the_disk_is_named_and_leaves_nothing() {
    let mut machine = Machine::on_disk_of(40 * MIB, 0);
    let before = free_bytes(&disk(&machine)).unwrap();
    // The first does not fit packed, the second not unpacked.
    for (name, mib) in [("packed", 60), ("unpacked", 24)] {
        let reference = machine.registry.push(name, "1", &large(mib)).unwrap();
        let request = PullRequest::new(reference.parse().unwrap());
        let error = machine.runtime.pull(request).await.unwrap_err();
        assert!(matches!(error, Error::DiskFull(_)), "{error}");
        let text = error.to_string();
        assert!(
            text.contains("containerd's disk is full") && text.contains("free space"),
            "{text}"
        );
        assert_eq!((error.code(), error.retryable()), ("disk_full", false));
        nothing_left(&machine, &reference, before).await;
    }
    warren_harness::mount_disk(&disk(&machine), 200 * MIB).unwrap();
    let reference = machine.registry.reference("packed", "1");
    let request = PullRequest::new(reference.parse().unwrap());
    machine.runtime.pull(request).await.unwrap();
    machine.image = reference;
    let (exit, text) = machine.run("after", "ls -l /noise").await;
    assert_eq!(exit.code, 0, "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_floor_holds_before_a_byte_is_fetched_and_before_a_container_is_made() {
    let mut machine = Machine::on_disk_of(80 * MIB, 48 * MIB);
    let small = ImageBuilder::game().unwrap().build().unwrap();
    machine.image = machine.registry.push("small", "1", &small).unwrap();
    let request = PullRequest::new(machine.image.parse().unwrap());
    machine.runtime.pull(request.clone()).await.unwrap();
    let before = free_bytes(&disk(&machine)).unwrap();
    let reference = machine.registry.push("large", "1", &large(24)).unwrap();
    let large = PullRequest::new(reference.parse().unwrap());
    let error = machine.runtime.pull(large.clone()).await.unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, Error::DiskFull(_)), "{text}");
    for word in [
        "at least 48 MiB",
        "48 MiB must stay free",
        "disk_floor_bytes",
        "large:1",
    ] {
        assert!(text.contains(word), "no {word:?} in {text}");
    }
    nothing_left(&machine, &reference, before).await;
    // Below the floor: nothing is made, what is here is not fetched again.
    let filler = disk(&machine).join("filler");
    let fill = before - 40 * MIB;
    std::fs::write(&filler, vec![1; usize::try_from(fill).unwrap()]).unwrap();
    let spec = machine.game("late", &FakeGame::echo());
    let error = machine
        .runtime
        .create_and_start(spec.clone())
        .await
        .unwrap_err();
    assert!(matches!(error, Error::DiskFull(_)), "{error}");
    assert!(error.to_string().contains("start late"), "{error}");
    assert!(machine.runtime.find(&spec.id).await.unwrap().is_none());
    assert!(!ctr(&machine, &["snapshots", "ls"]).contains("late"));
    std::fs::remove_file(&filler).unwrap();
    machine
        .runtime
        .create_and_start(spec.clone())
        .await
        .unwrap();
    printed(&spec.console.stdout, "ready");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_that_finds_the_disk_full_is_not_there_and_starts_once_there_is_room() {
    let mut machine = Machine::on_disk_of(40 * MIB, 0);
    let small = ImageBuilder::game().unwrap().build().unwrap();
    machine.image = machine.registry.push("small", "1", &small).unwrap();
    let request = PullRequest::new(machine.image.parse().unwrap());
    machine.runtime.pull(request).await.unwrap();
    // To the last block: not one directory more can be made.
    let filler = disk(&machine).join("filler");
    let free = usize::try_from(free_bytes(&disk(&machine)).unwrap()).unwrap();
    std::fs::write(&filler, vec![1; free]).unwrap();
    let spec = machine.game("full", &FakeGame::echo());
    match machine.runtime.create_and_start(spec.clone()).await {
        Err(error) => {
            assert!(matches!(error, Error::DiskFull(_)), "{error}");
            assert!(machine.runtime.find(&spec.id).await.unwrap().is_none());
            assert!(!ctr(&machine, &["snapshots", "ls"]).contains("full"));
        }
        Ok(_) => panic!("it found room on a full disk"),
    }
    std::fs::remove_file(&filler).unwrap();
    machine
        .runtime
        .create_and_start(spec.clone())
        .await
        .unwrap();
    printed(&spec.console.stdout, "ready");
}
