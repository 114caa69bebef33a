// The event stream: one packed row for each transaction, numbered by how many events there were up to its end.

import Errand
import ErrandContext

/// Events of one transaction, packed: for each the change, the feed and the ordinal as varints, and eight bytes of job; 11 bytes as a rule.
struct EventBuffer {
    private(set) var bytes: [UInt8] = []
    private(set) var count = 0
    /// Where chunks end, so that no row becomes large.
    private var ends: [(bytes: Int, count: Int)] = []

    /// How many events one row holds at most.
    static let eventsPerRow = 2048

    /// Adds an event. `feed` 0 and `ordinal` 0 mean that there is none to tell.
    mutating func add(_ change: JobEvent.Change, job: Int64, ordinal: Int64 = 0, feed: Int64 = 0) {
        bytes.append(change.code)
        append(varint: UInt64(bitPattern: feed))
        append(varint: UInt64(bitPattern: ordinal))
        withUnsafeBytes(of: job.bigEndian) { bytes.append(contentsOf: $0) }
        count += 1
        if count.isMultiple(of: EventBuffer.eventsPerRow) { ends.append((bytes.count, count)) }
    }

    private mutating func append(varint value: UInt64) {
        var value = value
        while value >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: value) | 0x80)
            value >>= 7
        }
        bytes.append(UInt8(value))
    }

    /// The rows to write: each with the number of events up to its end.
    var rows: [(bytes: ArraySlice<UInt8>, count: Int)] {
        var rows: [(ArraySlice<UInt8>, Int)] = []
        var start = 0
        for end in ends + (ends.last?.count == count ? [] : [(bytes.count, count)]) {
            rows.append((bytes[start..<end.bytes], end.count))
            start = end.bytes
        }
        return rows
    }

    /// One event as it was packed.
    struct Entry: Equatable {
        var change: JobEvent.Change
        var feed: Int64
        var ordinal: Int64
        var job: Int64
    }

    /// Unpacks a row.
    /// - Throws: ``JobStoreError/damaged(reason:)`` for what ``add(_:job:ordinal:feed:)`` has not written.
    static func entries(in bytes: [UInt8]) throws(JobStoreError) -> [Entry] {
        var entries: [Entry] = []
        var rest = bytes[...]
        func varint() throws(JobStoreError) -> Int64 {
            var value: UInt64 = 0
            for shift in stride(from: UInt64(0), to: 64, by: 7) {
                guard let byte = rest.popFirst() else { break }
                value |= UInt64(byte & 0x7F) << shift
                if byte < 0x80 { return Int64(bitPattern: value) }
            }
            throw .damaged(reason: "a row of errand_event ends in the middle of a number")
        }
        while let code = rest.popFirst() {
            let (feed, ordinal) = (try varint(), try varint())
            guard let change = JobEvent.Change(code: code), rest.count >= 8 else {
                throw .damaged(reason: "a row of errand_event holds no event where one should be")
            }
            let job = rest.prefix(8).reduce(0 as UInt64) { $0 << 8 | UInt64($1) }
            rest.removeFirst(8)
            entries.append(Entry(change: change, feed: feed, ordinal: ordinal, job: Int64(bitPattern: job)))
        }
        return entries
    }
}

extension QueueDatabase {
    /// Notes an event, to be written with this transaction.
    func tell(_ change: JobEvent.Change, job: Int64, ordinal: Int64 = 0, feed: Int64 = 0) {
        guard recordsEvents else { return }
        gathered.events.add(change, job: job, ordinal: ordinal, feed: feed)
    }

    /// Writes the events of this transaction, and drops now and then what is beyond the limit.
    func writeEvents() throws(JobStoreError) {
        guard gathered.events.count > 0 else { return }
        var before = memory.lastEvent ?? 0
        if memory.lastEvent == nil { before = try connection[EventSQL.newest].first { $0.integer(0) } ?? 0 }
        let now = clock.now
        for row in gathered.events.rows {
            try connection[EventSQL.write].bind(1, before + Int64(row.count)).bind(2, now).bind(3, blob: Array(row.bytes)).run()
        }
        let last = before + Int64(gathered.events.count)
        memory.lastEvent = last
        if before / QueueDatabase.eventSlice != last / QueueDatabase.eventSlice {
            try connection[EventSQL.dropUpTo].bind(1, last - Int64(Limits.events)).run()
        }
    }

