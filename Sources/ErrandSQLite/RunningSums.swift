// Sums by key, gathered during a transaction.

/// Sums under keys of which the same one comes again and again: the sum at hand costs a comparison, any other a look into a table.
struct RunningSums<Key: Hashable> {
    /// How often something was added, and how much.
    struct Sum {
        var count: Int64 = 0
        var amount: Int64 = 0
    }

    private var key: Key?
    private var atHand = Sum()
    private var others: [Key: Sum] = [:]

    /// Adds to the sum of `key`.
    mutating func add(_ amount: Int64, to key: Key) {
        if self.key != key {
            putAway()
            self.key = key
            atHand = others[key] ?? Sum()
        }
        atHand.count += 1
        atHand.amount += amount
    }

    private mutating func putAway() {
        if let key { others[key] = atHand }
    }

    /// All sums.
    var all: [Key: Sum] {
        var all = self
        all.putAway()
        return all.others
    }
}
