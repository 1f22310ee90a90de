//! Who reaches whom. Each test has a network namespace in the place of the host's own: nothing that
//! it sets up is ever seen by this machine.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::process::Command;
use std::time::Duration;

use warren_harness::{eventually, free_port};
use warren_runtime::net::{
    Attached, Egress, LinuxNetwork, NetConfig, NetKey, NetSpec, Network, Proto, Publish, port_held,
};
use warren_runtime::runtime::{Error, Runtime};
use warren_runtime::stats::Sampler;

use crate::machine::{LIMIT, Machine, printed};

/// Another machine on a cable to this one: "the internet", a private network and a metadata service
/// at once, by its addresses.
struct Elsewhere {
    netns: String,
    own: Ipv4Addr,
    internet: Ipv4Addr,
    private: Ipv4Addr,
}

const METADATA: Ipv4Addr = Ipv4Addr::new(169, 254, 77, 254);

/// Runs a test with its own network in the place of the host's. The image is pulled before, since
/// the registry listens on the real loopback; containerd is reached by a path and does not care.
pub fn apart(test: impl AsyncFnOnce(Machine) + Send + 'static) {
    let thread = std::thread::spawn(|| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let machine = runtime.block_on(Machine::with_game());
        // Of this thread alone, where the runtime starts its subprocesses.
        nix::sched::unshare(nix::sched::CloneFlags::CLONE_NEWNET).unwrap();
        sh("ip link set lo up");
        runtime.block_on(test(machine));
    });
    if let Err(panic) = thread.join() {
        std::panic::resume_unwind(panic);
    }
}

pub fn sh(script: &str) -> String {
    let output = Command::new("sh").args(["-ec", script]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{script}: {text}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

impl Elsewhere {
    /// Names carry the tag, so the harness takes them away. Only within [`apart`].
    fn build(tag: &str) -> Self {
        let (netns, cable) = (format!("{tag}-else"), format!("x{tag}"));
        let lab = Self {
            own: Ipv4Addr::new(198, 51, 100, 1),
            internet: Ipv4Addr::new(198, 51, 100, 2),
            private: Ipv4Addr::new(10, 213, 77, 2),
            netns,
        };
        let (netns, own, internet, private) = (&lab.netns, lab.own, lab.internet, lab.private);
        sh(&format!(
            "ip netns add {netns}
             ip link add {cable} type veth peer name eth0 netns {netns}
             ip addr add {own}/24 dev {cable}
             ip link set {cable} up
             ip -n {netns} link set lo up
             ip -n {netns} addr add {internet}/24 dev eth0
             ip -n {netns} addr add {private}/32 dev eth0
             ip -n {netns} addr add {METADATA}/32 dev eth0
             ip -n {netns} link set eth0 up
             ip -n {netns} route add default via {own}
             ip route add {private}/32 via {internet}
             ip route add {METADATA}/32 via {internet}"
        ));
        lab
    }

    /// Serves `hello` on a TCP port there for as long as the guard lives.
    fn serve(&self, port: u16) -> Guard {
        let mut command = Command::new("ip");
        let port = port.to_string();
        command.args([
            "netns",
            "exec",
            &self.netns,
            "busybox",
            "nc",
            "-ll",
            "-p",
            &port,
        ]);
        Guard(command.args(["-e", "echo", "hello"]).spawn().unwrap())
    }

    fn run(&self, script: &str) -> String {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.netns, "busybox", "sh", "-c", script]);
        String::from_utf8_lossy(&command.output().unwrap().stdout).into_owned()
    }
}

struct Guard(std::process::Child);

