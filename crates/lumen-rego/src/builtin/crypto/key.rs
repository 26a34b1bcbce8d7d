//! Public and private keys, and what is signed with them.

use p256::ecdsa::signature::hazmat::{PrehashVerifier, RandomizedPrehashSigner};
use rsa::BoxedUint;
use rsa::traits::SignatureScheme;
use rsa::{Pkcs1v15Sign, Pss};
use sha2::{Sha256, Sha384, Sha512};

use super::digest::Hash;
use crate::builtin::{Budget, Failure};

/// The curves that Go knows by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::builtin) enum Curve {
    /// Known, and its keys are shown; nothing is verified with them.
    P224,
    P256,
    P384,
    P521,
}

impl Curve {
    /// Bytes of a coordinate.
    pub(in crate::builtin) const fn bytes(self) -> usize {
        match self {
            Self::P224 => 28,
            Self::P256 => 32,
            Self::P384 => 48,
            Self::P521 => 66,
        }
    }

    /// Its name in a JWK.
    pub(in crate::builtin) const fn name(self) -> &'static str {
        match self {
            Self::P224 => "P-224",
            Self::P256 => "P-256",
            Self::P384 => "P-384",
            Self::P521 => "P-521",
        }
    }

    /// The curve of an object identifier.
    pub(in crate::builtin) fn of(oid: &[u32]) -> Option<Self> {
        match oid {
            [1, 3, 132, 0, 33] => Some(Self::P224),
            [1, 2, 840, 10045, 3, 1, 7] => Some(Self::P256),
            [1, 3, 132, 0, 34] => Some(Self::P384),
            [1, 3, 132, 0, 35] => Some(Self::P521),
            _ => None,
        }
    }

    /// Whether an uncompressed point is on the curve.
    pub(in crate::builtin) fn has(self, point: &[u8]) -> bool {
        if point.first() != Some(&4) || point.len() != 1 + 2 * self.bytes() {
            return false;
        }
        match self {
            Self::P224 => true,
            Self::P256 => p256::ecdsa::VerifyingKey::from_sec1_bytes(point).is_ok(),
            Self::P384 => p384::ecdsa::VerifyingKey::from_sec1_bytes(point).is_ok(),
            Self::P521 => p521::ecdsa::VerifyingKey::from_sec1_bytes(point).is_ok(),
        }
    }

    /// The uncompressed point of a private key; `None` where the key is out of range.
    pub(in crate::builtin) fn point(self, private: &[u8]) -> Option<Vec<u8>> {
        Some(match self {
            Self::P224 => return None,
            Self::P256 => {
                let key = p256::ecdsa::SigningKey::from_slice(private).ok()?;
                key.verifying_key().to_sec1_point(false).as_bytes().to_vec()
            }
            Self::P384 => {
                let key = p384::ecdsa::SigningKey::from_slice(private).ok()?;
                key.verifying_key().to_sec1_point(false).as_bytes().to_vec()
            }
            Self::P521 => {
                let key = p521::ecdsa::SigningKey::from_slice(private).ok()?;
                key.verifying_key().to_sec1_point(false).as_bytes().to_vec()
            }
        })
    }
}

/// A public key. Numbers are big-endian without zeros in front.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::builtin) enum PublicKey {
    Rsa {
        modulus: Vec<u8>,
        exponent: u64,
    },
    /// An uncompressed point.
    Ec {
        curve: Curve,
        point: Vec<u8>,
    },
    Ed25519([u8; 32]),
    X25519,
    /// `P`, `Q`, `G`, `Y`.
    Dsa([Vec<u8>; 4]),
}

/// A private key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::builtin) enum PrivateKey {
    Rsa(RsaNumbers),
    Ec { curve: Curve, secret: Vec<u8>, point: Vec<u8> },
    Ed25519 { seed: [u8; 32], public: [u8; 32] },
    X25519 { secret: [u8; 32] },
}

/// The numbers of an RSA key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::builtin) struct RsaNumbers {
    pub(in crate::builtin) modulus: Vec<u8>,
    pub(in crate::builtin) exponent: u64,
    pub(in crate::builtin) secret: Vec<u8>,
    pub(in crate::builtin) primes: [Vec<u8>; 2],
    /// `d mod p-1`, `d mod q-1`, `1/q mod p`.
    pub(in crate::builtin) remainders: [Vec<u8>; 3],
}

/// Without zeros in front.
pub(in crate::builtin) fn trim(bytes: &[u8]) -> &[u8] {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    bytes.get(zeros..).unwrap_or_default()
}

/// With zeros in front, up to a length.
pub(in crate::builtin) fn pad(bytes: &[u8], length: usize) -> Option<Vec<u8>> {
    let bytes = trim(bytes);
    let mut out = vec![0; length.checked_sub(bytes.len())?];
    out.extend_from_slice(bytes);
    Some(out)
}

fn number(bytes: &[u8]) -> BoxedUint {
    BoxedUint::from_be_slice_vartime(bytes)
}

/// Bits of the largest modulus that is computed with.
const MODULUS_BYTES_MAX: usize = 1024;

