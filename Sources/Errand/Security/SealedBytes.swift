// How an encrypted payload or result looks in a store: a mark, a version, the key's ID, and what only the cipher understands.

/// The envelope of encrypted bytes. Its first byte begins no JSON text, so that nothing sealed is ever taken for a payload.
public struct SealedBytes: Sendable, Hashable {
    /// Which key sealed them: 8 characters, see ``PayloadCipher/seal(_:for:)``.
    public var keyID: String
    /// What the cipher wrote.
    public var content: [UInt8]

    /// Puts together an envelope; `keyID` has 8 ASCII characters.
    public init(keyID: String, content: [UInt8]) {
        precondition(keyID.utf8.count == SealedBytes.keyIDBytes, "a key ID has \(SealedBytes.keyIDBytes) bytes: \(keyID)")
        self.keyID = keyID
        self.content = content
    }

    /// The envelope that `bytes` are, or `nil` when they are none: JSON, or nothing. What begins as no JSON does but was cut, or comes from
    /// a later version, is one that no key opens.
    public init?(_ bytes: [UInt8]) {
        guard bytes.first == SealedBytes.mark[0] else { return nil }
        let rest = bytes.dropFirst(SealedBytes.mark.count)
        keyID = String(decoding: rest.prefix(SealedBytes.keyIDBytes), as: UTF8.self)
        content = bytes.starts(with: SealedBytes.mark) ? Array(rest.dropFirst(SealedBytes.keyIDBytes)) : []
    }

    /// As they are stored.
    public var bytes: [UInt8] { SealedBytes.mark + Array(keyID.utf8) + content }

    /// How many bytes sealing may add: 64. Stores take that much more than ``Limits/payloadBytes`` and ``Limits/resultBytes``.
    public static let overhead = 64

    /// A byte that UTF-8 never begins a text with, "ES", and the version of what follows.
    private static let mark: [UInt8] = [0xFF, UInt8(ascii: "E"), UInt8(ascii: "S"), 1]
    private static let keyIDBytes = 8
}
