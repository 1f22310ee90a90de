//! Archives as jobs beside a running game: made, looked into, unpacked, called off and broken off.

use std::path::Path;
use std::process::Command;

use warren_harness::FakeGame;
use warren_proto::bus::CallError;
use warren_proto::ids::{JobId, ServerId};
use warren_proto::subjects::down;
use warren_proto::wire::job_ended::Made;
use warren_proto::wire::job_start::Work;
use warren_proto::wire::{self, files_ask, job_ask::Ask};

use crate::rig::Rig;

impl Rig {
    async fn archive(&self, server: ServerId, work: Work) -> Result<JobId, CallError> {
        let kind = match work {
            Work::Pack(_) => "archive",
            _ => "extract",
        };
        self.start_job(server, kind, work).await
    }

    async fn end_of(&self, server: ServerId, job: JobId) -> wire::JobEnded {
        let ended = self.job_ended(server, job).await;
        self.job_has_left(job).await;
        ended
    }
}

fn pack(paths: &[&str], to: &str, format: &str) -> Work {
    Work::Pack(wire::PackWork {
        paths: paths.iter().map(|p| (*p).to_owned()).collect(),
        to: to.into(),
        format: format.into(),
    })
}

fn extract(archive: &str, to: &str, existing: &str) -> Work {
    Work::Extract(wire::ExtractWork {
        archive: archive.into(),
        to: to.into(),
        existing: existing.into(),
        only: Vec::new(),
    })
}

fn write(root: &Path, name: &str, bytes: impl AsRef<[u8]>) {
    let path = root.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, bytes).unwrap();
}

