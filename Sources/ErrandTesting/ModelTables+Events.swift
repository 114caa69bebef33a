// What happened to jobs, as the in-memory store tells it.

import Errand
import ErrandContext

extension ModelTables {
    /// Records events of one job, in order.
    mutating func tell(_ changes: JobEvent.Change..., of job: ModelJob, in execution: ExecutionID? = nil, at time: Timestamp) {
        tell(changes, of: job, in: execution, at: time)
    }

    /// Records events of one job, in order.
    mutating func tell(_ changes: [JobEvent.Change], of job: ModelJob, in execution: ExecutionID? = nil, at time: Timestamp) {
        for change in changes where change != .retrying || !faults.contains(.forgetsRetryEvents) {
            let cursor = EventCursor(rawValue: (events.last?.cursor.rawValue ?? 0) + 1)
            events.append(
                JobEvent(
                    cursor: cursor, at: time, change: change, job: job.id, execution: execution, queue: job.input.queue,
                    kind: job.input.kind))
        }
    }

    /// A page of the stream. This store keeps every event.
    func events(after cursor: EventCursor?, limit: Int) -> EventPage {
        let newest = events.last?.cursor ?? EventCursor(rawValue: 0)
        let behind = cursor.map { cursor in events.filter { $0.cursor > cursor } } ?? []
        return EventPage(events: Array(behind.prefix(limit)), oldest: EventCursor(rawValue: 0), newest: newest)
    }
}
