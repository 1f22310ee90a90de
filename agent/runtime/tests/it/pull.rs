//! Pulling, from real registries and from bad ones.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use tokio::sync::watch;
use warren_harness::{Compression, Image, ImageBuilder, ImageIndex, Media};
use warren_runtime::runtime::{
    Error, ImageProblem, PullPhase, PullPolicy, PullProgress, PullRequest, Pulled, RegistryAuth,
    Runtime,
};

use crate::machine::Machine;

async fn pull(machine: &Machine, image: &str) -> Result<Pulled, Error> {
    machine
        .runtime
        .pull(PullRequest::new(image.parse().unwrap()))
        .await
}

fn problem(error: Error) -> ImageProblem {
    match error {
        Error::Image { problem, .. } => problem,
        other => panic!("{other}"),
    }
}

/// Three layers: files come, change, and go.
fn layered(compression: Compression, media: Media) -> Image {
    ImageBuilder::busybox()
        .unwrap()
        .compression(compression)
        .media(media)
        .dir("opt/old", 0o755)
        .unwrap()
        .file("opt/old/inside", 0o644, "1")
        .unwrap()
        .file("opt/gone", 0o644, "here")
        .unwrap()
        .layer()
        .unwrap()
        .whiteout("opt/gone")
        .unwrap()
        .opaque("opt/old")
        .unwrap()
        .file("opt/old/new", 0o644, "2")
        .unwrap()
        .build()
        .unwrap()
}

const LOOK: &str = "ls /opt /opt/old; cat /opt/old/new; cat /opt/gone || echo whited-out";

