// A value on its way from one thread to the next.

/// Hands a value that one thread at a time may use to the next thread.
final class Handover<Value>: @unchecked Sendable {
    // Proof: `value` is taken once, by the thread that uses it from then on; whoever put it in gave it away (`sending`).
    private var value: Value?

    init(value: sending Value) { self.value = value }

    func take() -> Value {
        defer { value = nil }
        return value!
    }
}
