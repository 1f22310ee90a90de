//! Shuts the process in. Called while it has one thread, as root; what can't be done ends it.

use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;

use anyhow::{Context as _, bail};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, unshare};
use nix::sys::prctl;
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::Signal;
use nix::unistd::{Gid, Uid, chdir, fchdir, pivot_root, setgroups, setresgid, setresuid};

/// Memory of its own that a worker may have beside what its cgroup says, bytes: where no cgroup can be made, this is
/// what holds it.
const DATA_BYTES: u64 = 2 << 30;
const FILES: u64 = 4096;
/// Something that is a directory on every machine and that nothing in here needs.
const STAGE: &str = "/proc";

/// How a worker is shut in.
#[derive(Debug, Clone, clap::Args)]
pub struct Sandbox {
    /// Whose files: the server's uid and gid.
    #[arg(long)]
    pub uid: u32,
    /// The directory may be written to.
    #[arg(long)]
    pub write: bool,
}

impl Sandbox {
    /// Shuts this process in for good. Gives the pipe to the agent.
    /// # Errors
    /// The kernel refuses a step, or standard input and output are not what the agent gives.
    pub fn enter(&self) -> anyhow::Result<UnixStream> {
        if self.uid == 0 {
            bail!("a worker never runs as root");
        }
        die_with_parent()?;
        // The working directory goes along into the new namespace, a handle would stay in the old one.
        fchdir(std::io::stdout()).context("enter the directory on standard output")?;
        let all = CloneFlags::CLONE_NEWNS
            | CloneFlags::CLONE_NEWIPC
            | CloneFlags::CLONE_NEWUTS
            | CloneFlags::CLONE_NEWNET;
        unshare(all).context("leave the machine's namespaces")?;
        self.mounts()?;
        self.drop_rights()?;
        // Changing one's uid forgets it.
        die_with_parent()?;
        // SAFETY: standard input is open, ours, and nothing else in this process reads from it.
        let socket = unsafe { OwnedFd::from_raw_fd(std::io::stdin().as_raw_fd()) };
        Ok(UnixStream::from(socket))
    }

    fn mounts(&self) -> anyhow::Result<()> {
        let none = None::<&str>;
        let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
        mount(none, "/", none, private, none).context("make mounts private")?;
        let plain = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
        // Over something that is there: no directory has to be made for it, and it goes with this namespace.
        mount(
            Some("worker"),
            STAGE,
            Some("tmpfs"),
            plain,
            Some("size=64k,mode=0755"),
        )
        .context("make a root of its own")?;
        let files = Path::new(STAGE).join("files");
        std::fs::create_dir(&files).context("make a place for the files")?;
        mount(Some("."), &files, none, MsFlags::MS_BIND, none).context("mount the files")?;
        let mut again = MsFlags::MS_BIND | MsFlags::MS_REMOUNT | plain;
        again.set(MsFlags::MS_RDONLY, !self.write);
        mount(none, &files, none, again, none).context("mount the files without devices")?;
        let sealed = MsFlags::MS_REMOUNT | MsFlags::MS_RDONLY | plain;
        mount(none, STAGE, none, sealed, none).context("seal the root")?;
        chdir(STAGE).context("enter the root")?;
        pivot_root(".", ".").context("leave the machine's root")?;
        umount2(".", MntFlags::MNT_DETACH).context("forget the machine's root")?;
        chdir("/").context("enter the root")
    }

    fn drop_rights(&self) -> anyhow::Result<()> {
        for capability in 0..64 {
            // Those that this kernel does not know are refused.
            // SAFETY: prctl with plain numbers.
            let _ = unsafe { libc::prctl(libc::PR_CAPBSET_DROP, capability, 0, 0, 0) };
        }
        setrlimit(Resource::RLIMIT_CORE, 0, 0).context("forbid core files")?;
        setrlimit(Resource::RLIMIT_NOFILE, FILES, FILES).context("bound open files")?;
        setrlimit(Resource::RLIMIT_DATA, DATA_BYTES, DATA_BYTES).context("bound memory")?;
        let (uid, gid) = (Uid::from_raw(self.uid), Gid::from_raw(self.uid));
        setgroups(&[]).context("leave all groups")?;
        setresgid(gid, gid, gid).context("become the server's group")?;
        setresuid(uid, uid, uid).context("become the server's user")?;
        prctl::set_no_new_privs().context("forbid new privileges")?;
        prctl::set_dumpable(false).context("forbid looking in")?;
        // SAFETY: prctl with plain numbers.
        let still = unsafe { libc::prctl(libc::PR_CAPBSET_READ, 21, 0, 0, 0) };
        if still != 0 || Uid::effective().is_root() {
            bail!("a worker kept rights that it must not have");
        }
        Ok(())
    }
}

fn die_with_parent() -> anyhow::Result<()> {
    prctl::set_pdeathsig(Some(Signal::SIGKILL)).context("die with the agent")
}
