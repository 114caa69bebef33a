// What is going to happen in a simulation, by the boot clock. The next thing is always a matter of the seed alone.

/// Events in the order of their times; events of one moment in the order in which they were entered.
struct Agenda<Event> {
    private var entries: [(time: Duration, number: Int, event: Event)] = []
    private var entered = 0

    var isEmpty: Bool { entries.isEmpty }

    mutating func enter(_ event: Event, at time: Duration) {
        entered += 1
        // Latest first, so that the next is taken from the end; a few dozen entries at most.
        let place = entries.firstIndex { $0.time <= time } ?? entries.count
        entries.insert((time, entered, event), at: place)
    }

    mutating func next() -> (time: Duration, event: Event)? {
        entries.popLast().map { ($0.time, $0.event) }
    }
}
