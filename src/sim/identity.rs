//! Keys of simulated nodes: real ones, so that strict parsers take them, and the same for the same seed.

use std::fmt::Write;

use libp2p_identity::{Keypair, PublicKey, secp256k1};
use rand::{Rng, rngs::StdRng};

/// One secp256k1 key as both networks write it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    /// The libp2p peer id, base58 (`16Uiu2HA…`).
    pub(crate) peer_id: String,
    /// The public key of an enode, 128 lower-case hex digits.
    pub(crate) public_key: String,
    secret: [u8; 32],
}

impl Identity {
    /// The next one that the random numbers give.
    pub(crate) fn generate(random: &mut StdRng) -> Self {
        loop {
            let mut bytes = [0_u8; 32];
            random.fill_bytes(&mut bytes);
            // A few values out of 2^256 are no keys.
            let Ok(secret) = secp256k1::SecretKey::try_from_bytes(&mut bytes.clone()) else {
                continue;
            };
            let public = secp256k1::Keypair::from(secret).public().clone();
            // The first of the 65 bytes only says "uncompressed".
            let point = public.to_bytes_uncompressed();
            let public_key = point[1..].iter().fold(String::new(), |mut hex, byte| {
                let _ = write!(hex, "{byte:02x}");
                hex
            });
            return Self {
                secret: bytes,
                peer_id: PublicKey::from(public).to_peer_id().to_base58(),
                public_key,
            };
        }
    }

    /// Both halves of the key.
    pub(crate) fn keypair(&self) -> Keypair {
        let mut secret = self.secret;
        let secret = secp256k1::SecretKey::try_from_bytes(&mut secret);
        secp256k1::Keypair::from(secret.expect("it was one before")).into()
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_valid_keys() {
        let mut random = StdRng::seed_from_u64(7);
        let first = Identity::generate(&mut random);
        let second = Identity::generate(&mut random);
        assert_ne!(first, second);
        assert_eq!(first, Identity::generate(&mut StdRng::seed_from_u64(7)));
        assert!(first.peer_id.starts_with("16Uiu2HA"), "{}", first.peer_id);
        assert!(first.peer_id.parse::<libp2p_identity::PeerId>().is_ok());
        assert_eq!(first.public_key.len(), 128);
        let peer_id = first.keypair().public().to_peer_id();
        assert_eq!(peer_id.to_base58(), first.peer_id);
    }
}
