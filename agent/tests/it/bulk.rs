//! Files up and down: the agent's program and a gateway, over a bus whose line can be cut.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::StreamExt as _;
use nkeys::KeyPair;
use reqwest::{Client, Response, StatusCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use warren_gateway::Gateway;
use warren_gateway::config::{Config, Sftp};
use warren_harness::FakeGame;
use warren_proto::bus::keyring::{Keyring, Use};
use warren_proto::bus::ticket::{self, Scope, Ticket, right};
use warren_proto::bus::{Bus, CallError, Creds, Seed, ServeOptions, Serving, failure};
use warren_proto::ids::{GatewayId, ServerId, SessionId, UploadId, UserId};
use warren_proto::subjects::{self, bulk, down, gate};
use warren_proto::wire::{self, fact::What};
use warren_proto::{Message, envelope};

use crate::control::{Control, SOON};
use crate::rig::{Rig, now_ms};

const ALL: [&str; 4] = [
    right::FILE_LIST,
    right::FILE_READ,
    right::FILE_CREATE,
    right::FILE_UPDATE,
];

/// A line that carries so many bytes a second, and can be cut.
struct Wire {
    port: u16,
    cut: Arc<tokio::sync::watch::Sender<u64>>,
    per_second: Arc<AtomicU64>,
}

impl Wire {
    async fn to(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let wire = Self {
            port: listener.local_addr().unwrap().port(),
            cut: Arc::new(tokio::sync::watch::channel(0).0),
            per_second: Arc::new(AtomicU64::new(1 << 40)),
        };
        let (cut, speed) = (wire.cut.clone(), wire.per_second.clone());
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let Ok(far) = TcpStream::connect(("127.0.0.1", port)).await else {
                    continue;
                };
                let (mut cut, speed) = (cut.subscribe(), speed.clone());
                tokio::spawn(async move {
                    let (near_in, near_out) = near.into_split();
                    let (far_in, far_out) = far.into_split();
                    tokio::select! {
                        _ = cut.changed() => {}
                        () = carry(near_in, far_out, speed.clone()) => {}
                        () = carry(far_in, near_out, speed) => {}
                    }
                });
            }
        });
        wire
    }

    fn cut(&self) {
        self.cut.send_modify(|n| *n += 1);
    }

    fn slow(&self, per_second: u64) {
        self.per_second.store(per_second, SeqCst);
    }
}

async fn carry(
    mut from: tokio::net::tcp::OwnedReadHalf,
    mut to: tokio::net::tcp::OwnedWriteHalf,
    per_second: Arc<AtomicU64>,
) {
    let mut part = vec![0; 64 * 1024];
    while let Ok(n @ 1..) = from.read(&mut part).await {
        if to.write_all(&part[..n]).await.is_err() {
            return;
        }
        let pause = n as f64 / per_second.load(SeqCst) as f64;
        if pause > 0.001 {
            tokio::time::sleep(Duration::from_secs_f64(pause)).await;
        }
    }
}

struct World {
    rig: Rig,
    wire: Wire,
    gateway: Gateway,
    server: ServerId,
    http: Client,
    _desk: Serving,
}

