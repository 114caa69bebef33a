// When a busy worker makes room for a suspect. Pure.

/// A suspect runs alone, so a worker that is never idle would never run it. It waits for a natural pause first, for a minute; then the
/// worker starts nothing else, but for half a minute only: a job that runs for hours must not keep all other slots empty.
struct Clearance: Sendable {
    /// How long a suspect waits for a natural pause: 60 seconds.
    static let patience = Duration.seconds(60)
    /// How long the worker holds back all others: 30 seconds.
    static let limit = Duration.seconds(30)

    private enum State {
        case nothing
        case waiting(until: Duration)
        case clearing(until: Duration)
    }

    private var state = State.nothing

    /// Hears from a claim whether a suspect could have been given to an idle worker.
    mutating func heard(suspectsWait: Bool, at uptime: Duration) {
        guard suspectsWait else { return state = .nothing }
        switch state {
        case .nothing: state = .waiting(until: uptime + Clearance.patience)
        case .waiting(let end): if uptime >= end { state = .clearing(until: uptime + Clearance.limit) }
        // A claim that was made after the time was up: the suspect goes on waiting.
        case .clearing: state = .waiting(until: uptime + Clearance.patience)
        }
    }

    /// Whether a worker that runs something starts nothing else now.
    func holdsBack(at uptime: Duration) -> Bool {
        if case .clearing(let end) = state { uptime < end } else { false }
    }

    /// When it will start others again.
    var holdsBackUntil: Duration? {
        if case .clearing(let end) = state { end } else { nil }
    }
}
