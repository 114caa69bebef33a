// Following what happens to jobs.

import Errand

enum FollowingEventsSnippet {
    static func firstDeath(queue: JobQueue, lastSeen: EventCursor) async throws -> JobID? {
        var lastSeen = lastSeen
        // snippet.show
        for try await event in queue.events(after: lastSeen) {
            lastSeen = event.cursor  // keep it with what you make of the event
            if event.change == .died { return event.job }
        }
        // snippet.hide
        return nil
    }
}
