// `errand top`: the store as it lives, in a terminal.

import ArgumentParser
import Errand
import Synchronization

struct Top: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Watch jobs, queues, errors and workers in a terminal, down to a job's log.",
        discussion: """
            Tab goes from list to list, the arrows choose, Enter opens the log of a job or of an error's newest job, or the jobs of a queue; \
            Esc goes back, q or Ctrl-C ends. The log follows its job while it is not scrolled up. WAIT and RUN are half and 95 of 100 of all \
            executions since the store was made.

            Exit codes: 0 ended, 2 bad usage, or no terminal, 4 store unavailable.
            """)

    @OptionGroup var store: StoreOptions
    @OptionGroup var config: ConfigurationOptions

    @Option(
        parsing: .unconditional, help: ArgumentHelp("How often to look again; default 1s.", valueName: "duration"),
        transform: DurationArgument.readPositive)
    var interval: Duration?

    @Flag(help: "Print one look at a list, and end; needs no terminal.")
    var once = false

    @Option(
        help: ArgumentHelp("The list to begin with: jobs, queues, errors or workers.", valueName: "list"),
        completion: .list(TopState.List.allCases.map(\.rawValue)), transform: WordArgument.read)
    var list: TopState.List = .jobs

    /// How often an open log is read.
    private static let logInterval: Duration = .milliseconds(200)

    func run() async throws {
        let session = Session.current
        let directory = try store.resolved(in: session)
        let security = try SecurityPlan(try config.load(in: session), in: session)
        try await store.withStore { store in
            let store = security.shown(store)
            if once { return try await printOnce(store, directory, session) }
            let seat = try session.openTerminal()
            defer { seat.leave() }
            try await watch(seat, store, directory, session)
        }
    }

    private func printOnce(_ store: Store, _ directory: String, _ session: Session) async throws {
        let style = TextStyle(on: session.output, in: session)
        var state = TopState()
        state.list = list
        var reader = TopReader(store: store, session: session, style: style)
        let look = try await reader.look(state)
        let screen = TopScreen(style: style, columns: session.output.columns ?? 120, rows: nil, store: directory)
        for line in screen.lines(state, look).dropLast() { try session.output.line(line) }
        try session.output.flush()
    }

    private func watch(_ seat: TerminalSeat, _ store: Store, _ directory: String, _ session: Session) async throws {
        let style = TextStyle(isColored: session.environment["NO_COLOR"].map(\.isEmpty) ?? true)
        let attention = Attention(to: [], on: store.doorbell, clock: session.clock)
        defer { attention.stop() }
        let pressed = Mutex<[Key]>([])
        seat.onKeys { keys in
            pressed.withLock { $0 += keys }
            attention.wake()
        }
        var state = TopState()
        state.list = list
        var reader = TopReader(store: store, session: session, style: style)
        while !state.isDone {
            var look = try await reader.look(state)
            let shown = state
            let interval = min(interval ?? .seconds(1), state.log == nil ? .seconds(3600) : Top.logInterval)
            let nextLook = session.clock.uptime() + interval
            // Keys that need nothing new are answered from what is there.
            while true {
                let (columns, rows) = seat.size()
                let screen = TopScreen(style: style, columns: columns, rows: rows, store: directory)
                for key in pressed.withLock({ keys in
                    defer { keys = [] }
                    return keys
                }) { state.press(key, look, height: screen.height) }
                guard !state.isDone, state.isInView(of: shown) else { break }
                look.now = session.clock.now()
                seat.show(screen.lines(state, look))
                let left = nextLook - session.clock.uptime()
                guard left > .zero else { break }
                await attention.wait(atMost: left)
            }
        }
    }
}
