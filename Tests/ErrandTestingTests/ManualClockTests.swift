// The clock that tests turn by hand is tested too.

import Errand
import ErrandTesting
import Synchronization
import Testing

@Suite struct ManualClockTests {
    private let clock = ManualClock(wall: Timestamp(microseconds: 0), uptime: .seconds(10))

    @Test func `both clocks stand still until they are advanced, and then move alike`() {
        #expect(clock.now() == Timestamp(microseconds: 0))
        #expect(clock.uptime() == .seconds(10))
        clock.advance(by: .seconds(3))
        #expect(clock.now() == Timestamp(microseconds: 3_000_000))
        #expect(clock.uptime() == .seconds(13))
    }

    @Test func `a wall jump moves the wall clock only, and fires nothing`() {
        let fired = Mutex(0)
        _ = clock.schedule(at: .seconds(11)) { fired.withLock { $0 += 1 } }
        clock.jumpWall(by: .seconds(-3600))
        #expect(clock.now() == Timestamp(microseconds: -3_600_000_000))
        #expect(clock.uptime() == .seconds(10))
        #expect(fired.withLock { $0 } == 0)
    }

    @Test func `timers fire once, in order, each at its own moment`() {
        let moments = Mutex<[Duration]>([])
        for due in [14, 12, 13, 20] {
            _ = clock.schedule(at: .seconds(due)) { [clock] in moments.withLock { $0.append(clock.uptime()) } }
        }
        clock.advance(by: .seconds(5))
        #expect(moments.withLock { $0 } == [.seconds(12), .seconds(13), .seconds(14)])
        #expect(clock.uptime() == .seconds(15))
        #expect(clock.nextTimer == .seconds(20))
        clock.advance(by: .seconds(5))
        #expect(moments.withLock { $0.count } == 4)
        #expect(clock.pendingTimers == 0)
    }

    @Test func `a timer that a timer schedules fires in the same advance when it is due`() {
        let moments = Mutex<[Duration]>([])
        _ = clock.schedule(at: .seconds(11)) { [clock] in
            _ = clock.schedule(at: .seconds(12)) { moments.withLock { $0.append(clock.uptime()) } }
        }
        clock.advance(by: .seconds(5))
        #expect(moments.withLock { $0 } == [.seconds(12)])
    }

    @Test func `a cancelled timer does not fire`() {
        let fired = Mutex(0)
        let timer = clock.schedule(at: .seconds(11)) { fired.withLock { $0 += 1 } }
        timer.cancel()
        clock.advance(by: .seconds(5))
        #expect(fired.withLock { $0 } == 0)
    }

    @Test func `a timer in the past fires at the next advance, without turning the clock back`() {
        let moments = Mutex<[Duration]>([])
        _ = clock.schedule(at: .seconds(1)) { [clock] in moments.withLock { $0.append(clock.uptime()) } }
        clock.advance(by: .zero)
        #expect(moments.withLock { $0 } == [.seconds(10)])
    }
}
