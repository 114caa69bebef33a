// What a shell offers when somebody presses Tab: the IDs, queues, kinds and workers of the very store that the line is about.

import ArgumentParser
import Errand
import ErrandHandlers
import Glibc

/// Words of a store that flags and arguments may take.
struct LiveCandidates: Sendable {
    var ids: [String] = []
    var queues: [String] = []
    var kinds: [String] = []
    var workers: [String] = []
    var periodic: [String] = []

    /// The words for the line that is being completed; empty outside of a completion.
    @TaskLocal static var current = LiveCandidates()

    /// How many of the newest jobs are offered.
    private static let jobs = 200

    /// The first word of the call that a shell's script makes.
    static let request = "---completion"

    /// What the store of the line in `arguments` has. Nothing where there is no store, or it is not to be had at once: a person waits.
    static func load(for arguments: [String], in session: Session) async -> LiveCandidates {
        var candidates = LiveCandidates()
        candidates.kinds = session.handlers.map(\.kind)
        // A half-typed line has no place for a message: what cannot be read offers nothing. A pipe would be waited for.
        if let options = try? ConfigurationOptions.parse(flag("--config", of: arguments)), isFile(options.path(in: session)),
            let configured = try? options.read(in: session)
        {
            candidates.kinds += Array(configured.handlers.keys) + Array(configured.kinds.keys)
            candidates.queues += configured.queues.keys
        }
        // The same goes for a store.
        if let directory = try? StoreOptions.parse(flag("--store", of: arguments)).resolved(in: session),
            let opened = try? await session.openStore(
                StoreRequest(directory: directory, createIfMissing: false, lockWait: .milliseconds(200)))
        {
            try? await candidates.read(opened.store)
            await opened.close()
        }
        candidates.queues = Array(Set(candidates.queues)).sorted()
        candidates.kinds = Array(Set(candidates.kinds)).sorted()
        return candidates
    }

    private mutating func read(_ store: Store) async throws {
        let stats = try await store.inspection.stats()
        queues += stats.counts.map(\.queue) + stats.workers.flatMap { $0.description.queues.keys }
        kinds += stats.counts.map(\.kind) + stats.workers.flatMap(\.description.kinds)
        for setting in try await store.queues.settings() {
            switch setting.scope {
            case .queue(let name): queues.append(name)
            case .kind(let name): kinds.append(name)
            case .key, .sequence: break
            }
        }
        workers = stats.workers.map(\.id.description)
        periodic = try await store.periodic.periodicJobs().map(\.periodic.name)
        ids = try await store.inspection.jobs(matching: JobSelector(), before: nil, limit: LiveCandidates.jobs).jobs.map(\.id.description)
    }

    private static func isFile(_ path: String?) -> Bool {
        var status = stat()
        guard let path, stat(path, &status) == 0 else { return false }
        return status.st_mode & S_IFMT == S_IFREG
    }

    /// A flag and its value, where the line has them.
    private static func flag(_ name: String, of arguments: [String]) -> [String] {
        if let joined = arguments.last(where: { $0.hasPrefix(name + "=") }) { return [joined] }
        guard let index = arguments.lastIndex(of: name), index + 1 < arguments.count, !arguments[index + 1].isEmpty else { return [] }
        return Array(arguments[index...(index + 1)])
    }
}

extension CompletionKind {
    /// IDs of jobs, the newest first.
    static var jobIDs: CompletionKind { .custom { _, _, _ in LiveCandidates.current.ids } }
    /// Names of queues.
    static var queues: CompletionKind { .custom { _, _, _ in LiveCandidates.current.queues } }
    /// Names of kinds.
    static var kinds: CompletionKind { .custom { _, _, _ in LiveCandidates.current.kinds } }
    /// IDs of live workers.
    static var workers: CompletionKind { .custom { _, _, _ in LiveCandidates.current.workers } }
    /// States of jobs.
    static var states: CompletionKind { .list(JobState.allCases.map(\.rawValue)) }
}
