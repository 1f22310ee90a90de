//! Files that a node fetches from an address, as jobs beside a running game: from a web server that does as it should,
//! and from some that do not. Loopback is what the node's settings allow here; it stands for the internet.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};

use warren_harness::FakeGame;
use warren_proto::bus::CallError;
use warren_proto::ids::{JobId, ServerId};
use warren_proto::subjects::down;
use warren_proto::wire::job_ended::Made;
use warren_proto::wire::job_start::Work;
use warren_proto::wire::{self, job_ask::Ask};

use crate::rig::Rig;

const MIB: u64 = 1 << 20;

/// A web server that answers a path as a test says.
struct Web {
    port: u16,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Web {
    fn new(ip: &str, answer: impl Fn(&str, &mut TcpStream) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind((ip, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let (noted, answer) = (asked.clone(), Arc::new(answer));
        // Ends with the tests' process.
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let (noted, answer) = (noted.clone(), answer.clone());
                std::thread::spawn(move || {
                    let request = head(&mut stream);
                    let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
                    noted.lock().unwrap().push(path.clone());
                    answer(&path, &mut stream);
                });
            }
        });
        Self { port, asked }
    }

    fn at(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

fn head(stream: &mut TcpStream) -> String {
    let (mut all, mut byte) = (Vec::new(), [0]);
    while !all.ends_with(b"\r\n\r\n") && matches!(stream.read(&mut byte), Ok(1)) {
        all.push(byte[0]);
    }
    String::from_utf8_lossy(&all).into_owned()
}

fn say(stream: &mut TcpStream, more: &str, length: u64) {
    let text =
        format!("HTTP/1.1 200 OK\r\nconnection: close\r\n{more}content-length: {length}\r\n\r\n");
    let _ = stream.write_all(text.as_bytes());
}

fn redirect(stream: &mut TcpStream, to: &str) {
    let text = format!(
        "HTTP/1.1 302 Found\r\nlocation: {to}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
    );
    let _ = stream.write_all(text.as_bytes());
}

impl Rig {
    /// As [`Rig::new`], of a node that may call this loopback.
    async fn calling_itself() -> Self {
        let mut rig = Self::bare().await;
        let mut text = std::fs::read_to_string(&rig.config).unwrap();
        text.push_str("download_allow = [\"127.0.0.1\"]\n");
        std::fs::write(&rig.config, text).unwrap();
        rig.join("secret").await;
        rig.launch();
        rig.greeted().await;
        rig
    }

    /// The agent anew, among proxies that lead nowhere.
    async fn among_proxies(&mut self) {
        let before = self.control.stored.lock().hellos;
        self.kill();
        self.launch_lacking(|mut command| {
            for name in ["http_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy"] {
                command.env(name, "http://127.0.0.1:1");
            }
            command
        });
        self.until("another hello", |r| r.control.stored.lock().hellos > before)
            .await;
    }

    async fn fetch(&self, server: ServerId, url: String, to: &str) -> Result<JobId, CallError> {
        self.fetch_as(server, url, to, "", false).await
    }

    async fn fetch_as(
        &self,
        server: ServerId,
        url: String,
        to: &str,
        name: &str,
        replace: bool,
    ) -> Result<JobId, CallError> {
        let work = wire::DownloadWork {
            url,
            to: to.into(),
            name: name.into(),
            replace,
            max_bytes: 4 * MIB,
        };
        self.start_job(server, "download", Work::Download(work))
            .await
    }

    async fn fetched(&self, server: ServerId, job: JobId) -> wire::JobEnded {
        let ended = self.job_ended(server, job).await;
        self.job_has_left(job).await;
        ended
    }

    /// Fetches what it may not have, and hears why.
    async fn refused(&self, server: ServerId, url: String) -> String {
        let job = self.fetch(server, url, "/").await.unwrap();
        let ended = self.fetched(server, job).await;
        assert_eq!(ended.result(), wire::JobResult::Failed, "{ended:?}");
        ended.code
    }

    async fn far(&self, job: JobId) -> wire::JobStatus {
        let ask = wire::JobAsk {
            ask: Some(Ask::Status(wire::JobStatusAsk {
                job: job.to_string(),
            })),
        };
        self.control.ask(down::JOBS, &ask).await.unwrap()
    }

    async fn call_off(&self, job: JobId) {
        let ask = wire::JobAsk {
            ask: Some(Ask::Cancel(wire::JobCancel {
                job: job.to_string(),
            })),
        };
        let _: wire::JobStatus = self.control.ask(down::JOBS, &ask).await.unwrap();
    }
}

/// All names below a directory.
fn names(root: &Path) -> Vec<String> {
    let mut found: Vec<PathBuf> = vec![root.to_owned()];
    let mut names = Vec::new();
    while let Some(dir) = found.pop() {
        for entry in std::fs::read_dir(dir).unwrap().flatten() {
            names.push(entry.file_name().to_string_lossy().into_owned());
            if entry.file_type().unwrap().is_dir() {
                found.push(entry.path());
            }
        }
    }
    names.sort();
    names
}

/// A web server whose file comes as far as its first MiB, and on when the sender is dropped.
fn halting() -> (Web, Sender<()>) {
    let (go, gate) = channel::<()>();
    let gate = Mutex::new(gate);
    let web = Web::new("127.0.0.1", move |_, stream| {
        say(stream, "", 3 * MIB);
        let _ = stream.write_all(&vec![7; MIB as usize]);
        let _ = gate.lock().unwrap().recv();
        let _ = stream.write_all(&vec![8; 2 * MIB as usize]);
    });
    (web, go)
}

async fn until_a_mib_is_there(rig: &Rig, job: JobId) -> wire::JobStatus {
    let there =
        warren_harness::eventually_async("a MiB", std::time::Duration::from_secs(30), || async {
            let far = rig.far(job).await;
            (far.done_bytes == MIB).then_some(far)
        });
    there.await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_comes_beside_a_running_game_and_says_how_far_it_is() {
    let mut rig = Rig::calling_itself().await;
    let server = rig.running(&FakeGame::echo()).await;
    rig.among_proxies().await;
    let root = rig.files_of(server);
    let (web, go) = halting();
    let job = rig
        .fetch(server, web.at("/paper.jar?token=hunter2"), "/plugins/new")
        .await
        .unwrap();
    let far = until_a_mib_is_there(&rig, job).await;
    assert_eq!(
        (far.total_bytes, &*far.step),
        (3 * MIB, "downloading paper.jar")
    );
    assert!((33.0..34.0).contains(&far.percent), "{far:?}");
    // It is nowhere until it is whole, and one at a time comes.
    assert!(!root.join("plugins/new/paper.jar").exists());
    let again = rig.fetch(server, web.at("/x"), "/").await;
    assert!(
        matches!(&again, Err(CallError::Failed { code, .. }) if code == "busy"),
        "{again:?}"
    );
    drop(go);
    let ended = rig.fetched(server, job).await;
    assert_eq!(ended.result(), wire::JobResult::Done, "{ended:?}");
    let Some(Made::Downloaded(made)) = &ended.made else {
        panic!("{ended:?}")
    };
    assert_eq!(
        (&*made.path, made.bytes),
        ("/plugins/new/paper.jar", 3 * MIB)
    );
    let file = root.join("plugins/new/paper.jar");
    let bytes = std::fs::read(&file).unwrap();
    assert_eq!(bytes.len() as u64, 3 * MIB);
    assert!(
        bytes[..MIB as usize].iter().all(|b| *b == 7)
            && bytes[MIB as usize..].iter().all(|b| *b == 8)
    );
    use std::os::unix::fs::MetadataExt as _;
    let owner = std::fs::metadata(&root).unwrap().uid();
    for made in ["plugins", "plugins/new", "plugins/new/paper.jar"] {
        assert_eq!(
            std::fs::metadata(root.join(made)).unwrap().uid(),
            owner,
            "{made}"
        );
    }
    assert_eq!(std::fs::metadata(&file).unwrap().mode() & 0o7777, 0o644);
    assert!(!rig.log().contains("hunter2"));
    rig.until_state(server, wire::State::Running).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_called_off_cut_or_refused_leaves_nothing() {
    let mut rig = Rig::calling_itself().await;
    let server = rig.running(&FakeGame::echo()).await;
    let root = rig.files_of(server);
    let before = names(&root);
    let (web, go) = halting();
    let job = rig.fetch(server, web.at("/a"), "/").await.unwrap();
    until_a_mib_is_there(&rig, job).await;
    rig.call_off(job).await;
    let ended = rig.fetched(server, job).await;
    assert_eq!(ended.result(), wire::JobResult::Cancelled, "{ended:?}");
    assert_eq!(names(&root), before);
    drop(go);
    let inside = Web::new("127.0.0.2", |_, stream| say(stream, "", 0));
    let secret = inside.port;
    let web = Web::new("127.0.0.1", move |path, stream| match path {
        "/cut" => {
            say(stream, "", 4 * MIB);
            let _ = stream.write_all(&vec![1; MIB as usize]);
        }
        "/chunk" => {
            let text = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n";
            let _ = stream.write_all(text.as_bytes());
        }
        "/lies" => say(stream, "", 1 << 60),
        "/large" => {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n");
            while stream.write_all(&[0; 65_536]).is_ok() {}
        }
        "/mute" => {}
        "/inside" => redirect(stream, &format!("http://127.0.0.2:{secret}/")),
        "/octal" => redirect(stream, &format!("http://0177.0.0.2:{secret}/")),
        "/mapped" => redirect(stream, &format!("http://[::ffff:127.0.0.1]:{secret}/")),
        "/metadata" => redirect(stream, "http://169.254.169.254/latest/meta-data/"),
        "/loop" => redirect(stream, "/loop"),
        _ => {
            let _ = stream.write_all(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n");
        }
    });
    for (path, code) in [
        ("/cut", "download_cut"),
        ("/chunk", "download_cut"),
        ("/lies", "upload_limit"),
        ("/large", "upload_limit"),
        ("/mute", "download_unreachable"),
        ("/inside", "download_refused"),
        ("/octal", "download_refused"),
        ("/mapped", "download_refused"),
        ("/metadata", "download_refused"),
        ("/loop", "download_redirects"),
        ("/gone", "download_status"),
    ] {
        assert_eq!(rig.refused(server, web.at(path)).await, code, "{path}");
        assert_eq!(names(&root), before, "{path}");
    }
    for url in [
        format!("http://127.0.0.2:{secret}/"),
        format!("http://2130706434:{secret}/"),
        format!("http://[::1]:{}/", web.port),
        "http://169.254.169.254/latest/meta-data/".to_owned(),
        "http://10.213.0.1:8080/".to_owned(),
    ] {
        assert_eq!(
            rig.refused(server, url.clone()).await,
            "download_refused",
            "{url}"
        );
    }
    assert_eq!(inside.asked(), Vec::<String>::new());
    assert_eq!(names(&root), before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_servers_disk_limit_holds_before_the_first_byte_and_while_they_come() {
    let mut rig = Rig::calling_itself().await;
    let server = ServerId::new();
    let mut spec = rig.spec(&FakeGame::echo());
    spec.limits.as_mut().unwrap().disk_bytes = 3 * MIB;
    rig.order(server, wire::Power::Start, spec).await;
    rig.until_state(server, wire::State::Running).await;
    let root = rig.files_of(server);
    let before = names(&root);
    let sent = Arc::new(std::sync::atomic::AtomicU64::new(0));
    let counted = sent.clone();
    let web = Web::new("127.0.0.1", move |path, stream| match path {
        "/large" => say(stream, "", 4 * MIB),
        _ => {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n");
            while stream.write_all(&[0; 65_536]).is_ok() {
                counted.fetch_add(65_536, std::sync::atomic::Ordering::Relaxed);
            }
        }
    });
    assert_eq!(rig.refused(server, web.at("/large")).await, "disk_limit");
    assert_eq!(rig.refused(server, web.at("/endless")).await, "disk_limit");
    assert_eq!(names(&root), before);
    // What was on the way when it was broken off.
    assert!(sent.load(std::sync::atomic::Ordering::Relaxed) < 64 * MIB);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_replaced_unless_that_was_asked_for_and_no_name_leads_out() {
    let mut rig = Rig::calling_itself().await;
    let server = rig.running(&FakeGame::echo()).await;
    let root = rig.files_of(server);
    let outside = rig.data().join("outside");
    std::fs::create_dir_all(&outside).unwrap();
    std::os::unix::fs::symlink(&outside, root.join("out")).unwrap();
    std::fs::write(root.join("there"), "old").unwrap();
    std::fs::write(root.join("target"), "old").unwrap();
    std::os::unix::fs::symlink("target", root.join("link")).unwrap();
    std::fs::create_dir(root.join("folder")).unwrap();
    let web = Web::new("127.0.0.1", |path, stream| {
        let name = match path {
            "/climbs" => "Content-Disposition: attachment; filename=\"../../climbed\"\r\n",
            "/escaped" => "Content-Disposition: attachment; filename*=UTF-8''..%2f..%2fescaped\r\n",
            "/hidden" => "Content-Disposition: attachment; filename=\".warren-01.partial\"\r\n",
            _ => "",
        };
        say(stream, name, 3);
        // More than was said.
        let _ = stream.write_all(b"newer than said");
    });
    let fetched = async |to: &str, name: &str, url: &str, replace: bool| {
        let job = rig
            .fetch_as(server, web.at(url), to, name, replace)
            .await
            .unwrap();
        let ended = rig.fetched(server, job).await;
        match ended.made {
            Some(Made::Downloaded(made)) => made.path,
            _ => ended.code,
        }
    };
    assert_eq!(fetched("/", "", "/there", false).await, "file_exists");
    assert_eq!(std::fs::read(root.join("there")).unwrap(), b"old");
    assert_eq!(fetched("/", "", "/there", true).await, "/there");
    assert_eq!(std::fs::read(root.join("there")).unwrap(), b"new");
    // A link gives way; what it pointed at stays.
    assert_eq!(fetched("/", "link", "/x", true).await, "/link");
    assert_eq!(std::fs::read(root.join("target")).unwrap(), b"old");
    assert!(!root.join("link").is_symlink());
    assert_eq!(fetched("/", "folder", "/x", true).await, "is_a_directory");
    assert_eq!(fetched("/sub", "", "/climbs", false).await, "/sub/climbed");
    assert_eq!(fetched("/sub", "", "/escaped", false).await, "/sub/escaped");
    assert_eq!(
        fetched("/sub", "", "/hidden", false).await,
        "/sub/warren-01.partial"
    );
    assert_eq!(
        fetched("/sub", "", "/%2e%2e%2fbelow", false).await,
        "/sub/below"
    );
    let asked = web.asked().len();
    for (to, name) in [
        ("/../x", "y"),
        ("/", "../y"),
        ("/", "a/b"),
        ("/", ".."),
        ("/", ".warren-02.partial"),
    ] {
        let code = fetched(to, name, "/x", false).await;
        assert!(
            matches!(&*code, "path_outside" | "path_invalid"),
            "{to} {name}: {code}"
        );
    }
    assert_eq!(web.asked().len(), asked);
    assert_eq!(fetched("/out", "", "/x", false).await, "path_outside");
    assert_eq!(names(&outside), Vec::<String>::new());
    assert!(!root.parent().unwrap().join("climbed").exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_killed_agent_leaves_of_a_download_is_taken_back_by_the_next() {
    let mut rig = Rig::calling_itself().await;
    let server = rig.running(&FakeGame::echo()).await;
    let root = rig.files_of(server);
    let before = names(&root);
    let (web, _go) = halting();
    let job = rig
        .fetch(server, web.at("/large?token=hunter2"), "/deep")
        .await
        .unwrap();
    until_a_mib_is_there(&rig, job).await;
    rig.kill();
    assert!(names(&root).iter().any(|name| name.starts_with(".warren-")));
    let left = std::fs::read_to_string(rig.data().join(format!("jobs/{job}.json"))).unwrap();
    assert!(
        left.contains("deep/large") && !left.contains("hunter2"),
        "{left}"
    );
    rig.launch();
    let ended = rig.fetched(server, job).await;
    assert_eq!(ended.code, "interrupted", "{ended:?}");
    rig.until("what was left to go", |_| {
        let mut now = names(&root);
        now.retain(|name| name != "deep");
        now == before
    })
    .await;
}
