// In which order the jobs of a workflow can be added: each behind those that it waits for. Pure.

/// The order of jobs that wait for each other by name.
package enum WorkflowOrder {
    /// Why there is no order.
    package enum Problem: Error, Hashable, CustomStringConvertible {
        /// Two jobs have this name.
        case twice(String)
        /// The job `name` waits for `missing`, which is no job of the workflow.
        case unknown(String, missing: String)
        /// These wait for each other in a circle; the first is named again at the end.
        case circle([String])

        package var description: String {
            switch self {
            case .twice(let name): "two jobs are called \"\(name)\": give each its own name"
            case .unknown(let name, let missing): "\"\(name)\" waits for \"\(missing)\", which is no job of the workflow"
            case .circle(let names):
                "the jobs wait for each other in a circle, \(WorkflowOrder.text(ofCircle: names)): let one of them wait for less"
            }
        }
    }

    /// A circle's jobs in words, the first of a long one.
    private static func text(ofCircle names: [String]) -> String {
        let most = 10
        let shown = names.prefix(most).map { "\"\($0)\"" }.joined(separator: " after ")
        return names.count > most ? "\(shown) and so on, \(names.count - 1) in all" : shown
    }

    /// The places of `jobs` in an order in which each comes behind all that it waits for; among equals as they were given.
    package static func places(_ jobs: [(name: String, after: [String])]) throws(Problem) -> [Int] {
        var places: [String: Int] = [:]
        for (index, job) in jobs.enumerated() {
            guard places.updateValue(index, forKey: job.name) == nil else { throw .twice(job.name) }
        }
        var open = [Int](repeating: 0, count: jobs.count)
        var dependents = [[Int]](repeating: [], count: jobs.count)
        for (index, job) in jobs.enumerated() {
            for name in Set(job.after) {
                guard let place = places[name] else { throw .unknown(job.name, missing: name) }
                dependents[place].append(index)
                open[index] += 1
            }
        }
        var order: [Int] = []
        // The lowest place first: small graphs, written by hand, come out as they were written.
        var ready = jobs.indices.filter { open[$0] == 0 }
        var next = 0
        while next < ready.count {
            let place = ready[next]
            next += 1
            order.append(place)
            for dependent in dependents[place].sorted() {
                open[dependent] -= 1
                if open[dependent] == 0 { ready.append(dependent) }
            }
        }
        guard order.count == jobs.count else { throw .circle(circle(jobs, places, among: Set(jobs.indices).subtracting(order))) }
        return order
    }

    /// One circle among jobs that all wait for each other somehow.
    private static func circle(_ jobs: [(name: String, after: [String])], _ places: [String: Int], among left: Set<Int>) -> [String] {
        guard var place = left.min() else { return [] }
        var way: [Int] = []
        // Each of those that are left waits for another one that is left: whoever follows that comes around.
        while !way.contains(place) {
            way.append(place)
            guard let next = jobs[place].after.compactMap({ places[$0] }).first(where: left.contains) else { break }
            place = next
        }
        let circle = way.drop { $0 != place }.map { jobs[$0].name }
        return circle + circle.prefix(1)
    }
}