    /// How often what is too much is dropped: every 4,096 events.
    private static let eventSlice: Int64 = 4096

    /// Drops a slice of the events that are too old.
    func dropOldEvents() throws(JobStoreError) {
        try connection[EventSQL.dropOld].bind(1, clock.now - Limits.eventAge.wholeMicroseconds).bind(2, QueueDatabase.eventSlice).run()
    }
}

extension QueueReader {
    /// A page of the stream.
    func events(after cursor: EventCursor?, limit: Int) throws(JobStoreError) -> EventPage {
        try snapshot { () throws(JobStoreError) in
            let newest = try connection[EventSQL.newest].first { $0.integer(0) } ?? 0
            let first = try connection[EventSQL.oldest].first { ($0.integer(0), $0.bytes(1)) }
            let oldest = if let (last, bytes) = first { last - Int64(try EventBuffer.entries(in: bytes).count) } else { newest }
            var page = EventPage(events: [], oldest: EventCursor(rawValue: oldest), newest: EventCursor(rawValue: newest))
            guard let cursor, cursor >= page.oldest, cursor < page.newest else { return page }
            let feeds = try feedNames()
            let rows = try connection[EventSQL.after].bind(1, cursor.rawValue)
            defer { rows.reset() }
            while page.events.count < limit, try rows.step() {
                let entries = try EventBuffer.entries(in: rows.bytes(2))
                let before = rows.integer(0) - Int64(entries.count)
                for (index, entry) in entries.enumerated() where page.events.count < limit {
                    let number = before + Int64(index) + 1
                    guard number > cursor.rawValue else { continue }
                    var name = feeds[entry.feed]
                    if name == nil { name = try feed(ofJob: entry.job, among: feeds) }
                    let job = JobID(rawValue: entry.job)
                    page.events.append(
                        JobEvent(
                            cursor: EventCursor(rawValue: number), at: Timestamp(microseconds: rows.integer(1)), change: entry.change,
                            job: job, execution: entry.ordinal == 0 ? nil : ExecutionID(job, entry.ordinal), queue: name?.queue,
                            kind: name?.kind))
                }
            }
            return page
        }
    }

    private func feed(
        ofJob job: Int64, among feeds: [Int64: QueueDatabase.FeedName]
    ) throws(JobStoreError) -> QueueDatabase.FeedName? {
        try connection[EventSQL.feed].bind(1, job).first { feeds[$0.integer(0)] } ?? nil
    }
}

extension JobEvent.Change {
    /// The number in `errand_event.entries`. Never change one: stores live longer than binaries.
    var code: UInt8 {
        switch self {
        case .enqueued: 1
        case .started: 2
        case .progressed: 3
        case .completed: 4
        case .failed: 5
        case .timedOut: 6
        case .retrying: 7
        case .snoozed: 8
        case .died: 9
        case .cancelled: 10
        case .interrupted: 11
        case .rescued: 12
        case .crashed: 13
        case .stuck: 14
        }
    }

    init?(code: UInt8) {
        guard let change = JobEvent.Change.allCases.first(where: { $0.code == code }) else { return nil }
        self = change
    }
}

/// The statements of the event stream. `errand_event.seq` is the number of the row's last event: how many there have ever been.
enum EventSQL {
    /// The end of the row keys of `errand_event`.
    static let newest = SQL("SELECT max(seq) FROM errand_event")

    /// The beginning of the row keys of `errand_event`.
    static let oldest = SQL("SELECT seq, entries FROM errand_event ORDER BY seq LIMIT 1")

    /// Appends at the end of the row keys of `errand_event`.
    static let write = SQL("INSERT INTO errand_event(seq, at, entries) VALUES(:seq, :at, :entries)")

    /// A range of the row keys of `errand_event`.
    static let after = SQL("SELECT seq, at, entries FROM errand_event WHERE seq > :cursor ORDER BY seq")

    /// A range of the row keys of `errand_event`.
    static let dropUpTo = SQL("DELETE FROM errand_event WHERE seq <= :seq")

    /// The oldest rows, by row key; never the newest, which knows how many events there were.
    static let dropOld = SQL(
        """
        DELETE FROM errand_event WHERE at < :before AND seq < (SELECT max(seq) FROM errand_event)
            AND seq IN (SELECT seq FROM errand_event ORDER BY seq LIMIT :limit)
        """)

    /// Row key of `errand_job`.
    static let feed = SQL("SELECT feed FROM errand_job WHERE id = :id")
}
