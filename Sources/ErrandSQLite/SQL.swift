// One statement's text, and the cache that keeps it prepared.

import Synchronization

/// The text of one statement. It is prepared once per connection; its number is the place where, so keep each in a `static let`.
final class SQL: Sendable {
    let text: String
    /// Among all statements of the process, from 0.
    let number: Int

    init(_ text: String) {
        self.text = text
        number = SQL.count.add(1, ordering: .relaxed).oldValue
    }

    private static let count = Atomic(0)
}
