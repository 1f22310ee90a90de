//! Transfers that go wrong: disks that fill, files that change, nodes that lie, fall silent or never come back; and many at
//! once. Control, nats-server, containerd and two agents are the real ones.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use base64::Engine as _;
use parking_lot::Mutex;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, sea_query::Expr};
use serde_json::{Value, json};
use warren_control::db::Lane;
use warren_entity::{allocations, nodes, transfers};
use warren_proto::bus::reply::Guard;
use warren_proto::bus::{Ask, Bus, ServeOptions, Serving};
use warren_proto::ids::NodeId;
use warren_proto::subjects::{self, xfer};
use warren_proto::wire;

use crate::transfers::{Scene, Site, running};

const MIB: usize = 1 << 20;

/// Begins one, and gives its id as soon as it is in that phase, or has ended.
async fn caught(scene: &Scene, server: &str, to: usize, phase: &str) -> String {
    let id = scene.begin(server, to).await;
    loop {
        let row = scene.transfer(&id).await;
        if row.phase == phase || row.ended_at_ms.is_some() {
            return id;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// It runs where it was, and has counted on.
async fn as_before(scene: &Scene, server: &str, at: usize, before: usize) {
    scene.runs(server, before + 10).await;
    assert_eq!(scene.row(server).await.node_id, scene.machines[at].id);
    scene.check_count(at, server);
    assert_eq!(running(), 1);
}

fn is_empty(dir: &Path) -> bool {
    std::fs::read_dir(dir).map_or(true, |mut dir| dir.next().is_none())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_image_is_there_before_the_game_stops() {
    let mut scene = Scene::set().await;
    let server = scene.counting().await;
    let path = format!("/servers/{server}/transfer");
    let wish = json!({"node": scene.machines[1].id, "wait": true});
    let made = scene.ask("POST", &path, Some(wish)).await;
    let id = made["transfer"]["id"].as_str().unwrap().to_owned();
    scene
        .until("all is copied", async |s| {
            s.transfer(&id).await.phase == "ready"
        })
        .await;
    // The other node had no image before, and gets none from here on.
    scene.registry.kill9();
    assert_eq!(scene.row(&server).await.state, "running");
    scene.ask("PATCH", &path, Some(json!({"go": true}))).await;
    let done = scene.over(&id).await;
    assert_eq!((&*done.phase, done.code), ("done", None));
    let before = scene.counted(1, &server);
    scene.runs(&server, before + 10).await;
    // One that can't be had is told of while the game runs on.
    let nowhere = json!({"image": "127.0.0.1:9/games/none:1"});
    let place = format!("/servers/{server}");
    scene.ask("PATCH", &place, Some(nowhere)).await;
    let id = scene.begin(&server, 0).await;
    let end = scene.over(&id).await;
    assert_eq!(
        (&*end.phase, end.down_since_ms),
        ("failed", None),
        "{end:?}"
    );
    let said = end.message.unwrap();
    assert!(said.contains("127.0.0.1:9/games/none:1"), "{said}");
    as_before(&scene, &server, 1, before).await;
    assert!(is_empty(&scene.machines[0].data().join("transfers")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_fills_half_way_stops_no_game() {
    let scene = Scene::set_at([
        Site::default(),
        Site {
            disk: Some(128 * MIB as u64),
            ..Site::default()
        },
    ])
    .await;
    let server = scene.counting().await;
    let big = scene.machines[0].files(&server).join("big.bin");
    std::fs::write(&big, vec![7; 90 * MIB]).unwrap();
    let before = scene.counted(0, &server);
    let id = scene.begin(&server, 1).await;
    let stage = scene.machines[1].data().join("transfers").join(&id);
    scene
        .until("its first bytes", async |_| {
            stage.join("new/big.bin").exists()
        })
        .await;
    let filler = scene.machines[1].data().join("filler");
    let full = {
        let mut file = std::fs::File::create(&filler).unwrap();
        let some = vec![1; MIB];
        (0..200).find_map(|_| std::io::Write::write_all(&mut file, &some).err())
    };
    assert!(full.is_some(), "the disk is full");
    let end = scene.ended(&id).await;
    std::fs::remove_file(&filler).unwrap();
    assert_eq!(
        (&*end.phase, end.code.as_deref(), end.down_since_ms),
        ("failed", Some("disk_full"), None),
        "{end:?}"
    );
    scene.over(&id).await;
    assert!(!stage.exists());
    as_before(&scene, &server, 0, before).await;
    // With room it goes, and with too little it is refused before anything is copied.
    std::fs::write(&big, vec![7; 200 * MIB]).unwrap();
    let id = scene.begin(&server, 1).await;
    let end = scene.over(&id).await;
    assert_eq!(end.code.as_deref(), Some("disk_full"));
    let said = end.message.unwrap();
    assert!(said.contains("200 MiB or more"), "{said}");
    std::fs::write(&big, vec![8; 20 * MIB]).unwrap();
    let id = scene.begin(&server, 1).await;
    assert_eq!(scene.over(&id).await.phase, "done");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_written_in_the_last_pass_is_moved_or_nothing_is() {
    let scene = Scene::set().await;
    let server = scene.counting().await;
    for n in 0..1000 {
        let name = scene.machines[0].files(&server).join(format!("file{n}"));
        std::fs::write(name, "x").unwrap();
    }
    let mut moved = 0;
    for n in 0..3 {
        let source = scene.machine_of(&scene.row(&server).await.node_id);
        let files = scene.machines[source].files(&server);
        let id = caught(&scene, &server, 1 - source, "last").await;
        let late = format!("written late {n}");
        let wrote = std::fs::write(files.join("late"), &late).is_ok();
        let end = scene.over(&id).await;
        eprintln!("{}: {} passes, {:?}", end.phase, end.pass, end.message);
        if end.phase == "done" && wrote {
            let there = scene.machines[1 - source].files(&server).join("late");
            assert_eq!(std::fs::read_to_string(there).unwrap(), late);
            moved += 1;
        }
        let before = scene.counted(source, &server);
        scene.runs(&server, before).await;
    }
    assert!(moved > 0);
    // Somebody who never ends to write.
    let source = scene.machine_of(&scene.row(&server).await.node_id);
    let files = scene.machines[source].files(&server);
    let before = scene.counted(source, &server);
    let over = Arc::new(AtomicBool::new(false));
    let writer = {
        let (over, path) = (over.clone(), files.join("noise"));
        std::thread::spawn(move || {
            let mut n = 0u64;
            while !over.load(Ordering::Relaxed) {
                n += 1;
                std::fs::write(&path, n.to_le_bytes()).unwrap();
                std::thread::sleep(Duration::from_millis(3));
            }
        })
    };
    let id = scene.begin(&server, 1 - source).await;
    let end = scene.ended(&id).await;
    over.store(true, Ordering::Relaxed);
    writer.join().unwrap();
    assert_eq!(
        (&*end.phase, end.code.as_deref()),
        ("failed", Some("changed")),
        "{end:?}"
    );
    scene.over(&id).await;
    as_before(&scene, &server, source, before).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receiver_that_vanishes_is_called_off_and_all_is_as_before() {
    let mut scene = Scene::set().await;
    let server = scene.counting().await;
    for phase in ["copying", "last"] {
        let before = scene.counted(0, &server);
        let id = caught(&scene, &server, 1, phase).await;
        scene.machines[1].kill();
        let path = format!("/servers/{server}/transfer");
        let (status, said) = scene.try_ask("DELETE", &path, None).await;
        assert_eq!(status, 202, "{phase}: {said}");
        assert_eq!(scene.ended(&id).await.phase, "cancelled", "{phase}");
        as_before(&scene, &server, 0, before).await;
        // What it has left there keeps that node from having it, until it is back and has cleared that away.
        assert!(!scene.transfer(&id).await.tidied);
        let wish = json!({"node": scene.machines[1].id});
        let (status, said) = scene.try_ask("POST", &path, Some(wish)).await;
        assert_eq!(
            (status, &said["code"]),
            (409, &json!("transfer_untidied")),
            "{said}"
        );
        scene.machines[1].launch();
        scene.over(&id).await;
        assert!(is_empty(&scene.machines[1].data().join("transfers")));
        assert!(!scene.machines[1].files(&server).exists());
    }
}

/// What a source says that is not true.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Lie {
    Above,
    Absolute,
    ThroughLink,
    Twice,
    Endless,
    Nothing,
    Huge,
    OverLimit,
    LongChunk,
    BadSum,
    NoChunk,
    NoDigest,
    Silence,
}

const LIES: [(Lie, &str); 13] = [
    (Lie::Above, "path_invalid"),
    (Lie::Absolute, "path_invalid"),
    (Lie::ThroughLink, ""),
    (Lie::Twice, ""),
    (Lie::Endless, "bad_list"),
    (Lie::Nothing, "bad_list"),
    (Lie::Huge, "disk_limit"),
    (Lie::OverLimit, "disk_limit"),
    (Lie::LongChunk, "checksum_differs"),
    (Lie::BadSum, "checksum_differs"),
    (Lie::NoChunk, "checksum_differs"),
    (Lie::NoDigest, "bad_answer"),
    (Lie::Silence, ""),
];

fn item(path: &str, kind: &str, size_bytes: u64) -> wire::TransferItem {
    wire::TransferItem {
        path: path.into(),
        kind: kind.into(),
        mode: 0o755,
        size_bytes,
        ..Default::default()
    }
}

/// Where a lie would write if it were believed.
const OUTSIDE: &str = "/tmp/warren-transfer-outside";

impl Lie {
    fn list(self, after: u64) -> wire::TransferItems {
        let items = match self {
            Self::Above => vec![item("../stolen", "f", 4)],
            Self::Absolute => vec![item(&format!("{OUTSIDE}/stolen"), "f", 4)],
            Self::ThroughLink => vec![
                wire::TransferItem {
                    target: OUTSIDE.into(),
                    ..item("way", "l", 0)
                },
                item("way/stolen", "f", 4),
            ],
            Self::Twice => vec![item("two", "d", 0), item("two", "f", 4)],
            Self::Endless => (after..after + 5000)
                .map(|n| item(&format!("n{n}"), "f", 0))
                .collect(),
            Self::Nothing => Vec::new(),
            Self::Huge => vec![wire::TransferItem {
                sparse: true,
                ..item("huge", "f", 1 << 62)
            }],
            Self::OverLimit => vec![item("big", "f", 1 << 30)],
            _ => vec![item("file", "f", 4)],
        };
        let total = match self {
            Self::Endless | Self::Nothing => u64::MAX,
            _ => items.len() as u64,
        };
        wire::TransferItems {
            items,
            total,
            skipped: 0,
        }
    }

    fn chunks(self, asked: &wire::TransferRead) -> wire::TransferChunks {
        let data = match self {
            Self::LongChunk => vec![7; 100_000],
            _ => b"lies".to_vec(),
        };
        let crc = crc32fast::hash(&data) ^ u32::from(self == Self::BadSum);
        let count = if self == Self::NoChunk {
            0
        } else {
            asked.ranges.len()
        };
        let chunk = wire::TransferChunk {
            data,
            crc,
            gone: false,
        };
        wire::TransferChunks {
            chunks: vec![chunk; count],
        }
    }
}

/// Whoever has stolen the key of a node, in place of its agent.
struct Impostor {
    node: NodeId,
    lie: Arc<Mutex<Lie>>,
    _bus: Bus,
    _serving: [Serving; 2],
}

impl Impostor {
    async fn of(scene: &mut Scene, at: usize) -> Self {
        scene.machines[at].kill();
        let node: NodeId = scene.machines[at].id.parse().unwrap();
        let identity = warren_agent::identity::Identity::load(&scene.machines[at].data());
        let creds = identity.unwrap().unwrap().newest().creds().unwrap();
        let bus = crate::rig::connect(&scene.panel.nats, creds).await;
        let lie = Arc::new(Mutex::new(Lie::Silence));
        let options = ServeOptions {
            guard: Guard::InboxOf(2),
            ..ServeOptions::default()
        };
        let told = lie.clone();
        let files = bus.serve(subjects::xfer_of(node), options, move |ask| {
            let lie = *told.lock();
            async move { answer(lie, &ask).await }
        });
        let files = files.await.unwrap();
        let orders = ServeOptions::default();
        let orders = bus.serve(subjects::asked_of(node), orders, |ask: Ask| async move {
            Ok(ask.ok(&wire::TransferStatus::default()))
        });
        let orders = orders.await.unwrap();
        Self {
            node,
            lie,
            _bus: bus,
            _serving: [files, orders],
        }
    }

    /// Control takes the node for one that is there.
    async fn seems_online(&self, scene: &Scene) {
        let tx = scene.panel.app.db.begin(Lane::People).await.unwrap();
        nodes::Entity::update_many()
            .col_expr(nodes::Column::Online, Expr::value(true))
            .filter(nodes::Column::Id.eq(self.node.to_string()))
            .exec(&*tx)
            .await
            .unwrap();
        tx.commit().await.unwrap();
    }
}

async fn answer(lie: Lie, ask: &Ask) -> Result<bytes::Bytes, wire::Failure> {
    if lie == Lie::Silence {
        std::future::pending::<()>().await;
    }
    Ok(match &*ask.kind {
        xfer::LIST => {
            let asked: wire::TransferList = ask.open()?;
            ask.ok(&lie.list(asked.after))
        }
        xfer::READ => {
            let asked: wire::TransferRead = ask.open()?;
            ask.ok(&lie.chunks(&asked))
        }
        xfer::DIGEST if lie == Lie::NoDigest => ask.ok(&wire::TransferDigests::default()),
        xfer::DIGEST => {
            let asked: wire::TransferDigest = ask.open()?;
            ask.ok(&wire::TransferDigests {
                sums: vec![vec![9; 32]; asked.ranges.len()],
            })
        }
        _ => {
            let asked: wire::TransferWhere = ask.open()?;
            let whole = wire::TransferRange {
                path: asked.path,
                offset: 0,
                length: u64::MAX,
            };
            ask.ok(&wire::TransferExtents {
                ranges: vec![whole],
            })
        }
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_source_that_lies_writes_nowhere_and_moves_nothing() {
    let mut scene = Scene::set().await;
    let server = scene.counting_on(0, 64 * MIB as u64).await;
    std::fs::create_dir_all(OUTSIDE).unwrap();
    let impostor = Impostor::of(&mut scene, 0).await;
    let path = format!("/servers/{server}/transfer");
    for (lie, code) in LIES {
        *impostor.lie.lock() = lie;
        impostor.seems_online(&scene).await;
        let id = scene.begin(&server, 1).await;
        let stage = scene.machines[1].data().join("transfers").join(&id);
        if lie == Lie::Silence {
            scene.until("a stage", async |_| stage.exists()).await;
            scene.ask("DELETE", &path, None).await;
        }
        let end = scene.over(&id).await;
        eprintln!("{lie:?}: {} {:?} {:?}", end.phase, end.code, end.message);
        let phase = if lie == Lie::Silence {
            "cancelled"
        } else {
            "failed"
        };
        assert_eq!((&*end.phase, end.down_since_ms), (phase, None), "{lie:?}");
        if !code.is_empty() {
            assert_eq!(end.code.as_deref(), Some(code), "{lie:?}");
        }
        assert!(is_empty(Path::new(OUTSIDE)), "{lie:?}");
        assert!(
            is_empty(&scene.machines[1].data().join("transfers")),
            "{lie:?}"
        );
        assert!(!scene.machines[1].files(&server).exists(), "{lie:?}");
        assert_eq!(running(), 1, "{lie:?}");
    }
    drop(impostor);
    std::fs::remove_dir_all(OUTSIDE).unwrap();
    scene.machines[0].launch();
    let before = scene.counted(0, &server);
    scene.runs(&server, before + 10).await;
    let id = scene.begin(&server, 1).await;
    assert_eq!(scene.over(&id).await.phase, "done");
}

/// Transfers that a node has anything to do with now.
async fn under_way(scene: &Scene) -> BTreeMap<String, usize> {
    let rows = transfers::Entity::find()
        .filter(transfers::Column::Active.is_not_null())
        .all(scene.panel.app.db.read())
        .await
        .unwrap();
    let mut at = BTreeMap::new();
    for row in rows {
        if row.pass > 1 || row.step.as_deref().is_some_and(|step| step != "queued") {
            *at.entry(row.from_node).or_default() += 1;
            *at.entry(row.to_node).or_default() += 1;
        }
    }
    at
}

async fn console(scene: &Scene, server: &str) -> String {
    let path = format!("/servers/{server}/console?stream=game&from=0");
    let (_, said) = scene.try_ask("GET", &path, None).await;
    let chunks = said["chunks"].as_array().cloned().unwrap_or_default();
    let bytes = chunks.iter().flat_map(|chunk| {
        let data = chunk["data"].as_str().unwrap_or_default();
        base64::engine::general_purpose::STANDARD
            .decode(data)
            .unwrap()
    });
    String::from_utf8_lossy(&bytes.collect::<Vec<u8>>()).into_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn six_servers_change_places_at_once() {
    let scene = Scene::set().await;
    let mut servers = Vec::new();
    for n in 0..6 {
        let server = scene.counting_on(n % 2, 0).await;
        let big = scene.machines[n % 2].files(&server).join("big.bin");
        std::fs::write(big, vec![n as u8; 4 * MIB]).unwrap();
        servers.push(server);
    }
    let mut counts = Vec::new();
    for (n, server) in servers.iter().enumerate() {
        counts.push(scene.counted(n % 2, server));
    }
    let mut ids = Vec::new();
    for (n, server) in servers.iter().enumerate() {
        ids.push(scene.begin(server, 1 - n % 2).await);
    }
    let (mut most, mut queued) = (0, 0);
    loop {
        let mut open = 0;
        for id in &ids {
            let row = scene.transfer(id).await;
            open += usize::from(row.ended_at_ms.is_none());
            queued += usize::from(row.step.as_deref() == Some("queued"));
        }
        let now = under_way(&scene).await;
        most = most.max(now.values().copied().max().unwrap_or(0));
        if open == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let mut ports = BTreeSet::new();
    for (n, id) in ids.iter().enumerate() {
        let (server, there) = (&servers[n], 1 - n % 2);
        let done = scene.over(id).await;
        assert_eq!(
            (&*done.phase, done.code.as_deref()),
            ("done", None),
            "{done:?}"
        );
        eprintln!(
            "down {:?} ms, expected {:?}",
            done.downtime_ms, done.expected_ms
        );
        scene.runs(server, counts[n] + 20).await;
        assert_eq!(scene.row(server).await.node_id, scene.machines[there].id);
        scene.check_count(there, server);
        let big = scene.machines[there].files(server).join("big.bin");
        assert_eq!(std::fs::read(big).unwrap(), vec![n as u8; 4 * MIB]);
        let mine = allocations::Entity::find()
            .filter(allocations::Column::ServerId.eq(&**server))
            .all(scene.panel.app.db.read())
            .await
            .unwrap();
        assert_eq!(mine.len(), 2, "{mine:?}");
        assert_eq!(mine.iter().filter(|p| p.is_primary).count(), 1);
        for port in mine {
            assert_eq!(port.node_id, scene.machines[there].id);
            assert_eq!(port.reserved_for, None);
            assert!(ports.insert((port.node_id, port.port)));
        }
        let line = json!({"line": format!("hello {n}")});
        let said: Value = scene
            .ask("POST", &format!("/servers/{server}/input"), Some(line))
            .await;
        assert_eq!(said["result"], "written");
        scene
            .until("the answer in the console", async |s| {
                console(s, server)
                    .await
                    .contains(&format!("got: hello {n}"))
            })
            .await;
    }
    eprintln!("at most {most} at a node at once; waited: {queued} looks");
    assert!(most <= 4, "{most}");
    assert!(queued > 0, "two had to wait");
    assert_eq!(running(), 6);
}
