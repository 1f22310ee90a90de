//! What a person reads on the terminal.

use std::path::Path;
use std::time::Instant;

use serde::{Deserialize, Serialize};

/// Numbered steps, each one line with its time.
#[derive(Debug)]
pub struct Steps {
    done: u32,
    all: u32,
    current: Option<(String, Instant)>,
}

impl Steps {
    /// Goes on after the `done` of `all` that others have printed; `text` reads `3/9`.
    #[must_use]
    pub fn after(text: &str) -> Self {
        let (done, all) = text.split_once('/').unwrap_or(("0", "0"));
        let number = |text: &str| text.parse().unwrap_or(0);
        Self {
            done: number(done),
            all: number(all),
            current: None,
        }
    }

    /// Begins a step.
    pub fn begin(&mut self, title: &str) {
        self.done += 1;
        self.all = self.all.max(self.done);
        self.current = Some((title.to_owned(), Instant::now()));
    }

    /// Ends it with a word on how it went.
    pub fn end(&mut self, result: &str) {
        if let Some((title, since)) = self.current.take() {
            let took = since.elapsed().as_secs_f32();
            println!(
                "[{}/{}] {title}  {result} in {took:.1}s",
                self.done, self.all
            );
        }
    }
}

/// All that is said once everything runs; kept in `run/ready.json` for the next call.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Ready {
    /// Address of the web app.
    pub url: String,
    /// Port of the web app.
    pub port: u16,
    /// Listens on all addresses.
    pub public: bool,
    /// SHA-256 of the certificate, where there is one.
    pub fingerprint: Option<String>,
    /// The registry of the demo runs too.
    pub registry: Option<u16>,
}

/// How the first admin gets in, as kept in `admin.json`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Admin {
    /// Address of the web app.
    pub url: String,
    /// Log-in name.
    pub user: String,
    /// Sets the first password, once; none when somebody has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
}

/// Prints how to get in. A link that was made at this start is shown; of an older one nobody knows whether it is good.
pub fn ready(ready: &Ready, data: &Path, admin: Option<&Admin>, started: bool) {
    println!("\nWarren is ready.\n");
    println!("  Open       {}", ready.url);
    match admin {
        Some(Admin {
            user,
            link: Some(link),
            ..
        }) if started => {
            println!("  Set up     {link}");
            println!("             (works once, within a week: choose the password of {user})");
        }
        Some(Admin {
            user,
            link: Some(_),
            ..
        }) => println!(
            "  Log in     {user} (if nobody has set a password yet, the link for it is in {})",
            data.join("admin.json").display()
        ),
        Some(admin) => println!("  Log in     {}", admin.user),
        None => {}
    }
    if let Some(fingerprint) = &ready.fingerprint {
        println!("  Certificate, self-signed, SHA-256 fingerprint:\n             {fingerprint}");
    }
    if !ready.public {
        let (user, host) = (user(), host());
        println!(
            "  From afar  ssh -L {0}:127.0.0.1:{0} {user}@{host}",
            ready.port
        );
    }
    println!("  Logs       {}", data.join("log").display());
}

/// The name by which the person logged in to this machine.
fn user() -> String {
    let names = ["SUDO_USER", "USER", "LOGNAME"];
    names
        .iter()
        .find_map(|name| std::env::var(name).ok())
        .unwrap_or_else(|| "root".into())
}

fn host() -> String {
    let name = nix::unistd::gethostname()
        .ok()
        .and_then(|name| name.into_string().ok());
    name.unwrap_or_else(|| "this-machine".into())
}
