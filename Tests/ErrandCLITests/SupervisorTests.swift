// The supervisor's decisions: when it starts a worker again, when it leaves, whom it ends.

import Errand
import ErrandTesting
import Glibc
import Testing

@testable import ErrandCLI

/// A supervisor whose time stands still until somebody turns it.
private final class Watchman {
    var state: SupervisorState
    var now = Duration.zero
    var generator = SeededGenerator(seed: 7)

    init(_ change: (inout SupervisorState.Settings) -> Void = { _ in }) {
        var settings = SupervisorState.Settings()
        change(&settings)
        state = SupervisorState(settings: settings)
    }

    /// Another one that has lived through the same.
    func copy() -> Watchman {
        let copy = Watchman()
        (copy.state, copy.now, copy.generator) = (state, now, generator)
        return copy
    }

    /// What it does about an event, times left out.
    func tell(_ event: SupervisorState.Event, after duration: Duration = .zero) -> [SupervisorState.Action] {
        now += duration
        return state.handle(event, at: now, using: &generator).filter { if case .wake = $0 { false } else { true } }
    }

    /// Starts a worker that gets ready.
    func begin() {
        #expect(tell(.began) == [.start])
        #expect(tell(.ready) == [])
    }

    /// The wait that a restart announces, which is over when this returns; `nil` when nothing is started.
    func restart(after ending: SupervisorState.Ending, lived: Duration = .zero) -> Duration? {
        let actions = tell(.ended(ending), after: lived)
        guard case .say(.restarting(_, let wait, _))? = actions.first else { return nil }
        if wait == .zero {
            #expect(actions.last == .start)
        } else {
            #expect(actions.count == 1)
            #expect(tell(.woke, after: wait - .microseconds(1)) == [])
            #expect(tell(.woke, after: .microseconds(1)) == [.start])
        }
        return wait
    }
}

@Suite struct SupervisorTests {
    private static let crash = SupervisorState.Ending.signaled(SIGILL)

    @Test func `a worker that crashes is started at once, then after random waits that double to 30 seconds`() throws {
        let watchman = Watchman()
        watchman.begin()
        var longest: [Duration] = []
        for round in 0..<40 {
            let wait = try #require(watchman.restart(after: SupervisorTests.crash))
            let limit: Duration = round == 0 ? .zero : min(.seconds(1 << min(round - 1, 10)), .seconds(30))
            #expect(wait <= limit, "round \(round)")
            longest.append(wait)
        }
        #expect(longest.max()! > .seconds(15))
        #expect(Set(longest).count > 35)
    }

