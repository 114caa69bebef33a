// AES-256-GCM for payloads and results: one key that seals, any number that open.

import Crypto
public import Errand
import FoundationEssentials

/// Encrypts with AES-256-GCM (NIST SP 800-38D) under a random 96-bit nonce, authenticated with the place the bytes belong to.
///
/// ```swift
/// let key = try PayloadKey(base64: Array("…".utf8))
/// let queue = JobQueue(store: store.encrypted(by: AESCipher(key: key)))
/// ```
/// To rotate, put the new key first and keep the old one behind it until no job needs it any more. A key seals up to 2³² values before
/// the chance of a repeated nonce exceeds 2⁻³²: rotate once a year, or before that many jobs.
public struct AESCipher: PayloadCipher {
    private let newest: PayloadKey
    private let keys: [String: PayloadKey]
    private let order: [PayloadKey]

    /// Seals with `key`; opens with that and `older`.
    public init(key: PayloadKey, older: [PayloadKey] = []) {
        newest = key
        order = [key] + older
        keys = order.reduce(into: [:]) { $0[$1.id] = $1 }
    }

    /// Seals `bytes`; 40 bytes longer.
    public func seal(_ bytes: [UInt8], for place: SealedPlace) -> SealedBytes {
        do {
            let box = try AES.GCM.seal(bytes, using: newest.sealing, authenticating: place.bytes)
            // A nonce of 12 bytes, the default, always has a combined form.
            guard let combined = box.combined else { preconditionFailure("AES-GCM gave a nonce of another size than its own") }
            return SealedBytes(keyID: newest.id, content: Array(combined))
        } catch {
            // Only wrong sizes are refused, and all are fixed here.
            preconditionFailure("AES-GCM refused to seal: \(error)")
        }
    }

    /// Opens what ``seal(_:for:)`` made, under any of the keys.
    /// - Throws: ``SealProblem``.
    public func open(_ sealed: SealedBytes, for place: SealedPlace) throws(SealProblem) -> [UInt8] {
        guard let key = keys[sealed.keyID] else { throw .missingKey(id: sealed.keyID) }
        do {
            return Array(try AES.GCM.open(AES.GCM.SealedBox(combined: sealed.content), using: key.sealing, authenticating: place.bytes))
        } catch {
            throw .notAuthentic(keyID: sealed.keyID)
        }
    }

    /// HMAC-SHA256 under each key, the newest first; last the plain digest that stores keep without encryption, so that a job enqueued
    /// before encryption began is recognised too. Only the first is ever stored.
    public func fingerprints(kind: String, payload: [UInt8]) -> [[UInt8]] {
        let input = Array(kind.utf8) + [0] + payload
        return order.map { Array(HMAC<SHA256>.authenticationCode(for: input, using: $0.recognising)) } + [Array(SHA256.hash(data: input))]
    }
}
