//! SFTP of clients that mean harm, and what the gateway holds for them.

use std::io::{Read as _, Write as _};
use std::process::{Child, ChildStdin, Command, Output, Stdio};
use std::thread::JoinHandle;

use crate::sftp::{World, run, texts};

/// One SFTP packet.
fn packet(kind: u8, rest: &[u8]) -> Vec<u8> {
    let mut all = u32::try_from(rest.len() + 1)
        .unwrap()
        .to_be_bytes()
        .to_vec();
    all.push(kind);
    all.extend_from_slice(rest);
    all
}

/// Of what was answered.
fn kinds(mut rest: &[u8]) -> Vec<u8> {
    let mut all = Vec::new();
    while let Some((length, more)) = rest.split_first_chunk::<4>() {
        all.push(more[0]);
        rest = &more[u32::from_be_bytes(*length) as usize..];
    }
    all
}

fn string(text: &[u8]) -> Vec<u8> {
    [&u32::try_from(text.len()).unwrap().to_be_bytes()[..], text].concat()
}

/// Words of `ssh` for a session of its own.
fn session(world: &World) -> Vec<String> {
    let mut words = world.options();
    words.extend(["-p".into(), world.port.to_string(), "-s".into()]);
    words.extend([format!("{}@127.0.0.1", world.login()), "sftp".into()]);
    words
}

/// Says all of it, and gives what was answered.
async fn raw(world: &World, input: Vec<u8>) -> Output {
    let mut ssh = Command::new("timeout");
    ssh.args(["60", "ssh"]).args(session(world));
    run(ssh, input).await
}