impl World {
    async fn start() -> Self {
        // The first test of a process sets it; reqwest wants one even for plain http.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut rig = Rig::bare().await;
        let wire = Wire::to(rig.nats.port()).await;
        let text = std::fs::read_to_string(&rig.config).unwrap();
        let urls = format!("nats_urls = [\"nats://127.0.0.1:{}\"]\n", wire.port);
        std::fs::write(&rig.config, text + &urls).unwrap();
        rig.join("secret").await;
        rig.launch();
        rig.greeted().await;
        let desk = panel(&rig.control).await;
        let creds_file = rig.containerd.dir().join("gateway.creds");
        let user = KeyPair::new_user();
        let realm = &rig.control.realm;
        let jwt = realm.mint_gateway(GatewayId::new(), &user.public_key(), now_ms() / 1000, None);
        let creds = Creds::new(jwt.unwrap(), Seed::of(&user).unwrap()).unwrap();
        creds.store(&creds_file).unwrap();
        let config = Config {
            listen: "127.0.0.1:0".parse().unwrap(),
            nats_urls: vec![rig.nats.url()],
            nats_ca: None,
            creds_file,
            strangers_per_address: 64,
            strangers: 64,
            sftp: Sftp {
                listen: None,
                ..Sftp::default()
            },
            trusted_proxies: Vec::new(),
        };
        let gateway = Gateway::start(&config, CancellationToken::new())
            .await
            .unwrap();
        rig.until("the gateway is ready", |_| {
            let edge = &gateway.edge;
            edge.bus.is_up() && edge.bulk.is_up() && edge.keyed.load(SeqCst)
        })
        .await;
        let server = ServerId::new();
        let spec = rig.spec(&FakeGame::lines(1));
        rig.order(server, wire::Power::Stop, spec).await;
        Self {
            rig,
            wire,
            gateway,
            server,
            http: Client::new(),
            _desk: desk,
        }
    }

    fn claims(&self, session: SessionId, user: UserId, rights: &[&str]) -> Ticket {
        Ticket {
            user,
            session,
            scope: Scope::Server {
                server: self.server,
                node: self.rig.control.node,
            },
            rights: rights.iter().map(ToString::to_string).collect(),
            upload_bytes: None,
            iat: now_ms() / 1000,
            // Renewed ten seconds after: what takes longer goes on under another.
            exp: now_ms() / 1000 + 100,
        }
    }

    fn ticket_of(&self, session: SessionId, user: UserId, rights: &[&str]) -> String {
        let claims = self.claims(session, user, rights);
        ticket::sign(&self.rig.control.ticket, &claims).unwrap()
    }

    /// One under which files have at most so many bytes.
    fn ticket_up_to(&self, bytes: u64) -> String {
        let claims = Ticket {
            upload_bytes: Some(bytes),
            ..self.claims(SessionId::new(), UserId::new(), &ALL)
        };
        ticket::sign(&self.rig.control.ticket, &claims).unwrap()
    }

    fn ticket(&self, rights: &[&str]) -> String {
        self.ticket_of(SessionId::new(), UserId::new(), rights)
    }

    fn url(&self, rest: &str) -> String {
        format!(
            "http://{}/transfer/{}/{rest}",
            self.gateway.address, self.server
        )
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        let dir = self
            .rig
            .data()
            .join("servers")
            .join(self.server.to_string());
        dir.join(name)
    }

    fn put_file(&self, name: &str, bytes: &[u8]) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }

    async fn get(&self, rest: &str, ticket: &str) -> Response {
        let request = self
            .http
            .get(self.url(rest))
            .header("x-warren-ticket", ticket);
        request.send().await.unwrap()
    }

    /// 3 MiB that don't say how large they are get nowhere, and nothing is left of them in the folder.
    async fn refuses_endless(&self, path: &str, ticket: &str) {
        let body = (0..12).map(|_| Ok::<_, std::io::Error>(noise(256 * 1024)));
        let body = reqwest::Body::wrap_stream(futures_util::stream::iter(body));
        let put = self.http.put(self.url(&format!("file?path={path}")));
        let put = put.header("x-warren-ticket", ticket).body(body);
        // Whoever is refused while they still send may find the line cut.
        if let Ok(answer) = put.send().await {
            assert_eq!(answer.status(), StatusCode::PAYLOAD_TOO_LARGE);
        }
        let folder = self.path(path).parent().unwrap().to_owned();
        let left = || std::fs::read_dir(&folder).map_or(0, Iterator::count);
        self.rig
            .until("nothing is left of it", |_| left() == 0)
            .await;
    }

    async fn patch(
        &self,
        upload: &str,
        path: &str,
        offset: usize,
        bytes: &Bytes,
        ticket: &str,
    ) -> reqwest::Result<Response> {
        let query = format!("uploads/{upload}?path={path}&size={}", bytes.len());
        let request = self.http.patch(self.url(&query));
        let request = request
            .header("x-warren-ticket", ticket)
            .header("upload-offset", offset.to_string())
            .body(bytes.slice(offset..));
        request.send().await
    }

    /// Bytes of the part that has come.
    fn come(&self, upload: &str) -> u64 {
        let part = self.path(&format!("in/.warren-{upload}.partial"));
        std::fs::metadata(part).map_or(0, |m| m.len())
    }

    fn moved(&self) -> BTreeMap<String, (u32, u64)> {
        let mut all = BTreeMap::new();
        for what in self.rig.control.facts_of(&self.server.to_string()) {
            if let What::FilesMoved(moved) = what {
                let key = format!("{} {}", moved.action, moved.directory);
                let sum: &mut (u32, u64) = all.entry(key).or_default();
                *sum = (sum.0 + moved.files, sum.1 + moved.bytes);
            }
        }
        all
    }
}

