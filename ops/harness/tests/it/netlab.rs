use std::io::Read;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use warren_harness::NetLab;

const LIMIT: Duration = Duration::from_secs(1);

/// A connection from the client to this machine, by bash's own `/dev/tcp`.
fn dial_out(lab: &NetLab, port: u16) -> std::process::Child {
    let mut command = Command::new("bash");
    let script = format!(
        "exec 3<>/dev/tcp/{}/{port}; echo hello >&3; cat <&3",
        lab.hub()
    );
    command
        .arg("-c")
        .arg(script)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    lab.enter(&mut command).unwrap();
    command.spawn().unwrap()
}

#[test]
fn the_client_dials_out_and_nobody_dials_in() {
    let lab = NetLab::start().unwrap();
    let server = TcpListener::bind((lab.hub(), 0)).unwrap();
    let mut client = dial_out(&lab, server.local_addr().unwrap().port());
    let (mut stream, from) = server.accept().unwrap();
    assert_eq!(from.ip(), lab.public());
    let mut hello = [0u8; 5];
    stream.read_exact(&mut hello).unwrap();
    let inward = TcpStream::connect_timeout(&SocketAddr::from((lab.public(), 8080)), LIMIT);
    assert!(inward.is_err());
    assert_eq!(lab.listening().unwrap(), Vec::<String>::new());
    client.kill().unwrap();
    client.wait().unwrap();
}

#[test]
fn a_cut_swallows_packets_and_a_renumbered_router_has_another_address() {
    let lab = NetLab::start().unwrap();
    let server = TcpListener::bind((lab.hub(), 0)).unwrap();
    let port = server.local_addr().unwrap().port();
    let mut first = dial_out(&lab, port);
    let (mut stream, _) = server.accept().unwrap();
    let mut hello = [0u8; 6];
    stream.read_exact(&mut hello).unwrap();
    lab.cut().unwrap();
    let ping = ["-c", "1", "-W", "1", &lab.hub().to_string()].map(str::to_owned);
    let ping: Vec<&str> = ping.iter().map(String::as_str).collect();
    assert!(lab.run_in_client("ping", &ping).is_err());
    lab.heal().unwrap();
    lab.run_in_client("ping", &ping).unwrap();
    let before = lab.public();
    assert_ne!(lab.renumber().unwrap(), before);
    let mut second = dial_out(&lab, port);
    assert_eq!(server.accept().unwrap().1.ip(), lab.public());
    for client in [&mut first, &mut second] {
        client.kill().unwrap();
        client.wait().unwrap();
    }
    let netns = format!("/run/netns/{}", lab.client());
    drop(lab);
    assert!(!Path::new(&netns).exists());
}
