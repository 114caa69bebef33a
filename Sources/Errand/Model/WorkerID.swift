// Which worker process: a random number, never a host name or PID, since those lie across containers and restarts.

/// A worker's identity: random at every registration, 39 bits, shown as 8 Crockford base32 characters.
public struct WorkerID: Hashable, Sendable, CustomStringConvertible {
    /// 1 up to 2^39 − 1.
    public let rawValue: Int64

    /// Wraps a stored number.
    /// - Precondition: within 1 … 2^39 − 1.
    public init(rawValue: Int64) {
        precondition(rawValue > 0 && rawValue < 1 << 39, "a worker ID has 39 bits: \(rawValue)")
        self.rawValue = rawValue
    }

    /// A new identity from `generator`.
    public init(using generator: inout some RandomNumberGenerator) {
        self.init(rawValue: Int64.random(in: 1..<(1 << 39), using: &generator))
    }

    /// Reads the 8 characters of ``description``, exactly as it writes them; `nil` for anything else.
    package init?(_ text: String) {
        guard text.utf8.count == 8, let value = Base32.decode(text.utf8), value > 0, value < 1 << 39 else { return nil }
        self.init(rawValue: value)
        guard description == text else { return nil }
    }

    /// 8 lower-case Crockford base32 characters.
    public var description: String { String(Base32.encode(rawValue).suffix(8)) }
}
