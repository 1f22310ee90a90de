//! One file over HTTP: redirects are followed by hand, and each call goes to exactly what the guard has judged.

use std::error::Error as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{ACCEPT, ACCEPT_ENCODING, LOCATION};
use reqwest::{Client, Response, StatusCode, Url};

use super::guard::{Guard, Target};
use crate::server::start::{Failure, blocking};

const MOST_REDIRECTS: usize = 5;
const CONNECTING: Duration = Duration::from_secs(15);
/// Until an answer begins.
const ANSWERING: Duration = Duration::from_secs(60);
/// Without a byte of it.
const SILENT: Duration = Duration::from_secs(30);

/// An answer whose body is still to come.
#[derive(Debug)]
pub struct Answer {
    /// Says 200.
    pub response: Response,
    /// Whose answer it is.
    pub last: Url,
}

impl Answer {
    /// Its length, where it says so.
    pub fn length(&self) -> Option<u64> {
        self.response.content_length()
    }

    /// What comes next of the body.
    /// # Errors
    /// `download_slow`, `download_cut`.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Failure> {
        let host = place(&self.last);
        self.response
            .chunk()
            .await
            .map_err(|e| match e.is_timeout() {
                true => Failure::new("download_slow", format!("{host} has fallen silent")),
                false => Failure::new(
                    "download_cut",
                    format!("{host} broke off before the end: {}", cause(&e)),
                ),
            })
    }
}

/// Asks for a file and follows where that leads.
/// # Errors
/// What the guard says; `download_redirects`, `download_status`, `download_unreachable`, `download_untrusted`.
pub async fn get(guard: &Guard, typed: &Url) -> Result<Answer, Failure> {
    let mut url = typed.clone();
    url.set_fragment(None);
    for _ in 0..=MOST_REDIRECTS {
        let response = one(guard.admit(&url).await?).await?;
        if let Some(next) = redirected(&response, &url)? {
            url = next;
            continue;
        }
        return match response.status() {
            StatusCode::OK => Ok(Answer {
                response,
                last: url,
            }),
            other => Err(status(&url, other)),
        };
    }
    let text = format!("it leads on and on: more than {MOST_REDIRECTS} redirects");
    Err(Failure::new("download_redirects", text))
}

