//! Free ports, and a machine behind NAT made of network namespaces.

use std::fs::File;
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::atomic::{AtomicU8, Ordering};

use anyhow::{Context, Result};
use nix::sched::{CloneFlags, setns};
use rand::Rng;

use crate::clean::{remove_tag, sweep_stale};
use crate::process::{Tag, run};
use crate::tool::tool;

/// A port that is free for TCP and UDP on loopback right now. It lies below the range from which
/// the kernel takes the source ports of connections, so none of those grabs it before its user
/// does.
///
/// # Errors
/// When none can be bound.
pub fn free_port() -> Result<u16> {
    let mut rng = rand::rng();
    let candidates = (0..200).map(|_| rng.random_range(12_000..32_000));
    let is_free = |port: &u16| {
        let address = (Ipv4Addr::LOCALHOST, *port);
        TcpListener::bind(address).is_ok() && UdpSocket::bind(address).is_ok()
    };
    let mut free = candidates.filter(is_free);
    free.next()
        .context("found no port that is free for TCP and UDP")
}

/// A client machine behind a NAT router, beside this one:
///
/// ```text
/// here (hub .1) ── 198.18.N.0/24 ── router (.2, masquerade, forward only outward)
///                                      └── 192.168.77.0/24 ── client (.2)
/// ```
/// Router and client are network namespaces; all names carry the tag, all goes when dropped.
#[derive(Debug)]
pub struct NetLab {
    tag: Tag,
    net: u8,
    public: AtomicU8,
}

impl NetLab {
    /// Builds it.
    ///
    /// # Errors
    /// When not root, or when ip or nft is missing (names the package).
    pub fn start() -> Result<Self> {
        sweep_stale();
        tool("ip", "iproute2")?;
        tool("nft", "nftables")?;
        let tag = Tag::random();
        tag.make_dir()?;
        let net = free_net(&tag)?;
        let lab = Self {
            tag,
            net,
            public: AtomicU8::new(2),
        };
        lab.build().context("build the network lab")?;
        Ok(lab)
    }

    /// The tag in the names of its namespaces and links.
    #[must_use]
    pub fn tag(&self) -> &Tag {
        &self.tag
    }

    /// This machine's address as the client sees it: bind servers for the client here.
    #[must_use]
    pub fn hub(&self) -> Ipv4Addr {
        Ipv4Addr::new(198, 18, self.net, 1)
    }

    /// The router's present public address, the only one that this machine sees.
    #[must_use]
    pub fn public(&self) -> Ipv4Addr {
        Ipv4Addr::new(198, 18, self.net, self.public.load(Ordering::Relaxed))
    }

    /// The client's private address, which nobody outside can reach.
    #[must_use]
    pub fn client_address(&self) -> Ipv4Addr {
        Ipv4Addr::new(192, 168, 77, 2)
    }

    /// Name of the client's namespace.
    #[must_use]
    pub fn client(&self) -> String {
        format!("wh{}c", self.tag)
    }

    /// Name of the router's namespace.
    #[must_use]
    pub fn router(&self) -> String {
        format!("wh{}r", self.tag)
    }

    /// Makes `command` run with the client's network. Unlike `ip netns exec` the mounts stay those
    /// of this machine, so that namespaces made inside are seen by a containerd outside.
    ///
    /// # Errors
    /// When the namespace's file cannot be opened.
    pub fn enter(&self, command: &mut Command) -> Result<()> {
        let file = File::open(format!("/run/netns/{}", self.client())).context("open the netns")?;
        // SAFETY: setns is async-signal-safe; the file is owned by the closure.
        unsafe {
            command.pre_exec(move || Ok(setns(&file, CloneFlags::CLONE_NEWNET)?));
        }
        Ok(())
    }

    /// Runs a command with the client's network to its end and gives its stdout.
    ///
    /// # Errors
    /// When it fails; carries its stderr.
    pub fn run_in_client(&self, program: &str, args: &[&str]) -> Result<String> {
        run(Command::new("ip")
            .args(["netns", "exec", &self.client(), program])
            .args(args))
    }

    /// Drops every packet that crosses the router, both ways, without telling anyone.
    ///
    /// # Errors
    /// When nft refuses.
    pub fn cut(&self) -> Result<()> {
        self.nft(
            "table ip cut { chain c { type filter hook forward priority -200; policy drop; }; }",
        )
    }

    /// Lets packets through again.
    ///
    /// # Errors
    /// When it was not cut.
    pub fn heal(&self) -> Result<()> {
        self.nft("delete table ip cut")
    }