impl Drop for Guard {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn config(machine: &Machine) -> NetConfig {
    NetConfig {
        tag: machine.containerd.tag().to_owned(),
        subnet: machine.containerd.subnet().parse().unwrap(),
        resolvers: Vec::new(),
        allow: Vec::new(),
    }
}

fn key(text: &str) -> NetKey {
    text.parse().unwrap()
}

fn publish(proto: Proto, host_port: u16, container_port: u16) -> Publish {
    Publish {
        proto,
        host_ip: None,
        host_port,
        container_port,
    }
}

/// A server that answers TCP 7777 with what it gets, and connects to what it reads on stdin.
async fn server(machine: &Machine, name: &str, attached: &Attached) -> std::path::PathBuf {
    let mut spec = machine.shell(
        name,
        // 1E61 is 7777: ready is who listens.
        "nc -ll -p 7777 -e cat & until grep -q ':1E61 ' /proc/net/tcp*; do sleep 0.02; done; echo ready; \
         while read -r ip port; do \
           answer=$(echo hi | nc -w 2 $ip $port 2>/dev/null | head -1); \
           echo \"$ip:$port answered <$answer>\"; done",
    );
    spec.netns = Some(attached.netns.clone());
    let out = spec.console.stdout.clone();
    machine.runtime.create_and_start(spec).await.unwrap();
    printed(&out, "ready");
    out
}

/// Has the server connect somewhere; what came back.
async fn tries(machine: &Machine, name: &str, ip: Ipv4Addr, port: u16) -> String {
    let dir = machine.dir().join("servers").join(name);
    let stdin = warren_runtime::console::StdinWriter::open(&dir.join("stdin")).unwrap();
    let out = std::fs::read_dir(&dir).unwrap().flatten().map(|e| e.path());
    let out = out
        .into_iter()
        .find(|p| p.extension().is_some_and(|e| e == "out"))
        .unwrap();
    let mark = format!("{ip}:{port} answered <");
    let before = std::fs::read_to_string(&out)
        .unwrap()
        .matches(&mark)
        .count();
    stdin
        .write_line(format!("{ip} {port}").as_bytes())
        .await
        .unwrap();
    let text = eventually("an answer or none", LIMIT, || {
        let text = std::fs::read_to_string(&out).ok()?;
        (text.matches(&mark).count() > before && text.ends_with(">\r\n")).then_some(text)
    });
    let text = text.unwrap();
    let rest = text.rsplit_once(&mark).unwrap().1;
    rest.split('>').next().unwrap().trim().to_owned()
}

fn tcp(ip: Ipv4Addr, port: u16) -> Option<String> {
    let at = SocketAddr::from((ip, port));
    let mut stream = TcpStream::connect_timeout(&at, Duration::from_secs(2)).ok()?;
    stream
        .set_read_timeout(Some(Duration::from_secs(2)))
        .unwrap();
    stream.write_all(b"ping\n").ok()?;
    let mut answer = [0; 5];
    stream.read_exact(&mut answer).ok()?;
    String::from_utf8(answer.to_vec()).ok()
}

/// Answers datagrams from within a server's namespace until the test ends.
fn udp_echo(attached: &Attached, port: u16) {
    let netns = std::fs::File::open(&attached.netns).unwrap();
    let (bound, ready) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        nix::sched::setns(netns, nix::sched::CloneFlags::CLONE_NEWNET).unwrap();
        let socket = UdpSocket::bind(("0.0.0.0", port)).unwrap();
        socket.set_read_timeout(Some(LIMIT)).unwrap();
        bound.send(()).unwrap();
        let mut buffer = [0; 64];
        while let Ok((len, from)) = socket.recv_from(&mut buffer) {
            socket.send_to(&buffer[..len], from).unwrap();
        }
    });
    ready.recv().unwrap();
}

fn udp(ip: Ipv4Addr, port: u16) -> Option<String> {
    let socket = UdpSocket::bind(("0.0.0.0", 0)).unwrap();
    socket
        .set_read_timeout(Some(Duration::from_secs(2)))
        .unwrap();
    socket.send_to(b"ping\n", (ip, port)).unwrap();
    let mut answer = [0; 16];
    let (len, from) = socket.recv_from(&mut answer).ok()?;
    assert_eq!(
        from,
        SocketAddr::from((ip, port)),
        "the answer comes from where we asked"
    );
    String::from_utf8(answer[..len].to_vec()).ok()
}