fn redirected(response: &Response, url: &Url) -> Result<Option<Url>, Failure> {
    let code = response.status();
    if !matches!(code.as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let to = response.headers().get(LOCATION);
    let to = to.and_then(|to| std::str::from_utf8(to.as_bytes()).ok());
    let refuse = |text: &str| Failure::new("download_redirects", format!("{} {text}", place(url)));
    let to = to.ok_or_else(|| refuse("leads on without saying where to"))?;
    let mut next = url.join(to).map_err(|_| refuse("leads to no address"))?;
    next.set_fragment(None);
    if url.scheme() == "https" && next.scheme() != "https" {
        return Err(refuse(
            "leads from https to what anybody on the way could change",
        ));
    }
    Ok(Some(next))
}

fn status(url: &Url, code: StatusCode) -> Failure {
    let text = format!("{} answered {code}", place(url));
    Failure::new("download_status", text)
}

/// Knows one name, and of that one only what was judged.
struct Judged {
    name: String,
    at: Vec<SocketAddr>,
}

impl Resolve for Judged {
    fn resolve(&self, name: Name) -> Resolving {
        let known = name.as_str().eq_ignore_ascii_case(&self.name);
        let at = self.at.clone();
        Box::pin(async move {
            match known {
                true => Ok(Box::new(at.into_iter()) as Addrs),
                false => Err("nobody has judged this name".into()),
            }
        })
    }
}

/// For one call: it knows nobody but its target, and keeps no connection.
fn client(target: &Target) -> Result<Client, Failure> {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // Someone else being first is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
    }
    let judged = Judged {
        name: target.host.clone(),
        at: target.at.clone(),
    };
    Client::builder()
        .dns_resolver(Arc::new(judged))
        // A proxy of the environment would resolve the name anew, and from elsewhere.
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        // What is stored is what was sent, and as large as it said.
        .no_gzip()
        .http1_only()
        .pool_max_idle_per_host(0)
        .connect_timeout(CONNECTING)
        .read_timeout(SILENT)
        .user_agent(concat!("warren-agent/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|e| Failure::new("internal", e))
}

async fn one(target: Target) -> Result<Response, Failure> {
    let target = Arc::new(target);
    let of = target.clone();
    // It reads the machine's certificates.
    let client = blocking(move || client(&of)).await?;
    let asking = client
        .get(target.url.clone())
        .header(ACCEPT, "*/*")
        .header(ACCEPT_ENCODING, "identity")
        .send();
    let host = place(&target.url);
    let response = match tokio::time::timeout(ANSWERING, asking).await {
        Ok(answer) => answer.map_err(|e| unreached(&host, &e))?,
        Err(_) => {
            return Err(Failure::new(
                "download_slow",
                format!("{host} does not answer"),
            ));
        }
    };
    // That it can't be another one is what all this is for; a library may change its mind.
    let at = response.remote_addr().map(|at| at.ip());
    match at.is_some_and(|at| target.at.iter().any(|judged| judged.ip() == at)) {
        true => Ok(response),
        false => {
            let text = format!("{host} answered from another place than was asked");
            Err(Failure::new("download_refused", text))
        }
    }
}

fn unreached(host: &str, error: &reqwest::Error) -> Failure {
    let why = cause(error);
    match untrusted(error) {
        true => {
            let text = format!("{host} has no certificate that this node trusts: {why}");
            Failure::new("download_untrusted", text)
        }
        false => Failure::new("download_unreachable", format!("{host}: {why}")),
    }
}

/// Whether TLS had something against them, however deep it is wrapped: an I/O error names what it carries not as its
/// source.
fn untrusted(error: &(dyn std::error::Error + 'static)) -> bool {
    if let Some(said) = error.downcast_ref::<rustls::Error>() {
        return matches!(said, rustls::Error::InvalidCertificate(_));
    }
    let carried = error
        .downcast_ref::<std::io::Error>()
        .and_then(|e| e.get_ref());
    carried.is_some_and(|e| untrusted(e)) || error.source().is_some_and(untrusted)
}

/// The innermost words, which name no address: what is behind `?` may be worth a password.
fn cause(error: &reqwest::Error) -> String {
    let mut found: &dyn std::error::Error = error;
    while let Some(next) = found.source() {
        found = next;
    }
    match error.source() {
        Some(_) => found.to_string(),
        None => "no answer".to_owned(),
    }
}

/// Who it is, without what is secret of an address.
pub fn place(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

#[cfg(test)]
pub(super) mod tests {
    #![allow(clippy::unwrap_used)]
    use std::collections::HashMap;
    use std::io::{self, Read as _, Write as _};
    use std::net::{IpAddr, TcpListener, TcpStream};
    use std::pin::Pin;

    use parking_lot::Mutex;

    use super::*;
    use crate::fetch::guard::Resolve;

    /// Answers by a script, the last answer for ever.
    pub struct Script {
        answers: HashMap<String, Vec<Vec<IpAddr>>>,
        asked: Mutex<HashMap<String, usize>>,
    }

    impl Script {
        pub fn of<const N: usize>(names: [(&str, &[&str]); N]) -> Arc<Self> {
            let one = names.map(|(name, addresses)| (name, vec![addresses]));
            Self::changing(one)
        }

        pub fn changing<const N: usize>(names: [(&str, Vec<&[&str]>); N]) -> Arc<Self> {
            let answers = names.into_iter().map(|(name, answers)| {
                let read = |all: &[&str]| -> Vec<IpAddr> {
                    all.iter().map(|a| a.parse().unwrap()).collect()
                };
                (name.to_owned(), answers.into_iter().map(read).collect())
            });
            Arc::new(Self {
                answers: answers.collect(),
                asked: Mutex::default(),
            })
        }

        pub fn asked(&self, name: &str) -> usize {
            self.asked.lock().get(name).copied().unwrap_or_default()
        }
    }

    impl Resolve for Script {
        fn addresses<'a>(
            &'a self,
            name: &'a str,
        ) -> Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send + 'a>> {
            let mut asked = self.asked.lock();
            let nth = asked.entry(name.to_owned()).or_default();
            *nth += 1;
            let known = self.answers.get(name);
            let answer = known.and_then(|all| all.get(*nth - 1).or(all.last()).cloned());
            Box::pin(async move { answer.ok_or_else(|| io::ErrorKind::NotFound.into()) })
        }
    }

    /// A web server on an address of loopback: the head of its answer to a path.
    pub struct Web {
        pub port: u16,
        seen: Arc<Mutex<Vec<String>>>,
    }

    impl Web {
        pub fn on(ip: &str, answer: impl Fn(&str) -> String + Send + 'static) -> Self {
            let listener = TcpListener::bind((ip, 0)).unwrap();
            let port = listener.local_addr().unwrap().port();
            let seen = Arc::<Mutex<Vec<String>>>::default();
            let noted = seen.clone();
            // Ends with the tests' process.
            std::thread::spawn(move || {
                for stream in listener.incoming().flatten() {
                    let asked = request(&stream);
                    let path = asked.split(' ').nth(1).unwrap_or_default().to_owned();
                    noted.lock().push(asked);
                    let _ = (&stream).write_all(answer(&path).as_bytes());
                }
            });
            Self { port, seen }
        }

        pub fn seen(&self) -> Vec<String> {
            self.seen.lock().clone()
        }
    }

    fn request(mut stream: &TcpStream) -> String {
        let mut all = Vec::new();
        let mut bytes = [0; 1024];
        while !all.windows(4).any(|w| w == b"\r\n\r\n") {
            match stream.read(&mut bytes) {
                Ok(n) if n > 0 => all.extend_from_slice(&bytes[..n]),
                _ => break,
            }
        }
        String::from_utf8_lossy(&all).into_owned()
    }

    fn ok(body: &str) -> String {
        format!(
            "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
            body.len()
        )
    }

    fn to(location: &str) -> String {
        format!(
            "HTTP/1.1 302 Found\r\nlocation: {location}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        )
    }

    /// Lets calls to 127.0.0.1 alone, which stands for the internet here.
    fn guard(script: Arc<Script>) -> Guard {
        Guard::resolving(vec!["127.0.0.1/32".parse().unwrap()], script)
    }

    async fn fetched(guard: &Guard, url: &str) -> Result<String, String> {
        let url = Url::parse(url).unwrap();
        let mut answer = get(guard, &url).await.map_err(|f| f.code)?;
        let mut body = Vec::new();
        while let Some(part) = answer.next().await.map_err(|f| f.code)? {
            body.extend_from_slice(&part);
        }
        Ok(String::from_utf8(body).unwrap())
    }

    #[tokio::test]
    async fn it_connects_to_what_was_judged_and_asks_for_a_name_once() {
        let script = Script::changing([(
            "rebind.example",
            vec![&["127.0.0.1"][..], &["127.0.0.2"][..]],
        )]);
        let web = Web::on("127.0.0.1", |path| match path {
            "/again" => to("/plain"),
            _ => ok("body"),
        });
        let guard = guard(script.clone());
        let url = format!("http://rebind.example:{}", web.port);
        assert_eq!(
            fetched(&guard, &format!("{url}/plain#x")).await.unwrap(),
            "body"
        );
        assert_eq!(script.asked("rebind.example"), 1);
        let seen = web.seen();
        let host = format!("host: rebind.example:{}", web.port);
        assert!(seen[0].starts_with("GET /plain HTTP/1.1"), "{seen:?}");
        assert!(seen[0].contains(&host), "{seen:?}");
        assert!(!seen[0].to_lowercase().contains("gzip"), "{seen:?}");
        // From now on the name leads inside.
        let again = fetched(&guard, &format!("{url}/plain")).await;
        assert_eq!(again.unwrap_err(), "download_refused");
        assert_eq!((script.asked("rebind.example"), web.seen().len()), (2, 1));
    }

    #[tokio::test]
    async fn a_name_that_turns_inside_between_two_redirects_is_refused() {
        let script = Script::changing([(
            "rebind.example",
            vec![&["127.0.0.1"][..], &["127.0.0.2"][..]],
        )]);
        let web = Web::on("127.0.0.1", |_| to("/next"));
        let url = format!("http://rebind.example:{}/", web.port);
        let refused = fetched(&guard(script.clone()), &url).await;
        assert_eq!(refused.unwrap_err(), "download_refused");
        assert_eq!((script.asked("rebind.example"), web.seen().len()), (2, 1));
    }

    #[tokio::test]
    async fn redirects_are_judged_as_what_was_typed() {
        let inside = Web::on("127.0.0.2", |_| ok("secret"));
        let port = inside.port;
        let closed = TcpListener::bind("127.0.0.1:0").unwrap();
        let nobody = closed.local_addr().unwrap().port();
        drop(closed);
        let web = Web::on("127.0.0.1", move |path| match path {
            "/one" => to("/two"),
            "/two" => to(&format!("//127.0.0.1:{nobody}/")),
            "/v4" => to(&format!("http://127.0.0.2:{port}/")),
            "/number" => to(&format!("http://2130706434:{port}/")),
            "/octal" => to(&format!("http://0177.0.0.2:{port}/")),
            "/hex" => to(&format!("http://0x7f.2:{port}/")),
            "/mapped" => to(&format!("http://[::ffff:127.0.0.2]:{port}/")),
            "/nat64" => to(&format!("http://[64:ff9b::7f00:2]:{port}/")),
            "/name" => to(&format!("http://inside.example:{port}/")),
            "/mixed" => to(&format!("http://mixed.example:{port}/")),
            "/chain" => to("/v4"),
            "/metadata" => to("http://169.254.169.254/latest/meta-data/"),
            "/user" => to(&format!("http://me:pw@127.0.0.1:{port}/")),
            "/file" => to("file:///etc/passwd"),
            "/gopher" => to("gopher://127.0.0.1:70/"),
            "/port" => to("http://127.0.0.1:22/"),
            "/nowhere" => {
                "HTTP/1.1 302 Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".into()
            }
            "/odd" => to("http://[/"),
            "/loop" => to("/loop"),
            path => match path
                .strip_prefix("/count/")
                .and_then(|n| n.parse::<u8>().ok())
            {
                Some(0) => ok("end"),
                Some(n) => to(&format!("/count/{}", n - 1)),
                None => "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
                    .into(),
            },
        });
        let script = Script::of([
            ("inside.example", &["127.0.0.2"][..]),
            ("mixed.example", &["127.0.0.1", "127.0.0.2"][..]),
        ]);
        let guard = guard(script);
        let at = |path: &str| format!("http://127.0.0.1:{}{path}", web.port);
        for path in [
            "/v4",
            "/number",
            "/octal",
            "/hex",
            "/mapped",
            "/nat64",
            "/name",
            "/mixed",
            "/chain",
            "/metadata",
        ] {
            let said = fetched(&guard, &at(path)).await;
            assert_eq!(said.unwrap_err(), "download_refused", "{path}");
        }
        for (path, code) in [
            ("/user", "download_address"),
            ("/file", "download_address"),
            ("/gopher", "download_address"),
            ("/port", "download_address"),
            ("/nowhere", "download_redirects"),
            ("/odd", "download_redirects"),
            ("/loop", "download_redirects"),
            ("/count/6", "download_redirects"),
            ("/none", "download_status"),
            ("/one", "download_unreachable"),
        ] {
            assert_eq!(
                fetched(&guard, &at(path)).await.unwrap_err(),
                code,
                "{path}"
            );
        }
        assert_eq!(fetched(&guard, &at("/count/5")).await.unwrap(), "end");
        assert_eq!(inside.seen(), Vec::<String>::new());
    }

    #[tokio::test]
    async fn who_can_not_prove_who_they_are_is_not_listened_to() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let made = rcgen::generate_simple_self_signed(["web.example".to_owned()]).unwrap();
        let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der());
        let config = rustls::ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key.unwrap())
            .unwrap();
        let config = Arc::new(config);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let tls = rustls::ServerConnection::new(config.clone()).unwrap();
                let mut stream = rustls::StreamOwned::new(tls, stream);
                let _ = stream.read(&mut [0; 1024]);
            }
        });
        let guard = guard(Script::of([("web.example", &["127.0.0.1"][..])]));
        let said = fetched(&guard, &format!("https://web.example:{port}/x")).await;
        assert_eq!(said.unwrap_err(), "download_untrusted");
        // One that speaks no TLS at all.
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let _ = stream.write_all(ok("body").as_bytes());
                let _ = stream.read(&mut [0; 1024]);
            }
        });
        let said = fetched(&guard, &format!("https://web.example:{port}/x")).await;
        assert_eq!(said.unwrap_err(), "download_unreachable");
    }

    #[test]
    fn nothing_of_an_address_but_its_host_is_told() {
        let url = Url::parse("https://a.example:8443/secret?token=1#x").unwrap();
        assert_eq!(place(&url), "a.example:8443");
    }
}