async fn check_layers(machine: &mut Machine, reference: &str, id: &str) {
    machine.image = reference.to_owned();
    let (_, text) = machine.run(id, LOOK).await;
    assert!(
        text.contains("whited-out") && text.contains("new"),
        "{text}"
    );
    assert!(!text.contains("inside"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn layers_of_every_kind_stack_up_with_whiteouts() {
    let mut machine = Machine::bare(None);
    for (name, compression, media) in [
        ("gzip", Compression::Gzip, Media::Oci),
        ("zstd", Compression::Zstd, Media::Oci),
        ("plain", Compression::None, Media::Oci),
        ("docker", Compression::Gzip, Media::Docker),
    ] {
        let image = layered(compression, media);
        let reference = machine.registry.push(name, "1", &image).unwrap();
        let pulled = pull(&machine, &reference).await.unwrap();
        assert_eq!(pulled.digest, image.manifest.digest, "{name}");
        assert!(pulled.stale_because.is_none());
        check_layers(&mut machine, &reference, name).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn progress_counts_every_blob_and_a_second_pull_fetches_nothing() {
    let machine = Machine::bare(None);
    let image = layered(Compression::Gzip, Media::Oci);
    let reference = machine.registry.push("seen", "1", &image).unwrap();
    let (progress, seen) = watch::channel(PullProgress::default());
    let mut request = PullRequest::new(reference.parse().unwrap());
    request.progress = Some(progress);
    machine.runtime.pull(request.clone()).await.unwrap();
    let end = seen.borrow().clone();
    assert_eq!(
        (end.phase, end.blobs.len(), end.layers_unpacked),
        (PullPhase::Done, 4, 3)
    );
    let total: usize = image.blobs.iter().map(|b| b.data.len()).sum();
    assert_eq!(end.bytes(), (total as u64, total as u64));
    let again = machine.runtime.pull(request).await.unwrap();
    assert_eq!(again.fetched_bytes, 0);
    machine
        .runtime
        .remove_image(&reference.parse().unwrap())
        .await
        .unwrap();
    let here = machine
        .runtime
        .image_present(&reference.parse().unwrap())
        .await;
    assert_eq!(here.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_gives_this_machine_its_own_image() {
    let mut machine = Machine::bare(None);
    let foreign = |architecture: &str| {
        let builder = ImageBuilder::scratch().platform("linux", architecture, None);
        builder
            .file("x", 0o644, architecture)
            .unwrap()
            .build()
            .unwrap()
    };
    let ours = layered(Compression::Gzip, Media::Oci);
    for media in [Media::Oci, Media::Docker] {
        let images = vec![foreign("s390x"), ours.clone(), foreign("riscv64")];
        let index = ImageIndex::new(media, images);
        let name = format!("index-{}", &index.manifest.digest[7..15]);
        let reference = machine.registry.push_index(&name, "1", &index).unwrap();
        let pulled = pull(&machine, &reference).await.unwrap();
        assert_eq!(pulled.digest, index.manifest.digest);
        check_layers(&mut machine, &reference, &name).await;
    }
    let strange = ImageIndex::new(Media::Oci, vec![foreign("s390x"), foreign("riscv64")]);
    let reference = machine
        .registry
        .push_index("strange", "1", &strange)
        .unwrap();
    let error = pull(&machine, &reference).await.unwrap_err();
    assert!(
        error.to_string().contains("linux/s390x, linux/riscv64"),
        "{error}"
    );
    let single = machine
        .registry
        .push("single", "1", &foreign("s390x"))
        .unwrap();
    let found = problem(pull(&machine, &single).await.unwrap_err());
    assert!(matches!(found, ImageProblem::NoPlatform { .. }), "{found}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_private_registry_wants_the_right_password() {
    let machine = Machine::bare(Some(("me", "secret")));
    let image = layered(Compression::Gzip, Media::Oci);
    let reference = machine.registry.push("private", "1", &image).unwrap();
    let nobody = problem(pull(&machine, &reference).await.unwrap_err());
    assert!(matches!(nobody, ImageProblem::Unauthorized(_)), "{nobody}");
    let mut request = PullRequest::new(reference.parse().unwrap());
    let with = |password: &str| RegistryAuth::Basic {
        username: "me".into(),
        password: password.into(),
    };
    request.auth = with("hunter2");
    let wrong = problem(machine.runtime.pull(request.clone()).await.unwrap_err());
    assert!(matches!(wrong, ImageProblem::Unauthorized(_)), "{wrong}");
    assert!(!wrong.to_string().contains("hunter2"), "{wrong}");
    request.auth = with("secret");
    machine.runtime.pull(request).await.unwrap();
    // What is here does not open it to those whom the registry refuses.
    let still = problem(pull(&machine, &reference).await.unwrap_err());
    assert!(matches!(still, ImageProblem::Unauthorized(_)), "{still}");
}

#[tokio::test(flavor = "multi_thread")]
async fn damaged_blobs_are_refused_and_a_mended_one_is_taken() {
    let machine = Machine::bare(None);
    let image = layered(Compression::Gzip, Media::Oci);
    let reference = machine.registry.push("damaged", "1", &image).unwrap();
    let layer = &image.layers()[1];
    let path = machine.registry.blob_path(&layer.digest).unwrap();
    let mut bytes = layer.data.clone();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    let error = pull(&machine, &reference).await.unwrap_err();
    assert!(error.to_string().contains(&layer.digest), "{error}");
    assert!(matches!(problem(error), ImageProblem::Corrupt(_)));
    let here = machine
        .runtime
        .image_present(&reference.parse().unwrap())
        .await;
    assert_eq!(here.unwrap(), None);
    std::fs::write(&path, &layer.data).unwrap();
    pull(&machine, &reference).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_that_is_down_stops_nobody_who_has_the_image() {
    let mut machine = Machine::bare(None);
    let image = layered(Compression::Gzip, Media::Oci);
    let reference = machine.registry.push("kept", "1", &image).unwrap();
    pull(&machine, &reference).await.unwrap();
    machine.registry.kill9();
    let pulled = pull(&machine, &reference).await.unwrap();
    let why = pulled.stale_because.unwrap();
    assert!(why.contains("refused"), "{why}");
    let mut request = PullRequest::new(reference.parse().unwrap());
    request.policy = PullPolicy::IfMissing;
    assert_eq!(
        machine
            .runtime
            .pull(request.clone())
            .await
            .unwrap()
            .stale_because,
        None
    );
    let other = reference.replace("kept", "other");
    let error = pull(&machine, &other).await.unwrap_err();
    assert!(error.retryable());
    request.image = other.parse().unwrap();
    request.policy = PullPolicy::Never;
    let absent = problem(machine.runtime.pull(request).await.unwrap_err());
    assert_eq!(absent, ImageProblem::Absent);
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_share_a_pull_and_one_may_leave() {
    let machine = Machine::bare(None);
    let image = layered(Compression::Gzip, Media::Oci);
    let reference = machine.registry.push("shared", "1", &image).unwrap();
    let request = PullRequest::new(reference.parse().unwrap());
    let leaving = PullRequest {
        cancel: tokio_util::sync::CancellationToken::new(),
        ..request.clone()
    };
    leaving.cancel.cancel();
    let (one, two, gone) = tokio::join!(
        machine.runtime.pull(request.clone()),
        machine.runtime.pull(request),
        machine.runtime.pull(leaving),
    );
    assert_eq!(one.unwrap(), two.unwrap());
    assert!(matches!(gone, Err(Error::Cancelled)));
}

/// What the proxy in front of a registry does to a request.
type Meddle = Arc<dyn Fn(&str, &str, &mut TcpStream) -> bool + Send + Sync>;

/// A proxy on loopback: `meddle(path, headers, client)` answers itself or lets the request through.
fn proxy(upstream: String, meddle: Meddle) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let host = format!("127.0.0.1:{}", listener.local_addr().unwrap().port());
    let own = host.clone();
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let (upstream, meddle, own) = (upstream.clone(), meddle.clone(), own.clone());
            thread::spawn(move || serve(client, &upstream, &own, &meddle));
        }
    });
    host
}

fn head(stream: &TcpStream) -> Option<(String, String)> {
    let mut reader = BufReader::new(stream);
    let mut text = String::new();
    while reader.read_line(&mut text).ok()? > 2 {}
    let path = text.split(' ').nth(1)?.to_owned();
    Some((path, text))
}

fn serve(mut client: TcpStream, upstream: &str, own: &str, meddle: &Meddle) -> Option<()> {
    // One request per connection keeps the proxy simple.
    let (path, headers) = head(&client)?;
    if meddle(&path, &headers, &mut client) {
        return None;
    }
    let mut server = TcpStream::connect(upstream).ok()?;
    let headers = headers.replace(own, upstream);
    let headers = headers.replacen("\r\n", "\r\nconnection: close\r\n", 1);
    server.write_all(headers.as_bytes()).ok()?;
    std::io::copy(&mut server, &mut client).ok()?;
    None
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_transfer_goes_on_where_it_stopped() {
    let machine = Machine::bare(None);
    let noise: Vec<u8> = (0..6_u32 << 20)
        .map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8)
        .collect();
    let image = ImageBuilder::busybox()
        .unwrap()
        .compression(Compression::None);
    let image = image.file("noise", 0o644, &noise).unwrap().build().unwrap();
    machine.registry.push("cut", "1", &image).unwrap();
    let big = image.layers()[1].digest.clone();
    let data = image.layers()[1].data.clone();
    for ranges in [true, false] {
        let (big, data) = (big.clone(), data.clone());
        let sent = Arc::new(AtomicU32::new(0));
        let count = sent.clone();
        let meddle: Meddle = Arc::new(move |path, headers, client| {
            if !path.contains(&big) {
                return false;
            }
            let turn = count.fetch_add(1, Ordering::Relaxed);
            let from: usize = headers
                .lines()
                .find_map(|l| {
                    l.to_ascii_lowercase()
                        .strip_prefix("range: bytes=")?
                        .strip_suffix('-')?
                        .parse()
                        .ok()
                })
                .unwrap_or(0);
            let (status, from) = match (ranges, from) {
                (true, from) if from > 0 => ("206 Partial Content", from),
                _ => ("200 OK", 0),
            };
            let rest = &data[from..];
            let head = format!(
                "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                rest.len()
            );
            client.write_all(head.as_bytes()).unwrap();
            // Each connection brings about two more megabytes, then the line is cut.
            let upto = match ranges {
                true => rest.len().min(2 << 20),
                false => rest.len().min((turn as usize + 1) * (2 << 20) + 70_000),
            };
            let _ = client.write_all(&rest[..upto]);
            true
        });
        let host = proxy(machine.registry.host(), meddle);
        let reference = format!("{host}/cut:1");
        let (progress, seen) = watch::channel(PullProgress::default());
        let mut request = PullRequest::new(reference.parse().unwrap());
        request.progress = Some(progress);
        machine.runtime.pull(request).await.unwrap();
        let resumed = seen.borrow().resumed;
        assert!((2..=4).contains(&resumed), "{resumed} with ranges {ranges}");
        assert_eq!(sent.load(Ordering::Relaxed), resumed + 1);
        // The other way begins from nothing.
        machine
            .runtime
            .remove_image(&reference.parse().unwrap())
            .await
            .unwrap();
        let hex = image.layers()[1].digest.trim_start_matches("sha256:");
        let ctr = |args: &[&str]| machine.containerd.ctr().unwrap().args(args).output();
        ctr(&["content", "rm", &image.layers()[1].digest]).unwrap();
        let blobs = "root/io.containerd.content.v1.content/blobs/sha256";
        let file = machine.dir().join(blobs).join(hex);
        warren_harness::eventually("the blob is collected", crate::machine::LIMIT, || {
            (!file.exists()).then_some(())
        })
        .unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn blobs_elsewhere_are_followed_without_showing_the_password() {
    let machine = Machine::bare(Some(("me", "secret")));
    let image = layered(Compression::Gzip, Media::Oci);
    machine.registry.push("moved", "1", &image).unwrap();
    // Another host that serves blobs to anyone and remembers what it was shown.
    let shown = Arc::new(parking_lot::Mutex::new(Vec::<String>::new()));
    let (notes, blobs) = (shown.clone(), image.blobs.clone());
    let store = proxy(
        "127.0.0.1:9".into(),
        Arc::new(move |path, headers, client| {
            notes.lock().push(headers.to_ascii_lowercase());
            let blob = blobs.iter().find(|b| path.contains(&b.digest)).unwrap();
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                blob.data.len()
            );
            client.write_all(head.as_bytes()).unwrap();
            client.write_all(&blob.data).unwrap();
            true
        }),
    );
    let host = proxy(
        machine.registry.host(),
        Arc::new(move |path, headers, client| {
            let known = headers
                .to_ascii_lowercase()
                .contains("authorization: basic");
            let Some((_, digest)) = path.split_once("/blobs/") else {
                return false;
            };
            assert!(known, "the registry itself gets the header");
            let head = format!(
                "HTTP/1.1 307 Temporary Redirect\r\nLocation: http://{store}/{digest}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            );
            client.write_all(head.as_bytes()).unwrap();
            true
        }),
    );
    let mut request = PullRequest::new(format!("{host}/moved:1").parse().unwrap());
    request.auth = RegistryAuth::Basic {
        username: "me".into(),
        password: "secret".into(),
    };
    machine.runtime.pull(request).await.unwrap();
    let shown = shown.lock();
    assert_eq!(shown.len(), image.blobs.len());
    assert!(
        shown
            .iter()
            .all(|headers| !headers.contains("authorization"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_server_is_asked_with_the_credentials_and_the_scope() {
    let machine = Machine::bare(None);
    let image = layered(Compression::Gzip, Media::Oci);
    machine.registry.push("token", "1", &image).unwrap();
    let realm = proxy(
        "127.0.0.1:9".into(),
        Arc::new(|path, headers, client| {
            let good = headers
                .to_ascii_lowercase()
                .contains("authorization: basic bwu6c2vjcmv0")
                && path.contains("scope=repository%3Atoken%3Apull")
                && path.contains("service=here");
            let (status, body) = match good {
                true => ("200 OK", r#"{"token":"let-me-in"}"#),
                false => ("401 Unauthorized", "{}"),
            };
            let text = format!(
                "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                body.len()
            );
            client.write_all(text.as_bytes()).unwrap();
            true
        }),
    );
    let host = proxy(
        machine.registry.host(),
        Arc::new(move |_, headers, client| {
            if headers.contains("Bearer let-me-in") {
                return false;
            }
            let text = format!(
                "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Bearer realm=\"http://{realm}/t\",service=\"here\"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            );
            client.write_all(text.as_bytes()).unwrap();
            true
        }),
    );
    let mut request = PullRequest::new(format!("{host}/token:1").parse().unwrap());
    let refused = problem(machine.runtime.pull(request.clone()).await.unwrap_err());
    assert!(
        matches!(refused, ImageProblem::Unauthorized(_)),
        "{refused}"
    );
    request.auth = RegistryAuth::Basic {
        username: "me".into(),
        password: "secret".into(),
    };
    machine.runtime.pull(request).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_registries_get_a_plain_refusal() {
    let machine = Machine::bare(None);
    let answer = |text: String| -> Meddle {
        Arc::new(move |_, _, client| {
            client.write_all(text.as_bytes()).unwrap();
            let _ = client.shutdown(std::net::Shutdown::Write);
            let _ = client.read(&mut [0; 1024]);
            true
        })
    };
    let ok = |body: &str| format!("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{body}");
    let away = "HTTP/1.1 302 Found\r\nLocation: ftp://x/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    let lies = format!(
        "HTTP/1.1 200 OK\r\nDocker-Content-Digest: sha256:{}\r\nConnection: close\r\n\r\n{{\"schemaVersion\":2}}",
        "0".repeat(64)
    );
    for (text, wanted) in [
        (ok("not json"), "unreadable"),
        (ok(r#"{"schemaVersion":1}"#), "schema 1"),
        (ok(&"x".repeat(5 << 20)), "larger than"),
        (away.to_owned(), "plain http"),
        (lies, "has digest"),
        (
            "HTTP/1.1 500 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".into(),
            "500",
        ),
    ] {
        let host = proxy("127.0.0.1:9".into(), answer(text));
        let error = pull(&machine, &format!("{host}/x:1")).await.unwrap_err();
        assert!(error.to_string().contains(wanted), "{wanted}: {error}");
    }
    // Never in clear text to anything but loopback: it answers nothing on https here.
    let error = pull(&machine, "192.0.2.1.invalid:80/x:1")
        .await
        .unwrap_err();
    assert!(matches!(problem(error), ImageProblem::Unreachable(_)));
}