fn hidden(root: &Path) -> usize {
    let all = std::fs::read_dir(root).unwrap().flatten();
    all.filter(|e| e.file_name().to_string_lossy().starts_with(".warren-"))
        .count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_archive_is_made_looked_into_and_unpacked_beside_a_running_game() {
    let mut rig = Rig::new().await;
    let server = rig.running(&FakeGame::echo()).await;
    let root = rig.files_of(server);
    write(&root, "world/level.dat", vec![7; 100_000]);
    write(&root, "world/deep/b", "b");
    let work = pack(&["/world"], "/world.tar.zst", "tar.zst");
    let job = rig.archive(server, work).await.unwrap();
    let ended = rig.end_of(server, job).await;
    assert_eq!(ended.result(), wire::JobResult::Done, "{ended:?}");
    let Some(Made::Packed(made)) = &ended.made else {
        panic!("{ended:?}")
    };
    assert_eq!((made.entries, made.skipped), (4, 0));
    let archive = root.join("world.tar.zst");
    let said = Command::new("tar")
        .arg("-tf")
        .arg(&archive)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    assert!(said.contains("world/level.dat"), "{said}");
    let list = wire::FilesAsk {
        session: String::new(),
        server: server.to_string(),
        ask: Some(files_ask::Ask::ArchiveList(wire::ArchiveList {
            path: "/world.tar.zst".into(),
            inside: "world".into(),
            after: String::new(),
            limit: 1,
        })),
    };
    let page: wire::ArchiveEntries = rig.control.ask(down::FILES, &list).await.unwrap();
    assert_eq!((&*page.format, page.total, page.all), ("tar.zst", 2, 4));
    assert_eq!((&*page.entries[0].name, &*page.next), ("deep", "d/deep"));
    let job = rig
        .archive(server, extract("/world.tar.zst", "/new/place", "refuse"))
        .await
        .unwrap();
    let ended = rig.end_of(server, job).await;
    assert_eq!(ended.result(), wire::JobResult::Done, "{ended:?}");
    let out = std::fs::read(root.join("new/place/world/level.dat")).unwrap();
    assert_eq!(out, vec![7; 100_000]);
    use std::os::unix::fs::MetadataExt as _;
    let owner = std::fs::metadata(&root).unwrap().uid();
    for made in ["new", "new/place/world/deep/b", "world.tar.zst"] {
        assert_eq!(
            std::fs::metadata(root.join(made)).unwrap().uid(),
            owner,
            "{made}"
        );
    }
    // There is something already.
    let work = extract("/world.tar.zst", "/new/place", "refuse");
    let job = rig.archive(server, work).await.unwrap();
    assert_eq!(rig.end_of(server, job).await.code, "file_exists");
    for (work, code) in [
        (pack(&["/none"], "/x.zip", "zip"), "file_not_found"),
        (pack(&["/world"], "/x.rar", "rar"), "unknown"),
        (pack(&["/"], "/x.zip", "zip"), "path_invalid"),
        (pack(&["/../x"], "/x.zip", "zip"), "path_outside"),
        (extract("/world/level.dat", "/", "skip"), "archive_unknown"),
    ] {
        let job = rig.archive(server, work).await.unwrap();
        assert_eq!(rig.end_of(server, job).await.code, code);
    }
    assert_eq!(hidden(&root), 0);
    rig.until_state(server, wire::State::Running).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_called_off_or_has_no_room_leaves_nothing() {
    let mut rig = Rig::new().await;
    let server = rig.running(&FakeGame::echo()).await;
    let root = rig.files_of(server);
    // So long that it is met on the way.
    let large = std::fs::File::create(root.join("large")).unwrap();
    large.set_len(1 << 40).unwrap();
    let job = rig
        .archive(server, pack(&["/large"], "/large.tar.xz", "tar.xz"))
        .await
        .unwrap();
    // One at a time.
    let again = rig
        .archive(server, pack(&["/large"], "/x.zip", "zip"))
        .await;
    assert!(
        matches!(&again, Err(CallError::Failed { code, .. }) if code == "busy"),
        "{again:?}"
    );
    let cancel = wire::JobAsk {
        ask: Some(Ask::Cancel(wire::JobCancel {
            job: job.to_string(),
        })),
    };
    let _: wire::JobStatus = rig.control.ask(down::JOBS, &cancel).await.unwrap();
    let ended = rig.end_of(server, job).await;
    assert_eq!(ended.result(), wire::JobResult::Cancelled, "{ended:?}");
    assert_eq!(hidden(&root), 0);
    assert!(!root.join("large.tar.xz").exists());
    // An archive that becomes more than it may.
    let zeros = std::fs::File::open("/dev/zero").unwrap();
    let packed = std::fs::File::create(root.join("bomb.gz")).unwrap();
    let mut packer = flate2::write::GzEncoder::new(packed, flate2::Compression::best());
    std::io::copy(&mut std::io::Read::take(zeros, 72 << 20), &mut packer).unwrap();
    packer.finish().unwrap();
    let job = rig
        .archive(server, extract("/bomb.gz", "/", "refuse"))
        .await;
    let ended = rig.end_of(server, job.unwrap()).await;
    assert_eq!(ended.code, "archive_bomb");
    assert!(!root.join("bomb").exists() && hidden(&root) == 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_killed_agent_leaves_is_taken_back_by_the_next() {
    let mut rig = Rig::new().await;
    let server = rig.running(&FakeGame::echo()).await;
    let root = rig.files_of(server);
    let large = std::fs::File::create(root.join("large")).unwrap();
    large.set_len(1 << 40).unwrap();
    let job = rig
        .archive(server, pack(&["/large"], "/large.tar.xz", "tar.xz"))
        .await
        .unwrap();
    rig.until("the archive to be begun", |_| hidden(&root) == 1)
        .await;
    rig.kill();
    assert_eq!(hidden(&root), 1);
    rig.launch();
    let ended = rig.end_of(server, job).await;
    assert_eq!(ended.code, "interrupted", "{ended:?}");
    rig.until("what was left to go", |_| hidden(&root) == 0)
        .await;
    assert!(!root.join("large.tar.xz").exists());
    // What nobody knows of is swept.
    let old = std::time::SystemTime::now() - std::time::Duration::from_secs(30 * 3600);
    std::fs::create_dir_all(root.join("deep/.warren-0badc0de.partial/x")).unwrap();
    write(&root, "deep/.warren-01.partial", "x");
    write(&root, ".warren-02.partial", "new");
    for name in ["deep/.warren-0badc0de.partial", "deep/.warren-01.partial"] {
        let file = std::fs::File::open(root.join(name)).unwrap();
        file.set_modified(old).unwrap();
    }
    rig.bounce().await;
    rig.until("both to go", |_| hidden(&root.join("deep")) == 0)
        .await;
    assert_eq!(hidden(&root), 1);
}