#[test]
fn published_ports_are_reached_from_everywhere_they_should() {
    apart(published);
}

async fn published(machine: Machine) {
    let lab = Elsewhere::build(machine.containerd.tag());
    let network = LinuxNetwork::new(config(&machine)).unwrap();
    let (one, two) = (free_port().unwrap(), free_port().unwrap());
    let spec = NetSpec {
        publish: vec![
            publish(Proto::Tcp, one, 7777),
            publish(Proto::Udp, two, 7778),
        ],
        ..NetSpec::default()
    };
    let attached = network.ensure(&key("a"), &spec).await.unwrap();
    assert_eq!(network.ensure(&key("a"), &spec).await.unwrap(), attached);
    server(&machine, "a", &attached).await;
    udp_echo(&attached, 7778);
    for ip in [Ipv4Addr::LOCALHOST, lab.own] {
        assert_eq!(tcp(ip, one).as_deref(), Some("ping\n"), "tcp by {ip}");
        assert_eq!(udp(ip, two).as_deref(), Some("ping\n"), "udp by {ip}");
    }
    let own = lab.own;
    let outside = lab.run(&format!("echo ping | nc -w 2 {own} {one}"));
    assert_eq!(outside, "ping\n");
    // By the inner address nobody gets in from outside.
    let inner = attached.address;
    let direct = lab.run(&format!(
        "ip route add {inner} via {own}; echo ping | nc -w 2 {inner} 7777"
    ));
    assert_eq!(direct, "");
    // Its own door from inside, as proxies use it.
    assert_eq!(tries(&machine, "a", lab.own, one).await, "hi");
    // And a neighbour's, by the same front door as anyone.
    let b = network
        .ensure(&key("b"), &NetSpec::default())
        .await
        .unwrap();
    server(&machine, "b", &b).await;
    assert_eq!(tries(&machine, "b", lab.own, one).await, "hi");
    assert_eq!(tries(&machine, "b", attached.address, 7777).await, "");
    // Only connections to this machine are redirected, not those that pass through it.
    let _there = lab.serve(one);
    eventually("it serves", LIMIT, || tcp_hello(lab.internet, one)).unwrap();
    assert_eq!(tries(&machine, "a", lab.internet, one).await, "hello");
    let taken = network.ensure(&key("c"), &spec).await.unwrap_err();
    assert!(matches!(taken, Error::Conflict { .. }), "{taken}");
    assert!(taken.to_string().contains("server a"), "{taken}");
    let found = machine.runtime.adopt().await.unwrap();
    let a = found.iter().find(|f| f.id.as_str() == "a").unwrap();
    let warren_runtime::runtime::FoundState::Running { pid, .. } = a.state else {
        panic!("{found:?}");
    };
    let mut sampler = Sampler::open(pid, Some(&attached.veth)).unwrap();
    let sample = sampler.sample().unwrap();
    assert!(
        sample.net_rx_bytes > 100 && sample.net_tx_bytes > 100,
        "{sample:?}"
    );
    network.remove(&key("a")).await.unwrap();
    assert_eq!(tcp(Ipv4Addr::LOCALHOST, one), None);
    network.cleanup_all().await.unwrap();
    assert_eq!(leftovers(machine.containerd.tag()), "");
}

#[test]
fn what_comes_by_ipv6_is_turned_away_at_once_and_servers_have_no_way_out_by_it() {
    apart(ipv6);
}