    @Test func `a worker that ran for a minute is started at once again, one that ran for less is not`() throws {
        let watchman = Watchman()
        watchman.begin()
        for _ in 0..<10 { _ = try #require(watchman.restart(after: SupervisorTests.crash)) }
        #expect(watchman.restart(after: SupervisorTests.crash, lived: .seconds(60)) == .zero)
        #expect(try #require(watchman.restart(after: SupervisorTests.crash, lived: .seconds(59))) > .zero)
    }

    @Test(arguments: 1...20 as ClosedRange<UInt64>)
    func `a worker that always crashes at once is started 300 times an hour at most, and never given up`(seed: UInt64) throws {
        let watchman = Watchman()
        watchman.generator = SeededGenerator(seed: seed)
        watchman.begin()
        var starts = 0
        while watchman.now < .seconds(3600) {
            _ = try #require(watchman.restart(after: SupervisorTests.crash))
            starts += 1
        }
        #expect(starts < 300, "\(starts)")
        #expect(starts > 150, "\(starts)")
    }

    @Test(arguments: [0, 2, 74] as [Int32])
    func `a worker that ends by itself with such a code is not started again`(code: Int32) {
        let watchman = Watchman()
        watchman.begin()
        #expect(watchman.tell(.ended(.exited(code))) == [.finish(code)])
        #expect(watchman.tell(.woke, after: .seconds(100)) == [])
    }

    @Test(arguments: [.exited(1), .exited(4), .exited(130), .signaled(SIGKILL), .signaled(SIGABRT)] as [SupervisorState.Ending])
    func `any other end is followed by a start`(ending: SupervisorState.Ending) {
        let watchman = Watchman()
        watchman.begin()
        #expect(watchman.restart(after: ending) == .zero)
    }

    @Test func `a worker that was never ready is given up after five starts, with its own code`() {
        let watchman = Watchman()
        #expect(watchman.tell(.began) == [.start])
        for _ in 0..<4 { #expect(watchman.restart(after: .exited(4)) != nil) }
        let last = watchman.tell(.ended(.exited(4)))
        #expect(last == [.say(.givenUp(after: "it ended with exit status 4", tries: 5)), .finish(4)])
        let unable = Watchman()
        #expect(unable.tell(.began) == [.start])
        var actions = unable.tell(.notStarted(reason: "no memory"))
        while actions.last != .finish(1) {
            if actions.last != .start { #expect(unable.tell(.woke, after: .seconds(30)) == [.start]) }
            actions = unable.tell(.notStarted(reason: "no memory"))
        }
        #expect(unable.now > .zero)
    }

    @Test(arguments: [(SIGTERM, SIGTERM), (SIGINT, SIGINT), (SIGHUP, SIGTERM)])
    func `a worker that was told to stop is not started again, however it ends`(heard: Int32, sent: Int32) {
        let watchman = Watchman()
        watchman.begin()
        #expect(watchman.tell(.signalled(heard)) == [.send(sent)])
        #expect(watchman.tell(.woke, after: .seconds(3600)) == [])
        #expect(watchman.tell(.ended(SupervisorTests.crash)) == [.finish(128 + SIGILL)])
    }

    @Test func `a second signal gives it two seconds, a third none`() {
        let watchman = Watchman()
        watchman.begin()
        _ = watchman.tell(.signalled(SIGINT))
        let hasty = watchman.copy()
        #expect(watchman.tell(.signalled(SIGINT)) == [.send(SIGINT)])
        #expect(watchman.tell(.woke, after: .milliseconds(1999)) == [])
        #expect(watchman.tell(.woke, after: .milliseconds(1)) == [.send(SIGKILL)])
        #expect(watchman.tell(.ended(.signaled(SIGKILL))) == [.finish(137)])
        _ = hasty.tell(.signalled(SIGINT))
        #expect(hasty.tell(.signalled(SIGINT)) == [.send(SIGKILL)])
    }

    @Test func `a stop while no worker runs ends the wait, and other signals are only passed on`() {
        let watchman = Watchman()
        watchman.begin()
        #expect(watchman.tell(.signalled(SIGUSR1)) == [.send(SIGUSR1)])
        #expect(watchman.restart(after: SupervisorTests.crash) == .zero)
        _ = watchman.tell(.ended(SupervisorTests.crash))
        #expect(watchman.tell(.signalled(SIGUSR1)) == [])
        #expect(watchman.tell(.signalled(SIGTERM)) == [.finish(132)])
    }

    @Test func `a worker that falls silent is aborted, then killed, then started again; one that never spoke is left alone`() {
        let watchman = Watchman()
        watchman.begin()
        #expect(watchman.tell(.woke, after: .seconds(3600)) == [])
        #expect(watchman.tell(.pinged) == [])
        #expect(watchman.tell(.woke, after: .seconds(29)) == [])
        #expect(watchman.tell(.pinged) == [])
        #expect(watchman.tell(.woke, after: .seconds(29)) == [])
        #expect(watchman.tell(.woke, after: .seconds(1)) == [.say(.hung(.seconds(30))), .send(SIGABRT)])
        #expect(watchman.tell(.woke, after: .seconds(9)) == [])
        #expect(watchman.tell(.woke, after: .seconds(1)) == [.send(SIGKILL)])
        #expect(watchman.tell(.woke, after: .seconds(100)) == [])
        #expect(watchman.restart(after: .signaled(SIGKILL)) == .zero)
        #expect(watchman.tell(.woke, after: .seconds(100)) == [], "the new one has not spoken yet")
    }

    @Test func `inside another program there is nothing to supervise`() async {
        let ended = await World().run("work", "--supervise")
        #expect(ended.code == 2)
    }
}
