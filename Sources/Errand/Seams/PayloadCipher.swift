// The seam to cryptography: what seals payloads and results on their way into a store, and opens them on their way out.

/// Encrypts payloads and results at rest. `ErrandCrypto` has one; ``Store/encrypted(by:)`` applies it.
public protocol PayloadCipher: Sendable {
    /// `bytes` encrypted with the newest key, differently at every call, and authenticated together with `place`.
    func seal(_ bytes: [UInt8], for place: SealedPlace) -> SealedBytes

    /// What was sealed, if one of the keys opens it and it was sealed for exactly `place`.
    /// - Throws: ``SealProblem``; never garbage.
    func open(_ sealed: SealedBytes, for place: SealedPlace) throws(SealProblem) -> [UInt8]

    /// What recognises a repeated enqueue under an idempotency key without telling anything about the payload to who has no key: the
    /// first is kept with the job, an enqueue that has any of them is a repetition. One for each key, so that a rotation breaks none.
    func fingerprints(kind: String, payload: [UInt8]) -> [[UInt8]]
}

/// What sealed bytes belong to; they do not open anywhere else.
public enum SealedPlace: Sendable, Hashable {
    /// The payload of a job of this kind. A job's ID is given only when it is stored, so the payload cannot be bound to that.
    case payload(kind: String)
    /// The result of this job.
    case result(JobID)
    /// What a step of this job, or a cursor, has left.
    case step(JobID, name: String)

    /// As bytes, different for different places.
    public var bytes: [UInt8] {
        switch self {
        case .payload(let kind): Array("payload \(kind)".utf8)
        case .result(let job): Array("result \(job)".utf8)
        case .step(let job, let name): Array("step \(job) \(name)".utf8)
        }
    }
}

/// Why sealed bytes could not be opened.
@nonexhaustive public enum SealProblem: Error, Hashable, Sendable, CustomStringConvertible {
    /// The key that sealed them is not there.
    case missingKey(id: String)
    /// The key is there, but the bytes are not those that it has sealed for this place: changed, damaged, or moved from elsewhere.
    case notAuthentic(keyID: String)

    /// What happened, then what to do next.
    public var description: String {
        switch self {
        case .missingKey(let id):
            "it is encrypted with the key \(id), which is not here: name that key under \"encryption\" in errand.yaml"
        case .notAuthentic(let id):
            "it is encrypted with the key \(id), but these are not the bytes that were encrypted: the store was changed or damaged; restore it from a backup, or cancel the job"
        }
    }
}