fn init() -> Vec<u8> {
    packet(1, &3_u32.to_be_bytes())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_bytes_end_their_own_connection_alone() {
    let mut world = World::start().await;
    std::fs::write(world.dir().join("small"), "hello\n").unwrap();
    world.does("put small\n").await;
    let raw = async |input| raw(&world, input).await;
    // A question of 2 GiB, one before the greeting, one that is cut.
    for bad in [
        vec![0x7f, 0xff, 0xff, 0xff, 3],
        packet(3, b"xxxx"),
        packet(5, &[0, 0]),
    ] {
        let input = if bad[4] == 3 && bad.len() > 5 {
            bad
        } else {
            [init(), bad].concat()
        };
        let out = raw(input).await;
        assert!(!out.status.success(), "{:?}", texts(&out));
    }
    // Unknown questions and malformed ones are answered as such.
    let mut asked = init();
    for (n, kind) in [77_u8, 200, 3, 5, 250].into_iter().enumerate() {
        let id = u32::try_from(n).unwrap().to_be_bytes();
        asked.extend(packet(kind, &[&id[..], &string(b"x@y")].concat()));
    }
    let out = raw(asked).await;
    assert_eq!(kinds(&out.stdout), [2, 101, 101, 101, 101, 101]);
    // 10,000 opens of which 60 are there, and nothing is left behind.
    let mut asked = init();
    for id in 0..10_000_u32 {
        let ask = [
            &id.to_be_bytes()[..],
            &string(b"/small"),
            &1_u32.to_be_bytes(),
            &0_u32.to_be_bytes(),
        ]
        .concat();
        asked.extend(packet(3, &ask));
    }
    let out = raw(asked).await;
    let count = |kind| kinds(&out.stdout).iter().filter(|k| **k == kind).count();
    let (handles, refused) = (count(102), count(101));
    assert!(out.status.success(), "{}", texts(&out).1);
    assert_eq!(
        (handles + refused, handles),
        (10_000, 60),
        "{handles} {refused}"
    );
    // Sockets that say nothing or nonsense cost nobody else their place.
    let mut idle = Vec::new();
    for n in 0..24 {
        let mut socket = std::net::TcpStream::connect(("127.0.0.1", world.port)).unwrap();
        if n % 2 == 0 {
            drop(socket.write_all(b"GET / HTTP/1.1\r\n\r\n"));
        }
        idle.push(socket);
    }
    world.does("get small again\n").await;
    assert_eq!(
        std::fs::read(world.dir().join("again")).unwrap(),
        b"hello\n"
    );
    drop(idle);
    world.stop().await;
}

/// What the gateway counts for SFTP clients, bytes.
fn counted(world: &World) -> i64 {
    let gateway = world.gateway.as_ref().unwrap();
    gateway.edge.metrics.sftp_bytes.get()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn malformed_questions_and_handles_of_others_are_refused_one_by_one() {
    let mut world = World::start().await;
    std::fs::write(world.dir().join("small"), "hello\n").unwrap();
    world.does("put small\n").await;
    let id = |n: u32| n.to_be_bytes();
    // Names that are no text, lengths that lead beyond the end, attributes without an end: of each its own answer.
    let mut asked = init();
    for kind in [3_u8, 7, 9, 11, 13, 14, 15, 16, 17, 18, 19, 20] {
        asked.extend(packet(kind, &[&id(1)[..], &string(b"\xff\xfe")].concat()));
        asked.extend(packet(kind, &[&id(2)[..], &[0xff; 4]].concat()));
        asked.extend(packet(kind, &id(3)));
    }
    let attributes = [
        &id(4)[..],
        &string(b"/small"),
        &0x8000_0000_u32.to_be_bytes(),
        &[0xff; 4],
    ];
    asked.extend(packet(9, &attributes.concat()));
    let out = raw(&world, asked).await;
    assert!(out.status.success(), "{}", texts(&out).1);
    let answers = kinds(&out.stdout);
    assert_eq!(answers.len(), 1 + 3 * 12 + 1);
    assert!(answers[1..].iter().all(|kind| *kind == 101), "{answers:?}");
    // Somebody holds a file open; in another session its handle is nobody's.
    let open = [&id(0)[..], &string(b"/small"), &id(1), &id(0)].concat();
    let holder = Deaf::start(&world, &[init(), packet(3, &open)].concat(), 2, Vec::new());
    let mut asked = init();
    for n in 0..10_000_u32 {
        let handle = match n % 4 {
            0 => string(&0_u32.to_be_bytes()),
            1 => string(&n.to_be_bytes()),
            2 => string(b""),
            _ => string(&[0; 300]),
        };
        let (kind, more) = match n % 5 {
            0 => (5_u8, [&[0; 8][..], &id(100)].concat()),
            1 => (6, [&[0; 8][..], &string(b"overwritten")].concat()),
            2 => (4, Vec::new()),
            3 => (8, Vec::new()),
            _ => (12, Vec::new()),
        };
        asked.extend(packet(kind, &[&id(n)[..], &handle, &more].concat()));
    }
    let out = raw(&world, asked).await;
    assert!(out.status.success(), "{}", texts(&out).1);
    let answers = kinds(&out.stdout);
    assert_eq!(answers.len(), 10_001);
    assert!(answers[1..].iter().all(|kind| *kind == 101));
    drop(holder);
    world.does("get small again\n").await;
    let again = std::fs::read(world.dir().join("again")).unwrap();
    assert_eq!(again, b"hello\n");
    world
        .rig
        .until("nothing is counted for those who left", |_| {
            counted(&world) == 0
        })
        .await;
    world.stop().await;
}

/// A client that says something, hears as many answers as it must, says more, stays, and listens no longer.
struct Deaf {
    child: Child,
    /// Gives stdin back, so that it stays open.
    _speaking: JoinHandle<ChildStdin>,
}

impl Deaf {
    fn start(world: &World, first: &[u8], answers: usize, input: Vec<u8>) -> Self {
        let mut ssh = Command::new("ssh");
        ssh.args(session(world))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut child = ssh.spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(first).unwrap();
        let hears = child.stdout.as_mut().unwrap();
        for _ in 0..answers {
            let mut length = [0; 4];
            hears.read_exact(&mut length).unwrap();
            let mut answer = vec![0; u32::from_be_bytes(length) as usize];
            hears.read_exact(&mut answer).unwrap();
            assert!(matches!(answer[0], 2 | 102), "{answer:?}");
        }
        let speaking = std::thread::spawn(move || {
            drop(stdin.write_all(&input));
            stdin
        });
        Self {
            child,
            _speaking: speaking,
        }
    }
}

impl Drop for Deaf {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_asks_for_much_and_never_listens_is_held_little_for() {
    const MIB: i64 = 1 << 20;
    let mut world = World::start().await;
    std::fs::write(world.dir().join("big"), vec![7; 16 << 20]).unwrap();
    world.does("put big\n").await;
    let open = [&[0; 4][..], &string(b"/big"), &[0, 0, 0, 1], &[0; 4]].concat();
    let first = [init(), packet(3, &open)].concat();
    let mut asked = Vec::new();
    for n in 0..10_000_u32 {
        let offset = u64::from(n % 60) * 261_120;
        let read = [
            &n.to_be_bytes()[..],
            &string(&[0; 4]),
            &offset.to_be_bytes(),
            &261_120_u32.to_be_bytes(),
        ];
        asked.extend(packet(5, &read.concat()));
    }
    let deaf = [(); 3].map(|()| Deaf::start(&world, &first, 2, asked.clone()));
    world
        .rig
        .until("about all that may be is in hand", |_| {
            counted(&world) > 3 * 9 * MIB
        })
        .await;
    // A window of 2 MiB, answers of 8 MiB and the one that went beyond.
    let most = 3 * (10 * MIB + 300 * 1024);
    assert!(counted(&world) < most, "{} of {most}", counted(&world));
    // Others notice nothing.
    world.does("get big again\n").await;
    drop(deaf);
    world
        .rig
        .until("nothing is counted for them", |_| counted(&world) == 0)
        .await;
    world.stop().await;
}