/// How an RSA signature is padded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::builtin) enum Padding {
    Pkcs1,
    /// With a salt of the digest's length, or of any.
    Pss {
        any_salt: bool,
    },
}

fn pkcs1(hash: Hash) -> Pkcs1v15Sign {
    Pkcs1v15Sign { hash_len: Some(hash.len()), prefix: hash.prefix().into() }
}

/// What asking for a signature costs: about as much as so many steps.
fn charge(budget: &mut Budget, key: &PublicKey, signing: bool) -> Result<(), Failure> {
    let steps = match key {
        PublicKey::Rsa { modulus, .. } => {
            let bytes = modulus.len() as u64;
            bytes * bytes / if signing { 1 } else { 16 }
        }
        PublicKey::Ec { curve: Curve::P521, .. } => 20_000,
        _ => 5_000,
    };
    budget.steps(steps)
}

/// Whether an RSA signature is good.
pub(in crate::builtin) fn verify_rsa(
    budget: &mut Budget,
    key: &PublicKey,
    hash: Hash,
    padding: Padding,
    digest: &[u8],
    signature: &[u8],
) -> Result<bool, Failure> {
    let PublicKey::Rsa { modulus, exponent } = key else { return Ok(false) };
    if modulus.len() > MODULUS_BYTES_MAX {
        return Ok(false);
    }
    charge(budget, key, false)?;
    let Ok(key) = rsa::PublicKey::new(number(modulus), BoxedUint::from(*exponent)) else { return Ok(false) };
    Ok(match padding {
        Padding::Pkcs1 => key.verify(pkcs1(hash), digest, signature).is_ok(),
        Padding::Pss { any_salt } => {
            macro_rules! pss {
                ($digest:ty) => {{
                    let mut scheme = Pss::<$digest>::new();
                    if any_salt {
                        scheme.salt_len = None;
                    }
                    key.verify(scheme, digest, signature).is_ok()
                }};
            }
            match hash {
                Hash::Sha256 => pss!(Sha256),
                Hash::Sha384 => pss!(Sha384),
                Hash::Sha512 => pss!(Sha512),
                Hash::Md5 | Hash::Sha1 => false,
            }
        }
    })
}

/// Whether an ECDSA signature is good. `r` and `s` may have zeros in front.
pub(in crate::builtin) fn verify_ec(
    budget: &mut Budget,
    key: &PublicKey,
    digest: &[u8],
    r: &[u8],
    s: &[u8],
) -> Result<bool, Failure> {
    let PublicKey::Ec { curve, point } = key else { return Ok(false) };
    charge(budget, key, false)?;
    let (Some(r), Some(s)) = (pad(r, curve.bytes()), pad(s, curve.bytes())) else { return Ok(false) };
    let signature = [r, s].concat();
    macro_rules! verify {
        ($curve:ident) => {{
            let key = $curve::ecdsa::VerifyingKey::from_sec1_bytes(point);
            let signature = $curve::ecdsa::Signature::from_slice(&signature);
            match (key, signature) {
                (Ok(key), Ok(signature)) => key.verify_prehash(digest, &signature).is_ok(),
                _ => false,
            }
        }};
    }
    Ok(match curve {
        Curve::P224 => false,
        Curve::P256 => verify!(p256),
        Curve::P384 => verify!(p384),
        Curve::P521 => verify!(p521),
    })
}

/// Whether an Ed25519 signature is good.
pub(in crate::builtin) fn verify_ed25519(
    budget: &mut Budget,
    key: &PublicKey,
    message: &[u8],
    signature: &[u8],
) -> Result<bool, Failure> {
    use ed25519_dalek::Verifier;
    let PublicKey::Ed25519(bytes) = key else { return Ok(false) };
    charge(budget, key, false)?;
    budget.steps(message.len() as u64 / 16)?;
    let key = ed25519_dalek::VerifyingKey::from_bytes(bytes);
    let signature = ed25519_dalek::Signature::from_slice(signature);
    Ok(matches!((key, signature), (Ok(key), Ok(signature)) if key.verify(message, &signature).is_ok()))
}

/// Random bytes from a function that gives 64 bits a call.
pub(in crate::builtin) struct Random<'a>(pub(in crate::builtin) &'a mut dyn FnMut() -> u64);

impl rsa::rand_core::TryRng for Random<'_> {
    type Error = std::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        Ok(u32::try_from((self.0)() >> 32).unwrap_or_default())
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        Ok((self.0)())
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Self::Error> {
        for chunk in out.chunks_mut(8) {
            let bytes = (self.0)().to_le_bytes();
            for (slot, byte) in chunk.iter_mut().zip(bytes) {
                *slot = byte;
            }
        }
        Ok(())
    }
}

impl rsa::rand_core::TryCryptoRng for Random<'_> {}

impl PrivateKey {
    /// The public key that belongs to it.
    pub(in crate::builtin) fn public(&self) -> PublicKey {
        match self {
            Self::Rsa(numbers) => {
                PublicKey::Rsa { modulus: numbers.modulus.clone(), exponent: numbers.exponent }
            }
            Self::Ec { curve, point, .. } => PublicKey::Ec { curve: *curve, point: point.clone() },
            Self::Ed25519 { public, .. } => PublicKey::Ed25519(*public),
            Self::X25519 { .. } => PublicKey::X25519,
        }
    }

