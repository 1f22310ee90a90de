use std::path::Path;
use std::time::Duration;

use warren_harness::{Containerd, FakeGame, ImageBuilder, Registry, eventually};

fn ctr(containerd: &Containerd, args: &[&str]) -> String {
    let output = containerd.ctr().unwrap().args(args).output().unwrap();
    let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert!(output.status.success(), "ctr {args:?}: {text}");
    text
}

#[test]
fn a_game_survives_the_daemon_and_is_gone_after_the_drop() {
    let mut containerd = Containerd::start().unwrap();
    let registry = Registry::start(None).unwrap();
    let image = ImageBuilder::game().unwrap().build().unwrap();
    let name = registry.push("game", "1", &image).unwrap();
    ctr(&containerd, &["images", "pull", "--plain-http", &name]);
    let game = FakeGame::lines(50);
    let parent = format!("{}/g1", containerd.cgroup_parent());
    let mut run = vec!["run", "-d", "--cgroup", &parent, &name, "g1"];
    let args = game.args();
    run.extend(args.iter().map(String::as_str));
    ctr(&containerd, &run);
    let running = |containerd: &Containerd| ctr(containerd, &["tasks", "ls"]).contains("RUNNING");
    assert!(running(&containerd));
    containerd.kill9();
    containerd.restart().unwrap();
    assert!(running(&containerd));

    let (dir, tag) = (containerd.dir().to_owned(), containerd.tag().to_owned());
    drop(containerd);
    assert!(!dir.exists());
    let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap();
    assert!(!mounts.contains(&tag), "{mounts}");
    let gone = eventually("cgroup", Duration::from_secs(5), || {
        let paths = ["/sys/fs/cgroup/memory", "/sys/fs/cgroup"];
        let left = paths
            .iter()
            .any(|p| Path::new(p).join(format!("warren-{tag}")).exists());
        (!left).then_some(())
    });
    gone.unwrap();
}
