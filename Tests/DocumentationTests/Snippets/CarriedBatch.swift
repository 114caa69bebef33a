// A batch that the last caller flushes: each item remembers who put it there.

import Errand
import Logging

// snippet.show
actor Batch {
    private let logger = Logger(label: "batch")
    private var rows: [Carried<String>] = []

    func add(_ row: String) {
        rows.append(Carried(row))
        if rows.count == 3 { flush() }
    }

    private func flush() {
        for row in rows { row.run { logger.info("wrote \($0)") } }
        rows = []
    }
}