/// What gateways ask of control.
async fn panel(control: &Arc<Control>) -> Serving {
    let me = control.clone();
    let desk = control.bus.serve(
        subjects::GATE_ASK_ANY.into(),
        ServeOptions::default(),
        move |ask| {
            let me = me.clone();
            async move {
                match ask.kind.as_str() {
                    gate::KEYS => Ok(ask.ok(&wire::Keys {
                        keys: vec![me.ticket.announce(Use::Ticket)],
                        revocation_counter: 1,
                    })),
                    gate::SESSIONS => Ok(ask.ok(&wire::SessionsAnswer {
                        ended: Vec::new(),
                        revocation_counter: 1,
                    })),
                    gate::RENEW => {
                        let asked: wire::TicketRenew = ask.open()?;
                        let keys = Keyring::of(&[me.ticket.announce(Use::Ticket)]).unwrap();
                        let ticket = ticket::verify(&keys, &asked.ticket, now_ms()).unwrap();
                        let later = Ticket {
                            iat: now_ms() / 1000,
                            exp: now_ms() / 1000 + 100,
                            ..ticket
                        };
                        let ticket = ticket::sign(&me.ticket, &later).unwrap();
                        Ok(ask.ok(&wire::TicketRenewed { ticket }))
                    }
                    other => Err(failure("unknown", other, false)),
                }
            }
        },
    );
    desk.await.unwrap()
}

