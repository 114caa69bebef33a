// Who holds a store's locks right now, for the doctor.

/// A look at the holders of a store's locks.
package enum LockLook {
    /// A lock and the process that holds it.
    package struct Held: Hashable, Sendable {
        /// `write`, `logs` or `open`.
        package let lock: String
        /// The process, for people: its number and command.
        package let holder: String
    }

    /// The locks of the store in `directory` that some visible process holds at this moment; commits take them for milliseconds.
    package static func held(in directory: String) -> [Held] {
        let locks: [(name: String, byte: StoreLock.Byte)] = [("write", .queue), ("logs", .logs), ("open", .open)]
        return locks.compactMap { lock in
            LockHolder.find(path: "\(directory)/lock", byte: lock.byte.rawValue).map { Held(lock: lock.name, holder: "\($0)") }
        }
    }
}
