// A key for payloads: 32 random bytes, from which everything else is derived.

public import Crypto
import FoundationEssentials

/// A key that encrypts payloads and results. Make one with `openssl rand -base64 32`.
public struct PayloadKey: Sendable {
    /// Names the key in stores and messages, 8 hexadecimal digits that are derived from it: the same key has the same ID everywhere, and
    /// the ID tells nothing about the key.
    public let id: String
    /// For the bytes themselves.
    let sealing: SymmetricKey
    /// For recognising repeated enqueues.
    let recognising: SymmetricKey

    /// A key of exactly 32 bytes that nobody can guess.
    /// - Throws: ``Problem``.
    public init(_ key: SymmetricKey) throws(Problem) {
        guard key.bitCount == 256 else { throw Problem(description: "a key has 32 bytes, not \(key.bitCount / 8): \(Problem.advice)") }
        func derived(_ purpose: String) -> SymmetricKey {
            HKDF<SHA256>.deriveKey(inputKeyMaterial: key, info: Array("errand 1 \(purpose)".utf8), outputByteCount: 32)
        }
        id = derived("key id").withUnsafeBytes { bytes in
            bytes.prefix(4).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        }
        sealing = derived("payload")
        recognising = derived("fingerprint")
    }

    /// A new random key.
    public static func random() -> PayloadKey {
        do throws(Problem) {
            return try PayloadKey(SymmetricKey(size: .bits256))
        } catch {
            preconditionFailure("a random key has 32 bytes: \(error)")
        }
    }

    /// The key that `text` says: 32 bytes in Base64 (RFC 4648), white space around it ignored.
    /// - Throws: ``Problem``, which never repeats the text.
    public init(base64 text: [UInt8]) throws(Problem) {
        let isSpace: (UInt8) -> Bool = { $0 == 0x20 || (0x09...0x0D).contains($0) }
        let trimmed = Array(text.drop(while: isSpace).reversed().drop(while: isSpace).reversed())
        guard !trimmed.isEmpty else { throw Problem(description: "the key is empty: \(Problem.advice)") }
        guard let bytes = Data(base64Encoded: Data(trimmed)) else {
            throw Problem(description: "the key is not Base64: \(Problem.advice)")
        }
        try self.init(SymmetricKey(data: bytes))
    }

    /// Why a text or a key of one's own cannot be a key.
    public struct Problem: Error, Hashable, Sendable, CustomStringConvertible {
        /// What is wrong, and how to make a key; nothing of the key itself.
        public let description: String

        static let advice = "make one with `openssl rand -base64 32`"
    }
}