    /// An RSA signature; `None` where the key does not allow it.
    pub(in crate::builtin) fn sign_rsa(
        &self,
        budget: &mut Budget,
        random: &mut dyn FnMut() -> u64,
        hash: Hash,
        padding: Padding,
        digest: &[u8],
    ) -> Result<Option<Vec<u8>>, Failure> {
        let Self::Rsa(numbers) = self else { return Ok(None) };
        if numbers.modulus.len() > MODULUS_BYTES_MAX {
            return Ok(None);
        }
        charge(budget, &self.public(), true)?;
        let Some(key) = numbers.key() else { return Ok(None) };
        let random = &mut Random(random);
        let signed = match (padding, hash) {
            (Padding::Pkcs1, _) => pkcs1(hash).sign(Some(random), &key, digest),
            (Padding::Pss { .. }, Hash::Sha256) => Pss::<Sha256>::new().sign(Some(random), &key, digest),
            (Padding::Pss { .. }, Hash::Sha384) => Pss::<Sha384>::new().sign(Some(random), &key, digest),
            (Padding::Pss { .. }, Hash::Sha512) => Pss::<Sha512>::new().sign(Some(random), &key, digest),
            (Padding::Pss { .. }, Hash::Md5 | Hash::Sha1) => return Ok(None),
        };
        Ok(signed.ok())
    }

    /// An ECDSA signature, `r` and `s` one after the other.
    pub(in crate::builtin) fn sign_ec(
        &self,
        budget: &mut Budget,
        random: &mut dyn FnMut() -> u64,
        digest: &[u8],
    ) -> Result<Option<Vec<u8>>, Failure> {
        let Self::Ec { curve, secret, .. } = self else { return Ok(None) };
        charge(budget, &self.public(), true)?;
        let random = &mut Random(random);
        macro_rules! sign {
            ($curve:ident) => {{
                let Ok(key) = $curve::ecdsa::SigningKey::from_slice(secret) else { return Ok(None) };
                let signed: Result<$curve::ecdsa::Signature, _> = key.sign_prehash_with_rng(random, digest);
                signed.ok().map(|signature| signature.to_bytes().to_vec())
            }};
        }
        Ok(match curve {
            Curve::P224 => None,
            Curve::P256 => sign!(p256),
            Curve::P384 => sign!(p384),
            Curve::P521 => sign!(p521),
        })
    }

    /// An Ed25519 signature.
    pub(in crate::builtin) fn sign_ed25519(
        &self,
        budget: &mut Budget,
        message: &[u8],
    ) -> Result<Option<Vec<u8>>, Failure> {
        use ed25519_dalek::Signer;
        let Self::Ed25519 { seed, .. } = self else { return Ok(None) };
        charge(budget, &self.public(), true)?;
        budget.steps(message.len() as u64 / 16)?;
        let key = ed25519_dalek::SigningKey::from_bytes(seed);
        Ok(Some(key.sign(message).to_bytes().to_vec()))
    }
}

/// The public half of an Ed25519 key.
pub(in crate::builtin) fn ed25519_public(seed: &[u8; 32]) -> [u8; 32] {
    ed25519_dalek::SigningKey::from_bytes(seed).verifying_key().to_bytes()
}

impl RsaNumbers {
    fn key(&self) -> Option<rsa::PrivateKey> {
        let primes = self.primes.iter().map(|prime| number(prime)).collect();
        let exponent = BoxedUint::from(self.exponent);
        rsa::PrivateKey::from_components(number(&self.modulus), exponent, number(&self.secret), primes).ok()
    }

    /// Whether the numbers belong together: `n = p * q` and `e * d = 1` modulo `p - 1` and `q - 1`.
    pub(in crate::builtin) fn is_consistent(&self) -> bool {
        use num_bigint::BigUint;
        let number = |bytes: &[u8]| BigUint::from_bytes_be(bytes);
        let [p, q] = &self.primes;
        let (p, q) = (number(p), number(q));
        let one = BigUint::from(1_u8);
        if p <= one || q <= one || &p * &q != number(&self.modulus) {
            return false;
        }
        let product = number(&self.secret) * BigUint::from(self.exponent);
        [p - &one, q - &one].iter().all(|order| &product % order == one)
    }

    /// Computes what follows from the others.
    pub(in crate::builtin) fn with_remainders(mut self) -> Option<Self> {
        use num_bigint::BigUint;
        let number = |bytes: &[u8]| BigUint::from_bytes_be(bytes);
        let [p, q] = &self.primes;
        let (p, q, one) = (number(p), number(q), BigUint::from(1_u8));
        if p <= one || q <= one {
            return None;
        }
        let secret = number(&self.secret);
        let inverse = q.modinv(&p)?;
        self.remainders =
            [&secret % (&p - &one), &secret % (&q - &one), inverse].map(|number| number.to_bytes_be());
        Some(self)
    }
}
