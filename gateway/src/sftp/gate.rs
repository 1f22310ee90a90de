//! Log-in by asking control.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::sleep;
use warren_proto::bus::CallError;
use warren_proto::subjects::{self, gate};
use warren_proto::wire::{Accepted, LoggedIn, Login, SshKey, SshProof, login};

use super::seat::Seat;
use crate::edge::Edge;
use crate::ssh::auth::{Denied, Gatekeeper, Proof};

/// Control hashes passwords one after the other, and says so when it has too many.
const WITHIN: Duration = Duration::from_secs(12);
/// A ticket from the very second of a revocation is taken for one from before it.
const SAME_SECOND: Duration = Duration::from_millis(1300);

pub struct Door {
    pub edge: Arc<Edge>,
    pub address: IpAddr,
    pub client: String,
}

impl Door {
    async fn ask<M: prost::Message + Default>(
        &self,
        login: &str,
        proof: login::Proof,
    ) -> Result<M, CallError> {
        let ask = Login {
            login: login.into(),
            address: self.address.to_string(),
            client: self.client.clone(),
            proof: Some(proof),
        };
        let subject = subjects::gate_ask(gate::LOGIN);
        self.edge
            .bus
            .call(subject, gate::LOGIN, None, &ask, WITHIN)
            .await
    }

    fn refused(&self, error: CallError) -> Denied {
        self.edge.metrics.sftp_refused.add(1);
        let why = match error {
            CallError::Failed { code, .. } if code == "bad_credentials" => None,
            CallError::Failed { message, .. } => Some(message),
            CallError::Bus(_) | CallError::Refused(_) => {
                Some("the panel can't be reached at this moment; try again".into())
            }
        };
        Denied { why }
    }
}

impl Gatekeeper for Door {
    type Entry = Arc<Seat>;

    async fn offered(&self, login: &str, algorithm: &str, blob: &Bytes) -> bool {
        let key = SshKey {
            algorithm: algorithm.into(),
            blob: blob.clone(),
        };
        let answer: Result<Accepted, _> = self.ask(login, login::Proof::Offer(key)).await;
        answer.is_ok()
    }

    async fn enter(&self, login: &str, proof: Proof) -> Result<Arc<Seat>, Denied> {
        let proof = match proof {
            Proof::Password(text) => login::Proof::Password(text),
            Proof::Key {
                algorithm,
                blob,
                session,
                signature,
            } => login::Proof::Key(SshProof {
                key: Some(SshKey { algorithm, blob }),
                session: session.to_vec().into(),
                signature,
            }),
        };
        let entered: LoggedIn = self
            .ask(login, proof)
            .await
            .map_err(|error| self.refused(error))?;
        let mut ticket = self.edge.check(&entered.ticket);
        if ticket.is_err() {
            // Its keys may be new to us, or its holder's rights changed a moment ago.
            sleep(SAME_SECOND).await;
            ticket = self.edge.check(&entered.ticket);
        }
        let seat = ticket
            .ok()
            .and_then(|ticket| Seat::new(self.edge.clone(), entered.ticket, ticket));
        seat.ok_or_else(|| Denied {
            why: Some("your rights have just changed; log in again".into()),
        })
    }
}
