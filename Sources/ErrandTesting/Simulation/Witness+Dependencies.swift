// The witness of dependencies: what each job waits for, by what has really ended.

import Errand
import ErrandContext

extension Witness {
    /// A new job waits for what has not ended, and in vain for what has failed.
    func waits(of input: NewJob) -> (waitsFor: [JobID: DependencyPolicy], isDoomed: Bool) {
        var waitsFor: [JobID: DependencyPolicy] = [:]
        var isDoomed = false
        for dependency in input.after {
            guard case .job(let id) = dependency.prerequisite else { continue }
            let job = self[id]
            if job.isLive {
                waitsFor[id] = dependency.ifFailed
            } else if job.final != .completed, dependency.ifFailed == .cascade {
                isDoomed = true
            }
        }
        return (waitsFor, isDoomed)
    }

    /// Books what the ends since the last time mean for those that wait for them.
    mutating func tellEnds() {
        for number in jobs.indices where !jobs[number].isTold && !jobs[number].isLive {
            jobs[number].isTold = true
            let isGood = jobs[number].final == .completed
            for other in jobs.indices where jobs[other].isLive {
                guard let policy = jobs[other].waitsFor[jobs[number].id] else { continue }
                if isGood || policy == .ignore {
                    jobs[other].waitsFor[jobs[number].id] = nil
                } else {
                    jobs[other].isDoomed = true
                }
            }
        }
    }

    /// A job that had ended is live again: it waits for what has not ended, and no longer minds what has failed.
    mutating func waitAgain(_ id: JobID) {
        self[id].isTold = false
        self[id].isDoomed = false
        self[id].waitsFor = self[id].after.filter { self[$0.key].isLive }
    }

    /// A job was handed out: nothing that it waits for may be live, and it may not wait in vain.
    mutating func checkDependencies(ofClaimed id: JobID) {
        let job = self[id]
        if let other = job.waitsFor.keys.min() { broken("\(name(id)) was handed out before \(name(other)), which it waits for, had ended") }
        if job.isDoomed { broken("\(name(id)) was handed out although what it waits for has failed") }
    }
}
