// Where a person stands in `errand top`, and where a key leads.

import Errand

/// What is looked at; knows nothing of terminals or stores.
struct TopState: Hashable {
    /// The lists, in the order of the tabs.
    enum List: String, CaseIterable, Hashable {
        case jobs, queues, errors, workers
    }

    /// The list that is shown, or that the log was opened from.
    var list = List.jobs
    /// The job whose log is open.
    var log: JobID?
    /// Only jobs of this queue.
    var queue: String?
    /// The chosen row of each list, by its name: rows come and go around it.
    var chosen: [List: String] = [:]
    /// How many lines the log is scrolled up from its end, where it follows.
    var scroll = 0
    /// Whether it is over.
    var isDone = false

    /// A key was pressed in front of `look`, of which `height` rows are seen.
    mutating func press(_ key: Key, _ look: TopLook, height: Int) {
        switch key {
        case .quit, .letter("q"): isDone = true
        case .escape: back()
        case .tab, .letter("l"): turn(by: 1)
        case .backTab, .letter("h"): turn(by: -1)
        case .enter: if log == nil { open(look) }
        default: if let steps = TopState.steps(key, height) { move(by: steps, look, height: height) }
        }
    }

    private static func steps(_ key: Key, _ height: Int) -> Int? {
        switch key {
        case .up, .letter("k"): -1
        case .down, .letter("j"): 1
        case .pageUp: -max(1, height - 1)
        case .pageDown, .letter(" "): max(1, height - 1)
        case .home, .letter("g"): -1_000_000
        case .end, .letter("G"): 1_000_000
        default: nil
        }
    }

    private mutating func move(by steps: Int, _ look: TopLook, height: Int) {
        guard log == nil else {
            scroll = min(max(0, scroll - steps), max(0, look.log.count - height))
            return
        }
        let names = look.names(of: list)
        guard !names.isEmpty else { return }
        chosen[list] = names[min(max(0, index(in: look) + steps), names.count - 1)]
    }

    /// Whether it shows the same as `other`, scrolled or not.
    func isInView(of other: TopState) -> Bool { log == other.log && list == other.list && queue == other.queue }

    /// The chosen row, the first where the chosen one is gone.
    func index(in look: TopLook) -> Int {
        chosen[list].flatMap { look.names(of: list).firstIndex(of: $0) } ?? 0
    }

    private mutating func turn(by steps: Int) {
        guard log == nil else { return }
        let lists = List.allCases
        list = lists[((lists.firstIndex(of: list) ?? 0) + steps + lists.count) % lists.count]
    }

    private mutating func open(_ look: TopLook) {
        let index = index(in: look)
        switch list {
        case .jobs: if look.jobs.indices.contains(index) { log = look.jobs[index].summary.id }
        case .errors: if look.errors.indices.contains(index) { log = look.errors[index].newest }
        case .queues:
            guard look.queues.indices.contains(index) else { return }
            (queue, list) = (look.queues[index].name, .jobs)
        case .workers: break
        }
        scroll = 0
    }

    private mutating func back() {
        if log != nil {
            log = nil
        } else if queue != nil, list == .jobs {
            (queue, list) = (nil, .queues)
        }
    }
}
