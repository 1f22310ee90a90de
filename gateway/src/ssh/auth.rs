//! Log-in (RFC 4252). Nothing is decided here: passwords and signatures go to control.

use bytes::{BufMut, Bytes};

use super::transport::{Error, Transport};
use super::wire::{Put, Reader};
use super::{msg, reason};

/// Signatures that control checks; none with SHA-1.
pub const SIGNATURES: [&str; 7] = [
    "ssh-ed25519",
    "sk-ssh-ed25519@openssh.com",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "sk-ecdsa-sha2-nistp256@openssh.com",
    "rsa-sha2-512",
    "rsa-sha2-256",
];
const METHODS: &[u8] = b"publickey,password";
/// Wrong proofs of one connection.
const MAX_WRONG: usize = 6;
/// Keys that a client only asks about: an agent may hold many.
const MAX_OFFERS: usize = 20;
/// Messages before the log-in; nobody who means to log in has so much to say.
const MAX_MESSAGES: usize = 100;
const MAX_LOGIN: usize = 320;
const MAX_PASSWORD: usize = 1024;

/// What a client shows.
pub enum Proof {
    Password(String),
    Key {
        algorithm: String,
        blob: Bytes,
        session: [u8; 32],
        signature: Bytes,
    },
}

/// Not let in.
pub struct Denied {
    /// For the person, where there is more to say than "wrong".
    pub why: Option<String>,
}

/// Who decides.
pub trait Gatekeeper {
    /// What an entry gives.
    type Entry;

    /// Whether such a key would do.
    fn offered(
        &self,
        login: &str,
        algorithm: &str,
        blob: &Bytes,
    ) -> impl Future<Output = bool> + Send;

    /// Whether this proves it.
    fn enter(
        &self,
        login: &str,
        proof: Proof,
    ) -> impl Future<Output = Result<Self::Entry, Denied>> + Send;
}

enum Method {
    Other,
    Offer(String, Bytes),
    Proof(Proof),
}

fn read(request: &mut Reader, session: [u8; 32]) -> Result<(String, Method), Error> {
    let login = request.text()?;
    let service = request.text()?;
    let method = request.text()?;
    if login.len() > MAX_LOGIN || service != "ssh-connection" {
        return Err(Error::Protocol("no such service"));
    }
    let method = match method.as_str() {
        "password" => {
            let changes = request.bool()?;
            let password = request.text()?;
            match changes || password.len() > MAX_PASSWORD {
                true => Method::Other,
                false => Method::Proof(Proof::Password(password)),
            }
        }
        "publickey" => {
            let signed = request.bool()?;
            let (algorithm, blob) = (request.text()?, request.bytes()?);
            let taken = SIGNATURES.contains(&algorithm.as_str());
            match (taken, signed) {
                (false, _) => Method::Other,
                (true, false) => Method::Offer(algorithm, blob),
                (true, true) => {
                    let signature = request.bytes()?;
                    request.end()?;
                    Method::Proof(Proof::Key {
                        algorithm,
                        blob,
                        session,
                        signature,
                    })
                }
            }
        }
        _ => Method::Other,
    };
    Ok((login, method))
}

/// Lets somebody in, or ends the connection. The caller sets a deadline.
/// # Errors
/// [`Error`].
pub async fn authenticate<G: Gatekeeper>(
    transport: &mut Transport,
    gate: &G,
) -> Result<G::Entry, Error> {
    let mut wrong = 0;
    let mut offers = 0;
    let mut asked = false;
    for _ in 0..MAX_MESSAGES {
        let message = transport.receive().await?;
        let mut reader = Reader(message.clone());
        match reader.u8()? {
            msg::SERVICE_REQUEST => {
                if reader.text()? != "ssh-userauth" {
                    transport
                        .disconnect(reason::SERVICE_NOT_AVAILABLE, "no such service")
                        .await;
                    return Err(Error::Gone);
                }
                asked = true;
                transport.send(|out| {
                    out.put_u8(msg::SERVICE_ACCEPT);
                    out.string(b"ssh-userauth");
                })?;
            }
            msg::USERAUTH_REQUEST if asked => {
                let (login, method) = read(&mut reader, transport.session())?;
                match method {
                    Method::Other => {}
                    Method::Offer(algorithm, blob) => {
                        offers += 1;
                        if offers <= MAX_OFFERS && gate.offered(&login, &algorithm, &blob).await {
                            transport.send(|out| {
                                out.put_u8(msg::USERAUTH_PK_OK);
                                out.string(algorithm.as_bytes());
                                out.string(&blob);
                            })?;
                            continue;
                        }
                    }
                    Method::Proof(proof) => match gate.enter(&login, proof).await {
                        Ok(entry) => {
                            transport.send(|out| out.put_u8(msg::USERAUTH_SUCCESS))?;
                            transport.may_rekey = true;
                            return Ok(entry);
                        }
                        Err(denied) => {
                            wrong += 1;
                            if let Some(why) = denied.why {
                                banner(transport, &why)?;
                            }
                        }
                    },
                }
                if wrong >= MAX_WRONG || offers > MAX_OFFERS {
                    let text = "too many failed log-ins";
                    transport
                        .disconnect(reason::NO_MORE_AUTH_METHODS, text)
                        .await;
                    return Err(Error::Gone);
                }
                transport.send(|out| {
                    out.put_u8(msg::USERAUTH_FAILURE);
                    out.string(METHODS);
                    out.put_u8(0);
                })?;
            }
            _ => return Err(Error::Protocol("a message before the log-in")),
        }
    }
    Err(Error::Protocol("too many messages before the log-in"))
}

/// Something for the person to read.
fn banner(transport: &mut Transport, text: &str) -> Result<(), Error> {
    transport.send(|out| {
        out.put_u8(msg::USERAUTH_BANNER);
        out.string(format!("{text}\r\n").as_bytes());
        out.string(b"en");
    })
}
