// Errors that are the same but for numbers and names: what failed, how often, and where to look.

import Errand
import ErrandContext

/// What makes two messages the same error: its words, without what changes from job to job.
enum ErrorFingerprint {
    /// The first line of `message` with numbers, hexadecimal words, UUIDs and quoted text replaced by marks.
    static func text(of message: String) -> String {
        let line = message.prefix { !$0.isNewline }.prefix(1000)
        var marked = String(line)
        marked.replace(#/"[^"]*"|`[^`]*`/#, with: "…")
        // An apostrophe within a word quotes nothing.
        marked.replace(#/(^|[^\w])'[^']*'(?!\w)/#) { "\($0.output.1)…" }
        marked.replace(#/\b[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}\b/#, with: "#")
        marked.replace(#/\b0x[0-9a-fA-F]+\b|\b(?=[0-9a-fA-F]*[0-9])[0-9a-fA-F]{8,}\b/#, with: "#")
        marked.replace(#/[0-9]+(?:[.,][0-9]+)*/#, with: "#")
        return marked
    }
}

/// Jobs with the same error.
struct ErrorGroup: Hashable {
    struct Key: Hashable {
        var kind: String
        var type: String
        var fingerprint: String
    }

    var key: Key
    var jobs = 0
    /// How many of them will not run again.
    var dead = 0
    /// The newest of them, and its error in full.
    var newest: JobID
    var message: String
    var lastAt: Timestamp?
}

/// Gathers groups from jobs that come newest first.
struct ErrorGroups {
    private var groups: [ErrorGroup.Key: ErrorGroup] = [:]
    private(set) var jobs = 0

    mutating func add(_ job: JobDetail) {
        guard let error = job.error else { return }
        jobs += 1
        let key = ErrorGroup.Key(kind: job.summary.kind, type: error.type, fingerprint: ErrorFingerprint.text(of: error.message))
        let last = job.executions.last { $0.error != nil }?.finishedAt
        var group = groups[key] ?? ErrorGroup(key: key, newest: job.summary.id, message: error.message)
        group.jobs += 1
        if job.summary.state == .dead { group.dead += 1 }
        if let last { group.lastAt = max(group.lastAt ?? last, last) }
        groups[key] = group
    }

    /// The most frequent first.
    var all: [ErrorGroup] {
        groups.values.sorted { ($1.jobs, $0.key.kind, $0.key.type, $0.newest) < ($0.jobs, $1.key.kind, $1.key.type, $1.newest) }
    }
}