/// Bytes that no packer makes smaller and no shift leaves equal.
fn noise(length: usize) -> Bytes {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes.into()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_goes_up_and_down_over_a_line_that_is_cut_and_is_the_same() {
    let world = World::start().await;
    let (bytes, ticket) = (noise(20 << 20), world.ticket(&ALL));
    let upload = UploadId::new().to_string();
    world.wire.slow(8 << 20);
    let cuts = async {
        for at in [3_u64 << 20, 8 << 20, 14 << 20] {
            while world.come(&upload) < at {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            world.wire.cut();
        }
    };
    let (sent, ()) = tokio::join!(
        world.patch(&upload, "in/world.bin", 0, &bytes, &ticket),
        cuts
    );
    let sent = sent.unwrap();
    assert_eq!(
        sent.status(),
        StatusCode::NO_CONTENT,
        "{:?}",
        sent.text().await
    );
    assert_eq!(std::fs::read(world.path("in/world.bin")).unwrap(), bytes);
    assert_eq!(world.come(&upload), 0);

    let answer = world.get("file?path=in/world.bin", &ticket).await;
    assert_eq!(answer.headers()["content-length"], bytes.len().to_string());
    let (mut body, mut got, mut cut) = (answer.bytes_stream(), Vec::new(), 0);
    while let Some(part) = body.next().await {
        got.extend_from_slice(&part.unwrap());
        if cut < 3 && got.len() > (cut + 1) * (5 << 20) {
            world.wire.cut();
            cut += 1;
        }
    }
    assert_eq!((cut, got == bytes), (3, true));
    world
        .rig
        .until("both are told", |_| world.moved().len() == 2)
        .await;
    let size = bytes.len() as u64;
    let told = world.moved();
    assert_eq!(
        (told["upload /in"], told["download /in"]),
        ((1, size), (1, size))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_goes_on_where_it_broke_off_also_with_another_agent() {
    let mut world = World::start().await;
    let (bytes, ticket) = (noise(12 << 20), world.ticket(&ALL));
    let upload = UploadId::new().to_string();
    world.put_file("in/world.bin", b"the old one");
    let query = format!("overwrite=1&size={}", bytes.len());
    let refused = world
        .patch(&upload, "in/world.bin", 0, &bytes, &ticket)
        .await;
    assert_eq!(
        refused.unwrap().status(),
        StatusCode::CONFLICT,
        "not asked to replace it"
    );
    world.wire.slow(6 << 20);
    let path = format!("in/world.bin&{query}");
    {
        let sending = world.patch(&upload, &path, 0, &bytes, &ticket);
        tokio::pin!(sending);
        // The browser is closed in the middle.
        tokio::select! {
            _ = &mut sending => panic!("sent already"),
            () = async { while world.come(&upload) < 2 << 20 { tokio::time::sleep(Duration::from_millis(5)).await } } => {}
        }
    }
    world.rig.bounce().await;
    assert_eq!(
        std::fs::read(world.path("in/world.bin")).unwrap(),
        b"the old one"
    );
    let head = world
        .http
        .head(world.url(&format!("uploads/{upload}?path={path}")))
        .header("x-warren-ticket", &ticket);
    let head = head.send().await.unwrap();
    assert_eq!(head.status(), StatusCode::OK);
    let offset: usize = head.headers()["upload-offset"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!(offset >= 2 << 20 && offset < bytes.len(), "{offset}");
    let wrong = world
        .patch(&upload, &path, offset - 1, &bytes, &ticket)
        .await
        .unwrap();
    assert_eq!(wrong.status(), StatusCode::CONFLICT);
    assert_eq!(wrong.headers()["upload-offset"], offset.to_string());
    world.wire.slow(1 << 40);
    let rest = world
        .patch(&upload, &path, offset, &bytes, &ticket)
        .await
        .unwrap();
    assert_eq!(rest.status(), StatusCode::NO_CONTENT);
    assert_eq!(std::fs::read(world.path("in/world.bin")).unwrap(), bytes);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revocation_ends_what_is_on_its_way_within_a_second() {
    let world = World::start().await;
    world.put_file("big", &noise(32 << 20));
    let (session, user) = (SessionId::new(), UserId::new());
    let ticket = world.ticket_of(session, user, &ALL);
    world.wire.slow(2 << 20);
    for at_the_node in [true, false] {
        let ticket = match at_the_node {
            true => world.ticket(&ALL),
            false => ticket.clone(),
        };
        let claims: Vec<&str> = ticket.split('.').collect();
        let json = base64::Engine::decode(&base64::prelude::BASE64_URL_SAFE_NO_PAD, claims[1]);
        let json: serde_json::Value = serde_json::from_slice(&json.unwrap()).unwrap();
        let ended = json["sid"].as_str().unwrap().to_owned();
        let answer = world.get("file?path=big", &ticket).await;
        let mut body = answer.bytes_stream();
        body.next().await.unwrap().unwrap();
        let began = Instant::now();
        if at_the_node {
            // A gateway that was not told, or will not hear: the node itself gives no more.
            let revoke = wire::Revoke {
                counter: 2,
                sessions: vec![ended],
                users: Vec::new(),
            };
            let _: wire::Accepted = world.rig.control.ask(down::REVOKE, &revoke).await.unwrap();
        } else {
            let told = wire::Revoked {
                counter: 2,
                sessions: vec![ended],
                users: Vec::new(),
            };
            let told = envelope::told(gate::REVOKED, &told);
            let bus = &world.rig.control.bus;
            bus.publish(subjects::gate_tell(gate::REVOKED), told)
                .await
                .unwrap();
        }
        let mut last = began.elapsed();
        let broken = loop {
            match body.next().await {
                Some(Ok(_)) => last = began.elapsed(),
                end => break end,
            }
        };
        assert!(matches!(broken, Some(Err(_))), "cut, not ended");
        assert!(
            last < Duration::from_millis(1500),
            "bytes came {last:?} after it"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parts_conditions_and_headers_are_as_browsers_expect() {
    let world = World::start().await;
    world.put_file("page.html", b"<script>alert(1)</script>");
    let ticket = world.ticket(&ALL);
    let whole = world.get("file?path=page.html", &ticket).await;
    let header =
        |answer: &Response, name: &str| answer.headers()[name].to_str().unwrap().to_owned();
    assert_eq!(header(&whole, "content-type"), "application/octet-stream");
    assert_eq!(header(&whole, "x-content-type-options"), "nosniff");
    assert!(header(&whole, "content-security-policy").starts_with("sandbox;"));
    assert!(header(&whole, "content-disposition").starts_with("attachment;"));
    let etag = header(&whole, "etag");
    let with = async |name: &str, value: &str, and: Option<(&str, &str)>| {
        let request = world.http.get(world.url("file?path=page.html"));
        let request = request
            .header("x-warren-ticket", &ticket)
            .header(name, value);
        let request = and
            .into_iter()
            .fold(request, |r, (name, value)| r.header(name, value));
        request.send().await.unwrap()
    };
    let part = with("range", "bytes=1-6", Some(("if-range", &etag))).await;
    assert_eq!(part.status(), StatusCode::PARTIAL_CONTENT);
    assert_eq!(header(&part, "content-range"), "bytes 1-6/25");
    assert_eq!(part.text().await.unwrap(), "script");
    let other = with("range", "bytes=1-6", Some(("if-range", "\"old\""))).await;
    assert_eq!(other.status(), StatusCode::OK);
    assert_eq!(
        with("range", "bytes=25-", None).await.status(),
        StatusCode::RANGE_NOT_SATISFIABLE
    );
    assert_eq!(
        with("if-none-match", &etag, None).await.status(),
        StatusCode::NOT_MODIFIED
    );
    assert_eq!(
        with("if-match", "\"old\"", None).await.status(),
        StatusCode::PRECONDITION_FAILED
    );
    let foreign = with("origin", "https://evil.example", None).await;
    assert_eq!(foreign.status(), StatusCode::FORBIDDEN);
    let bare = world
        .http
        .get(world.url("file?path=page.html"))
        .send()
        .await
        .unwrap();
    assert_eq!(bare.status(), StatusCode::UNAUTHORIZED);
    for (path, status) in [
        ("../../identity.json", StatusCode::FORBIDDEN),
        ("nothing", StatusCode::NOT_FOUND),
        ("", StatusCode::BAD_REQUEST),
    ] {
        let answer = world.get(&format!("file?path={path}"), &ticket).await;
        assert_eq!(answer.status(), status, "{path}");
    }
    std::os::unix::fs::symlink("/etc/passwd", world.path("out")).unwrap();
    let out = world.get("file?path=out", &ticket).await;
    assert_eq!(out.status(), StatusCode::FORBIDDEN);
    let reader = world.ticket(&[right::FILE_LIST]);
    let refused = world.get("file?path=page.html", &reader).await;
    assert_eq!(refused.status(), StatusCode::FORBIDDEN);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_directory_is_packed_on_its_way_and_says_what_is_not_in_it() {
    let world = World::start().await;
    let ticket = world.ticket(&ALL);
    let big = noise(3 << 20);
    world.put_file("world/region/r.0.0.mca", &big);
    world.put_file("world/level.dat", b"level");
    world.put_file("other", b"not asked for");
    std::os::unix::fs::symlink("/etc/passwd", world.path("world/passwd")).unwrap();
    let answer = world.get("archive?name=world", &ticket).await;
    assert_eq!(answer.status(), StatusCode::OK);
    let packed = answer.bytes().await.unwrap();
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("world.zip");
    std::fs::write(&file, &packed).unwrap();
    let script = "import sys,zipfile,zlib\nz=zipfile.ZipFile(sys.argv[1])\nassert z.testzip() is None\nprint(sorted(z.namelist()))\nprint(zlib.crc32(z.read('world/region/r.0.0.mca')))\nprint('passwd' in z.read('LEFT-OUT.txt').decode())";
    let out = std::process::Command::new("python3")
        .args(["-c", script])
        .arg(&file)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&out.stdout).into_owned();
    let wanted = format!(
        "['LEFT-OUT.txt', 'world/', 'world/level.dat', 'world/region/', 'world/region/r.0.0.mca']\n{}\nTrue\n",
        crc32fast::hash(&big)
    );
    assert_eq!(said, wanted, "{}", String::from_utf8_lossy(&out.stderr));
    let tar = world.get("archive?path=world&format=tar", &ticket).await;
    let tar = tar.bytes().await.unwrap();
    let mut names: Vec<_> = tar::Archive::new(&tar[..])
        .entries()
        .unwrap()
        .map(|e| e.unwrap().path().unwrap().display().to_string())
        .collect();
    names.sort();
    assert_eq!(
        names,
        ["LEFT-OUT.txt", "level.dat", "region/", "region/r.0.0.mca"]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_larger_than_uploads_may_be_is_refused_before_its_first_byte() {
    let world = World::start().await;
    let ticket = world.ticket_up_to(1 << 20);
    let begun = world.http.post(world.url("uploads?path=in/a"));
    let begun = begun
        .header("x-warren-ticket", &ticket)
        .header("upload-length", (1 << 20) + 1);
    let begun = begun.send().await.unwrap();
    assert_eq!(begun.status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert!(begun.text().await.unwrap().contains("upload_limit"));
    let (upload, large) = (UploadId::new().to_string(), noise((1 << 20) + 1));
    let large = world.patch(&upload, "in/b", 0, &large, &ticket).await;
    let large = large.unwrap();
    assert_eq!(large.status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert!(large.text().await.unwrap().contains("upload_limit"));
    assert!(!world.path("in").exists());
    world.refuses_endless("in/c", &ticket).await;
    let fits = noise(1 << 20);
    let upload = UploadId::new().to_string();
    let fitted = world.patch(&upload, "in/d", 0, &fits, &ticket).await;
    assert_eq!(fitted.unwrap().status(), StatusCode::NO_CONTENT);
    assert_eq!(std::fs::read(world.path("in/d")).unwrap(), fits);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_limit_of_the_disk_holds_before_the_first_byte_and_during() {
    let mut world = World::start().await;
    let mut spec = world.rig.spec(&FakeGame::lines(1));
    spec.limits.as_mut().unwrap().disk_bytes = 2 << 20;
    world.rig.order(world.server, wire::Power::Stop, spec).await;
    let ticket = world.ticket(&ALL);
    let (upload, large) = (UploadId::new().to_string(), noise(3 << 20));
    let large = world
        .patch(&upload, "in/a", 0, &large, &ticket)
        .await
        .unwrap();
    assert_eq!(large.status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert!(large.text().await.unwrap().contains("disk_limit"));
    world.refuses_endless("in/b", &ticket).await;
    let small = world.http.put(world.url("file?path=in/c"));
    let small = small.header("x-warren-ticket", &ticket).body("small");
    assert_eq!(small.send().await.unwrap().status(), StatusCode::CREATED);
}

async fn ask<M: Message + Default>(
    gateway: &Bus,
    world: &World,
    word: &str,
    body: &impl Message,
) -> Result<M, String> {
    let node = world.rig.control.node;
    let subject = subjects::bulk_to(node, word);
    let answer = gateway.call(subject, word, Some(node), body, SOON).await;
    answer.map_err(|e| match e {
        CallError::Failed { code, .. } => code,
        other => format!("{other}"),
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hostile_gateway_gets_nothing_that_its_tickets_do_not_give() {
    let world = World::start().await;
    world.put_file("a", b"abc");
    let gateway = world.rig.gateway().await;
    let session = world.rig.open(&gateway, world.server, &ALL).await;
    let stranger = world.rig.open(&gateway, world.server, &ALL).await;
    let elsewhere = world.rig.open(&gateway, ServerId::new(), &ALL).await;
    let open = |session: &str, path: &str| wire::BulkOpen {
        session: session.into(),
        server: world.server.to_string(),
        path: path.into(),
        read: true,
        ..Default::default()
    };
    let opened = |ask: wire::BulkOpen| {
        let (gateway, world) = (&gateway, &world);
        async move { self::ask::<wire::BulkOpened>(gateway, world, bulk::OPEN, &ask).await }
    };
    let good = opened(open(&session, "a")).await.unwrap();
    let of = |session: &str, handle: &str| {
        Some(wire::BulkHandle {
            session: session.into(),
            handle: handle.into(),
        })
    };
    for (session, handle, code) in [
        (&*stranger, &*good.handle, "handle_unknown"),
        (&*elsewhere, &*good.handle, "handle_unknown"),
        ("nobody", &*good.handle, "session_unknown"),
        (&*session, "01", "handle_unknown"),
    ] {
        let read = wire::BulkRead {
            of: of(session, handle),
            ..Default::default()
        };
        let read: Result<wire::BulkData, _> = ask(&gateway, &world, bulk::READ, &read).await;
        assert_eq!(read.unwrap_err(), code, "{session} {handle}");
    }
    for path in ["../a", "/", "x/../../a", "a\0b", ".warren-x.partial"] {
        assert!(opened(open(&session, path)).await.is_err(), "{path:?}");
    }
    let write = wire::BulkWrite {
        of: of(&session, &good.handle),
        data: Bytes::from_static(b"x"),
        crc: crc32fast::hash(b"x"),
        offset: 0,
    };
    let say = async |write: &wire::BulkWrite| {
        ask::<wire::BulkWritten>(&gateway, &world, bulk::WRITE, write).await
    };
    assert_eq!(
        say(&write).await.unwrap_err(),
        "handle_mode",
        "opened for reading"
    );
    let coming = opened(wire::BulkOpen {
        read: false,
        write: true,
        create: true,
        atomic: true,
        ..open(&session, "b")
    });
    let coming = coming.await.unwrap();
    let at = |offset, data: &'static [u8], crc| wire::BulkWrite {
        of: of(&session, &coming.handle),
        data: Bytes::from_static(data),
        crc,
        offset,
    };
    let crc = crc32fast::hash(b"xy");
    assert_eq!(say(&at(0, b"xy", 1)).await.unwrap_err(), "checksum_differs");
    assert_eq!(say(&at(9, b"xy", crc)).await.unwrap_err(), "out_of_order");
    assert_eq!(
        say(&at(u64::MAX, b"xy", crc)).await.unwrap_err(),
        "bad_offset"
    );
    assert_eq!(say(&at(0, b"xy", crc)).await.unwrap().end, 2);
    assert_eq!(say(&at(0, b"xy", crc)).await.unwrap().end, 2, "said again");
    let close = wire::BulkClose {
        of: of(&session, &coming.handle),
        commit: true,
        size_bytes: Some(3),
        ..Default::default()
    };
    let closed: Result<wire::BulkClosed, _> = ask(&gateway, &world, bulk::CLOSE, &close).await;
    assert_eq!(closed.unwrap_err(), "size_differs");
    let close = wire::BulkClose {
        size_bytes: Some(2),
        sha256: vec![7; 32],
        ..close
    };
    let closed: Result<wire::BulkClosed, _> = ask(&gateway, &world, bulk::CLOSE, &close).await;
    assert_eq!(closed.unwrap_err(), "checksum_differs");
    let close = wire::BulkClose {
        sha256: Vec::new(),
        ..close
    };
    for _ in 0..2 {
        let closed: wire::BulkClosed = ask(&gateway, &world, bulk::CLOSE, &close).await.unwrap();
        assert_eq!(closed.stat.unwrap().size_bytes, 2, "said again");
    }
    let mut codes = Vec::new();
    for _ in 0..100 {
        codes.extend(opened(open(&session, "a")).await.err());
    }
    assert_eq!(codes.len(), 100 - 63);
    assert!(codes.iter().all(|c| c == "too_many_handles"), "{codes:?}");
    assert!(
        opened(open(&stranger, "a")).await.is_ok(),
        "others have room"
    );
    let sum = world.gateway.edge.metrics.transfers.get();
    assert_eq!(sum, 0);
}

/// Peak of a process' memory, MiB.
fn peak_mib(pid: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"));
    let kib: u64 = line
        .unwrap()
        .trim()
        .trim_end_matches(" kB")
        .parse()
        .unwrap();
    kib >> 10
}

/// 1 GiB each way, the line cut three times each; says how long it took and what it held at most. By hand:
/// `cargo nextest run --workspace --run-ignored only -E 'test(a_gibibyte)' --no-capture`
#[ignore = "takes minutes"]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gibibyte_goes_up_and_down_over_a_line_that_is_cut_and_little_is_held() {
    const PART: usize = 4 << 20;
    const PARTS: usize = 256;
    let size = (PART * PARTS) as u64;
    let world = World::start().await;
    let (part, ticket) = (noise(PART), world.ticket(&ALL));
    let upload = UploadId::new().to_string();
    let before = peak_mib("self");
    // Each part begins with its number, so that none can stand for another.
    let numbered = move |n: usize| {
        let mut bytes = part.to_vec();
        bytes[..8].copy_from_slice(&(n as u64).to_le_bytes());
        Bytes::from(bytes)
    };
    let make = numbered.clone();
    let body =
        futures_util::stream::iter((0..PARTS).map(move |n| Ok::<_, std::io::Error>(make(n))));
    let sending = world
        .http
        .patch(world.url(&format!("uploads/{upload}?path=in/big&size={size}")))
        .header("x-warren-ticket", &ticket)
        .header("upload-offset", "0")
        .body(reqwest::Body::wrap_stream(body));
    let began = Instant::now();
    let cuts = async {
        for at in [size / 4, size / 2, size / 4 * 3] {
            while world.come(&upload) < at {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            world.wire.cut();
        }
    };
    let (sent, ()) = tokio::join!(sending.send(), cuts);
    assert_eq!(sent.unwrap().status(), StatusCode::NO_CONTENT);
    let up = began.elapsed();
    let began = Instant::now();
    let answer = world.get("file?path=in/big", &world.ticket(&ALL)).await;
    assert_eq!(answer.status(), StatusCode::OK);
    let (mut body, mut got, mut cut) = (answer.bytes_stream(), 0_u64, 0);
    let (mut n, mut held) = (0, Vec::with_capacity(2 * PART));
    while let Some(some) = body.next().await {
        let some = some.unwrap();
        got += some.len() as u64;
        held.extend_from_slice(&some);
        while held.len() >= PART {
            assert!(held[..PART] == numbered(n)[..], "part {n}");
            held.drain(..PART);
            n += 1;
        }
        if cut < 3 && got > size / 4 * (cut + 1) {
            world.wire.cut();
            cut += 1;
        }
    }
    assert_eq!((n, held.len(), cut), (PARTS, 0, 3));
    let agent = peak_mib(&world.rig.agent_pid().to_string());
    let here = peak_mib("self");
    println!(
        "1 GiB up in {up:?}, down in {:?}; peak of the agent {agent} MiB, of gateway and test {here} MiB ({before} before)",
        began.elapsed()
    );
    assert!(
        agent < 256 && here < before + 256,
        "{agent} {here} {before}"
    );
}
