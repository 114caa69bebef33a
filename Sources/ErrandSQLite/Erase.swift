// Deleting a job: its input and everything that belongs to it, wherever it is kept; and the operator's wish to do so.

import Errand
import ErrandContext

extension QueueDatabase {
    /// Deletes all of a job but its state row, which the caller has taken out: executions, keys, tags, input. Whatever gets rows of its
    /// own beside a job is freed here.
    /// - Returns: the job's feed; `nil` when it had no input row.
    func erase(_ id: Int64) throws(JobStoreError) -> Int64? {
        let input = try connection[RetentionSQL.input].bind(1, id).first {
            (feed: $0.integer(0), flags: JobFlags(rawValue: $0.integer(1)), key: $0.optionalText(2), workflow: $0.optionalInteger(3))
        }
        try connection[RetentionSQL.dropExecutions].bind(1, id).run()
        try dropProgress(of: id)
        if let input {
            if input.flags.contains(.key) { try connection[RetentionSQL.dropKey].bind(1, text: input.key).bind(2, id).run() }
            if input.flags.contains(.tagged) { try untag(id) }
            if input.flags.contains(.dependent) { try connection[DependencySQL.drop].bind(1, id).run() }
            if let workflow = input.workflow { try memberGoes(from: workflow) }
            try connection[RetentionSQL.dropInput].bind(1, id).run()
        }
        gathered.deletedID = max(gathered.deletedID ?? 0, id)
        return input?.feed
    }

    /// Deletes jobs that are over, and with `evenLive` those that wait.
    func delete(_ ids: [JobID], evenLive: Bool) throws(JobStoreError) -> ([ChangeResult], Set<DoorbellTopic>) {
        var topics: Set<DoorbellTopic> = []
        var results: [ChangeResult] = []
        for id in ids {
            guard let job = try locate(id) else {
                results.append(.notFound)
                continue
            }
            guard job.state.mayGo(evenLive: evenLive) else {
                results.append(.refused(job.state.name))
                continue
            }
            switch job.state {
            case .finished(let state, _, _, _):
                try connection[ControlSQL.dropFinished].bind(1, id.rawValue).run()
                count(state, feed: job.feed, by: -1)
            case .available, .suspect, .scheduled, .held, .waiting, .blocked: try takeOut(id, job)
            case .running: break
            }
            // Not even for a period is its unique key kept: nothing of it is left that a second one would repeat.
            try isGone(id.rawValue, topics: &topics)
            // Whoever waits for it learns of its end, unless they have.
            if job.carried != nil, try termsInUse().contains(.structure) {
                try structureEnds(at: id.rawValue, .cancelled, topics: &topics)
            }
            if job.carried != nil, let key = job.key { try leaveKey(key, topics: &topics) }
            try clear(id.rawValue)
            _ = try erase(id.rawValue)
            // Whoever waits for the job learns that it is gone.
            topics.insert(.outcome)
            results.append(.changed)
        }
        try settle(topics: &topics)
        return (results, topics)
    }
}

extension QueueDatabase.Whereabouts.State {
    /// The state as it is shown.
    var name: JobState {
        switch self {
        case .available, .suspect: .available
        case .scheduled(_, let reason): reason.jobState
        case .held, .waiting: .waiting
        case .blocked: .blocked
        case .running: .running
        case .finished(let state, _, _, _): state.jobState
        }
    }

    fileprivate func mayGo(evenLive: Bool) -> Bool {
        switch self {
        case .finished: true
        case .running: false
        case .available, .suspect, .scheduled, .held, .waiting, .blocked: evenLive
        }
    }
}
