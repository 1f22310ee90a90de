//! An install script that wants the machine. It is root inside, and everything it may lay its hands on is tried.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt};
use std::path::Path;

use warren_harness::FakeGame;
use warren_proto::ids::ServerId;
use warren_proto::wire::{self, fact::What};

use crate::rig::Rig;

/// Each line that begins with HOLE is a way out.
const ATTACK: &str = r#"
for tool in mknod mount umount unshare chroot insmod date ifconfig dmesg; do
    command -v $tool >/dev/null || busybox $tool --help >/dev/null 2>&1 || echo "NOTOOL $tool"
done
try() { name=$1; shift; if "$@" >/dev/null 2>&1; then echo "HOLE $name"; fi; }
try device-in-dev mknod /dev/disk b 8 0
try device-in-server mknod /mnt/server/disk b 8 0
try device-in-root mknod /mem c 1 1
try mount-tmpfs mount -t tmpfs none /mnt
try mount-proc mount -t proc none /mnt
try mount-cgroup mount -t cgroup -o memory none /mnt
try bind mount -o bind /mnt/server /mnt
try remount-proc-sys mount -o remount,rw,bind /proc/sys
try remount-cgroup mount -o remount,rw /sys/fs/cgroup
try unmount-hosts umount /etc/hosts
try mount-namespace unshare -m true
try user-namespace unshare -U true
try chroot chroot / true
try core-pattern sh -c 'echo "|/mnt/server/x" >/proc/sys/kernel/core_pattern'
try modprobe-path sh -c 'echo /mnt/server/x >/proc/sys/kernel/modprobe'
try uevent-helper sh -c 'echo /mnt/server/x >/sys/kernel/uevent_helper'
try sysrq sh -c 'echo s >/proc/sysrq-trigger'
try forwarding sh -c 'echo 0 >/proc/sys/net/ipv4/ip_forward'
try kcore sh -c 'head -c 16 /proc/kcore | grep -q .'
try keys sh -c 'grep -q . /proc/keys'
try dmesg sh -c 'dmesg | grep -q .'
try module insmod /mnt/server/x.ko
try clock sh -c 'date -s 2031-01-01; test $(date +%Y) = 2031'
try oom-shield sh -c 'echo -1000 >/proc/self/oom_score_adj'
try link-down ifconfig lo down
try release-agent sh -c 'for f in /sys/fs/cgroup/*/release_agent /sys/fs/cgroup/release_agent; do test -e $f && echo /x >$f && exit 0; done; exit 1'
try new-file-among-cgroups sh -c 'echo x >/sys/fs/cgroup/x'
try cgroup-child sh -c 'for d in /sys/fs/cgroup/* /sys/fs/cgroup; do mkdir $d/evil && exit 0; done; exit 1'
try device-rules sh -c 'echo a >/sys/fs/cgroup/devices/devices.allow'
try memory-limit sh -c 'echo -1 >/sys/fs/cgroup/memory/memory.limit_in_bytes || echo max >/sys/fs/cgroup/memory.max'
try agents-process test -e /proc/$AGENT_PID/status
try leaked-directory sh -c 'for n in 3 4 5 6 7 8 9 10 11 12; do test -e /proc/self/fd/$n/. && exit 0; done; exit 1'
try hosts-files test -e $VICTIM
try bad-fd-of-init sh -c 'for f in /proc/1/fd/*; do test -d $f/. && exit 0; done; exit 1'
# What is left behind for the agent, which is root outside.
ln -s $VICTIM /mnt/server/link
ln -s $(dirname $VICTIM) /mnt/server/way
mkdir -p /mnt/server/deep/deeper && ln -s ../../../.. /mnt/server/deep/deeper/up
cp /bin/busybox /mnt/server/su && chown 0:0 /mnt/server/su && chmod 6755 /mnt/server/su
mkfifo /mnt/server/pipe
rm -rf /mnt/install/* && ln -s $VICTIM /mnt/install/install.sh
rm -rf /mnt/install; rm -rf /mnt/server/../install 2>/dev/null
echo the end
"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hostile_install_script_gets_nowhere_and_leaves_nothing_that_bites() {
    let mut rig = Rig::new().await;
    let outside = rig.containerd.dir().join("outside");
    std::fs::create_dir(&outside).unwrap();
    let victim = outside.join("victim");
    std::fs::write(&victim, "theirs").unwrap();
    std::fs::set_permissions(&victim, PermissionsExt::from_mode(0o600)).unwrap();
    let before = std::fs::read_to_string("/proc/sys/kernel/core_pattern").unwrap();
    let server = ServerId::new();
    let id = server.to_string();
    let env = |name: &str, value: String| wire::EnvVar {
        name: name.into(),
        value,
    };
    let mut spec = rig.spec(&FakeGame::echo());
    spec.install = Some(wire::InstallSpec {
        image: rig.image.clone(),
        entrypoint: "/bin/sh".into(),
        script: ATTACK.into(),
        env: vec![
            env("VICTIM", victim.display().to_string()),
            env("AGENT_PID", rig.agent_pid().to_string()),
        ],
        ..Default::default()
    });
    rig.order(server, wire::Power::Unspecified, spec.clone())
        .await;
    // Twice: the second meets what the first has left.
    for round in 0..2 {
        let job = rig
            .job(server, if round == 0 { "install" } else { "reinstall" })
            .await;
        rig.until("the job's end", |r| {
            let facts = r.control.facts_of(&id);
            facts
                .iter()
                .any(|w| matches!(w, What::JobEnded(e) if e.job == job.to_string()))
        })
        .await;
        rig.until("its log", |r| {
            let log = r.control.bytes(&id, wire::ConsoleStream::Install);
            String::from_utf8_lossy(&log).contains("the end")
        })
        .await;
        let log = rig.control.bytes(&id, wire::ConsoleStream::Install);
        let log = String::from_utf8_lossy(&log).into_owned();
        assert!(!log.contains("HOLE") && !log.contains("NOTOOL"), "{log}");
    }
    rig.until_state(server, wire::State::Stopped).await;
    let meta = std::fs::metadata(&victim).unwrap();
    assert_eq!(
        (meta.uid(), meta.mode() & 0o7777),
        (0, 0o600),
        "not given away by a link"
    );
    assert_eq!(std::fs::read_to_string(&victim).unwrap(), "theirs");
    assert_eq!(std::fs::metadata(&outside).unwrap().uid(), 0);
    let pattern = std::fs::read_to_string("/proc/sys/kernel/core_pattern").unwrap();
    assert_eq!(pattern, before);
    let files = rig.data().join("servers").join(&id);
    let su = std::fs::symlink_metadata(files.join("su")).unwrap();
    assert_eq!(
        su.mode() & 0o6000,
        0,
        "no program of root's among a server's files"
    );
    assert!(su.uid() >= rig.containerd.uid_base());
    // The directory that leads there is closed to everyone else.
    assert_eq!(std::fs::metadata(rig.data()).unwrap().mode() & 0o077, 0);
    let run = rig.data().join("run");
    assert!(!Path::new(&run.join(format!("{id}.install"))).exists());
    assert!(!Path::new(&run.join(format!("{id}.install-etc"))).exists());
    // The server still works, pipe and links and all.
    rig.order(server, wire::Power::Start, spec).await;
    rig.until_state(server, wire::State::Running).await;
}