async fn ipv6(machine: Machine) {
    sh("ip -6 addr add fd00:77::1/64 dev lo nodad");
    let network = LinuxNetwork::new(config(&machine)).unwrap();
    let port = free_port().unwrap();
    let spec = NetSpec {
        publish: vec![publish(Proto::Tcp, port, 7777)],
        ..NetSpec::default()
    };
    let a = network.ensure(&key("a"), &spec).await.unwrap();
    server(&machine, "a", &a).await;
    assert_eq!(tcp(Ipv4Addr::LOCALHOST, port).as_deref(), Some("ping\n"));
    // Refused, not left hanging: a client that tries both kinds goes on with the other.
    for ip in ["::1", "fd00:77::1"] {
        let at = SocketAddr::new(ip.parse().unwrap(), port);
        let error = TcpStream::connect_timeout(&at, Duration::from_secs(5)).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused, "{at}");
    }
    // Even with addresses on the line, which no game can give itself, nothing of it comes through.
    let (netns, veth) = (a.netns.file_name().unwrap().to_str().unwrap(), &a.veth);
    sh(&format!(
        "ip -6 addr add fd00:88::1/64 dev {veth} nodad
         ip -n {netns} -6 addr add fd00:88::2/64 dev eth0 nodad"
    ));
    let listener = TcpListener::bind("[fd00:88::1]:0").unwrap();
    let there = listener.local_addr().unwrap().port();
    // The other end waits for us to hang up.
    std::thread::spawn(move || listener.incoming().for_each(drop));
    let inside = format!("ip netns exec {netns} busybox nc -w 2 fd00:88::1 {there} </dev/null");
    assert!(
        !Command::new("sh")
            .args(["-c", &inside])
            .status()
            .unwrap()
            .success()
    );
    // It is the table that stops it.
    sh(&format!(
        "nft delete table inet warren_{}",
        machine.containerd.tag()
    ));
    let reached = Command::new("sh").args(["-c", &inside]).status().unwrap();
    assert!(reached.success());
    network.cleanup_all().await.unwrap();
    assert_eq!(leftovers(machine.containerd.tag()), "");
}

fn tcp_hello(ip: Ipv4Addr, port: u16) -> Option<()> {
    let mut text = String::new();
    TcpStream::connect((ip, port))
        .ok()?
        .read_to_string(&mut text)
        .ok()?;
    (text == "hello\n").then_some(())
}

/// Host objects of ours that carry the tag.
fn leftovers(tag: &str) -> String {
    sh(&format!(
        "ip -o link | grep -o -E 'w(b)?{tag}[0-9a-f]*' || true; \
         ls /run/netns 2>/dev/null | grep 'warren-{tag}-' || true; \
         nft list tables | grep 'warren_{tag}' || true"
    ))
}

#[test]
fn servers_reach_the_internet_and_nobody_private() {
    apart(egress);
}

async fn egress(machine: Machine) {
    let lab = Elsewhere::build(machine.containerd.tag());
    let mut config = config(&machine);
    config.resolvers = vec![lab.private];
    let network = LinuxNetwork::new(config).unwrap();
    let a = network
        .ensure(&key("a"), &NetSpec::default())
        .await
        .unwrap();
    let b = network
        .ensure(&key("b"), &NetSpec::default())
        .await
        .unwrap();
    assert_ne!(a.address, b.address);
    server(&machine, "a", &a).await;
    server(&machine, "b", &b).await;
    let _services = [lab.serve(8080), lab.serve(53)];
    for ip in [lab.internet, lab.private, METADATA] {
        eventually("the host itself reaches it", LIMIT, || tcp_hello(ip, 8080)).unwrap();
    }
    assert_eq!(tries(&machine, "a", lab.internet, 8080).await, "hello");
    for (what, ip, port) in [
        ("a private range", lab.private, 8080),
        ("the metadata service", METADATA, 8080),
        ("a neighbour", b.address, 7777),
    ] {
        assert_eq!(tries(&machine, "a", ip, port).await, "", "{what}");
    }
    assert_eq!(
        tries(&machine, "a", a.address, 7777).await,
        "hi",
        "it reaches itself"
    );
    assert_eq!(
        tries(&machine, "a", lab.private, 53).await,
        "hello",
        "the resolver"
    );
    // Nothing that listens on this host.
    let listener = TcpListener::bind("0.0.0.0:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = stream.write_all(b"hello\n");
        }
    });
    eventually("it listens", LIMIT, || tcp_hello(a.gateway, port)).unwrap();
    for ip in [a.gateway, lab.own] {
        assert_eq!(tries(&machine, "a", ip, port).await, "", "the host by {ip}");
    }
    let open = NetSpec {
        egress: Egress {
            allow: vec![format!("{}/24", lab.private).parse().unwrap()],
            deny_internet: true,
        },
        ..NetSpec::default()
    };
    assert_eq!(network.ensure(&key("a"), &open).await.unwrap(), a);
    assert_eq!(
        tries(&machine, "a", lab.private, 8080).await,
        "hello",
        "on its allow-list"
    );
    assert_eq!(tries(&machine, "a", lab.internet, 8080).await, "", "closed");
    assert_eq!(
        tries(&machine, "b", lab.private, 8080).await,
        "",
        "not on b's list"
    );
    network.cleanup_all().await.unwrap();
}