    /// Gives the router another public address; every mapping that it had is forgotten.
    ///
    /// # Errors
    /// When ip refuses.
    pub fn renumber(&self) -> Result<Ipv4Addr> {
        let old = self.public();
        let last = self.public.load(Ordering::Relaxed);
        self.public
            .store(if last >= 250 { 2 } else { last + 1 }, Ordering::Relaxed);
        // Masquerade drops the mappings of an address that goes away; what the client sends on an
        // old connection then leaves under the new address and is answered with a reset. Deleting
        // first: with the primary address the kernel removes all others of its subnet.
        let router = self.router();
        self.ip_in(&router, &format!("addr del {old}/24 dev wan"))?;
        self.ip_in(&router, &format!("addr add {}/24 dev wan", self.public()))?;
        self.ip_in(
            &router,
            &format!("route replace default via {}", self.hub()),
        )?;
        Ok(self.public())
    }

    /// What listens in the client's namespace, one line of `ss` per TCP or UDP socket.
    ///
    /// # Errors
    /// When ss is missing.
    pub fn listening(&self) -> Result<Vec<String>> {
        let text = self.run_in_client("ss", &["-H", "-l", "-n", "-t", "-u", "-p"])?;
        Ok(text.lines().map(str::to_owned).collect())
    }

    fn build(&self) -> Result<()> {
        let (router, client, tag) = (self.router(), self.client(), &self.tag);
        let outer = format!("wh{tag}h");
        for netns in [&router, &client] {
            run(Command::new("ip").args(["netns", "add", netns]))?;
            self.ip_in(netns, "link set lo up")?;
        }
        ip(&format!(
            "link add {outer} type veth peer name wan netns {router}"
        ))?;
        ip(&format!("addr add {}/24 dev {outer}", self.hub()))?;
        ip(&format!("link set {outer} up"))?;
        self.ip_in(
            &router,
            &format!("link add lan type veth peer name eth0 netns {client}"),
        )?;
        self.ip_in(&router, &format!("addr add {}/24 dev wan", self.public()))?;
        self.ip_in(&router, "addr add 192.168.77.1/24 dev lan")?;
        self.ip_in(&router, "link set wan up")?;
        self.ip_in(&router, "link set lan up")?;
        self.ip_in(&router, &format!("route add default via {}", self.hub()))?;
        self.ip_in(&client, "addr add 192.168.77.2/24 dev eth0")?;
        self.ip_in(&client, "link set eth0 up")?;
        self.ip_in(&client, "route add default via 192.168.77.1")?;
        let exec = ["netns", "exec", &router, "sh", "-c"];
        let forward = "echo 1 > /proc/sys/net/ipv4/ip_forward";
        run(Command::new("ip").args(exec).arg(forward))?;
        self.nft(NAT)
    }

    fn ip_in(&self, netns: &str, line: &str) -> Result<()> {
        run(Command::new("ip").args(["-n", netns]).args(line.split(' '))).map(drop)
    }

    fn nft(&self, rules: &str) -> Result<()> {
        run(Command::new("ip").args(["netns", "exec", &self.router(), "nft", rules])).map(drop)
    }
}

impl Drop for NetLab {
    fn drop(&mut self) {
        remove_tag(&self.tag);
    }
}

/// What a home router does: masquerade outward, let answers in, swallow everything else.
const NAT: &str = "table ip nat { \
    chain post { type nat hook postrouting priority 100; oifname \"wan\" masquerade; }; \
    chain inward { type filter hook forward priority 0; policy drop; \
        iifname \"lan\" oifname \"wan\" accept; ct state established,related accept; }; \
    chain own { type filter hook input priority 0; policy accept; \
        iifname \"wan\" ct state established,related accept; iifname \"wan\" drop; }; \
}";

fn ip(line: &str) -> Result<()> {
    run(Command::new("ip").args(line.split(' '))).map(drop)
}

/// A third octet of 198.18.0.0/15 (set aside for tests) that no link of this machine uses.
fn free_net(tag: &Tag) -> Result<u8> {
    let used = run(Command::new("ip").args(["-4", "-o", "addr"]))?;
    let first = tag.number(250);
    let nets = (0..250)
        .map(|step| (first + step) % 250)
        .filter_map(|n| u8::try_from(n).ok());
    let mut free = nets.filter(|n| !used.contains(&format!("198.18.{n}.")));
    free.next()
        .context("all networks of 198.18.0.0/16 are taken")
}
