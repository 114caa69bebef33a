// The name of one event.

#if Web
/// 128 random bits, written as a UUID of version 4 without dashes, as the protocol wants it.
struct EventID: Hashable, Sendable, CustomStringConvertible {
    let description: String

    /// Draws an ID.
    init(using generator: inout some RandomNumberGenerator) {
        let high = generator.next() & ~UInt64(0xF000) | 0x4000
        let low = generator.next() & ~(UInt64(0b11) << 62) | UInt64(0b10) << 62
        description = [high, low].map { number in
            let digits = String(number, radix: 16)
            return String(repeating: "0", count: 16 - digits.utf8.count) + digits
        }.joined()
    }
}
#endif