#[test]
fn the_network_outlives_the_agent_and_a_flushed_firewall() {
    apart(outlives);
}

async fn outlives(machine: Machine) {
    let network = LinuxNetwork::new(config(&machine)).unwrap();
    let port = free_port().unwrap();
    let spec = NetSpec {
        publish: vec![publish(Proto::Tcp, port, 7777)],
        ..NetSpec::default()
    };
    let a = network.ensure(&key("a"), &spec).await.unwrap();
    server(&machine, "a", &a).await;
    assert!(tcp(Ipv4Addr::LOCALHOST, port).is_some());
    // A new agent knows nothing but what the kernel remembers.
    let network = LinuxNetwork::new(config(&machine)).unwrap();
    assert_eq!(network.list().await.unwrap(), std::slice::from_ref(&a));
    let b = network
        .ensure(&key("b"), &NetSpec::default())
        .await
        .unwrap();
    assert_ne!(b.address, a.address);
    assert!(
        tcp(Ipv4Addr::LOCALHOST, port).is_some(),
        "a's port is still there"
    );
    assert_eq!(network.ensure(&key("a"), &spec).await.unwrap(), a);
    assert!(!network.repair().await.unwrap());
    sh(&format!(
        "nft delete table inet warren_{}",
        machine.containerd.tag()
    ));
    assert!(tcp(Ipv4Addr::LOCALHOST, port).is_none());
    assert!(network.repair().await.unwrap());
    assert!(tcp(Ipv4Addr::LOCALHOST, port).is_some());
    // A namespace that someone deleted is made anew, at the same address.
    sh(&format!(
        "ip netns delete warren-{}-b",
        machine.containerd.tag()
    ));
    assert_eq!(
        network
            .ensure(&key("b"), &NetSpec::default())
            .await
            .unwrap(),
        b
    );
    assert!(b.netns.exists());
    network.cleanup_all().await.unwrap();
    assert_eq!(leftovers(machine.containerd.tag()), "");
}

#[test]
fn a_subnet_in_use_is_refused_by_name() {
    apart(overlap);
}

async fn overlap(machine: Machine) {
    let tag = machine.containerd.tag().to_owned();
    let config = NetConfig {
        tag: tag.clone(),
        subnet: "127.0.0.0/16".parse().unwrap(),
        resolvers: Vec::new(),
        allow: Vec::new(),
    };
    let network = LinuxNetwork::new(config).unwrap();
    let error = network
        .ensure(&key("a"), &NetSpec::default())
        .await
        .unwrap_err();
    assert!(error.to_string().contains("of lo"), "{error}");
    assert_eq!(leftovers(&tag), "");
}

#[test]
fn a_taken_port_is_named_before_it_is_published() {
    let held = TcpListener::bind("0.0.0.0:0").unwrap();
    let port = held.local_addr().unwrap().port();
    let holder = port_held(Proto::Tcp, Ipv4Addr::UNSPECIFIED.into(), port)
        .unwrap()
        .unwrap();
    assert_eq!(holder.pid, Some(std::process::id()));
    assert!(holder.program.is_some(), "{holder}");
}
