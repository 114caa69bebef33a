// `errand events`: what happens to jobs, from any place in the stream on.

import ArgumentParser
import Errand

struct Events: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Print what happens to jobs, in every process on the store.",
        discussion: """
            Without -f it prints the events that are kept, or those behind --cursor, and ends; with -f it goes on with what happens from \
            then on, new jobs included, and without --cursor begins there. Each line has the event's cursor: keep the last one, and \
            --cursor goes on behind it, also after a restart.

            Events: \(JobEvent.Change.allCases.map(\.rawValue).joined(separator: ", ")). An execution that ends tells first how, then \
            where its job goes: failed, retrying.

            The newest \(Limits.events) events are kept, for \(DurationText.format(Limits.eventAge)) at most; what an Errand \
            of an earlier schema does leaves none.

            Exit codes: 0 printed, 2 bad usage, 3 no such job, or nothing is kept any more behind the cursor, 4 store unavailable.
            """)

    @OptionGroup var store: StoreOptions

    @Flag(name: [.customShort("f"), .customLong("follow")], help: "Go on with new events.")
    var follow = false

    @Flag(name: .customLong("json"), help: "Print one JSON object per event.")
    var json = false

    @Option(
        help: ArgumentHelp("Only what comes behind this event; oldest is all that is kept.", valueName: "cursor|oldest"))
    var cursor: EventStart?

    @Option(help: ArgumentHelp("Only of this queue; may be repeated.", valueName: "name"))
    var queue: [String] = []

    @Option(help: ArgumentHelp("Only of this kind; may be repeated.", valueName: "name"))
    var kind: [String] = []

    @Option(
        name: .customLong("event"), help: ArgumentHelp("Only this event, such as died; may be repeated.", valueName: "event"),
        completion: .list(JobEvent.Change.allCases.map(\.rawValue)), transform: WordArgument.read)
    var changes: [JobEvent.Change] = []

    @Flag(name: .customLong("utc"), help: "Show times in UTC instead of local time.")
    var utc = false

    @Argument(help: ArgumentHelp("Only of these jobs: IDs, unique prefixes, suffixes or key:K.", valueName: "id"), completion: .jobIDs)
    var ids: [String] = []

    func run() async throws {
        let session = Session.current
        try await store.withStore { store in
            guard let events = store.events else { throw EventError.notKept }
            let jobs = Set(try await JobResolver(inspection: store.inspection).jobs(ids))
            let start = try await start(in: events)
            guard follow else { return try await printAll(of: events, after: start, jobs, to: session.output) }
            for try await event in JobQueue(store: store, clock: session.clock).events(after: start) {
                try print(event, of: jobs, to: session.output)
                try session.output.flush()
            }
        }
    }

    /// Where to begin; `nil` is with what happens from now on.
    private func start(in events: any EventStore) async throws -> EventCursor? {
        switch cursor {
        case .behind(let cursor): cursor
        case nil where follow: nil
        case .oldest, nil: try await events.events(after: nil, limit: 1).oldest
        }
    }

    private func printAll(of events: any EventStore, after start: EventCursor?, _ jobs: Set<JobID>, to output: Output) async throws {
        guard var cursor = start else { return }
        while true {
            let page = try await events.events(after: cursor, limit: 500)
            try page.check(cursor)
            guard let last = page.events.last else { return }
            for event in page.events { try print(event, of: jobs, to: output) }
            cursor = last.cursor
        }
    }

    private func print(_ event: JobEvent, of jobs: Set<JobID>, to output: Output) throws {
        guard jobs.isEmpty || jobs.contains(event.job), changes.isEmpty || changes.contains(event.change),
            queue.isEmpty || event.queue.map(queue.contains) ?? false, kind.isEmpty || event.kind.map(kind.contains) ?? false
        else { return }
        if json {
            try output.object(Events.json(event))
        } else {
            let subject = event.execution?.description ?? event.job.description
            let place = [event.kind, event.queue].compactMap(\.self).joined(separator: "\t")
            try output.line("\(event.cursor)\t\(LocalTime.text(event.at, utc: utc))\t\(event.change.rawValue)\t\(subject)\t\(place)")
        }
    }

    /// One line of `--json`, without its newline.
    static func json(_ event: JobEvent) -> [UInt8] {
        JSONWriter.versioned { writer in
            writer.member("cursor", event.cursor.description)
            writer.member("at", event.at)
            writer.member("event", event.change.rawValue)
            writer.member("job_id", event.job.description)
            writer.member("execution_id", event.execution?.description)
            writer.member("queue", event.queue)
            writer.member("kind", event.kind)
        }
    }
}

/// Where in the stream to begin.
enum EventStart: ExpressibleByArgument, Equatable {
    case oldest
    case behind(EventCursor)

    init?(argument: String) {
        if argument == "oldest" {
            self = .oldest
        } else if let number = Int64(argument), number >= 0 {
            self = .behind(EventCursor(rawValue: number))
        } else {
            return nil
        }
    }
}
