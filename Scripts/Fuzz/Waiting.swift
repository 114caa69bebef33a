// Asynchronous work for a caller that has only a thread.

import Dispatch
import Synchronization

enum Waiting {
    /// What `body` gives; the thread waits for it.
    static func result<Value: Sendable>(of body: @escaping @Sendable () async -> Value) -> Value {
        let slot = Slot<Value>()
        // Owned by this call, which does not return before it has ended.
        Task {
            let value = await body()
            slot.value.withLock { $0 = value }
            slot.done.signal()
        }
        slot.done.wait()
        return slot.value.withLock { $0 }!
    }

    private final class Slot<Value: Sendable>: Sendable {
        let value = Mutex<Value?>(nil)
        let done = DispatchSemaphore(value: 0)
    }
}
