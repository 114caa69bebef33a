// One statement's text, and the cache that keeps it prepared.

/// The text of one statement. It is prepared once per connection; its identity is the key, so keep each in a `static let`.
final class SQL: Sendable {
    let text: String

    init(_ text: String) { self.text = text }
}
