// Which names an object has, as far as it has been read: every payload is looked at, and most objects have a handful of plain names.

/// The names of one JSON object, each as its bytes without escapes.
struct NamesOfObject {
    /// Names as they stand in the text, while they are few.
    private var plain: [Range<Int>] = []
    /// All of them, once they are many or were written with escapes.
    private var resolved: Set<[UInt8]>?

    /// So many are compared one by one: 8.
    private static let few = 8

    /// Adds the name that stands at `range` of `text`, without escapes; returns whether it was new. `text` is the same at each call.
    mutating func insert(_ range: Range<Int>, of text: UnsafeBufferPointer<UInt8>) -> Bool {
        guard resolved == nil, plain.count < NamesOfObject.few else {
            return insert(Array(text[range]), of: text)
        }
        guard !plain.contains(where: { text[$0].elementsEqual(text[range]) }) else { return false }
        plain.append(range)
        return true
    }

    /// Adds a name whose escapes have been resolved; returns whether it was new.
    mutating func insert(_ name: [UInt8], of text: UnsafeBufferPointer<UInt8>) -> Bool {
        var names = resolved ?? Set(plain.map { Array(text[$0]) })
        resolved = nil
        defer { resolved = names }
        return names.insert(name).inserted
    }
}
